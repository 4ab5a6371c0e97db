"""Undeclared objects that act by existing: a difference that is counted and named, and that apply leaves alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.running import Ran, command, environment, write

TWO = "kind: MtaMilter\nitems:\n  - {hostname: 127.0.0.1, port: 1}\n  - {hostname: 127.0.0.1, port: 2}\n"
ONE = "kind: MtaMilter\nspec: {hostname: 127.0.0.1, port: 1}\n"
NAMED = "Undeclared, and a difference (1): MtaMilter/127.0.0.1:2."


def ran(sandbox: Any, tmp_path: Path, *arguments: str, policy: str = "{}") -> Ran:
    """Run a command whose manifests declare one of the server's two milters."""
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    assert command("apply", "--yes", str(write(tmp_path / "two", m=TWO)), env=env).code == 0
    config = tmp_path / "config.yaml"
    config.write_text(f"policy: {policy}\n")
    return command(*arguments, "--config", str(config), str(write(tmp_path / "one", m=ONE)), env=env)


@pytest.mark.parametrize("arguments", [["drift"], ["plan", "--detailed-exitcode"]])
def test_an_undeclared_milter_is_a_difference(sandbox: Any, tmp_path: Path, arguments: list[str]) -> None:
    found = ran(sandbox, tmp_path, *arguments)

    assert found.code == 2, found
    assert NAMED in found.out


@pytest.mark.parametrize(
    ("policy", "code"), [("{undeclared: {MtaMilter: ignore}}", 0), ("{undeclared: {MtaMilter: drift}}", 2)]
)
def test_policy_has_the_last_word(sandbox: Any, tmp_path: Path, policy: str, code: int) -> None:
    assert ran(sandbox, tmp_path, "drift", policy=policy).code == code


def test_an_apply_leaves_it_alone_and_says_so(sandbox: Any, tmp_path: Path) -> None:
    found = ran(sandbox, tmp_path, "apply", "--yes")

    assert found.code == 0, found
    assert "Undeclared, left alone, and a difference: MtaMilter/127.0.0.1:2.\n" in found.out
    assert len(sandbox.state()["live"]["x:MtaMilter"]) == 2


def test_an_apply_that_prunes_it_is_in_sync(sandbox: Any, tmp_path: Path) -> None:
    found = ran(sandbox, tmp_path, "apply", "--yes", policy="{prune: {MtaMilter: true}, maxDestroy: 1}")

    assert found.code == 0, found
    assert "Undeclared" not in found.out
    assert [each["port"] for each in sandbox.state()["live"]["x:MtaMilter"]] == [1]
