"""Rules on one expression: how it is written, and what it compares.

Law: pure and by the text alone; a message says what the server makes of it, since all of it would be accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from reconciler.expression import (
    HASHES,
    NUMBERS,
    Adjacent,
    Binary,
    Commas,
    ConstantName,
    Context,
    FunctionCall,
    Group,
    ListOf,
    Literal,
    Matches,
    Missing,
    Node,
    Reading,
    Tree,
    Unary,
    Variable,
    bare,
    number_of,
    parse,
    unparse,
    verdict,
    walk,
)
from reconciler.mail.lint.words import ADDRESSES, DOMAINS, LISTS, SECONDS, VALUES, WORDS
from reconciler.values import shown

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_EQUALITIES = frozenset(("==", "!="))
#: A backslash that is itself escaped, so that the text has to hold one.
_TWICE = re.compile(r"(?:^|[^\\])(?:\\[^\\])*\\\\")
#: Findings of one rule in one text, after which the rest would say nothing new.
_ENOUGH = 10
_WIDTH = 60


class Remark(NamedTuple):
    """A finding before it is known whose expression it is about."""

    rule: str
    column: int
    message: str
    hint: str = ""


class Compared(NamedTuple):
    """A variable that a text, number or constant is compared with: by which operator, or as a member of a list."""

    variable: Variable
    value: Literal
    operator: str
    column: int


@lru_cache(maxsize=4096)
def remarks(text: str, context: Context) -> tuple[Remark, ...]:
    """Return what there is to say of one expression.

    Raises:
        ExpressionError: the server refuses it.
    """
    return tuple(dict.fromkeys(_all(parse(text, context))))


def _all(tree: Tree) -> Iterator[Remark]:
    if tree.ignored:
        message = f"the server ends the expression at the }} and ignores {shown(tree.ignored)}"
        yield Remark("ignored-text", 1, message, "take it out")
    nodes = tuple(walk(tree))
    compared = tuple(compared for node in nodes for compared in comparisons(node))
    for rule in _RULES:
        yield from islice(chain.from_iterable(map(rule, nodes)), _ENOUGH)
    for judge in _COMPARED:
        yield from islice(chain.from_iterable(map(judge, compared)), _ENOUGH)


# -- how it is written


def _single_equals(node: Node) -> Iterator[Remark]:
    if isinstance(node, Binary) and node.operator == "==" and node.written[:1] == "=" and node.written[:2] != "==":
        eaten = node.written[1:]
        if not eaten.strip():
            message = "a single = swallows the character after it; here that is only a blank, so it is read as =="
        else:
            message = (
                f"a single = swallows the character after it: `{node.written}` is read as == and {eaten!r} is lost"
            )
        yield Remark("single-equals", node.column, message, "write == with a blank on each side")


def _missing(node: Node) -> Iterator[Remark]:
    if isinstance(node, Binary | Unary):
        for part in node.parts:
            if isinstance(part, Missing):
                yield Remark(
                    "missing-operand",
                    node.column,
                    f"{node.operator} lacks an operand: the server takes what stands further left, or ''",
                    "write what is to stand there",
                )
                return
    elif isinstance(node, Group | Commas) and any(isinstance(part, Missing) for part in node.parts):
        yield Remark(
            "missing-operand",
            node.column,
            "there is nothing beside a comma: the server takes what stands further left",
            "take the comma out",
        )


def _adjacent(node: Node) -> Iterator[Remark]:
    counted = "only the last one counts"
    if isinstance(node, Adjacent):
        values = f"{_spelled(node.values[0])} and {_spelled(node.values[-1])}"
        message = f"there is no operator between {values}: {counted}, except as arguments"
        yield Remark("adjacent-values", node.column, message, "write the operator or the comma that is meant")
    elif isinstance(node, Commas) or (isinstance(node, Group) and len(node.inner) > 1):
        message = f"there are commas between values outside of any function or list: {counted}"
        yield Remark("adjacent-values", node.column, message, "write [ ] around a list")
    elif isinstance(node, FunctionCall) and node.ahead:
        message = f"{node.name} takes what stands ahead of its parenthesis as an argument"
        yield Remark("adjacent-values", node.column, message, "write all arguments within the parenthesis")


def _negated(node: Node) -> Iterator[Remark]:
    if isinstance(node, Binary) and node.operator in COMPARISONS and isinstance(node.left, Unary):
        if node.left.operator != "!" or isinstance(bare(node.right), Unary):
            return
        left, right = _spelled(node.left.operand), _spelled(node.right)
        message = f"! binds tighter than {node.operator}: this compares `!{left}`, which is 0 or 1, with {right}"
        opposite = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}[node.operator]
        yield Remark("negated-operand", node.left.column, message, f"write {left} {opposite} {right}")


def _chained(node: Node) -> Iterator[Remark]:
    if isinstance(node, Binary) and node.operator in COMPARISONS:
        inner = [side for side in (node.left, node.right) if isinstance(side, Binary) and side.operator in COMPARISONS]
        if len(inner) == 1:
            message = f"this compares the 0 or 1 of `{_spelled(inner[0])}` with the other side of {node.operator}"
            yield Remark("chained-comparison", node.column, message, "join two comparisons with &&")


def _alternative(node: Node) -> Iterator[Remark]:
    if not (isinstance(node, Binary) and node.operator in _EQUALITIES):
        return
    for side, other in ((node.left, node.right), (node.right, node.left)):
        inner = bare(side)
        if not (isinstance(side, Group) and isinstance(inner, Binary) and inner.operator == "||"):
            continue
        if isinstance(bare(inner.left), Literal):
            first, second = _spelled(inner.left), _spelled(inner.right)
            join = "||" if node.operator == "==" else "&&"
            message = f"`{first} || {second}` gives {first} itself, so that only {first} is tested"
            hint = f"write {_spelled(other)} {node.operator} {first} {join} {_spelled(other)} {node.operator} {second}"
            yield Remark("alternative-in-comparison", inner.column, message, hint)


def _literal_condition(node: Node) -> Iterator[Remark]:
    if not (isinstance(node, Binary) and node.operator in ("||", "&&")):
        return
    for side, other in ((node.left, node.right), (node.right, node.left)):
        value = bare(side)
        if isinstance(value, ConstantName) or (isinstance(value, Literal) and value.kind != "boolean"):
            true = isinstance(value, ConstantName) or bool(value.value)
            message = f"{_spelled(value)} is no comparison: by itself it is always {'true' if true else 'false'}"
            if node.operator == "||" and side is node.left and isinstance(value, Literal) and true:
                message += ", and what stands right of || never counts"
            near = bare(other)
            if isinstance(near, Binary) and near.operator in _EQUALITIES:
                again = f"{_spelled(near.left)} {near.operator} {_spelled(value)}"
                hint = f"write {_spelled(near)} {node.operator} {again}"
            else:
                hint = "write a comparison; if_then(condition, a, b) chooses between values"
            yield Remark("literal-as-condition", value.column, message, hint)


def _unsure(node: Node) -> Iterator[Remark]:
    if isinstance(node, Matches) and node.verdict == "cannot tell":
        because = verdict(node.pattern)[1]
        yield Remark(
            "unsure-pattern", node.column, f"only the server can tell whether it takes this pattern: {because}"
        )
    elif isinstance(node, Reading) and node.arguments:
        message = f"{node.form} takes one text, and what follows it is never used"
        yield Remark("adjacent-values", node.column, message, "take it out")


def _constant(node: Node) -> Iterator[Remark]:
    if isinstance(node, Binary) and node.operator in _EQUALITIES:
        for side in node.parts:
            if isinstance(bare(side), ConstantName):
                name = _spelled(bare(side))
                message = f"{name} is a constant, and those equal nothing, not even themselves"
                yield Remark("constant-compared", side.column, message, f"quote it if a text is meant: '{name}'")


def _list_compared(node: Node) -> Iterator[Remark]:
    if not (isinstance(node, Binary) and node.operator in _EQUALITIES):
        return
    for side, other in ((node.left, node.right), (node.right, node.left)):
        one, value = bare(side), bare(other)
        is_list = isinstance(one, ListOf) or (isinstance(one, Variable) and one.name in LISTS)
        plain = isinstance(value, Literal) or (isinstance(value, Variable) and value.name not in LISTS)
        if is_list and plain:
            message = f"{_spelled(one)} is a list, which never equals {_spelled(value)}"
            hint = f"write contains({_spelled(one)}, {_spelled(value)})"
            yield Remark("list-against-value", node.column, message, hint)


def _local_address(node: Node) -> Iterator[Remark]:
    if isinstance(node, FunctionCall) and node.name == "is_local_address" and len(node.arguments) == 1:
        value = bare(node.arguments[0])
        if isinstance(value, Variable) and value.name in ADDRESSES:
            message = f"{value.name} keeps the capitals of its local part, and the test is case-sensitive"
            hint = f"write is_local_address(to_lowercase({value.name}))"
            yield Remark("address-case", node.column, message, hint)


def _escaped_twice(node: Node) -> Iterator[Remark]:
    if not isinstance(node, Matches) or not _TWICE.search(node.pattern) or not node.arguments:
        return
    value = bare(node.arguments[-1])
    if isinstance(value, FunctionCall) and value.arguments:
        value = bare(value.arguments[0])
    if isinstance(value, Variable) and value.name in WORDS:
        message = f"the pattern asks for a backslash in the text, and {value.name} holds none"
        yield Remark(
            "escaped-twice", node.column, message, r"write one backslash where two stand, such as \. for a dot"
        )


def _algorithm(node: Node) -> Iterator[Remark]:
    if isinstance(node, FunctionCall) and node.name == "hash" and len(node.arguments) == 2:
        value, algorithm = map(bare, node.arguments)
        if isinstance(value, Literal) and str(value.value).lower() in HASHES and not isinstance(algorithm, Literal):
            message = "the value comes first, and the algorithm second: so the hash is '', for every message the same"
            hint = f"write hash({_spelled(algorithm)}, '{str(value.value).lower()}')"
            yield Remark("unknown-algorithm", node.column, message, hint)
        if isinstance(algorithm, Literal) and algorithm.value not in HASHES:
            message = f"the server knows no algorithm {_spelled(algorithm)}: the hash is '', for every message the same"
            yield Remark("unknown-algorithm", algorithm.column, message, f"write one of {', '.join(HASHES)}")


_RULES: tuple[Callable[[Node], Iterator[Remark]], ...] = (
    *(_single_equals, _missing, _adjacent, _negated, _chained, _alternative, _literal_condition),
    *(_unsure, _constant, _list_compared, _local_address, _escaped_twice, _algorithm),
)


# -- what it compares


def comparisons(node: Node) -> Iterator[Compared]:
    """Yield the comparisons of a variable with a literal that a node makes, by an operator or as a list's member."""
    if isinstance(node, Binary) and node.operator in COMPARISONS:
        left, right = bare(node.left), bare(node.right)
        if isinstance(left, Variable) and isinstance(right, Literal):
            yield Compared(left, right, node.operator, right.column)
        elif isinstance(right, Variable) and isinstance(left, Literal):
            yield Compared(right, left, node.operator, left.column)
    elif isinstance(node, FunctionCall) and node.name == "contains" and len(node.arguments) == 2:
        held, value = bare(node.arguments[0]), bare(node.arguments[1])
        if isinstance(held, ListOf) and isinstance(value, Variable):
            for element in held.elements:
                if isinstance(element, Literal):
                    yield Compared(value, element, "==", element.column)


def _number_compared(compared: Compared) -> Iterator[Remark]:
    name, value = compared.variable.name, compared.value.value
    if name in WORDS and compared.value.kind != "text":
        message = f"{name} is a text, and one that spells no number counts as 0 beside {_spelled(compared.value)}"
        yield Remark("text-against-number", compared.column, message, "quote it if a text is meant")
    elif name in NUMBERS and isinstance(value, str) and not _spells_number(value):
        message = f"{name} is a number, and {shown(value)} spells none: it counts as 0 here"
        yield Remark("text-against-number", compared.column, message, f"compare {name} with a number")


def _spells_number(value: str) -> bool:
    return number_of(value) != 0 or (value.strip("+-0.") == "" and "0" in value)


def _domain(compared: Compared) -> Iterator[Remark]:
    name, value = compared.variable.name, compared.value.value
    if name not in DOMAINS or not isinstance(value, str) or compared.operator not in _EQUALITIES:
        return
    never = "always differs from" if compared.operator == "!=" else "never equals"
    if value != value.lower():
        message = f"{name} is in lower case, so that it {never} {shown(value)}"
        yield Remark("capital-in-domain", compared.column, message, f"write {shown(value.lower())}")
    elif "@" in value or value != value.strip() or value.endswith("."):
        message = f"{name} is a bare domain, so that it {never} {shown(value)}"
        fit = value.rpartition("@")[2].strip().rstrip(".")
        yield Remark("impossible-value", compared.column, message, f"write {shown(fit)}" if fit else "write a domain")


def _address(compared: Compared) -> Iterator[Remark]:
    name, value = compared.variable.name, compared.value.value
    if name not in ADDRESSES or not isinstance(value, str) or compared.operator not in _EQUALITIES:
        return
    never = "always differs from" if compared.operator == "!=" else "never equals"
    local, _, domain = value.rpartition("@")
    if "@" in value and domain != domain.lower():
        message = f"the domain of {name} is in lower case, so that it {never} {shown(value)}"
        yield Remark("capital-in-domain", compared.column, message, f"write {shown(f'{local}@{domain.lower()}')}")
    elif "@" in value and local != local.lower():
        message = f"the local part of {name} is as the sender wrote it: {shown(value.lower())} is not met by this"
        hint = f"write eq_ignore_case({name}, {shown(value.lower())})"
        yield Remark("capital-in-address", compared.column, message, hint)
    elif value and "@" not in value:
        message = f"{name} is a whole address, so that it {never} {shown(value)}"
        yield Remark("impossible-value", compared.column, message, f"compare {name}_domain with a domain")


def _seconds(compared: Compared) -> Iterator[Remark]:
    name, value = compared.variable.name, compared.value.value
    if name in SECONDS and compared.value.kind == "duration" and isinstance(value, int):
        message = f"{name} counts seconds, and {_spelled(compared.value)} is the number {value}, of milliseconds"
        yield Remark("unit-of-duration", compared.column, message, f"write {value // 1000}")


def _never_held(compared: Compared) -> Iterator[Remark]:
    name, value = compared.variable.name, compared.value.value
    held = VALUES.get(name, ())
    if held and isinstance(value, str) and value not in held and compared.operator in _EQUALITIES:
        message = f"{name} never holds {shown(value)}"
        yield Remark("impossible-value", compared.column, message, f"it is one of {', '.join(held)}")


_COMPARED: tuple[Callable[[Compared], Iterator[Remark]], ...] = (
    *(_number_compared, _domain, _address, _seconds, _never_held),
)


def _spelled(node: Node) -> str:
    """Spell a part of an expression for a message, cut where it is long."""
    text = unparse(node)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
