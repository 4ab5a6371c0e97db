"""Every member of every answer, in every odd shape, at every step of an apply: never a traceback, never a lie.

Law: each scenario is a run of the real command over the embedded server, of which one answer is odd in one place. What
was written is told as written, or as unknown; what was not is never told as applied.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.commands import apply
from reconciler.commands.invocation import Console, Invocation
from reconciler.sandbox import Sandbox
from reconciler.settings import Options
from reconciler.values import REFUSED, ReconcilerError
from tests.running import Ran, write
from tests.talk import Talk

WANTED = """\
kind: MtaRoute
items:
  - {type: Relay, name: eu, address: new.example.net, authSecret: "${env:RELAY}"}
  - {type: Mx, name: fresh}
---
kind: MtaMilter
items: [{hostname: 127.0.0.1, port: 2, stages: [connect, data]}, {hostname: 127.0.0.1, port: 1}]
---
kind: MtaVirtualQueue
spec: {name: bulk}
---
kind: MtaDeliverySchedule
spec: {name: slow, queueId: bulk, retry: {type: Custom, intervals: [1m, 2m]}}
---
kind: MtaOutboundStrategy
spec: {route: {match: [{if: "rcpt_domain == 'a.example'", use: fresh}], use: eu}, schedule: {use: slow}}
"""
CONFIG = "policy: {prune: {MtaRoute: true}}\n"
CANARY = "CANARY-relay-secret"
DEEP: Any = []
for _ in range(400):
    DEEP = [DEEP]
#: What stands in place of a member; `LEFT_OUT` takes it out.
LEFT_OUT = object()
ODD: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "billion": 1_000_000_000,
    "huge": 10**30,
    "fraction": 0.5,
    "empty text": "",
    "hostile text": "\x1b[2J\u202e\n\x00x",
    "long text": "x" * 100_000,
    "list": [],
    "list of nothing": [None],
    "list of texts": ["a", "a"],
    "object": {},
    "object of objects": {"a": {"b": {}}},
    "numbered": {"0": 5, "x": None},
    "deep": DEEP,
    "left out": LEFT_OUT,
}
Where = tuple[int, ...]
Twist = Callable[[int, Any], Any]
Send = Callable[[int, Any], httpx.Response]


#: Kinds whose objects are looked up by name.
NAMED = ("MtaRoute", "MtaVirtualQueue", "MtaDeliverySchedule")
#: Places are shared out, so that the normal run sees some of each shape.
SHARES = 40


def marked(share: int) -> Any:
    return pytest.param(share, marks=() if share == 0 else pytest.mark.slow)


def before() -> Sandbox:
    """Return a server with something to update, to reorder and to destroy."""
    sandbox = Sandbox()
    talk = Talk(sandbox)
    for name in ("eu", "gone"):
        talk.create("MtaRoute", **{"@type": "Relay"}, name=name, address="old.example.net")
    for port in (1, 2):
        talk.create("MtaMilter", hostname="127.0.0.1", port=port)
    talk.request(("x:Action/set", {"create": {"r": {"@type": "ReloadSettings"}}}))
    return sandbox


def sent(_: int, document: Any) -> httpx.Response:
    """Return an answer as it is sent."""
    return httpx.Response(200, content=json.dumps(document).encode())


def applied(sandbox: Sandbox, place: Path, twist: Twist, send: Send = sent) -> tuple[Ran, int]:
    """Apply with one answer twisted; return what was printed, and how many answers there were."""
    asked = 0

    def transport(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        reply = sandbox.handle(request.method, request.url.raw_path.decode(), request.headers, request.content)
        assert reply.status == httpx.codes.OK
        answer = send(asked, twist(asked, json.loads(reply.body)))
        asked += 1
        return answer

    out: list[str] = []
    err: list[str] = []
    invocation = Invocation(
        command="apply",
        options=Options(paths=(str(place / "m"),), config=str(place / "reconciler.yaml"), connection={"timeout": "1m"}),
        console=Console(out=out.append, err=err.append),
        environment={
            "STALWART_URL": "http://127.0.0.1:1",
            "STALWART_USER": "admin",
            "STALWART_PASSWORD": "secret",
            "RELAY": CANARY,
            "XDG_RUNTIME_DIR": str(place),
        },
        format="json",
        yes=True,
        journal_directory=str(place / "journal"),
        transport=httpx.MockTransport(transport),
    )
    try:
        code = apply.run(invocation, apply.Arguments())
    except ReconcilerError as error:
        code = invocation.fail(error)
    return Ran(code, "".join(out), "".join(err)), asked


def places(value: Any, at: Where = ()) -> Iterator[Where]:
    """Yield where every member of a value stands, by position: ids are others in each run."""
    yield at
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for number, each in enumerate(members):
        yield from places(each, (*at, number))


def twisted(value: Any, at: Where, odd: Any) -> Any:
    """Return a value with another one at a place."""
    if not at:
        return {} if odd is LEFT_OUT else odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    number, *rest = at
    head = list(value)[number] if isinstance(value, dict) else number
    if rest:
        copy[head] = twisted(copy[head], tuple(rest), odd)
    elif odd is LEFT_OUT:
        del copy[head]
    else:
        copy[head] = odd
    return copy


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shapes")
    write(directory / "m", m=WANTED)
    (directory / "reconciler.yaml").write_text(CONFIG)
    return directory


@pytest.fixture(scope="module")
def answers(place: Path) -> list[Any]:
    """Return the answers of a run in which nothing is odd."""
    seen: list[Any] = []

    def note(_: int, document: Any) -> Any:
        seen.append(document)
        return document

    ran, _ = applied(before(), place, note)
    assert ran.code == 0, ran
    return seen


def holds(sandbox: Sandbox) -> dict[str, Any]:
    """Return what the server holds of what the run wants, by address."""
    stored = sandbox.state()["stored"]
    found: dict[str, Any] = {f"MtaRoute/{each['name']}": each for each in stored["x:MtaRoute"]}
    found |= {f"MtaVirtualQueue/{each['name']}": each for each in stored["x:MtaVirtualQueue"]}
    return found | {f"MtaDeliverySchedule/{each['name']}": each for each in stored["x:MtaDeliverySchedule"]}


def check(place: Path, twist: Twist, send: Send = sent) -> Ran:
    """Run with odd answers, and hold the run to the truth."""
    sandbox = before()
    began = sandbox.registry.objects.writes

    ran, _ = applied(sandbox, place, twist, send)

    written = sandbox.registry.objects.writes
    assert CANARY not in ran.out + ran.err
    assert not set(ran.err + ran.out) & set("\x1b\u202e\x00"), ran
    report = ran.json
    if report["format"] != "reconciler/outcome/v1":
        # An error, or a plan that a guard refuses.
        assert (ran.code, written) == (report.get("exitCode", REFUSED), began), ran
        return ran
    there = holds(sandbox)
    for change in report["changes"]:
        address, result = change["address"], change["result"]
        if result == "unknown" or address.partition("/")[0] not in NAMED:
            continue
        have = there.get(address)
        done = {
            "create": have is not None,
            "destroy": have is None,
            "update": have is not None and have.get("address") == "new.example.net",
            "replace": have is not None,
        }[change["action"]]
        assert (result == "applied") is done, (change, have, written)
    return ran


def at_one(nth: int, alter: Callable[[Any], Any]) -> Twist:
    """Return a twist of one answer."""
    return lambda number, document: alter(document) if number == nth else document


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("share", [marked(share) for share in range(SHARES)])
def test_every_member_of_every_answer_in_an_odd_shape(place: Path, answers: list[Any], odd: str, share: int) -> None:
    every = [(nth, at) for nth, answer in enumerate(answers) for at in places(answer)]
    for nth, at in every[share::SHARES]:
        check(place, at_one(nth, partial(twisted, at=at, odd=ODD[odd])))
