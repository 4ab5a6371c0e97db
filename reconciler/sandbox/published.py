"""The schema as the server publishes it, of a catalogue or of a schema given: the same form, and the same traps.

Law: pure, and the same bytes for the same schema, since the file's name is its digest.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from typing import Any

import msgspec
from msgspec import UNSET

from reconciler.kinds import Catalogue, Kind, Property, Pulled, Record, read_pulled

_FORMATS = {"integer": "unsignedInteger", "size": "size", "duration": "duration"}


class Published:
    """The schema file: `content` is compressed, `name` is what its URL ends in."""

    def __init__(self, schema: Catalogue | bytes) -> None:
        """Publish what a catalogue says, or what a server published: its own answer, or a pulled file."""
        name = ""
        if isinstance(schema, bytes):
            pulled = _pulled(schema)
            content = schema if pulled is None else msgspec.json.encode(_whole(pulled))
            name = "" if pulled is None else pulled.hash
        else:
            content = msgspec.json.encode(published(schema))
        self.content = gzip.compress(content, 9, mtime=0)
        digest = hashlib.sha256(self.content).digest()
        self.name = name or base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _pulled(schema: bytes) -> Pulled | None:
    """Return a pulled file as it was read; None for a server's own answer."""
    return read_pulled(schema) if "format" in msgspec.json.decode(schema, type=dict[str, msgspec.Raw]) else None


def _whole(pulled: Pulled) -> dict[str, Any]:
    """Return what the server published, as far as a pulled file keeps it."""
    lists = {
        name: {
            **({"labelProperty": pulled.labels[name]} if name in pulled.labels else {}),
            "filters": [{"type": "text", "field": field, "label": field} for field in pulled.filters.get(name, ())],
        }
        for name in sorted({*pulled.labels, *pulled.filters})
    }
    return {
        "objects": pulled.objects,
        "schemas": pulled.schemas,
        "fields": pulled.fields,
        "forms": {},
        "lists": lists,
        "enums": {
            name: [{"name": member, "label": member} for member in names] for name, names in pulled.enums.items()
        },
        "dashboards": {},
        "layouts": {},
    }


def published(catalogue: Catalogue) -> dict[str, Any]:
    """Return the schema: objects, schemas, fields, enums, and what its pages would need (left empty)."""
    schema: dict[str, Any] = {"objects": {}, "schemas": {}, "fields": {}, "forms": {}, "lists": {}, "enums": {}}
    for name, kind in catalogue.kinds.items():
        schema["objects"][f"x:{name}"] = {
            "type": "singleton" if kind.singleton else "object",
            "description": kind.description,
            "permissionPrefix": f"sys{name}",
        }
        schema["lists"][f"x:{name}"] = _list(name, kind)
        _record(schema, name, kind)
    for name, record in catalogue.types.items():
        _record(schema, name, record)
    return schema | {"dashboards": {}, "layouts": {}}


def _list(name: str, kind: Kind) -> dict[str, Any]:
    filters = [{"type": "text", "field": field, "label": field} for field in kind.filters]
    return {"title": name, "singularName": name, "pluralName": name, "labelProperty": kind.label, "filters": filters}


def _record(schema: dict[str, Any], name: str, record: Record) -> None:
    if not record.variants:
        schema["schemas"][f"x:{name}"] = {"type": "single", "schemaName": f"x:{name}"}
        schema["fields"][f"x:{name}"] = _fields(schema, name, record.properties)
        return
    variants = []
    for variant in record.variants:
        entry = {"name": variant, "label": variant}
        properties = record.shape(variant)
        if properties:
            entry["schemaName"] = f"x:{name}{variant}"
            schema["fields"][f"x:{name}{variant}"] = _fields(schema, f"{name}{variant}", properties)
        variants.append(entry)
    schema["schemas"][f"x:{name}"] = {"type": "multiple", "variants": variants}


def _fields(schema: dict[str, Any], owner: str, properties: dict[str, Property]) -> dict[str, Any]:
    """Properties in alphabetical order, not in the order of the wire; empty defaults are left out."""
    described = {}
    defaults = {}
    for name, word in sorted(properties.items()):
        described[name] = {
            "description": word.description,
            "type": _type(schema, owner, name, word),
            "update": {"server-set": "serverSet"}.get(word.mutability, word.mutability),
        }
        default = _default(word)
        if default is not None and (default or word.required):
            defaults[name] = default
    return {"properties": described, **({"defaults": defaults} if defaults else {})}


def _default(word: Property) -> Any:
    """Expressions are not in wire form here: `match` is an array, and `default` stands for a lone `else`."""
    if word.default is UNSET:
        return None
    if word.language is None:
        return None if word.type == "object" else word.default
    match = list(word.default["match"].values())
    if match:
        return {"else": word.default["else"], "match": match}
    return {"default": word.default["else"]} if word.default["else"] else None


def _type(schema: dict[str, Any], owner: str, name: str, word: Property) -> dict[str, Any]:
    nullable = {"nullable": True} if word.nullable else {}
    bounds = {key: value for key, value in (("min", word.min), ("max", word.max)) if value is not None}
    least = {"minItems": word.min_items} if word.min_items else {}
    match word.type:
        case "string":
            return {"type": "string", "format": _format(word), **nullable}
        case "boolean":
            return {"type": "boolean"}
        case "integer" | "size" | "duration":
            return {"type": "number", "format": _FORMATS[word.type], **bounds, **nullable}
        case "number":
            return {"type": "number", "format": "float", **bounds, **nullable}
        case "date":
            return {"type": "utcDateTime", **nullable}
        case "enum":
            return {"type": "enum", "enumName": _enum(schema, owner, name, word), **nullable}
        case "object":
            return {"type": "object", "objectName": f"x:{word.of}", **nullable}
        case "list":
            return {"type": "objectList", "objectName": f"x:{word.of}", **least}
        case "reference":
            return {"type": "objectId", "objectName": f"x:{word.to}", **nullable}
        case "set":
            text = {"type": "string", "format": "string"}
            enum = {"type": "enum", "enumName": _enum(schema, owner, name, word)} if word.values else text
            return {"type": "set", "class": enum, **least}
        case "map":
            text = {"type": "string", "format": "string"}
            return {"type": "map", "keyClass": text, "valueClass": text}


def _format(word: Property) -> str:
    if word.sensitive:
        return "secret"
    return "ipAddress" if word.form == "ip" else "string"


def _enum(schema: dict[str, Any], owner: str, name: str, word: Property) -> str:
    if not word.values:
        return ""
    enum = f"{owner}{name[:1].upper()}{name[1:]}"
    schema["enums"][enum] = [{"name": value, "label": value} for value in word.values]
    return enum
