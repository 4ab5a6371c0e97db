"""Rules on single objects, and on those of one kind side by side.

Law: pure, and no secret is shown; what a property means, the catalogue says, and what ports mean, the tables below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from unicodedata import normalize

from msgspec import UNSET

from reconciler.kinds import SECRET_HEADERS, Connects, Kind, Property, is_shipped
from reconciler.mail.lint.rules import Finding
from reconciler.mail.lint.world import Wire, World
from reconciler.values import MASK, Address, Resource, Sensitive, print_duration, shown

#: Ports of services that would never answer as a filter (IANA, and what such software listens on; 11332 is free).
SERVICES = {
    22: "SSH",
    24: "LMTP",
    25: "SMTP",
    53: "DNS",
    80: "HTTP",
    110: "POP3",
    143: "IMAP",
    389: "LDAP",
    443: "HTTPS",
    465: "SMTP over TLS",
    587: "mail submission",
    636: "LDAP over TLS",
    783: "spamd",
    1025: "SMTP",
    993: "IMAP over TLS",
    995: "POP3 over TLS",
    1344: "ICAP",
    2525: "SMTP",
    3306: "MySQL",
    3310: "clamd",
    4190: "ManageSieve",
    5432: "PostgreSQL",
    6379: "Redis",
    8080: "HTTP",
    8443: "HTTPS",
    6277: "DCC",
    10023: "Postgrey",
    10024: "amavisd, which speaks SMTP here",
    10025: "SMTP behind a content filter",
    10026: "SMTP before a content filter",
    10031: "a policy service",
    11211: "memcached",
    11333: "Rspamd's worker, which speaks HTTP",
    11334: "Rspamd's web interface",
    11335: "Rspamd's fuzzy storage",
}
#: Ports where TLS comes first: 465, and 2465 and the like, which providers offer beside it; and ports where it usually
#: does not (RFC 8314, RFC 6409, RFC 2033).
IMPLICIT_PORTS = frozenset(range(465, 10000, 1000))
PLAIN_PORTS = frozenset((24, 25, 587, 2525, 2587, 8025))
#: The registered one of the former.
IMPLICIT_PORT = 465
#: What sockets of other software begin with, where this server wants a host name.
SOCKETS = frozenset(("inet", "inet6", "local", "unix", "tcp", "smtp", "smtps", "lmtp", "http", "https"))
#: A part of a host name, and the length that a whole one stays under.
_LABEL = r"(?!-)[\w-]{1,63}(?<!-)"
LONGEST_NAME = 255
#: Names of which nothing is to be found, as most are: below a top-level domain of letters, and none of this machine.
_PLAIN_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!local)[a-z]{2,63}")
IPV6 = 6
#: Names of this machine itself beside localhost.
OWN_NAMES = frozenset(("localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback"))


def object_findings(world: World) -> Iterator[Finding]:
    """Find what is odd about the declared objects."""
    for name, resources in world.declared.items():
        kind = world.catalogue.kinds[name]
        yield from _names(world, name, resources)
        secretive, settings, headers = _secretive(kind), _settings_of(world, kind), _headers(kind)
        connects = kind.connects
        connect = None if connects is None else _hop if connects.role == "hop" else _filter
        for resource in resources:
            address, wire = resource.address, resource.wire
            for field in secretive:
                # Most hold nothing but texts, which are no secrets unless they are headers.
                value = wire.get(field)
                if value is not None and (field in headers or not _plain(value)):
                    yield from _secrets(address, {field: value}, headers)
            if connects is not None and connect is not None:
                yield from connect(address, wire, connects)
            if resource.bare:
                yield from _bare(resource)
            for field, prop in settings.items():
                value = wire.get(field, UNSET)
                if value is not UNSET and (value or not prop.unverified):
                    yield from _setting(world, kind, resource, field, prop)
            if kind.limits and all(wire.get(field) is None for field in kind.limits):
                message = f"without {' and '.join(kind.limits)} this limits nothing"
                yield _finding("idle-setting", address, kind.limits[0], message, f"set {' or '.join(kind.limits)}")


def _finding(rule: str, address: Address, pointer: str, message: str, hint: str = "") -> Finding:
    return Finding(rule=rule, address=address, pointer=pointer, message=message, hint=hint)


# -- names


def _names(world: World, name: str, resources: list[Resource]) -> Iterator[Finding]:
    """Find names that are easily taken for each other; the server keeps them apart."""
    fields = world.catalogue.kinds[name].unique
    if not fields:
        return
    known, pointer = world.objects(name), fields[0]
    alike: dict[str, list[str]] = {}
    folded = [*map(_folded, known)]
    if len(set(folded)) < len(folded):
        for other, form in zip(known, folded, strict=True):
            alike.setdefault(form, []).append(other)
    for resource in resources:
        own = resource.address.name
        if own != own.strip():
            message = f"{shown(own)} begins or ends with a blank, which every expression that names it has to repeat"
            yield _finding("blank-in-name", resource.address, pointer, message, f"call it {shown(own.strip())}")
        others = [other for other in alike[_folded(own)] if other != own] if alike else ()
        if others:
            same = normalize("NFC", own) == normalize("NFC", others[0])
            how = "in the Unicode form of its letters" if same else "in case or blanks"
            message = f"{shown(own)} differs from {shown(others[0])} only {how}, and the server tells them apart"
            yield _finding("similar-names", resource.address, pointer, message, "give one of them another name")


def _folded(name: str) -> str:
    return (name if name.isascii() else normalize("NFC", name)).strip().casefold()


# -- secrets


def _secretive(kind: Kind) -> tuple[str, ...]:
    """Return the properties in which a secret may stand: such by themselves, objects and maps."""
    shapes = {name: prop for variant in kind.variants or ("",) for name, prop in kind.shape(variant).items()}
    return tuple(
        name
        for name, prop in shapes.items()
        if prop.sensitive or (prop.type in ("object", "list", "map") and prop.language is None)
    )


def _headers(kind: Kind) -> frozenset[str]:
    """Return the properties that hold headers, which the server shows in plain text."""
    shapes = [kind.shape(variant) for variant in kind.variants or ("",)]
    return frozenset(name for shape in shapes for name, prop in shape.items() if prop.holds == "headers")


def _plain(value: Any) -> bool:
    """Whether a value is an object of nothing but texts."""
    return type(value) is dict and all(type(member) is str for member in value.values())


def _secrets(address: Address, wire: Wire, headers: frozenset[str], path: str = "") -> Iterator[Finding]:
    for name, value in wire.items():
        pointer = f"{path}{name}"
        if isinstance(value, Sensitive):
            if value.plain == MASK:
                message = "this is what the server shows in place of a secret, and it would become the secret"
                yield _finding("masked-secret", address, pointer, message, "write ${env:NAME} or ${file:PATH}")
            elif value.plain:
                message = "the secret stands in the manifest as plain text, for all who can read that"
                yield _finding("plain-text-secret", address, pointer, message, "write ${env:NAME} or ${file:PATH}")
        elif isinstance(value, dict):
            if pointer in headers:
                for header in value:
                    if header.lower() in SECRET_HEADERS:
                        message = f"the server stores and shows the header {header} as plain text"
                        hint = "put credentials into httpAuth"
                        yield _finding("plain-text-secret", address, f"{pointer}/{header}", message, hint)
            yield from _secrets(address, value, headers, f"{pointer}/")


# -- next hops and filters


def _hop(address: Address, wire: Wire, hop: Connects) -> Iterator[Finding]:
    host, port = wire.get(hop.host), wire.get(hop.port)
    if not isinstance(host, str):
        return
    plain = _PLAIN_HOST.fullmatch(host) is not None and len(host) < LONGEST_NAME
    if not plain and _is_loopback(_split(host)[0]):
        message = f"{shown(host)} is a loopback address: all mail for this relay bounces at once, without a retry"
        yield _finding("loopback-next-hop", address, hop.host, message, "let it listen on an address of the network")
    if not plain:
        yield from _host(address, hop.host, host, hop.port, "every attempt fails, and mail bounces")
    if port in IMPLICIT_PORTS and not wire.get(hop.implicit):
        expects = "expects" if port == IMPLICIT_PORT else "usually expects"
        message = f"port {port} {expects} TLS at once: without {hop.implicit} both sides wait until greetingTimeout"
        yield _finding("implicit-tls-port", address, hop.port, message, f"set {hop.implicit}: true, or use port 587")
    if port in PLAIN_PORTS and wire.get(hop.implicit):
        message = f"port {port} usually speaks plain text first: with {hop.implicit} every attempt then fails with tls"
        yield _finding("plain-port", address, hop.implicit, message, "use port 465, or leave TLS to STARTTLS")
    named, kept = bool(wire.get(hop.user)), (wire.get(hop.secret) or {}).get("@type", "None") != "None"
    if named and not kept:
        message = f"{hop.user} without {hop.secret} is silently unused: mail is sent without AUTH"
        yield _finding("half-credentials", address, hop.user, message, f"add {hop.secret}")
    if kept and not named:
        message = f"{hop.secret} without {hop.user} is silently unused: mail is sent without AUTH"
        yield _finding("half-credentials", address, hop.secret, message, f"add {hop.user}")


def _host(address: Address, field: str, host: str, port_field: str, then: str) -> Iterator[Finding]:
    """Find what is no host name or address, though other software takes it."""
    bare, port = _split(host)
    scheme, _, rest = host.partition("://") if "://" in host else host.partition(":")
    if "://" in host or (scheme.strip().lower() in SOCKETS and rest):
        name, inner = _split(rest.strip("/[]").partition("/")[0].rpartition("@")[2])
        if "://" not in host and ":" not in rest and "@" in host:
            # inet:port@host
            inner = rest.partition("@")[0]
        more = f" and {port_field}: {inner}" if inner.isdigit() else ""
        message = f"{shown(host)} is written as a URL or a socket, and is taken for a name: {then}"
        hint = f"write {field}: {name}{more}" if name and "/" not in rest[:1] else "write a host name or an IP address"
        yield _finding("no-host", address, field, message, hint)
    elif port:
        message = f"{shown(host)} holds a port, which is taken for a part of the name: {then}"
        yield _finding("port-in-address", address, field, message, f"write {field}: {bare} and {port_field}: {port}")
    elif host != host.strip("[]"):
        message = f"{shown(host)} stands in brackets, and is taken for a name: {then}"
        yield _finding("no-host", address, field, message, f"write {field}: {shown(host.strip('[]'))}")
    elif not _is_host(host):
        message = f"{shown(host)} is no host name: {then}"
        yield _finding("no-host", address, field, message, "write one host name, or one IP address")


def _is_host(host: str) -> bool:
    """Whether a text is an IP address that can be connected to, or has the form of a host name (RFC 1123)."""
    try:
        return not ip_address(host).is_unspecified
    except ValueError:
        labels = host.removesuffix(".").split(".")
    # The characters of other alphabets are told from signs by the resolver; an underscore is seen in practice.
    fine = all(re.fullmatch(_LABEL, label) for label in labels)
    return fine and not labels[-1].isdigit() and len(host) < LONGEST_NAME


def _split(host: str) -> tuple[str, str]:
    """Tell a host from a port that stands behind it; an IPv6 address has none unless it stands in brackets."""
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (":" not in name or name.endswith("]")):
        return name, port
    return host, ""


def _is_bracketed(host: str) -> bool:
    """Whether a host is an IPv6 address in brackets, which the system's resolver takes, and a next hop's does not."""
    try:
        return host[:1] == "[" and host[-1:] == "]" and ip_address(host[1:-1]).version == IPV6
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    name = host.strip("[]").rstrip(".").lower()
    if name in OWN_NAMES or name.endswith(".localhost"):
        return True
    if not name.startswith("127.") and ":" not in name:
        return False
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool(address.is_loopback or (mapped is not None and mapped.is_loopback))


def _filter(address: Address, wire: Wire, where: Connects) -> Iterator[Finding]:
    host, service = wire.get(where.host), SERVICES.get(wire.get(where.port, 0))
    if service:
        message = f"port {wire[where.port]} is that of {service}: nothing there speaks the {where.speaks} protocol"
        hint = "mail would be put off, or pass unfiltered where tempFailOnError is false"
        yield _finding("well-known-port", address, where.port, message, hint)
    if isinstance(host, str) and not _is_bracketed(host):
        then = "every later reload is refused, and after a restart mail passes unfiltered"
        yield from _host(address, where.host, host, where.port, then)


# -- settings


def _bare(resource: Resource) -> Iterator[Finding]:
    """Find numbers that were most likely meant as seconds."""
    for pointer in resource.bare:
        value: Any = resource.wire
        for step in pointer.split("/"):
            value = value[step]
        if 0 < value < 1000:
            message = f"{value} is {value} ms: write {value}s"
            yield _finding("bare-duration", resource.address, pointer, message, f"or {value}ms, if that is meant")


def _settings_of(world: World, kind: Kind) -> dict[str, Property]:
    """Return the properties that a setting without effect, or one that weakens something, can stand in."""
    shapes = [kind.shape(variant) for variant in kind.variants or ("",)]
    every = {name: prop for shape in shapes for name, prop in shape.items()}
    return {name: prop for name, prop in every.items() if _telling(prop) or _may_wait(world, prop)}


def _telling(prop: Property) -> bool:
    needed = prop.language is not None and prop.language.needed
    return bool(prop.unverified or prop.idle or prop.holds == "url" or needed)


def _may_wait(world: World, prop: Property, above: tuple[str, ...] = ()) -> bool:
    """Whether a wait of whole seconds can stand in a property, or below it."""
    if not prop.of or prop.language or prop.of in above:
        return False
    inner = world.catalogue.types[prop.of].legible(None).values()
    return any(below.whole_seconds or _may_wait(world, below, (*above, prop.of)) for below in inner)


def _setting(world: World, kind: Kind, resource: Resource, field: str, prop: Property) -> Iterator[Finding]:
    address, value = resource.address, resource.wire[field]
    if prop.unverified and value:
        yield from _unverified(kind, resource, field, prop)
    elif prop.idle and value != prop.default:
        yield _finding("idle-setting", address, field, f"{field} has no effect: {prop.idle}", "take it out")
    elif prop.holds == "url" and isinstance(value, str):
        yield from _url(address, field, value)
    elif prop.language is not None and value == prop.default:
        message = "without a match nothing is counted, so that this limits nothing"
        yield _finding("idle-setting", address, field, message, 'write match: "true" for all mail')
    elif prop.language is None and prop.of:
        yield from _waits(world, address, field, prop, value)


def _unverified(kind: Kind, resource: Resource, field: str, prop: Property) -> Iterator[Finding]:
    if is_shipped(kind, resource.key):
        # A new server has it so: after a TLS error it would rather deliver than verify.
        return
    if prop.needs and not resource.wire.get(prop.needs):
        message = f"{field} has no effect without {prop.needs}"
        yield _finding("idle-setting", resource.address, field, message, "take it out")
    else:
        message = "the certificate is not verified, so that anyone in between can read and alter what is sent"
        hint = "give the host a certificate that can be checked"
        yield _finding("invalid-certs", resource.address, field, message, hint)


def _url(address: Address, field: str, value: str) -> Iterator[Finding]:
    scheme, _, rest = value.partition("://")
    if scheme.lower() not in ("http", "https") or not rest:
        message = "this is no http or https URL: it is stored, and every call of it fails"
        yield _finding("hook-url", address, field, message, "write https:// and the address of the service")
    elif ":" in rest.partition("/")[0].rpartition("@")[0]:
        message = "the URL holds a password, which the server stores and shows as plain text"
        yield _finding("plain-text-secret", address, field, message, "put credentials into httpAuth")


def _waits(world: World, address: Address, path: str, prop: Property, value: Any) -> Iterator[Finding]:
    """Find waits that the server cuts to whole seconds, so that one under a second is none."""
    record = world.catalogue.types[prop.of]
    parts = value.items() if prop.type == "list" and isinstance(value, Mapping) else [("", value)]
    for key, part in parts:
        if not isinstance(part, Mapping):
            continue
        for name, held in part.items():
            inner = record.legible(part.get("@type")).get(name)
            at = "/".join(step for step in (path, key, name) if step)
            if inner is not None and inner.whole_seconds and isinstance(held, int) and held < 1000:
                message = f"{print_duration(held)} is cut to whole seconds, so that there is no wait at all: a loop"
                yield _finding("short-retry", address, at, message, "write at least 1s")
            elif inner is not None and inner.of and not inner.language:
                yield from _waits(world, address, at, inner, held)
