"""Several servers on one store: what a reload of one does to the others, and what tells them apart.

Law: nodes share what is stored and nothing that is live; a node hears of another's reload only through a coordinator,
and whoever asked never learns what became of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

#: The object types that tell of a cluster: its nodes, which are read only, and how they hear of each other.
NODE, COORDINATOR = "ClusterNode", "Coordinator"
#: Seconds between a node's answer and the moment that another one runs the same settings.
BROADCAST_SECONDS = 0.15

Status = Literal["active", "stale", "inactive"]


class Member(Struct):
    """One node: who it says that it is, and whether it hears of others' reloads."""

    host: str
    #: Runs an action on what is stored; returns the error that refuses it, or None.
    run: Callable[[str], dict[str, Any] | None]
    deaf: bool = False
    #: Whether a reload that began earlier ends after the next one, which is then accepted and of no effect: two at once
    #: are not ordered, and the last to end wins (seen in 2 of 40 rounds on Stalwart 0.16.19).
    overtaken: bool = False
    status: Status = "active"
    #: Refusals of reloads that another node asked for, which a real node writes to its log and tells nobody.
    refused: list[dict[str, Any]] = []


class Cluster:
    """The nodes on one store.

    Args:
        coordinator: how nodes hear of each other: `Disabled` (not at all), or `Redis`.
        seconds: how long a broadcast is on its way; 0 delivers it before the answer leaves.
    """

    def __init__(self, *, coordinator: str = "Disabled", seconds: float = BROADCAST_SECONDS) -> None:
        self.coordinator = coordinator
        self.seconds = seconds
        self.members: list[Member] = []
        self._timers: list[threading.Timer] = []
        self._started = time.time()

    def join(self, member: Member) -> None:
        """Add a node."""
        self.members.append(member)

    def broadcast(self, sender: Member, action: str) -> None:
        """Let the other nodes do what one did, those that hear of it."""
        if self.coordinator == "Disabled":
            return
        for member in self.members:
            # Nodes of one host name share an id, and each takes the other's broadcasts for its own.
            if member is sender or member.host == sender.host:
                continue
            if self.seconds:
                timer = threading.Timer(self.seconds, self._hear, [member, action])
                timer.daemon = True
                self._timers = [timer for timer in self._timers if timer.is_alive()] + [timer]
                timer.start()
            else:
                self._hear(member, action)

    def settle(self) -> None:
        """Wait until every broadcast has arrived."""
        for timer in self._timers:
            timer.join()

    def _hear(self, member: Member, action: str) -> None:
        if member.deaf or member.status != "active":
            return
        error = member.run(action)
        if error is not None:
            member.refused.append(error)

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes as `get` answers them: nodes of one host name are one."""
        hosts = dict.fromkeys(member.host for member in self.members)
        statuses = {member.host: member.status for member in reversed(self.members)}
        renewed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started))
        return [
            {
                "nodeId": number,
                "hostname": host,
                "lastRenewal": renewed,
                "status": statuses[host],
                "id": chr(97 + number),
            }
            for number, host in enumerate(hosts)
        ]
