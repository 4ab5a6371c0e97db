"""The rim of the journal: a file that only its owner can read, opened, appended to and forced to the disk.

Law: `begin` returns only once the disk has the record; a later line that cannot be written never ends an apply.
"""

from __future__ import annotations

import errno
import getpass
import os
import socket
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

import msgspec

from reconciler.apply.journal.records import Begin, Results, end_record
from reconciler.apply.journal.run import RecordedResult, Who
from reconciler.values import ConfigError, Outcome, Result


def whoami() -> Who:
    """Return who runs this process, and where."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        user = str(os.getuid())
    return Who(user, socket.gethostname(), os.getpid())


class Journal:
    """The journal of one run.

    Args:
        path: the file; it and its directory are made where they are not. None writes nothing.
        clock: now, in UTC, as ISO 8601.
    """

    def __init__(self, path: Path | None, clock: Callable[[], str]) -> None:
        self._path = path
        self.path = path or Path()
        self.run = ""
        #: Why a line could not be written after the run had begun, or "".
        self.broken = ""
        self._clock = clock
        self._file = -1
        self._planned = 0
        self._early: list[Result] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def prepare(self) -> None:
        """Make the directory, and see that nobody else may write there.

        Raises:
            ConfigError: it cannot be made, or others may write in it: a journal is what rollback trusts.
        """
        if self._path is None:
            return
        try:
            for directory in reversed((self.path.parent, *self.path.parent.parents)):
                # Not `parents=True`, which would leave those in between open to others.
                if not directory.exists():
                    directory.mkdir(mode=0o700, exist_ok=True)
            status = self.path.parent.stat()
            if not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        except OSError as error:
            raise self._unwritable(error) from None
        if status.st_uid not in (os.getuid(), 0) or status.st_mode & 0o022:
            message = f"others may write in {self.path.parent}, so that a journal there cannot be trusted"
            raise ConfigError(message, f"chmod go-w {self.path.parent}, choose another directory, or --journal off")

    def _unwritable(self, error: OSError) -> ConfigError:
        reason = error.strerror or str(error)
        hint = "choose another directory, or --journal off"
        return ConfigError(f"the journal {self.path} cannot be written: {reason}", hint)

    def begin(self, record: Begin) -> None:
        """Write what is about to be done, and return once the disk has it.

        Args:
            record: what `begin_record` made.

        Raises:
            ConfigError: it cannot be written; nothing must be applied then.
        """
        self.prepare()
        if self._path is None:
            return
        self.run, self._planned = record.run, len(record.changes)
        try:
            new = self._open()
            self._write(msgspec.json.encode(record))
            os.fsync(self._file)
            if new:
                _sync_directory(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from None
        self.results(self._early)

    def tell(self, result: Result) -> None:
        """Write what became of one change; before the run begins, it is kept until then."""
        if self.run:
            self.results((result,))
        else:
            self._early.append(result)

    def results(self, results: Iterable[Result]) -> None:
        """Write what became of some changes of the plan."""
        recorded = [
            RecordedResult(result.change.number, result.result, result.id, result.because)
            for result in results
            if result.change.number < self._planned
        ]
        if recorded:
            self._append(msgspec.json.encode(Results(run=self.run, results=tuple(recorded))))

    def end(self, outcome: Outcome, code: int) -> None:
        """Write how the run ended.

        Args:
            outcome: what became of the plan.
            code: the exit code.
        """
        if self.run:
            self._append(msgspec.json.encode(end_record(self.run, self._clock(), code, outcome)), sync=True)

    def _append(self, line: bytes, *, sync: bool = False) -> None:
        try:
            self._write(line)
            if sync:
                os.fsync(self._file)
        except OSError as error:
            # What is under way must be finished: the journal is then one of a run that was interrupted.
            self.broken = error.strerror or str(error)

    def _open(self) -> bool:
        """Open the file for appending, and say whether it is new."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        status = os.fstat(self._file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        os.fchmod(self._file, 0o600)
        size = status.st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            # The last run died while it wrote; its line must not swallow ours.
            os.write(self._file, b"\n")
        return not size

    def _write(self, line: bytes) -> None:
        rest = memoryview(line + b"\n")
        while rest:
            rest = rest[os.write(self._file, rest) :]


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
