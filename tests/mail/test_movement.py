"""Which mail moves from one state to another, and what is proved of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.desired.manifest import ManifestText, parse
from reconciler.desired.manifest import load as load_manifests
from reconciler.kinds.catalogue import load
from reconciler.mail.explain import State, desired_state
from reconciler.mail.movement import Movement, Rung, movement_between

CATALOGUE = load()
SCENARIOS = Path(__file__).parent.parent.parent / "manifests" / "scenarios"
RELAYS = """\
---
kind: MtaRoute
items:
  - {type: Relay, name: one, address: one.example.net}
  - {type: Relay, name: two, address: two.example.net, port: 587}
"""


def state(text: str) -> State:
    desired = parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked()
    return desired_state(CATALOGUE, desired.resources, desired.locate)


def strategy(route: str, relays: str = RELAYS) -> State:
    match = f"\n{route}" if route else " []\n"
    return state(f"kind: MtaOutboundStrategy\nspec:\n  route:\n    match:{match}    use: mx\n{relays}")


def scenario(name: str) -> State:
    desired = load_manifests(CATALOGUE, [str(SCENARIOS / name)]).checked()
    return desired_state(CATALOGUE, desired.resources, desired.locate)


def told(moved: Movement) -> list[tuple[tuple[str, ...], str, list[tuple[str, str, str]]]]:
    return [
        (flow.mail, flow.when, [(shift.field, shift.before.name, shift.after.name) for shift in flow.shifts])
        for flow in moved.flows
    ]


def between(before: str, after: str, relays: str = RELAYS) -> Movement:
    return movement_between(CATALOGUE, strategy(before), strategy(after, relays))


def test_new_branch_moves_the_mail_that_it_takes_and_no_other() -> None:
    moved = between("", "      - {if: \"rcpt_domain == 'partner.example'\", use: one}\n")

    assert told(moved) == [
        (("to partner.example (not its subdomains)",), "every attempt", [("route", "mx", "one")]),
    ]
    assert moved.flows[0].witnesses == ({"rcpt": "b@partner.example", "sender": "a@example.org", "localDomains": []},)
    assert (moved.unsure, moved.proved, moved.still) == ((), True, False)


def test_message_that_moves_is_one_of_the_mail_that_is_told() -> None:
    # What the domain is compared with ends in what the branch asks for: such a message is in another part.
    one = "      - {if: \"ends_with(rcpt_domain, 'a.test')\", use: one}\n"
    before = strategy(one + "      - {if: 'true', then: \"if_then(retry_num > 1, 'one', 'two')\"}\n")
    after = "      - {if: \"if_then(retry_num > 1, rcpt_domain == 'a.test', size > 5)\", use: two}\n"
    moved = movement_between(CATALOGUE, before, strategy(after + "      - {if: 'true', use: one}\n"))

    assert told(moved) == [
        (
            ("to any but what ends in a.test, where not if_then(retry_num > 1, rcpt_domain == 'a.test', size > 5)",),
            "at attempts 1 and 2",
            [("route", "two", "one")],
        ),
        (
            ("to what ends in a.test, where if_then(retry_num > 1, rcpt_domain == 'a.test', size > 5)",),
            "every attempt",
            [("route", "one", "two")],
        ),
    ]
    assert [
        region.holds({"localAddresses": [], **witness})
        for flow in moved.flows
        for witness, region in zip(flow.witnesses, flow.regions, strict=True)
    ] == [True, True]


@pytest.mark.parametrize(
    ("before", "after", "mail"),
    [
        (
            "starts_with(rcpt, 'u')",
            "len(rcpt) > 17",
            "to any but what begins with u at any domain, where len(rcpt) > 17",
        ),
        (
            "starts_with(rcpt_domain, 'x')",
            "if_then(size > 5, rcpt_domain == 'x.test', false)",
            "to what begins with x, where if_then(size > 5, rcpt_domain == 'x.test', false)",
        ),
    ],
)
def test_message_is_found_in_the_part_that_a_text_belongs_to(before: str, after: str, mail: str) -> None:
    moved = between(f'      - {{if: "{before}", use: one}}\n', f'      - {{if: "{after}", use: two}}\n')

    assert (mail,) in [flow.mail for flow in moved.flows]


@pytest.mark.parametrize(
    "after",
    [
        "      - {if: \"rcpt_domain == 'b.example' || rcpt_domain == 'a.example'\", use: one}\n",
        "      - {if: \"contains(['a.example', 'b.example'], rcpt_domain)\", use: one}\n",
        "      - {if: \"matches('^(a|b)\\\\.example$', rcpt_domain)\", use: one}\n",
        "      - {if: \"ends_with(rcpt, '@b.example') || email_part(rcpt, 'domain') == 'a.example'\", use: one}\n",
    ],
)
def test_refactoring_moves_no_mail(after: str) -> None:
    before = "".join(f"      - {{if: \"rcpt_domain == '{name}.example'\", use: one}}\n" for name in "ab")

    moved = between(before, after)

    assert moved.still


def test_relay_that_is_renamed_moves_no_mail() -> None:
    before = strategy("      - {if: \"sender_domain == 'a.example'\", use: one}\n")
    renamed = RELAYS.replace("name: one", "name: uno, description: The first")

    assert movement_between(
        CATALOGUE, before, strategy("      - {if: \"sender_domain == 'a.example'\", use: uno}\n", renamed)
    ).still


def test_relay_whose_address_changes_moves_its_mail_although_no_expression_does() -> None:
    route = "      - {if: \"rcpt_domain == 'a.example'\", use: one}\n"
    moved = between(route, route, RELAYS.replace("one.example.net", "new.example.net"))

    assert told(moved) == [(("to a.example (not its subdomains)",), "every attempt", [("route", "one", "one")])]
    shift = moved.flows[0].shifts[0]
    assert shift.before.wire is not None
    assert shift.after.wire is not None
    assert (shift.before.wire["address"], shift.after.wire["address"]) == ("one.example.net", "new.example.net")


def test_name_that_dangles_is_the_built_in_route_and_no_other_way() -> None:
    moved = between("", "      - {if: \"rcpt_domain == 'a.example'\", then: \"'nope'\"}\n")

    # Without an object `nope`, the server delivers by built-in MX; the route `mx` of a new server tries fewer hosts.
    assert told(moved) == [(("to a.example (not its subdomains)",), "every attempt", [("route", "mx", "nope")])]
    assert moved.flows[0].shifts[0].after.dangling


def test_failover_at_another_attempt_says_at_which_attempts_mail_moves() -> None:
    before = "      - {if: retry_num > 1, use: two}\n      - {if: 'true', use: one}\n"
    moved = between(before, before.replace("> 1", "> 2"))

    assert told(moved) == [(("all mail",), "at attempt 3", [("route", "two", "one")])]
    assert moved.flows[0].ladder == (
        Rung(1, 0, "one", "one"),
        Rung(2, 120_000, "one", "one"),
        Rung(3, 420_000, "two", "one"),
        Rung(4, 1_020_000, "two", "two"),
        Rung(5, 1_920_000, "two", "two"),
    )


def test_what_only_the_server_knows_cannot_be_told() -> None:
    moved = between("", "      - {if: \"rcpt_domain == 'a.example' && key_exists('vip', rcpt)\", use: one}\n")

    assert moved.flows == ()
    assert [(flow.mail, flow.because) for flow in moved.unsure] == [
        (
            ("to a.example (not its subdomains), where key_exists('vip', rcpt)",),
            "key_exists('vip', rcpt) is known only to the server",
        )
    ]
    assert moved.unsure[0].witnesses[0]["lookups"] == {"key_exists('vip','b@a.example')": True}


def test_expression_that_counts_cannot_be_compared_unless_both_sides_do_the_same() -> None:
    counts = "      - {if: \"counter_incr('c', rcpt, 1) > 5\", use: one}\n"

    assert between(counts, counts).still
    assert between("", counts).reasons == ("route: counter_incr changes what it asks about",)


def test_share_by_hash_grows_by_what_is_between_the_two_limits() -> None:
    def share(limit: str) -> str:
        return f"      - {{if: \"hash(rcpt, 'sha256') < '{limit}'\", use: one}}\n"

    moved = between(share("10"), share("40"))

    assert told(moved) == [
        (
            ("a share of 18.8 % by hash(rcpt, 'sha256'), always the same ones",),
            "every attempt",
            [("route", "mx", "one")],
        )
    ]


def test_bounces_are_told_apart() -> None:
    moved = between("", "      - {if: \"sender != ''\", use: one}\n")

    assert told(moved) == [(("but no bounces",), "every attempt", [("route", "mx", "one")])]


def test_schedule_is_compared_when_mail_is_queued_and_after_failures() -> None:
    before = state("kind: MtaOutboundStrategy\nspec:\n  schedule: {use: remote}\n")
    after = state(
        "kind: MtaOutboundStrategy\nspec:\n"
        "  schedule: {match: [{if: size > 1000 || last_error == 'tls', use: local}], use: remote}\n"
    )

    # When mail is queued its size is 0 and it has met no error, so that only failures count.
    assert told(movement_between(CATALOGUE, before, after)) == [
        (
            ("last_error tls, size 0 to 1000", "size from 1001"),
            "after each failure",
            [("schedule", "remote", "local")],
        )
    ]


def test_filter_that_asks_for_a_login_is_not_taken_for_one_that_nobody_reaches() -> None:
    milter = 'kind: MtaMilter\nspec: {{hostname: 127.0.0.1, stages: [data], enable: "{}"}}\n'

    moved = movement_between(
        CATALOGUE, state(milter.format("true")), state(milter.format("!is_empty(authenticated_as)"))
    )

    assert [(flow.mail, flow.when, flow.certain) for flow in (*moved.flows, *moved.unsure)] == [
        (("without a login",), "at data", True)
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "starts_with(last_status, 'Temporary Failure for gw.b.test')",
        "starts_with(last_status, 'Temporary Failure for gw.b.test') && ends_with(last_status, 'busy')",
        "!starts_with(last_status, 'Temporary Failure for mx') && retry_num > 0",
        "matches('^Temporary Failure for gw', last_status)",
        "starts_with(queue_name, 'abcdefgh')",
        "starts_with(queue_name, 'abcde') && ends_with(queue_name, 'cdefgh')",
        "retry_num * 2 == 4",
        "size + 1 == 12346",
        "is_ip_in_cidr(received_from_ip, '10.0.0.0/8')",
    ],
)
def test_mail_that_a_condition_asks_for_is_found(condition: str) -> None:
    moved = between("", f'      - {{if: "{condition}", use: one}}\n')

    assert [[(shift.field, shift.after.name) for shift in flow.shifts] for flow in moved.flows] == [[("route", "one")]]
    assert (moved.unsure, moved.proved) == ((), True)


def test_filter_is_asked_at_its_stages_only() -> None:
    milter = 'kind: MtaMilter\nspec: {{hostname: 127.0.0.1, stages: [connect, data], enable: "{}"}}\n'
    moved = movement_between(
        CATALOGUE, state(milter.format("true")), state(milter.format("listener == 'smtp' && sender != ''"))
    )

    assert [(flow.mail, flow.when) for flow in moved.flows] == [
        (("all mail",), "at connect"),
        (("bounces, listener smtp", "listener any but smtp"), "at data"),
    ]


@pytest.mark.parametrize("name", ["lmtp-mail-store", "split-domain-failover", "tenant-smarthosts"])
def test_scenario_that_is_put_in_place_moves_mail_and_everything_else_is_proved(name: str) -> None:
    moved = movement_between(CATALOGUE, desired_state(CATALOGUE, ()), scenario(name))

    assert moved.flows
    assert (moved.unsure, moved.reasons) == ((), ())
    assert movement_between(CATALOGUE, scenario(name), scenario(name)).still


def test_two_hundred_branches_are_compared_within_the_bound_on_work() -> None:
    def chain(places: range, target: int) -> str:
        return "".join(
            f"      - {{if: \"rcpt_domain == 'd{place}.example' && retry_num > 0\", use: {('one', 'two')[target]}}}\n"
            for place in places
        )

    moved = between(chain(range(200), 0), chain(range(199, -1, -1), 1))

    assert [(flow.when, [(shift.before.name, shift.after.name) for shift in flow.shifts]) for flow in moved.flows] == [
        ("from attempt 2", [("one", "two")])
    ]
    assert moved.proved
    assert moved.steps < 70_000


def test_every_literal_of_a_scenario_that_is_changed_is_noticed() -> None:
    before = scenario("split-domain-failover")
    wire: Any = before.singletons["MtaOutboundStrategy"].wire
    for field in ("route", "schedule"):
        for key, branch in wire[field]["match"].items():
            for old, new in (("org'", "net'"), ("> 1", "> 0"), ("==", "!="), ("||", "&&")):
                if old not in branch["if"]:
                    continue
                changed = {**wire[field]["match"], key: {**branch, "if": branch["if"].replace(old, new, 1)}}
                held = before.singletons["MtaOutboundStrategy"]
                changed_wire = {**wire, field: {**wire[field], "match": changed}}
                after = replace(before, singletons={"MtaOutboundStrategy": replace(held, wire=changed_wire)})
                assert movement_between(CATALOGUE, before, after).flows, (field, key, old)
