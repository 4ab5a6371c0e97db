"""What the server has to resolve by itself when it reloads its settings: host names, and secrets that it reads.

Law: pure; one thing that cannot be resolved refuses the whole reload (Stalwart 0.16.19), and at a restart the object is
dropped, or runs without its password.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from reconciler.kinds.catalogue import Catalogue, Kind, Record

#: Variants of a secret that the server resolves, the property that says from where, and what that is.
SECRETS: dict[str, tuple[str, Literal["variable", "file"]]] = {
    "EnvironmentVariable": ("variableName", "variable"),
    "File": ("filePath", "file"),
}


class Needed(Struct, frozen=True, order=True):
    """What has to be there, on the server or for it, when it reloads. Prints as `the host mail.example.org`."""

    what: Literal["host", "variable", "file"]
    name: str

    def __str__(self) -> str:
        return f"the {self.what} {self.name}"


def resolves(catalogue: Catalogue, record: Record) -> bool:
    """Whether objects of a kind can hold anything that a reload has to resolve."""
    if set(record.variants) & set(SECRETS):
        return True
    shapes = [record.shape(variant) for variant in record.variants] or [record.properties]
    props = [prop for shape in shapes for prop in shape.values()]
    nested = (catalogue.record(prop.of) for prop in props if prop.of and not prop.language)
    return any(prop.resolved for prop in props) or any(resolves(catalogue, each) for each in nested)


def to_resolve(kind: Kind, wire: Mapping[str, Any]) -> Iterator[Needed]:
    """Yield what a reload has to resolve for one object. An address in place of a host name is itself."""
    variant = str(wire.get("@type", ""))
    for name, prop in (kind.shape(variant) if not kind.variants or variant in kind.variants else {}).items():
        if prop.resolved and name in wire and not _is_address(str(wire[name])):
            yield Needed("host", str(wire[name]))
    yield from _secrets(wire)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _secrets(value: Any) -> Iterator[Needed]:
    if not isinstance(value, Mapping):
        return
    if found := SECRETS.get(str(value.get("@type"))):
        source, what = found
        if source in value:
            yield Needed(what, str(value[source]))
    for each in value.values():
        yield from _secrets(each)
