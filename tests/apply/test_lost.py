"""After a lost answer: read again, then decide. What was done is not sent twice; what is not known is not claimed."""

from typing import Any

import pytest

from reconciler.apply import outcome_code
from reconciler.server.jmap.protocol import Call, Limits, MethodError, Request
from reconciler.values.errors import Unreachable
from tests.applying import PRUNE, Answer, Driver, confirm, job, lost, told
from tests.states import Objects

CLOSED = "the connection broke: closed"
RELAY = """\
kind: MtaRoute
spec: {type: Relay, name: eu, address: new.example.net}
"""
EU = {"id": "a", "@type": "Relay", "name": "eu", "address": "old.example.net"}
NEW = {**EU, "address": "new.example.net"}
MILTER = "kind: MtaMilter\nspec: {hostname: h, stages: [data]}\n"
ROUTES = "kind: MtaRoute\nitems: [{type: Local, name: r0}, {type: Local, name: r1}, {type: Local, name: r2}]\n"


def local(id_: str, name: str) -> dict[str, Any]:
    return {"id": id_, "@type": "Local", "name": name}


def losing(driver: Driver, objects: Objects) -> Answer:
    """Lose the answer of a request after which the server holds some objects."""

    def answer(request: Request) -> Any:
        driver.server.put(objects)
        return lost(request)

    return answer


def test_an_update_that_a_new_read_shows_was_done() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": [NEW]}))

    assert told(outcome) == [("MtaRoute/eu", "applied", "")]
    assert len(driver.sent) == 1
    assert outcome_code(outcome) == 0


def test_an_update_that_was_not_done_is_sent_once_more() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), lost, confirm)

    update = (Call("x:MtaRoute/set", {"update": {"a": {"address": "new.example.net"}}}),)
    assert driver.sent == [update, update]
    assert told(outcome) == [("MtaRoute/eu", "applied", "")]


def test_nothing_is_sent_a_third_time() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), lost, lost)

    assert told(outcome) == [
        ("MtaRoute/eu", "failed", f"sent twice, and a new read shows that it was not done: {CLOSED}")
    ]
    assert outcome_code(outcome) == 1


def test_an_update_of_an_object_that_somebody_else_changed_is_unknown() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": [{**EU, "address": "third.example.net"}]}))

    assert told(outcome) == [
        ("MtaRoute/eu", "unknown", "the answer was lost, and the object is neither as before nor as wanted")
    ]
    assert (outcome.reload, outcome_code(outcome)) == ("skipped", 69)


def test_an_update_of_an_object_that_is_gone_is_unknown() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": []}))

    assert told(outcome) == [("MtaRoute/eu", "unknown", "the answer was lost, and the object is gone")]


def test_a_set_that_still_has_more_members_was_not_written() -> None:
    driver = Driver({"MtaMilter": [{"id": "a", "hostname": "h", "stages": {"data": True, "rcpt": True}}]})
    work = job(driver.live(), MILTER)

    outcome = driver.run(work.flow(), lost, confirm)

    assert [call.arguments for (call,) in driver.sent] == [{"update": {"a": {"stages": {"data": True}}}}] * 2
    assert told(outcome) == [("MtaMilter/h:11332", "applied", "")]


def test_a_reference_is_compared_by_what_it_leads_to() -> None:
    queues = [{"id": "a", "name": "q1"}, {"id": "b", "name": "q2"}]
    schedule = {"id": "s", "name": "slow", "queueId": "a"}
    manifests = "kind: MtaDeliverySchedule\nspec: {name: slow, queueId: q2}\n"
    done, undone = (Driver({"MtaVirtualQueue": queues, "MtaDeliverySchedule": [schedule]}) for _ in range(2))

    applied = done.run(
        job(done.live(), manifests).flow(), losing(done, {"MtaDeliverySchedule": [{**schedule, "queueId": "b"}]})
    )
    resent = undone.run(job(undone.live(), manifests).flow(), lost, confirm)

    assert [told(applied), told(resent)] == [[("MtaDeliverySchedule/slow", "applied", "")]] * 2
    assert [len(done.sent), len(undone.sent)] == [1, 2]


def test_a_new_object_with_a_reference_is_found() -> None:
    driver = Driver({"MtaVirtualQueue": [{"id": "b", "name": "remote"}]})
    work = job(driver.live(), "kind: MtaDeliverySchedule\nspec: {name: slow, queueId: remote}\n")

    outcome = driver.run(
        work.flow(), losing(driver, {"MtaDeliverySchedule": [{"id": "n", "name": "slow", "queueId": "b"}]})
    )

    assert [(each.result, each.id) for each in outcome.results] == [("applied", "n")]
    assert len(driver.sent) == 1


SECRET = """\
kind: MtaRoute
spec: {type: Relay, name: eu, address: old.example.net, authSecret: {type: Value, secret: "${env:RELAY}"}}
"""
HELD = {**EU, "authSecret": {"@type": "Value", "secret": "****"}}


def test_a_secret_whose_writing_nothing_shows_is_written_once_more() -> None:
    driver = Driver({"MtaRoute": [HELD]})
    work = job(driver.live(), SECRET, rotate="*")

    outcome = driver.run(work.flow({"RELAY": "canary"}), lost, confirm)

    sent = {"update": {"a": {"authSecret": {"@type": "Value", "secret": "canary"}}}}
    assert [call.arguments for (call,) in driver.sent] == [sent, sent]
    assert told(outcome) == [("MtaRoute/eu", "applied", "")]


def test_a_secret_whose_writing_nothing_shows_is_unknown_in_the_end() -> None:
    driver = Driver({"MtaRoute": [HELD]})
    work = job(driver.live(), SECRET, rotate="*")

    outcome = driver.run(work.flow({"RELAY": "canary"}), lost, lost)

    assert told(outcome) == [
        ("MtaRoute/eu", "unknown", "the answer was lost, and nothing shows whether the secret was written")
    ]
    assert outcome_code(outcome) == 69


def test_a_secret_whose_writing_would_show_was_not_written() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), SECRET)

    outcome = driver.run(work.flow({"RELAY": "canary"}), lost, lost)

    assert told(outcome) == [
        ("MtaRoute/eu", "failed", f"sent twice, and a new read shows that it was not done: {CLOSED}")
    ]


def test_a_secret_that_came_with_a_change_that_shows_was_written() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), SECRET)

    outcome = driver.run(work.flow({"RELAY": "canary"}), losing(driver, {"MtaRoute": [HELD]}))

    assert told(outcome) == [("MtaRoute/eu", "applied", "")]
    assert len(driver.sent) == 1


def test_a_new_variant_is_found() -> None:
    driver = Driver({"MtaRoute": [{"id": "a", "@type": "Mx", "name": "eu"}]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": [NEW]}))

    assert told(outcome) == [("MtaRoute/eu", "applied", "")]


def test_a_new_variant_with_another_value_than_its_default_is_unknown() -> None:
    driver = Driver({"MtaRoute": [{"id": "a", "@type": "Mx", "name": "eu"}]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": [{**NEW, "port": 26}]}))

    assert [result for _, result, _ in told(outcome)] == ["unknown"]


def test_of_several_creates_only_what_was_not_made_is_sent_again() -> None:
    driver = Driver()
    work = job(driver.live(), ROUTES)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": [local("n0", "r0")]}), confirm)

    assert [list(call.arguments["create"]) for (call,) in driver.sent] == [["new0", "new1", "new2"], ["new1", "new2"]]
    assert [(each.result, each.id) for each in outcome.results] == [
        ("applied", "n0"),
        ("applied", "made-new1"),
        ("applied", "made-new2"),
    ]


TWO_HOOKS = "---\n".join(
    f"kind: MtaHook\nmetadata: {{name: {name}}}\nspec: {{url: 'http://h'}}\n" for name in ("one", "two", "three")
)


def hooks(*ids: str, **more: Any) -> Objects:
    return {"MtaHook": [{"id": id_, "url": "http://h", **more} for id_ in ids]}


def test_an_older_object_is_not_taken_for_a_new_one() -> None:
    driver = Driver(hooks("a", "b"))
    work = job(driver.live(), TWO_HOOKS)

    outcome = driver.run(work.flow(), lost, confirm)

    assert [call.arguments for (call,) in driver.sent] == [{"create": {"new0": {"url": "http://h"}}}] * 2
    assert told(outcome) == [("MtaHook/three", "applied", "")]


def test_each_new_object_is_taken_once() -> None:
    driver = Driver(hooks("a"))
    work = job(driver.live(), TWO_HOOKS)

    outcome = driver.run(work.flow(), losing(driver, hooks("a", "n1")), confirm)

    assert [list(call.arguments["create"]) for (call,) in driver.sent] == [["new0", "new1"], ["new1"]]
    assert [(str(each.change.address), each.id) for each in outcome.results] == [
        ("MtaHook/two", "n1"),
        ("MtaHook/three", "made-new1"),
    ]


def test_an_object_that_was_confirmed_is_not_taken_for_another() -> None:
    driver = Driver()
    work = job(driver.live(), TWO_HOOKS)

    def first(_: Request) -> Any:
        driver.server.put(hooks("n1"))
        return [{"created": {"new0": {"id": "n1"}}}]

    outcome = driver.run(
        work.flow(limits=Limits(max_objects_in_set=1, max_calls_in_request=1)), first, lost, confirm, confirm
    )

    assert [list(call.arguments["create"]) for (call,) in driver.sent] == [["new0"], ["new1"], ["new1"], ["new2"]]
    assert [each.id for each in outcome.results] == ["n1", "made-new1", "made-new2"]


def test_an_object_of_another_kind_with_the_same_id_is_no_older_object() -> None:
    driver = Driver({"MtaTlsStrategy": [{"id": "n", "name": "t"}]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": [{**NEW, "id": "n"}]}))

    assert [(each.result, each.id) for each in outcome.results] == [("applied", "n")]
    assert len(driver.sent) == 1


def test_a_new_object_that_is_not_as_wanted_is_not_taken_and_nothing_is_sent_again() -> None:
    driver = Driver()
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": [{**NEW, "id": "n", "port": 26}]}))

    assert told(outcome) == [("MtaRoute/eu", "unknown", "the answer was lost, and n is new and not as wanted")]
    assert len(driver.sent) == 1
    assert outcome_code(outcome) == 69


def test_a_create_that_came_about_after_it_was_looked_for_is_found_in_the_end() -> None:
    driver = Driver()
    work = job(driver.live(), RELAY)

    def taken(request: Request) -> Any:
        driver.server.put({"MtaRoute": [{**NEW, "id": "n"}]})
        return [{"notCreated": {"new0": {"type": "primaryKeyViolation", "properties": ["name"]}}}]

    outcome = driver.run(work.flow(), lost, taken)

    assert [(each.result, each.id) for each in outcome.results] == [("applied", "n")]
    assert len(driver.sent) == 2


@pytest.mark.parametrize(("left", "sent"), [([], 1), ([local("a", "old")], 2)])
def test_a_destroy_is_sent_again_only_if_the_object_is_still_there(left: list[dict[str, Any]], sent: int) -> None:
    driver = Driver({"MtaRoute": [local("a", "old")]})
    work = job(driver.live(), "", PRUNE)

    outcome = driver.run(work.flow(), losing(driver, {"MtaRoute": left}), *[confirm] * (sent - 1))

    assert [call.arguments for (call,) in driver.sent] == [{"destroy": ["a"]}] * sent
    assert told(outcome) == [("MtaRoute/old", "applied", "")]


def test_an_answer_that_leaves_out_an_id_is_looked_up() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), RELAY)

    def silent(_: Request) -> Any:
        driver.server.put({"MtaRoute": [NEW]})
        return [{"accountId": "b"}]

    outcome = driver.run(work.flow(), silent)

    assert told(outcome) == [("MtaRoute/eu", "applied", "")]
    assert driver.reads > 0


@pytest.mark.parametrize("made", [{}, None, {"id": ""}, {"id": 5}])
def test_a_create_that_is_confirmed_without_an_id_is_looked_up(made: Any) -> None:
    driver = Driver()
    work = job(driver.live(), RELAY)

    def nameless(_: Request) -> Any:
        driver.server.put({"MtaRoute": [{**NEW, "id": "n"}]})
        return [{"created": {"new0": made}}]

    outcome = driver.run(work.flow(), nameless)

    assert [(each.result, each.id) for each in outcome.results] == [("applied", "n")]


@pytest.mark.parametrize("type_", ["serverUnavailable", "serverFail", "serverPartialFail", "somethingNew"])
def test_a_method_error_after_which_a_part_may_be_done_is_looked_up(type_: str) -> None:
    driver = Driver()
    work = job(driver.live(), ROUTES)

    def partly(_: Request) -> Any:
        driver.server.put({"MtaRoute": [local("n0", "r0")]})
        return [MethodError(type_, "try later")]

    outcome = driver.run(work.flow(), partly, [MethodError(type_, "try later")])

    because = f"sent twice, and a new read shows that it was not done: {type_}: try later"
    assert told(outcome) == [
        ("MtaRoute/r0", "applied", ""),
        ("MtaRoute/r1", "failed", because),
        ("MtaRoute/r2", "failed", because),
    ]
    assert outcome_code(outcome) == 5


def test_what_cannot_be_read_again_is_unknown_and_ends_the_run() -> None:
    driver = Driver({"MtaTlsStrategy": [{"id": "a", "name": "old"}]})
    work = job(driver.live(), RELAY, PRUNE)

    def cut(request: Request) -> Any:
        driver.server.forbidden = frozenset({"MtaRoute"})
        return lost(request)

    outcome = driver.run(work.flow(), cut)

    assert told(outcome) == [
        ("MtaRoute/eu", "unknown", f"{CLOSED}, and reading again failed: the credentials may not read MtaRoute"),
        ("MtaTlsStrategy/old", "skipped", "it is unknown what became of an earlier change"),
    ]
    assert (outcome.reload, outcome.reload_because) == ("skipped", "it is unknown what became of an earlier change")
    assert outcome_code(outcome) == 69


def test_a_second_request_that_is_refused_fails_what_was_not_done() -> None:
    driver = Driver({"MtaRoute": [EU]})
    work = job(driver.live(), RELAY)

    outcome = driver.run(work.flow(), lost, Unreachable("the server is gone"))

    assert told(outcome) == [("MtaRoute/eu", "failed", "the server is gone")]
    assert outcome_code(outcome) == 69


UNSET = "kind: MtaQueueQuota\nspec: {description: q, key: [rcpt]}\n"
QUOTA = {"id": "a", "description": "q", "key": {"rcpt": True}}
LIMITED = {**QUOTA, "match": {"match": {}, "else": "true"}}


def test_both_halves_of_a_replace_may_be_lost() -> None:
    driver = Driver({"MtaQueueQuota": [LIMITED]})
    work = job(driver.live(), UNSET)

    outcome = driver.run(
        work.flow(),
        losing(driver, {"MtaQueueQuota": []}),
        losing(driver, {"MtaQueueQuota": [{**QUOTA, "id": "n"}]}),
    )

    assert [(each.result, each.id) for each in outcome.results] == [("applied", "n")]
    assert len(driver.sent) == 2


def test_a_replace_whose_new_half_cannot_be_looked_up_is_unknown() -> None:
    driver = Driver({"MtaQueueQuota": [LIMITED]})
    work = job(driver.live(), UNSET)

    def cut(request: Request) -> Any:
        driver.server.forbidden = frozenset({"MtaQueueQuota"})
        return lost(request)

    outcome = driver.run(work.flow(), confirm, cut)

    ((_, result, because),) = told(outcome)
    assert result == "unknown"
    assert because.startswith("its old object was destroyed, and its new one is not confirmed: ")
    assert outcome_code(outcome) == 69
