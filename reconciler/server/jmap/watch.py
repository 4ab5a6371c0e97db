"""Ends connections at a deadline, or as soon as nobody waits for them, whatever is still coming through them.

Law: httpx bounds the wait for each piece of an answer; a header that drips, or early answers without an end, have
pieces without number. What is cut off here shows as a broken connection.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import Any

#: Steps of httpcore that end with a new stream.
_OPENED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Watch:
    """The sockets of one client."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        #: Set while nobody waits for an answer any more; what sleeps before another try sleeps on it.
        self.given_up = Event()

    def trace(self, step: str, details: Mapping[str, Any]) -> None:
        """Take note of a new connection; this is what httpx calls a trace."""
        if step.endswith(_OPENED) and (opened := details["return_value"].get_extra_info("socket")) is not None:
            self._sockets.append(opened)
            if self.given_up.is_set():
                self._cut()

    @contextmanager
    def until(self, seconds: float) -> Iterator[None]:
        """Cut every connection off, unless what is done here ends within a time."""
        timer = Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def give_up(self) -> None:
        """Cut every connection off, and those that are still being opened."""
        self.given_up.set()
        self._cut()

    def _cut(self) -> None:
        for opened in self._sockets:
            with suppress(OSError):
                # Not the method of an encrypted socket, which would take its state from under whoever reads.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)
