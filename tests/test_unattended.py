"""Apply in a pipeline: saved plans, journals and rollback, overlapping runs and signals."""

import base64
import json
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.apply.journal import read
from reconciler.sandbox import Limits, parse_fault, serve
from tests.running import command, environment, write

FIRST = "kind: MtaRoute\nitems:\n  - {type: Relay, name: a, address: a.example.net}\n  - {type: Local, name: b}\n"
SECOND = FIRST.replace("a.example.net}", "a.example.net, port: 587}").replace("name: b", "name: c")


@pytest.fixture
def env(sandbox: Any, tmp_path: Path) -> dict[str, str]:
    return environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path), RECONCILER_JOURNAL=str(tmp_path / "journal"))


def stored(sandbox: Any) -> dict[str, int]:
    return {each["name"]: each.get("port", 0) for each in sandbox.state()["stored"]["x:MtaRoute"]}


def saved(tmp_path: Path, env: dict[str, str], text: str = SECOND, *options: str) -> Path:
    """Apply the first manifests, plan the second, and return the saved plan."""
    path = tmp_path / "plan.json"
    assert command("apply", "--yes", str(write(tmp_path / "first", r=FIRST)), env=env).code == 0
    planned = command("plan", "--out", str(path), *options, str(write(tmp_path / "second", r=text)), env=env)
    assert planned.code == 0
    return path


def test_a_saved_plan_is_applied_without_its_manifests(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)
    (tmp_path / "second" / "r.yaml").unlink()

    applied = command("apply", "--plan", str(path), env=env)

    assert applied.code == 0, applied
    assert applied.out.endswith("Read back: the server holds what was planned.\n")
    assert stored(sandbox) == {"mx": 0, "local": 0, "a": 587, "b": 0, "c": 0}
    assert sandbox.state()["stored"] == sandbox.state()["live"]


def test_a_saved_plan_is_private_and_fits_its_schema(env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)
    schema = json.loads((Path(__file__).parent.parent / "schemas/output/saved-plan.schema.json").read_text())

    errors = list(Draft202012Validator(schema).iter_errors(json.loads(path.read_text())))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert errors == []
    assert json.loads(path.read_text())["format"] == "reconciler/plan/v1"


def test_a_stale_plan_writes_nothing_and_names_the_field(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)
    command(
        "apply", "--yes", str(write(tmp_path / "other", r=FIRST.replace("a.example.net", "z.example.net"))), env=env
    )
    before = sandbox.state()["writes"]

    applied = command("apply", "--plan", str(path), env=env)

    assert (applied.code, applied.out) == (4, "")
    assert "MtaRoute/a changed meanwhile: address" in applied.err
    assert sandbox.state()["writes"] == before


def test_an_object_that_appeared_meanwhile_makes_a_plan_stale(env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)
    command("apply", "--yes", str(write(tmp_path / "other", r="kind: MtaRoute\nspec: {type: Mx, name: c}\n")), env=env)

    assert command("apply", "--plan", str(path), env=env).code == 4


def test_what_is_already_as_wanted_is_not_stale(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)
    command("apply", "--yes", str(tmp_path / "second"), env=env)

    applied = command("apply", "--plan", str(path), "--format", "json", env=env)

    assert applied.code == 0
    assert applied.json["changes"] == []


def test_a_plan_is_bound_to_its_server(env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)

    with serve(user="admin", password="secret") as other:
        applied = command("apply", "--plan", str(path), "--url", other.url, env=env)

    assert applied.code == 64
    assert "plan again for this server" in applied.err


def test_a_plan_is_bound_to_its_target_and_its_next_command_names_that(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    manifests = write(tmp_path / "m", r=FIRST)
    config = tmp_path / "two.yaml"
    targets = "".join(f"  {name}: {{url: '{sandbox.url}', manifests: [{manifests}]}}\n" for name in "ab")
    config.write_text(f"targets:\n{targets}")
    path = tmp_path / "a plan.json"
    where = ["--config", str(config), "--target", "a"]

    planned = command("plan", *where, "--out", str(path), env=env)
    other = command("apply", "--plan", str(path), "--config", str(config), "--target", "b", env=env)
    applied = command(*shlex.split(planned.err.partition("reconciler ")[2]), env=env)

    assert planned.err == f"The plan is saved: reconciler apply {' '.join(where)} --plan '{path}'\n"
    assert (other.code, other.err) == (
        64,
        "error: the plan is for the target a, and this is b\n    plan again for this target\n",
    )
    assert applied.code == 0, applied


def test_an_altered_plan_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)
    path.write_text(path.read_text().replace("587", "2525"))

    assert command("apply", "--plan", str(path), env=env).code == 65


def test_a_plan_holds_references_and_no_secret(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    text = 'kind: MtaRoute\nspec: {type: Relay, name: s, address: a.b, authSecret: {type: Value, secret: "${env:S}"}}\n'
    path = saved(tmp_path, env, text)

    applied = command("apply", "--plan", str(path), env={**env, "S": "canary"})

    assert applied.code == 0
    written = [each.read_text() for each in tmp_path.rglob("*") if each.is_file()]
    assert not any("canary" in each for each in [*written, applied.out, applied.err])
    assert "${env:S}" in path.read_text()


def test_a_plain_secret_cannot_be_saved(env: dict[str, str], tmp_path: Path) -> None:
    text = "kind: MtaRoute\nspec: {type: Relay, name: s, address: a.b, authSecret: {type: Value, secret: canary}}\n"
    manifests = write(tmp_path / "m", r=text)

    planned = command("plan", "--out", str(tmp_path / "plan.json"), str(manifests), env=env)

    assert planned.code == 65
    assert not (tmp_path / "plan.json").exists()
    assert "canary" not in planned.out + planned.err


def test_a_saved_plan_takes_no_manifests(env: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path, env)

    assert command("apply", "--plan", str(path), str(tmp_path / "second"), env=env).code == 64


def test_a_journal_undoes_an_apply(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    command("apply", "--yes", str(write(tmp_path / "first", r=FIRST)), env=env)
    before = stored(sandbox)
    command("apply", "--yes", "--prune", "--max-destroy", "2", str(write(tmp_path / "second", r=SECOND)), env=env)
    (journal,) = (tmp_path / "journal").glob("*.jsonl")

    undone = command("rollback", str(journal), "--yes", env=env)

    assert undone.code == 0, undone
    assert stored(sandbox) == before
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert sandbox.state()["stored"] == sandbox.state()["live"]


def test_a_rollback_of_a_rollback_does_it_again(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    command("apply", "--yes", str(write(tmp_path / "first", r=FIRST)), env=env)
    command("apply", "--yes", str(write(tmp_path / "second", r=SECOND)), env=env)
    after = stored(sandbox)
    (journal,) = (tmp_path / "journal").glob("*.jsonl")

    first = command("rollback", str(journal), "--yes", env=env)
    between = stored(sandbox)
    again = command("rollback", str(journal), "--yes", "--run", read(journal)[-1].id, env=env)

    assert (first.code, again.code) == (0, 0)
    assert between != after
    assert stored(sandbox) == after


def test_an_apply_without_a_journal_directory_writes_nothing(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file is in the way")
    before = sandbox.state()["writes"]

    applied = command("apply", "--yes", str(write(tmp_path / "first", r=FIRST)), env=env)

    assert applied.code == 65
    assert "choose another directory, or --journal off" in applied.err
    assert sandbox.state()["writes"] == before


def start(env: dict[str, str], directory: Path, *arguments: str) -> subprocess.Popen[str]:
    command_line = [sys.executable, "-m", "reconciler", "apply", "--yes", "--format", "json", *arguments]
    return subprocess.Popen(
        command_line, env=env, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_applies_at_once_end_as_one_after_the_other(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "first", r=FIRST))
    sandbox.set_faults(parse_fault("delay=50ms"))

    runs = [start(env, tmp_path, manifests) for _ in range(2)]
    ended = [(run.communicate(timeout=60), run.returncode) for run in runs]

    assert [code for _, code in ended] == [0, 0], ended
    applied = sorted(sum(c["result"] == "applied" for c in json.loads(out)["changes"]) for (out, _), _ in ended)
    assert applied == [0, 2]
    assert stored(sandbox) == {"mx": 0, "local": 0, "a": 25, "b": 0}


def test_an_apply_that_cannot_wait_longer_is_busy(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "first", r=FIRST))
    sandbox.set_faults(parse_fault("delay=1s"))

    first = start(env, tmp_path, manifests)
    while sandbox.requests == 0:
        time.sleep(0.01)
    second = start(env, tmp_path, manifests, "--timeout", "1s")
    _, error = second.communicate(timeout=60)
    first.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (0, 75)
    assert str(first.pid) in error


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_the_running_request_finish(tmp_path: Path, number: signal.Signals, code: int) -> None:
    items = "".join(f"  - {{type: Local, name: r{n}}}\n" for n in range(6))
    manifests = str(write(tmp_path / "m", r=f"kind: MtaRoute\nitems:\n{items}"))
    with serve(user="admin", password="secret", limits=Limits(max_calls_in_request=1, max_objects_in_set=1)) as sandbox:
        env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path), RECONCILER_JOURNAL=str(tmp_path / "journal"))
        sandbox.set_faults(parse_fault("delay=100ms,method=*/set"))

        run = start(env, tmp_path, manifests)
        while sandbox.registry.writes < 2:
            time.sleep(0.005)
        run.send_signal(number)
        out, _ = run.communicate(timeout=60)
        results = [change["result"] for change in json.loads(out)["changes"]]
        names = {each["name"] for each in sandbox.state()["stored"]["x:MtaRoute"]}
        again = command("apply", "--yes", manifests, env=env)

        assert run.returncode == code
        assert sorted(set(results)) == ["applied", "skipped"]
        assert {f"r{n}" for n, result in enumerate(results) if result == "applied"} == names - {"mx", "local"}
        assert again.code == 0
        assert sandbox.state()["stored"] == sandbox.state()["live"]


def test_a_change_behind_the_back_of_a_running_apply_is_not_overwritten(tmp_path: Path) -> None:
    names = [f"r{n}" for n in range(5)]

    def relays(port: int) -> str:
        return "kind: MtaRoute\nitems:\n" + "".join(
            f"  - {{type: Relay, name: {name}, address: a.example.net, port: {port}}}\n" for name in names
        )

    with serve(user="admin", password="secret", limits=Limits(max_calls_in_request=1, max_objects_in_set=1)) as sandbox:
        env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
        command("apply", "--yes", str(write(tmp_path / "before", r=relays(25))), env=env)
        before = sandbox.registry.writes
        sandbox.set_faults(parse_fault("delay=100ms,method=*/set"))

        run = start(env, tmp_path, str(write(tmp_path / "after", r=relays(587))))
        while sandbox.registry.writes == before:
            time.sleep(0.005)
        meddle(sandbox, "r4", 2525)
        out, _ = run.communicate(timeout=60)

        ports = {each["name"]: each.get("port") for each in sandbox.state()["stored"]["x:MtaRoute"]}
        assert run.returncode == 5
        assert ports["r4"] == 2525
        last = next(each for each in json.loads(out)["changes"] if each["address"] == "MtaRoute/r4")
        assert (last["result"], last["because"]) == (
            "skipped",
            "the server changed meanwhile: MtaRoute/r4 changed meanwhile: port",
        )


def meddle(sandbox: Any, name: str, port: int) -> None:
    """Change a route as somebody with the server's own tools would."""
    id_ = next(each["id"] for each in sandbox.state()["stored"]["x:MtaRoute"] if each["name"] == name)
    call = ["x:MtaRoute/set", {"update": {id_: {"port": port}}}, "0"]
    body = {"using": ["urn:ietf:params:jmap:core"], "methodCalls": [call]}
    token = base64.b64encode(b"admin:secret").decode()
    reply = sandbox.handle("POST", "/jmap/", {"authorization": f"Basic {token}"}, json.dumps(body).encode())
    assert reply.status == 200
