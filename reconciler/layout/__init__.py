"""The canonical layout of YAML manifests: the order of keys and the indentation, with every comment kept.

Law: pure; the values that the strict reader finds are the same before and after, only white space comes and goes, and
what is laid out once stays as it is. A document that cannot be laid out so is left as it was written.

Quotes, line breaks within texts, anchors and comments stay the author's. A round trip through ruamel.yaml hangs a
comment on the value before it, and so loses its place when keys move.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from msgspec import Struct

from reconciler.catalogue import Catalogue
from reconciler.layout.lines import written
from reconciler.layout.nodes import Document, read
from reconciler.strictyaml import Problem, load

__all__ = ["Laid", "lay_out"]

#: Line breaks of YAML 1.1 that Python's and ours do not count in the same way.
_ODD_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")


class Laid(Struct, frozen=True):
    """A text in canonical layout, or the problems for which it was left alone."""

    text: str
    problems: tuple[Problem, ...] = ()


def lay_out(catalogue: Catalogue, text: str) -> Laid:
    """Return a YAML text in canonical layout; a text with problems is returned as it is, with them."""
    _, problems = load(text)
    if problems:
        return Laid(text, tuple(problems))
    plain = text.removeprefix("\ufeff")
    if _ODD_BREAKS.search(plain):
        return Laid(text)
    lines = plain.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    found = read("\n".join(lines) + "\n")
    result = _joined(lines, found, [_chosen(catalogue, lines, each) for each in found])
    if not _kept(plain, result):
        return Laid(text)
    return Laid(result.replace("\n", "\r\n") if "\r\n" in plain else result)


def _chosen(catalogue: Catalogue, lines: list[str], document: Document) -> list[str]:
    """Return the lines of a document in the best layout that keeps what they mean."""
    asis = lines[document.first : document.last]
    # An alias must not come before its anchor: if it does, what holds one stays in its order.
    for still in (False, True):
        laid = written(catalogue, lines, document, still=still)
        if _kept("\n".join([*asis, ""]), "\n".join([*laid, ""])):
            return laid
    return asis


def _kept(before: str, after: str) -> bool:
    """Whether a text means the same as another, and only white space came and went: so no comment is lost either."""
    if Counter("".join(before.split())) != Counter("".join(after.split())):
        return False
    (old, _), (new, problems) = load(before), load(after)
    return not problems and _equal([each.value for each in old], [each.value for each in new])


def _equal(left: Any, right: Any) -> bool:
    """Whether two values are equal, types included; the order of keys means nothing."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(each, right[key]) for key, each in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def _joined(lines: list[str], documents: list[Document], parts: list[list[str]]) -> str:
    """Put the documents back between the lines that are none of theirs."""
    result: list[str] = []
    at = 0
    for each, part in zip(documents, parts, strict=True):
        result += [*lines[at : each.first], *part]
        at = each.last
    return "".join(f"{line}\n" for line in [*result, *lines[at:]])
