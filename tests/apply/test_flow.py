"""Every change of a plan is accounted for: what is sent, in which requests, and what each answer means."""

import msgspec
import pytest

from reconciler.apply import Listener, outcome_code
from reconciler.server.jmap.protocol import Call, Limits, MethodError, Request
from reconciler.values.errors import Busy, ConfigError, NotAllowed, Unreachable
from reconciler.values.model import Outcome, Phase, Result
from tests.applying import PRUNE, RELOADED, Driver, confirm, job, refused, told
from tests.states import locals_of

TWO_KINDS = """\
kind: MtaRoute
items:
  - {type: Relay, name: eu, address: new.example.net}
  - {type: Local, name: here}
---
kind: MtaTlsStrategy
spec: {name: strict, startTls: require}
"""
EU = {"id": "a", "@type": "Relay", "name": "eu", "address": "old.example.net"}
QUEUE = """\
kind: MtaVirtualQueue
spec: {name: bulk}
---
kind: MtaDeliverySchedule
spec: {name: slow, queueId: bulk}
---
kind: MtaOutboundStrategy
spec: {schedule: {use: slow}}
---
kind: MtaSts
spec: {mode: enforce}
"""
#: The server takes no match back, so that only a new quota is as wanted.
UNSET = "kind: MtaQueueQuota\nspec: {description: q, key: [rcpt]}\n"
QUOTAS = {
    "MtaQueueQuota": [
        {"id": "a", "description": "q", "key": {"rcpt": True}, "match": {"match": {}, "else": "true"}},
    ]
}
RELAYS = """\
kind: MtaRoute
items:
  - {type: Relay, name: r1, address: a.example.net, authSecret: {type: Value, secret: "${env:RELAY}"}}
  - {type: Relay, name: r2, address: a.example.net, authSecret: {type: Value, secret: canary-plain}}
"""


def test_creates_and_updates_of_a_kind_are_one_call_and_kinds_share_a_request() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), TWO_KINDS)

    outcome = driver.run(work.flow(), confirm)

    assert driver.sent == [
        (
            Call(
                "x:MtaRoute/set",
                {
                    "update": {"a": {"address": "new.example.net"}},
                    "create": {"new1": {"@type": "Local", "name": "here"}},
                },
            ),
            Call("x:MtaTlsStrategy/set", {"create": {"new2": {"name": "strict", "startTls": "require"}}}),
        )
    ]
    assert [(str(each.change.address), each.result, each.id) for each in outcome.results] == [
        ("MtaRoute/eu", "applied", "a"),
        ("MtaRoute/here", "applied", "made-new1"),
        ("MtaTlsStrategy/strict", "applied", "made-new2"),
    ]
    assert (outcome.reload, outcome_code(outcome)) == ("applied", 0)


def test_phase_may_hold_copies_of_the_plans_changes() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), TWO_KINDS)
    copies = tuple(
        Phase(phase.name, tuple(msgspec.structs.replace(change) for change in phase.changes))
        for phase in work.plan.phases
    )
    work = msgspec.structs.replace(work, plan=msgspec.structs.replace(work.plan, phases=copies))

    outcome = driver.run(work.flow(), confirm)

    assert [(each.change.number, each.result) for each in outcome.results] == [(n, "applied") for n in range(3)]


def test_confirmed_and_refused_ids_are_told_apart() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), TWO_KINDS)
    answer = [
        {
            **refused("notUpdated", "a", type="invalidPatch", description="bad", properties=["address"]),
            "created": {"new1": {"id": "n"}},
        },
        refused("notCreated", "new2", type="primaryKeyViolation", properties=["name"]),
    ]

    outcome = driver.run(work.flow(), answer)

    assert told(outcome) == [
        ("MtaRoute/eu", "failed", "invalidPatch; bad; at address"),
        ("MtaRoute/here", "applied", ""),
        ("MtaTlsStrategy/strict", "failed", "primaryKeyViolation; at name"),
    ]
    assert outcome.reload == "skipped"
    assert outcome.reload_because == (
        "not everything was applied; the server goes on with the settings that it runs; "
        "the next reload makes live: MtaRoute/here"
    )
    assert outcome_code(outcome) == 5
    assert driver.reloads == 1


def test_nothing_to_change_is_one_reload() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), "kind: MtaRoute\nspec: {type: Relay, name: eu, address: old.example.net}\n")

    outcome = driver.run(work.flow(recheck=True))

    note = "Nothing was written; the reload makes live what an earlier run may have left stored."
    assert outcome == Outcome(reload="applied", notes=(note,))
    assert (driver.sent, driver.reloads) == ([], 1)


def test_no_reload_leaves_it_out() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    outcome = driver.run(work.flow(reload=False), confirm)

    assert (outcome.reload, outcome.reload_because, driver.reloads) == ("skipped", "--no-reload", 0)
    assert outcome_code(outcome) == 0


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        (Limits(), [[7]]),
        (Limits(max_objects_in_set=3), [[3, 3, 1]]),
        (Limits(max_objects_in_set=3, max_calls_in_request=2), [[3, 3], [1]]),
        (Limits(max_objects_in_set=1, max_calls_in_request=1), [[1]] * 7),
        (Limits(max_size_request=256 + 128 + 130), [[3], [3], [1]]),
    ],
)
def test_requests_keep_within_the_sessions_limits(limits: Limits, sizes: list[list[int]]) -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(7))

    outcome = driver.run(work.flow(limits=limits), *[confirm] * len(sizes))

    bodies = [msgspec.json.encode(Request(calls).body()) for calls in driver.sent]
    names = [each["name"] for calls in driver.sent for call in calls for each in call.arguments["create"].values()]
    assert [[len(call.arguments["create"]) for call in calls] for calls in driver.sent] == sizes
    assert max(map(len, bodies)) <= limits.max_size_request
    assert names == [f"r{n}" for n in range(7)]
    assert outcome_code(outcome) == 0


def test_calls_of_several_kinds_are_counted_together() -> None:
    driver = Driver()
    kinds = ("MtaRoute", "MtaTlsStrategy", "MtaVirtualQueue")
    manifests = "---\n".join(
        f"kind: {kind}\nspec: {{name: x{', type: Local' * (kind == 'MtaRoute')}}}\n" for kind in kinds
    )
    work = job(driver.live(), manifests)

    driver.run(work.flow(limits=Limits(max_calls_in_request=2)), confirm, confirm)

    assert [[call.method for call in calls] for calls in driver.sent] == [
        ["x:MtaRoute/set", "x:MtaTlsStrategy/set"],
        ["x:MtaVirtualQueue/set"],
    ]


def test_what_no_request_can_hold_fails_and_is_not_sent() -> None:
    driver = Driver()
    long = locals_of(1) + f"  - {{type: Local, name: big, description: {'x' * 600}}}\n"
    work = job(driver.live(), long)

    outcome = driver.run(work.flow(limits=Limits(max_size_request=600)), confirm)

    assert told(outcome) == [
        ("MtaRoute/r0", "applied", ""),
        ("MtaRoute/big", "failed", "it is larger than a request may be (600)"),
    ]
    assert [list(call.arguments["create"]) for (call,) in driver.sent] == [["new0"]]


def test_the_id_of_a_new_object_is_used_in_the_phase_after() -> None:
    driver = Driver()
    work = job(driver.live(), QUEUE)

    outcome = driver.run(work.flow(), [{"created": {"new0": {"id": "q9"}}}], confirm, confirm)

    assert driver.sent == [
        (Call("x:MtaVirtualQueue/set", {"create": {"new0": {"name": "bulk"}}}),),
        (Call("x:MtaDeliverySchedule/set", {"create": {"new0": {"name": "slow", "queueId": "q9"}}}),),
        (
            Call(
                "x:MtaOutboundStrategy/set",
                {"update": {"singleton": {"schedule/match": {}, "schedule/else": "'slow'"}}},
            ),
            Call("x:MtaSts/set", {"update": {"singleton": {"mode": "enforce"}}}),
        ),
    ]
    assert outcome_code(outcome) == 0


def test_what_depends_on_a_failure_is_skipped_and_the_rest_goes_on() -> None:
    driver = Driver()
    work = job(driver.live(), QUEUE)

    outcome = driver.run(work.flow(), [refused("notCreated", "new0")], confirm)

    assert told(outcome) == [
        ("MtaVirtualQueue/bulk", "failed", "validationFailed; no"),
        ("MtaDeliverySchedule/slow", "skipped", "it refers to MtaVirtualQueue/bulk, which failed"),
        ("MtaOutboundStrategy", "skipped", "it may name MtaDeliverySchedule/slow, which failed"),
        ("MtaSts", "applied", ""),
    ]
    assert outcome_code(outcome) == 5


def test_nothing_is_destroyed_after_a_failure() -> None:
    driver = Driver({"MtaRoute": [{"id": "a", "@type": "Local", "name": "old"}]})
    work = job(driver.live(), locals_of(1), PRUNE)

    outcome = driver.run(work.flow(), [refused("notCreated", "new0")])

    assert told(outcome) == [
        ("MtaRoute/r0", "failed", "validationFailed; no"),
        ("MtaRoute/old", "skipped", "nothing is destroyed after a failure"),
    ]
    assert outcome_code(outcome) == 1


def test_nothing_is_destroyed_after_a_failed_destroy_in_an_earlier_request() -> None:
    driver = Driver({"MtaRoute": [{"id": f"a{n}", "@type": "Local", "name": f"r{n}"} for n in range(3)]})
    work = job(driver.live(), "", PRUNE)

    outcome = driver.run(
        work.flow(limits=Limits(max_objects_in_set=1, max_calls_in_request=2)),
        [refused("notDestroyed", "a0"), {"destroyed": ["a1"]}],
    )

    assert [result for _, result, _ in told(outcome)] == ["failed", "applied", "skipped"]


def test_an_object_that_is_gone_already_is_destroyed() -> None:
    driver = Driver({"MtaRoute": [{"id": "a", "@type": "Local", "name": "old"}]})
    work = job(driver.live(), "", PRUNE)

    outcome = driver.run(work.flow(), [refused("notDestroyed", "a", type="notFound")])

    assert told(outcome) == [("MtaRoute/old", "applied", "")]


@pytest.mark.parametrize(
    ("error", "because", "code"),
    [
        (
            MethodError("forbidden", "You are not authorized to create objects of this type"),
            "forbidden: You are not authorized to create objects of this type",
            77,
        ),
        (MethodError("requestTooLarge"), "requestTooLarge", 1),
        (MethodError("unknownMethod", "x:MtaRoute/set"), "unknownMethod: x:MtaRoute/set", 1),
    ],
)
def test_a_method_error_after_which_nothing_was_done_fails_the_call(
    error: MethodError, because: str, code: int
) -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(2))

    outcome = driver.run(work.flow(), [error])

    assert told(outcome) == [("MtaRoute/r0", "failed", because), ("MtaRoute/r1", "failed", because)]
    assert (driver.reads, len(driver.sent)) == (0, 1)
    assert outcome_code(outcome) == code


def test_a_method_error_leaves_the_other_calls_of_the_request_alone() -> None:
    driver = Driver()
    work = job(driver.live(), TWO_KINDS)

    outcome = driver.run(
        work.flow(), lambda request: [MethodError("forbidden", "no"), *confirm(Request(request.calls[1:]))]
    )

    assert [result for _, result, _ in told(outcome)] == ["failed", "failed", "applied"]
    assert outcome_code(outcome) == 5


@pytest.mark.parametrize(("error", "code"), [(Busy("past the deadline"), 75), (NotAllowed("no"), 77)])
def test_a_refused_request_ends_the_run(error: Exception, code: int) -> None:
    driver = Driver()
    work = job(driver.live(), QUEUE)

    outcome = driver.run(work.flow(), error)

    skipped = f"an earlier request was refused: {error}"
    assert told(outcome) == [
        ("MtaVirtualQueue/bulk", "failed", str(error)),
        ("MtaDeliverySchedule/slow", "skipped", skipped),
        ("MtaOutboundStrategy", "skipped", skipped),
        ("MtaSts", "skipped", skipped),
    ]
    assert (outcome.reload, outcome.reload_because) == ("skipped", skipped)
    assert outcome_code(outcome) == code


def test_a_refused_request_after_a_write_is_partly_applied() -> None:
    driver = Driver()
    work = job(driver.live(), QUEUE)

    outcome = driver.run(work.flow(), confirm, Busy("past the deadline"))

    assert outcome_code(outcome) == 5


def test_an_interrupt_ends_the_run_between_two_requests() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(3))
    heard: list[Result] = []
    listener = Listener(tell=heard.append, stop=lambda: len(driver.sent) == 1)

    outcome = driver.run(
        work.flow(limits=Limits(max_objects_in_set=1, max_calls_in_request=1), listener=listener), confirm
    )

    assert told(outcome) == [
        ("MtaRoute/r0", "applied", ""),
        ("MtaRoute/r1", "skipped", "the run was interrupted"),
        ("MtaRoute/r2", "skipped", "the run was interrupted"),
    ]
    assert tuple(heard) == outcome.results
    because = "the run was interrupted; the next reload makes live: MtaRoute/r0"
    assert (outcome.reload, outcome.reload_because) == ("skipped", because)
    assert outcome_code(outcome) == 5


def test_a_replace_destroys_and_then_creates() -> None:
    driver = Driver(QUOTAS)
    work = job(driver.live(), UNSET)
    heard: list[Result] = []

    outcome = driver.run(work.flow(listener=Listener(tell=heard.append)), confirm, confirm)

    assert driver.sent == [
        (Call("x:MtaQueueQuota/set", {"destroy": ["a"]}),),
        (Call("x:MtaQueueQuota/set", {"create": {"new0": {"description": "q", "key": {"rcpt": True}}}}),),
    ]
    assert told(outcome) == [("MtaQueueQuota/q", "applied", "")]
    assert tuple(heard) == outcome.results


def test_a_replace_whose_destroy_is_refused_keeps_the_servers_reason_and_creates_nothing() -> None:
    driver = Driver(QUOTAS)
    work = job(driver.live(), UNSET)

    outcome = driver.run(work.flow(), [refused("notDestroyed", "a", type="objectIsLinked")])

    assert told(outcome) == [("MtaQueueQuota/q", "failed", "objectIsLinked")]
    assert len(driver.sent) == 1
    assert outcome_code(outcome) == 1


def test_a_replace_whose_create_is_refused_says_that_the_object_is_gone() -> None:
    driver = Driver(QUOTAS)
    work = job(driver.live(), UNSET)

    outcome = driver.run(work.flow(), confirm, [refused("notCreated", "new0")])

    assert told(outcome) == [
        (
            "MtaQueueQuota/q",
            "failed",
            "its old object was destroyed, and its new one is not confirmed: validationFailed; no",
        )
    ]
    assert (outcome.reload, outcome_code(outcome)) == ("skipped", 5)


def test_a_replace_that_was_begun_is_finished_after_an_interrupt_and_nothing_else_is_begun() -> None:
    limited = QUOTAS["MtaQueueQuota"][0]
    driver = Driver({"MtaQueueQuota": [limited, {**limited, "id": "b", "description": "q2"}]})
    work = job(driver.live(), f"{UNSET}---\n{UNSET.replace('description: q', 'description: q2')}")

    outcome = driver.run(work.flow(listener=Listener(stop=lambda: len(driver.sent) > 0)), confirm, confirm)

    assert told(outcome) == [
        ("MtaQueueQuota/q", "applied", ""),
        ("MtaQueueQuota/q2", "skipped", "the run was interrupted"),
    ]
    made = {"create": {"new0": {"description": "q", "key": {"rcpt": True}}}}
    assert driver.sent[1] == (Call("x:MtaQueueQuota/set", made),)


def test_an_interrupt_after_which_everything_was_finished_is_followed_by_the_reload() -> None:
    driver = Driver(QUOTAS)
    work = job(driver.live(), UNSET)

    outcome = driver.run(work.flow(listener=Listener(stop=lambda: len(driver.sent) == 1)), confirm, confirm)

    assert told(outcome) == [("MtaQueueQuota/q", "applied", "")]
    assert (outcome.reload, outcome_code(outcome)) == ("applied", 0)


def test_a_replace_that_cannot_be_finished_after_an_interrupt_tells_why() -> None:
    driver = Driver(QUOTAS)
    work = job(driver.live(), UNSET)

    outcome = driver.run(work.flow(listener=Listener(stop=lambda: len(driver.sent) == 1)), confirm, Unreachable("gone"))

    assert told(outcome) == [
        ("MtaQueueQuota/q", "failed", "its old object was destroyed, and its new one is not confirmed: gone")
    ]
    assert outcome.reload_because == "an earlier request was refused: gone"
    assert outcome_code(outcome) == 69


def test_a_replace_that_cannot_be_finished_is_no_skip() -> None:
    driver = Driver(QUOTAS)
    work = job(driver.live(), UNSET)

    outcome = driver.run(work.flow(), confirm, NotAllowed("no more"))

    assert told(outcome) == [
        ("MtaQueueQuota/q", "failed", "its old object was destroyed, and its new one is not confirmed: no more")
    ]
    assert outcome_code(outcome) == 5


def test_after_a_failure_no_replace_destroys() -> None:
    quotas = {
        "MtaQueueQuota": [
            {"id": f"a{n}", "description": f"q{n}", "key": {"rcpt": True}, "match": {"match": {}, "else": "true"}}
            for n in range(2)
        ]
    }
    driver = Driver(quotas)
    work = job(
        driver.live(), "kind: MtaQueueQuota\nitems: [{description: q0, key: [rcpt]}, {description: q1, key: [rcpt]}]\n"
    )

    outcome = driver.run(
        work.flow(limits=Limits(max_objects_in_set=1, max_calls_in_request=1)), [refused("notDestroyed", "a0")]
    )

    assert told(outcome) == [
        ("MtaQueueQuota/q0", "failed", "validationFailed; no"),
        ("MtaQueueQuota/q1", "skipped", "nothing is destroyed after a failure"),
    ]


def test_secrets_are_resolved_before_the_first_write() -> None:
    driver = Driver(QUOTAS)
    work = job(driver.live(), UNSET + "---\n" + RELAYS)

    with pytest.raises(ConfigError, match=r"\$\{env:RELAY\} is not set"):
        driver.run(work.flow())

    assert driver.sent == []


def test_secrets_are_sent_and_taken_out_of_what_the_server_says() -> None:
    driver = Driver()
    work = job(driver.live(), RELAYS)
    echo = {"type": "invalidPatch", "description": "canary-env and canary-plain"}

    outcome = driver.run(work.flow({"RELAY": "canary-env"}), [refused("notCreated", "new0", "new1", **echo)])

    created = driver.sent[0][0].arguments["create"]
    assert [each["authSecret"]["secret"] for each in created.values()] == ["canary-env", "canary-plain"]
    assert told(outcome) == [
        (f"MtaRoute/{name}", "failed", "invalidPatch; (sensitive) and (sensitive)") for name in ("r1", "r2")
    ]
    assert "canary" not in repr(outcome)


def test_secrets_are_taken_out_of_a_refused_request_and_a_refused_reload() -> None:
    work = job(Driver().live(), RELAYS)
    secrets = {"RELAY": "canary-env"}
    blocker = {"type": "validationFailed", "description": "canary-plain"}

    halted = Driver().run(work.flow(secrets), Unreachable("canary-env"))
    blocked = Driver().run(
        work.flow(secrets), confirm, reloads=[RELOADED, [refused("notCreated", "reload", **blocker)]]
    )

    assert "canary" not in repr((halted, blocked))
    assert blocked.reload_because == "validationFailed; (sensitive)"
