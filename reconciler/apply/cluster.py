"""The reload of every node of a cluster, each asked at its own address.

Law: no node's answer says anything of another one, and news from one to another is neither waited for nor counted on.
Settings are live on all nodes only where each, asked twice in a row, accepted both times and stayed one process, and no
two were the same. (Found by running two and three nodes of Stalwart 0.16.19 on one store.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from reconciler.apply.reload import Reloaded, reload_flow
from reconciler.kinds import Catalogue
from reconciler.plan import RELOAD
from reconciler.server import Flow, Limits, Secrets
from reconciler.values import UNREACHABLE, Address, NodeReload, Outcome

#: Seconds until no reload that one node asked another for is under way: the last of two to end wins. One took 0.2 s.
SETTLE_SECONDS = 1.0
#: How often every node is asked at most, until all stay the same processes.
ROUNDS = 4


def nodes_reload_flow(
    catalogue: Catalogue,
    limits: Limits,
    secrets: Secrets,
    ids: Mapping[Address, str] | None = None,
    *,
    nodes: Sequence[str] = (),
    probe: bool = False,
    action: str = RELOAD,
) -> Flow[Reloaded]:
    """Make stored settings live on every node.

    Args:
        catalogue: what the kinds are.
        limits: the session's.
        secrets: what must not be shown.
        ids: what objects are called.
        nodes: the addresses of all nodes; without any the one server is asked once.
        action: what each is to do.
        probe: whether it only asks, before anything is written, whether every node can reload: once, and all of them.

    Returns:
        `applied` where every node runs what is stored. A node that refuses ends it, since what it refuses may have to
        be undone; one that cannot be reached does not, and makes the whole `unknown`.
    """
    if not nodes:
        return (yield from reload_flow(catalogue, limits, secrets, ids, action=action))
    known: tuple[str, ...] = ()
    answers: list[Reloaded] = []
    for count in range(1 if probe else ROUNDS):
        answers = []
        for node in range(len(nodes)):
            pause = SETTLE_SECONDS if count and not node else 0.0
            answer = yield from reload_flow(catalogue, limits, secrets, ids, action=action, node=node, pause=pause)
            answers.append(answer)
            if answer.result in ("failed", "skipped") and answer.code != UNREACHABLE and not probe:
                break
        states = tuple(answer.state for answer in answers)
        if any(answer.result != "applied" for answer in answers):
            return _together(nodes, answers)
        if len({state for state in states if state}) < len(states):
            return _unproven(nodes, answers, "two addresses lead to one process, so that a node was not asked")
        if probe or states == known:
            return _together(nodes, answers)
        known = states
    return _unproven(nodes, answers, "the processes behind the addresses change from answer to answer")


def node_notes(outcome: Outcome) -> tuple[str, ...]:
    """Return what is to be told of the nodes of a cluster, a sentence each."""
    nodes = outcome.nodes
    if not nodes:
        return ()
    live = sum(node_reload.result == "applied" for node_reload in nodes)
    if outcome.reload == "unknown" and live == len(nodes):
        return (f"It is not proven that all {live} nodes run what is stored.",)
    message = "What was there before is live" if outcome.undone == "all" else "Live"
    lines = [f"{message} on {live} of {len(nodes)} nodes."]
    words = {"failed": "refused", "unknown": "unknown", "skipped": "not reloaded"}
    lines += [
        f"{node_reload.node}: {words[node_reload.result]}: {node_reload.because}."
        for node_reload in nodes
        if node_reload.result in words
    ]
    return tuple(lines)


def _together(nodes: Sequence[str], answers: Sequence[Reloaded]) -> Reloaded:
    """Return what became of the reloads of all nodes: the worst of them, by the name of its node."""
    node_reloads = [_told(node, answer) for node, answer in zip(nodes, answers, strict=False)]
    node_reloads += [NodeReload(node, "skipped", "it was no longer asked") for node in nodes[len(answers) :]]
    wrong = [
        replace(answer, because=f"{node}: {part.because}", result=part.result)
        for node, answer, part in zip(nodes, answers, node_reloads, strict=False)
        if part.result != "applied"
    ]
    order = ("failed", "skipped", "unknown")
    worst = min(wrong, key=lambda answer: order.index(answer.result), default=Reloaded(result="applied"))
    return replace(worst, nodes=tuple(node_reloads), blockers=tuple(answer.blocker for answer in wrong))


def _told(node: str, answer: Reloaded) -> NodeReload:
    """Return what one node said. Of one that cannot be reached nobody knows what it runs, or will run."""
    result = "unknown" if answer.result == "failed" and answer.code == UNREACHABLE else answer.result
    return NodeReload(node, result, answer.because)


def _unproven(nodes: Sequence[str], answers: Sequence[Reloaded], because: str) -> Reloaded:
    return replace(_together(nodes, answers), result="unknown", because=because)
