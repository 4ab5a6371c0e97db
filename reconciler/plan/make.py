"""Orders the work and judges it by policy: what is done, in which phases, and what a guard refuses.

Law: pure; the plan fixes the work, and apply never adds to it. Everything that a plan says is computed here once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.kinds import Catalogue, address_of, is_shipped, key_of, levels, references_in, targets
from reconciler.mail import mentions, suggestions
from reconciler.plan.diff import exact
from reconciler.values import (
    Address,
    Change,
    Difference,
    Globs,
    LiveObject,
    LiveState,
    Phase,
    Plan,
    Policy,
    Resource,
    Scope,
    Wire,
)


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
        desired: every resource of the manifests; a pruned kind of which there is none is refused.
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
    phases = _Order(catalogue).phases(changes)
    # Ids are unique within a kind only.
    gone = {(each.address.kind, each.id) for each in doomed}
    kept = tuple(each.address for each in undeclared if (each.address.kind, each.id) not in gone)
    after = _After(catalogue, live, changes, desired)
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
            *_kept(catalogue, changes, policy),
            *_mistaken(catalogue, changes, [each for each in undeclared if (each.address.kind, each.id) not in gone]),
            *_empty(doomed, desired, policy),
            *after.dangling(),
            *after.linked(),
        ),
        surplus=tuple(address for address in kept if address.kind in policy.drift),
        spared=spared,
        partial=scope.partial,
    )


def _owned(policy: Policy, address: Address) -> bool:
    owned = policy.owns.get(address.kind)
    return owned is None or Globs(owned).match(address.name)


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
        if keep.holds(each.address):
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
        claimed = {claim for change in changes if change.action != "destroy" for claim in self._claims(change)}
        for change in changes:
            level = self.levels[change.address.kind]
            if change.action == "destroy":
                early = any(held in claimed for held in self._names(change, change.before))
                (frees if early else destroys)[level].append(change)
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

    def _names(self, change: Change, wire: Wire | None) -> Iterator[tuple[str, str, Any]]:
        """Yield the values that the server lets only one object of the kind have."""
        for name in self.catalogue.kinds[change.address.kind].unique:
            yield change.address.kind, name, (wire or {}).get(name)

    def _claims(self, change: Change) -> Iterator[tuple[str, str, Any]]:
        """Yield the unique values that a change brings about."""
        held = set(self._names(change, change.before))
        return (claim for claim in self._names(change, change.after) if claim not in held)


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
    """Return how many objects a limit allows: a share over 0% is rounded down, and at least 1. None is no limit."""
    if limit is None or isinstance(limit, int):
        return limit
    share = int(limit.rstrip("%"))
    return max(share * total // 100, 1) if share else 0


def _kept(catalogue: Catalogue, changes: Sequence[Change], policy: Policy) -> list[str]:
    """Say which objects would be destroyed, to be made anew or not, although policy keeps them."""
    keep = Globs(policy.keep)

    def held(change: Change) -> bool:
        kind = catalogue.kinds[change.address.kind]
        # A document may give its object another name than the server knows it by.
        return keep.holds(change.address) or keep.holds(address_of(kind, key_of(kind, change.before or {})))

    return [
        f"{change.address} would be destroyed{' and made anew' * change.recreate} ({change.because}), "
        "and policy.keep holds it; a narrower policy.keep lifts this"
        for change in changes
        if (change.recreate or change.action == "destroy") and held(change)
    ]


def _mistaken(catalogue: Catalogue, changes: Sequence[Change], kept: Sequence[LiveObject]) -> list[str]:
    """Say what cannot be made anew: behind undeclared ones of its key, it would be taken for one of these."""
    refusals = []
    for change in changes:
        if not change.recreate or change.address.id:
            continue
        key = key_of(catalogue.kinds[change.address.kind], change.before or {})
        others = [each.id for each in kept if each.address.kind == change.address.kind and each.key == key]
        if others:
            refusals.append(
                f"{change.address} would be made anew ({change.because}), and then could not be told from "
                f"{', '.join(others)} of its key, undeclared; declaring each with a metadata.name lifts this"
            )
    return refusals


def _empty(doomed: Sequence[LiveObject], desired: Sequence[Resource], policy: Policy) -> list[str]:
    """Say which pruned kinds would lose objects although none of the kind is declared."""
    declared = {resource.address.kind for resource in desired}
    kinds = {each.address.kind for each in doomed}
    return [
        f"{kind} is pruned and nothing of it is declared; --allow-empty {kind} lifts this"
        for kind in sorted(kinds - declared - policy.allow_empty)
    ]


class _After:
    """What there would be once every change is made, as far as references go."""

    def __init__(
        self, catalogue: Catalogue, live: LiveState, changes: Sequence[Change], desired: Sequence[Resource]
    ) -> None:
        self.catalogue = catalogue
        self.live = live
        self.changes = changes
        self.declared = {Address(each.address.kind, each.address.name) for each in desired}
        #: The kinds whose objects refer to others at all.
        self.referring = {name for name, kind in catalogue.kinds.items() if targets(catalogue, kind)}
        self.altered = {(change.address.kind, change.id): change for change in changes if change.id}
        self.doomed = {
            address_of(
                catalogue.kinds[change.address.kind], key_of(catalogue.kinds[change.address.kind], change.before)
            )
            for change in changes
            if change.action == "destroy" and change.before is not None
        }
        self._addresses: dict[str, set[Address]] = {}

    def wire(self, each: LiveObject) -> Wire | None:
        """Return what becomes of a live object; None if it is destroyed."""
        change = self.altered.get((each.address.kind, each.id))
        if change is None:
            return each.wire
        if change.action == "destroy":
            return None
        whole = not self.catalogue.kinds[each.address.kind].singleton
        return change.after if whole else {**each.wire, **(change.after or {})}

    def addresses(self, name: str) -> set[Address]:
        """Return what the objects of a kind would be called."""
        if name not in self._addresses:
            kind = self.catalogue.kinds[name]
            wires = [self.wire(each) for each in self.live.of(name)]
            wires += [
                change.after for change in self.changes if change.action == "create" and change.address.kind == name
            ]
            self._addresses[name] = {address_of(kind, key_of(kind, wire)) for wire in wires if wire is not None}
        return self._addresses[name]

    def exists(self, target: Address) -> bool:
        """Whether there would be what a reference leads to."""
        if not target.id:
            return target in self.addresses(target.kind)
        return any(each.id == target.id and self.wire(each) is not None for each in self.live.of(target.kind))

    def dangling(self) -> list[str]:
        """Say which references that this plan makes would lead nowhere.

        A name that is live in the same expression leads nowhere already, and is not this plan's doing; nor is one in a
        value that is the server's own default, since a new server ships a name that it has no object for.
        """
        found: list[str] = []
        for change in self.changes:
            if change.action == "destroy" or change.after is None or change.address.kind not in self.referring:
                continue
            kind = self.catalogue.kinds[change.address.kind]
            shape = kind.shape(change.after.get("@type", ""))
            old = {(_top(pointer), target) for pointer, target in self._named(change.address, change.before or {})}
            made = [
                (pointer, target)
                for pointer, target in self._named(change.address, change.after)
                if (_top(pointer), target) not in old
                and not exact(change.after[_top(pointer)], shape[_top(pointer)].default)
            ]
            for pointer, target in [*references_in(self.catalogue, kind, change.after), *made]:
                # What an object that is live already refers to is told by `linked`.
                told = change.id and target in self.doomed
                if target.kind not in self.live.forbidden and not told and not self.exists(target):
                    place = f"{change.source} " if change.source else ""
                    found.append(f"{place}{change.address} {pointer}: {self._missing(target)}")
        return found

    def _named(self, address: Address, wire: Wire) -> Iterator[tuple[str, Address]]:
        """Yield what an object's expressions are certain to be able to name, the server's own names left out."""
        for each in mentions(self.catalogue, address, wire):
            if not each.because and not each.builtin and not each.past_end:
                yield each.pointer, each.target

    def _missing(self, target: Address) -> str:
        if target in self.doomed:
            return f"{target} would be destroyed; declare it"
        if target in self.declared:
            return f"{target} does not exist yet, and --kind or --only leaves it out"
        what = str(target)
        if not target.name:
            what = f"{target.kind} with {f'the id {target.id}' if target.id else 'an empty name'}"
        close = suggestions(target.name, (each.name for each in self.addresses(target.kind)), 1)
        return f"{what} does not exist; {f'did you mean {close[0]}?' if close else 'declare it'}"

    def linked(self) -> list[str]:
        """Say which objects would be destroyed although something that stays refers to them.

        The server refuses to destroy what others hold by id. A name in an expression it does not know as a reference,
        and mail would silently go elsewhere.
        """
        if not self.doomed:
            return []
        found: list[str] = []
        for each in (each for name in sorted(self.referring) for each in self.live.of(name)):
            wire = self.wire(each)
            if wire is None:
                continue
            kind = self.catalogue.kinds[each.address.kind]
            for pointer, target in [*references_in(self.catalogue, kind, wire), *self._named(each.address, wire)]:
                if target in self.doomed and not self.exists(target):
                    change = self.altered.get((each.address.kind, each.id))
                    place = f"{change.source} " if change is not None and change.source else ""
                    found.append(f"{target} would be destroyed, and {place}{each.address} {pointer} refers to it")
        return found


def _top(pointer: str) -> str:
    return pointer.partition("/")[0]
