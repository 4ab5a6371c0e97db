"""Applies for tests: one run of compare, plan and apply, over canned answers or over the sandbox.

Law: whatever drives the conversation here shows what was sent, and adds nothing of its own.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx
from msgspec import Struct

from reconciler.apply import Listener, apply_flow
from reconciler.plan import Goal, remaining, take_survey
from reconciler.sandbox import ConnectionClosed, Sandbox
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials
from reconciler.server.jmap.protocol import AnswerLost, Call, Flow, Limits, MethodError, Request, Response
from reconciler.server.live import read_flow
from reconciler.server.secrets import Allowed, Secrets
from reconciler.values.model import Change, LiveState, Outcome, Plan, Resource
from reconciler.values.policy import Policy
from tests.states import CATALOGUE, LIMITS, Objects, Server, desired_of, read

Answer = Sequence[dict[str, Any] | MethodError] | Exception | Callable[[Request], Any]
RELOADED: Answer = [{"created": {"reload": {"id": "x"}}}]
#: Everything that is undeclared goes, in any number.
PRUNE = Policy(prune=dict.fromkeys(CATALOGUE.kinds, "all"), max_destroy="100%", allow_empty=frozenset(CATALOGUE.kinds))


class Job(Struct):
    """What is wanted, what there is, and the plan between them."""

    goal: Goal
    live: LiveState
    plan: Plan

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are read."""
        return tuple(sorted(self.goal.kinds()))

    def changes(self, live: LiveState) -> tuple[Change, ...]:
        """Compare a new read with what is wanted. Raises ManifestError."""
        return remaining(CATALOGUE, self.goal, live)

    def flow(
        self,
        secrets: Mapping[str, str] | None = None,
        *,
        limits: Limits = LIMITS,
        reload: bool = True,
        keep_refused: bool = False,
        recheck: bool = False,
        listener: Listener | None = None,
    ) -> Flow[Outcome]:
        """Return the conversation that carries the plan out."""
        return apply_flow(
            CATALOGUE,
            self.plan,
            limits,
            Secrets(secrets or {}, Allowed()),
            self.live,
            reload=reload,
            keep_refused=keep_refused,
            recheck=self.changes if recheck else None,
            kinds=self.kinds,
            listener=listener,
        )


def job(
    live: LiveState,
    manifests: str | tuple[Resource, ...],
    policy: Policy | None = None,
    *,
    rotate: str = "",
) -> Job:
    """Compare and plan, as commands do."""
    declared = desired_of(manifests) if isinstance(manifests, str) else manifests
    goal = Goal(resources=declared, policy=policy or Policy(), rotate=(rotate,) if rotate else (), linted=False)
    return Job(goal, live, take_survey(CATALOGUE, goal, live).checked().plan)


class Driver:
    """Drives an apply by canned answers: reads are answered by a server of wire objects, writes by the next answer.

    An answer is the results of the request's calls, an exception to throw, or a function that returns either. Reloads
    have answers of their own, the probe's first, and succeed where none are left.
    """

    def __init__(self, objects: Objects | None = None) -> None:
        self.server = Server(objects or {})
        #: The calls of every request that writes, reloads left out.
        self.sent: list[tuple[Call, ...]] = []
        self.reads = 0
        self.reloads = 0

    def live(self) -> LiveState:
        return read(self.server)

    def run(self, flow: Flow[Outcome], *answers: Answer, reloads: Sequence[Answer] = ()) -> Outcome:
        waiting, after = list(answers), list(reloads)
        try:
            requests = next(flow)
            while True:
                responses: list[Response] = []
                failure: Exception | None = None
                for request in requests:
                    found = self._answer(request, waiting, after)
                    if isinstance(found, Exception):
                        failure = found
                    else:
                        responses.append(Response(tuple(found)))
                requests = flow.throw(failure) if failure else flow.send(tuple(responses))
        except StopIteration as end:
            outcome: Outcome = end.value
            assert not waiting + after, (waiting, after)
            return outcome

    def _answer(self, request: Request, waiting: list[Answer], reloads: list[Answer]) -> Any:
        if not request.writes:
            self.reads += 1
            return self.server.respond(request).results
        if request.calls[0].method == "x:Action/set":
            self.reloads += 1
            waiting = reloads or [RELOADED]
        else:
            self.sent.append(request.calls)
        answer = waiting.pop(0)
        return answer(request) if callable(answer) else answer


def confirm(request: Request) -> list[dict[str, Any]]:
    """Answer a request as a server does that does everything; new ids are `made-` and the creation id."""
    return [
        {
            "created": {key: {"id": f"made-{key}"} for key in call.arguments.get("create", ())},
            "updated": dict.fromkeys(call.arguments.get("update", ())),
            "destroyed": list(call.arguments.get("destroy", ())),
        }
        for call in request.calls
    ]


def refused(member: str, *keys: str, **error: Any) -> dict[str, Any]:
    """Return a part of an answer that refuses some ids or creation ids, for a reason of its own if none is given."""
    return {member: {key: error or {"type": "validationFailed", "description": "no"} for key in keys}}


def lost(_: Request) -> Exception:
    """Answer nothing, so that nobody knows what was done."""
    return AnswerLost("the connection broke: closed")


def told(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Return address, result and reason of every change."""
    return [(str(each.change.address), each.result, each.because) for each in outcome.results]


def embedded(sandbox: Sandbox, seen: list[str] | None = None) -> Client:
    """Return the real client, connected to a sandbox within the process; what it calls is noted in `seen`."""

    def transport(request: httpx.Request) -> httpx.Response:
        if seen is not None and request.content:
            seen.extend(name for name, _, _ in json.loads(request.content)["methodCalls"])
        path = request.url.raw_path.decode()
        try:
            reply = sandbox.handle(request.method, path, request.headers, request.content)
        except ConnectionClosed:
            raise httpx.RemoteProtocolError("closed", request=request) from None
        return httpx.Response(reply.status, headers=list(reply.headers), content=reply.body)

    return Client(
        "http://sandbox",
        Credentials(user="admin", password="secret"),
        may_write=True,
        transport=httpx.MockTransport(transport),
        sleep=lambda _: None,
    )


def read_all(client: Client, kinds: Iterable[str] = tuple(CATALOGUE.kinds)) -> LiveState:
    """Read live state of some kinds."""
    return client.run(read_flow(CATALOGUE, kinds, client.session().limits))
