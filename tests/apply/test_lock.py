"""The lock, held by real processes."""

import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from reconciler.apply.lock import hold, lock_directory, lock_name
from reconciler.values.errors import Busy, ReconcilerError

URL = "https://mail.example.org"
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from reconciler.apply.lock import hold
start = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
with hold(sys.argv[1], owner="alice", host="build-7", now=lambda: start, directory=Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def held(url: str, directory: Path, *, after: timedelta = timedelta(), wait: float = 0) -> AbstractContextManager[Path]:
    return hold(url, owner="bob", host="here", now=lambda: START + after, directory=directory, wait_seconds=wait)


@contextmanager
def holder(url: str, directory: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, url, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_a_second_run_is_told_who_holds_the_lock_and_for_how_long(tmp_path: Path) -> None:
    directory = tmp_path / "locks"

    with (
        holder(URL, directory) as process,
        pytest.raises(Busy) as raised,
        held(URL, directory, after=timedelta(minutes=2, seconds=5)),
    ):
        pass

    assert raised.value.exit_code == 75
    assert str(raised.value) == (
        f"another run holds the lock on {URL}: alice on build-7, process {process.pid}, for 2m5s "
        "(try again when that run has ended)"
    )


def test_a_killed_holder_frees_the_lock_at_once(tmp_path: Path) -> None:
    directory = tmp_path / "locks"
    with holder(URL, directory) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = [each.name for each in directory.iterdir()]

    with held(URL, directory) as path:
        content = msgspec.json.decode(path.read_bytes())

    assert left == [lock_name(URL)]
    assert content == {"owner": "bob", "host": "here", "pid": os.getpid(), "started": "2026-11-21T12:00:00+00:00"}


def test_a_waiting_run_takes_the_lock_when_its_holder_ends(tmp_path: Path) -> None:
    directory = tmp_path / "locks"

    with holder(URL, directory) as process:
        ending = threading.Timer(0.2, process.kill)
        ending.start()
        with held(URL, directory, wait=60) as path:
            found = msgspec.json.decode(path.read_bytes())["owner"]
        ending.join()

    assert found == "bob"


def test_the_lock_leaves_no_file_and_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "locks"

    with held(URL, directory) as path:
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (directory, path)]

    assert modes == [0o700, 0o600]
    assert list(directory.iterdir()) == []


def test_the_lock_is_freed_by_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyError), held(URL, tmp_path / "locks"):
        raise KeyError

    with held(URL, tmp_path / "locks") as path:
        assert path.exists()


def test_two_servers_have_two_locks(tmp_path: Path) -> None:
    with holder(URL, tmp_path / "locks"), held("https://other.example.org", tmp_path / "locks") as path:
        assert path.name == lock_name("https://other.example.org")


def test_one_server_has_one_lock_however_its_url_is_written() -> None:
    names = {lock_name(each) for each in (URL, f"{URL}/", "https://MAIL.example.org:443", "HTTPS://mail.example.org")}

    (name,) = names
    assert re.fullmatch(r"[0-9a-f]{64}\.lock", name)
    assert {lock_name("http://mail.example.org"), lock_name(f"{URL}:8443"), lock_name(f"{URL}/a")}.isdisjoint(names)


def test_only_one_of_many_processes_holds_the_lock(tmp_path: Path) -> None:
    count = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from reconciler.apply.lock import hold
file = Path(sys.argv[2]).parent / "count"
for _ in range(20):
    with hold(
        sys.argv[1], owner="a", host="b", now=lambda: datetime.now(UTC), directory=Path(sys.argv[2]), wait_seconds=60
    ):
        number = int(file.read_text())
        file.write_text(str(number + 1))
"""
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", count, URL, str(tmp_path / "locks")]

    processes = [subprocess.Popen(command) for _ in range(3)]
    codes = [process.wait() for process in processes]

    assert codes == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "60"


def test_a_directory_that_others_may_write_in_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "locks"
    directory.mkdir()
    directory.chmod(0o770)

    with pytest.raises(ReconcilerError, match="others may write") as raised, held(URL, directory):
        pass

    assert raised.value.hint == f"chmod 700 {directory}"


def test_a_link_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "locks").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ReconcilerError, match="is no directory"), held(URL, tmp_path / "locks"):
        pass

    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "locks"
    directory.mkdir(mode=0o700)
    os.chown(directory, 65534, 65534)

    with pytest.raises(ReconcilerError, match="belongs to user 65534"), held(URL, directory):
        pass


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "locks"
    directory.mkdir(mode=0o700)
    (directory / lock_name(URL)).symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("kept")

    with pytest.raises(ReconcilerError, match="cannot be used"), held(URL, directory):
        pass

    assert (tmp_path / "precious").read_text() == "kept"


def test_locks_are_in_the_runtime_directory_or_the_temporary_one(tmp_path: Path) -> None:
    name = f"reconciler-{os.getuid()}"

    places = [lock_directory({"XDG_RUNTIME_DIR": each}) for each in (str(tmp_path), "relative", "/no/such/place", "")]

    assert places[0] == tmp_path / name
    assert {place.name for place in places} == {name}
    assert len({*places[1:]}) == 1
    assert places[1].parent.is_dir()


def test_an_unreadable_lock_file_still_says_busy(tmp_path: Path) -> None:
    directory = tmp_path / "locks"
    with holder(URL, directory):
        (directory / lock_name(URL)).write_text("not json")

        with pytest.raises(Busy) as raised, held(URL, directory):
            pass

    assert raised.value.message == f"another run holds the lock on {URL}"
