"""How a value gets into a property: the rule of each type, and the words of each refusal.

Law: pure. Nothing is altered in place: each function returns the new value. Order matters and is the server's: what
is wrong first is what is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from reconciler.sandbox import hostnames, ids
from reconciler.sandbox.shapes import Body, Mould, Slot, VariantShape

#: Rust's `parse::<u32>` takes a plus sign and leading zeros.
_INDEX = re.compile(r"\+?[0-9]+", re.ASCII)
_MAX_INDEX = 2**32 - 1
_MAX_NUMBER = 2**64 - 1


class InvalidPatch(Exception):
    """A value that cannot be applied; `path` is where, without a leading slash."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class Pointer(Struct, frozen=True):
    """A JSON pointer as the server reads it; a number token is an int, and None is a token that names nothing."""

    steps: tuple[str | int | None, ...]
    path: str


class Patcher:
    """Applies values to objects. `names` are all the property names that the server knows."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._rules: dict[str, Callable[[Slot, Any, Pointer, int, Any, bool], Any]] = {
            "string": _string,
            "boolean": _boolean,
            "integer": _whole,
            "size": _whole,
            "duration": _duration,
            "enum": _enum,
            "reference": _reference,
            "set": _set,
            "number": _fraction,
            "date": _date,
            "map": self._map,
            "list": self._list,
            "object": self._object,
        }

    def value(self, slot: Slot, current: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> Any:
        """Return what a property holds after `value` was applied at `pointer`, from its token `at` on.

        Raises:
            InvalidPatch: the value does not fit.
        """
        word = slot.word
        if word.write_only:
            return None
        if word.mutability != "mutable":
            if word.mutability == "server-set":
                raise InvalidPatch(pointer.path, "Cannot modify server set property")
            if not creating:
                raise InvalidPatch(pointer.path, "Cannot modify read-only property")
        if value is None and word.nullable:
            _end(pointer, at)
            return None
        return self._rules[word.type](slot, current, pointer, at, value, creating)

    def record(self, mould: Mould, current: Body, pointer: Pointer, at: int, value: Any, creating: bool) -> Body:
        """Return an object after a value was applied to it: merged, or replaced where its type has variants."""
        if not mould.variants:
            return self._members(mould.shapes[""], current, pointer, at, value, creating)
        if at == len(pointer.steps):
            variant = value.get("@type") if isinstance(value, dict) else None
            shape = mould.shapes.get(variant) if isinstance(variant, str) else None
            if shape is None:
                raise InvalidPatch(pointer.path, "Missing or invalid '@type' property in object")
            current = shape.default
        else:
            shape = mould.shape(current)
        if not shape.slots:
            _end(pointer, at)
            return current
        return self._members(shape, current, pointer, at, value, creating)

    def _members(
        self, shape: VariantShape, current: Body, pointer: Pointer, at: int, value: Any, creating: bool
    ) -> Body:
        if at < len(pointer.steps):
            name = pointer.steps[at]
            if name == "@type":
                return current
            slot = shape.slots.get(name) if isinstance(name, str) else None
            if slot is None:
                raise InvalidPatch(pointer.path, "Invalid property")
            changed = self.value(slot, current[slot.name], pointer, at + 1, value, creating)
            return {**current, slot.name: changed}
        if not isinstance(value, dict):
            raise InvalidPatch(pointer.path, "Invalid value type for object")
        body = dict(current)
        for name, member in value.items():
            if name == "@type":
                continue
            slot = shape.slots.get(name)
            if slot is None and name not in self._names:
                raise InvalidPatch(pointer.path, "Invalid key for object")
            try:
                if slot is None:
                    raise InvalidPatch(name, "Invalid property")
                body[name] = self.value(slot, body[name], Pointer((name,), name), 1, member, creating)
            except InvalidPatch as error:
                if pointer.steps:
                    error.path = f"{pointer.path}/{error.path}"
                raise
        return body

    def _object(self, slot: Slot, current: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> Any:
        inner = slot.inner
        return self.record(inner, inner.default if current is None else current, pointer, at, value, creating)

    def _map(self, slot: Slot, current: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> Any:
        if at < len(pointer.steps):
            key = _member(slot, _key(pointer, at))
            if key is not None:
                if value is None and at + 1 == len(pointer.steps):
                    return {name: member for name, member in current.items() if name != key}
                return {**current, key: self._entry(slot, current.get(key), pointer, at + 1, value, creating)}
        elif isinstance(value, dict):
            entries = {}
            for name, member in value.items():
                key = _member(slot, name)
                if key is None:
                    raise InvalidPatch(pointer.path, "Invalid key for object property")
                entries[key] = self._entry(slot, None, pointer, at, member, creating)
            return entries
        raise InvalidPatch(pointer.path, "Invalid value for object property")

    def _entry(self, slot: Slot, current: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> Any:
        if slot.mould is not None:
            return self._object(slot, current, pointer, at, value, creating)
        if slot.word.member == "integer":
            return _whole(slot, None, pointer, at, value, creating)
        text = _text(slot, pointer, value)
        _end(pointer, at)
        return text

    def _list(self, slot: Slot, current: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> Any:
        mould = slot.inner
        if at < len(pointer.steps):
            token = pointer.steps[at]
            index = token & _MAX_INDEX if isinstance(token, int) else _index(token or "")
            if index is not None:
                key = str(index)
                if value is not None or at + 1 < len(pointer.steps):
                    element = current.get(key, mould.default)
                    element = self.record(mould, element, pointer, at + 1, value, creating)
                    return _ordered({**current, key: element})
                if key in current:
                    return {name: element for name, element in current.items() if name != key}
        elif isinstance(value, dict):
            elements = {}
            for name, member in value.items():
                index = _index(name)
                if index is None:
                    raise InvalidPatch(pointer.path, "Invalid key for object property")
                elements[str(index)] = self.record(mould, mould.default, pointer, at, member, creating)
            return _ordered(elements)
        raise InvalidPatch(pointer.path, "Invalid value for object property")


def _end(pointer: Pointer, at: int) -> None:
    if at < len(pointer.steps):
        raise InvalidPatch(pointer.path, "Invalid JSON Pointer path")


def _index(token: str) -> int | None:
    if not _INDEX.fullmatch(token) or len(token) > 32:
        return None
    index = int(token)
    return index if index <= _MAX_INDEX else None


def _ordered(elements: Body) -> Body:
    return dict(sorted(elements.items(), key=lambda pair: int(pair[0])))


#: What the server makes of a text, by the word of the catalogue, and what it says where it makes nothing of it.
_FORMS: dict[str, tuple[Callable[[str], str | None], str]] = {
    "text": (str, ""),
    "trimmed": (lambda value: value.strip(hostnames.WHITESPACE), ""),
    "local": (lambda value: value.strip(hostnames.WHITESPACE).lower(), ""),
    "upper": (lambda value: "".join(char for char in value if char not in hostnames.WHITESPACE).upper(), ""),
    "lower": (lambda value: "".join(char for char in value if char not in hostnames.WHITESPACE).lower(), ""),
    "hostname": (hostnames.hostname, "Invalid hostname or IP address"),
    "domain": (hostnames.domain, "Invalid domain name"),
    "ip": (hostnames.address, "Failed to parse IpAddr from string"),
    "network": (hostnames.network, "Failed to parse IpAddrOrMask from string"),
    "socket": (hostnames.socket, "Failed to parse SocketAddr from string"),
}
_PARSED = {"ip": "IpAddr", "network": "IpAddrOrMask", "socket": "SocketAddr"}


def _text(slot: Slot, pointer: Pointer, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidPatch(pointer.path, "Invalid value for property.")
    normal, complaint = _FORMS[slot.word.form]
    text = normal(value)
    if text is None:
        raise InvalidPatch(pointer.path, complaint)
    if not text:
        raise InvalidPatch(pointer.path, "String cannot be empty")
    return text


def _string(slot: Slot, _: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> str:
    parsed = _PARSED.get(slot.word.form)
    if parsed and (not isinstance(value, str) or at < len(pointer.steps)):
        raise InvalidPatch(pointer.path, f"Invalid path for {parsed}, expected a string value")
    if parsed and not value:
        raise InvalidPatch(pointer.path, f"Failed to parse {parsed} from string")
    text = _text(slot, pointer, value)
    _end(pointer, at)
    return text


def _boolean(_: Slot, __: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> bool:
    if not isinstance(value, bool):
        raise InvalidPatch(pointer.path, "Invalid value for boolean property (expected true or false)")
    _end(pointer, at)
    return value


def _is_whole(value: Any, least: int = 0, most: int = _MAX_NUMBER) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _whole(slot: Slot, _: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> int:
    if slot.word.min is not None and slot.word.min < 0:
        if not _is_whole(value, -(2**63), 2**63 - 1):
            raise InvalidPatch(pointer.path, "Invalid value for signed integer property (expected integer)")
    elif not _is_whole(value):
        wanted = "(expected non-negative integer)"
        raise InvalidPatch(pointer.path, f"Invalid value for unsigned integer property {wanted}")
    _end(pointer, at)
    return int(value)


def _fraction(_: Slot, __: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise InvalidPatch(pointer.path, "Invalid value for float property (expected number)")
    _end(pointer, at)
    return float(value)


def _date(_: Slot, __: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> str:
    if not isinstance(value, str) or at < len(pointer.steps):
        raise InvalidPatch(pointer.path, "Invalid path for UTCDateTime, expected a string value")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or "T" not in value:
            raise ValueError(value)
        moment = moment.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    except (ValueError, OverflowError):
        raise InvalidPatch(pointer.path, "Failed to parse UTCDateTime from string") from None
    return f"{moment.isoformat()}Z"


def _duration(_: Slot, __: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> int:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or at < len(pointer.steps):
        raise InvalidPatch(pointer.path, "Invalid path for Duration")
    if not _is_whole(value) or not value:
        raise InvalidPatch(pointer.path, "Invalid duration value")
    return int(value)


def _enum(slot: Slot, current: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> str:
    if not isinstance(value, str) or value not in slot.word.values:
        old = current or slot.word.values[0]
        inside = old[:1].upper() + old[1:]
        raise InvalidPatch(pointer.path, f"Invalid value {_debug(value)} for enum type {inside}.")
    _end(pointer, at)
    return value


def _reference(_: Slot, __: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> str:
    if not isinstance(value, str) or at < len(pointer.steps):
        raise InvalidPatch(pointer.path, "Invalid path for Id, expected a string value")
    canonical = ids.canonical(value)
    if canonical is None:
        raise InvalidPatch(pointer.path, "Failed to parse Id from string")
    return canonical


def _set(slot: Slot, current: Any, pointer: Pointer, at: int, value: Any, creating: bool) -> Body:
    if at < len(pointer.steps):
        member = _member(slot, _key(pointer, at))
        if member is not None and at + 1 == len(pointer.steps):
            if value is True:
                return {**current, member: True}
            if value is None or value is False:
                return {name: True for name in current if name != member}
    elif isinstance(value, dict):
        members = {}
        for name, wanted in value.items():
            member = _member(slot, name)
            if member is None or not (wanted is None or isinstance(wanted, bool)):
                raise InvalidPatch(pointer.path, "Invalid key for object property")
            if wanted:
                members[member] = True
        return members
    raise InvalidPatch(pointer.path, "Invalid value for object property")


def _key(pointer: Pointer, at: int) -> str:
    token = pointer.steps[at]
    return "" if token is None else str(token)


def _member(slot: Slot, name: str) -> str | None:
    """Return a member of a set, or a key of a map, as it is stored; None where it is none."""
    word = slot.word
    if word.values:
        return name if name in word.values else None
    if word.to:
        return ids.canonical(name)
    form = word.form if word.type == "set" and word.form != "text" else "trimmed"
    return _FORMS[form][0](name) or None


def _debug(value: Any) -> str:
    """Print a value as the server does in a refusal."""
    match value:
        case None:
            return "Null"
        case bool():
            return f"Bool({str(value).lower()})"
        case str():
            return 'Str("' + value.replace("\\", "\\\\").replace('"', '\\"') + '")'
        case int() | float():
            return f"Number({value})"
        case _:
            return "Array" if isinstance(value, list) else "Object"
