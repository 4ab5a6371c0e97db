"""`sandbox`: runs the embedded JMAP server until it is told to end.

Law: it listens on loopback unless told otherwise, and prints its URL once it answers.
"""

from __future__ import annotations

import ipaddress
import signal
import sqlite3
import threading
from contextlib import ExitStack

from reconciler.commands.invocation import Invocation
from reconciler.values import ReconcilerError, UsageError


def run(invocation: Invocation) -> int:
    """Serve until SIGINT or SIGTERM."""
    from reconciler.sandbox import parse_fault, serve

    host = str(invocation.extra["host"])
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(f"--host {host} is no loopback address", "the sandbox is for this machine only")
    try:
        faults = tuple(parse_fault(text) for text in invocation.extra["fault"])
    except ValueError as error:
        raise UsageError(f"--fault: {error}") from None
    user = invocation.environment.get("STALWART_USER") or "admin"
    password = invocation.environment.get("STALWART_PASSWORD") or "secret"
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    database = str(invocation.extra["database"]) or None
    port = int(invocation.extra["port"])
    with ExitStack() as stack:
        try:
            start = serve(database=database, host=host, port=port, user=user, password=password, faults=faults)
            sandbox = stack.enter_context(start)
        except OSError as error:
            hint = "another --port may be free; 0 takes one that is"
            raise ReconcilerError(f"cannot listen on {host}, port {port}: {error.strerror}", hint) from None
        except sqlite3.Error as error:
            hint = "name a file of an earlier sandbox, or one that does not exist yet"
            raise ReconcilerError(f"--database {database} cannot be used: {error}", hint) from None
        invocation.say(f"{sandbox.url}\n")
        done.wait()
    return 0
