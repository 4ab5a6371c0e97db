"""What an accepted text says, as a tree, with every oddity that the server lets through in plain sight.

Law: a tree holds what was written and in which order, no more and no less: `unparse` gives a text with the same tree.

A text that makes sense has none of `Missing` (an operand that is not there), `Adjacent` (values side by side, of
which the last counts) and `Commas` (the same, at the outermost level), no `Group` or `FunctionCall` with other than
the parts it should have, and ends without an ignored rest. Whatever walks a tree does so without recursion, since the
server sets no limit to nesting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar
from typing import Literal as Choice

from msgspec import Struct

from reconciler.expression.regex import Verdict

LiteralKind = Choice["text", "integer", "float", "duration", "boolean"]

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


class Node(Struct, frozen=True, eq=False):
    """A part of an expression. `column` counts characters from 1 and is no part of its identity."""

    #: The fields that tell this node from another of its class, and those that hold the nodes below it, in order.
    own: ClassVar[tuple[str, ...]] = ()
    below: ClassVar[tuple[str, ...]] = ()

    column: int

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes right below this one, in the order they are written."""
        if not self.below:
            return ()
        nodes: list[Node] = []
        for name in self.below:
            held = getattr(self, name)
            nodes.extend(held if isinstance(held, tuple) else (held,))
        return tuple(nodes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return self is other or _outline(self) == _outline(other)

    def __hash__(self) -> int:
        return hash(_outline(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {unparse(self)!r}>"


class Literal(Node, frozen=True, eq=False):
    """A string, a number, `true` or `false` (1 and 0), or a duration (an integer, in milliseconds)."""

    own = ("kind", "value")

    value: str | int | float
    kind: LiteralKind
    quote: str = "'"


class Variable(Node, frozen=True, eq=False):
    """A value of the message, the session or the attempt."""

    own = ("name",)

    name: str


class ConstantName(Node, frozen=True, eq=False):
    """A bare word of the server, such as `relaxed`; it is no string, and equals nothing."""

    own = ("name",)

    name: str


class Captured(Node, frozen=True, eq=False):
    """`$1`: what a group of the last regular expression matched; `$0` is the whole match."""

    own = ("number",)

    number: int


class Global(Node, frozen=True, eq=False):
    """`$name`: accepted whatever the name, and always 0."""

    own = ("name",)

    name: str


class Missing(Node, frozen=True, eq=False):
    """Nothing, where an operand or a value could stand. The server takes what it finds left of it, or ''."""


class Unary(Node, frozen=True, eq=False):
    """`!` or `-` before an operand."""

    own = ("operator",)
    below = ("operand",)

    operator: str
    operand: Node


class Binary(Node, frozen=True, eq=False):
    """Two operands. `written` is the operator as it stands in the text: `&`, `=>`, or `=` with what it swallowed."""

    own = ("operator",)
    below = ("left", "right")

    operator: str
    left: Node
    right: Node
    written: str


class Group(Node, frozen=True, eq=False):
    """Parentheses that call nothing. One part is normal; with several the last counts, with none they say nothing."""

    below = ("inner",)

    inner: tuple[Node, ...]


class FunctionCall(Node, frozen=True, eq=False):
    """A function. `ahead` holds arguments that stand, oddly, between its name and its parenthesis."""

    own = ("name", "early")
    below = ("ahead", "arguments")

    name: str
    arguments: tuple[Node, ...]
    ahead: tuple[Node, ...] = ()

    @property
    def early(self) -> int:
        """How many arguments stand ahead of the parenthesis."""
        return len(self.ahead)


class Matches(Node, frozen=True, eq=False):
    """`matches('pattern', value)`. `verdict` says whether the server's engine is sure to take the pattern."""

    own = ("pattern",)
    below = ("arguments",)

    pattern: str
    arguments: tuple[Node, ...]
    verdict: Verdict
    quote: str = "'"


class Reading(Node, frozen=True, eq=False):
    """`system('hostname')` or `metric('queue.count')`: asked of the server. `arguments` are odd, and normally none."""

    own = ("form", "name")
    below = ("arguments",)

    form: Choice["system", "metric"]
    name: str
    arguments: tuple[Node, ...] = ()
    quote: str = "'"


class Index(Node, frozen=True, eq=False):
    """`value[position]`, counted from 0. More than one position is odd."""

    below = ("value", "positions")

    value: Node
    positions: tuple[Node, ...]


class ListOf(Node, frozen=True, eq=False):
    """`[a, b]`. The server builds it from `size` values, which is the number of elements where it makes sense."""

    own = ("size",)
    below = ("elements",)

    elements: tuple[Node, ...]
    size: int


class Adjacent(Node, frozen=True, eq=False):
    """Values with nothing between them; the last counts, except as arguments, where each is one."""

    below = ("values",)

    values: tuple[Node, ...]


class Commas(Node, frozen=True, eq=False):
    """Values with commas between them outside of any parentheses; the last counts."""

    below = ("values",)

    values: tuple[Node, ...]


class Tree(Struct, frozen=True, dict=True):
    """A whole text. `ignored` is what follows its end: a `}` and the rest, or ""."""

    root: Node
    ignored: str = ""

    def __repr__(self) -> str:
        return f"<Tree {unparse(self)!r}>"


def walk(tree: Tree | Node) -> Iterator[Node]:
    """Yield every node, each before those below it, left to right. Safe at any depth."""
    pending = [tree.root if isinstance(tree, Tree) else tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.parts))


def bare(node: Node) -> Node:
    """Return a node without the parentheses around it."""
    while isinstance(node, Group) and len(node.inner) == 1:
        node = node.inner[0]
    return node


def operands(root: Node, operator: str) -> list[Node]:
    """Return the operands of a chain of one operator, left to right."""
    parts: list[Node] = []
    pending = [root]
    while pending:
        node = bare(pending.pop())
        if isinstance(node, Binary) and node.operator == operator:
            pending += (node.right, node.left)
        else:
            parts.append(node)
    return parts


def unparse(tree: Tree | Node) -> str:
    """Return a text that reads as this tree, in one canonical spelling."""
    root, ignored = (tree.root, tree.ignored) if isinstance(tree, Tree) else (tree, "")
    pieces: list[str] = []
    pending: list[Node | str] = [root]
    while pending:
        node = pending.pop()
        if not isinstance(node, str):
            pending.extend(reversed(list(_spell(node))))
        else:
            pieces.append(node)
    return "".join(pieces).strip(" ") + ignored


def _outline(root: Node) -> tuple[object, ...]:
    return tuple((type(node), len(node.parts), *(getattr(node, name) for name in node.own)) for node in walk(root))


def _spell(node: Node) -> Iterator[Node | str]:
    match node:
        case Literal():
            yield _literal(node)
        case Variable(name=name) | ConstantName(name=name):
            yield name
        case Captured(number=number):
            yield f"${number}"
        case Global(name=name):
            yield f"${name}"
        case Unary(operator=operator, operand=operand):
            yield from (operator, operand)
        case Binary(operator=operator, left=left, right=right):
            yield from (left, f" {operator} ", right)
        case Index(value=value, positions=positions):
            yield from (value, "[", *_joined(positions), "]")
        case Adjacent(values=values):
            yield from _joined(values, " ")
        case Commas(values=values):
            yield from _joined(values)
        case Group(inner=inner):
            yield from ("(", *_joined(inner), ")")
        case ListOf(elements=elements):
            yield from ("[", *_joined(elements), "]")
        case Matches() | Reading() | FunctionCall():
            yield from _called(node)


def _called(node: Matches | Reading | FunctionCall) -> Iterator[Node | str]:
    if isinstance(node, Matches):
        yield f"matches({_quoted(node.pattern, node.quote)}, "
    elif isinstance(node, Reading):
        yield f"{node.form}({_quoted(node.name, node.quote)}" + (" " if node.arguments else "")
    else:
        yield node.name
        if node.ahead:
            yield from (" ", *_joined(node.ahead), " ")
        yield "("
    yield from (*_joined(node.arguments), ")")


def _joined(nodes: tuple[Node, ...], between: str = ", ") -> Iterator[Node | str]:
    for index, node in enumerate(nodes):
        if index:
            yield between
        yield node


def _literal(node: Literal) -> str:
    value = node.value
    if isinstance(value, str):
        return _quoted(value, node.quote)
    if isinstance(value, float):
        return decimal(value) if value != float("inf") else "1" + 309 * "0" + ".0"
    if node.kind == "boolean":
        return "true" if value else "false"
    if node.kind == "duration":
        size, unit = next(((size, unit) for size, unit in _UNITS if value and value % size == 0), (1, "ms"))
        return f"{value // size}{unit}"
    return str(value)


def _quoted(value: str, quote: str) -> str:
    # The value keeps its backslashes; only a control character after one was spelled otherwise, and may stay as it is.
    return f"{quote}{value}{quote}"


def decimal(value: float) -> str:
    """Return a finite number in decimal places, never with an exponent, and always with a point."""
    from decimal import Decimal  # slow to load, and seldom wanted

    text = format(Decimal(repr(value)), "f")
    return text if "." in text else text + ".0"
