"""JUnit XML for the pages of pipelines: a test case each, and an error for every mistake.

Law: what XML cannot hold is escaped before it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from msgspec import UNSET, UnsetType

from reconciler.report.checks import ValidationReport
from reconciler.report.formats.mail_text import attempt, failure
from reconciler.report.mail import RoutingTestsReport
from reconciler.report.page import Page
from reconciler.report.parts import Place, ReportedDiagnostic


def routing_tests(report: RoutingTestsReport, page: Page) -> str:
    """Print how routing tests came out: a suite for each file."""
    cases: list[tuple[Element, Place | UnsetType]] = []
    for mistake in report.diagnostics:
        case = _case(mistake.code, mistake.source)
        SubElement(case, "error", {"message": mistake.message}).text = _diagnostic(mistake)
        cases.append((case, mistake.source))
    for tested in report.cases:
        case = _case(tested.name, tested.source)
        failures = [(check, list(failure(check))) for check in tested.checks if not check.passed]
        if failures:
            first = f"{failures[0][1][0]}{attempt(failures[0][0])}"
            body = "\n".join(f"{check.source}{attempt(check)}: {'; '.join(lines)}" for check, lines in failures)
            SubElement(case, "failure", {"message": first}).text = body
        cases.append((case, tested.source))
    return _suites("routing tests", cases)


def validation(report: ValidationReport, page: Page) -> str:
    """Print what is wrong with manifests: an error is a failure, and whatever else is said is put beside a pass."""
    cases: list[tuple[Element, Place | UnsetType]] = []
    for finding in report.diagnostics:
        subject = " ".join(filter(None, (finding.address, finding.pointer)))
        case = _case(f"{finding.code}{' ' if subject else ''}{subject}", finding.source)
        if finding.severity == "error":
            SubElement(case, "failure", {"message": finding.message, "type": finding.code}).text = _diagnostic(finding)
        else:
            SubElement(case, "system-out").text = f"{finding.severity}: {_diagnostic(finding)}"
        cases.append((case, finding.source))
    return _suites("manifests", cases or [(_case("manifests", UNSET), UNSET)])


def _suites(name: str, cases: Sequence[tuple[Element, Place | UnsetType]]) -> str:
    files: dict[str, list[Element]] = {}
    for case, place in cases:
        files.setdefault(place.file if place else name, []).append(case)
    root = Element("testsuites", {"name": "reconciler", **_counts([case for case, _ in cases])})
    for file, inside in files.items():
        SubElement(root, "testsuite", {"name": file, **_counts(inside)}).extend(inside)
    indent(root)
    return f"{tostring(root, encoding='unicode', xml_declaration=True)}\n"


def _counts(cases: Sequence[Element]) -> dict[str, str]:
    tags = {"failures": "failure", "errors": "error"}
    return {"tests": str(len(cases))} | {
        name: str(sum(case.find(tag) is not None for case in cases)) for name, tag in tags.items()
    }


def _diagnostic(finding: ReportedDiagnostic) -> str:
    place = " ".join(filter(None, (str(finding.source or ""), finding.address, finding.pointer)))
    return f"{place}{': ' if place else ''}{finding.message}{f' ({finding.hint})' if finding.hint else ''}"


def _case(name: str, place: Place | UnsetType) -> Element:
    file, line = (place.file, place.line) if place else ("", 0)
    return Element("testcase", {"name": name, "classname": file, "file": file, "line": str(line)})
