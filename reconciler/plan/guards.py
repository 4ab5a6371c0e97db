"""What a plan is refused for: too much of a kind, something kept, a reference that would lead nowhere.

Law: pure; every refusal is a sentence that says what lifts it. What a name in an expression would lose, lint says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reconciler.kinds import UNSET_ID, Catalogue, address_of, key_of, references_in, targets
from reconciler.mail import mentions, suggestions
from reconciler.plan.dangers import dangers
from reconciler.plan.make import UNDECLARED
from reconciler.values import Address, Change, Globs, LiveState, Plan, Policy, Resource

if TYPE_CHECKING:
    from reconciler.mail import Impact


def refusals(
    catalogue: Catalogue,
    plan: Plan,
    live: LiveState,
    after: LiveState,
    policy: Policy,
    desired: Sequence[Resource] | None,
) -> tuple[str, ...]:
    """Say why a plan must not be carried out.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        live: what the server holds.
        after: what it would hold, as `state_after` says.
        policy: what may be done.
        desired: every resource of the manifests; a pruned kind of which there is none is refused. None where the
            manifests are not at hand, as with a saved plan.
    """
    return (
        *_demanded(catalogue, plan.changes),
        *_limits(plan.changes, live, policy),
        *_kept(catalogue, plan.changes, policy),
        *dangers(catalogue, plan, live, after, policy),
        *_mistaken(catalogue, plan, live),
        *(() if desired is None else _empty(plan.changes, desired, policy)),
        *_dangling(catalogue, plan.changes, live, after, desired or ()),
        *_linked(catalogue, plan.changes, live, after),
    )


def _demanded(catalogue: Catalogue, changes: Sequence[Change]) -> Iterator[str]:
    """Say which writes lack a property without which the server refuses them."""
    for change in changes:
        kind = catalogue.kinds[change.address.kind]
        held, sent = change.before or {}, change.patch.keys()
        lacking = [name for name in kind.demands if name not in sent and _is_unset(held.get(name))]
        if lacking and change.action != "destroy":
            why = "without which the server takes no write of it; declare it"
            yield f"{_place(change)}{change.address} lacks {' and '.join(lacking)}, {why}"


def _is_unset(value: object) -> bool:
    """Whether a value is one that a server shows where it has none."""
    return value in ("", None) or (isinstance(value, Address) and value.id == UNSET_ID)


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


def mail_refusals(impact: Impact, policy: Policy) -> tuple[str, ...]:
    """Say whether more mail that waits would go another way, or would bounce, than policy allows."""
    refusals: list[str] = []
    for count, done, limit, name in (
        (impact.moved, "sent another way", policy.max_moved, "maxMoved"),
        (impact.bounced, "bounced at the next temporary failure", policy.max_bounced or 0, "maxBounced"),
    ):
        most = allowed(limit, impact.total)
        if most is not None and count > most:
            refusals.append(
                f"{count} of {impact.total} waiting recipients would be {done}, and policy allows {most} ({limit}); "
                f"a larger policy.{name} lifts this"
            )
    return tuple(refusals)


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


def _mistaken(catalogue: Catalogue, plan: Plan, live: LiveState) -> Iterator[str]:
    """Refuse to give an object a key that an undeclared one has: afterwards the two could not be told apart."""
    undeclared = set(plan.undeclared)
    for change in plan.changes:
        kind = catalogue.kinds[change.address.kind]
        key, before = key_of(kind, change.after or {}), key_of(kind, change.before or {})
        if change.action == "destroy" or change.address.id or (key == before and not change.recreate):
            continue
        others = [
            live_object.id
            for live_object in live.of(kind.kind)
            if live_object.key == key and live_object.address in undeclared
        ]
        if others:
            yield (
                f"{change.address} could not be told any more from {', '.join(others)}, which is undeclared and has "
                "the same key; declaring each with a metadata.name lifts this"
            )


def _empty(changes: Sequence[Change], desired: Sequence[Resource], policy: Policy) -> list[str]:
    """Say which pruned kinds would lose objects although none of the kind is declared."""
    declared = {resource.address.kind for resource in desired}
    kinds = {change.address.kind for change in changes if change.because == UNDECLARED}
    return [
        f"{kind} is pruned and nothing of it is declared; --allow-empty {kind} lifts this"
        for kind in sorted(kinds - declared - policy.allow_empty)
    ]


def _dangling(
    catalogue: Catalogue, changes: Sequence[Change], live: LiveState, after: LiveState, desired: Sequence[Resource]
) -> Iterator[str]:
    """Say which references by id would lead to what is not there, and is not destroyed by this plan either."""
    declared = {resource.address.without_id() for resource in desired}
    _, gone = _lost(live, after)
    for change in changes:
        kind = catalogue.kinds[change.address.kind]
        for pointer, target in references_in(catalogue, kind, (change.action != "destroy" and change.after) or {}):
            if target.kind in live.forbidden or target in gone or _exists(after, target):
                continue
            message = str(target) if target.name else f"{target.kind} with {_id_of(target)}"
            if target in declared:
                because = f"{message} does not exist yet, and --kind or --only leaves it out"
            else:
                close = suggestions(target.name, (live_object.address.name for live_object in after.of(target.kind)), 1)
                because = f"{message} does not exist; {f'did you mean {close[0]}?' if close else 'declare it'}"
            yield f"{_place(change)}{change.address} {pointer}: {because}"


def _linked(catalogue: Catalogue, changes: Sequence[Change], live: LiveState, after: LiveState) -> Iterator[str]:
    """Say which objects would be destroyed although something that there would be refers to them.

    The server refuses to destroy what others hold by id. A name in an expression it does not know as a reference,
    and mail would silently go elsewhere.
    """
    unnamed, gone = _lost(live, after)
    if not unnamed:
        return
    by_id = {(change.address.kind, change.id): change for change in changes if change.id}
    created = {change.address: change for change in changes if not change.id}
    for name, kind in sorted(catalogue.kinds.items()):
        if not targets(catalogue, kind):
            continue
        for live_object in after.of(name):
            named = mentions(catalogue, live_object.address, live_object.wire)
            certain = [(m.pointer, m.target) for m in named if not (m.because or m.builtin or m.past_end)]
            linked = [(pointer, target) for pointer, target in certain if target in unnamed]
            linked += [
                (at, target) for at, target in references_in(catalogue, kind, live_object.wire) if target in gone
            ]
            change = by_id.get((name, live_object.id)) if live_object.id else created.get(live_object.address)
            for pointer, target in linked:
                yield f"{target} would be destroyed, and {_place(change)}{live_object.address} {pointer} refers to it"


def _lost(live: LiveState, after: LiveState) -> tuple[set[Address], set[Address]]:
    """Return the addresses that nothing would have any more, and those of them whose objects are destroyed."""
    unnamed: set[Address] = set()
    gone: set[Address] = set()
    for name, objects in live.objects.items():
        if after.of(name) is not objects:
            names, ids = (
                {live_object.address.name for live_object in after.of(name)},
                {live_object.id for live_object in after.of(name)},
            )
            lost = [live_object for live_object in objects if live_object.address.name not in names]
            unnamed |= {Address(name, live_object.address.name) for live_object in lost}
            gone |= {Address(name, live_object.address.name) for live_object in lost if live_object.id not in ids}
    return unnamed, gone


def _exists(after: LiveState, target: Address) -> bool:
    """Whether there would be what a reference leads to."""
    if target.id:
        return any(live_object.id == target.id for live_object in after.of(target.kind))
    return any(live_object.address.name == target.name for live_object in after.of(target.kind))


def _id_of(target: Address) -> str:
    return f"the id {target.id}" if target.id else "an empty name"


def _place(change: Change | None) -> str:
    return f"{change.source} " if change is not None and change.source else ""
