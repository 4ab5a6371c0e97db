"""A manifest's text with its secrets hidden, for a diff of two layouts of it.

Law: pure; hides what the catalogue calls sensitive, and where it knows nothing, what stands below a key that speaks of
a secret: better too much than too little. Lines and blanks stay, and so do references to secrets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from reconciler.desired.layout.nodes import Alias, BlockScalar, DocumentLines, Mapping, Node, Scalar, read
from reconciler.desired.layout.order import OWN, Order, nothing, ours, top
from reconciler.kinds import PLACE_PATTERN, Catalogue
from reconciler.values import Sensitive, reference_of
from reconciler.yamlio import may_show

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
#: A word in a comment, with what is between it and a value behind it.
_WORD = re.compile(r"""([\w.-]+)["']?\s*[:=]?\s*""")
#: Short words that speak of a secret, where nothing but a comment says what is meant.
_CURT = frozenset(("pass", "psk", "pw", "pwd"))
#: What stands in a comment's line before its text, the dashes of elements among it.
_MARGIN = re.compile(r"[\s#]*(?:-\s+)*")
#: What says that the value of a key is in the lines below it.
_BELOW = re.compile(r"[:=]\s*(?:[|>][-+\d]*)?\s*(?:#.*)?\Z")
_KEY = re.compile(r"""["']?[\w.-]+["']?\s*[:=]""")
_PLACE = re.compile(PLACE_PATTERN)
_HIDDEN = str(Sensitive())


def hidden(catalogue: Catalogue, text: str) -> str:
    """Return a text that the strict reader has taken, with `(sensitive)` in place of each secret."""
    lines, order = text.split("\n"), top(catalogue)
    for document in read("\n".join([*lines, ""])):
        if document.root is None:
            continue
        finder = _Finder(document.root)
        finder.look(document.root, order if ours(catalogue, document) else nothing, (), inside=False)
        secrets = {scalar.start: scalar for scalar in finder.secrets}
        plain = {scalar.start: scalar for scalar in _scalars(document.root) if scalar.start not in secrets}
        covered: dict[int, list[tuple[int, int]]] = {}
        for scalar in plain.values():
            for number, start, end in _spans(scalar, lines):
                covered.setdefault(number, []).append((start, end))
        spans = [span for scalar in secrets.values() for span in _spans(scalar, lines)]
        for comments in _blocks(document, lines, covered):
            spans += _secret_spans(comments, finder.within)
        for number, start, end in sorted(set(spans), reverse=True):
            lines[number] = lines[number][:start] + _HIDDEN + lines[number][end:]
    return "\n".join(lines)


class _Finder:
    """Finds the secrets of a document, also behind its aliases."""

    def __init__(self, root: Node) -> None:
        #: What the alias at a place stands for: a name may be given again.
        self.aliases: dict[tuple[int, int], Node] = {}
        anchors: dict[str, Node] = {}
        for node in _nodes(root):
            if isinstance(node, Alias):
                self.aliases[node.start] = anchors[node.anchor]
            else:
                anchors[node.anchor] = node
        self.secrets: list[Scalar] = []
        #: From where to where the values stand that hold a secret, and whether in brackets.
        self.within: list[tuple[tuple[int, int], tuple[int, int], bool]] = []

    def look(self, node: Node, order: Order, names: tuple[str, ...], *, inside: bool, secret: bool = False) -> None:
        """Look below some keys; `inside` a property that holds a secret only what is known is shown."""
        if isinstance(node, Alias):
            self.look(self.aliases[node.start], order, names, inside=inside, secret=secret)
        elif isinstance(node, Scalar):
            if secret and not reference_of(node.text)[0]:
                self.secrets.append(node)
        elif isinstance(node, Mapping):
            ranks = order(node)
            for key, value in node.pairs:
                known = key.text in ranks.names
                if key.text == "<<":
                    self.look(value, order, names, inside=inside, secret=secret)
                    continue
                if _PLACE.fullmatch(key.text) and not known and not isinstance(value, Scalar):
                    # The element of a list that is written as an object.
                    self.look(value, order, names, inside=inside, secret=secret)
                    continue
                if inside and not known:
                    # `{p4ssw0rd}` is a key without a value.
                    self.secrets.append(key)
                below = (*names, key.text)
                holds = key.text in ranks.secret
                # Where the catalogue knows every key, this one may be a secret's with a letter wrong.
                odd = not known and bool(ranks.names) and not (key.text.startswith(OWN) and OWN in ranks.names)
                hide = holds or odd or (not known and (inside or not may_show(*below)))
                if holds or odd:
                    self.within += _within(key, value)
                self.look(value, ranks.below.get(key.text, nothing), below, inside=inside or holds or odd, secret=hide)
        else:
            for element in node.elements:
                self.look(element, order, names, inside=inside, secret=secret)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Mapping):
        for key, value in node.pairs:
            yield key
            yield from _nodes(value)
    elif not isinstance(node, Scalar):
        for element in node.elements:
            yield from _nodes(element)


def _scalars(node: Node) -> Iterator[Scalar]:
    return (inner for inner in _nodes(node) if isinstance(inner, Scalar))


def _within(key: Scalar, value: Node) -> Iterator[tuple[tuple[int, int], tuple[int, int], bool]]:
    """Yield from where to where a value stands, and each part of it that is in brackets."""
    inner = list(_nodes(value))
    yield (
        key.end,
        max(element.end if isinstance(element, Scalar) or element.flow else element.start for element in inner),
        False,
    )
    yield from (
        (element.start, element.end, True) for element in inner if not isinstance(element, Scalar) and element.flow
    )


def _spans(node: Scalar, lines: list[str]) -> Iterator[tuple[int, int, int]]:
    """Yield the lines that a scalar's text stands in, with the columns from and to."""
    if node.start == node.end:
        return
    (first, start), (last, end) = node.start, node.end
    if isinstance(node, BlockScalar):
        first, start, last, end = first + 1, 0, last - (not end), len(lines[min(last, len(lines) - 1)])
    for number in range(first, last + 1):
        text = lines[number].rstrip()
        begin = start if number == first and start else len(text) - len(text.lstrip())
        stop = end if number == last and not isinstance(node, BlockScalar) else len(text)
        if begin < stop:
            yield number, begin, stop


def _blocks(
    document: DocumentLines, lines: list[str], covered: dict[int, list[tuple[int, int]]]
) -> Iterator[list[tuple[int, int, str]]]:
    """Yield the comments of a document that stand in lines below each other: line, column, and the line up to its end.

    What looks like a comment within the texts that cover it is none.
    """
    block: list[tuple[int, int, str]] = []
    for number in range(document.first, document.last):
        line = lines[number].rstrip()
        inside = covered.get(number, [])
        begins = (match.start() for match in _COMMENT.finditer(line))
        begin = next((at for at in begins if not any(start <= at < end for start, end in inside)), None)
        if block and line[:begin].strip():
            yield block
            block = []
        if begin is not None:
            block.append((number, begin, line))
    if block:
        yield block


def _secret_spans(
    comments: list[tuple[int, int, str]], within: Collection[tuple[tuple[int, int], tuple[int, int], bool]]
) -> Iterator[tuple[int, int, int]]:
    """Yield where secrets stand in comments that are below each other."""
    #: The column of the text that speaks of a secret whose value is in the lines below it.
    above: int | None = None
    for number, begin, line in comments:
        text = _column(line, begin)
        if text == len(line):
            continue
        alone, place = not line[:begin].strip(), (number, begin)
        goes_on = above is not None and (text > above or not _KEY.match(line, text))
        if goes_on or any(start < place < end and (alone or flow) for start, end, flow in within):
            yield number, text, len(line)
            continue
        word = next((match for match in _WORD.finditer(line, begin) if _speaks(match[1])), None)
        below = _BELOW.search(line, word.end(1)) if word else None
        above = text if below else None
        value = word and word.end() < (below.start() if below else len(line))
        if word and value and not reference_of(line[word.end() :])[0]:
            yield number, word.end(), len(line)


def _column(line: str, begin: int) -> int:
    """Return the column in which the text of a comment begins, behind the dashes of elements."""
    match = _MARGIN.match(line, begin)
    return match.end() if match else begin


def _speaks(word: str) -> bool:
    """Whether a word speaks of a secret."""
    return not may_show(word) or word.lower() in _CURT
