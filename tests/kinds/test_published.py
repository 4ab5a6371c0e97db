"""A server's published schema becomes a catalogue, with what no server publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.kinds import Catalogue, Codec, Judge, address_of, key_of, load
from reconciler.kinds.catalogue.published import (
    Pulled,
    catalogue_of_published,
    compare_catalogues,
    read_pulled,
    reduced,
    touched,
)
from reconciler.kinds.catalogue.published.overlay import overlays
from reconciler.values import Address, Sensitive
from tests.publishing import TEXT, WHOLE, schema


def published(**changes: Any) -> bytes:
    """A small schema in a server's own words: domains, accounts, gadgets that nobody here knows, and one singleton."""

    def text(**more: Any) -> dict[str, Any]:
        return {"type": {"type": "string", "format": "string", **more}, "description": "A text.", "update": "mutable"}

    schema: dict[str, Any] = {
        "objects": {
            "x:Domain": {"type": "object", "description": "A domain.", "permissionPrefix": "sysDomain"},
            "x:Account": {"type": "object", "description": "An account."},
            "x:Account/User": {"type": "view", "objectName": "x:Account"},
            "x:Gadget": {"type": "object", "description": "New in this version."},
            "x:Http": {"type": "singleton", "description": "HTTP."},
            "x:Log": {"type": "object", "description": "A line of a log."},
            "Mailbox": {"type": "object", "description": "A mailbox."},
        },
        "schemas": {
            "x:Domain": {"type": "single", "schemaName": "x:Domain"},
            "x:Account": {
                "type": "multiple",
                "variants": [
                    {"name": "User", "label": "A person", "schemaName": "x:UserAccount"},
                    {"name": "Group", "label": "A group", "schemaName": "x:GroupAccount"},
                ],
            },
            "x:Gadget": {"type": "single", "schemaName": "x:Gadget"},
            "x:Http": {"type": "single", "schemaName": "x:Http"},
            "x:Log": {"type": "single", "schemaName": "x:Log"},
            "x:Rate": {"type": "single", "schemaName": "x:Rate"},
            "x:Expression": {"type": "single", "schemaName": "x:Expression"},
            "x:Part": {"type": "single", "schemaName": "x:Part"},
        },
        "fields": {
            "x:Domain": {"properties": {"name": text(), "description": text(nullable=True)}},
            "x:UserAccount": {
                "properties": {
                    "name": text(),
                    "domainId": {"type": {"type": "objectId", "objectName": "x:Domain"}},
                    "memberGroupIds": {
                        "type": {"type": "set", "class": {"type": "objectId", "objectName": "x:Account/Group"}}
                    },
                    "usedDiskQuota": {"type": {"type": "number", "format": "size"}, "update": "serverSet"},
                }
            },
            "x:GroupAccount": {
                "properties": {"name": text(), "domainId": {"type": {"type": "objectId", "objectName": "x:Domain"}}}
            },
            "x:Gadget": {
                "properties": {
                    "label": text(),
                    "weight": {"type": {"type": "number", "format": "float", "min": 0.0, "max": 1.0}},
                    "since": {"type": {"type": "utcDateTime", "nullable": True}},
                    "password": {"type": {"type": "string", "format": "secret", "nullable": True}},
                    "colour": {"type": {"type": "enum", "enumName": "Colour"}},
                    "parts": {"type": {"type": "objectList", "objectName": "x:Part"}},
                    "sizes": {
                        "type": {
                            "type": "map",
                            "keyClass": {"type": "enum", "enumName": "Colour"},
                            "valueClass": {"type": "number", "format": "unsignedInteger"},
                        }
                    },
                },
                "defaults": {"weight": 0.5},
            },
            "x:Part": {"properties": {"domainId": {"type": {"type": "objectId", "objectName": "x:Domain"}}}},
            "x:Http": {
                "properties": {
                    "allowedEndpoints": {"type": {"type": "object", "objectName": "x:Expression"}},
                    "rateLimit": {"type": {"type": "object", "objectName": "x:Rate", "nullable": True}},
                },
                "defaults": {"allowedEndpoints": {"default": "200"}, "rateLimit": {"count": 100, "period": "1m"}},
            },
            "x:Rate": {
                "properties": {
                    "count": {"type": {"type": "number", "format": "unsignedInteger", "min": 1}},
                    "period": {"type": {"type": "number", "format": "duration"}},
                }
            },
        },
        "enums": {"Colour": [{"name": "red", "label": "Red"}, {"name": "blue", "label": "Blue"}]},
        "lists": {"x:Gadget": {"labelProperty": "label", "filters": [{"type": "text", "field": "label"}]}},
        "forms": {"x:Gadget": {"sections": []}},
    }
    for path, value in changes.items():
        at: Any = schema
        *steps, last = path.split("__")
        for step in steps:
            at = at[step.replace("_", ":", 1)]
        at[last] = value
    return json.dumps(schema).encode()


@pytest.fixture
def catalogue() -> Catalogue:
    return catalogue_of_published(reduced(published(), server="9.9.9", name="abc"))


def encoded(catalogue: Catalogue, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The wire form of a spec that is right."""
    own = catalogue.kinds[kind]
    assert Judge(catalogue).faults(own, spec) == []
    wire, mistakes = Codec(catalogue).encode(own, spec)
    assert mistakes == ()
    return wire


def test_a_pulled_schema_holds_what_is_used_and_no_forms() -> None:
    pulled = reduced(published(), server="9.9.9", name="abc", date="2026-01-01")

    assert (pulled.server, pulled.hash, pulled.date) == ("9.9.9", "abc", "2026-01-01")
    assert sorted(pulled.objects) == ["x:Account", "x:Domain", "x:Gadget", "x:Http", "x:Log"]
    assert pulled.enums == {"Colour": ("red", "blue")}
    assert pulled.labels == {"x:Gadget": "label"}
    assert pulled.filters == {"x:Gadget": ("label",)}


def test_a_pulled_file_and_an_answer_of_the_server_are_both_read() -> None:
    import msgspec

    pulled = reduced(published())

    assert read_pulled(msgspec.json.encode(pulled)) == pulled
    assert read_pulled(published()) == pulled


def test_a_pulled_file_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match='its format is "reconciler/server-schema/v9"'):
        read_pulled(b'{"format": "reconciler/server-schema/v9"}')


def test_the_built_in_kinds_stay_as_they_are(catalogue: Catalogue) -> None:
    assert {name: catalogue.kinds[name] for name in load().kinds} == load().kinds


def test_what_is_no_setting_is_no_kind(catalogue: Catalogue) -> None:
    assert sorted(catalogue.kinds.keys() - load().kinds.keys()) == ["Account", "Domain", "Gadget", "Http"]


def test_a_property_without_a_value_that_the_server_takes_is_required(catalogue: Catalogue) -> None:
    kinds = catalogue.kinds
    required = {name: [key for key, prop in kinds[name].legible(None).items() if prop.required] for name in kinds}

    assert required["Domain"] == ["name"]
    assert sorted(required["Account"]) == ["domainId", "name"]
    assert required["Gadget"] == ["label"]
    assert required["Http"] == []


def test_a_duration_inside_a_published_default_is_a_text_there() -> None:
    found = catalogue_of_published(reduced(published())).kinds["Http"].properties["rateLimit"].default

    assert found == {"count": 100, "period": 60000}


def test_an_expression_may_name_what_only_the_server_knows(catalogue: Catalogue) -> None:
    wire = encoded(
        catalogue, "Http", {"allowedEndpoints": {"match": [{"if": "url_path == '/x'", "then": 404}], "else": 200}}
    )

    assert wire == {"allowedEndpoints": {"match": {"0": {"if": "url_path == '/x'", "then": "404"}}, "else": "200"}}


def test_a_kind_that_nobody_here_knows_is_written_by_what_is_published(catalogue: Catalogue) -> None:
    spec = {
        "label": " x ",
        "weight": 1,
        "since": "2026-01-01T00:00:00Z",
        "password": "${env:GADGET}",
        "parts": [{"domainId": "example.org"}],
        "sizes": {"blue": 3},
    }

    assert encoded(catalogue, "Gadget", spec) == {
        "label": "x",
        "weight": 1.0,
        "since": "2026-01-01T00:00:00Z",
        "password": Sensitive(reference="${env:GADGET}"),
        "colour": "red",
        "parts": {"0": {"domainId": Address("Domain", "example.org")}},
        "sizes": {"blue": 3},
    }


def test_a_name_of_several_parts_joins_them(catalogue: Catalogue) -> None:
    spec = {"type": "User", "name": "Alice", "domainId": "example.org", "memberGroupIds": ["staff@example.org"]}
    wire = encoded(catalogue, "Account", spec)
    kind = catalogue.kinds["Account"]

    assert wire["memberGroupIds"] == {Address("Account", "staff@example.org"): True}
    assert "usedDiskQuota" not in wire
    assert address_of(kind, key_of(kind, wire)) == Address("Account", "alice@example.org")


def test_what_only_the_server_sets_cannot_be_wanted(catalogue: Catalogue) -> None:
    spec = {"type": "User", "name": "a", "domainId": "example.org", "usedDiskQuota": 1}

    (fault,) = Judge(catalogue).faults(catalogue.kinds["Account"], spec)

    assert fault.message == "unknown field usedDiskQuota"


def test_every_overlay_says_what_the_language_has_words_for() -> None:
    found = overlays()

    assert len(found) > 70
    assert all(found[name].kind == name for name in found)
    assert not found.keys() & load().kinds.keys()


def test_a_newer_schema_is_told_by_what_came_went_and_has_another_default() -> None:
    old = reduced(published())
    new = reduced(published(fields__x_Gadget__defaults={"weight": 0.25}, fields__x_Domain__properties={}))

    changes = compare_catalogues(catalogue_of_published(old), catalogue_of_published(new))

    assert [str(each) for each in changes] == [
        "Domain.description went",
        "Domain.name went",
        "Gadget.weight: the default was 0.5 and is 0.25",
    ]
    declared = {"a.yaml": ["Domain", "Domain.name"], "b.yaml": ["Gadget", "Gadget.label"], "c.yaml": ["Http"]}
    assert {label: len(each) for label, each in touched(changes, declared).items()} == {"a.yaml": 1, "b.yaml": 1}


def test_a_schema_is_no_other_than_itself() -> None:
    pulled: Pulled = reduced(published())

    assert compare_catalogues(catalogue_of_published(pulled), catalogue_of_published(pulled)) == ()


def test_a_time_is_sent_as_the_server_stores_it(catalogue: Catalogue) -> None:
    def since(text: str) -> Any:
        return encoded(catalogue, "Gadget", {"label": "a", "since": text})["since"]

    assert since("2026-01-02T03:04:05+02:00") == "2026-01-02T01:04:05Z"
    assert since("2026-01-02T03:04:05.678Z") == "2026-01-02T03:04:05Z"
    _, mistakes = Codec(catalogue).encode(catalogue.kinds["Gadget"], {"label": "a", "since": "2026-02-30T00:00:00Z"})
    assert [mistake.message for mistake in mistakes] == ["'2026-02-30T00:00:00Z' is no time"]


def test_a_number_that_is_not_said_to_be_unsigned_may_be_negative() -> None:
    catalogue = catalogue_of_published(read_pulled(schema({"Gadget": {"label": TEXT, "offset": WHOLE}})))

    assert encoded(catalogue, "Gadget", {"label": "a", "offset": -(2**63)})["offset"] == -(2**63)
