"""Findings for the code pages of pipelines: SARIF 2.1.0, and GitLab's code quality.

Law: what a finding is called stays the same when lines move, so that a page knows it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from msgspec.json import encode, format  # noqa: A004 - msgspec's own name for laying out JSON

from reconciler import __version__
from reconciler.mail import RULES
from reconciler.report.checks import ErrorReport, ValidationReport
from reconciler.report.page import Page
from reconciler.report.parts import ReportedDiagnostic

#: Results that a page takes; GitHub shows no more.
MOST = 4999
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_GRAVE = {"error": "critical", "warning": "major", "note": "info"}
_WORST = tuple(_GRAVE)
#: Where a finding is shown that belongs to no line.
_NOWHERE = "reconciler.yaml"


def _findings(report: ValidationReport | ErrorReport) -> list[ReportedDiagnostic]:
    """Return the findings of a report, the worst first; a run that failed without any is one itself."""
    diagnostics = [*report.diagnostics]
    if isinstance(report, ErrorReport) and not diagnostics:
        diagnostics = [ReportedDiagnostic(severity="error", code="failed", message=report.message, hint=report.hint)]
    return sorted(diagnostics, key=lambda diagnostic: _WORST.index(diagnostic.severity))[:MOST]


def sarif(report: ValidationReport | ErrorReport, page: Page) -> str:
    """Print findings as SARIF."""
    findings = _findings(report)
    codes = sorted({diagnostic.code for diagnostic in findings})
    results = [
        {
            "ruleId": diagnostic.code,
            "ruleIndex": codes.index(diagnostic.code),
            "level": diagnostic.severity,
            "message": {"text": _sentence(diagnostic)},
            "locations": [_location(diagnostic, page.root)],
            "partialFingerprints": {"reconciler/v1": mark},
        }
        for diagnostic, mark in zip(findings, _marks(findings, page.root), strict=True)
    ]
    driver = {"name": "reconciler", "semanticVersion": __version__, "rules": [_rule(code) for code in codes]}
    log = {"$schema": _SARIF, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return _laid_out(log)


def _rule(code: str) -> dict[str, Any]:
    rule = RULES.get(code)
    return {"id": code, "shortDescription": {"text": rule.description if rule else code.replace("-", " ")}}


def _location(finding: ReportedDiagnostic, root: str) -> dict[str, Any]:
    place = finding.source
    region = (
        {"startLine": place.line, **({"startColumn": place.column} if place.column else {})}
        if place and place.line
        else None
    )
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(_file(finding, root))}}
    if region:
        physical["region"] = region
    logical = " ".join(filter(None, (finding.address, finding.pointer)))
    return {
        "physicalLocation": physical,
        **({"logicalLocations": [{"fullyQualifiedName": logical}]} if logical else {}),
    }


def codequality(report: ValidationReport | ErrorReport, page: Page) -> str:
    """Print findings as GitLab's code quality."""
    findings = _findings(report)
    return _laid_out(
        [
            {
                "check_name": diagnostic.code,
                "description": _sentence(diagnostic),
                "fingerprint": mark,
                "location": {
                    "path": _file(diagnostic, page.root),
                    "lines": {"begin": max(1, diagnostic.source.line if diagnostic.source else 1)},
                },
                "severity": _GRAVE[diagnostic.severity],
            }
            for diagnostic, mark in zip(findings, _marks(findings, page.root), strict=True)
        ]
    )


def _sentence(finding: ReportedDiagnostic) -> str:
    subject = " ".join(filter(None, (finding.address, finding.pointer)))
    return f"{subject}{': ' if subject else ''}{finding.message}{f' ({finding.hint})' if finding.hint else ''}"


def _file(finding: ReportedDiagnostic, root: str) -> str:
    """Return the file of a finding as seen from the root, which is where a pipeline checked it out."""
    path = PurePosixPath(finding.source.file if finding.source else _NOWHERE)
    return str(path.relative_to(root) if root and path.is_relative_to(root) else path)


def _marks(findings: Sequence[ReportedDiagnostic], root: str) -> Iterator[str]:
    """Yield a fingerprint for each finding: of everything but its lines, and its number among equal ones."""
    seen: Counter[tuple[str, ...]] = Counter()
    for diagnostic in findings:
        parts = (diagnostic.code, _file(diagnostic, root), diagnostic.address, diagnostic.pointer, diagnostic.message)
        seen[parts] += 1
        yield sha256("\0".join([*parts, str(seen[parts])]).encode("utf-8", "backslashreplace")).hexdigest()[:40]


def _laid_out(value: Any) -> str:
    return format(encode(value), indent=1).decode() + "\n"
