"""Every mishap of a node at every step of an apply to a cluster: what is told is true of every node.

Law: nodes are sandboxes on one store, each behind an address of its own; whatever the run says is live on a node runs
there, and one more run converges on all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import ConnectionClosed, Reply, Sandbox
from reconciler.sandbox.server import serve_many
from tests.running import Ran, command, environment, write
from tests.whole import SCHEMA

BEFORE = "kind: MtaRoute\nitems:\n  - {type: Relay, name: a, address: a.example.net}\n"
#: An update, a create that every node has to resolve a variable for, and a destroy.
AFTER = (
    "kind: MtaRoute\nitems:\n  - {type: Relay, name: mx2, address: b.example.net, authUsername: u,"
    " authSecret: {type: EnvironmentVariable, variableName: RELAY}}\n"
    "---\nkind: MtaOutboundStrategy\nspec: {route: {use: mx2}}\n"
)
#: The probe of each node; two rounds after what is made, and two after what is destroyed.
STEPS = ("probe", "reload", "again", "last", "proof")


class Node(Sandbox):
    """A node that something befalls just before it answers one of its reloads."""

    def __init__(self, environment: dict[str, str], **options: Any) -> None:
        super().__init__(environment=environment, **options)
        self.environment = environment
        self.gone = False
        self.bodies: list[bytes] = []
        #: What befalls it, and before which of its reloads from now on, 0 for the next.
        self.mishap: Callable[[Node], None] | None = None
        self.step = 0

    def handle(self, method: str, path: str, headers: Any, body: bytes = b"", peer: str = "127.0.0.1") -> Reply:
        self.bodies.append(body)
        if b"ReloadSettings" in body and self.mishap is not None:
            if self.step == 0:
                self.mishap(self)
                self.mishap = None
            self.step -= 1
        if self.gone:
            raise ConnectionClosed
        return super().handle(method, path, headers, body, peer)


def cluster(tmp_path: Path, nodes: list[Node]) -> tuple[dict[str, str], list[str]]:
    """Return environment and options for a cluster whose target names every node."""
    urls = ", ".join(node.url for node in nodes)
    config = tmp_path / "reconciler.yaml"
    config.write_text(f"targets: {{all: {{url: '{nodes[0].url}', nodes: [{urls}]}}}}\n", encoding="utf-8")
    env = environment(nodes[0].url, XDG_RUNTIME_DIR=str(tmp_path), RECONCILER_TIMEOUT="30s")
    del env["STALWART_URL"]
    return env, ["--config", str(config), "--max-destroy", "1", "--prune", "--format", "json"]


CLUSTERS = ["2-Disabled", "2-Redis", "3-Disabled", "3-Redis"]


@pytest.fixture(params=CLUSTERS)
def nodes(request: pytest.FixtureRequest) -> Iterator[list[Node]]:
    count, coordinator = request.param.split("-")
    with ExitStack() as stack:
        first = stack.enter_context(serve_many(Node({"RELAY": "x"})))
        first.registry.cluster.coordinator, first.registry.cluster.seconds = coordinator, 0.01
        others = [
            stack.enter_context(serve_many(Node({"RELAY": "x"}, node=f"node-{number}", beside=first)))
            for number in range(1, int(count))
        ]
        stack.callback(first.registry.cluster.settle)
        yield [first, *others]


def apply(nodes: list[Node], tmp_path: Path, text: str = AFTER) -> Ran:
    env, options = cluster(tmp_path, nodes)
    return command("apply", "--yes", *options, str(write(tmp_path / "m", r=text)), env=env)


def assert_truth(ran: Ran, nodes: list[Node], odd: Node | None = None) -> None:
    """What is told as live on a node is what it runs; nothing is told of the cluster that one node belies."""
    nodes[0].registry.cluster.settle()
    told = {each["url"]: each["result"] for each in ran.json["reload"].get("nodes", ())}
    for node in nodes:
        state = node.state()
        if told.get(node.url) == "applied" and ran.json["reload"]["result"] == "applied":
            assert state["live"] == state["stored"], (node.url, ran)
    if ran.code == 6:
        for node in nodes:
            state = node.state()
            assert state["live"] == state["stored"], (node.url, ran)
            assert sorted(each["name"] for each in state["live"]["x:MtaRoute"]) == ["a", "local", "mx"]
    if ran.code == 69 and odd is not None:
        assert [url for url, result in told.items() if result == "unknown"] == [odd.url], ran
        assert any(each.startswith(f"{odd.url}: unknown: ") for each in ran.json["notes"]), ran
    if ran.code == 0:
        assert told == {node.url: "applied" for node in nodes}
        assert f"Live on {len(nodes)} of {len(nodes)} nodes." in ran.json["notes"]


def assert_converges(nodes: list[Node], tmp_path: Path) -> None:
    again = apply(nodes, tmp_path)
    nodes[0].registry.cluster.settle()

    assert again.code == 0, again
    for node in nodes:
        state = node.state()
        assert state["live"] == state["stored"]
        assert sorted(each["name"] for each in state["live"]["x:MtaRoute"]) == ["local", "mx", "mx2"]


def test_every_node_is_reloaded_and_proven(nodes: list[Node], tmp_path: Path) -> None:
    apply(nodes, tmp_path, BEFORE)

    ran = apply(nodes, tmp_path)

    assert ran.code == 0, ran
    assert ran.json["target"]["nodes"] == len(nodes)
    assert_truth(ran, nodes)
    assert_converges(nodes, tmp_path)


def refuses(node: Node) -> None:
    """Its environment no longer has what a stored object needs."""
    node.environment.clear()


def deaf(node: Node) -> None:
    """It hears of no reload of the others."""
    node.registry.node.deaf = True


def restarts(node: Node) -> None:
    """It runs what is stored, and its session state is another."""
    node.restart()


def overtaken(node: Node) -> None:
    """A reload that somebody else asked for, and that began before, ends after the next one."""
    node.registry.node.overtaken = True


def unreachable(node: Node) -> None:
    """It answers nobody any more."""
    node.gone = True


MISHAPS: list[Callable[[Node], None]] = [refuses, deaf, restarts, overtaken, unreachable]


#: Exit codes by mishap and step; where none is named it is 0. A refusal of the probe changes nothing: what was stored
#: before needs no variable. What a node refuses is undone on all; what one that is gone runs is unknown.
EXPECTED = {
    "refuses": dict.fromkeys(STEPS, (6,)),
    "unreachable": dict.fromkeys(STEPS, (69,)),
}


def scenarios() -> Iterator[Any]:
    """Yield every cluster, place of the node, mishap and step; one of each mishap is in the normal run."""
    for (cluster, place), (number, mishap), (step, name) in product(
        product(CLUSTERS, ("last", "first")), enumerate(MISHAPS), enumerate(STEPS)
    ):
        quick = (cluster, place, step) == (CLUSTERS[number % 2], "last", number)
        marks = () if quick else pytest.mark.slow
        name = f"{cluster}-{place}-{mishap.__name__}-{name}"
        yield pytest.param(cluster, 0 if place == "first" else -1, mishap, step, marks=marks, id=name)


@pytest.mark.parametrize(("nodes", "place", "mishap", "step"), list(scenarios()), indirect=["nodes"])
def test_mishap_of_a_node_is_told_truly_and_one_more_run_converges(
    nodes: list[Node], tmp_path: Path, place: int, mishap: Callable[[Node], None], step: int
) -> None:
    apply(nodes, tmp_path, BEFORE)
    odd = nodes[place]
    odd.mishap, odd.step = mishap, step

    ran = apply(nodes, tmp_path)

    nodes[0].registry.cluster.settle()
    assert odd.step < 0, "nothing befell it"
    assert_truth(ran, nodes, odd)
    assert ran.code in EXPECTED.get(mishap.__name__, {}).get(STEPS[step], (0,)), ran
    odd.environment["RELAY"], odd.gone, odd.registry.node.deaf = "x", False, False
    assert_converges(nodes, tmp_path)


DOMAIN = "kind: Domain\nspec: {name: example.org}\n"


def forgetting(node: Node) -> int:
    """Return how often a node was asked to forget what it remembers."""
    return sum(b"InvalidateCaches" in body for body in node.bodies)


def test_every_node_forgets_what_it_remembers_of_objects_that_act_at_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(serve_many(Node({}, schema=SCHEMA.read_bytes())))
        nodes = [first, stack.enter_context(serve_many(Node({}, node="node-1", beside=first)))]
        env, options = cluster(tmp_path, nodes)
        config = tmp_path / "reconciler.yaml"
        config.write_text(f"serverSchema: {SCHEMA}\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
        manifests = str(write(tmp_path / "m", d=DOMAIN))

        ran = command("apply", "--yes", *options[:2], "--format", "json", manifests, env=env)
        permissions = command("permissions", *options[:2], "--format", "json", manifests, env=env)

    assert ran.code == 0, ran
    assert [min(forgetting(node), 1) for node in nodes] == [1, 1]
    assert "actionInvalidateCaches" in permissions.json["apply"]
