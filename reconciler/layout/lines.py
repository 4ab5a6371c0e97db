"""A document's lines in canonical layout.

Law: lines are moved and indented, never printed anew; only between brackets in one line are parts put together again.
Comments go with the key or element below them; those at the end of a mapping or list that are indented with it stay
there. What is written in an unusual way is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from reconciler.catalogue import Catalogue
from reconciler.layout.nodes import Block, Document, List, Mapping, Node, Scalar
from reconciler.layout.order import Order, arranged, nothing, top

_COLON = re.compile(r"[ ]*:(?:[ ]+|\Z)")


class Irregular(Exception):
    """A document is written in a way that is left alone."""


def written(catalogue: Catalogue, lines: list[str], document: Document, *, still: bool) -> list[str]:
    """Return the lines of a document in canonical layout, or as they are where they are irregular."""
    asis = lines[document.first : document.last]
    root = document.root
    if not isinstance(root, Mapping) or root.flow or root.anchored or not root.pairs:
        return asis
    try:
        return _Layout(lines, still=still).document(document, root, top(catalogue))
    except Irregular:
        return asis


class _Part(Struct):
    """One pair or element: the comments above it and its own lines, none of them indented by what is around."""

    lead: list[str]
    lines: list[str]


class _Layout:
    def __init__(self, lines: list[str], *, still: bool) -> None:
        self.lines = lines
        self.still = still

    def document(self, document: Document, root: Mapping, order: Order) -> list[str]:
        """Return a document's lines; the comments at its head stay there."""
        first = root.pairs[0][0].start[0]
        head = self._gap(document.first, first)
        parts, end = self._mapping(root, order, document.last)
        parts[0].lead = []
        tail = self._gap(end, document.last)
        body = self._in_order(root, order, parts)
        # A blank line at the head of a document would grow with those that came before a moved key.
        while not head and body and not body[0]:
            body.pop(0)
        return [*_squeezed(head), *body, *_squeezed(tail)]

    def _gap(self, start: int, stop: int) -> list[str]:
        """Return lines that hold nothing but blanks and comments, without their indentation."""
        gap = [line.strip() for line in self.lines[start:stop]]
        if any(line and not line.startswith("#") for line in gap):
            raise Irregular
        return gap

    def _split(self, start: int, stop: int, column: int) -> int:
        """Return where the comments end, in a gap, that are indented deeper than a column."""
        last = start
        for number in range(start, stop):
            line = self.lines[number]
            if line.strip():
                if len(line) - len(line.lstrip(" ")) <= column:
                    break
                last = number + 1
        return last

    def _mapping(self, mapping: Mapping, order: Order, stop: int) -> tuple[list[_Part], int]:
        """Return the parts of a mapping in the order in which they stand, and the line behind the last."""
        ranks = order(mapping)
        parts: list[_Part] = []
        column = mapping.pairs[0][0].start[1]
        at = mapping.pairs[0][0].start[0]
        for index, (key, value) in enumerate(mapping.pairs):
            line, start = key.start
            before = self.lines[line][:start]
            if start != column or key.end[0] != line or (index and before.strip()) or "\t" in before:
                raise Irregular
            lead = self._gap(at, line) if index else []
            limit = mapping.pairs[index + 1][0].start[0] if index + 1 < len(mapping.pairs) else stop
            head = self.lines[line][start : key.end[1]]
            below = ranks.below.get(key.text, nothing)
            written, at = self._value(head + ":", self._behind(key), value, below, limit, column)
            parts.append(_Part(lead, written))
        return parts, at

    def _behind(self, key: Scalar) -> tuple[int, int]:
        """Return where the value of a key can begin: behind the colon."""
        line, column = key.end
        match = _COLON.match(self.lines[line], column)
        if not match:
            raise Irregular
        return line, match.end()

    def _list(self, found: List, order: Order, stop: int) -> tuple[list[_Part], int]:
        """Return the parts of a list, and the line behind the last."""
        parts: list[_Part] = []
        at = -1
        column = found.start[1]
        for index, element in enumerate(found.elements):
            line = self._dash(element, column, at, found.start[0])
            lead = self._gap(at, line) if index else []
            limit = stop
            if index + 1 < len(found.elements):
                limit = self._dash(found.elements[index + 1], column, line + 1, line + 1)
            rest = self.lines[line][column + 1 :]
            behind = (line, column + 1 + len(rest) - len(rest.lstrip(" ")))
            written, at = self._element(element, behind, order, limit, column, lead)
            parts.append(_Part(lead, written))
        return parts, at

    def _dash(self, element: Node, column: int, at: int, start: int) -> int:
        """Return the line of the dash before an element."""
        for line in range(element.start[0], max(at, start) - 1, -1):
            text = self.lines[line]
            if text[column : column + 1] == "-" and text[column + 1 : column + 2] in ("", " "):
                # The dash of an outer list may stand before it in the same line.
                if text[:column].strip(" -"):
                    raise Irregular
                return line
            if line != element.start[0] and text.strip() and not text.strip().startswith("#"):
                break
        raise Irregular

    def _element(
        self, element: Node, behind: tuple[int, int], order: Order, stop: int, column: int, lead: list[str]
    ) -> tuple[list[str], int]:
        if not _is_block(element) or element.anchored:
            return self._value("-", behind, element, order, stop, column)
        first = _first(element)
        if first[0] != behind[0]:
            # `- # comment`, and the object below it.
            rest = self.lines[behind[0]][behind[1] :].strip()
            if rest and not rest.startswith("#"):
                raise Irregular
            lead += [rest] if rest else []
            lead += self._gap(behind[0] + 1, first[0])
        inner, at = self._collection(element, order, stop, column)
        while inner and (not inner[0] or inner[0].startswith("#")):
            # What stands above the first key stands above the element, since nothing comes between them.
            lead.append(inner.pop(0))
        if not inner:
            raise Irregular
        return ["- " + inner[0], *_indented(inner[1:])], at

    def _value(
        self, head: str, behind: tuple[int, int], value: Node, order: Order, stop: int, column: int
    ) -> tuple[list[str], int]:
        """Return a key or dash with its value, and the line behind it."""
        line, start = behind
        if not _is_block(value):
            return self._leaf(head, behind, value, order, column)
        rest = self.lines[line][start:].rstrip()
        first = _first(value)
        if first[0] == line:
            raise Irregular
        above = self._gap(line + 1, first[0])
        inner, at = self._collection(value, order, stop, column, above)
        return [f"{head} {rest}".rstrip(), *_indented(inner)], at

    def _collection(
        self, value: Node, order: Order, stop: int, column: int, above: Sequence[str] = ()
    ) -> tuple[list[str], int]:
        """Return the lines of a mapping or list in blocks, with the comments at its end that are its own.

        The comments `above` are those of its first key or element.
        """
        if isinstance(value, Mapping):
            parts, end = self._mapping(value, order, stop)
            parts[0].lead = [*above, *parts[0].lead]
            body = self._in_order(value, order, parts)
        elif isinstance(value, List):
            parts, end = self._list(value, order, stop)
            parts[0].lead = [*above, *parts[0].lead]
            body = _flat(parts)
        else:
            raise Irregular
        at = self._split(end, stop, column)
        return [*body, *_squeezed(self._gap(end, at), keep_first=True)], at

    def _in_order(self, mapping: Mapping, order: Order, parts: list[_Part]) -> list[str]:
        places = arranged(mapping, order(mapping), still=self.still)
        if places[0] and parts[places[0]].lead[:1] == [""]:
            # Nothing stands before the first, so the blank line is now before the one that was first.
            parts[0].lead = ["", *parts[0].lead]
        return _flat([parts[place] for place in places])

    def _leaf(
        self, head: str, behind: tuple[int, int], value: Node, order: Order, column: int
    ) -> tuple[list[str], int]:
        """Return a value that is not laid out line by line, and the line behind it."""
        line, start = behind
        last, end = value.end
        if value.start[0] != line and value.end != value.start:
            raise Irregular
        if isinstance(value, Block):
            last += bool(end)
            header = f"{head} {self.lines[line][start:].rstrip()}"
            body = self.lines[line + 1 : last]
            keep = "+" in self.lines[line][start:].partition("#")[0]
            while not keep and body and not body[-1].strip():
                body.pop()
            return [header, *_shifted(body, column)], line + 1 + len(body)
        if value.start == value.end:
            # Nothing is written, or an anchor alone.
            return [f"{head} {self.lines[line][start:].rstrip()}".rstrip()], line + 1
        if last == line:
            text = self._flow(value, order)
            rest = self.lines[line][end:].rstrip()
        else:
            text = self.lines[line][value.start[1] :].rstrip()
            rest = ""
        if rest and not (rest[0] == " " and rest.lstrip().startswith("#")):
            raise Irregular
        between = self.lines[line][start : value.start[1]]
        if between.strip():
            raise Irregular
        more = [each.rstrip() for each in _shifted(self.lines[line + 1 : last + 1], column, loose=True)]
        return [f"{head} {text}{rest}", *more], last + 1

    def _flow(self, node: Node, order: Order) -> str:
        """Return what stands in one line, with the keys between its brackets in order."""
        line, start = node.start
        asis = self.lines[line][start : node.end[1]]
        if isinstance(node, Scalar) or node.anchored:
            return asis
        if isinstance(node, List):
            return f"[{', '.join(self._flow(each, order) for each in node.elements)}]"
        ranks = order(node)
        texts = []
        for key, value in node.pairs:
            name = self.lines[line][key.start[1] : key.end[1]]
            if value.start == value.end or self.lines[line][key.end[1] : value.start[1]].strip() != ":":
                return asis
            texts.append(f"{name}: {self._flow(value, ranks.below.get(key.text, nothing))}")
        return "{" + ", ".join(texts[place] for place in arranged(node, ranks, still=self.still)) + "}"


def _is_block(node: Node) -> bool:
    return isinstance(node, Mapping | List) and not node.flow


def _first(node: Node) -> tuple[int, int]:
    """Return where the first key or dash of a collection in blocks stands."""
    if isinstance(node, Mapping):
        return node.pairs[0][0].start
    if isinstance(node, List) and not node.anchored:
        return node.start
    raise Irregular


def _flat(parts: list[_Part]) -> list[str]:
    """Return the lines of several parts, without blank lines before the first."""
    lines: list[str] = []
    for part in parts:
        lead = _squeezed(part.lead, keep_first=bool(lines), keep_last=True)
        lines += [*lead, *part.lines]
    return lines


def _squeezed(lines: list[str], *, keep_first: bool = False, keep_last: bool = False) -> list[str]:
    """Return comments with at most one blank line in a row."""
    result: list[str] = []
    for line in lines:
        if line or (result[-1] if result else keep_first):
            result.append(line)
    while result and not result[-1] and not keep_last:
        result.pop()
    return result


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else line for line in lines]


def _shifted(lines: list[str], column: int, *, loose: bool = False) -> list[str]:
    """Return lines without the indentation of what is around them."""
    shifted = []
    for line in lines:
        if line[:column].strip():
            if not loose:
                raise Irregular
            shifted.append("  " + line.lstrip())
            continue
        shifted.append(line[column:])
    return shifted
