"""Plans and verdicts as text for people.

Law: the same report gives the same bytes; nothing that is destroyed is ever shortened away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec import UNSET
from msgspec.json import encode, format  # noqa: A004 - msgspec's own name for laying out JSON

from reconciler.report.page import Page
from reconciler.report.paint import Paint, plural
from reconciler.report.parts import ReportedDiagnostic, Target

if TYPE_CHECKING:
    # What prints an error needs none of them.
    from reconciler.report.changes import Field, Planned, PlanReport
    from reconciler.report.checks import DiagnosisReport, ErrorReport, PermissionsReport, ValidationReport, Verdict

#: Names that one line lists before it only counts.
MANY = 12
#: Equal diagnostics that are told one by one; more of them are told together.
FEW = 3
#: Changes beyond which creates have a line each and equal updates stand together, and lines of a kind's creates.
LARGE, LISTED = 100, 50

SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "replace": ("!", "magenta"), "destroy": ("-", "red")}
_TONES = {"error": "red", "warning": "yellow", "note": "blue"}
_WORDS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}
_PERMISSIONS = (
    ("plan", "# Reading: plan and drift"),
    ("apply", "# Writing: apply, with its reload"),
    ("optional", "# Besides, for checks of references; without these the checks say that they cannot tell"),
)


def diagnostics(diagnostics: Sequence[ReportedDiagnostic], page: Page) -> str:
    """Print diagnostics. Equal ones are told once, with their places; of a crowd of notes some are shown."""
    groups: dict[tuple[str, ...], list[ReportedDiagnostic]] = {}
    for diagnostic in diagnostics:
        if diagnostic.severity != "note" or not page.quiet:
            groups.setdefault((diagnostic.severity, diagnostic.code, diagnostic.message, diagnostic.hint), []).append(
                diagnostic
            )
    lines: list[str] = []
    shown: Counter[str] = Counter()
    more: Counter[str] = Counter()
    for findings in groups.values():
        first = findings[0]
        for one in [findings] if len(findings) > FEW else [[diagnostic] for diagnostic in findings]:
            if first.severity == "note" and shown[first.code] == MANY:
                more[first.code] += len(one)
                continue
            shown[first.code] += 1
            lines += _told(one, page.paint)
    for code, count in more.items():
        lines.append(f"and {plural(count, 'note')} more [{code}]; --format json has them all")
    return "".join(f"{line}\n" for line in lines)


def worst_first(diagnostics: Iterable[ReportedDiagnostic]) -> list[ReportedDiagnostic]:
    """Return diagnostics with errors first and notes last."""
    ranks = {severity: rank for rank, severity in enumerate(_TONES)}
    return sorted(diagnostics, key=lambda diagnostic: ranks[diagnostic.severity])


def _told(findings: Sequence[ReportedDiagnostic], paint: Paint) -> Iterator[str]:
    """Yield the lines of one diagnostic, or of several that say the same."""
    first = findings[0]
    tone = paint(first.severity, _TONES[first.severity])
    subjects = [
        " ".join(filter(None, (str(diagnostic.source or ""), diagnostic.address, diagnostic.pointer)))
        for diagnostic in findings[:MANY]
    ]
    if len(findings) == 1:
        yield f"{tone}: {f'{subjects[0]}: ' if subjects[0] else ''}{first.message} [{first.code}]"
    else:
        yield f"{tone}: {first.message} [{first.code}], at {len(findings)} places:"
        yield from (f"    {subject}" for subject in subjects)
        if len(findings) > MANY:
            yield f"    and {len(findings) - MANY} more"
    if first.hint:
        yield f"    {first.hint}"


def validation(report: ValidationReport, page: Page) -> str:
    """Print what is wrong with manifests, and the counts."""
    counts = report.summary
    text = diagnostics(report.diagnostics, page)
    if page.quiet and not counts.error:
        return text
    targets = f"{counts.targets} targets, " if counts.targets else ""
    verdict = plural(counts.error, "error") if counts.error else f"{plural(counts.resources, 'resource')}, no errors"
    return f"{text}{targets}{plural(counts.files, 'file')}, {plural(counts.documents, 'document')}: {verdict}.\n"


def error(report: ErrorReport, page: Page) -> str:
    """Print what stopped a run: every mistake, and the sentence that sums them up."""
    hint = f"    {report.hint}\n" if report.hint else ""
    return f"{diagnostics(report.diagnostics, page)}{page.paint('error', 'red')}: {report.message}\n{hint}"


def plan(report: PlanReport, page: Page) -> str:
    """Print a plan: the server, every change, what else is to be said, the counts, and what is left alone."""
    changes = [f"{line}\n" for line in _changes(report.changes, page)]
    message = diagnostics(worst_first(report.diagnostics), page)
    parts = ["" if page.quiet else f"{header(report.target, page.paint)}\n"]
    if report.headline is not UNSET:
        parts += [f"{page.paint('policy', 'yellow')}: {sentence}\n" for sentence in report.headline.policy]
    if report.movement is not UNSET:
        from reconciler.report.formats.movement_text import movement

        parts += [*(f"{line}\n" for line in movement(report.movement, page.paint)), "\n"]
    if report.impact is not UNSET:
        from reconciler.report.formats.impact_text import impact

        parts += [*(f"{line}\n" for line in impact(report.impact, page.paint)), "\n"]
    parts += [*changes, "\n" if changes else ""]
    parts += [message, "\n" if message else "", *(f"{line}\n" for line in summary(report, page.paint))]
    if report.ending is not UNSET:
        parts += [f"{line}\n" for line in restart(report.ending.restart, page.paint)]
        lasting = [f"{lasting.address}, {lasting.because}" for lasting in report.ending.lasting]
        parts += [f"{page.paint('cannot be undone', 'yellow')}: {sentence}\n" for sentence in lasting[:MANY]]
        parts.append(f"and {len(lasting) - MANY} more that cannot be undone\n" if len(lasting) > MANY else "")
    # What drifted is approved by nobody.
    parts.append(f"Digest: {report.digest}\n" if report.digest and report.name == "plan" else "")
    parts += [f"{page.paint('refused', 'red')}: {refusal}\n" for refusal in report.refusals]
    return "".join(parts)


def header(target: Target, paint: Paint) -> str:
    """Say which server a run is about, and as whom."""
    instead = f"\n{paint(target.instead, 'yellow')}." if target.instead else ""
    return f"{paint(str(target), 'bold')}{instead}"


def _changes(changes: Sequence[Planned], page: Page) -> Iterator[str]:
    """Yield the lines of all changes: equal ones together, and in a large plan a line for each other create."""
    for kind, alike in groupby(changes, key=kind_of):
        yield from _of_kind(kind, list(alike), page, large=len(changes) > LARGE)


def _of_kind(kind: str, changes: Sequence[Planned], page: Page, *, large: bool) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Planned]] = {}
    for number, change in enumerate(changes):
        equal = encode(_telling(change)).decode() if change.action in ("create", "update") else str(number)
        groups.setdefault((change.action, equal), []).append(change)
    created = 0
    for (action, _), group in groups.items():
        for together in [group] if len(group) > FEW else [[planned] for planned in group]:
            first, *more = together
            if not large or action != "create" or more:
                yield from planned(first, page.paint, [planned.address for planned in more])
                continue
            created += 1
            if created <= LISTED:
                yield compact(first, page.paint, page.width)
    if created > LISTED:
        hint = "; --format compact lists each"
        yield page.paint(f"+ and {created - LISTED} more {kind} to create", "green") + hint


def kind_of(change: Planned) -> str:
    """Return the kind of a change's object."""
    return change.address.partition("/")[0]


def _telling(change: Planned) -> list[Field]:
    """Return the properties of a change that its address does not tell already."""
    name = change.address.partition("/")[2]
    return [field for field in change.fields or () if change.action != "create" or field.after != name]


def lines(report: PlanReport, page: Page) -> str:
    """Print a plan with one line a change, and the counts."""
    head = [] if page.quiet else [header(report.target, page.paint)]
    changes = [compact(change, page.paint) for change in report.changes]
    refused = [f"{page.paint('refused', 'red')}: {refusal}" for refusal in report.refusals]
    return "".join(f"{line}\n" for line in (*head, *changes, counted(report, page.paint), *refused))


def findings(report: ValidationReport, page: Page) -> str:
    """Print a line for each diagnostic, without its hint."""
    messages = [line for diagnostic in report.diagnostics for line in list(_told([diagnostic], page.paint))[:1]]
    return "".join(f"{line}\n" for line in messages)


def drift(report: PlanReport, page: Page) -> str:
    """Print how the server differs, and nothing where it does not."""
    return plan(report, page) if report.differs else ""


def summary(report: PlanReport, paint: Paint) -> Iterator[str]:
    """Yield the counts of a plan and what it leaves alone, a line each."""
    yield counted(report, paint)
    yield from by_kind(report.changes)
    yield from _doomed(report.changes, paint)
    yield from left_alone(report)


def counted(report: PlanReport, paint: Paint) -> str:
    """Return the counts of a plan in one sentence."""
    counts = report.summary
    message = ", ".join(f"{getattr(counts, action)} to {action}" for action in SIGNS if getattr(counts, action))
    alike = "Nothing to change, but not in sync" if report.surplus else "In sync: nothing to change"
    state = f"Plan: {message}" if message else alike
    return f"{paint(state, 'bold')}; {counts.unchanged} unchanged, {counts.undeclared} undeclared."


def left_alone(report: PlanReport) -> Iterator[str]:
    """Yield what a plan does not touch, a line each."""
    if report.partial:
        yield "This plan is partial: --kind or --only leaves the rest of the manifests out."
    surplus = set(report.surplus)
    yield from _names("Undeclared, left alone", [name for name in report.undeclared if name not in surplus])
    yield from _names("Undeclared, and a difference", report.surplus)
    if report.surplus:
        yield "    Declare them, prune them, or say that they are none: policy: {undeclared: {KIND: ignore}}."
    for because in dict.fromkeys(spared.because for spared in report.spared):
        spared = [spared.address for spared in report.spared if spared.because == because]
        yield from _names(f"Spared from pruning, {because}", spared)
    yield from _names(
        "Undeclared and not at the default, left alone", [f"{where.address} {where.pointer}" for where in report.left]
    )
    yield from _names(
        "Secrets that cannot be compared", [f"{where.address} {where.pointer}" for where in report.unknown]
    )
    if report.unknown:
        yield "    Whether these have changed cannot be seen: --rotate-secrets writes them."
    yield from (f"{pair.address} stands for the live object {pair.id}." for pair in report.pairs)


def restart(addresses: Sequence[str], paint: Paint) -> Iterator[str]:
    """Say what acts at the next start of the server only."""
    if addresses:
        more = f" and {len(addresses) - MANY} more" if len(addresses) > MANY else ""
        yield paint(f"Restart needed: {', '.join(addresses[:MANY])}{more}", "yellow") + "."


def by_kind(changes: Sequence[Planned]) -> Iterator[str]:
    """Yield the counts of each kind, where there are several, and more changes than a reader counts."""
    counts: dict[str, Counter[str]] = {}
    for change in changes if len(changes) > MANY else ():
        counts.setdefault(kind_of(change), Counter())[change.action] += 1
    for kind, actions in counts.items() if len(counts) > 1 else ():
        yield f"    {kind}: {', '.join(f'{actions[action]} to {action}' for action in SIGNS if actions[action])}"


def _doomed(changes: Sequence[Planned], paint: Paint) -> Iterator[str]:
    """Yield every destroy again, where there are more changes than a reader counts."""
    doomed = [change.address for change in changes if change.action == "destroy"]
    if doomed and len(changes) > MANY:
        yield f"{paint(f'To destroy ({len(doomed)})', 'red')}: {', '.join(doomed)}."


def _names(title: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return [f"{title} ({len(names)}): {', '.join(names[:MANY])}{more}."]


def planned(change: Planned, paint: Paint, more: Sequence[str] = ()) -> list[str]:
    """Return the lines of one change, or of several that are equal but for their addresses."""
    sign, colour = SIGNS[change.action]
    place = f" ({change.source})" if change.source and not more else ""
    because = f", {change.because}" if change.because else ""
    others = f" and {len(more)} more with the same change: {', '.join(more[:MANY])}" if more else ""
    others += f" and {len(more) - MANY} others" if len(more) > MANY else ""
    lines = [f"{paint(f'{sign} {change.address}', colour)}{others}{place}{because}"]
    for field in _telling(change):
        lines += [f"    {line}" for line in _field(change, field, paint)]
    if change.content:
        lines.append("    " + paint(f"- {content(change)}", "red"))
    return lines


def content(change: Planned) -> str:
    """Return what a destroy loses, in one line."""
    return ", ".join(f"{name}: {shown(value)}" for name, value in change.content.items())


def compact(change: Planned, paint: Paint, width: int = 0) -> str:
    """Return one change in one line, which is cut to a width unless that is 0."""
    sign, colour = SIGNS[change.action]
    because = f", {change.because}" if change.because else ""
    messages = [line for field in _telling(change) for line in _field(change, field, Paint())]
    head, inner = f"{sign} {change.address}", "; ".join(messages) or content(change)
    rest = f"{because}{': ' + inner if inner else ''}"
    room = width - len(head) - 1
    if width and len(rest) > room > 0:
        rest = f"{rest[:room]}…"
    return f"{paint(head, colour)}{rest}"


def _field(change: Planned, field: Field, paint: Paint) -> list[str]:
    name = "type" if field.pointer == "@type" else field.pointer
    # Another variant has properties that there were not before.
    if change.action == "create" or (change.action == "replace" and field.before is None):
        return [f"{name}: {shown(field.after)}"]
    lines = []
    for element in field.elements:
        at = f"{name}/{element.pointer}" if element.pointer else name
        match element.change:
            case "insert":
                lines.append(paint(f"+ {at}: {shown(element.after)}", "green"))
            case "remove":
                lines.append(paint(f"- {at}: {shown(element.before)}", "red"))
            case "move":
                lines.append(f"{paint(f'> {at}', 'yellow')}, before at {element.was}: {shown(element.after)}")
            case "update":
                lines.append(f"{at}: {_arrow(element.before, element.after, paint)}")
    why = paint("  (left out: the type's default)", "dim") if field.left_out else ""
    return lines or [f"{name}: {_arrow(field.before, field.after, paint)}{why}"]


def _arrow(before: Any, after: Any, paint: Paint) -> str:
    return f"{paint(shown(before), 'red')} -> {paint(shown(after), 'green')}"


def shown(value: Any) -> str:
    """Show a human value on one line, as YAML would have it: quoted where it could be taken for something else."""
    from reconciler.yamlio import scalar

    return _flow(value) if isinstance(value, dict | list) else scalar(value)


def _flow(value: Any) -> str:
    from reconciler.yamlio import scalar

    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key, brackets=True)}: {_flow(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(element) for element in value) + "]"
    return scalar(value, brackets=True)


def diagnosis(report: DiagnosisReport, page: Page) -> str:
    """Print a line for each verdict; no more than some of what is fine about one subject."""
    lines = [f"{header(report.target, page.paint)}\n"] if report.target.url and not page.quiet else []
    for (subject, fine), group in groupby(report.verdicts, key=lambda verdict: (verdict.subject, verdict.fine)):
        verdicts = list(group)
        more = len(verdicts) - MANY if fine else 0
        lines += [_verdict(verdict, page.paint) for verdict in (verdicts[:MANY] if more > 0 else verdicts)]
        if more > 0:
            lines.append(f"{page.paint(*_WORDS['ok'])}  {subject}: and {more} more\n      --format json names all\n")
    return "".join(lines)


def _verdict(verdict: Verdict, paint: Paint) -> str:
    hint = f"      {verdict.hint}\n" if verdict.hint else ""
    return f"{paint(*_WORDS[verdict.verdict])}  {verdict.subject}: {verdict.message}\n{hint}"


def permissions(report: PermissionsReport, page: Page) -> str:
    """Print what a role or an API key has to allow, each as it can be pasted."""
    blocks = [(title, getattr(report, name)) for name, title in _PERMISSIONS]
    return "\n".join(f"{title}\n{format(encode(names), indent=1).decode()}\n" for title, names in blocks if names)
