"""How an apply ends: the reload and what stands in its way, the proof by reading back, and the exit code."""

from typing import Any

import pytest

from reconciler.apply import outcome_code, reload_flow
from reconciler.server.jmap.protocol import AnswerLost, MethodError, Request, Response
from reconciler.server.secrets import Allowed, Secrets
from reconciler.values.errors import Busy, NotAllowed, Unreachable
from reconciler.values.model import Address, Change, Outcome, Result, ResultKind
from tests.applying import RELOADED, Driver, confirm, job, refused, told
from tests.states import CATALOGUE, LIMITS, locals_of


def test_a_refused_reload_names_the_object_as_manifests_call_it() -> None:
    driver = Driver({"MtaMilter": [{"id": "m1", "hostname": "old"}]})
    work = job(driver.live(), "kind: MtaMilter\nitems: [{hostname: old}, {hostname: new}]\n")

    def blocked_by(kind: str, id_: str) -> Outcome:
        error = {
            "type": "validationFailed",
            "description": "Unable to resolve milter hostname",
            "objectId": {"object": kind, "id": id_},
        }
        refusal = [refused("notCreated", "reload", **error)]
        return driver.run(work.flow(keep_refused=True), confirm, reloads=[RELOADED, refusal])

    driver.server.put({"MtaRoute": [{"id": "r", "@type": "Local", "name": "live"}], "MtaTlsStrategy": [{"id": "t"}]})
    driver.server.forbidden = frozenset({"MtaTlsStrategy"})
    outcomes = [
        blocked_by("MtaMilter", "made-new0"),
        blocked_by("MtaMilter", "m1"),
        blocked_by("MtaRoute", "r"),
        blocked_by("MtaRoute", "m1"),
        blocked_by("MtaTlsStrategy", "t"),
        blocked_by("Tenant", "t"),
    ]

    assert [each.reload_because for each in outcomes] == [
        "MtaMilter/new:11332: Unable to resolve milter hostname",
        "MtaMilter/old:11332: Unable to resolve milter hostname",
        "MtaRoute/live: Unable to resolve milter hostname",
        "MtaRoute#m1: Unable to resolve milter hostname",
        "MtaTlsStrategy#t: Unable to resolve milter hostname",
        "Tenant#t: Unable to resolve milter hostname",
    ]
    assert [(each.reload, each.broken, outcome_code(each)) for each in outcomes] == [("failed", True, 5)] * 6


def reload(*answers: Any) -> tuple[Outcome, int]:
    """Reload alone, and return the outcome and how often it was sent."""
    flow, sent = reload_flow(CATALOGUE, LIMITS, Secrets({}, Allowed())), 0
    try:
        next(flow)
        for answer in answers:
            sent += 1
            if isinstance(answer, Exception):
                flow.throw(answer)
            else:
                flow.send((Response((answer,)),))
    except StopIteration as end:
        outcome: Outcome = end.value.told_in(Outcome())
        return outcome, sent
    raise AssertionError("the reload asks for more answers")


DONE = {"created": {"reload": {"id": "x"}}}
LOST = AnswerLost("closed")


@pytest.mark.parametrize(
    ("answers", "result", "because", "code"),
    [
        ([DONE], "applied", "", 0),
        ([LOST, DONE], "applied", "", 0),
        ([LOST, LOST], "unknown", "closed", 69),
        ([{}, DONE], "applied", "", 0),
        ([{}, {}], "unknown", "the server left it unanswered", 69),
        ([MethodError("serverUnavailable"), DONE], "applied", "", 0),
        ([MethodError("forbidden", "no")], "failed", "forbidden: no", 77),
        ([refused("notCreated", "reload", type="forbidden", description="no")], "failed", "forbidden; no", 77),
        ([refused("notCreated", "reload")], "failed", "validationFailed; no", 5),
        ([{"notCreated": {"reload": None}}], "failed", "refused without a reason", 5),
        ([NotAllowed("no")], "failed", "no", 77),
        ([Unreachable("gone")], "failed", "gone", 69),
        # The first may have been carried out, whatever becomes of the second.
        ([LOST, Busy("past the deadline")], "unknown", "closed", 69),
        ([LOST, NotAllowed("no")], "unknown", "closed", 69),
        ([MethodError("serverUnavailable"), Unreachable("gone")], "unknown", "serverUnavailable", 69),
    ],
)
def test_a_reload_is_sent_again_only_after_a_lost_answer(
    answers: list[Any], result: str, because: str, code: int
) -> None:
    outcome, sent = reload(*answers)

    assert (outcome.reload, outcome.reload_because, sent) == (result, because, len(answers))
    assert outcome_code(outcome) == code


def test_reading_back_proves_the_result() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    def create(request: Request) -> Any:
        driver.server.put({"MtaRoute": [{"id": "n", "@type": "Local", "name": "r0"}]})
        return [{"created": {"new0": {"id": "n"}}}]

    outcome = driver.run(work.flow(recheck=True), create)

    assert outcome.residue == ()
    assert outcome_code(outcome) == 0


def test_a_difference_that_is_read_back_is_partly_applied() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    outcome = driver.run(work.flow(recheck=True), confirm)

    assert [(each.action, str(each.address)) for each in outcome.residue or ()] == [("create", "MtaRoute/r0")]
    assert outcome_code(outcome) == 5


def test_reading_back_reads_what_references_lead_to() -> None:
    queue = {"id": "b", "name": "remote"}
    driver = Driver({"MtaVirtualQueue": [queue]})
    work = job(driver.live(), "kind: MtaDeliverySchedule\nspec: {name: slow, queueId: remote}\n")

    def create(request: Request) -> Any:
        driver.server.put({"MtaDeliverySchedule": [{"id": "n", "name": "slow", "queueId": "b"}]})
        return [{"created": {"new0": {"id": "n"}}}]

    outcome = driver.run(work.flow(recheck=True), create)

    assert outcome.residue == ()


def test_reading_back_that_fails_is_told_and_is_no_success() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    def create(request: Request) -> Any:
        driver.server.forbidden = frozenset({"MtaRoute"})
        return confirm(request)

    outcome = driver.run(work.flow(recheck=True), create)

    assert told(outcome) == [("MtaRoute/r0", "applied", "")]
    assert (outcome.reload, outcome.residue) == ("applied", None)
    assert outcome.reload_because == (
        "reading back failed: the credentials may not read MtaRoute (they need the permission sysMtaRouteQuery)"
    )
    assert outcome_code(outcome) == 5


def test_what_cannot_be_compared_when_it_is_read_back_is_partly_applied() -> None:
    driver = Driver()
    work = job(driver.live(), "kind: MtaMilter\nspec: {hostname: h}\n")

    def twice(request: Request) -> Any:
        driver.server.put({"MtaMilter": [{"id": "n1", "hostname": "h"}, {"id": "n2", "hostname": "h", "useTls": True}]})
        return [{"created": {"new0": {"id": "n1"}}}]

    outcome = driver.run(work.flow(recheck=True), twice)

    assert told(outcome) == [("MtaMilter/h:11332", "applied", "")]
    assert outcome.reload_because.startswith(
        "reading back failed: m.yaml:1 MtaMilter/h:11332: the server has 2 objects with this key: n1, n2"
    )
    assert outcome_code(outcome) == 5


def test_nothing_is_read_back_where_not_everything_was_applied() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    outcome = driver.run(work.flow(recheck=True), [refused("notCreated", "new0")])

    assert (outcome.residue, driver.reads) == (None, 0)


def outcome_of(
    *results: ResultKind | tuple[ResultKind, str], reload: Any = "applied", code: int = 0, residue: int | None = None
) -> Outcome:
    change = Change(action="create", address=Address("MtaRoute", "r"))
    pairs = [(each, "") if isinstance(each, str) else each for each in results]
    return Outcome(
        results=tuple(Result(change=change, result=result, because=because) for result, because in pairs),
        reload=reload,
        code=code,
        residue=None if residue is None else (change,) * residue,
    )


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (outcome_of(), 0),
        (outcome_of("applied", residue=0), 0),
        (outcome_of("applied", reload="skipped"), 0),
        (outcome_of("failed", reload="skipped"), 1),
        (outcome_of("skipped", reload="skipped"), 1),
        (outcome_of(("failed", "forbidden: no"), reload="skipped"), 77),
        (outcome_of(("failed", "forbidden: no"), ("failed", "validationFailed"), reload="skipped"), 1),
        (outcome_of("applied", ("failed", "forbidden: no"), reload="skipped"), 5),
        (outcome_of("applied", "failed", reload="skipped"), 5),
        (outcome_of("applied", "skipped", reload="skipped"), 5),
        (outcome_of("applied", residue=1), 5),
        (outcome_of(reload="failed"), 5),
        (outcome_of("applied", reload="failed"), 5),
        (outcome_of("applied", reload="failed", code=77), 5),
        (outcome_of(reload="failed", code=77), 77),
        (outcome_of("applied", reload="failed", code=69), 69),
        (outcome_of("unknown", reload="skipped"), 69),
        (outcome_of("applied", "failed", "unknown", reload="skipped"), 69),
        (outcome_of("applied", reload="unknown"), 69),
        (outcome_of("failed", reload="skipped", code=75), 75),
        (outcome_of("applied", "failed", reload="skipped", code=75), 5),
        (outcome_of("applied", "failed", reload="skipped", code=77), 5),
        (outcome_of("failed", reload="skipped", code=69), 69),
    ],
)
def test_the_strongest_of_what_holds_is_the_exit_code(outcome: Outcome, code: int) -> None:
    assert outcome_code(outcome) == code
