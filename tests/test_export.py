"""Live state becomes the documents that people would have written."""

from collections.abc import Mapping
from typing import Any

from reconciler.catalogue import Kind
from reconciler.export import export, printed
from reconciler.model import Address
from reconciler.schema.judge import Judge
from tests.states import CATALOGUE, live_of

JUDGE = Judge(CATALOGUE)
HEAD = "# yaml-language-server: $schema=s.json\n"
MASKED = {"@type": "Value", "secret": "****"}


def judge(kind: Kind, spec: dict[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    return [(fault.path, fault.message) for fault in JUDGE.faults(kind, spec)]


def imported(kind: str, *objects: Mapping[str, Any], **others: list[dict[str, Any]]) -> str:
    return printed(export(CATALOGUE, live_of({kind: objects, **others}), judge), [kind], "s.json")


def test_objects_come_by_name_with_what_differs_from_the_defaults() -> None:
    text = imported(
        "MtaRoute",
        {"id": "b", "@type": "Relay", "name": "relay-eu", "address": "smtp.example.net", "port": 587},
        {"id": "c", "@type": "Mx", "name": "mx", "maxMxHosts": 2, "description": "yes: it is"},
    )

    assert text == HEAD + (
        "kind: MtaRoute\n"
        "items:\n"
        "  - type: Mx\n"
        "    name: mx\n"
        '    description: "yes: it is"\n'
        "    maxMxHosts: 2\n"
        "  - type: Relay\n"
        "    name: relay-eu\n"
        "    address: smtp.example.net\n"
        "    port: 587\n"
    )


def test_units_sets_and_expressions_come_in_their_shortest_form() -> None:
    text = imported(
        "MtaMilter",
        {
            "id": "a",
            "hostname": "127.0.0.1",
            "stages": {"data": True, "connect": True},
            "timeoutData": 90000,
            "maxResponseSize": 1048576,
            "enable": {"match": {"0": {"if": "is_tls", "then": "false"}}, "else": "5"},
        },
    )

    assert text == HEAD + (
        "kind: MtaMilter\n"
        "spec:\n"
        "  hostname: 127.0.0.1\n"
        "  stages: [connect, data]\n"
        "  enable:\n"
        "    match:\n"
        "      - {if: is_tls, then: false}\n"
        "    else: 5\n"
        "  timeoutData: 1m30s\n"
        "  maxResponseSize: 1MB\n"
    )


def test_milters_keep_their_order_and_those_of_one_key_have_names() -> None:
    text = imported(
        "MtaMilter",
        {"id": "a", "hostname": "z.test"},
        {"id": "b", "hostname": "b.test", "useTls": True},
        {"id": "c", "hostname": "::1", "port": 1},
        {"id": "d", "hostname": "b.test"},
        {"id": "e", "hostname": "a.test"},
        {"id": "f", "hostname": "c.test"},
    )

    assert text == HEAD + (
        "kind: MtaMilter\n"
        "spec:\n"
        "  hostname: z.test\n"
        "---\n"
        "kind: MtaMilter\n"
        "metadata:\n"
        "  name: b.test:11332-1\n"
        "spec:\n"
        "  hostname: b.test\n"
        "  useTls: true\n"
        "---\n"
        "kind: MtaMilter\n"
        "spec:\n"
        '  hostname: "::1"\n'
        "  port: 1\n"
        "---\n"
        "kind: MtaMilter\n"
        "metadata:\n"
        "  name: b.test:11332-2\n"
        "spec:\n"
        "  hostname: b.test\n"
        "---\n"
        "kind: MtaMilter\n"
        "items:\n"
        "  - hostname: a.test\n"
        "  - hostname: c.test\n"
    )


def test_a_masked_secret_becomes_a_variable_of_its_own() -> None:
    live = live_of(
        {
            "MtaRoute": [
                {"id": "a", "@type": "Relay", "name": "relay-eu", "address": "a.test", "authSecret": MASKED},
                {"id": "b", "@type": "Relay", "name": "relay.eu", "address": "a.test", "authSecret": MASKED},
                {"id": "c", "@type": "Relay", "name": "stalwart", "address": "a.test", "authSecret": MASKED},
                {
                    "id": "d",
                    "@type": "Relay",
                    "name": "env",
                    "address": "a.test",
                    "authSecret": {"@type": "EnvironmentVariable", "variableName": "X"},
                },
            ],
            "MtaHook": [{"id": "e", "url": "https://h.test/x", "httpAuth": {"@type": "Bearer", "bearerToken": MASKED}}],
        }
    )

    found = export(CATALOGUE, live, judge, ["MtaRoute", "MtaHook"])

    assert found.secrets == (
        (
            "HTTPS_H_TEST_X_HTTP_AUTH_BEARER_TOKEN",
            Address("MtaHook", "https://h.test/x"),
            "httpAuth/bearerToken/secret",
        ),
        ("RELAY_EU_AUTH_SECRET", Address("MtaRoute", "relay-eu"), "authSecret/secret"),
        ("MTA_ROUTE_RELAY_EU_AUTH_SECRET", Address("MtaRoute", "relay.eu"), "authSecret/secret"),
        ("MTA_ROUTE_STALWART_AUTH_SECRET", Address("MtaRoute", "stalwart"), "authSecret/secret"),
    )
    assert (
        "    # The server masks this secret. Set RELAY_EU_AUTH_SECRET where it is written: by a create, or with"
        " --rotate-secrets.\n"
        '    authSecret: {type: Value, secret: "${env:RELAY_EU_AUTH_SECRET}"}\n'
    ) in printed(found, ["MtaRoute"], "s.json")


def test_a_singleton_comes_with_all_its_fields() -> None:
    text = imported("MtaSts")

    assert text == HEAD + "kind: MtaSts\nspec:\n  mode: testing\n  maxAge: 7d\n  mxHosts: []\n"


def test_a_bare_constant_as_a_name_is_left_alone_and_told() -> None:
    live = live_of({"MtaOutboundStrategy": [{"tls": {"match": {}, "else": "strict"}}]})

    found = export(CATALOGUE, live, judge, ["MtaOutboundStrategy"])

    reason = "the bare word strict names no variable here, so that no object would be found"
    assert found.omitted == ((Address("MtaOutboundStrategy"), "tls", reason),)
    assert printed(found, ["MtaOutboundStrategy"], "s.json") == HEAD + (
        "kind: MtaOutboundStrategy\n"
        f"# tls is left alone: {reason}.\n"
        "metadata:\n"
        "  unmanaged: [tls]\n"
        "spec:\n"
        "  route:\n"
        "    match:\n"
        "      - {if: is_local_domain(rcpt_domain), use: local}\n"
        "    use: mx\n"
        "  connection: {use: default}\n"
        "  schedule:\n"
        "    match:\n"
        "      - {if: is_local_domain(rcpt_domain), use: local}\n"
        "      - {if: source == 'dsn', use: dsn}\n"
        "      - {if: source == 'report', use: report}\n"
        "    use: remote\n"
    )


def test_references_come_by_name_or_by_id_where_no_name_is_known() -> None:
    queues = [{"id": "q", "name": "fast"}, {"id": "r", "name": "id:a"}]
    schedules = [{"id": "a", "name": "a", "queueId": "q"}, {"id": "b", "name": "b", "queueId": "r"}]

    known = imported("MtaDeliverySchedule", *schedules, MtaVirtualQueue=queues)
    unknown = printed(
        export(CATALOGUE, live_of({"MtaDeliverySchedule": schedules}, ["MtaVirtualQueue"]), judge),
        ["MtaDeliverySchedule"],
        "s.json",
    )

    assert known == HEAD + (
        "kind: MtaDeliverySchedule\nitems:\n  - name: a\n    queueId: fast\n  - name: b\n    queueId: id:r\n"
    )
    assert unknown == known.replace("fast", "id:q")


def test_what_looks_like_a_variable_is_freed_of_its_meaning() -> None:
    text = imported("MtaRoute", {"id": "a", "@type": "Local", "name": "a", "description": "${env:HOME} $${var:x}"})

    assert text == HEAD + ("kind: MtaRoute\nspec:\n  type: Local\n  name: a\n  description: $${env:HOME} $$${var:x}\n")


def test_an_object_that_no_schema_knows_is_left_out_and_told() -> None:
    live = live_of({"MtaRoute": [{"id": "a", "@type": "Local", "name": "a"}]})
    live.objects["MtaRoute"][0].wire["@type"] = "Future"

    found = export(CATALOGUE, live, judge, ["MtaRoute"])

    assert found.documents == {}
    assert found.omitted == ((Address("MtaRoute", "a"), "", "'Future' is none of Mx, Relay, Local"),)


def test_a_secret_that_a_server_does_not_mask_is_never_shown() -> None:
    secret = {"@type": "Value", "secret": "hunter2"}
    live = live_of(
        {"MtaRoute": [{"id": "a", "@type": "Relay", "name": "a", "address": "a.test", "authSecret": secret}]}
    )

    found = export(CATALOGUE, live, judge, ["MtaRoute"])

    assert [(str(address), pointer) for address, pointer, _ in found.omitted] == [("MtaRoute/a", "authSecret")]
    assert "hunter2" not in f"{found}"
