"""Orders the work: what is done, and what is left alone.

Law: pure; the plan fixes the work, and apply never adds to it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.kinds import Catalogue, is_shipped
from reconciler.values import Address, Change, Difference, Globs, LiveObject, Phase, Plan, Policy, Scope

#: Why something is destroyed that pruning covers.
UNDECLARED = "no manifest declares it"


def make_plan(
    catalogue: Catalogue, difference: Difference, policy: Policy, scope: Scope, declared: Collection[str] = ()
) -> Plan:
    """Turn a difference into ordered work; whether it may be done, the guards say.

    Args:
        catalogue: what the kinds are.
        difference: how live state differs from desired state.
        policy: what is pruned, and what else counts as a difference.
        scope: what the run looks at.
        declared: the kinds that documents declare.
    """
    undeclared = [
        live_object
        for live_object in difference.undeclared
        if scope.holds(live_object.address) and _owned(policy, live_object.address)
    ]
    doomed, spared = _prune(catalogue, undeclared, policy)
    destroys = [
        Change(
            action="destroy",
            address=live_object.address,
            id=live_object.id,
            before=live_object.wire,
            because=UNDECLARED,
        )
        for live_object in doomed
    ]
    changes, phases = _ordered(catalogue, [*difference.changes, *destroys])
    # Ids are unique within a kind only.
    gone = {(live_object.address.kind, live_object.id) for live_object in doomed}
    rest = [live_object for live_object in undeclared if (live_object.address.kind, live_object.id) not in gone]
    return Plan(
        changes=changes,
        phases=phases,
        unchanged=difference.unchanged,
        undeclared=tuple(live_object.address for live_object in rest),
        unknown=difference.unknown,
        left=difference.left,
        pairs=difference.pairs,
        surplus=tuple(live_object.address for live_object in rest if _counts(catalogue, live_object, policy, declared)),
        spared=spared,
        partial=scope.partial,
    )


def _ordered(catalogue: Catalogue, changes: Sequence[Change]) -> tuple[tuple[Change, ...], tuple[Phase, ...]]:
    """Return changes in their order, and the phases; most runs have nothing to order, and do not load what orders."""
    if not changes:
        return (), ()
    from reconciler.plan.circles import untangled
    from reconciler.plan.order import Order

    return Order(catalogue).phases(untangled(catalogue, changes))


def _owned(policy: Policy, address: Address) -> bool:
    owned = policy.owns.get(address.kind)
    return owned is None or Globs(owned).match(address.name)


def _counts(catalogue: Catalogue, undeclared: LiveObject, policy: Policy, declared: Collection[str]) -> bool:
    """Whether an undeclared object is a difference in itself."""
    kind = catalogue.kinds[undeclared.address.kind]
    rule = policy.undeclared.get(kind.kind)
    if rule:
        return rule == "drift"
    return kind.acts and kind.kind in declared and not is_shipped(kind, undeclared.key)


def _prune(
    catalogue: Catalogue, undeclared: Sequence[LiveObject], policy: Policy
) -> tuple[list[LiveObject], tuple[tuple[Address, str], ...]]:
    """Tell which undeclared objects are destroyed, and which a rule spares."""
    keep = Globs(policy.keep)
    doomed: list[LiveObject] = []
    spared: list[tuple[Address, str]] = []
    for live_object in undeclared:
        rule = policy.prune.get(live_object.address.kind, False)
        if not rule:
            continue
        kind = catalogue.kinds[live_object.address.kind]
        if keep.holds(live_object.address):
            spared.append((live_object.address, "policy.keep"))
        elif kind.held:
            spared.append((live_object.address, "it holds what people keep; metadata.absent destroys it"))
        elif kind.volatile and rule != "all":
            spared.append((live_object.address, "the server makes such objects itself"))
        elif rule != "all" and is_shipped(kind, live_object.key):
            spared.append((live_object.address, "a new server ships it"))
        else:
            doomed.append(live_object)
    return doomed, tuple(spared)
