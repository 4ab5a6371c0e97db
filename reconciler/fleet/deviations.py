"""From what many servers hold to a base layer of what most have, and an overlay for each that deviates.

Law: pure; base and overlay of a target, laid on each other, declare exactly what that target declares by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.desired import ExportedResource, replaced_whole
from reconciler.kinds import Catalogue, Kind, Record
from reconciler.values import Address

Declaration = tuple[str, str]


class Deviation(Struct, frozen=True, order=True):
    """Where one target is not as the base layer says: an object, or a property of it."""

    target: str
    address: str
    #: Human form's path; "" for the whole object.
    pointer: str = ""
    #: What the base layer declares and what the target holds, in human form; None where there is nothing.
    common: Any = None
    own: Any = None


class Layers(Struct, frozen=True, kw_only=True):
    """A base layer and its overlays: per kind what is declared, in order."""

    base: Mapping[str, tuple[ExportedResource, ...]]
    overlays: Mapping[str, Mapping[str, tuple[ExportedResource, ...]]]
    deviations: tuple[Deviation, ...] = ()


def lay_apart(catalogue: Catalogue, targets: Mapping[str, Mapping[str, Sequence[ExportedResource]]]) -> Layers:
    """Return a base layer of what more than half of the targets declare, and the overlays that make up the rest.

    Args:
        catalogue: what the kinds are.
        targets: by target and kind, what the target declares by itself, in order.
    """
    shared: dict[str, tuple[ExportedResource, ...]] = {}
    overlays: dict[str, dict[str, tuple[ExportedResource, ...]]] = {name: {} for name in targets}
    deviations: list[Deviation] = []
    for name in sorted({kind for declared in targets.values() for kind in declared}):
        kind = catalogue.kinds[name]
        own = {target: declared.get(name, ()) for target, declared in targets.items()}
        exporteds = _shared(kind, own)
        if exporteds:
            shared[name] = tuple(exporteds.values())
        for target, declared in own.items():
            above = tuple(_above(catalogue, kind, exporteds, declared))
            if above:
                overlays[target][name] = above
            deviations += _deviations(catalogue, kind, target, exporteds, declared)
    return Layers(base=shared, overlays=overlays, deviations=tuple(deviations))


def _key(declared: ExportedResource) -> Declaration:
    return declared.address.kind, declared.address.name


def _value(declared: ExportedResource) -> bytes:
    """Return all that a document says, in a form that can be compared and counted."""
    return msgspec.json.encode([declared.spec, declared.metadata], order="sorted")


def _shared(kind: Kind, own: Mapping[str, Sequence[ExportedResource]]) -> dict[Declaration, ExportedResource]:
    """Return what the base layer declares of a kind, in the order of the first target that has it."""
    orders = Counter(tuple(map(_key, declared)) for declared in own.values())
    if kind.ordered and len(orders) > 1:
        # The server runs such objects in order, and layers cannot change an order.
        return {}
    holders: dict[Declaration, list[ExportedResource]] = {}
    for declared in own.values():
        for exported in declared:
            holders.setdefault(_key(exported), []).append(exported)
    exporteds = {}
    for key, held in holders.items():
        if len(held) * 2 <= len(own) or any("id" in exported.metadata for exported in held):
            # An id is one server's own.
            continue
        counts = Counter(_value(exported) for exported in held)
        value = min(counts, key=lambda value: (-counts[value], value))
        if len({msgspec.json.encode(exported.metadata, order="sorted") for exported in held}) == 1:
            exporteds[key] = next(exported for exported in held if _value(exported) == value)
    return exporteds


def _above(
    catalogue: Catalogue,
    kind: Kind,
    exporteds: Mapping[Declaration, ExportedResource],
    declared: Sequence[ExportedResource],
) -> Iterator[ExportedResource]:
    """Yield what a target's overlay declares of a kind."""
    own = {_key(exported): exported for exported in declared}
    for key, exported in exporteds.items():
        if key not in own:
            yield _layer(kind, exported, "drop", {})
        elif own[key].spec != exported.spec:
            yield _layer(kind, exported, "patch", patch(catalogue, kind, exported.spec, own[key].spec))
    yield from (exported for key, exported in own.items() if key not in exporteds)


def _layer(kind: Kind, exported: ExportedResource, word: str, spec: Mapping[str, Any]) -> ExportedResource:
    """Return a document that changes, or takes out, one of the base layer."""
    match = {name: exported.spec[name] for name in kind.match if name in exported.spec}
    metadata = {name: value for name, value in exported.metadata.items() if name == "name"}
    return ExportedResource(exported.address, {**match, **spec}, {**metadata, word: True}, {})


def patch(
    catalogue: Catalogue, record: Record | None, lower: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what makes one spec of another, as a layer's patch does (RFC 7396)."""
    shape = record.legible(None) if record is not None else {}
    changed: dict[str, Any] = {}
    for name in [*lower, *(name for name in own if name not in lower)]:
        if name not in own:
            changed[name] = None
        elif name not in lower or lower[name] != own[name]:
            prop, held, value = shape.get(name), lower.get(name), own[name]
            if isinstance(held, dict) and isinstance(value, dict) and not replaced_whole(prop):
                below = catalogue.types[prop.of] if prop is not None and prop.type == "object" else None
                changed[name] = patch(catalogue, below, held, value)
            else:
                changed[name] = value
    return changed


def _deviations(
    catalogue: Catalogue,
    kind: Kind,
    target: str,
    exporteds: Mapping[Declaration, ExportedResource],
    declared: Sequence[ExportedResource],
) -> Iterable[Deviation]:
    own = {_key(exported): exported for exported in declared}
    for key, exported in exporteds.items():
        if key not in own:
            yield Deviation(target, str(exported.address), common=exported.spec)
            continue
        for name, value in patch(catalogue, kind, exported.spec, own[key].spec).items():
            yield Deviation(
                target, str(exported.address), name, exported.spec.get(name), own[key].spec.get(name, value)
            )
    for key, exported in own.items():
        if key not in exporteds:
            yield Deviation(target, str(Address(*key)), own=exported.spec)
