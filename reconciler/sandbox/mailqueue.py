"""The queue of messages that wait: what `x:QueuedMessage` answers, and the actions that pause and resume.

Law: no mail is sent, so that a message waits until a call or a test takes it away. What `get` shows, what `set` takes
and what it passes over are those of Stalwart 0.16.19; messages are put in by `fill`, which no real server has.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.sandbox import ids
from reconciler.sandbox.messages import FAILURE, complete, date_text, dated, new_recipient, parse_date, waits
from reconciler.sandbox.objects import SetError
from reconciler.sandbox.request import MethodError
from reconciler.sandbox.sets import WILL_DESTROY
from reconciler.sandbox.shapes import Body

#: The object type of a message that waits.
QUEUED = "QueuedMessage"
PAUSE, RESUME = "PauseMtaQueue", "ResumeMtaQueue"

_DUE = ("due", "dueIsGreaterThan", "dueIsGreaterThanOrEqual", "dueIsLessThan", "dueIsLessThanOrEqual")
_FILTERS = frozenset((*_DUE, "queueName", "returnPath", "to", "text"))
_MAX_QUEUE_NAME = 8
_CANCELLED = {"errorType": "io", "errorMessage": "Delivery canceled."}


class MailQueue:
    """All messages that wait, by id."""

    def __init__(self) -> None:
        self.paused = False
        self._messages: dict[int, Body] = {}
        self._new_ids = ids.Snowflakes()

    def fill(self, messages: Sequence[Mapping[str, Any]]) -> list[str]:
        """Put messages in, and return their ids; what they leave out is as in mail that has just arrived.

        `recipients` may be a list of addresses. Raises QueueFillError, and then nothing was put in.
        """
        now = datetime.now(UTC)
        new = [complete(message, now) for message in messages]
        texts = [str(message.get("id", "")) for message in messages]
        numbers = [(ids.parse(text) if text else None) or self._new_ids.next() for text in texts]
        self._messages.update(zip(numbers, new, strict=True))
        return [ids.text(number) for number in numbers]

    def act(self, variant: str) -> None:
        """Take note of an action. It cannot be read back, a reload keeps it, and a restart ends it."""
        if variant in (PAUSE, RESUME):
            self.paused = variant == PAUSE

    def get(self, arguments: Mapping[str, Any], most: int) -> dict[str, Any]:
        """Answer `get`; without ids it is the messages due next, as many as one answer holds."""
        wanted = arguments.get("ids")
        if wanted is None:
            soonest = sorted(self._messages, key=lambda number: _next_due(self._messages[number]))
            texts = [ids.text(number) for number in soonest[:most]]
        else:
            texts = [ids.canonical(text) or text for text in wanted]
        shown = frozenset(arguments.get("properties") or ())
        listed, missing = [], []
        for text in texts:
            message = self._messages.get(-1 if (number := ids.parse(text)) is None else number)
            if message is None:
                missing.append(text)
            else:
                listed.append({**{k: v for k, v in message.items() if not shown or k in shown}, "id": text})
        return {"list": listed, "notFound": missing}

    def query(self, arguments: Mapping[str, Any], most: int) -> dict[str, Any]:
        """Answer `query`, in the order of what is due, the last first.

        Raises:
            MethodError: unsupportedFilter, unsupportedSort or anchorNotFound.
        """
        conditions = dict(_conditions(arguments.get("filter")))
        sort = arguments.get("sort") or [{"property": "due", "isAscending": False}]
        if sort[0].get("property") != "due":
            raise MethodError("unsupportedSort", "Only sorting by 'due' is supported for queued messages")
        # With a filter by text the server sorts by the next attempt, otherwise by whatever comes next.
        due = _next_retry if conditions.keys() & {"text", "to", "returnPath"} else _next_due
        pairs = sorted((due(message), number) for number, message in self._messages.items())
        results = [number for when, number in pairs if _matches(self._messages[number], when, conditions)]
        return _page(results if sort[0].get("isAscending", True) else results[::-1], arguments, most)

    def set(self, create: Body, patches: list[tuple[int, Any]], doomed: list[int]) -> dict[str, Any]:
        """Answer `set`: mail is never created, and a message without a waiting recipient is gone."""
        refused = {"type": "forbidden", "description": "Queued messages cannot be created"}
        answer: dict[str, Any] = {"notCreated": dict.fromkeys(create, refused)}
        answer["updated"], answer["notUpdated"] = {}, {}
        for number, patch in patches:
            text = ids.text(number)
            try:
                self._update(number, patch, doomed)
                answer["updated"][text] = None
            except SetError as error:
                answer["notUpdated"][text] = error.members
        gone = {number: self._messages.pop(number, None) for number in doomed}
        answer["destroyed"] = [ids.text(number) for number, message in gone.items() if message is not None]
        answer["notDestroyed"] = {ids.text(n): {"type": "notFound"} for n, message in gone.items() if message is None}
        return {name: value for name, value in answer.items() if value}

    def _update(self, number: int, patch: Any, doomed: list[int]) -> None:
        if number in doomed:
            raise SetError("willDestroy", description=WILL_DESTROY["description"])
        if number not in self._messages:
            raise SetError("notFound")
        message = copy.deepcopy(self._messages[number])
        for path, value in patch.items():
            _Patch(message, path).apply(value)
        if any(waits(recipient) for recipient in message["recipients"].values()):
            self._messages[number] = dated(message)
        else:
            del self._messages[number]


class _Patch:
    """One pointer of a patch, applied to a copy of a message."""

    def __init__(self, message: Body, path: str) -> None:
        self._message = message
        self._path = path
        self._steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]

    def apply(self, value: Any) -> None:
        """Write a value. Raises SetError."""
        match self._steps:
            case ["nextRetry"]:
                when = value if value is None else self._date(value)
                for recipient in self._message["recipients"].values():
                    if when is not None and waits(recipient):
                        recipient["retryDue"] = when
            case ["priority"]:
                self._message["priority"] = self._number(value)
            case ["envId"]:
                self._message["envId"] = value
            case ["recipients"]:
                self._replace(value)
            case ["recipients", address]:
                self._recipient(address)
                if value is not None:
                    raise self._invalid("Invalid property")
                self._cancel(address)
            case ["recipients", address, name]:
                self._write(self._recipient(address), name, value)
            case [name, *_] if name in self._message and name not in ("recipients", "nextRetry", "priority", "envId"):
                raise self._invalid("Cannot modify server set property")
            case _:
                raise self._invalid("Invalid property")

    def _write(self, recipient: Body, name: str, value: Any) -> None:
        match name:
            case "retryDue" | "notifyDue":
                recipient[name] = self._date(value)
            case "expires" if isinstance(value, dict):
                recipient["expires"] = value
            case "status" if isinstance(value, dict):
                if value.get("@type") == "Scheduled":
                    recipient["status"] = {"@type": "Scheduled"}
            case "retryCount" | "notifyCount":
                self._number(value)  # answered as updated, and without effect
            case _ if name in recipient and name not in ("expires", "status"):
                raise self._invalid("Cannot modify server set property")
            case _:
                raise self._invalid("Invalid property")

    def _replace(self, value: Any) -> None:
        """Take the map as the server does: whoever is left out is cancelled, whoever stays begins at the defaults."""
        if not isinstance(value, dict):
            raise self._invalid("Invalid property")
        for address in value:
            self._recipient(address)
        now = datetime.now(UTC)
        for address in list(self._message["recipients"]):
            if address not in value:
                self._cancel(address)
            else:
                expires = {"@type": "Ttl", "expiresAt": date_text(now)}
                self._message["recipients"][address] = {**new_recipient(now), "expires": expires}

    def _recipient(self, address: str) -> Body:
        recipient: Body | None = self._message["recipients"].get(address)
        if recipient is None:
            raise SetError("invalidProperties", description=f"Recipient '{address}' does not exist")
        return recipient

    def _cancel(self, address: str) -> None:
        status = {**dict.fromkeys(FAILURE), **_CANCELLED, "@type": "PermanentFailure"}
        self._message["recipients"][address]["status"] = status

    def _date(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._invalid("Invalid path for UTCDateTime, expected a string value")
        when = parse_date(value)
        if when is None:
            raise self._invalid("Failed to parse UTCDateTime from string")
        return date_text(when)

    def _number(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._invalid("Invalid value for object property")
        return value

    def _invalid(self, message: str) -> SetError:
        return SetError("invalidPatch", description=message, properties=[self._path])


def _next_retry(message: Body) -> str:
    due: str = message["nextRetry"]
    return due


def _next_due(message: Body) -> str:
    """Return when something happens next: an attempt, a notice of delay, or the end."""
    dates: list[str] = []
    for recipient in message["recipients"].values():
        if waits(recipient):
            dates += [recipient["retryDue"], recipient["notifyDue"]]
            dates += [recipient["expires"]["expiresAt"]] if "expiresAt" in recipient["expires"] else []
    return min(dates)


def _matches(message: Body, due: str, conditions: Mapping[str, str]) -> bool:
    recipients, sender = message["recipients"], message["returnPath"]
    text = conditions.get("text")
    if text is not None:
        # With `text` the server does not look at the two others.
        conditions = {name: value for name, value in conditions.items() if name not in ("to", "returnPath")}
    holds: dict[str, Callable[[str], bool]] = {
        "text": lambda value: value in sender or any(value in address for address in recipients),
        "queueName": lambda value: any(recipient["queueName"] == value for recipient in recipients.values()),
        "returnPath": lambda value: value in sender,
        "to": lambda value: any(value in address for address in recipients),
        "due": lambda value: due == value,
        "dueIsGreaterThan": lambda value: due > value,
        "dueIsGreaterThanOrEqual": lambda value: due >= value,
        "dueIsLessThan": lambda value: due < value,
        "dueIsLessThanOrEqual": lambda value: due <= value,
    }
    return all(holds[name](value) for name, value in conditions.items())


def _conditions(value: Any) -> Iterable[tuple[str, str]]:
    if not value:
        return
    for key, member in value.items():
        if key == "operator":
            continue
        if key == "conditions":
            if value.get("operator", "AND") != "AND":
                raise MethodError("unsupportedFilter", "Only AND is supported in filters")
            for condition in member:
                yield from _conditions(condition)
            continue
        when = parse_date(member) if key in _DUE else None
        bad = not isinstance(member, str) or (key in _DUE and when is None)
        if key not in _FILTERS or bad or (key == "queueName" and len(member) > _MAX_QUEUE_NAME):
            raise MethodError("unsupportedFilter", f"Filter on property {key} is not supported or invalid")
        yield key, date_text(when) if when is not None else member


def _page(results: list[int], arguments: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Cut a page. More than an answer holds is cut off, and only a total, or a limit that was asked, tells so."""
    asked = arguments.get("limit")
    size = most if asked is None else min(asked, most)
    total = bool(arguments.get("calculateTotal"))
    position, start = arguments.get("position") or 0, 0
    if arguments.get("anchor") is not None:
        number = ids.parse(arguments["anchor"])
        if number not in results:
            raise MethodError("anchorNotFound", "The anchor cannot be found in the results of the query.")
        start = max(results.index(number) + (arguments.get("anchorOffset") or 0), 0)
    elif position < 0:
        position = start = max(min(size, len(results)) + position, 0)
        size -= start
    else:
        start = position
    cut = results[start : start + size]
    page = cut if asked != 0 else [] if total else results
    answer: dict[str, Any] = {
        "queryState": "n",
        "canCalculateChanges": True,
        "position": position,
        "ids": [ids.text(number) for number in page],
    }
    if total:
        answer["total"] = len(results)
    if asked is not None and asked < len(results):
        answer["limit"] = asked
    return answer
