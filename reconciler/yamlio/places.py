"""Where everything stands: from JSON pointers to the lines and columns of a text.

Law: a second, slower reading that yields places and never problems; it is asked only when a diagnostic needs a place,
and then reads no more than one document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Literal, NamedTuple

from reconciler.yamlio.events import PARSER, Parser
from reconciler.yamlio.problem import MAX_ALIASED_NODES, MAX_DEPTH

#: Line and column, both from 1.
Place = tuple[int, int]


class YamlToken(NamedTuple):
    """A step of a document, whatever it is written in."""

    kind: Literal["map", "list", "end", "text", "merge", "alias"]
    place: Place
    text: str = ""
    anchor: str | None = None


class Collection:
    """A mapping or list: its own place and its children, which are places where they are scalars."""

    __slots__ = ("children", "keys", "merged", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.children: dict[str, Node] = {}
        self.keys: dict[str, Place] = {}
        self.merged: list[Node] = []


Node = Collection | Place


class DocumentPlaces(NamedTuple):
    """The places of one document, and for each key that stands again the line where it stood first."""

    root: Node
    repeated: dict[Place, int]


class Positions:
    """The places of one document, worked out when the first is asked for.

    A pointer is a JSON pointer (RFC 6901) into the document's value; "" is the root. What came through an alias or a
    merge has the place of its own content, where the anchor stands. Where a pointer leads to nothing, the place is
    that of the nearest parent that exists.
    """

    __slots__ = ("_grow", "_tree")

    def __init__(self, grow: Callable[[], DocumentPlaces]) -> None:
        self._grow = grow
        self._tree: DocumentPlaces | None = None

    def value(self, pointer: str) -> Place:
        """Return the line and column where a value begins."""
        node, _ = self._find(pointer)
        return node.place if isinstance(node, Collection) else node

    def key(self, pointer: str) -> Place:
        """Return the line and column of the key before a value; of a list's element and the root, the value's."""
        _, key = self._find(pointer)
        return key

    def _find(self, pointer: str) -> tuple[Node, Place]:
        if self._tree is None:
            self._tree = self._grow()
        node = self._tree.root
        key = node.place if isinstance(node, Collection) else node
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Collection) or name not in node.children:
                break
            place = node.keys.get(name)
            node = node.children[name]
            key = place or (node.place if isinstance(node, Collection) else node)
        return node, key


@lru_cache(maxsize=1)  # callers ask for one document of a text after the other
def positions(text: str) -> tuple[Positions, ...]:
    """Return the places of every document that `load` finds in the same text, in the same order.

    A document that a syntax error cuts off is one of them. Never raises.
    """
    text = text.removeprefix("\ufeff")
    return tuple(
        Positions(partial(document_tree, text, start, stop, line)) for start, stop, line in _documents(text, PARSER)
    )


def document_tree(text: str, start: int, stop: int, line: int) -> DocumentPlaces:
    """Return the tree of the document between two offsets, whose first line is `line`, from 0."""
    return grow(_tokens(text[start:stop], line, PARSER), (line + 1, 1))


def _documents(text: str, parser: Parser) -> Iterator[tuple[int, int, int]]:
    """Yield offset, end and first line (from 0) of the documents that are not empty."""
    import yaml

    start, line, depth = 0, 0, 0
    #: None before the root of a document
    empty: bool | None = True
    try:
        source = parser(text)
        # libyaml takes time by the square of a flow's depth, so the limit holds here too
        while depth <= MAX_DEPTH and (event := source.get_event()) is not None:
            kind, mark = type(event), event.start_mark
            if kind is yaml.DocumentStartEvent:
                # whole lines, so that indentation and columns stay what they are
                start, line, empty = mark.index - mark.column, mark.line, None
                continue
            if kind is yaml.DocumentEndEvent:
                if not empty:
                    yield start, event.end_mark.index, line
                empty = True
            elif empty is None:
                empty = kind is yaml.ScalarEvent and not event.value and not event.style
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
    except (yaml.YAMLError, UnicodeEncodeError):
        pass
    if empty is False:  # the last document was cut off
        yield start, len(text), line


def _tokens(text: str, line: int, parser: Parser) -> Iterator[YamlToken]:
    """Yield the tokens of the first document in a text; `line` stands before it. Ends at a syntax error."""
    import yaml

    try:
        source = parser(text)
        while (event := source.get_event()) is not None:
            place = (event.start_mark.line + line + 1, event.start_mark.column + 1)
            match event:
                case yaml.ScalarEvent():
                    merge = event.value == "<<" and not event.style
                    yield YamlToken("merge" if merge else "text", place, event.value, event.anchor)
                case yaml.MappingStartEvent():
                    yield YamlToken("map", place, anchor=event.anchor)
                case yaml.SequenceStartEvent():
                    yield YamlToken("list", place, anchor=event.anchor)
                case yaml.AliasEvent():
                    yield YamlToken("alias", place, event.anchor or "")
                case yaml.CollectionEndEvent():
                    yield YamlToken("end", place)
                case yaml.DocumentEndEvent():
                    return
    except (yaml.YAMLError, UnicodeEncodeError):
        return


class _OpenCollection:
    """A mapping or list that is being read."""

    __slots__ = ("branch", "count", "key", "mapping", "place")

    def __init__(self, branch: Collection, *, mapping: bool) -> None:
        self.branch = branch
        self.mapping = mapping
        self.count = 0
        #: The key whose value comes next (`""` with `place` None where that key is a merge or no text).
        self.key: str | None = None
        self.place: Place | None = None


def grow(tokens: Iterable[YamlToken], start: Place) -> DocumentPlaces:
    """Build the tree of one document's tokens; `start` is the place where there is nothing."""
    root: Node | None = None
    opened: list[_OpenCollection] = []
    anchors: dict[str, Node] = {}
    repeated: dict[Place, int] = {}
    budget = MAX_ALIASED_NODES
    for token in tokens:
        if token.kind == "end":
            budget -= _merge(opened.pop().branch, budget)
            continue
        top = opened[-1] if opened else None
        if top is not None and top.mapping and top.key is None and token.kind in ("text", "merge"):
            top.key = token.text
            top.place = token.place if token.kind == "text" else None
            if token.text in top.branch.keys:
                before = top.branch.keys[token.text]
                repeated[token.place] = repeated.get(before, before[0])
            top.branch.keys[token.text] = token.place
            if token.anchor is not None:
                anchors[token.anchor] = token.place
            continue
        node: Node = token.place
        if token.kind == "alias":
            node = anchors.get(token.text, token.place)
        elif token.kind != "text":
            node = Collection(token.place) if token.kind in ("map", "list") else token.place
        if token.anchor is not None:
            anchors[token.anchor] = node
        if top is None:
            root = node
        else:
            _attach(top, node)
        if isinstance(node, Collection) and token.kind != "alias":
            opened.append(_OpenCollection(node, mapping=token.kind == "map"))
            if len(opened) > MAX_DEPTH:
                break
    return DocumentPlaces(start if root is None else root, repeated)


def _attach(top: _OpenCollection, node: Node) -> None:
    """Put a node where it belongs in the mapping or list that is open."""
    if not top.mapping:
        top.branch.children[str(top.count)] = node
        top.count += 1
    elif top.key is None:
        # a key that is no text: its value follows, and no pointer leads there
        top.key = ""
        top.place = None
    else:
        if top.place is not None:
            top.branch.children[top.key] = node
        elif top.key == "<<":
            top.branch.merged.append(node)
        top.key = None


def _merge(branch: Collection, budget: int) -> int:
    """Give a mapping what it merges and does not have, at most `budget` children; return how many."""
    count = 0
    for merged in branch.merged:
        for source in [
            merged,
            *(merged.children.values() if isinstance(merged, Collection) and not merged.keys else ()),
        ]:
            if not isinstance(source, Collection):
                continue
            for name, place in source.keys.items():
                if count < budget and name in source.children and name not in branch.children:
                    branch.children[name] = source.children[name]
                    branch.keys[name] = place
                    count += 1
    return count
