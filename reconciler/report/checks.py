"""The reports of what was judged: manifests, permissions, a server's fitness, and a run that failed.

Law: every finding is in the report; how many of them a reader can take in is the format's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from reconciler.plan import Permissions, granted
from reconciler.report.parts import Count, Part, Report, ReportedDiagnostic, Target, findings, meaning
from reconciler.values import Diagnostic, ReconcilerError

_Granted = dict[str, Annotated[bool, Meta(extra_json_schema={"const": True})]]


class ValidationCounts(Part, frozen=True, kw_only=True):
    """The counts of a validation."""

    documents: Annotated[Count, meaning("Documents read.")]
    error: Annotated[Count, meaning("Errors found.")]
    files: Annotated[Count, meaning("Files read.")]
    note: Annotated[Count, meaning("Notes found.")]
    resources: Annotated[Count, meaning("Objects declared.")]
    targets: Annotated[Count, meaning("Targets judged, where there are several.")] = 0
    warning: Annotated[Count, meaning("Warnings found.")]


class ValidationReport(Report, frozen=True, kw_only=True, tag="reconciler/validation/v1"):
    """Whether manifests are right."""

    diagnostics: Annotated[tuple[ReportedDiagnostic, ...], meaning("Every finding, by place.")]
    summary: Annotated[ValidationCounts, meaning("The counts.")]


class PermissionsReport(Report, frozen=True, kw_only=True, tag="reconciler/permissions/v1"):
    """The least permissions that runs of the manifests need."""

    apply: Annotated[_Granted, meaning("What apply and its reload need; those of plan are among them.")]
    optional: Annotated[_Granted, meaning("Without these, checks of references say that they cannot tell.")]
    plan: Annotated[_Granted, meaning("What plan and drift need.")]


class Verdict(Part, frozen=True, kw_only=True, omit_defaults=False):
    """What one look found."""

    subject: Annotated[str, meaning("What was looked at.")]
    fine: Annotated[bool, meaning("Whether nothing speaks against a run.")]
    verdict: Annotated[Literal["ok", "warn", "fail"], meaning("`warn` is a remark, `fail` gives the exit code.")]
    message: Annotated[str, meaning("What was found, as a sentence.")]
    hint: Annotated[str, meaning("What to do about it.")]


class DiagnosisReport(Report, frozen=True, kw_only=True, tag="reconciler/diagnosis/v1"):
    """Whether a server, credentials and manifests go together."""

    target: Annotated[Target, meaning("The server that was asked.")]
    verdicts: Annotated[tuple[Verdict, ...], meaning("What was found, one by one.")]


class ErrorReport(Report, frozen=True, kw_only=True, tag="reconciler/error/v1"):
    """Why a run failed."""

    diagnostics: Annotated[tuple[ReportedDiagnostic, ...], meaning("Every mistake that was found.")]
    exit_code: Annotated[int, Meta(ge=1, le=255, description="The exit code of the program.")]
    hint: Annotated[str, meaning("What to do, or empty.")]
    message: Annotated[str, meaning("What went wrong, as a sentence.")]


def validation_report(
    diagnostics: Sequence[Diagnostic], *, files: int, documents: int, resources: int, targets: int = 0
) -> ValidationReport:
    """Return the report of a validation."""
    counts: dict[str, Any] = {
        severity: sum(diagnostic.severity == severity for diagnostic in diagnostics)
        for severity in ("error", "warning", "note")
    }
    summary = ValidationCounts(documents=documents, files=files, resources=resources, targets=targets, **counts)
    return ValidationReport(diagnostics=findings(diagnostics), summary=summary)


def permissions_report(permissions: Permissions) -> PermissionsReport:
    """Return the report of permissions; `apply` holds those of `plan` too."""
    return PermissionsReport(
        apply=granted((*permissions.plan, *permissions.apply)),
        optional=granted(permissions.optional),
        plan=granted(permissions.plan),
    )


def diagnosis_report(target: Target, verdicts: Iterable[Verdict]) -> DiagnosisReport:
    """Return the report of a diagnosis."""
    return DiagnosisReport(target=target, verdicts=tuple(verdicts))


def error_report(error: ReconcilerError) -> ErrorReport:
    """Return the report of what stopped a run; manifests that are wrong are told mistake by mistake."""
    return ErrorReport(
        diagnostics=findings(getattr(error, "diagnostics", ())),
        exit_code=error.exit_code,
        hint=error.hint,
        message=error.message,
    )
