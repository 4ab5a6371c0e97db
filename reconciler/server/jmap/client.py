"""Talks JMAP over HTTP: one session, conversations driven to their end, reads repeated and writes never.

Law: only this folder imports httpx; it never follows a redirect, never repeats a 401, and never puts a
server's echo of a request into a message.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec.structs import replace

from reconciler.server.connection import ConnectionOptions
from reconciler.server.decode import decode
from reconciler.server.jmap.answers import Again, Redirected, bounded, own_address, reason, refuse, untrusted
from reconciler.server.jmap.endpoint import Credentials, check_url, tls_context
from reconciler.server.jmap.logged import SESSION, Sent, sent_of
from reconciler.server.jmap.protocol import (
    AnswerLost,
    Flow,
    MethodError,
    Request,
    Response,
    Session,
    read_response,
    read_session,
)
from reconciler.server.jmap.watch import Watch
from reconciler.server.proxy import proxy_for
from reconciler.server.redaction import Redactor
from reconciler.values import Busy, Interrupted, NotAllowed, Reader, ReconcilerError, Unreachable

T = TypeVar("T")
log = logging.getLogger("reconciler.http")

#: Seconds to wait for a connection, and between two pieces of an answer. Reloading 10,000 routes took 0.06 s.
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
#: How often a read is tried again after a broken connection or a 5xx.
RETRIES = 3
#: Members of an answer in which a server says why it refuses something.
REFUSALS = ("notCreated", "notUpdated", "notDestroyed")
#: Seconds between two looks for a signal while waiting.
LISTEN_SECONDS = 0.1
#: Most seconds between two looks whether a server has started.
LOOK_SECONDS = 2.0
#: What to do about a certificate that is not trusted.
TRUST = "where its issuer is one of your own, name the issuer's certificate with --ca-bundle"


class Client:
    """A connection to one server.

    Args:
        url: base URL; requests go to `<url>/jmap/session` and `<url>/jmap/` and nowhere else.
        credentials: sent with every request.
        may_write: False makes a client that refuses to send anything but reads.
        peers: clients of the other nodes of a cluster, in the order in which requests count nodes.
        target: how the log calls the server.
        connection: how the server is reached.
        tell: told once that the server is waited for, and why.
        transport: what carries the requests; a test's own in place of a socket.
        environment: where proxies are named; None for this process's environment.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        may_write: bool = False,
        peers: Sequence[Client] = (),
        target: str = "",
        connection: ConnectionOptions | None = None,
        tell: Callable[[str], None] = log.info,
        transport: httpx.BaseTransport | None = None,
        environment: Mapping[str, str] | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.url = check_url(url)
        self.may_write, self.peers = may_write, tuple(peers)
        self.requests = 0
        options = connection or ConnectionOptions()
        self._deadline = time.monotonic() + options.timeout
        self.timeout, self.target = options.timeout, target
        self._wait, self._tell = options.wait, tell
        #: Signals that were heard so far, where somebody listens for them.
        self.signals: Sequence[int] | None = None
        self._watch = Watch()
        self._sleep = sleep or self._watch.given_up.wait
        #: Session states of the answers so far: each process of a cluster has one of its own (Stalwart 0.16.19).
        self.states: set[str] = set()
        self._session: Session | None = None
        self._address = ""
        self._redactor = Redactor(credentials.secrets())
        self._proxy = None if transport else proxy_for(self.url, os.environ if environment is None else environment)
        self._http = httpx.Client(
            verify=tls_context(self.url, options),
            transport=transport,
            proxy=self._proxy.url if self._proxy else None,
            # What the environment says of proxies is read here, and nothing else of it.
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            headers={
                "Authorization": credentials.header(),
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "stalwart-reconciler",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (*self.peers, self):
            client._http.close()  # noqa: SLF001 - its own, or that of one of its kind

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(self._deadline - time.monotonic(), 0.0)

    def _pause(self, seconds: float, *, writes: bool) -> None:
        """Wait, unless a signal comes: what waits to be written is given up at the first, a read at the second.

        Raises:
            Interrupted: one came, and nothing of the request was done.
        """
        if self.signals is None:
            self._sleep(seconds)
            self._check_awaited()
            return
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if len(self.signals) >= (1 if writes else 2):
                raise Interrupted(self.signals[0])
            self._sleep(min(left, LISTEN_SECONDS))
            self._check_awaited()

    def _check_awaited(self) -> None:
        if self._watch.given_up.is_set():
            raise Interrupted(signal.SIGINT)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let time pass that does not count towards the deadline, such as a person's who is asked."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._deadline += time.monotonic() - started

    def session(self) -> Session:
        """Return the session, fetched once.

        Raises:
            NotAllowed: the credentials are refused, or the server takes them for nobody's.
            Unreachable: no answer, or none that is a Stalwart server's session.
        """
        if self._session is None:
            url = f"{self.url}/jmap/session"
            self._until_started(url)
            document = self._retried("GET", url, None, writes=False)
            try:
                session = read_session(document)
            except ValueError as error:
                raise Unreachable(
                    f"{url} is no JMAP session: {error}", "is this the URL of a Stalwart server?"
                ) from None
            if not session.username:
                raise NotAllowed(
                    f"{url} knows no user by these credentials",
                    "set STALWART_TOKEN, or STALWART_USER and STALWART_PASSWORD",
                )
            if not session.stalwart:
                raise Unreachable(f"{url} offers no urn:stalwart:jmap", "is this a Stalwart 0.16 server?")
            self._session = session
        return self._session

    def _until_started(self, url: str) -> None:
        """Wait for a server that is not there yet. One that answers is asked no second time, whatever it says.

        Raises:
            Unreachable: it has not started in time.
        """
        started, own = time.monotonic(), self._deadline
        wait, self._wait = self._wait, 0.0
        self._deadline = max(own, started + wait)
        silent = True
        try:
            while wait:
                try:
                    self._send("GET", url, None, writes=False, sent=SESSION)
                    return
                except Again as again:
                    if not again.starting:
                        return
                    left = started + wait - time.monotonic()
                    if left <= 0:
                        raise Unreachable(f"{url}: {again.reason}, after {wait:g} s of waiting") from None
                    if silent:
                        self._tell(f"waiting up to {wait:g} s for {self.url}: {again.reason}")
                    silent = False
                    self._sleep(min(LOOK_SECONDS, left))
        finally:
            self._deadline = own + time.monotonic() - started

    def reader(self) -> Reader:
        """Return who talks to the server, and from where; of what goes through a proxy the address is not known."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return Reader(self.session().username, "" if self._proxy else self._address, port)

    def tell(self, text: str) -> None:
        """Tell whoever runs this, as the client tells of waiting."""
        self._tell(text)

    def probe(self, path: str) -> tuple[Any, str]:
        """Ask one of the server's pages beside JMAP.

        Returns:
            Its JSON, and the path that it redirects to, which is not followed.

        Raises:
            Unreachable, NotAllowed, Busy: as for a read.
        """
        try:
            return self._retried("GET", f"{self.url}{path}", None, writes=False), ""
        except Redirected as redirected:
            return None, redirected.target

    def run(self, flow: Flow[T]) -> T:
        """Drive a conversation to its end and return its result.

        Requests that are yielded together are sent side by side, as many as the session allows. A read that fails is
        repeated; a request that writes is sent once. What fails is thrown into the flow, which may go on from there:
        AnswerLost when it is unknown whether a write was made, else what the server's answer says.

        Raises:
            Unreachable, NotAllowed, Busy: as the server's answer says.
        """
        try:
            requests = next(flow)
            while True:
                try:
                    responses = self._exchange(requests)
                except (AnswerLost, ReconcilerError) as failure:
                    requests = flow.throw(failure)
                else:
                    requests = flow.send(responses)
        except StopIteration as end:
            result: T = end.value
            return result

    def _exchange(self, requests: tuple[Request, ...]) -> tuple[Response, ...]:
        threads = min(len(requests), self.session().limits.max_concurrent_requests)
        if threads <= 1 or any(request.writes for request in requests):
            return tuple(self._call(request) for request in requests)
        from concurrent.futures import ThreadPoolExecutor

        watches = [client._watch for client in (self, *self.peers)]  # noqa: SLF001 - its own, or of its kind
        try:
            with ThreadPoolExecutor(threads) as pool:
                try:
                    return tuple(pool.map(self._call, requests))
                except (KeyboardInterrupt, Interrupted):
                    # The threads hear no signal, and would be waited for.
                    for watch in watches:
                        watch.give_up()
                    raise
        finally:
            for watch in watches:
                watch.given_up.clear()

    def _call(self, request: Request) -> Response:
        if request.writes and not self.may_write:
            raise ReconcilerError("this client was opened for reading, and will not write")
        if request.pause:
            self._sleep(request.pause)
        if request.node:
            peer = self.peers[request.node - 1]
            peer._deadline, peer.signals = self._deadline, self.signals  # noqa: SLF001 - as above
            return peer._call(replace(request, node=0, pause=0.0))  # noqa: SLF001 - as above
        body = msgspec.json.encode(request.body())
        sent = sent_of(request, len(body))
        document = self._retried("POST", f"{self.url}/jmap/", body, writes=request.writes, sent=sent)
        try:
            response = read_response(request, document)
            if response.state:
                self.states.add(response.state)
            return self._redacted(response)
        except ValueError as error:
            if request.writes:
                raise AnswerLost(f"the answer cannot be read: {error}") from None
            raise Unreachable(f"{self.url}/jmap/ gave an answer that cannot be trusted: {error}") from None

    def _redacted(self, response: Response) -> Response:
        """Take our own credentials out of what the server says of what it refuses."""
        redact = self._redactor
        return Response(
            tuple(
                MethodError(redact.sentence(result.type), redact.sentence(result.description))
                if isinstance(result, MethodError)
                else {name: redact.sentences(part) if name in REFUSALS else part for name, part in result.items()}
                for result in response.results
            ),
            response.state,
        )

    def _retried(self, method: str, url: str, body: bytes | None, *, writes: bool, sent: Sent = SESSION) -> Any:
        """Send one request until it is answered, as far as repeating it is safe."""
        tries = 0
        while True:
            try:
                return self._send(method, url, body, writes=writes, sent=sent._replace(attempt=tries + 1))
            except Again as again:
                tries += 1
                if tries > RETRIES and not again.busy:
                    raise Unreachable(f"{url}: {again.reason}") from None
                # Full jitter keeps a fleet's runs from coming back all at the same moment.
                backoff = random.uniform(0.1, min(0.2 * 2**tries, 10.0))  # noqa: S311 - not for secrets
                pause = backoff if again.seconds is None else again.seconds + backoff
                if time.monotonic() + pause > self._deadline:
                    kind = Busy if again.busy else Unreachable
                    raise kind(
                        f"{url}: {again.reason}, past the deadline of {self.timeout:g} s", "try again later"
                    ) from None
                fields = {"target": self.target, "phase": sent.phase, "attempt": tries, "pause": round(pause, 3)}
                log.info("%s: %s; trying again in %.1f s", url, again.reason, pause, extra={"fields": fields})
                self._pause(pause, writes=writes)

    def _send(self, method: str, url: str, body: bytes | None, *, writes: bool, sent: Sent) -> Any:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Busy(f"{url}: past the deadline of {self.timeout:g} s")
        headers = {"Content-Type": "application/json"} if body is not None else {}
        timeout = httpx.Timeout(min(READ_SECONDS, left), connect=min(CONNECT_SECONDS, left))
        self.requests += 1
        known = {"target": self.target, "url": url, **sent.fields()}
        log.debug("%s %s%s", method, url, sent, extra={"fields": known})
        started = time.monotonic()
        watched = {"trace": self._watch.trace}
        try:
            with (
                self._watch.until(left),
                self._http.stream(
                    method, url, content=body, headers=headers, timeout=timeout, extensions=watched
                ) as answer,
            ):
                content = b"".join(bounded(answer, self._deadline))
                self._address = own_address(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            if distrusted := untrusted(error):
                raise Unreachable(f"{url}: the certificate is not valid: {distrusted.verify_message}", TRUST) from None
            # Nothing was sent, so that even a write may be tried again.
            through = f" through {self._proxy}" if self._proxy else ""
            raise Again(f"cannot be reached{through}: {reason(error)}", starting=True) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            if writes:
                raise AnswerLost(f"the connection broke: {reason(error)}") from None
            # A port that is forwarded is open before anything listens behind it.
            starting = isinstance(error, httpx.ReadError | httpx.RemoteProtocolError)
            raise Again(f"the connection broke: {reason(error)}", starting=starting) from None
        took, status, size = time.monotonic() - started, answer.status_code, len(content)
        fields = {**known, "status": status, "received": size, "duration": round(took, 6)}
        text = "%s %s%s: %d, bytes: %d, %.0f ms"
        log.info(text, method, url, sent, status, size, 1000 * took, extra={"fields": fields})
        if answer.status_code != httpx.codes.OK:
            refuse(url, answer, content, self._redactor, writes=writes)
        try:
            return decode(content)
        except ValueError as error:
            if writes:
                raise AnswerLost(f"the answer cannot be read: {error}") from None
            if content.lstrip()[:1] == b"<":
                raise Unreachable(f"{url} answers with a web page, not with JMAP", "is this the right URL?") from None
            raise Again(f"the answer cannot be read: {error}") from None
