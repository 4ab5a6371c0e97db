"""Which targets a change in git touches."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.fleet.changed import changed_since
from reconciler.settings import Options, read_config
from reconciler.values import UsageError

CONFIG = """\
targets:
  a: {url: https://a.example, manifests: [base, a], vars: {relay: one}}
  b: {url: https://b.example, manifests: [base, b]}
policy: {}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    for name in ("base", "a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mail.yaml").write_text(f"# {name}\n")
    (tmp_path / "reconciler.yaml").write_text(CONFIG)
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    os.chdir(tmp_path)
    try:
        yield tmp_path
    finally:
        os.chdir(before)


def git(where: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=where, check=True)


def commit(where: Path) -> None:
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", "change")


def touched(revision: str = "HEAD") -> tuple[str, ...]:
    return changed_since(revision, read_config(Options()), ("a", "b"))


def test_nothing_that_changed_touches_no_target(checkout: Path) -> None:
    (checkout / "README").write_text("no manifest\n")

    assert touched() == ()


@pytest.mark.parametrize(("layer", "targets"), [("base", ("a", "b")), ("a", ("a",)), ("b", ("b",))])
def test_layer_touches_the_targets_that_it_makes_up(checkout: Path, layer: str, targets: tuple[str, ...]) -> None:
    (checkout / layer / "mail.yaml").write_text("# changed\n")
    commit(checkout)

    assert touched("HEAD~1") == targets


def test_new_and_removed_files_count_before_they_are_committed(checkout: Path) -> None:
    (checkout / "a" / "new.yaml").write_text("# new\n")
    (checkout / "b" / "mail.yaml").unlink()

    assert touched() == ("a", "b")


def test_variables_touch_their_target_and_policy_touches_all(checkout: Path) -> None:
    (checkout / "reconciler.yaml").write_text(CONFIG.replace("one", "two"))
    variables = touched()
    (checkout / "reconciler.yaml").write_text(CONFIG.replace("policy: {}", "policy: {maxDestroy: 5%}"))

    assert (variables, touched()) == (("a",), ("a", "b"))


def test_everything_has_changed_since_there_was_no_configuration(checkout: Path) -> None:
    git(checkout, "rm", "-q", "--cached", "reconciler.yaml")
    git(checkout, "commit", "-q", "-m", "without")

    assert touched() == ("a", "b")


def test_revision_that_git_does_not_know_is_refused(checkout: Path) -> None:
    with pytest.raises(UsageError, match="--changed-since: git says"):
        touched("nowhere")


def test_revision_is_never_taken_for_an_option_of_git(checkout: Path) -> None:
    with pytest.raises(UsageError, match="--changed-since: git says"):
        touched("--output=stolen")

    assert not (checkout / "stolen").exists()
