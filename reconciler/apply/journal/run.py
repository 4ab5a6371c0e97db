"""One apply as a journal tells it.

Law: a value; a change without a result is one of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.apply.journal.origin import NOWHERE, Origin
from reconciler.values import Action, Address, Change, ResultKind, Wire


class Who(Struct, frozen=True):
    """Who runs this program, and where."""

    user: str
    host: str
    pid: int


class RecordedResult(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What became of the change at an index of the run."""

    index: int
    result: ResultKind
    id: str = ""
    because: str = ""


class Run(Struct, frozen=True, kw_only=True):
    """One apply: what it was about to do, and what became of it as far as it was recorded."""

    id: str
    #: When it began, in UTC.
    time: str
    who: Who
    target: str
    url: str
    #: Digest of the plan.
    plan: str
    #: In the plan's order; without fields and sources, and without `after` where the patch tells it.
    changes: tuple[Change, ...]
    #: Per change: the action that undoes it and what that sends, or why there is none.
    inverses: tuple[tuple[Action, Wire] | str, ...]
    #: Per kind that the server runs in order of creation: the ids before the run, and what they were called.
    order: Mapping[str, tuple[tuple[str, Address], ...]] = {}
    results: Mapping[int, RecordedResult] = {}
    #: The exit code; None where the run did not finish.
    code: int | None = None
    reload: str = ""
    origin: Origin = NOWHERE
    #: The run that this one undoes, or "".
    undoes: str = ""
    #: When it ended, in UTC; "" where it did not finish.
    ended: str = ""
    #: Addresses of what acts at the next start of the server only.
    restart: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.code is not None
