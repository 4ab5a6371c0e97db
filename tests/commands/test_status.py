"""`status` tells of the last applies, and of what is stored but not live."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.apply.journal import RecordedResult, Run, Who, not_live
from tests.running import command, environment, write

PULL = {
    "GITHUB_SHA": "c0ffee0123456789",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_HEAD_REF": "relay",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "ops/mail",
    "GITHUB_RUN_ID": "42",
}


def route(port: int) -> str:
    return f"kind: MtaRoute\nspec: {{type: Relay, name: relay, address: a.example.net, port: {port}}}\n"


@pytest.fixture
def env(sandbox: Any, tmp_path: Path) -> dict[str, str]:
    outside = dict.fromkeys(PULL, "")
    found = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path), **outside)
    del found["RECONCILER_JOURNAL"]
    return found


def test_runs_are_told_newest_first_with_commit_and_reason(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(f"targets: {{prod: {{url: '{env['STALWART_URL']}'}}}}\n")
    write(tmp_path / "manifests", r=route(25))
    command("apply", "--yes", env=env, cwd=tmp_path)
    write(tmp_path / "manifests", r=route(587))
    applied = command("apply", "--yes", "--reason", "the partner asked", env={**env, **PULL}, cwd=tmp_path)

    status = command("status", "--format", "json", env=env, cwd=tmp_path)
    text = command("status", "--last", "1", "--target", "prod", env=env, cwd=tmp_path)

    assert (applied.code, status.code, text.code) == (0, 0, 0)
    (history,) = status.json["journals"]
    assert history["target"] == {"name": "prod", "url": env["STALWART_URL"]}
    assert "notLive" not in history
    newest, oldest = history["runs"]
    kept = ("commit", "branch", "actor", "request", "job", "reason", "exitCode", "results")
    assert {name: newest.get(name) for name in kept} == {
        "commit": "c0ffee0123456789",
        "branch": "relay",
        "actor": "ada",
        "request": "#7",
        "job": "https://github.example/ops/mail/actions/runs/42",
        "reason": "the partner asked",
        "exitCode": 0,
        "results": {"applied": 1},
    }
    assert "commit" not in oldest
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text.out)
    shown = re.sub(r"run [0-9a-f-]{36}, plan [0-9a-f]{12}, ada by way of \S+", "RUN", shown)
    assert shown == (
        f"prod {env['STALWART_URL']}\n"
        "  TIME  done: 1 applied\n"
        "    RUN\n"
        "    commit c0ffee012345 relay #7\n"
        "    https://github.example/ops/mail/actions/runs/42\n"
        "    reason: the partner asked\n"
        "  and 1 run before these\n"
    )


def test_what_is_stored_but_not_live_comes_first(env: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "manifests", r=route(25))
    command("apply", "--yes", "--no-reload", env=env, cwd=tmp_path)

    status = command("status", env=env, cwd=tmp_path)

    assert "did not reload: what it wrote is stored, and not live\n" in status.out.splitlines(keepends=True)[1]


def test_markdown_keeps_a_reason_within_its_cell(env: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "manifests", r=route(25))
    command("apply", "--yes", "--reason", "a | b <script> `x`\n# c", env=env, cwd=tmp_path)

    status = command("status", "--format", "markdown", env=env, cwd=tmp_path)

    (row,) = [line for line in status.out.splitlines() if "done: 1 applied" in line]
    assert row.endswith(" | a \\| b \\<script\\> \\`x\\`\\\\n\\# c |")


def test_rollbacks_are_told_apart_and_so_is_what_they_undid(env: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "manifests", r=route(25))
    command("apply", "--yes", env=env, cwd=tmp_path)
    (journal,) = (tmp_path / ".reconciler" / "journal").glob("*.jsonl")
    command("rollback", str(journal), "--yes", env=env, cwd=tmp_path)

    listed = command("rollback", str(journal), "--list", env=env, cwd=tmp_path)
    undoing, undone = command("status", "--format", "json", env=env, cwd=tmp_path).json["journals"][0]["runs"]

    assert (undoing["undoes"], undone["undoneBy"]) == (undone["run"], undoing["run"])
    told = [line[23:] if line.startswith("  2") else line.strip() for line in listed.out.splitlines()[1:]]
    assert [line for line in told if not line.startswith("run ")] == [
        "rollback done: 1 applied",
        f"undoes run {undone['run']}",
        "done: 1 applied; undone since",
        f"undone by run {undoing['run']}",
    ]


def test_a_directory_without_journals_is_no_error(env: dict[str, str], tmp_path: Path) -> None:
    ran = command("status", env=env, cwd=tmp_path)

    assert (ran.code, ran.out) == (0, "No apply is recorded in .reconciler/journal.\n")


def finished(**how: Any) -> Run:
    run = Run(
        id="r1", time="", who=Who("u", "h", 1), target="", url="", plan="", changes=(), inverses=(), code=0,
        results={0: RecordedResult(0, "applied")}, reload="applied",
    )  # fmt: skip
    return msgspec.structs.replace(run, **how)


@pytest.mark.parametrize(
    ("runs", "because"),
    [
        ([], ""),
        ([finished()], ""),
        ([finished(reload="skipped")], "run r1 did not reload: what it wrote is stored, and not live"),
        ([finished(reload="skipped"), finished()], ""),
        (
            [finished(reload="skipped"), finished(reload="skipped", results={})],
            "run r1 did not reload",
        ),
        ([finished(code=5, reload="failed")], "the server refused the reload of run r1: what is stored is not live"),
        ([finished(code=6, reload="failed")], ""),
        ([finished(code=69, reload="unknown")], "whether the reload of run r1 was made is not known"),
        ([finished(code=None, reload="")], "run r1 did not finish: what it wrote may not be live"),
    ],
)
def test_the_last_run_that_wrote_decides_what_is_live(runs: list[Run], because: str) -> None:
    found = not_live(runs)

    assert found.startswith(because)
    assert bool(found) == bool(because)
