"""Laws of the layout, held for manifests in every style that YAML has, each comment of which names what it is about."""

import re
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.layout import lay_out
from reconciler.desired.layout.nodes import BlockScalar, List, Mapping, Node, Scalar, read
from reconciler.kinds.catalogue import load as load_catalogue
from reconciler.yamlio import load

CATALOGUE = load_catalogue()
KINDS = ("MtaRoute", "MtaOutboundStrategy", "MtaMilter", "RoutingTest")
KEYS = ("name", "type", "address", "port", "description", "authSecret", "route", "match", "else", "if", "use", "zz")
PLAIN = ("a", "1", "true", "x y", "a'b", "10.0.0.1", "a#b", "null")
QUOTED = ("'a'", '"b"', "'# no'", '"a: b"', "'it''s'")


class Author:
    """Writes manifests as people do, each in a way of its own; `odd` allows ways that have no canonical layout."""

    def __init__(self, random: Random, *, odd: bool) -> None:
        self.random = random
        self.odd = odd
        self.anchors = 0
        self.known: list[str] = []

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def documents(self) -> str:
        texts = [self.document() for _ in range(self.random.choice((1, 1, 2)))]
        text = "---\n".join("".join(f"{line}\n" for line in each) for each in texts)
        return text.replace("\n", "\r\n") if self.chance(10) else text

    def document(self) -> list[str]:
        self.known = []
        keys = ["kind", self.random.choice(("spec", "items", "cases"))]
        keys += [each for each in ("metadata", "x-own") if self.chance(40)]
        self.random.shuffle(keys)
        head = ["# head", ""][: self.random.randrange(3)]
        return [*head, *self.mapping(keys, "", depth=0), *(["# tail"] if self.chance(20) else [])]

    def mapping(self, keys: list[str], path: str, depth: int) -> list[str]:
        lines: list[str] = []
        for index, key in enumerate(keys):
            below = f"{path}/{key}"
            if depth or index:
                lines += self.above(below)
            lines += self.pair(key, below, depth)
        return lines

    def above(self, path: str) -> list[str]:
        lines = [""] * self.random.choice((0, 0, 0, 1, 2))
        if self.chance(30):
            lines += [f"# above {path}"] + [""] * self.chance(20)
        return lines

    def pair(self, key: str, path: str, depth: int) -> list[str]:
        if key == "kind":
            return [f"kind: {self.random.choice(KINDS)}{self.beside(path)}"]
        if self.odd and self.chance(10):
            return [f"? {key}", f": {self.random.choice(PLAIN)}"]
        written = f'"{key}"' if self.chance(5) else key
        written += " " * self.chance(5) + ":"
        if depth < 3 and self.chance(70 if depth < 2 else 25):
            anchor = self.anchor() if self.chance(10) else ""
            below = self.block(path, depth + 1)
            self.known += [anchor] if anchor else []
            return [written + anchor + self.beside(path), *below]
        return self.leaf(written, path)

    def anchor(self) -> str:
        self.anchors += 1
        return f" &a{self.anchors}"

    def block(self, path: str, depth: int) -> list[str]:
        if self.chance(65):
            keys = self.random.sample(KEYS, self.random.choice((1, 1, 2, 3)))
            return self.indented(self.mapping(keys, path, depth), self.random.choice((1, 2, 2, 3, 4)))
        lines: list[str] = []
        for index in range(self.random.choice((1, 1, 2, 3))):
            below = f"{path}/{index}"
            lines += [*self.above(below), *self.element(below, depth)]
        at_key = path.count("/") > 0 and self.chance(40)
        return lines if at_key else self.indented(lines, self.random.choice((1, 2, 2, 4)))

    def element(self, path: str, depth: int) -> list[str]:
        if depth > 2 or self.chance(50):
            return self.leaf("-", path)
        keys = self.random.sample(KEYS, self.random.choice((1, 1, 2, 3)))
        lines = self.mapping(keys, path, depth)
        if not lines[0] or lines[0].startswith(("#", "?")) or self.chance(10):
            return ["-" + self.beside(path).replace("\t", " "), *self.indented(lines, 2)]
        indent = self.random.choice((2, 2, 4))
        return ["-" + " " * (indent - 1) + lines[0], *self.indented(lines[1:], indent)]

    def leaf(self, head: str, path: str) -> list[str]:
        """Return a value that is no block of keys or elements, behind its key or dash."""
        if self.chance(10):
            self.known.append(self.anchor())
            value = self.random.choice(("", " a", " 'b'", " {type: a, name: b}"))
            return [head + self.known[-1] + value + self.beside(path), *self.below(path, 3)]
        if self.known and self.chance(20):
            alias = self.random.choice(self.known).replace("&", "*")
            return [head + alias + self.beside(path), *self.below(path, 3)]
        head += "\t" if head != "-" and self.chance(3) else " " * self.random.choice((1, 1, 1, 3))
        match self.random.randrange(12):
            case 0 | 1 | 2 | 3 | 4:
                lines = [head + self.random.choice((*PLAIN, *QUOTED, *[""] * (head[0] != "-")))]
            case 5 | 6:
                mark = self.random.choice(("|", ">", "|-", "|+", "|2", ">-"))
                body = ["  one", "", "    two"][: self.random.choice((0, 1, 3))] + [""] * self.random.randrange(2)
                # Below an empty text, a deeper comment would be the text.
                below = self.below(path, 1) if body[:1] == ["  one"] else []
                return [f"{head}{mark}{self.beside(path)}", *body, *below]
            case 7:
                flow = self.random.choice(("[a,  'b, c' ]", "{zz: 1,  type: a, name: 'x'}", "[]", "{ use: a, if: b }"))
                lines = [head + flow]
            case 8:
                lines = [head + "[a,", "   b, {use: a,", "   if: c}]"]
            case 9:
                lines = [head + "'one", "", "     two'"]
            case 10:
                lines = [head.rstrip() + self.random.choice(("", "  # on", "")), "    " + self.random.choice(PLAIN)]
            case _:
                lines = [head.rstrip(), "     [ a,b ]"]
        beside = self.beside(path)
        lines[-1] += beside.replace("\t", " ") if lines[-1] == "-" else beside
        return [*lines, *self.below(path, 3)]

    def beside(self, path: str) -> str:
        blanks = self.random.choice((" ", "  ", "       ", "\t"))
        return f"{blanks}# beside {path}" if self.chance(25) else ""

    def below(self, path: str, indent: int) -> list[str]:
        return [" " * indent + f"# below {path}"] * self.chance(10)

    @staticmethod
    def indented(lines: list[str], indent: int) -> list[str]:
        return [" " * indent + line if line else "" for line in lines]


@st.composite
def manifests(draw: st.DrawFn, *, odd: bool = False) -> str:
    return Author(draw(st.randoms(use_true_random=False)), odd=odd).documents()


def values(text: str) -> Any:
    documents, problems = load(text)
    assert problems == []
    return [each.value for each in documents]


def lines_of(node: Node, path: str, key: int) -> Iterator[tuple[str, int, int]]:
    """Yield the path of every key and element, with the lines of its key and of its end."""
    last = node.end[0] - (node.end[1] == 0) if isinstance(node, BlockScalar) else node.end[0]
    if isinstance(node, Scalar) or node.flow:
        yield path, key, key if node.start == node.end else last
        return
    yield path, key, key
    if isinstance(node, Mapping):
        for name, below in node.pairs:
            yield from lines_of(below, f"{path}/{name.text}", name.start[0])
    elif isinstance(node, List):
        for index, below in enumerate(node.elements):
            first = below.pairs[0][0].start[0] if isinstance(below, Mapping) and not below.flow else below.start[0]
            yield from lines_of(below, f"{path}/{index}", first)


def misplaced(text: str) -> list[str]:
    """Return the comments that do not stand at what they name."""
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    found = []
    for document in read(text):
        assert document.root is not None
        places = {path: (key, last) for path, key, last in lines_of(document.root, "", 0)}
        told = {n for n in range(document.first, document.last) if re.match(r"[\s-]*(#|\Z)", lines[n])}
        for number in range(document.first, document.last):
            match = re.search(r"# (above|beside|below) (\S+)", lines[number])
            if not match:
                continue
            key, last = places[match[2]]
            if number not in told:
                fits = match[1] == "beside" and number in (key, last)
            else:
                down = next(n for n in range(number, len(lines)) if n not in told)
                up = next((n for n in range(number, -1, -1) if n not in told), -1)
                blank = next((n for n in range(last, -1, -1) if lines[n].strip()), -1)
                fits = down == key if match[1] == "above" else match[1] == "below" and up == blank
                # What stands beside a lone dash comes above its element.
                fits |= match[1] == "beside" and down == key
            if not fits:
                found.append(lines[number].strip())
    return found


def comments(text: str) -> list[str]:
    return sorted(re.findall(r"# (?:above|beside|below|head|tail|on).*?(?=\r?\n)", text))


@settings(max_examples=200)
@given(manifests())
def test_layout_changes_no_value_moves_comments_with_what_they_are_about_and_is_done_once(text: str) -> None:
    assert misplaced(text) == []

    laid = lay_out(CATALOGUE, text)

    assert laid.problems == laid.left == ()
    assert values(laid.text) == values(text)
    assert comments(laid.text) == comments(text)
    assert misplaced(laid.text) == []
    assert lay_out(CATALOGUE, laid.text).text == laid.text


@settings(max_examples=50)
@given(manifests(odd=True))
def test_what_has_no_layout_keeps_its_meaning_and_is_told(text: str) -> None:
    laid = lay_out(CATALOGUE, text)

    assert values(laid.text) == values(text)
    assert comments(laid.text) == comments(text)
    assert bool(laid.left) == bool(re.search(r"^\s*(- *)?\? ", text, re.MULTILINE))
    assert lay_out(CATALOGUE, laid.text).text == laid.text


@settings(max_examples=100)
@given(st.text("kind: MtaRoute\nspec-#&*|>'\"[]{},  ", max_size=60))
def test_whatever_is_written_keeps_its_meaning(text: str) -> None:
    documents, problems = load(text)

    found = lay_out(CATALOGUE, text)

    assert found.problems == tuple(problems)
    assert [each.value for each in load(found.text)[0]] == [each.value for each in documents]
    assert not problems or found.text == text
