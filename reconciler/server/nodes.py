"""Which nodes a cluster has, as far as the one that answers knows.

Law: a look that may fail: who may not read it, or a server without it, has no nodes to tell of.
"""

from __future__ import annotations

from reconciler.server.jmap.protocol import Call, Flow, MethodError, Request

#: What is said of a reload where more than one node runs (Stalwart 0.16.19: the answer is about one node only).
ONE_NODE = "a reload is proven on the node that answered only"


def nodes_flow() -> Flow[tuple[str, ...]]:
    """Return the host names of the nodes that hold a lease; () where that cannot be told."""
    (response,) = yield (Request((Call("x:ClusterNode/get", {"ids": None}),)),)
    result = response.results[0]
    nodes = None if isinstance(result, MethodError) else result.get("list")
    if not isinstance(nodes, list):
        return ()
    return tuple(
        str(each.get("hostname")) for each in nodes if isinstance(each, dict) and each.get("status") == "active"
    )


def cluster_remark(nodes: tuple[str, ...], states: frozenset[str]) -> str:
    """Say what a reload proves where several nodes run; "" where one does.

    Args:
        nodes: host names, as `nodes_flow` returns them.
        states: every session state that answers had; each process has one of its own.
    """
    if len(nodes) > 1:
        return f"{len(nodes)} nodes are active ({', '.join(sorted(nodes))}): {ONE_NODE}"
    if len(states) > 1:
        return f"answers came from {len(states)} processes: {ONE_NODE}"
    return ""
