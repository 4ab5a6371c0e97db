"""What policy refuses: too many destroys or updates, something kept, a kind that would be emptied.

Law: pure; every refusal is a sentence that names what lifts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reconciler.kinds import Catalogue, address_of, key_of
from reconciler.values import Change, Globs, LiveObject, LiveState, Policy, Resource


def limits(changes: Sequence[Change], live: LiveState, policy: Policy) -> list[str]:
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


def kept(catalogue: Catalogue, changes: Sequence[Change], policy: Policy) -> list[str]:
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


def mistaken(catalogue: Catalogue, changes: Sequence[Change], kept: Sequence[LiveObject]) -> list[str]:
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


def empty(doomed: Sequence[LiveObject], desired: Sequence[Resource], policy: Policy) -> list[str]:
    """Say which pruned kinds would lose objects although none of the kind is declared."""
    declared = {resource.address.kind for resource in desired}
    kinds = {each.address.kind for each in doomed}
    return [
        f"{kind} is pruned and nothing of it is declared; --allow-empty {kind} lifts this"
        for kind in sorted(kinds - declared - policy.allow_empty)
    ]
