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


def tell_idle(invocation: Invocation, wanted: Wanted, found: Survey) -> None:
    """Tell of every option that matches nothing of what is compared."""
    if invocation.quiet:
        return
    for option in _vain(wanted, found):
        hint = "only kinds that are declared, or that policy covers, are read"
        invocation.warn(f"{option} matches nothing that is declared or live", hint)
    scope = wanted.settings.scope
    if not wanted.settings.rotate:
        return
    secret = [each.address for each in wanted.desired.resources if scope.holds(each.address) and any(within(each.wire))]
    for glob in wanted.settings.rotate:
        if not any(map(Globs([glob]).holds, secret)):
            invocation.tell(f"note: --rotate-secrets={glob} matches nothing with a secret")


def _vain(wanted: Wanted, found: Survey) -> Iterator[str]:
    scope, declared = wanted.settings.scope, wanted.desired.resources
    if not (scope.kinds or scope.only):
        # Nothing was chosen, and there may be many objects to look through.
        return
    held = [each.address for kind in sorted(found.kinds) for each in found.live.of(kind)]
    addresses = [*(each.address for each in declared), *held]
    kinds = {each.kind for each in addresses}
    yield from (f"--kind {kind}" for kind in sorted(scope.kinds - kinds))
    yield from (f"--only {glob}" for glob in scope.only if not any(map(Globs([glob]).holds, addresses)))
