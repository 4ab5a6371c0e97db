"""What a YAML document consists of, with the place of everything.

Law: only what the parser's events say, and no value is resolved; the text has passed the strict reader, so that its
depth has a bound.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from reconciler.yamlio import PARSER


class Scalar(Struct):
    """A scalar, from its first line and column to behind its last character."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str = ""
    #: The name of the anchor before it, or "".
    anchor: str = ""


class Mapping(Struct):
    """A mapping. `end` counts only in brackets."""

    start: tuple[int, int]
    end: tuple[int, int]
    flow: bool
    anchor: str
    pairs: list[tuple[Scalar, Node]]

    def value(self, key: str) -> str:
        """Return the text of a scalar below a key, or ""."""
        return next((v.text for k, v in self.pairs if k.text == key and isinstance(v, Scalar)), "")


class List(Struct):
    """A list, from its first dash or bracket. `end` counts only in brackets."""

    start: tuple[int, int]
    end: tuple[int, int]
    flow: bool
    anchor: str
    elements: list[Node]


Node = Scalar | Mapping | List


#: What stands between an anchor and the first dash of its list.
_TO_DASH = re.compile(r"&\S+[ \t]*(?:(?:#[^\n]*)?\n[ \t]*)+(?=-)")


class DocumentLines(Struct):
    """A document's root, and the lines between its markers."""

    first: int
    last: int
    root: Node | None


class Alias(Scalar):
    """An alias, with the name of its anchor."""


class BlockScalar(Scalar):
    """A text of several lines behind `|` or `>`, whose end is where the next line begins."""


def read(text: str) -> list[DocumentLines]:
    """Return the documents of a text that the strict reader has taken, so that its depth has a bound."""
    source = PARSER(text)
    documents: list[DocumentLines] = []
    while (event := source.get_event()) is not None:
        # PyYAML's classes are known by their names: only `strictyaml` imports PyYAML.
        name = type(event).__name__
        if name == "DocumentStartEvent":
            mark = event.end_mark if event.explicit else event.start_mark
            documents.append(DocumentLines(mark.line + 1 if event.explicit else 0, 0, None))
            documents[-1].root = _node(text, source, source.get_event())
        elif name == "DocumentEndEvent":
            documents[-1].last = event.start_mark.line
    lines = text.split("\n")[:-1]
    for index, document in enumerate(documents):
        if not document.first and index:
            document.first = documents[index - 1].last
        # Comments behind the last value are this document's own.
        while document.last < len(lines) and not lines[document.last].startswith(("---", "...", "%")):
            document.last += 1
    return documents


def _node(text: str, source: Any, event: Any) -> Node:
    name = type(event).__name__
    if name in ("AliasEvent", "ScalarEvent"):
        return _scalar(event)
    start = (event.start_mark.line, event.start_mark.column)
    anchor, flow = event.anchor or "", bool(event.flow_style)
    if name == "SequenceStartEvent":
        elements: list[Node] = []
        while type(inner := source.get_event()).__name__ != "SequenceEndEvent":
            elements.append(_node(text, source, inner))
        match = _TO_DASH.match(text, event.start_mark.index) if anchor else None
        if match:
            start = (start[0] + match[0].count("\n"), len(match[0]) - match[0].rindex("\n") - 1)
        return List(start, (inner.end_mark.line, inner.end_mark.column), flow, anchor, elements)
    pairs: list[tuple[Scalar, Node]] = []
    while type(inner := source.get_event()).__name__ != "MappingEndEvent":
        # The strict reader takes no key that is a list or a mapping.
        key = _scalar(inner)
        pairs.append((key, _node(text, source, source.get_event())))
    return Mapping(start, (inner.end_mark.line, inner.end_mark.column), flow, anchor, pairs)


def _scalar(event: Any) -> Scalar:
    start = (event.start_mark.line, event.start_mark.column)
    end = (event.end_mark.line, event.end_mark.column)
    anchor = event.anchor or ""
    if type(event).__name__ == "AliasEvent":
        return Alias(start, end, "*", anchor)
    if event.style in ("|", ">"):
        return BlockScalar(start, end, event.value, anchor)
    # Where nothing is written, unless it is an anchor, the parser says so at the next token.
    return Scalar(start, end if event.style or event.value else start, event.value, anchor)
