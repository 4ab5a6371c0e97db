"""The lane for plain YAML: the block style in which manifests are nearly always written, read line by line.

Law: a whole answer or none. What the lane answers is what the strict reader would, without a problem; where there is
any doubt the strict reader reads the whole text, so that values, messages and places have one owner.

Each line is taken apart once, however often it comes, and most lines of many objects are alike. Plain are mappings and
lists in lines, scalars and brackets that end in their line, texts below a `|` or `>`, comments, and markers of
documents. All else is not: anchors, aliases, tags, directives, tabs, scalars of several lines, equal keys, deep
nesting, and whatever the strict reader doubts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from reconciler.yamlio.line import BELOW, Header, Line, NotPlain, take_apart
from reconciler.yamlio.problem import Problem, YamlDocument, check_size

#: Characters that are cut into lines at a time: all lines of a large text take three times its memory.
_CHUNK = 1 << 20
#: Most mappings and lists in lines that may be open inside each other.
_MAX_OPEN = 50
_BREAKS = r"\n(\n*)"


def load(text: str) -> tuple[list[YamlDocument], list[Problem]]:
    """Read every document of a YAML text, and everything that is wrong with it, in the order of the text.

    Documents without content are left out. A document with a problem is there, `flawed`; one that a syntax error cuts
    off is not. Never raises. Takes twice as long while the cyclic garbage collector runs: turn it off around a batch.
    """
    documents = read(text)
    if documents is not None:
        return documents, []
    # Imported here, since PyYAML comes with it.
    from reconciler.yamlio import events, reader

    return reader.read(text, events.PARSER)


def read(text: str) -> list[YamlDocument] | None:
    """Return every document of a plain text, or None where the text is not plain."""
    if check_size(len(text)):
        return None
    reading = _Reading()
    try:
        reading.read(text)
    except NotPlain:
        return None
    return reading.documents


def _pieces(text: str) -> Iterator[list[str]]:
    """Cut a text into lines, a part at a time."""
    start = 0
    while start <= len(text):
        stop = text.find("\n", start + _CHUNK)
        if stop < 0:
            stop = len(text)
        yield text[start:stop].split("\n")
        start = stop + 1


class _Reading:
    def __init__(self) -> None:
        self.documents: list[YamlDocument] = []
        #: The marker before this document.
        self.marker = ""
        #: The lines below a header so far, and their indentation.
        self.text: list[str] = []
        self.margin = 0
        self._begin()

    def _begin(self) -> None:
        """Make room for a document."""
        #: The innermost mapping or list that is open, its column, and its last key, which is -1 for a list.
        self.top: Any = [None]
        self.column = -1
        self.last: Any = -1
        #: Its last value stands below, or is null.
        self.below = True
        #: What is open around it, with columns; the first is the list that takes the root.
        self.stack: list[tuple[Any, int]] = []
        self.root: Any = None
        self.line = 0
        self.lines: dict[str, int] = {}
        #: The list `items` of the root, and the lines of its elements.
        self.items: Any = None
        self.item_lines: list[int] = []

    def _end(self) -> None:
        """Keep the document, unless it has no content."""
        if self.line:
            self.documents.append(YamlDocument(self.root, self.line, self.lines, tuple(self.item_lines)))

    def read(self, text: str) -> None:
        """Read every document. Raises NotPlain."""
        # Most lines are one more value of the mapping that is open; they meet nothing but locals. `column` is that of
        # the mapping, if it is the innermost collection and its last value is complete.
        mapping, column, root, lines, in_text = self.top, -1, self.root, self.lines, False
        for number, line in enumerate(chain.from_iterable(_pieces(text)), 1):
            if in_text:
                in_text = self._belongs(line)
                if in_text:
                    continue
            parts = take_apart(line)
            simple, at, key, value, _ = parts
            if simple and at == column:
                if key in mapping:
                    raise NotPlain
                mapping[key] = value
                if mapping is root:
                    lines[key] = number  # type: ignore[index]
                continue
            if at >= 0:
                self._take(parts, number)
            elif value:
                self._mark(value)
            else:
                continue
            mapping, root, lines = self.top, self.root, self.lines
            column = self.column if type(mapping) is dict and not self.below else -1
            in_text = type(value) is Header
        if in_text:
            if text[-1] != "\n":
                raise NotPlain
            self._join()
        self._end()

    def _take(self, parts: Line, number: int) -> None:
        """Put what stands in a line where it belongs."""
        _, column, key, value, dashes = parts
        for dash in dashes:
            self._dash(dash, number)
        if key is not None:
            self._key(column, number)
            if key in self.top:
                raise NotPlain
            self.last = key
            if self.top is self.root:
                self.lines[key] = number
                if key == "items" and type(value) is list:
                    self.item_lines = [number] * len(value)
        self.below = value is BELOW
        self.top[self.last] = None if self.below else value
        if type(value) is Header:
            self.text = []

    def _mark(self, marker: str) -> None:
        """End a document, and begin the next."""
        if marker == "..." and not (self.marker or self.line):
            raise NotPlain
        self._end()
        self._begin()
        self.marker = marker

    def _dash(self, column: int, number: int) -> None:
        """Go to the list at a column, and give it one more element."""
        if self.below and column > self.column - (type(self.top) is dict):
            self._open([], column, number)
        else:
            self._close(column)
            if column != self.column or type(self.top) is not list:
                raise NotPlain
        self.top.append(None)
        self.last = -1
        self.below = True
        if self.top is self.items:
            self.item_lines.append(number)

    def _key(self, column: int, number: int) -> None:
        """Go to the mapping at a column."""
        if self.below and column > self.column:
            self._open({}, column, number)
            return
        self._close(column)
        if column == self.column and type(self.top) is list:
            # The dashes of a list may stand in the column of the keys around it.
            self.top, self.column = self.stack.pop()
        if column != self.column or type(self.top) is not dict:
            raise NotPlain

    def _open(self, collection: Any, column: int, number: int) -> None:
        """Put a mapping or list where the last value is."""
        if not self.stack:
            if self.marker == "...":
                raise NotPlain
            self.root, self.line = collection, number
        elif self.top is self.items:
            self.item_lines[-1] = number
        elif self.top is self.root and type(self.top) is dict:
            self.lines[self.last] = number
            if self.last == "items" and type(collection) is list:
                self.items = collection
        self.top[self.last] = collection
        self.stack.append((self.top, self.column))
        self.top, self.column = collection, column
        if len(self.stack) > _MAX_OPEN:
            raise NotPlain

    def _close(self, column: int) -> None:
        """Close what stands deeper than a column."""
        while self.column > column:
            self.top, self.column = self.stack.pop()

    def _belongs(self, line: str) -> bool:
        """Take a line into the text that is being read, if it belongs there; else put that text together."""
        margin = len(line) - len(line.lstrip(" "))
        if not self.text:
            self.margin = margin
        if (margin == len(line) and (line or not self.text)) or not line.isprintable():
            raise NotPlain
        if line and not margin >= self.margin > self.column:
            self._join()
            return False
        self.text.append(line[self.margin :])
        return True

    def _join(self) -> None:
        """Put the lines of a text together, in place of their header."""
        if not self.text:
            raise NotPlain
        text = "\n".join(self.text).rstrip("\n")
        header: Header = self.top[self.last]
        if header.folded:
            if any(line[:1] == " " for line in self.text):
                raise NotPlain
            text = re.sub(_BREAKS, lambda breaks: breaks[1] or " ", text)
        self.top[self.last] = f"{text}\n" if header.broken else text
