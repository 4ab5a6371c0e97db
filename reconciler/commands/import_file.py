"""`import --from`: another tool's file to manifests, in place of a server's live state.

Law: no server is asked; whatever of the file is not carried is counted and told, and no secret is in the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from reconciler.commands.invocation import Invocation
from reconciler.desired import Bridged, Export, assemble, bridge
from reconciler.kinds import Catalogue
from reconciler.report import plural
from reconciler.settings import Settings
from reconciler.values import Diagnostic, ManifestError, UsageError
from reconciler.yamlio import emit

#: Bytes of a file that are read at most, as of manifests.
LARGEST = 256 * 1024 * 1024


def export_files(
    invocation: Invocation, catalogue: Catalogue, settings: Settings, files: Sequence[str], *, unmanaged: bool
) -> Export:
    """Return the documents of another tool's files, and say on standard error what is to be known of them.

    Raises:
        UsageError: a file cannot be read.
        ManifestError: it holds what no manifest can say.
    """
    texts = [(file, _text(file)) for file in files]
    bridged = bridge(catalogue, texts, unmanaged=unmanaged)
    chosen = settings.scope.kinds or frozenset(catalogue.kinds)
    export = assemble(catalogue, bridged, chosen, scope=settings.scope, policy=settings.policy)
    if bridged.failed:
        raise ManifestError(bridged.diagnostics, files[0] if len(files) == 1 else "the files")
    invocation.complain(sorted(bridged.diagnostics))
    for line in _account(bridged, export):
        invocation.tell(line)
    config = dict(bridged.config)
    if bridged.variables:
        config["targets"] = {settings.target or "prod": {"vars": bridged.variables}}
    if config:
        invocation.tell("note: this belongs in reconciler.yaml:")
        for line in emit(config).splitlines():
            invocation.tell(f"  {line}")
    return replace(export, tests=tuple(bridged.tests))


def _text(file: str) -> str:
    try:
        path = Path(file)
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{file} has more than {LARGEST >> 20} MB", "split it")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            [Diagnostic(file=file, line=line, code="encoding", message="it is no UTF-8", hint="save it as UTF-8")], file
        ) from None


def _account(bridged: Bridged, export: Export) -> Iterator[str]:
    """Yield what became of everything that was read, so that the numbers add up."""
    ledger = bridged.ledger
    objects = sum(map(len, export.declared.values()))
    ignored, left = ledger.ignored.total(), ledger.unsupported.total()
    yield (
        f"note: {ledger.read} {ledger.unit} read: {ledger.carried} carried into {plural(objects, 'object')}, "
        f"{ignored} without effect, {left} without a place here"
    )
    for word, counts in (("without effect", ledger.ignored), ("without a place here", ledger.unsupported)):
        for name, count in sorted(counts.items()):
            line = ledger.lines.get(name)
            yield f"note: {word}: {name} ({count}{f', first in line {line}' if line else ''})"
    for name, variable in sorted({(str(address), variable) for variable, address, _ in export.secrets}):
        yield f"note: {name}: its secret is not written; it became ${{env:{variable}}}"
