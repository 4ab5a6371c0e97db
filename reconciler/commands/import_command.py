"""`import`: live state to manifests that people can read and go on from.

Law: its client cannot write; a file that says something else is never written over; no secret is in the output.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.catalogue import Kind, load
from reconciler.commands.files import write_whole
from reconciler.commands.gather import Invocation, Wanted, open_client
from reconciler.errors import ReconcilerError, UsageError
from reconciler.export import Export, export, file_name, printed
from reconciler.live import read_flow
from reconciler.manifest import Desired
from reconciler.model import LiveState
from reconciler.references import targets
from reconciler.report.paint import plural, printable
from reconciler.schema.judge import Judge
from reconciler.settings import DEFAULT_MANIFESTS, read_config, settings

if TYPE_CHECKING:
    from reconciler.jmap.client import Client

SCHEMA = "schemas/manifest.schema.json"


def run(invocation: Invocation) -> int:
    """Read live state and write it as manifests, to files or to standard output."""
    if invocation.format != "text":
        raise UsageError("import writes YAML", "leave --format out")
    catalogue = load()
    found = settings(catalogue, read_config(invocation.options), invocation.options, invocation.environment)
    wanted = Wanted(catalogue, found, Desired())
    with open_client(invocation, wanted) as client:
        live = _live(wanted, client)
    chosen = found.scope.kinds or frozenset(live.objects)
    judge = Judge(catalogue)

    def faults(kind: Kind, spec: dict[str, Any]) -> list[tuple[tuple[str, ...], str]]:
        return [(fault.path, fault.message) for fault in judge.faults(kind, spec)]

    exported = export(catalogue, live, faults, chosen)
    _tell(invocation, live, exported)
    if not invocation.extra.get("out"):
        invocation.say(printed(exported, exported.documents, _schema_from(Path(DEFAULT_MANIFESTS))))
        return 0
    _write(invocation, Path(invocation.extra["out"]), exported)
    return 0


def _live(wanted: Wanted, client: Client) -> LiveState:
    """Read the kinds that were asked for, which must be readable, or all that can be read."""
    catalogue, kinds = wanted.catalogue, wanted.settings.scope.kinds
    # Without the objects that they name, references could be told by id only.
    checks = {name for kind in kinds for name in targets(catalogue, catalogue.kinds[kind])} or set(catalogue.kinds)
    return client.run(read_flow(catalogue, kinds, client.session().limits, checks=checks - kinds))


def _tell(invocation: Invocation, live: LiveState, exported: Export) -> None:
    for kind in sorted(live.forbidden):
        invocation.tell(f"warning: {kind} is left out: the credentials may not read it\n")
    for address, pointer, reason in exported.omitted:
        subject = f"{address} {pointer}".rstrip()
        invocation.tell(f"warning: {printable(subject)} is left out: {printable(reason)}\n")
    for variable, address, pointer in exported.secrets:
        invocation.tell(f"note: the server masks {printable(str(address))} {pointer}: it became ${{env:{variable}}}\n")


def _write(invocation: Invocation, directory: Path, exported: Export) -> None:
    """Write one file a kind, unless one of them says something else already."""
    schema = _schema_from(directory)
    files = {directory / file_name(kind): printed(exported, [kind], schema).encode() for kind in exported.documents}
    try:
        other = [path for path, content in files.items() if path.exists() and path.read_bytes() != content]
        fresh = {path: content for path, content in files.items() if not path.exists()}
    except OSError as error:
        raise ReconcilerError(f"{directory} cannot be read: {error.strerror}") from None
    if other:
        names = ", ".join(map(str, other))
        raise ReconcilerError(
            f"{names} {'says' if len(other) == 1 else 'say'} something else already, and nothing was written",
            "import into an empty directory and compare, or take the old file away",
        )
    for path, content in fresh.items():
        write_whole(path, content)
    invocation.tell(f"{plural(len(files), 'file')} in {directory}, {len(fresh)} of them new.\n")


def _schema_from(directory: Path) -> str:
    """Return where the schema is, as seen from a directory of manifests."""
    try:
        return Path(os.path.relpath(SCHEMA, directory)).as_posix()
    except ValueError:
        # Another drive.
        return Path(SCHEMA).resolve().as_posix()
