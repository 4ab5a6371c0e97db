"""What a comparison of two states says of mail.

Law: values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from reconciler.mail.explain import Choice
from reconciler.mail.movement.regions import Region


class Side(Struct, frozen=True, kw_only=True):
    """What mail takes on one side: the choice, or whether a filter is asked."""

    #: The name that the server looks up, or the filter's address.
    name: str
    #: The object's properties; None where there is no object of the name.
    wire: Mapping[str, Any] | None = None
    #: What the server uses without an object.
    uses: str = ""
    #: Whether the name has no object and is none that works without: the server logs a warning.
    dangling: bool = False
    #: The part of the expression that decided, and its condition ("" for `else`).
    pointer: str = ""
    condition: str = ""
    #: False for a filter that is not asked.
    asked: bool = True


class Shift(Struct, frozen=True):
    """What one expression chooses before and after."""

    field: str
    before: Side
    after: Side


class Rung(Struct, frozen=True):
    """One attempt of the witness: when it comes at the earliest (ms), and the names on both sides."""

    attempt: int
    earliest: int
    before: str
    after: str


class Flow(Struct, frozen=True, kw_only=True):
    """Mail that is told apart in the same way, and what changes for it.

    `certain` is false where mail may move and nobody can tell: `because` says why.
    """

    shifts: tuple[Shift, ...]
    #: Which mail, one line a region; a mail is in at most one.
    mail: tuple[str, ...]
    #: When: at which attempts, when it is queued, at which stages.
    when: str
    certain: bool = True
    because: str = ""
    #: A message of each region that was evaluated on both sides; () where none was found.
    witnesses: tuple[Mapping[str, Any], ...] = ()
    ladder: tuple[Rung, ...] = ()
    #: The lines of `mail` in a form that can be asked.
    regions: tuple[Region, ...] = ()


class Movement(Struct, frozen=True, kw_only=True):
    """Which mail goes another way: flows that move, and what cannot be told."""

    flows: tuple[Flow, ...] = ()
    unsure: tuple[Flow, ...] = ()
    #: Fields that cannot be compared, and why; and why a cover is not full.
    reasons: tuple[str, ...] = ()
    #: Parts of all mail that were looked at, and condition steps spent.
    classes: int = 0
    steps: int = 0

    @property
    def still(self) -> bool:
        """Whether it is proved that no mail moves."""
        return not (self.flows or self.unsure or self.reasons)

    @property
    def proved(self) -> bool:
        """Whether all other mail is proved to be unchanged."""
        return not self.reasons


class Ending(Struct, frozen=True):
    """What a program comes to. `key` tells whether two are the same; `term` names a result that is not known."""

    key: tuple[object, ...]
    side: Side
    term: str = ""
    because: str = ""


def side_of(choice: Choice) -> Side:
    """Return a choice as a side."""
    return Side(
        name=choice.name,
        wire=choice.held.wire if choice.held else None,
        uses=choice.uses,
        dangling=choice.outcome == "fallback",
        pointer=choice.pointer,
        condition=choice.condition,
    )
