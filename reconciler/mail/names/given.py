"""What is said of everything that one expression can give.

Law: plain values, which need nothing of the language.
"""

from __future__ import annotations

from msgspec import Struct

#: Characters of a text, or elements of a list, that are followed at most.
LONGEST = 4096


class PossibleText(Struct, frozen=True, order=True):
    """A text that an expression can give, and the column (from 1) of what gives it."""

    text: str
    column: int
    #: It is what a list holds past its end, which not every message reaches.
    past_end: bool = False


class Other(Struct, frozen=True, order=True):
    """A result that is no text: what it is, for people, and its column."""

    result: str
    column: int


class Untold(Struct, frozen=True, order=True):
    """A result that depends on the message: why, and its column."""

    because: str
    column: int


class Possible(Struct, frozen=True):
    """Everything that one expression can give."""

    texts: tuple[PossibleText, ...] = ()
    others: tuple[Other, ...] = ()
    untold: tuple[Untold, ...] = ()
