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
    base: dict[str, tuple[ExportedResource, ...]] = {}
    overlays: dict[str, dict[str, tuple[ExportedResource, ...]]] = {name: {} for name in targets}
    deviations: list[Deviation] = []
    for name in sorted({kind for declared in targets.values() for kind in declared}):
        kind = catalogue.kinds[name]
        own = {target: declared.get(name, ()) for target, declared in targets.items()}
        common = _common(kind, own)
        if common:
            base[name] = tuple(common.values())
        for target, declared in own.items():
            above = tuple(_above(catalogue, kind, common, declared))
            if above:
                overlays[target][name] = above
            deviations += _deviations(catalogue, kind, target, common, declared)
    return Layers(base=base, overlays=overlays, deviations=tuple(deviations))


def _key(declared: ExportedResource) -> Declaration:
    return declared.address.kind, declared.address.name


def _value(declared: ExportedResource) -> bytes:
    """Return all that a document says, in a form that can be compared and counted."""
    return msgspec.json.encode([declared.spec, declared.metadata], order="sorted")


def _common(kind: Kind, own: Mapping[str, Sequence[ExportedResource]]) -> dict[Declaration, ExportedResource]:
    """Return what the base layer declares of a kind, in the order of the first target that has it."""
    orders = Counter(tuple(map(_key, declared)) for declared in own.values())
    if kind.ordered and len(orders) > 1:
        # The server runs such objects in order, and layers cannot change an order.
        return {}
    holders: dict[Declaration, list[ExportedResource]] = {}
    for declared in own.values():
        for each in declared:
            holders.setdefault(_key(each), []).append(each)
    common = {}
    for key, held in holders.items():
        if len(held) * 2 <= len(own) or any("id" in each.metadata for each in held):
            # An id is one server's own.
            continue
        counts = Counter(_value(each) for each in held)
        value = min(counts, key=lambda value: (-counts[value], value))
        if len({msgspec.json.encode(each.metadata, order="sorted") for each in held}) == 1:
            common[key] = next(each for each in held if _value(each) == value)
    return common


def _above(
    catalogue: Catalogue,
    kind: Kind,
    common: Mapping[Declaration, ExportedResource],
    declared: Sequence[ExportedResource],
) -> Iterator[ExportedResource]:
    """Yield what a target's overlay declares of a kind."""
    own = {_key(each): each for each in declared}
    for key, each in common.items():
        if key not in own:
            yield _layer(kind, each, "drop", {})
        elif own[key].spec != each.spec:
            yield _layer(kind, each, "patch", patch(catalogue, kind, each.spec, own[key].spec))
    yield from (each for key, each in own.items() if key not in common)


def _layer(kind: Kind, each: ExportedResource, word: str, spec: Mapping[str, Any]) -> ExportedResource:
    """Return a document that changes, or takes out, one of the base layer."""
    match = {name: each.spec[name] for name in kind.match if name in each.spec}
    metadata = {name: value for name, value in each.metadata.items() if name == "name"}
    return ExportedResource(each.address, {**match, **spec}, {**metadata, word: True}, {})


def patch(
    catalogue: Catalogue, record: Record | None, base: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what makes one spec of another, as a layer's patch does (RFC 7396)."""
    shape = record.legible(None) if record is not None else {}
    changed: dict[str, Any] = {}
    for name in [*base, *(name for name in own if name not in base)]:
        if name not in own:
            changed[name] = None
        elif name not in base or base[name] != own[name]:
            prop, held, value = shape.get(name), base.get(name), own[name]
            if isinstance(held, dict) and isinstance(value, dict) and not replaced_whole(prop):
                below = catalogue.record(prop.of) if prop is not None and prop.type == "object" else None
                changed[name] = patch(catalogue, below, held, value)
            else:
                changed[name] = value
    return changed


def _deviations(
    catalogue: Catalogue,
    kind: Kind,
    target: str,
    common: Mapping[Declaration, ExportedResource],
    declared: Sequence[ExportedResource],
) -> Iterable[Deviation]:
    own = {_key(each): each for each in declared}
    for key, each in common.items():
        if key not in own:
            yield Deviation(target, str(each.address), common=each.spec)
            continue
        for name, value in patch(catalogue, kind, each.spec, own[key].spec).items():
            yield Deviation(target, str(each.address), name, each.spec.get(name), own[key].spec.get(name, value))
    for key, each in own.items():
        if key not in common:
            yield Deviation(target, str(Address(*key)), own=each.spec)
