"""The canonical layout of YAML manifests: the order of keys and the indentation, with every comment kept.

Law: pure; the values that the strict reader finds are the same before and after, and what is laid out once stays as it
is. A document that cannot be laid out so is left as it was written.

Lines are moved, never printed anew: quotes, line breaks within texts, anchors and comments stay the author's. Comments
go with the key or element below them; those at the end of a mapping or list that are indented with it stay there.
A round trip through ruamel.yaml hangs a comment on the value before it, and so loses its place when keys move.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.catalogue import Catalogue, Kind, Property, Record
from reconciler.strictyaml import Problem, load
from reconciler.strictyaml.events import PARSER

#: Ranks a key: smaller comes first, equal ranks stay as they are. And leads to the ordering of what is below a key.
Order = Callable[["_Mapping"], "_Ranks"]

_TOP = ("kind", "x-", "metadata", "spec", "items", "given", "cases")
_METADATA = ("name", "id", "was", "absent", "unmanaged", "patch", "drop", "accept")
_CASE = ("name", "given", "expect", "ladder")
_EXPRESSION = ("match", "else", "use")
_BRANCH = ("if", "then", "use")
_MERGE = "<<"
#: Line breaks of YAML 1.1 that Python's and ours do not count in the same way.
_ODD_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_COLON = re.compile(r"[ ]*:(?:[ ]+|\Z)")


class Laid(Struct, frozen=True):
    """A text in canonical layout, or the problems for which it was left alone."""

    text: str
    problems: tuple[Problem, ...] = ()


class _Irregular(Exception):
    """A document is written in a way that is left alone."""


class _Ranks(Struct):
    """The order of one mapping's keys, and what is below each."""

    names: Sequence[str] = ()
    below: Mapping[str, Order] = {}


class _Scalar(Struct):
    """A scalar or an alias, from its first line and column to behind its last character."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str = ""
    anchored: bool = False


class _Mapping(Struct):
    """A mapping. `end` counts only in brackets."""

    start: tuple[int, int]
    end: tuple[int, int]
    flow: bool
    anchored: bool
    pairs: list[tuple[_Scalar, _Node]]

    def value(self, key: str) -> str:
        """Return the text of a scalar below a key, or ""."""
        return next((v.text for k, v in self.pairs if k.text == key and isinstance(v, _Scalar)), "")


class _List(Struct):
    """A list. `end` counts only in brackets."""

    start: tuple[int, int]
    end: tuple[int, int]
    flow: bool
    anchored: bool
    elements: list[_Node]


_Node = _Scalar | _Mapping | _List


class _Document(Struct):
    """A document's root, and the lines between its markers."""

    first: int
    last: int
    root: _Node | None


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
    found = _read("\n".join(lines) + "\n")
    result = _joined(lines, found, [_chosen(catalogue, lines, each) for each in found])
    if not _kept(plain, result):
        return Laid(text)
    return Laid(result.replace("\n", "\r\n") if "\r\n" in plain else result)


def _chosen(catalogue: Catalogue, lines: list[str], document: _Document) -> list[str]:
    """Return the lines of a document in the best layout that keeps what they mean."""
    asis = lines[document.first : document.last]
    # An alias must not come before its anchor: if it does, what holds one stays in its order.
    for still in (False, True):
        written = _written(catalogue, lines, document, still=still)
        if _kept("\n".join([*asis, ""]), "\n".join([*written, ""])):
            return written
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


def _joined(lines: list[str], documents: list[_Document], parts: list[list[str]]) -> str:
    """Put the documents back between the lines that are none of theirs."""
    result: list[str] = []
    at = 0
    for each, part in zip(documents, parts, strict=True):
        result += [*lines[at : each.first], *part]
        at = each.last
    return "".join(f"{line}\n" for line in [*result, *lines[at:]])


# ---- reading -------------------------------------------------------------------------------------------------------


def _read(text: str) -> list[_Document]:
    """Return the documents of a text that the strict reader has taken, so that its depth has a bound."""
    source = PARSER(text)
    documents: list[_Document] = []
    while (event := source.get_event()) is not None:
        # PyYAML's classes are known by their names: only `strictyaml` imports PyYAML.
        name = type(event).__name__
        if name == "DocumentStartEvent":
            mark = event.end_mark if event.explicit else event.start_mark
            documents.append(_Document(mark.line + 1 if event.explicit else 0, 0, None))
            documents[-1].root = _node(source, source.get_event())
        elif name == "DocumentEndEvent":
            documents[-1].last = event.start_mark.line
    lines = text.split("\n")[:-1]
    for index, each in enumerate(documents):
        if not each.first and index:
            each.first = documents[index - 1].last
        # Comments behind the last value are this document's own.
        while each.last < len(lines) and not lines[each.last].startswith(("---", "...", "%")):
            each.last += 1
    return documents


def _node(source: Any, event: Any) -> _Node:
    name = type(event).__name__
    start = (event.start_mark.line, event.start_mark.column)
    end = (event.end_mark.line, event.end_mark.column)
    if name in ("ScalarEvent", "AliasEvent"):
        block = name == "ScalarEvent" and event.style in ("|", ">")
        if name == "ScalarEvent" and not event.style and not event.value:
            # Nothing is written here, unless it is an anchor, and the parser says so at the next token.
            end = start
        text = event.value if name == "ScalarEvent" else "*"
        scalar = _Scalar(start, end, text, name == "AliasEvent" or event.anchor is not None)
        return _Block(start, end, text, scalar.anchored) if block else scalar
    anchored = event.anchor is not None
    flow = bool(event.flow_style)
    if name == "SequenceStartEvent":
        elements: list[_Node] = []
        while type(inner := source.get_event()).__name__ != "SequenceEndEvent":
            elements.append(_node(source, inner))
        return _List(start, (inner.end_mark.line, inner.end_mark.column), flow, anchored, elements)
    pairs: list[tuple[_Scalar, _Node]] = []
    while type(inner := source.get_event()).__name__ != "MappingEndEvent":
        key = _node(source, inner)
        value = _node(source, source.get_event())
        pairs.append((key if isinstance(key, _Scalar) else _Scalar(key.start, key.end, "", anchored=True), value))
    return _Mapping(start, (inner.end_mark.line, inner.end_mark.column), flow, anchored, pairs)


class _Block(_Scalar):
    """A text of several lines behind `|` or `>`, whose end is where the next line begins."""


# ---- order ---------------------------------------------------------------------------------------------------------


def _nothing(_: _Mapping) -> _Ranks:
    return _Ranks()


def _named(*names: str, **below: Order) -> Order:
    return lambda _: _Ranks(names, below)


def _top(catalogue: Catalogue) -> Order:
    def order(document: _Mapping) -> _Ranks:
        kind = catalogue.kinds.get(document.value("kind"))
        spec = _record(catalogue, kind) if kind else _nothing
        return _Ranks(_TOP, {"metadata": _named(*_METADATA), "spec": spec, "items": spec, "cases": _named(*_CASE)})

    return order


def _record(catalogue: Catalogue, record: Record) -> Order:
    """Order an object: its type, its match key, then as the catalogue has it."""
    match = record.match if isinstance(record, Kind) else ()

    def order(spec: _Mapping) -> _Ranks:
        variant = spec.value("type") or spec.value("@type")
        if variant in record.variants or not record.variants:
            shape = record.shape(variant)
        else:
            shape = {name: prop for each in record.variants for name, prop in record.shape(each).items()}
        below = {name: _property(catalogue, prop) for name, prop in shape.items()}
        return _Ranks(tuple(dict.fromkeys((_MERGE, "type", "@type", *match, *shape))), below)

    return order


def _property(catalogue: Catalogue, prop: Property) -> Order:
    if prop.language:
        return _named(*_EXPRESSION, match=_named(*_BRANCH))
    return _record(catalogue, catalogue.record(prop.of)) if prop.type in ("object", "list") else _nothing


def _sorted(mapping: _Mapping, ranks: _Ranks, *, still: bool) -> list[int]:
    """Return the places of a mapping's pairs in canonical order."""
    places = {name: place for place, name in enumerate(ranks.names)}
    own = places.get("x-", len(places))

    def rank(index: int) -> int:
        name = mapping.pairs[index][0].text
        return places.get(name, own if name.startswith("x-") else len(places))

    indices = list(range(len(mapping.pairs)))
    if not places or (still and any(_holds_anchor(key) or _holds_anchor(value) for key, value in mapping.pairs)):
        return indices
    return sorted(indices, key=rank)


def _holds_anchor(node: _Node) -> bool:
    if node.anchored:
        return True
    if isinstance(node, _Mapping):
        return any(_holds_anchor(key) or _holds_anchor(value) for key, value in node.pairs)
    return isinstance(node, _List) and any(map(_holds_anchor, node.elements))


# ---- writing -------------------------------------------------------------------------------------------------------


def _written(catalogue: Catalogue, lines: list[str], document: _Document, *, still: bool) -> list[str]:
    """Return the lines of a document in canonical layout, or as they are where they are irregular."""
    asis = lines[document.first : document.last]
    root = document.root
    if not isinstance(root, _Mapping) or root.flow or root.anchored or not root.pairs:
        return asis
    try:
        return _Layout(lines, still=still).document(document, root, _top(catalogue))
    except _Irregular:
        return asis


class _Part(Struct):
    """One pair or element: the comments above it and its own lines, none of them indented by what is around."""

    lead: list[str]
    lines: list[str]


class _Layout:
    def __init__(self, lines: list[str], *, still: bool) -> None:
        self.lines = lines
        self.still = still

    def document(self, document: _Document, root: _Mapping, order: Order) -> list[str]:
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
            raise _Irregular
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

    def _mapping(self, mapping: _Mapping, order: Order, stop: int) -> tuple[list[_Part], int]:
        """Return the parts of a mapping in the order in which they stand, and the line behind the last."""
        ranks = order(mapping)
        parts: list[_Part] = []
        column = mapping.pairs[0][0].start[1]
        at = mapping.pairs[0][0].start[0]
        for index, (key, value) in enumerate(mapping.pairs):
            line, start = key.start
            before = self.lines[line][:start]
            if start != column or key.end[0] != line or (index and before.strip()) or "\t" in before:
                raise _Irregular
            lead = self._gap(at, line) if index else []
            limit = mapping.pairs[index + 1][0].start[0] if index + 1 < len(mapping.pairs) else stop
            head = self.lines[line][start : key.end[1]]
            below = ranks.below.get(key.text, _nothing)
            written, at = self._value(head + ":", self._behind(key), value, below, limit, column)
            parts.append(_Part(lead, written))
        return parts, at

    def _behind(self, key: _Scalar) -> tuple[int, int]:
        """Return where the value of a key can begin: behind the colon."""
        line, column = key.end
        match = _COLON.match(self.lines[line], column)
        if not match:
            raise _Irregular
        return line, match.end()

    def _list(self, found: _List, order: Order, stop: int) -> tuple[list[_Part], int]:
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

    def _dash(self, element: _Node, column: int, at: int, start: int) -> int:
        """Return the line of the dash before an element."""
        for line in range(element.start[0], max(at, start) - 1, -1):
            text = self.lines[line]
            if text[column : column + 1] == "-" and text[column + 1 : column + 2] in ("", " "):
                # The dash of an outer list may stand before it in the same line.
                if text[:column].strip(" -"):
                    raise _Irregular
                return line
            if line != element.start[0] and text.strip() and not text.strip().startswith("#"):
                break
        raise _Irregular

    def _element(
        self, element: _Node, behind: tuple[int, int], order: Order, stop: int, column: int, lead: list[str]
    ) -> tuple[list[str], int]:
        if not _is_block(element) or element.anchored:
            return self._value("-", behind, element, order, stop, column)
        first = _first(element)
        if first[0] != behind[0]:
            # `- # comment`, and the object below it.
            rest = self.lines[behind[0]][behind[1] :].strip()
            if rest and not rest.startswith("#"):
                raise _Irregular
            lead += [rest] if rest else []
            lead += self._gap(behind[0] + 1, first[0])
        inner, at = self._collection(element, order, stop, column)
        while inner and (not inner[0] or inner[0].startswith("#")):
            # What stands above the first key stands above the element, since nothing comes between them.
            lead.append(inner.pop(0))
        if not inner:
            raise _Irregular
        return ["- " + inner[0], *_indented(inner[1:])], at

    def _value(
        self, head: str, behind: tuple[int, int], value: _Node, order: Order, stop: int, column: int
    ) -> tuple[list[str], int]:
        """Return a key or dash with its value, and the line behind it."""
        line, start = behind
        if not _is_block(value):
            return self._leaf(head, behind, value, order, column)
        rest = self.lines[line][start:].rstrip()
        first = _first(value)
        if first[0] == line:
            raise _Irregular
        above = self._gap(line + 1, first[0])
        inner, at = self._collection(value, order, stop, column, above)
        return [f"{head} {rest}".rstrip(), *_indented(inner)], at

    def _collection(
        self, value: _Node, order: Order, stop: int, column: int, above: Sequence[str] = ()
    ) -> tuple[list[str], int]:
        """Return the lines of a mapping or list in blocks, with the comments at its end that are its own.

        The comments `above` are those of its first key or element.
        """
        if isinstance(value, _Mapping):
            parts, end = self._mapping(value, order, stop)
            parts[0].lead = [*above, *parts[0].lead]
            body = self._in_order(value, order, parts)
        elif isinstance(value, _List):
            parts, end = self._list(value, order, stop)
            parts[0].lead = [*above, *parts[0].lead]
            body = _flat(parts)
        else:
            raise _Irregular
        at = self._split(end, stop, column)
        return [*body, *_squeezed(self._gap(end, at), keep_first=True)], at

    def _in_order(self, mapping: _Mapping, order: Order, parts: list[_Part]) -> list[str]:
        places = _sorted(mapping, order(mapping), still=self.still)
        return _flat([parts[place] for place in places])

    def _leaf(
        self, head: str, behind: tuple[int, int], value: _Node, order: Order, column: int
    ) -> tuple[list[str], int]:
        """Return a value that is not laid out line by line, and the line behind it."""
        line, start = behind
        last, end = value.end
        if value.start[0] != line and value.end != value.start:
            raise _Irregular
        if isinstance(value, _Block):
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
            raise _Irregular
        between = self.lines[line][start : value.start[1]]
        if between.strip():
            raise _Irregular
        more = [each.rstrip() for each in _shifted(self.lines[line + 1 : last + 1], column, loose=True)]
        return [f"{head} {text}{rest}", *more], last + 1

    def _flow(self, node: _Node, order: Order) -> str:
        """Return what stands in one line, with the keys between its brackets in order."""
        line, start = node.start
        asis = self.lines[line][start : node.end[1]]
        if isinstance(node, _Scalar) or node.anchored:
            return asis
        if isinstance(node, _List):
            return f"[{', '.join(self._flow(each, order) for each in node.elements)}]"
        ranks = order(node)
        texts = []
        for key, value in node.pairs:
            name = self.lines[line][key.start[1] : key.end[1]]
            if value.start == value.end or self.lines[line][key.end[1] : value.start[1]].strip() != ":":
                return asis
            texts.append(f"{name}: {self._flow(value, ranks.below.get(key.text, _nothing))}")
        return "{" + ", ".join(texts[place] for place in _sorted(node, ranks, still=self.still)) + "}"


def _is_block(node: _Node) -> bool:
    return isinstance(node, _Mapping | _List) and not node.flow


def _first(node: _Node) -> tuple[int, int]:
    """Return where the first key or dash of a collection in blocks stands."""
    if isinstance(node, _Mapping):
        return node.pairs[0][0].start
    if isinstance(node, _List) and not node.anchored:
        return node.start
    raise _Irregular


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
                raise _Irregular
            shifted.append("  " + line.lstrip())
            continue
        shifted.append(line[column:])
    return shifted
