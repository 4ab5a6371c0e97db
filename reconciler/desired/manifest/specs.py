"""What can be told of a spec before it is judged, and what judging it takes.

Law: pure; a spec may be anything that YAML can hold, and is never altered.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from reconciler.desired.manifest.entries import Declaration
from reconciler.kinds import Catalogue, Kind, Record, address_of
from reconciler.values import Address

#: Both spellings of the key that names a variant.
TAGS = ("type", "@type")


def untyped(spec: Any) -> Any:
    """Return a spec without its variant."""
    if not isinstance(spec, dict):
        return spec
    return {key: member for key, member in spec.items() if key not in TAGS}


def key_only(kind: Kind) -> Kind:
    """Return a kind that holds no more than the match key of another."""
    shape = kind.legible(None)
    # Judge and codec know a kind by its name, and must not take this one for the other.
    return replace(kind, kind=f"{kind.kind} key", variants={}, properties={name: shape[name] for name in kind.match})


def guess(entry: Declaration) -> Address:
    """Name an object by its spec as written, as well as what stands there allows."""
    kind, spec, name = entry.kind, entry.spec, str(entry.metadata.get("name", ""))
    if kind.singleton or not isinstance(spec, dict):
        return Address(kind.kind, name)
    shape = kind.legible(None)
    parts = [spec.get(name, shape[name].default) for name in kind.match]
    if any(not isinstance(part, str | int) for part in parts):
        return Address(kind.kind, name)
    return replace(address_of(kind, tuple(parts), name), id=str(entry.metadata.get("id", "")))


def leads(catalogue: Catalogue, record: Record, variant: str, steps: list[str]) -> bool:
    """Whether a pointer leads to a property, into no list, set or map."""
    shape = record.shape(variant) if variant in record.variants or not record.variants else record.legible(None)
    prop = shape.get(steps[0])
    if prop is None or len(steps) == 1:
        return prop is not None
    if prop.language:
        return steps[1:] in (["match"], ["else"])
    return prop.type == "object" and leads(catalogue, catalogue.types[prop.of], "", steps[1:])
