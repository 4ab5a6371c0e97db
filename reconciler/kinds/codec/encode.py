"""From the human form of manifests to the wire form of the server.

Law: pure; every spec that the kind's schema accepts is either encoded or answered with mistakes, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record
from reconciler.kinds.codec.contexts import check_expression, context_of
from reconciler.kinds.codec.scalars import (
    Encode,
    Mistake,
    Wrong,
    composed,
    expression_text,
    fraction_encoder,
    moment,
    number_encoder,
    plain_text,
    quoted,
    refusal,
    sensitive,
    string_encoder,
)
from reconciler.values import Address, Wire, shown

if TYPE_CHECKING:
    from reconciler.expression import Context

#: What could be meant as the name of an object. The language reads `-` as minus, and only space, CR and LF as blanks.
_WORD = r"[ \r\n]*([A-Za-z_][A-Za-z0-9_.-]*)[ \r\n]*\Z"
#: An id of the server: letters and digits of its own base 32 (0.16.19).
_ID = r"id:([a-z0-9]+)\Z"


def with_else(kind: Kind, spec: Any, unmanaged: Iterable[str]) -> Any:
    """Return a spec in which an `else` that is left alone stands at its default, so that its branches can be judged."""
    for pointer in unmanaged:
        name, _, part = pointer.partition("/")
        prop = kind.legible(None).get(name)
        given = spec.get(name) if isinstance(spec, dict) else None
        if part == "else" and prop is not None and isinstance(prop.default, dict) and isinstance(given, dict):
            spec = {**spec, name: given if "use" in given else {"else": prop.default.get("else"), **given}}
    return spec


class Codec:
    """The codec of one catalogue. Encoders are compiled once per kind."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._kinds: dict[str, Callable[[dict[str, Any]], Wire]] = {}

    def encode(self, kind: Kind, spec: dict[str, Any]) -> tuple[Wire, tuple[Mistake, ...]]:
        """Turn a spec that the kind's schema accepts into wire form.

        A named object gets every default; of a singleton only what the spec holds is there.
        """
        encoder = self._kinds.get(kind.kind)
        if encoder is None:
            encoder = self._kinds[kind.kind] = self._record(kind, fill=not kind.singleton)
        try:
            return encoder(spec), ()
        except Wrong as error:
            return {}, error.mistakes

    def context(self, prop: Property) -> Context:
        """Return what the expressions of a property may name."""
        return context_of(self.catalogue, prop)

    def _record(self, record: Record, *, fill: bool = True) -> Callable[[dict[str, Any]], Wire]:
        """Compile the encoder of an object: known keys in the server's order, defaults where `fill` says so."""
        names = record.unique if isinstance(record, Kind) else ()
        variants = {name: self._fields(record.shape(name), names) for name in record.variants or ("",)}
        has_variants = bool(record.variants)

        def encode(value: dict[str, Any]) -> Wire:
            variant = (value.get("type") or value.get("@type")) if has_variants else ""
            wire: Wire = {}
            mistakes: list[Mistake] = []
            for name, encoder, default in variants[variant or ""]:
                given = value.get(name, UNSET)
                if given is not UNSET:
                    if encoder is _same:
                        wire[name] = given
                        continue
                    try:
                        wire[name] = encoder(given)
                    except Wrong as error:
                        mistakes += error.below(name)
                elif fill and default is not UNSET:
                    wire[name] = default
            if mistakes:
                raise Wrong(*mistakes)
            if has_variants:
                wire["@type"] = variant
            return wire

        return encode

    def _fields(self, shape: dict[str, Property], names: Collection[str]) -> list[tuple[str, Encode, Any]]:
        fields = []
        for name, prop in shape.items():
            if prop.mutability == "server-set":
                continue
            encoder = composed(self._property(prop)) if name in names else self._property(prop)
            fields.append((name, _nullable(encoder) if prop.nullable else encoder, prop.default))
        return fields

    def _property(self, prop: Property) -> Encode:
        match prop.type:
            case "boolean" | "enum":
                return _same
            case "integer" | "duration" | "size":
                return number_encoder(prop)
            case "number":
                return fraction_encoder(prop)
            case "date":
                return moment
            case "string":
                return sensitive if prop.sensitive else string_encoder(prop)
            case "reference":
                return self._reference(prop)
            case "set":
                return _set(self._member(prop), prop.min_items)
            case "map":
                return _map(self._member(prop), self._value(prop))
            case "list":
                return _list(self._object(prop))
            case "object":
                return self._expression(prop) if prop.language else self._object(prop)

    def _member(self, prop: Property) -> Encode:
        """Compile the encoder of a set's members, or of a map's keys."""
        if prop.to:
            return self._reference(prop)
        return _same if prop.values else string_encoder(prop)

    def _value(self, prop: Property) -> Encode:
        """Compile the encoder of a map's values."""
        if prop.of:
            return self._object(prop)
        return (
            number_encoder(Property(type="integer"))
            if prop.member == "integer"
            else plain_text
            if prop.values
            else string_encoder(prop)
        )

    def _object(self, prop: Property) -> Encode:
        record = self.catalogue.types[prop.of]
        encoder = self._record(record)
        if not record.short:
            return encoder
        short = record.short

        def encode(value: Any) -> Wire:
            if isinstance(value, dict):
                return encoder(value)
            try:
                return encoder({short: value})
            except Wrong as error:
                # Nobody wrote the property's name, so the mistake is the scalar's.
                raise Wrong(*(Mistake(m.path[1:], m.code, m.message, m.hint) for m in error.mistakes)) from None

        return encode

    def _reference(self, prop: Property) -> Encode:
        """Compile the encoder of a reference: `id:` and an id, or a name in the form that its own kind stores."""
        kind = prop.to
        target = self.catalogue.kinds.get(kind)
        named = target.properties.get(target.match[0]) if target and len(target.match) == 1 else None
        name = composed(string_encoder(named) if named else plain_text)

        def encode(value: Any) -> Address:
            if not value.startswith("id:"):
                return Address(kind, name(value))
            raw = re.match(_ID, value)
            if not raw:
                message = f"{shown(value)} is no id of the server"
                raise refusal("id", message, "an id is id: and then small letters and digits; else write the name")
            return Address(kind, id=raw[1])

        return encode

    def _expression(self, prop: Property) -> Encode:
        """Compile the encoder of an expression, with `use:` where its results are names."""
        named = bool(prop.language and prop.language.names)
        context = self.context(prop)

        def text(value: Any, key: str) -> str:
            plain = expression_text(value)
            word = re.match(_WORD, plain) if named and key != "if" else None
            if word and not _computes(plain, word[1], context):
                message = f"the bare word {word[1]} names no variable here, so that no object would be found"
                from reconciler.yamlio import scalar

                hint = f"write use: {scalar(word[1])}"
                if word[1] == "false":
                    hint = "write use: and a name; where older versions had false for delivery by MX, write use: mx"
                raise refusal("bare-word", message, hint)
            return plain

        def result(value: Mapping[str, Any], key: str, mistakes: list[Mistake]) -> str:
            """Encode what a branch gives; a mistake is kept, since the others are to be told too."""
            written = "use" if "use" in value else key
            try:
                return quoted(value["use"]) if written == "use" else text(value[key], key)
            except Wrong as error:
                mistakes += error.below(written)
                return ""

        def branch(value: dict[str, Any]) -> dict[str, str]:
            mistakes: list[Mistake] = []
            encoded = {"if": result({"if": value["if"]}, "if", mistakes), "then": result(value, "then", mistakes)}
            if mistakes:
                raise Wrong(*mistakes)
            return encoded

        branches = _list(branch)

        def encode(value: Any) -> Wire:
            if not isinstance(value, dict):
                return {"match": {}, "else": text(value, "else")}
            mistakes: list[Mistake] = []
            match: Wire = {}
            try:
                match = branches(value["match"]) if "match" in value else {}
            except Wrong as error:
                mistakes += error.below("match")
            other = result(value, "else", mistakes)
            if mistakes:
                raise Wrong(*mistakes)
            return {"match": match, "else": other}

        return encode


def _computes(text: str, word: str, context: Context) -> bool:
    """Whether the server reads a text that looks like a name as something that depends on the message."""
    constant = word in context.constants or word in ("true", "false")
    return word in context.variables or (not constant and check_expression(text, context) is None)


def _same(value: Any) -> Any:
    return value


def _nullable(encoder: Encode) -> Encode:
    return lambda value: None if value is None else encoder(value)


def _set(member: Encode, least: int) -> Encode:
    def encode(value: Any) -> dict[Any, bool]:
        wire: dict[Any, bool] = {}
        mistakes: list[Mistake] = []
        for index, element in enumerate(value):
            path = element if isinstance(value, dict) else str(index)
            try:
                encoded = member(element)
            except Wrong as error:
                mistakes += error.below(path)
                continue
            if encoded in wire:
                mistakes.append(_repeated(path, encoded))
            wire[encoded] = True
        if mistakes:
            raise Wrong(*mistakes)
        if len(wire) < least:
            raise refusal("length", f"it needs at least {least} member{'s' * (least != 1)}")
        return wire

    return encode


def _repeated(path: str, encoded: Any) -> Mistake:
    name = encoded.name if isinstance(encoded, Address) else encoded
    message = f"{shown(name)} stands here twice, once brought to the server's form"
    return Mistake((path,), "repeat", message, "keep one of them")


def _map(member: Encode, element: Encode) -> Encode:
    def encode(value: Any) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        mistakes: list[Mistake] = []
        for key, inner in value.items():
            try:
                name = member(key)
                if name in wire:
                    mistakes.append(_repeated(key, name))
                wire[name] = element(inner)
            except Wrong as error:
                mistakes += error.below(key)
        if mistakes:
            raise Wrong(*mistakes)
        return wire

    return encode


def _list(element: Encode) -> Encode:
    def encode(value: Any) -> dict[str, Any]:
        pairs = _ordered(value) if isinstance(value, dict) else [(str(index), held) for index, held in enumerate(value)]
        wire: dict[str, Any] = {}
        mistakes: list[Mistake] = []
        for index, (key, pair) in enumerate(pairs):
            try:
                wire[str(index)] = element(pair)
            except Wrong as error:
                mistakes += error.below(key)
        if mistakes:
            raise Wrong(*mistakes)
        return wire

    return encode


def _ordered(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the elements of a list that is written as an object, by the numbers that their keys are."""
    places: dict[int, str] = {}
    for key in value:
        first = places.setdefault(int(key), key)
        if first != key:
            raise refusal("repeat", f"{first} and {key} are the same place in the list", "keep one of them", (key,))
    return [(places[place], value[places[place]]) for place in sorted(places)]
