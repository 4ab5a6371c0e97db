"""`status`: tells of the last applies by the journals, and of what is stored but not live.

Law: it asks no server; what the journals do not say, it does not know.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from reconciler.apply import DEFAULT_DIRECTORY, read
from reconciler.commands.invocation import Invocation
from reconciler.report import status_report
from reconciler.values import UsageError


class Arguments(Struct, frozen=True):
    """What only this command takes."""

    last: int


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Report the last runs of every journal, or of one target's."""
    directory = invocation.journal_directory or DEFAULT_DIRECTORY
    if directory == "off":
        raise UsageError("there is no journal to read", "name its directory with --journal")
    journals = [(str(path), read(path)) for path in sorted(Path(directory).glob("*.jsonl"))]
    target = invocation.options.target
    chosen = [(file, runs) for file, runs in journals if not target or any(run.target == target for run in runs)]
    return invocation.report(status_report(directory, chosen, arguments.last))
