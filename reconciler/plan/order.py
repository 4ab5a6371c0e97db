"""The phases of the work: what is done before what.

Law: pure; destroys that free a name come first, then creates and updates, then singletons, then destroys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.kinds import Catalogue, levels
from reconciler.values import Change, Phase, Wire


class Order:
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
