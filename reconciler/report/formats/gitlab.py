"""GitLab's report of a plan, which the page of a merge request shows.

Law: counts only; an object that is replaced is one that is updated.
"""

from __future__ import annotations

from msgspec.json import encode

from reconciler.report.changes import PlanReport
from reconciler.report.page import Page


def plan(report: PlanReport, page: Page) -> str:
    """Print the counts of a plan, or of drift."""
    counts = report.summary
    updates = counts.update + counts.replace
    return encode({"create": counts.create, "update": updates, "delete": counts.destroy}).decode() + "\n"
