"""What the client makes of every kind of answer that a server can give."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from reconciler.server.connection import ConnectionOptions
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials, check_url
from reconciler.server.jmap.protocol import AnswerLost, Call, Flow, Limits, MethodError, Request, Response, Session
from reconciler.values.errors import Busy, NotAllowed, ReconcilerError, Unreachable, UsageError

URL = "https://mail.example.org"
SESSION = {
    "capabilities": {
        "urn:ietf:params:jmap:core": {
            "maxConcurrentRequests": 4,
            "maxCallsInRequest": 8,
            "maxObjectsInGet": 100,
            "maxObjectsInSet": 50,
            "maxSizeRequest": 1000,
        }
    },
    "primaryAccounts": {"urn:stalwart:jmap": "b"},
    "username": "admin",
}
READ = Request((Call("x:MtaRoute/get", {"ids": ["a"]}),))
WRITE = Request((Call("x:MtaRoute/set", {"destroy": ["a"]}),))
ANSWER = {"methodResponses": [["x:MtaRoute/get", {"list": []}, "0"]], "sessionState": "0"}

Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """Answers the session as it should, and each POST with the next of the given answers (the last one for ever)."""

    def __init__(self, *answers: httpx.Response | Exception, session: Any = SESSION) -> None:
        self.answers = list(answers)
        self.session = session
        self.posts: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[httpx.Headers] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        self.headers.append(request.headers)
        if request.url.path == "/jmap/session":
            return self.session if isinstance(self.session, httpx.Response) else httpx.Response(200, json=self.session)
        self.posts.append(json.loads(request.content))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, *, may_write: bool = False, timeout: float = 300.0) -> Client:
        return Client(
            URL,
            Credentials(user="admin", password="canary-password"),
            may_write=may_write,
            connection=ConnectionOptions(timeout=timeout),
            transport=httpx.MockTransport(self),
            sleep=self.slept.append,
        )


def once(request: Request) -> Flow[tuple[Response, ...]]:
    return (yield (request,))


def answered(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def test_session_is_fetched_once_and_read() -> None:
    server = Server(answered(ANSWER))

    with server.client() as client:
        sessions = [client.session(), client.session()]

    assert sessions == [Session("admin", Limits(4, 8, 100, 50, 1000, 5000), stalwart=True)] * 2
    assert server.paths == ["/jmap/session"]


def test_requests_go_to_the_jmap_endpoint_with_credentials_and_both_capabilities() -> None:
    server = Server(answered(ANSWER))

    with server.client() as client:
        responses = client.run(once(READ))

    assert responses == (Response(({"list": []},), "0"),)
    assert server.paths == ["/jmap/session", "/jmap/"]
    assert server.posts == [
        {
            "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"],
            "methodCalls": [["x:MtaRoute/get", {"ids": ["a"]}, "0"]],
        }
    ]
    assert server.headers[1]["authorization"] == "Basic YWRtaW46Y2FuYXJ5LXBhc3N3b3Jk"
    assert server.headers[1]["content-type"] == "application/json"


def test_a_token_is_sent_as_bearer() -> None:
    assert Credentials(token="API_x").header() == "Bearer API_x"


@pytest.mark.parametrize("token", ["canäry", "canary ", "can ary", "canary\x01", "canary\n"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        Credentials(token=token).header()

    assert "can" not in str(caught.value).replace("cannot", "")


def test_credentials_print_as_nothing() -> None:
    assert repr(Credentials(token="canary", user="u", password="canary")) == "(sensitive)"


def test_an_anonymous_session_means_that_nobody_is_logged_in() -> None:
    server = Server(answered(ANSWER), session={**SESSION, "username": "", "primaryAccounts": {}})

    with server.client() as client, pytest.raises(NotAllowed, match="knows no user by these credentials"):
        client.session()


def test_a_session_without_stalwart_is_another_server() -> None:
    server = Server(answered(ANSWER), session={**SESSION, "primaryAccounts": {}})

    with server.client() as client, pytest.raises(Unreachable, match="offers no urn:stalwart:jmap"):
        client.session()


def test_wrong_credentials_are_tried_once() -> None:
    server = Server(answered(ANSWER), session=httpx.Response(401))

    with server.client() as client, pytest.raises(NotAllowed, match="refuses these credentials"):
        client.session()

    assert server.paths == ["/jmap/session"]


def test_a_redirect_is_not_followed() -> None:
    moved = httpx.Response(307, headers={"location": "https://other.example.org/jmap/session?secret=1"})
    server = Server(answered(ANSWER), session=moved)

    with server.client() as client, pytest.raises(Unreachable, match=r"redirects to https://other\.example\.org \("):
        client.session()

    assert server.paths == ["/jmap/session"]


@pytest.mark.parametrize("content", [b"<html><body>login</body></html>", b"\n <!doctype html>"])
def test_a_web_page_is_no_answer(content: bytes) -> None:
    server = Server(httpx.Response(200, content=content))

    with server.client() as client, pytest.raises(Unreachable, match="web page"):
        client.run(once(READ))


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(200, content=b'{"methodResponses": [['),
    ],
)
def test_a_read_is_repeated_until_it_is_answered(failure: httpx.Response | Exception) -> None:
    server = Server(failure, failure, answered(ANSWER))

    with server.client() as client:
        responses = client.run(once(READ))

    assert responses == (Response(({"list": []},), "0"),)
    assert len(server.posts) == 3
    assert len(server.slept) == 2


def test_a_read_is_given_up_after_three_repeats() -> None:
    server = Server(httpx.Response(500))

    with server.client() as client, pytest.raises(Unreachable, match="the server answered 500"):
        client.run(once(READ))

    assert len(server.posts) == 4


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed"),
        httpx.Response(500),
        httpx.Response(200, content=b'{"methodResponses": [['),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"methodResponses": []}),
    ],
)
def test_a_write_whose_answer_is_lost_is_sent_once(failure: httpx.Response | Exception) -> None:
    server = Server(failure)

    with server.client(may_write=True) as client, pytest.raises(AnswerLost):
        client.run(once(WRITE))

    assert len(server.posts) == 1


def test_a_flow_may_go_on_after_a_lost_answer() -> None:
    server = Server(httpx.Response(500), answered(ANSWER))

    def flow() -> Flow[str]:
        try:
            yield (WRITE,)
        except AnswerLost as lost:
            yield (READ,)
            return str(lost)
        return ""

    with server.client(may_write=True) as client:
        told = client.run(flow())

    assert told == "the server answered 500"


def test_a_write_that_was_never_sent_is_repeated() -> None:
    server = Server(httpx.ConnectError("refused"), answered({"methodResponses": [["x:MtaRoute/set", {}, "0"]]}))

    with server.client(may_write=True) as client:
        responses = client.run(once(WRITE))

    assert responses == (Response(({},)),)
    assert len(server.posts) == 2


def test_a_reading_client_sends_no_write() -> None:
    server = Server(answered(ANSWER))

    with server.client() as client, pytest.raises(ReconcilerError, match="opened for reading"):
        client.run(once(WRITE))

    assert server.posts == []


def test_a_certificate_that_is_not_valid_is_not_tried_again() -> None:
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = "self-signed certificate"
    failure = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")
    failure.__cause__ = reason
    server = Server(failure)

    with server.client() as client, pytest.raises(Unreachable) as caught:
        client.run(once(READ))

    assert caught.value.message == f"{URL}/jmap/: the certificate is not valid: self-signed certificate"
    assert caught.value.hint.endswith("with --ca-bundle")
    assert len(server.posts) == 1


def test_a_limited_rate_is_waited_out() -> None:
    server = Server(answered({"title": "Too Many Requests"}, 429, **{"retry-after": "7"}), answered(ANSWER))

    with server.client() as client:
        client.run(once(READ))

    assert len(server.slept) == 1
    assert 7 <= server.slept[0] <= 8


def test_a_limited_rate_past_the_deadline_is_busy() -> None:
    server = Server(answered({"title": "Too Many Requests"}, 429, **{"retry-after": "60"}))

    with (
        server.client(timeout=30) as client,
        pytest.raises(Busy, match="limits the rate of requests, past the deadline"),
    ):
        client.run(once(READ))

    assert len(server.posts) == 1


def dripping(seconds: float) -> Iterator[bytes]:
    """Send an answer a byte at a time, and never end it."""
    while True:
        time.sleep(seconds)
        yield b"["


def test_an_answer_that_only_drips_is_given_up_at_the_deadline() -> None:
    server = Server(httpx.Response(200, content=dripping(0.01)))
    started = time.monotonic()

    with server.client(timeout=0.3) as client, pytest.raises(Unreachable, match="bytes of the answer came, past the"):
        client.run(once(READ))

    assert time.monotonic() - started < 5


def test_it_is_unknown_what_a_write_did_whose_answer_only_drips() -> None:
    server = Server(httpx.Response(200, content=dripping(0.01)))

    with server.client(may_write=True, timeout=0.3) as client, pytest.raises(AnswerLost, match="bytes of the answer"):
        client.run(once(WRITE))


def test_time_that_a_person_takes_to_answer_does_not_count() -> None:
    server = Server(answered(ANSWER))

    with server.client(timeout=0.2) as client:
        with client.paused():
            time.sleep(0.3)
        responses = client.run(once(READ))

    assert responses == (Response(({"list": []},), "0"),)


def test_too_many_failed_logins_are_not_waited_out() -> None:
    server = Server(answered({"title": "Too Many Authentication Attempts"}, 429))

    with server.client() as client, pytest.raises(NotAllowed, match="counts too many failed logins"):
        client.run(once(READ))


def test_too_many_requests_at_once_are_repeated_even_if_they_write() -> None:
    limited = answered({"type": "urn:ietf:params:jmap:error:limit", "limit": "maxConcurrentRequests"}, 400)
    server = Server(limited, answered({"methodResponses": [["x:MtaRoute/set", {}, "0"]]}))

    with server.client(may_write=True) as client:
        client.run(once(WRITE))

    assert len(server.posts) == 2


def test_the_echo_of_a_refused_request_is_never_shown() -> None:
    echo = answered({"type": "urn:ietf:params:jmap:error:notRequest", "detail": "canary"}, 400)
    server = Server(echo)

    with server.client() as client, pytest.raises(ReconcilerError) as caught:
        client.run(once(READ))

    assert str(caught.value) == f"{URL}/jmap/ refuses the request: malformed (this is a fault of reconciler)"


@pytest.mark.parametrize(
    "responses",
    [
        [],
        [["x:MtaRoute/get", {}, "1"]],
        [["x:MtaRoute/get", {}, "0"], ["x:MtaRoute/get", {}, "0"]],
        ["x:MtaRoute/get"],
    ],
)
def test_an_answer_that_does_not_fit_the_calls_is_not_trusted(responses: list[Any]) -> None:
    server = Server(answered({"methodResponses": responses}))

    with server.client() as client, pytest.raises(Unreachable, match="cannot be trusted"):
        client.run(once(READ))


def test_a_method_error_is_a_result() -> None:
    server = Server(answered({"methodResponses": [["error", {"type": "forbidden", "description": "no"}, "0"]]}))

    with server.client() as client:
        responses = client.run(once(READ))

    assert responses == (Response((MethodError("forbidden", "no"),)),)


def test_requests_yielded_together_come_back_in_order() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jmap/session":
            return httpx.Response(200, json=SESSION)
        name, arguments, call = json.loads(request.content)["methodCalls"][0]
        return httpx.Response(200, json={"methodResponses": [[name, {"list": [{"id": arguments["ids"][0]}]}, call]]})

    requests = tuple(Request((Call("x:MtaRoute/get", {"ids": [str(n)]}),)) for n in range(9))

    def flow() -> Flow[tuple[Response, ...]]:
        return (yield requests)

    with Client(URL, Credentials(token="t"), transport=httpx.MockTransport(handle)) as client:
        responses = client.run(flow())

    assert responses == tuple(Response(({"list": [{"id": str(n)}]},)) for n in range(9))


@pytest.mark.parametrize(
    "url",
    [
        *("mail.example.org", "ftp://mail.example.org", "https://", "https://x?y", "https://x#y"),
        *("http://[::1", "http://127.0.0.1:abc", "http://127.0.0.1:99999", "http://a..b", "http://xn--/"),
        *(" http://127.0.0.1", "http://127.0.0.1 ", "http://a b", "http://a\nb", f"http://{'x' * 70}.de"),
    ],
)
def test_what_is_no_base_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError):
        check_url(url)


@pytest.mark.parametrize("url", ["http://mail.example.org", "https://[::1]:8443", "https://mäil.example.org/base"])
def test_a_base_url_is_taken_as_it_stands_but_for_its_last_slash(url: str) -> None:
    assert [check_url(url), check_url(f"{url}/")] == [url, url]


@pytest.mark.parametrize(
    "url", ["https://admin:canary@mail.example.org", "ftp://admin:canary@mail.example.org", "http://u:canary@[::1"]
)
def test_credentials_in_a_url_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_url(url)

    assert "canary" not in str(caught.value)
