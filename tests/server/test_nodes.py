"""What is said of the nodes of a cluster, and of a store that is not live."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.server.jmap.protocol import MethodError, Response
from reconciler.server.nodes import cluster_remark, nodes_flow
from tests.running import command, environment, write


def nodes(result: Any) -> tuple[str, ...]:
    flow = nodes_flow()
    next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send((Response((result,)),))
    found: tuple[str, ...] = end.value.value
    return found


def test_nodes_are_those_that_are_active_and_none_where_that_cannot_be_told() -> None:
    listed = [{"hostname": "a", "status": "active"}, {"hostname": "b", "status": "stale"}, "odd"]

    assert nodes({"list": listed}) == ("a",)
    assert nodes({"list": "odd"}) == ()
    assert nodes(MethodError("forbidden")) == ()


def test_several_nodes_or_processes_make_a_reload_prove_less() -> None:
    proven = "a reload is proven on the node that answered only"

    assert cluster_remark(("b", "a"), frozenset({"s"})) == f"2 nodes are active (a, b): {proven}"
    assert cluster_remark((), frozenset({"s", "t"})) == f"answers came from 2 processes: {proven}"
    assert cluster_remark(("a",), frozenset({"s"})) == ""


def test_plan_drift_and_doctor_say_that_the_store_is_not_live(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    del env["RECONCILER_JOURNAL"]
    manifests = str(write(tmp_path / "manifests", m="kind: MtaMilter\nspec: {hostname: filter.invalid}\n"))
    applied = command("apply", "--yes", "--keep-refused", manifests, env=env, cwd=tmp_path)

    plan, drift, doctor = (command(name, manifests, env=env, cwd=tmp_path) for name in ("plan", "drift", "doctor"))

    assert (applied.code, drift.code) == (5, 0)
    for told in (plan.out, drift.err, doctor.out):
        assert "what is stored is not live" in told
