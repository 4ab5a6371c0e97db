"""Judges values by a schema, and says in plain words what is wrong: specs by their kind's, and whatever else has one.

Law: jsonschema-rs accepts, jsonschema explains what was rejected, and the two agree (a property test holds it); every
mistake of a spec is told where it stands, and nothing that may be a secret is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.json import encode

from reconciler.kinds.catalogue import Catalogue, Kind
from reconciler.kinds.schema.documents import ID_PATTERN
from reconciler.kinds.schema.specs import NOT_BLANK_PATTERN, PLACE_PATTERN, is_secret, spec_schema
from reconciler.values import DIALECT, Schema, get_close_matches, print_duration, print_size, shown

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError


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


def faults(schema: Schema, value: object) -> list[Fault]:
    """Return every mistake of a value; none if the schema accepts it."""
    return [] if _quick(schema)(value) else explain(schema, value)


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
            # A subclass of str, or half of a surrogate pair, cannot be carried over; the slow judge takes any value.
            return False

    return accepts


def explain(schema: Schema, value: object) -> list[Fault]:
    """Return the mistakes of a value, as jsonschema finds them and in our words."""
    found = [_Found(schema, error) for error in _slow()({"$schema": DIALECT, **schema}).iter_errors(value)]
    # Which fields are right depends on the variant: where two are named, nothing else can be said.
    torn = [each.path for each in found if each.keyword == "oneOf" and len(each.given) > 1 and "type" in each.given]
    # A field without its indentation leaves the one that it belongs to empty, which is no other mistake.
    emptied = {
        (*each.path, above)
        for each in found
        if each.keyword == "additionalProperties"
        for name in each.value
        if name not in each.schema["properties"] and (above := _above(each, name))
    }
    told = [
        fault
        for each in found
        if not (each.keyword == "type" and each.path in emptied)
        for fault in _EXPLAINED.get(each.keyword, _other)(each)
        if not any(each.path[: len(path)] == path and (each.path, each.keyword) != (path, "oneOf") for path in torn)
    ]
    return sorted(dict.fromkeys(told), key=lambda fault: fault.path)


@cache
def _slow() -> Any:
    from jsonschema import Draft202012Validator, validators

    return validators.extend(Draft202012Validator, {"pattern": _ecma})  # type: ignore[no-untyped-call] # in jsonschema


def _ecma(_: Any, pattern: str, value: Any, __: Any) -> Iterator[Any]:
    """Match as ECMA-262 does: `$` is the end of the text, not the place before a last line break."""
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError("it does not match")


class _Found:
    """An error of jsonschema, and what the schemas above it say."""

    def __init__(self, schema: Schema, error: ValidationError) -> None:
        self.keyword = str(error.validator)
        self.value: Any = error.instance
        self.rule: Any = error.validator_value
        self.schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
        self.path = tuple(str(step) for step in error.absolute_path)
        steps = list(error.absolute_schema_path)
        self.above = _walked(schema, steps)
        self.of_key = "propertyNames" in steps
        if self.of_key:
            self.path = (*self.path, str(self.value))
        #: Below a property that holds a secret, anything may be the secret in the wrong place.
        self.hidden = any(isinstance(each, Mapping) and each.get("writeOnly") for each in self.above)

    @property
    def label(self) -> str:
        """The value as a message may show it."""
        return "the value" if self.hidden else shown(self.value)

    @property
    def kinds(self) -> list[str]:
        """The JSON types that the place allows."""
        kinds = self.schema.get("type", [])
        return kinds if isinstance(kinds, list) else [kinds]

    @property
    def given(self) -> list[str]:
        """Which of the fields that exclude each other are there."""
        return [name for name in _alternatives(self.rule) if isinstance(self.value, dict) and name in self.value]

    def fault(self, code: str, message: str, hint: str = "", *, below: tuple[str, ...] = ()) -> Fault:
        """Return a fault at this place, or below it."""
        return Fault((*self.path, *below), code, message, hint, of_key=self.of_key)


def _walked(schema: Schema, steps: list[Any]) -> list[Any]:
    """Return every part of a schema that a path leads through."""
    at: Any = schema
    parts = [at]
    for step in steps:
        at = at[step]
        parts.append(at)
    return parts


def _unknown(found: _Found) -> Iterator[Fault]:
    known = [name for name in found.schema["properties"] if name != "@type"]
    lower = {each.lower(): each for each in known}
    for name in found.value:
        if name in found.schema["properties"]:
            continue
        close = get_close_matches(name, known, n=1)
        guess = lower.get(name.lower()) or (close[0] if close else "")
        owner, above = _owner(found, name), _above(found, name)
        hint = f"known here: {', '.join(known)}" if known else ""
        if above:
            hint = f"indent it below {above}"
        elif owner:
            hint = f"only {owner} has it"
        elif guess:
            hint = f"did you mean {guess}?"
        if found.hidden and not (owner or guess or above):
            # `{p4ssw0rd}` in flow style is a key without a value.
            yield found.fault("unknown-field", "an unknown field stands here", hint)
        else:
            yield Fault((*found.path, name), "unknown-field", f"unknown field {_brief(name)}", hint, of_key=True)


def _above(found: _Found, name: str) -> str:
    """Return the empty field beside an unknown one that has a field of that name, or ""."""
    for beside, schema in found.schema["properties"].items():
        if isinstance(schema, Mapping) and beside in found.value and found.value[beside] is None:
            shapes = [schema, *(branch["then"] for branch in schema.get("allOf", ()))]
            if any(name in shape.get("properties", {}) for shape in shapes):
                return str(beside)
    return ""


def _owner(found: _Found, name: str) -> str:
    """Name the variants that have a field which this one has not, or "" where there are none."""
    # The shape of a variant stands at allOf/N/then.
    branches = found.above[-5].get("allOf", ()) if len(found.above) > 4 and isinstance(found.above[-5], Mapping) else ()
    owners = [
        branch["if"]["anyOf"][0]["properties"]["type"]["const"]
        for branch in branches
        if name in branch["then"]["properties"]
    ]
    return f"type {' or '.join(owners)}" if owners else ""


def _missing(found: _Found) -> Iterator[Fault]:
    for name in found.rule:
        if name not in found.value:
            described = str(found.schema.get("properties", {}).get(name, {}).get("description", ""))
            yield found.fault("missing", f"the required field {name} is missing", _first_sentence(described))


def _one_of(found: _Found) -> Iterator[Fault]:
    names = _alternatives(found.rule)
    told = " or ".join(names)
    if not isinstance(found.value, dict):
        # `type` says so already.
        return
    if found.given:
        yield found.fault("both", f"{' and '.join(found.given)} exclude each other", f"keep one of {told}")
    elif names and names[0] == "type":
        variants = found.schema["properties"]["type"]["enum"]
        yield found.fault("missing", "the required field type is missing", f"it is one of {', '.join(variants)}")
    else:
        yield found.fault("missing", f"{told} is missing")


def _alternatives(rule: Any) -> list[str]:
    return [each["required"][0] for each in rule] if isinstance(rule, list) else []


def _choice(found: _Found) -> Iterator[Fault]:
    choices = [each if isinstance(each, str) else shown(each) for each in found.rule if each is not None]
    lower = {each.lower(): each for each in choices}
    hint = ""
    if isinstance(found.value, str):
        close = get_close_matches(found.value, choices, n=1)
        guess = lower.get(found.value.lower()) or (close[0] if close else "")
        hint = f"did you mean {guess}?" if guess else ""
    yield found.fault("choice", f"{found.label} is none of {', '.join(choices)}", hint)


def _type(found: _Found) -> Iterator[Fault]:
    hint, value = "", found.value
    variants = found.schema.get("properties", {}).get("type", {})
    if value is None:
        hint = "leave the field out"
    elif isinstance(variants, Mapping) and "enum" in variants and "object" in found.kinds:
        hint = f"it has a type, which is one of {', '.join(variants['enum'])}"
        if any(map(is_secret, found.schema.get("allOf", ()))):
            hint = f"write ${{env:NAME}} or ${{file:PATH}} alone; or a mapping: {hint}"
    elif found.kinds in (["integer"], ["boolean"]) and isinstance(value, str):
        hint = "take the quotes away" if re.fullmatch("[0-9]+|true|false", value) else ""
    elif found.kinds in (["array"], ["array", "object"]):
        hint = "write it in brackets"
    elif "string" in found.kinds and "integer" not in found.kinds and isinstance(value, int | float):
        hint = "put it in quotes"
    expected = "neither true nor false" if found.kinds == ["boolean"] else f"no {_expected(found)}"
    yield found.fault("type", f"{found.label} is {expected}", hint)


def _form(found: _Found) -> Iterator[Fault]:
    if found.rule == PLACE_PATTERN:
        message = f"{_brief(str(found.value))} is no place in a list"
        yield found.fault("form", message, "keys are 0, 1, 2 and so on; or write a list")
    elif found.rule == ID_PATTERN:
        yield found.fault("form", f"{found.label} is no id of the server", "ids are small letters and digits")
    elif found.rule != NOT_BLANK_PATTERN:
        yield found.fault("form", f"{found.label} is no {_expected(found)}")
    elif found.value:
        # What has no character at all is told by `minLength`.
        yield found.fault("empty", "it is empty but for blanks", "the server cuts them off and takes no empty text")


def _least(found: _Found) -> Iterator[Fault]:
    yield found.fault("range", f"{found.label} is under {_bound(found)}")


def _most(found: _Found) -> Iterator[Fault]:
    yield found.fault("range", f"{found.label} is over {_bound(found)}")


def _bound(found: _Found) -> str:
    """Print a bound as people would write the value."""
    pattern = str(found.schema.get("pattern", ""))
    printed = print_duration if "ms" in pattern else print_size if "KB" in pattern else str
    return str(printed(found.rule))


def _few(found: _Found) -> Iterator[Fault]:
    yield found.fault("length", f"it needs at least {found.rule} member{'s' * (found.rule != 1)}")


def _long(found: _Found) -> Iterator[Fault]:
    yield found.fault("length", f"{found.label} is longer than {found.rule} bytes")


def _empty(found: _Found) -> Iterator[Fault]:
    leave = "; leave the field out" if "default" in found.schema else ""
    yield found.fault("empty", "it is empty", f"the server takes no empty text{leave}")


def _repeat(found: _Found) -> Iterator[Fault]:
    seen: set[bytes] = set()
    for index, member in enumerate(found.value):
        text = encode(member)
        if text in seen:
            label = "the value" if found.hidden else shown(member)
            yield found.fault("repeat", f"{label} stands here twice", "keep one of them", below=(str(index),))
        seen.add(text)


def _const(found: _Found) -> Iterator[Fault]:
    name = _brief(found.path[-1]) if found.path else "it"
    yield found.fault(
        "value", f"{found.label} must be {shown(found.rule)} here", f"leave {name} out if it is not meant"
    )


def _other(found: _Found) -> Iterator[Fault]:
    yield found.fault("schema", f"{found.label} is not allowed here")


#: What is said of an error, by the keyword of JSON Schema that found it.
_EXPLAINED: dict[str, Callable[[_Found], Iterator[Fault]]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "oneOf": _one_of,
    "enum": _choice,
    "type": _type,
    "pattern": _form,
    "minimum": _least,
    "maximum": _most,
    "minItems": _few,
    "minProperties": _few,
    "maxLength": _long,
    "minLength": _empty,
    "uniqueItems": _repeat,
    "const": _const,
}
_WORDS = {
    "object": "mapping",
    "array": "list",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def _expected(found: _Found) -> str:
    """Say what a place holds, by the JSON types and the pattern that its schema names."""
    kinds, pattern = found.kinds, str(found.schema.get("pattern", ""))
    if "integer" in kinds and "ms" in pattern:
        return "duration such as 30s, 1h30m or 500 (ms)"
    if "integer" in kinds and "KB" in pattern:
        return "size such as 512KB, 50MB or 1024 (bytes)"
    if "integer" in kinds and "%" in pattern:
        return "number or share, such as 5 or 30%"
    if {"object", "string", "boolean"} <= set(kinds):
        return "expression: a text, or match and else"
    if kinds == ["array", "object"]:
        return "list"
    return " or ".join(_WORDS.get(str(kind), str(kind)) for kind in kinds)


def _first_sentence(text: str) -> str:
    return re.split(r"[.;:] ", text, maxsplit=1)[0].rstrip(".")


def _brief(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."
