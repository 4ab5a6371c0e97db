"""What became of one target, as a file."""

from pathlib import Path

import pytest

from reconciler.fleet.results import Read, TargetResult, read_results, result_path, write_result
from reconciler.values import ReconcilerError

RESULT = TargetResult(
    target="mx1", url="https://mx1.example", command="drift", exit_code=2, report={"changes": []}, time="2026-01-02"
)


def test_result_that_was_written_is_read_back(tmp_path: Path) -> None:
    write_result(tmp_path / "shard-1", RESULT)

    assert read_results(tmp_path) == Read({"mx1": (RESULT,)})


def test_result_replaces_the_one_before(tmp_path: Path) -> None:
    write_result(tmp_path, RESULT)
    write_result(tmp_path, TargetResult(target="mx1", command="drift", exit_code=0))

    assert [path.name for path in tmp_path.iterdir()] == ["mx1.json"]
    assert read_results(tmp_path).results["mx1"][0].exit_code == 0


def test_name_of_a_target_never_leaves_the_directory(tmp_path: Path) -> None:
    names = ["../up", ".hidden", "a/b", "per%cent", "ümlaut", "."]

    written = [write_result(tmp_path, TargetResult(target=name, command="plan", exit_code=0)) for name in names]

    assert {path.parent for path in written} == {tmp_path}
    assert set(read_results(tmp_path).results) == set(names)


def test_what_is_being_written_is_no_result_yet(tmp_path: Path) -> None:
    (tmp_path / ".tmp123.json").write_text("{")

    assert read_results(tmp_path) == Read()


def test_what_is_no_result_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"format": "reconciler/fleet-result/v1", "target"')
    (tmp_path / "deep.json").write_text("[" * 100_000)

    found = read_results(tmp_path)

    assert found.results == {}
    assert [Path(each.file).name for each in found.diagnostics] == ["deep.json", "half.json"]
    assert all(each.hint == "run the target's shard again" for each in found.diagnostics)


def test_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="is no directory"):
        read_results(tmp_path / "none")


def test_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ReconcilerError, match="cannot be written: "):
        write_result(tmp_path / "file", RESULT)


def test_file_of_a_target_is_its_name_escaped() -> None:
    assert result_path(Path("out"), "eu/mx1") == Path("out/eu%2Fmx1.json")
