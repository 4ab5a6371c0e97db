"""The published schemas: what editors are told, and how documents are dispatched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from msgspec import UNSET

from reconciler.commands.schema import files
from reconciler.expression import FIELDS
from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record, load
from reconciler.kinds.schema import METADATA, kind_schema, manifest_schema, published, routing_test_schema, spec_schema
from reconciler.yamlio import load as load_yaml
from tests import whole

CATALOGUE = load()
KINDS = list(CATALOGUE.kinds.values())
PUBLISHED = published(CATALOGUE)
SCHEMAS = Path(__file__).parent.parent.parent / "schemas"
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
every_schema = pytest.mark.parametrize("name", PUBLISHED)
#: Keywords that hold schemas by name, and that hold one.
BY_NAME = ("properties", "patternProperties")
ONE = ("items", "additionalProperties", "then", "else")


def fields(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every property, list element and map value that a schema describes, with its path; not its conditions."""
    if not isinstance(schema, dict):
        return
    for keyword in BY_NAME:
        for name, each in schema.get(keyword, {}).items():
            yield (*path, name), each
            yield from fields(each, (*path, name))
    for keyword in ONE:
        if isinstance(schema.get(keyword), dict):
            yield from fields(schema[keyword], path if keyword in ("then", "else") else (*path, keyword))
    for each in schema.get("allOf", ()):
        yield from fields(each, path)


def keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield every keyword of a schema at any depth with its value."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key, value
            yield from keywords(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from keywords(each)


# ---- what editors are told -------------------------------------------------------------------------------------


@every_schema
def test_every_property_is_described(name: str) -> None:
    # Below a variant's condition the discriminator is only known, since it is described beside it. What a document's
    # kind refers to is described in the kind's own file.
    bare = [
        "/".join(path)
        for path, each in fields(PUBLISHED[name])
        if each is not True
        and "$ref" not in each
        and "$ref" not in each.get("items", {})
        and not each.get("description")
    ]

    assert bare == []
    assert PUBLISHED[name]["description"].endswith(".")
    assert PUBLISHED[name]["title"]


def shown_defaults(schema: Any) -> dict[tuple[str, ...], Any]:
    return {path: each for path, each in fields(schema) if isinstance(each, dict) and "default" in each}


@every_schema
def test_every_default_is_valid_where_it_stands(name: str) -> None:
    wrong = [
        (path, each["default"])
        for path, each in shown_defaults(PUBLISHED[name]).items()
        if not jsonschema_rs.validator_for(each).is_valid(each["default"])
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("kind", "path", "default"),
    [
        ("MtaMilter", "timeoutCommand", "30s"),
        ("MtaMilter", "maxResponseSize", "50MB"),
        ("MtaMilter", "stages", ["data"]),
        ("MtaMilter", "enable", "true"),
        ("MtaMilter", "flagsAction", None),
        ("MtaMilter", "port", 11332),
        ("MtaRoute", "authSecret", {"type": "None"}),
        ("MtaHook", "httpHeaders", {}),
        ("MtaConnectionStrategy", "sourceIps", []),
        ("MtaDeliverySchedule", "expiry", {"type": "Ttl"}),
        ("MtaDeliverySchedule", "expiry/expire", "3d"),
        ("MtaOutboundStrategy", "connection", "'default'"),
        (
            "MtaOutboundStrategy",
            "route",
            {"match": [{"if": "is_local_domain(rcpt_domain)", "then": "'local'"}], "else": "'mx'"},
        ),
    ],
)
def test_defaults_are_shown_in_human_form(kind: str, path: str, default: Any) -> None:
    found = shown_defaults(kind_schema(CATALOGUE, CATALOGUE.kinds[kind]))

    assert found[tuple(path.split("/"))]["default"] == default


@every_kind
def test_every_property_that_may_be_left_out_shows_its_default_unless_no_spec_can_hold_it(kind: Kind) -> None:
    shapes = [kind.shape(variant) for variant in kind.variants or ("",)]
    optional = {name for shape in shapes for name, prop in shape.items() if not prop.required and not prop.one_way}

    assert {path[0] for path in shown_defaults(kind_schema(CATALOGUE, kind)) if len(path) == 1} == optional


def test_a_default_that_differs_in_part_shows_the_part() -> None:
    wait = Property(type="duration", default=1000, description="d")
    types = {"Waits": Record(description="w", properties={"first": wait, "then": wait})}
    prop = Property(type="list", of="Waits", default={"0": {"first": 1000, "then": 2000}}, description="d")
    kind = Kind(kind="Odd", description="o", properties={"waits": prop}, match=("waits",))
    catalogue = Catalogue(server="", digest="", kinds={"Odd": kind}, types=types, variables={}, constants=())

    assert spec_schema(catalogue, kind)["properties"]["waits"]["default"] == [{"then": "2s"}]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.variants], ids=lambda kind: kind.kind)
def test_each_variant_lists_its_properties_for_completion(kind: Kind) -> None:
    schema = kind_schema(CATALOGUE, kind)

    listed = {
        branch["if"]["anyOf"][0]["properties"]["type"]["const"]: list(branch["then"]["properties"])
        for branch in schema["allOf"]
    }

    assert listed == {variant: ["type", "@type", *kind.shape(variant)] for variant in kind.variants}
    assert schema["properties"]["type"]["else"] == {"enum": list(kind.variants)}


def test_an_expression_lists_its_properties_beside_its_short_forms() -> None:
    schema = kind_schema(CATALOGUE, CATALOGUE.kinds["MtaOutboundStrategy"])["properties"]["route"]

    assert schema["type"] == ["object", "string", "boolean", "integer"]
    assert list(schema["properties"]) == ["match", "else", "use"]
    assert list(schema["properties"]["match"]["items"]["properties"]) == ["if", "then", "use"]


def test_use_is_offered_only_where_results_are_names() -> None:
    schema = kind_schema(CATALOGUE, CATALOGUE.kinds["MtaMilter"])["properties"]["enable"]

    assert (list(schema["properties"]), schema["else"]) == (["match", "else"], {"required": ["else"]})


# ---- how they are written --------------------------------------------------------------------------------------


@every_schema
def test_no_mistake_can_be_told_as_matching_none_of_several_schemas(name: str) -> None:
    found = list(keywords(PUBLISHED[name]))
    choices = [each for key, value in found if key == "oneOf" for each in value]

    assert [each for each in choices if list(each) != ["required"] or len(each["required"]) != 1] == []
    others = [each for key, value in found if key == "anyOf" for each in value]
    assert [each for each in others if "required" not in each or len(each["required"]) != 1] == []


@every_schema
def test_patterns_mean_the_same_to_every_engine(name: str) -> None:
    patterns = {value for key, value in keywords(PUBLISHED[name]) if key == "pattern" and isinstance(value, str)}

    assert {
        pattern for pattern in patterns if any(odd in pattern for odd in ("\\d", "\\w", "\\s", "(?", "\\b"))
    } == set()


@every_schema
def test_secrets_are_marked_so_that_no_judge_shows_them(name: str) -> None:
    names = ("secret", "bearerToken", "authSecret", "token", "password")
    secret = [path for path, each in fields(PUBLISHED[name]) if path[-1] in names]
    marked = {path for path, each in fields(PUBLISHED[name]) if isinstance(each, dict) and each.get("writeOnly")}

    told = {path for path in marked if path[-1] in ("ping", "notify")}
    assert bool(told) == (name == "config.schema.json")
    assert marked - told - set(secret) <= {("httpAuth",)}
    assert set(secret) <= marked


def test_a_list_of_objects_that_hold_a_secret_is_marked_as_a_whole() -> None:
    secret = Property(type="string", required=True, sensitive=True, description="d")
    types = {"Login": Record(description="l", properties={"password": secret})}
    prop = Property(type="list", of="Login", default={}, description="d")
    kind = Kind(kind="Odd", description="o", properties={"logins": prop}, match=("logins",))
    catalogue = Catalogue(server="", digest="", kinds={"Odd": kind}, types=types, variables={}, constants=())

    assert spec_schema(catalogue, kind)["properties"]["logins"]["writeOnly"] is True


def test_the_files_in_the_repository_are_up_to_date() -> None:
    wanted = files(load())

    found = {str(path.relative_to(SCHEMAS)): path.read_bytes() for path in sorted(SCHEMAS.rglob("*.json"))}

    assert sorted(found) == sorted(wanted)
    assert [name for name, content in wanted.items() if found[name] != content] == []


# ---- documents -------------------------------------------------------------------------------------------------

DOCUMENT = jsonschema_rs.validator_for(
    manifest_schema(CATALOGUE),
    registry=jsonschema_rs.Registry([(f"json-schema:///{name}", schema) for name, schema in PUBLISHED.items()]),
)
OF_WHOLE_SERVERS = jsonschema_rs.validator_for(
    manifest_schema(whole.CATALOGUE),
    registry=jsonschema_rs.Registry(
        [(f"json-schema:///{name}", schema) for name, schema in published(whole.CATALOGUE).items()]
    ),
)
LOCAL = {"type": "Local", "name": "n"}
BRANCHES = [{"if": "is_tls", "use": "n"}]
MILTER = {"hostname": "h"}


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "MtaRoute", "spec": LOCAL},
        {"kind": "MtaRoute", "items": [LOCAL, {"@type": "Mx", "name": "mx"}]},
        {"kind": "MtaMilter", "metadata": {"name": "av", "unmanaged": ["port"]}, "spec": MILTER, "x-own": [1]},
        {"kind": "MtaMilter", "metadata": {"id": "jpr0"}, "spec": MILTER},
        {"kind": "MtaSts", "spec": {}},
        {"kind": "MtaSts", "metadata": None, "spec": {}},
        {"kind": "MtaRoute", "spec": {"type": "Relay", "name": "n", "address": "${var:a}", "port": "${var:p}"}},
        {"kind": "MtaRoute", "spec": {"type": "${var:t}", "name": "n"}},
        {"kind": "MtaMilter", "spec": {**MILTER, "timeoutData": "${var:n}m", "maxResponseSize": "${var:n}MB"}},
        {"kind": "MtaMilter", "metadata": {"id": "${var:i}0"}, "spec": {**MILTER, "stages": ["${var:s}"]}},
        {"kind": "MtaTlsStrategy", "spec": {"name": "n", "dane": "opt${var:x}"}},
        {"kind": "MtaRoute", "metadata": {"patch": "${var:p}"}, "spec": {"name": "n", "port": None}},
        {
            "kind": "RoutingTest",
            "given": {"size": "${var:size}", "isTls": "${var:t}"},
            "cases": [{"name": "n", "given": {"retryNum": "${var:n}"}, "expect": {"route": "mx"}}],
        },
        {"kind": "MtaRoute", "metadata": {"patch": True}, "spec": {"name": "n", "port": None}},
        {"kind": "MtaRoute", "metadata": {"drop": True}, "spec": {"name": "n"}},
        {"kind": "MtaRoute", "metadata": {"accept": {"rule": "reason"}}, "spec": LOCAL},
        {
            "kind": "MtaOutboundStrategy",
            "metadata": {"unmanaged": ["route/else"]},
            "spec": {"route": {"match": BRANCHES}, "tls": {"match": BRANCHES, "use": "n"}, "schedule": {"else": "n"}},
        },
        {
            "kind": "MtaMilter",
            "metadata": {"unmanaged": ["enable/else"]},
            "spec": {**MILTER, "enable": {"match": [{"if": "is_tls", "then": True}]}},
        },
        {"kind": "MtaMilter", "spec": {**MILTER, "enable": True}},
        {"kind": "RoutingTest", "cases": [{"name": "n", "expect": {"route": "mx"}}]},
        {
            "kind": "RoutingTest",
            "given": {"localDomains": ["example.org"], "isTls": True, "size": 5},
            "cases": [{"name": "n", "given": {"rcpt": "a@b"}, "ladder": {"0": {"route": "mx", "milters": ["h:1"]}}}],
            "x-own": 1,
        },
    ],
)
def test_a_document_is_judged_by_the_schema_of_its_kind(document: Any) -> None:
    assert DOCUMENT.is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "MtaMilter", "spec": LOCAL},
        {"kind": "MtaMilter", "metadata": None, "spec": LOCAL},
        {"kind": "MtaMilter", "spec": {**MILTER, "port": "a${var:p}"}},
        {"kind": "MtaMilter", "spec": {**MILTER, "stages": ["${env:STAGE}"]}},
        {"kind": "MtaMilter", "spec": {**MILTER, "timeoutData": "${env:N}m"}},
        {"kind": "MtaMilter", "metadata": {"absent": "not${var:p}"}, "spec": MILTER},
        {"kind": "RoutingTest", "given": {"size": "5${var:n}"}, "cases": [{"name": "n", "expect": {"route": "mx"}}]},
        {"kind": "MtaMilter", "items": [MILTER, LOCAL]},
        {"kind": "MtaMilter", "items": []},
        {"kind": "x:MtaMilter", "spec": MILTER},
        {"kind": "MtaMilter"},
        {"kind": "MtaMilter", "spec": MILTER, "items": [MILTER]},
        {"kind": "MtaMilter", "spec": MILTER, "own": 1},
        {"kind": "MtaMilter", "spec": MILTER, "metadata": {"nam": "x"}},
        {"kind": "MtaMilter", "spec": MILTER, "metadata": {"id": "B-1"}},
        {"kind": "MtaRoute", "metadata": {"patch": False}, "spec": LOCAL},
        {"kind": "MtaMilter", "spec": {**MILTER, "enable": {}}},
        {"kind": "MtaOutboundStrategy", "spec": {"route": {}}},
        {"kind": "MtaOutboundStrategy", "spec": {"route": {"use": "n", "else": "n"}}},
        {"kind": "MtaOutboundStrategy", "spec": {"route": {"match": BRANCHES, "use": "n", "else": "n"}}},
        {"kind": "MtaRoute", "spec": LOCAL, "cases": []},
        {"kind": "RoutingTest", "spec": LOCAL},
        {"kind": "RoutingTest", "cases": []},
        {"kind": "RoutingTest", "cases": [{"name": "n"}]},
        {"kind": "RoutingTest", "cases": [{"name": "n", "expect": {}}]},
        {"kind": "RoutingTest", "cases": [{"name": "n", "expect": {"rout": "mx"}}]},
        {"kind": "RoutingTest", "cases": [{"name": "n", "given": {"to": "a@b"}, "expect": {"route": "mx"}}]},
        {"kind": "RoutingTest", "cases": [{"name": "n", "ladder": {"first": {"route": "mx"}}}]},
        {"spec": MILTER},
        [],
    ],
)
def test_a_document_of_no_kind_or_against_its_kind_is_refused(document: Any) -> None:
    assert not DOCUMENT.is_valid(document)


def test_every_kind_has_a_file_that_the_document_s_schema_refers_to() -> None:
    schema = manifest_schema(CATALOGUE)

    referred = {value for key, value in keywords(schema) if key == "$ref"}

    assert referred == PUBLISHED.keys() - {"manifest.schema.json", "config.schema.json"}
    assert schema["properties"]["kind"]["enum"] == [*(kind.kind for kind in KINDS), "RoutingTest"]
    assert list(schema["else"]["properties"]["metadata"]["properties"]) == list(METADATA["properties"])


EXAMPLES = [each for each in sorted((SCHEMAS.parent / "manifests").rglob("*.yaml")) if ".target" not in each.parts]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_example_manifests_are_valid_for_editors(path: Path) -> None:
    documents, problems = load_yaml(path.read_text(encoding="utf-8"))
    judge = OF_WHOLE_SERVERS if path.parent == whole.FOLDER else DOCUMENT

    assert problems == []
    assert [document.line for document in documents if not judge.is_valid(document.value)] == []


def test_a_routing_test_knows_every_field_of_a_message_and_every_expression_that_names_objects() -> None:
    schema = routing_test_schema(CATALOGUE)
    case = schema["properties"]["cases"]["items"]

    assert list(schema["properties"]["given"]["properties"]) == list(FIELDS)
    assert list(case["properties"]["expect"]["properties"]) == ["connection", "route", "schedule", "tls", "milters"]


# ---- types -----------------------------------------------------------------------------------------------------


def typed(**words: Any) -> Any:
    """Return the schema of a property."""
    prop = Property(**{"description": "d", "required": True, **words})
    kind = Kind(kind="Odd", properties={"it": prop}, match=("it",))
    schema = spec_schema(
        Catalogue(server="", digest="", kinds={"Odd": kind}, types={}, variables={}, constants=()), kind
    )
    return schema["properties"]["it"]


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        ({"type": "boolean"}, {"type": "boolean"}),
        ({"type": "integer"}, {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}),
        ({"type": "integer", "min": 1, "max": 9}, {"type": "integer", "minimum": 1, "maximum": 9}),
        ({"type": "enum", "values": ("a", "b")}, {"enum": ["a", "b"]}),
        (
            {"type": "enum", "values": ("a",), "nullable": True, "required": False, "default": None},
            {"default": None, "enum": ["a", None]},
        ),
        ({"type": "string"}, {"type": "string", "minLength": 1}),
        ({"type": "string", "max_bytes": 8}, {"type": "string", "minLength": 1, "maxLength": 8}),
        ({"type": "string", "sensitive": True}, {"type": "string", "minLength": 1, "writeOnly": True}),
        (
            {"type": "string", "form": "trimmed", "max_bytes": 8},
            {"type": "string", "minLength": 1, "pattern": "[^ \\t\\r\\n]"},
        ),
        (
            {"type": "string", "nullable": True, "required": False, "default": None},
            {"default": None, "type": ["string", "null"], "minLength": 1},
        ),
        (
            {"type": "set", "values": ("a",), "min_items": 1},
            {
                "type": ["array", "object"],
                "items": {"enum": ["a"]},
                "uniqueItems": True,
                "propertyNames": {"enum": ["a"]},
                "additionalProperties": {"const": True},
                "minItems": 1,
                "minProperties": 1,
            },
        ),
        (
            {"type": "map"},
            {
                "type": "object",
                "propertyNames": {"type": "string", "minLength": 1},
                "additionalProperties": {"type": "string", "minLength": 1},
            },
        ),
        ({"type": "reference", "to": "Odd"}, {"type": "string", "minLength": 1}),
        ({"type": "duration", "required": False, "default": UNSET, "max": 5}, None),
    ],
)
def test_every_type_has_its_schema(words: dict[str, Any], schema: dict[str, Any] | None) -> None:
    found = typed(**words)

    if schema is None:
        assert (found["minimum"], found["maximum"], found["type"]) == (1, 5, ["integer", "string"])
    else:
        assert found == {"description": "d", **schema}
