"""`explain`: tells which route, schedule, connection and TLS strategy a message would take, and which branch decided.

Law: it writes nothing; without `--live` it needs no server, and with it nothing of the manifests.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from reconciler.commands.domains import server_domains
from reconciler.commands.gather import Wanted, observe, open_client, target, want, without_manifests
from reconciler.commands.invocation import Invocation
from reconciler.commands.options import CONNECTION, typed_of
from reconciler.expression import ExpressionError, normal_question
from reconciler.kinds import Catalogue
from reconciler.mail import (
    ROUTE,
    State,
    desired_state,
    explain_message,
    judge_given,
    kinds_explained,
    live_state,
    routing_of,
    taken_today,
)
from reconciler.report import explanation_report, routing_graph
from reconciler.server import read_flow
from reconciler.values import UsageError, parse_size

if TYPE_CHECKING:
    from reconciler.server import Client

#: Option (as click names it) -> field of `given`.
GIVEN = {
    "rcpt": "rcpt",
    "sender": "sender",
    "source": "source",
    "priority": "priority",
    "recipients": "recipients",
    "notify_num": "notifyNum",
    "last_status": "lastStatus",
    "queue_age": "queueAge",
    "expires_in": "expiresIn",
    "size": "size",
    "queue_name": "queueName",
    "local_domain": "localDomains",
    "local_address": "localAddresses",
    "mx": "mx",
    "remote_ip": "remoteIp",
    "local_ip": "localIp",
    "received_from_ip": "receivedFromIp",
    "received_via_port": "receivedViaPort",
}
#: Most attempts that one run tells of, and the last that it knows.
MOST_ATTEMPTS, LAST_RETRY = 100, 1000


class Arguments(Struct, frozen=True, kw_only=True):
    """What is known of the message, and what is asked about it."""

    rcpt: str
    sender: str | None = None
    retry: str = "0"
    last_error: str = ""
    source: str = ""
    priority: int | None = None
    recipients: tuple[str, ...] = ()
    notify_num: int | None = None
    last_status: str = ""
    queue_age: int | None = None
    expires_in: int | None = None
    size: str = ""
    queue_name: str = ""
    local_domain: tuple[str, ...] = ()
    local_address: tuple[str, ...] = ()
    lookup: tuple[str, ...] = ()
    mx: str | None = None
    remote_ip: str = ""
    local_ip: str = ""
    received_from_ip: str = ""
    received_via_port: int | None = None
    queued: str = ""
    compare: bool = False
    live: bool = False
    #: What the routing is drawn as; None where it is not.
    graph: str | None = None


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Decide for one message, and report."""
    reporting = {"--write"} if invocation.converses else {"--write", "--format"}
    if arguments.graph and (typed := sorted(reporting & invocation.typed)):
        raise UsageError("--graph prints a picture, and no report", f"leave {typed[0]} or --graph out")
    if not arguments.rcpt.strip():
        raise UsageError("--rcpt is empty", "such as --rcpt someone@example.org")
    given = _given(arguments)
    retries = _retries(arguments.retry)
    last_error = arguments.last_error or "connection"
    today: State | None = None
    if arguments.compare:
        if arguments.live or arguments.queued:
            raise UsageError("--compare reads the server and the manifests", "leave --live and --queue out")
        wanted = want(invocation)
        wanted.desired.checked()
        with open_client(invocation, wanted) as client:
            survey = observe(invocation, wanted, client)
            if "localDomains" not in given:
                given |= server_domains(invocation, wanted.catalogue, client)
        today, state = (live_state(wanted.catalogue, live) for live in (survey.live, survey.after))
    elif arguments.live or arguments.queued:
        wanted = _unread(invocation)
        with open_client(invocation, wanted) as client:
            state = _live(wanted.catalogue, client)
            if arguments.queued:
                given = {**_waiting(client, arguments.queued, arguments.rcpt), **given}
                retries, last_error = range(given["retryNum"], given["retryNum"] + 1), given.pop("lastError")
            if "localDomains" not in given:
                given |= server_domains(invocation, wanted.catalogue, client)
    elif useless := typed_of(CONNECTION, invocation.typed):
        message = f"without --live no server is asked, and {', '.join(useless)} would be ignored"
        raise UsageError(message, "give --live, or leave the rest out")
    else:
        wanted = want(invocation)
        desired = wanted.desired.checked()
        state = desired_state(wanted.catalogue, desired.resources, desired.locate)
    routing = routing_of(wanted.catalogue, state)
    for _, message, hint in judge_given(routing, {**given, "lastError": last_error}):
        raise UsageError(message, hint)
    live = arguments.live or bool(arguments.queued)
    explained = explain_message(routing, given, retries, last_error, live=live, exact=bool(arguments.queued))
    if arguments.graph:
        invocation.say(routing_graph(wanted.catalogue, routing, explained, arguments.graph))
        return 0
    compared = None
    if today is not None:
        before = explain_message(routing_of(wanted.catalogue, today), given, retries, last_error)
        compared = taken_today(wanted.catalogue, before, explained)
    routes = [choice for attempt in explained.attempts for choice in attempt.choices if choice.field == ROUTE]
    unknown = [choice for choice in routes if choice.outcome == "unknown"]
    undecided = dict.fromkeys(filter(None, (_missing(choice.because) for choice in unknown)))
    report = explanation_report(wanted.catalogue, explained, target(wanted), tuple(undecided), compared)
    return invocation.report(report, int(bool(unknown)))


def _missing(because: str) -> str:
    """Return a sentence about the option that tells what is not known, or ""."""
    if because.startswith("lookups has no "):
        return f'To decide the route, give --lookup "{because.removeprefix("lookups has no ")}=VALUE".'
    needed = because.removesuffix(" is not given")
    if needed == "localDomains":
        return "To decide the route, give --local-domain for each domain of this server."
    option = next((option for option, field in GIVEN.items() if needed in (option, field)), "")
    return f"To decide the route, give --{option.replace('_', '-')}." if option else ""


def _waiting(client: Client, number: str, address: str) -> dict[str, Any]:
    """Return what the queue tells of one recipient of a message.

    Raises:
        UsageError: there is no such message, or that recipient does not wait in it.
    """
    from reconciler.mail import waiting_in
    from reconciler.server import queue_flow

    queue = client.run(queue_flow(client.session().limits, (number,)))
    if not queue.messages:
        raise UsageError(f"--queue {number[:64]}: the queue holds no such message", "it may have left meanwhile")
    local, _, domain = address.rpartition("@")
    for waiting in waiting_in(queue.messages, datetime.now(UTC)):
        if waiting.address == f"{local}@{domain.lower()}":
            return dict(waiting.given)
    raise UsageError(
        f"--rcpt {address[:64]} does not wait in the message {number[:64]}", "upper and lower case differ before the @"
    )


def _given(arguments: Arguments) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for option, field in GIVEN.items():
        value = getattr(arguments, option)
        if value is None or value == () or (value == "" and option not in ("sender", "mx")):
            continue
        given[field] = list(value) if isinstance(value, tuple) else value
    if "size" in given:
        given["size"] = _size(given["size"])
    lookups = dict(_lookup(text) for text in arguments.lookup)
    return {**given, "lookups": lookups} if lookups else given


def _size(text: str) -> int:
    try:
        return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else parse_size(text)
    except ValueError as error:
        raise UsageError(f"--size: {error}") from None


def _lookup(text: str) -> tuple[str, Any]:
    """Split `key_exists('a','b')=true`; the answer is JSON, or a text as it is."""
    for at in (match.start() + 1 for match in re.finditer(r"\)\s*=", text[:10_000])):
        try:
            asked = normal_question(text[:at])
        except ExpressionError:
            continue
        answer = text[at:].partition("=")[2].strip()
        try:
            return asked, msgspec.json.decode(answer)
        except msgspec.DecodeError:
            return asked, answer
    raise UsageError(f"--lookup {text[:80]!r} is no question with an answer", "such as key_exists('store','key')=true")


def _retries(text: str) -> range:
    match = re.fullmatch(r"([0-9]{1,4})(?:\.\.([0-9]{1,4}))?", text)
    if match is None:
        raise UsageError(f"--retry {text[:40]!r} is neither a number nor a range", "such as 0, or 0..5")
    first = int(match[1])
    last = int(match[2] or first)
    if not first <= last <= LAST_RETRY or last - first >= MOST_ATTEMPTS:
        hint = f"from 0 to {LAST_RETRY}, and at most {MOST_ATTEMPTS} of them"
        raise UsageError(f"--retry {text} is no range of attempts", hint)
    return range(first, last + 1)


def _unread(invocation: Invocation) -> Wanted:
    """Return the settings alone: what is live is not explained by manifests."""
    if invocation.options.paths:
        raise UsageError("--live explains what the server holds, and manifests are given", "leave one of them out")
    return without_manifests(invocation)


def _live(catalogue: Catalogue, client: Client) -> State:
    kinds = kinds_explained(catalogue)
    needed = [name for name in kinds if catalogue.kinds[name].singleton]
    return live_state(catalogue, client.run(read_flow(catalogue, needed, client.session().limits, checks=kinds)))
