"""References: to results of earlier calls, and to objects created in the same request."""

from typing import Any

import pytest

from tests.talk import Talk

QUEUES = "x:MtaVirtualQueue"
SCHEDULES = "x:MtaDeliverySchedule"


def result(path: str, name: str = f"{QUEUES}/query", of: str = "0") -> dict[str, str]:
    return {"resultOf": of, "name": name, "path": path}


def bad(description: str) -> dict[str, str]:
    return {"type": "invalidResultReference", "description": description}


def names_of(answer: tuple[str, Any]) -> list[str]:
    return [each["name"] for each in answer[1]["list"]]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/ids", ["report", "dsn", "remote", "local"]),
        ("ids/*", ["report", "dsn", "remote", "local"]),
        ("/ids/1", ["dsn"]),
        ("/ids/9", []),
    ],
)
def test_ids_of_a_query(path: str, names: list[str]) -> None:
    answers = Talk().calls((f"{QUEUES}/query", {}), (f"{QUEUES}/get", {"#ids": result(path)}))

    assert names_of(answers[1]) == names


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/list/*/queueId", ["local", "remote", "dsn"]),
        ("/list/0/queueId", ["local"]),
        ("/list/*/name", []),
        ("/list/*/expiry/expire", []),
        ("/list", []),
    ],
)
def test_ids_within_the_objects_of_a_get(path: str, names: list[str]) -> None:
    reference = result(path, f"{SCHEDULES}/get")

    answers = Talk().calls((f"{SCHEDULES}/get", {}), (f"{QUEUES}/get", {"#ids": reference}))

    assert names_of(answers[1]) == names


def test_property_that_was_not_asked_for_is_not_there_to_refer_to() -> None:
    asked = {"properties": ["name"]}

    (_, queues, schedules) = Talk().calls(
        (f"{SCHEDULES}/get", asked),
        (f"{QUEUES}/get", {"#ids": result("/list/*/queueId", f"{SCHEDULES}/get")}),
        (f"{SCHEDULES}/get", {"#ids": result("/list/*/id", f"{SCHEDULES}/get")}),
    )

    assert names_of(queues) == []
    assert len(names_of(schedules)) == 3


@pytest.mark.parametrize(
    "reference",
    [
        result("/list/*/id"),
        result("/total"),
        result("/ids", of="1"),
        result("/ids", f"{SCHEDULES}/query"),
    ],
)
def test_result_that_is_not_there(reference: dict[str, str]) -> None:
    answers = Talk().calls((f"{QUEUES}/query", {}), (f"{QUEUES}/get", {"#ids": reference}))

    words = f"Result reference to {reference['resultOf']}#{reference['name']} not found."
    assert answers[1] == ("error", bad(words))


def test_results_of_a_set_cannot_be_referred_to() -> None:
    create = {"create": {"a": {"name": "q"}}}

    answers = Talk().calls(
        (f"{QUEUES}/set", create), (f"{QUEUES}/get", {"#ids": result("/created/a/id", f"{QUEUES}/set")})
    )

    assert answers[1][1]["type"] == "invalidResultReference"


def test_ids_are_no_property_names() -> None:
    talk = Talk()
    none = {"filter": {"name": "none"}}

    (_, refused) = talk.calls((f"{QUEUES}/query", {}), (f"{QUEUES}/get", {"#properties": result("/ids")}))
    (_, all_of_them) = talk.calls((f"{QUEUES}/query", none), (f"{QUEUES}/get", {"#properties": result("/ids")}))

    assert refused == (
        "error",
        bad(
            f"Failed to evaluate {{ resultOf: 0, name: {QUEUES}/query, path: /ids }} result reference:"
            " Invalid property."
        ),
    )
    assert list(all_of_them[1]["list"][0]) == ["name", "description", "threadsPerNode", "id"]


def test_destroy_takes_a_reference_and_its_limit_holds() -> None:
    talk = Talk()
    query: tuple[str, dict[str, str]] = ("x:MtaInboundThrottle/query", {})

    (_, destroyed) = talk.calls(
        query, ("x:MtaInboundThrottle/set", {"#destroy": result("/ids", "x:MtaInboundThrottle/query")})
    )

    assert len(destroyed[1]["destroyed"]) == 2


def test_creation_ids_of_earlier_calls_are_ids() -> None:
    talk = Talk()

    (_, schedules, read, updated) = talk.calls(
        (f"{QUEUES}/set", {"create": {"q": {"name": "q"}}}),
        (f"{SCHEDULES}/set", {"create": {"s": {"name": "s", "queueId": "#q"}}}),
        (f"{QUEUES}/get", {"ids": ["#q"]}),
        (f"{SCHEDULES}/set", {"update": {"a": {"queueId": "#q"}}}),
    )

    new = read[1]["list"][0]["id"]
    assert read[1]["list"][0]["name"] == "q"
    assert talk.read("MtaDeliverySchedule", schedules[1]["created"]["s"]["id"])["queueId"] == new
    assert updated[1] == {"updated": {"a": None}}
    assert talk.read("MtaDeliverySchedule", "a")["queueId"] == new


def test_creation_ids_may_be_given_with_the_request() -> None:
    talk = Talk()

    (answer,) = talk.calls((f"{QUEUES}/get", {"ids": ["#mine", "#"]}), createdIds={"mine": "b"})

    assert (names_of(answer), answer[1]["notFound"]) == (["remote"], ["#"])


@pytest.mark.parametrize(
    ("arguments", "description"),
    [
        ({"create": {"s1": {"queueId": "#nope"}}}, 'Invalid reference to non-existing object "nope" from "s1"'),
        ({"update": {"a": {"queueId": "#nope"}}}, 'Id reference "nope" not found.'),
    ],
)
def test_creation_id_of_nothing_fails_the_call(arguments: dict[str, Any], description: str) -> None:
    talk = Talk()

    assert talk.call(f"{SCHEDULES}/set", **arguments) == bad(description)
    assert talk.call(f"{SCHEDULES}/get", ids=["#nope"]) == bad('Id reference "nope" does not exist or is invalid.')


def test_creates_are_ordered_by_what_they_refer_to() -> None:
    answer = Talk().call(
        f"{SCHEDULES}/set",
        create={"a": {"queueId": "#b"}, "b": {"queueId": "#c"}, "c": {"name": "c"}, "d": {"name": "d"}},
    )

    assert list(answer["notCreated"]) == ["c", "b", "a", "d"]
    assert answer["notCreated"]["b"] == {"type": "notFound", "description": 'Id reference "c" not found.'}


def test_circle_of_references_is_refused() -> None:
    answer = Talk().call(f"{SCHEDULES}/set", create={"a": {"queueId": "#b"}, "b": {"queueId": "#a"}})

    assert answer == {"type": "invalidArguments", "description": "Cyclical references are not allowed."}


def test_references_stand_only_where_ids_do() -> None:
    talk = Talk()

    (_, hooks) = talk.calls(
        (f"{QUEUES}/set", {"create": {"q": {"name": "q"}}}),
        ("x:MtaHook/set", {"create": {"h": {"url": "#q", "httpHeaders": {"X": "#nope"}}}}),
    )

    stored = talk.read("MtaHook", hooks[1]["created"]["h"]["id"])
    assert (stored["url"], stored["httpHeaders"]) == ("#q", {"X": "#nope"})


def test_reference_where_there_can_be_none_is_an_unknown_argument() -> None:
    assert Talk().call(f"{QUEUES}/set", **{"#ids": None, "#properties": 5}) == {}


def test_failed_call_does_not_stop_the_next() -> None:
    answers = Talk().calls(
        (f"{QUEUES}/get", {"#ids": result("/ids")}), (f"{QUEUES}/get", {"ids": ["a"], "properties": ["name"]})
    )

    assert [name for name, _ in answers] == ["error", f"{QUEUES}/get"]
