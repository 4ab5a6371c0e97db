"""What `query` answers: which ids, in which order, and which page of them.

Law: pure over a table. The server has two ways of answering. The fast one pages through ids in ascending order and
turns the page round afterwards, so that pages overlap and leave gaps; it is copied here with its faults, for clients
must know to avoid it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reconciler.kinds import Kind
from reconciler.sandbox import hostnames, ids
from reconciler.sandbox.request import MethodError
from reconciler.sandbox.shapes import Body
from reconciler.sandbox.store import Table

_LOW = 2**32 - 1
_WORD = re.compile(r"\w+")
_OPERATORS = ("GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")


def query(table: Table, names: frozenset[str], arguments: dict[str, Any], most: int) -> dict[str, Any]:
    """Return the answer to a query, without `accountId`; `most` is how many ids one answer holds.

    Raises:
        MethodError: unsupportedFilter, unsupportedSort or anchorNotFound.
    """
    conditions = list(_conditions(table, names, arguments.get("filter")))
    name, ascending = _order(names, arguments.get("sort"))
    fast = (
        name == "id"
        and not arguments.get("calculateTotal")
        and not arguments.get("anchorOffset")
        and (arguments.get("position") is None or arguments["position"] > 0)
    )
    window = _Window(arguments, most) if fast else None
    matches: list[int] | None = None
    if conditions or name == "id":
        matches = _matches(table, conditions, window)
        if not matches:
            return _page((), arguments, most, fast)
    if name == "id":
        results: Sequence[int] = matches or ()
        return _page(results if ascending else _Backwards(results), arguments, most, fast)
    if name not in table.kind.filters or name in table.kind.searches:
        raise _unsupported_sort(name)
    wanted = None if matches is None else set(matches)
    values = [number for _, number in table.by(name) if wanted is None or number in wanted]
    values = list(dict.fromkeys(values))
    return _page(values if ascending else values[::-1], arguments, most, fast)


def _unsupported_sort(name: str) -> MethodError:
    return MethodError("unsupportedSort", f"Property {name} is not supported for sorting")


def _order(names: frozenset[str], sort: list[dict[str, Any]] | None) -> tuple[str, bool]:
    """Only the first comparator counts; without one, the newest comes first."""
    if not sort:
        return "id", False
    name = sort[0].get("property", "")
    if name not in names:
        raise _unsupported_sort(name)
    return name, sort[0].get("isAscending", True)


def _conditions(table: Table, names: frozenset[str], value: dict[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """Yield (property, operator, value) of every condition; all must hold."""
    if not value:
        return
    operator = value.get("operator", "AND")
    for key, member in value.items():
        if key == "operator":
            continue
        if key == "conditions":
            if operator != "AND":
                raise MethodError("unsupportedFilter", "Only AND is supported in filters")
            for condition in member:
                yield from _conditions(table, names, condition)
            continue
        name, operator_ = (key, "") if key in names or key in table.kind.filters else _comparison(key, names)
        sought = _sought(table.kind, name, member) if name in table.kind.filters else None
        if sought is None:
            raise MethodError("unsupportedFilter", f"Filter on property {name} is not supported or invalid")
        yield name, operator_, sought


def _sought(kind: Kind, name: str, value: Any) -> str | None:
    """Return a value as objects hold it, or None where no object can hold it."""
    if not isinstance(value, str):
        return None
    if name == "@type":
        return value if value in kind.variants else None
    shapes = (kind.shape(variant) for variant in kind.variants or ("",))
    word = next((shape[name] for shape in shapes if name in shape), None)
    if word is None or name in kind.searches:
        return value
    if word.to:
        return ids.canonical(value)
    return hostnames.network(value) if word.form == "network" else value


def _comparison(key: str, names: frozenset[str]) -> tuple[str, str]:
    name, separator, operator = key.rpartition("Is")
    if not separator or name not in names or operator not in _OPERATORS:
        raise MethodError("unsupportedFilter", key)
    return name, operator


class _Window:
    """Where the fast path begins and ends, in the order of what it goes through."""

    def __init__(self, arguments: dict[str, Any], most: int) -> None:
        limit = arguments.get("limit")
        # The server looks at the limit after it has taken an id: a limit of 0 takes one.
        self.size = max(min(most if limit is None else limit, most), 1)
        anchor = arguments.get("anchor")
        self.anchor = None if anchor is None else _anchor(anchor)
        self.offset = 0 if self.anchor is not None else arguments.get("position") or 0

    def over_ids(self, order: list[int]) -> list[int]:
        start = self.offset if self.anchor is None else bisect_right(order, self.anchor)
        return order[start : start + self.size]

    def over_matches(self, matches: list[int]) -> list[int]:
        """Cut matches. An anchor that is not among them is never passed, and nothing is taken."""
        start = self.offset
        if self.anchor is not None:
            start = matches.index(self.anchor) + 1 if self.anchor in matches else len(matches)
        return matches[start : start + self.size]


def _matches(table: Table, conditions: list[tuple[str, str, str]], window: _Window | None) -> list[int]:
    if not conditions:
        return table.order if window is None else window.over_ids(table.order)
    lists = [_range(table, *condition) for condition in conditions]
    if len(lists) == 1:
        # One condition is paged in the order of its values, several in the order of ids.
        return sorted(lists[0] if window is None else window.over_matches(lists[0]))
    both = sorted(set(lists[0]).intersection(*lists[1:]))
    return both if window is None else window.over_matches(both)


def _range(table: Table, name: str, operator: str, value: str) -> list[int]:
    """Return the ids whose value compares so, ascending by value."""
    if name in table.kind.searches:
        sought = words(value)
        return [row.id for row in table if sought <= _held(row.body, table.kind.searches[name])]
    pairs = table.by(name)
    low, high = bisect_left(pairs, (value, -1)), bisect_right(pairs, (value, ids.UNSET))
    chosen = {
        "": pairs[low:high],
        "GreaterThan": pairs[high:],
        "GreaterThanOrEqual": pairs[low:],
        "LessThan": pairs[:low],
        "LessThanOrEqual": pairs[:high],
    }[operator]
    return [number for _, number in chosen]


def words(text: str) -> set[str]:
    """Return the words of a text as the server searches them."""
    return set(_WORD.findall(text.lower()))


def _held(body: Body, names: Iterable[str]) -> set[str]:
    """Return the words in some properties: in texts, in the members of sets, and in the texts of lists' elements."""
    held: set[str] = set()
    waiting: list[Any] = [body.get(name) for name in names]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            held |= words(value)
        elif isinstance(value, dict):
            waiting += [name if member is True else member for name, member in value.items()]
    return held


def _anchor(value: str) -> int:
    number = ids.parse(value)
    return ids.UNSET if number is None else number


class _Backwards(Sequence[int]):
    """A list read from its end: pages of it cost what they hold, not what stands before them."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            start, stop, _ = at.indices(len(self))
            return self._numbers[max(len(self) - stop, 0) : max(len(self) - start, 0)][::-1]
        return self._numbers[-1 - at]

    def index(self, value: int, start: int = 0, stop: int | None = None) -> int:
        """Return where an id stands; the numbers ascend, so this is a search by halves."""
        at = bisect_left(self._numbers, value)
        if at == len(self._numbers) or self._numbers[at] != value:
            raise ValueError(value)
        return len(self) - 1 - at


def _page(results: Sequence[int], arguments: dict[str, Any], most: int, fast: bool) -> dict[str, Any]:
    """Cut a page (RFC 8620 section 5.5, with the server's own arithmetic of positions)."""
    asked = None if fast else arguments.get("limit")
    limit = most if asked is None else min(asked, most)
    size = min(limit, len(results)) or len(results)  # a limit of 0 means no limit
    anchor = None if fast else arguments.get("anchor")
    position = 0 if fast else arguments.get("position") or 0
    if anchor is not None:
        page, position = _from_anchor(results, _anchor(anchor), arguments.get("anchorOffset") or 0, size, position)
        if limit == 0 and (arguments.get("anchorOffset") or 0) < 0:
            page = []
        if position < 0:
            start = max(len(page) + position, 0)
            page, position = page[start : start + size], start
    elif position >= 0:
        page = list(results[position : position + size])
        position = position if position <= len(results) else 0
    else:
        start = max(len(results) + position, 0)
        page, position = list(results[start : start + size]), start
    answer: dict[str, Any] = {
        "queryState": "n",
        "canCalculateChanges": True,
        "position": position,
        "ids": [ids.text(number) for number in page],
    }
    if arguments.get("calculateTotal"):
        answer["total"] = len(results)
    if len(results) > limit:
        answer["limit"] = limit
    return answer


def _from_anchor(results: Sequence[int], anchor: int, offset: int, size: int, position: int) -> tuple[list[int], int]:
    try:
        at = results.index(anchor)
    except ValueError:
        # The server compares the lower half of the number only.
        low = anchor & _LOW
        at = next((index for index, number in enumerate(results) if number & _LOW == low), -1)
    if at < 0:
        raise MethodError("anchorNotFound", "The anchor is not among the results.") from None
    if offset < 0:
        start = max(at + offset, 0)
        return list(results[start : start + size]), position + at + offset
    start = min(at + offset, len(results))
    return list(results[start : start + size]), position + start
