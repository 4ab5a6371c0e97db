"""Judges specs by their kind's schema, and says in plain words what is wrong.

Law: jsonschema-rs accepts, jsonschema explains what was rejected, and the two agree (a property test holds it); every
mistake of a spec is told, where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reconciler.catalogue import Catalogue, Kind
from reconciler.schema import DIALECT, spec_schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Schema = dict[str, Any]


class Fault(Struct, frozen=True):
    """One mistake: a path in human form, a code, a sentence and a hint; `of_key` if the key itself is at fault."""

    path: tuple[str, ...]
    code: str
    message: str
    hint: str = ""
    of_key: bool = False


class Judge:
    """The schemas of a catalogue's kinds, each compiled when it is first asked about."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._schemas: dict[str, Schema] = {}
        self._accepts: dict[str, Callable[[Any], bool]] = {}

    def faults(self, kind: Kind, spec: object) -> list[Fault]:
        """Return every mistake of a spec; none if the kind's schema accepts it."""
        accepts = self._accepts.get(kind.kind)
        if accepts is None:
            self._schemas[kind.kind] = spec_schema(self.catalogue, kind)
            accepts = self._accepts[kind.kind] = _quick(self._schemas[kind.kind])
        if accepts(spec):
            return []
        return explain(self._schemas[kind.kind], spec)


def _quick(schema: Schema) -> Callable[[Any], bool]:
    """Return the fast judge, or one that leaves every verdict to the slow one where jsonschema-rs is not installed."""
    try:
        import jsonschema_rs
    except ImportError:
        return lambda _: False
    judge = jsonschema_rs.validator_for(schema)

    def accepts(spec: Any) -> bool:
        try:
            return bool(judge.is_valid(spec))
        except ValueError:
            # Integers beyond 64 bits cannot be carried over; the slow judge has no such bound.
            return False

    return accepts


def explain(schema: Schema, value: object) -> list[Fault]:
    """Return the mistakes of a value, as jsonschema finds them and in our words."""
    validator = _slow()({"$schema": DIALECT, **schema})
    found = [fault for error in validator.iter_errors(value) for fault in _fault(error)]
    return sorted(dict.fromkeys(found), key=lambda fault: fault.path)


def _slow() -> Any:
    from jsonschema import Draft202012Validator, validators

    return validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call] # in jsonschema


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[Any]:
    """Match as ECMA-262 does: `$` is the end of the text, not the place before a last line break."""
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{value!r} does not match")


def _fault(error: ValidationError) -> Iterator[Fault]:  # noqa: C901 - one short case a keyword
    path = tuple(str(step) for step in error.absolute_path)
    keyword, value, schema = error.validator, error.instance, error.schema
    rule: Any = error.validator_value
    if not isinstance(schema, Mapping):
        yield Fault(path, "schema", "it is not allowed here")
        return
    # What may be a secret in the wrong place is never shown.
    shown = "the value" if schema.get("writeOnly") else _shown(value)
    match keyword:
        case "additionalProperties" if isinstance(value, dict) and rule is False:
            patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", ())]
            known = list(schema.get("properties", ()))
            for name in value:
                if name not in known and not any(pattern.search(name) for pattern in patterns):
                    yield _unknown(path, name, known)
        case "required" if isinstance(value, dict):
            for name in rule:
                if name not in value:
                    yield Fault(path, "missing", f"the required field {name} is missing")
        case "oneOf":
            yield _one_of(path, rule, value)
        case "enum":
            yield _choice(path, value, [each for each in rule if each is not None])
        case "const":
            yield Fault(path, "value", f"{shown} must be {_shown(rule)} here")
        case "type":
            kinds = rule if isinstance(rule, list) else [rule]
            expected = _expected(kinds, schema)
            hint = "leave the field out to take its default" if value is None else ""
            yield Fault(path, "type", f"{shown} is no {expected}", hint)
        case "minimum":
            yield Fault(path, "range", f"{value} is under {rule}")
        case "maximum":
            yield Fault(path, "range", f"{value} is over {rule}")
        case "minItems" | "minProperties":
            yield Fault(path, "length", f"it needs at least {rule} member{'s' * (rule != 1)}")
        case "minLength":
            yield Fault(path, "empty", "it is empty", "the server takes no empty text; leave the field out")
        case "uniqueItems":
            yield Fault(path, "repeat", "a member stands here twice")
        case "pattern":
            yield _mismatch(path, shown, schema)
        case _:
            yield Fault(path, "schema", f"{shown} is not allowed here")


def _unknown(path: tuple[str, ...], name: str, known: list[str]) -> Fault:
    close = get_close_matches(name, known, n=1)
    lower = {each.lower(): each for each in known}
    guess = lower.get(name.lower()) or (close[0] if close else "")
    hint = f"did you mean {guess}?" if guess else "known here: " + ", ".join(each for each in known if each != "@type")
    return Fault((*path, name), "unknown-field", f"unknown field {name}", hint, of_key=True)


def _one_of(path: tuple[str, ...], rule: Any, value: Any) -> Fault:
    names = [each["required"][0] for each in rule]
    given = [name for name in names if isinstance(value, dict) and name in value]
    told = " or ".join(names)
    if given:
        return Fault(path, "both", f"{' and '.join(given)} exclude each other", f"keep one of {told}")
    if names[0] == "type":
        return Fault(path, "missing", "the required field type is missing", "it says which variant this is")
    return Fault(path, "missing", f"{told} is missing")


def _choice(path: tuple[str, ...], value: Any, choices: list[Any]) -> Fault:
    close = get_close_matches(value, choices, n=1) if isinstance(value, str) else []
    hint = f"did you mean {close[0]}?" if close else ""
    return Fault(path, "choice", f"{_shown(value)} is none of {', '.join(map(str, choices))}", hint)


def _mismatch(path: tuple[str, ...], shown: str, schema: Mapping[str, Any]) -> Fault:
    kinds = schema.get("type")
    expected = _expected(kinds if isinstance(kinds, list) else [kinds], schema)
    return Fault(path, "form", f"{shown} is no {expected}")


def _expected(kinds: list[Any], schema: Mapping[str, Any]) -> str:
    """Say what a place holds, by the JSON types and the pattern that its schema names."""
    pattern = str(schema.get("pattern", ""))
    if "integer" in kinds and "ms" in pattern:
        return "duration such as 30s, 1h30m or 500 (ms)"
    if "integer" in kinds and "KB" in pattern:
        return "size such as 512KB, 50MB or 1024 (bytes)"
    if {"object", "string", "boolean"} <= set(kinds):
        return "expression: a text, or match and else"
    words = {
        "object": "mapping",
        "array": "list",
        "string": "text",
        "integer": "whole number",
        "boolean": "true or false",
        "null": "null",
    }
    return " or ".join(words.get(str(kind), str(kind)) for kind in kinds)


def _shown(value: Any) -> str:
    """Show a value in a message, shortened; texts in single quotes, mappings and lists by their size."""
    if isinstance(value, dict):
        return f"a mapping of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
