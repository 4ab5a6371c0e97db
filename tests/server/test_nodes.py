"""What is said of the nodes of a cluster, and of a store that is not live."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.server.jmap.protocol import MethodError, Response
from reconciler.server.nodes import Nodes, cluster_remark, nodes_flow
from tests.running import command, environment, write


def nodes(*results: Any) -> Nodes:
    flow = nodes_flow()
    next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send((Response(results),))
    found: Nodes = end.value.value
    return found


def test_nodes_are_those_that_are_active_and_none_where_that_cannot_be_told() -> None:
    listed = [{"hostname": "a", "status": "active"}, {"hostname": "b", "status": "stale"}, "odd"]

    assert nodes({"list": listed}, {"list": [{"@type": "Redis"}]}) == Nodes(("a",), "Redis")
    assert nodes({"list": "odd"}, {"list": [{"@type": 3}]}) == Nodes()
    assert nodes(MethodError("forbidden"), MethodError("forbidden")) == Nodes()


def test_several_nodes_or_processes_make_a_reload_prove_less() -> None:
    proven = "a reload is proven on the node that answered only"
    two = Nodes(("b", "a"))

    assert cluster_remark(two, frozenset({"s"})) == f"2 nodes are active (a, b): {proven}"
    assert cluster_remark(Nodes(), frozenset({"s", "t"})) == f"answers came from 2 processes: {proven}"
    assert cluster_remark(Nodes(("a",)), frozenset({"s"})) == ""


def test_nodes_without_an_address_are_not_proven() -> None:
    two, one = Nodes(("b", "a")), ("https://a",)

    assert cluster_remark(two, frozenset({"s"}), one) == (
        "2 nodes are active (a, b), and `nodes` has 1: the others are not proven"
    )
    assert cluster_remark(two, frozenset({"s", "t"}), ("https://a", "https://b")) == ""


def test_plan_drift_and_doctor_say_that_the_store_is_not_live(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    del env["RECONCILER_JOURNAL"]
    manifests = str(write(tmp_path / "manifests", m="kind: MtaMilter\nspec: {hostname: filter.invalid}\n"))
    applied = command("apply", "--yes", "--keep-refused", manifests, env=env, cwd=tmp_path)

    plan, drift, doctor = (command(name, manifests, env=env, cwd=tmp_path) for name in ("plan", "drift", "doctor"))

    assert (applied.code, drift.code) == (5, 0)
    for told in (plan.out, drift.err, doctor.out):
        assert "what is stored is not live" in told
