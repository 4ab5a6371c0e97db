"""Pages for people who were not there: what became of a plan, and which way a message would take.

Law: every text is escaped where it is put into the page.
"""

from __future__ import annotations

from html import escape

from reconciler.report.changes import OutcomeReport
from reconciler.report.formats import mail_text, outcome_text, text
from reconciler.report.formats.html_page import document, doomed, folded, head
from reconciler.report.mail import ExplanationReport
from reconciler.report.page import Page


def _destroyed(report: OutcomeReport) -> str:
    return doomed(
        (done.address, done.because, text.content(done)) for done in report.changes if done.action == "destroy"
    )


def outcome(report: OutcomeReport, page: Page) -> str:
    """Print what became of a plan."""
    wrong = [done for done in report.changes if done.result != "applied"]
    well = not wrong and report.reload.result in ("applied", "skipped") and not report.residue
    title = f"reconciler {report.work}: {'done' if well else 'not all is as planned'}"
    parts = [head(title, report.target), _destroyed(report)]
    parts.append(folded("What happened", outcome_text.outcome(report, Page(quiet=True)), opened=True))
    rows = "".join(
        f'<tr><td class="mono">{escape(done.action)} {escape(done.address)}'
        f'<td class="{"" if done.result == "applied" else "bad"}">{done.result}'
        f"<td>{escape(done.error or done.because)}</tr>"
        for done in report.changes
    )
    parts.append(f"<h2>Changes</h2><table><tbody>{rows}</tbody></table>" if rows else "")
    return document(title, parts)


def explanation(report: ExplanationReport, page: Page) -> str:
    """Print which way a message would take."""
    title = f"Mail to {report.given.get('rcpt')}"
    parts = [head(title, report.target)]
    for attempt in report.attempts:
        rows = "".join(
            f'<tr><td>{escape(name)}<td class="mono {"bad" if decision.outcome == "fallback" else ""}">'
            f"{escape(decision.name or 'unknown')}<td>{escape(mail_text.deciding(decision) or decision.because)}</tr>"
            for name, decision in attempt.decisions.items()
        )
        above = f"<h2>Attempt {attempt.attempt}, last error {escape(attempt.last_error)}</h2>"
        parts.append(
            f"{above}<table><thead><tr><th>expression<th>takes<th>because</tr></thead><tbody>{rows}</tbody></table>"
        )
    parts.append(f"<ul>{''.join(f'<li>{escape(part)}</li>' for part in (*report.assumptions, *report.undecided))}</ul>")
    return document(title, parts)
