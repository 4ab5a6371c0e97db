"""--strict: what is a warning otherwise keeps a run from going on."""

from pathlib import Path
from typing import Any

import pytest

from tests.running import command, environment, write

#: A relay by plain SMTP to a port of implicit TLS is a warning, and no more.
WARNED = "kind: MtaRoute\nspec: {type: Relay, name: a, address: a.example.net, port: 465}\n"
CLEAN = "kind: MtaVirtualQueue\nspec: {name: bulk}\n---\nkind: MtaDeliverySchedule\nspec: {name: slow, queueId: bulk}\n"
COMMANDS = [["validate"], ["plan"], ["drift"], ["apply", "--yes"]]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_warning_is_an_error_and_nothing_is_written(sandbox: Any, tmp_path: Path, arguments: list[str]) -> None:
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    writes = sandbox.state()["writes"]

    ran = command(*arguments, "--strict", str(write(tmp_path / "m", m=WARNED)), env=env)

    assert ran.code == 65, ran
    assert "error" in ran.out + ran.err
    assert "warning:" not in ran.out + ran.err
    assert sandbox.state()["writes"] == writes


@pytest.mark.parametrize("arguments", COMMANDS)
def test_without_it_a_warning_stops_nothing(sandbox: Any, tmp_path: Path, arguments: list[str]) -> None:
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))

    assert command(*arguments, str(write(tmp_path / "m", m=WARNED)), env=env).code in (0, 2)


def test_a_variable_may_be_strict_and_notes_stay_notes(tmp_path: Path) -> None:
    env = environment("", RECONCILER_STRICT="true")

    ran = command("validate", str(write(tmp_path / "m", m=CLEAN)), env=env)

    assert ran.code == 0, ran


def test_a_saved_plan_has_no_manifests_to_be_strict_about(sandbox: Any, tmp_path: Path) -> None:
    ran = command("apply", "--plan", str(tmp_path / "plan.json"), "--strict", env=environment(sandbox.url))

    assert ran.code == 64
    assert "--strict would be ignored" in ran.err
