"""Files are replaced whole or not at all."""

from pathlib import Path

import pytest

from reconciler.values import replace_file


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"old")

    replace_file(path, b"new", lambda file: file.chmod(0o640))

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"a.yaml": b"new"}
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_finished_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"old")

    def fail(file: Path) -> None:
        raise PermissionError(str(file))

    with pytest.raises(PermissionError):
        replace_file(path, b"new", fail)

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"a.yaml": b"old"}
