"""What the actions tell GitHub is told once, by whoever wrote it, and survives a bad moment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.hub import BOT, Hub, hub

TALK = Path(__file__).parent.parent.parent / "deploy" / "github" / "talk.py"


@pytest.fixture
def running() -> Iterator[Hub]:
    with hub() as found:
        yield found


def text(plan: str = "d1", target: str = "prod", rest: str = "two changes") -> str:
    mark = json.dumps({"target": target, "plan": plan, "truncated": False, "version": "0.1.0"})
    return f"<!-- reconciler {mark} -->\n{rest}\n"


def talk(running: Hub, tmp_path: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "event.json").write_text('{"pull_request": {"number": 7}}')
    return subprocess.run(
        [sys.executable, TALK, *words],
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_API_URL": running.url,
            "GITHUB_REPOSITORY": "ops/mail",
            "GITHUB_TOKEN": "hub-token",
            "GITHUB_SHA": "c0ffee",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "RETRY_SECONDS": "0.01",
            **env,
        },
        capture_output=True,
        text=True,
    )


def shown(running: Hub, tmp_path: Path, body: str, **env: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "plan.md").write_text(body)
    return talk(running, tmp_path, "comment", str(tmp_path / "plan.md"), **env)


def test_a_comment_is_written_once_and_then_edited(running: Hub, tmp_path: Path) -> None:
    shown(running, tmp_path, text("d1"))
    shown(running, tmp_path, text("d2"))
    before = len(running.requests)
    shown(running, tmp_path, text("d2"))

    assert [each["body"] for each in running.comments[7]] == [text("d2")]
    # What is as it should be is not written again.
    assert running.requests[before:] == ["GET /repos/ops/mail/issues/7/comments?per_page=100&page=1"]


def test_another_targets_comment_and_another_authors_are_left_alone(running: Hub, tmp_path: Path) -> None:
    running.comment(7, text("d0"), author="mallory")
    running.comment(7, "nice work")
    shown(running, tmp_path, text("d1", target="eu"))
    shown(running, tmp_path, text("d2", target="us"))

    assert [(each["user"]["login"], each["body"]) for each in running.comments[7]] == [
        ("mallory", text("d0")),
        (BOT, "nice work"),
        (BOT, text("d1", target="eu")),
        (BOT, text("d2", target="us")),
    ]


def test_a_comment_is_found_beyond_the_first_page(running: Hub, tmp_path: Path) -> None:
    for number in range(150):
        running.comment(7, f"remark {number}")
    running.comment(7, text("d1"))

    shown(running, tmp_path, text("d2"))

    assert len(running.comments[7]) == 151
    assert running.comments[7][-1]["body"] == text("d2")


def test_what_github_could_not_do_just_now_is_tried_again(running: Hub, tmp_path: Path) -> None:
    running.failing[:] = [502, 429]

    ran = shown(running, tmp_path, text())

    assert (ran.returncode, len(running.comments[7])) == (0, 1)


@pytest.mark.parametrize(("statuses", "told"), [([502] * 9, "502"), ([], "401")])
def test_what_github_refuses_is_told_without_the_token(
    running: Hub, tmp_path: Path, statuses: list[int], told: str
) -> None:
    running.failing[:] = statuses

    ran = shown(running, tmp_path, text(), GITHUB_TOKEN="canary-token" if told == "401" else "hub-token")

    assert ran.returncode == 1
    assert ran.stderr == (f"GET /repos/ops/mail/issues/7/comments?per_page=100&page=1: GitHub answers {told}\n")


def test_the_approved_digest_is_the_one_that_the_merged_pull_request_showed(running: Hub, tmp_path: Path) -> None:
    running.pulls["c0ffee"] = [{"number": 5, "merged_at": None}, {"number": 7, "merged_at": "2026-11-28T04:00:00Z"}]
    running.comment(5, text("open"))
    running.comment(7, text("forged"), author="mallory")
    running.comment(7, text("us", target="us"))
    running.comment(7, text("d7"))

    assert talk(running, tmp_path, "approved", "prod").stdout == "d7\n"
    assert talk(running, tmp_path, "approved", "asia").stdout == "\n"


def test_one_issue_is_opened_updated_and_closed(running: Hub, tmp_path: Path) -> None:
    def drift(code: int, body: str) -> None:
        (tmp_path / "drift.md").write_text(body)
        ran = talk(running, tmp_path, "issue", str(tmp_path / "drift.md"), str(code), "prod")
        assert (ran.returncode, ran.stderr) == (0, "")

    drift(0, text())
    assert running.issues == []
    drift(2, text(rest="one"))
    drift(2, text(rest="two"))
    # A run that could not compare says nothing of the server.
    drift(69, text(rest="unreachable"))
    assert [(each["state"], each["body"]) for each in running.issues] == [("open", text(rest="two"))]
    drift(0, text(rest="in sync"))
    assert [each["state"] for each in running.issues] == ["closed"]
    assert [each["body"] for each in running.comments[1]] == ["In sync again."]
    drift(2, text(rest="three"))
    assert [each["state"] for each in running.issues] == ["closed", "open"]


def test_wrong_usage_is_told(running: Hub, tmp_path: Path) -> None:
    ran = talk(running, tmp_path, "shout")

    assert ran.returncode == 64
    assert "talk.py comment FILE" in ran.stderr
