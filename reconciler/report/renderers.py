"""Which function prints which report in which format.

Law: names only, so that a format costs nothing before it is asked for; a function takes a report and a page, and
returns a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.report.page import Page
    from reconciler.report.parts import Report
    from reconciler.values import Diagnostic


def _row(chosen: str, module: str, reports: str, function: str = "") -> dict[tuple[str, str], str]:
    """Return the renderers of one format in one module: each report's function is called as it, or as is said."""
    return {(report, chosen): f"{module}:{function or report.replace('-', '_')}" for report in reports.split()}


_JUDGED = "validation diagnosis permissions error"
_MAIL = "explanation routing-tests"
#: (report, format) -> module below `formats`, and function.
RENDERERS: dict[tuple[str, str], str] = {
    **_row("json", "json", f"plan drift outcome {_JUDGED} {_MAIL} fleet fleet-import status", "document"),
    **_row("text", "text", f"plan drift {_JUDGED}"),
    **_row("text", "outcome_text", "outcome"),
    **_row("text", "mail_text", _MAIL),
    **_row("text", "fleet", "fleet", "text"),
    **_row("text", "fleet", "fleet-import", "imported"),
    **_row("text", "status", "status", "text"),
    **_row("compact", "text", "plan drift", "lines"),
    **_row("compact", "text", "validation", "findings"),
    **_row("markdown", "markdown_plan", "plan drift", "plan"),
    **_row("markdown", "markdown", f"outcome {_JUDGED} {_MAIL}"),
    **_row("markdown", "fleet", "fleet", "markdown"),
    **_row("markdown", "status", "status", "markdown"),
    **_row("html", "html_plan", "plan drift", "plan"),
    **_row("html", "html", "outcome explanation"),
    **_row("github", "github", "validation error"),
    **_row("github", "github", "plan drift", "plan"),
    **_row("gitlab", "gitlab", "plan drift", "plan"),
    **_row("sarif", "annotations", "validation error", "sarif"),
    **_row("codequality", "annotations", "validation error", "codequality"),
    **_row("junit", "junit", "validation routing-tests"),
    **_row("prometheus", "prometheus", "outcome error"),
    **_row("prometheus", "prometheus", "plan drift", "plan"),
}
#: Formats that are JSON, and hold every text as it is.
EXACT = ("json", "sarif", "codequality", "gitlab")
#: Formats that carry on what stood in the file before.
CARRIED_ON = ("prometheus",)
#: What a routing can be drawn as; the first is drawn where nothing is said.
GRAPHS = ("mermaid", "svg", "text")
#: A sign that JSON writes as it is, and a terminal obeys.
_RAW = r"[^\x20-\x7e\n]"


def formats_of(report: str) -> tuple[str, ...]:
    """Return the formats that a report has, text first."""
    formats = {chosen for name, chosen in RENDERERS if name == report}
    return tuple(sorted(formats, key=lambda name: (name != "text", name)))


def render(report: Report, chosen: str, page: Page) -> str:
    """Print a report in a format that it has."""
    from reconciler.report.paint import escaped, fold

    module, _, function = RENDERERS[report.name, chosen].partition(":")
    printer = getattr(import_module(f"reconciler.report.formats.{module}"), function)
    text: str = printer(report if chosen in EXACT else escaped(report), page)
    if chosen in EXACT:
        return re.sub(_RAW, _quoted, text)
    return fold(text, page.width) if chosen in ("text", "compact") else text


def diagnostic_lines(diagnostics: Iterable[Diagnostic], page: Page) -> str:
    """Print diagnostics as lines of text."""
    from reconciler.report.formats.text import diagnostics as lines
    from reconciler.report.paint import escaped
    from reconciler.report.parts import findings

    return lines([escaped(diagnostic) for diagnostic in findings(diagnostics)], page)


def _quoted(match: re.Match[str]) -> str:
    sign = match[0]
    if sign.isprintable():
        return sign
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
