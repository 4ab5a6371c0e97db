"""A request as a log tells of it: its methods, counts, bytes and attempts.

Law: never a body, nor a part of one.
"""

from __future__ import annotations

from typing import NamedTuple

from reconciler.server.jmap.protocol import Request


class Sent(NamedTuple):
    """One request that is about to be sent."""

    #: `session`, `read`, `write` or `reload`.
    phase: str = "session"
    methods: str = ""
    calls: int = 0
    #: Of its body.
    size: int = 0
    #: From 1.
    attempt: int = 1

    def fields(self) -> dict[str, str | int]:
        """Return what a log for programs holds of it."""
        fields = self._asdict()
        return {**fields, "bytes": fields.pop("size")}

    def __str__(self) -> str:
        return f" {self.methods} (calls: {self.calls}, bytes: {self.size})" if self.methods else ""


#: The request for a session, or for another of the server's pages.
SESSION = Sent()


def sent_of(request: Request, size: int) -> Sent:
    """Return a request with method calls as a log tells of it.

    Args:
        request: what is sent.
        size: bytes of its body.
    """
    methods = ", ".join(dict.fromkeys(call.method for call in request.calls))
    phase = "read" if not request.writes else "reload" if methods == "x:Action/set" else "write"
    return Sent(phase, methods, len(request.calls), size)
