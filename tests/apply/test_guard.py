"""Between two requests that write somebody else may write too: it is noticed, and looking costs what is touched."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from reconciler.apply import Listener, outcome_code
from reconciler.plan import Guard, make_basis
from reconciler.sandbox import Sandbox
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials
from reconciler.values.errors import Stale
from reconciler.values.model import Outcome
from tests.applying import job, read_all
from tests.states import CATALOGUE, LIMITS
from tests.talk import Talk

#: Five objects a request.
SMALL = replace(LIMITS, max_objects_in_set=5, max_calls_in_request=1)


def milters(ports: Sequence[int], description: str = "") -> str:
    stages = f", tempFailOnError: {description}" if description else ""
    lines = "".join(f"  - {{hostname: 127.0.0.1, port: {port}{stages}}}\n" for port in ports)
    return f"kind: MtaMilter\nitems:\n{lines}"


class Beside:
    """A server on which somebody does something just before a request that writes, and what each request asks."""

    def __init__(self) -> None:
        self.sandbox = Sandbox()
        self.talk = Talk(self.sandbox)
        self.requests: list[list[tuple[str, dict[str, Any]]]] = []
        #: What somebody does before the looks that come ahead of a write of a number, from 1.
        self.meanwhile: dict[int, Callable[[], Any]] = {}
        self.written = 0
        transport = httpx.MockTransport(self._answer)
        credentials = Credentials(user="admin", password="secret")
        self.client = Client("http://sandbox", credentials, may_write=True, transport=transport)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        reply = self.sandbox.handle(request.method, request.url.raw_path.decode(), request.headers, request.content)
        if request.content:
            calls = [(name, arguments) for name, arguments, _ in json.loads(request.content)["methodCalls"]]
            self.requests.append(calls)
            if any(name.endswith("/set") and name != "x:Action/set" for name, _ in calls):
                self.written += 1
                self.meanwhile.get(self.written + 1, lambda: None)()
        return httpx.Response(reply.status, headers=list(reply.headers), content=reply.body)

    def apply(self, text: str) -> Outcome:
        """Plan and apply, five objects a request, as a session does."""
        live = read_all(self.client)
        work = job(live, text)
        basis = make_basis(CATALOGUE, work.plan, live, target="", url="", policy="", manifests="", kinds=work.kinds)
        self.requests.clear()
        self.written = 0
        self.meanwhile.get(1, lambda: None)()
        listener = Listener(check=Guard(CATALOGUE, basis, work.plan))
        return self.client.run(work.flow(limits=SMALL, listener=listener))

    def milter(self, port: int, **more: Any) -> str:
        return self.talk.create("MtaMilter", hostname="127.0.0.1", port=port, **more)

    def ids(self) -> list[str]:
        return [live_object.id for live_object in read_all(self.client, ["MtaMilter"]).of("MtaMilter")]


def results(outcome: Outcome) -> list[str]:
    return [result.result for result in outcome.results]


def test_an_object_that_somebody_creates_before_the_first_request_stops_the_run() -> None:
    beside = Beside()
    beside.meanwhile = {1: lambda: beside.milter(3, tempFailOnError=False)}

    with pytest.raises(Stale, match=r"MtaMilter/127\.0\.0\.1:3 was created meanwhile"):
        beside.apply(milters(range(1, 11)))

    assert beside.written == 0


def test_an_object_that_somebody_creates_between_two_requests_ends_the_run() -> None:
    beside = Beside()
    beside.meanwhile = {2: lambda: beside.milter(8, tempFailOnError=False)}

    outcome = beside.apply(milters(range(1, 16)))

    assert results(outcome) == ["applied"] * 5 + ["skipped"] * 10
    assert "MtaMilter/127.0.0.1:8 was created meanwhile" in outcome.results[5].because
    assert outcome_code(outcome) == 5


def test_an_object_that_somebody_created_two_requests_ago_ends_the_run_at_the_one_that_it_is_about() -> None:
    beside = Beside()
    beside.meanwhile = {2: lambda: beside.milter(12, tempFailOnError=False)}

    outcome = beside.apply(milters(range(1, 16)))

    assert results(outcome) == ["applied"] * 10 + ["skipped"] * 5
    assert "MtaMilter/127.0.0.1:12 was created meanwhile" in outcome.results[10].because


def test_an_object_of_another_key_is_nobodys_concern() -> None:
    beside = Beside()
    beside.meanwhile = {2: lambda: beside.milter(99), 3: lambda: beside.talk.call("x:MtaMilter/set", destroy=["zz"])}

    outcome = beside.apply(milters(range(1, 16)))

    assert results(outcome) == ["applied"] * 15


def test_what_somebody_else_created_as_wanted_is_done() -> None:
    beside = Beside()
    beside.meanwhile = {2: lambda: beside.milter(8)}

    outcome = beside.apply(milters(range(1, 11)))

    assert results(outcome) == ["applied"] * 10
    assert outcome.results[7].because == "somebody else made this change meanwhile"
    assert len(beside.ids()) == 10


def test_an_object_that_comes_as_another_goes_is_seen_behind_what_this_run_has_made() -> None:
    beside = Beside()
    first = beside.milter(50)

    def exchange() -> None:
        beside.talk.call("x:MtaMilter/set", destroy=[first])
        beside.milter(8, tempFailOnError=False)

    beside.meanwhile = {2: exchange}
    wanted = milters([50, *range(1, 16)])

    outcome = beside.apply(wanted)

    assert results(outcome)[:5] == ["applied"] * 5
    assert "MtaMilter/127.0.0.1:8 was created meanwhile" in outcome.results[5].because


@pytest.mark.parametrize(
    ("act", "sentence"),
    [("update", "changed meanwhile: timeoutData"), ("destroy", "was destroyed meanwhile")],
)
def test_an_object_that_somebody_writes_between_two_requests_ends_the_run(act: str, sentence: str) -> None:
    beside = Beside()
    for port in range(1, 11):
        beside.milter(port)
    eighth = beside.ids()[7]
    does = {"update": {eighth: {"timeoutData": 5000}}, "destroy": [eighth]}
    beside.meanwhile = {2: lambda: beside.talk.call("x:MtaMilter/set", **{act: does[act]})}

    outcome = beside.apply(milters(range(1, 11), "false"))

    assert results(outcome) == ["applied"] * 5 + ["skipped"] * 5
    assert f"MtaMilter/127.0.0.1:8 {sentence}" in outcome.results[5].because


def test_what_is_looked_at_is_what_is_touched() -> None:
    beside = Beside()
    for port in range(100, 140):
        beside.milter(port)
    wanted = milters([*range(100, 140), *range(1, 21)])

    outcome = beside.apply(wanted)

    assert results(outcome) == ["applied"] * 20
    asked = [name for calls in beside.requests for name, _ in calls if not name.startswith("x:Action")]
    # One look at the whole plan, then a look and a request for every five objects.
    assert asked == ["x:MtaMilter/query", *["x:MtaMilter/query", "x:MtaMilter/set"] * 4]


def test_an_update_looks_at_its_objects_alone() -> None:
    beside = Beside()
    for port in range(100, 140):
        beside.milter(port)
    wanted = milters(range(100, 140)).replace("port: 107", "port: 107, tempFailOnError: false")
    seventh = beside.ids()[7]

    beside.apply(wanted)

    gets = [arguments["ids"] for calls in beside.requests for name, arguments in calls if name == "x:MtaMilter/get"]
    assert gets == [[seventh], [seventh]]
