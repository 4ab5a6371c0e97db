"""The server's log and what only its paid edition tells, as a client meets them here: an empty log, and refusals.

Law: nothing is logged, so that every query that the server takes answers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox import ids
from reconciler.sandbox.request import MethodError

#: The object type of a line of the log.
LOG = "Log"
#: Object types of the paid edition.
PAID = frozenset(("Trace", "Metric"))

_REFUSED = {"type": "forbidden", "description": "Telemetry objects cannot be modified"}
_PAID_ONLY = "This feature is only available in the Enterprise edition"


def answer(kind: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer get, query or set.

    Raises:
        MethodError: unsupportedFilter, unsupportedSort, or forbidden for what the paid edition has.
    """
    if kind in PAID:
        raise MethodError("forbidden", _PAID_ONLY)
    if verb == "get":
        return {"list": [], "notFound": list(arguments.get("ids") or ())}
    if verb == "query":
        for name in arguments.get("filter") or {}:
            if name != "text":
                raise MethodError("unsupportedFilter", f"Filter on property {name} is not supported or invalid")
        if any(comparator.get("property") != "id" for comparator in arguments.get("sort") or ()):
            raise MethodError("unsupportedSort", "Only sorting by 'id' is supported for log entries")
        page = {"queryState": "n", "canCalculateChanges": True, "position": 0, "ids": []}
        # The server counts no lines: it answers how many it would look at.
        return {**page, "total": 5000} if arguments.get("calculateTotal") else page
    changed = {
        "notCreated": arguments.get("create") or {},
        "notUpdated": arguments.get("update") or {},
        "notDestroyed": [text for text in arguments.get("destroy") or () if ids.parse(text) is not None],
    }
    return {name: dict.fromkeys(texts, _REFUSED) for name, texts in changed.items() if texts}
