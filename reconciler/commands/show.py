"""`show`: prints a saved plan, or a run of a journal, in any format of their reports.

Law: no server is asked; what is shown of a plan is made from the work that is in it, and not from what stands beside.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from msgspec import Struct

from reconciler.apply import MAX_JOURNAL, parse
from reconciler.commands.invocation import Invocation
from reconciler.kinds import Catalogue, load
from reconciler.plan import load as load_plan
from reconciler.report import Report, Target, formats_of, outcome_report, plan_report
from reconciler.values import ConfigError, Outcome, Result, ResultKind, UsageError, read_file


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    file: str
    #: The run of a journal; "" is the last that had anything to do.
    run: str = ""


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Read the file, and print what it holds.

    Raises:
        UsageError: it holds no such run, or its report has not got the format.
        ConfigError: it is neither a saved plan nor a journal.
    """
    path, catalogue = Path(arguments.file), load()
    content = read_file(path, ConfigError, most=MAX_JOURNAL, hint="move older runs elsewhere", pipe=True)
    # A plan is one object over many lines; a journal has an object a line, which says first what it is.
    saved = b'"reconciler/plan/v1"' in content[:200]
    report = _plan(catalogue, content, arguments) if saved else _recorded(catalogue, content, path, arguments.run)
    for chosen in (invocation.format, *(chosen for chosen, _ in invocation.writes)):
        if chosen not in formats_of(report.name):
            there = ", ".join(formats_of(report.name))
            raise UsageError(f"{path} holds a report of another kind, without the format {chosen}; there are {there}")
    return invocation.report(report)


def _plan(catalogue: Catalogue, content: bytes, arguments: Arguments) -> Report:
    if arguments.run:
        raise UsageError("--run chooses from a journal, and this is a saved plan", "leave --run out")
    plan, basis, _ = load_plan(content, catalogue)
    return plan_report(catalogue, plan, Target(name=basis.target, url=basis.url), mail=basis.mail)


def _recorded(catalogue: Catalogue, content: bytes, path: Path, chosen: str) -> Report:
    """Return the outcome of a run, as far as it was recorded; of what was not, nothing is known."""
    runs = [run for run in parse(path, content) if run.changes and chosen in ("", run.id)]
    if not runs:
        raise UsageError(f"{path} holds {f'no run {chosen}' if chosen else 'no run that had anything to do'}")
    last = runs[-1]
    results = []
    for index, change in enumerate(last.changes):
        recorded_result = last.results.get(index)
        because = recorded_result.because if recorded_result else "the journal does not say"
        result: ResultKind = recorded_result.result if recorded_result else "unknown"
        results.append(
            Result(change=change, result=result, because=because, id=recorded_result.id if recorded_result else "")
        )
    known = {str(word): word for word in get_args(ResultKind)}
    reload = known.get(last.reload, "unknown" if not last.finished else "skipped")
    why = "" if last.reload else "the journal does not say"
    outcome = Outcome(results=tuple(results), reload=reload, reload_because=why)
    return outcome_report(catalogue, outcome, Target(name=last.target, url=last.url))
