"""Files are read up to a bound, and replaced whole or not at all."""

import os
from pathlib import Path

import pytest

from reconciler.values import ConfigError, ReconcilerError, read_file, replace_file


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


def test_a_file_of_as_many_bytes_as_it_may_hold_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 2048)

    assert read_file(path, most=2048) == b"x" * 2048
    with pytest.raises(ConfigError) as refused:
        read_file(path, ConfigError, most=2047, name="the list", hint="split it")

    assert str(refused.value) == "the list is larger than 1 KB (split it)"


def test_a_file_that_says_nothing_of_its_size_is_read_whole() -> None:
    # As the kernel's own files do.
    assert read_file("/proc/self/cmdline", pipe=True).startswith(b"/")


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(ReconcilerError, match=r"^it cannot be read: no file can have this name$"):
        read_file(name, name="it")


def test_a_longer_pipe_than_may_be_is_read_no_further(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        stream.write(bytes(4096))

    with pytest.raises(ReconcilerError, match=r"^it is larger than 2 KB$"):
        read_file(f"/dev/fd/{reading}", most=2048, name="it", pipe=True)
    os.close(reading)
