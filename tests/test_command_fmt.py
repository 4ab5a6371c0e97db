"""`fmt` lays out files, or tells what it would do."""

from pathlib import Path

import pytest

from tests.running import Ran, command, environment

OLD = "# head\nspec:\n    # why\n    name: a\n    type: Mx\nkind: MtaRoute\n"
NEW = "# head\nkind: MtaRoute\nspec:\n  type: Mx\n  # why\n  name: a\n"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    directory = tmp_path / "manifests"
    directory.mkdir()
    (directory / "a.yaml").write_text(OLD)
    (directory / "b.yaml").write_text(NEW)
    (directory / "c.json").write_text('{"spec": {}, "kind": "MtaRoute"}')
    return directory


def fmt(directory: Path, *arguments: str) -> Ran:
    return command("fmt", *arguments, env=environment(""), cwd=directory.parent)


def texts(directory: Path) -> list[str]:
    return [path.read_text() for path in sorted(directory.iterdir())]


def test_files_are_laid_out_once(manifests: Path) -> None:
    (manifests / "a.yaml").chmod(0o640)

    first, second = fmt(manifests), fmt(manifests)

    assert first == Ran(0, "", "manifests/a.yaml\n2 files, 1 changed.\n")
    assert second == Ran(0, "", "2 files, 0 changed.\n")
    assert texts(manifests) == [NEW, NEW, '{"spec": {}, "kind": "MtaRoute"}']
    assert (manifests / "a.yaml").stat().st_mode & 0o777 == 0o640


def test_check_names_what_would_change_and_writes_nothing(manifests: Path) -> None:
    before = texts(manifests)

    ran = fmt(manifests, "--check", "manifests")

    assert ran == Ran(2, "manifests/a.yaml\n", "2 files, 1 would change.\n")
    assert texts(manifests) == before
    assert fmt(manifests, "--check", "manifests/b.yaml").code == 0


def test_diff_shows_what_would_change_and_writes_nothing(manifests: Path) -> None:
    ran = fmt(manifests, "--diff")

    assert ran.code == 0
    assert ran.out == (
        "--- manifests/a.yaml\n"
        "+++ manifests/a.yaml (canonical)\n"
        "@@ -1,6 +1,6 @@\n"
        " # head\n"
        "+kind: MtaRoute\n"
        " spec:\n"
        "-    # why\n"
        "-    name: a\n"
        "-    type: Mx\n"
        "-kind: MtaRoute\n"
        "+  type: Mx\n"
        "+  # why\n"
        "+  name: a\n"
    )
    assert (manifests / "a.yaml").read_text() == OLD
    assert fmt(manifests, "--diff", "--check").code == 2


def test_a_file_with_mistakes_is_told_and_left_alone(manifests: Path) -> None:
    (manifests / "b.yaml").write_text("spec: no\nkind: MtaRoute\n")

    ran = fmt(manifests)

    assert ran.code == 65
    assert "manifests/b.yaml:1:7" in ran.err
    assert texts(manifests)[:2] == [NEW, "spec: no\nkind: MtaRoute\n"]


def test_a_link_is_followed_and_stays(manifests: Path) -> None:
    (manifests / "a.yaml").rename(manifests / "z.yaml")
    (manifests / "a.yaml").symlink_to("z.yaml")

    ran = fmt(manifests, "manifests/a.yaml")

    assert ran.code == 0
    assert (manifests / "a.yaml").is_symlink()
    assert (manifests / "z.yaml").read_text() == NEW


@pytest.mark.parametrize("arguments", [("nowhere",), ("--format", "json"), ("--target", "x")])
def test_what_makes_no_sense_is_usage(manifests: Path, arguments: tuple[str, ...]) -> None:
    assert fmt(manifests, *arguments).code == 64
