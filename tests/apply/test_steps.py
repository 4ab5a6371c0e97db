"""The steps of an apply, over the embedded server: a probe before anything is written, an undo of what is refused.

Law: what is stored and what is live are looked at, and not only what is told.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from reconciler.apply import outcome_code
from reconciler.sandbox import Sandbox
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.protocol import AnswerLost, Call, Flow, MethodError, Request
from reconciler.values.errors import ReconcilerError
from reconciler.values.model import Outcome
from tests.applying import PRUNE, RELOADED, Driver, Job, confirm, embedded, job, read_all, refused, told
from tests.states import locals_of

BROKEN = "no-such-host.invalid"
#: What a new server of ours holds before each test: two milters, a route that is used and one that is not.
BASE = """\
kind: MtaRoute
items:
  - {type: Relay, name: used, address: a.example.net}
  - {type: Local, name: spare}
---
kind: MtaMilter
items: [{hostname: 127.0.0.1, port: 1}, {hostname: 127.0.0.1, port: 2}]
---
kind: MtaQueueQuota
spec: {description: all, key: [rcpt], match: "true"}
---
kind: MtaOutboundStrategy
spec: {route: {match: [{if: is_local_domain(rcpt_domain), use: local}], use: used}}
"""
#: An update, creates, a quota made anew, milters in another order, a route destroyed; `used` needs what is not there.
WANTED = """\
kind: MtaRoute
items:
  - type: Relay
    name: used
    address: b.example.net
    authUsername: me
    authSecret: {type: EnvironmentVariable, variableName: NOT_SET_ANYWHERE}
  - {type: Local, name: fresh}
---
kind: MtaMilter
items: [{hostname: 127.0.0.1, port: 3}, {hostname: 127.0.0.1, port: 2}, {hostname: 127.0.0.1, port: 1}]
---
kind: MtaQueueQuota
spec: {description: all, key: [rcpt]}
---
kind: MtaOutboundStrategy
spec: {route: {match: [{if: is_local_domain(rcpt_domain), use: local}], use: fresh}}
"""


class World:
    """A server in this process, whose environment lacks what a manifest may ask for."""

    def __init__(self, before: str = BASE) -> None:
        self.sandbox = Sandbox(environment={})
        self.calls: list[str] = []
        self.client: Client = embedded(self.sandbox, self.calls)
        self.client.run(self.job(before).flow())
        self.calls.clear()

    def job(self, text: str) -> Job:
        return job(read_all(self.client), text, PRUNE)

    def run(self, flow: Flow[Outcome], meanwhile: Mapping[int, Callable[[], Any]] | None = None) -> Outcome:
        """Drive an apply; something happens before the reload of a number."""

        def watched() -> Flow[Outcome]:
            reloads, requests = 0, next(flow)
            try:
                while True:
                    if requests[0].calls[0].method == "x:Action/set":
                        reloads += 1
                        (meanwhile or {}).get(reloads, lambda: None)()
                    try:
                        responses = yield requests
                    except (AnswerLost, ReconcilerError) as failure:
                        requests = flow.throw(failure)
                    else:
                        requests = flow.send(responses)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome

        return self.client.run(watched())

    def call(self, method: str, **arguments: Any) -> None:
        """Do something that is not this run's."""

        def flow() -> Flow[None]:
            yield (Request((Call(method, arguments),)),)

        self.client.run(flow())

    def stored(self) -> dict[str, Any]:
        """What is stored, without ids, which a recreated object has new."""
        return plain(self.sandbox.state()["stored"])

    def live(self) -> dict[str, Any]:
        return plain(self.sandbox.state()["live"])


def plain(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        kind: [{name: value for name, value in each.items() if name != "id"} for each in objects]
        for kind, objects in state.items()
    }


def test_destroys_wait_for_a_reload_that_is_accepted_and_are_followed_by_another() -> None:
    world = World()
    work = world.job(BASE.replace("  - {type: Local, name: spare}\n", "").replace("a.example", "b.example"))

    outcome = world.run(work.flow(recheck=True))

    writes = [each for each in world.calls if each.endswith("/set")]
    assert writes == ["x:Action/set", "x:MtaRoute/set", "x:Action/set", "x:MtaRoute/set", "x:Action/set"]
    assert (outcome.reload, outcome_code(outcome), outcome.residue) == ("applied", 0, ())
    assert world.stored() == world.live()


def test_a_server_that_refuses_to_reload_for_something_else_is_not_written_to() -> None:
    world = World()
    world.call("x:MtaMilter/set", create={"a": {"hostname": BROKEN}})
    before = world.stored()
    work = job(read_all(world.client), locals_of(1))

    outcome = world.run(work.flow())

    assert told(outcome) == [
        ("MtaRoute/r0", "skipped", "the server refuses to reload, so that nothing could be made live")
    ]
    assert (outcome.reload, outcome.broken, outcome_code(outcome)) == ("failed", True, 3)
    assert outcome.reload_because.startswith(f"MtaMilter/{BROKEN}:11332: ")
    assert world.stored() == before


def test_a_plan_that_mends_what_is_refused_goes_on() -> None:
    world = World()
    world.call("x:MtaMilter/set", create={"a": {"hostname": BROKEN}})
    work = world.job(BASE)

    outcome = world.run(work.flow(recheck=True))

    assert [(each, result) for each, result, _ in told(outcome)] == [(f"MtaMilter/{BROKEN}:11332", "applied")]
    assert "refused to reload before anything was written" in outcome.notes[0]
    assert (outcome.reload, outcome_code(outcome)) == ("applied", 0)
    assert world.stored() == world.live()


def test_a_refused_reload_is_undone_as_a_whole() -> None:
    world = World()
    before = world.stored()
    assert world.live() == before
    work = world.job(WANTED)

    outcome = world.run(work.flow())

    assert (outcome.undone, outcome_code(outcome)) == ("all", 6)
    assert outcome.reload_because == "MtaRoute/used: Environment variable 'NOT_SET_ANYWHERE' not found"
    assert {result for _, result, _ in told(outcome)} == {"skipped"}
    assert world.stored() == before
    assert world.live() == before
    # What was not made anew has its id.
    assert world.job(BASE).plan.changes == ()


def test_what_is_refused_may_stay_stored() -> None:
    world = World()
    before = world.stored()
    work = world.job(WANTED)

    outcome = world.run(work.flow(keep_refused=True))

    assert (outcome.undone, outcome.reload, outcome_code(outcome)) == ("", "failed", 5)
    assert world.stored() != before
    assert world.live() == before


def test_what_somebody_else_changed_meanwhile_is_not_undone() -> None:
    world = World()
    used = next(each.id for each in read_all(world.client).of("MtaRoute") if each.address.name == "used")
    work = world.job(WANTED)

    outcome = world.run(
        work.flow(), {2: lambda: world.call("x:MtaRoute/set", update={used: {"address": "c.example.net"}})}
    )

    results = {address: result for address, result, _ in told(outcome)}
    assert (outcome.undone, outcome_code(outcome)) == ("part", 5)
    assert results["MtaRoute/used"] == "applied"
    assert results["MtaRoute/fresh"] == "skipped"
    assert "It was left as it is: MtaRoute/used changed since: address." in outcome.notes
    assert world.job(BASE).plan.changes[0].address.name == "used"


def test_a_secret_in_plain_text_cannot_be_undone() -> None:
    secret = "authUsername: me, authSecret: {type: Value, secret: %s}"
    base = BASE.replace("address: a.example.net", f"address: a.example.net, {secret % 'one'}")
    world = World(base)
    broken = f"---\nkind: MtaMilter\nspec: {{hostname: {BROKEN}}}\n"
    work = job(read_all(world.client), base.replace("one", "two") + broken, rotate="MtaRoute/used")

    outcome = world.run(work.flow())

    results = {address: result for address, result, _ in told(outcome)}
    assert (outcome.undone, outcome_code(outcome)) == ("part", 5)
    assert results == {"MtaRoute/used": "applied", f"MtaMilter/{BROKEN}:11332": "skipped"}
    assert [each for each in outcome.notes if each.startswith("MtaRoute/used could not be undone: the secret")]
    assert world.stored() == world.live()


def test_a_reload_that_is_refused_for_somebody_elses_object_is_not_undone() -> None:
    world = World()
    work = job(read_all(world.client), locals_of(1))

    outcome = world.run(work.flow(), {2: lambda: world.call("x:MtaMilter/set", create={"a": {"hostname": BROKEN}})})

    assert (outcome.undone, outcome.reload, outcome_code(outcome)) == ("", "failed", 5)
    assert told(outcome) == [("MtaRoute/r0", "applied", "")]


def test_a_store_that_was_refused_before_the_run_is_as_it_was_after_the_undo() -> None:
    world = World(BASE + "---\nkind: MtaHook\nspec: {url: http://127.0.0.1/}\n")
    world.call("x:MtaMilter/set", create={"a": {"hostname": BROKEN}})
    before = world.stored()
    work = world.job(BASE.replace("port: 2}", f"port: 2}}, {{hostname: {BROKEN}, useTls: true}}"))

    outcome = world.run(work.flow())

    assert (outcome.undone, outcome_code(outcome)) == ("all", 6)
    assert world.stored() == before


def test_an_unknown_reload_is_not_undone() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    outcome = driver.run(work.flow(), confirm, reloads=[RELOADED, *[[MethodError("serverUnavailable")]] * 2])

    assert (outcome.undone, outcome.reload, outcome_code(outcome)) == ("", "unknown", 69)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ([MethodError("forbidden", "no")], 0),
        ([refused("notCreated", "reload", type="validationFailed", description="x")], 3),
    ],
)
def test_nothing_to_write_and_no_reload(answer: Any, code: int) -> None:
    driver = Driver()
    work = job(driver.live(), "kind: MtaOutboundStrategy\nspec: {}\n")

    outcome = driver.run(work.flow(), reloads=[answer])

    assert (outcome.results, outcome_code(outcome)) == ((), code)


def test_credentials_that_may_not_reload_write_nothing() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    outcome = driver.run(work.flow(), reloads=[[MethodError("forbidden", "no")]])

    assert (driver.sent, outcome.reload, outcome_code(outcome)) == ([], "failed", 77)


def test_no_reload_leaves_the_probe_out_too() -> None:
    driver = Driver()
    work = job(driver.live(), locals_of(1))

    outcome = driver.run(work.flow(reload=False), confirm)

    assert (driver.reloads, outcome.reload, outcome.reload_because) == (0, "skipped", "--no-reload")


def test_the_journal_begins_once_the_probe_was_accepted_and_before_anything_is_written() -> None:
    from reconciler.apply import Listener

    driver = Driver()
    work = job(driver.live(), locals_of(1))
    seen: list[tuple[int, int]] = []
    listener = msgspec.structs.replace(Listener(), begin=lambda: seen.append((driver.reloads, len(driver.sent))))

    driver.run(work.flow(listener=listener), confirm)

    assert seen == [(1, 0)]
