"""Files as commands write them: whole, or not at all.

Law: what stood in a file's place is there until all of the new text is; nobody else's file is taken over.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from reconciler.values import ReconcilerError, UsageError, read_file, replace_file


def check_plain(path: Path) -> None:
    """Check that a path is free or holds a plain file, so that nothing else is replaced.

    Raises:
        UsageError: it is a link, a directory, a device or a pipe.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        message = "a link" if stat.S_ISLNK(mode) else "a directory" if stat.S_ISDIR(mode) else "no plain file"
        raise UsageError(f"{path} is {message}, and is not written over", "name a plain file; - is standard output")


def holds(path: Path, content: bytes) -> bool:
    """Whether a file holds this content and no more.

    Raises:
        ReconcilerError: it cannot be read.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be read: {error.strerror}") from None
    return size == len(content) and read_file(path) == content


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, and its directories, in one step; a link is followed, and an old file's mode and owner stay.

    Another name of an old file (a hard link) keeps what it held.

    Raises:
        ReconcilerError: it cannot be written, or would no longer belong to whom it belongs.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        old = target.stat() if target.exists() else None
        if old is not None and not stat.S_ISREG(old.st_mode):
            raise ReconcilerError(f"{path} cannot be written: it is no plain file")
        if old is not None and not os.access(target, os.W_OK):
            # It could be replaced all the same, by whoever may write to its directory.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        def give(file: Path) -> None:
            if old is not None:
                _give(file, old)
            file.chmod(old.st_mode & 0o7777 if old else 0o666 & ~_umask())

        replace_file(target, content, give)
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be written: {error.strerror}") from None


def _give(path: Path, old: os.stat_result) -> None:
    """Give a file to the owner of an old one, and as far as that is possible to its group."""
    new = path.stat()
    if new.st_uid != old.st_uid:
        os.chown(path, old.st_uid, -1)
    if new.st_gid != old.st_gid:
        with suppress(PermissionError):
            os.chown(path, -1, old.st_gid)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
