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

#: (report, format) -> module below `formats`, and function.
RENDERERS: dict[tuple[str, str], str] = {
    **{
        (report, "json"): "json:document"
        for report in (
            *("validation", "plan", "drift", "outcome", "explanation", "routing-tests"),
            *("diagnosis", "permissions", "error", "fleet", "fleet-import", "status"),
        )
    },
    ("validation", "text"): "text:validation",
    ("plan", "text"): "text:plan",
    ("drift", "text"): "text:drift",
    ("outcome", "text"): "text:outcome",
    ("explanation", "text"): "mail_text:explanation",
    ("routing-tests", "text"): "mail_text:routing_tests",
    ("diagnosis", "text"): "text:diagnosis",
    ("permissions", "text"): "text:permissions",
    ("error", "text"): "text:error",
    ("validation", "compact"): "text:findings",
    ("plan", "compact"): "text:lines",
    ("drift", "compact"): "text:lines",
    ("routing-tests", "junit"): "junit:routing_tests",
    ("fleet", "text"): "fleet:text",
    ("status", "text"): "status:text",
    ("status", "markdown"): "status:markdown",
    ("fleet", "markdown"): "fleet:markdown",
    ("fleet-import", "text"): "fleet:imported",
}
#: Formats that are JSON, and hold every text as it is.
EXACT = ("json",)
#: A sign that JSON writes as it is, and a terminal obeys.
_RAW = re.compile(r"[^\x20-\x7e\n]")


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
        return _RAW.sub(_quoted, text)
    return fold(text, page.width) if chosen in ("text", "compact") else text


def told(diagnostics: Iterable[Diagnostic], page: Page) -> str:
    """Print diagnostics as lines of text."""
    from reconciler.report.formats.text import diagnostics as lines
    from reconciler.report.paint import escaped
    from reconciler.report.parts import findings

    return lines([escaped(each) for each in findings(diagnostics)], page)


def _quoted(match: re.Match[str]) -> str:
    sign = match[0]
    if sign.isprintable():
        return sign
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
