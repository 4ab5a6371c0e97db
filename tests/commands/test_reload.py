"""`reload`: one ReloadSettings, what became of it, and what a refusal means."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import parse_fault
from tests.running import command, environment, write

#: A host that no server can resolve.
MILTER = "kind: MtaMilter\nspec: {hostname: filter.invalid, port: 7357, stages: [data]}\n"


@pytest.fixture
def env(sandbox: Any, tmp_path: Path) -> dict[str, str]:
    return environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))


def test_a_reload_makes_live_what_is_stored(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    routes = str(write(tmp_path / "m", r="kind: MtaRoute\nspec: {type: Local, name: here}\n"))
    assert command("apply", "--yes", "--no-reload", routes, env=env).code == 0

    ran = command("reload", env=env)

    assert (ran.code, ran.out, ran.err) == (
        0,
        f"{sandbox.url}, as admin\nThe server reloaded its settings: they are live.\n",
        "",
    )
    assert sandbox.state()["stored"] == sandbox.state()["live"]


def test_a_refusal_names_the_object_and_what_follows(env: dict[str, str], tmp_path: Path) -> None:
    assert command("apply", "--yes", "--no-reload", str(write(tmp_path / "m", m=MILTER)), env=env).code == 0

    ran = command("reload", env=env)
    told = command("reload", "--format=json", env=env)

    _, refusal, then = ran.out.splitlines()
    assert ran.code == told.code == 5
    assert refusal.startswith("The reload was refused: MtaMilter/filter.invalid:7357: ")
    assert then == (
        "What is stored is not live, and a restart would run without what is broken: mend it, and apply again."
    )
    assert told.json["reload"]["result"] == "failed"
    assert told.json["reload"]["because"].startswith("MtaMilter/filter.invalid:7357: ")


def test_credentials_that_are_refused_refuse_no_reload(env: dict[str, str]) -> None:
    ran = command("reload", env={**env, "STALWART_PASSWORD": "wrong"})

    assert (ran.code, ran.out) == (77, "")
    assert ran.err.startswith(f"error: {env['STALWART_URL']}/jmap/session refuses these credentials\n")


def test_a_server_that_is_not_there_refuses_no_reload() -> None:
    ran = command("reload", "--timeout=1s", env=environment("http://127.0.0.1:9"))

    assert (ran.code, ran.out) == (69, "")
    assert ran.err.startswith("error: http://127.0.0.1:9/jmap/session: cannot be reached: ")


def test_a_reload_that_is_not_taken_says_nothing_of_what_is_stored(sandbox: Any, env: dict[str, str]) -> None:
    sandbox.set_faults(parse_fault("status=403,method=x:Action/set"))

    ran = command("reload", env=env)

    assert ran.code == 77
    assert ran.out == (
        f"{sandbox.url}, as admin\n"
        f"The reload was refused: {env['STALWART_URL']}/jmap/ answers 403 "
        "(the account lacks the permission `authenticate`, or this host's address is blocked).\n"
        "What is stored is not live; reconciler reload makes it so.\n"
    )
