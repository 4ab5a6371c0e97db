"""Whether the arguments of a call have the types that the server expects, and what it makes of those that have not.

Law: pure. The server reads a request as a stream. A value of the wrong type ends the reading of the arguments; if
nothing but closing brackets follows it, the call fails with `invalidArguments`, otherwise the reader has lost its
place and the whole request is refused. So each check returns what is left of the reader's place.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from reconciler.sandbox import ids

#: Put before every string that was written with an escape: some places take strings only as they stand.
MARK = "\ue000"


class Position(Enum):
    """Where a check leaves the reader."""

    GOOD = "the value has the right type"
    KEPT = "wrong, but the reader stands right behind it"
    LOST = "wrong, and the reader stands somewhere within it"

    def behind(self, last: bool) -> Position:
        """Return the place after the container that this value is in; `last` where nothing follows the value."""
        return Position.LOST if self is Position.KEPT and not last else self


Check = Callable[[Any, Callable[[str], bool]], Position]


def check_arguments(verb: str, arguments: Any, known_method: Callable[[str], bool]) -> Position:
    """Check the arguments of get, set or query. Unknown ones are ignored."""
    if not isinstance(arguments, dict):
        return _wrong(arguments)
    checks = CHECKS[verb]
    final = len(arguments) - 1
    for index, (name, value) in enumerate(arguments.items()):
        if name.startswith(MARK):
            return Position.LOST
        check = checks.get(name)
        place = check(value, known_method) if check else Position.GOOD
        if place is not Position.GOOD:
            return place.behind(index == final)
    return Position.GOOD


def _wrong(value: Any) -> Position:
    """Place the reader after a value of another type: a scalar is read to its end, an array or an object is not."""
    return Position.LOST if isinstance(value, (dict, list)) else Position.KEPT


def _plain(value: Any) -> bool:
    return isinstance(value, str) and not value.startswith(MARK)


def _account(value: Any, _: Callable[[str], bool]) -> Position:
    return Position.GOOD if _plain(value) else _wrong(value)


def _list(value: Any, good: Callable[[Any], bool]) -> Position:
    if value is None:
        return Position.GOOD
    if not isinstance(value, list):
        return _wrong(value)
    for index, member in enumerate(value):
        if not good(member):
            return _wrong(member).behind(index == len(value) - 1)
    return Position.GOOD


def _strings(value: Any, _: Callable[[str], bool]) -> Position:
    return _list(value, lambda member: isinstance(member, str))


def _plain_strings(value: Any, _: Callable[[str], bool]) -> Position:
    return _list(value, _plain)


def _reference(value: Any, known_method: Callable[[str], bool]) -> Position:
    """Check a result reference: `resultOf`, `name` (of a method that exists) and `path`."""
    if not isinstance(value, dict):
        return _wrong(value)
    final = len(value) - 1
    for index, (name, member) in enumerate(value.items()):
        if name in ("resultOf", "name", "path") and not isinstance(member, str):
            return _wrong(member).behind(index == final)
        if (name == "name" and not known_method(member.removeprefix(MARK))) or (name == "path" and not _plain(member)):
            return Position.KEPT.behind(index == final)
    return Position.GOOD if {"resultOf", "name", "path"} <= value.keys() else Position.KEPT


def _state(value: Any, _: Callable[[str], bool]) -> Position:
    if value is None:
        return Position.GOOD
    if not _plain(value):
        return _wrong(value)
    return Position.GOOD if ids.well_formed_state(value) else Position.KEPT


def _objects(value: Any, _: Callable[[str], bool]) -> Position:
    return Position.GOOD if value is None or isinstance(value, dict) else _wrong(value)


def _patches(value: Any, known_method: Callable[[str], bool]) -> Position:
    if isinstance(value, dict) and any(name.startswith(MARK) for name in value):
        return Position.LOST
    return _objects(value, known_method)


def _number(low: int, high: int) -> Check:
    def check(value: Any, _: Callable[[str], bool]) -> Position:
        whole = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return Position.GOOD if value is None or whole else _wrong(value)

    return check


def _boolean(value: Any, _: Callable[[str], bool]) -> Position:
    return Position.GOOD if value is None or isinstance(value, bool) else _wrong(value)


def _text(value: Any, _: Callable[[str], bool]) -> Position:
    return Position.GOOD if value is None or isinstance(value, str) else _wrong(value)


def _filter(value: Any, known_method: Callable[[str], bool]) -> Position:
    if value is None:
        return Position.GOOD
    if not isinstance(value, dict):
        return _wrong(value)
    final = len(value) - 1
    for index, (name, member) in enumerate(value.items()):
        place = Position.GOOD
        if name == "operator":
            place = Position.GOOD if member in ("AND", "OR", "NOT") else _wrong(member)
        elif name == "conditions":
            place = _conditions(member, known_method)
        if place is not Position.GOOD:
            return place.behind(index == final)
    mixed = "conditions" in value and value.keys() - {"conditions", "operator"}
    return Position.KEPT if mixed else Position.GOOD


def _conditions(value: Any, known_method: Callable[[str], bool]) -> Position:
    return _members(value, _filter, known_method)


def _sort(value: Any, known_method: Callable[[str], bool]) -> Position:
    return Position.GOOD if value is None else _members(value, _comparator, known_method)


def _members(value: Any, check: Check, known_method: Callable[[str], bool]) -> Position:
    if not isinstance(value, list):
        return _wrong(value)
    for index, member in enumerate(value):
        place = check(member, known_method)
        if place is not Position.GOOD:
            return place.behind(index == len(value) - 1)
    return Position.GOOD


def _comparator(value: Any, known_method: Callable[[str], bool]) -> Position:
    if not isinstance(value, dict):
        return _wrong(value)
    final = len(value) - 1
    for index, (name, member) in enumerate(value.items()):
        place = Position.GOOD
        if name == "collation":
            place = _text(member, known_method)
        elif (name == "isAscending" and not isinstance(member, bool)) or (
            name == "property" and not isinstance(member, str)
        ):
            place = _wrong(member)
        if name.startswith(MARK):
            return Position.LOST
        if place is not Position.GOOD:
            return place.behind(index == final)
    return Position.GOOD


CHECKS: dict[str, dict[str, Check]] = {
    "get": {
        "accountId": _account,
        "ids": _strings,
        "#ids": _reference,
        "properties": _strings,
        "#properties": _reference,
    },
    "query": {
        "accountId": _account,
        "filter": _filter,
        "sort": _sort,
        "position": _number(-(2**31), 2**31 - 1),
        "anchor": _text,
        "anchorOffset": _number(-(2**31), 2**31 - 1),
        "limit": _number(0, 2**64 - 1),
        "calculateTotal": _boolean,
    },
    "set": {
        "accountId": _account,
        "ifInState": _state,
        "create": _objects,
        "update": _patches,
        "destroy": _plain_strings,
        "#destroy": _reference,
    },
}
