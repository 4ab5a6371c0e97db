"""`import --from`: another tool's file to manifests, in place of a server's live state.

Law: no server is asked; whatever of the file is not carried is counted and told, and no secret is in the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from reconciler.commands.invocation import Invocation
from reconciler.desired import Bridged, Export, assemble, bridge
from reconciler.kinds import Catalogue
from reconciler.report import plural
from reconciler.settings import Settings
from reconciler.values import ManifestError, UsageError, in_file, read_file
from reconciler.yamlio import Problem, decode, emit


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
    text = decode(read_file(file, UsageError, hint="split it", pipe=True))
    if isinstance(text, Problem):
        raise ManifestError([in_file(file, text)], file)
    return text


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
