"""What the server has to resolve by itself when it reloads its settings: host names, and secrets that it reads.

Law: pure; one thing that cannot be resolved refuses the whole reload (Stalwart 0.16.19), and at a restart the object is
dropped, or runs without its password.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from reconciler.kinds.catalogue import Catalogue, Record


class Needed(Struct, frozen=True, order=True):
    """What has to be there, on the server or for it, when it reloads. Prints as `the host mail.example.org`."""

    sort: Literal["host", "variable", "file"]
    name: str

    def __str__(self) -> str:
        return f"the {self.sort} {self.name}"


def resolves(catalogue: Catalogue, record: Record) -> bool:
    """Whether objects of a kind can hold anything that a reload has to resolve."""
    shapes = [record.shape(variant) for variant in record.variants] or [record.properties]
    props = [prop for shape in shapes for prop in shape.values()]
    nested = (catalogue.types[prop.of] for prop in props if prop.of and not prop.language)
    return any(prop.resolved or prop.resolved_from for prop in props) or any(
        resolves(catalogue, part) for part in nested
    )


def to_resolve(catalogue: Catalogue, record: Record, wire: Mapping[str, Any]) -> Iterator[Needed]:
    """Yield what a reload has to resolve for one object. An address in place of a host name is itself."""
    variant = str(wire.get("@type", ""))
    for name, prop in (record.shape(variant) if not record.variants or variant in record.variants else {}).items():
        if name not in wire:
            continue
        value = wire[name]
        if prop.resolved and not _is_address(str(value)):
            yield Needed("host", str(value))
        elif prop.resolved_from:
            yield Needed(prop.resolved_from, str(value))
        elif prop.of and not prop.language:
            nested = catalogue.types[prop.of]
            parts = value.values() if prop.type == "list" and isinstance(value, Mapping) else [value]
            for part in parts:
                if isinstance(part, Mapping):
                    yield from to_resolve(catalogue, nested, part)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
