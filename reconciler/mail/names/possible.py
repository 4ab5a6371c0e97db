"""What one expression can give: every text, what is no text, and what mail decides.

Law: never a guess and never long: what an expression gives is traced through every operator, and where that depends on
the message, or is too much to follow, the reason is said. No recursion, since nothing limits how deep texts nest.

What may surprise (Stalwart 0.16.19): `a || b` gives `a` itself where that is true, and else 1 or 0, never `b`; `a && b`
gives `a` itself where that is false, and else 1 or 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Literal

from msgspec import Struct

from reconciler.expression import (
    ARITY,
    FIELDS,
    LOOKUPS,
    Adjacent,
    Binary,
    Captured,
    Commas,
    Constant,
    ConstantName,
    FunctionCall,
    Global,
    Group,
    Index,
    Known,
    ListOf,
    Matches,
    Missing,
    Node,
    Reading,
    Tree,
    Unary,
    Variable,
    add,
    bare,
    calculate,
    call,
    compare,
    elements_of,
    minus,
    position_of,
    truth,
    walk,
)
from reconciler.expression import Literal as LiteralNode
from reconciler.mail.names.given import LONGEST, Other, Possible, PossibleText, Untold

#: Results of one part that are followed at most.
_MOST_RESULTS = 128

Type = Literal["known", "text", "number", "list", "any"]
_SHAPES: dict[str, Type] = {"text": "text", "integer": "number", "boolean": "number", "texts": "list"}
#: What a variable holds, whatever the message.
_VARIABLES: dict[str, Type] = {name: _SHAPES[shape] for name, shape in FIELDS.values() if name}
_LISTS = frozenset(("sort", "dedup", "winnow", "lines", "split", "rsplit", "split_n", "split_words"))
_TEXTS = frozenset(
    ("trim", "trim_end", "trim_start", "substring", "strip_prefix", "strip_suffix", "email_part", "hash")
)
_NUMBERS = frozenset(
    (
        *("count", "len", "contains", "contains_ignore_case", "eq_ignore_case", "starts_with", "ends_with"),
        *(name for name in ARITY if name.startswith(("is_", "count_", "has_", "counter_"))),
        "key_exists",
    )
)
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))


class _Result(Struct, frozen=True):
    """One value that a part can give; `value` counts only where the type is known."""

    column: int
    type: Type = "known"
    value: Known = ""
    because: str = ""
    elements: tuple[tuple[_Result, ...], ...] = ()
    past_end: bool = False


_Results = tuple[_Result, ...]


def returned(tree: Tree) -> Possible:
    """Return every text that an expression can give, what it can give that is no text, and what cannot be told."""
    root = _counting(tree.root)
    if root is None:
        return Possible(others=(Other("nothing at all", 1),))
    nodes = tuple(walk(root))
    if not _in_order(nodes):
        return Possible(untold=(Untold("its values and operators do not fit together", root.column),))
    results_of: dict[int, _Results] = {}
    for node in reversed(nodes):
        results_of[id(node)] = _limited(node, _results(node, lambda part: results_of[id(part)]))
    results = results_of[id(root)]
    texts = (
        PossibleText(result.value, result.column, result.past_end)
        for result in results
        if result.type == "known" and isinstance(result.value, str)
    )
    others = (
        Other(_described(result), result.column)
        for result in results
        if result.type in ("number", "list") or (result.type == "known" and not isinstance(result.value, str))
    )
    untold = (Untold(result.because, result.column) for result in results if result.type in ("text", "any"))
    return Possible(tuple(dict.fromkeys(texts)), tuple(dict.fromkeys(others)), tuple(dict.fromkeys(untold)))


def _counting(root: Node) -> Node | None:
    """Return the part of an expression that gives its result: of several values the last, past parts without any."""
    node: Node | None = root
    while isinstance(node, Group | Adjacent | Commas):
        parts = node.parts
        node = parts[0] if len(parts) == 1 else next((part for part in reversed(parts) if _says(part)), None)
    return None if isinstance(node, Missing) else node


def _says(node: Node) -> bool:
    """Whether there is a value in a part: `()` and what only holds such say nothing."""
    return any(not isinstance(part, Group | Adjacent | Commas | Missing) for part in walk(node))


def _in_order(nodes: Sequence[Node]) -> bool:
    """Whether every operator has its operands and no more, since the server would take other parts' values else.

    Values side by side are in order as arguments only, where each is one.
    """
    listed = {id(part) for node in nodes if isinstance(node, FunctionCall) for part in node.arguments}
    for node in nodes:
        match node:
            case Missing() | Commas() | FunctionCall(ahead=(_, *_)) | Reading(arguments=(_, *_)):
                return False
            case Group(inner=parts) | Index(positions=parts) | Matches(arguments=parts) if len(parts) != 1:
                return False
            case Adjacent() if id(node) not in listed:
                return False
    return True


# -- what a part can give, from what the parts below it can


def _results(node: Node, below: Callable[[Node], _Results]) -> _Results:
    column = node.column
    match node:
        case Group(inner=(inner,)):
            return below(inner)
        case Adjacent():
            return ()  # arguments side by side, each of which its function looks at
        case Matches():
            return _either(column, (0, 1))
        case Unary(operator=operator, operand=operand):
            return _signed(column, operator, below(operand))
        case Binary(operator=operator, left=left, right=right):
            return _combined(column, operator, below(left), below(right))
        case ListOf(elements=elements):
            return (_listed(column, tuple(below(element) for element in elements)),)
        case Index(value=value, positions=positions):
            return _indexed(column, below(bare(value)), below(positions[-1]))
        case FunctionCall(name=name):
            return _called(column, name, [below(argument) for argument in _arguments(node)])
    return (_leaf(node),)


def _leaf(node: Node) -> _Result:
    column = node.column
    match node:
        case LiteralNode(value=value):
            return _Result(column, value=value)
        case ConstantName(name=name):
            return _Result(column, value=Constant(name))
        case Global():
            return _Result(column, value=0)
        case Captured(number=number):
            return _untold(column, f"${number} is what a regular expression finds", "text")
        case Variable(name=name):
            return _untold(column, f"{name} depends on the message", _VARIABLES.get(name, "any"))
        case Reading(form=form, name=name):
            return _untold(column, f"{form}('{name}') is the server's own", "text" if form == "system" else "number")
    return _untold(column, "this cannot be followed")


def _untold(column: int, because: str, kind: Type = "any") -> _Result:
    return _Result(column, kind, because=because)


def _either(column: int, sides: Iterable[Known]) -> _Results:
    """Return 1 and 0, as far as some values make them."""
    return tuple(_Result(column, value=int(value)) for value in sorted({truth(side) for side in sides}, reverse=True))


def _limited(node: Node, results: _Results) -> _Results:
    unique = tuple(
        {
            (result.type, type(result.value), result.value, result.because): result for result in reversed(results)
        }.values()
    )
    if len(unique) > _MOST_RESULTS:
        return (_untold(node.column, "it has too many possible results"),)
    if any(isinstance(result.value, str | tuple) and len(result.value) > LONGEST for result in unique):
        return (_untold(node.column, "it is too long to follow"),)
    return unique[::-1]


def _signed(column: int, operator: str, operand: _Results) -> _Results:
    if operator == "!":
        known = [result.value for result in operand if result.type == "known"]
        return _either(column, [int(not truth(element)) for element in known] if len(known) == len(operand) else (0, 1))
    return tuple(
        _Result(column, value=minus(result.value))
        if result.type == "known"
        else _untold(column, result.because, "number")
        for result in operand
    )


def _truths(results: _Results) -> set[bool]:
    """Return how true the results can be."""
    truths: set[bool] = set()
    for result in results:
        truths |= {truth(result.value)} if result.type == "known" else {True, False}
    return truths


def _combined(column: int, operator: str, left: _Results, right: _Results) -> _Results:
    if operator in ("&&", "||"):
        return _shortened(column, operator, left, right)
    if operator == "^":
        return _either(column, (0, 1))
    if len(left) * len(right) > _MOST_RESULTS:
        return (_untold(column, "it has too many possible results"),)
    pairs = product(left, right)
    results: list[_Result] = []
    for one, other in pairs:
        if one.type == other.type == "known":
            results.append(_computed(one, other, operator, column))
        elif operator in _COMPARISONS:
            results += _either(column, (0, 1))
        else:
            results.append(_mixed(one, other, operator, column))
    return tuple(results)


def _shortened(column: int, operator: str, left: _Results, right: _Results) -> _Results:
    """Follow `&&` and `||`: the left side itself where it decides, else 1 or 0."""
    decides = operator == "||"
    kept = tuple(result for result in left if result.type != "known" or truth(result.value) == decides)
    if (not decides) in _truths(left):
        kept += _either(column, map(int, _truths(right)))
    return kept


def _computed(one: _Result, other: _Result, operator: str, column: int) -> _Result:
    if operator in _COMPARISONS:
        return _Result(column, value=int(compare(operator, one.value, other.value)))
    if operator == "+":
        return _Result(one.column, value=add(one.value, other.value))
    return _Result(column, value=calculate(operator, one.value, other.value))


def _mixed(one: _Result, other: _Result, operator: str, column: int) -> _Result:
    """Tell the type of `+ - * /` where at least one side depends on the message."""
    because = one.because or other.because
    types = {_type(one), _type(other)}
    if "list" in types and operator in ("+", "-"):
        return _untold(column, because, "list")
    if operator != "+" or types == {"number"}:
        return _untold(column, because, "number")
    return _untold(column, because)


def _type(result: _Result) -> Type:
    if result.type != "known":
        return result.type
    return "text" if isinstance(result.value, str) else "list" if isinstance(result.value, tuple) else "number"


def _listed(column: int, elements: tuple[_Results, ...]) -> _Result:
    if any(_type(result) == "list" for results in elements for result in results):
        # Nothing limits how deep lists nest, and no name comes out of such a one.
        return _untold(column, "it is a list of lists", "list")
    single = [element[0].value for element in elements if len(element) == 1 and element[0].type == "known"]
    if len(single) == len(elements):
        return _Result(column, value=tuple(single), elements=elements)
    return _Result(column, "list", because="its elements depend on the message", elements=elements)


def _indexed(column: int, values: _Results, places: _Results) -> _Results:
    results: list[_Result] = []
    if len(values) * len(places) > _MOST_RESULTS:
        return (_untold(column, "it has too many possible results"),)
    for value, place in product(values, places):
        elements = value.elements
        if not elements and value.type == "known":
            elements = tuple((_Result(column, value=element),) for element in elements_of(value.value))
        if not elements and value.type != "known":
            results.append(_untold(column, value.because))
        elif place.type == "known":
            at = position_of(place.value)
            results += elements[at] if at < len(elements) else (_Result(column, value=""),)
        else:
            results += (result for element in elements for result in element)
            results.append(_Result(column, value="", past_end=True))
    return tuple(results)


def _arguments(node: FunctionCall) -> list[Node]:
    """Return the arguments of a call as the server counts them; side by side, each value is one."""
    nodes: list[Node] = []
    for argument in node.arguments:
        nodes += argument.values if isinstance(argument, Adjacent) else (argument,)
    return nodes


def _called(column: int, name: str, arguments: Sequence[_Results]) -> _Results:
    if len(arguments) != ARITY[name]:
        return (_untold(column, f"the arguments of {name} are not in order"),)
    if name == "if_then":
        condition, one, other = arguments
        sides = _truths(condition)
        return (*(one if True in sides else ()), *(other if False in sides else ()))
    dark = next((result for results in arguments for result in results if result.type != "known"), None)
    count = 1
    for results in arguments:
        count *= len(results)
    if dark is None and name not in LOOKUPS and count <= _MOST_RESULTS:
        values = (tuple(result.value for result in chosen) for chosen in product(*arguments))
        return tuple(_Result(column, value=call(name, value)) for value in values)
    if name in _NUMBERS:
        return (_untold(column, f"{name} depends on the message", "number"),)
    because = f"it is what {name} finds" if name in LOOKUPS else dark.because if dark else f"{name} has many results"
    return (_untold(column, because, "list" if name in _LISTS else "text" if name in _TEXTS else "any"),)


def _described(result: _Result) -> str:
    """Say what a result is that is no text."""
    value = result.value
    if result.type == "list" or isinstance(value, tuple):
        return "a list"
    if result.type == "number":
        return "a number"
    if isinstance(value, Constant):
        return f"the constant {value.name}"
    return f"the number {value}" if len(str(value)) <= 40 else "a number"
