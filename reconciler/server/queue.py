"""Reads the messages that wait for delivery.

Law: what was delivered or bounced while it was read is counted as gone, never as an error; no httpx here.

Stalwart 0.16.19: a query answers 5,000 ids at most and tells only by its total that there are more; pages by position
are sound. A get takes 500 ids.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from reconciler.server.jmap.protocol import Call, Flow, Limits, MethodError, Request
from reconciler.values import NotAllowed, Unreachable

#: The object type of a message that waits; it is read only, and so no kind.
QUEUED = "QueuedMessage"
#: What reading the queue needs, and the domains that decide what is local.
QUEUE_PERMISSIONS = ("sysDomainGet", "sysDomainQuery", f"sys{QUEUED}Get", f"sys{QUEUED}Query")
#: What is read of a message, `id` besides.
_PROPERTIES = (
    *("createdAt", "returnPath", "recipients", "receivedFromIp", "receivedViaPort"),
    *("flags", "priority", "size"),
)


class Queue(Struct, frozen=True):
    """The messages that wait, as the server writes them, and how many were gone before they could be read."""

    messages: tuple[dict[str, Any], ...]
    gone: int = 0


def queue_flow(limits: Limits, ids: tuple[str, ...] = ()) -> Flow[Queue]:
    """Read the queue, or some of its messages.

    Raises:
        NotAllowed: the credentials may not read it.
        Unreachable: the server answers otherwise than with messages.
    """
    seen = dict.fromkeys(ids)
    total = 0 if ids else -1
    while len(seen) < total or total < 0:
        responses = yield (Request((_query(len(seen), limits),)),)
        answer = _answer(responses[0].results[0], "Query")
        page, total = answer.get("ids"), answer.get("total", -1)
        if not isinstance(page, list) or not isinstance(total, int) or total < 0:
            raise Unreachable("the queue was not answered with ids and a total", "try again")
        before = len(seen)
        seen.update(dict.fromkeys(map(str, page)))
        if len(seen) == before:
            break  # mail left meanwhile, and a page of what has been seen stands at its end
    every = list(seen)
    calls = [
        Call(f"x:{QUEUED}/get", {"ids": every[start : start + limits.max_objects_in_get], "properties": _PROPERTIES})
        for start in range(0, len(every), limits.max_objects_in_get)
    ]
    messages: list[dict[str, Any]] = []
    if calls:
        # One call a request: each answer is large, and several may be under way side by side.
        for response in (yield tuple(Request((call,)) for call in calls)):
            listed = _answer(response.results[0], "Get").get("list")
            if not isinstance(listed, list) or not all(isinstance(element, dict) for element in listed):
                raise Unreachable("the queue was not answered with messages", "try again")
            messages += listed
    return Queue(tuple(messages), len(every) - len(messages))


def _query(position: int, limits: Limits) -> Call:
    order = [{"property": "due", "isAscending": True}]
    arguments = {"sort": order, "calculateTotal": True, "position": position, "limit": limits.max_ids_in_query}
    return Call(f"x:{QUEUED}/query", arguments)


def _answer(result: dict[str, Any] | MethodError, verb: str) -> dict[str, Any]:
    if not isinstance(result, MethodError):
        return result
    if result.type == "forbidden":
        raise NotAllowed("the credentials may not read the queue", f"they need the permission sys{QUEUED}{verb}")
    raise Unreachable(f"x:{QUEUED}/{verb.lower()} fails: {result}", "try again later")
