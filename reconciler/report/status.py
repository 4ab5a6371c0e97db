"""The report of what was applied: the last runs of each target by its journal, and what is stored but not live.

Law: what a journal says, and no more; a run that did not end is told as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from reconciler.apply import Run, not_live
from reconciler.report.parts import Count, Part, Report, Target, meaning


class Applied(Part, frozen=True, kw_only=True):
    """One run."""

    run: Annotated[str, meaning("What tells this run from others.")]
    began: Annotated[str, meaning("When it began, in UTC.")]
    ended: Annotated[str, meaning("When it ended, in UTC; empty where it did not finish.")] = ""
    user: Annotated[str, meaning("Who ran the program.")]
    host: Annotated[str, meaning("Where.")]
    commit: Annotated[str, meaning("The commit that a pipeline was at.")] = ""
    branch: Annotated[str, meaning("Its branch.")] = ""
    actor: Annotated[str, meaning("Who began the pipeline.")] = ""
    request: Annotated[str, meaning("The pull or merge request, as #7 or !7.")] = ""
    job: Annotated[str, meaning("URL of the pipeline's run.")] = ""
    reason: Annotated[str, meaning("What --reason said.")] = ""
    plan: Annotated[str, meaning("Digest of the plan.")]
    undoes: Annotated[str, meaning("The run that this one undoes; absent where it is no rollback.")] = ""
    undone_by: Annotated[str, meaning("The run that undid this one; absent where none did.")] = ""
    restart: Annotated[tuple[str, ...], meaning("What acts at the next start of the server only.")] = ()
    exit_code: Annotated[int | None, meaning("How it ended; null where it did not finish.")]
    results: Annotated[dict[str, int], meaning("Counts of changes by what became of them.")]


class History(Part, frozen=True, kw_only=True):
    """What was applied to one target."""

    file: Annotated[str, meaning("The journal.")]
    target: Annotated[Target, meaning("The server.")]
    runs: Annotated[tuple[Applied, ...], meaning("The last runs, the newest first.")]
    earlier: Annotated[Count, meaning("Runs before these.")] = 0
    not_live: Annotated[str, meaning("Why what is stored may not be live; empty where all of it is.")] = ""


class StatusReport(Report, frozen=True, kw_only=True, tag="reconciler/status/v1"):
    """What was applied, by the journals of this directory."""

    directory: Annotated[str, meaning("Where the journals are.")]
    journals: Annotated[tuple[History, ...], meaning("The journals, by file name.")]


def status_report(directory: str, journals: Iterable[tuple[str, Sequence[Run]]], last: int) -> StatusReport:
    """Return the report of some journals.

    Args:
        directory: where they are.
        journals: each file's name and its runs, oldest first; one without runs is left out.
        last: how many runs of each are told.
    """
    histories = (_history(file, runs, last) for file, runs in journals if runs)
    return StatusReport(directory=directory, journals=tuple(histories))


def _history(file: str, runs: Sequence[Run], last: int) -> History:
    newest = runs[-1]
    undone = {run.undoes: run.id for run in runs if run.undoes and run.code == 0}
    return History(
        file=file,
        target=Target(name=newest.target, url=newest.url),
        runs=tuple(_applied(run, undone.get(run.id, "")) for run in reversed(runs[-last:])),
        earlier=max(len(runs) - last, 0),
        not_live=not_live(runs),
    )


def _applied(run: Run, undone_by: str) -> Applied:
    results: dict[str, int] = {}
    for index in range(len(run.changes)):
        told_of = run.results.get(index)
        word = told_of.result if told_of else "unknown"
        results[word] = results.get(word, 0) + 1
    origin = run.origin
    return Applied(
        run=run.id,
        began=run.time,
        ended=run.ended,
        user=run.who.user,
        host=run.who.host,
        commit=origin.commit,
        branch=origin.branch,
        actor=origin.actor,
        request=origin.request,
        job=origin.job,
        reason=origin.reason,
        plan=run.plan,
        undoes=run.undoes,
        undone_by=undone_by,
        restart=run.restart,
        exit_code=run.code,
        results=dict(sorted(results.items())),
    )
