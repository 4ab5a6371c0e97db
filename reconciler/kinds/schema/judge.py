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
from reconciler.kinds.schema.specs import ID_PATTERN, NOT_BLANK_PATTERN, PLACE_PATTERN, is_secret, spec_schema
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
    failure = [_Found(schema, error) for error in _slow()({"$schema": DIALECT, **schema}).iter_errors(value)]
    # Which fields are right depends on the variant: where two are named, nothing else can be said.
    torn = [
        failure.path
        for failure in failure
        if failure.keyword == "oneOf" and len(failure.given) > 1 and "type" in failure.given
    ]
    # A field without its indentation leaves the one that it belongs to empty, which is no other mistake.
    emptied = {
        (*failure.path, above)
        for failure in failure
        if failure.keyword == "additionalProperties"
        for name in failure.value
        if name not in failure.schema["properties"] and (above := _above(failure, name))
    }
    faults = [
        fault
        for failure in failure
        if not (failure.keyword == "type" and failure.path in emptied)
        for fault in _EXPLAINED.get(failure.keyword, _other)(failure)
        if not any(
            failure.path[: len(path)] == path and (failure.path, failure.keyword) != (path, "oneOf") for path in torn
        )
    ]
    return sorted(dict.fromkeys(faults), key=lambda fault: fault.path)


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
        self.hidden = any(isinstance(element, Mapping) and element.get("writeOnly") for element in self.above)

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


def _unknown(failure: _Found) -> Iterator[Fault]:
    known = [name for name in failure.schema["properties"] if name != "@type"]
    lower = {element.lower(): element for element in known}
    for name in failure.value:
        if name in failure.schema["properties"]:
            continue
        close = get_close_matches(name, known, n=1)
        guess = lower.get(name.lower()) or (close[0] if close else "")
        owner, above = _owner(failure, name), _above(failure, name)
        hint = f"known here: {', '.join(known)}" if known else ""
        if above:
            hint = f"indent it below {above}"
        elif owner:
            hint = f"only {owner} has it"
        elif guess:
            hint = f"did you mean {guess}?"
        if failure.hidden and not (owner or guess or above):
            # `{p4ssw0rd}` in flow style is a key without a value.
            yield failure.fault("unknown-field", "an unknown field stands here", hint)
        else:
            yield Fault((*failure.path, name), "unknown-field", f"unknown field {_brief(name)}", hint, of_key=True)


def _above(failure: _Found, name: str) -> str:
    """Return the empty field beside an unknown one that has a field of that name, or ""."""
    for beside, schema in failure.schema["properties"].items():
        if isinstance(schema, Mapping) and beside in failure.value and failure.value[beside] is None:
            shapes = [schema, *(branch["then"] for branch in schema.get("allOf", ()))]
            if any(name in shape.get("properties", {}) for shape in shapes):
                return str(beside)
    return ""


def _owner(failure: _Found, name: str) -> str:
    """Name the variants that have a field which this one has not, or "" where there are none."""
    # The shape of a variant stands at allOf/N/then.
    branches = (
        failure.above[-5].get("allOf", ()) if len(failure.above) > 4 and isinstance(failure.above[-5], Mapping) else ()
    )
    owners = [
        branch["if"]["anyOf"][0]["properties"]["type"]["const"]
        for branch in branches
        if name in branch["then"]["properties"]
    ]
    return f"type {' or '.join(owners)}" if owners else ""


def _missing(failure: _Found) -> Iterator[Fault]:
    for name in failure.rule:
        if name not in failure.value:
            described = str(failure.schema.get("properties", {}).get(name, {}).get("description", ""))
            yield failure.fault("missing", f"the required field {name} is missing", _first_sentence(described))


def _one_of(failure: _Found) -> Iterator[Fault]:
    names = _alternatives(failure.rule)
    message = " or ".join(names)
    if not isinstance(failure.value, dict):
        # `type` says so already.
        return
    if failure.given:
        yield failure.fault("both", f"{' and '.join(failure.given)} exclude each other", f"keep one of {message}")
    elif names and names[0] == "type":
        variants = failure.schema["properties"]["type"]["enum"]
        yield failure.fault("missing", "the required field type is missing", f"it is one of {', '.join(variants)}")
    else:
        yield failure.fault("missing", f"{message} is missing")


def _alternatives(rule: Any) -> list[str]:
    return [element["required"][0] for element in rule] if isinstance(rule, list) else []


def _choice(failure: _Found) -> Iterator[Fault]:
    choices = [
        element if isinstance(element, str) else shown(element) for element in failure.rule if element is not None
    ]
    lower = {choice.lower(): choice for choice in choices}
    hint = ""
    if isinstance(failure.value, str):
        close = get_close_matches(failure.value, choices, n=1)
        guess = lower.get(failure.value.lower()) or (close[0] if close else "")
        hint = f"did you mean {guess}?" if guess else ""
    yield failure.fault("choice", f"{failure.label} is none of {', '.join(choices)}", hint)


def _type(failure: _Found) -> Iterator[Fault]:
    hint, value = "", failure.value
    variants = failure.schema.get("properties", {}).get("type", {})
    if value is None:
        hint = "leave the field out"
    elif isinstance(variants, Mapping) and "enum" in variants and "object" in failure.kinds:
        hint = f"it has a type, which is one of {', '.join(variants['enum'])}"
        if any(map(is_secret, failure.schema.get("allOf", ()))):
            hint = f"write ${{env:NAME}} or ${{file:PATH}} alone; or a mapping: {hint}"
    elif failure.kinds in (["integer"], ["boolean"]) and isinstance(value, str):
        hint = "take the quotes away" if re.fullmatch("[0-9]+|true|false", value) else ""
    elif failure.kinds in (["array"], ["array", "object"]):
        hint = "write it in brackets"
    elif "string" in failure.kinds and "integer" not in failure.kinds and isinstance(value, int | float):
        hint = "put it in quotes"
    expected = "neither true nor false" if failure.kinds == ["boolean"] else f"no {_expected(failure)}"
    yield failure.fault("type", f"{failure.label} is {expected}", hint)


def _form(failure: _Found) -> Iterator[Fault]:
    if failure.rule == PLACE_PATTERN:
        message = f"{_brief(str(failure.value))} is no place in a list"
        yield failure.fault("form", message, "keys are 0, 1, 2 and so on; or write a list")
    elif failure.rule == ID_PATTERN:
        yield failure.fault("form", f"{failure.label} is no id of the server", "ids are small letters and digits")
    elif failure.rule != NOT_BLANK_PATTERN:
        yield failure.fault("form", f"{failure.label} is no {_expected(failure)}")
    elif failure.value:
        # What has no character at all is told by `minLength`.
        yield failure.fault("empty", "it is empty but for blanks", "the server cuts them off and takes no empty text")


def _least(failure: _Found) -> Iterator[Fault]:
    yield failure.fault("range", f"{failure.label} is under {_bound(failure)}")


def _most(failure: _Found) -> Iterator[Fault]:
    yield failure.fault("range", f"{failure.label} is over {_bound(failure)}")


def _bound(failure: _Found) -> str:
    """Print a bound as people would write the value."""
    pattern = str(failure.schema.get("pattern", ""))
    printed = print_duration if "ms" in pattern else print_size if "KB" in pattern else str
    return str(printed(failure.rule))


def _few(failure: _Found) -> Iterator[Fault]:
    yield failure.fault("length", f"it needs at least {failure.rule} member{'s' * (failure.rule != 1)}")


def _long(failure: _Found) -> Iterator[Fault]:
    yield failure.fault("length", f"{failure.label} is longer than {failure.rule} bytes")


def _empty(failure: _Found) -> Iterator[Fault]:
    leave = "; leave the field out" if "default" in failure.schema else ""
    yield failure.fault("empty", "it is empty", f"the server takes no empty text{leave}")


def _repeat(failure: _Found) -> Iterator[Fault]:
    seen: set[bytes] = set()
    for index, member in enumerate(failure.value):
        text = encode(member)
        if text in seen:
            label = "the value" if failure.hidden else shown(member)
            yield failure.fault("repeat", f"{label} stands here twice", "keep one of them", below=(str(index),))
        seen.add(text)


def _const(failure: _Found) -> Iterator[Fault]:
    name = _brief(failure.path[-1]) if failure.path else "it"
    yield failure.fault(
        "value", f"{failure.label} must be {shown(failure.rule)} here", f"leave {name} out if it is not meant"
    )


def _other(failure: _Found) -> Iterator[Fault]:
    yield failure.fault("schema", f"{failure.label} is not allowed here")


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


def _expected(failure: _Found) -> str:
    """Say what a place holds, by the JSON types and the pattern that its schema names."""
    kinds, pattern = failure.kinds, str(failure.schema.get("pattern", ""))
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
