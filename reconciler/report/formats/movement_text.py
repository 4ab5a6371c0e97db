"""The mail that moves as text: what a mail engineer reads without help.

Law: "moves" has a witness, "proved" a full cover; what nobody can tell is told as that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import groupby

from msgspec import UNSET

from reconciler.mail import TLS_REQUIRED
from reconciler.report.movement import FlowPart, MovementPart, RungPart, ShiftPart, SidePart
from reconciler.report.paint import Paint
from reconciler.values import print_duration

#: Flows that are told one by one.
MANY = 20
TEMPORARY = "Temporary failures only; a 5xx bounces at once."
UNTRIED = "The next hop was not tried: if its name does not exist, mail bounces at the first attempt."
#: What else may go wrong, by what a side stands for.
_RISKS = {
    ", login ": "Logins were not tried: mail to a relay that offers none bounces at the first attempt.",
    **{f"{name} require": "Where TLS is required, a host without it gets no mail." for name in TLS_REQUIRED},
}
COMPARED = "Compared: what is stored, not what is running."


def movement(part: MovementPart, paint: Paint) -> Iterator[str]:
    """Yield the lines that say which mail moves."""
    if not (part.flows or part.unsure or part.reasons or part.turned):
        proof = f"proved: {classes(part.classes)}" if part.classes else "nothing that decides changes"
        yield f"{paint('No mail moves', 'green')} ({proof}). {COMPARED}"
        return
    if len(part.flows) > 1:
        yield paint(f"Mail that moves: {len(part.flows)} ways", "bold")
    for number, flow in enumerate(part.flows[:MANY]):
        yield from _flow(flow, paint, "1 flow moves" if len(part.flows) == 1 else f"{number + 1}. moves")
    if len(part.flows) > MANY:
        yield f"and {len(part.flows) - MANY} more; --format json has them all"
    for flow in part.unsure[:MANY]:
        yield from _unsure(flow, paint)
    if len(part.unsure) > MANY:
        yield f"and {len(part.unsure) - MANY} more of which nobody can tell; --format json has them all"
    for reason in part.reasons:
        yield f"{paint('Cannot tell', 'yellow')}: {reason}"
    for name in part.turned:
        yield f"{paint('Routing test', 'red')} that holds now and would not then: {name}"
    yield from risks(part.flows)
    rest = "unchanged (proved)" if not part.reasons else "not proved to be unchanged"
    yield f"All other mail: {rest}. {COMPARED}"


def classes(count: int) -> str:
    """Return how many classes of mail were told apart."""
    return "1 class" if count == 1 else f"{count} classes"


def mail_of(flow: FlowPart) -> str:
    """Return which mail a flow is, and when."""
    when = [flow.when]
    if flow.when.endswith(("attempt", "on")) or "attempt" in flow.when:
        plain = not any(word in line for line in flow.mail for word in ("bounces", "from ", "source "))
        when += ["bounces too"] if plain else []
    return f"{'; and '.join(flow.mail)}, {', '.join(when)}"


def _flow(flow: FlowPart, paint: Paint, head: str) -> Iterator[str]:
    yield f"{paint(head, 'yellow')}: {mail_of(flow)}"
    for shift in flow.shifts:
        yield from _shift(shift)
    yield from _ladder(flow.ladder)
    if flow.witnesses:
        yield f"  Witness {witness(flow)}{decided(flow)}.{f' {waiting}' if (waiting := waiting_of(flow)) else ''}"


def _shift(shift: ShiftPart) -> Iterator[str]:
    word = "" if shift.field == "route" else f"{shift.field}: "
    yield f"  now    {word}{side(shift.before)}"
    yield f"  after  {word}{side(shift.after)}"


def side(part: SidePart) -> str:
    """Return what mail takes on one side, and what that stands for."""
    if not part.asked:
        return "not asked"
    name = part.name or "nothing"
    if part.dangling:
        name = f"{name} (there is none)"
    return f"{name} -> {part.stands_for}" if part.stands_for else name


def _ladder(rungs: Sequence[RungPart]) -> Iterator[str]:
    if not rungs:
        return
    rows = [("attempt", "earliest", "now", "after"), *ladder_rows(rungs)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        yield f"  {'  '.join(cells)}  {row[3]}"
    yield f"  {TEMPORARY}"


def ladder_rows(rungs: Sequence[RungPart]) -> Iterator[tuple[str, str, str, str]]:
    """Yield attempts, their times, and what they take now and after, alike ones in one row."""
    for (before, after), group in groupby(rungs, key=lambda rung: (rung.before, rung.after)):
        some = list(group)
        attempts = ", ".join(str(rung.attempt) for rung in some)
        times = ", ".join(str(print_duration(rung.earliest)) if rung.earliest else "0m" for rung in some)
        yield attempts, times, before, "unchanged" if before == after else after


def witness(flow: FlowPart) -> str:
    """Return a message of a flow that was evaluated on both sides."""
    given = flow.witnesses[0]
    sender = str(given.get("sender", "")) or "<> (a bounce)"
    extra = [
        f"{_spaced(name)} {given[name]}" for name in given if name not in _PLAIN and given[name] not in (0, "", [])
    ]
    words = f"{sender} -> {given.get('rcpt') or 'no recipient yet'}"
    retry = given.get("retryNum")
    words += f", attempt {retry + 1}" if isinstance(retry, int) and retry else ""
    return words + (f" ({', '.join(extra)})" if extra else "")


def _spaced(name: str) -> str:
    return re.sub("([A-Z])", lambda match: f" {match[1].lower()}", name)


def waiting_of(flow: FlowPart) -> str:
    """Return how much of a flow waits in the queue; "" where that was not counted."""
    if flow.waiting is UNSET or flow.of is UNSET:
        return ""
    if not flow.waiting:
        return f"Waiting: none of {flow.of:,}."
    later = all(shift.field == "schedule" for shift in flow.shifts)
    when = "after its next temporary failure" if later else "at its next attempt"
    return f"Waiting: {flow.waiting:,} of {flow.of:,}, each {when}."


_PLAIN = ("sender", "rcpt", "retryNum", "localDomains", "localAddresses", "lookups", "recipients")


def decided(flow: FlowPart) -> str:
    """Return where it is declared what decides afterwards."""
    places = dict.fromkeys(str(shift.after.source) for shift in flow.shifts if shift.after.source)
    return f", decided at {' and '.join(places)}" if places else ""


def _unsure(flow: FlowPart, paint: Paint) -> Iterator[str]:
    yield f"{paint('Cannot tell', 'yellow')}: {'; and '.join(flow.mail)}, {flow.when}: {flow.because}"
    for shift in flow.shifts:
        yield f"  {shift.field}: {side(shift.before)} would become {side(shift.after)}"
    if flow.witnesses and "lookups" in flow.witnesses[0]:
        yield "  Decide: a routing test for each answer."


def risks(flows: Sequence[FlowPart]) -> Iterator[str]:
    """Yield what may go wrong with mail that moves, and nobody has tried."""
    shifts = [shift for flow in flows for shift in flow.shifts]
    if any(shift.field == "route" and _is_named(shift.after.stands_for) for shift in shifts):
        yield UNTRIED
    for sign, risk in _RISKS.items():
        if any(sign in shift.after.stands_for and sign not in shift.before.stands_for for shift in shifts):
            yield risk


def _is_named(hop: str) -> bool:
    """Whether a next hop has a host name, which nobody has looked up."""
    host, colon, _ = hop.partition(":")
    return bool(colon and host) and " " not in host and not _is_address(host.strip("[]"))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
