"""`schema pull`: stores what a server publishes of its kinds, for runs and editors without that server.

Law: its client cannot write; what is stored is the server's own words, reduced.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from reconciler.commands.files import write_whole
from reconciler.commands.gather import Wanted, open_client
from reconciler.commands.invocation import Invocation
from reconciler.commands.publishing import pull
from reconciler.desired import Desired
from reconciler.kinds import load
from reconciler.report import plural
from reconciler.settings import FOLDER, read_config, settings


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    #: The file to write, or "".
    out: str = ""


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Ask the server for its schema, and store it."""
    catalogue = load()
    config = read_config(invocation.options, unknown="fine")
    chosen = settings(catalogue, config, invocation.options, invocation.environment)
    with open_client(invocation, Wanted(catalogue, chosen, Desired())) as client:
        pulled = pull(client, date=datetime.now(UTC).date().isoformat())
    version = pulled.server or pulled.hash[:12]
    path = Path(arguments.out or f"{FOLDER}/{version}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.format(msgspec.json.encode(pulled), indent=1) + b"\n")
    invocation.tell(f"{path}: {plural(len(pulled.objects), 'kind')}, schema {pulled.hash}.\n")
    return 0
