"""A plan in Markdown, for pull requests, in the order in which a reviewer asks.

    headline, STOP, DESTROYS, MAIL that moves, CHANGES by file, TESTS that would change, AFTER

Law: a destroy is never cut nor folded; what else is cut is the changes before the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import UNSET
from msgspec.structs import replace

from reconciler.report.changes import Field, Planned, PlanReport
from reconciler.report.ending import PlanEnding
from reconciler.report.formats import text
from reconciler.report.formats.sheet import LIMIT, OPEN, Section, code, fenced, sheet, where
from reconciler.report.page import Page
from reconciler.report.paint import Paint, plural

_PLAIN = Paint()
_VERBS = {"create": "Create", "update": "Update", "replace": "Replace"}
#: Changes that cannot be undone and are told one by one.
_MANY = 20


def plan(report: PlanReport, page: Page) -> str:
    """Print a plan, or drift."""
    doomed = [change for change in report.changes if change.action == "destroy"]
    sections = [_headline(report, doomed), *_stop(report), *_destroys(doomed, page), *_mail(report)]
    # What is wrong, and what comes after, has its room before changes are listed.
    rest = [planned for planned in report.changes if planned.action != "destroy"]
    sections += [Section(f"\n### Changes ({len(rest)})\n", whole=True)] if rest else []
    sections += [*_names(rest), *fenced("Old and new, by file", by_file(rest), "diff", rank=3)]
    messages = text.diagnostics(text.worst_first(report.diagnostics), Page()).splitlines()
    sections += [*_tests(report), *fenced("Diagnostics", messages), *_after(report)]
    sections += fenced("Left alone", text.left_alone(report))
    return sheet(report.target, report.digest, sections, page)


def _headline(report: PlanReport, doomed: Sequence[Planned]) -> Section:
    state = "refused" if report.refusals else "in sync" if not report.differs else plural(len(report.changes), "change")
    destroys = f", {plural(len(doomed), 'destroy')}" if doomed else ""
    name = f" {code(report.target.name)}" if report.target.name else ""
    lines = [f"## reconciler {report.name}{name}: {state}{destroys}", "", f"{where(report.target)}."]
    if report.headline is not UNSET:
        head = report.headline
        request = f" of {code(head.request)}" if head.request else ""
        lines[-1] += f" Commit {code(head.commit[:12])}{request}." if head.commit else ""
        lines[-1] += f" Kinds as of Stalwart {code(head.version)}." if head.version else ""
    lines += [f"Digest {code(report.digest)}."] if report.digest and report.changes else []
    lines += ["", f"**{text.counted(report, _PLAIN)}**"]
    kinds = [f"- {name.strip()}" for name in text.by_kind(report.changes)]
    lines += ["", *kinds] if kinds else []
    return Section("\n".join(lines) + "\n", whole=True)


def _stop(report: PlanReport) -> Iterator[Section]:
    unsafe = report.headline.unprotected if report.headline is not UNSET else ()
    policy = report.headline.policy if report.headline is not UNSET else ()
    if unsafe or policy:
        lines = [*unsafe, *(f"policy: {name}" for name in policy)]
        yield Section(f"\n> [!WARNING]\n{''.join(f'> - {code(line)}' + chr(10) for line in lines)}", whole=True)
    if report.refusals:
        lines = [f"> - {code(refusal)}\n" for refusal in report.refusals]
        yield Section(
            f"\n> [!CAUTION]\n> **STOP**: refused, and nothing would be written:\n{''.join(lines)}", whole=True
        )


def _destroys(doomed: Sequence[Planned], page: Page) -> Iterator[Section]:
    """Yield the destroys: every name stays, and what is lost as long as that takes no more than half of the page."""
    names = [
        f"- {code(planned.address)}{f': {code(planned.because)}' if planned.because else ''}\n" for planned in doomed
    ]
    full = [
        f"{name}  {code(text.content(planned))}\n" if planned.content else name
        for name, planned in zip(names, doomed, strict=True)
    ]
    short = len("".join(full).encode()) > (page.limit_bytes or LIMIT) // 2
    if doomed:
        lost = "" if not short else "What is lost is in the JSON report.\n\n"
        rows = [f"- {code(planned.address)}\n" for planned in doomed] if short else full
        yield Section(f"\n### Destroys ({len(doomed)})\n\n{lost}{''.join(rows)}", whole=True)


def _mail(report: PlanReport) -> list[Section]:
    sections: list[Section] = []
    if report.movement is not UNSET:
        from reconciler.report.formats.movement_text import movement

        lines = movement(replace(report.movement, turned=()), _PLAIN)
        sections += fenced("### Mail that moves", lines, folded=False)
    if report.impact is not UNSET:
        from reconciler.report.formats.impact_text import impact

        title = "Mail in the queue" if report.impact.source == "queue" else f"Mail in {code(report.impact.source)}"
        sections += fenced(f"### {title}", impact(report.impact, _PLAIN), folded=False)
    return sections


def _names(changes: Sequence[Planned]) -> Iterator[Section]:
    """Yield the names by action, folded where they are many."""
    for action, verb in _VERBS.items():
        names = [f"- {code(planned.address)}\n" for planned in changes if planned.action == action]
        title = f"{verb} ({len(names)})"
        if len(names) > OPEN:
            yield Section(f"\n<details><summary>{title}</summary>\n\n", names, "\n</details>\n", rank=2)
        elif names:
            yield Section(f"\n{title}:\n\n", names, rank=2)


def by_file(changes: Sequence[Planned]) -> Iterator[str]:
    """Yield the lines of changes, by the file that declares them."""
    files: dict[str, list[Planned]] = {}
    for change in changes:
        files.setdefault(change.source.file if change.source else "", []).append(change)
    for file, group in sorted(files.items()):
        if file:
            yield f"@@ {file} @@"
        for change in group:
            yield from diff(change)


def diff(change: Planned) -> Iterator[str]:
    """Yield the lines of one change as `diff` colours them, old above new."""
    sign = {"create": "+", "update": "!", "replace": "!", "destroy": "-"}[change.action]
    place = f" ({change.source})" if change.source else ""
    yield f"{sign} {change.address}{place}{f', {change.because}' if change.because else ''}"
    # What the document asks for comes before what it leaves out.
    for field in sorted(change.fields or (), key=lambda field: field.left_out):
        yield from _difference(change, field)


def _difference(change: Planned, field: Field) -> Iterator[str]:
    name = "type" if field.pointer == "@type" else field.pointer
    if change.action == "create" or (change.action == "replace" and field.before is None):
        yield f"+   {name}: {text.shown(field.after)}"
        return
    for element in field.elements:
        at = f"{name}/{element.pointer}"
        if element.change in ("remove", "update"):
            yield f"-   {at}: {text.shown(element.before)}"
        if element.change in ("insert", "update"):
            yield f"+   {at}: {text.shown(element.after)}"
        if element.change == "move":
            yield f"!   {at}, before at {element.was}: {text.shown(element.after)}"
    if not field.elements:
        yield f"-   {name}: {text.shown(field.before)}"
        left_out = "  (left out: the type's default)" if field.left_out else ""
        yield f"+   {name}: {text.shown(field.after)}{left_out}"


def _tests(report: PlanReport) -> Iterator[Section]:
    turned = report.movement.turned if report.movement is not UNSET else ()
    if turned:
        title = f"\n### Tests that pass now and would fail then ({len(turned)})\n\n"
        yield Section(title, [f"- {code(name)}\n" for name in turned])


def _after(report: PlanReport) -> Iterator[Section]:
    if report.ending is UNSET or not report.changes:
        return
    end = report.ending
    lines = [f"{line}\n" for line in afterwards(end, code)]
    lines += [
        f"- cannot be undone: {code(lasting.address)}, {code(lasting.because)}\n" for lasting in end.lasting[:_MANY]
    ]
    more = len(end.lasting) - _MANY
    lines += [f"- and {more} more that cannot be undone\n"] if more > 0 else []
    yield Section("\n### Afterwards\n\n", lines)


def afterwards(end: PlanEnding, code: Callable[[str], str]) -> Iterator[str]:
    """Yield what comes after a plan, a sentence a line; `code` marks what is typed."""
    if end.reload:
        yield "- The server reloads its settings once all of it is written, which makes it live."
    else:
        yield f"- What is written is stored and not live, until {code('reconciler reload')}."
    if end.immediate:
        yield f"- Live as soon as it is written: {', '.join(map(code, end.immediate))}."
    if end.restart:
        yield f"- Live after a restart of the server only: {', '.join(map(code, end.restart))}."
    if end.rollback:
        yield f"- {code(end.rollback)} undoes it{', but for what cannot be undone' if end.lasting else ''}."
    else:
        yield "- Nothing is recorded, so that no rollback undoes it."
