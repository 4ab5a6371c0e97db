"""Rules on the branches of an expression: which of them can never decide.

Law: pure, and only what is certain: a branch is called unreachable where every message that it takes was taken before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.expression import (
    NUMBERS,
    Adjacent,
    Binary,
    Captured,
    Commas,
    Context,
    Empty,
    EvaluationError,
    FunctionCall,
    ListOf,
    Literal,
    Missing,
    Node,
    Tree,
    Unknown,
    Variable,
    bare,
    evaluate,
    operands,
    parse,
    truth,
    unparse,
    walk,
)
from reconciler.mail.lint.expressions import Remark, comparisons

#: What may give another answer the second time that it is asked in one evaluation.
_CHANGING = frozenset(("key_set", "counter_incr", "counter_get", "key_get", "key_exists"))
#: Disjuncts of several parts that later branches are compared with; the rest are taken to differ.
_MOST = 200
_INFINITE = 2**64


class Atom(NamedTuple):
    """One test: what tells it from others and, for a number, the variable and the range that it asks for."""

    key: str
    variable: str = ""
    low: int = -_INFINITE
    high: int = _INFINITE
    #: The variable and the only value that it can have, where the test is for equality.
    pinned: tuple[str, Any] | None = None

    def implies(self, other: Atom) -> bool:
        """Whether this test holding means that another holds too."""
        if self.key == other.key:
            return True
        same = bool(self.variable) and self.variable == other.variable
        return same and other.low <= self.low and self.high <= other.high


#: Tests that hold together.
Disjunct = tuple[Atom, ...]


class Before(NamedTuple):
    """What earlier branches take."""

    #: Single tests by key, and by number variable; disjuncts of several tests.
    keys: dict[str, str]
    ranges: dict[str, list[tuple[Atom, str]]]
    several: list[tuple[Disjunct, str]]

    def add(self, disjunct: Disjunct, branch: str) -> None:
        """Keep what a branch takes."""
        if len(disjunct) > 1:
            if len(self.several) < _MOST:
                self.several.append((disjunct, branch))
            return
        atom = disjunct[0]
        self.keys.setdefault(atom.key, branch)
        if atom.variable:
            self.ranges.setdefault(atom.variable, []).append((atom, branch))

    def taker(self, disjunct: Disjunct) -> str | None:
        """Return the branch that takes all that a disjunct asks for, or None."""
        for atom in disjunct:
            if atom.key in self.keys:
                return self.keys[atom.key]
            for other, branch in self.ranges.get(atom.variable, ())[:_MOST] if atom.variable else ():
                if atom.implies(other):
                    return branch
        for wanted, branch in self.several:
            if all(any(atom.implies(asked) for atom in disjunct) for asked in wanted):
                return branch
        return None


def branch_remarks(expression: Mapping[str, Any], context: Context) -> Iterator[tuple[str, Remark]]:
    """Yield the pointer within an expression, and the finding, of every branch that cannot do what it seems to.

    Raises:
        ExpressionError: the server refuses a condition.
    """
    branches = [(key, branch) for key, branch in _branches(expression) if isinstance(branch.get("if"), str)]
    before = Before({}, {}, [])
    always = ""
    for key, branch in branches:
        tree = parse(branch["if"], context)
        pointer = f"match/{key}/if"
        if always:
            message = f"this branch is never tried: the condition of branch {always} is always true"
            yield pointer, Remark("unreachable-branch", 1, message, "take it out, or move it up")
            continue
        known = always_is(tree)
        if known is None:
            yield from _overtaken(pointer, key, tree, before)
        elif known:
            always = key
            message = "this condition is true for every message, so that nothing below it is tried"
            yield pointer, Remark("always-true", 1, message, "write its result as else, or mend the condition")
        else:
            yield pointer, Remark("never-true", 1, "this condition is never true", "take the branch out, or mend it")


def _branches(expression: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    match = expression.get("match")
    branches = (
        [(key, member) for key, member in match.items() if isinstance(member, Mapping)]
        if isinstance(match, dict)
        else []
    )
    return sorted(branches, key=lambda pair: (len(pair[0]), pair[0]))


def _overtaken(pointer: str, key: str, tree: Tree, before: Before) -> Iterator[tuple[str, Remark]]:
    wanted = disjuncts(tree)
    takers = [before.taker(disjunct) for disjunct in wanted]
    if wanted and all(taker is not None for taker in takers):
        earlier = " and ".join(sorted({str(taker) for taker in takers}, key=lambda taker: (len(taker), taker)))
        message = f"this branch never decides: branch {earlier} takes every message that it could"
        yield pointer, Remark("unreachable-branch", 1, message, "move the narrower condition up, or take it out")
    for disjunct in wanted:
        before.add(disjunct, key)


def always_is(tree: Tree) -> bool | None:
    """Return what a condition is for every message, or None where that depends."""
    value, _ = evaluate(tree, {}, Unknown("an earlier condition"))
    if isinstance(value, Unknown):
        return value.truth
    if isinstance(value, EvaluationError):
        return None
    return not isinstance(value, Empty) and truth(value)


def disjuncts(tree: Tree) -> tuple[Disjunct, ...]:
    """Return a condition as groups of tests, any of which makes it true; () where it is no such choice."""
    odd = (Missing, Adjacent, Commas, Captured)
    for node in walk(tree):
        if isinstance(node, odd) or (isinstance(node, FunctionCall) and (node.ahead or node.name in _CHANGING)):
            return ()
    return tuple(disjunct for part in operands(tree.root, "||") for disjunct in _disjunct(part))


def _disjunct(node: Node) -> list[Disjunct]:
    if isinstance(node, FunctionCall) and node.name == "contains" and len(node.arguments) == 2:
        held, value = bare(node.arguments[0]), bare(node.arguments[1])
        if isinstance(held, ListOf) and held.elements and isinstance(value, Variable):
            members = list(comparisons(node))
            if len(members) == len(held.elements):
                return [(_compared(value.name, "==", compared.value),) for compared in members]
    return [tuple(_atom(operand) for operand in operands(node, "&&"))]


def _atom(node: Node) -> Atom:
    if isinstance(node, Binary):
        for compared in comparisons(node):
            operator = node.operator
            if isinstance(bare(node.right), Variable):
                operator = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)
            return _compared(compared.variable.name, operator, compared.value)
    return Atom(unparse(node))


def _compared(name: str, operator: str, literal: Literal) -> Atom:
    value = literal.value
    key = f"{name} {operator} {value!r}"
    pinned = (name, value) if operator == "==" else None
    if name not in NUMBERS or not isinstance(value, int):
        # A text that a number is compared with is no value of the variable.
        return Atom(key, pinned=pinned if isinstance(value, str) and name not in NUMBERS else None)
    low, high = {
        "==": (value, value),
        ">": (value + 1, _INFINITE),
        ">=": (value, _INFINITE),
        "<": (-_INFINITE, value - 1),
        "<=": (-_INFINITE, value),
    }.get(operator, (None, None))
    return Atom(key) if low is None or high is None else Atom(key, name, low, high, pinned)
