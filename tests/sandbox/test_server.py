"""The sandbox behind a socket, and what survives the death of its process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reconciler.sandbox import Limits, Sandbox, parse_fault, serve
from tests.talk import USING, Talk

SERVER = """
import sys, threading
from reconciler.sandbox import serve
with serve(database=sys.argv[1]) as sandbox:
    print(sandbox.url, flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


class Wire:
    """One connection to a server."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
        self.headers = Talk().headers

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        given = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, given, encode_chunked="Transfer-Encoding" in given)
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def call(self, method: str, **arguments: Any) -> Any:
        body = json.dumps({"using": USING, "methodCalls": [[method, arguments, "0"]]})
        return json.loads(self.send("POST", "/jmap/", body)[1])["methodResponses"][0][1]

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def wire(server: Sandbox) -> Iterator[Wire]:
    with closing(Wire(server.url)) as connection:
        yield connection


def raw(server: Sandbox, content: bytes) -> bytes:
    """Send bytes, close the sending side, and return everything that comes back."""
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()


def test_connection_is_kept_for_many_requests(wire: Wire) -> None:
    assert wire.send("GET", "/healthz/live")[0] == 200
    first = wire.connection.sock

    assert len(wire.call("x:MtaRoute/query")["ids"]) == 2
    assert wire.send("GET", "/nowhere")[0] == 404
    assert wire.connection.sock is first


def test_state_is_told_over_http(server: Sandbox, wire: Wire) -> None:
    wire.call("x:MtaRoute/set", create={"a": {"@type": "Mx", "name": "new"}})

    (status, body) = wire.send("GET", "/sandbox")

    assert (status, json.loads(body)) == (200, server.state())
    assert server.state()["writes"] == 1
    assert wire.send("GET", "/sandbox", Authorization="")[0] == 401


def test_pipelined_requests_are_answered_in_order(server: Sandbox) -> None:
    one = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = raw(server, one + two + one)

    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"204", b"200"]


def test_unauthorized_answer_has_two_challenges(server: Sandbox) -> None:
    answer = raw(server, b"POST /jmap HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert answer.count(b"\r\nWWW-Authenticate: ") == 2


def test_head_has_no_body(server: Sandbox) -> None:
    answer = raw(server, b"HEAD /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.endswith(b"\r\n\r\n")


def test_body_may_come_in_chunks(wire: Wire) -> None:
    pieces = [b'{"using":[],"meth', b'odCalls":[]}']

    (status, body) = wire.send("POST", "/jmap", iter(pieces), Transfer_Encoding="chunked")

    assert (status, json.loads(body)["methodResponses"]) == (200, [])


@pytest.mark.parametrize("header", ["Content-Length: x", "Content-Length: -1", "Transfer-Encoding: chunked"])
def test_body_without_a_sensible_frame_is_refused(server: Sandbox, header: str) -> None:
    answer = raw(server, f"POST /jmap HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\nnonsense".encode())

    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("frame", "body"),
    [
        ("Content-Length: 2000", b" " * 2000),
        ("Transfer-Encoding: chunked", (b"384\r\n" + b" " * 900 + b"\r\n") * 3 + b"0\r\n\r\n"),
    ],
)
def test_body_above_all_limits_is_not_read(frame: str, body: bytes) -> None:
    head = f"POST /jmap HTTP/1.1\r\nHost: x\r\nAuthorization: {Talk().headers['Authorization']}\r\n{frame}\r\n\r\n"
    with serve(limits=Limits(max_size_request=100, max_size_upload=1000)) as server:
        # In one piece, since the server closes without waiting for more.
        answer = raw(server, head.encode() + body)

    status, _, rest = answer.partition(b" Bad Request\r\n")
    assert (status, json.loads(rest.partition(b"\r\n\r\n")[2])["limit"]) == (b"HTTP/1.1 400", "maxSizeRequest")


def test_compressed_request_is_not_understood(wire: Wire) -> None:
    assert wire.send("POST", "/jmap", b"\x1f\x8b\x08\x00", Content_Encoding="gzip")[0] == 400


def test_crash_of_the_server_closes_the_connection(server: Sandbox, wire: Wire) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        wire.call("x:MtaSts/set", update={"singleton": None})

    with closing(Wire(server.url)) as again:
        assert again.call("x:MtaSts/get", ids=["singleton"])["list"][0]["mode"] == "testing"


def test_request_that_ends_early_is_dropped(server: Sandbox) -> None:
    assert raw(server, b"POST /jmap HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}") == b""


def test_too_many_requests_at_a_time() -> None:
    limits = Limits(max_concurrent_requests=1)
    with serve(limits=limits, faults=[parse_fault("delay=400ms,nth=1")]) as server:
        slow = closing(Wire(server.url))
        with slow as first, closing(Wire(server.url)) as second:
            thread = threading.Thread(target=first.call, args=("x:MtaRoute/query",))
            thread.start()
            while not server.requests:
                pass
            replies = [second.send("POST", "/jmap", "{}")]
            while replies[-1][0] == 400 and b"maxConcurrentRequests" not in replies[-1][1]:
                replies.append(second.send("POST", "/jmap", "{}"))
            thread.join()

    assert json.loads(replies[-1][1])["limit"] == "maxConcurrentRequests"


def test_simultaneous_creates_of_one_name_have_one_winner(server: Sandbox) -> None:
    answers: list[Any] = []

    def create() -> None:
        with closing(Wire(server.url)) as wire:
            answers.append(wire.call("x:MtaRoute/set", create={"a": {"@type": "Mx", "name": "same"}}))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted("created" in answer for answer in answers) == [False] * 7 + [True]


def test_port_can_be_chosen_and_is_free_again() -> None:
    with serve() as first:
        port = urlsplit(first.url).port

    with serve(port=port or 0) as second:
        assert second.url == first.url


# ---- the database ----------------------------------------------------------------------------------------------


def test_everything_is_found_again(tmp_path: Path) -> None:
    database = tmp_path / "objects.db"
    with serve(database=database) as first:
        talk = Talk(first)
        new = talk.create(
            "MtaRoute", variant="Relay", name="r", address="a", authSecret={"@type": "Value", "secret": "x"}
        )
        talk.call("x:MtaRoute/set", destroy=[talk.call("x:MtaRoute/query", filter={"name": "mx"})["ids"][0]])
        assert talk.update("MtaSts", "singleton", mode="enforce") is None
        stored = first.state()["stored"]

    with serve(database=str(database)) as second:
        assert second.state()["stored"] == stored
        assert second.state()["live"] == stored
        again = Talk(second)
        later = again.create("MtaRoute", variant="Mx", name="later")
        assert again.call("x:MtaRoute/query", limit=500, calculateTotal=True)["ids"][:2] == [later, new]
        assert again.refusal("MtaRoute", variant="Mx", name="r")["type"] == "primaryKeyViolation"


def test_kinds_that_were_emptied_are_filled_again_at_the_start(tmp_path: Path) -> None:
    first = Talk(Sandbox(database=tmp_path / "db"))
    for kind in ("MtaRoute", "MtaInboundThrottle", "MtaDeliverySchedule"):
        first.call(f"x:{kind}/set", destroy=first.call(f"x:{kind}/query")["ids"])
    first.call("x:MtaVirtualQueue/set", destroy=["a"])
    first.sandbox.close()

    second = Talk(Sandbox(database=tmp_path / "db"))

    assert [route["name"] for route in second.call("x:MtaRoute/get")["list"]] == ["mx", "local"]
    assert len(second.call("x:MtaInboundThrottle/get")["list"]) == 2
    assert [queue["name"] for queue in second.call("x:MtaVirtualQueue/get")["list"]] == ["remote", "dsn", "report"]
    assert [each["name"] for each in second.call("x:MtaDeliverySchedule/get")["list"]] == ["remote", "dsn"]


def kill_and_compare(database: Path, kills: int) -> None:
    """Write without a pause, kill the server in the middle, and look for every write that it had confirmed."""
    confirmed: set[str] = set()
    for round_ in range(kills):
        arguments = [sys.executable, "-c", SERVER, str(database)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            timer = threading.Timer(0.02 + 0.13 * (round_ % 7) / 7, process.send_signal, [signal.SIGKILL])
            timer.start()
            with closing(Wire(url)) as wire:
                try:
                    for number in range(1_000_000):
                        names = [f"{round_}-{number}-{member}" for member in range(3)]
                        creates = {name: {"@type": "Mx", "name": name} for name in names}
                        confirmed.update(wire.call("x:MtaRoute/set", create=creates)["created"])
                except (OSError, http.client.HTTPException):
                    pass
            timer.join()
    sandbox = Sandbox(database=database)
    stored = {route["name"] for route in sandbox.state()["stored"]["x:MtaRoute"]}
    sandbox.close()

    assert confirmed - stored == set()
    assert confirmed


def test_confirmed_writes_survive_a_kill(tmp_path: Path) -> None:
    kill_and_compare(tmp_path / "db", 5)


@pytest.mark.slow
def test_confirmed_writes_survive_fifty_kills(tmp_path: Path) -> None:
    kill_and_compare(tmp_path / "db", 50)
