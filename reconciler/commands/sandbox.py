"""`sandbox`: runs the embedded JMAP server until it is told to end.

Law: it listens on loopback unless told otherwise, and prints its URL once it answers; on standard error stands what a
shell needs to use it.
"""

from __future__ import annotations

import gzip
import ipaddress
import signal
import sqlite3
import threading
import zlib
from contextlib import ExitStack
from io import BytesIO
from shlex import quote
from typing import Any

from msgspec import Struct

from reconciler.commands.invocation import Invocation
from reconciler.values import MAX_FILE, ConfigError, Diagnostic, ManifestError, ReconcilerError, UsageError, read_file

#: How a compressed file begins, such as a server's answer that was stored as it came.
_GZIP = b"\x1f\x8b"


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    host: str
    port: int
    database: str
    schema: str
    fault: tuple[str, ...]
    queue: str
    #: How many nodes, and how they hear of each other.
    nodes: int
    coordinator: str


def exports(url: str, user: str, password: str) -> list[str]:
    """Return the lines that tell a shell of a sandbox. A password of the user's own is not shown, so give none then."""
    lines = [f"export STALWART_URL={url}", f"export STALWART_USER={quote(user)}"]
    return [*lines, f"export STALWART_PASSWORD={quote(password)}" if password else "# STALWART_PASSWORD as it is here"]


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Serve until SIGINT or SIGTERM."""
    from reconciler.sandbox import QueueFillError, parse_fault, read_messages, serve_nodes

    host, port, database = arguments.host, arguments.port, arguments.database or None
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(f"--host {host} is no loopback address", "the sandbox is for this machine only")
    try:
        faults = tuple(parse_fault(text) for text in arguments.fault)
    except ValueError as error:
        raise UsageError(f"--fault: {error}") from None
    try:
        queue = read_messages(read_file(arguments.queue, UsageError, pipe=True)) if arguments.queue else []
    except QueueFillError as error:
        raise ManifestError([Diagnostic(file=arguments.queue, code="queue", message=str(error))], "the queue") from None
    user = invocation.environment.get("STALWART_USER") or "admin"
    password = invocation.environment.get("STALWART_PASSWORD") or "secret"
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    schema = _schema(arguments.schema)
    with ExitStack() as stack:
        try:
            options: dict[str, Any] = {"host": host, "port": port, "database": database, "schema": schema}
            options |= {"user": user, "password": password, "faults": faults, "queue": queue}
            coordinator = "Redis" if arguments.coordinator == "redis" else "Disabled"
            nodes = stack.enter_context(serve_nodes(arguments.nodes, coordinator=coordinator, **options))
        except OSError as error:
            hint = "another --port may be free; 0 takes one that is"
            raise ReconcilerError(f"cannot listen on {host}, port {port}: {error.strerror}", hint) from None
        except sqlite3.Error as error:
            hint = "name a file of an earlier sandbox, or one that does not exist yet"
            raise ReconcilerError(f"--database {database} cannot be used: {error}", hint) from None
        except ValueError as error:
            raise ConfigError(f"--schema {arguments.schema}: {error}") from None
        for node in nodes:
            invocation.say(f"{node.url}\n")
        own = "" if invocation.environment.get("STALWART_PASSWORD") else password
        for line in exports(nodes[0].url, user, own):
            invocation.tell(line)
        done.wait()
    return 0


def _schema(path: str) -> bytes | None:
    """Return the content of the file that says what the server publishes, or None where none is given."""
    if not path:
        return None
    hint = "name a file that `schema pull` wrote, or a server's answer of /api/schema"
    content = read_file(path, ConfigError, name=f"--schema {path}", hint=hint, pipe=True)
    if not content.startswith(_GZIP):
        return content
    try:
        content = gzip.GzipFile(fileobj=BytesIO(content)).read(MAX_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"--schema {path} cannot be read: {error}", hint) from None
    if len(content) > MAX_FILE:
        raise ConfigError(f"--schema {path} holds more than {MAX_FILE >> 20} MB", hint)
    return content
