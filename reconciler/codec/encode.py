"""From the human form of manifests to the wire form of the server.

Law: pure; every spec that the kind's schema accepts is either encoded or answered with mistakes, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET, Struct

from reconciler.catalogue import Catalogue, Kind, Property, Record
from reconciler.codec.contexts import context_of
from reconciler.expression import Context
from reconciler.model import MASK, Address, Sensitive, Wire
from reconciler.units import MAX_INTEGER, canonical_host, canonical_ip, literal, parse_duration, parse_size

_REFERENCE = re.compile(r"\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:[^{}\x00-\x1f]+)\}\Z")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
#: An id of the server: base32 of its own alphabet (0.16.19).
_ID = re.compile(r"id:([a-z0-9]+|singleton)\Z")

Encode = Callable[[Any], Any]


class Mistake(Struct, frozen=True):
    """What is wrong in a spec: the path in human form, a code, a sentence, and what to do."""

    path: tuple[str, ...]
    code: str
    message: str
    hint: str = ""


class _Wrong(Exception):
    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = mistakes


def _wrong(code: str, message: str, hint: str = "", path: tuple[str, ...] = ()) -> _Wrong:
    return _Wrong(Mistake(path, code, message, hint))


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
        except _Wrong as wrong:
            return {}, wrong.mistakes

    def context(self, prop: Property) -> Context:
        """Return what the expressions of a property may name."""
        return context_of(self.catalogue, prop)

    def _record(self, record: Record, *, fill: bool = True) -> Callable[[dict[str, Any]], Wire]:
        """Compile the encoder of an object: known keys in the server's order, defaults where `fill` says so."""
        variants = {name: self._fields(record.shape(name)) for name in record.variants or ("",)}
        has_variants = bool(record.variants)

        def encode(value: dict[str, Any]) -> Wire:
            variant = (value.get("type") or value.get("@type")) if has_variants else ""
            wire: Wire = {}
            mistakes: list[Mistake] = []
            for name, encoder, default in variants[variant or ""]:
                given = value.get(name, UNSET)
                if given is not UNSET:
                    try:
                        wire[name] = encoder(given)
                    except _Wrong as wrong:
                        mistakes += [Mistake((name, *m.path), m.code, m.message, m.hint) for m in wrong.mistakes]
                elif fill and default is not UNSET:
                    wire[name] = default
            if mistakes:
                raise _Wrong(*mistakes)
            if has_variants:
                wire["@type"] = variant
            return wire

        return encode

    def _fields(self, shape: dict[str, Property]) -> list[tuple[str, Encode, Any]]:
        fields = []
        for name, prop in shape.items():
            encoder = self._property(prop)
            fields.append((name, _nullable(encoder) if prop.nullable else encoder, prop.default))
        return fields

    def _property(self, prop: Property) -> Encode:
        match prop.type:
            case "boolean" | "enum":
                return _same
            case "integer":
                return _integer
            case "duration":
                return _duration
            case "size":
                return _size
            case "string":
                return _sensitive if prop.sensitive else _string(prop)
            case "reference":
                return _reference(prop.to)
            case "set":
                return _set(_string(prop) if not prop.values else _same, prop.min_items)
            case "map":
                return _map(_string(prop))
            case "list":
                return _list(self._object(prop))
            case "object":
                return self._expression(prop) if prop.language else self._object(prop)

    def _object(self, prop: Property) -> Encode:
        record = self.catalogue.record(prop.of)
        encoder = self._record(record)
        if not record.short:
            return encoder
        short = record.short
        return lambda value: encoder(value if isinstance(value, dict) else {short: value})

    def _expression(self, prop: Property) -> Encode:
        """Compile the encoder of an expression, with `use:` where its results are names."""
        named = bool(prop.language and prop.language.names)
        context = self.context(prop)

        def text(value: Any, key: str) -> str:
            plain = _expression_text(value)
            if named and key in ("then", "else") and _WORD.match(plain) and plain not in context.variables:
                raise _wrong(
                    "bare-word",
                    f"the bare word {plain} names no variable here, so that no object would be found",
                    f"write use: {plain}",
                    (key,),
                )
            return plain

        def result(value: Mapping[str, Any], key: str) -> str:
            if "use" not in value:
                return text(value[key], key)
            try:
                return literal(value["use"])
            except ValueError as error:
                raise _wrong("name", f"{value['use']!r} cannot be written as a name: {error}", path=("use",)) from None

        def branch(value: dict[str, Any]) -> dict[str, str]:
            return {"if": text(value["if"], "if"), "then": result(value, "then")}

        branches = _list(branch)

        def encode(value: Any) -> Wire:
            if not isinstance(value, dict):
                try:
                    return {"match": {}, "else": text(value, "else")}
                except _Wrong as wrong:
                    raise _Wrong(*(Mistake((), m.code, m.message, m.hint) for m in wrong.mistakes)) from None
            try:
                match = branches(value["match"]) if "match" in value else {}
            except _Wrong as wrong:
                inner = [Mistake(("match", *m.path), m.code, m.message, m.hint) for m in wrong.mistakes]
                raise _Wrong(*inner) from None
            return {"match": match, "else": result(value, "else")}

        return encode


def _same(value: Any) -> Any:
    return value


def _nullable(encoder: Encode) -> Encode:
    return lambda value: None if value is None else encoder(value)


def _bounded(value: int) -> int:
    if value > MAX_INTEGER:
        raise _wrong("range", f"{value} is over {MAX_INTEGER}")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int:
        # JSON Schema counts 25.0 among the integers; the server does not.
        raise _wrong("type", f"{value!r} is no whole number")
    return _bounded(value)


def _duration(value: Any) -> int:
    milliseconds = parse_duration(value) if isinstance(value, str) else _integer(value)
    if milliseconds < 1:
        raise _wrong("range", f"{value!r} is no time at all", "the shortest is 1ms")
    return _bounded(milliseconds)


def _size(value: Any) -> int:
    return _bounded(parse_size(value)) if isinstance(value, str) else _integer(value)


def _string(prop: Property) -> Encode:
    def encode(value: Any) -> str:
        text: str = value
        if prop.form == "trimmed":
            text = value.strip()
        elif prop.form == "hostname":
            try:
                text = canonical_host(value)
            except ValueError as error:
                raise _wrong("hostname", f"{value!r} is no host name that the server takes: {error}") from None
        elif prop.form == "ip":
            try:
                text = canonical_ip(value)
            except ValueError:
                raise _wrong("ip", f"{value!r} is no IPv4 or IPv6 address") from None
            if text == "0.0.0.0":  # noqa: S104 - compared, not bound
                raise _wrong("ip", "0.0.0.0 is refused by the server", "name the address to send from")
        if not text:
            raise _wrong("empty", "it is empty", "the server takes no empty text; leave the field out")
        if prop.max_bytes and len(text.encode()) > prop.max_bytes:
            raise _wrong("length", f"{text!r} is longer than {prop.max_bytes} bytes")
        return text

    if prop.form == "text" and not prop.max_bytes:
        return _same
    return encode


def _sensitive(value: Any) -> Sensitive:
    if value == MASK:
        raise _wrong("mask", f"{MASK} is what the server shows in place of a secret", "write ${env:NAME}")
    if type(value) is str and value.startswith("${"):
        if _REFERENCE.match(value):
            return Sensitive(reference=value)
        raise _wrong("secret", "it is no ${env:NAME} or ${file:PATH}", "$${ stands for a literal ${")
    # A subclass of str is a text that was freed of `$${`, and so is meant as it stands.
    return Sensitive(plain=str(value))


def _reference(kind: str) -> Encode:
    def encode(value: Any) -> Address:
        raw = _ID.match(value)
        return Address(kind, id=raw[1]) if raw else Address(kind, value)

    return encode


def _set(member: Encode, least: int) -> Encode:
    def encode(value: Any) -> dict[str, bool]:
        wire: dict[str, bool] = {}
        mistakes: list[Mistake] = []
        for index, element in enumerate(value):
            path = (element,) if isinstance(value, dict) else (str(index),)
            try:
                encoded = member(element)
            except _Wrong as wrong:
                mistakes += [Mistake((*path, *m.path), m.code, m.message, m.hint) for m in wrong.mistakes]
                continue
            if encoded in wire:
                mistakes.append(Mistake(path, "repeat", f"{encoded!r} stands here twice, once brought to one form"))
            wire[encoded] = True
        if mistakes:
            raise _Wrong(*mistakes)
        if len(wire) < least:
            raise _wrong("length", f"it needs at least {least} member{'s' * (least != 1)}")
        return wire

    return encode


def _map(member: Encode) -> Encode:
    def encode(value: Any) -> dict[str, str]:
        return {member(key): member(text) for key, text in value.items()}

    return encode


def _list(element: Encode) -> Encode:
    def encode(value: Any) -> dict[str, Any]:
        ordered = sorted(value.items(), key=lambda pair: int(pair[0])) if isinstance(value, dict) else None
        pairs = ordered if ordered is not None else [(str(index), each) for index, each in enumerate(value)]
        wire: dict[str, Any] = {}
        mistakes: list[Mistake] = []
        for index, (key, each) in enumerate(pairs):
            try:
                wire[str(index)] = element(each)
            except _Wrong as wrong:
                mistakes += [Mistake((key, *m.path), m.code, m.message, m.hint) for m in wrong.mistakes]
        if mistakes:
            raise _Wrong(*mistakes)
        return wire

    return encode


def _expression_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
