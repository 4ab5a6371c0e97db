"""`plan --write stalwart-ndjson=FILE` hands a plan over to stalwart-cli, and nothing that this program would not do."""

import json
from pathlib import Path
from typing import Any

from tests.playing import Player
from tests.running import command, environment, write
from tests.talk import Talk

LOCAL = "kind: MtaRoute\nspec: {type: Local, name: r}\n"
BEFORE = "kind: MtaQueueQuota\nspec: {description: d, key: [rcpt], messages: 5, match: size > 1}\n---\n" + LOCAL
# A quota loses its match only by being made anew.
AFTER = BEFORE.replace(", match: size > 1", "").replace("Local", "Mx")
SECRET = (
    "kind: MtaRoute\nspec: {type: Relay, name: r, address: a.test, authUsername: u, "
    "authSecret: {type: Value, secret: '${env:PW}'}}\n"
)


def test_a_plan_that_was_handed_over_and_played_is_empty(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url)
    write(tmp_path / "m", a=BEFORE)
    assert command("apply", "m", "--yes", env=env, cwd=tmp_path).code == 0
    write(tmp_path / "m", a=AFTER)
    (tmp_path / "p.2.ndjson").write_text("of another plan")

    ran = command("plan", "m", "--write", "stalwart-ndjson=p.ndjson", env=env, cwd=tmp_path)
    for file in ("p.ndjson", "p.2.ndjson"):
        Player(Talk(sandbox)).play((tmp_path / file).read_text())

    assert ran.code == 0, ran.err
    steps = "stalwart-cli apply --file p.ndjson, then stalwart-cli apply --file p.2.ndjson"
    assert f"To carry it out: {steps}\n" in ran.err
    assert command("drift", "m", env=env, cwd=tmp_path).code == 0
    assert sandbox.state()["stored"] == sandbox.state()["live"]
    again = command("plan", "m", "--write", "stalwart-ndjson=p.ndjson", env=env, cwd=tmp_path)
    assert (tmp_path / "p.ndjson").read_text() == ""
    assert "warning: p.2.ndjson is not of this plan, which takes fewer files\n    take it away\n" in again.err


def test_one_file_may_go_to_standard_output_and_two_may_not(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url)
    write(tmp_path / "m", a=LOCAL)
    one = command("plan", "m", "--write", "stalwart-ndjson=-", env=env, cwd=tmp_path)
    write(tmp_path / "m", a=BEFORE)
    assert command("apply", "m", "--yes", env=env, cwd=tmp_path).code == 0
    write(tmp_path / "m", a=AFTER)
    two = command("plan", "m", "--write", "stalwart-ndjson=-", env=env, cwd=tmp_path)

    body = {"name": "r", "@type": "Local"}
    assert [json.loads(line) for line in one.out.splitlines()] == [
        {"@type": "upsert", "object": "MtaRoute", "matchOn": ["name"], "value": {"new0": body}},
        {"@type": "create", "object": "Action", "value": {"reload": {"@type": "ReloadSettings"}}},
    ]
    assert (two.code, two.out) == (64, "")
    assert "error: the plan is two files, to be applied one after the other" in two.err


def test_what_a_guard_refuses_is_not_handed_over(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url)
    write(tmp_path / "m", a=LOCAL)
    assert command("apply", "m", "--yes", env=env, cwd=tmp_path).code == 0
    write(tmp_path / "m", a=LOCAL.replace("name: r", "name: s"))

    ran = command("plan", "m", "--prune", "--max-destroy=0", "--write=stalwart-ndjson=p", env=env, cwd=tmp_path)

    assert (ran.code, (tmp_path / "p").exists()) == (3, False)
    assert (
        "warning: nothing is written for stalwart-cli: the plan is refused, and that program has no guards" in ran.err
    )


def test_a_secret_that_has_to_be_written_is_not_handed_over(sandbox: Any, tmp_path: Path) -> None:
    write(tmp_path / "m", a=SECRET)

    ran = command("plan", "m", "--write=stalwart-ndjson=p", env=environment(sandbox.url), cwd=tmp_path)

    assert (ran.code, (tmp_path / "p").exists()) == (65, False)
    assert "error: m/a.yaml:1 MtaRoute/r authSecret/secret: a secret has to be written, and no file may hold" in ran.err


def test_what_is_a_file_for_another_program_is_no_format_of_the_report(tmp_path: Path) -> None:
    ran = command("plan", "--format=stalwart-ndjson", env=environment(""), cwd=tmp_path)

    assert ran.code == 64
    assert ran.err.startswith("error: plan has no format stalwart-ndjson; there are text, ")
