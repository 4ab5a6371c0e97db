"""Orders the work and judges it by policy: what is done, in which phases, and what a guard refuses.

Law: pure; the plan fixes the work, and apply never adds to it. Everything that a plan says is computed here once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from reconciler.catalogue import Catalogue
from reconciler.identity import is_shipped
from reconciler.model import Address, Change, Difference, LiveObject, LiveState, Phase, Plan, Resource
from reconciler.policy import Globs, Policy, Scope
from reconciler.references import levels, references


def make_plan(
    catalogue: Catalogue,
    difference: Difference,
    live: LiveState,
    policy: Policy,
    *,
    desired: Sequence[Resource],
    scope: Scope | None = None,
) -> Plan:
    """Turn a difference into the work that policy allows.

    Args:
        catalogue: what the kinds are.
        difference: how live state differs from desired state.
        live: what the server holds, for counts and references.
        policy: what may be done.
        desired: every resource of the manifests, for references.
        scope: what the run looks at.
    """
    scope = scope or Scope()
    undeclared = [each for each in difference.undeclared if scope.holds(each.address) and _owned(policy, each.address)]
    doomed, spared = _prune(catalogue, undeclared, policy)
    destroys = [
        Change(action="destroy", address=each.address, id=each.id, before=each.wire, because="no manifest declares it")
        for each in doomed
    ]
    changes = [*difference.changes, *destroys]
    order = _Order(catalogue)
    phases = order.phases(changes)
    gone = {each.id for each in doomed}
    kept = tuple(each.address for each in undeclared if each.id not in gone)
    return Plan(
        # A replace that destroys and creates stands in two phases, and is one change.
        changes=tuple({id(change): change for phase in phases for change in phase.changes}.values()),
        phases=phases,
        unchanged=difference.unchanged,
        undeclared=kept,
        unknown=difference.unknown,
        left=difference.left,
        pairs=difference.pairs,
        refusals=(
            *_limits(changes, live, policy),
            *_empty(undeclared, desired, policy),
            *_dangling(catalogue, desired, live, gone, scope),
            *_linked(catalogue, destroys, desired, live, gone),
        ),
        surplus=tuple(address for address in kept if address.kind in policy.drift),
        spared=spared,
        partial=scope.partial,
    )


def _owned(policy: Policy, address: Address) -> bool:
    names = policy.owns.get(address.kind)
    return names is None or Globs(names).match(address.name)


def _prune(
    catalogue: Catalogue, undeclared: Sequence[LiveObject], policy: Policy
) -> tuple[list[LiveObject], tuple[tuple[Address, str], ...]]:
    """Tell which undeclared objects are destroyed, and which a rule spares."""
    keep = Globs(policy.keep)
    doomed: list[LiveObject] = []
    spared: list[tuple[Address, str]] = []
    for each in undeclared:
        rule = policy.prune.get(each.address.kind, False)
        if not rule:
            continue
        plain = Address(each.address.kind, each.address.name)
        if keep.match(str(plain)) or keep.match(str(each.address)):
            spared.append((each.address, "policy.keep"))
        elif rule != "all" and is_shipped(catalogue.kinds[each.address.kind], each.key):
            spared.append((each.address, "a new server ships it"))
        else:
            doomed.append(each)
    return doomed, tuple(spared)


class _Order:
    """The phases of the work, by how deep each kind's references go."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.levels = levels(catalogue)

    def phases(self, changes: Sequence[Change]) -> tuple[Phase, ...]:
        """Order changes: destroys that free a name, creates and updates, singletons, destroys."""
        frees: defaultdict[int, list[Change]] = defaultdict(list)
        makes: defaultdict[int, list[Change]] = defaultdict(list)
        singletons: list[Change] = []
        destroys: defaultdict[int, list[Change]] = defaultdict(list)
        for change in changes:
            level = self.levels[change.address.kind]
            if change.action == "destroy":
                destroys[level].append(change)
            elif self.catalogue.kinds[change.address.kind].singleton:
                singletons.append(change)
            else:
                if change.recreate:
                    frees[level].append(change)
                makes[level].append(change)
        phases = [Phase("free", tuple(frees[level])) for level in sorted(frees, reverse=True)]
        phases += [Phase("make", tuple(makes[level])) for level in sorted(makes)]
        phases += [Phase("repoint", tuple(singletons))] if singletons else []
        phases += [Phase("destroy", tuple(destroys[level])) for level in sorted(destroys, reverse=True)]
        return tuple(phases)


def _limits(changes: Sequence[Change], live: LiveState, policy: Policy) -> list[str]:
    """Say which kinds would lose or change more objects than policy allows."""
    refusals: list[str] = []
    for actions, done, limit, option in (
        (("destroy",), "destroyed", policy.max_destroy, "--max-destroy"),
        (("update", "replace"), "changed", policy.max_update, "--max-update"),
    ):
        counts = Counter(change.address.kind for change in changes if change.action in actions)
        for kind, count in sorted(counts.items()):
            total = len(live.of(kind))
            most = allowed(limit, total)
            if most is not None and count > most:
                refusals.append(
                    f"{count} of {total} {kind} objects would be {done}, and policy allows {most} ({limit}); "
                    f"{option} {count} lifts this"
                )
    return refusals


def allowed(limit: str | int | None, total: int) -> int | None:
    """Return how many objects a limit allows: a share is rounded down, and is at least 1. None is no limit."""
    if limit is None or isinstance(limit, int):
        return limit
    return max(int(limit.rstrip("%")) * total // 100, 1)


def _empty(undeclared: Sequence[LiveObject], desired: Sequence[Resource], policy: Policy) -> list[str]:
    """Say which pruned kinds have live objects and no declared one."""
    declared = {resource.address.kind for resource in desired}
    kinds = {each.address.kind for each in undeclared if policy.prune.get(each.address.kind)}
    return [
        f"{kind} is pruned and nothing of it is declared; --allow-empty {kind} lifts this"
        for kind in sorted(kinds - declared - policy.allow_empty)
    ]


def _dangling(
    catalogue: Catalogue, desired: Sequence[Resource], live: LiveState, gone: set[str], scope: Scope
) -> list[str]:
    """Say which references by id would lead nowhere once the plan is carried out."""
    names = {resource.address for resource in desired}
    ids = {address.id for address in names if address.id}
    for each in (each for objects in live.objects.values() for each in objects if each.id not in gone):
        names.add(Address(each.address.kind, each.address.name))
        ids.add(each.id)
    found: list[str] = []
    for resource in desired:
        kind = catalogue.kinds[resource.address.kind]
        for pointer, target in references(catalogue, kind, resource.wire):
            fine = target.id in ids if target.id else target in names
            if not fine and target.kind not in live.forbidden and scope.holds(resource.address):
                place = resource.place(pointer)
                what = f"the id {target.id}" if target.id else str(target)
                found.append(f"{place} {resource.address} {pointer}: {what} does not exist; declare it")
    return found


def _linked(
    catalogue: Catalogue,
    destroys: Sequence[Change],
    desired: Sequence[Resource],
    live: LiveState,
    gone: set[str],
) -> list[str]:
    """Say which destroys the server would refuse, since an object that stays refers to what would go."""
    if not destroys:
        return []
    doomed = {Address(change.address.kind, change.address.name): change for change in destroys}
    wanted = {resource.address: resource for resource in desired}
    found: list[str] = []
    for objects in live.objects.values():
        for each in objects:
            if each.id in gone:
                continue
            resource = wanted.get(each.address)
            wire = each.wire if resource is None else {**each.wire, **resource.wire}
            for pointer, target in references(catalogue, catalogue.kinds[each.address.kind], wire):
                if target in doomed:
                    place = f"{resource.place(pointer)} " if resource else ""
                    found.append(f"{target} would be destroyed, and {place}{each.address} {pointer} refers to it")
    return found
