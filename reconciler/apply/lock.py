"""One apply at a time per server and user: a file that the running apply holds locked.

Law: the kernel holds the lock and lets go of it with the process, however that ends; what stands in the file only says
whose it is. Nothing is trusted in a directory that somebody else could have made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from reconciler.values import Busy, ReconcilerError, read_file

#: Seconds between two tries while waiting.
PAUSE = 0.1
#: More of a lock file is not read.
_LONGEST = 4096


class Holder(Struct, frozen=True):
    """Who holds a lock: what the lock's file says."""

    owner: str
    host: str
    pid: int
    #: In UTC, as ISO 8601.
    started: str


def lock_directory(environment: Mapping[str, str]) -> Path:
    """Return where this user's locks are: in `$XDG_RUNTIME_DIR`, or in the temporary directory."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    place = runtime if Path(runtime).is_absolute() and Path(runtime).is_dir() else tempfile.gettempdir()
    return Path(place) / f"reconciler-{os.getuid()}"


def lock_name(url: str) -> str:
    """Return the name of a server's lock file: a hash of its URL, however that is written."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    plain = f"{parts.scheme}://{parts.hostname or ''}:{parts.port or default}{parts.path.rstrip('/')}"
    return hashlib.sha256(plain.encode()).hexdigest() + ".lock"


@contextmanager
def hold(
    url: str,
    *,
    owner: str,
    host: str,
    now: Callable[[], datetime],
    directory: Path | None = None,
    wait_seconds: float = 0,
    waits: Callable[[str], None] = lambda _: None,
) -> Iterator[Path]:
    """Hold the lock of a server, and yield its file.

    Args:
        url: the server's.
        owner: who runs this, for whoever has to wait.
        host: where.
        now: the time, in UTC.
        directory: where the lock is; that of `lock_directory` unless given.
        wait_seconds: how long to wait for another run to end.
        waits: told once that there is one, and whose it is.

    Raises:
        Busy: another run holds it.
        ReconcilerError: the directory is not ours alone, or cannot be used.
    """
    place = directory or lock_directory(os.environ)
    path = place / lock_name(url)
    until = time.monotonic() + wait_seconds
    try:
        _own(place)
        announced = False
        while (file := _take(path)) is None:
            if time.monotonic() >= until:
                raise _busy(url, path, now())
            if not announced:
                waits(_busy(url, path, now()).message)
            announced = True
            time.sleep(min(PAUSE, max(until - time.monotonic(), 0)))
        try:
            holder = Holder(owner, host, os.getpid(), now().astimezone(UTC).isoformat(timespec="seconds"))
            os.ftruncate(file, 0)
            os.pwrite(file, msgspec.json.encode(holder) + b"\n", 0)
        except BaseException:
            os.close(file)
            raise
    except OSError as error:
        raise ReconcilerError(f"the lock {path} cannot be used: {error.strerror}") from None
    try:
        yield path
    finally:
        # The name goes first: whoever opened this file meanwhile finds that it is no longer the lock.
        path.unlink(missing_ok=True)
        os.close(file)


def _own(directory: Path) -> None:
    """Make the directory, or see that it is ours and nobody else's."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    stat_result = directory.lstat()
    if not stat.S_ISDIR(stat_result.st_mode):
        raise ReconcilerError(f"{directory} is no directory, and locks belong there", "see who put it there")
    if stat_result.st_uid != os.getuid():
        raise ReconcilerError(
            f"{directory} belongs to user {stat_result.st_uid}, so that its locks cannot be trusted",
            "set XDG_RUNTIME_DIR to a directory of your own",
        )
    if stat_result.st_mode & 0o022:
        raise ReconcilerError(
            f"others may write in {directory}, so that its locks cannot be trusted", f"chmod 700 {directory}"
        )


def _take(path: Path) -> int | None:
    """Return the open file of the lock, locked; None while another process holds it."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        try:
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            try:
                file = os.open(path, flags)
            except FileNotFoundError:
                # Its holder ended between the two.
                continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        except BaseException:
            os.close(file)
            raise
        if _still(path, file):
            return file
        os.close(file)


def _still(path: Path, file: int) -> bool:
    """Whether an open file is still the one of that name, and not one whose holder has just let go of it."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _busy(url: str, path: Path, now: datetime) -> Busy:
    hint = "try again when that run has ended"
    try:
        holder = msgspec.json.decode(read_file(path, most=_LONGEST), type=Holder)
        started = datetime.fromisoformat(holder.started)
        seconds = max(int((now - started).total_seconds()), 0)
    except (ReconcilerError, ValueError, TypeError, msgspec.DecodeError):
        # Between making the file and writing it, or between its end and ours.
        return Busy(f"another run holds the lock on {url}", hint)
    return Busy(
        f"another run holds the lock on {url}: {holder.owner} on {holder.host}, process {holder.pid}, "
        f"for {_age(seconds)}",
        hint,
    )


def _age(seconds: int) -> str:
    """Print an age as people tell it: `45s`, `2m5s`, `3h0m`."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minute}m"
    return f"{minute}m{second}s" if minute else f"{second}s"
