"""From the catalogue to JSON Schema 2020-12: the schema of a kind's `spec`, in human form.

Law: generated, never edited; what a schema accepts, the codec can encode or explain.

Unions are written with keywords that apply to one JSON type each (`type: [integer, string]` beside `minimum` and
`pattern`), and variants with `if`/`then`: so a mistake is reported where it stands, never as "not valid under any of
the given schemas". Every property has its description and its default where it stands, for editors.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record
from reconciler.kinds.codec.scalars import least_of
from reconciler.values import DIALECT, DURATION_PATTERN, MAX_INTEGER, SIZE_PATTERN, Schema, print_duration, print_size

#: Blanks at the ends of some texts are cut off by the server, which refuses what is empty then.
NOT_BLANK_PATTERN = "[^ \\t\\r\\n]"
#: Ids of the server.
ID_PATTERN = "^[a-z0-9]+$"
#: Keys of a list that is written as an object.
PLACE_PATTERN = "^[0-9]{1,10}$"
#: A moment, as JSON has it (RFC 3339).
DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
#: A variable in place of a whole value, which takes the variable's type.
VARIABLE_PATTERN = "^\\$\\{var:[A-Za-z_][A-Za-z0-9_.-]*\\}$"
#: A reference to a secret, which stands alone.
REFERENCE_PATTERN = "^\\$\\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^{}]+)\\}$"
#: A variable within a text, which becomes part of it.
_WITHIN_PATTERN = VARIABLE_PATTERN.removeprefix("^").removesuffix("$")


def spec_schema(catalogue: Catalogue, kind: Kind) -> Schema:
    """Return the schema of a kind's `spec`, with every nested type written out in place."""
    return {"description": kind.description, **_record(catalogue, kind)}


def kind_schema(catalogue: Catalogue, kind: Kind) -> Schema:
    """Return the published schema of one kind's `spec`, in which variables may stand in any scalar.

    The program judges what has come into a variable's place, an editor what is written. And beside `match`, a result
    may be missing, since the document's metadata may leave it alone.
    """
    return {"$schema": DIALECT, "title": kind.kind, **as_written(spec_schema(catalogue, kind))}


def as_written(schema: Any) -> Any:
    """Return a schema of what stands in a manifest before variables are looked up; not of names and conditions.

    A number or boolean may be a variable, and a text may hold some.
    """
    if not isinstance(schema, dict):
        return schema
    written = {**schema}
    for keyword in ("items", "additionalProperties", "then", "else"):
        if keyword in written:
            written[keyword] = as_written(written[keyword])
    if "properties" in written:
        written["properties"] = {name: as_written(member) for name, member in written["properties"].items()}
    if "allOf" in written:
        written["allOf"] = [as_written(element) for element in written["allOf"]]
    if {"match", "else"} <= written.get("properties", {}).keys():
        written |= _lenient(written)
        written.pop("required", None)
    if any(map(is_secret, written.get("allOf", ()))):
        # A lone reference stands for the variant that is nothing but a secret.
        choice = {"if": {"type": "object"}, "then": {"oneOf": written.pop("oneOf")}}
        written |= {"type": ["object", "string"], "pattern": REFERENCE_PATTERN, **choice}
        return written
    kinds = written.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    for keyword, pattern in (("enum", _WITHIN_PATTERN), ("const", VARIABLE_PATTERN)):
        if keyword in written:
            written |= {"if": {"type": "string", "pattern": pattern}, "else": {keyword: written.pop(keyword)}}
    if {"integer", "boolean"} & {*kinds} and "string" not in kinds:
        written |= {"type": [*kinds, "string"], "pattern": VARIABLE_PATTERN}
    elif written.get("pattern", NOT_BLANK_PATTERN) != NOT_BLANK_PATTERN:
        written["pattern"] = f"{written['pattern']}|{_WITHIN_PATTERN}"
    return written


def is_secret(branch: Schema) -> bool:
    """Whether a branch is a variant that holds one required secret, and nothing else."""
    held = {name: member for name, member in branch["then"]["properties"].items() if member is not True}
    return len(held) == 1 and all(
        member.get("writeOnly") and member.get("type") == "string" for member in held.values()
    )


def _lenient(expression: Schema) -> Schema:
    """Return what to ask of an expression's results where `match` may stand alone; asks nothing of short forms."""
    beside: Schema = {"if": {"required": ["match"]}}
    if "required" in expression:
        return {**beside, "else": {"required": expression["required"]}}
    return {"then": {**beside, "then": {"not": {"required": ["else", "use"]}}, "else": expression["then"]}}


def _record(catalogue: Catalogue, record: Record) -> Schema:
    if not record.variants:
        return _shape(catalogue, record.properties)
    names = list(record.variants)
    branches = [
        {
            "if": {"anyOf": [{"properties": {key: {"const": name}}, "required": [key]} for key in ("type", "@type")]},
            "then": _shape(catalogue, record.shape(name), variants=True),
        }
        for name in names
    ]
    message = "; ".join(f"{name}: {variant.description.rstrip('.')}" for name, variant in record.variants.items())
    return {
        "type": "object",
        "properties": {
            "type": {"enum": names, "description": f"{message}."},
            "@type": {"enum": names, "description": "The same as `type`, as the server spells it."},
        },
        "oneOf": [{"required": ["type"]}, {"required": ["@type"]}],
        "allOf": branches,
    }


def _shape(catalogue: Catalogue, shape: dict[str, Property], *, variants: bool = False) -> Schema:
    # What the discriminator may be is said once, beside the branches; here it only has to be known.
    properties: Schema = {"type": True, "@type": True} if variants else {}
    # What only the server sets cannot be wanted.
    properties |= {name: _property(catalogue, prop) for name, prop in shape.items() if prop.mutability != "server-set"}
    # The same goes for its type, which would be found wrong once for each variant.
    schema: Schema = {} if variants else {"type": "object"}
    schema |= {"additionalProperties": False, "properties": properties}
    required = [name for name, prop in shape.items() if prop.required]
    if required:
        schema["required"] = required
    return schema


def _property(catalogue: Catalogue, prop: Property) -> Schema:
    schema = _typed(catalogue, prop)
    if holds_secret(catalogue, prop):
        schema["writeOnly"] = True
    if prop.nullable:
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        else:
            kinds = schema["type"]
            schema["type"] = [*(kinds if isinstance(kinds, list) else [kinds]), "null"]
    default = UNSET if prop.required or prop.default is UNSET else _human(catalogue, prop, prop.default)
    shown = (
        {"description": prop.description} if default is UNSET else {"description": prop.description, "default": default}
    )
    return {**shown, **schema}


def holds_secret(catalogue: Catalogue, prop: Property) -> bool:
    """Whether a property is a secret, or has one anywhere below it."""
    if prop.type not in ("object", "list") or prop.language:
        return prop.sensitive
    record = catalogue.types[prop.of]
    shapes = [record.shape(variant) for variant in record.variants] or [record.properties]
    return any(holds_secret(catalogue, inner) for shape in shapes for inner in shape.values())


def _human(catalogue: Catalogue, prop: Property, value: Any) -> Any:
    """Return a default in human form, or UNSET where it is one that no spec can hold."""
    if value is None:
        return None
    match prop.type:
        case "duration":
            return print_duration(value)
        case "size":
            return print_size(value)
        case "set":
            return list(value)
        case "map" if prop.of:
            return {key: _object_default(catalogue, prop, member) for key, member in value.items()}
        case "list":
            return [_object_default(catalogue, prop, member) for member in value.values()]
        case "object" if prop.language:
            if not value["match"]:
                return value["else"] or UNSET
            return {"match": list(value["match"].values()), "else": value["else"]}
        case "object":
            return _object_default(catalogue, prop, value)
    return value


def _object_default(catalogue: Catalogue, prop: Property, value: dict[str, Any]) -> Schema:
    record = catalogue.types[prop.of]
    variant = value.get("@type", "")
    shape = record.shape(variant)
    own = {
        name: _human(catalogue, shape[name], member)
        for name, member in value.items()
        if name in shape and (shape[name].required or member != shape[name].default)
    }
    return {"type": variant, **own} if variant else own


def _typed(catalogue: Catalogue, prop: Property) -> Schema:
    match prop.type:
        case "boolean":
            return {"type": "boolean"}
        case "integer" | "duration" | "size":
            return _number(prop)
        case "number":
            bounds = {"minimum": prop.min, "maximum": prop.max}
            return {"type": "number", **{word: bound for word, bound in bounds.items() if bound is not None}}
        case "date":
            return {"type": "string", "pattern": DATE_PATTERN}
        case "enum":
            return {"enum": list(prop.values)}
        case "string" | "reference":
            return _text(prop)
        case "set":
            return _set(prop)
        case "map":
            key: Schema = {"enum": list(prop.values)} if prop.values else _text(prop)
            return {"type": "object", "propertyNames": key, "additionalProperties": _map_value(catalogue, prop)}
        case "list":
            described = {"description": catalogue.types[prop.of].description}
            return _list({**described, **_object(catalogue, prop)}, prop.min_items)
        case "object":
            return _expression(catalogue, prop) if prop.language else _object(catalogue, prop)


def _number(prop: Property) -> Schema:
    least = least_of(prop)
    bounds = {"minimum": least, "maximum": MAX_INTEGER if prop.max is None else prop.max}
    if prop.type == "integer":
        return {"type": "integer", **bounds}
    if prop.type == "size":
        return {"type": ["integer", "string"], **bounds, "pattern": SIZE_PATTERN}
    return {"type": ["integer", "string"], **bounds, "minLength": 1, "pattern": DURATION_PATTERN}


def _text(prop: Property) -> Schema:
    schema: Schema = {"type": "string", "minLength": 1}
    if prop.form != "text":
        schema["pattern"] = NOT_BLANK_PATTERN
    elif prop.max_bytes:
        # A character has a byte or more, so this refuses nothing that would fit.
        schema["maxLength"] = prop.max_bytes
    return schema


def _map_value(catalogue: Catalogue, prop: Property) -> Schema:
    if prop.of:
        return {"description": catalogue.types[prop.of].description, **_object(catalogue, prop)}
    if prop.member == "integer":
        return _number(Property(type="integer"))
    return {"type": "string"} if prop.values else _text(prop)


def _set(prop: Property) -> Schema:
    member: Schema = {"enum": list(prop.values)} if prop.values else _text(prop)
    return {
        "type": ["array", "object"],
        "items": member,
        "uniqueItems": True,
        "propertyNames": member,
        "additionalProperties": {"const": True},
        **_at_least(prop.min_items),
    }


def _list(element: Schema, least: int) -> Schema:
    return {
        "type": ["array", "object"],
        "items": element,
        "propertyNames": {"pattern": PLACE_PATTERN},
        "additionalProperties": element,
        **_at_least(least),
    }


def _at_least(members: int) -> Schema:
    return {"minItems": members, "minProperties": members} if members else {}


def _object(catalogue: Catalogue, prop: Property) -> Schema:
    record = catalogue.types[prop.of]
    schema = _record(catalogue, record)
    if record.short:
        scalar = _typed(catalogue, record.properties[record.short])
        kinds = scalar["type"] if isinstance(scalar["type"], list) else [scalar["type"]]
        schema = {**scalar, **schema, "type": ["object", *kinds]}
    return schema


def _expression(catalogue: Catalogue, prop: Property) -> Schema:
    whole, branch = catalogue.types[prop.of].properties, catalogue.types["ExpressionMatch"].properties
    names = prop.language.names if prop.language else ""

    def text(described: Property) -> Schema:
        return {"description": described.description, "type": ["string", "boolean", "integer"], "minLength": 1}

    def closed(properties: Schema, required: list[str], result: str) -> Schema:
        """Return an object that gives `result`, or `use` in its place where results are names."""
        if names:
            message = f"Name of an object of {names}: the same as `{result}` with the name as a quoted text."
            properties["use"] = {"description": message, "type": "string", "minLength": 1}
        else:
            required = [*required, result]
        schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
        return {**schema, "required": required} if required else schema

    def either(result: str) -> Schema:
        return {"oneOf": [{"required": [result]}, {"required": ["use"]}]} if names else {}

    branch_schema = closed({"if": text(branch["if"]), "then": text(branch["then"])}, ["if"], "then")
    match = {"description": whole["match"].description, **_list({**branch_schema, **either("then")}, 0)}
    schema = closed({"match": match, "else": text(whole["else"])}, [], "else")
    # `oneOf` asks something of every type, and so has to be kept from texts.
    choice = {"if": {"type": "object"}, "then": either("else")} if names else {}
    return {**schema, "type": ["object", "string", "boolean", "integer"], "minLength": 1, **choice}
