"""Standard output and standard error as they may be: full, or set up for another alphabet.

Law: what is written is UTF-8 whoever is logged in, since programs read it too; a stream that takes no more is told of
once, and the interpreter does not try again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Any, NoReturn


def set_up() -> None:
    """Make both streams write UTF-8. What is no text, such as half of a surrogate pair, is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def writer(stream: Any) -> Callable[[str], None]:
    """Return what writes to a stream at once.

    It raises ReconcilerError where standard output cannot be written. That progress cannot be is no reason to stop.
    """

    def write(text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            # Whoever read us has gone; what is done goes on to its end, and its exit code is told all the same.
            give_up(stream)
            if stream is sys.stdout:
                raise
        except OSError as error:
            give_up(stream)
            if stream is sys.stdout:
                # `--help` needs none of it.
                from reconciler.values import ReconcilerError

                raise ReconcilerError(f"standard output cannot be written: {error.strerror}") from None

    return write


def width(stream: Any) -> int:
    """Return how many columns a terminal has; 0 where a stream is none, or does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return 0


def leave(code: int) -> NoReturn:
    """End the program now. Taking a large plan apart object by object would last as long as comparing it did.

    Nothing is left to be done: files, sockets and locks are closed by whoever opened them.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        code = code or 1
    os._exit(code)


def give_up(stream: Any) -> None:
    """Let what is left in a stream go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
