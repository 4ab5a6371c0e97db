"""The one place where an answer is checked: its envelope, the result of each method, and what tells objects apart.

Law: what passes has the shapes that RFC 8620 names, and is nested no deeper and counts no further than settings do, so
that nothing behind has to doubt it. All else is no answer. Refusals of single objects are the exception: one of any
shape is a refusal, and told as well as may be. A plain value of an odd type is a difference, not a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, defstruct, field

from reconciler.kinds import Catalogue, Kind, Property, Record

#: How deep an answer may be nested. Settings of Stalwart 0.16.19 are at most nine deep, with their envelope.
MAX_DEPTH = 64
#: The largest number that a server can mean; larger ones could not be written anywhere again.
MAX_INTEGER = 2**64 - 1
#: As many digits as the largest number that is certainly none too large does not have, and every digit as the first.
_LONG_NUMBER = b"0" * 19
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Envelope(Struct, rename="camel"):
    """A response object (RFC 8620 section 3.4): name, arguments and call id of each method response."""

    method_responses: list[tuple[str, dict[str, Any], str]]
    session_state: str = ""


class SessionResource(Struct, rename="camel"):
    """A session resource (RFC 8620 section 2), as far as it is read here."""

    capabilities: dict[str, dict[str, Any]]
    username: str = ""
    primary_accounts: dict[str, str] = {}


class _Error(Struct):
    """A method-level error (RFC 8620 section 3.6.2)."""

    type: str
    description: str | None = None


class _Got(Struct, rename="camel", kw_only=True):
    """The result of /get (RFC 8620 section 5.1)."""

    objects: list[dict[str, Any]] = field(name="list")
    not_found: list[str] | None = None


class _Queried(Struct):
    """The result of /query (RFC 8620 section 5.5)."""

    ids: list[str]
    #: Where it was asked for.
    total: int | None = None


class _Set(Struct, rename="camel"):
    """The result of /set (RFC 8620 section 5.3)."""

    created: dict[str, Any] | None = None
    updated: dict[str, Any] | None = None
    destroyed: list[str] | None = None
    not_created: dict[str, Any] | None = None
    not_updated: dict[str, Any] | None = None
    not_destroyed: dict[str, Any] | None = None


#: How the values of properties by which objects are told apart are written.
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("string", "enum", "date", "reference"), str),
    **dict.fromkeys(("integer", "duration", "size"), int),
    "boolean": bool,
}
_PLAIN = str | int | float | bool | None
_RESULTS: dict[str, type[Struct]] = {"get": _Got, "query": _Queried, "set": _Set}


def decode(content: bytes) -> Any:
    """Decode the JSON of an answer.

    Raises:
        ValueError: it is none, is nested too deep, or holds a number that no server means.
    """
    try:
        document = msgspec.json.decode(content)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    # Looking at every value takes longer than decoding them all, and is hardly ever needed.
    if _LONG_NUMBER in content.translate(_DIGITS_ALIKE) or not _is_shallow(content):
        _check(document)
    return document


def check_result(name: str, arguments: Mapping[str, Any]) -> None:
    """Check the result of a method call, or a method-level error, which is named `error`.

    Raises:
        ValueError: it has another shape than the method's results have.
    """
    shape = _Error if name == "error" else _RESULTS.get(name.rpartition("/")[2])
    if shape is not None:
        msgspec.convert(arguments, shape)


def _is_shallow(content: bytes) -> bool:
    """Whether a text is certainly nested no deeper than answers may be; brackets within strings make it uncertain."""
    brackets = content.translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _check(document: Any) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, int) and abs(value) > MAX_INTEGER:
                raise ValueError("it holds a number that is too large")
        level = inner
    if level:
        raise ValueError("it is nested too deep")


class Shapes:
    """Structs of the objects of each kind, made when they are first needed."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._structs: dict[int, Any] = {}

    def check(self, kind: Kind, objects: list[dict[str, Any]]) -> None:
        """Check that objects have what tells them apart, and objects and plain values where the catalogue has them.

        A plain value of another type is a difference, as is anything in an expression: it is compared and told.

        Raises:
            ValueError: one has not.
        """
        msgspec.convert(objects, list[self._struct(kind)])  # type: ignore[misc]

    def _struct(self, record: Record) -> Any:
        """Return the struct of a kind or a nested type, with the properties of all variants."""
        if id(record) not in self._structs:
            # A type may hold itself: there, any object passes.
            self._structs[id(record)] = dict[str, Any]
            types: dict[str, Any] = {"@type": str | None}
            for shape in [record.shape(variant) for variant in record.variants] or [record.properties]:
                for name, prop in shape.items():
                    type_ = self._type(prop)
                    types[name] = type_ if types.get(name, type_) == type_ else Any
            needed = _telling(record) if isinstance(record, Kind) else {}
            fields: list[Any] = [(f"n{number}", needed[name], field(name=name)) for number, name in enumerate(needed)]
            fields += [
                (f"p{number}", types[name], field(name=name, default=None))
                for number, name in enumerate(types)
                if name not in needed
            ]
            self._structs[id(record)] = defstruct("Object", fields)
        return self._structs[id(record)]

    def _type(self, prop: Property) -> Any:
        """Return the type of a property's values in wire form, as far as it is checked."""
        if prop.language is not None:
            return Any
        nested = self._struct(self._catalogue.types[prop.of]) if prop.of in self._catalogue.types else None
        match prop.type:
            case "list" | "map" if nested is not None:
                return dict[str, nested] | None  # type: ignore[valid-type]
            case "object" if nested is not None:
                return nested | None
            case "list" | "map" | "object" | "set":
                return dict[str, Any] | None
        return _PLAIN


def _telling(kind: Kind) -> dict[str, Any]:
    """Return the types of what tells an object from others, and what every one has."""
    first, *rest = [kind.shape(variant) for variant in kind.variants] or [kind.properties]
    alike = [name for name in kind.match if name in first and all(name in shape for shape in rest)]
    names = [
        name for name in alike if all(shape[name].required and not shape[name].nullable for shape in (first, *rest))
    ]
    return {"id": str, **{name: _TYPES.get(first[name].type, Any) for name in names}}
