"""Live state becomes the documents that people would have written."""

from collections.abc import Mapping
from typing import Any

from reconciler.desired.export import export_state, printed
from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds.schema.judge import Judge
from reconciler.values.model import Address
from reconciler.values.policy import Policy, Scope
from tests.states import CATALOGUE, live_of

JUDGE = Judge(CATALOGUE)
HEAD = "# yaml-language-server: $schema=s.json\n"
MASKED = {"@type": "Value", "secret": "****"}


def imported(kind: str, *objects: Mapping[str, Any], **others: list[dict[str, Any]]) -> str:
    return printed(export_state(CATALOGUE, live_of({kind: objects, **others}), JUDGE), [kind], "s.json")


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
        "\n"
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

    found = export_state(CATALOGUE, live, JUDGE, ["MtaRoute", "MtaHook"])

    assert found.secrets == (
        (
            "HTTPS_H_TEST_X_HTTP_AUTH_BEARER_TOKEN",
            Address("MtaHook", "https://h.test/x"),
            "httpAuth/bearerToken/secret",
        ),
        ("RELAY_EU_AUTH_SECRET", Address("MtaRoute", "relay-eu"), "authSecret/secret"),
        ("MTA_ROUTE_STALWART_AUTH_SECRET", Address("MtaRoute", "stalwart"), "authSecret/secret"),
    )
    assert (
        "    # The server masks this secret: set RELAY_EU_AUTH_SECRET where it is to be written.\n"
        '    authSecret: {type: Value, secret: "${env:RELAY_EU_AUTH_SECRET}"}\n'
    ) in printed(found, ["MtaRoute"], "s.json")


def test_a_singleton_comes_with_all_its_fields() -> None:
    text = imported("MtaSts")

    assert text == HEAD + "kind: MtaSts\nspec:\n  mode: testing\n  maxAge: 7d\n  mxHosts: []\n"


def test_a_bare_constant_as_a_name_is_left_alone_and_told() -> None:
    live = live_of({"MtaOutboundStrategy": [{"tls": {"match": {}, "else": "strict"}}]})

    found = export_state(CATALOGUE, live, JUDGE, ["MtaOutboundStrategy"])

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


def test_branches_are_declared_beside_an_else_that_cannot_be() -> None:
    branch = {"if": "is_local_domain(rcpt_domain)", "then": "'local'"}
    live = live_of({"MtaOutboundStrategy": [{"route": {"match": {"0": branch}, "else": "true"}}]})

    found = export_state(CATALOGUE, live, JUDGE, ["MtaOutboundStrategy"])
    (document,) = found.documents["MtaOutboundStrategy"]

    assert [(str(address), pointer) for address, pointer, _ in found.omitted] == [("MtaOutboundStrategy", "route/else")]
    assert document.value["metadata"] == {"unmanaged": ["route/else"]}
    assert document.value["spec"]["route"] == {"match": [{"if": "is_local_domain(rcpt_domain)", "use": "local"}]}
    desired = parse(CATALOGUE, [[ManifestText("a.yaml", printed(found, found.documents, "s.json"))]]).checked()
    assert [each.unmanaged for each in desired.resources] == [("route/else",)]


def test_references_come_by_name_or_by_id_where_no_name_is_known() -> None:
    queues = [{"id": "q", "name": "fast"}, {"id": "r", "name": "id:a"}]
    schedules = [{"id": "a", "name": "a", "queueId": "q"}, {"id": "b", "name": "b", "queueId": "r"}]

    known = imported("MtaDeliverySchedule", *schedules, MtaVirtualQueue=queues)
    unknown = printed(
        export_state(CATALOGUE, live_of({"MtaDeliverySchedule": schedules}, ["MtaVirtualQueue"]), JUDGE),
        ["MtaDeliverySchedule"],
        "s.json",
    )

    assert known == HEAD + (
        "kind: MtaDeliverySchedule\n"
        "items:\n"
        "  - name: a\n"
        "    queueId: fast\n"
        "\n"
        "  - name: b\n"
        "    # By id, which is this server's own: the name of MtaVirtualQueue/id:a would be read as an id.\n"
        "    queueId: id:r\n"
    )
    assert unknown == HEAD + (
        "kind: MtaDeliverySchedule\n"
        "items:\n"
        "  - name: a\n"
        "    # By id, which is this server's own: the credentials may not read MtaVirtualQueue.\n"
        "    queueId: id:q\n"
        "\n"
        "  - name: b\n"
        "    # By id, which is this server's own: the credentials may not read MtaVirtualQueue.\n"
        "    queueId: id:r\n"
    )


def test_what_looks_like_a_variable_is_freed_of_its_meaning() -> None:
    text = imported("MtaRoute", {"id": "a", "@type": "Local", "name": "a", "description": "${env:HOME} $${var:x}"})

    assert text == HEAD + ("kind: MtaRoute\nspec:\n  type: Local\n  name: a\n  description: $${env:HOME} $$${var:x}\n")


def test_a_name_that_looks_like_a_variable_is_freed_of_its_meaning_too() -> None:
    quotas = [{"id": each, "key": {"rcpt": True}, "messages": 9, "description": "${var:x}"} for each in ("a", "b")]

    text = imported("MtaQueueQuota", *quotas)

    names = [str(each.address) for each in parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked().resources]
    assert names == ["MtaQueueQuota/${var:x}-1", "MtaQueueQuota/${var:x}-2"]


def test_an_object_that_no_schema_knows_is_left_out_and_told() -> None:
    live = live_of({"MtaRoute": [{"id": "a", "@type": "Local", "name": "a"}]})
    live.objects["MtaRoute"][0].wire["@type"] = "Future"

    found = export_state(CATALOGUE, live, JUDGE, ["MtaRoute"])

    assert found.documents == {"MtaRoute": ()}
    assert found.omitted == ((Address("MtaRoute", "a"), "", "'Future' is none of Mx, Relay, Local"),)
    assert printed(found, found.documents, "s.json") == HEAD + (
        "# MtaRoute/a is left out: 'Future' is none of Mx, Relay, Local. "
        "Unless policy.keep holds it, --prune destroys it.\n"
    )


def test_a_secret_that_a_server_does_not_mask_is_exported_as_a_masked_one() -> None:
    secret = {"@type": "Value", "secret": "hunter2"}
    live = live_of(
        {"MtaRoute": [{"id": "a", "@type": "Relay", "name": "a", "address": "a.test", "authSecret": secret}]}
    )

    found = export_state(CATALOGUE, live, JUDGE, ["MtaRoute"])

    assert [(variable, str(address)) for variable, address, _ in found.secrets] == [("A_AUTH_SECRET", "MtaRoute/a")]
    assert "hunter2" not in f"{found}"


def relays(*names: str) -> dict[str, str]:
    """Return the variable of each relay's secret on a server that holds some relays."""
    held = [
        {"id": f"r{n}", "@type": "Relay", "name": name, "address": "a.test", "authSecret": MASKED}
        for n, name in enumerate(names)
    ]
    found = export_state(CATALOGUE, live_of({"MtaRoute": held}), JUDGE, ["MtaRoute"])
    return {address.name: variable for variable, address, _ in found.secrets}


def test_the_name_of_a_variable_never_becomes_that_of_another_secret() -> None:
    alone, two, three = relays("relay.eu"), relays("relay.eu", "Relay-EU"), relays("Relay-EU", "relay-eu", "relay.eu")

    assert alone == {"relay.eu": "RELAY_EU_AUTH_SECRET"}
    assert two == {
        "relay.eu": "RELAY_EU_AUTH_SECRET_0358E75D",
        "Relay-EU": "RELAY_EU_AUTH_SECRET_C3906F96",
    }
    assert three == {**two, "relay-eu": "RELAY_EU_AUTH_SECRET_3F6842C5"}


def test_a_variable_is_called_after_the_name_that_the_document_has() -> None:
    bearer = {"@type": "Bearer", "bearerToken": MASKED}
    hooks = [{"id": each, "url": "https://h.test", "httpAuth": bearer} for each in ("a", "b", "c")]

    found = export_state(CATALOGUE, live_of({"MtaHook": hooks}), JUDGE, ["MtaHook"])

    assert found.secrets == tuple(
        (
            f"HTTPS_H_TEST_{n}_HTTP_AUTH_BEARER_TOKEN",
            Address("MtaHook", f"https://h.test-{n}"),
            "httpAuth/bearerToken/secret",
        )
        for n in (1, 2, 3)
    )


def test_only_what_cannot_be_said_is_left_alone() -> None:
    milters: list[dict[str, Any]] = [
        {"id": "a", "hostname": "192.0.2.9", "flagsAction": 2**64 - 1, "timeoutData": 2**63, "port": 25},
        {"id": "b", "hostname": "192.0.2.8"},
    ]

    found = export_state(CATALOGUE, live_of({"MtaMilter": milters}), JUDGE, ["MtaMilter"])

    assert found.omitted == (
        (Address("MtaMilter", "192.0.2.9:25"), "flagsAction", "18446744073709551615 is over 9223372036854775807"),
        (
            Address("MtaMilter", "192.0.2.9:25"),
            "timeoutData",
            "'106751991167d7h12m55s808ms' is over 106751991167d7h12m55s807ms",
        ),
    )
    assert [each.value for each in found.documents["MtaMilter"]] == [
        {
            "kind": "MtaMilter",
            "metadata": {"unmanaged": ["flagsAction", "timeoutData"]},
            "spec": {"hostname": "192.0.2.9", "port": 25},
        },
        {"kind": "MtaMilter", "spec": {"hostname": "192.0.2.8"}},
    ]


def test_what_one_judge_hides_from_the_next_is_left_alone_too() -> None:
    strategy = {
        "tls": {"match": {}, "else": "strict"},
        "route": {"match": {"0": {"if": "no_such_variable == 'x'", "then": "'mx'"}}, "else": "'mx'"},
    }

    found = export_state(CATALOGUE, live_of({"MtaOutboundStrategy": [strategy]}), JUDGE, ["MtaOutboundStrategy"])
    (document,) = found.documents["MtaOutboundStrategy"]

    assert document.value["metadata"] == {"unmanaged": ["route/match", "tls"]}
    assert document.value["spec"]["route"] == {"use": "mx"}
    assert list(document.value["spec"]) == ["route", "connection", "schedule"]
    reason = (
        'the expression is refused here: "no_such_variable" is no function, variable, constant or duration; '
        "a text needs quotes"
    )
    assert found.omitted[0] == (Address("MtaOutboundStrategy"), "route/match", reason)
    assert printed(found, found.documents, "s.json").splitlines()[2:9] == [
        f"# route/match is left alone: {reason}. The server holds:",
        "#   route:",
        "#     match:",
        "#       - {if: no_such_variable == 'x', use: mx}",
        "#     use: mx",
        "# tls is left alone: the bare word strict names no variable here, so that no object would be found.",
        "metadata:",
    ]


def test_a_property_of_a_newer_server_is_told_and_stays() -> None:
    throttle = {"id": "a", "description": "t", "rate": {"count": 5, "period": 1000, "burst": 5}}
    route = {"id": "a", "@type": "Local", "name": "a", "newField": {"x": 1}}

    found = export_state(
        CATALOGUE,
        live_of({"MtaRoute": [route], "MtaOutboundThrottle": [throttle]}),
        JUDGE,
        ["MtaRoute", "MtaOutboundThrottle"],
    )

    assert found.omitted == (
        (Address("MtaOutboundThrottle", "t"), "rate/burst", "this version does not know it"),
        (Address("MtaRoute", "a"), "newField", "this version does not know it"),
    )
    assert printed(found, ["MtaRoute"], "s.json") == HEAD + (
        "kind: MtaRoute\n# newField is left alone: this version does not know it.\nspec:\n  type: Local\n  name: a\n"
    )


def test_what_is_unknown_within_a_list_is_named_where_its_property_is_left_alone() -> None:
    hosts = {"0": {"sourceIp": "192.0.2.1", "zone": "x"}}
    live = live_of({"MtaConnectionStrategy": [{"id": "a", "name": "a", "sourceIps": hosts}]})

    found = export_state(CATALOGUE, live, JUDGE, ["MtaConnectionStrategy"])

    assert found.omitted == (
        (
            Address("MtaConnectionStrategy", "a"),
            "sourceIps",
            "no manifest says 0/zone, which the server holds here",
        ),
    )


def test_white_space_around_tokens_hides_no_name() -> None:
    strategy = {"tls": {"match": {"0": {"if": " retry_num   >  1", "then": " 'invalid-tls' "}}, "else": "'default' "}}

    text = imported("MtaOutboundStrategy", strategy)

    assert ("  tls:\n    match:\n      - {if: retry_num   >  1, use: invalid-tls}\n    use: default\n") in text


def test_objects_without_a_description_are_called_unnamed() -> None:
    quotas = [{"id": each, "key": {"rcpt": True}, "messages": 9} for each in ("a", "b")]

    found = export_state(CATALOGUE, live_of({"MtaQueueQuota": quotas}), JUDGE, ["MtaQueueQuota"])

    names = [each.value["metadata"] for each in found.documents["MtaQueueQuota"]]
    assert names == [{"name": "unnamed-1"}, {"name": "unnamed-2"}]


def test_what_the_manifests_do_not_own_is_counted_and_left_out() -> None:
    routes = [{"id": name, "@type": "Local", "name": name} for name in ("acme-a", "b", "c")]

    found = export_state(
        CATALOGUE,
        live_of({"MtaRoute": routes}),
        JUDGE,
        ["MtaRoute"],
        policy=Policy(owns={"MtaRoute": ("acme-*",)}),
    )

    assert found.outside == {"MtaRoute": 2}
    assert [each.value["spec"] for each in found.documents["MtaRoute"]] == [{"type": "Local", "name": "acme-a"}]


def test_objects_of_one_key_are_bound_by_id_where_one_of_them_is_left_out() -> None:
    hooks = [{"id": each, "url": "https://h.test"} for each in ("a", "b")]
    narrowed = Scope(only=("MtaHook/*#b",))

    both = export_state(CATALOGUE, live_of({"MtaHook": hooks}), JUDGE, ["MtaHook"])
    one = export_state(CATALOGUE, live_of({"MtaHook": hooks}), JUDGE, ["MtaHook"], scope=narrowed)

    assert [each.value["metadata"] for each in both.documents["MtaHook"]] == [
        {"name": "https://h.test-1"},
        {"name": "https://h.test-2"},
    ]
    assert [each.value["metadata"] for each in one.documents["MtaHook"]] == [{"name": "https://h.test-2", "id": "b"}]
