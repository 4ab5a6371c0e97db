"""A saved plan and a recorded run, printed again without a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.running import command, environment, write

ROUTE = "kind: MtaRoute\nspec: {type: Relay, name: a, address: 192.0.2.1}\n"
NOWHERE = environment("http://127.0.0.1:9")


@pytest.fixture
def place(sandbox: Any, tmp_path: Path) -> Path:
    """A plan is saved, and then applied with a journal."""
    env = {**environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path)), "RECONCILER_JOURNAL": str(tmp_path / "journal")}
    manifests = str(write(tmp_path / "m", r=ROUTE))
    assert command("plan", "--out", str(tmp_path / "plan.json"), manifests, env=env).code == 0
    assert command("apply", "--yes", manifests, env=env).code == 0
    return tmp_path


def test_a_saved_plan_is_shown_in_the_formats_of_a_plan(place: Path) -> None:
    plan = str(place / "plan.json")

    text = command("show", plan, env=NOWHERE)
    found = command("show", plan, "--format=json", f"--write=html={place / 'p.html'}", env=NOWHERE)

    assert (text.code, found.code) == (0, 0)
    assert "+ MtaRoute/a" in text.out
    assert (found.json["format"], found.json["summary"]["create"]) == ("reconciler/plan/v1", 1)
    assert found.json["digest"] == json.loads((place / "plan.json").read_text())["digest"]
    assert (place / "p.html").read_text().startswith("<!doctype html>")


def test_a_recorded_run_is_shown_in_the_formats_of_an_outcome(place: Path) -> None:
    (journal,) = (place / "journal").glob("*.jsonl")

    found = command("show", str(journal), "--format=json", env=NOWHERE)

    assert (found.code, found.json["format"]) == (0, "reconciler/outcome/v1")
    assert [(each["address"], each["result"]) for each in found.json["changes"]] == [("MtaRoute/a", "applied")]
    assert found.json["reload"] == {"result": "applied"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--format=github"], "holds a report of another kind, without the format github; there are text, "),
        (["--run=nobody"], "holds no run nobody"),
    ],
)
def test_what_a_journal_has_not_got_is_refused(place: Path, args: list[str], message: str) -> None:
    (journal,) = (place / "journal").glob("*.jsonl")

    ran = command("show", str(journal), *args, env=NOWHERE)

    assert ran.code == 64
    assert message in ran.err
