"""Which object refers to which: by id, and by the names inside expressions.

Law: pure; the catalogue says which properties refer, and no kind is named here. Only what is certain is told: a name
that an expression puts together while mail is handled is nobody's reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.catalogue import Catalogue, Kind, Property, Record
from reconciler.expression import (
    Adjacent,
    Binary,
    Commas,
    Context,
    ExpressionError,
    Group,
    Index,
    ListOf,
    Literal,
    Node,
    parse,
)
from reconciler.model import Address


def references(catalogue: Catalogue, kind: Kind, wire: Mapping[str, Any]) -> Iterator[tuple[str, Address]]:
    """Yield the pointer and target of every reference by id that a wire object holds."""
    yield from _walk(catalogue, kind, wire, "")


def _walk(catalogue: Catalogue, record: Record, wire: Mapping[str, Any], path: str) -> Iterator[tuple[str, Address]]:
    variant = wire.get("@type")
    shape = record.shape(variant) if variant in record.variants else record.properties
    for name, prop in shape.items():
        value = wire.get(name)
        if prop.type == "reference" and isinstance(value, Address):
            yield path + name, value
        elif prop.type == "object" and not prop.language and isinstance(value, Mapping):
            yield from _walk(catalogue, catalogue.record(prop.of), value, f"{path}{name}/")


def names(catalogue: Catalogue, kind: Kind, wire: Mapping[str, Any]) -> Iterator[tuple[str, Address]]:
    """Yield the pointer and target of every name that an object's expressions are certain to be able to return.

    Names that the server resolves without an object are left out, and so is an expression that the server would refuse.
    """
    variant = wire.get("@type")
    shape = kind.shape(variant) if variant in kind.variants else kind.properties
    for name, prop in shape.items():
        value = wire.get(name)
        if prop.language is None or not prop.language.names or not isinstance(value, Mapping):
            continue
        # Every constant of the server is let in: what may stand where is judged elsewhere.
        context = Context(frozenset(catalogue.variables[prop.language.variables]), frozenset(catalogue.constants))
        for pointer, text in _results(value):
            for found in _literals(text, context):
                if found and found not in prop.language.builtins:
                    yield f"{name}/{pointer}", Address(prop.language.names, found)


def _results(expression: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parts of an expression that say what it gives, in the order in which they are tried."""
    branches = expression.get("match")
    for index, branch in branches.items() if isinstance(branches, Mapping) else ():
        if isinstance(branch, Mapping) and isinstance(branch.get("then"), str):
            yield f"match/{index}/then", branch["then"]
    if isinstance(expression.get("else"), str):
        yield "else", expression["else"]


def _literals(text: str, context: Context) -> Iterator[str]:
    """Yield the texts that an expression gives as they are written in it."""
    try:
        pending: list[Node] = [parse(text, context).root]
    except ExpressionError:
        return
    while pending:
        match pending.pop():
            case Literal(value=str(value)):
                yield value
            # The last of several values is the one that counts.
            case Group(inner=(*_, last)) | Adjacent(values=(*_, last)) | Commas(values=(*_, last)):
                pending.append(last)
            # The left side is given itself where it decides; else it is 0 or 1.
            case Binary(operator="||", left=left):
                pending.append(left)
            case Index(value=ListOf(elements=elements)):
                pending.extend(reversed(elements))


def referring(record: Record) -> tuple[tuple[str, str], ...]:
    """Return the names of an object's own properties that hold an id of another object, and that object's kind."""
    shapes = [record.shape(variant) for variant in record.variants] or [record.properties]
    return tuple(
        {(name, prop.to): None for shape in shapes for name, prop in shape.items() if prop.type == "reference"}
    )


def targets(catalogue: Catalogue, kind: Kind) -> frozenset[str]:
    """Return the kinds that objects of a kind refer to, by id or by name."""
    return frozenset(_targets(catalogue, kind))


def _targets(catalogue: Catalogue, record: Record) -> Iterator[str]:
    shapes = [record.shape(variant) for variant in record.variants] or [record.properties]
    for shape in shapes:
        for prop in shape.values():
            yield from _target(catalogue, prop)


def _target(catalogue: Catalogue, prop: Property) -> Iterator[str]:
    if prop.to:
        yield prop.to
    if prop.language and prop.language.names:
        yield prop.language.names
    if prop.type == "object" and not prop.language:
        yield from _targets(catalogue, catalogue.record(prop.of))


def levels(catalogue: Catalogue) -> dict[str, int]:
    """Return how deep each kind's references go: 0 for kinds that refer to none, else one above the deepest target.

    Raises:
        ValueError: kinds refer to each other in a circle; the message names it.
    """
    found: dict[str, int] = {}

    def depth(kind: str, path: tuple[str, ...]) -> int:
        if kind in path:
            raise ValueError("kinds refer to each other in a circle: " + " -> ".join([*path, kind]))
        if kind not in found:
            below = [depth(target, (*path, kind)) for target in sorted(targets(catalogue, catalogue.kinds[kind]))]
            found[kind] = 1 + max(below) if below else 0
        return found[kind]

    for kind in catalogue.kinds:
        depth(kind, ())
    return found
