"""Messages that wait, as a test or a file writes them: what each leaves out is as in mail that has just arrived.

Law: pure; a message that comes out of here has every property that `x:QueuedMessage/get` shows, but for its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from reconciler.sandbox.shapes import Body

#: States of a recipient with an attempt to come, and what a failure tells.
WAITING = ("Scheduled", "TemporaryFailure")
FAILURE = (
    *("errorType", "errorMessage", "errorCommand"),
    *("responseHostname", "responseCode", "responseEnhanced", "responseMessage"),
)


class QueueFillError(ValueError):
    """Messages that cannot be put into the queue."""


def read_messages(content: bytes) -> list[Body]:
    """Read a file of messages: one JSON array, or one JSON object a line.

    Raises:
        QueueFillError: the file holds something else.
    """
    try:
        if content.lstrip()[:1] == b"[":
            return msgspec.json.decode(content, type=list[dict[str, Any]])
        return msgspec.json.Decoder(dict[str, Any]).decode_lines(content)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise QueueFillError(f"neither a JSON array nor one JSON object a line: {error}") from None


def waits(recipient: Body) -> bool:
    """Whether an attempt is still to come."""
    waits: bool = recipient["status"]["@type"] in WAITING
    return waits


def parse_date(value: Any) -> datetime | None:
    """Return a date with its time and zone, or None where it is none."""
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        return None
    return None if when is None or when.tzinfo is None else when


def date_text(when: datetime) -> str:
    """Return a date as the server writes it, in whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_recipient(now: datetime) -> Body:
    """Return a recipient of mail that has just arrived."""
    return {
        "retryCount": 0,
        "retryDue": date_text(now),
        "notifyCount": 0,
        "notifyDue": date_text(now + timedelta(days=1)),
        "expires": {"@type": "Ttl", "expiresAt": date_text(now + timedelta(days=3))},
        "queueName": "remote",
        "status": {"@type": "Scheduled"},
        "flags": {},
        "orcpt": None,
    }


def complete(given: Mapping[str, Any], now: datetime) -> Body:
    """Return a message with all properties, its recipients in the server's order. Raises QueueFillError."""
    message: Body = {
        "createdAt": date_text(now),
        "nextRetry": None,
        "nextNotify": None,
        "blobId": "a",
        "returnPath": "<>",
        "recipients": {},
        "receivedFromIp": "127.0.0.1",
        "receivedViaPort": 25,
        "flags": {"unauthenticated": True},
        "envId": None,
        "priority": 0,
        "size": 1000,
    }
    _known(given, message.keys() | {"id"}, "a queued message")
    message |= {name: value for name, value in given.items() if name in message}
    recipients = message["recipients"]
    if isinstance(recipients, list):
        recipients = {_address(address): {} for address in recipients}
    if not isinstance(recipients, dict) or not recipients:
        raise QueueFillError("a queued message has `recipients`: a map of addresses, or a list of them")
    created = parse_date(message["createdAt"])
    if created is None:
        raise QueueFillError("`createdAt` is a date such as 2026-01-31T12:00:00Z")
    message["recipients"] = dict(sorted((_address(name), _filled(r, created)) for name, r in recipients.items()))
    message["recipients"] = dict(sorted(message["recipients"].items(), key=lambda pair: pair[0].rpartition("@")[::-2]))
    if not any(waits(recipient) for recipient in message["recipients"].values()):
        raise QueueFillError("a queued message has a recipient that waits: Scheduled or TemporaryFailure")
    return dated(message)


def _filled(given: Any, created: datetime) -> Body:
    if not isinstance(given, dict):
        raise QueueFillError("each recipient is an object of the properties that differ from those of new mail")
    whole = new_recipient(created)
    _known(given, whole.keys(), "a recipient")
    whole |= given
    status = whole["status"]
    if not isinstance(status, dict) or status.get("@type") not in (*WAITING, "Completed", "PermanentFailure"):
        raise QueueFillError("`status` is Scheduled, TemporaryFailure, Completed or PermanentFailure, as `@type` says")
    if status["@type"].endswith("Failure"):
        whole["status"] = {**dict.fromkeys(FAILURE), **status}
    if not isinstance(whole["expires"], dict) or any(
        parse_date(whole[name]) is None for name in ("retryDue", "notifyDue")
    ):
        raise QueueFillError("`retryDue` and `notifyDue` are dates, and `expires` is an object with `@type`")
    return whole


def _known(given: Mapping[str, Any], names: Iterable[str], of: str) -> None:
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise QueueFillError(f"{of} has no property {unknown[0]!r}")


def _address(given: Any) -> str:
    local, at, domain = given.rpartition("@") if isinstance(given, str) else ("", "", "")
    if not at:
        raise QueueFillError("a recipient is named by an address with an @")
    return f"{local}@{domain.lower()}"


def dated(message: Body) -> Body:
    """Work out when the next attempt and the next notice are due."""
    waiting = [recipient for recipient in message["recipients"].values() if waits(recipient)]
    message["nextRetry"] = min((recipient["retryDue"] for recipient in waiting), default=None)
    message["nextNotify"] = min((recipient["notifyDue"] for recipient in waiting), default=None)
    return message
