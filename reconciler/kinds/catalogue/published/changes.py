"""What changed between two published schemas: kinds, properties and defaults that came, went or are others.

Law: pure; a change names its place as people write it, such as `Http.allowedEndpoints`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from msgspec import UNSET, Struct

from reconciler.kinds.catalogue import Catalogue, Property, Record

#: What became of a kind or a property.
Fate = Literal["came", "went", "default", "type", "values", "required"]


class SchemaChange(Struct, frozen=True, order=True):
    """One change: a kind, or a property of it, and what became of it."""

    kind: str
    field: str
    fate: Fate
    before: str = ""
    after: str = ""

    @property
    def place(self) -> str:
        """The kind, or the kind and the property."""
        return f"{self.kind}.{self.field}" if self.field else self.kind

    def __str__(self) -> str:
        match self.fate:
            case "came" | "went":
                return f"{self.place} {self.fate}"
            case "default":
                return f"{self.place}: the default was {self.before} and is {self.after}"
            case "required":
                return f"{self.place}: it is {self.after}"
        return f"{self.place}: {self.fate} were {self.before} and are {self.after}"


def compare_catalogues(old: Catalogue, new: Catalogue) -> tuple[SchemaChange, ...]:
    """Return what changed from one catalogue to another, in order of place."""
    schema_changes: list[SchemaChange] = []
    for name in sorted({*old.kinds, *new.kinds}):
        before, after = old.kinds.get(name), new.kinds.get(name)
        if before is None or after is None:
            schema_changes.append(SchemaChange(name, "", "came" if before is None else "went"))
        elif before != after or old.types != new.types:
            schema_changes += _records((old, before), (new, after), name, "", frozenset())
    return tuple(dict.fromkeys(schema_changes))


def touched(changes: Iterable[SchemaChange], kinds: Mapping[str, Iterable[str]]) -> dict[str, list[SchemaChange]]:
    """Return the changes that touch what is declared.

    Args:
        changes: what changed.
        kinds: by a label of each document, its kind and the properties that it gives, as `Kind` and `Kind.property`.
    """
    touching: dict[str, list[SchemaChange]] = {}
    for label, places in kinds.items():
        own = set(places)
        for schema_change in changes:
            first = f"{schema_change.kind}.{schema_change.field.partition('/')[0]}"
            # A default that changed is another wish of every document that leaves the property out.
            implied = schema_change.fate in ("default", "required") and schema_change.kind in own
            if (not schema_change.field and schema_change.kind in own) or (
                schema_change.field and (first in own or implied)
            ):
                touching.setdefault(label, []).append(schema_change)
    return touching


def _records(
    old: tuple[Catalogue, Record], new: tuple[Catalogue, Record], kind: str, path: str, above: frozenset[str]
) -> Iterator[SchemaChange]:
    for variant in sorted({*old[1].variants, *new[1].variants, ""}):
        if variant and (variant not in old[1].variants or variant not in new[1].variants):
            yield SchemaChange(kind, f"{path}{variant}", "came" if variant in new[1].variants else "went")
            continue
        before, after = _own(old[1], variant), _own(new[1], variant)
        for name in sorted({*before, *after}):
            place = f"{path}{name}"
            if name not in before or name not in after:
                yield SchemaChange(kind, place, "came" if name in after else "went")
                continue
            yield from _property(before[name], after[name], kind, place)
            of = before[name].of
            if of and of == after[name].of and of not in above and before[name].language is None:
                inner = (old[0], old[0].types[of]), (new[0], new[0].types[of])
                if inner[0][1] != inner[1][1]:
                    yield from _records(*inner, kind, f"{place}/", above | {of})


def _own(record: Record, variant: str) -> dict[str, Property]:
    return record.variants[variant].properties if variant else record.properties


def _property(old: Property, new: Property, kind: str, place: str) -> Iterator[SchemaChange]:
    if (old.type, old.to, old.of) != (new.type, new.to, new.of):
        yield SchemaChange(kind, place, "type", old.of or old.to or old.type, new.of or new.to or new.type)
        return
    if old.default != new.default and not (old.required or new.required):
        yield SchemaChange(kind, place, "default", _shown(old.default), _shown(new.default))
    if old.required != new.required:
        yield SchemaChange(kind, place, "required", after="required" if new.required else "no longer required")
    gone, fresh = sorted({*old.values} - {*new.values}), sorted({*new.values} - {*old.values})
    if gone or fresh:
        yield SchemaChange(kind, place, "values", ", ".join(gone) or "fewer", ", ".join(fresh) or "fewer")


def _shown(value: Any) -> str:
    if value is UNSET:
        return "none"
    from msgspec.json import encode

    return encode(value).decode()[:200]
