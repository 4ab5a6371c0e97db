"""A document's lines in canonical layout.

Law: lines are moved and indented, never printed anew; only between brackets in one line are parts put together again.
Comments go with the key or element below them; those at the end of a mapping or list that are indented with it stay
there. What is written in an unusual way is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeGuard

from msgspec import Struct

from reconciler.desired.layout.nodes import BlockScalar, DocumentLines, List, Mapping, Node, Scalar
from reconciler.desired.layout.order import Order, arranged, nothing

_COLON = re.compile(r"[ \t]*:(?=[ \t]|\Z)")
#: An element that somebody made a comment of.
_ELEMENT = re.compile(r"#[ \t]*-(?=[ \t]|\Z)")


class Irregular(Exception):
    """A document is written in a way that is left alone: in which line (from 0), and what is odd there."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def written(order: Order, lines: list[str], document: DocumentLines, *, still: bool) -> list[str]:
    """Return the lines of a manifest's document in canonical layout.

    With `still`, what holds an anchor or an alias keeps the order of its keys.

    Raises:
        Irregular: it is written in a way that has none.
    """
    root = document.root
    if not isinstance(root, Mapping) or root.flow or root.anchor:
        raise Irregular(root.start[0] if root else document.first, "a document in brackets, or behind an anchor")
    return _Layout(lines, still=still).document(document, root, order)


class _Segment(Struct):
    """One pair or element: the comments above it and its own lines, none of them indented by what is around."""

    lead: list[str]
    lines: list[str]
    #: The last line is of a text that keeps the blank lines behind it.
    open: bool


class _Layout:
    def __init__(self, lines: list[str], *, still: bool) -> None:
        self.lines = lines
        self.still = still
        #: Whether the lines that were laid out last end with a text that keeps the blank lines behind it.
        self.open = False

    def document(self, document: DocumentLines, root: Mapping, order: Order) -> list[str]:
        """Return a document's lines; the comments at its head stay there."""
        first = root.pairs[0][0].start[0]
        head = self._gap(document.first, first)
        parts, end = self._mapping(root, order, document.last)
        parts[0].lead = []
        tail = self._gap(end, document.last)
        return [*_squeezed(head, keep_last=True), *self._in_order(root, order, parts), *_squeezed(tail)]

    def _gap(self, start: int, stop: int) -> list[str]:
        """Return lines that hold nothing but blanks and comments, without their indentation."""
        gap = [line.strip() for line in self.lines[start:stop]]
        for number, line in enumerate(gap, start):
            if line and not line.startswith("#"):
                raise Irregular(number, "an anchor or a key in a line of its own")
        return gap

    def _split(self, start: int, stop: int, column: int, *, dashes: bool = False) -> int:
        """Return where the comments end, in a gap, that are indented deeper than a column.

        Where the dashes of a list stand in that column, so do its elements that somebody made comments of.
        """
        last, dash = start, 0
        for number in range(start, stop):
            line = self.lines[number]
            text = line.lstrip(" ")
            if not text.strip():
                continue
            if len(line) - len(text) <= column:
                element = _ELEMENT.match(text)
                inside = len(text) - len(text[1:].lstrip())
                if not dashes or line[:column].strip() or not (element or 0 < dash < inside):
                    break
                dash = element.end() if element else dash
            last = number + 1
        return last

    def _below(self, start: int, stop: int, column: int, beside: tuple[str, str, int]) -> tuple[list[str], int]:
        """Return the comments below a value or key that are indented with it, and the line behind them.

        `beside` is its own line as it is now, the comment at the end of that, and its number: a comment that goes on
        below its first line goes on there wherever that is now.
        """
        written, comment, line = beside
        was = len(self.lines[line].rstrip()) - len(comment) if comment else -1
        at = self._split(start, stop, column)
        lines = []
        for name in self.lines[start:at]:
            indent = len(name) - len(name.lstrip())
            indent = len(written) - len(comment) if indent == was else indent - column
            lines.append((" " * indent + name.strip()).rstrip())
        return _squeezed(lines, keep_first=True), at

    def _rest(self, behind: tuple[int, int]) -> str:
        """Return what stands behind a place in its line, with the blanks before it."""
        return _spaced(self.lines[behind[0]][behind[1] :])

    def _mapping(self, mapping: Mapping, order: Order, stop: int) -> tuple[list[_Segment], int]:
        """Return the parts of a mapping in the order in which they stand, and the line behind the last."""
        ranks = order(mapping)
        parts: list[_Segment] = []
        column = mapping.pairs[0][0].start[1]
        at = mapping.pairs[0][0].start[0]
        for index, (key, value) in enumerate(mapping.pairs):
            line, start = key.start
            before = self.lines[line][:start]
            if start != column or key.end[0] != line or (index and before.strip()) or "\t" in before:
                raise Irregular(line, "a key that is not simply `key:`")
            lead = self._gap(at, line) if index else []
            limit = mapping.pairs[index + 1][0].start[0] if index + 1 < len(mapping.pairs) else stop
            head = self.lines[line][start : key.end[1]]
            below = ranks.below.get(key.text, nothing)
            written, at = self._value(head + ":", self._behind(key), value, below, limit, column)
            parts.append(_Segment(lead, written, self.open))
        return parts, at

    def _behind(self, key: Scalar) -> tuple[int, int]:
        """Return the place behind the colon of a key."""
        line, column = key.end
        match = _COLON.match(self.lines[line], column)
        if not match:
            raise Irregular(line, "a key that is not simply `key:`")
        return line, match.end()

    def _list(self, node: List, order: Order, stop: int) -> tuple[list[_Segment], int]:
        """Return the parts of a list, and the line behind the last."""
        parts: list[_Segment] = []
        at = -1
        column = node.start[1]
        for index, element in enumerate(node.elements):
            line = self._dash(element, column, at, node.start[0])
            lead = self._gap(at, line) if index else []
            limit = stop
            if index + 1 < len(node.elements):
                limit = self._dash(node.elements[index + 1], column, line + 1, line + 1)
            written, at = self._element(element, (line, column + 1), order, limit, column, lead)
            parts.append(_Segment(lead, written, self.open))
        return parts, at

    def _dash(self, element: Node, column: int, at: int, start: int) -> int:
        """Return the line of the dash before an element."""
        for line in range(element.start[0], max(at, start) - 1, -1):
            text = self.lines[line]
            if text[column : column + 1] == "-" and text[column + 1 : column + 2] in ("", " "):
                # The dash of an outer list may stand before it in the same line.
                if text[:column].strip(" -"):
                    break
                return line
            if line != element.start[0] and text.strip() and not text.strip().startswith("#"):
                break
        raise Irregular(element.start[0], "an element that is not simply behind its `-`")

    def _element(
        self, element: Node, behind: tuple[int, int], order: Order, stop: int, column: int, lead: list[str]
    ) -> tuple[list[str], int]:
        if not _is_block(element) or element.anchor:
            return self._value("-", behind, element, order, stop, column)
        first = _first(element)
        if first[0] != behind[0]:
            # `- # comment`, and the object below it.
            rest = self.lines[behind[0]][behind[1] :].strip()
            if rest and not rest.startswith("#"):
                raise Irregular(behind[0], "an element that is not simply behind its `-`")
            lead += [rest] if rest else []
        above = self._gap(behind[0] + 1, first[0])
        inner, at = self._collection(element, order, stop, column, above)
        while inner and (not inner[0] or inner[0].startswith("#")):
            # What stands above the first key stands above the element, since nothing comes between them.
            lead.append(inner.pop(0))
        return ["- " + inner[0], *_indented(inner[1:])], at

    def _value(
        self, head: str, behind: tuple[int, int], value: Node, order: Order, stop: int, column: int
    ) -> tuple[list[str], int]:
        """Return a key or dash with its value, and the line behind it."""
        line = behind[0]
        if not _is_block(value):
            return self._leaf(head, behind, value, order, stop, column)
        first = _first(value)
        if first[0] == line:
            raise Irregular(line, "a list or mapping that begins beside an anchor")
        written = head + self._rest(behind)
        comment = _comment(written[len(head) :])
        start = len(self.lines[line].rstrip()) - len(comment)
        begin = line + 1
        while comment and begin < first[0] and self.lines[begin][start : start + 1] == "#":
            begin += 1
        more, _ = self._below(line + 1, begin, column, (written, comment, line))
        above = self._gap(begin, first[0])
        inner, at = self._collection(value, order, stop, column, above)
        return [written, *more, *_indented(inner)], at

    def _collection(
        self, value: Mapping | List, order: Order, stop: int, column: int, above: Sequence[str] = ()
    ) -> tuple[list[str], int]:
        """Return the lines of a mapping or list in blocks, with the comments at its end that are its own.

        The comments `above` are those of its first key or element.
        """
        if isinstance(value, Mapping):
            parts, end = self._mapping(value, order, stop)
            parts[0].lead = [*above, *parts[0].lead]
            body = self._in_order(value, order, parts)
        else:
            parts, end = self._list(value, order, stop)
            parts[0].lead = [*above, *parts[0].lead]
            body = self._flat(parts)
        at = self._split(end, stop, column, dashes=isinstance(value, List) and value.start[1] == column)
        tail = _squeezed(self._gap(end, at), keep_first=not self.open)
        self.open &= not tail
        return [*body, *tail], at

    def _in_order(self, mapping: Mapping, order: Order, parts: list[_Segment]) -> list[str]:
        places = arranged(mapping, order(mapping), still=self.still)
        if places[0] and parts[places[0]].lead[:1] == [""]:
            # Nothing stands before the first, so the blank line is now before the one that was first.
            parts[0].lead = ["", *parts[0].lead]
        return self._flat([parts[place] for place in places])

    def _flat(self, parts: list[_Segment]) -> list[str]:
        """Return the lines of several parts, without blank lines before the first."""
        lines: list[str] = []
        self.open = True
        for part in parts:
            lead = _squeezed(part.lead, keep_first=not self.open, keep_last=True)
            lines += [*lead, *part.lines]
            self.open = part.open
        return lines

    def _leaf(
        self, head: str, behind: tuple[int, int], value: Node, order: Order, stop: int, column: int
    ) -> tuple[list[str], int]:
        """Return a value that is not laid out line by line, and the line behind it."""
        line = behind[0]
        begin, last = value.start[0], value.end[0]
        written, comment, more, keeps = head + self._rest(behind), "", [], False
        if value.start == value.end:
            # Nothing is written, or an anchor alone.
            comment, last = _comment(written[len(head) :]), line
        elif isinstance(value, BlockScalar):
            if begin != line:
                raise Irregular(begin, "a block of text that does not begin beside its key")
            last -= not value.end[1]
            more = self.lines[line + 1 : last + 1]
            keeps = "+" in written[len(head) :].partition("#")[0]
            while more and not more[-1].strip() and not keeps:
                more.pop()
            last = line + len(more)
            more = _shifted(more, column)
        else:
            first = self.lines[begin][value.start[1] :].rstrip()
            if begin == last:
                rest = _spaced(self.lines[last][value.end[1] :])
                comment = _comment(rest)
                if rest and not comment:
                    raise Irregular(last, "text behind a value")
                first = self._flow(value, order) + rest
            if begin == line:
                written = f"{head} {first}"
            else:
                # The value stands in lines of its own, and comments may stand between.
                indent = max(value.start[1] - column, 2)
                more = [*_shifted(self.lines[line + 1 : begin], column, loose=True), " " * indent + first]
                comment = ""
            more += _shifted(self.lines[begin + 1 : last + 1], column, loose=True)
        below, at = self._below(last + 1, stop, column, (written, comment, line))
        self.open = keeps and not below
        return [written, *more, *below], at

    def _flow(self, node: Node, order: Order) -> str:
        """Return what stands in one line, with the keys between its brackets in order."""
        line, start = node.start
        asis = self.lines[line][start : node.end[1]]
        if isinstance(node, Scalar) or node.anchor:
            return asis
        if isinstance(node, List):
            return f"[{', '.join(self._flow(element, order) for element in node.elements)}]"
        ranks = order(node)
        texts = []
        for key, value in node.pairs:
            name = self.lines[line][key.start[1] : key.end[1]]
            if value.start == value.end or self.lines[line][key.end[1] : value.start[1]].strip() != ":":
                return asis
            texts.append(f"{name}: {self._flow(value, ranks.below.get(key.text, nothing))}")
        return "{" + ", ".join(texts[place] for place in arranged(node, ranks, still=self.still)) + "}"


def _is_block(node: Node) -> TypeGuard[Mapping | List]:
    return isinstance(node, Mapping | List) and not node.flow


def _first(node: Mapping | List) -> tuple[int, int]:
    """Return where the first key or dash of a collection in blocks stands."""
    if isinstance(node, Mapping):
        return node.pairs[0][0].start
    return node.start


def _squeezed(lines: list[str], *, keep_first: bool = False, keep_last: bool = False) -> list[str]:
    """Return comments with at most one blank line in a row."""
    result: list[str] = []
    for line in lines:
        if line or (result[-1] if result else keep_first):
            result.append(line)
    while result and not result[-1] and not keep_last:
        result.pop()
    return result


def _spaced(rest: str) -> str:
    """Return what stands behind a key, dash or value, with one blank before it; with its own before a comment."""
    text = rest.strip()
    blanks = rest[: len(rest) - len(rest.lstrip())]
    if not text.startswith("#"):
        return f" {text}" if text else ""
    return ("  " if "\t" in blanks else blanks) + text


def _comment(rest: str) -> str:
    """Return the comment that the rest of a line is, or ""."""
    text = rest.lstrip()
    return text if text.startswith("#") and text != rest else ""


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else line for line in lines]


def _shifted(lines: list[str], column: int, *, loose: bool = False) -> list[str]:
    """Return lines without the indentation of what is around them; `loose` where blanks mean nothing."""
    if not loose:
        return [line[column:] for line in lines]
    return [("  " + line.strip() if line[:column].strip() else line[column:]).rstrip() for line in lines]
