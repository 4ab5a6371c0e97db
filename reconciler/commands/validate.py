"""`validate`: tells whether the manifests are right, as far as that can be told without a server.

Law: no network, no credentials, no secret values.
"""

from __future__ import annotations

from reconciler.commands.gather import Invocation, want
from reconciler.errors import MANIFEST
from reconciler.report import machine, text
from reconciler.report.paint import plural


def run(invocation: Invocation) -> int:
    """Judge the manifests and report every mistake."""
    desired = want(invocation).desired
    errors = sum(each.severity == "error" for each in desired.diagnostics)
    if invocation.format == "json":
        members = machine.validation(
            desired.diagnostics,
            files=desired.files,
            documents=desired.documents,
            resources=len(desired.resources),
        )
        invocation.say(machine.dump("validation", members))
    else:
        counted = f"{plural(desired.files, 'file')}, {plural(desired.documents, 'document')}"
        verdict = f"{plural(errors, 'error')}" if errors else f"{plural(len(desired.resources), 'resource')}, no errors"
        invocation.say(text.diagnostics(desired.diagnostics, invocation.console.paint))
        if errors or not invocation.quiet:
            invocation.say(f"{counted}: {verdict}.\n")
    return MANIFEST if errors else 0
