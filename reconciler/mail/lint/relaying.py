"""Finds servers that take mail for any domain from anybody, or from whoever claims to be somebody.

Law: pure; only what is certain is told: no condition stands in the way, or none that a stranger cannot meet at will.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.expression import (
    Context,
    Empty,
    EvaluationError,
    ExpressionError,
    Tree,
    Unknown,
    Value,
    Variable,
    evaluate,
    parse,
    truth,
    walk,
)
from reconciler.kinds import context_of
from reconciler.mail.lint.rules import Finding
from reconciler.mail.lint.words import CLAIMED, STRANGERS
from reconciler.mail.lint.world import World
from reconciler.values import Address

HINT = "write !is_empty(authenticated_as), or name the networks that may with remote_ip"


def relaying_findings(world: World) -> Iterator[Finding]:
    """Find relaying that is open."""
    for name, resources in world.declared.items():
        kind = world.catalogue.kinds[name]
        for field, prop in kind.expressions():
            if prop.language is None or not prop.language.relays:
                continue
            context = context_of(world.catalogue, prop)
            for resource in resources:
                value = resource.wire.get(field)
                if isinstance(value, Mapping):
                    findings = [
                        list(_open(resource.address, field, value, context, stranger)) for stranger in STRANGERS
                    ]
                    yield from (finding for finding in findings[0] if all(finding in others for others in findings))


def _open(
    address: Address, field: str, expression: Mapping[str, Any], context: Context, stranger: Mapping[str, Value]
) -> Iterator[Finding]:
    try:
        for pointer, condition, result in _ways(expression, context):
            met, allowed = True if condition is None else _truth(condition, stranger), _truth(result, stranger)
            asked = _asked(result) | (set() if condition is None else _asked(condition))
            message = ""
            if met and allowed:
                message = "mail for any domain is taken from anybody: this is an open relay"
            elif met is not False and allowed is not False and asked and asked <= CLAIMED:
                claims = ", ".join(sorted(asked))
                message = f"mail for any domain is taken by what the sender claims ({claims}): this is an open relay"
            if message:
                at = f"{field}/{pointer}"
                yield Finding(rule="open-relay", address=address, pointer=at, message=message, hint=HINT)
            if met:
                return
    except ExpressionError:
        # Another rule tells of it.
        return


def _ways(expression: Mapping[str, Any], context: Context) -> Iterator[tuple[str, Tree | None, Tree]]:
    """Yield the pointer, the condition (None for `else`) and the result of every branch, in order."""
    branches = expression.get("match")
    for key, branch in branches.items() if isinstance(branches, Mapping) else ():
        yield f"match/{key}/then", parse(branch["if"], context), parse(branch["then"], context)
    if expression.get("else"):
        yield "else", None, parse(expression["else"], context)


def _truth(tree: Tree, stranger: Mapping[str, Value]) -> bool | None:
    """Return what a text is for a stranger; None where that depends."""
    value, _ = evaluate(tree, stranger, Unknown("it is not known here"))
    if isinstance(value, Unknown):
        return value.truth
    return not isinstance(value, Empty | EvaluationError) and truth(value)


def _asked(tree: Tree) -> set[str]:
    """Return the variables that can still decide for a stranger."""
    return {node.name for node in walk(tree) if isinstance(node, Variable)} - STRANGERS[0].keys()
