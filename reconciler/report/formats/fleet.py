"""Fleets as text and as Markdown: the strongest first, equal changes once, and what stands out.

Law: every target that is not as it should be is named; a target that is fine is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.report.fleet import FleetDeviation, FleetGroup, FleetImportReport, FleetReport, FleetTarget
from reconciler.report.formats.text import diagnostics, planned, shown
from reconciler.report.page import Page
from reconciler.report.paint import Paint, plural

#: Targets that a line names before it only counts.
NAMED = 6
#: What an exit code says of one target.
STATES = {0: "in sync", 2: "differs", 3: "refused", 4: "stale", 5: "partly applied", 6: "undone"} | {
    64: "wrong usage",
    65: "wrong manifests",
    69: "unknown or out of reach",
    75: "busy",
    77: "not allowed",
    78: "wrong configuration",
    130: "interrupted",
    143: "interrupted",
}


def text(report: FleetReport, page: Page) -> str:
    """Print a fleet: groups of equal changes, the targets that failed, and the counts."""
    return "".join(f"{line}\n" for line in _lines(report, page.paint)) + diagnostics(report.diagnostics, page)


def _lines(report: FleetReport, paint: Paint) -> Iterator[str]:
    for group in report.groups:
        yield f"{paint(_who(group.targets), 'bold')}: {_these(group)}"
        for change in group.changes:
            yield from (f"  {line}" for line in planned(change, paint))
            if change.result and change.result != "applied":
                yield paint(f"    {change.result}: {change.error or change.because}", "red")
        yield ""
    for target in _odd(report):
        message = f": {target.message}" if target.message else ""
        yield f"{paint(target.target, 'red')}: {_state(report, target)}{message}"
        if target.hint:
            yield f"    {target.hint}"
    if report.missing:
        yield f"{paint('no result', 'red')}: {', '.join(report.missing)}"
    if report.skipped:
        yield f"{paint('not begun', 'red')}: {_who(report.skipped)}: {report.because}"
    yield f"{paint(summary(report), 'bold')}."


def summary(report: FleetReport) -> str:
    """Return the counts of a fleet as one sentence, without its full stop."""
    counts, well = report.summary, "done" if report.command == "apply" else "in sync"
    parts = [
        (counts.well, "passed" if report.command == "test" else well),
        (counts.differing, "differ"),
        (counts.failed, "failed"),
        (counts.missing, "without a result"),
        (counts.skipped, "not begun"),
    ]
    message = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"{plural(counts.targets, 'target')}: {message or 'nothing to tell'}"


def _who(targets: Sequence[str]) -> str:
    if len(targets) <= NAMED:
        return ", ".join(targets)
    return f"{len(targets)} targets ({', '.join(targets[:NAMED])} and {len(targets) - NAMED} more)"


def _these(group: FleetGroup) -> str:
    count = len(group.changes)
    return "this change" if count == 1 else f"these {count} changes"


def _odd(report: FleetReport) -> Iterator[FleetTarget]:
    """Yield the targets that ended otherwise than in sync, done or differing."""
    yield from (target for target in report.targets if target.exit_code not in (0, 2) or target.message)


def _state(report: FleetReport, target: FleetTarget) -> str:
    return f"{STATES.get(target.exit_code, 'failed')} (exit {target.exit_code})"


def markdown(report: FleetReport, page: Page) -> str:
    """Print a fleet for a pull request: the counts, a table of what stands out, and the groups folded."""
    lines = [f"### reconciler fleet {report.command}: {_plain(summary(report))}", ""]
    odd = list(_odd(report))
    if odd or report.missing or report.skipped:
        lines += ["| target | state | |", "| --- | --- | --- |"]
        lines += [f"| {_cell(target.target)} | {_state(report, target)} | {_cell(target.message)} |" for target in odd]
        lines += [f"| {_cell(name)} | no result | |" for name in report.missing]
        lines += [f"| {_cell(name)} | not begun | {_cell(report.because)} |" for name in report.skipped]
        lines.append("")
    for group in report.groups:
        body = [line for change in group.changes for line in planned(change, Paint())]
        fence = "`" * max(3, max((_ticks(line) for line in body), default=0) + 1)
        lines += [f"<details><summary>{_cell(_who(group.targets))}: {_these(group)}</summary>", "", f"{fence}diff"]
        lines += [*body, fence, "", "</details>", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _ticks(line: str) -> int:
    """Return the length of the longest row of backticks."""
    return max((len(row) for row in re.findall("`+", line)), default=0)


def _plain(sentence: str) -> str:
    return sentence.replace("<", "&lt;").replace("\n", " ")


def _cell(sentence: str) -> str:
    for sign, harmless in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("\n", " "), ("`", "\\`")):
        sentence = sentence.replace(sign, harmless)
    return sentence


def imported(report: FleetImportReport, page: Page) -> str:
    """Print who deviates where, and the layers of each target."""
    lines = [f"{plural(len(report.targets), 'target')} read, {plural(len(report.deviations), 'deviation')}."]
    lines += [_deviation(deviation) for deviation in report.deviations]
    if report.manifests:
        lines += ["", "In reconciler.yaml:"]
        lines += [f"  {target}: manifests: [{', '.join(layers)}]" for target, layers in report.manifests.items()]
    return "".join(f"{line}\n" for line in lines)


def _deviation(deviation: FleetDeviation) -> str:
    where = f"{deviation.target}: {deviation.address}{' ' + deviation.pointer if deviation.pointer else ''}"
    if deviation.own is None and not deviation.pointer:
        return f"{where} is not there"
    if deviation.common is None and not deviation.pointer:
        return f"{where} is only here, or with few"
    return f"{where}: {shown(deviation.own)}, where most have {shown(deviation.common)}"
