"""Markdown for pull requests: what became of a plan, what is wrong, and which way mail takes.

Law: a destroy is never cut; what else is left out is said.
"""

from __future__ import annotations

from reconciler.report.changes import Done, OutcomeReport
from reconciler.report.checks import DiagnosisReport, ErrorReport, PermissionsReport, ValidationReport
from reconciler.report.formats import mail_text, outcome_text, text
from reconciler.report.formats.sheet import Section, code, fenced, sheet, where
from reconciler.report.mail import ExplanationReport, RoutingTestsReport
from reconciler.report.page import Page
from reconciler.report.paint import plural
from reconciler.report.parts import Target

_TABLE = "| | {} | {} |\n|---|---|---|\n"


def outcome(report: OutcomeReport, page: Page) -> str:
    """Print what became of a plan."""
    lines = outcome_text.outcome(report, Page(quiet=True)).splitlines()
    wrong = [done for done in report.changes if done.result != "applied"]
    counts = report.summary
    state = "done" if not wrong and report.reload.result != "failed" and not report.residue else "not all is as planned"
    message = ", ".join(f"{getattr(counts, name)} {name}" for name in ("applied", "failed", "skipped", "unknown"))
    name = f" {code(report.target.name)}" if report.target.name else ""
    parts = [Section(f"## reconciler {report.work}{name}: {state}\n\n{where(report.target)}.\n", whole=True)]
    doomed = [_done(done) for done in report.changes if done.action == "destroy"]
    if doomed:
        parts.append(Section(f"\n### Destroys ({len(doomed)})\n\n{''.join(doomed)}", whole=True))
    parts.append(Section(f"\n**{message}; reload {report.reload.result}.**\n", whole=True))
    parts += fenced("What happened", lines, folded=False)
    rest = [_done(done) for done in report.changes if done.action != "destroy"]
    if rest:
        parts.append(Section(f"\nChanges ({len(rest)}):\n\n", rest))
    return sheet(report.target, "", parts, page)


def _done(change: Done) -> str:
    why = change.error or change.because
    return f"- {change.action} {code(change.address)}: {change.result}{f', {code(why)}' if why else ''}\n"


def validation(report: ValidationReport, page: Page) -> str:
    """Print what is wrong with manifests."""
    counts = report.summary
    state = ", ".join(plural(getattr(counts, name), name) for name in ("error", "warning", "note"))
    title = (
        f"## reconciler validate: {state}\n\n{plural(counts.files, 'file')}, {plural(counts.documents, 'document')}.\n"
    )
    lines = text.diagnostics(report.diagnostics, Page()).splitlines()
    return sheet(None, "", [Section(title, whole=True), *fenced("Findings", lines)], page)


def explanation(report: ExplanationReport, page: Page) -> str:
    """Print which way a message would take."""
    parts = [Section(f"## Mail to {code(str(report.given.get('rcpt')))}\n", whole=True)]
    for attempt in report.attempts:
        table = _TABLE.format("takes", "because")
        head = f"\n### Attempt {attempt.attempt}, last error {code(attempt.last_error)}\n\n{table}"
        rows = [
            f"| {_cell(name)} | {_cell(decision.name or 'unknown')} |"
            f" {_cell(mail_text.deciding(decision) or decision.because)} |\n"
            for name, decision in attempt.decisions.items()
        ]
        parts.append(Section(head, rows))
    parts += fenced("Assumptions", (*report.assumptions, *report.undecided))
    return sheet(report.target, "", parts, page)


def _cell(content: str) -> str:
    # Within a table a bar ends the cell even in code.
    return code(content.replace("|", "\\|")) if content else ""


def routing_tests(report: RoutingTestsReport, page: Page) -> str:
    """Print how routing tests came out."""
    counts = report.summary
    wrong = f", {plural(counts.mistakes, 'mistake')}" if counts.mistakes else ""
    title = f"## reconciler test: {counts.failed} failed, {counts.passed} passed{wrong}\n"
    lines = mail_text.routing_tests(report, Page(quiet=True)).splitlines()
    return sheet(report.target, "", [Section(title, whole=True), *fenced("Failures", lines, folded=False)], page)


def diagnosis(report: DiagnosisReport, page: Page) -> str:
    """Print the verdicts of a diagnosis."""
    words = [verdict.verdict for verdict in report.verdicts]
    counted = ", ".join(f"{words.count(word)} {word}" for word in ("fail", "warn", "ok") if word in words)
    rows = [
        f"| {verdict.verdict} | {_cell(verdict.subject)} | {_cell(verdict.message)} {_cell(verdict.hint)} |\n"
        for verdict in report.verdicts
    ]
    title = Section(f"## reconciler doctor: {counted}\n\n{where(report.target)}.\n", whole=True)
    return sheet(report.target, "", [title, Section("\n" + _TABLE.format("subject", "found"), rows)], page)


def permissions(report: PermissionsReport, page: Page) -> str:
    """Print the least permissions."""
    lines = text.permissions(report, Page()).splitlines()
    return sheet(
        None,
        "",
        [Section("## Permissions\n", whole=True), *fenced("Each for a role", lines, folded=False)],
        page,
    )


def error(report: ErrorReport, page: Page) -> str:
    """Print what stopped a run."""
    lines = text.error(report, Page()).splitlines()
    title = Section(f"## reconciler: the run failed, exit code {report.exit_code}\n", whole=True)
    where_from = Target(name=page.target, url="")
    return sheet(where_from, "", [title, *fenced("What happened", lines, folded=False)], page)
