"""What stands around a plan: how it came about, and what comes after it.

Law: nothing is decided here; what a journal could not undo is told by what the journal would be told.
"""

from __future__ import annotations

from typing import Annotated

from reconciler.kinds import Catalogue
from reconciler.report.parts import AddressText, Part, Text, meaning
from reconciler.values import Plan


class Headline(Part, frozen=True, kw_only=True):
    """How a plan came about."""

    commit: Annotated[str, meaning("The commit that a pipeline was at.")] = ""
    request: Annotated[str, meaning("The pull or merge request, as #7 or !7.")] = ""
    version: Annotated[str, meaning("The server version whose kinds were compared; a server itself tells none.")] = ""
    unprotected: Annotated[tuple[Text, ...], meaning("Why the way to the server is not safe.")] = ()
    policy: Annotated[tuple[Text, ...], meaning("Where the policy allows other things than its ceiling.")] = ()


class Lasting(Part, frozen=True, kw_only=True):
    """A change that cannot be undone."""

    address: AddressText
    because: Annotated[str, meaning("Why.")]


class PlanEnding(Part, frozen=True, kw_only=True):
    """What comes after a plan."""

    reload: Annotated[bool, meaning("Apply makes the server reload its settings, so that what is written is live.")]
    immediate: Annotated[tuple[Text, ...], meaning("Kinds that are live as soon as they are written.")] = ()
    restart: Annotated[tuple[AddressText, ...], meaning("What is live after a restart of the server only.")] = ()
    lasting: Annotated[tuple[Lasting, ...], meaning("Changes that cannot be undone.")] = ()
    rollback: Annotated[str, meaning("The command that undoes the rest; empty where nothing is recorded.")] = ""


def ending_of(catalogue: Catalogue, plan: Plan, *, reload: bool, rollback: str) -> PlanEnding:
    """Return what comes after a plan.

    Args:
        catalogue: what the kinds are.
        plan: what would be done.
        reload: whether apply reloads.
        rollback: the command that undoes it, or "".
    """
    if not plan.changes:
        return PlanEnding(reload=reload, rollback=rollback)
    # Most plans have no changes, and need none of it.
    from reconciler.apply import cannot_undo
    from reconciler.plan import AT_ONCE, restarting

    kinds = {change.address.kind: catalogue.kinds[change.address.kind] for change in plan.changes}
    lasting = [(str(change.address), cannot_undo(kinds[change.address.kind], change)) for change in plan.changes]
    return PlanEnding(
        reload=reload,
        lasting=tuple(Lasting(address=address, because=why) for address, why in sorted(lasting) if why),
        rollback=rollback,
        immediate=tuple(sorted(name for name, kind in kinds.items() if kind.reload == AT_ONCE)),
        restart=tuple(map(str, restarting(catalogue, plan.changes))),
    )
