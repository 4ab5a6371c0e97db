"""From a saved plan to the work that is still to be done, judged as if it were planned now.

Law: pure; a file is nobody's word: what may be done is judged by the policy of the run and by the server as it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from reconciler.kinds import Catalogue
from reconciler.plan.after import state_after
from reconciler.plan.guards import refusals
from reconciler.plan.owns import foreign
from reconciler.plan.saved.basis import Basis, pending, stale, touched
from reconciler.plan.saved.sound import check_sound
from reconciler.plan.survey import Survey
from reconciler.values import Change, ConfigError, Difference, LiveState, Plan, Policy, Stale


def kinds_of(plan: Plan, basis: Basis) -> frozenset[str]:
    """Return the kinds that have to be read before a saved plan can be taken up."""
    return frozenset(basis.kinds) | {change.address.kind for change in plan.changes}


def take_up(catalogue: Catalogue, plan: Plan, basis: Basis, live: LiveState, policy: Policy) -> Survey:
    """Return what is left to do of a saved plan, and what it is refused for.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        basis: what it stands on.
        live: the server as it is now, of `kinds_of` and those that they are checked with.
        policy: of this run.

    Raises:
        ConfigError: the plan does not hold together.
        Stale: the server is no longer as it was when the plan was made.
    """
    try:
        check_sound(catalogue, plan, basis)
    except ValueError as error:
        raise ConfigError(f"this is no plan that was saved: {error}", "make a new one with plan --out") from None
    changed = stale(basis, live, plan, catalogue)
    if changed:
        raise Stale("; ".join(changed), "nothing was written; plan again")
    rest = pending(basis, live, plan, catalogue)
    after = state_after(catalogue, live, [_own(catalogue, change) for change in rest.changes])
    refused = [*foreign(rest.changes, live, policy), *refusals(catalogue, rest, live, after, policy, None)]
    return Survey(
        live=live,
        after=after,
        difference=Difference(),
        plan=replace(rest, refusals=tuple(dict.fromkeys([*rest.refusals, *refused]))),
        kinds=kinds_of(plan, basis),
    )


def _own(catalogue: Catalogue, change: Change) -> Change:
    """Return a change that wants of a singleton no more than it sends, since the rest has other owners."""
    kind = catalogue.kinds[change.address.kind]
    return change if change.after is None else replace(change, after=touched(kind, change, change.after))
