"""A plan as one page, in the order in which a reviewer asks.

    headline, STOP, DESTROYS, MAIL that moves, CHANGES by file, TESTS that would change, AFTER

Law: every text is escaped where it is put into the page; a destroy is never folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from msgspec import UNSET

from reconciler.report.changes import Planned, PlanReport
from reconciler.report.formats import text
from reconciler.report.formats.html_mail import known_mail, mail
from reconciler.report.formats.html_page import document, doomed, folded, head
from reconciler.report.formats.markdown_plan import afterwards
from reconciler.report.formats.picture import pictures
from reconciler.report.page import Page
from reconciler.report.paint import plural

#: Changes up to which all are open.
_FEW = 12
_LEGEND = (
    '<p class="dim">Green is new, and red was before. Mail moves by the thick arrows; a broken one leads to where it '
    "went before.</p>"
)


def plan(report: PlanReport, page: Page) -> str:
    """Print a plan, or drift."""
    state = "refused" if report.refusals else plural(len(report.changes), "change") if report.differs else "in sync"
    title = f"reconciler {report.name}{f' {report.target.name}' if report.target.name else ''}: {state}"
    lost = [planned for planned in report.changes if planned.action == "destroy"]
    rest = [planned for planned in report.changes if planned.action != "destroy"]
    parts = [head(title, report.target, *_headline(report)), _counts(report), *_stop(report)]
    parts.append(doomed((planned.address, planned.because, text.content(planned)) for planned in lost))
    moves = report.movement if report.movement is not UNSET else None
    drawn = "".join(pictures(report.routing, moves)) if report.routing else ""
    parts += [mail(moves) if moves else "", known_mail(report.impact) if report.impact else ""]
    parts.append(f'<section id="routing"><h2>Where mail goes</h2>{_LEGEND}{drawn}</section>' if drawn else "")
    parts += ["<h2>Changes</h2><!--search-->" if rest else "", *_files(rest)]
    turned = "".join(f"<li>{escape(turn)}</li>" for turn in (moves.turned if moves else ()))
    parts.append(f"<h2>Tests that pass now and would fail then</h2><ul class=bad>{turned}</ul>" if turned else "")
    parts += [_after(report)]
    message = text.diagnostics(text.worst_first(report.diagnostics), Page())
    parts.append(folded("Diagnostics", message, opened=message.count("\n") < _FEW))
    parts.append(folded("Left alone", "\n".join(text.left_alone(report))))
    return document(title, parts, search=bool(rest))


def _headline(report: PlanReport) -> Iterator[str]:
    if report.headline is not UNSET:
        head = report.headline
        request = f" of {escape(head.request)}" if head.request else ""
        commit = f"commit <code>{escape(head.commit[:12])}</code>{request}" if head.commit else ""
        version = f"kinds as of Stalwart {escape(head.version)}" if head.version else ""
        yield ", ".join(filter(None, (commit, version)))
    if report.digest:
        yield f"digest <code>{escape(report.digest)}</code>"


def _counts(report: PlanReport) -> str:
    counts = {name: getattr(report.summary, name) for name in report.summary.__struct_fields__}
    chips = "".join(f'<span class="{name}">{count} {name}</span>' for name, count in counts.items() if count)
    kinds = "".join(f"<li>{escape(line.strip())}</li>" for line in text.by_kind(report.changes))
    return f'<div class="counts">{chips}</div>{f"<ul class=dim>{kinds}</ul>" if kinds else ""}'


def _stop(report: PlanReport) -> Iterator[str]:
    if report.headline is not UNSET:
        lines = [*report.headline.unprotected, *(f"policy: {sentence}" for sentence in report.headline.policy)]
        yield from (f'<div class="beware">{escape(line)}</div>' for line in lines)
    yield from (f'<div class="stop"><strong>STOP</strong> {escape(refusal)}</div>' for refusal in report.refusals)


def _files(changes: Iterable[Planned]) -> Iterator[str]:
    """Yield changes by the file that declares them, and within it by kind."""
    files: dict[str, dict[str, list[Planned]]] = {}
    for change in changes:
        file = change.source.file if change.source else ""
        files.setdefault(file, {}).setdefault(text.kind_of(change), []).append(change)
    few = sum(len(group) for kinds in files.values() for group in kinds.values()) <= _FEW
    state = " open" if few else ""
    for file, kinds in sorted(files.items()):
        yield f'<section class="file"><h3 class="mono">{escape(file) or "without a file"}</h3>'
        for kind, group in kinds.items():
            articles = "".join(map(_article, group))
            yield f'<details class="kind"{state}><summary>{escape(kind)} ({len(group)})</summary>{articles}</details>'
        yield "</section>"


def _after(report: PlanReport) -> str:
    if report.ending is UNSET or not report.changes:
        return ""
    sentences = "".join(f"<li>{afterward.removeprefix('- ')}</li>" for afterward in afterwards(report.ending, _code))
    lasting = "".join(
        f"<li class=bad>cannot be undone: <code>{escape(lasting.address)}</code>, {escape(lasting.because)}</li>"
        for lasting in report.ending.lasting
    )
    return f"<h2>Afterwards</h2><ul>{sentences}{lasting}</ul>"


def _code(content: str) -> str:
    return f"<code>{escape(content)}</code>"


def _article(change: Planned) -> str:
    place = f' <span class="dim">{escape(str(change.source))}</span>' if change.source else ""
    because = f'<div class="dim">{escape(change.because)}</div>' if change.because else ""
    rows = "".join(_row(*row) for row in _rows(change))
    head = "<thead><tr><th>property<th>before<th>after</tr></thead>" if rows else ""
    table = f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
    name = f"{change.action} {change.address}"
    return f'<article class="{change.action}"><h4>{escape(name)}{place}</h4>{because}{table}</article>'


def _rows(change: Planned) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield the name, the value before, the value after and a remark of each difference; None where there is none."""
    # What the document asks for comes before what it leaves out.
    for field in sorted(change.fields or (), key=lambda field: field.left_out):
        name = "type" if field.pointer == "@type" else field.pointer
        for element in field.elements:
            was = f"before at {element.was}" if element.was else ""
            before = text.shown(element.before) if element.change in ("remove", "update") else None
            after = text.shown(element.after) if element.change != "remove" else None
            yield f"{name}/{element.pointer}", before, after, was
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
