"""Which proxy a request goes through, as the environment says.

Law: this machine itself is never asked for by way of a proxy; a proxy's credentials are in no message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct

from reconciler.values import UsageError

#: What this program can go through without anything installed beside it.
SCHEMES = ("http", "https")


class Proxy(Struct, frozen=True):
    """A proxy, and the variable that names it. Prints without credentials."""

    url: str
    variable: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"the proxy {parts.scheme}://{parts.hostname}{port} of {self.variable}"

    def __repr__(self) -> str:
        return f"Proxy({self!s})"


def proxy_for(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server, or None.

    Names are looked up in small letters first, as curl does. NO_PROXY holds names (and all below them), addresses,
    networks and `*`, each with a port or without.

    Raises:
        UsageError: the variable holds no URL of a proxy that can be used.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if is_local(host) or _excepted(host, parts.port or {"http": 80}.get(parts.scheme, 443), environment):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            value = environment.get(variable, "").strip()
            # In a CGI program HTTP_PROXY is a header that a stranger sent.
            if value and not (variable == "HTTP_PROXY" and "REQUEST_METHOD" in environment):
                return _checked(Proxy(value if "://" in value else f"http://{value}", variable))
    return None


def is_local(host: str) -> bool:
    """Whether a host is this machine, by its name or its address."""
    name = host.lower().strip("[]").rstrip(".")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _checked(proxy: Proxy) -> Proxy:
    try:
        parts = urlsplit(proxy.url)
        usable = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        hint = "write http://proxy.example.org:3128, or unset it"
        raise UsageError(f"{proxy.variable} holds no URL of a proxy", hint)
    if parts.scheme not in SCHEMES and find_spec("socksio") is None:
        raise UsageError(
            f"{proxy.variable} names a {parts.scheme} proxy, and the package socksio is not installed",
            "install it, name an http proxy, or except the server by NO_PROXY",
        )
    return proxy


def _excepted(host: str, port: int, environment: Mapping[str, str]) -> bool:
    listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return any(_matches(name, host.lower(), port) for name in _names(listed))


def _names(listed: str) -> Iterator[str]:
    yield from (name for part in listed.split(",") for name in part.split())


def _matches(name: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is about a host."""
    if name == "*":
        return True
    try:
        return ip_address(host) in ip_network(name.strip("[]"), strict=False)
    except ValueError:
        pass
    bare, colon, wanted = name.rpartition(":")
    if colon and wanted.isdecimal() and (":" not in bare or bare.endswith("]")):
        return int(wanted) == port and _matches(bare, host, port)
    suffix = name.lower().removeprefix("*").strip(".")
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))
