"""From a published schema to the catalogue.

Law: pure; the rules were found by asking a server for the objects that it makes of nothing but what it requires
(Stalwart 0.16.19), and held for every kind. A property is required where its computed default is no value: an empty
text, an unset id, a number below its least, a set of too few.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, replace

from reconciler.kinds.catalogue import Catalogue, Form, Kind, Language, Mutability, Property, Record, Variant, load
from reconciler.kinds.catalogue.published.overlay import Overlay, PropertyOverlay, overlays, told_types, told_variables
from reconciler.kinds.catalogue.published.pulled import PREFIX, Fields, PublishedField, Pulled, Type
from reconciler.values import parse_duration

#: The type whose objects are texts of the server's expression language.
EXPRESSION = "Expression"
#: What an id that was never set looks like.
UNSET_ID = "p333333333333"
_FORMS: dict[str, Form] = {"ipAddress": "ip", "ipNetwork": "network", "socketAddress": "socket"}
_MUTABILITY: dict[str, Mutability] = {"serverSet": "server-set", "immutable": "immutable", "mutable": "mutable"}
_NUMBERS = {"duration": "duration", "size": "size", "float": "number"}
#: Least and most of an integer of the server without bounds of its own.
_LEAST = -(2**63)
#: What an overlay says of a kind in the words of the catalogue.
_WORDS = tuple(name for name in Overlay.__struct_fields__ if name not in ("properties", "without"))
R = TypeVar("R", bound=Record)


def catalogue_of_published(pulled: Pulled) -> Catalogue:
    """Return the catalogue of a server by what it publishes; the kinds that this program knows keep what it knows."""
    builder = _Builder(pulled, load())
    digest = hashlib.sha256((builder.known.digest + pulled.hash).encode())
    digest.update(msgspec.json.encode(pulled.fields) + msgspec.json.encode(pulled.schemas))
    kinds = {kind.kind: kind for kind in builder.kinds()}
    return Catalogue(
        server=pulled.server or builder.known.server,
        published=pulled.hash,
        digest=digest.hexdigest(),
        kinds={name: kinds[name] for name in sorted(kinds)},
        types=builder.types,
        variables={**builder.known.variables, **told_variables()},
        constants=builder.known.constants,
    )


class _Builder:
    def __init__(self, pulled: Pulled, known: Catalogue) -> None:
        self.pulled = pulled
        self.known = known
        self.told = told_types()
        self.types: dict[str, Record] = {}
        names = {field_type.object_name for own in pulled.fields.values() for field_type in _nested(own)}
        for name in sorted(names):
            plain = name.removeprefix(PREFIX)
            derived = self._record(name, self.told.get(plain, {}))
            mine = known.types.get(plain)
            self.types[plain] = derived if mine is None else _extended(mine, derived)
        self.types = {**known.types, **self.types}

    def kinds(self) -> Iterator[Kind]:
        """Yield every kind: those published, and those known here that the server does not publish."""
        overlaid = overlays()
        published = {name.removeprefix(PREFIX): name for name in self.pulled.objects}
        for name, mine in self.known.kinds.items():
            if name not in published:
                yield mine
        for name, full in published.items():
            overlay = overlaid.get(name, Overlay(kind=name))
            if overlay.excluded or full not in self.pulled.schemas:
                continue
            derived = self._record(full, overlay.properties)
            known = self.known.kinds.get(name)
            yield self._kind(full, derived, overlay) if known is None else _extended(known, derived)

    def _kind(self, full: str, derived: Record, overlay: Overlay) -> Kind:
        given = self.pulled.objects[full]
        singleton = given.type == "singleton"
        properties, variants = derived.properties, derived.variants
        if overlay.without:
            variants = {name: variant for name, variant in variants.items() if name not in overlay.without}
        if singleton:
            # Several documents may declare a part of it each, and the server has the rest.
            properties = _optional(properties)
            variants = {
                name: replace(variant, properties=_optional(variant.properties)) for name, variant in variants.items()
            }
        words = {name: getattr(overlay, name) for name in _WORDS}
        words["filters"] = overlay.filters or self.pulled.filters.get(full, ())
        label = self.pulled.labels.get(full, "")
        # Of a kind that nothing else is known of, the title has to do.
        loose = not (singleton or overlay.match)
        title = properties.get(label)
        match = (label,) if loose and title is not None and title.type == "string" else overlay.match
        words |= {"match": match, "reading": overlay.reading or match, "judged": overlay.judged or match}
        return Kind(
            description=given.description,
            properties=properties,
            variants=variants,
            singleton=singleton,
            label=label,
            loose=loose,
            **words,
        )

    def _record(self, full: str, property_overlays: Mapping[str, PropertyOverlay]) -> Record:
        shape = self.pulled.schemas[full]
        if shape.type == "single":
            return Record(properties=self._properties(shape.schema_name, property_overlays, ""))
        shapes = {
            variant.name: self._properties(variant.schema_name, property_overlays, variant.name)
            for variant in shape.variants
        }
        shared = _shared(list(shapes.values()))
        return Record(
            properties=shared,
            variants={
                variant.name: Variant(
                    description=variant.label,
                    properties={name: prop for name, prop in shapes[variant.name].items() if name not in shared},
                )
                for variant in shape.variants
            },
        )

    def _properties(
        self, own: str, property_overlays: Mapping[str, PropertyOverlay], variant: str
    ) -> dict[str, Property]:
        fields = self.pulled.fields.get(own, Fields())
        props = {}
        for name, field in fields.properties.items():
            prop = self._property(field, fields.defaults.get(name, UNSET))
            for key in (name, f"{variant}/{name}"):
                prop = property_overlays[key].onto(prop) if key in property_overlays else prop
            # What is required has no default, whoever says so.
            props[name] = replace(prop, default=UNSET) if prop.required else prop
        return props

    def _property(self, field: PublishedField, given: Any) -> Property:
        default, whole = self._default(field.type, given)
        mutability = _MUTABILITY[field.update]
        own = mutability == "server-set"
        # The server puts the time where none is given.
        clock = field.type.type == "utcDateTime" and not field.type.nullable
        required = not (whole or own or clock)
        return Property(
            description=field.description,
            mutability=mutability,
            nullable=field.type.nullable,
            required=required,
            default=UNSET if own or clock or required else default,
            **self._typed(field.type),
        )

    def _typed(self, given: Type) -> dict[str, Any]:
        """Return the words of the catalogue for a published type."""
        match given.type:
            case "boolean":
                return {"type": "boolean"}
            case "number":
                return {"type": _NUMBERS.get(given.format, "integer"), **_bounds(given)}
            case "utcDateTime":
                return {"type": "date"}
            case "enum":
                return {"type": "enum", "values": self.pulled.enums.get(given.enum_name, ())}
            case "objectId":
                return {"type": "reference", **_target(given.object_name)}
            case "object":
                name = _plain(given.object_name)
                open_ = {"language": Language(variables="", open=True)} if name == EXPRESSION else {}
                return {"type": "object", "of": name, **open_}
            case "objectList":
                return {"type": "list", "of": _plain(given.object_name), "min_items": given.min_items}
            case "set" if given.member is not None:
                return {"type": "set", "min_items": given.min_items, **self._member(given.member)}
            case "map" if given.key_class is not None and given.value_class is not None:
                return {"type": "map", **self._member(given.key_class), **self._value(given.value_class)}
        return {"type": "string", **_text(given)}

    def _member(self, given: Type) -> dict[str, Any]:
        """Return what tells the members of a set, or the keys of a map."""
        match given.type:
            case "enum":
                return {"values": self.pulled.enums.get(given.enum_name, ())}
            case "objectId":
                return _target(given.object_name)
        return _text(given)

    def _value(self, given: Type) -> dict[str, Any]:
        match given.type:
            case "object":
                return {"of": _plain(given.object_name)}
            case "number":
                return {"member": "integer"}
        return {}

    def _default(self, given: Type, value: Any) -> tuple[Any, bool]:
        """Return the wire value of a property that is not sent, and whether the server would take it."""
        if value is not UNSET:
            return self._converted(given, value)
        if given.nullable:
            return None, True
        match given.type:
            case "boolean":
                return False, True
            case "number":
                zero = 0.0 if given.format == "float" else 0
                return zero, given.min is None or given.min <= 0
            case "set" | "objectList":
                return {}, not given.min_items
            case "map":
                return {}, True
            case "enum":
                values = self.pulled.enums.get(given.enum_name, ())
                return (values[0], True) if values else ("", False)
            case "object":
                return self._filled(given.object_name, {})
            case "objectId":
                return UNSET_ID, False
        return "", False

    def _converted(self, given: Type, value: Any) -> tuple[Any, bool]:
        """Bring a published default to wire form."""
        match given.type, value:
            case "object", dict():
                if _plain(given.object_name) == EXPRESSION:
                    return _expression(value), True
                return self._filled(given.object_name, value)
            case "objectList", list() | dict():
                elements = value.values() if isinstance(value, dict) else value
                filled = [self._filled(given.object_name, element) for element in elements]
                return {str(at): element for at, (element, _) in enumerate(filled)}, all(whole for _, whole in filled)
            case "set", list():
                return dict.fromkeys((str(element) for element in value), True), True
            case "map", dict() if given.value_class is not None and given.value_class.type == "object":
                inner = given.value_class.object_name
                return {key: self._filled(inner, member)[0] for key, member in value.items()}, True
            case "number", str() if given.format == "duration":
                # Inside the default of another object, durations are published as people read them.
                return parse_duration(value), True
            case "number", int() if given.format == "float":
                return float(value), True
        return value, True

    def _filled(self, full: str, partial: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return a nested object with the defaults of its type, and whether the server would take it."""
        shape = self.pulled.schemas.get(full)
        if shape is None:
            return dict(partial), True
        if shape.type == "single":
            variant, own = "", shape.schema_name
        else:
            name = partial.get("@type", shape.variants[0].name if shape.variants else "")
            chosen = next((variant for variant in shape.variants if variant.name == name), None)
            variant, own = str(name), chosen.schema_name if chosen else ""
        fields = self.pulled.fields.get(own, Fields())
        filled: dict[str, Any] = {}
        whole = True
        for name, field in fields.properties.items():
            if field.update == "serverSet":
                continue
            given = partial.get(name, fields.defaults.get(name, UNSET))
            filled[name], fine = self._default(field.type, given)
            whole = whole and fine
        return ({**filled, "@type": variant} if variant else filled), whole


def _nested(fields: Fields) -> Iterator[Type]:
    for field in fields.properties.values():
        for field_type in (field.type, field.type.value_class):
            if field_type is not None and field_type.type in ("object", "objectList"):
                yield field_type


def _shared(shapes: list[dict[str, Property]]) -> dict[str, Property]:
    """Return the properties that every variant has alike."""
    first, *rest = shapes or [{}]
    return {name: prop for name, prop in first.items() if all(shape.get(name) == prop for shape in rest)}


def _optional(properties: Mapping[str, Property]) -> dict[str, Property]:
    return {name: replace(prop, required=False) for name, prop in properties.items()}


def _extended(mine: R, derived: Record) -> R:
    """Return what is known of a kind or a type, with the variants and properties that only the server knows."""
    every = {*mine.properties, *(name for variant in mine.variants.values() for name in variant.properties)}
    properties = {name: prop for name, prop in derived.properties.items() if name not in every}
    variants = dict(mine.variants)
    for name, variant in derived.variants.items() if mine.variants else ():
        known = set(mine.properties) | set(variants[name].properties) if name in variants else set(mine.properties)
        fresh = {key: prop for key, prop in variant.properties.items() if key not in known}
        old = variants.get(name, Variant(description=variant.description))
        variants[name] = replace(old, properties={**old.properties, **fresh})
    if not properties and variants == mine.variants:
        return mine
    # `replace` would take what was worked out of the old one along.
    changed = {**asdict(mine), "properties": {**mine.properties, **properties}, "variants": variants}
    return type(mine)(**changed)


def _plain(full: str) -> str:
    return full.removeprefix(PREFIX)


def _target(full: str) -> dict[str, str]:
    """Return the kind that a reference names, and the variant where it names a view of one: `x:Account/Group`."""
    kind, _, view = full.removeprefix(PREFIX).partition("/")
    return {"to": kind, "view": view}


def _text(given: Type) -> dict[str, Any]:
    if given.format in ("secret", "secretText"):
        return {"sensitive": True}
    limit = {"max_bytes": given.max_length} if given.max_length else {}
    return {"form": _FORMS.get(given.format, "trimmed"), **limit}


def _bounds(given: Type) -> dict[str, Any]:
    """Return the bounds of a number; one that is not said to be unsigned may be negative."""
    least = given.min if given.min is not None else None
    if least is None and given.format == "integer":
        least = _LEAST
    return {
        "min": None if least is None else int(least),
        "max": None if given.max is None else int(given.max),
    }


def _expression(value: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a published expression to wire form: `default` is what stands where no branch is taken."""
    branches = value.get("match", ())
    return {
        "match": {str(at): branch for at, branch in enumerate(branches)},
        "else": value.get("else", value.get("default", "")),
    }
