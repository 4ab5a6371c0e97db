"""The values of RFC 8620: session, limits, requests, responses and their errors.

Law: no I/O and no kinds; what is here would serve any JMAP server.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from reconciler.server.decode import Envelope, SessionResource, check_result

CORE = "urn:ietf:params:jmap:core"
#: Stalwart names its own capability in `primaryAccounts` only, not in `capabilities` (0.16.19).
STALWART = "urn:stalwart:jmap"

T = TypeVar("T")


class Limits(Struct, frozen=True):
    """What a session allows (RFC 8620 section 2). The defaults are those of Stalwart 0.16.19; sizes in bytes."""

    max_concurrent_requests: int = 4
    max_calls_in_request: int = 16
    max_objects_in_get: int = 500
    max_objects_in_set: int = 500
    max_size_request: int = 10_000_000
    #: Ids that one query answers; the server does not advertise it.
    max_ids_in_query: int = 5000


class Session(Struct, frozen=True):
    """Who is logged in, and within which limits."""

    username: str
    limits: Limits = Limits()
    #: The account holds Stalwart's own objects.
    stalwart: bool = True


class Call(Struct, frozen=True):
    """One method call: `x:MtaRoute/get` with its arguments. Its id is its position in the request."""

    method: str
    arguments: dict[str, Any]


class Request(Struct, frozen=True):
    """The method calls of one HTTP request, run in order by the server."""

    calls: tuple[Call, ...]
    #: Which node of a cluster it is for: its place among the addresses of the nodes.
    node: int = 0
    #: Seconds to let pass before it is sent.
    pause: float = 0.0

    @property
    def writes(self) -> bool:
        """Whether any call can change the server."""
        return any(not call.method.endswith(("/get", "/query")) for call in self.calls)

    def body(self) -> dict[str, Any]:
        """Return the request object (RFC 8620 section 3.3)."""
        calls = [[call.method, call.arguments, str(index)] for index, call in enumerate(self.calls)]
        return {"using": [CORE, STALWART], "methodCalls": calls}


class MethodError(Struct, frozen=True):
    """A method-level error (RFC 8620 section 3.6.2)."""

    type: str
    description: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.description}" if self.description else self.type


class Response(Struct, frozen=True):
    """One result per call of the request, in the request's order."""

    results: tuple[dict[str, Any] | MethodError, ...]
    #: The session state (RFC 8620 section 3.4); each process of a cluster has one of its own (Stalwart 0.16.19).
    state: str = ""


class AnswerLost(Exception):
    """A request that writes was sent, and no answer came back that tells what was done."""


#: A conversation yields requests that may be under way side by side, and is sent their responses in order.
Flow = Generator[tuple[Request, ...], tuple[Response, ...], T]


class SetError(Struct, frozen=True):
    """Why one object was refused (RFC 8620 section 5.3), in one sentence."""

    type: str
    text: str


def read_session(document: object) -> Session:
    """Read a session resource. A missing limit takes this module's default.

    Raises:
        ValueError: the document is no session resource.
    """
    resource = msgspec.convert(document, SessionResource)
    if CORE not in resource.capabilities:
        raise ValueError("it names no JMAP core capability")
    core, default = resource.capabilities[CORE], Limits()

    def limit(name: str, fallback: int) -> int:
        value = core.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else fallback

    return Session(
        username=resource.username,
        limits=Limits(
            max_concurrent_requests=min(limit("maxConcurrentRequests", 4), 16),
            max_calls_in_request=limit("maxCallsInRequest", default.max_calls_in_request),
            max_objects_in_get=limit("maxObjectsInGet", default.max_objects_in_get),
            max_objects_in_set=limit("maxObjectsInSet", default.max_objects_in_set),
            max_size_request=limit("maxSizeRequest", default.max_size_request),
        ),
        stalwart=STALWART in resource.primary_accounts,
    )


def read_response(request: Request, document: object) -> Response:
    """Match the answers to the calls of a request by their ids.

    Raises:
        ValueError: an answer is missing, doubled or malformed.
    """
    envelope = msgspec.convert(document, Envelope)
    asked = {str(index): call.method for index, call in enumerate(request.calls)}
    results: dict[str, dict[str, Any] | MethodError] = {}
    for name, arguments, call in envelope.method_responses:
        if call in results or name not in ("error", asked.get(call)):
            raise ValueError("a method response is malformed, repeated or not to what was asked")
        check_result(name, arguments)
        error = MethodError(str(arguments.get("type")), arguments.get("description") or "")
        results[call] = error if name == "error" else arguments
    try:
        return Response(tuple(results[str(index)] for index in range(len(request.calls))), envelope.session_state)
    except KeyError:
        raise ValueError("a method call was not answered") from None


def read_set_error(error: object) -> SetError:
    """Turn a SetError object into a type and a sentence. Values that the server echoes are left out."""
    if not isinstance(error, dict):
        return SetError("unknown", "refused without a reason")
    type_ = str(error.get("type") or "unknown")
    parts = [type_]
    if error.get("description"):
        parts.append(str(error["description"]))
    properties = [str(p) for p in _listed(error, "properties") if p]
    wrongs = _listed(error, "validationErrors")
    for wrong in wrongs:
        if isinstance(wrong, dict):
            bound = f" {wrong['required']}" if "required" in wrong else ""
            text = f": {wrong['value']}" if wrong.get("type") == "Invalid" and "value" in wrong else ""
            parts.append(f"{wrong.get('property')} {wrong.get('type')}{bound}{text}")
    if properties and not wrongs:
        parts.append("at " + ", ".join(properties))
    linked = [error.get("objectId"), *_listed(error, "linkedObjects")]
    parts.extend(f"{link.get('object')} {link.get('id')}" for link in linked if isinstance(link, dict))
    return SetError(type_, ", ".join(parts[:1]) + ("; " + "; ".join(parts[1:]) if parts[1:] else ""))


def _listed(error: Mapping[str, Any], name: str) -> list[Any]:
    """Return a member that is to be a list. A refusal of an odd shape is a refusal all the same."""
    value = error.get(name)
    return value if isinstance(value, list) else []
