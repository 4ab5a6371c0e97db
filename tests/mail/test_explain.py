"""Decisions: what a message would take, by which branch, and what the server does without the object."""

from typing import Any

import pytest
from hypothesis import given as given_messages
from hypothesis import strategies

from reconciler.desired.manifest import ManifestText, parse
from reconciler.expression import EvaluationError, GivenError, Unknown
from reconciler.kinds.catalogue import load
from reconciler.mail.explain import (
    Choice,
    Explanation,
    Filter,
    Routing,
    choices,
    desired_state,
    explain_message,
    filters,
    judge_given,
    live_state,
    routing_of,
)
from reconciler.values.model import Address, LiveObject, LiveState, Source

CATALOGUE = load()


def of(text: str) -> Routing:
    desired = parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked()
    return routing_of(CATALOGUE, desired_state(CATALOGUE, desired.resources, desired.locate))


def route(expression: str) -> Routing:
    return of(f"kind: MtaOutboundStrategy\nspec:\n  route: {expression}\n")


def chosen(found: Routing, field: str, **given: Any) -> Choice:
    return next(each for each in choices(found, given) if each.field == field)


def taken(found: Routing, field: str, **given: Any) -> tuple[str, str, str]:
    choice = chosen(found, field, **given)
    return choice.outcome, choice.name, choice.because


RELAY = """\
kind: MtaRoute
spec: {type: Relay, name: relay, address: smtp.example.net}
---
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
      - {if: "rcpt_domain == 'partner.example'", use: relay}
    use: mx
"""


def test_new_server_sends_local_mail_home_and_the_rest_by_mx() -> None:
    found = of("kind: MtaRoute\nspec: {type: Relay, name: relay, address: smtp.example.net}\n")

    names = {
        domain: {each.field: (each.outcome, each.name, each.origin) for each in choices(found, given)}
        for domain in ("here.example", "there.example")
        for given in [{"rcpt": f"b@{domain}", "localDomains": ["here.example"]}]
    }

    assert names == {
        "here.example": {
            "connection": ("object", "default", "default"),
            "route": ("object", "local", "default"),
            "schedule": ("object", "local", "default"),
            "tls": ("object", "default", "default"),
        },
        "there.example": {
            "connection": ("object", "default", "default"),
            "route": ("object", "mx", "default"),
            "schedule": ("object", "remote", "default"),
            "tls": ("object", "default", "default"),
        },
    }


def test_choice_names_the_branch_its_place_and_the_object() -> None:
    found = of(RELAY)

    choice = explain_message(found, {"rcpt": "b@Partner.Example", "localDomains": []}).attempts[0].choices[1]

    assert choice.held is not None
    assert (choice.held.address, choice.held.origin) == (Address("MtaRoute", "relay"), "declared")
    assert choice == Choice(
        field="route",
        kind="MtaRoute",
        outcome="object",
        value="relay",
        name="relay",
        pointer="route/match/1",
        condition="rcpt_domain == 'partner.example'",
        address=Address("MtaOutboundStrategy"),
        place=Source("m.yaml", 9, 9),
        origin="declared",
        held=choice.held,
    )


def test_declared_object_takes_the_place_of_the_shipped_one() -> None:
    found = of("kind: MtaRoute\nspec: {type: Mx, name: mx, maxMxHosts: 7}\n")

    shipped = chosen(route("{use: mx}"), "route", rcpt="b@a.example").held
    declared = chosen(found, "route", rcpt="b@a.example", localDomains=[]).held

    assert shipped is not None
    assert declared is not None
    assert (shipped.origin, shipped.wire["maxMxHosts"]) == ("shipped", 2)
    assert (declared.origin, declared.wire["maxMxHosts"]) == ("declared", 7)


@pytest.mark.parametrize(
    ("field", "details", "uses"),
    [
        (
            "route",
            "Gateway not found",
            "built-in MX delivery: at most 5 hosts, 2 addresses of each, IPv4 before IPv6",
        ),
        (
            "schedule",
            "Queue strategy not found",
            "built-in times: first retry after 2m, bounce after 5d, in a queue named default",
        ),
        (
            "tls",
            "TLS strategy not found",
            "built-in TLS: STARTTLS where it is offered, with a valid certificate",
        ),
        (
            "connection",
            "Connection strategy not found",
            "a built-in connection: no source address, the server's own EHLO name",
        ),
    ],
)
def test_missing_object_is_a_fallback_with_its_log_line(field: str, details: str, uses: str) -> None:
    found = of(f"kind: MtaOutboundStrategy\nspec: {{{field}: {{use: nope}}}}\n")

    choice = chosen(found, field, rcpt="b@a.example")

    assert (choice.outcome, choice.name, choice.uses) == ("fallback", "nope", uses)
    assert choice.log == f'WARN Strategy not found (smtp.id-not-found) id = "nope", details = "{details}"'
    assert choice.because.endswith("/nope does not exist")


def test_names_are_case_sensitive_and_not_trimmed() -> None:
    outcomes = [taken(route(f"\"'{name}'\""), "route", rcpt="b@a.example")[0] for name in ("mx", "MX", "mx ")]

    assert outcomes == ["object", "fallback", "fallback"]


def test_result_that_is_no_text_is_looked_up_as_default() -> None:
    found = of("kind: MtaOutboundStrategy\nspec: {route: '1 + 1', tls: '1 + 1'}\n")

    number = "the expression gives no text, so the name is default"

    assert taken(found, "route", rcpt="b@a.example") == (
        "fallback",
        "default",
        f"{number}, and there is no object of it",
    )
    assert taken(found, "tls", rcpt="b@a.example") == ("object", "default", number)


def test_failed_condition_ends_everything_and_else_is_not_tried() -> None:
    found = route("""{match: [{if: "dns_query(rcpt_domain, 'mx')", use: local}], use: mx}""")

    choice = chosen(
        found, "route", rcpt="b@a.example", lookups={"dns_query('a.example','mx')": {"error": True}}, localDomains=[]
    )

    assert isinstance(choice.value, EvaluationError)
    assert (choice.outcome, choice.name, choice.pointer) == ("fallback", "default", "route/match/0/if")
    assert choice.log.endswith('id = "default", details = "Gateway not found"')


def test_empty_result_is_looked_up_as_it_is() -> None:
    assert taken(route("\"''\""), "route", rcpt="b@a.example") == ("fallback", "", "MtaRoute/ does not exist")


def test_builtin_names_need_no_object_on_a_bare_server() -> None:
    strategy = {
        "route": {"match": {}, "else": "'local'"},
        "schedule": {"match": {}, "else": "'default'"},
        "connection": {"match": {}, "else": "'default'"},
        "tls": {"match": {}, "else": "1"},
    }
    live = LiveState(
        {
            "MtaOutboundStrategy": (
                LiveObject(address=Address("MtaOutboundStrategy"), id="singleton", wire=dict(strategy)),
            ),
            **dict.fromkeys(("MtaRoute", "MtaDeliverySchedule", "MtaTlsStrategy", "MtaConnectionStrategy"), ()),
        }
    )

    found = choices(routing_of(CATALOGUE, live_state(CATALOGUE, live)), {"rcpt": "b@a.example"})

    assert [(each.field, each.outcome, each.name, each.uses, each.log) for each in found] == [
        (
            "connection",
            "builtin",
            "default",
            "a built-in connection: no source address, the server's own EHLO name",
            "",
        ),
        ("route", "builtin", "local", "built-in delivery into the mailboxes of this server", ""),
        (
            "schedule",
            "builtin",
            "default",
            "built-in times: first retry after 2m, bounce after 5d, in a queue named default",
            "",
        ),
        ("tls", "builtin", "default", "built-in TLS: STARTTLS where it is offered, with a valid certificate", ""),
    ]


def test_live_state_that_may_not_be_read_leaves_choices_unknown() -> None:
    wire = {"route": {"match": {}, "else": "'relay'"}, "tls": {"else": "no such thing"}}
    strategy = LiveObject(address=Address("MtaOutboundStrategy"), id="singleton", wire=wire)
    live = LiveState({"MtaOutboundStrategy": (strategy,), "MtaTlsStrategy": ()}, frozenset({"MtaRoute"}))

    found = choices(routing_of(CATALOGUE, live_state(CATALOGUE, live)), {"rcpt": "b@a.example"})

    assert [(each.field, each.outcome, each.because.partition(":")[0]) for each in found] == [
        ("connection", "unknown", "MtaOutboundStrategy has no connection"),
        ("route", "unknown", "the credentials may not read MtaRoute"),
        ("schedule", "unknown", "MtaOutboundStrategy has no schedule"),
        ("tls", "unknown", "the expression cannot be read"),
    ]


def test_forbidden_strategy_leaves_everything_unknown() -> None:
    live = LiveState({}, frozenset({"MtaOutboundStrategy"}))

    found = choices(routing_of(CATALOGUE, live_state(CATALOGUE, live)), {"rcpt": "b@a.example"})

    assert {each.because for each in found} == {"the credentials may not read MtaOutboundStrategy"}


def test_what_is_not_given_is_unknown_and_says_which_condition_asks_for_it() -> None:
    choice = chosen(of(RELAY), "route", rcpt="b@partner.example")

    assert choice == Choice(
        field="route",
        kind="MtaRoute",
        outcome="unknown",
        value=Unknown("localDomains is not given"),
        pointer="route/match/0/if",
        condition="is_local_domain(rcpt_domain)",
        address=Address("MtaOutboundStrategy"),
        origin="declared",
        because="localDomains is not given",
    )


MESSAGES = strategies.fixed_dictionaries(
    {},
    optional={
        "rcpt": strategies.sampled_from(["b@a.example", "b@B.example"]),
        "sender": strategies.sampled_from(["", "invalid-tls"]),
        "size": strategies.integers(0, 20),
        "queueAge": strategies.integers(0, 2),
        "expiresIn": strategies.integers(0, 2),
        "queueName": strategies.sampled_from(["default", "remote"]),
    },
)
LADDER = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: retry_num > 1, use: local}
    use: mx
  schedule:
    match:
      - {if: "size > 0 || queue_age > 0 || expires_in > 0 || queue_name != 'default'", use: local}
      - {if: retry_num > 1, use: dsn}
    use: remote
"""


def test_route_is_asked_with_the_attempts_own_retry_num() -> None:
    found = explain_message(of(LADDER), {"rcpt": "b@a.example"}, range(4))

    assert [(each.retry_num, each.last_error, each.choices[1].name) for each in found.attempts] == [
        (0, "none", "mx"),
        (1, "connection", "mx"),
        (2, "connection", "local"),
        (3, "connection", "local"),
    ]


def test_schedule_of_an_attempt_was_chosen_before_retry_num_was_raised() -> None:
    given = {"rcpt": "b@a.example", "size": 0, "queueAge": 0, "expiresIn": 0, "queueName": "default"}

    found = explain_message(of(LADDER), given, range(5))

    assert [each.choices[2].name for each in found.attempts] == ["remote", "remote", "remote", "dsn", "dsn"]


def test_first_schedule_sees_no_size_whatever_the_message_is() -> None:
    found = of(LADDER)

    assert taken(found, "schedule", rcpt="b@a.example", size=5_000_000) == ("object", "remote", "")
    assert taken(found, "schedule", rcpt="b@a.example", size=5_000_000, lastError="tls") == ("object", "local", "")


def test_given_retry_num_is_what_every_expression_sees_outside_an_attempt() -> None:
    given = {"rcpt": "b@a.example", "size": 0, "queueAge": 0, "expiresIn": 0, "queueName": "default", "retryNum": 2}

    literal, attempt = (choices(of(LADDER), given, attempt=each)[2] for each in (False, True))

    assert (literal.name, attempt.name) == ("dsn", "remote")


def test_tls_and_connection_see_the_addresses_that_the_server_has_then() -> None:
    expression = "\"if_then(remote_ip == '0.0.0.0', 'a', 'b') + if_then(local_ip == '0.0.0.0', 'c', 'd')\""
    found = of(f"kind: MtaOutboundStrategy\nspec: {{tls: {expression}, connection: {expression}}}\n")
    given = {"rcpt": "b@a.example", "remoteIp": "192.0.2.1", "localIp": "192.0.2.2"}

    assert taken(found, "tls", **given)[1] == "ac"
    assert taken(found, "connection", **given)[1] == "bc"


def test_tls_error_is_assumed_only_after_the_first_attempt() -> None:
    found = explain_message(of(RELAY), {"rcpt": "b@a.example", "localDomains": []}, range(2), "tls")

    assert [each.choices[3].name for each in found.attempts] == ["default", "invalid-tls"]


def test_unmanaged_expression_is_unknown() -> None:
    found = of("kind: MtaOutboundStrategy\nmetadata: {unmanaged: [tls]}\nspec: {route: {use: mx}}\n")

    assert taken(found, "tls", rcpt="b@a.example") == (
        "unknown",
        "",
        "tls is unmanaged: the server's own decides",
    )
    assert taken(found, "route", rcpt="b@a.example") == ("object", "mx", "")


@given_messages(message=MESSAGES, more=MESSAGES)
def test_what_is_known_stays_when_more_is_given(message: dict[str, Any], more: dict[str, Any]) -> None:
    found = of(LADDER + "  tls: \"if_then(size > 9 || rcpt == 'b@a.example', 'default', sender)\"\n")

    before = choices(found, message)
    after = choices(found, {**more, **message})

    assert [each for each in before if each.outcome != "unknown"] == [
        other for each, other in zip(before, after, strict=True) if each.outcome != "unknown"
    ]


def test_explanation_keeps_what_was_given() -> None:
    given = {"rcpt": "b@a.example", "localDomains": []}

    found = explain_message(of(RELAY), given, (0,), live=True)

    assert found == Explanation(given, found.attempts, live=True)


MILTERS = """\
kind: MtaMilter
items:
  - {hostname: 127.0.0.1, port: 1, stages: [connect, data], enable: "listener == 'smtp'"}
  - {hostname: 127.0.0.1, port: 2}
  - {hostname: 127.0.0.1, port: 3, enable: "dns_query('x', 'a')"}
  - {hostname: 127.0.0.1, port: 4, enable: "'off'"}
  - {hostname: 127.0.0.1, port: 5, enable: "''"}
"""


def test_filters_are_asked_by_truth_and_stage_and_an_error_is_a_no() -> None:
    found = of(MILTERS)
    given = {"stage": "data", "listener": "smtp", "lookups": {"dns_query('x','a')": {"error": True}}}

    asked = filters(found, given)

    assert asked == (
        Filter(Address("MtaMilter", "127.0.0.1:1"), True, "", "enable/else", "declared"),
        Filter(Address("MtaMilter", "127.0.0.1:2"), True, "", "enable/else", "declared"),
        Filter(Address("MtaMilter", "127.0.0.1:3"), False, "the evaluation failed", "enable/else", "declared"),
        Filter(Address("MtaMilter", "127.0.0.1:4"), True, "", "enable/else", "declared"),
        Filter(Address("MtaMilter", "127.0.0.1:5"), False, "its expression says no", "enable/else", "declared"),
    )


def test_filters_are_unknown_without_a_stage_unless_they_are_off() -> None:
    asked = filters(of(MILTERS), {"listener": "submission", "lookups": {"dns_query('x','a')": {"error": True}}})

    assert [(each.runs, each.because) for each in asked] == [
        (False, "its expression says no"),
        (None, "stage is not given"),
        (False, "the evaluation failed"),
        (None, "stage is not given"),
        (False, "its expression says no"),
    ]


def test_filter_is_not_asked_at_other_stages_whatever_its_expression() -> None:
    asked = filters(of(MILTERS), {"stage": "connect"})

    assert [(each.runs, each.because) for each in asked] == [
        (None, "listener is not given"),
        *[(False, "it is not asked at connect")] * 4,
    ]


def test_given_is_judged_field_by_field() -> None:
    given = {
        "rcptt": "b@a.example",
        "sender": 1,
        "source": "dns",
        "lastError": "timeout",
        "stage": "data",
        "retryNum": -1,
        "lookups": {"nope(": 1},
    }

    found = [(field, message, hint) for field, message, hint in judge_given(of(RELAY), given) if field != "lookups"]

    assert found == [
        ("rcptt", "unknown field rcptt", "did you mean rcpt?"),
        ("sender", "given.sender must be a text", ""),
        ("source", "given.source cannot be 'dns'", "did you mean dsn?"),
        (
            "lastError",
            "given.lastError cannot be 'timeout'",
            "known here: none, dns, unexpected-reply, connection, tls, dane, mta-sts, rate, concurrency, io",
        ),
        ("retryNum", "given.retryNum cannot be below 0", ""),
    ]
    assert [field for field, _, _ in judge_given(of(RELAY), given)].count("lookups") == 1


def test_wrong_given_is_refused() -> None:
    with pytest.raises(GivenError):
        choices(of(RELAY), {"rcptt": "b@a.example"})
