"""What several layers come to, with the place where each value was given.

Law: what is printed is a manifest that wants the same; a secret shows as its reference, or as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.desired.manifest.entries import Declaration, Origin
from reconciler.desired.manifest.entries import Path as Steps
from reconciler.desired.manifest.specs import TAGS
from reconciler.desired.manifest.state import Desired
from reconciler.desired.manifest.variables import LiteralText, names_in
from reconciler.kinds import HIDDEN, Catalogue, Kind, decode
from reconciler.server import within
from reconciler.values import Resource, Source
from reconciler.yamlio import comment, emit


def merged(catalogue: Catalogue, desired: Desired, title: str = "") -> str:
    """Print what is wanted as documents; above each value stands the file and line that gave it.

    Args:
        catalogue: what the kinds are.
        desired: what the manifests come to, without an error.
        title: stands above all, as does what a layer took out.
    """
    head = [title] if title else []
    head += [f"{dropped.address} is dropped by {_place(dropped.source)}" for dropped in desired.dropped]
    documents = [_document(catalogue, resource, desired) for resource in desired.resources]
    return "".join(f"{comment(line)}\n" for line in head) + "---\n".join(documents)


def _document(catalogue: Catalogue, resource: Resource, desired: Desired) -> str:
    kind = catalogue.kinds[resource.address.kind]
    secrets = {sensitive.plain for sensitive in within(resource.wire) if sensitive.plain}
    spec: dict[str, Any] = {}
    comments: dict[tuple[str | int, ...], str] = {}
    notes: list[str] = []
    for own, entry in desired.locate.entries(resource.address):
        given = entry.spec or {}
        for name, value in ((name, given[name]) for name in given if not own.absent or name in kind.match):
            key = "type" if name in TAGS else name
            spec[key] = _shown(value, secrets)
            for path in _leaves(kind, name, value):
                comments["spec", key, *path[1:]] = _origin(entry, path)
        for path, origin in entry.taken.items():
            if path[0] in resource.unmanaged:
                continue
            place = _place(_given(origin, path))
            if kind.singleton and len(path) == 1:
                spec |= decode(catalogue, kind, {path[0]: kind.properties[path[0]].default}, defaults=True)
                comments["spec", path[0]] = f"{place}, the default"
            else:
                notes.append(f"{'/'.join(path)} is at its default by {place}")
    first = [name for name in ("type", *kind.match, *kind.legible(spec.get("type"))) if name in spec]
    spec = {name: spec[name] for name in dict.fromkeys([*first, *spec])}
    metadata = _metadata(resource)
    document = {"kind": kind.kind, **({"metadata": _freed(metadata)} if metadata else {}), "spec": spec}
    if notes:
        comments[("spec",)] = "\n".join(notes)
    return emit(document, comments)


def _metadata(resource: Resource) -> dict[str, Any]:
    members = {
        "name": resource.address.name if resource.named else "",
        "id": resource.id,
        "was": resource.was,
        "absent": resource.absent,
        "unmanaged": list(resource.unmanaged),
        "accept": dict(resource.accept),
    }
    return {name: value for name, value in members.items() if value}


def _leaves(kind: Kind, name: str, value: Any) -> Iterator[Steps]:
    """Yield the path of everything that one layer gives as a whole."""
    prop = kind.legible(None).get(name)
    if prop is not None and prop.type in ("object", "map") and not prop.language and isinstance(value, dict) and value:
        yield from ((name, inner) for inner in value)
    else:
        yield (name,)


def _origin(entry: Declaration, path: Steps) -> str:
    """Say which file and line gave a value, and by which variables."""
    origin = next(
        (entry.origins[path[:size]] for size in range(len(path), 0, -1) if path[:size] in entry.origins), None
    )
    where, root = origin or (entry.where, entry.path)
    written: Any = where.document.value
    for step in (*root, *path):
        if isinstance(written, list):
            written = written[int(step)]
        else:
            written = written.get(step) if isinstance(written, Mapping) else None
    used = list(dict.fromkeys(names_in(written)))
    return ", ".join([_place(entry.source(path)), *used])


def _given(origin: Origin, path: Steps) -> Source:
    where, root = origin
    return where.source((*root, *path), key=True)


def _place(source: Source) -> str:
    return f"{source.file}:{source.line}"


def _shown(value: Any, secrets: Iterable[str]) -> Any:
    """Return a value as a manifest says it: secrets hidden, and `${` freed of its meaning where it has none."""
    if isinstance(value, dict):
        return {_freed(key): _shown(member, secrets) for key, member in value.items()}
    if isinstance(value, list):
        return [_shown(element, secrets) for element in value]
    if isinstance(value, str) and value in secrets:
        return HIDDEN
    return _freed(value) if isinstance(value, LiteralText) else value


def _freed(value: Any) -> Any:
    """Return what holds no reference with every `${` freed of its meaning."""
    if isinstance(value, dict):
        return {_freed(key): _freed(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_freed(element) for element in value]
    return value.replace("${", "$${") if isinstance(value, str) else value
