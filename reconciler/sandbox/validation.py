"""What is checked when all patches have been applied: expressions, required values, bounds, and the object's size.

Law: pure. Expressions come first and only the first bad property is told; of the rest everything is told at once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import UNSET

from reconciler.expression import Context, ExpressionError, parse
from reconciler.kinds import Catalogue, Language
from reconciler.sandbox import ids
from reconciler.sandbox.shapes import Body, Mould, Slot

#: Bytes that one object may take in the store, compressed.
MAX_OBJECT_SIZE = 200_000


class Expressions:
    """Compiles the expressions of an object, each in the context of its property."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._variables = {name: frozenset(names) for name, names in catalogue.variables.items()}
        self._constants = frozenset(catalogue.constants)

    def complaint(self, mould: Mould, body: Body) -> tuple[str, str] | None:
        """Return the first property with an expression that does not compile, and why."""
        for slot in mould.shape(body).expressions:
            message = self._property(slot, body[slot.name])
            if message is not None:
                return slot.name, message
        return None

    def _property(self, slot: Slot, value: Body) -> str | None:
        language = slot.word.language
        return None if language is None else self._expression(self._context(language), value)

    def _context(self, language: Language) -> Context:
        # No constants named means that every constant the server knows is allowed.
        constants = frozenset(language.constants) or self._constants
        return Context(self._variables.get(language.variables, frozenset()), constants, language.open)

    @staticmethod
    def _expression(context: Context, value: Body) -> str | None:
        branches = list(value["match"].values())
        if not value["else"]:
            return "Missing 'else' block in 'if' expression" if branches else None
        if any(not branch["if"] or not branch["then"] for branch in branches):
            return "All 'if' and 'then' blocks must be non-empty"
        inner = _complaint(value["else"], context)
        if inner is not None:
            return f"Error parsing 'else' expression: {inner}"
        for number, branch in enumerate(branches, 1):
            for part in ("if", "then"):
                inner = _complaint(branch[part], context)
                if inner is not None:
                    return f"Error parsing '{part}' expression in condition #{number}: {inner}"
        return None


@lru_cache(maxsize=4096)
def _complaint(text: str, context: Context) -> str | None:
    try:
        parse(text, context)
    except ExpressionError as error:
        return error.message or "the expression does not compile"
    return None


def problems(mould: Mould, body: Body) -> Iterator[dict[str, Any]]:
    """Yield every validation error of a complete object, in the server's order."""
    for slot in mould.shape(body).slots.values():
        value = body[slot.name]
        if value is None or slot.word.mutability == "server-set":
            continue
        # An expression that compiled needs no more; an unset one is allowed to be empty where the server has it so.
        if slot.word.language is None:
            yield from _slot(slot, value)
        elif slot.word.required and not value["else"]:
            yield {"type": "Required", "property": slot.name}


def _slot(slot: Slot, value: Any) -> Iterator[dict[str, Any]]:
    word = slot.word
    match word.type:
        case "string":
            yield from _string(slot, value)
        case "integer" | "size" | "duration" | "number":
            yield from _number(slot, value)
        case "reference":
            if value == _UNSET:
                yield {"type": "Required", "property": slot.name}
        case "object" | "list" | "set" | "map":
            for mould, inner in slot.within(value):
                yield from problems(mould, inner)
            if len(value) < word.min_items:
                yield {"type": "MinLength", "property": slot.name, "required": word.min_items}


def _string(slot: Slot, value: str) -> Iterator[dict[str, Any]]:
    word = slot.word
    if not value:
        yield {"type": "Required", "property": slot.name}
    elif word.form in ("ip", "network") and word.default is UNSET and value == slot.default:
        yield {"type": "Invalid", "property": slot.name, "value": value}
    elif word.max_bytes is not None and len(value.encode()) > word.max_bytes:
        yield {"type": "MaxLength", "property": slot.name, "required": word.max_bytes}


def _number(slot: Slot, value: float) -> Iterator[dict[str, Any]]:
    word = slot.word
    if word.type == "duration" and not value:
        yield {"type": "Invalid", "property": slot.name, "value": "0"}
    if word.max is not None and value > word.max:
        yield {"type": "MaxValue", "property": slot.name, "required": word.max}
    if word.min is not None and value < word.min:
        yield {"type": "MinValue", "property": slot.name, "required": word.min}


_UNSET = ids.text(ids.UNSET)


def oversize(body: Body) -> dict[str, Any] | None:
    """Return the validation error of an object that is too large to store, or None."""
    content = b"".join(_pieces(body))
    if len(content) <= MAX_OBJECT_SIZE:
        return None
    size = compressed_size(content)
    if size <= MAX_OBJECT_SIZE:
        return None
    text = f"Object size {size} exceeds maximum of {MAX_OBJECT_SIZE}"
    return {"type": "Invalid", "property": "id", "value": text}


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for name, member in value.items():
            # Members of sets and keys of maps are content; the names of properties are not, and weigh little.
            yield name.encode() if member is True else b"\0\0\0\0"
            yield from _pieces(member)
    elif isinstance(value, str):
        yield value.encode() + b"\0"
    elif isinstance(value, int):
        yield value.to_bytes(8, "big", signed=value < 0)
    elif isinstance(value, float):
        yield struct.pack(">d", value)


def compressed_size(content: bytes) -> int:
    """Return about how many bytes the LZ4 block format takes: it finds repeats, and codes no frequencies."""
    seen: dict[bytes, int] = {}
    size = anchor = at = misses = 0
    end = len(content) - 12
    while at < end:
        key = content[at : at + 4]
        match, seen[key] = seen.get(key, -1), at
        if match < 0 or at - match > 0xFFFF:
            misses += 1
            at += 1 + (misses >> 6)  # LZ4 hurries through what does not compress
            continue
        length = 4
        while content[at + length : at + length + 64] == content[match + length : match + length + 64] and length < end:
            length += 64
        while at + length < len(content) and content[at + length] == content[match + length]:
            length += 1
        size += 3 + at - anchor + _more(at - anchor) + _more(length - 4)
        at = anchor = at + length
        misses = 0
    rest = max(len(content) - anchor, 0)
    return size + 1 + rest + _more(rest)


def _more(length: int) -> int:
    """Bytes that a length takes beyond its four bits in the token."""
    return 0 if length < 15 else 1 + (length - 15) // 255
