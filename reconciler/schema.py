"""From the catalogue to JSON Schema 2020-12, for the human form.

Law: generated, never edited; what a schema accepts, the codec can encode or explain.

Unions are written with keywords that apply to one JSON type each (`type: [integer, string]` beside `minimum` and
`pattern`), and variants with `if`/`then`: so a mistake is reported where it stands, never as "not valid under any of
the given schemas".
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from reconciler.catalogue import Catalogue, Kind, Property, Record
from reconciler.units import DURATION_PATTERN, MAX_INTEGER, SIZE_PATTERN, print_duration, print_size

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

#: Top-level keys beside these are refused, but for those that begin with `x-`.
METADATA: Schema = {
    "type": "object",
    "description": "The reconciler's own; never sent to the server.",
    "additionalProperties": False,
    "properties": {
        "name": {
            "type": "string",
            "minLength": 1,
            "description": "Name in the address, for kinds without a name of their own.",
        },
        "id": {
            "type": "string",
            "pattern": "^[a-z0-9]+$",
            "description": "The server's id of the one object that this document stands for.",
        },
        "unmanaged": {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 1},
            "description": "Properties left alone whatever the server holds, as pointers such as `route/else`.",
        },
        "accept": {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
            "description": "Lint findings that are accepted here: rule id to reason.",
        },
    },
}


def spec_schema(catalogue: Catalogue, kind: Kind) -> Schema:
    """Return the schema of a kind's `spec`, with every nested type written out in place."""
    schema = _record(catalogue, kind)
    schema["description"] = kind.description
    return schema


def kind_schema(catalogue: Catalogue, kind: Kind) -> Schema:
    """Return the published schema of one kind's `spec`."""
    return {"$schema": DIALECT, "title": kind.kind, **spec_schema(catalogue, kind)}


def manifest_schema(catalogue: Catalogue) -> Schema:
    """Return the published schema of a document, which dispatches on `kind`."""
    one_each = {kind: f"{kind}.schema.json" for kind in sorted(catalogue.kinds)}
    branches = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"properties": {"spec": {"$ref": file}, "items": {"items": {"$ref": file}}}},
        }
        for kind, file in one_each.items()
    ]
    return {
        "$schema": DIALECT,
        "title": "Manifest",
        "description": f"One document of a manifest for Stalwart {catalogue.server}.",
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "enum": list(one_each),
                "description": "The server's object type, without its x: prefix.",
            },
            "spec": {"type": "object", "description": "The object, in human form."},
            "items": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object"},
                "description": "Several objects of one kind, in place of spec.",
            },
            "metadata": METADATA,
        },
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
        "oneOf": [{"required": ["spec"]}, {"required": ["items"]}],
        "allOf": branches,
    }


def published(catalogue: Catalogue) -> dict[str, Schema]:
    """Return every published schema by file name."""
    files = {f"{kind.kind}.schema.json": kind_schema(catalogue, kind) for kind in catalogue.kinds.values()}
    return {"manifest.schema.json": manifest_schema(catalogue), **files}


def _record(catalogue: Catalogue, record: Record) -> Schema:
    if not record.variants:
        return _shape(catalogue, record.properties)
    names = list(record.variants)
    branches = [
        {
            "if": {"anyOf": [{"properties": {key: {"const": name}}, "required": [key]} for key in ("type", "@type")]},
            "then": _shape(catalogue, record.shape(name), variant=name),
        }
        for name in names
    ]
    told = "; ".join(f"{name}: {variant.description}" for name, variant in record.variants.items())
    discriminator = {"enum": names, "description": told}
    return {
        "type": "object",
        "properties": {"type": discriminator, "@type": {"enum": names}},
        "oneOf": [{"required": ["type"]}, {"required": ["@type"]}],
        "allOf": branches,
    }


def _shape(catalogue: Catalogue, shape: dict[str, Property], variant: str = "") -> Schema:
    properties: Schema = {"type": {"const": variant}, "@type": {"const": variant}} if variant else {}
    properties |= {name: _property(catalogue, prop) for name, prop in shape.items()}
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    required = [name for name, prop in shape.items() if prop.required]
    if required:
        schema["required"] = required
    return schema


def _property(catalogue: Catalogue, prop: Property) -> Schema:
    schema = _typed(catalogue, prop)
    if _holds_secret(catalogue, prop):
        schema["writeOnly"] = True
    if prop.nullable:
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        elif "type" in schema:
            kinds = schema["type"]
            schema["type"] = [*(kinds if isinstance(kinds, list) else [kinds]), "null"]
    if prop.description:
        schema["description"] = prop.description
    default = _default(prop)
    if default is not UNSET:
        schema["default"] = default
    return schema


def _holds_secret(catalogue: Catalogue, prop: Property) -> bool:
    if prop.type != "object" or prop.language:
        return prop.sensitive
    record = catalogue.record(prop.of)
    shapes = [record.shape(variant) for variant in record.variants] or [record.properties]
    return any(_holds_secret(catalogue, each) for shape in shapes for each in shape.values())


def _default(prop: Property) -> Any:
    """Return the default in human form where that is a plain value; nested defaults are told by the description."""
    if prop.default is UNSET or prop.required:
        return UNSET
    if prop.type == "duration" and prop.default is not None:
        return print_duration(prop.default)
    if prop.type == "size" and prop.default is not None:
        return print_size(prop.default)
    if prop.type == "set":
        return list(prop.default)
    if prop.type == "object" and prop.language and not prop.default["match"]:
        return prop.default["else"] or UNSET
    return UNSET if isinstance(prop.default, dict) else prop.default


def _typed(catalogue: Catalogue, prop: Property) -> Schema:
    match prop.type:
        case "boolean":
            return {"type": "boolean"}
        case "integer":
            most = MAX_INTEGER if prop.max is None else prop.max
            return {"type": "integer", "minimum": prop.min or 0, "maximum": most}
        case "duration":
            least = max(prop.min or 1, 1)
            return {
                "type": ["integer", "string"],
                "minimum": least,
                "maximum": MAX_INTEGER,
                "minLength": 1,
                "pattern": DURATION_PATTERN,
            }
        case "size":
            return {
                "type": ["integer", "string"],
                "minimum": prop.min or 0,
                "maximum": MAX_INTEGER,
                "pattern": SIZE_PATTERN,
            }
        case "enum":
            return {"enum": list(prop.values)}
        case "string" | "reference":
            return _text(prop)
        case "set":
            return _set(prop)
        case "map":
            text = _text(prop)
            return {"type": "object", "propertyNames": text, "additionalProperties": text}
        case "list":
            return _list(_object(catalogue, prop), prop.min_items)
        case "object":
            return _expression(prop) if prop.language else _object(catalogue, prop)


def _text(prop: Property) -> Schema:
    schema: Schema = {"type": "string", "minLength": 1}
    if prop.form != "text":
        # Blanks at the ends are taken off by the server, which refuses what is empty then.
        schema["pattern"] = "[^ \\t\\r\\n]"
    return schema


def _set(prop: Property) -> Schema:
    member: Schema = {"enum": list(prop.values)} if prop.values else _text(prop)
    return {
        "type": ["array", "object"],
        "items": member,
        "uniqueItems": True,
        "minItems": prop.min_items,
        "propertyNames": member,
        "additionalProperties": {"const": True},
        "minProperties": prop.min_items,
    }


def _list(element: Schema, least: int) -> Schema:
    return {
        "type": ["array", "object"],
        "items": element,
        "minItems": least,
        "patternProperties": {"^[0-9]+$": element},
        "additionalProperties": False,
        "minProperties": least,
    }


def _object(catalogue: Catalogue, prop: Property) -> Schema:
    record = catalogue.record(prop.of)
    schema = _record(catalogue, record)
    if record.short:
        scalar = _property(catalogue, record.properties[record.short])
        kinds = scalar["type"] if isinstance(scalar["type"], list) else [scalar["type"]]
        schema = {**{k: v for k, v in scalar.items() if k not in ("description", "default")}, **schema}
        schema["type"] = ["object", *kinds]
    return schema


def _expression(prop: Property) -> Schema:
    text: Schema = {"type": ["string", "boolean", "integer"], "minLength": 1}
    name: Schema = {
        "type": "string",
        "minLength": 1,
        "description": f"Name of a {prop.language.names}." if prop.language and prop.language.names else "",
    }
    named = bool(prop.language and prop.language.names)

    def with_name(schema: Schema, result: str) -> Schema:
        schema["properties"][result] = text
        if named:
            schema["properties"]["use"] = name
            schema["oneOf"] = [{"required": [result]}, {"required": ["use"]}]
        else:
            schema["required"] = [*schema.get("required", []), result]
        return schema

    branch = with_name(
        {"type": "object", "additionalProperties": False, "properties": {"if": text}, "required": ["if"]}, "then"
    )
    whole = with_name(
        {"type": "object", "additionalProperties": False, "properties": {"match": _list(branch, 0)}}, "else"
    )
    return {
        "type": ["object", "string", "boolean", "integer"],
        "minLength": 1,
        "if": {"type": "object"},
        "then": whole,
    }
