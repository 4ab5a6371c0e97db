"""The rim of saved plans and results: a file that only its owner can read, written whole or not at all.

Law: bytes only; what they mean is judged elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.values import ReconcilerError, replace_file


def write(path: Path, content: bytes) -> None:
    """Write a file so that only its owner can read it, and durably: there is all of it or nothing.

    Raises:
        ReconcilerError: it cannot be written.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be written: {error.strerror}") from None
