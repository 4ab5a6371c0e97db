"""What the server answers, as values: status, headers and a body, and the problem documents among them.

Law: no socket and no state; a reply says all that is put on the wire.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

Headers = tuple[tuple[str, str], ...]

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json"
_ERROR = "urn:ietf:params:jmap:error:"


class Reply(Struct, frozen=True):
    """One HTTP answer. Header names keep the spelling in which they are sent."""

    status: int
    headers: Headers = ()
    body: bytes = b""


class ConnectionClosed(Exception):
    """The connection is closed without an answer: a fault was injected, or the real server would have crashed."""


class Refusal(Exception):
    """A request that gets this reply in place of an answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def json_reply(value: Any, status: int = 200) -> Reply:
    """Return a reply that carries a JSON value."""
    return Reply(status, (("Content-Type", JSON),), msgspec.json.encode(value))


def problem(status: int, *headers: tuple[str, str], **members: Any) -> Reply:
    """Return a problem document (RFC 7807); `type` is `about:blank` where it is not given."""
    document = {"type": members.pop("type", "about:blank"), "status": status, **members}
    return Reply(status, (("Content-Type", PROBLEM), *headers), msgspec.json.encode(document))


def not_request(body: bytes) -> Reply:
    """Refuse a request that makes no sense. The server repeats the whole request, secrets and all."""
    return problem(400, type=f"{_ERROR}notRequest", detail=body.decode("utf-8", "replace"))


def not_json() -> Reply:
    """Refuse a request of another media type."""
    detail = "Failed to parse JSON: The Content-Type header must be application/json."
    return problem(400, type=f"{_ERROR}notJSON", detail=detail)


def over_limit(limit: str, *headers: tuple[str, str]) -> Reply:
    """Refuse a request that passes one of the session's limits (status 400, also for its size)."""
    detail = {
        "maxCallsInRequest": "The request exceeds the maximum number of calls in a single request.",
        "maxSizeRequest": "The request is larger than the server is willing to process.",
        "maxConcurrentRequests": "The request exceeds the maximum number of concurrent requests.",
    }[limit]
    return problem(400, *headers, type=f"{_ERROR}limit", detail=detail, limit=limit)


def too_many_concurrent(allowed: int) -> Reply:
    """Refuse one request too many at a time; there is no Retry-After."""
    word = '"concurrent-requests"'
    return over_limit(
        "maxConcurrentRequests",
        ("RateLimit-Policy", f"{word};q={allowed};qu={word}"),
        ("RateLimit", f"{word};r=0"),
    )


def too_many_requests(allowed: int, wait: int) -> Reply:
    """Refuse a request above the rate; `wait` is in seconds, to the end of the window."""
    return problem(
        429,
        ("Retry-After", str(wait)),
        ("RateLimit-Policy", f'"requests";q={allowed}'),
        ("RateLimit", f'"requests";r=0;t={wait}'),
        title="Too Many Requests",
        detail="Your request has been rate limited. Please try again later.",
    )


def too_many_failures() -> Reply:
    """Refuse the attempt that gets an address blocked."""
    title = "Too Many Authentication Attempts"
    return problem(429, title=title, detail="Your request has been rate limited. Please try again later.")


def blocked() -> Reply:
    """Refuse a blocked address, whatever it asks for."""
    return _brief(403, "Forbidden")


def unauthorized() -> Reply:
    """Ask for credentials, or for others."""
    metadata = 'resource_metadata="/.well-known/oauth-protected-resource"'
    return problem(
        401,
        ("WWW-Authenticate", f'Bearer realm="Stalwart Server", {metadata}'),
        ("WWW-Authenticate", 'Basic realm="Stalwart Server"'),
        title="Unauthorized",
        detail="You have to authenticate first.",
    )


def forbidden() -> Reply:
    """Refuse a user who may not even log in."""
    detail = "You do not have enough permissions to access this resource."
    return problem(403, title="Forbidden", detail=detail)


def not_found() -> Reply:
    """There is nothing at this path, or not for this method."""
    return problem(404, title="Not Found", detail="The requested resource does not exist on this server.")


def redirect(status: int, location: str, *headers: tuple[str, str]) -> Reply:
    """Point elsewhere, with an empty body."""
    return Reply(status, (("Location", location), *headers))


def healthy() -> Reply:
    """Answer a health check."""
    return _brief(200, "OK")


def _brief(status: int, word: str) -> Reply:
    """Return the documents that another part of the server writes, with their members in another order."""
    document = {"detail": word, "status": status, "title": word, "type": "about:blank"}
    return Reply(status, (("Content-Type", PROBLEM),), msgspec.json.encode(document))
