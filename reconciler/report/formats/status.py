"""What was applied, as text and as Markdown: a run a line, and first what is not live.

Law: a run that did not end well says so in words.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.page import Page
from reconciler.report.paint import plural
from reconciler.report.status import Applied, History, StatusReport

#: What an exit code says of a run.
_ENDS = {0: "done", 1: "failed", 3: "refused", 4: "stale", 5: "partly applied", 6: "undone"} | {
    69: "unknown",
    75: "busy",
    77: "not allowed",
    130: "interrupted",
    143: "interrupted",
}
#: Characters of a digest or a commit that a reader compares.
_SHORT = 12


def text(report: StatusReport, page: Page) -> str:
    """Print the last runs of every target."""
    if not report.journals:
        return f"No apply is recorded in {report.directory}.\n"
    lines: list[str] = []
    for history in report.journals:
        lines += ["", page.paint(_head(history), "bold")] if lines else [page.paint(_head(history), "bold")]
        if history.not_live:
            lines.append(page.paint(f"  NOT LIVE: {history.not_live}", "red"))
        for run in history.runs:
            lines.append(f"  {_when(run)}  {page.paint(_end(run), 'green' if run.exit_code == 0 else 'red')}")
            lines += [f"    {line}" for line in _details(run)]
        lines += [f"  and {plural(history.earlier, 'run')} before these"] if history.earlier else []
    return "".join(f"{line}\n" for line in lines)


def markdown(report: StatusReport, page: Page) -> str:
    """Print the last runs of every target as tables."""
    lines = ["# What was applied", ""]
    if not report.journals:
        return "\n".join([*lines, f"No apply is recorded in {_cell(report.directory)}.", ""])
    for history in report.journals:
        lines += [f"## {_cell(_head(history))}", ""]
        lines += [f"**Not live:** {_cell(history.not_live)}", ""] if history.not_live else []
        lines += ["| when | result | who | commit | plan | reason |", "|---|---|---|---|---|---|"]
        for run in history.runs:
            cells = (_when(run), _end(run), _who(run), _commit(run), run.plan[:_SHORT], run.reason)
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
        lines.append("")
    return "\n".join(lines)


def _head(history: History) -> str:
    return " ".join(part for part in (history.target.name, history.target.url) if part)


def _when(run: Applied) -> str:
    return run.began[:19].replace("T", " ")


def _end(run: Applied) -> str:
    end = "did not end" if run.exit_code is None else _ENDS.get(run.exit_code, f"ended with {run.exit_code}")
    counts = ", ".join(f"{count} {word}" for word, count in run.results.items())
    end = f"rollback {end}" if run.undoes else end
    end = f"{end}: {counts}" if counts else end
    return f"{end}; undone since" if run.undone_by else end


def _who(run: Applied) -> str:
    return f"{run.actor} by way of {run.user}@{run.host}" if run.actor else f"{run.user}@{run.host}"


def _commit(run: Applied) -> str:
    return " ".join(part for part in (run.commit[:_SHORT], run.branch, run.request) if part)


def _details(run: Applied) -> Iterator[str]:
    yield f"run {run.run}, plan {run.plan[:_SHORT]}, {_who(run)}"
    if run.undoes:
        yield f"undoes run {run.undoes}"
    if run.undone_by:
        yield f"undone by run {run.undone_by}"
    if commit := _commit(run):
        yield f"commit {commit}"
    if run.job:
        yield run.job
    if run.restart:
        yield f"restart needed: {', '.join(run.restart)}"
    if run.reason:
        yield f"reason: {run.reason}"


def _cell(text: str) -> str:
    """Return a text as it may stand in a cell of a table."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text
