"""Workflow commands for GitHub: annotations beside the lines that they are about.

Law: the worst first, and no more of a kind than GitHub shows; what is left out is counted. No text can end a command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.report.changes import Planned, PlanReport
from reconciler.report.checks import ErrorReport, ValidationReport
from reconciler.report.formats import text
from reconciler.report.page import Page
from reconciler.report.paint import Paint
from reconciler.report.parts import ReportedDiagnostic

#: Annotations of a level that GitHub shows of one step.
SHOWN = 10
_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}
_ESCAPES = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_IN_PROPERTIES = (*_ESCAPES, (":", "%3A"), (",", "%2C"))


def validation(report: ValidationReport, page: Page) -> str:
    """Print what is wrong with manifests."""
    last = text.validation(report, Page()).splitlines()[-1]
    summed = ("notice", _command("notice", last))
    return "".join(f"{line}\n" for line in _limited([summed, *_of(report.diagnostics)]))


def error(report: ErrorReport, page: Page) -> str:
    """Print what stopped a run."""
    message = f"{report.message}{f' ({report.hint})' if report.hint else ''}"
    return "".join(f"{line}\n" for line in _limited([*_of(report.diagnostics), ("error", _command("error", message))]))


def plan(report: PlanReport, page: Page) -> str:
    """Print a plan, or drift: refusals as errors, destroys as warnings, the rest as notices."""
    counted = next(iter(text.summary(report, Paint())))
    commands = [("notice", _command("notice", f"{report.target}: {counted}"))]
    commands += [("error", _command("error", refusal, title="refused")) for refusal in report.refusals]
    commands += [("warning", _change("warning", planned)) for planned in report.changes if planned.action == "destroy"]
    commands += _of(report.diagnostics)
    commands += [("notice", _change("notice", planned)) for planned in report.changes if planned.action != "destroy"]
    return "".join(f"{line}\n" for line in _limited(commands))


def _of(findings: Sequence[ReportedDiagnostic]) -> list[tuple[str, str]]:
    return [
        (
            _LEVELS[diagnostic.severity],
            _command(
                _LEVELS[diagnostic.severity],
                " ".join(
                    filter(
                        None,
                        (
                            diagnostic.address,
                            diagnostic.pointer,
                            diagnostic.message,
                            f"({diagnostic.hint})" if diagnostic.hint else "",
                        ),
                    )
                ),
                file=diagnostic.source.file if diagnostic.source else "",
                line=diagnostic.source.line if diagnostic.source else 0,
                col=diagnostic.source.column if diagnostic.source else 0,
                title=diagnostic.code,
            ),
        )
        for diagnostic in findings
    ]


def _change(level: str, change: Planned) -> str:
    file, line = (change.source.file, change.source.line) if change.source else ("", 0)
    return _command(level, text.compact(change, Paint()), file=file, line=line, title=change.action)


def _limited(commands: Iterable[tuple[str, str]]) -> Iterator[str]:
    by_level: dict[str, list[str]] = {level: [] for level in _LEVELS.values()}
    for level, command in commands:
        by_level[level].append(command)
    for level, all_of_it in by_level.items():
        # The last place is for what sums the others up.
        few = all_of_it if len(all_of_it) < SHOWN else all_of_it[: SHOWN - 1]
        yield from few
        if len(few) < len(all_of_it):
            yield _command(level, f"and {len(all_of_it) - len(few)} more, which the JSON report has")


def _command(level: str, message: str, **properties: str | int) -> str:
    given = ",".join(f"{name}={_escaped(str(value), _IN_PROPERTIES)}" for name, value in properties.items() if value)
    return f"::{level}{' ' if given else ''}{given}::{_escaped(message, _ESCAPES)}"


def _escaped(content: str, pairs: Iterable[tuple[str, str]]) -> str:
    for sign, escape in pairs:
        content = content.replace(sign, escape)
    return content
