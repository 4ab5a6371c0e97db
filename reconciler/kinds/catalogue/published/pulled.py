"""What a server publishes of its kinds (`GET /api/schema`), reduced to what this program and editors use.

Law: pure; forms, lists and layouts are left out, and what is left is the server's own words.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

FORMAT = "reconciler/server-schema/v1"
T = TypeVar("T")
#: How the names of a server's settings begin; what has another name is a JMAP data type of its accounts.
PREFIX = "x:"


class Object(Struct, frozen=True):
    """A published object: `view` is no object of its own."""

    type: Literal["object", "singleton", "view"]
    description: str = ""


class PublishedVariant(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One variant of a published shape; without a schema it has no properties."""

    name: str
    label: str = ""
    schema_name: str = ""


class PublishedShape(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A published shape: one list of fields, or one for each variant."""

    type: Literal["single", "multiple"]
    schema_name: str = ""
    variants: tuple[PublishedVariant, ...] = ()


class Type(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The published type of a field, or of the members of one."""

    type: str
    format: str = ""
    nullable: bool = False
    object_name: str = ""
    enum_name: str = ""
    min: float | None = None
    max: float | None = None
    min_items: int = 0
    max_length: int | None = None
    member: Type | None = msgspec.field(name="class", default=None)
    key_class: Type | None = None
    value_class: Type | None = None


class PublishedField(Struct, frozen=True, omit_defaults=True):
    """One published property."""

    type: Type
    description: str = ""
    update: Literal["mutable", "immutable", "serverSet"] = "mutable"


class Fields(Struct, frozen=True, omit_defaults=True):
    """The published properties of one shape, and the defaults of those that have one."""

    properties: dict[str, PublishedField] = {}
    defaults: dict[str, Any] = {}


class Pulled(Struct, frozen=True, kw_only=True):
    """A published schema as `schema pull` stores it."""

    format: str = FORMAT
    #: The server's version, or "" where it says none.
    server: str = ""
    #: The name under which the server publishes this schema.
    hash: str = ""
    #: When it was pulled, as an ISO 8601 date.
    date: str = ""
    objects: dict[str, Object] = {}
    schemas: dict[str, PublishedShape] = {}
    fields: dict[str, Fields] = {}
    #: Names of the members of each enum, in the server's order.
    enums: dict[str, tuple[str, ...]] = {}
    #: The property that the server's pages show as an object's title, by object.
    labels: dict[str, str] = {}
    #: Properties that queries filter by, by object.
    filters: dict[str, tuple[str, ...]] = {}


class _Whole(Struct, frozen=True):
    """What a server answers, as far as it is used."""

    objects: dict[str, Object]
    schemas: dict[str, PublishedShape]
    fields: dict[str, Fields]
    enums: dict[str, list[dict[str, Any]]] = {}
    lists: dict[str, dict[str, Any]] = {}


def reduced(content: bytes, *, server: str = "", name: str = "", date: str = "") -> Pulled:
    """Return what a server publishes, reduced to what the settings need.

    Args:
        content: the body of the answer, JSON.
        server: the server's version.
        name: the hash that the schema is published under.
        date: when it was asked for, ISO 8601.

    Raises:
        ValueError: it is no published schema.
    """
    try:
        whole = msgspec.json.decode(content, type=_Whole)
    except msgspec.MsgspecError as error:
        raise ValueError(f"it is no published schema: {error}") from None
    objects = {
        key: published
        for key, published in whole.objects.items()
        if key.startswith(PREFIX) and published.type != "view"
    }
    schemas: dict[str, PublishedShape] = {}
    fields: dict[str, Fields] = {}
    enums: set[str] = set()
    waiting = list(objects)
    while waiting:
        shape = waiting.pop()
        if shape in schemas or shape not in whole.schemas:
            continue
        schemas[shape] = whole.schemas[shape]
        for own in _schemas_of(whole.schemas[shape]):
            fields[own] = whole.fields.get(own, Fields())
            for field_type in _types(fields[own]):
                enums |= {field_type.enum_name} - {""}
                waiting += [field_type.object_name] if field_type.type in ("object", "objectList") else []
    return Pulled(
        server=server,
        hash=name,
        date=date,
        objects=objects,
        schemas=_sorted(schemas),
        fields=_sorted(fields),
        enums={key: tuple(str(enum["name"]) for enum in whole.enums.get(key, ())) for key in sorted(enums)},
        labels={
            key: str(listing["labelProperty"])
            for key, listing in whole.lists.items()
            if key in objects and listing.get("labelProperty")
        },
        filters={
            key: properties
            for key, listing in whole.lists.items()
            if key in objects and (properties := _filters(listing))
        },
    )


def read_pulled(content: bytes) -> Pulled:
    """Read a pulled schema, or a server's own answer.

    Raises:
        ValueError: it is neither, or of another version of the format.
    """
    try:
        members = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        if "format" not in members:
            return reduced(content)
        if bytes(members["format"]) != msgspec.json.encode(FORMAT):
            raise ValueError(f"its format is {bytes(members['format']).decode()[:60]}, and {FORMAT!r} is read here")
        return msgspec.json.decode(content, type=Pulled)
    except msgspec.MsgspecError as error:
        raise ValueError(f"it is no published schema: {error}") from None


def _schemas_of(shape: PublishedShape) -> list[str]:
    names = [variant.schema_name for variant in shape.variants] if shape.type == "multiple" else [shape.schema_name]
    return [name for name in names if name]


def _types(fields: Fields) -> list[Type]:
    """Return every type that some fields name, members of sets and maps included."""
    types: list[Type] = []
    waiting = [field.type for field in fields.properties.values()]
    while waiting:
        field_type = waiting.pop()
        types.append(field_type)
        waiting += [
            inner for inner in (field_type.member, field_type.key_class, field_type.value_class) if inner is not None
        ]
    return types


def _filters(described: dict[str, Any]) -> tuple[str, ...]:
    given = described.get("filters", ())
    return tuple(str(element["field"]) for element in given if isinstance(element, dict) and element.get("field"))


def _sorted(members: dict[str, T]) -> dict[str, T]:
    return dict(sorted(members.items()))
