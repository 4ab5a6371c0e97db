"""Expressions with conditions: which branch decides, and what comes of it.

Law: branches are tried by their numbers; the first condition that is true decides for good, a condition that fails
ends everything, and one that is not known leaves everything unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from reconciler.expression.evaluation import Captures, Lookups, evaluate
from reconciler.expression.grammar import parse
from reconciler.expression.language import Context, ExpressionError
from reconciler.expression.tree import Tree
from reconciler.expression.values import Empty, EvaluationError, Unknown, Value, truth


class Branch(Struct, frozen=True):
    """One `if` and its `then`. `key` is its number as it is written."""

    key: str
    condition: Tree
    result: Tree


class Block(Struct, frozen=True):
    """Branches in the order in which they are tried, and what holds where none of them does."""

    branches: tuple[Branch, ...]
    otherwise: Tree


class Decision(Struct, frozen=True):
    """What an expression with conditions came to.

    `branch` counts from 0 in the order of trying; it is None where `else` decided, or nothing did. `decided` is false
    where a condition failed or is not known; the last of `conditions`, which holds what each one gave, is that one.
    """

    value: Value
    branch: int | None
    conditions: tuple[Value, ...]
    decided: bool = True


def parse_if(expression: Mapping[str, Any], context: Context) -> Block:
    """Read an expression in wire form: `{"match": {"0": {"if": …, "then": …}}, "else": …}`.

    Raises:
        ExpressionError: the server refuses it; `pointer` says which part.
    """
    unknown = set(expression) - {"match", "else"}
    if unknown:
        raise ExpressionError(f"an expression has match and else, but no {sorted(map(str, unknown))[0]}", 1)
    rules = expression.get("match")
    if not isinstance(rules, Mapping | None):
        raise ExpressionError("match must be an object with numbers as keys", 1, pointer="match")
    keys = sorted(rules or {}, key=_number)
    parts = [("else", expression.get("else"))]
    for key in keys:
        rule = (rules or {})[key]
        if not isinstance(rule, Mapping) or set(rule) - {"if", "then"}:
            raise ExpressionError("a branch has an if and a then, and nothing else", 1, pointer=f"match/{key}")
        parts += (f"match/{key}/if", rule.get("if")), (f"match/{key}/then", rule.get("then"))
    for pointer, text in parts:
        if not isinstance(text, str) or not text:
            raise ExpressionError("this part is required, and must be a text that is not empty", 1, pointer=pointer)
    trees = [_placed(str(text), context, pointer) for pointer, text in parts]
    branches = (Branch(key, *trees[2 * at + 1 : 2 * at + 3]) for at, key in enumerate(keys))
    return Block(tuple(branches), trees[0])


def decide(block: Block, variables: Mapping[str, Value], lookups: Lookups | None = None) -> Decision:
    """Try the branches in order. Captures of one part are seen by all that come after it."""
    captures: Captures = ()
    conditions: list[Value] = []
    for at, branch in enumerate(block.branches):
        value, captures = evaluate(branch.condition, variables, captures, lookups)
        conditions.append(value)
        if isinstance(value, EvaluationError):
            return Decision(value, None, tuple(conditions), decided=False)
        holds = value.truth if isinstance(value, Unknown) else not isinstance(value, Empty) and truth(value)
        if holds is None:
            return Decision(value, None, tuple(conditions), decided=False)
        if holds:
            result, _ = evaluate(branch.result, variables, captures, lookups)
            return Decision(result, at, tuple(conditions))
    result, _ = evaluate(block.otherwise, variables, captures, lookups)
    return Decision(result, None, tuple(conditions))


def _number(key: object) -> int:
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) <= 9:
        return int(key)
    raise ExpressionError("the keys of match must be numbers", 1, pointer="match")


def _placed(text: str, context: Context, pointer: str) -> Tree:
    try:
        return parse(text, context)
    except ExpressionError as error:
        raise error.within(pointer) from None
