"""Files that are written whole or not at all: whoever reads one meets the old content or the new one.

Law: the only place that puts a file in the place of another; the content is on the disk before it gets the name.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes, finish: Callable[[Path], None] = lambda _: None) -> None:
    """Write a file that only its owner can read, and give it its name last, durably.

    Args:
        path: the file; its directory exists.
        content: all that it shall hold.
        finish: is given the new file before it has its name, such as to hand it to another owner.

    Raises:
        OSError: it cannot be written; what stood there before still does.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        finish(Path(temporary))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    # The name too shall outlive a power cut; a directory that may be written to and not be read cannot be asked for it.
    with suppress(PermissionError):
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
