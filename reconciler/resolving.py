"""What the server has to resolve by itself when it reloads its settings: host names, and secrets that it reads.

Law: pure; one thing that cannot be resolved refuses the whole reload (Stalwart 0.16.19), and at a restart the object is
dropped, or runs without its password.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.catalogue import Catalogue, Kind, Record

#: Variants of a secret that the server resolves, the property that says from where, and what that is.
SECRETS = {"EnvironmentVariable": ("variableName", "variable"), "File": ("filePath", "file")}


def resolves(catalogue: Catalogue, record: Record) -> bool:
    """Whether objects of a kind can hold anything that a reload has to resolve."""
    if set(record.variants) & set(SECRETS):
        return True
    shapes = [record.shape(variant) for variant in record.variants] or [record.properties]
    props = [prop for shape in shapes for prop in shape.values()]
    nested = (catalogue.record(prop.of) for prop in props if prop.of and not prop.language)
    return any(prop.resolved for prop in props) or any(resolves(catalogue, each) for each in nested)


def to_resolve(kind: Kind, wire: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reload has to resolve for one object: `the host mail.example.org`, `the variable RELAY_PASSWORD`."""
    variant = str(wire.get("@type", ""))
    for name, prop in (kind.shape(variant) if not kind.variants or variant in kind.variants else {}).items():
        if prop.resolved and name in wire:
            yield f"the host {wire[name]}"
    yield from _secrets(wire)


def _secrets(value: Any) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    source, what = SECRETS.get(str(value.get("@type")), ("", ""))
    if source in value:
        yield f"the {what} {value[source]}"
    for each in value.values():
        yield from _secrets(each)
