"""Which nodes a cluster has, and how they hear of each other, as far as the one that answers knows.

Law: a look that may fail: who may not read it, or a server without it, has no nodes to tell of.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from reconciler.server.jmap.protocol import Call, Flow, MethodError, Request

#: What is said of a reload where more than one node runs (Stalwart 0.16.19: the answer is about one node only).
ONE_NODE = "a reload is proven on the node that answered only"
_LIST = Call("x:ClusterNode/get", {"ids": None})


class Nodes(Struct, frozen=True):
    """What a node says of its cluster."""

    #: Host names of the nodes that hold a lease: a node that was stopped keeps its own for up to an hour, and two of
    #: one name are one.
    hosts: tuple[str, ...] = ()
    #: How nodes hear of each other: `Disabled`, or the name of what carries the news; "" where that cannot be told.
    coordinator: str = ""


def nodes_flow() -> Flow[Nodes]:
    """Return what the server says of its nodes; nothing where that cannot be told."""
    (response,) = yield (Request((_LIST, Call("x:Coordinator/get", {"ids": ["singleton"]}))),)
    nodes, coordinators = (_listed(result) for result in response.results)
    hosts = tuple(str(node.get("hostname")) for node in nodes if node.get("status") == "active")
    kinds = [coordinator.get("@type") for coordinator in coordinators]
    return Nodes(hosts, str(kinds[0]) if kinds and isinstance(kinds[0], str) else "")


def process_flow(node: int) -> Flow[str]:
    """Ask one node for what tells its process from others: its session state (Stalwart 0.16.19)."""
    (response,) = yield (Request((_LIST,), node=node),)
    return response.state


def _listed(result: dict[str, Any] | MethodError) -> list[dict[str, Any]]:
    listed = None if isinstance(result, MethodError) else result.get("list")
    return [element for element in listed if isinstance(element, dict)] if isinstance(listed, list) else []


def cluster_remark(nodes: Nodes, states: frozenset[str], addresses: tuple[str, ...] = ()) -> str:
    """Say what a reload proves where several nodes run; "" where one does, or every node is asked.

    Args:
        nodes: the nodes, as `nodes_flow` returns them.
        states: every session state that answers had; each process has one of its own.
        addresses: those that every node is asked at, where they are known.
    """
    count = len(nodes.hosts)
    active = f"{count} nodes are active ({', '.join(sorted(nodes.hosts))})"
    if addresses and count > len(addresses):
        return f"{active}, and `nodes` has {len(addresses)}: the others are not proven"
    if count > 1 and not addresses:
        return f"{active}: {ONE_NODE}"
    if len(states) > 1 and not addresses:
        return f"answers came from {len(states)} processes: {ONE_NODE}"
    return ""
