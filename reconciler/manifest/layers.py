"""Layers: what a later directory changes in, or takes out of, an earlier one.

Law: RFC 7396 on the human form, by address; lists, sets and expressions are replaced whole; a patch without a base is
a mistake, and so is a second declaration that does not say that it is a patch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from reconciler.manifest.entries import Entry, Path, Where
from reconciler.model import Address

Tell = Callable[[Entry, Path, str, str, str], None]


def overlay(entries: Sequence[Entry], address: Callable[[Entry], Address], tell: Tell) -> list[Entry]:
    """Bring layers together. Entries come back in the order of their first declaration.

    Args:
        entries: every entry of every layer, in order.
        address: what an entry is about, as well as its spec tells.
        tell: called with every mistake: entry, path, code, message, hint.
    """
    found: dict[Address, Entry] = {}
    rest: list[Entry] = []
    order: list[Entry | Address] = []
    for entry in entries:
        patch, drop = entry.metadata.get("patch"), entry.metadata.get("drop")
        name = address(entry)
        base = found.get(name)
        if not patch and not drop:
            if base is None:
                found[name] = entry
                order.append(name)
            else:
                # Declared twice, or another owner of a singleton: told once all are encoded.
                rest.append(entry)
                order.append(entry)
            continue
        word = "patch" if patch else "drop"
        if base is None or base.layer >= entry.layer:
            where = "in no earlier directory" if base is None else "in this same directory"
            hint = "declare it there, or take the patch out" if base is None else "change the declaration itself"
            tell(entry, (), "layer", f"metadata.{word} has its base {where}", hint)
        elif drop:
            del found[name]
        else:
            found[name] = _merge(base, entry)
    return [
        each if isinstance(each, Entry) else found[each] for each in order if isinstance(each, Entry) or each in found
    ]


def _merge(base: Entry, patch: Entry) -> Entry:
    origins = dict(base.origins)
    spec = _patched(base.spec, patch.spec, patch, (), origins, _wholes(patch))
    own = {name: value for name, value in patch.metadata.items() if name != "patch"}
    return replace(base, spec=spec, origins=origins, metadata={**base.metadata, **own})


def _wholes(entry: Entry) -> frozenset[str]:
    """Return the properties that a patch replaces whole although they are mappings."""
    shapes = [entry.kind.shape(variant) for variant in entry.kind.variants] or [entry.kind.properties]
    return frozenset(
        name for shape in shapes for name, prop in shape.items() if prop.language or prop.type in ("list", "set", "map")
    )


def _patched(
    base: Any, patch: Any, entry: Entry, path: Path, origins: dict[Path, tuple[Where, Path]], wholes: frozenset[str]
) -> Any:
    whole = len(path) == 1 and path[0] in wholes
    if whole or not isinstance(patch, Mapping) or not isinstance(base, Mapping):
        origins[path] = (entry.where, entry.path)
        return patch
    merged = dict(base)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif name in ("type", "@type") and _variant(base) not in (None, value):
            merged = {key: each for key, each in merged.items() if key not in ("type", "@type")}
            merged[name] = value
            origins[(*path, name)] = (entry.where, entry.path)
        else:
            at = (*path, name)
            if name in merged:
                merged[name] = _patched(merged[name], value, entry, at, origins, wholes)
            else:
                merged[name] = value
                origins[at] = (entry.where, entry.path)
    return merged


def _variant(value: Mapping[str, Any]) -> Any:
    return value.get("type", value.get("@type"))
