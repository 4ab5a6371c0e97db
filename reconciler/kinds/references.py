"""Which object refers to which by id, and which kinds refer to which in any way.

Law: pure; the catalogue says which properties refer, and no kind is named here. What expressions name, `names` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record
from reconciler.values import Address


def references_in(catalogue: Catalogue, kind: Kind, wire: Mapping[str, Any]) -> Iterator[tuple[str, Address]]:
    """Yield the pointer and target of every reference by id that a wire object holds."""
    yield from _walk(catalogue, kind, wire, "")


def _walk(catalogue: Catalogue, record: Record, wire: Mapping[str, Any], path: str) -> Iterator[tuple[str, Address]]:
    for name, prop in _shape(record, wire).items():
        value = wire.get(name)
        if prop.to and isinstance(value, Address):
            yield path + name, value
        elif prop.to and isinstance(value, Mapping):
            yield from ((path + name, member) for member in value if isinstance(member, Address))
        else:
            for at, inner in _inner(prop, value):
                yield from _walk(catalogue, catalogue.types[prop.of], inner, f"{path}{name}/{at}")


def _shape(record: Record, wire: Mapping[str, Any]) -> dict[str, Property]:
    variant = wire.get("@type")
    return record.shape(variant) if variant in record.variants else record.properties


def _inner(prop: Property, value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the objects below a property, each with what leads to it."""
    if not prop.of or prop.language or not isinstance(value, Mapping):
        return []
    if prop.type == "object":
        return [("", value)]
    return [(f"{at}/", member) for at, member in value.items() if isinstance(member, Mapping)]


def replaced(
    catalogue: Catalogue, record: Record, wire: Mapping[str, Any], address: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """Return a wire object with other references.

    Args:
        catalogue: what the kinds are.
        record: what the object is.
        wire: the object.
        address: gives, for a kind and what is held of one of its objects, what is to be held.
    """
    filled = dict(wire)
    for name, prop in _shape(record, wire).items():
        value = wire.get(name)
        if prop.to and isinstance(value, Mapping):
            filled[name] = {address(prop.to, member): part for member, part in value.items()}
        elif prop.to and value is not None:
            filled[name] = address(prop.to, value)
        elif prop.of and not prop.language and isinstance(value, Mapping):
            inner = catalogue.types[prop.of]
            if prop.type == "object":
                filled[name] = replaced(catalogue, inner, value, address)
            else:
                filled[name] = {
                    at: replaced(catalogue, inner, member, address) if isinstance(member, Mapping) else member
                    for at, member in value.items()
                }
    return filled


def referring(catalogue: Catalogue, record: Record) -> tuple[tuple[str, str], ...]:
    """Return the properties of an object in or below which an id of another object can stand, and that one's kind."""
    return tuple({(name, to): None for shape in _shapes(record) for name, prop in shape.items()
                  for to in _held(catalogue, prop)})  # fmt: skip


def _held(catalogue: Catalogue, prop: Property) -> Iterator[str]:
    if prop.to:
        yield prop.to
    elif prop.of and not prop.language:
        for _, to in referring(catalogue, catalogue.types[prop.of]):
            yield to


def _shapes(record: Record) -> list[dict[str, Property]]:
    return [record.shape(variant) for variant in record.variants] or [record.properties]


def targets(catalogue: Catalogue, kind: Kind) -> frozenset[str]:
    """Return the kinds of the catalogue that objects of a kind refer to, by id or by name."""
    return frozenset(_targets(catalogue, kind)) & catalogue.kinds.keys()


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
    if prop.of and not prop.language:
        yield from _targets(catalogue, catalogue.types[prop.of])


def levels(catalogue: Catalogue) -> dict[str, int]:
    """Return how deep each kind's references go: 0 for kinds that refer to none, else one above the deepest target.

    A reference that closes a circle of kinds counts for nothing: which of its objects goes first, the objects say.
    """
    depths: dict[str, int] = {}

    def depth(kind: str, path: tuple[str, ...]) -> int:
        if kind not in depths:
            below = [
                depth(target, (*path, kind))
                for target in sorted(targets(catalogue, catalogue.kinds[kind]))
                if target in catalogue.kinds and target not in (*path, kind)
            ]
            depths[kind] = 1 + max(below) if below else 0
        return depths[kind]

    for kind in catalogue.kinds:
        depth(kind, ())
    return depths
