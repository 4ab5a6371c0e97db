"""Markdown for pull requests: what matters first, and no more bytes than the page takes.

Law: a destroy is never cut; whatever else is left out is said; no text of a server or a file is taken for markup,
since it stands in fences and spans of code that it cannot end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.json import encode

from reconciler import __version__
from reconciler.report.changes import Done, Field, OutcomeReport, Planned, PlanReport
from reconciler.report.checks import DiagnosisReport, ErrorReport, PermissionsReport, ValidationReport
from reconciler.report.formats import mail_text, text
from reconciler.report.mail import ExplanationReport, RoutingTestsReport
from reconciler.report.page import Page
from reconciler.report.paint import Paint, plural
from reconciler.report.parts import Report, Target

#: What GitHub takes in a comment, in bytes.
LIMIT = 65_536
#: Lines of a diff up to which it is open.
OPEN = 12
_PLAIN = Paint()
_VERBS = {"create": "Create", "update": "Update", "replace": "Replace"}
_TABLE = "| | {} | {} |\n|---|---|---|\n"
#: Room for the sentences that say what was left out.
_MARGIN = 600


class _PagePart:
    """A part of the page: a head and a foot that stay, and lines of which as many stand between as there is room."""

    def __init__(self, head: str, lines: Iterable[str] = (), foot: str = "", *, whole: bool = False) -> None:
        self.head, self.lines, self.foot, self.whole = head, list(lines), foot, whole

    def fit(self, room: int) -> tuple[str, bool]:
        """Return as much of the part as there is room for, in bytes, and whether that is all of it."""
        every = "".join([self.head, *self.lines, self.foot])
        if self.whole or len(every.encode()) <= room:
            return every, True
        kept, used = [], len((self.head + self.foot).encode()) + _MARGIN // 4
        for line in self.lines:
            used += len(line.encode())
            if used > room:
                break
            kept.append(line)
        if not kept:
            return "", False
        return "".join([self.head, *kept, f"… and {len(self.lines) - len(kept)} more lines\n", self.foot]), False


def _page(report: Report, target: Target | None, digest: str, parts: Sequence[_PagePart], page: Page) -> str:
    """Put parts together: what must stay is counted first, then the others take what room is left, in their order."""
    limit = page.limit_bytes or LIMIT
    room = limit - _MARGIN - sum(len(part.fit(0)[0].encode()) for part in parts if part.whole)
    texts, complete = [], True
    for part in parts:
        found, all_of_it = part.fit(room)
        room -= 0 if part.whole else len(found.encode())
        complete &= all_of_it
        texts.append(found)
    head = {"target": target.name if target else "", "plan": digest, "truncated": not complete, "version": __version__}
    # `--` would end the comment.
    mark = encode(head).decode().replace("-", "\\u002d").replace(">", "\\u003e")
    rest = "" if complete else "\n_Not everything is shown: the page has a limit, and the JSON report has it all._\n"
    return f"<!-- reconciler {mark} -->\n{''.join(texts)}{rest}"


def code(content: str) -> str:
    """Return a text as a span of code, which no backtick within it ends."""
    ticks = "`" * (max((len(run) for run in re.findall("`+", content)), default=0) + 1)
    blank = " " if content.startswith("`") or content.endswith("`") or not content.strip() else ""
    return f"{ticks}{blank}{content}{blank}{ticks}"


def _fence(lines: Sequence[str], language: str) -> tuple[str, str]:
    """Return what opens and what closes a fence around some lines."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    ticks = "`" * max(3, max(runs, default=0) + 1)
    return f"{ticks}{language}\n", f"{ticks}\n"


def _fenced(title: str, lines: Iterable[str], language: str = "text", *, folded: bool = True) -> list[_PagePart]:
    """Return a section of lines in a fence, folded where there are many."""
    told = [f"{line}\n" for line in lines]
    if not told:
        return []
    opening, closing = _fence(told, language)
    if not folded:
        return [_PagePart(f"\n{title}\n\n{opening}", told, closing)]
    state = " open" if len(told) < OPEN else ""
    return [_PagePart(f"\n<details{state}><summary>{title}</summary>\n\n{opening}", told, f"{closing}\n</details>\n")]


def _where(target: Target) -> str:
    instead = f"; {code(target.instead)}" if target.instead else ""
    user = f", as {code(target.user)}" if target.user else ""
    return f"{code(target.url or 'no server')}{user}{instead}"


def plan(report: PlanReport, page: Page) -> str:
    """Print a plan, or drift."""
    doomed = [change for change in report.changes if change.action == "destroy"]
    result = next(iter(text.summary(report, _PLAIN)))
    state = "refused" if report.refusals else "in sync" if not report.differs else plural(len(report.changes), "change")
    destroys = f", {plural(len(doomed), 'destroy')}" if doomed else ""
    name = f" {code(report.target.name)}" if report.target.name else ""
    digest = f" Digest {code(report.digest)}." if report.digest and report.changes else ""
    parts = [
        _PagePart(
            f"## reconciler {report.name}{name}: {state}{destroys}\n\n{_where(report.target)}.{digest}\n", whole=True
        )
    ]
    if report.refusals:
        refused = "".join(f"> - {code(each)}\n" for each in report.refusals)
        parts.append(_PagePart(f"\n> [!CAUTION]\n> Refused, and nothing would be written:\n{refused}", whole=True))
    parts += _destroys(doomed, page)
    parts.append(_PagePart(f"\n**{result}**\n", whole=True))
    for action, verb in _VERBS.items():
        names = [f"- {code(each.address)}\n" for each in report.changes if each.action == action]
        if names:
            parts.append(_PagePart(f"\n{verb} ({len(names)}):\n\n", names))
    told = text.diagnostics(report.diagnostics, Page()).splitlines()
    findings = _fenced("Diagnostics", told)
    changes = (line for each in report.changes if each.action != "destroy" for line in diff(each))
    # What is wrong is shown before the room is spent on what changes.
    parts += [*findings, *_fenced("Changes", changes, "diff")]
    left = [*text.summary(report, _PLAIN)][1:]
    parts += _fenced("Left alone", left)
    if report.changes and not report.refusals:
        parts.append(
            _PagePart("\nThe server is reloaded once all of it is written, and `reconciler rollback` undoes it.\n")
        )
    return _page(report, report.target, report.digest, parts, page)


def _destroys(doomed: Sequence[Planned], page: Page) -> Iterator[_PagePart]:
    """Yield the destroys: every name stays, and what is lost as long as that takes no more than half of the page."""
    names = [f"- {code(each.address)}{f': {code(each.because)}' if each.because else ''}\n" for each in doomed]
    full = [
        f"{name}  {code(text.content(each))}\n" if each.content else name
        for name, each in zip(names, doomed, strict=True)
    ]
    short = len("".join(full).encode()) > (page.limit_bytes or LIMIT) // 2
    if doomed:
        lost = "" if not short else "What is lost is in the JSON report.\n\n"
        rows = [f"- {code(each.address)}\n" for each in doomed] if short else full
        yield _PagePart(f"\n### Destroys ({len(doomed)})\n\n{lost}{''.join(rows)}", whole=True)


def diff(change: Planned) -> Iterator[str]:
    """Yield the lines of one change as `diff` colours them, old above new."""
    sign = {"create": "+", "update": "!", "replace": "!", "destroy": "-"}[change.action]
    place = f" ({change.source})" if change.source else ""
    yield f"{sign} {change.address}{place}{f', {change.because}' if change.because else ''}"
    for field in change.fields or ():
        yield from _difference(change, field)


def _difference(change: Planned, field: Field) -> Iterator[str]:
    name = "type" if field.pointer == "@type" else field.pointer
    if change.action == "create" or (change.action == "replace" and field.before is None):
        yield f"+   {name}: {text.shown(field.after)}"
        return
    for each in field.elements:
        at = f"{name}/{each.pointer}"
        if each.change in ("remove", "update"):
            yield f"-   {at}: {text.shown(each.before)}"
        if each.change in ("insert", "update"):
            yield f"+   {at}: {text.shown(each.after)}"
        if each.change == "move":
            yield f"!   {at}, before at {each.was}: {text.shown(each.after)}"
    if not field.elements:
        yield f"-   {name}: {text.shown(field.before)}"
        left_out = "  (left out: the type's default)" if field.left_out else ""
        yield f"+   {name}: {text.shown(field.after)}{left_out}"


def outcome(report: OutcomeReport, page: Page) -> str:
    """Print what became of a plan."""
    lines = text.outcome(report, Page(quiet=True)).splitlines()
    wrong = [each for each in report.changes if each.result != "applied"]
    counts = report.summary
    state = "done" if not wrong and report.reload.result != "failed" and not report.residue else "not all is as planned"
    told = ", ".join(f"{getattr(counts, name)} {name}" for name in ("applied", "failed", "skipped", "unknown"))
    name = f" {code(report.target.name)}" if report.target.name else ""
    parts = [_PagePart(f"## reconciler {report.work}{name}: {state}\n\n{_where(report.target)}.\n", whole=True)]
    doomed = [_done(each) for each in report.changes if each.action == "destroy"]
    if doomed:
        parts.append(_PagePart(f"\n### Destroys ({len(doomed)})\n\n{''.join(doomed)}", whole=True))
    parts.append(_PagePart(f"\n**{told}; reload {report.reload.result}.**\n", whole=True))
    parts += _fenced("What happened", lines, folded=False)
    rest = [_done(each) for each in report.changes if each.action != "destroy"]
    if rest:
        parts.append(_PagePart(f"\nChanges ({len(rest)}):\n\n", rest))
    return _page(report, report.target, "", parts, page)


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
    return _page(report, None, "", [_PagePart(title, whole=True), *_fenced("Findings", lines)], page)


def explanation(report: ExplanationReport, page: Page) -> str:
    """Print which way a message would take."""
    parts = [_PagePart(f"## Mail to {code(str(report.given.get('rcpt')))}\n", whole=True)]
    for attempt in report.attempts:
        table = _TABLE.format("takes", "because")
        head = f"\n### Attempt {attempt.attempt}, last error {code(attempt.last_error)}\n\n{table}"
        rows = [
            f"| {_cell(name)} | {_cell(each.name or 'unknown')} | {_cell(mail_text.deciding(each) or each.because)} |\n"
            for name, each in attempt.decisions.items()
        ]
        parts.append(_PagePart(head, rows))
    parts += _fenced("Assumptions", report.assumptions)
    return _page(report, report.target, "", parts, page)


def _cell(content: str) -> str:
    # Within a table a bar ends the cell even in code.
    return code(content.replace("|", "\\|")) if content else ""


def routing_tests(report: RoutingTestsReport, page: Page) -> str:
    """Print how routing tests came out."""
    counts = report.summary
    wrong = f", {plural(counts.mistakes, 'mistake')}" if counts.mistakes else ""
    title = f"## reconciler test: {counts.failed} failed, {counts.passed} passed{wrong}\n"
    lines = mail_text.routing_tests(report, Page(quiet=True)).splitlines()
    return _page(
        report, report.target, "", [_PagePart(title, whole=True), *_fenced("Failures", lines, folded=False)], page
    )


def diagnosis(report: DiagnosisReport, page: Page) -> str:
    """Print the verdicts of a diagnosis."""
    words = [each.verdict for each in report.verdicts]
    counted = ", ".join(f"{words.count(word)} {word}" for word in ("fail", "warn", "ok") if word in words)
    rows = [
        f"| {each.verdict} | {_cell(each.subject)} | {_cell(each.message)} {_cell(each.hint)} |\n"
        for each in report.verdicts
    ]
    title = _PagePart(f"## reconciler doctor: {counted}\n\n{_where(report.target)}.\n", whole=True)
    return _page(report, report.target, "", [title, _PagePart("\n" + _TABLE.format("subject", "found"), rows)], page)


def permissions(report: PermissionsReport, page: Page) -> str:
    """Print the least permissions."""
    lines = text.permissions(report, Page()).splitlines()
    return _page(
        report,
        None,
        "",
        [_PagePart("## Permissions\n", whole=True), *_fenced("Each for a role", lines, folded=False)],
        page,
    )


def error(report: ErrorReport, page: Page) -> str:
    """Print what stopped a run."""
    lines = text.error(report, Page()).splitlines()
    title = _PagePart(f"## reconciler: the run failed, exit code {report.exit_code}\n", whole=True)
    return _page(report, None, "", [title, *_fenced("What happened", lines, folded=False)], page)
