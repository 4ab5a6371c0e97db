"""`init` leaves a beginning that is in sync, tested, and in nobody's way."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.running import command, environment, terminal


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_a_beginning_is_in_sync_and_its_routing_test_passes(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url)
    writes = sandbox.registry.writes

    ran = command("init", env=env, cwd=tmp_path)
    plan = command("plan", "--detailed-exitcode", env=env, cwd=tmp_path)
    test = command("test", env=env, cwd=tmp_path)

    assert (ran.code, plan.code, test.code) == (0, 0, 0)
    assert test.out == "2 routing tests: 2 passed.\n"
    assert files(tmp_path) == [
        ".github/workflows/mail.yml",
        ".gitignore",
        "manifests/mta-connection-strategy.yaml",
        "manifests/mta-delivery-schedule.yaml",
        "manifests/mta-outbound-strategy.yaml",
        "manifests/mta-route.yaml",
        "manifests/mta-tls-strategy.yaml",
        "manifests/routing-tests.yaml",
        "reconciler.yaml",
    ]
    assert yaml.safe_load((tmp_path / "reconciler.yaml").read_text()) == {
        "targets": {"prod": {"url": sandbox.url, "manifests": ["manifests"]}}
    }
    assert sandbox.registry.writes == writes


def test_a_token_is_named_and_never_written(sandbox: Any, tmp_path: Path) -> None:
    ran = command("init", "--ci", "gitlab", env=environment(sandbox.url, STALWART_TOKEN="canary"), cwd=tmp_path)

    # The sandbox knows no such token.
    assert ran.code == 77
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("ci", "path"), [("github", ".github/workflows/mail.yml"), ("gitlab", ".gitlab-ci.yml"), ("none", "")]
)
def test_the_pipeline_is_of_the_system_that_was_chosen(sandbox: Any, tmp_path: Path, ci: str, path: str) -> None:
    command("init", "--ci", ci, env=environment(sandbox.url), cwd=tmp_path)

    found = [name for name in files(tmp_path) if name.startswith(".git") and name != ".gitignore"]
    assert found == ([path] if path else [])
    if path:
        text = (tmp_path / path).read_text()
        assert yaml.safe_load(text)
        assert "stalwart-reconciler==0.1.0" in text


def test_gitlab_is_chosen_where_the_repository_comes_from_there(sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text('[remote "origin"]\n\turl = git@gitlab.example.org:ops/mail.git\n')

    command("init", env=environment(sandbox.url), cwd=tmp_path)

    assert (tmp_path / ".gitlab-ci.yml").is_file()


def test_nothing_is_written_over(sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("{}\n")
    (tmp_path / ".gitignore").write_text("*.log\n")

    ran = command("init", env=environment(sandbox.url), cwd=tmp_path)

    assert (ran.code, ran.err.splitlines()[0]) == (
        1,
        "error: reconciler.yaml: there already, and nothing was written",
    )
    assert files(tmp_path) == [".gitignore", "reconciler.yaml"]


def test_lines_of_an_ignore_file_stay(sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n")

    command("init", env=environment(sandbox.url), cwd=tmp_path)

    assert (tmp_path / ".gitignore").read_text() == "*.log\n.reconciler/\n"


def test_an_ignore_file_in_another_encoding_keeps_its_bytes(sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"caf\xe9\n")

    ran = command("init", env=environment(sandbox.url), cwd=tmp_path)

    assert ran.code == 0
    assert (tmp_path / ".gitignore").read_bytes() == b"caf\xe9\n.reconciler/\n"


def test_the_url_is_asked_for_on_a_terminal_and_missed_without_one(sandbox: Any, tmp_path: Path) -> None:
    env = environment("")

    missed = command("init", env=env, cwd=tmp_path)
    asked = terminal("init", "--ci", "none", env=env, typed=f"{sandbox.url}\n", cwd=tmp_path)

    assert (missed.code, missed.err) == (
        64,
        "error: init asks for the server's URL, and nobody is there to answer\n    give --url\n",
    )
    assert asked.code == 0
    assert "URL of the server, such as https://mail.example.org: " in asked.out
