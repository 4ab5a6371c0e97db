"""Cuts work into requests that a session allows.

Law: one set call a kind, as many kinds a request as fit, and the plan's order throughout; nothing here is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from reconciler.server import Limits
from reconciler.values import Change

Verb = Literal["create", "update", "destroy"]

#: Bytes of a request that are no objects, and of a call beside them.
ENVELOPE, CALL = 256, 128


class BatchedChange(Struct, frozen=True):
    """One change, or half of one, as it is sent: its key within a call, and its size in bytes. It holds no secret."""

    change: Change
    verb: Verb
    key: str
    size: int = 0


Batch = list[list[BatchedChange]]


def verb_of(change: Change) -> Verb:
    """Return how a change is sent. A replace is one update, unless it destroys and creates."""
    return "update" if change.action == "replace" else change.action


def calls(works: Iterable[BatchedChange]) -> Batch:
    """Group work by kind: one set call each."""
    groups: dict[str, list[BatchedChange]] = {}
    for work in works:
        groups.setdefault(work.change.address.kind, []).append(work)
    return list(groups.values())


def batches(works: Sequence[BatchedChange], limits: Limits) -> Iterator[Batch]:
    """Cut work into requests of set calls, within the session's limits. A work that is too large alone goes alone."""
    batch: Batch = []
    room = limits.max_size_request - ENVELOPE
    size = 0
    for group in calls(works):
        call: list[BatchedChange] = []
        for work in group:
            fresh = not call or len(call) >= limits.max_objects_in_set
            cost = work.size + (CALL if fresh else 0)
            full = size + cost > room or (fresh and len(batch) >= limits.max_calls_in_request)
            if batch and full:
                yield batch
                batch, size, fresh, cost = [], 0, True, work.size + CALL
            if fresh:
                call = []
                batch.append(call)
            call.append(work)
            size += cost
    if batch:
        yield batch
