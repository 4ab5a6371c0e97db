"""The sandbox behind a socket: HTTP/1.1 with connections kept alive, one thread for each.

Law: nothing is decided here; bytes become a call of `Sandbox.handle`, and its reply becomes bytes.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, TypeVar

from reconciler.sandbox.accounts import Limits
from reconciler.sandbox.reply import ConnectionClosed, Reply, problem
from reconciler.sandbox.sandbox import Sandbox

_CHUNK = 65_536
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Served(Protocol):
    """What answers requests behind a socket."""

    limits: Limits
    url: str

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", peer: str = "127.0.0.1"
    ) -> Reply:
        """Answer one request."""

    def end_delays(self) -> None:
        """Close the connections that are delayed on purpose."""

    def close(self) -> None:
        """Let go of what is held."""


S = TypeVar("S", bound=Served)


class _BadBody(Exception):
    """A body that is not framed as HTTP asks."""


class _Connection(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        """Read a request, of whatever method, and write its reply."""
        try:
            self.raw_requestline = self.rfile.readline(_CHUNK + 1)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if len(self.raw_requestline) > _CHUNK:
                self.requestline = self.request_version = self.command = ""
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
                return
            if self.parse_request():
                self._answer()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _answer(self) -> None:
        try:
            body = self._body()
            # Of a header that is given twice the last counts; nobody sends such a request on purpose.
            reply = self.server.sandbox.handle(
                self.command, self.path, dict(self.headers.items()), body, self.client_address[0]
            )
        except ConnectionClosed:
            self.close_connection = True
            return
        except _BadBody:
            self.close_connection = True
            reply = problem(400, title="Bad Request", detail="The request body cannot be read.")
        self._write(reply)

    def _body(self) -> bytes:
        """Read the body; of one that is too large no more than shows that it is."""
        most = self.server.sandbox.limits.max_size_upload
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks(most)
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise _BadBody
        wanted = int(length)
        if wanted > most:
            self.close_connection = True
            wanted = most + 1
        body = self.rfile.read(wanted)
        if len(body) < wanted:
            raise ConnectionError
        return body

    def _chunks(self, most: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            line = self.rfile.readline(_CHUNK)
            try:
                length = int(line.partition(b";")[0], 16)
            except ValueError:
                raise _BadBody from None
            if length < 0:
                raise _BadBody
            if not length:
                break
            size += length
            if size > most:
                self.close_connection = True
                return b"".join(pieces) + bytes(most + 1 - sum(len(piece) for piece in pieces))
            pieces.append(self.rfile.read(length))
            self.rfile.readline(3)
        while self.rfile.readline(_CHUNK).strip():
            pass
        return b"".join(pieces)

    def _write(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines.append(f"Date: {self.date_time_string()}")
        if reply.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(reply.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head if self.command == "HEAD" else head + reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that the base class gives it
        """Say nothing: a request may hold secrets."""


class _Server(ThreadingHTTPServer):
    """Keeps hold of its connections, so that closing it ends them all."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Served) -> None:
        self.sandbox = sandbox
        #: What went wrong in the sandbox itself.
        self.failures: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Connection)
        host, port = self.server_address[:2]
        name = f"[{address[0]}]" if ":" in address[0] else address[0]
        sandbox.url = f"http://{name if host else '127.0.0.1'}:{port}"

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a connection."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep a failure of the sandbox itself, so that it is not mistaken for a dropped connection."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.failures.append(error)

    def end(self) -> None:
        """Close the socket and every connection, and wait for their threads."""
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.sandbox.end_delays()
        self.server_close()
        self.sandbox.close()


@contextmanager
def serve(
    host: str = "127.0.0.1", port: int = 0, database: Path | str | None = None, **options: Any
) -> Iterator[Sandbox]:
    """Run a sandbox in a thread of this process, for as long as the block lasts.

    The options are those of `Sandbox`. With port 0 the system picks one; `url` of the sandbox says which. A failure of
    the sandbox itself is raised at the end of the block.

        import httpx
        import pytest
        from reconciler.sandbox import parse_fault, serve

        @pytest.fixture
        def server():
            with serve(faults=[parse_fault("status=503,nth=1")]) as sandbox:
                yield sandbox

        def test_my_manifests(server):
            reply = httpx.get(server.url + "/jmap/session", auth=("admin", "secret"))

            assert reply.json()["username"] == "admin"
            assert server.state()["writes"] == 0
    """
    with serve_many(Sandbox(database=database, **options), host, port) as sandbox:
        yield sandbox


@contextmanager
def serve_many(served: S, host: str = "127.0.0.1", port: int = 0) -> Iterator[S]:
    """Run whatever answers as a sandbox does, such as many of them behind one address, as long as the block lasts."""
    server = _Server((host, port), served)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox")
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.end()
        if server.failures:
            raise server.failures[0]


@contextmanager
def serve_nodes(
    count: int, *, coordinator: str = "Disabled", seconds: float = 0.15, **options: Any
) -> Iterator[list[Sandbox]]:
    """Run several sandboxes on one store, each behind an address of its own.

    Args:
        count: how many nodes.
        coordinator: how they hear of each other's reloads: `Disabled` (not at all), or `Redis`.
        seconds: how long such news is on its way.
        options: those of `serve`; the port is the first node's, and the others take free ones.
    """
    with ExitStack() as stack:
        first = stack.enter_context(serve(**options, node="node-0"))
        first.registry.cluster.coordinator, first.registry.cluster.seconds = coordinator, seconds
        shared = {name: value for name, value in options.items() if name not in ("port", "database", "schema", "queue")}
        others = [stack.enter_context(serve(**shared, node=f"node-{n}", beside=first)) for n in range(1, count)]
        stack.callback(first.registry.cluster.settle)
        yield [first, *others]
