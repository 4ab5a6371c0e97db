"""Globs of policy.keep that protect nothing of what a server holds.

Law: pure; only kinds that were read are spoken of, since the rest may hold what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.kinds import Catalogue
from reconciler.mail.lint.rules import Finding, settle
from reconciler.mail.names import suggestions
from reconciler.values import Address, Diagnostic, Globs, LiveState, can_continue, shown


def lint_keeps(
    catalogue: Catalogue, keep: Sequence[str], live: LiveState, severities: Mapping[str, str]
) -> tuple[Diagnostic, ...]:
    """Judge the globs of what is never destroyed by what a server holds."""
    return settle(_findings(catalogue, keep, live), severities=severities)


def _findings(catalogue: Catalogue, keep: Sequence[str], live: LiveState) -> Iterator[Finding]:
    for glob in keep:
        globs = Globs([glob])
        kinds = [
            name
            for name, kind in catalogue.kinds.items()
            if (globs.match(name) if kind.singleton else can_continue(glob, f"{name}/"))
        ]
        if not kinds or any(name not in live.objects or name in live.forbidden for name in kinds):
            continue
        held = [live_object.address for name in kinds for live_object in live.of(name)]
        if not any(map(globs.holds, held)):
            close = suggestions(glob, map(str, held), 1)
            yield Finding(
                rule="idle-keep",
                address=Address(""),
                message=f"policy.keep: {shown(glob)} matches none of the {len(held)} objects of {', '.join(kinds)}",
                hint=f"did you mean {close[0]}?" if close else "mend it, or take it out",
            )
