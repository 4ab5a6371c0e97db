"""Files that are read whole up to a bound, and written whole or not at all.

Law: the only place that opens a file that is not the program's own, and the only one that puts a file in the place of
another; no read waits for a writer, and what is written is on the disk before it gets its name.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reconciler.values.errors import ReconcilerError

#: Largest file that is read, in bytes, where a smaller bound is not known.
MAX_FILE = 256 * 1024 * 1024
#: Bytes that are asked for at once where the size is not known.
_CHUNK = 64 * 1024


def read_file(
    path: Path | str,
    error: type[ReconcilerError] = ReconcilerError,
    *,
    most: int = MAX_FILE,
    name: str = "",
    hint: str = "",
    pipe: bool = False,
) -> bytes:
    """Read a whole file.

    Args:
        path: a regular file, or a link to one.
        error: what is raised, and so the exit code.
        most: bytes that it may hold.
        name: what messages call the file; its path if "".
        hint: what to do about a file that is too large.
        pipe: a pipe is read too, as a shell makes one of `<(command)`.

    Raises:
        ReconcilerError: of the class `error`: there is no such file, it cannot be read, or it holds more.
    """
    name = name or str(path)
    too_large = error(f"{name} is larger than {most >> 20 or most >> 10} {'MB' if most >> 20 else 'KB'}", hint)
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as stream:
            status = os.fstat(stream.fileno())
            if pipe and stat.S_ISFIFO(status.st_mode):
                os.set_blocking(stream.fileno(), True)
            elif not stat.S_ISREG(status.st_mode):
                raise error(f"{name} is no regular file")
            if status.st_size > most:
                raise too_large
            content = stream.read(status.st_size + 1)
            # A pipe has no size, and a file may have grown.
            while len(content) <= most and (more := stream.read(max(len(content), _CHUNK))):
                content += more
    except OSError as why:
        raise error(f"{name} cannot be read: {why.strerror}") from None
    except ValueError:
        raise error(f"{name} cannot be read: no file can have this name") from None
    if stat.S_ISFIFO(status.st_mode) and not content:
        raise error(f"{name} is a pipe, and nobody writes to it")
    if len(content) > most:
        raise too_large
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe without a writer is not waited for, and has nothing to read."""
    return os.open(path, flags | os.O_NONBLOCK)


def replace_file(
    path: Path, content: bytes, finish: Callable[[Path], None] = lambda _: None, *, durable: bool = True
) -> None:
    """Write a file that only its owner can read, and give it its name last.

    Args:
        path: the file; its directory exists.
        content: all that it shall hold.
        finish: is given the new file before it has its name, such as to hand it to another owner.
        durable: whether to wait until it is on the disk; what may be lost in a power cut, or found torn, need not be.

    Raises:
        OSError: it cannot be written; what stood there before still does.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        finish(Path(temporary))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    if not durable:
        return
    # The name too shall outlive a power cut; a directory that may be written to and not be read cannot be asked for it.
    with suppress(PermissionError):
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
