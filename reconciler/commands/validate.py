"""`validate`: tells whether the manifests are right, as far as that can be told without a server.

Law: no network, no credentials, no secret values; every target's layers are judged.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from reconciler.commands.gather import Wanted, linted, tested, want_all
from reconciler.commands.invocation import Invocation
from reconciler.report import validation_report
from reconciler.values import MANIFEST, Diagnostic, UsageError, strictly


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    show_merged: bool = False


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Judge the manifests and report every mistake.

    Raises:
        UsageError: the merged view is wanted in another form than that of manifests.
    """
    if arguments.show_merged and not invocation.converses and "--format" in invocation.typed:
        raise UsageError(f"--show-merged prints manifests, and not {invocation.format}", "leave --format out")
    all_ = [tested(linted(wanted)) for wanted in want_all(invocation)]
    diagnostics = _said_once(all_)
    if invocation.options.strict:
        diagnostics = sorted(strictly(diagnostics))
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    # Layers are shared between targets.
    read = {file: count for wanted in all_ for file, count in wanted.desired.files.items()}
    files, documents = len(read), sum(read.values())
    resources = sum(len(wanted.desired.resources) for wanted in all_)
    if arguments.show_merged and not errors:
        from reconciler.desired import merged

        invocation.complain(diagnostics)
        titles = [f"target {wanted.settings.target}" if wanted.settings.target else "" for wanted in all_]
        views = (merged(wanted.catalogue, wanted.desired, title) for wanted, title in zip(all_, titles, strict=True))
        invocation.say("---\n".join(views))
        return 0
    targets = len(all_) if len(all_) > 1 else 0
    report = validation_report(diagnostics, files=files, documents=documents, resources=resources, targets=targets)
    return invocation.report(report, MANIFEST if errors else 0)


def _said_once(all_: list[Wanted]) -> list[Diagnostic]:
    """Return what is to be said of any target, once; what does not hold for all names those that it holds for."""
    targets: dict[Diagnostic, list[str]] = {}
    for wanted in all_:
        for diagnostic in dict.fromkeys(wanted.desired.diagnostics):
            targets.setdefault(diagnostic, []).append(wanted.settings.target)
    diagnostics = []
    for diagnostic, names in targets.items():
        which = "" if len(names) == len(all_) else f"target{'s' * (len(names) > 1)} {', '.join(names)}: "
        diagnostics.append(msgspec.structs.replace(diagnostic, message=which + diagnostic.message))
    return sorted(diagnostics)
