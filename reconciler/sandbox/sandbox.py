"""The sandbox in one process: a request in, a reply out, as the real server would answer.

Law: no socket and no HTTP library; `handle` is all that a server, or a test's transport, needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from reconciler.kinds import Catalogue, catalogue_of_published, load, read_pulled
from reconciler.sandbox import reply
from reconciler.sandbox.accounts import DOMAIN, Accounts, Limits, User, all_permissions
from reconciler.sandbox.faults import InjectedFault, InjectedFaults
from reconciler.sandbox.messages import QueueFillError, read_messages
from reconciler.sandbox.published import Published
from reconciler.sandbox.registry import Conversation, Registry
from reconciler.sandbox.reply import ConnectionClosed, Refusal, Reply
from reconciler.sandbox.request import parse_request

_PAGE = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n"


class Sandbox:
    """A Stalwart server's configuration API over the catalogue's kinds.

    Args:
        database: the file that everything is kept in; None keeps it in memory.
        user: the administrator, who may do everything.
        password: the administrator's password.
        users: further users by name, each with a password and the permissions held (`authenticate` among them).
        tokens: bearer tokens, each with the name of a user.
        limits: what a session allows.
        faults: mishaps on demand.
        public_url: what URLs in the session begin with. As on a real server this is configured, not taken from the
            request, and a client may not be able to reach it; "" makes them relative, as in recovery mode.
        catalogue: the kinds; None for those that the program ships.
        schema: what a server publishes, its own answer or a pulled file: the kinds are those, and it is published.
        environment: where secrets are looked up at a reload; None for this process's environment.
        node: what the server calls itself in a cluster.
        beside: another node, whose store this one shares.
        queue: messages that wait from the beginning, each as `x:QueuedMessage/get` shows it, or a part of that.
        domains: the server's own domains; None where it does not know them.

    Raises:
        ValueError: `schema` is no published schema.
    """

    def __init__(
        self,
        *,
        database: Path | str | None = None,
        user: str = "admin",
        password: str = "secret",  # noqa: S107  the documented credentials of a server that holds nothing of worth
        users: Mapping[str, tuple[str, Iterable[str]]] | None = None,
        tokens: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        faults: Iterable[InjectedFault] = (),
        public_url: str = "https://mail.example.org",
        catalogue: Catalogue | None = None,
        schema: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        node: str = "node-0",
        beside: Sandbox | None = None,
        queue: Sequence[Mapping[str, Any]] = (),
        domains: Iterable[str] | None = (DOMAIN,),
    ) -> None:
        self.limits = limits or Limits()
        self._schema_given: bytes | None = beside._schema_given if beside else schema  # noqa: SLF001 - one schema for one store
        if schema is not None:
            catalogue = catalogue_of_published(read_pulled(schema))
        self.registry: Registry = Registry(
            catalogue or (beside.registry.catalogue if beside else load()),
            database=None if database is None else Path(database),
            limits=self.limits,
            environment=environment,
            host=node,
            beside=beside.registry if beside else None,
            domains=domains,
        )
        self.registry.queue.fill(queue)
        #: Requests of all kinds that were answered or dropped, those for the sandbox's own state left out.
        self.requests = 0
        #: Where the server listens; "" in one process.
        self.url = ""
        self._accounts = Accounts(user, password, users or {}, tokens or {}, self.limits)
        self._faults = InjectedFaults(faults)
        self._public_url = public_url.rstrip("/")
        self._published: Published | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def set_faults(self, *faults: InjectedFault) -> None:
        """Replace the faults, and begin to count anew."""
        self._faults = InjectedFaults(faults)

    def state(self) -> dict[str, Any]:
        """Return what `GET /sandbox` tells: stored and live objects as `get` answers them, and the counts."""
        return {
            "stored": self.registry.state("stored"),
            "live": self.registry.state("live"),
            "requests": self.requests,
            "writes": self.registry.writes,
        }

    def restart(self) -> None:
        """Begin anew as a process does: with what is stored, and with a session state of its own."""
        self._accounts.restart()
        self.registry.start()

    def end_delays(self) -> None:
        """Close the connections that a fault delays, since nobody waits for them any more."""
        self._ending.set()

    def close(self) -> None:
        """Let go of the database."""
        self.registry.close()

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", peer: str = "127.0.0.1"
    ) -> Reply:
        """Answer one request; header names are looked up without regard to case.

        Raises:
            ConnectionClosed: the connection is to be closed without an answer.
        """
        path = path.partition("?")[0]
        if not path.startswith("/sandbox"):
            with self._lock:
                self.requests += 1
        given = {name.lower(): value for name, value in headers.items()}
        try:
            self._accounts.check_address(peer)
            return self._route(method, path, given, body, peer)
        except Refusal as refusal:
            return refusal.reply

    def _route(self, method: str, path: str, headers: Mapping[str, str], body: bytes, peer: str) -> Reply:
        if method == "OPTIONS":
            return Reply(204)
        steps = [*path.split("/")[1:], "", ""]
        if method == "POST" and steps[0] == "jmap" and not steps[1]:
            user = self._accounts.authenticate(headers.get("authorization"), peer)
            with self._accounts.admitted(user):
                return self._api(path, headers, body, user)
        if (method, path) == ("POST", "/sandbox/queue"):
            self._accounts.authenticate(headers.get("authorization"), peer)
            return self._fill(body)
        return self._with_faults(path, (), lambda: self._resource(method, path, steps, headers, peer))

    def _resource(self, method: str, path: str, steps: list[str], headers: Mapping[str, str], peer: str) -> Reply:
        """Everything but the API endpoint."""
        header = headers.get("authorization")
        match (method, steps[0], steps[1]):
            case ("GET", "jmap", "session"):
                user = None if header is None else self._accounts.authenticate(header, peer)
                return reply.json_reply(self._accounts.session(user, self._public_url))
            case ("GET", ".well-known", "jmap"):
                return reply.redirect(307, "/jmap/session", ("Cache-Control", "no-cache"))
            case ("GET", "healthz", "live" | "ready"):
                return reply.healthy()
            case ("GET", "api", "account"):
                user = self._accounts.authenticate(header, peer)
                held = all_permissions(self.registry.catalogue) if user.permissions is None else user.permissions
                return reply.json_reply({"permissions": sorted(held), "edition": "oss", "locale": "en_US"})
            case (_, "api", "schema"):
                self._accounts.authenticate(header, peer)
                return self._schema(steps[2])
            case ("GET", "sandbox", ""):
                self._accounts.authenticate(header, peer)
                return reply.json_reply(self.state())
            case ("GET", "", ""):
                return reply.redirect(302, "/account")
            case ("GET", "account", "") if path == "/account":
                return reply.redirect(302, "/account/")
        return reply.not_found()

    def _fill(self, body: bytes) -> Reply:
        """Put messages into the queue: a JSON array, or one object a line."""
        try:
            return reply.json_reply({"ids": self.registry.queue.fill(read_messages(body))})
        except QueueFillError as error:
            return reply.problem(400, title="Bad Request", detail=str(error))

    def _schema(self, name: str) -> Reply:
        with self._lock:
            if self._published is None:
                self._published = Published(self._schema_given or self.registry.catalogue)
        if name != self._published.name:
            return reply.redirect(302, f"/api/schema/{self._published.name}")
        headers = (
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("Cache-Control", "public, max-age=31536000, immutable"),
        )
        return Reply(200, headers, self._published.content)

    def _api(self, path: str, headers: Mapping[str, str], body: bytes, user: User) -> Reply:
        media = headers.get("content-type")
        if media is not None and media.partition(";")[0].strip().lower() != "application/json":
            raise Refusal(reply.not_json())
        limits = self.limits
        try:
            request = parse_request(
                body, self.registry.known_method, limits.max_calls_in_request, limits.max_size_request
            )
        except Refusal as refusal:
            refused = refusal.reply
            return self._with_faults(path, (), lambda: refused)

        def run() -> Reply:
            talk = Conversation(user, request.using, dict(request.created or {}))
            answers = []
            for call in request.calls:
                name, answer = self.registry.call(call, talk, self._faults.of_call(call.name))
                answers.append((name, answer, call.id))
            response: dict[str, Any] = {"methodResponses": answers, "sessionState": self._accounts.state(user)}
            if request.created is not None and talk.created:
                response["createdIds"] = talk.created
            return reply.json_reply(response)

        return self._with_faults(path, [call.name for call in request.calls], run)

    def _with_faults(self, path: str, methods: Sequence[str], run: Callable[[], Reply]) -> Reply:
        faults = self._faults.of_request(path, methods)
        if self._ending.wait(sum(fault.seconds for fault in faults)):
            raise ConnectionClosed
        for fault in faults:
            if not fault.after and fault.action in ("drop", "status", "html"):
                return _mishap(fault)
        answer = run()
        for fault in faults:
            if fault.after:
                return _mishap(fault)
            if fault.action == "truncate":
                answer = msgspec.structs.replace(answer, body=answer.body[: len(answer.body) // 2])
        return answer


def _mishap(fault: InjectedFault) -> Reply:
    if fault.action == "drop":
        raise ConnectionClosed
    if fault.action == "html":
        return Reply(200, (("Content-Type", "text/html"),), _PAGE)
    wait = (("Retry-After", str(fault.retry_after)),) if fault.retry_after else ()
    titles = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}
    title = titles.get(fault.status, "Error")
    return reply.problem(fault.status, *wait, title=title, detail="A fault was asked for.")
