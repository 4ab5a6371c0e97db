"""What the server does with mail, where what it holds is not of the type that the catalogue says."""

from typing import Any

import pytest

from reconciler.mail.facts import OWN_WAITS, gives_up, last_attempt, schedule_words, waits_of

DAY = 86_400_000
ODD: list[Any] = [None, True, -1, 0.5, "", "x", [], [None], {}, {"a": {"b": {}}}, {"0": 5, "x": None}]


def schedule(intervals: Any, expire: Any = DAY) -> dict[str, Any]:
    return {
        "queueId": "a",
        "retry": {"@type": "Custom", "intervals": intervals},
        "expiry": {"@type": "Ttl", "expire": expire},
    }


def test_a_schedule_says_when_it_tries_again_and_when_it_bounces() -> None:
    wire = schedule({"1": {"duration": 120_000}, "0": {"duration": 60_000}}, 240_000)

    assert waits_of(wire) == (60_000, 120_000)
    assert last_attempt(wire) == 2
    assert schedule_words(wire) == {
        "retry": "waits 1m, then 2m between attempts",
        "expiry": "bounces after 4m",
        "queueId": "queue a",
    }
    assert [gives_up(wire, age, 1) for age in (239_999, 240_000)] == [False, True]


def test_attempts_are_counted() -> None:
    wire = {"expiry": {"@type": "Attempts", "maxAttempts": 3}}

    assert last_attempt(wire) == 2
    assert waits_of(wire) == OWN_WAITS
    assert [gives_up(wire, DAY, attempts) for attempts in (2, 3)] == [False, True]


def test_a_schedule_that_does_not_exist_keeps_mail_for_five_days() -> None:
    assert [gives_up(None, age, 1) for age in (5 * DAY - 1, 5 * DAY)] == [False, True]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_waits_are_not_told(odd: Any) -> None:
    for wire in (
        schedule({"0": {"duration": odd}}),
        schedule({"0": odd}),
        schedule(odd),
        schedule({"x": {"duration": 1000}}),
    ):
        assert waits_of(wire) == ()
        assert last_attempt(wire) is None
        assert schedule_words(wire) == {"expiry": "bounces after 1d", "queueId": "queue a"}


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_odd_end_bounces_nothing(odd: Any) -> None:
    waits = {"0": {"duration": 60_000}}
    for expiry in ({"@type": "Ttl", "expire": odd}, {"@type": "Attempts", "maxAttempts": odd}, {"@type": odd}, odd):
        wire = {"retry": {"@type": "Custom", "intervals": waits}, "expiry": expiry}

        assert last_attempt(wire) is None
        assert not gives_up(wire, 100 * DAY, 100)
        assert schedule_words(wire) == {"retry": "waits 1m between attempts", "queueId": "queue None"}
