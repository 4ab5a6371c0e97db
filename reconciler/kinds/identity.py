"""What an object is called: from its properties to its match key and its address.

Law: the catalogue says which properties tell one object from another; nothing else decides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import normalize

from msgspec import UNSET
from msgspec.json import encode

from reconciler.kinds.catalogue import Kind
from reconciler.kinds.concealing import concealed_text
from reconciler.values import Address

Key = tuple[Any, ...]
BEGIN = "-----BEGIN CERTIFICATE-----"


def key_of(kind: Kind, wire: Mapping[str, Any]) -> Key:
    """Return the values of a kind's match properties, texts in Unicode form C; () for a singleton."""
    parts = [_part(wire.get(name)) for name in kind.match]
    if kind.derived:
        # Of what the server works out, the first member tells.
        first = [part[:1] if isinstance(part, tuple) else part for part in parts]
        parts = [
            short if name in kind.derived else part for name, part, short in zip(kind.match, parts, first, strict=True)
        ]
    return tuple(parts)


def with_derived(kind: Kind, wire: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object as a document declares it with the properties by which the server would know it.

    Args:
        kind: what it is; one of whose match properties the server works out.
        wire: what the document declares.
        name: the name that the document gives its object, or "".

    Returns:
        The object, whose key is the name, or what its certificate says; without either it is as it was.
    """
    members = [name] if name else _names_in(wire)
    return {**wire, **dict.fromkeys(kind.derived, dict.fromkeys(members, True))} if members else dict(wire)


def _names_in(value: Any) -> list[str]:
    """Return the names in the first certificate of an object, sorted; none where there is none, or it is not read."""
    if isinstance(value, Mapping):
        return next((listed for member in value.values() if (listed := _names_in(member))), [])
    if not isinstance(value, str) or BEGIN not in value:
        return []
    try:
        from cryptography import x509
    except ImportError:
        return []
    try:
        certificate = x509.load_pem_x509_certificate(value[value.index(BEGIN) :].encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return []
    return sorted(names.get_values_for_type(x509.DNSName))


def _part(value: Any) -> Any:
    """Return what a property adds to a key: a set by its sorted members, an expression by its text."""
    if type(value) is str and value.isascii():
        return value
    if isinstance(value, Mapping):
        if all(member is True for member in value.values()):
            return tuple(sorted(map(str, value)))
        return value["else"] if value.get("match") == {} else encode(value).decode()
    return _composed(value)


def _composed(value: Any) -> Any:
    return normalize("NFC", value) if isinstance(value, str) and not value.isascii() else value


def name_of(key: Key, joiner: str = ":") -> str:
    """Print a match key: `relay-eu`, `127.0.0.1:11332`, `[::1]:11332`, `example.org/2026a`, `alice@example.org`.

    An unset property prints as `-`; between slashes it is left out, and a slash in a part that leads is `%2F`. A
    reference prints as the name of its object, a set as the first of its members.
    """
    if len(key) == 1 and type(key[0]) is str:
        return concealed_text(key[0])
    parts = [_printed(value) for value in key if value is not None or joiner == ":"]
    if not parts:
        return "-"
    first, *rest = parts
    if joiner == "/":
        return joiner.join([*(part.replace("%", "%25").replace("/", "%2F") for part in parts[:-1]), parts[-1]])
    head = f"[{first}]" if joiner == ":" and rest and ":" in first and not first.startswith("[") else first
    return joiner.join([head, *rest])


def _printed(value: Any) -> str:
    if isinstance(value, Address):
        return value.name or f"id:{value.id}"
    if isinstance(value, tuple):
        return str(value[0]) if value else "-"
    return "-" if value is None else concealed_text(str(value))


def address_of(kind: Kind, key: Key, name: str = "") -> Address:
    """Return the address of an object by its match key, or by the name that its document gives it."""
    return Address(kind.kind, "" if kind.singleton else name or name_of(key, kind.joiner))


def shipped(kind: Kind) -> Iterator[dict[str, Any]]:
    """Yield the objects of a kind that a new server ships, every property filled in."""
    for wire in kind.ships:
        shape = kind.shape(str(wire.get("@type", "")))
        yield {**{name: prop.default for name, prop in shape.items() if prop.default is not UNSET}, **wire}


def is_shipped(kind: Kind, key: Key) -> bool:
    """Whether a new server ships an object with this match key."""
    return any(key_of(kind, wire) == key for wire in shipped(kind))
