"""Several nodes on one store: what spreads from one to another, and what does not."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from reconciler.sandbox import Sandbox, serve_nodes
from tests.talk import Talk


def nodes(*environments: Mapping[str, str] | None, coordinator: str = "Disabled") -> list[Sandbox]:
    first = Sandbox(environment=environments[0])
    first.registry.cluster.coordinator, first.registry.cluster.seconds = coordinator, 0
    others = [Sandbox(environment=env, node=f"node-{n}", beside=first) for n, env in enumerate(environments[1:], 1)]
    return [first, *others]


def create(sandbox: Sandbox, name: str, **more: Any) -> None:
    answer = Talk(sandbox).call(
        "x:MtaRoute/set", create={"a": {"@type": "Relay", "name": name, "address": "r", **more}}
    )
    assert list(answer["created"]) == ["a"]


def reload(sandbox: Sandbox) -> Any:
    return Talk(sandbox).call("x:Action/set", create={"r": {"@type": "ReloadSettings"}})


def live(sandboxes: Sequence[Sandbox]) -> list[bool]:
    """Return whether each node runs the route `new`."""
    return [any(each["name"] == "new" for each in sandbox.state()["live"]["x:MtaRoute"]) for sandbox in sandboxes]


def stored(sandbox: Sandbox) -> bool:
    return any(each["name"] == "new" for each in sandbox.state()["stored"]["x:MtaRoute"])


def test_what_one_node_stores_every_node_shows_at_once() -> None:
    first, second = nodes(None, None)

    create(first, "new")

    assert (stored(second), live([first, second])) == (True, [False, False])


@pytest.mark.parametrize(("coordinator", "expected"), [("Disabled", [True, False]), ("Redis", [True, True])])
def test_reload_of_one_node_reaches_the_others_through_a_coordinator_only(
    coordinator: str, expected: list[bool]
) -> None:
    both = nodes(None, None, coordinator=coordinator)
    create(both[0], "new")

    answer = reload(both[0])

    assert (list(answer["created"]), live(both)) == (["r"], expected)


def test_another_action_reaches_the_others_as_what_it_is() -> None:
    first, second = nodes(None, None, coordinator="Redis")
    create(first, "new")

    answer = Talk(first).call("x:Action/set", create={"r": {"@type": "InvalidateCaches"}})

    assert (list(answer["created"]), live([first, second])) == (["r"], [False, False])


def test_node_that_cannot_load_keeps_what_it_runs_and_nobody_hears_of_it() -> None:
    both = nodes({"RELAY": "x"}, {}, coordinator="Redis")
    create(both[0], "new", authSecret={"@type": "EnvironmentVariable", "variableName": "RELAY"}, authUsername="u")

    answer = reload(both[0])

    assert (list(answer["created"]), live(both)) == (["r"], [True, False])
    assert [each["description"] for each in both[1].registry.node.refused] == ["Environment variable 'RELAY' not found"]


def test_refusal_is_told_to_whoever_asks_the_node_itself() -> None:
    both = nodes({"RELAY": "x"}, {}, coordinator="Redis")
    create(both[0], "new", authSecret={"@type": "EnvironmentVariable", "variableName": "RELAY"}, authUsername="u")

    answer = reload(both[1])

    assert answer["notCreated"]["r"]["description"] == "Environment variable 'RELAY' not found"
    assert live(both) == [False, False]


def test_deaf_node_hears_of_nothing() -> None:
    both = nodes(None, None, coordinator="Redis")
    both[1].registry.node.deaf = True
    create(both[0], "new")

    reload(both[0])

    assert live(both) == [True, False]


def state(sandbox: Sandbox) -> str:
    return str(json.loads(Talk(sandbox).get("/jmap/session").body)["state"])


def test_restarted_node_runs_what_is_stored_and_has_another_session_state() -> None:
    both = nodes(None, None)
    before = state(both[1])
    create(both[0], "new")

    both[1].restart()

    assert (live(both), state(both[1]) == before) == ([False, True], False)


def test_session_states_tell_nodes_apart() -> None:
    both = nodes(None, None)

    assert state(both[0]) == state(both[0]) != state(both[1])


def test_nodes_are_listed_by_host_name_and_cannot_be_written() -> None:
    both = nodes(None, None, coordinator="Redis")
    talk = Talk(both[1])

    listed = talk.call("x:ClusterNode/get", ids=None)["list"]

    assert [(each["id"], each["nodeId"], each["hostname"], each["status"]) for each in listed] == [
        ("a", 0, "node-0", "active"),
        ("b", 1, "node-1", "active"),
    ]
    assert talk.call("x:ClusterNode/set", destroy=["a"])["type"] == "forbidden"
    assert talk.call("x:Coordinator/get", ids=["singleton"])["list"] == [{"@type": "Redis", "id": "singleton"}]


def test_two_nodes_of_one_host_name_are_listed_as_one() -> None:
    first = Sandbox()
    Sandbox(node="node-0", beside=first)

    assert len(Talk(first).call("x:ClusterNode/get", ids=None)["list"]) == 1


def test_nodes_answer_at_addresses_of_their_own_and_hear_of_each_other_later() -> None:
    with serve_nodes(3, coordinator="Redis", seconds=0.01) as three:
        create(three[0], "new")
        reload(three[2])
        three[0].registry.cluster.settle()

        assert (len({each.url for each in three}), live(three)) == (3, [True, True, True])
