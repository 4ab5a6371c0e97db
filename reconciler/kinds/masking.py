"""Where secrets stand: those that no property of the kind can hold, and those that a server should have masked.

Law: pure; the catalogue alone says which properties hold a secret, whoever asks for it to be sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record
from reconciler.values import MASK, Sensitive


def misplaced(catalogue: Catalogue, kind: Kind, wire: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pointer of every secret that stands in a property that is none.

    Args:
        catalogue: what the kinds are.
        kind: the object's kind.
        wire: an object in wire form, or a patch, whose keys are pointers.
    """
    for pointer, value in wire.items():
        yield from _below(catalogue, kind, wire.get("@type"), pointer.split("/"), value, pointer)


def _below(
    catalogue: Catalogue, record: Record, variant: object, steps: Sequence[str], value: Any, path: str
) -> Iterator[str]:
    prop = record.legible(variant).get(steps[0])
    nested = _record(catalogue, prop)
    if len(steps) > 1:
        if nested is None:
            yield from _every(value, path)
        else:
            yield from _below(catalogue, nested, None, steps[1:], value, path)
    elif isinstance(value, Sensitive):
        if prop is None or not prop.sensitive:
            yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if nested is None:
                yield from _every(inner, f"{path}/{name}")
            elif prop is not None and prop.type != "object":
                yield from _element(catalogue, nested, inner, f"{path}/{name}")
            else:
                yield from _below(catalogue, nested, value.get("@type"), [name], inner, f"{path}/{name}")


def _element(catalogue: Catalogue, record: Record, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield from _every(value, path)
        return
    for name, inner in value.items():
        yield from _below(catalogue, record, value.get("@type"), [name], inner, f"{path}/{name}")


def _every(value: Any, path: str) -> Iterator[str]:
    """Yield every secret of a value that can hold none."""
    if isinstance(value, Sensitive):
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _every(inner, f"{path}/{name}")


def _record(catalogue: Catalogue, prop: Property | None) -> Record | None:
    """Return what the objects below a property are; None where there are none, or only expressions."""
    if prop is None or prop.language is not None or not prop.of or prop.type not in ("object", "list", "map"):
        return None
    return catalogue.types[prop.of]


class Masking:
    """Masks what the catalogue calls a secret, as a server does that keeps its word."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._holders: dict[tuple[int, str], tuple[tuple[str, Property, Record | None], ...]] = {}

    def mask(self, record: Record, wire: dict[str, Any]) -> None:
        """Put the mask in the place of every secret of an object."""
        for name, prop, nested in self._properties(record, wire):
            value = wire.get(name)
            if prop.sensitive and isinstance(value, str):
                wire[name] = MASK
            elif nested is not None and isinstance(value, dict):
                wire[name] = self._below(nested, value, of_list=prop.type != "object")

    def _below(self, record: Record, value: dict[str, Any], *, of_list: bool) -> dict[str, Any]:
        if of_list:
            return {at: self._below(record, member, of_list=False) if isinstance(member, dict) else member
                    for at, member in value.items()}  # fmt: skip
        if not self._properties(record, value):
            # Most secrets are kept elsewhere, and the object says where.
            return value
        inner = dict(value)
        self.mask(record, inner)
        return inner

    def _properties(self, record: Record, wire: Mapping[str, Any]) -> tuple[tuple[str, Property, Record | None], ...]:
        given = wire.get("@type")
        variant = given if isinstance(given, str) and given in record.variants else ""
        holders = self._holders.get((id(record), variant))
        return self._holding(record, variant) if holders is None else holders

    def _holding(self, record: Record, variant: str) -> tuple[tuple[str, Property, Record | None], ...]:
        """Return the properties that are secrets, or may hold some; those of all variants where it is not known."""
        key = (id(record), variant)
        if key not in self._holders:
            # A type may hold itself, and then holds what it is found to hold beside.
            self._holders[key] = ()
            shape = record.legible(variant or None)
            held = [(name, prop, _record(self._catalogue, prop)) for name, prop in shape.items()]
            self._holders[key] = tuple(
                (name, prop, nested)
                for name, prop, nested in held
                if prop.sensitive or (nested is not None and (nested is record or self._holding(nested, "")))
            )
        return self._holders[key]
