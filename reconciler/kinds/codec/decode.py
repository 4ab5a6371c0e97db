"""From the wire form of the server to the human form of manifests, plans and reports.

Law: pure and total: whatever a server answers is printed, and a secret never is; `encode(decode(wire)) == wire`, but
for secrets in plain text, and for a bare constant as a name, which a manifest may not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record
from reconciler.kinds.equality import exact
from reconciler.values import MASK, Address, Sensitive, Wire, literal, print_duration, print_size, unquote

HIDDEN = "(sensitive)"


def decode(catalogue: Catalogue, kind: Kind, wire: Wire, *, defaults: bool = False) -> dict[str, Any]:
    """Turn a wire object into a spec. Properties at their default are left out unless `defaults` asks for them."""
    spec = _object(catalogue, kind, wire, defaults=defaults)
    if "type" in spec:
        spec = {"type": spec.pop("type"), **spec}
    first = {name: spec.pop(name) for name in ("type", *kind.match) if name in spec}
    return {**first, **spec}


def decode_pointer(catalogue: Catalogue, kind: Kind, wire: Wire, pointer: str, value: Any) -> Any:
    """Turn the wire value that a pointer into an object leads to into human form; `wire` tells the variants."""
    record: Record = kind
    prop: Property | None = None
    at: Any = wire
    steps = pointer.split("/")
    for step in steps:
        if step == "match" and prop is not None and prop.language and isinstance(value, Mapping):
            return [_branch(prop, value[key]) for key in sorted(value, key=_index)]
        inner = at if isinstance(at, Mapping) else {}
        prop = record.legible(inner.get("@type")).get(step)
        if prop is None:
            return _plain(value)
        at = inner.get(step)
        if prop.type == "object":
            record = catalogue.types[prop.of]
    return _plain(value) if prop is None else _property(catalogue, prop, value)


def _object(catalogue: Catalogue, record: Record, wire: Mapping[str, Any], *, defaults: bool) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if record.variants and "@type" in wire:
        spec["type"] = _plain(wire["@type"])
    for name, prop in record.legible(wire.get("@type")).items():
        value = wire.get(name, UNSET)
        if prop.mutability == "server-set":
            continue
        if value is UNSET or (_left_out(prop, defaults=defaults) and exact(value, prop.default)):
            continue
        spec[name] = _property(catalogue, prop, value)
    return spec


def _left_out(prop: Property, *, defaults: bool) -> bool:
    """Whether a property is left out at its default; always where that is a text which no spec can hold."""
    return not prop.required and (not defaults or bool(prop.language and prop.language.empty))


def _property(catalogue: Catalogue, prop: Property, value: Any) -> Any:
    if value is None:
        return None
    if prop.sensitive:
        return value.reference or HIDDEN if isinstance(value, Sensitive) else HIDDEN
    match prop.type:
        case "duration" if type(value) is int:
            return print_duration(value)
        case "size" if type(value) is int:
            return print_size(value)
        case "set" if isinstance(value, Mapping):
            return [_plain(member) for member, present in value.items() if present]
        case "map" if isinstance(value, Mapping) and prop.of:
            return {key: _element(catalogue, prop, member) for key, member in value.items()}
        case "list" if isinstance(value, Mapping):
            return [_element(catalogue, prop, value[key]) for key in sorted(value, key=_index)]
        case "object" if isinstance(value, Mapping):
            if prop.language:
                return _expression(prop, value)
            return _object(catalogue, catalogue.types[prop.of], value, defaults=False)
    return _plain(value)


def _index(key: str) -> tuple[int, str]:
    # Python refuses to read very long numbers; a key of the server has at most 10 digits.
    return (int(key), "") if key.isascii() and key.isdigit() and len(key) < 20 else (1 << 64, key)


def _element(catalogue: Catalogue, prop: Property, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _plain(value)
    record = catalogue.types[prop.of]
    spec = _object(catalogue, record, value, defaults=False)
    if record.short and not set(spec) - {record.short}:
        # A short form stands for the one required property, which may be at its default here.
        return spec.get(record.short, _property(catalogue, record.properties[record.short], value.get(record.short)))
    return spec


def _expression(prop: Property, wire: Mapping[str, Any]) -> Any:
    match = wire.get("match")
    other = _result(prop, wire.get("else"), "else")
    if not match:
        return other if "use" in other else other["else"]
    if not isinstance(match, Mapping):
        return {"match": _plain(match), **other}
    return {"match": [_branch(prop, match[key]) for key in sorted(match, key=_index)], **other}


def _branch(prop: Property, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _plain(value)
    return {"if": _plain(value.get("if")), **_result(prop, value.get("then"), "then")}


def _result(prop: Property, text: Any, key: str) -> dict[str, Any]:
    """Return what a branch or `else` gives: `use` and a name, where the property's results are names."""
    named = bool(prop.language and prop.language.names)
    name = unquote(text) if named and isinstance(text, str) else None
    return {"use": name} if name is not None and literal(name) == text else {key: _plain(text)}


def _plain(value: Any) -> Any:
    """Return a value as JSON could hold it, with every secret hidden."""
    if isinstance(value, Address):
        return f"id:{value.id}" if value.id and not value.name else value.name
    if isinstance(value, Sensitive):
        return value.reference or HIDDEN
    if isinstance(value, Mapping):
        return {_plain(key): HIDDEN if member == MASK else _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(element) for element in value]
    return value
