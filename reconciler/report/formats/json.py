"""JSON for programs: one object, `format` first and the rest sorted, at every depth.

Law: what a report holds, and nothing else; a published schema accepts it.
"""

from __future__ import annotations

from msgspec.json import encode, format  # noqa: A004 - msgspec's own name for laying out JSON

from reconciler.report.page import Page
from reconciler.report.parts import Report, members


def document(report: Report, page: Page) -> str:
    """Print any report."""
    body = encode({"format": report.__struct_config__.tag, **members(report)})
    return format(body, indent=1).decode() + "\n"
