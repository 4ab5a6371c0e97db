"""`rollback`, against a server that answers as the real one does, over real sockets."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct

from reconciler.apply import Listener, apply_flow
from reconciler.apply.journal import Journal, begin_record, file_name, read, whoami
from reconciler.apply.lock import hold, lock_directory
from reconciler.commands import reload, rollback
from reconciler.commands.gather import observe, open_client, want
from reconciler.commands.invocation import Console, Invocation
from reconciler.plan.saved import plan_digest
from reconciler.sandbox import serve
from reconciler.server.secrets import Secrets
from reconciler.settings import Options
from reconciler.values.errors import Busy, ReconcilerError, Stale, UsageError
from reconciler.values.model import Result
from tests.running import write

BASE = """\
kind: MtaRoute
items:
  - {type: Relay, name: relay-eu, address: smtp.eu.example.net, port: 587}
  - {type: Relay, name: fallback, address: backup.example.net, description: the old one}
---
kind: MtaVirtualQueue
spec: {name: slow}
---
kind: MtaDeliverySchedule
spec: {name: quick, queueId: slow, retry: {type: Custom, intervals: [5m]}}
---
kind: MtaMilter
items:
  - {hostname: 127.0.0.1, port: 11332, stages: [connect, data]}
  - {hostname: 127.0.0.2, port: 8890, stages: [data], timeoutData: 2m}
---
kind: MtaOutboundStrategy
spec:
  route:
    match: [{if: retry_num > 1, use: fallback}]
    use: relay-eu
"""
NEXT = """\
kind: MtaRoute
items:
  - {type: Relay, name: relay-eu, address: smtp.eu.example.net, port: 2525}
  - {type: Relay, name: third, address: third.example.net}
---
kind: MtaVirtualQueue
spec: {name: slow, threadsPerNode: 7}
---
kind: MtaDeliverySchedule
spec: {name: quick, queueId: slow, retry: {type: Custom, intervals: [15m, 1h]}}
---
kind: MtaMilter
items:
  - {hostname: 127.0.0.2, port: 8890, stages: [data], timeoutData: 2m}
  - {hostname: 127.0.0.1, port: 11332, stages: [connect, data]}
---
kind: MtaOutboundStrategy
spec: {route: {use: third}}
"""


class World(Struct):
    """A server, the directory where commands run, and what they printed."""

    sandbox: Any
    place: Path
    out: list[str]
    err: list[str]
    #: What a rollback says first.
    headlines: list[str] = []

    def hear(self, text: str) -> None:
        (self.headlines if text.startswith("undoing run") else self.err).append(text)

    @property
    def journal(self) -> Path:
        return self.place / "journal" / "prod.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "STALWART_USER": "admin",
            "STALWART_PASSWORD": "secret",
            "RELAY_PASSWORD": "canary-one",
            "XDG_RUNTIME_DIR": str(self.place),
        }

    def invocation(self, **more: Any) -> Invocation:
        console = Console(out=self.out.append, err=self.hear)
        config = self.place / "reconciler.yaml"
        config.write_text(more.pop("config", "{}\n"))
        options = Options(
            url=more.pop("url", self.sandbox.url),
            config=str(config),
            paths=more.pop("paths", ()),
            **more.pop("options", {}),
        )
        return Invocation(options=options, console=console, environment=self.environment, **{"yes": True, **more})

    def apply(
        self,
        text: str,
        *,
        run: str,
        stop: int = -1,
        forget: bool = False,
        **policy: Any,
    ) -> list[Result]:
        """Apply a manifest and write the journal as `apply` does; stop before the given write request."""
        manifests = write(self.place / f"manifests-{run}", all=text)
        invocation = self.invocation(paths=(str(manifests),), options={"limits": {"max_destroy": "10"}, **policy})
        wanted = want(invocation)
        wanted.desired.checked()
        results: list[Result] = []
        writes = iter(range(99))
        with open_client(invocation, wanted, may_write=True) as client, Journal(self.journal, lambda: "now") as journal:
            found = observe(invocation, wanted, client)
            assert found.plan.refusals == ()
            record = begin_record(
                wanted.catalogue,
                found.plan,
                found.live,
                run=run,
                time="now",
                who=whoami(),
                target="prod",
                url=client.url,
                digest=plan_digest(found.plan),
            )
            journal.begin(record)

            def tell(result: Result) -> None:
                results.append(result)
                if not forget:
                    journal.tell(result)

            flow = apply_flow(
                wanted.catalogue,
                found.plan,
                client.session().limits,
                Secrets(invocation.environment, wanted.settings.allowed),
                found.live,
                listener=Listener(tell=tell, stop=lambda: next(writes) == stop),
            )
            outcome = client.run(flow)
            if not forget:
                journal.end(outcome, 0)
        return results

    def rollback(self, *, run: str = "", **more: Any) -> int:
        return rollback.run(self.invocation(**more), rollback.Arguments(journal=str(self.journal), run=run))

    def stored(self) -> dict[str, Any]:
        """Return what the server holds, with references by name and without ids."""
        state = self.sandbox.state()["stored"]
        known = {each["id"]: each.get("name") for objects in state.values() for each in objects}
        return {
            kind: _by_name(kind, [{n: _named(n, v, known) for n, v in each.items() if n != "id"} for each in objects])
            for kind, objects in state.items()
        }

    def set(self, kind: str, name: str, **patch: Any) -> None:
        """Change an object as somebody with the server's own tools would."""
        each = next(each for each in self.sandbox.state()["stored"][f"x:{kind}"] if each.get("name", "") == name)
        self.call(kind, {"update": {each["id"]: patch}})

    def call(self, kind: str, arguments: Mapping[str, Any]) -> None:
        from reconciler.server.jmap.client import Client
        from reconciler.server.jmap.endpoint import Credentials
        from reconciler.server.jmap.protocol import Call, Flow, Request

        def flow() -> Flow[Any]:
            (response,) = yield (Request((Call(f"x:{kind}/set", dict(arguments)),)),)
            return response.results[0]

        with Client(self.sandbox.url, Credentials(user="admin", password="secret"), may_write=True) as client:
            result = client.run(flow())
        assert not any(name.startswith("not") for name in result), result


def _named(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    return known[value] if name.endswith("Id") and value in known else value


def _by_name(kind: str, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort objects, except where the server runs them in the order of their creation."""
    return objects if kind == "x:MtaMilter" else sorted(objects, key=lambda each: json.dumps(each, sort_keys=True))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serve(user="admin", password="secret") as sandbox:
        yield World(sandbox, tmp_path, [], [])


def test_rollback_brings_back_what_there_was(world: World) -> None:
    world.apply(BASE, run="r1")
    before = world.stored()
    results = world.apply(NEXT, run="r2", prune=True)
    between = world.stored()

    code = world.rollback()

    assert sorted({result.change.action for result in results}) == ["create", "destroy", "update"]
    assert {result.result for result in results} == {"applied"}
    assert before != between
    assert [each["hostname"] for each in before["x:MtaMilter"]] == ["127.0.0.1", "127.0.0.2"]
    assert [each["hostname"] for each in between["x:MtaMilter"]] == ["127.0.0.2", "127.0.0.1"]
    assert (code, world.err) == (0, [])
    assert world.stored() == before
    state = world.sandbox.state()
    assert state["live"] == state["stored"]


def test_rollback_shows_the_work_before_it_does_it(world: World) -> None:
    world.apply(BASE, run="r1")
    results = world.apply(BASE.replace("587", "2525"), run="r2")

    world.rollback()

    assert [str(result.change.address) for result in results] == ["MtaRoute/relay-eu"]
    plan, outcome = world.out
    plan, _, digest = plan.partition("Digest: ")
    assert re.fullmatch("[0-9a-f]{64}\n", digest)
    assert plan == (
        f"{world.sandbox.url}, as admin\n"
        f"! MtaRoute/relay-eu ({world.journal})\n    port: 2525 -> 587\n\n"
        "Plan: 1 to update; 0 unchanged, 0 undeclared.\n"
    ).replace("!", "~")
    assert outcome == (
        "Apply: 1 applied.\n"
        "The server reloaded its settings: they are live.\n"
        "Read back: the server holds what was planned.\n"
    )


def test_rolling_back_everything_leaves_a_new_server(world: World) -> None:
    before = world.stored()
    world.apply(BASE, run="r1")

    code = world.rollback()

    assert (code, world.err) == (0, [])
    assert world.stored() == before


def test_a_rollback_can_be_repeated(world: World) -> None:
    world.apply(BASE, run="r1")
    world.apply(NEXT, run="r2", prune=True)
    world.rollback()
    before = world.stored()
    writes = world.sandbox.state()["writes"]

    code = world.rollback()

    assert code == 0
    assert world.stored() == before
    # Nothing but the reload.
    assert world.sandbox.state()["writes"] - writes <= 1
    assert "In sync: nothing to change" in world.out[-2]


def test_what_somebody_undid_already_is_left_alone(world: World) -> None:
    world.apply(BASE, run="r1")
    before = world.stored()
    world.apply(NEXT, run="r2", prune=True)
    world.set("MtaRoute", "relay-eu", port=587)

    code = world.rollback()

    assert code == 0
    assert "MtaRoute/relay-eu" not in world.out[0]
    assert world.stored() == before


@pytest.mark.parametrize(
    ("meddle", "sentence"),
    [
        (lambda world: world.set("MtaRoute", "relay-eu", port=26), "MtaRoute/relay-eu changed since: port"),
        (
            lambda world: world.set("MtaRoute", "relay-eu", description="mine"),
            "MtaRoute/relay-eu changed since: description",
        ),
        (lambda world: world.set("MtaRoute", "third", address="x.example"), "MtaRoute/third changed since: address"),
        (
            lambda world: world.set("MtaOutboundStrategy", "", **{"route/else": "'mx'"}),
            "MtaOutboundStrategy changed since: route/else",
        ),
        (
            lambda world: world.call("MtaRoute", {"create": {"a": {"@type": "Local", "name": "fallback"}}}),
            "MtaRoute/fallback exists again, and is not as it was",
        ),
    ],
)
def test_an_object_that_changed_since_is_not_overwritten(
    world: World, meddle: Callable[[World], None], sentence: str
) -> None:
    world.apply(BASE, run="r1")
    world.apply(NEXT, run="r2", prune=True)
    meddle(world)
    before = world.sandbox.state()

    with pytest.raises(Stale) as raised:
        world.rollback()

    after = world.sandbox.state()
    assert raised.value.exit_code == 4
    assert str(raised.value) == f"1 object is no longer as that apply left it: {sentence} (nothing was undone)"
    assert (after["stored"], after["writes"]) == (before["stored"], before["writes"])


def test_a_singletons_other_fields_may_have_changed_since(world: World) -> None:
    world.apply(BASE, run="r1")
    world.apply(BASE.replace("use: relay-eu", "use: fallback"), run="r2")
    world.set("MtaOutboundStrategy", "", **{"tls/else": "'mine'"})

    code = world.rollback()

    (strategy,) = world.stored()["x:MtaOutboundStrategy"]
    assert code == 0
    assert (strategy["route"]["else"], strategy["tls"]["else"]) == ("'relay-eu'", "'mine'")


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
@pytest.mark.parametrize("forget", [False, True])
def test_an_interrupted_run_is_undone_as_far_as_it_came(world: World, stop: int, forget: bool) -> None:
    world.apply(BASE, run="r1")
    before = world.stored()
    results = world.apply(NEXT, run="r2", stop=stop, forget=forget, prune=True)

    code = world.rollback()

    assert "skipped" in {result.result for result in results}
    assert (code, world.err) == (0, [])
    assert world.stored() == before


@pytest.mark.parametrize("text", [BASE, NEXT])
def test_a_run_that_was_killed_before_it_told_anything_is_judged_by_a_new_read(world: World, text: str) -> None:
    world.apply(BASE if text == NEXT else "kind: MtaSts\nspec: {}\n", run="r1")
    before = world.stored()
    world.apply(text, run="r2", forget=True, prune=text == NEXT)

    code = world.rollback()

    assert (code, world.err) == (0, [])
    assert world.stored() == before


QUOTA = "kind: MtaQueueQuota\nspec: {description: all, messages: 9, key: [rcpt]%s}\n"
NARROW, WIDE = QUOTA % ", match: \"rcpt == 'a'\"", QUOTA % ""


def test_an_object_that_a_killed_run_did_not_come_to_is_left_alone(world: World) -> None:
    world.apply(NARROW, run="r1")
    before = world.sandbox.state()["stored"]
    (result,) = world.apply(WIDE, run="r2", stop=0, forget=True)

    code = world.rollback()

    assert (result.change.action, result.change.recreate, result.result) == ("replace", True, "skipped")
    assert code == 0
    assert world.sandbox.state()["stored"] == before


def test_an_object_that_a_killed_run_had_only_destroyed_is_made_again(world: World) -> None:
    world.apply(NARROW, run="r1")
    before = world.stored()
    (result,) = world.apply(WIDE, run="r2", stop=0, forget=True)
    world.call("MtaQueueQuota", {"destroy": [result.change.id]})

    code = world.rollback()

    assert code == 0
    assert world.stored() == before


def test_an_object_that_was_made_anew_is_made_as_it_was(world: World) -> None:
    world.apply(NARROW, run="r1")
    before = world.stored()
    (result,) = world.apply(WIDE, run="r2")
    between = world.stored()

    code = world.rollback()

    assert (result.change.recreate, result.result, between != before) == (True, "applied", True)
    assert code == 0
    assert world.stored() == before


def test_what_needs_a_secret_that_nobody_knows_is_said_and_the_rest_is_undone(world: World) -> None:
    secret = "authUsername: me, authSecret: {type: Value, secret: '${env:RELAY_PASSWORD}'}"
    relay = f"{{type: Relay, name: a, address: a.example, {secret}}}"
    world.apply(f"kind: MtaRoute\nitems:\n  - {relay}\n  - {{type: Local, name: b}}\n", run="r1")
    world.apply("kind: MtaRoute\nitems:\n  - {type: Local, name: b, description: new}\n", run="r2", prune=True)

    code = world.rollback()

    assert code == 5
    assert world.err == [
        "cannot undo MtaRoute/a: the secret that was in authSecret is not known: the server never shows it\n"
    ]
    routes = {each["name"]: each["description"] for each in world.stored()["x:MtaRoute"]}
    assert routes["b"] is None
    assert "a" not in routes
    assert "canary" not in "".join([*world.out, *world.err]) + world.journal.read_text()


def test_a_route_with_a_secret_that_stays_can_have_its_port_back(world: World) -> None:
    text = """\
kind: MtaRoute
spec:
  {type: Relay, name: a, address: a.example, port: 587, authUsername: me,
   authSecret: {type: Value, secret: "${env:RELAY_PASSWORD}"}}
"""
    world.apply(text, run="r1")
    before = world.stored()
    world.apply(text.replace("587", "25"), run="r2")

    code = world.rollback()

    assert (code, world.err) == (0, [])
    assert world.stored() == before


def test_a_chosen_run_is_undone(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    world.apply("kind: MtaRoute\nspec: {type: Local, name: b}\n", run="r2")

    code = world.rollback(run="r1")

    assert code == 0
    assert {each["name"] for each in world.stored()["x:MtaRoute"]} == {"b", "local", "mx"}


def test_a_run_that_had_nothing_to_do_is_passed_over(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r2")

    world.rollback()

    assert [run.id for run in read(world.journal)] == ["r1", "r2"]
    assert {each["name"] for each in world.stored()["x:MtaRoute"]} == {"local", "mx"}


def test_what_policy_keeps_is_not_destroyed(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    before = world.stored()

    code = world.rollback(config="policy: {keep: ['MtaRoute/a']}\n")

    assert code == 3
    assert "refused: MtaRoute/a would be destroyed (run r1 made it), and policy.keep holds it" in world.out[-1]
    assert world.stored() == before


def test_a_rollback_that_would_leave_a_name_dangling_is_refused(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    world.set("MtaOutboundStrategy", "", **{"route/else": "'a'"})

    code = world.rollback()

    assert code == 3
    assert "MtaRoute/a would be destroyed, and MtaOutboundStrategy route/else refers to it" in world.out[-1]


def test_the_outcome_is_reported_as_json(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")

    code = world.rollback(format="json")

    (text,) = world.out
    outcome = json.loads(text)
    assert code == 0
    assert outcome["format"] == "reconciler/outcome/v1"
    assert [(each["action"], each["address"], each["result"]) for each in outcome["changes"]] == [
        ("destroy", "MtaRoute/a", "applied")
    ]


def test_nobody_is_there_to_answer(world: World) -> None:
    with pytest.raises(UsageError) as raised:
        world.rollback(yes=False)

    assert str(raised.value) == "rollback asks before it writes, and nobody is there to answer (give --yes)"


def test_a_journal_of_another_server_is_refused(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    with serve(user="admin", password="secret") as other, pytest.raises(UsageError) as raised:
        world.rollback(url=other.url)

    assert raised.value.message == f"run r1 was on {world.sandbox.url}, and this is {other.url}"


@pytest.mark.parametrize(("run", "what"), [("", "no run that had anything to do"), ("r9", "no run r9")])
def test_a_journal_without_such_a_run_is_refused(world: World, run: str, what: str) -> None:
    world.journal.parent.mkdir()
    world.journal.touch()

    with pytest.raises(UsageError) as raised:
        world.rollback(run=run)

    assert str(raised.value) == f"{world.journal} holds {what}"


def test_each_run_is_undone_once_and_the_one_before_it_next(world: World) -> None:
    before = world.stored()
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    world.apply("kind: MtaRoute\nspec: {type: Local, name: b}\n", run="r2")

    directory = str(world.journal.parent)
    codes = []
    for _ in range(2):
        codes.append(world.rollback(journal_directory=directory, options={"target": ""}))
        own = world.journal.parent / file_name("", world.sandbox.url)
        world.journal.write_text(world.journal.read_text() + own.read_text())
        own.unlink()

    assert codes == [0, 0]
    assert [text.split()[2] for text in world.headlines] == ["r2,", "r1,"]
    assert world.stored() == before
    with pytest.raises(UsageError, match="holds no run that had anything to do and is not undone"):
        world.rollback()
    with pytest.raises(UsageError, match="run r1 was undone already"):
        world.rollback(run="r1")


def test_rollback_lists_the_runs_and_undoes_none(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    stored = world.stored()

    code = rollback.run(world.invocation(), rollback.Arguments(journal=str(world.journal), list=True))

    assert code == 0
    assert "r1" in world.out[-1]
    assert world.stored() == stored


def test_rollback_waits_for_another_run_and_says_so_at_once(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    directory = lock_directory(world.environment)

    with (
        hold(world.sandbox.url, owner="alice", host="h", now=lambda: datetime.now(UTC), directory=directory),
        pytest.raises(Busy),
    ):
        world.rollback(options={"connection": {"timeout": "1s"}})

    assert world.err[0].startswith(f"waiting: another run holds the lock on {world.sandbox.url}: alice on h, process ")
    assert world.rollback() == 0


def test_reload_waits_for_another_run(world: World) -> None:
    directory = lock_directory(world.environment)
    world.call("MtaRoute", {"create": {"a": {"@type": "Local", "name": "half"}}})

    with (
        hold(world.sandbox.url, owner="alice", host="h", now=lambda: datetime.now(UTC), directory=directory),
        pytest.raises(Busy),
    ):
        reload.run(world.invocation(options={"connection": {"timeout": "200ms"}}))

    state = world.sandbox.state()
    assert state["stored"] != state["live"]
    assert reload.run(world.invocation()) == 0


def test_rollback_compares_what_it_reads_back_with_what_was_planned(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a, description: one}\n", run="r1")
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a, description: two}\n", run="r2")
    text = b'"description":"one"'

    class Otherwise(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            content = request.content.replace(text, b'"description":"six"') if b"/set" in request.content else None
            headers = {n: v for n, v in request.headers.items() if n != "content-length"}
            with httpx.Client() as client:
                answer = client.request(
                    request.method, str(request.url), content=content or request.content, headers=headers
                )
            return httpx.Response(answer.status_code, content=answer.content)

    code = world.rollback(transport=Otherwise())

    assert code == 5
    assert "Reading back shows 1 difference:" in world.out[-1]


def test_rollback_overwrites_nothing_that_changed_while_it_ran(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a, description: one}\n", run="r1")
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a, description: two}\n", run="r2")
    reads = iter(range(99))

    class Meanwhile(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if b"x:MtaRoute/get" in request.content and next(reads) == 1:
                world.set("MtaRoute", "a", description="somebody else's")
            with httpx.Client() as client:
                answer = client.request(
                    request.method, str(request.url), content=request.content, headers=request.headers
                )
            return httpx.Response(answer.status_code, content=answer.content)

    with pytest.raises(Stale):
        world.rollback(transport=Meanwhile())

    (route,) = [each for each in world.stored()["x:MtaRoute"] if each["name"] == "a"]
    assert route["description"] == "somebody else's"


def test_a_journal_of_an_unknown_kind_is_refused(world: World) -> None:
    world.apply("kind: MtaRoute\nspec: {type: Local, name: a}\n", run="r1")
    world.journal.write_text(world.journal.read_text().replace('["MtaRoute",', '["Action",'))

    with pytest.raises(ReconcilerError, match="run r1 is about kinds that are not known here"):
        world.rollback()
