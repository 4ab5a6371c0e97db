"""What options choose in vain, so that a mistyped name is not taken for a server in sync.

Law: it warns and stops nothing; a pipeline may choose what only some of its servers hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.commands.gather import Wanted
from reconciler.commands.invocation import Invocation
from reconciler.plan import Survey
from reconciler.server import within
from reconciler.values import Globs


def tell_idle(invocation: Invocation, wanted: Wanted, survey: Survey) -> None:
    """Tell of every option that matches nothing of what is compared."""
    if invocation.quiet:
        return
    for option in _vain(wanted, survey):
        hint = "only kinds that are declared, or that policy covers, are read"
        invocation.warn(f"{option} matches nothing that is declared or live", hint)
    scope = wanted.settings.scope
    if not wanted.settings.rotate:
        return
    secret = [
        resource.address
        for resource in wanted.desired.resources
        if scope.holds(resource.address) and any(within(resource.wire))
    ]
    for glob in wanted.settings.rotate:
        if not any(map(Globs([glob]).holds, secret)):
            invocation.tell(f"note: --rotate-secrets={glob} matches nothing with a secret")


def _vain(wanted: Wanted, survey: Survey) -> Iterator[str]:
    scope, declared = wanted.settings.scope, wanted.desired.resources
    if not (scope.kinds or scope.only):
        # Nothing was chosen, and there may be many objects to look through.
        return
    held = [live_object.address for kind in sorted(survey.kinds) for live_object in survey.live.of(kind)]
    addresses = [*(resource.address for resource in declared), *held]
    kinds = {address.kind for address in addresses}
    yield from (f"--kind {kind}" for kind in sorted(scope.kinds - kinds))
    yield from (f"--only {glob}" for glob in scope.only if not any(map(Globs([glob]).holds, addresses)))
