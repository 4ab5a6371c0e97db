"""Every format that a run can write, from a server that holds secrets: none of them is in any."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.report import formats_of
from reconciler.sandbox import serve
from tests.running import Ran, command, environment

PLAIN, NAMED, FILED, LOGIN, FORMER = (f"c4n4ry-{name}" for name in ("plain", "named", "filed", "login", "former"))
CANARY = "c4n4ry"
ROUTES = """\
kind: MtaRoute
items:
  - {{type: Relay, name: plain, address: a.example, authSecret: {{type: Value, secret: "{plain}"}}}}
  - {{type: Relay, name: named, address: b.example, authSecret: {{type: Value, secret: "${{env:RELAY_PASSWORD}}"}}}}
  - {{type: Relay, name: filed, address: c.example, authSecret: {{type: Value, secret: "${{file:{place}/relay}}"}}}}
---
kind: MtaOutboundStrategy
spec: {{route: {{match: [{{if: "rcpt_domain == 'a.example'", use: {use}}}], use: mx}}}}
"""
TESTS = """\
---
kind: RoutingTest
cases: [{{name: partners, given: {{rcpt: b@a.example}}, expect: {{route: {use}}}}}]
"""


class World:
    """A server, manifests, and the files that runs write."""

    def __init__(self, place: Path, url: str) -> None:
        self.place, self.manifests, self.count = place, place / "manifests", 0
        more = {"RELAY_PASSWORD": NAMED, "STALWART_PASSWORD": LOGIN, "XDG_RUNTIME_DIR": str(place)}
        self.env = environment(url, **more, RECONCILER_JOURNAL=str(place / "journal"))

    def declare(self, use: str, secret: str = PLAIN) -> None:
        self.manifests.mkdir(exist_ok=True)
        (self.manifests / "relay").write_text(FILED)
        text = ROUTES.format(plain=secret, use=use, place=self.manifests) + TESTS.format(use=use)
        (self.manifests / "m.yaml").write_text(text)

    def run(self, report: str, *words: str) -> Ran:
        """Run a command with every format that its report has, each into a file of its own."""
        self.count += 1
        writes = (f"{chosen}={self.place}/out-{self.count}.{chosen}" for chosen in formats_of(report))
        paths = [] if words[0] in ("show", "status") else [str(self.manifests)]
        return command(*words, *(word for each in writes for word in ("--write", each)), *paths, "-v", env=self.env)

    def written(self) -> list[Path]:
        return sorted([*self.place.glob("out-*"), *(self.place / "journal").glob("*")])


@pytest.fixture
def world(tmp_path: Path) -> Any:
    with serve(user="admin", password=LOGIN) as sandbox:
        yield World(tmp_path, sandbox.url)


def test_no_secret_is_in_any_format_of_any_command(world: World) -> None:
    world.declare("plain", FORMER)
    runs = [world.run("validation", "validate"), world.run("outcome", "apply", "--yes")]
    world.declare("named")
    runs += [
        world.run("plan", "plan", "--rotate-secrets"),
        world.run("drift", "drift"),
        world.run("routing-tests", "test"),
        world.run("explanation", "explain", "--rcpt", "b@a.example"),
        world.run("diagnosis", "doctor"),
        world.run("permissions", "permissions"),
        world.run("outcome", "apply", "--yes", "--rotate-secrets"),
        world.run("outcome", "show", str(next((world.place / "journal").glob("*.jsonl")))),
        world.run("status", "status"),
        world.run("error", "apply", "--yes", "--max-destroy", "nonsense"),
    ]

    assert [ran.code for ran in runs] == [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 64], runs
    # A run that is refused for how it was typed writes no file, and every other one all.
    names = ("validation", "outcome", "plan", "drift", "routing-tests", "explanation", "diagnosis", "permissions")
    wanted = sum(len(formats_of(name)) for name in (*names, "outcome", "outcome", "status"))
    assert len(world.written()) == wanted + 1
    assert [ran for ran in runs if CANARY in ran.out + ran.err] == []
    assert [path.name for path in world.written() if CANARY in path.read_text(encoding="utf-8")] == []


def test_a_saved_plan_is_shown_in_every_format_without_its_secrets(world: World) -> None:
    world.declare("named", "${env:RELAY_PASSWORD}")
    plan = str(world.place / "plan.json")
    saved = world.run("plan", "plan", "--out", plan)
    shown = world.run("plan", "show", plan)

    assert (saved.code, shown.code) == (0, 0), shown
    files = [*world.written(), world.place / "plan.json"]
    assert [path.name for path in files if CANARY in path.read_text(encoding="utf-8")] == []
