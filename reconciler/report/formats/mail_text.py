"""An explanation and routing tests as text for people.

Law: every failure is told with what was expected, what would happen, and what decided it; none is shortened away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from msgspec import UNSET

from reconciler.report.formats.text import diagnostics, header, shown
from reconciler.report.mail import AttemptPart, CheckPart, Chosen, DecisionPart, ExplanationReport, RoutingTestsReport
from reconciler.report.page import Page
from reconciler.report.paint import Paint, plural

#: Names and words of the program's own in front of what is told of each expression.
_WIDTH = 12


def explanation(report: ExplanationReport, page: Page) -> str:
    """Print an explanation. Attempts that take the same are told together."""
    sender = report.given.get("sender")
    by = {
        "live": "what the server holds",
        "planned": "what the server would hold once the plan is applied",
        "manifests": "the manifests and what a new server ships",
    }[report.state]
    origin = "" if sender is None else f" from {sender or 'no sender (a bounce)'}"
    asked = [header(report.target, page.paint)] if report.state != "manifests" and not page.quiet else []
    lines = [*asked, f"Mail to {report.given.get('rcpt')}{origin}, by {by}."]
    for _, group in groupby(report.attempts, key=_same):
        attempts = tuple(group)
        decisions = attempts[0].decisions
        lines += ["", page.paint(_heading(attempts), "bold")]
        width = min(max((len(_name(decision)) for decision in decisions.values()), default=0), 30)
        for field, decision in decisions.items():
            lines += _decision(field, decision, width, page.paint)
    lines += ["", *report.assumptions, *(page.paint(sentence, "yellow") for sentence in report.undecided)]
    return "".join(f"{line}\n" for line in lines)


def _same(attempt: AttemptPart) -> tuple[Any, ...]:
    return tuple(
        (decision.outcome, decision.name, decision.branch, decision.because, decision.today)
        for decision in attempt.decisions.values()
    )


def _heading(attempts: Sequence[AttemptPart]) -> str:
    first, last = attempts[0], attempts[-1]
    if first is last:
        return f"Attempt {first.attempt} (retry_num {first.retry_num}, last_error {first.last_error})"
    errors = dict.fromkeys(attempt.last_error for attempt in attempts)
    retries = f"retry_num {first.retry_num} to {last.retry_num}, last_error {', then '.join(errors)}"
    return f"Attempts {first.attempt} to {last.attempt} ({retries})"


def _name(decision: DecisionPart) -> str:
    return decision.name or ("unknown" if decision.name is None else "''")


def _decision(field: str, decision: DecisionPart, width: int, paint: Paint) -> list[str]:
    colour = {"unknown": "yellow", "fallback": "red"}.get(decision.outcome, "green")
    lines = [f"  {field:<{_WIDTH}}{paint(f'{_name(decision):<{width}}', colour)}  {deciding(decision)}"]
    inset = " " * (_WIDTH + 2)
    if decision.today:
        lines.append(f"{inset}{paint('today', 'yellow')} {decision.today}")
    if decision.because:
        lines.append(f"{inset}{decision.because}")
    if decision.object:
        lines.append(f"{inset}{_chosen(decision.object)}")
    if decision.uses:
        word = "the server falls back to" if decision.outcome == "fallback" else "no object is needed:"
        lines.append(f"{inset}{word} {decision.uses}")
    if decision.log:
        lines.append(f"{inset}its log says: {decision.log}")
    return lines


def deciding(decision: DecisionPart) -> str:
    """Say which branch decided, and where it stands."""
    if not decision.branch:
        return ""
    part = f"if {decision.condition}" if decision.condition else "else"
    if decision.branch.endswith("/if"):
        part = f"not decided: {part}" if decision.outcome == "unknown" else f"stopped by: {part}"
    own = {"declared": str(decision.source or ""), "live": "", "shipped": ""}
    at = own.get(decision.origin, "the server's default")
    return f"{part} ({at})" if at else part


def _chosen(chosen: Chosen) -> str:
    fields = ", ".join(f"{name}: {shown(field)}" for name, field in chosen.fields.items())
    origin = ", as a new server ships it" if chosen.origin == "shipped" else ""
    return f"{chosen.address}{origin}{': ' + fields if fields else ''}"


def routing_tests(report: RoutingTestsReport, page: Page) -> str:
    """Print how routing tests came out: every mistake, every failure, and the counts."""
    lines: list[str] = []
    for case in report.cases:
        for check in case.checks:
            if not check.passed:
                failed = page.paint("failed", "red")
                lines.append(f"{failed}: {check.source or case.source} {case.name}{attempt(check)}")
                lines += [f"    {line}" for line in failure(check)]
    if not lines and not report.diagnostics and page.quiet:
        return ""
    counts = report.summary
    failures = f"{counts.failed} failed, " if counts.failed else ""
    wrong = f", {plural(counts.mistakes, 'mistake')} in routing tests" if counts.mistakes else ""
    lines.append(f"{plural(len(report.cases), 'routing test')}: {failures}{counts.passed} passed{wrong}.")
    return diagnostics(report.diagnostics, page) + "".join(f"{line}\n" for line in lines)


def attempt(check: CheckPart) -> str:
    """Name the attempt of a ladder that a check belongs to."""
    return "" if check.retry_num is UNSET else f", attempt {check.retry_num + 1}"


def failure(check: CheckPart) -> Iterable[str]:
    """Yield what a failed check expected and got, and what decided."""
    yield f"{check.field}: expected {_listed(check.expected)}, got {_listed(check.actual)}"
    if check.branch:
        part = f"if {check.condition}" if check.condition else check.branch
        word = "undecided at" if check.actual is None else "decided by"
        default = ", the server's default"
        yield f"{word} {part}{f' at {check.decided_at}' if check.decided_at else default}"
    if check.because:
        yield check.because


def _listed(value: str | tuple[str, ...] | None) -> str:
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else f"[{', '.join(value)}]"
