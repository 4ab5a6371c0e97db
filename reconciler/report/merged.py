"""What several layers come to, with the place where each value was given.

Law: what is printed is a manifest that wants the same; a secret shows as its reference, or as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from reconciler.catalogue import Catalogue, Kind
from reconciler.codec import decode
from reconciler.model import Address, Resource, Source
from reconciler.yamltext import emit

Path = tuple[str, ...]
Locate = Callable[[Address, str], Source | None]


def merged(catalogue: Catalogue, resources: Iterable[Resource], locate: Locate) -> str:
    """Print resources as documents; above each value stands the file and line that gave it."""
    return "---\n".join(_document(catalogue, resource, locate) for resource in resources)


def _document(catalogue: Catalogue, resource: Resource, locate: Locate) -> str:
    kind = catalogue.kinds[resource.address.kind]
    spec = (
        {name: resource.wire[name] for name in kind.match}
        if resource.absent
        else decode(catalogue, kind, resource.wire)
    )
    metadata = _metadata(resource)
    document: dict[str, Any] = {"kind": kind.kind, **({"metadata": metadata} if metadata else {}), "spec": spec}
    comments: dict[tuple[str | int, ...], str] = {}
    for path, pointer in _values(kind, spec):
        place = locate(resource.address, pointer)
        if place is not None:
            comments["spec", *path] = f"{place.file}:{place.line}"
    return emit(document, comments)


def _metadata(resource: Resource) -> dict[str, Any]:
    found = {
        "name": resource.address.name if resource.named else "",
        "id": resource.id,
        "was": resource.was,
        "absent": resource.absent,
        "unmanaged": list(resource.unmanaged),
        "accept": dict(resource.accept),
    }
    return {name: value for name, value in found.items() if value}


def _values(kind: Kind, spec: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield the path of everything that one layer gives as a whole, and the wire pointer to it."""
    variant = str(spec.get("type", ""))
    shape = kind.shape(variant) if not kind.variants or variant in kind.variants else kind.properties
    for name, value in spec.items():
        prop = shape.get(name)
        if prop is not None and prop.type == "object" and not prop.language and isinstance(value, dict):
            yield from (((name, inner), f"{name}/{inner}") for inner in value)
        else:
            yield (name,), "@type" if name == "type" else name
