"""Which object refers to which by id, and which kinds refer to which in any way.

Law: pure; the catalogue says which properties refer, and no kind is named here. What expressions name, `names` knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record
from reconciler.values import Address


def references_in(catalogue: Catalogue, kind: Kind, wire: Mapping[str, Any]) -> Iterator[tuple[str, Address]]:
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
