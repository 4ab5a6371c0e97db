"""What a routing test expects, and what came of it.

Law: values only; places are worked out when they are asked for, since most expectations hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from reconciler.mail.explain.state import Origin
from reconciler.values import Source

#: Finds the place of a path in the document of a case.
Find = Callable[[tuple[str, ...]], Source]


class Expectation(Struct, frozen=True):
    """What is expected of one message: a name by field, or a tuple of names for filters."""

    #: The attempt in a ladder, from 0; None outside a ladder.
    retry: int | None
    given: Mapping[str, Any]
    expected: Mapping[str, str | tuple[str, ...]]
    #: Where the expectations stand in the document.
    path: tuple[str, ...]


class Case(Struct, frozen=True):
    """One case of a routing test."""

    name: str
    steps: tuple[Expectation, ...]
    path: tuple[str, ...]
    find: Find

    @property
    def place(self) -> Source:
        """Where the case stands."""
        return self.find(self.path)


class Check(Struct, frozen=True, kw_only=True):
    """One expectation, and what it was held against."""

    retry: int | None
    field: str
    expected: str | tuple[str, ...]
    #: What the server would take; None where that is unknown.
    actual: str | tuple[str, ...] | None
    passed: bool
    #: Where the expectation stands; None where it holds.
    place: Source | None = None
    #: The part of the expression that decided, its condition ("" for `else`), its place, and why it is there.
    pointer: str = ""
    condition: str = ""
    decided: Source | None = None
    origin: Origin = "default"
    because: str = ""


class CaseResult(Struct, frozen=True):
    """What became of one case: a check for every expectation."""

    case: Case
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every expectation holds."""
        return all(check.passed for check in self.checks)


def listed(value: str | tuple[str, ...]) -> str:
    """Print a name, or a list of names."""
    return value if isinstance(value, str) else f"[{', '.join(value)}]"


def decided_where(check: Check) -> str:
    """Say which part of which expression decided, and where it stands."""
    if not check.pointer:
        return ""
    part = f"if {check.condition}" if check.condition else check.pointer
    at = {"declared": "", "live": " on the server"}.get(check.origin, ", the server's default")
    word = "undecided at" if check.actual is None else "decided by"
    return f"{word} {part}{f' at {check.decided}' if check.decided else at}"
