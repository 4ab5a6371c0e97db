"""Whether what a plan is about to touch is still as it was when the plan was made.

Law: pure; asked before each request that writes, since the server has no state string that would refuse a stale write.
Between the read and the write a small window remains, which nothing on this server can close.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.kinds import Catalogue
from reconciler.plan.saved.basis import Basis, Now, bases
from reconciler.values import Change, LiveState, Plan


class Guard:
    """The fingerprints of one plan."""

    def __init__(self, catalogue: Catalogue, basis: Basis, plan: Plan) -> None:
        self._catalogue = catalogue
        self._was = {change.number: was for change, was in bases(basis, plan)}

    def __call__(
        self, live: LiveState, changes: Sequence[Change], strangers: Mapping[str, Collection[str]]
    ) -> tuple[tuple[str, ...], tuple[Change, ...]]:
        """Look at some changes that are about to be made.

        Args:
            live: what these changes touch, and what is new of their kinds, read just now.
            changes: what is about to be begun.
            strangers: ids of objects that somebody else has made since the plan was, by kind.

        Returns:
            A sentence for each object that is no longer as the plan knows it, and the changes that somebody else made.
        """
        now = Now(self._catalogue, live)
        stale: list[str] = []
        made: list[Change] = []
        for change in changes:
            was = self._was[change.number]
            message = now.changed(change, was, strangers)
            if not message:
                continue
            if now.wanted(change, was.others, sure=True):
                made.append(change)
            else:
                stale.append(message)
        return tuple(stale), tuple(made)
