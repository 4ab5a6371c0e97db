"""Every fault at every step of a ten-change apply: the run tells the truth, and one more run converges.

Law: each scenario is a run of the real command against a sandbox over a socket, with one change a request, so that
every change is a step of its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Limits, parse_fault, serve
from tests.running import Ran, command, environment, write

#: Three creates, three updates, a singleton and three destroys.
CHANGES = 10
#: The probe, what is made, the reload, what is destroyed, the reload again.
PROBE, RELOAD, AGAIN = 1, 9, 13
STEPS = range(PROBE, AGAIN + 1)
BEFORE = "kind: MtaRoute\nitems:\n" + "".join(
    f"  - {{type: Relay, name: {name}, address: {name}.example.net}}\n" for name in "abcdef"
)
AFTER = (
    "kind: MtaRoute\nitems:\n"
    + "".join(
        f"  - {{type: Relay, name: {name}, address: {name}.example.net, port: 587}}\n" for name in ("a", "b", "c")
    )
    + "".join(f"  - {{type: Relay, name: {name}, address: {name}.example.net}}\n" for name in ("new1", "new2", "new3"))
    + "---\nkind: MtaOutboundStrategy\nspec: {route: {use: new1}}\n"
)
#: A change a request, and a request a change.
ONE = Limits(max_calls_in_request=1, max_objects_in_set=1)

#: Faults that befall one request and leave the run a way to its end.
PASSING = [
    "drop",
    "drop,after",
    "status=429,retry-after=1",
    "status=500",
    "status=500,after",
    "status=503",
    "status=503,after",
    "truncate",
    "html",
    "html,after",
    "leave-out",
    "unavailable",
    "delay=50ms",
]
#: Faults that, twice in a row, leave a change undone.
LASTING = ["drop", "status=500", "status=503", "html"]


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret", limits=ONE) as running:
        yield running


@pytest.fixture
def env(sandbox: Any) -> dict[str, str]:
    return environment(sandbox.url, RECONCILER_TIMEOUT="60s")


def prepare(env: dict[str, str], directory: Path) -> list[str]:
    """Bring the server to the state before, and return the arguments that want the state after."""
    before = write(directory / "before", r=BEFORE)
    after = write(directory / "after", r=AFTER)
    assert command("apply", "--yes", str(before), env=env).code == 0
    return ["--prune", "--max-destroy", "3", str(after)]


def routes(state: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each.get("port", 0) for each in state["x:MtaRoute"]}


WANTED = {"a": 587, "b": 587, "c": 587, "new1": 25, "new2": 25, "new3": 25, "mx": 0, "local": 0}


def assert_truth(ran: Ran, sandbox: Any) -> None:
    """Every change that is told as applied is there, and every one that is told as failed or skipped is not."""
    stored = sandbox.state()["stored"]
    held = routes(stored)
    for change in ran.json["changes"]:
        kind, _, name = change["address"].partition("/")
        if kind == "MtaOutboundStrategy":
            done = stored["x:MtaOutboundStrategy"][0]["route"]["else"] == "'new1'"
        elif kind == "MtaMilter":
            done = bool(stored["x:MtaMilter"])
        elif change["action"] == "destroy":
            done = name not in held
        else:
            done = held.get(name) == WANTED[name]
        assert change["result"] == "unknown" or (change["result"] == "applied") is done, change


def assert_converges(sandbox: Any, env: dict[str, str], arguments: list[str]) -> None:
    """One more run without faults finishes the work; nothing is lost or doubled, and what is stored is live."""
    sandbox.set_faults()
    again = command("apply", "--yes", "--format", "json", *arguments, env=env)
    plan = command("plan", "--detailed-exitcode", *arguments, env=env)
    state = sandbox.state()

    assert (again.code, again.json["reload"]["result"]) == (0, "applied"), again
    assert plan.code == 0, plan
    assert routes(state["stored"]) == WANTED
    assert state["stored"] == state["live"]


def marked(fault: str, step: int) -> Any:
    """Leave one step of each fault in the normal run."""
    quick = step == 1 + hash_of(fault) % len(STEPS)
    return pytest.param(fault, step, marks=() if quick else pytest.mark.slow)


def hash_of(text: str) -> int:
    return sum(map(ord, text))


@pytest.mark.parametrize(("fault", "step"), [marked(fault, step) for fault in PASSING for step in STEPS])
def test_one_fault_does_not_stop_an_apply(
    sandbox: Any, env: dict[str, str], tmp_path: Path, fault: str, step: int
) -> None:
    arguments = prepare(env, tmp_path)
    sandbox.set_faults(parse_fault(f"{fault},method=*/set,nth={step}"))

    ran = command("apply", "--yes", "--format", "json", *arguments, env=env)

    assert ran.code == 0, ran
    assert [change["result"] for change in ran.json["changes"]] == ["applied"] * CHANGES
    assert_truth(ran, sandbox)
    assert_converges(sandbox, env, arguments)


def test_a_reload_whose_answer_is_lost_is_unknown_even_if_the_next_is_refused(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    arguments = prepare(env, tmp_path)
    faults = ("drop,after,method=x:Action/set,nth=3", "status=403,method=x:Action/set,nth=4")
    sandbox.set_faults(*map(parse_fault, faults))

    ran = command("apply", "--yes", "--format", "json", *arguments, env=env)
    state = sandbox.state()

    assert (ran.code, ran.json["reload"]["result"]) == (69, "unknown"), ran
    assert state["stored"] == state["live"]


@pytest.mark.parametrize(("fault", "step"), [marked(fault, step) for fault in LASTING for step in STEPS])
def test_a_lasting_fault_ends_honestly(
    sandbox: Any, env: dict[str, str], tmp_path: Path, fault: str, step: int
) -> None:
    arguments = prepare(env, tmp_path)
    sandbox.set_faults(*(parse_fault(f"{fault},method=*/set,nth={nth}") for nth in (step, step + 1)))

    ran = command("apply", "--yes", "--format", "json", *arguments, env=env)

    results = [change["result"] for change in ran.json["changes"]]
    if step in (PROBE, RELOAD, AGAIN):
        assert (ran.code, ran.json["reload"]["result"]) == (69, "unknown"), ran
        assert results.count("applied") == {PROBE: 0, RELOAD: 7, AGAIN: CHANGES}[step]
    else:
        assert ran.code == (5 if "applied" in results else 1), ran
        assert ran.json["reload"]["result"] == "skipped"
    assert_truth(ran, sandbox)
    assert_converges(sandbox, env, arguments)


#: The probe, the eight that are made, the reload that is refused; then what is undone one by one, and its reload.
UNDO_STEPS = range(PROBE, 1 + 8 + 1 + 8 + 1 + 1)
#: A host that no resolver knows: the server stores the milter, and refuses every reload.
BROKEN = "---\nkind: MtaMilter\nmetadata: {%s}\nspec: {hostname: no-such-host.invalid}\n"
REFUSED = AFTER + BROKEN % ""


@pytest.mark.parametrize(("fault", "step"), [marked(fault, step) for fault in PASSING for step in UNDO_STEPS])
def test_a_refused_reload_is_undone_whatever_fault_comes_between(
    sandbox: Any, env: dict[str, str], tmp_path: Path, fault: str, step: int
) -> None:
    arguments = prepare(env, tmp_path)
    before = sandbox.state()["stored"]
    refused = write(tmp_path / "refused", r=REFUSED)
    sandbox.set_faults(parse_fault(f"{fault},method=*/set,nth={step}"))

    ran = command("apply", "--yes", "--format", "json", *arguments[:-1], str(refused), env=env)
    state = sandbox.state()

    assert (ran.code, ran.json["reload"]["undone"]) == (6, "all"), ran
    assert {change["result"] for change in ran.json["changes"]} == {"skipped"}
    assert without_ids(state["stored"]) == without_ids(before)
    assert state["live"] == state["stored"]
    assert_converges(sandbox, env, arguments)


@pytest.mark.parametrize(("fault", "step"), [marked(fault, step) for fault in LASTING for step in UNDO_STEPS])
def test_an_undo_that_fails_says_what_is_left(
    sandbox: Any, env: dict[str, str], tmp_path: Path, fault: str, step: int
) -> None:
    arguments = prepare(env, tmp_path)
    refused = write(tmp_path / "refused", r=REFUSED)
    sandbox.set_faults(*(parse_fault(f"{fault},method=*/set,nth={nth}") for nth in (step, step + 1)))

    ran = command("apply", "--yes", "--format", "json", *arguments[:-1], str(refused), env=env)
    state = sandbox.state()

    assert ran.code in (1, 5, 6, 69), ran
    assert_truth(ran, sandbox)
    if ran.code == 6:
        assert state["live"] == state["stored"]
    elif state["live"] != state["stored"]:
        assert ran.json["reload"]["result"] in ("failed", "unknown", "skipped"), ran
    mended = write(tmp_path / "mended", r=AFTER + BROKEN % "absent: true")
    assert_converges(sandbox, env, [*arguments[:-1], str(mended)])


def without_ids(state: dict[str, Any]) -> dict[str, Any]:
    return {kind: [{**each, "id": ""} for each in objects] for kind, objects in state.items()}


@pytest.mark.parametrize(
    "fault",
    ["repeat-ids,method=x:MtaRoute/query", "truncate,method=x:MtaRoute/*", "html", "status=500", "drop"],
)
def test_a_plan_that_cannot_be_trusted_writes_nothing(
    sandbox: Any, env: dict[str, str], tmp_path: Path, fault: str
) -> None:
    arguments = prepare(env, tmp_path)
    writes = sandbox.state()["writes"]
    sandbox.set_faults(parse_fault(fault))

    ran = command("apply", "--yes", *arguments, env=env)

    assert ran.code == 69, ran
    assert sandbox.state()["writes"] == writes
    assert_converges(sandbox, env, arguments)


def test_a_rate_that_stays_limited_is_busy(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    arguments = prepare(env, tmp_path)
    sandbox.set_faults(parse_fault("status=429,retry-after=30,method=*/set"))

    ran = command("apply", "--yes", "--timeout", "5s", "--format", "json", *arguments, env=env)

    assert ran.code == 75, ran
    assert_converges(sandbox, env, arguments)
