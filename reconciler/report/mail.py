"""The reports of what the server would do with mail: an explanation, and how routing tests came out.

Law: a value is told as it was decided, never worked out again; no secret can reach it, since objects are decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType
from msgspec import field as member

from reconciler.expression import Unknown, wire
from reconciler.kinds import Catalogue, decode
from reconciler.mail import NEVER_FAILS_OVER, Attempt, CaseResult, Check, Choice, Explanation, Held
from reconciler.report.parts import (
    AddressText,
    Count,
    Part,
    Place,
    Report,
    ReportedDiagnostic,
    Target,
    Text,
    findings,
    meaning,
    place,
)
from reconciler.values import Diagnostic

#: Properties by which an object is called, and which therefore tell it from no other.
_TITLES = ("name", "description")
_Origin = Literal["declared", "shipped", "live", "default"]
_Outcome = Literal["object", "builtin", "fallback", "unknown"]
_Names = str | tuple[str, ...]
_Condition = Annotated[str, meaning("The condition that decided; absent where `else` did.")]
_Branch = Annotated[str, meaning("Wire pointer of what decided, or of the condition that failed or is not known.")]


class Chosen(Part, frozen=True, kw_only=True):
    """The object that is chosen."""

    address: AddressText
    fields: Annotated[dict[str, Any], meaning("Human form, without what is at its default.")]
    origin: Annotated[_Origin, meaning("Why it is taken to be there.")]


class DecisionPart(Part, frozen=True, kw_only=True):
    """What one expression comes to."""

    outcome: Annotated[_Outcome, meaning("Whether an object has the name, needs none, is missing, or is not known.")]
    kind: Annotated[str, meaning("The kind whose objects the expression names.")]
    name: Annotated[str | None, meaning("The name that the server looks up; null where it is not known.")]
    origin: Annotated[_Origin, meaning("Whether the expression is declared, live, or at its default.")]
    value: Annotated[Any, meaning("What the expression gives, as `eval` writes it.")] = UNSET
    because: Annotated[str, meaning("Why it is not known, or why the server falls back.")] = ""
    branch: _Branch = ""
    condition: _Condition = member(name="if", default="")
    today: Annotated[str, meaning("Of a comparison: what is taken today, where that is something else.")] = ""
    log: Annotated[str, meaning("The line in the server's log.")] = ""
    object: Annotated[Chosen | UnsetType, meaning("The object that is chosen.")] = UNSET
    source: Annotated[Place | UnsetType, meaning("Where what decided is declared.")] = UNSET
    uses: Annotated[str, meaning("What the server uses without an object.")] = ""


class AttemptPart(Part, frozen=True, kw_only=True):
    """One attempt."""

    attempt: Annotated[int, Meta(ge=1, description="From 1.")]
    decisions: Annotated[dict[str, DecisionPart], meaning("What each expression comes to.")]
    last_error: Annotated[str, meaning("Why the attempt before failed; `none` at the first.")]
    retry_num: Annotated[Count, meaning("What the expressions see as retry_num; 0 at the first attempt.")]


class ExplanationReport(Report, frozen=True, kw_only=True, tag="reconciler/explanation/v1"):
    """Which way a message would take, and why."""

    assumptions: Annotated[tuple[Text, ...], meaning("What is taken for granted.")]
    attempts: Annotated[tuple[AttemptPart, ...], meaning("What is taken at each attempt.")]
    given: Annotated[dict[str, Any], meaning("What is known of the message, as in a routing test.")]
    never_fails_over: Annotated[
        tuple[Text, ...], meaning("Failures that bounce at once, so that no other attempt is made.")
    ]
    state: Annotated[
        Literal["manifests", "live", "planned"],
        meaning("Whether manifests, a server, or a plan for it were asked."),
    ]
    target: Annotated[Target, meaning("The server.")]
    undecided: Annotated[tuple[Text, ...], meaning("What would decide the route, where nobody can tell it.")] = ()


class CheckPart(Part, frozen=True, kw_only=True):
    """One expectation, and what it was held against."""

    actual: Annotated[_Names | None, meaning("What the server would take, or which filters; null where unknown.")]
    expected: Annotated[_Names, meaning("What is expected.")]
    field: Annotated[str, meaning("Which expression it is about, or `milters`.")]
    passed: Annotated[bool, meaning("Whether it holds.")]
    because: Annotated[str, meaning("Why it is not known, or why the server falls back.")] = ""
    branch: _Branch = ""
    condition: _Condition = member(name="if", default="")
    decided_at: Annotated[Place | UnsetType, meaning("Where what decided is declared.")] = UNSET
    retry_num: Annotated[Count | UnsetType, meaning("The attempt of a ladder, from 0.")] = UNSET
    source: Annotated[Place | UnsetType, meaning("Where the expectation stands.")] = UNSET


class CasePart(Part, frozen=True, kw_only=True):
    """One case."""

    checks: Annotated[tuple[CheckPart, ...], meaning("What it expects.")]
    name: Annotated[str, meaning("Its name.")]
    passed: Annotated[bool, meaning("Whether all that it expects holds.")]
    source: Annotated[Place, meaning("Where it stands.")]


class TestCounts(Part, frozen=True, kw_only=True):
    """The counts of routing tests."""

    failed: Annotated[Count, meaning("Cases that do not hold.")]
    mistakes: Annotated[Count, meaning("Mistakes in routing tests.")]
    passed: Annotated[Count, meaning("Cases that hold.")]


class RoutingTestsReport(Report, frozen=True, kw_only=True, tag="reconciler/routing-tests/v1"):
    """How routing tests came out."""

    cases: Annotated[tuple[CasePart, ...], meaning("The cases of every document without a mistake.")]
    diagnostics: Annotated[tuple[ReportedDiagnostic, ...], meaning("Mistakes in routing tests.")]
    summary: Annotated[TestCounts, meaning("The counts.")]
    target: Annotated[Target, meaning("The server.")]


def explanation_report(
    catalogue: Catalogue,
    explanation: Explanation,
    target: Target,
    undecided: Sequence[str] = (),
    today: Sequence[Mapping[str, str]] | None = None,
) -> ExplanationReport:
    """Return the report of an explanation.

    Args:
        catalogue: what the kinds are.
        explanation: what is taken.
        target: the server.
        undecided: what would decide the route where it is not known.
        today: for each attempt, what each expression gives today where that differs; None compares nothing.
    """
    return ExplanationReport(
        assumptions=tuple(_assumptions(explanation)),
        attempts=tuple(
            _attempt(catalogue, attempt, today[place] if today else {})
            for place, attempt in enumerate(explanation.attempts)
        ),
        given=dict(explanation.given),
        never_fails_over=NEVER_FAILS_OVER,
        state="live" if explanation.live else "manifests" if today is None else "planned",
        target=target,
        undecided=tuple(undecided),
    )


def _attempt(catalogue: Catalogue, attempt: Attempt, today: Mapping[str, str]) -> AttemptPart:
    return AttemptPart(
        attempt=attempt.retry_num + 1,
        decisions={
            choice.field: _decision(catalogue, choice, today.get(choice.field, "")) for choice in attempt.choices
        },
        last_error=attempt.last_error,
        retry_num=attempt.retry_num,
    )


def _decision(catalogue: Catalogue, choice: Choice, today: str) -> DecisionPart:
    return DecisionPart(
        outcome=choice.outcome,
        kind=choice.kind,
        name=choice.name if choice.outcome != "unknown" else None,
        origin=choice.origin,
        value=UNSET if isinstance(choice.value, Unknown) else wire(choice.value),
        because=choice.because,
        branch=choice.pointer,
        condition=choice.condition,
        today=today,
        log=choice.log,
        object=UNSET if choice.held is None else _chosen(catalogue, choice.held),
        source=place(choice.place),
        uses=choice.uses,
    )


def _chosen(catalogue: Catalogue, held: Held) -> Chosen:
    """Return an object with what tells it from another of its kind."""
    spec = decode(catalogue, catalogue.kinds[held.address.kind], held.wire)
    fields = {name: value for name, value in spec.items() if name not in _TITLES}
    return Chosen(address=str(held.address), fields=fields, origin=held.origin)


def _assumptions(explanation: Explanation) -> list[str]:
    """Say what an explanation takes for granted, a sentence each."""
    lines = []
    if any(attempt.retry_num for attempt in explanation.attempts):
        errors = {attempt.last_error for attempt in explanation.attempts if attempt.retry_num}
        lines.append(
            f"Assumed: every earlier attempt fails with {', '.join(sorted(errors))}, "
            "and the schedule allows that many attempts."
        )
        lines.append("The schedule of an attempt is the one chosen when the attempt before had failed.")
        lines.append(f"Bounces at once and never fails over: {'; '.join(NEVER_FAILS_OVER)}.")
    if any(attempt.retry_num == 0 for attempt in explanation.attempts):
        lines.append("The first schedule is chosen when mail is queued: size, queue_age and expires_in are 0 then.")
    if explanation.grouped:
        lines.append(
            f"The server decides once for all recipients of a domain and route, by the smallest address: "
            f"{', '.join(explanation.grouped)}. Beside other recipients, this one may get the result of another."
        )
    if explanation.live:
        lines.append("These are the stored settings; no interface shows what the server has run since its last reload.")
    return lines


def routing_tests_report(
    results: Sequence[CaseResult], mistakes: Sequence[Diagnostic], target: Target
) -> RoutingTestsReport:
    """Return the report of routing tests."""
    failed = sum(not result.passed for result in results)
    return RoutingTestsReport(
        cases=tuple(_case(result) for result in results),
        diagnostics=findings(mistakes),
        summary=TestCounts(failed=failed, mistakes=len(mistakes), passed=len(results) - failed),
        target=target,
    )


def _case(result: CaseResult) -> CasePart:
    source = result.case.place
    return CasePart(
        checks=tuple(_check(check) for check in result.checks),
        name=result.case.name,
        passed=result.passed,
        source=Place(file=source.file, line=source.line, column=source.column),
    )


def _check(check: Check) -> CheckPart:
    return CheckPart(
        actual=check.actual,
        expected=check.expected,
        field=check.field,
        passed=check.passed,
        because=check.because,
        branch=check.pointer,
        condition=check.condition,
        decided_at=place(check.decided),
        retry_num=UNSET if check.retry is None else check.retry,
        source=place(check.place),
    )
