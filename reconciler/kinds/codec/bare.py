"""Durations that a spec writes as a number without a unit.

Law: pure; asked only of specs that their schema accepts, and told in wire pointers, since lint knows no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds.catalogue import Catalogue, Property, Record


def bare_durations(catalogue: Catalogue, record: Record, spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the wire pointer of every duration that is written as a bare number, and so is milliseconds."""
    return _in_record(catalogue, record, spec, "")


def has_durations(catalogue: Catalogue, record: Record, above: tuple[str, ...] = ()) -> bool:
    """Whether a duration can stand in a record, or below it."""
    for prop in record.legible(None).values():
        if prop.type == "duration":
            return True
        nested = prop.of if prop.of and not prop.language and prop.of not in above else ""
        if nested and has_durations(catalogue, catalogue.types[nested], (*above, nested)):
            return True
    return False


def _in_record(catalogue: Catalogue, record: Record, spec: Mapping[str, Any], path: str) -> Iterator[str]:
    shape = record.shape(spec.get("type") or spec.get("@type") or "")
    for name, value in spec.items():
        # Most values are texts, which need no second look.
        prop = None if isinstance(value, str) else shape.get(name)
        if prop is not None and (prop.type == "duration" or (prop.of and not prop.language)):
            yield from _in_property(catalogue, prop, value, path + name)


def _in_property(catalogue: Catalogue, prop: Property, value: Any, pointer: str) -> Iterator[str]:
    if prop.type == "duration":
        if isinstance(value, int):
            yield pointer
    elif prop.type == "object":
        yield from _in_object(catalogue, catalogue.types[prop.of], value, pointer)
    elif isinstance(value, Mapping):
        # A list that is written as an object is put in the order of its keys.
        keys = sorted(value, key=int) if prop.type == "list" else list(value)
        for place, key in enumerate(keys):
            at = place if prop.type == "list" else key
            yield from _in_object(catalogue, catalogue.types[prop.of], value[key], f"{pointer}/{at}")
    elif isinstance(value, list):
        for place, element in enumerate(value):
            yield from _in_object(catalogue, catalogue.types[prop.of], element, f"{pointer}/{place}")


def _in_object(catalogue: Catalogue, record: Record, value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _in_record(catalogue, record, value, pointer + "/")
    elif record.short:
        yield from _in_property(catalogue, record.properties[record.short], value, f"{pointer}/{record.short}")
