"""The queue of the sandbox: what is put in, what is read, and what a patch does to a message."""

import json
from typing import Any

import pytest

from reconciler.sandbox import Sandbox
from tests.talk import Talk, invalid_patch

NEW = {"createdAt": "2026-11-28T00:00:00Z", "returnPath": "a@example.org"}
FAILED = {
    "@type": "TemporaryFailure",
    "errorType": "unexpectedResponse",
    "errorCommand": "RCPT TO:<t@busy.test>",
    "responseHostname": "192.0.2.2",
    "responseCode": 451,
    "responseEnhanced": "4.3.0",
    "responseMessage": "busy",
}


def queued(*messages: dict[str, Any]) -> tuple[Talk, list[str]]:
    """Return a server whose queue holds messages, and their ids, in the order in which they are due."""
    talk = Talk(Sandbox(queue=messages))
    return talk, talk.call("x:QueuedMessage/query", sort=[{"property": "due", "isAscending": True}])["ids"]


def due(*hours: int) -> list[dict[str, Any]]:
    """Return messages to one recipient each, due at these hours."""
    return [{**NEW, "recipients": {f"r{hour}@x.test": {"retryDue": f"2026-11-28T{hour:02}:00:00Z"}}} for hour in hours]


def set_one(talk: Talk, number: str, **patch: Any) -> Any:
    """Update a message; `__` in a name stands for a slash."""
    return talk.update("QueuedMessage", number, **patch)


def test_a_message_has_every_property_and_recipients_by_domain() -> None:
    talk, [number] = queued({**NEW, "recipients": ["b@y.test", "Z@X.test", "a@x.test"]})

    message = talk.read("QueuedMessage", number)

    assert {**message, "recipients": list(message["recipients"])} == {
        "createdAt": "2026-11-28T00:00:00Z",
        "nextRetry": "2026-11-28T00:00:00Z",
        "nextNotify": "2026-11-29T00:00:00Z",
        "blobId": "a",
        "returnPath": "a@example.org",
        "recipients": ["Z@x.test", "a@x.test", "b@y.test"],
        "receivedFromIp": "127.0.0.1",
        "receivedViaPort": 25,
        "flags": {"unauthenticated": True},
        "envId": None,
        "priority": 0,
        "size": 1000,
        "id": number,
    }
    assert message["recipients"]["b@y.test"] == {
        "retryCount": 0,
        "retryDue": "2026-11-28T00:00:00Z",
        "notifyCount": 0,
        "notifyDue": "2026-11-29T00:00:00Z",
        "expires": {"@type": "Ttl", "expiresAt": "2026-12-01T00:00:00Z"},
        "queueName": "remote",
        "status": {"@type": "Scheduled"},
        "flags": {},
        "orcpt": None,
    }


def test_a_query_lists_what_is_due_last_first() -> None:
    talk, ids = queued(*due(2, 1, 3))

    assert talk.call("x:QueuedMessage/query", calculateTotal=True) == {
        "queryState": "n",
        "canCalculateChanges": True,
        "position": 0,
        "ids": ids[::-1],
        "total": 3,
    }


@pytest.mark.parametrize(
    ("arguments", "hours"),
    [
        ({"limit": 2, "position": 1}, [2, 1]),
        ({"limit": 0}, [3, 2, 1]),
        ({"limit": 0, "calculateTotal": True}, []),
        ({"filter": {"due": "2026-11-28T02:00:00Z"}}, [2]),
        ({"filter": {"dueIsLessThan": "2026-11-28T02:00:00Z"}}, [1]),
        ({"filter": {"to": "r3@"}}, [3]),
        ({"filter": {"text": "r1@", "to": "r3@"}}, [1]),
        ({"filter": {"returnPath": "A@"}}, []),
        ({"filter": {"operator": "AND", "conditions": [{"queueName": "remote"}, {"to": "r2"}]}}, [2]),
        ({"filter": {"queueName": "nobody"}}, []),
    ],
)
def test_pages_and_filters(arguments: dict[str, Any], hours: list[int]) -> None:
    talk, _ = queued(*due(1, 2, 3))

    ids = talk.call("x:QueuedMessage/query", **arguments)["ids"]

    messages = [talk.read("QueuedMessage", number) for number in ids]
    assert [int(next(iter(message["recipients"]))[1]) for message in messages] == hours


def test_an_anchor_without_offset_is_in_its_page() -> None:
    talk, ids = queued(*due(1, 2, 3))
    order = [{"property": "due", "isAscending": True}]

    def page(**arguments: Any) -> Any:
        return talk.call("x:QueuedMessage/query", sort=order, anchor=ids[1], **arguments)["ids"]

    assert (page(), page(anchorOffset=1)) == (ids[1:], ids[2:])


def test_a_cut_answer_is_told_by_its_total_alone() -> None:
    talk, _ = queued(*({**NEW, "recipients": [f"r{n}@x.test"]} for n in range(5001)))

    answer = talk.call("x:QueuedMessage/query", calculateTotal=True)

    assert (len(answer["ids"]), answer["total"], "limit" in answer) == (5000, 5001, False)


def test_retry_now_sets_every_recipient_that_waits() -> None:
    failed = {**FAILED, "@type": "PermanentFailure"}
    recipients = {"a@x.test": {}, "b@x.test": {"status": failed}, "c@y.test": {"status": FAILED}}
    talk, [number] = queued({**NEW, "recipients": recipients})

    assert set_one(talk, number, nextRetry="2026-11-28T05:00:00Z") is None
    message = talk.read("QueuedMessage", number)
    assert [recipient["retryDue"] for recipient in message["recipients"].values()] == [
        "2026-11-28T05:00:00Z",
        "2026-11-28T00:00:00Z",
        "2026-11-28T05:00:00Z",
    ]
    assert message["nextRetry"] == "2026-11-28T05:00:00Z"


def test_a_cancelled_recipient_has_failed_for_good_and_the_last_one_ends_the_message() -> None:
    talk, [number] = queued({**NEW, "recipients": ["a@x.test", "b@x.test"]})

    set_one(talk, number, **{"recipients__a@x.test": None})
    status = talk.read("QueuedMessage", number)["recipients"]["a@x.test"]["status"]
    set_one(talk, number, **{"recipients__b@x.test": None})

    assert (status["@type"], status["errorType"], status["errorMessage"]) == (
        "PermanentFailure",
        "io",
        "Delivery canceled.",
    )
    assert talk.call("x:QueuedMessage/query")["ids"] == []


def test_recipients_as_an_object_cancel_the_others() -> None:
    talk, [number] = queued({**NEW, "recipients": {"a@x.test": {}, "b@x.test": {"retryCount": 3, "status": FAILED}}})

    set_one(talk, number, recipients={"b@x.test": {}})

    recipients = talk.read("QueuedMessage", number)["recipients"]
    assert [(r["status"]["@type"], r["retryCount"]) for r in recipients.values()] == [
        ("PermanentFailure", 0),
        ("Scheduled", 0),
    ]


def test_a_status_of_scheduled_clears_the_last_error_and_another_is_passed_over() -> None:
    talk, [number] = queued({**NEW, "recipients": {"a@x.test": {"retryCount": 2, "status": FAILED}}})

    set_one(talk, number, **{"recipients__a@x.test__status": {"@type": "PermanentFailure"}})
    kept = talk.read("QueuedMessage", number)["recipients"]["a@x.test"]["status"]
    set_one(talk, number, **{"recipients__a@x.test__status": {"@type": "Scheduled"}})
    set_one(talk, number, **{"recipients__a@x.test__retryCount": 5})

    recipient = talk.read("QueuedMessage", number)["recipients"]["a@x.test"]
    assert kept == {**FAILED, "errorMessage": None}
    assert (recipient["status"], recipient["retryCount"]) == ({"@type": "Scheduled"}, 2)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("returnPath", "x@y.test", "Cannot modify server set property"),
        ("size", 5, "Cannot modify server set property"),
        ("flags", {"dsn": True}, "Cannot modify server set property"),
        ("recipients/a@x.test/queueName", "slow", "Cannot modify server set property"),
        ("recipients/a@x.test/expires/expiresAt", "2026-11-28T00:52:03Z", "Invalid property"),
        ("nextRetry", "tomorrow", "Failed to parse UTCDateTime from string"),
        ("nextRetry", 5, "Invalid path for UTCDateTime, expected a string value"),
    ],
)
def test_refused_patches(path: str, value: Any, message: str) -> None:
    talk, [number] = queued({**NEW, "recipients": ["a@x.test"]})

    assert set_one(talk, number, **{path.replace("/", "__"): value}) == invalid_patch(message, path)


def test_a_recipient_that_is_not_there_is_named() -> None:
    talk, [number] = queued({**NEW, "recipients": ["a@x.test"]})

    refused = set_one(talk, number, **{"recipients__zz@x.test__retryDue": "2026-11-28T00:51:03Z"})

    assert refused == {"type": "invalidProperties", "description": "Recipient 'zz@x.test' does not exist"}


def test_destroy_takes_a_message_and_no_create_makes_one() -> None:
    talk, [number] = queued({**NEW, "recipients": ["a@x.test"]})

    answer = talk.call("x:QueuedMessage/set", create={"c": {}}, destroy=[number, "jqqqqqqqqqqa"])

    assert answer == {
        "notCreated": {"c": {"type": "forbidden", "description": "Queued messages cannot be created"}},
        "destroyed": [number],
        "notDestroyed": {"jqqqqqqqqqqa": {"type": "notFound"}},
    }


def test_permissions_of_reading_are_two_of_their_own() -> None:
    users = {"reader": ("pw", ["authenticate", "sysQueuedMessageQuery"])}
    talk = Talk(Sandbox(users=users), "reader", "pw")

    answers = talk.calls(("x:QueuedMessage/query", {}), ("x:QueuedMessage/get", {"ids": None}))

    assert [arguments.get("type") for _, arguments in answers] == [None, "forbidden"]


def test_a_pause_outlives_a_reload_and_not_a_restart() -> None:
    sandbox = Sandbox()
    talk = Talk(sandbox)

    talk.create("Action", variant="PauseMtaQueue")
    talk.create("Action", variant="ReloadSettings")
    reloaded = sandbox.registry.queue.paused
    sandbox.restart()
    restarted = sandbox.registry.queue.paused
    talk.create("Action", variant="PauseMtaQueue", queueName="remote")
    talk.create("Action", variant="ResumeMtaQueue")

    assert (reloaded, restarted, sandbox.registry.queue.paused) == (True, False, False)


@pytest.mark.parametrize("lines", [False, True])
def test_messages_are_put_in_over_http(lines: bool) -> None:
    talk = Talk()
    messages = due(1, 2)
    body = "\n".join(map(json.dumps, messages)) if lines else json.dumps(messages)

    reply = talk.send(body, path="/sandbox/queue")

    assert sorted(json.loads(reply.body)["ids"]) == sorted(talk.call("x:QueuedMessage/query")["ids"])
    assert talk.send(body, path="/sandbox/queue", Authorization="").status == 401


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"recipients": []}, "a queued message has `recipients`: a map of addresses, or a list of them"),
        ({"recipients": ["x"]}, "a recipient is named by an address with an @"),
        ({"recipients": ["a@x.test"], "sizes": 1}, "a queued message has no property 'sizes'"),
        ({"recipients": {"a@x.test": {"due": 1}}}, "a recipient has no property 'due'"),
        (
            {"recipients": {"a@x.test": {"status": {"@type": "Completed"}}}},
            "a queued message has a recipient that waits: Scheduled or TemporaryFailure",
        ),
        ({"recipients": ["a@x.test"], "createdAt": "today"}, "`createdAt` is a date such as 2026-01-31T12:00:00Z"),
    ],
)
def test_what_is_no_message_is_refused_and_nothing_put_in(message: dict[str, Any], complaint: str) -> None:
    talk = Talk()

    reply = talk.send(json.dumps([*due(1), message]), path="/sandbox/queue")

    assert (reply.status, json.loads(reply.body)["detail"]) == (400, complaint)
    assert talk.call("x:QueuedMessage/query")["ids"] == []


def test_a_log_of_the_sandbox_is_empty() -> None:
    talk = Talk()

    answers = talk.calls(
        ("x:Log/query", {"filter": {"text": "x"}}),
        ("x:Log/query", {"filter": {"level": "warn"}}),
        ("x:Log/get", {"ids": ["a"]}),
        ("x:Trace/query", {}),
    )

    assert [arguments.get("type") or arguments.get("ids") or arguments.get("notFound") for _, arguments in answers] == [
        None,
        "unsupportedFilter",
        ["a"],
        "forbidden",
    ]
