"""From the bytes of a request to its method calls, as strictly as the server reads them.

Law: pure; nothing is run here, and a request that is refused here has changed nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.sandbox import ids, reply
from reconciler.sandbox.arguments import CHECKS, MARK, Position, check_arguments

_IETF = "urn:ietf:params:jmap:"
CORE = f"{_IETF}core"
STALWART = "urn:stalwart:jmap"
#: Every capability that may stand in `using`.
CAPABILITIES = frozenset(
    [
        *(_IETF + name for name in ("core", "mail", "submission", "vacationresponse", "websocket", "sieve", "blob")),
        *(_IETF + name for name in ("contacts", "contacts:parse", "calendars", "calendars:parse", "quota", "filenode")),
        *(_IETF + name for name in ("principals", "principals:owner", "principals:availability")),
        STALWART,
    ]
)
#: The server's reader goes no deeper.
MAX_DEPTH = 127

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class MethodError(Exception):
    """A method call that fails as a whole; the next call of the request is still run."""

    def __init__(self, kind: str, description: str) -> None:
        super().__init__(f"{kind}: {description}")
        self.kind = kind
        self.description = description

    def members(self) -> dict[str, str]:
        """Return the arguments of the `error` response."""
        return {"type": self.kind, "description": self.description}


class Call(Struct, frozen=True):
    """One method call as it was read; `error` where it cannot be run."""

    name: str
    arguments: dict[str, Any]
    id: str
    error: MethodError | None = None

    @property
    def verb(self) -> str:
        """What follows the slash: get, set, query or echo."""
        return self.name.rpartition("/")[2]

    @property
    def kind(self) -> str:
        """The object type without its `x:` prefix."""
        return self.name.rpartition("/")[0].removeprefix("x:")


class Request(Struct, frozen=True):
    """The method calls of one request, run in order."""

    using: frozenset[str]
    calls: tuple[Call, ...]
    #: Ids by creation id, given by the client; None where it gave none and wants none back.
    created: dict[str, str] | None


def parse_request(body: bytes, known_method: Callable[[str], bool], max_calls: int, max_size: int) -> Request:
    """Read a request (RFC 8620 section 3.3); `max_size` is in bytes.

    Raises:
        Refusal: with the reply that the whole request gets.
    """
    if len(body) > max_size:
        raise reply.Refusal(reply.over_limit("maxSizeRequest"))
    read = _BodyReader(body, known_method).request()
    if read is None:
        raise reply.Refusal(reply.not_request(body))
    if len(read.calls) > max_calls:
        raise reply.Refusal(reply.over_limit("maxCallsInRequest"))
    return read


class _BodyReader:
    """Reads one body. Every method returns None where the request is to be refused."""

    def __init__(self, body: bytes, known_method: Callable[[str], bool]) -> None:
        self._body = body
        self._known = known_method

    def request(self) -> Request | None:
        try:
            self._body.decode("utf-8")
            if _too_deep(self._body):
                return None
            value = msgspec.json.decode(self._body)
            # Where strings are taken as they stand, an escape is an error: those strings are marked for the checks.
            marked = msgspec.json.decode(_STRING.sub(_mark, self._body)) if b"\\" in self._body else value
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not isinstance(value, dict) or any(name.startswith(MARK) for name in marked):
            return None
        using, calls, created = value.get("using"), value.get("methodCalls"), value.get("createdIds")
        if not isinstance(using, list) or not isinstance(calls, list):
            return None
        if not all(isinstance(name, str) and name in CAPABILITIES for name in using):
            return None
        if created is not None and not _created_ids(created):
            return None
        read = [self._call(*pair) for pair in zip(calls, marked["methodCalls"], strict=True)]
        if any(call is None for call in read):
            return None
        known = {name: ids.canonical(value) or "a" for name, value in created.items()} if created is not None else None
        return Request(frozenset(using), tuple(call for call in read if call), known)

    def _call(self, call: Any, marked: Any) -> Call | None:
        if not isinstance(call, list) or len(call) != 3:
            return None
        name, arguments, call_id = call
        if not isinstance(name, str) or not isinstance(call_id, str):
            return None
        if not self._known(name):
            return Call(name, {}, call_id, MethodError("unknownMethod", name))
        verb = name.rpartition("/")[2]
        if verb not in CHECKS:
            return Call(name, arguments, call_id)
        place = check_arguments(verb, marked[1], self._known)
        if place is Position.LOST:
            return None
        if place is Position.KEPT:
            error = MethodError("invalidArguments", f"invalid type or value among the arguments of {name}")
            return Call(name, {}, call_id, error)
        return Call(name, arguments, call_id)


def _created_ids(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) and ids.parse(v) is not None for v in value.values())


def _mark(match: re.Match[bytes]) -> bytes:
    string = match[0]
    return b'"' + MARK.encode() + string[1:] if b"\\" in string else string


def _too_deep(body: bytes) -> bool:
    """Whether brackets nest deeper than the server reads."""
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", body).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return bool(brackets)
