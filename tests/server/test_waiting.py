"""A server that is only starting is waited for, and one that answers is not."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.sandbox import serve
from reconciler.server.connection import ConnectionOptions
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials
from reconciler.values.errors import NotAllowed, Unreachable
from tests.running import command, environment, write
from tests.server.test_jmap_client import SESSION, URL


def client(
    *answers: Any, wait: float = 60.0, timeout: float = 300.0, takes: float = 0.0
) -> tuple[Client, list[str], list[float], list[str]]:
    """Return a client whose server gives these answers and then its session; what it asks, sleeps and tells."""
    left, asked, slept, told = list(answers), list[str](), list[float](), list[str]()

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        time.sleep(takes if left else 0)
        answer = left.pop(0) if left else httpx.Response(200, json=SESSION)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    made = Client(
        URL,
        Credentials(token="t"),
        connection=ConnectionOptions(wait=wait, timeout=timeout),
        tell=told.append,
        transport=httpx.MockTransport(handle),
        sleep=slept.append,
    )
    return made, asked, slept, told


def test_a_server_that_starts_late_is_waited_for_over_real_sockets(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    ended = threading.Event()

    def start_later() -> None:
        time.sleep(0.5)
        with serve("127.0.0.1", port, user="admin", password="secret"):
            ended.wait(60)

    late = threading.Thread(target=start_later)
    late.start()
    manifests = write(tmp_path, r="kind: MtaRoute\nspec: {type: Local, name: local}\n")
    ran = command("plan", "--wait", "30s", str(manifests), env=environment(f"http://127.0.0.1:{port}"))
    ended.set()
    late.join()

    assert ran.code == 0
    assert ran.err.startswith(f"waiting up to 30 s for http://127.0.0.1:{port}: cannot be reached: ")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502),
        httpx.Response(503, headers={"retry-after": "1"}),
        httpx.ConnectError("[Errno 111] Connection refused"),
        httpx.ConnectError("[Errno -2] Name or service not known"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
    ],
    ids=lambda answer: str(getattr(answer, "status_code", answer)),
)
def test_a_server_that_is_starting_is_asked_again(answer: Any) -> None:
    made, asked, slept, told = client(answer, answer)

    with made:
        session = made.session()

    assert session.username == "admin"
    assert asked == ["/jmap/session"] * 4
    assert slept == [2.0, 2.0]
    assert len(told) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_says_no_is_not_waited_for(status: int) -> None:
    made, asked, slept, _ = client(httpx.Response(status))

    with made, pytest.raises((NotAllowed, Unreachable)):
        made.session()

    assert (asked, slept) == (["/jmap/session"], [])


def test_a_server_that_never_starts_is_given_up() -> None:
    refused = httpx.ConnectError("[Errno 111] Connection refused")
    made, _, slept, _ = client(*[refused] * 100_000, wait=0.05)

    with made, pytest.raises(Unreachable) as raised:
        made.session()

    assert raised.value.message == (
        f"{URL}/jmap/session: cannot be reached: the connection is refused; nothing listens there, "
        "after 0.05 s of waiting"
    )
    assert slept


def test_waiting_does_not_count_towards_the_deadline() -> None:
    made, asked, _, _ = client(*[httpx.ConnectError("refused")] * 3, timeout=2.0, takes=0.7)

    with made:
        session = made.session()

    assert session.username == "admin"
    assert len(asked) == 5
