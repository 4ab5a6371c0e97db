"""The rim of saved plans and results: a file that only its owner can read, written whole or not at all.

Law: bytes only; what they mean is judged elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.plan.saved.document import MAX_BYTES
from reconciler.values import ConfigError, ReconcilerError, replace_file


def write(path: Path, content: bytes) -> None:
    """Write a file so that only its owner can read it, and durably: there is all of it or nothing.

    Raises:
        ReconcilerError: it cannot be written.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be written: {error.strerror}") from None


def read(path: Path, most: int = MAX_BYTES, hint: str = "") -> bytes:
    """Read a saved plan, or another file of at most so many bytes; `hint` says what to do about one too large.

    Raises:
        ConfigError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise ConfigError(f"{path} is larger than {most >> 20} MB", hint)
    return content
