"""Laws of codec and schemas, for every kind: the strategies are read off the catalogue's own table of properties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import UNSET

from reconciler.expression import Context
from reconciler.kinds.catalogue import Kind, Property, Record, load
from reconciler.kinds.codec import Codec, check_expression, context_of, decode
from reconciler.kinds.schema import published, spec_schema
from reconciler.kinds.schema.judge import Judge, explain
from reconciler.plan.diff import exact
from reconciler.report.schemas import SCHEMAS
from reconciler.values.model import Address, Sensitive
from reconciler.values.units import BLANK, MAX_INTEGER, canonical_ip

CATALOGUE = load()
KINDS = list(CATALOGUE.kinds.values())
CODEC = Codec(CATALOGUE)
JUDGE = Judge(CATALOGUE)
SPEC_SCHEMAS = {kind.kind: spec_schema(CATALOGUE, kind) for kind in KINDS}
FAST = {name: jsonschema_rs.validator_for(schema) for name, schema in SPEC_SCHEMAS.items()}
PUBLISHED = published(CATALOGUE)
EDITORS = {kind.kind: jsonschema_rs.validator_for(PUBLISHED[f"{kind.kind}.schema.json"]) for kind in KINDS}
LAW = settings(max_examples=40)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)

# ---- well-formed wire values -----------------------------------------------------------------------------------

TEXTS = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["true", "5", "id", "$${x}", "${var:x}", "a b", "'x'", "yes"]
)
HOSTS = st.sampled_from(["mx.example.org", "xn--mnchen-3ya.de", "_a.-b/c.test", "192.0.2.1", "2001:db8::1"])
IPS = st.ip_addresses().map(lambda address: canonical_ip(str(address))).filter(lambda text: text != "0.0.0.0")
REFERENCES = st.sampled_from(["${env:PASSWORD}", "${file:/run/secrets/x y}", "${file:p.txt}"])
IDS = st.from_regex("[a-z0-9]{1,13}", fullmatch=True)
#: Texts that the server takes as an expression, some of them odd.
EXPRESSIONS = st.sampled_from(
    [
        *("true", "!false", "1", "-5", "1.5", "5m", "'a'", '"a"', "'a' + 'b'", "'it\"s'", '"it\'s"', "''", "' '"),
        *(
            "sender_domain == 'a'",
            "rcpt_domain",
            "priority-1",
            "retry_num-1",
            "mx",
            "(relaxed)",
            "[1, 2]",
            "'a'\n",
            "&&",
        ),
        *("'id:a'", "'a', 'b'", "source == 'dsn'", "'\\d'", "'a\\'b'", "'a\nb'", "listener", "is_empty(sender)"),
    ]
)


def trimmed(text: str) -> str:
    return text.strip(BLANK)


def strings(prop: Property) -> st.SearchStrategy[str]:
    if prop.form == "hostname":
        return HOSTS
    if prop.form == "ip":
        return IPS
    texts = TEXTS.map(trimmed).filter(bool) if prop.form == "trimmed" else TEXTS
    most = prop.max_bytes
    return texts.filter(lambda text: len(text.encode()) <= most) if most else texts


def names_of(kind: str) -> st.SearchStrategy[str]:
    """Names of objects of a kind. One that looks like a raw id can be declared, but not referred to by its name."""
    target = CATALOGUE.kinds[kind]
    return strings(target.properties[target.match[0]]).filter(lambda text: not text.startswith("id:"))


def is_constant(text: str, context: Context) -> bool:
    return text.strip(" \r\n") in context.constants | {"true", "false"}


def expressions(prop: Property) -> st.SearchStrategy[Any]:
    """Expressions as the server stores them: each part is a text that it takes here.

    The one exception of the round trip is left out: a bare word that is a constant, as the result of an expression
    that names objects. The server takes it and finds no object, so a manifest that says it is refused.
    """
    context = context_of(CATALOGUE, prop)
    texts = EXPRESSIONS.filter(lambda text: check_expression(text, context) is None)
    named = bool(prop.language and prop.language.names)
    results = texts.filter(lambda text: not is_constant(text, context)) if named else texts
    branches = st.lists(st.fixed_dictionaries({"if": texts, "then": results}), max_size=3).map(numbered)
    return st.fixed_dictionaries({"match": branches, "else": results})


def numbered(elements: list[Any]) -> dict[str, Any]:
    return {str(index): each for index, each in enumerate(elements)}


def members(texts: list[str]) -> dict[str, bool]:
    return dict.fromkeys(texts, True)


def values(prop: Property) -> st.SearchStrategy[Any]:
    """Wire values that a property of the server can hold."""
    found = present(prop)
    if prop.nullable:
        found |= st.none()
    if prop.default is not UNSET and not prop.required:
        found |= st.just(prop.default)
    return found


def present(prop: Property) -> st.SearchStrategy[Any]:
    if prop.type in ("integer", "duration", "size"):
        least = max(prop.min or 0, int(prop.type == "duration"))
        most = MAX_INTEGER if prop.max is None else prop.max
        return st.integers(least, most) | st.integers(least, min(most, 10**6)).map(lambda n: min(most, n * 1024))
    match prop.type:
        case "boolean":
            return st.booleans()
        case "enum":
            return st.sampled_from(prop.values)
        case "reference":
            by_name = names_of(prop.to).map(lambda name: Address(prop.to, name))
            return by_name | IDS.map(lambda id_: Address(prop.to, id=id_))
        case "set":
            member = st.sampled_from(prop.values) if prop.values else strings(prop)
            return st.lists(member, unique=True, min_size=prop.min_items, max_size=5).map(members)
        case "map":
            return st.dictionaries(strings(prop), strings(prop), max_size=3)
        case "list":
            return st.lists(objects(CATALOGUE.types[prop.of]), min_size=prop.min_items, max_size=3).map(numbered)
        case "object":
            return expressions(prop) if prop.language else objects(CATALOGUE.types[prop.of])
    return REFERENCES.map(lambda text: Sensitive(reference=text)) if prop.sensitive else strings(prop)


def objects(record: Record) -> st.SearchStrategy[dict[str, Any]]:
    shapes = [
        st.fixed_dictionaries(
            {name: values(prop) for name, prop in record.shape(variant).items()}
            | ({"@type": st.just(variant)} if variant else {})
        )
        for variant in record.variants or ("",)
    ]
    return st.one_of(shapes)


WIRES = {kind.kind: objects(kind) for kind in KINDS}


def plain(value: Any) -> Any:
    """Turn a wire value into what a manifest in wire form holds."""
    if isinstance(value, Address):
        return value.name or f"id:{value.id}"
    if isinstance(value, Sensitive):
        return value.reference
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def faults(kind: Kind, spec: Any) -> list[Any]:
    return [*explain(SPEC_SCHEMAS[kind.kind], spec)]


# ---- the laws of the codec -------------------------------------------------------------------------------------


@every_kind
@LAW
@given(st.data())
def test_what_is_decoded_is_a_valid_spec_and_encodes_to_the_same_wire_value(kind: Kind, data: st.DataObject) -> None:
    wire = data.draw(WIRES[kind.kind])

    # What a document of a singleton leaves out is left alone, so there the defaults have to be written.
    specs = [decode(CATALOGUE, kind, wire, defaults=defaults) for defaults in {True, kind.singleton}]

    for spec in specs:
        assert faults(kind, spec) == []
        encoded, mistakes = CODEC.encode(kind, spec)
        assert mistakes == ()
        # Names and expressions are in Unicode form C.
        assert exact(encoded, wire)
        assert encoded == wire


@every_kind
@LAW
@given(st.data())
def test_wire_form_is_a_valid_spec_and_encodes_to_itself(kind: Kind, data: st.DataObject) -> None:
    wire = data.draw(WIRES[kind.kind])
    # The unset match of a quota is an empty text, which the server shows and does not take back.
    unsaid = [name for name, prop in kind.properties.items() if prop.one_way and exact(wire[name], prop.default)]
    spec = {name: plain(value) for name, value in wire.items() if name not in unsaid}

    encoded, mistakes = CODEC.encode(kind, spec)

    assert faults(kind, spec) == []
    assert mistakes == ()
    assert exact(encoded, wire)


def named_fields() -> Iterator[tuple[Kind, str, Property]]:
    for kind in KINDS:
        for name, prop in kind.properties.items():
            if prop.language and prop.language.names:
                yield kind, name, prop


@pytest.mark.parametrize(("kind", "name", "prop"), list(named_fields()))
def test_a_bare_constant_as_a_name_is_all_that_does_not_come_back(kind: Kind, name: str, prop: Property) -> None:
    context = context_of(CATALOGUE, prop)
    words = sorted(context.constants | {"true", "false"})

    found = {word: CODEC.encode(kind, decode(CATALOGUE, kind, {name: {"match": {}, "else": word}})) for word in words}

    assert {word: [mistake.code for mistake in mistakes] for word, (_, mistakes) in found.items()} == {
        word: ["bare-word"] for word in words
    }


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 70000)
    | st.sampled_from([2**63 - 1, 2**63, 2**64, -(2**63), 10**400, 1.0, 25.0, 0.5, -0.0, 1e300, float("inf"), 2.0**63])
    | st.sampled_from(
        ["", " ", "\t\n", "\xa0", "1h30m", "30m1h", "0s", "5KB", "5iB", "****", "(sensitive)", "${env:A}"]
    )
    | st.sampled_from(
        ["Relay", "Value", "Custom", "data", "mx", "id:A", "a\n", "5d\n", "9" * 30 + "d", "::1", "b\u00fc"]
    )
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "@type", "0", "00", "1", "a", "0\n", "if", "then", "else", "use", "match", "secret"]
            )
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from places(each, (*path, index))


def other_forms(value: Any) -> list[Any]:
    """Return what somebody may write instead of a value."""
    forms: list[Any] = [str(value), [value], {"0": value}, {"else": value}, {"type": value}, None]
    if isinstance(value, list):
        forms += [numbered(value), {str(each): True for each in value}, [*value, *value]]
    elif isinstance(value, dict):
        forms += [list(value.values()), {**value, "x-own": 1}, {**value, "@type": "Mx"}, {**value, "use": "mx"}]
    elif isinstance(value, int):
        forms += [-value, float(value % 2**64), value * 10**18, value + 1]
    elif isinstance(value, str):
        forms += [value.upper(), f" {value} ", f"{value}\n", value * 70]
    return forms


def changed(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """Return a value with what a path leads to replaced, or taken out where `by` is UNSET."""
    if not path:
        return {} if by is UNSET else by
    key, rest = path[0], path[1:]
    if isinstance(value, dict):
        if not rest and by is UNSET:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: changed(value.get(key), rest, by)}
    inner = [changed(value[key], rest, by)] if rest or by is not UNSET else []
    return [*value[:key], *inner, *value[key + 1 :]]


def near(data: st.DataObject, kind: Kind) -> Any:
    """Draw a spec that is valid but for some changes."""
    spec: Any = decode(CATALOGUE, kind, data.draw(WIRES[kind.kind]), defaults=data.draw(st.booleans()))
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from(list(places(spec))))
        at = reached(spec, path)
        by = data.draw(st.just(UNSET) | st.sampled_from(other_forms(at)) | JSON)
        if isinstance(at, dict) and data.draw(st.booleans()):
            key = data.draw(
                st.sampled_from(["type", "@type", "0", "else", "use", "name", "port", "prot"]) | st.text(max_size=3)
            )
            path, by = (*path, key), data.draw(JSON)
        spec = changed(spec, path, by)
    return spec


def with_results(kind: Kind, spec: Any) -> Any:
    """Return a spec with a result beside each `match` that stands alone, which editors take: it may be left alone."""
    if not isinstance(spec, dict):
        return spec
    names = {name for name, prop in kind.legible(None).items() if prop.language}
    return {
        name: {"else": "true", **value}
        if name in names and isinstance(value, dict) and "match" in value and "use" not in value
        else value
        for name, value in spec.items()
    }


@every_kind
@LAW
@given(st.data())
def test_both_judges_agree_and_the_codec_answers_what_they_accept(kind: Kind, data: st.DataObject) -> None:
    spec = near(data, kind)

    accepted = FAST[kind.kind].is_valid(spec)

    assert accepted == (faults(kind, spec) == [])
    # Beside this, editors take variables.
    whole = FAST[kind.kind].is_valid(with_results(kind, spec))
    assert EDITORS[kind.kind].is_valid(spec) == whole or "${var:" in str(spec)
    assert JUDGE.faults(kind, spec) == faults(kind, spec)
    if accepted:
        wire, mistakes = CODEC.encode(kind, spec)
        assert bool(wire or spec == {}) != bool(mistakes)
        assert all(mistake.message and mistake.code for mistake in mistakes)


@every_kind
@LAW
@given(st.data())
def test_editors_take_a_variable_in_place_of_every_scalar(kind: Kind, data: st.DataObject) -> None:
    spec = decode(CATALOGUE, kind, data.draw(WIRES[kind.kind]), defaults=True)

    refused = [
        path
        for path in places(spec)
        if isinstance(reached(spec, path), str | int)
        and not EDITORS[kind.kind].is_valid(changed(spec, path, "${var:some_name}"))
    ]

    assert EDITORS[kind.kind].is_valid(spec)
    assert refused == []


def reached(value: Any, path: tuple[Any, ...]) -> Any:
    """Return what a path leads to."""
    for step in path:
        value = value[step]
    return value


@every_kind
@LAW
@given(st.data())
def test_what_is_encoded_comes_back_the_same(kind: Kind, data: st.DataObject) -> None:
    spec = near(data, kind)
    wire, mistakes = CODEC.encode(kind, spec) if FAST[kind.kind].is_valid(spec) else ({}, ())

    again = CODEC.encode(kind, decode(CATALOGUE, kind, wire, defaults=True)) if wire else ({}, ())

    # A secret in plain text is never printed, and so cannot come back.
    if not any(isinstance(each, Sensitive) and each.plain for each in leaves(wire)):
        assert again == (wire, ())
    assert not (wire and mistakes)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    else:
        yield value


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@every_kind
@LAW
@given(st.data())
def test_whatever_a_server_answers_is_decoded(kind: Kind, data: st.DataObject) -> None:
    wire: Any = data.draw(WIRES[kind.kind])
    for path in data.draw(st.lists(st.sampled_from(list(places(wire))[1:]), max_size=3)):
        by = data.draw(ANYTHING)
        wire = changed(wire, path, by) if path in set(places(wire)) else wire

    spec = decode(CATALOGUE, kind, wire, defaults=True)

    assert list(spec)[: len(kind.variants) and 1] == ["type"][: len(kind.variants)]


# ---- the published schemas -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PUBLISHED, *SCHEMAS])
def test_a_published_schema_is_valid_json_schema(name: str) -> None:
    schema = (PUBLISHED | SCHEMAS)[name]

    Draft202012Validator.check_schema(schema)

    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


#: The schema that editors use, with the files that it refers to beside it.
DOCUMENT = jsonschema_rs.validator_for(
    PUBLISHED["manifest.schema.json"],
    registry=jsonschema_rs.Registry([(f"json-schema:///{name}", schema) for name, schema in PUBLISHED.items()]),
)


@every_kind
@LAW
@given(st.data())
def test_the_published_schema_of_a_document_accepts_what_the_judge_accepts(kind: Kind, data: st.DataObject) -> None:
    spec = near(data, kind)

    alone = DOCUMENT.is_valid({"kind": kind.kind, "spec": spec})
    among = DOCUMENT.is_valid({"kind": kind.kind, "items": [spec]})

    assert alone == among == (JUDGE.faults(kind, with_results(kind, spec)) == [])
