"""Mishaps on demand: what a network, a proxy or a busy server does to a client.

Law: a fault says what happens and to which request, and nothing else; without faults the sandbox is the strict server.

A fault is written as one word for what happens, and words with values for when, all parted by commas:

    drop                                the connection is closed; nothing was run
    drop,after                          … after the request was run, so that the client cannot know
    delay=250ms                         the answer comes later (ms or s)
    status=429,retry-after=3            this status in place of an answer; nothing was run
    status=500,after                    … after the request was run
    html                                a web page, as from a proxy (`after`: the request was run)
    truncate                            the answer breaks off in its middle; the request was run
    repeat-ids                          a page of a query holds its first id again in place of its last
    leave-out                           the answer of a set leaves out one id that was done
    unavailable                         a set stops with serverUnavailable after its first object, which stays written
    unavailable=3                       … after its third

    method=x:MtaRoute/set               only requests (or calls) with this method; `*` and `?` as in file names
    path=/jmap/session                  requests to this path, in place of the API endpoint
    nth=2                               only the second that fits
    every=5                             every fifth that fits
    times=2                             no more than twice

`drop,after,method=*/set,nth=2` closes the connection behind the second request that writes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, cast, get_args

from msgspec import Struct

Action = Literal["drop", "delay", "status", "html", "truncate", "repeat-ids", "leave-out", "unavailable"]
#: Faults within the answer of one call; the others befall a whole request.
_IN_CALLS = ("repeat-ids", "leave-out", "unavailable")


class InjectedFault(Struct, frozen=True, kw_only=True):
    """One mishap, and which requests it befalls. A number that is 0 says nothing."""

    action: Action
    #: Seconds of a delay.
    seconds: float = 0
    #: The HTTP status that stands in for an answer.
    status: int = 0
    #: Seconds that the client is told to wait.
    retry_after: int = 0
    #: Objects that a set still writes before it becomes unavailable.
    objects: int = 1
    #: The request is run first.
    after: bool = False
    method: str = ""
    path: str = ""
    nth: int = 0
    every: int = 0
    times: int = 0


class FaultError(ValueError):
    """A fault that cannot be read; the message says which word is wrong, and what would be right."""


def parse_fault(text: str) -> InjectedFault:
    """Read a fault in the grammar of this module.

    Raises:
        FaultError: a word is unknown, missing, or has a value that makes no sense.
    """
    words = [word.strip() for word in text.split(",")]
    name, _, value = words[0].partition("=")
    if name not in get_args(Action):
        raise FaultError(f"fault {text!r}: {name!r} is none of {', '.join(get_args(Action))}")
    members: dict[str, Any] = {"action": cast("Action", name)}
    if name == "delay":
        members["seconds"] = _seconds(text, value)
    elif name == "status":
        members["status"] = _number(text, name, value, 201, 599)
    elif name == "unavailable" and value:
        members["objects"] = _number(text, name, value, 0, 10_000)
    elif value:
        raise FaultError(f"fault {text!r}: {name} takes no value")
    for word in words[1:]:
        key, separator, value = word.partition("=")
        if key == "after" and not separator and name in ("drop", "status", "html"):
            members["after"] = True
        elif key in ("method", "path") and value:
            members[key] = value
        elif key in ("nth", "every", "times"):
            members[key] = _number(text, key, value, 1, 1_000_000_000)
        elif key == "retry-after" and name == "status":
            members["retry_after"] = _number(text, key, value, 0, 86_400)
        else:
            raise FaultError(f"fault {text!r}: {word!r} does not fit; after, method, path, nth, every, times do")
    return InjectedFault(**members)


def _number(text: str, name: str, value: str, low: int, high: int) -> int:
    if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
        raise FaultError(f"fault {text!r}: {name} takes a number from {low} to {high}")
    return int(value)


def _seconds(text: str, value: str) -> float:
    for unit, factor in (("ms", 0.001), ("s", 1.0)):
        number = value.removesuffix(unit)
        if number != value and number.isascii() and number.isdigit():
            return int(number) * factor
    raise FaultError(f"fault {text!r}: delay takes a time such as 250ms or 2s")


class InjectedFaults:
    """The faults of a sandbox, and how often each has been met."""

    def __init__(self, faults: Iterable[InjectedFault]) -> None:
        self._faults = tuple(faults)
        self._lock = threading.Lock()
        self._met = [0] * len(self._faults)
        self._done = [0] * len(self._faults)

    def of_request(self, path: str, methods: Sequence[str]) -> list[InjectedFault]:
        """Return the faults that befall a request; `methods` is empty for all but the API endpoint."""
        return [
            fault
            for index, fault in enumerate(self._faults)
            if fault.action not in _IN_CALLS and _fits(fault, path, methods) and self._due(index, fault)
        ]

    def of_call(self, method: str) -> list[InjectedFault]:
        """Return the faults that befall the answer of one call."""
        verb = {"repeat-ids": "query", "leave-out": "set", "unavailable": "set"}
        return [
            fault
            for index, fault in enumerate(self._faults)
            if fault.action in _IN_CALLS
            and method.endswith("/" + verb[fault.action])
            and (not fault.method or fnmatchcase(method, fault.method))
            and self._due(index, fault)
        ]

    def _due(self, index: int, fault: InjectedFault) -> bool:
        with self._lock:
            self._met[index] += 1
            met = self._met[index]
            due = (not fault.nth or met == fault.nth) and (not fault.every or met % fault.every == 0)
            if not due or (fault.times and self._done[index] >= fault.times):
                return False
            self._done[index] += 1
            return True


def _fits(fault: InjectedFault, path: str, methods: Sequence[str]) -> bool:
    if fault.path:
        return fnmatchcase(path, fault.path)
    if fault.method:
        return any(fnmatchcase(method, fault.method) for method in methods)
    return path.rstrip("/") == "/jmap"


def alter_answer(faults: Iterable[InjectedFault], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a call as the faults leave it."""
    for fault in faults:
        if fault.action == "repeat-ids" and len(answer.get("ids", ())) > 1:
            answer = {**answer, "ids": [*answer["ids"][:-1], answer["ids"][0]]}
        elif fault.action == "leave-out":
            answer = _without_one(answer)
    return answer


def _without_one(answer: dict[str, Any]) -> dict[str, Any]:
    for name in ("created", "updated", "destroyed"):
        done = answer.get(name)
        if done:
            kept = done[:-1] if isinstance(done, list) else dict(list(done.items())[:-1])
            altered = {**answer, name: kept}
            if not kept:
                del altered[name]
            return altered
    return answer
