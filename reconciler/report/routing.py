"""How routing tests came out: as text, for programs, and as JUnit XML.

Law: every failure is told with what was expected, what would happen, and what decided it; none is shortened away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from reconciler.mail import CaseResult, Check, listed, told
from reconciler.report import text
from reconciler.report.explanation import source
from reconciler.report.machine import Json, diagnostic
from reconciler.report.paint import Paint, plural, printable
from reconciler.values import Diagnostic


def routing_tests(results: Sequence[CaseResult], mistakes: Sequence[Diagnostic], paint: Paint, *, quiet: bool) -> str:
    """Print how routing tests came out: every mistake, every failure, and the counts."""
    lines: list[str] = []
    for result in results:
        for check in result.checks:
            if not check.passed:
                place = check.place or result.case.place
                lines.append(f"{paint('failed', 'red')}: {printable(f'{place} {result.case.name}{attempt(check)}')}")
                lines += [f"    {printable(line)}" for line in _failure(check)]
    failed = sum(not result.passed for result in results)
    if not lines and not mistakes and quiet:
        return ""
    told_failed = f"{failed} failed, " if failed else ""
    wrong = f", {plural(len(mistakes), 'mistake')} in routing tests" if mistakes else ""
    lines.append(f"{plural(len(results), 'routing test')}: {told_failed}{len(results) - failed} passed{wrong}.")
    return text.diagnostics(mistakes, paint) + "".join(f"{line}\n" for line in lines)


def attempt(check: Check) -> str:
    """Name the attempt of a ladder that a check belongs to."""
    return "" if check.retry is None else f", attempt {check.retry + 1}"


def _failure(check: Check) -> Iterable[str]:
    actual = "unknown" if check.actual is None else listed(check.actual)
    yield f"{check.field}: expected {listed(check.expected)}, got {actual}"
    if told(check):
        yield told(check)
    if check.because:
        yield check.because


def routing_tests_members(results: Sequence[CaseResult], mistakes: Sequence[Diagnostic], target: Json) -> Json:
    """Return the members of `reconciler/routing-tests/v1`."""
    return {
        "cases": [
            {
                "checks": [_check(each) for each in result.checks],
                "name": result.case.name,
                "passed": result.passed,
                "source": source(result.case.place),
            }
            for result in results
        ],
        "diagnostics": [diagnostic(each) for each in mistakes],
        "summary": {
            "failed": sum(not result.passed for result in results),
            "mistakes": len(mistakes),
            "passed": sum(result.passed for result in results),
        },
        "target": target,
    }


def _check(check: Check) -> Json:
    members: Json = {
        "actual": _names(check.actual),
        "expected": _names(check.expected),
        "field": check.field,
        "passed": check.passed,
    }
    optional = {
        "because": check.because,
        "branch": check.pointer,
        "decidedAt": source(check.decided),
        "if": check.condition,
        "source": source(check.place),
    }
    if check.retry is not None:
        members["retryNum"] = check.retry
    return members | {name: value for name, value in optional.items() if value}


def _names(value: str | tuple[str, ...] | None) -> Any:
    return list(value) if isinstance(value, tuple) else value


def junit(results: Sequence[CaseResult], mistakes: Sequence[Diagnostic]) -> str:
    """Return how routing tests came out as JUnit XML: a test case each, and an error for every mistake."""
    failed = sum(not result.passed for result in results)
    tests = f'tests="{len(results) + len(mistakes)}" failures="{failed}" errors="{len(mistakes)}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="reconciler" {tests}>']
    lines.append(f'  <testsuite name="routing tests" {tests}>')
    for mistake in mistakes:
        lines.append(f"    <testcase {_case(mistake.code, mistake.file, mistake.line)}>")
        lines.append(f"      <error message={_attribute(mistake.message)}>{_content(str(mistake))}</error>")
        lines.append("    </testcase>")
    for result in results:
        place = result.case.place
        head = f"    <testcase {_case(result.case.name, place.file, place.line)}"
        if result.passed:
            lines.append(f"{head}/>")
            continue
        said = [(check, list(_failure(check))) for check in result.checks if not check.passed]
        first = f"{said[0][1][0]}{attempt(said[0][0])}"
        body = "\n".join(f"{check.place}{attempt(check)}: {'; '.join(told)}" for check, told in said)
        lines += [
            f"{head}>",
            f"      <failure message={_attribute(first)}>{_content(body)}</failure>",
            "    </testcase>",
        ]
    lines += ["  </testsuite>", "</testsuites>"]
    return "".join(f"{line}\n" for line in lines)


def _case(name: str, file: str, line: int) -> str:
    return f'name={_attribute(name)} classname={_attribute(file)} file={_attribute(file)} line="{line}"'


def _attribute(content: str) -> str:
    return quoteattr(printable(content))


def _content(content: str) -> str:
    # XML knows no other control characters, not even escaped ones.
    return escape("\n".join(printable(line) for line in content.split("\n")))
