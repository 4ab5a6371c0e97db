"""What became of a plan, as text for people.

Law: the same report gives the same bytes; whatever is not as planned is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reconciler.report.formats.text import FEW, MANY, SIGNS, header, planned, restart
from reconciler.report.page import Page
from reconciler.report.paint import Paint, plural

if TYPE_CHECKING:
    from reconciler.report.changes import Done, OutcomeReport

_RESULT_COLOURS = {"failed": "red", "skipped": "dim", "unknown": "red"}


def outcome(report: OutcomeReport, page: Page) -> str:
    """Print what became of a plan: everything that is not as planned, the reload, and the counts."""
    paint = page.paint
    if report.work == "reload":
        lines = [] if page.quiet else [header(report.target, paint)]
    else:
        lines = [*_failures(report.changes, paint), _counted(report, paint)]
    lines += [*_reloaded(report, paint), *restart(report.restart, paint), *report.notes]
    if report.residue:
        lines.append(paint(f"Reading back shows {plural(len(report.residue), 'difference')}:", "red"))
        lines += [line for change in report.residue for line in planned(change, paint)]
    elif report.residue == ():
        lines.append(f"Read back: the server holds {report.compared}.")
    return "".join(f"{line}\n" for line in lines)


def _failures(changes: Iterable[Done], paint: Paint) -> Iterator[str]:
    """Yield a line for each change that was not made; many that were skipped for one reason share a line."""
    groups: dict[tuple[str, str], list[Done]] = {}
    for done in changes:
        if done.result != "applied":
            groups.setdefault((done.result, done.error or done.because), []).append(done)
    for (result, why), group in groups.items():
        names = [f"{SIGNS[done.action][0]} {done.address}" for done in group]
        because = f": {why}" if why else ""
        if result == "skipped" and len(group) > FEW:
            more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
            head = paint(f"{plural(len(group), 'change')} skipped", _RESULT_COLOURS[result])
            yield f"{head}{because}: {', '.join(names[:MANY])}{more}"
        else:
            yield from (f"{paint(f'{name} {result}', _RESULT_COLOURS[result])}{because}" for name in names)


def _counted(report: OutcomeReport, paint: Paint) -> str:
    counts = {name: getattr(report.summary, name) for name in ("applied", "failed", "skipped", "unknown")}
    message = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to apply"
    return f"{paint('Apply: ' + message, 'bold')}."


def _reloaded(report: OutcomeReport, paint: Paint) -> list[str]:
    because = report.reload.because
    match report.reload.result:
        case "applied":
            # That reading back failed is all that there can be to say of it.
            more = [paint(f"{because[0].upper()}{because[1:]}.", "red")] if because else []
            return ["The server reloaded its settings: they are live.", *more]
        case "skipped":
            return [f"The settings were not reloaded: {because}."]
        case "failed":
            mend = "a restart would run without what is broken: mend it, and apply again."
            broken = report.reload.broken
            if report.reload.undone == "all":
                then = "It was undone: nothing of this run is left, and the server runs what it ran before."
                return [paint(f"The reload was refused: {because}.", "red"), then]
            if report.reload.undone:
                mend = "not all that this run wrote could be undone"
            then = f"What is stored is not live{f', and {mend}' if broken else '; reconciler reload makes it so.'}"
            return [paint(f"The reload was refused: {because}.", "red"), then]
        case "unknown":
            return [paint(f"It is unknown whether the settings were reloaded: {because}.", "red")]
