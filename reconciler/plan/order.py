"""The phases of the work: what is done before what.

Law: pure; destroys that free a name come first, then creates and updates, then singletons, then destroys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from reconciler.kinds import Catalogue, levels
from reconciler.plan.circles import ranks
from reconciler.values import Change, Phase, Wire


class Order:
    """The phases of the work, by how deep each kind's references go."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.levels = levels(catalogue)

    def phases(self, changes: Sequence[Change]) -> tuple[tuple[Change, ...], tuple[Phase, ...]]:
        """Order changes: destroys that free a name, creates and updates, singletons, destroys.

        What refers to a new object comes in a later phase; what refers to a doomed one goes in an earlier one.

        Returns:
            The changes, each with its number, and the phases.
        """
        frees: defaultdict[int, list[int]] = defaultdict(list)
        makes: defaultdict[int, list[int]] = defaultdict(list)
        singletons: list[int] = []
        destroys: defaultdict[int, list[int]] = defaultdict(list)
        depth = ranks(self.catalogue, changes, self.levels)
        claimed = {claim for change in changes if change.action != "destroy" for claim in self._claims(change)}
        for place, change in enumerate(changes):
            level = depth[place]
            if change.action == "destroy":
                early = any(held in claimed for held in self._names(change, change.before))
                (frees if early else destroys)[level].append(place)
            elif self.catalogue.kinds[change.address.kind].singleton:
                singletons.append(place)
            else:
                makes[level].append(place)
        phases = [("free", frees[level]) for level in sorted(frees, reverse=True)]
        phases += [("make", makes[level]) for level in sorted(makes)]
        phases += [("repoint", singletons)] if singletons else []
        phases += [("destroy", destroys[level]) for level in sorted(destroys, reverse=True)]
        return numbered(changes, phases)

    def _names(self, change: Change, wire: Wire | None) -> Iterator[tuple[str, str, Any]]:
        """Yield the values that the server lets only one object of the kind have."""
        for name in self.catalogue.kinds[change.address.kind].unique:
            yield change.address.kind, name, (wire or {}).get(name)

    def _claims(self, change: Change) -> Iterator[tuple[str, str, Any]]:
        """Yield the unique values that a change brings about."""
        held = set(self._names(change, change.before))
        return (claim for claim in self._names(change, change.after) if claim not in held)


def numbered(
    changes: Sequence[Change], phases: Iterable[tuple[str, Sequence[int]]]
) -> tuple[tuple[Change, ...], tuple[Phase, ...]]:
    """Give changes numbers in the order of the phases, which name them by place. What no phase names is left out."""
    phases = list(phases)
    order = list(dict.fromkeys(place for _, places in phases for place in places))
    known = {place: replace(changes[place], number=number) for number, place in enumerate(order)}
    return tuple(known.values()), tuple(Phase(name, tuple(known[place] for place in places)) for name, places in phases)
