"""Which unique values are taken, and by whom: of one property, of several together, or in a space that kinds share.

Law: it follows what is stored. A value is claimed when its object is put and free when the object is taken away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from reconciler.kinds import KeyClaim, KeySpace, Kind
from reconciler.sandbox.shapes import Body

#: A space by its name, and the values claimed in it.
Value = tuple[str, tuple[str, ...]]


class ValueHolder(Struct, frozen=True, order=True):
    """The object that holds a value."""

    kind: str
    id: int


class Taken:
    """The unique values of all objects."""

    def __init__(self) -> None:
        self._holders: dict[Value, ValueHolder] = {}

    def put(self, kind: Kind, number: int, body: Body) -> None:
        """Claim the values of an object; those that are taken stay with their holder."""
        holder = ValueHolder(kind.kind, number)
        for _, value in claims(kind, body):
            self._holders.setdefault(value, holder)

    def take(self, kind: Kind, number: int, body: Body) -> None:
        """Free the values of an object."""
        holder = ValueHolder(kind.kind, number)
        for _, value in claims(kind, body):
            if self._holders.get(value) == holder:
                del self._holders[value]

    def conflict(self, kind: Kind, number: int | None, body: Body) -> tuple[str, ValueHolder] | None:
        """Return the first property whose value another object holds, and that object."""
        for name, value in claims(kind, body):
            holder = self._holders.get(value)
            if holder is not None and holder != ValueHolder(kind.kind, -1 if number is None else number):
                return name, holder
        return None


def claims(kind: Kind, body: Body) -> Iterator[tuple[str, Value]]:
    """Yield the unique values of an object, each with the property that is named where it is taken."""
    for name in kind.unique:
        if body.get(name) is not None:
            yield name, (f"{kind.kind}/{name}", (str(body[name]),))
    for space in kind.spaces:
        for claim in space.claims:
            for parts in _parts(claim, body):
                yield space.tells or claim.each or claim.of[0], (space.name, _joined(space, parts))


def _parts(claim: KeyClaim, body: Body) -> Iterator[tuple[str, ...]]:
    if not claim.each:
        yield _values(claim, body)
    else:
        for key, element in (body.get(claim.each) or {}).items():
            yield _values(claim, element) if claim.of else (key,)


def _values(claim: KeyClaim, body: Any) -> tuple[str, ...]:
    return tuple(str(body.get(name)) for name in claim.of)


def _joined(space: KeySpace, parts: tuple[str, ...]) -> tuple[str, ...]:
    return ("".join(parts),) if space.joined else parts
