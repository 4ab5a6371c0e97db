"""A plan of stalwart-cli becomes the manifests of the state that it leaves behind, and what it cannot say is told."""

from typing import Any

import pytest

from tests.desired.bridges.importing import imported, lines

RELAY = {"@type": "Relay", "name": "eu", "address": "smtp.example.net", "port": 587}


def op(name: str, kind: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"@type": name, "object": kind, **({} if value is None else {"value": value}), **more}


def test_values_at_their_defaults_and_nulls_are_left_out() -> None:
    body = {**RELAY, "description": None, "protocol": "smtp", "implicitTls": False, "authSecret": {"@type": "None"}}
    found = imported(lines(op("create", "x:mtaroute", {"#r": body})))

    assert found.text == "kind: MtaRoute\nspec:\n  type: Relay\n  name: eu\n  address: smtp.example.net\n  port: 587\n"
    assert found.told == ["note 1: a create fails where the object exists: this plan could run once"]


def test_an_else_alone_keeps_the_branches_that_the_server_has() -> None:
    found = imported(lines(op("update", "MtaOutboundStrategy", {"route": {"else": "'eu'"}})))

    assert found.text == (
        "kind: MtaOutboundStrategy\nspec:\n  # The plan changes a part of this; the rest is the type's default.\n"
        "  route:\n    match:\n      - {if: is_local_domain(rcpt_domain), use: local}\n    use: eu\n"
    )


def test_pointers_append_take_out_and_number_anew() -> None:
    plan = lines(
        op("update", "MtaOutboundStrategy", {"tls/match/7": {"if": "retry_num > 5", "then": "'lax'"}}),
        op("update", "MtaOutboundStrategy", {"tls/match/0": None, "tls/match/0/then": "'laxer'"}),
    )

    assert "    match:\n      - {if: retry_num > 5, use: laxer}\n    use: default\n" in imported(plan).text


def test_an_update_by_client_id_changes_what_the_plan_made() -> None:
    plan = lines(
        op("upsert", "MtaVirtualQueue", {"q": {"name": "bulk"}}),
        op("upsert", "MtaDeliverySchedule", {"s": {"name": "news", "queueId": "#q"}}),
        op(
            "update", "MtaDeliverySchedule", {"retry": {"@type": "Custom", "intervals": [{"duration": 60000}]}}, id="#s"
        ),
    )

    assert "  name: news\n  queueId: bulk\n  retry: {type: Custom, intervals: [1m]}\n" in imported(plan).text


def test_another_variant_keeps_only_what_all_variants_have() -> None:
    plan = lines(
        op("upsert", "MtaRoute", {"r": {**RELAY, "description": "out"}}),
        op("update", "MtaRoute", {"@type": "Mx", "maxMxHosts": 3}, id="#r"),
    )

    assert imported(plan).text == "kind: MtaRoute\nspec:\n  type: Mx\n  name: eu\n  description: out\n  maxMxHosts: 3\n"


@pytest.mark.parametrize(
    ("secret", "left"),
    [
        ({"@type": "Value", "secret": "hunter2"}, "hunter2"),
        ({"@type": "Value", "secret": "****"}, "*"),
        ({"@type": "Value"}, "?"),
    ],
)
def test_a_secret_becomes_a_variable_and_is_shown_nowhere(secret: dict[str, str], left: str) -> None:
    found = imported(lines(op("upsert", "MtaRoute", {"r": {**RELAY, "authUsername": "u", "authSecret": secret}})))

    assert '  authSecret: {type: Value, secret: "${env:EU_AUTH_SECRET}"}\n' in found.text
    assert left not in found.text + str(found.told)


def test_a_destroy_by_name_is_an_absence_unless_the_plan_makes_the_object() -> None:
    plan = lines(
        op("destroy", "MtaRoute", {"name": "old"}),
        op("destroy", "MtaRoute", {"name": "eu"}),
        op("upsert", "MtaRoute", {"r": RELAY}),
    )
    found = imported(plan).text

    assert found.endswith("---\nkind: MtaRoute\nmetadata:\n  absent: true\nspec:\n  name: old\n")
    assert found.count("name: eu") == 1


def test_a_destroy_of_all_is_a_policy() -> None:
    found = imported(
        lines(op("destroy", "MtaRoute"), op("create", "MtaRoute", {"r": RELAY}), op("destroy", "MtaHook", {}))
    )

    assert found.config == {"policy": {"prune": {"MtaHook": "all", "MtaRoute": "all"}}}
    assert "warning 3: the plan leaves no MtaHook at all" in found.told
    assert any(each.endswith("of what a new server ships: mx, local") for each in found.told)


def test_a_reconcile_of_one_key_without_entries_is_an_absence() -> None:
    scope = {"hostname": "av.example.net", "port": 7357}

    assert imported(lines(op("reconcile", "MtaMilter", {}, scope=scope))).text == (
        "kind: MtaMilter\nmetadata:\n  absent: true\nspec:\n  hostname: av.example.net\n  port: 7357\n"
    )


def test_a_reconcile_of_a_variant_prunes_nothing_and_says_so() -> None:
    found = imported(lines(op("reconcile", "MtaRoute", {"r": RELAY}, scope={"@type": "Relay"})))

    assert found.config == {}
    assert (
        "warning 1: it destroys MtaRoute of type Relay only, which no policy says: nothing is pruned here" in found.told
    )


def test_entries_of_one_key_are_named_by_their_client_ids() -> None:
    one = {"description": "d", "key": ["rcpt"], "rate": {"count": 5, "period": 60000}}
    found = imported(lines(op("create", "MtaInboundThrottle", {"a": one, "b": {**one, "enable": False}})))

    assert [line for line in found.text.splitlines() if line.startswith("  name:")] == ["  name: a", "  name: b"]


def test_entries_of_one_operation_and_one_key_are_two_objects() -> None:
    host = {"hostname": "h.test", "port": 9}
    found = imported(lines(op("upsert", "MtaMilter", {"a": host, "b": {**host, "useTls": True}})))

    assert [line for line in found.text.splitlines() if line.startswith("  name:")] == ["  name: a", "  name: b"]


def test_milters_keep_the_order_of_the_plan_and_a_snapshot_is_turned_round() -> None:
    def hosts(ids: list[str]) -> list[str]:
        value = {each: {"hostname": f"{n}.test"} for n, each in enumerate(ids)}
        text = imported(lines(op("create", "MtaMilter", value))).text
        return [line.split()[-1] for line in text.splitlines() if "hostname" in line]

    assert hosts(["b", "a"]) == ["0.test", "1.test"]
    assert hosts(["mtamilter-jpsccuf2", "mtamilter-jpsccues", "mtamilter-b"]) == ["2.test", "1.test", "0.test"]


def test_partial_upserts_are_told_or_left_unmanaged() -> None:
    plan = lines(op("upsert", "MtaRoute", {"m": {"@type": "Mx", "name": "mx"}}))

    told = (
        "warning 1: the plan leaves ipLookupStrategy, maxMultihomed, maxMxHosts, description as it finds them; the "
        "document asks for the types' defaults, and a new server ships this object with values of its own"
    )
    assert imported(plan).told == [told]
    assert imported(plan, unmanaged=True).text == (
        "kind: MtaRoute\nmetadata:\n  unmanaged: [ipLookupStrategy, maxMultihomed, maxMxHosts, description]\n"
        "spec:\n  type: Mx\n  name: mx\n"
    )


def test_other_kinds_and_reloads_are_counted() -> None:
    plan = lines(
        op("update", "Coordinator", {}),
        op("create", "Action", {"r": {"@type": "ReloadSettings"}}),
        op("destroy", "Domain"),
    )

    assert imported(plan).carried == (3, 0, 1, 2)


def test_an_array_of_operations_is_taken_with_a_note() -> None:
    found = imported(
        '[\n{"@type":"create","object":"MtaRoute","value":{}},\n\n{"@type":"make","object":"MtaRoute"}]', "a.json"
    )

    assert found.told[:1] == ["note 1: the file is one JSON array, which stalwart-cli takes up to 1.0.1 only"]
    assert found.errors == ["2: create needs at least one object in value", "4: @type names no operation"]


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        ("# a comment", "1: the line is no JSON object"),
        ('\n{"@type":"create"', "2: the line is no JSON: Expecting ',' delimiter at column 18"),
        ('{"@type":"create","object":"MtaRoute","value":{"a":{},"a":{}}}', "1: the key a stands twice in one object"),
        ("[" * 100_000, "1: the line is no JSON that can be read: too deep, or a number too long"),
        (lines(op("create", "MtaRoute/Relay", {"a": {}})), "1: MtaRoute/Relay is a view, and plans name objects only"),
        (lines(op("upsert", "MtaRoute", {"a": RELAY}, scop={})), "1: upsert has no field scop"),
        (lines(op("upsert", "MtaRoute", [])), "1: value must be an object"),
        (lines(op("upsert", "MtaRoute", {"a": 5})), "1: the object a is none: it must be a JSON object"),
        (lines(op("create", "MtaSts", {"a": {}})), "1: MtaSts always exists, so it can only be updated"),
        (lines(op("destroy", "MtaSts")), "1: MtaSts cannot be destroyed"),
        (
            lines(op("upsert", "MtaRoute", {"a": RELAY}, matchOn=["description"])),
            "1: matchOn description is another identity than ours, which is name",
        ),
        (
            lines(op("create", "MtaRoute", {"a": RELAY, "b": RELAY})),
            "1: it creates MtaRoute eu a second time: see line 1",
        ),
        (lines(op("create", "MtaRoute", {"a": RELAY, "#a": RELAY})), "1: the client id a stands twice in this plan"),
        (
            lines(op("update", "MtaRoute", {"port": 25}, id="jpr0")),
            "1: it updates one MtaRoute of one server by its id, and nothing here tells its name or the rest of it",
        ),
        (lines(op("update", "MtaRoute", {"port": 25}, id="#x")), "1: no MtaRoute above has the id #x"),
        (
            lines(op("update", "MtaOutboundStrategy", {"route/match/x/if": "1"})),
            "1: x in route/match/x/if is no place in a list",
        ),
        (lines(op("update", "MtaSts", {"mode/x": "1"})), "1: mode/x reaches into a value that has no parts"),
        (
            lines(op("destroy", "MtaMilter", {"hostname": "a"})),
            "1: this filter cannot be said: of MtaMilter, it takes no filter at all",
        ),
        (
            lines(op("upsert", "MtaDeliverySchedule", {"s": {"name": "s", "queueId": "#q"}})),
            "1: no MtaVirtualQueue of this plan has the client id #q",
        ),
        (
            lines(op("upsert", "MtaRoute", {"a": {**RELAY, "address": "$RELAY_HOST"}})),
            "1: it holds what looks like a variable of a template",
        ),
        (lines(op("upsert", "MtaRoute", {"a": {**RELAY, "host": "x"}})), "1: unknown field host"),
        (
            lines(op("upsert", "MtaRoute", {"a": RELAY, "b": RELAY})),
            "1: it names MtaRoute eu a second time: see line 1",
        ),
        (lines(op("update", "MtaStageData", {"script": {"match": 5, "else": "1"}})), "1: 5 is no list"),
        (lines(op("upsert", "MtaRoute", {"a": {"@type": ["x"]}})), "1: a list of 1 is none of Mx, Relay, Local"),
        (lines(op("reconcile", "MtaRoute", {}, scope={"name": {"x": 1}})), "1: a mapping of 1 is no text"),
        (lines(op("destroy", "MtaRoute", {"name": "${x}"})), "1: it holds what looks like a variable of a template"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_an_error_with_its_line(plan: str, error: str) -> None:
    assert imported(plan).errors == [error]


def test_a_long_line_has_a_place_and_a_message() -> None:
    plan = '{"@type":"destroy","object":"MtaRoute"}\n' + "{" + "x" * 100_000_000

    assert imported(plan).errors == ["2: the line is 100,000,001 characters long, and no request to a server may be"]
