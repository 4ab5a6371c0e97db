"""What runs cost, in figures that no noise of a machine can change: requests, modules, events of YAML, and calls.

A bound is a tenth over what was counted when it was set. Where a change passes one for a good reason, count anew; where
a bound has become far too wide, draw it closer.
"""

import json
import math
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.sandbox import Sandbox
from reconciler.server import Client, Credentials
from tests.applying import job, read_all
from tests.running import environment, write
from tests.states import locals_of
from tests.talk import Talk

#: Runs a command and prints its code, how many modules it loaded, how many events of YAML were made, and how many
#: calls of this program's own functions.
SCRIPT = """
import collections, contextlib, io, os, sys
from reconciler.cli import invoke
counts = collections.Counter()
kinds = {}
def kind_of(code):
    name = code.co_filename
    if os.sep + "yaml" + os.sep + "events.py" in name:
        return "events"
    own = os.sep + "reconciler" + os.sep in name and code.co_name not in ("<module>",)
    return "calls" if own else ""
def count(frame, event, argument):
    if event == "call":
        code = frame.f_code
        kind = kinds.get(code)
        if kind is None:
            kind = kinds[code] = kind_of(code)
        counts[kind] += 1
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    sys.setprofile(count)
    code = invoke(sys.argv[1:])
    sys.setprofile(None)
print(code, len(sys.modules), counts["events"], counts["calls"])
"""
#: Applies a number of new objects to an embedded server, and prints how many lines of this program's own were run: a
#: line counts once for each time round a loop, also within a comprehension, which is one call.
LINES = """
import os, sys
from reconciler.apply import Listener
from reconciler.plan import Guard, make_basis
from reconciler.sandbox import Sandbox
from tests.applying import embedded, job, read_all
from tests.states import CATALOGUE, locals_of
client = embedded(Sandbox())
live = read_all(client, ["MtaRoute"])
work = job(live, locals_of(int(sys.argv[1])))
basis = make_basis(CATALOGUE, work.plan, live, target="", url="", policy="", manifests="", kinds=work.kinds)
flow = work.flow(recheck=True, listener=Listener(check=Guard(CATALOGUE, basis, work.plan)))
lines, counted = 0, {}
def trace(frame, event, argument):
    global lines
    code = frame.f_code
    if code not in counted:
        name = code.co_filename
        counted[code] = os.sep + "reconciler" + os.sep in name and os.sep + "sandbox" + os.sep not in name
    if not counted[code]:
        return None
    lines += event == "line"
    return trace
sys.settrace(trace)
outcome = client.run(flow)
sys.settrace(None)
assert {result.result for result in outcome.results} == {"applied"} and outcome.residue == ()
print(lines)
"""
OBJECTS = 500
#: Other versions of Python call otherwise, and load other modules of their own.
PINNED = (3, 11)
RELAY = """\
kind: MtaRoute
spec:
  type: Relay
  name: relay-{n}
  address: smtp{n}.example.net
  port: 587
  authUsername: user{n}
  authSecret: {{type: EnvironmentVariable, variableName: PRESENT}}
---
"""


class Counted:
    """A sandbox behind a client that notes every request: the calls of each."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(environment={"PRESENT": "yes"})
        self.requests: list[list[str]] = []
        self.client = Client(
            "http://sandbox",
            Credentials(user="admin", password="secret"),
            may_write=True,
            transport=httpx.MockTransport(self._answer),
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.content:
            self.requests.append([name for name, _, _ in json.loads(request.content)["methodCalls"]])
        reply = self.sandbox.handle(request.method, request.url.raw_path.decode(), request.headers, request.content)
        return httpx.Response(reply.status, headers=list(reply.headers), content=reply.body)


def fill(sandbox: Sandbox, count: int) -> None:
    talk = Talk(sandbox)
    for start in range(0, count, 500):
        routes = {f"r{n}": {"@type": "Local", "name": f"r{n}"} for n in range(start, min(start + 500, count))}
        assert talk.call("x:MtaRoute/set", create=routes).get("created")


def test_ten_thousand_objects_of_a_kind_are_read_in_three_requests() -> None:
    counted = Counted()
    fill(counted.sandbox, 10_000)

    live = read_all(counted.client, ["MtaRoute"])

    assert len(live.of("MtaRoute")) > 10_000
    assert len(counted.requests) <= 3


def test_all_kinds_of_a_fresh_server_are_read_in_eight_requests() -> None:
    counted = Counted()

    read_all(counted.client)

    assert len(counted.requests) <= 8


@pytest.mark.parametrize("changes", [1, 499, 1200])
def test_changes_take_as_many_writes_as_their_batches_and_four(changes: int) -> None:
    counted = Counted()
    work = job(read_all(counted.client, ["MtaRoute"]), locals_of(changes))
    counted.requests.clear()

    counted.client.run(work.flow())

    writes = [calls for calls in counted.requests if any(name.endswith("/set") for name in calls)]
    assert len(writes) <= math.ceil(changes / 500) + 4


def test_an_apply_costs_by_the_object_what_it_costs_for_few() -> None:
    lines = {}
    for count in (200, 400, 800):
        ran = subprocess.run(
            [sys.executable, "-c", LINES, str(count)],
            cwd=Path(__file__).parent.parent,
            env={**environment(""), "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.stdout, ran.stderr
        lines[count] = int(ran.stdout)

    assert (lines[800] - lines[400]) / (lines[400] - lines[200]) <= 2.05


def counted(args: Iterable[str], env: dict[str, str], place: Path) -> tuple[int, int, int, int]:
    """Return the code, the modules, the events and the calls of a command that runs by itself."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *args],
        env={**env, "PYTHONHASHSEED": "0"},
        cwd=place,
        input="",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.stdout, ran.stderr
    code, modules, events, calls = map(int, ran.stdout.split())
    return code, modules, events, calls


#: A command, its code, and what was counted: modules, events of YAML, and calls on Python 3.11.
RUNS: dict[str, tuple[list[str], int, int, int, int]] = {
    "help": (["--help"], 0, 118, 0, 35),
    "validate": (["validate", "m"], 0, 295, 0, 30152),
    "plan": (["plan", "m"], 0, 408, 0, 39829),
    "create all": (["apply", "--yes", "--quiet", "--no-reload", "new"], 0, 476, 0, 527855),
    "plan of changes": (["plan", "changed"], 0, 457, 0, 45734),
    "drift": (["drift", "m"], 0, 406, 0, 39140),
    "import": (["import", "--kind", "MtaRoute"], 0, 400, 0, 110928),
    "fmt": (["fmt", "--check", "m"], 0, 244, 13020, 166355),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_costs_no_more_than_it_did(sandbox: Any, tmp_path: Path, name: str) -> None:
    texts = [RELAY.format(n=n) for n in range(OBJECTS)]
    write(tmp_path / "m", routes="".join(texts))
    write(tmp_path / "changed", routes="".join(texts).replace("smtp7.", "smtp8."))
    write(tmp_path / "new", routes="".join(texts).replace("relay-", "new-"))
    talk = Talk(sandbox)
    secret = {"@type": "EnvironmentVariable", "variableName": "PRESENT"}
    routes = {
        f"r{n}": {
            "@type": "Relay",
            "name": f"relay-{n}",
            "address": f"smtp{n}.example.net",
            "port": 587,
            "authUsername": f"user{n}",
            "authSecret": secret,
        }
        for n in range(OBJECTS)
    }
    assert len(talk.call("x:MtaRoute/set", create=routes)["created"]) == OBJECTS
    args, code, modules, events, calls = RUNS[name]

    found = counted(args, environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path)), tmp_path)

    assert found[0] == code, "the run ended otherwise, so that its cost means nothing"
    assert found[2] <= events * 1.1
    if sys.version_info[:2] == PINNED:
        assert found[1] <= modules * 1.1
        assert found[3] <= calls * 1.1


def test_a_run_of_manifests_that_were_kept_neither_reads_nor_judges_them(tmp_path: Path) -> None:
    write(tmp_path / "m", routes="".join(RELAY.format(n=n) for n in range(OBJECTS)))
    env = environment("", XDG_RUNTIME_DIR=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))

    first, second = [counted(["validate", "m"], env, tmp_path) for _ in range(2)]

    assert (first[0], second[0]) == (0, 0)
    if sys.version_info[:2] == PINNED:
        assert second[1] <= 267 * 1.1
        assert second[3] <= 7800 * 1.1
