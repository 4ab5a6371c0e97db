"""How two values differ, element by element, for people.

Law: asked only about values that are known to differ and will be shown; nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

from msgspec import UNSET, Struct
from msgspec.json import encode
from msgspec.structs import replace

#: Comparisons of two elements up to which the longest common subsequence is found; beyond, a long one does.
_THOROUGH = 1_000_000
#: The share of its fields that an element must keep to be taken for the same one, changed.
_ALIKE = 0.5
_NESTS = (dict, list)


class Detail(Struct, frozen=True, kw_only=True):
    """One difference within a value: a path into the value after (of what is removed: before), and both values."""

    change: Literal["insert", "remove", "move", "update"]
    path: str
    before: Any = UNSET
    after: Any = UNSET
    #: The path before, where an element has another place now.
    was: str = ""


def details(before: Any, after: Any) -> tuple[Detail, ...]:
    """Say element by element how two human values differ. Lists are aligned, so that one new element is one line."""
    if isinstance(before, list) and isinstance(after, list):
        return tuple(sorted(_aligned(before, after), key=_in_order))
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return tuple(_nested(before, after))
    # A list below is aligned as well, which a comparison place by place would not do.
    inner = [name for name in before if any(isinstance(value.get(name), _NESTS) for value in (before, after))]
    inner = [name for name in inner if type(before[name]) is type(after.get(name))]
    rest = [{name: member for name, member in value.items() if name not in inner} for value in (before, after)]
    below = [_below(detail, name, name) for name in inner for detail in details(before[name], after[name])]
    # Those of one list stay in their order.
    return tuple(sorted((*_nested(*rest), *below), key=lambda detail: detail.path.partition("/")[0]))


def _below(detail: Detail, step: str, before: str) -> Detail:
    """Return a difference with one more step in front of its path; the element stood at `before` earlier."""
    return replace(detail, path=f"{step}/{detail.path}", was=f"{before}/{detail.was}" if detail.was else "")


def _in_order(detail: Detail) -> tuple[int, bool]:
    return int(detail.path.partition("/")[0]), detail.change != "remove"


def _nested(before: Any, after: Any) -> Iterator[Detail]:
    from deepdiff import DeepDiff

    levels = [
        level for group in DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0).values() for level in group
    ]
    paths = ["/".join(str(step) for step in level.path(output_format="list")) for level in levels]
    for path, level in sorted(zip(paths, levels, strict=True), key=lambda pair: _sorted(pair[0])):
        if type(level.t1).__name__ == "NotPresent":
            yield Detail(change="insert", path=path, after=level.t2)
        elif type(level.t2).__name__ == "NotPresent":
            yield Detail(change="remove", path=path, before=level.t1)
        else:
            yield Detail(change="update", path=path, before=level.t1, after=level.t2)


def _sorted(path: str) -> list[tuple[int, int, str]]:
    return [(0, int(step), "") if step.isdigit() else (1, 0, step) for step in path.split("/")]


def _aligned(before: Sequence[Any], after: Sequence[Any]) -> Iterator[Detail]:
    """Yield what became of each element: those that stayed in their order are left out."""
    old, new = (
        [encode(element, order="sorted") for element in before],
        [encode(element, order="sorted") for element in after],
    )
    kept = _common(old, new)
    gone = sorted(set(range(len(old))) - {at for at, _ in kept})
    come = sorted(set(range(len(new))) - {at for _, at in kept})
    moved: dict[int, int] = {}
    for at in come:
        was = next((number for number in gone if old[number] == new[at]), None)
        if was is not None:
            moved[at] = was
            gone.remove(was)
    changed = _alike(before, after, kept, gone, [at for at in come if at not in moved])
    for at in gone:
        if at not in changed.values():
            yield Detail(change="remove", path=str(at), before=before[at])
    for at in come:
        if at in moved:
            yield Detail(change="move", path=str(at), was=str(moved[at]), after=after[at])
        elif at not in changed:
            yield Detail(change="insert", path=str(at), after=after[at])
        elif isinstance(before[changed[at]], dict):
            for inner in details(before[changed[at]], after[at]):
                yield _below(inner, str(at), str(changed[at]))
        else:
            yield Detail(change="update", path=str(at), before=before[changed[at]], after=after[at])


def _common(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return the places of a longest common subsequence in both."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    inner_old, inner_new = old[start : len(old) - end], new[start : len(new) - end]
    pairs = [(at, at) for at in range(start)]
    pairs += [(start + a, start + b) for a, b in _longest(inner_old, inner_new)]
    return pairs + [(len(old) - at, len(new) - at) for at in range(end, 0, -1)]


def _longest(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    if len(old) * len(new) > _THOROUGH:
        from difflib import SequenceMatcher

        for a, b, size in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
            yield from ((a + step, b + step) for step in range(size))
        return
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for a in reversed(range(len(old))):
        for b in reversed(range(len(new))):
            equal = old[a] == new[b]
            lengths[a][b] = lengths[a + 1][b + 1] + 1 if equal else max(lengths[a + 1][b], lengths[a][b + 1])
    a = b = 0
    while a < len(old) and b < len(new):
        if old[a] == new[b]:
            yield a, b
            a, b = a + 1, b + 1
        elif lengths[a + 1][b] >= lengths[a][b + 1]:
            a += 1
        else:
            b += 1


def _alike(
    before: Sequence[Any],
    after: Sequence[Any],
    kept: Sequence[tuple[int, int]],
    gone: Sequence[int],
    come: Sequence[int],
) -> dict[int, int]:
    """Return which new element is which old one, changed: both stand between the same elements that stayed."""
    pairs: dict[int, int] = {}
    edges = [(-1, -1), *kept, (len(before), len(after))]
    for (old_from, new_from), (old_to, new_to) in pairwise(edges):
        olds = [at for at in gone if old_from < at < old_to]
        news = [at for at in come if new_from < at < new_to]
        same_count = len(olds) == len(news)
        for old in olds:
            taken = next((new for new in news if _same(before[old], after[new], scalars=same_count)), None)
            if taken is not None:
                pairs[taken] = old
                news = [new for new in news if new > taken]
    return pairs


def _same(old: Any, new: Any, *, scalars: bool) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        equal: float = sum(name in new and new[name] == value for name, value in old.items())
        return equal >= _ALIKE * max(len(old), len(new))
    return scalars and not isinstance(old, dict | list) and not isinstance(new, dict | list)
