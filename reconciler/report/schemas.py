"""The JSON Schemas of the reports that programs read, as msgspec writes them from the structs.

Law: what is printed, these accept; a report's name and version stand in its `format`.
"""

from __future__ import annotations

from msgspec.json import schema

from reconciler.report.changes import DriftReport, OutcomeReport, PlanReport
from reconciler.report.checks import DiagnosisReport, ErrorReport, PermissionsReport, ValidationReport
from reconciler.report.fleet import FleetImportReport, FleetReport
from reconciler.report.mail import ExplanationReport, RoutingTestsReport
from reconciler.report.parts import Report
from reconciler.report.status import StatusReport
from reconciler.values import DIALECT, Schema

REPORTS: tuple[type[Report], ...] = (
    *(ValidationReport, PlanReport, DriftReport, OutcomeReport, PermissionsReport, DiagnosisReport),
    *(ExplanationReport, RoutingTestsReport, ErrorReport, FleetReport, FleetImportReport, StatusReport),
)


def _schema(report: type[Report]) -> tuple[str, Schema]:
    """Return a report's name and its schema, with the report itself at the top."""
    tag = str(report.__struct_config__.tag)
    written = schema(report)
    parts = written["$defs"]
    top = parts.pop(written["$ref"].rpartition("/")[2])
    known = {"description": "Name and version of this report.", "const": tag}
    top["properties"] = {**top["properties"], "format": known}
    return tag.split("/")[1], {"$schema": DIALECT, **top, "title": tag, "$defs": parts}


#: The schema of every report, by the report's name.
SCHEMAS: dict[str, Schema] = dict(map(_schema, REPORTS))
