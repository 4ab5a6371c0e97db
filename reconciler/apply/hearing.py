"""Signals that ask a run to stop.

Law: what was begun is finished and told; nothing dies half way.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def signals(heard: Callable[[int], None] = lambda _: None) -> Iterator[list[int]]:
    """Note SIGINT and SIGTERM instead of dying of them.

    A thread is sent none: whoever started it notes them, and begins nothing more.

    Args:
        heard: called with each as it comes, between two steps of whatever runs; what it raises ends that.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)
        # A stream that was just being written to takes nothing now.
        with suppress(RuntimeError):
            heard(number)

    old = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, previous in old.items():
            signal.signal(number, previous)
