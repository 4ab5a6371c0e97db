"""How much waiting mail a change moves: counts against an evaluation of each recipient, the group rule, schedules."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds.catalogue import load
from reconciler.mail.explain import Choice, State, choices, desired_state, routing_of
from reconciler.mail.impact import Impact, impact_on_envelopes, impact_on_queue
from reconciler.mail.movement import movement_between
from reconciler.mail.movement.program import key_of
from reconciler.mail.waiting import Waiting, status_text, waiting_in

CATALOGUE = load()
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RELAYS = """\
kind: MtaRoute
items:
  - {type: Relay, name: one, address: one.example.net}
  - {type: Relay, name: two, address: two.example.net, port: 587}
"""
BUSY = {
    "@type": "TemporaryFailure",
    "errorType": "unexpectedResponse",
    "errorCommand": "RCPT TO:<t@busy.test>",
    "responseHostname": "192.0.2.2",
    "responseCode": 451,
    "responseEnhanced": "4.3.0",
    "responseMessage": "busy",
}


def state(text: str) -> State:
    desired = parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked()
    return desired_state(CATALOGUE, desired.resources, desired.locate)


def strategy(field: str, *branches: str, more: str = RELAYS, otherwise: str = "mx") -> State:
    match = "".join(f"\n      - {{{branch}}}" for branch in branches) or " []"
    return state(f"kind: MtaOutboundStrategy\nspec:\n  {field}:\n    match:{match}\n    use: {otherwise}\n---\n{more}")


def message(number: str, recipients: dict[str, dict[str, Any]] | list[str], **members: Any) -> dict[str, Any]:
    """Return a message of the queue that came in an hour ago."""
    named = recipients if isinstance(recipients, dict) else {address: {} for address in recipients}
    usual = {
        "retryCount": 0,
        "retryDue": "2026-11-28T11:00:00Z",
        "notifyCount": 0,
        "expires": {"@type": "Ttl", "expiresAt": "2026-12-01T11:00:00Z"},
        "queueName": "remote",
        "status": {"@type": "Scheduled"},
    }
    return {
        "id": number,
        "createdAt": "2026-11-28T11:00:00Z",
        "returnPath": "a@example.org",
        "flags": {"unauthenticated": True},
        "priority": 0,
        "size": 1000,
        "receivedFromIp": "192.0.2.9",
        "receivedViaPort": 25,
        **members,
        "recipients": {address: {**usual, **recipient} for address, recipient in named.items()},
    }


def counted(before: State, after: State, *messages: dict[str, Any]) -> Impact:
    return impact_on_queue(CATALOGUE, (before, after), waiting_in(messages, NOW), {"localDomains": []})


def rows(impact: Impact) -> list[tuple[str, str, str, str, int]]:
    return [(row.domain, row.field, row.before.name, row.after.name, row.count) for row in impact.rows]


def test_recipients_are_counted_by_domain_and_way() -> None:
    after = strategy("route", "if: \"rcpt_domain == 'x.test'\", use: one", "if: retry_num > 0, use: two")

    found = counted(
        strategy("route"),
        after,
        message("a", ["a@x.test", "b@x.test", "c@y.test"]),
        message("b", {"d@y.test": {"retryCount": 1, "status": BUSY}}),
    )

    assert rows(found) == [("x.test", "route", "mx", "one", 2), ("y.test", "route", "mx", "two", 1)]
    assert (found.total, found.moved, found.bounced, found.unknown) == (4, 3, 0, 0)


def test_a_relay_that_changes_moves_what_waits_for_it() -> None:
    before = strategy("route", otherwise="one")
    after = strategy("route", otherwise="one", more=RELAYS.replace("one.example.net", "uno.example.net"))

    assert rows(counted(before, after, message("a", ["a@x.test"]))) == [("x.test", "route", "one", "one", 1)]


def test_nothing_is_counted_where_nothing_that_decides_changes() -> None:
    before = strategy("route", "if: \"rcpt_domain == 'x.test'\", use: one")

    found = counted(before, before, message("a", ["a@x.test", "b@y.test"]))

    assert (found.total, found.moved, found.rows) == (2, 0, ())


def test_finished_recipients_do_not_wait() -> None:
    done = {"status": {"@type": "Completed"}}

    found = counted(
        strategy("route"), strategy("route", otherwise="one"), message("a", {"a@x.test": done, "b@x.test": {}})
    )

    assert (found.total, found.moved) == (1, 1)


def test_what_is_past_its_time_is_not_evaluated() -> None:
    old = {"expires": {"@type": "Ttl", "expiresAt": "2026-11-28T11:59:59Z"}}
    tried = {"retryCount": 3, "expires": {"@type": "Attempts", "expiresAttempts": 3}}

    found = counted(
        strategy("route"), strategy("route", otherwise="one"), message("a", {"a@x.test": old, "b@x.test": tried})
    )

    assert (found.total, found.moved, found.expired) == (2, 0, 2)


def test_a_name_that_nothing_has_is_counted() -> None:
    found = counted(strategy("route"), strategy("route", otherwise="nope"), message("a", ["a@x.test"]))

    assert (found.moved, found.dangling) == (1, 1)


def test_what_only_the_server_knows_is_counted_apart() -> None:
    after = strategy("route", "if: \"key_exists('vip', rcpt)\", use: one")

    found = counted(strategy("route"), after, message("a", ["a@x.test", "b@x.test"]))

    assert (found.moved, found.unknown) == (0, 2)
    # The question names the recipient, and so it is not told.
    assert found.reasons == {"route: key_exists() is known only to the server, at route/match/0/if": 2}


def test_connection_is_decided_by_the_smallest_address_of_a_domain_and_route() -> None:
    after = strategy("connection", "if: \"rcpt == 'b@g.test'\", use: nope", otherwise="default")
    first = strategy("connection", "if: \"rcpt == 'a@g.test'\", use: nope", otherwise="default")
    before = strategy("connection", otherwise="default")
    waits = message("m", ["a@g.test", "b@g.test"])

    assert (counted(before, after, waits).moved, counted(before, first, waits).moved) == (0, 2)
    assert counted(before, after, waits).grouped == ("connection",)


def test_what_is_due_at_another_time_is_asked_by_itself() -> None:
    after = strategy("connection", "if: \"rcpt == 'b@g.test'\", use: nope", otherwise="default")
    later = {"a@g.test": {"retryDue": "2026-11-28T13:00:00Z"}, "b@g.test": {}}

    assert counted(strategy("connection", otherwise="default"), after, message("m", later)).moved == 1


SCHEDULES = """\
kind: MtaDeliverySchedule
items:
  - {{name: remote, queueId: remote, expiry: {0}}}
"""


@pytest.mark.parametrize(
    ("expiry", "recipient", "bounced"),
    [
        ("{type: Ttl, expire: 1d}", {}, 0),
        ("{type: Ttl, expire: 1h}", {}, 1),
        ("{type: Ttl, expire: 61m}", {}, 1),
        ("{type: Ttl, expire: 2h}", {"retryDue": "2026-11-28T13:00:00Z"}, 1),
        ("{type: Attempts, maxAttempts: 3}", {"retryCount": 1, "status": BUSY}, 0),
        ("{type: Attempts, maxAttempts: 3}", {"retryCount": 2, "status": BUSY}, 1),
    ],
)
def test_a_shorter_schedule_bounces_what_waits_at_its_next_failure(
    expiry: str, recipient: dict[str, Any], bounced: int
) -> None:
    old = strategy("schedule", otherwise="remote", more=SCHEDULES.format("{type: Ttl, expire: 3d}"))
    new = strategy("schedule", otherwise="remote", more=SCHEDULES.format(expiry))

    minute = message("m", {"a@x.test": recipient}, createdAt="2026-11-28T10:59:00Z")
    found = counted(old, new, minute)

    assert (found.moved, found.bounced) == (0, bounced)
    assert [(row.domain, row.before.name, row.count) for row in found.bounces] == [("x.test", "remote", 1)] * bounced


def test_status_is_worded_as_the_server_words_it() -> None:
    assert status_text(BUSY) == (
        "Temporary Failure for 192.0.2.2: Unexpected response for RCPT TO:<t@busy.test>: "
        "Code: 451, Enhanced code: 4.3.0, Message: busy"
    )
    assert status_text({"@type": "Scheduled"}) == "Scheduled"


def test_every_variable_of_the_queue_is_read() -> None:
    waits = {"retryCount": 2, "notifyCount": 1, "status": BUSY, "queueName": "slow"}
    found = list(waiting_in([message("m", {"a@x.test": waits}, returnPath="<>", flags={"dsn": True}, priority=3)], NOW))

    assert [dict(each.given) for each in found] == [
        {
            "sender": "",
            "recipients": ["a@x.test"],
            "source": "dsn",
            "priority": 3,
            "size": 1000,
            "receivedFromIp": "192.0.2.9",
            "receivedViaPort": 25,
            "rcpt": "a@x.test",
            "retryNum": 2,
            "notifyNum": 1,
            "lastError": "unexpected-reply",
            "lastStatus": status_text(BUSY),
            "queueName": "slow",
            "queueAge": 3600,
            "expiresIn": 255_600,
        }
    ]


def test_an_estimate_that_decides_is_told() -> None:
    after = strategy("route", "if: queue_age > 600, use: one")

    found = counted(strategy("route"), after, message("a", ["a@x.test"]))

    assert (found.moved, found.estimated) == (1, True)


def test_messages_of_a_log_are_counted_at_their_first_attempt() -> None:
    states = strategy("route"), strategy("route", "if: size > 5000, use: one")
    given = [{"sender": "a@b.test", "rcpt": "x@y.test", "size": size} for size in (10, 6000, 7000)]

    found = impact_on_envelopes(CATALOGUE, states, given, {"localDomains": []})

    assert (rows(found), found.total, found.moved) == ([("y.test", "route", "mx", "one", 2)], 3, 2)


BRANCHES = (
    "if: \"rcpt_domain == 'd{0}.test'\", use: {1}",
    "if: retry_num > {0}, use: {1}",
    "if: \"last_error == 'unexpected-reply' && rcpt_domain == 'd{0}.test'\", use: {1}",
    "if: \"hash(rcpt, 'sha256') < '{0}'\", use: {1}",
    "if: size > {0}000, use: {1}",
    "if: \"starts_with(rcpt, 'u{0}')\", use: {1}",
    "if: is_local_domain(rcpt_domain), use: {1}",
    "if: \"ends_with(sender, 'd{0}.test')\", use: {1}",
    "if: \"queue_name == 'slow'\", use: {1}",
)
#: The expressions, and two names for each: their objects are below.
NAMES = {
    "route": ("one", "two", "mx"),
    "connection": ("first", "second", "nope"),
    "tls": ("strict", "lax", "nope"),
    "schedule": ("long", "short", "few"),
}
OBJECTS = f"""\
{RELAYS}---
kind: MtaConnectionStrategy
items: [{{name: first, ehloHostname: a.example.net}}, {{name: second, ehloHostname: b.example.net}}]
---
kind: MtaTlsStrategy
items: [{{name: strict, startTls: require}}, {{name: lax, startTls: disable}}]
---
kind: MtaDeliverySchedule
items:
  - {{name: long, queueId: remote, expiry: {{type: Ttl, expire: 3d}}}}
  - {{name: short, queueId: remote, expiry: {{type: Ttl, expire: 90m}}}}
  - {{name: few, queueId: remote, expiry: {{type: Attempts, maxAttempts: 3}}}}
"""
#: How long mail is kept by each schedule, and how many attempts it has.
KEPT = {"long": (timedelta(days=3), 999), "short": (timedelta(minutes=90), 999), "few": (timedelta(days=999), 3)}
WORLD = {"localDomains": ["d2.test"]}


def random_state(chance: random.Random) -> State:
    fields = ""
    for field, names in NAMES.items():
        branches = [
            "{" + chance.choice(BRANCHES).format(chance.randrange(5), chance.choice(names)) + "}"
            for _ in range(chance.randrange(4))
        ]
        fields += f"  {field}: {{match: [{', '.join(branches)}], use: {chance.choice(names)}}}\n"
    return state(f"kind: MtaOutboundStrategy\nspec:\n{fields}---\n{OBJECTS}")


def random_queue(chance: random.Random, count: int) -> list[dict[str, Any]]:
    return [
        message(
            f"m{number}",
            {
                f"u{chance.randrange(9)}x{index}@d{chance.randrange(3)}.test": {
                    "retryCount": (retries := chance.randrange(4)),
                    "status": BUSY if retries else {"@type": "Scheduled"},
                    "retryDue": (NOW + timedelta(minutes=chance.choice((-60, -5, 20, 40)))).isoformat(),
                    "queueName": chance.choice(("remote", "slow")),
                }
                for index in range(chance.randrange(1, 5))
            },
            size=chance.randrange(9000),
            returnPath=chance.choice(["<>", "s@d1.test", "s@d3.test"]),
        )
        for number in range(count)
    ]


def taken(state: State, field: str, given: dict[str, Any]) -> Choice:
    return next(choice for choice in choices(routing_of(CATALOGUE, state), given) if choice.field == field)


def asked_about(state: State, field: str, waiting: Waiting, others: list[Waiting]) -> dict[str, Any]:
    """Return the message for which the server asks an expression: some ask for the first of a group alone."""
    given = {**waiting.given, **WORLD}
    if field == "schedule" and given["lastError"] == "none":
        del given["lastStatus"]
        given["lastError"] = "connection"
    if field in ("tls", "connection"):
        mine = taken(state, "route", given).name
        group = [
            other
            for other in others
            if (other.message, other.domain) == (waiting.message, waiting.domain)
            and (other.given["queueName"], other.age) == (waiting.given["queueName"], waiting.age)
            and taken(state, "route", {**other.given, **WORLD}).name == mine
        ]
        given = {**min(group, key=lambda other: other.address).given, **WORLD}
    return given


@pytest.mark.parametrize("seed", range(12))
def test_counts_are_those_of_an_evaluation_of_each_recipient(seed: int) -> None:
    chance = random.Random(seed)
    sides = before, after = random_state(chance), random_state(chance)
    waiting = list(waiting_in(random_queue(chance, 12), NOW))
    expected: dict[tuple[str, str, str, str], int] = {}
    moved: set[tuple[str, str]] = set()
    bounced = 0
    for recipient in waiting:
        for field in NAMES:
            old, new = (taken(side, field, asked_about(side, field, recipient, waiting)) for side in sides)
            if key_of(CATALOGUE, old) != key_of(CATALOGUE, new):
                key = (recipient.domain, field, old.name, new.name)
                expected[key] = expected.get(key, 0) + 1
                moved |= {(recipient.message, recipient.address)} if field != "schedule" else set()
            if field == "schedule":
                age, tries = timedelta(milliseconds=recipient.age), recipient.retries + 1
                over = [age >= KEPT[choice.name][0] or tries >= KEPT[choice.name][1] for choice in (old, new)]
                bounced += over == [False, True]

    found = impact_on_queue(CATALOGUE, (before, after), waiting, WORLD)

    assert {(row.domain, row.field, row.before.name, row.after.name): row.count for row in found.rows} == expected
    assert (found.total, found.moved, found.bounced) == (len(waiting), len(moved), bounced)


@pytest.mark.parametrize("seed", range(12))
def test_each_recipient_that_moves_is_in_the_one_flow_that_says_so(seed: int) -> None:
    chance = random.Random(seed)
    before, after = random_state(chance), random_state(chance)
    waiting = list(waiting_in(random_queue(chance, 12), NOW))
    moves = movement_between(CATALOGUE, before, after)

    for field in NAMES:
        flows = [flow for flow in moves.flows if field in {shift.field for shift in flow.shifts}]
        shifts = [shift for flow in flows for shift in flow.shifts if shift.field == field]
        found = impact_on_queue(CATALOGUE, (before, after), waiting, WORLD, flows=flows)

        counts: dict[tuple[str, str], int] = {}
        for shift, count in zip(shifts, found.flows, strict=True):
            key = (shift.before.name, shift.after.name)
            counts[key] = counts.get(key, 0) + count
        expected: dict[tuple[str, str], int] = {}
        for row in found.rows:
            if row.field == field:
                key = (row.before.name, row.after.name)
                expected[key] = expected.get(key, 0) + row.count
        assert {key: count for key, count in counts.items() if count} == expected
    assert moves.proved
