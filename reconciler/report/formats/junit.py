"""JUnit XML for the pages of pipelines: a test case each, and an error for every mistake.

Law: what XML cannot hold is escaped before it is written.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from msgspec import UnsetType

from reconciler.report.formats.mail_text import attempt, failure
from reconciler.report.mail import RoutingTestsReport
from reconciler.report.page import Page
from reconciler.report.parts import Place


def routing_tests(report: RoutingTestsReport, page: Page) -> str:
    """Print how routing tests came out."""
    counts = {
        "tests": str(len(report.cases) + len(report.diagnostics)),
        "failures": str(report.summary.failed),
        "errors": str(report.summary.mistakes),
    }
    root = Element("testsuites", {"name": "reconciler", **counts})
    suite = SubElement(root, "testsuite", {"name": "routing tests", **counts})
    for mistake in report.diagnostics:
        case = _case(suite, mistake.code, mistake.source)
        hint = f" ({mistake.hint})" if mistake.hint else ""
        place = f"{mistake.source} {mistake.pointer}: " if mistake.source else ""
        SubElement(case, "error", {"message": mistake.message}).text = f"{place}{mistake.message}{hint}"
    for tested in report.cases:
        case = _case(suite, tested.name, tested.source)
        failures = [(check, list(failure(check))) for check in tested.checks if not check.passed]
        if failures:
            first = f"{failures[0][1][0]}{attempt(failures[0][0])}"
            body = "\n".join(f"{check.source}{attempt(check)}: {'; '.join(lines)}" for check, lines in failures)
            SubElement(case, "failure", {"message": first}).text = body
    indent(root)
    return f"{tostring(root, encoding='unicode', xml_declaration=True)}\n"


def _case(suite: Element, name: str, place: Place | UnsetType) -> Element:
    file, line = (place.file, place.line) if place else ("", 0)
    return SubElement(suite, "testcase", {"name": name, "classname": file, "file": file, "line": str(line)})
