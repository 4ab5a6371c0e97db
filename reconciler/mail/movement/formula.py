"""A condition as a formula over tests, each of which is true or false for a message.

Law: pure; only what is written plainly is taken apart (`&&`, `||`, `!`, `^`, comparisons with literals); whatever else
is one test, known by its text, so that the same text is the same test on both sides.

What the server lets through oddly (a missing operand, values side by side) is kept whole, and judged by the evaluator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal as Choice

from msgspec import Struct

from reconciler.expression import (
    HASHES,
    LOOKUPS,
    NUMBERS,
    Adjacent,
    Binary,
    Captured,
    Commas,
    Empty,
    EvaluationError,
    FunctionCall,
    Group,
    Index,
    ListOf,
    Literal,
    Matches,
    Missing,
    Node,
    Reading,
    Shape,
    Tree,
    Unary,
    Unknown,
    Value,
    Variable,
    bare,
    evaluate,
    operands,
    texts_of,
    truth,
    unparse,
    walk,
)

#: Lookups that may fail, and then end the evaluation.
FAILING = frozenset(("dns_query", "sql_query"))
#: Functions that change what they ask about.
CHANGING = frozenset(("key_set", "counter_incr"))
#: Lookups that ask whether something is the server's own.
LOCALS = frozenset(("is_local_domain", "is_local_address"))
#: Deepest nesting that is taken apart; what lies deeper is one test.
DEEPEST = 60

#: The parts of an address, which vary alone: everything else about it is derived.
PARTS = {
    "rcpt": ("rcpt.local", "rcpt.domain"),
    "sender": ("sender.local", "sender.domain"),
}
_DOMAINS = {"rcpt_domain": "rcpt.domain", "sender_domain": "sender.domain"}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ORDERS = ("<", "<=", ">", ">=")

TestKind = Choice["is", "prefix", "suffix", "order", "share", "free"]


class Test(Struct, frozen=True):
    """One question about a message. `key` tells it from others, and reads as an expression does."""

    key: str
    kind: TestKind
    #: The base variable that it asks about; "" where it is about several, or about the world.
    variable: str = ""
    operator: str = ""
    literal: str | int | float = ""
    #: What the evaluator is asked, and the expression's variables in it.
    tree: Tree | None = None
    reads: frozenset[str] = frozenset()
    #: Lookups and readings in it, whose answers are the world's.
    world: frozenset[str] = frozenset()
    fails: bool = False


class All(Struct, frozen=True):
    """Every part holds, asked from left to right."""

    parts: tuple[Formula, ...]
    fails: bool


class Any_(Struct, frozen=True):  # noqa: N801 - `Any` is a word of typing
    """At least one part holds, asked from left to right."""

    parts: tuple[Formula, ...]
    fails: bool


class Not(Struct, frozen=True):
    """The part does not hold."""

    part: Formula
    fails: bool


class Odd(Struct, frozen=True):
    """One of two holds, and the other does not."""

    left: Formula
    right: Formula
    fails: bool


#: `None` is a condition that fails for certain.
Formula = bool | Test | All | Any_ | Not | Odd | None


def can_fail(formula: Formula) -> bool:
    """Whether judging it may end the evaluation."""
    return formula is None or (not isinstance(formula, bool) and formula.fails)


def every(*parts: Formula) -> Formula:
    """Return the formula that holds where all parts do."""
    kept = [part for part in parts if part is not True]
    if not kept:
        return True
    return kept[0] if len(kept) == 1 else All(tuple(kept), any(map(can_fail, kept)))


def either(*parts: Formula) -> Formula:
    """Return the formula that holds where at least one part does."""
    kept = [part for part in parts if part is not False]
    if not kept:
        return False
    return kept[0] if len(kept) == 1 else Any_(tuple(kept), any(map(can_fail, kept)))


class ConditionReader(Struct, frozen=True):
    """Takes conditions apart in one context. `fixed` holds the variables that have one value there."""

    fixed: Mapping[str, Value] = {}

    def condition(self, tree: Tree, path: str = "") -> Formula:
        """Return what a condition asks. `path` tells which regular expressions came before, for captures."""
        if any(_is_odd(node) for node in walk(tree)):
            return self.whole(tree, path)
        return self.part(tree.root, path, 0)

    def part(self, node: Node, path: str, depth: int) -> Formula:
        """Take one node apart."""
        node = bare(node)
        if depth < DEEPEST:
            if isinstance(node, Binary) and node.operator in ("&&", "||"):
                parts = [self.part(operand, path, depth + 1) for operand in operands(node, node.operator)]
                return every(*parts) if node.operator == "&&" else either(*parts)
            if isinstance(node, Binary) and node.operator == "^":
                left, right = self.part(node.left, path, depth + 1), self.part(node.right, path, depth + 1)
                return Odd(left, right, can_fail(left) or can_fail(right))
            if isinstance(node, Unary) and node.operator == "!":
                inner = self.part(node.operand, path, depth + 1)
                return not inner if isinstance(inner, bool) else Not(inner, can_fail(inner))
            plain = self.plain(node)
            if plain is not None:
                return plain
        return self.whole(Tree(node), path)

    def whole(self, tree: Tree, path: str) -> Formula:
        """Return a test that is not taken apart, or what it comes to where that is certain."""
        nodes = list(walk(tree))
        captures = any(isinstance(node, Captured) for node in nodes)
        reads = frozenset(node.name for node in nodes if isinstance(node, Variable) and node.name not in self.fixed)
        world = frozenset(node.name for node in nodes if isinstance(node, FunctionCall) and node.name in LOOKUPS)
        world |= {node.form for node in nodes if isinstance(node, Reading)}
        if not captures and not world and not reads:
            value, _ = evaluate(tree, self.fixed)
            if isinstance(value, EvaluationError):
                return None
            if not isinstance(value, Unknown):
                return not isinstance(value, Empty) and truth(value)
        alone = _DOMAINS.get(next(iter(reads), ""), next(iter(reads), "")) if len(reads) == 1 else ""
        if alone in PARTS or alone == "recipients" or captures or world:
            alone = ""
        key = unparse(tree) + (f" after {path}" if captures else "")
        return Test(key, "free", alone, "", "", tree, reads, world, bool(world & FAILING))

    # -- tests that are understood

    def plain(self, node: Node) -> Formula:
        """Return the formula of a comparison of a variable with a literal, or None where it is no such thing."""
        if isinstance(node, Variable) and node.name not in self.fixed:
            return self.variable(node.name)
        if isinstance(node, Binary) and node.operator in ("==", "!=", *_ORDERS):
            left, right, operator = bare(node.left), bare(node.right), node.operator
            if isinstance(left, Literal):
                left, right, operator = right, left, _FLIPPED.get(operator, operator)
            name = self.view(left)
            if name and isinstance(right, Literal):
                return self.compared(name, operator, right.value)
            if isinstance(right, Literal) and isinstance(right.value, str) and operator in _ORDERS:
                return self.share(left, operator, right.value)
        if isinstance(node, FunctionCall) and node.name in LOCALS and len(node.arguments) == 1:
            subject = bare(node.arguments[0])
            # What is not known yet is nobody's, whatever the server's domains are.
            nobody = isinstance(subject, Variable) and self.fixed.get(subject.name) == ""
            return False if nobody else None
        if isinstance(node, FunctionCall) and node.name == "is_empty" and len(node.arguments) == 1:
            name = self.view(node.arguments[0])
            return self.text(name, "is", "") if name and name not in NUMBERS else None
        if isinstance(node, FunctionCall) and len(node.arguments) == 2:
            return self.called(node.name, bare(node.arguments[0]), bare(node.arguments[1]))
        if isinstance(node, Matches) and len(node.arguments) == 1:
            name, shapes = self.view(bare(node.arguments[0])), texts_of(node.pattern)
            if name and name not in NUMBERS and shapes is not None:
                parts = [self.text(name, shape, text) for shape, text in shapes]
                return None if any(part is None for part in parts) else either(*parts)
        return None

    def variable(self, name: str) -> Formula:
        """Return whether a variable counts as true."""
        if name in NUMBERS:
            return Not(_number(name, "==", 0), fails=False)
        if name in ("sender", "sender_domain"):
            return Not(_text("sender.domain", "is", ""), fails=False)
        return True if name in ("rcpt", "rcpt_domain", "recipients") else None

    def view(self, node: Node) -> str:
        """Return the variable that a node is, or ""; `rcpt.local` for the local part of an address."""
        node = bare(node)
        if isinstance(node, Variable) and node.name not in self.fixed and node.name != "recipients":
            return node.name
        if isinstance(node, FunctionCall) and node.name == "email_part" and len(node.arguments) == 2:
            address, part = bare(node.arguments[0]), bare(node.arguments[1])
            known = isinstance(address, Variable) and address.name in PARTS and address.name not in self.fixed
            if known and isinstance(address, Variable) and isinstance(part, Literal):
                return f"{address.name}.{part.value}" if part.value in ("local", "domain") else ""
        return ""

    def compared(self, name: str, operator: str, literal: str | float) -> Formula:
        """Return a comparison with a literal, or None where it is not understood."""
        if operator == "!=":
            inner = self.compared(name, "==", literal)
            return None if inner is None else not inner if isinstance(inner, bool) else Not(inner, can_fail(inner))
        if name in NUMBERS:
            return _number(name, operator, literal)
        if operator == "==" and isinstance(literal, str):
            return self.text(name, "is", literal)
        return None

    def called(self, function: str, first: Node, second: Node) -> Formula:
        """Return a function of a variable and a literal, or None where it is not understood."""
        if function == "contains" and isinstance(first, ListOf):
            name, members = self.view(second), [bare(member) for member in first.elements]
            if name and members and all(isinstance(member, Literal) for member in members):
                parts = [self.compared(name, "==", member.value) for member in members if isinstance(member, Literal)]
                return None if any(part is None for part in parts) else either(*parts)
        name = self.view(first)
        if function == "starts_with" and isinstance(second, Literal) and isinstance(second.value, str):
            share = self.share(first, "prefix", second.value)
            if share is not None:
                return share
        if not name or name in NUMBERS or not isinstance(second, Literal) or not isinstance(second.value, str):
            return None
        shapes: dict[str, Shape] = {"starts_with": "prefix", "ends_with": "suffix"}
        return self.text(name, shapes[function], second.value) if function in shapes else None

    def share(self, term: Node, operator: str, literal: str) -> Formula:
        """Return whether a hash is on one side of a text: it cuts mail into shares, always the same ones."""
        if not isinstance(term, FunctionCall) or term.name != "hash" or len(term.arguments) != 2:
            return None
        algorithm = bare(term.arguments[1])
        inner = list(walk(term.arguments[0]))
        plain = all(not isinstance(node, Captured | Reading | Matches) for node in inner)
        plain = plain and not any(isinstance(node, FunctionCall) and node.name in LOOKUPS for node in inner)
        reads = frozenset(node.name for node in inner if isinstance(node, Variable))
        if not plain or not reads or reads & set(self.fixed):
            return None
        if not isinstance(algorithm, Literal) or algorithm.value not in HASHES:
            return None
        word = f"starts_with({unparse(term)}, {literal!r})"
        key = word if operator == "prefix" else f"{unparse(term)} {operator} {literal!r}"
        return Test(key, "share", f"hash:{unparse(term)}", operator, literal, Tree(term), reads)

    def text(self, name: str, shape: Shape, text: str) -> Formula:
        """Return whether a text is, begins or ends with another, for an address by its two parts."""
        if name not in PARTS:
            return _text(_DOMAINS.get(name, name), shape, text)
        local, domain = PARTS[name]
        before, at, after = text.rpartition("@")
        if shape == "is":
            if not at:
                return _text(domain, "is", "") if name == "sender" and not text else False
            return every(_text(domain, "is", after), _text(local, "is", before))
        if shape == "prefix":
            if not at:
                return _text(local, "prefix", text)
            return every(_text(local, "is", before), _text(domain, "prefix", after))
        if not at:
            return _text(domain, "suffix", text)
        return every(_text(domain, "is", after), _text(local, "suffix", before))


def _text(variable: str, kind: Shape, text: str) -> Formula:
    if kind != "is" and not text:
        return True
    word = {"is": "{} == {!r}", "prefix": "starts_with({}, {!r})", "suffix": "ends_with({}, {!r})"}[kind]
    return Test(word.format(variable, text), kind, variable, "", text)


def _number(name: str, operator: str, literal: str | float) -> Test:
    return Test(f"{name} {operator} {literal!r}", "order", name, operator, literal)


def _is_odd(node: Node) -> bool:
    if isinstance(node, Missing | Adjacent | Commas):
        return True
    match node:
        case Group(inner=parts) | Index(positions=parts):
            return len(parts) != 1
        case FunctionCall(ahead=ahead):
            return bool(ahead)
        case Matches(arguments=parts):
            return len(parts) != 1
        case Reading(arguments=parts):
            return bool(parts)
        case ListOf(elements=parts, size=size):
            return len(parts) != size
    return False
