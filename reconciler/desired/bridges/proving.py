"""Routing tests that hold what an old configuration did: a message for each literal in its conditions.

Law: what is expected is worked out from the old branches, one after the other, and never from what became of them; what
cannot be known is not expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.desired.bridges.bridged import Bridged
from reconciler.desired.bridges.conditions import Condition
from reconciler.expression import (
    FIELDS,
    LAST_ERRORS,
    SOURCES,
    Binary,
    Context,
    Empty,
    EvaluationError,
    ExpressionError,
    FunctionCall,
    GivenError,
    Literal,
    Node,
    Unknown,
    Variable,
    bare,
    envelope,
    evaluate,
    parse,
    truth,
    walk,
)
from reconciler.kinds import Catalogue, context_of

#: The most cases of a file, which people have to read.
_MOST = 60
_LOCAL, _OTHER = "local.example", "elsewhere.example"
_FIELD = {variable: (field, shape) for field, (variable, shape) in FIELDS.items() if variable}
#: Variables that are a part of another one, and how that one is made of it.
_WITHIN = {"rcpt_domain": "rcpt", "sender_domain": "sender"}
#: What the server says, and nothing else.
_WORDS = {"source": SOURCES, "lastError": LAST_ERRORS}
_FUNCTION = "is_local_domain"


def routing_tests(
    catalogue: Catalogue, bridged: Bridged, proofs: Mapping[tuple[str, str], Condition]
) -> list[dict[str, Any]]:
    """Return the routing tests of a configuration, as documents; none where it says nothing of routing."""
    asked: dict[str, tuple[Context, Condition, frozenset[str]]] = {}
    for (kind, pointer), condition in proofs.items():
        language = catalogue.kinds[kind].properties[pointer].language
        if language and language.names and condition.branches and not condition.meant:
            held = {foreign.spec.get("name") for foreign in bridged.objects if foreign.kind == language.names}
            shipped = {wire.get("name") for wire in catalogue.kinds[language.names].ships}
            names = frozenset(str(element) for element in {*held, *shipped, *language.builtins} if element)
            asked[pointer] = (context_of(catalogue, catalogue.kinds[kind].properties[pointer]), condition, names)
    if not asked:
        return []
    givens = list(_messages(asked.values()))
    cases = []
    for given in givens[:_MOST]:
        expected = {}
        for pointer, (context, condition, names) in asked.items():
            result = old_result(condition.branches, context, given)
            if result in names:
                expected[pointer] = result
        if expected:
            own = {name: value for name, value in given.items() if name != "localDomains"}
            cases.append({"name": _named(own), "given": own, "expect": expected})
    if len(givens) > _MOST:
        bridged.tell("note", "tests", f"{len(givens)} literals make {_MOST} routing tests: the others are left out")
    shared = {"localDomains": givens[0]["localDomains"]}
    return [{"kind": "RoutingTest", "given": shared, "cases": cases}] if cases else []


def old_result(branches: Sequence[tuple[str | None, str]], context: Context, given: Mapping[str, Any]) -> str | None:
    """Return the name that an old configuration gives for a message: of the first branch whose condition is true.

    None where it gives no name, or where that depends on what is not given.
    """
    try:
        variables, lookups = envelope(given)
    except GivenError:
        return None
    captures: Any = ()
    for condition, result in branches:
        if condition is not None:
            value, captures = evaluate(parse(condition, context), variables, captures, lookups)
            if isinstance(value, EvaluationError | Unknown):
                return None
            if isinstance(value, Empty) or not truth(value):
                continue
        name, _ = evaluate(parse(result, context), variables, captures, lookups)
        return name if isinstance(name, str) else None
    return None


def _messages(asked: Iterable[tuple[Context, Condition, frozenset[str]]]) -> Iterator[dict[str, Any]]:
    """Yield a message for each literal that a condition compares with, and those that nothing is said of."""
    literals: dict[tuple[str, Any], None] = {}
    local = False
    for context, condition, _ in asked:
        for text in [text for branch in condition.branches for text in branch if text is not None]:
            try:
                root = parse(text, context).root
            except ExpressionError:
                continue
            for node in walk(root):
                local = local or (isinstance(node, FunctionCall) and node.name == _FUNCTION)
                literals.update(dict.fromkeys(_compared(node)))
    domains = [_LOCAL]
    givens = {"sender": f"a@{_OTHER}", "rcpt": f"b@{_OTHER}", "localDomains": domains}
    yield givens
    if local:
        yield {**givens, "rcpt": f"b@{_LOCAL}"}
    for variable, value in literals:
        given = _given(variable, value)
        if given:
            yield {**givens, **given}
            if local and "rcpt" not in given:
                yield {**givens, "rcpt": f"b@{_LOCAL}", **given}


def _compared(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield the variable and the values around a literal that a node compares it with."""
    if not isinstance(node, Binary):
        return
    for one, other in ((bare(node.left), bare(node.right)), (bare(node.right), bare(node.left))):
        if isinstance(one, Variable) and isinstance(other, Literal):
            value = other.value
            if isinstance(value, int) and not isinstance(value, bool):
                yield from ((one.name, number) for number in (value - 1, value, value + 1) if number >= 0)
            else:
                yield one.name, value


def _given(variable: str, value: Any) -> dict[str, Any]:
    """Return how a message comes to have a value of a variable; {} where no message can."""
    if variable in _WITHIN:
        return {_WITHIN[variable]: f"b@{value}"} if isinstance(value, str) and "@" not in value else {}
    field, shape = _FIELD.get(variable, ("", ""))
    if not field or {"text": str, "integer": int, "boolean": bool}.get(shape) is not type(value):
        return {}
    if value not in _WORDS.get(field, (value,)):
        return {}
    after = {"retryNum": 1} if field in ("lastError", "lastStatus") and value != "none" else {}
    return {**after, field: value}


def _named(given: Mapping[str, Any]) -> str:
    """Return what a case is called."""
    return ", ".join(f"{name} {value}" for name, value in given.items())
