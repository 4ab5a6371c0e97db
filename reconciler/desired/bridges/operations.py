"""The lines of a plan for stalwart-cli, read one by one.

Law: what the documented CLI refuses is refused here, with the line; nothing of a line's values is shown.
Source: the documentation of stalwart-cli's `apply`, and its source at 1.0.8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from reconciler.desired.bridges.bridged import Bridged
from reconciler.kinds import Catalogue, Kind
from reconciler.values import get_close_matches

#: Bytes of a line that are read at most: a server takes 10 MB in one request.
LONGEST_LINE = 10_000_000
_FIELDS = {
    "create": {"value"},
    "upsert": {"value", "matchOn", "scope"},
    "reconcile": {"value", "matchOn", "scope"},
    "update": {"id", "value"},
    "destroy": {"value"},
}
_TEMPLATE = re.compile(r"\{\{|\$\{|\$[A-Za-z_]")


class Operation(Struct, kw_only=True):
    """One operation of a plan on a kind that is known here."""

    op: str
    kind: Kind
    line: int
    value: Any
    match_on: Any = None
    scope: dict[str, Any] | None = None
    id: Any = None
    #: Its place in the plan.
    number: int = 0


class _Refused(Exception):
    """An operation that the documented CLI refuses: a code, a sentence and a hint."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class _Repeated(Exception):
    """An object of JSON has one key twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Repeated(name)
            seen.add(name)
    return made


def operations(catalogue: Catalogue, text: str, bridged: Bridged) -> Iterator[Operation]:
    """Yield the operations on kinds that are known; count and tell of everything else."""
    kinds = {name.lower(): kind for name, kind in catalogue.kinds.items()}
    for number, record in _records(text, bridged):
        bridged.ledger.read += 1
        try:
            operation = _operation(kinds, number, record, bridged)
        except _Refused as error:
            bridged.ledger.ignored["operations that are refused"] += 1
            bridged.tell("error", error.code, str(error), line=number, hint=error.hint)
            continue
        if operation is not None:
            bridged.ledger.carried += 1
            operation.number = bridged.ledger.read
            yield operation


def _records(text: str, bridged: Bridged) -> Iterator[tuple[int, Any]]:
    """Yield each operation with its line: a line each, or one array of the file as older versions had it."""
    head = text.lstrip("\ufeff \t\r\n")[:1]
    if head == "[":
        line = text[: text.index("[")].count("\n") + 1
        content = _parsed(text, line, bridged)
        if isinstance(content, list):
            message = "the file is one JSON array, which stalwart-cli takes up to 1.0.1 only"
            bridged.tell("note", "array-of-operations", message, line=line)
            yield from _placed(text, content)
        return
    for number, line_text in enumerate(text.split("\n"), 1):
        bare = line_text.lstrip("\ufeff").strip()
        if not bare:
            continue
        if len(bare) > LONGEST_LINE:
            message = f"the line is {len(bare):,} characters long, and no request to a server may be"
            bridged.tell("error", "too-long", message, line=number, hint="give each operation a line of its own")
            continue
        if bare[0] != "{":
            hint = "an operation is a JSON object on a line of its own; comments are none"
            bridged.tell("error", "not-an-operation", "the line is no JSON object", line=number, hint=hint)
            continue
        content = _parsed(bare, number, bridged)
        if content is not None:
            yield number, content


def _placed(text: str, content: list[Any]) -> Iterator[tuple[int, Any]]:
    """Yield each element of an array with the line that it begins in."""
    decoder = json.JSONDecoder(object_pairs_hook=_once)
    at = text.index("[") + 1
    line, counted = text.count("\n", 0, at) + 1, at
    for element in content:
        while text[at] in " \t\r\n,":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        yield line, element
        _, at = decoder.raw_decode(text, at)


def _parsed(text: str, line: int, bridged: Bridged) -> Any:
    """Return what JSON says, or None where it says nothing."""
    hint = "render the template first, and import what comes out" if _TEMPLATE.search(text) else ""
    try:
        return json.loads(text.lstrip("\ufeff"), object_pairs_hook=_once)
    except _Repeated as error:
        bridged.tell("error", "repeated-key", f"the key {error} stands twice in one object", line=line)
    except json.JSONDecodeError as error:
        place = line + error.lineno - 1
        message = f"the line is no JSON: {error.msg} at column {error.colno}"
        bridged.tell("error", "json", message, line=place, hint=hint or "each operation is JSON on a line of its own")
    except (RecursionError, ValueError):
        bridged.tell("error", "json", "the line is no JSON that can be read: too deep, or a number too long", line=line)
    return None


def _operation(kinds: dict[str, Kind], line: int, record: Any, bridged: Bridged) -> Operation | None:
    if not isinstance(record, dict):
        raise _Refused("not-an-operation", "an operation is a JSON object")
    op, name = record.get("@type"), record.get("object")
    if not isinstance(op, str) or op not in _FIELDS:
        close = get_close_matches(str(op).lower(), _FIELDS, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(_FIELDS))}"
        raise _Refused("operation", "@type names no operation", hint)
    if not isinstance(name, str) or not name:
        raise _Refused("object", "object must name a kind of object, such as MtaRoute")
    if "/" in name:
        kind_name = name.partition("/")[0]
        raise _Refused(
            "view", f"{name} is a view, and plans name objects only", f"write {kind_name}, and @type in value"
        )
    bare = name.removeprefix("x:")
    unknown = sorted(record.keys() - {"@type", "object"} - _FIELDS[op])
    if unknown:
        close = get_close_matches(unknown[0], _FIELDS[op], 1)
        hint = f"did you mean {close[0]}?" if close else f"{op} has {', '.join(sorted(_FIELDS[op]))}"
        raise _Refused("unknown-field", f"{op} has no field {unknown[0]}", hint)
    kind = kinds.get(bare.lower())
    if kind is None:
        bridged.ledger.unsupported[bare] += 1
        bridged.ledger.lines.setdefault(bare, line)
        close = get_close_matches(bare, [kind.kind for kind in kinds.values()], 1, 0.9)
        if close:
            message = f"{bare} is no kind that is known here"
            bridged.tell("warning", "kind", message, line=line, hint=f"did you mean {close[0]}?")
        return None
    value, scope = record.get("value"), record.get("scope")
    if op != "destroy" and not isinstance(value, dict):
        raise _Refused("value", "value must be an object", "null or another value makes the server fail")
    if op == "destroy" and value is not None and not isinstance(value, dict):
        raise _Refused("value", "value must be a filter: an object of properties")
    if scope is not None and not isinstance(scope, dict):
        raise _Refused("scope", "scope must be an object of properties")
    return Operation(
        op=op, kind=kind, line=line, value=value, match_on=record.get("matchOn"), scope=scope, id=record.get("id")
    )
