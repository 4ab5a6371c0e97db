"""Objects that a new server ships, declared without what the server ships them with.

Law: pure; a document is the whole truth about a named object, so what it leaves out is taken to the type's default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.kinds import Catalogue, Kind, decode_pointer, exact, key_of
from reconciler.mail.lint.rules import Finding
from reconciler.mail.lint.world import Wire, World
from reconciler.values import Resource, shown

#: Properties by which people call an object; taking one away changes nothing that the server does.
_TITLES = ("name", "description")


def shipped_findings(world: World) -> Iterator[Finding]:
    """Find shipped settings that a document resets because it leaves them out."""
    for name, resources in world.declared.items():
        kind = world.catalogue.kinds[name]
        shipped = _shipped(kind)
        for resource in resources if shipped else ():
            fields = [
                reset
                for pair in shipped.get(resource.key, ())
                for reset in _reset(world.catalogue, kind, resource, pair)
            ]
            if fields:
                pointer, was, becomes = fields[0]
                more = f", and so on for {', '.join(field for field, _, _ in fields[1:])}" if fields[1:] else ""
                yield Finding(
                    rule="shipped-setting-reset",
                    address=resource.address,
                    pointer=pointer,
                    message=f"a new server ships {pointer}: {was}; left out here, it becomes {becomes}{more}",
                    hint=f"write {pointer}: {was} to keep it, or name it in metadata.unmanaged",
                )


def _shipped(kind: Kind) -> dict[Any, list[tuple[Wire, Wire]]]:
    """Return what a new server ships of a kind by key, each as it is written and with every property."""
    by_key: dict[Any, list[tuple[Wire, Wire]]] = {}
    for wire in () if kind.singleton else kind.ships:
        shape = kind.shape(wire.get("@type", ""))
        full = {field: wire.get(field, prop.default) for field, prop in shape.items()}
        by_key.setdefault(key_of(kind, full), []).append((wire, full))
    return by_key


def _reset(
    catalogue: Catalogue, kind: Kind, resource: Resource, shipped: tuple[Wire, Wire]
) -> Iterator[tuple[str, str, str]]:
    """Yield each setting that is reset, what it is shipped with, and what it becomes, in human form."""
    wire, full = shipped[0], dict(shipped[1])
    if not resource.given or wire.get("@type") != resource.wire.get("@type"):
        return
    for field in wire:
        now = resource.wire.get(field)
        left = field not in resource.given and field not in resource.unmanaged and field not in _TITLES
        if left and not exact(now, wire[field]):
            human = (decode_pointer(catalogue, kind, full, field, value) for value in (wire[field], now))
            was, becomes = map(shown, human)
            yield field, was, becomes
