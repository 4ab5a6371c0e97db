"""One page for people who were not there: what is destroyed first, then where mail goes, then every change.

Law: one file, and no request to anywhere; every text is escaped where it is put into the page; all of it can be read
without a script, which only searches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pkgutil import get_data
from typing import Any

from reconciler.report.changes import OutcomeReport, Planned, PlanReport
from reconciler.report.formats import mail_text, text
from reconciler.report.formats.picture import pictures
from reconciler.report.mail import ExplanationReport
from reconciler.report.page import Page
from reconciler.report.paint import Paint, plural
from reconciler.report.parts import Target

_PLAIN = Paint()
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def _asset(name: str) -> str:
    return (get_data(__package__, name) or b"").decode()


def _document(title: str, parts: Iterable[str], *, search: bool = False) -> str:
    field = '<input type="search" placeholder="Search changes" aria-label="Search changes">'
    box = f'<div class="search" hidden>{field}</div>' if search else ""
    script = f"<script>{_asset('page.js')}</script>" if search else ""
    body = "\n".join(part.replace("<!--search-->", box) for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_asset('page.css')}</style></head>\n"
        f"<body><main>\n{body}\n</main>{script}</body></html>\n"
    )


def _head(title: str, target: Target, *more: str) -> str:
    instead = f'<br><span class="bad">{escape(target.instead)}</span>' if target.instead else ""
    rest = "".join(f"<br>{each}" for each in more if each)
    return f'<h1>{escape(title)}</h1><p class="dim">{escape(str(target))}{instead}{rest}</p>'


def plan(report: PlanReport, page: Page) -> str:
    """Print a plan, or drift."""
    state = "refused" if report.refusals else plural(len(report.changes), "change") if report.differs else "in sync"
    title = f"reconciler {report.name}{f' {report.target.name}' if report.target.name else ''}: {state}"
    digest = f"digest <code>{escape(report.digest)}</code>" if report.digest else ""
    counts = {name: getattr(report.summary, name) for name in report.summary.__struct_fields__}
    parts = [_head(title, report.target, digest)]
    parts += [f'<div class="stop"><strong>Refused:</strong> {escape(each)}</div>' for each in report.refusals]
    parts.append(_doomed([each for each in report.changes if each.action == "destroy"]))
    chips = "".join(f"<span>{count} {name}</span>" for name, count in counts.items() if count)
    parts.append(f'<div class="counts">{chips}</div>')
    if report.routing:
        drawn = "".join(pictures(report.routing))
        parts.append(f'<section id="routing"><h2>Where mail goes</h2>{drawn}</section>' if drawn else "")
    parts += ["<h2>Changes</h2><!--search-->" if report.changes else "", *_kinds(report.changes)]
    told = text.diagnostics(report.diagnostics, Page())
    parts.append(_folded("Diagnostics", told, opened=told.count("\n") < 12))
    parts.append(_folded("Left alone", "\n".join([*text.summary(report, _PLAIN)][1:])))
    return _document(title, parts, search=bool(report.changes))


def _doomed(changes: list[Planned]) -> str:
    rows = "".join(
        f"<li><code>{escape(each.address)}</code> <span class=dim>{escape(each.because)}</span>"
        f"{f'<br><code>{escape(text.content(each))}</code>' if each.content else ''}</li>"
        for each in changes
    )
    return f'<section class="doomed"><h2>Destroys ({len(changes)})</h2><ul>{rows}</ul></section>' if changes else ""


def _kinds(changes: Iterable[Planned]) -> Iterator[str]:
    kinds: dict[str, list[Planned]] = {}
    for change in changes:
        kinds.setdefault(text.kind_of(change), []).append(change)
    few = sum(map(len, kinds.values())) <= 12
    for kind, group in kinds.items():
        articles = "".join(map(_article, group))
        state = " open" if few else ""
        yield f'<details class="kind"{state}><summary>{escape(kind)} ({len(group)})</summary>{articles}</details>'


def _article(change: Planned) -> str:
    place = f' <span class="dim">{escape(str(change.source))}</span>' if change.source else ""
    because = f'<div class="dim">{escape(change.because)}</div>' if change.because else ""
    rows = "".join(_row(*row) for row in _rows(change))
    head = "<thead><tr><th>property<th>before<th>after</tr></thead>" if rows else ""
    table = f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
    name = f"{change.action} {change.address}"
    return f'<article class="{change.action}"><h3>{escape(name)}{place}</h3>{because}{table}</article>'


def _rows(change: Planned) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield the name, the value before, the value after and a remark of each difference; None where there is none."""
    for field in change.fields or ():
        name = "type" if field.pointer == "@type" else field.pointer
        for each in field.elements:
            was = f"before at {each.was}" if each.was else ""
            before = text.shown(each.before) if each.change in ("remove", "update") else None
            after = text.shown(each.after) if each.change != "remove" else None
            yield f"{name}/{each.pointer}", before, after, was
        if not field.elements:
            created = change.action == "create" or (change.action == "replace" and field.before is None)
            remark = "left out: the type's default" if field.left_out else ""
            yield name, None if created else text.shown(field.before), text.shown(field.after), remark
    for name, value in change.content.items():
        yield name, text.shown(value), None, ""


def _row(name: str, before: str | None, after: str | None, remark: str) -> str:
    chip = f' <span class="chip">{escape(remark)}</span>' if remark else ""
    old = f'<td class="old mono">{escape(before)}' if before is not None else "<td>"
    new = f'<td class="new mono">{escape(after)}{chip}' if after is not None else "<td>"
    return f'<tr><td class="mono">{escape(name)}{old}{new}</tr>'


def _folded(title: str, content: str, *, opened: bool = False) -> str:
    state = " open" if opened else ""
    inner = f"<details{state}><summary>{escape(title)}</summary><pre class=mono>{escape(content)}</pre></details>"
    return inner if content.strip() else ""


def outcome(report: OutcomeReport, page: Page) -> str:
    """Print what became of a plan."""
    wrong = [each for each in report.changes if each.result != "applied"]
    well = not wrong and report.reload.result in ("applied", "skipped") and not report.residue
    title = f"reconciler {report.work}: {'done' if well else 'not all is as planned'}"
    parts = [_head(title, report.target), _doomed([each for each in report.changes if each.action == "destroy"])]
    parts.append(_folded("What happened", text.outcome(report, Page(quiet=True)), opened=True))
    rows = "".join(
        f'<tr><td class="mono">{escape(each.action)} {escape(each.address)}'
        f'<td class="{"" if each.result == "applied" else "bad"}">{each.result}'
        f"<td>{escape(each.error or each.because)}</tr>"
        for each in report.changes
    )
    parts.append(f"<h2>Changes</h2><table><tbody>{rows}</tbody></table>" if rows else "")
    return _document(title, parts)


def explanation(report: ExplanationReport, page: Page) -> str:
    """Print which way a message would take."""
    title = f"Mail to {report.given.get('rcpt')}"
    parts = [_head(title, report.target)]
    for attempt in report.attempts:
        rows = "".join(
            f'<tr><td>{escape(name)}<td class="mono {"bad" if each.outcome == "fallback" else ""}">'
            f"{escape(each.name or 'unknown')}<td>{escape(mail_text.deciding(each) or each.because)}</tr>"
            for name, each in attempt.decisions.items()
        )
        head = f"<h2>Attempt {attempt.attempt}, last error {escape(attempt.last_error)}</h2>"
        parts.append(
            f"{head}<table><thead><tr><th>expression<th>takes<th>because</tr></thead><tbody>{rows}</tbody></table>"
        )
    parts.append(f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in report.assumptions)}</ul>")
    return _document(title, parts)
