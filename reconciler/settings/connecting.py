"""From settings to the server that a run talks to, and the credentials for it.

Law: credentials of the environment go to the server that it names, and to no other host in clear; a secret is read only
when a server is talked to.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from reconciler.server import MAX_SECRET, ConnectionKeys, ConnectionOptions, is_local
from reconciler.settings.choose import Settings
from reconciler.settings.config import reference, unescaped
from reconciler.settings.options import Options
from reconciler.settings.targets import TargetConfig
from reconciler.values import ConfigError, NotAllowed, UsageError, parse_duration, read_file


class Server(Struct, frozen=True):
    """Where a server is and who we are there. Prints without the secrets."""

    url: str
    #: Addresses of all nodes, where it is a cluster.
    nodes: tuple[str, ...] = ()
    token: str = ""
    user: str = ""
    password: str = ""
    connection: ConnectionOptions = ConnectionOptions()

    def __repr__(self) -> str:
        return f"Server({self.url!r})"


def connect(settings: Settings, environment: Mapping[str, str]) -> Server:
    """Return where the server is and the credentials for it.

    Raises:
        UsageError: no server is named.
        NotAllowed: there are no credentials.
    """
    if settings.server is None:
        raise UsageError("no server is named", "give --url, or set STALWART_URL, or name a target in reconciler.yaml")
    target, options = settings.server, settings.options
    nodes = tuple(target.nodes)
    for url in nodes or (target.url,):
        check_encrypted(url, allowed=options.allow_plain_http or target.plain_http)
        _check_origin(target, url, options, environment)
    token = "" if options.user else resolved(target.token, environment)
    user = options.user or resolved(target.user, environment)
    password = resolved(target.password, environment)
    if not token and not user:
        token, user = environment.get("STALWART_TOKEN", ""), environment.get("STALWART_USER", "")
    password = password or environment.get("STALWART_PASSWORD", "")
    if not token and not (user and password):
        raise NotAllowed("there are no credentials", "set STALWART_TOKEN, or STALWART_USER and STALWART_PASSWORD")
    for text in (token, user, password):
        if "\n" in text or "\r" in text:
            raise ConfigError("the credentials hold a line break", "take it out")
    return Server(
        url=target.url,
        nodes=nodes,
        token=token,
        user=user,
        password=password,
        connection=_connection(target, options),
    )


def _connection(target: TargetConfig, options: Options) -> ConnectionOptions:
    """Return how the server is reached: what an option says stands in place of what the target does."""
    given = {name: getattr(target, name) for name in ConnectionKeys.__struct_fields__}
    for name, value in options.connection.items():
        if value:
            timed = isinstance(getattr(ConnectionOptions(), name), float)
            given[name] = _seconds(f"--{name.replace('_', '-')}", str(value)) if timed else value
    return ConnectionOptions(**given)


def check_encrypted(url: str, *, allowed: bool) -> None:
    """Check that credentials go to no other host in clear.

    Raises:
        UsageError: they would.
    """
    scheme, host, _ = _origin(url)
    if scheme == "http" and not allowed and host and not is_local(host):
        hint = "give the https URL; --allow-plain-http, or the target's plainHttp: true, sends them all the same"
        raise UsageError(f"{scheme}://{host} is another host, and credentials would go there in clear", hint)


def _check_origin(target: TargetConfig, url: str, options: Options, environment: Mapping[str, str]) -> None:
    """Check that credentials of the environment go to the server that it names, whose node may be another address.

    Raises:
        UsageError: they would go to another one.
    """
    bound = environment.get("STALWART_URL", "")
    secret = target.token if target.token and not options.user else target.password
    # An option names a server on purpose, and a pull request has no say in it.
    if options.url or not bound:
        return
    if (not secret or reference(secret)[0] == "env") and _origin(bound) != _origin(url):
        scheme, host, port = _origin(url)
        raise UsageError(
            f"the credentials of the environment are for STALWART_URL, and {scheme}://{host}:{port} is another server",
            "unset STALWART_URL, or give the target credentials of its own as ${file:PATH}",
        )


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL; what is none is told where it is used, and has no origin."""
    try:
        parts = urlsplit(url)
        scheme, port = parts.scheme.lower(), parts.port
    except ValueError:
        return url, "", 0
    return scheme, (parts.hostname or "").rstrip("."), port or (80 if scheme == "http" else 443)


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text) if text.isdigit() else parse_duration(text) / 1000
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
    if seconds <= 0:
        raise UsageError(f"{name}: {text} leaves no time for anything", "write 30s or 5m")
    return seconds


def resolved(text: str, environment: Mapping[str, str]) -> str:
    """Resolve a credential's reference. The configuration is trusted, so that any variable or file may be named.

    Raises:
        NotAllowed: it leads to nothing.
    """
    source, name = reference(text)
    if source == "env":
        value = environment.get(name, "")
        if not value:
            raise NotAllowed(f"{text} is not set", f"set {name}")
        return value
    if source == "file":
        try:
            return read_file(name, NotAllowed, most=MAX_SECRET, name=text).decode().strip()
        except UnicodeDecodeError:
            raise NotAllowed(f"{text} cannot be read: it is not UTF-8") from None
    return unescaped(text)
