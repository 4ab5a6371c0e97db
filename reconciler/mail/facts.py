"""What the server does with mail that no word of the catalogue says: which expression is the route, and what it names.

Law: the one module that names kinds and their properties; whatever a word of the catalogue could say, it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.values import Address, print_duration

#: The expressions that mail takes: a route, the schedule that says how often it is tried, and TLS.
STRATEGY = "MtaOutboundStrategy"
ROUTE, SCHEDULE, TLS, CONNECTION = "route", "schedule", "tls", "connection"
#: The variant of a route that delivers into mailboxes, and the name that needs no object for it.
LOCAL_VARIANT, LOCAL_NAME = "Local", "local"
#: Properties of a TLS strategy any of which, at `require`, lets nothing out in clear.
TLS_REQUIRED = ("startTls", "dane", "mtaSts")


def last_attempt(wire: Mapping[str, Any]) -> int | None:
    """Return the `retry_num` of a schedule's last attempt, counted from 0; None where no end can be told."""
    most, longest = _expiry_of(wire)
    if most is not None:
        return most - 1
    if longest is None or _member(wire, "retry").get("@type") != "Custom":
        return None
    # The server counts whole seconds, and repeats the last interval.
    waits = [wait // 1000 for wait in waits_of(wire)]
    left, count = longest // 1000, 0
    for wait in waits:
        left -= wait
        if left < 0:
            return count
        count += 1
    return count + left // waits[-1] if waits and waits[-1] else None


#: Properties that change nothing for mail: texts for people, and by kind what the server makes no use of.
FOR_PEOPLE = ("description",)
UNUSED = {"MtaMilter": ("timeoutConnect",)}
#: The waits of a schedule that leaves them to the server, in milliseconds (Stalwart 0.16.19); the last one repeats.
OWN_WAITS = (120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000)
#: How long mail is kept by a schedule that does not exist, in milliseconds (Stalwart 0.16.19).
OWN_EXPIRY = 432_000_000


def effect_of(kind: str, wire: Mapping[str, Any], without: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return what of an object makes a difference to mail."""
    idle = (*FOR_PEOPLE, *UNUSED.get(kind, ()), *without)
    return {name: value for name, value in wire.items() if name not in idle}


def waits_of(wire: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the waits between the attempts of a schedule, in milliseconds; the last one repeats.

    There are none where they cannot be told: what a server holds may be of another type than the catalogue says.
    """
    retry = _member(wire, "retry")
    if retry.get("@type") != "Custom":
        return OWN_WAITS
    intervals = _member(retry, "intervals")
    if not all(place.isdecimal() for place in intervals):
        return ()
    places = sorted(intervals, key=int)
    waits = tuple(_count(_member(intervals, place).get("duration")) for place in places)
    return tuple(wait for wait in waits if wait is not None) if None not in waits else ()


def _member(wire: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object within another; an empty one where it is none."""
    member = wire.get(name)
    return member if isinstance(member, Mapping) else {}


def _count(value: Any) -> int | None:
    """Return a number of milliseconds or attempts; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _expiry_of(wire: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return after how many attempts, and after how many milliseconds, a schedule bounces; None where none is told."""
    expiry = _member(wire, "expiry") if "expiry" in wire else {"@type": "Ttl"}
    variant = expiry.get("@type")
    return (
        _count(expiry.get("maxAttempts")) if variant == "Attempts" else None,
        _count(expiry.get("expire", OWN_EXPIRY)) if variant == "Ttl" else None,
    )


def schedule_words(wire: Mapping[str, Any]) -> dict[str, str]:
    """Say by property what a schedule does: when it tries again, when it bounces, and in which queue mail waits."""
    words: dict[str, str] = {}
    waits = [str(print_duration(wait)) for wait in waits_of(wire)]
    if waits:
        first = f"{', '.join(waits[:-1])}, then " if waits[:-1] else ""
        words["retry"] = f"waits {first}{waits[-1]} between attempts"
    most, longest = _expiry_of(wire)
    if most is not None:
        words["expiry"] = f"bounces after {most} attempts"
    elif longest is not None:
        words["expiry"] = f"bounces after {print_duration(longest)}"
    queue = wire.get("queueId")
    return {**words, "queueId": f"queue {queue.name if isinstance(queue, Address) else queue}"}


def next_hop(wire: Mapping[str, Any]) -> str:
    """Say where a route sends mail: its MX hosts, the mailboxes, or one host with its port and login."""
    match wire.get("@type"):
        case "Mx":
            return "its MX hosts, port 25"
        case "Local":
            return "the mailboxes of this server"
        case "Relay":
            address = str(wire.get("address", ""))
            host = f"[{address}]" if ":" in address else address
            words = [f"{host}:{wire.get('port', 25)}"]
            words += ["by LMTP"] if wire.get("protocol") == "lmtp" else []
            words += ["TLS from the start"] if wire.get("implicitTls") else []
            words += ["with any certificate"] if wire.get("allowInvalidCerts") else []
            words += [f"login {wire['authUsername']}"] if wire.get("authUsername") else []
            return ", ".join(words)
    return ""


def gives_up(wire: Mapping[str, Any] | None, age: int, attempts: int) -> bool:
    """Whether a schedule bounces mail after a failure: `age` in milliseconds, `attempts` counts the failed one.

    The server counts from when the mail came in, so that a shorter time also ends mail that waits (Stalwart 0.16.19).
    What cannot be told bounces nothing.
    """
    most, longest = _expiry_of(wire or {})
    return (most is not None and attempts >= most) or (longest is not None and age >= longest)
