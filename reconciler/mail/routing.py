"""Routing tests: what a manifest's author expects of mail, held against what the manifests would do with it.

Law: pure; a document that holds a mistake runs none of its cases, every mistake is told where it stands, and what
cannot be known fails, with the reason.

    documents -> judge_documents -> Case* -> run_tests -> CaseResult* -> failures -> Diagnostic*

In `given`, `retryNum` and `lastError` are what the expressions see. In a `ladder` they belong to an attempt: the key 0
is the first, `lastError` is none there, and the schedule is the one that was chosen before the attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from reconciler.kinds import Catalogue
from reconciler.mail.explain import (
    Case,
    CaseResult,
    Check,
    Choice,
    Expectation,
    Filter,
    Locate,
    Routing,
    State,
    choices,
    decided_where,
    desired_state,
    filters,
    judge_given,
    listed,
    place,
    routing_of,
)
from reconciler.values import Diagnostic, Resource, Source, get_close_matches

Path = tuple[str, ...]

MILTERS = "milters"
#: What only a failure gives, so that a ladder's first attempt has none of it.
AFTER_FAILURE = ("lastError", "lastStatus")
_TOP = ("kind", "given", "cases")
_CASE = ("name", "given", "expect", "ladder")
#: Highest attempt that a ladder can ask about.
LAST_RETRY = 1000


class PlaceFinder(Protocol):
    """Finds the places of a document."""

    def source(self, path: Path = (), *, key: bool = False) -> Source:
        """Return the place of the value (or of the key) that a path leads to."""
        ...


class RoutingDocument(Protocol):
    """A routing test as it was written."""

    @property
    def value(self) -> Mapping[str, Any]:
        """The document's content."""
        ...

    @property
    def where(self) -> PlaceFinder:
        """Where it stands."""
        ...


def check_documents(
    catalogue: Catalogue, resources: Iterable[Resource], locate: Locate, documents: Sequence[RoutingDocument]
) -> tuple[Diagnostic, ...]:
    """Judge and run the routing tests of a desired state; return every mistake and every failure."""
    if not documents:
        return ()
    state = desired_state(catalogue, resources, locate)
    cases, mistakes = judge_documents(catalogue, documents)
    return (*mistakes, *failures(run_tests(catalogue, state, cases)))


def judge_documents(
    catalogue: Catalogue, documents: Sequence[RoutingDocument]
) -> tuple[tuple[Case, ...], tuple[Diagnostic, ...]]:
    """Read routing tests strictly.

    Returns the cases of the documents without a mistake, and the mistakes (code `routing-test-document`).
    """
    routing = routing_of(catalogue, State({}, {}))
    cases: list[Case] = []
    mistakes: list[Diagnostic] = []
    for document in documents:
        reader = _CaseReader(routing, document)
        read = reader.cases()
        mistakes += reader.mistakes
        if not reader.mistakes:
            cases += read
    return tuple(cases), tuple(sorted(mistakes))


def run_tests(catalogue: Catalogue, state: State, cases: Sequence[Case]) -> tuple[CaseResult, ...]:
    """Hold every expectation of every case against a state."""
    routing = routing_of(catalogue, state)
    return tuple(CaseResult(case, tuple(_checks(routing, case))) for case in cases)


def failures(results: Iterable[CaseResult]) -> tuple[Diagnostic, ...]:
    """Return one diagnostic (code `routing-test`) for every expectation that does not hold, at its place."""
    return tuple(_failure(result.case, check) for result in results for check in result.checks if not check.passed)


class _CaseReader:
    """Reads one document, and keeps every mistake."""

    def __init__(self, routing: Routing, document: RoutingDocument) -> None:
        self.found = routing
        self.where = document.where
        self.value = document.value
        self.mistakes: list[Diagnostic] = []

    def cases(self) -> list[Case]:
        self.fields((), self.value, _TOP, own=True)
        shared = self.given((), self.value.get("given", {}))
        listed = self.value.get("cases")
        if not isinstance(listed, list) or not listed:
            self.tell(("cases",), "cases is a list of at least one case", "each has a name, and expect or ladder")
            return []
        read: list[Case] = []
        names: dict[str, Path] = {}
        for index, element in enumerate(listed):
            path = ("cases", str(index))
            if not isinstance(element, dict):
                self.tell(path, "a case is a mapping with name, given, and expect or ladder")
                continue
            self.fields(path, element, _CASE)
            name = element.get("name")
            if not isinstance(name, str) or not name.strip():
                self.tell((*path, "name"), "a case needs a name, a text", "say what shall hold")
            elif name in names:
                first = self.where.source((*names[name], "name"))
                self.tell((*path, "name"), f"two cases have this name, the first at {first}", "name what differs")
            else:
                names[name] = path
            given = {**shared, **self.given(path, element.get("given", {}))}
            read.append(Case(str(name), tuple(self.steps(path, element, given)), path, self.where.source))
        return read

    def given(self, path: Path, given: object) -> dict[str, Any]:
        if not isinstance(given, dict):
            self.tell((*path, "given"), "given is a mapping, such as {rcpt: b@example.org}")
            return {}
        for field, message, hint in judge_given(self.found, given):
            self.tell((*path, "given", field), message, hint, key=message.startswith("unknown field"))
        return given

    def steps(self, path: Path, case: Mapping[str, Any], given: dict[str, Any]) -> Iterator[Expectation]:
        """Yield what is expected at once, and then what is expected at every attempt of the ladder."""
        if "expect" not in case and "ladder" not in case:
            self.tell(path, "a case needs expect or ladder", "such as expect: {route: mx}")
        if "expect" in case:
            at = (*path, "expect")
            yield Expectation(None, given, self.expected(at, case["expect"]), at)
        if "ladder" not in case:
            return
        ladder = case["ladder"]
        if not isinstance(ladder, dict) or not ladder:
            example = "such as {0: {route: mx}, 2: {route: fallback}}"
            self.tell((*path, "ladder"), "ladder is a mapping of attempts", example)
            return
        own = case.get("given")
        if isinstance(own, dict) and "retryNum" in own:
            self.tell((*path, "given", "retryNum"), "the ladder says which attempts are meant", "take retryNum out")
        for key in sorted(ladder, key=lambda attempt: (len(str(attempt)), str(attempt))):
            at = (*path, "ladder", str(key))
            if not (str(key).isascii() and str(key).isdigit() and len(str(key)) <= 4 and int(key) <= LAST_RETRY):
                self.tell(at, f"an attempt is a number from 0 (the first) to {LAST_RETRY}", key=True)
                continue
            retry = int(key)
            message = {name: value for name, value in given.items() if retry or name not in AFTER_FAILURE}
            yield Expectation(retry, {**message, "retryNum": retry}, self.expected(at, ladder[key]), at)

    def expected(self, path: Path, expected: object) -> dict[str, str | tuple[str, ...]]:
        known = (*self.found.fields, MILTERS)
        if not isinstance(expected, dict) or not expected:
            self.tell(path, "this is a mapping of what is expected", f"known here: {', '.join(known)}")
            return {}
        self.fields(path, expected, known)
        wanted: dict[str, str | tuple[str, ...]] = {}
        for name, value in expected.items():
            if name == MILTERS and isinstance(value, list) and all(isinstance(element, str) for element in value):
                wanted[name] = tuple(value)
            elif name != MILTERS and isinstance(value, str) and value:
                wanted[name] = value
            elif name in known:
                noun = "a list of names, such as [127.0.0.1:11332]" if name == MILTERS else "a name, a text"
                self.tell((*path, name), f"{name} must be {noun}")
        return wanted

    def fields(self, path: Path, value: Mapping[str, Any], known: Sequence[str], *, own: bool = False) -> None:
        for name in value:
            if name in known or (own and str(name).startswith("x-")):
                continue
            close = get_close_matches(str(name)[:64], known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
            self.tell((*path, str(name)), f"unknown field {str(name)[:64]}", hint, key=True)

    def tell(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        place = self.where.source(path, key=key)
        self.mistakes.append(
            Diagnostic(
                file=place.file,
                line=place.line,
                column=place.column,
                pointer="/".join(path),
                code="routing-test-document",
                message=message,
                hint=hint,
            )
        )


def _checks(routing: Routing, case: Case) -> Iterator[Check]:
    for step in case.steps:
        chosen = {choice.field: choice for choice in choices(routing, step.given, attempt=step.retry is not None)}
        for field, wanted in step.expected.items():
            if isinstance(wanted, tuple):
                check = _filtered(routing, step, wanted, filters(routing, step.given))
            else:
                check = _compared(routing, step, wanted, chosen[field])
            yield check if check.passed else replace(check, place=case.find((*step.path, field)))


def _compared(routing: Routing, step: Expectation, wanted: str, choice: Choice) -> Check:
    passed = choice.outcome in ("object", "builtin") and choice.name == wanted
    because = choice.because
    if choice.outcome == "fallback":
        because = f"{because}; the server would use {choice.uses}"
    return Check(
        retry=step.retry,
        field=choice.field,
        expected=wanted,
        actual=None if choice.outcome == "unknown" else choice.name,
        passed=passed,
        pointer=choice.pointer,
        condition=choice.condition,
        decided=None if passed else place(routing, choice),
        origin=choice.origin,
        because="" if passed else because,
    )


def _filtered(routing: Routing, step: Expectation, wanted: tuple[str, ...], asked: Sequence[Filter]) -> Check:
    actual = tuple(judged.address.name for judged in asked if judged.runs)
    unknown = [judged for judged in asked if judged.runs is None]
    passed = actual == wanted and not unknown and not routing.gates_unread
    # The filters to speak of: the unknown ones, else those that run and should not, or the other way round.
    wrong = [] if passed else unknown or [judged for judged in asked if (judged.address.name in wanted) != judged.runs]
    reasons = [routing.gates_unread, *(f"{judged.address}: {judged.because}" for judged in wrong[:3] if judged.because)]
    known = {judged.address.name for judged in asked}
    reasons += [f"there is no {name}" for name in wanted if name not in known and not routing.gates_unread]
    if not passed and not unknown and sorted(actual) == sorted(wanted):
        reasons.append("they are asked in the order of their creation")
    return Check(
        retry=step.retry,
        field=MILTERS,
        expected=wanted,
        actual=None if unknown or routing.gates_unread else actual,
        passed=passed,
        pointer=wrong[0].pointer if wrong else "",
        decided=place(routing, wrong[0]) if wrong else None,
        origin=wrong[0].origin if wrong else "default",
        because="; ".join(filter(None, reasons)),
    )


def _failure(case: Case, check: Check) -> Diagnostic:
    attempt = "" if check.retry is None else f", attempt {check.retry + 1}"
    actual = "that is unknown" if check.actual is None else f"it is {listed(check.actual)}"
    message = f"{case.name}{attempt}: {check.field} should be {listed(check.expected)}, but {actual}"
    where = check.place or case.place
    return Diagnostic(
        file=where.file,
        line=where.line,
        column=where.column,
        code="routing-test",
        message=f"{message}: {check.because}" if check.because else message,
        hint=decided_where(check),
    )
