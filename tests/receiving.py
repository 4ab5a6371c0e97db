"""A web server of a few lines that notes what it is sent, for tests of what is told to others.

Law: it answers as a test says, and keeps every request in order.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct, field


class Received(Struct):
    """One request."""

    method: str
    path: str
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver(Struct):
    """Where the server is, what it was sent, and what it answers: the given statuses first, then 200 for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.requests]


@contextmanager
def receive(*statuses: int) -> Iterator[Receiver]:
    """Run the server in a thread for as long as the block lasts."""
    receiver = Receiver(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            type_ = self.headers.get("content-type", "")
            receiver.requests.append(Received(self.command, self.path, type_, body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = _any  # noqa: N815 - the names that the library calls

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
