"""The published schema: the real form, with its gaps and traps."""

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest

from reconciler.kinds.catalogue import load
from reconciler.sandbox import Sandbox
from reconciler.sandbox.published import Published
from tests.talk import Talk


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(gzip.decompress(Published(load()).content))


def test_schema_needs_credentials_and_is_found_by_redirect() -> None:
    talk = Talk()
    reply = talk.get("/api/schema")
    place = dict(reply.headers)["Location"]

    assert Sandbox().handle("GET", "/api/schema", {}).status == 401
    assert (reply.status, reply.body) == (302, b"")
    assert talk.send(b"", "POST", "/api/schema/old") == reply
    assert talk.get(place).headers == (
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
        ("Cache-Control", "public, max-age=31536000, immutable"),
    )
    digest = hashlib.sha256(talk.get(place).body).digest()
    assert place == "/api/schema/" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_schema_is_the_same_bytes_each_time() -> None:
    assert Published(load()).content == Published(load()).content


def test_schema_names_every_kind_and_its_permissions(schema: Any) -> None:
    assert list(schema) == ["objects", "schemas", "fields", "forms", "lists", "enums", "dashboards", "layouts"]
    assert {name: entry["type"] for name, entry in schema["objects"].items()} == {
        f"x:{name}": "singleton" if kind.singleton else "object" for name, kind in load().kinds.items()
    }
    assert schema["objects"]["x:MtaRoute"]["permissionPrefix"] == "sysMtaRoute"


def test_variants_without_members_have_no_schema(schema: Any) -> None:
    variants = schema["schemas"]["x:SecretKeyOptional"]["variants"]

    assert [(each["name"], each.get("schemaName")) for each in variants] == [
        ("None", None),
        ("Value", "x:SecretKeyOptionalValue"),
        ("EnvironmentVariable", "x:SecretKeyOptionalEnvironmentVariable"),
        ("File", "x:SecretKeyOptionalFile"),
    ]


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [
        ("MtaRouteRelay", "port", {"type": "number", "format": "unsignedInteger", "min": 1, "max": 65535}),
        ("MtaRouteRelay", "authUsername", {"type": "string", "format": "string", "nullable": True}),
        ("MtaRouteRelay", "authSecret", {"type": "object", "objectName": "x:SecretKeyOptional"}),
        ("MtaRouteRelay", "implicitTls", {"type": "boolean"}),
        ("MtaMilter", "timeoutData", {"type": "number", "format": "duration"}),
        ("MtaMilter", "maxResponseSize", {"type": "number", "format": "size"}),
        ("MtaDeliverySchedule", "queueId", {"type": "objectId", "objectName": "x:MtaVirtualQueue"}),
        ("MtaConnectionStrategy", "sourceIps", {"type": "objectList", "objectName": "x:MtaConnectionIpHost"}),
        ("MtaConnectionIpHost", "sourceIp", {"type": "string", "format": "ipAddress"}),
        ("SecretKeyValue", "secret", {"type": "string", "format": "secret"}),
        ("MtaSts", "mxHosts", {"type": "set", "class": {"type": "string", "format": "string"}}),
        (
            "MtaHook",
            "httpHeaders",
            {
                "type": "map",
                "keyClass": {"type": "string", "format": "string"},
                "valueClass": {"type": "string", "format": "string"},
            },
        ),
    ],
)
def test_types_are_described(schema: Any, owner: str, name: str, expected: Any) -> None:
    assert schema["fields"][f"x:{owner}"]["properties"][name]["type"] == expected


def test_sets_of_words_name_an_enum(schema: Any) -> None:
    stages = schema["fields"]["x:MtaMilter"]["properties"]["stages"]["type"]

    assert (stages["type"], stages["minItems"]) == ("set", 1)
    assert [entry["name"] for entry in schema["enums"][stages["class"]["enumName"]]] == [
        *("connect", "ehlo", "auth", "mail", "rcpt", "data"),
    ]


def test_defaults_hold_expressions_in_a_form_of_their_own(schema: Any) -> None:
    fields = schema["fields"]

    assert fields["x:MtaOutboundStrategy"]["defaults"]["connection"] == {"default": "'default'"}
    assert fields["x:MtaOutboundStrategy"]["defaults"]["route"] == {
        "else": "'mx'",
        "match": [{"if": "is_local_domain(rcpt_domain)", "then": "'local'"}],
    }
    assert fields["x:MtaQueueQuota"]["defaults"] == {"enable": True}
    assert fields["x:MtaRouteRelay"]["defaults"] == {"port": 25, "protocol": "smtp"}
    assert fields["x:Rate"]["defaults"] == {"count": 0, "period": 0}
    assert "defaults" not in fields["x:MtaDeliverySchedule"]


def test_properties_stand_in_alphabetical_order_with_their_mutability(schema: Any) -> None:
    properties = schema["fields"]["x:MtaRouteRelay"]["properties"]

    assert list(properties) == sorted(properties)
    assert (properties["name"]["update"], properties["port"]["update"]) == ("immutable", "mutable")


def test_new_server_ships_its_queues_with_descriptions() -> None:
    held = Sandbox(environment={}).state()["stored"]["x:MtaVirtualQueue"]

    assert {each["name"]: each["description"] for each in held} == {
        "local": "Local delivery queue",
        "remote": "Remote delivery queue",
        "dsn": "Delivery Status Notification delivery queue",
        "report": "DMARC and TLS report delivery queue",
    }
