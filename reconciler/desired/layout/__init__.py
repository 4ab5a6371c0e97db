"""The canonical layout of YAML manifests: the order of keys and the indentation, with every comment kept.

Law: pure; the values that the strict reader finds are the same before and after, only white space comes and goes, and
what is laid out once stays as it is. A document that cannot be laid out so is left as it was written, and told; one
that is no manifest's is none of ours.

Quotes, line breaks within texts, anchors and comments stay the author's. A round trip through ruamel.yaml hangs a
comment on the value before it, and so loses its place when keys move.
"""

from __future__ import annotations

import re
from collections import Counter

from msgspec import Struct

from reconciler.desired.layout.hiding import hidden
from reconciler.desired.layout.lines import Irregular, written
from reconciler.desired.layout.nodes import DocumentLines, read
from reconciler.desired.layout.order import Order, ours, top
from reconciler.kinds import Catalogue, exact
from reconciler.yamlio import Problem, load

__all__ = ["Laid", "hidden", "lay_out"]

#: Line breaks of YAML 1.1 that Python's and ours do not count in the same way.
_ODD_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")


#: How often a text is laid out at most until it stays as it is; a second time is rare, since it takes what made room.
_ROUNDS = 4


class Laid(Struct, frozen=True):
    """A text in canonical layout, or the problems for which it was left alone."""

    text: str
    problems: tuple[Problem, ...] = ()
    #: The documents of manifests that have no canonical layout: where and why.
    left: tuple[Problem, ...] = ()


def lay_out(catalogue: Catalogue, text: str) -> Laid:
    """Return a YAML text in canonical layout; a text with problems is returned as it is, with them."""
    _, problems = load(text)
    if problems:
        return Laid(text, tuple(problems))
    plain = text.removeprefix("\ufeff")
    odd = _ODD_BREAKS.search(plain)
    if odd:
        line = plain.count("\n", 0, odd.start())
        return Laid(text, left=(_left(line, "a line break of another sort than the others"),))
    lines = plain.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    order = top(catalogue)
    before, (result, left) = lines, _once(catalogue, order, lines)
    for _ in range(_ROUNDS):
        if result == before:
            break
        before, (result, _) = result, _once(catalogue, order, result)
    else:
        return Laid(text, left=(_left(0, "what would change again the next time"),))
    laid = "".join(f"{line}\n" for line in result)
    if not _kept(plain, laid):
        if plain.endswith("\n"):
            return Laid(text, left=(_left(0, "what would not mean the same"),))
        # A text behind `|` ends with a line end only where one is written.
        laid = laid.removesuffix("\n")
        if not _kept(plain, laid):
            reason = "a text of several lines without a line end behind the last"
            return Laid(text, left=(_left(plain.count("\n"), reason),))
    # Where line ends are mixed, those that most lines have.
    windows = plain.count("\r\n") * 2 > plain.count("\n")
    return Laid(laid.replace("\n", "\r\n") if windows else laid, left=tuple(left))


def _left(line: int, reason: str) -> Problem:
    message = f"the document is left as it is, because fmt cannot lay out {reason}"
    return Problem(line + 1, 0, "left-alone", message)


def _once(catalogue: Catalogue, order: Order, lines: list[str]) -> tuple[list[str], list[Problem]]:
    """Return lines with each document in its layout, and what was left alone."""
    result: list[str] = []
    left: list[Problem] = []
    at = 0
    for document in read("".join(f"{line}\n" for line in lines)):
        result += lines[at : document.first]
        at = document.last
        asis = lines[document.first : at]
        if not ours(catalogue, document):
            result += asis
            continue
        try:
            result += _chosen(order, lines, document)
        except Irregular as irregular:
            result += asis
            left.append(_left(irregular.line, irregular.reason))
    return [*result, *lines[at:]], left


def _chosen(order: Order, lines: list[str], document: DocumentLines) -> list[str]:
    """Return the lines of a document in the best layout that keeps what they mean.

    Raises:
        Irregular: there is none.
    """
    asis = lines[document.first : document.last]
    # An alias must not come before its anchor: if it does, what holds one stays in its order.
    for still in (False, True):
        laid = written(order, lines, document, still=still)
        if laid == asis or _kept("\n".join([*asis, ""]), "\n".join([*laid, ""])):
            return laid
    raise Irregular(document.first, "what would not mean the same with other blanks")


def _kept(before: str, after: str) -> bool:
    """Whether a text means the same as another, and only white space came and went: so no comment is lost either."""
    if before == after:
        return True
    if Counter("".join(before.split())) != Counter("".join(after.split())):
        return False
    (old, _), (new, problems) = load(before), load(after)
    return not problems and exact([document.value for document in old], [document.value for document in new])
