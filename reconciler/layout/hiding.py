"""A manifest's text with its secrets hidden, for a diff of two layouts of it.

Law: pure; hides what the catalogue calls sensitive, and where it knows nothing, what stands below a key that speaks of
a secret: better too much than too little. Lines and blanks stay, and so do references to secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.catalogue import Catalogue
from reconciler.layout.nodes import Alias, Block, Mapping, Node, Scalar, read
from reconciler.layout.order import Order, nothing, ours, top
from reconciler.model import Sensitive
from reconciler.strictyaml.hints import may_show

_REFERENCE = re.compile(r"\$\{(?:env|file|var):[^{}]*\}\Z")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
#: A key and its value, as they stand in a comment.
_TOLD = re.compile(r"""([\w.-]+)["']?\s*[:=]\s*(\S.*)""")
_HIDDEN = str(Sensitive())


def hidden(catalogue: Catalogue, text: str) -> str:
    """Return a text that the strict reader has taken, with `(sensitive)` in place of each secret."""
    lines = text.split("\n")
    for document in read("\n".join([*lines, ""])):
        if document.root is None:
            continue
        finder = _Finder(document.root)
        finder.look(document.root, top(catalogue) if ours(catalogue, document) else nothing, (), inside=False)
        secrets = {each.start: each for each in finder.secrets}
        plain = {each.start: each for each in _scalars(document.root) if each.start not in secrets}
        covered: dict[int, list[tuple[int, int]]] = {}
        for each in plain.values():
            for number, start, end in _spans(each, lines):
                covered.setdefault(number, []).append((start, end))
        spans = [span for each in secrets.values() for span in _spans(each, lines)]
        for number in range(document.first, document.last):
            spans += _told(number, lines[number], covered.get(number, []))
        for number, start, end in sorted(set(spans), reverse=True):
            lines[number] = lines[number][:start] + _HIDDEN + lines[number][end:]
    return "\n".join(lines)


class _Finder:
    """Finds the secrets of a document, also behind its aliases."""

    def __init__(self, root: Node) -> None:
        #: What the alias at a place stands for: a name may be given again.
        self.aliases: dict[tuple[int, int], Node] = {}
        anchors: dict[str, Node] = {}
        for each in _nodes(root):
            if isinstance(each, Alias):
                self.aliases[each.start] = anchors[each.anchor]
            else:
                anchors[each.anchor] = each
        self.secrets: list[Scalar] = []

    def look(self, node: Node, order: Order, names: tuple[str, ...], *, inside: bool, secret: bool = False) -> None:
        """Look below some keys; `inside` a property that holds a secret only what is known is shown."""
        if isinstance(node, Alias):
            self.look(self.aliases[node.start], order, names, inside=inside, secret=secret)
        elif isinstance(node, Scalar):
            if secret and not _REFERENCE.match(node.text):
                self.secrets.append(node)
        elif isinstance(node, Mapping):
            ranks = order(node)
            for key, value in node.pairs:
                known = key.text in ranks.names
                if key.text == "<<":
                    self.look(value, order, names, inside=inside, secret=secret)
                    continue
                if inside and not known:
                    # `{p4ssw0rd}` is a key without a value.
                    self.secrets.append(key)
                below = (*names, key.text)
                holds = key.text in ranks.secret
                hide = holds or (not known and (inside or not may_show(*below)))
                self.look(value, ranks.below.get(key.text, nothing), below, inside=inside or holds, secret=hide)
        else:
            for each in node.elements:
                self.look(each, order, names, inside=inside, secret=secret)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Mapping):
        for key, value in node.pairs:
            yield key
            yield from _nodes(value)
    elif not isinstance(node, Scalar):
        for each in node.elements:
            yield from _nodes(each)


def _scalars(node: Node) -> Iterator[Scalar]:
    return (each for each in _nodes(node) if isinstance(each, Scalar))


def _spans(node: Scalar, lines: list[str]) -> Iterator[tuple[int, int, int]]:
    """Yield the lines that a scalar's text stands in, with the columns from and to."""
    (first, start), (last, end) = node.start, node.end
    if isinstance(node, Block):
        first, start, last, end = first + 1, 0, last - (not end), len(lines[min(last, len(lines) - 1)])
    for number in range(first, last + 1):
        text = lines[number].rstrip()
        begin = start if number == first and start else len(text) - len(text.lstrip())
        stop = end if number == last and not isinstance(node, Block) else len(text)
        if begin < stop:
            yield number, begin, stop


def _told(number: int, line: str, covered: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield where a secret stands in the comment of a line, outside of the texts that cover it."""
    for match in _COMMENT.finditer(line):
        if any(start <= match.start() < end for start, end in covered):
            continue
        told = _TOLD.search(line, match.start())
        while told and may_show(told[1]):
            told = _TOLD.search(line, told.end(1))
        if told and not _REFERENCE.match(told[2].rstrip()):
            yield number, told.start(2), len(line.rstrip())
