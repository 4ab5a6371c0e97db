"""The expressions of a state as programs, and what each of their ends stands for.

Law: pure; two ends have one key only if the server would do the same with the mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.expression import (
    NUMBERS,
    Captured,
    Decision,
    EvaluationError,
    FunctionCall,
    Index,
    ListOf,
    Literal,
    Reading,
    Tree,
    Variable,
    bare,
    evaluate,
    unparse,
    walk,
)
from reconciler.kinds import Catalogue
from reconciler.mail.explain import Choice, Decider, Gate, Routing, settle_choice
from reconciler.mail.facts import effect_of
from reconciler.mail.movement.formula import CHANGING, ConditionReader, Formula, Not, Test, can_fail, either, every
from reconciler.mail.movement.model import Ending, side_of
from reconciler.mail.movement.walk import EndingRow, Program
from reconciler.values import MASK, Address, Sensitive

#: Deepest choice within a result that is taken apart.
_DEEPEST = 8


class Ends:
    """The ends of both sides of one comparison, numbered."""

    def __init__(self) -> None:
        self.ends: list[Ending] = []

    def add(self, end: Ending) -> int:
        """Return the number of an end."""
        self.ends.append(end)
        return len(self.ends) - 1


def key_of(catalogue: Catalogue, choice: Choice) -> tuple[object, ...]:
    """Return what a choice stands for: an object's effect whatever its name, or what is used without an object."""
    if choice.held is not None:
        kind = catalogue.kinds[choice.kind]
        return ("object", frozen(effect_of(choice.kind, choice.held.wire, kind.match)))
    return ("unknown", choice.because) if choice.outcome == "unknown" else ("uses", choice.uses)


def same_names(catalogue: Catalogue, before: Routing, after: Routing, kind: str) -> bool:
    """Whether every name of a kind stands for the same in both states."""
    match = catalogue.kinds[kind].match
    old, new = before.names.get(kind, {}), after.names.get(kind, {})
    if before.state.unread.get(kind) != after.state.unread.get(kind) or old.keys() != new.keys():
        return False
    # What a plan leaves alone is the same object on both sides, and most objects are.
    changed = [(held.wire, new[name].wire) for name, held in old.items() if held.wire is not new[name].wire]
    return all(frozen(effect_of(kind, one, match)) == frozen(effect_of(kind, two, match)) for one, two in changed)


def frozen(value: Any) -> object:
    """Return a wire value that can be compared. A secret is not compared: it changes no mail's way."""
    if isinstance(value, Mapping):
        return tuple(sorted((name, frozen(member)) for name, member in value.items()))
    if isinstance(value, list | tuple):
        return tuple(map(frozen, value))
    if isinstance(value, Sensitive) or value == MASK:
        return "secret"
    if isinstance(value, Address):
        return ("reference", str(value))
    return (type(value).__name__, str(value))


def changes_the_world(deciders: Sequence[Decider]) -> str:
    """Return why expressions that differ cannot be compared, or "": what they ask they change."""
    for decider in deciders:
        if decider.block is not None:
            parts = (part for branch in decider.block.branches for part in (branch.condition, branch.result))
            for tree in (*parts, decider.block.otherwise):
                for node in walk(tree):
                    if isinstance(node, FunctionCall) and node.name in CHANGING:
                        return f"{node.name} changes what it asks about"
    return ""


def program_of(
    catalogue: Catalogue, routing: Routing, decider: Decider, reader: ConditionReader, ends: Ends
) -> Program:
    """Return an expression that names objects as a program, and add its ends."""
    block = decider.block
    if block is None:
        raise ValueError(decider.because)
    rows: list[EndingRow] = []

    def end(branch: int | None, tree: Tree) -> int:
        if _is_open(tree, reader):
            key = f"{unparse(tree)} after {path}" if _captures(tree) else unparse(tree)
            choice = settle_choice(routing, decider, Decision("", branch, ()))
            side = side_of(choice)
            return ends.add(Ending(("term", key), type(side)(name=unparse(tree), pointer=side.pointer), key))
        value, _ = evaluate(tree, reader.fixed)
        choice = settle_choice(routing, decider, Decision(value, branch, ()))
        unknown = choice.because if choice.outcome == "unknown" else ""
        return ends.add(Ending(key_of(catalogue, choice), side_of(choice), "", unknown))

    path = ""
    for place, branch in enumerate(block.branches):
        condition = reader.condition(branch.condition, path)
        path += f"[{unparse(branch.condition)}]"
        for inner, tree in results(branch.result, reader, path):
            rows.append(EndingRow(every(condition, inner), end(place, tree)))
    *inside, (_, last) = results(block.otherwise, reader, path)
    for inner, tree in inside:
        rows.append(EndingRow(inner, end(None, tree)))
    failed = settle_choice(routing, decider, Decision(EvaluationError(), None, ()))
    return Program(tuple(rows), end(None, last), ends.add(Ending(key_of(catalogue, failed), side_of(failed))))


def results(tree: Tree, reader: ConditionReader, path: str, depth: int = 0) -> Iterator[tuple[Formula, Tree]]:
    """Yield what a result comes to, and when; the last one holds where none before it does."""
    root = bare(tree.root)
    if isinstance(root, FunctionCall) and root.name == "if_then" and not root.ahead and depth < _DEEPEST:
        condition = reader.condition(Tree(root.arguments[0]), path)
        if not can_fail(condition):
            for inner, chosen in results(Tree(root.arguments[1]), reader, path, depth + 1):
                yield every(condition, inner), chosen
            yield from results(Tree(root.arguments[2]), reader, path, depth + 1)
            return
    if isinstance(root, Index) and len(root.positions) == 1:
        held, position = bare(root.value), bare(root.positions[0])
        counted = isinstance(position, Variable) and position.name in NUMBERS and position.name not in reader.fixed
        plain = isinstance(held, ListOf) and held.size == len(held.elements)
        plain = (
            plain and isinstance(held, ListOf) and all(isinstance(bare(element), Literal) for element in held.elements)
        )
        if plain and counted and isinstance(held, ListOf) and isinstance(position, Variable):
            for place, element in enumerate(held.elements):
                key = f"{position.name} == {place}"
                yield Test(key, "order", position.name, "==", place), Tree(element)
            yield True, Tree(Literal(1, "", "text"))
            return
    yield True, tree


def asked(gate: Gate, reader: ConditionReader, ends: Ends, off: int, on: int) -> Program:
    """Return whether a filter is asked as a program; what fails counts as no."""
    formula = switched(gate, reader)
    return Program((EndingRow(formula, on),), off, off)


def switched(gate: Gate, reader: ConditionReader) -> Formula:
    """Return the condition on which a filter is asked."""
    block = gate.decider.block
    if block is None:
        return False
    path = "".join(f"[{unparse(branch.condition)}]" for branch in block.branches)
    formula = reader.condition(block.otherwise, path)
    path = ""
    for branch in reversed(block.branches):
        condition = reader.condition(branch.condition, path)
        result = reader.condition(branch.result, path)
        otherwise = not condition if isinstance(condition, bool) else Not(condition, can_fail(condition))
        formula = either(every(condition, result), every(otherwise, formula))
    return formula


def _captures(tree: Tree) -> bool:
    return any(isinstance(node, Captured) for node in walk(tree))


def _is_open(tree: Tree, reader: ConditionReader) -> bool:
    """Whether a result depends on the mail."""
    for node in walk(tree):
        if isinstance(node, Captured | Reading) or (isinstance(node, Variable) and node.name not in reader.fixed):
            return True
        if isinstance(node, FunctionCall) and node.name not in _PURE:
            return True
    return False


_PURE = frozenset(("if_then",))
