"""What a command that writes shows and asks, and the session that does its work.

Law: it decides nothing; quiet spares nobody the sight of what is asked about.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from reconciler.apply import DEFAULT_DIRECTORY, ApplySession, file_name, find_origin, lock_directory
from reconciler.commands.around import after, headline
from reconciler.commands.gather import Wanted, plan_report, target
from reconciler.commands.invocation import Invocation
from reconciler.commands.moving import show_mail
from reconciler.commands.progress import Progress
from reconciler.kinds import to_resolve
from reconciler.plan import Survey
from reconciler.report import MANY, fold, outcome_report, printable
from reconciler.server import Client, Secrets
from reconciler.values import REFUSED, Outcome, Result, UsageError

#: What reading back is compared with.
DECLARED, PLANNED = "what the manifests declare", "what was planned"
QUESTIONS = {"apply": "Apply these changes?", "rollback": "Undo these changes?"}


class StreamPresenter(Struct, frozen=True):
    """Shows and asks on the streams of one run."""

    invocation: Invocation
    wanted: Wanted
    #: What is done.
    work: Literal["apply", "rollback", "reload"] = "apply"
    #: What reading back is compared with.
    compared: str = DECLARED
    #: The line that shows how far the work has come, while there is one.
    progress: list[Progress] = field(default_factory=list)

    def wait(self, holder: str) -> None:
        """Tell that another run holds the lock."""
        self.invocation.tell(f"waiting: {holder}", always=True)

    def show(self, survey: Survey, *, asks: bool) -> None:
        """Show the plan where somebody is asked or wants to see it, and what refuses it to everybody."""
        refused = bool(survey.plan.refusals)
        if refused or (self.invocation.converses and (asks or not self.invocation.quiet)):
            report = show_mail(plan_report(self.wanted, survey), self.wanted, survey)
            if self.work == "apply":
                report = replace(
                    report,
                    headline=headline(self.invocation, self.wanted),
                    ending=after(self.invocation, self.wanted, survey),
                )
            self.invocation.report(report, REFUSED if refused else 0)

    def ask(self) -> bool:
        """Ask whether the plan is to be carried out."""
        import click

        agreed = click.confirm(f"{printable(str(target(self.wanted)))}\n{QUESTIONS[self.work]}", err=True)
        if not agreed:
            self.invocation.tell("Nothing was changed.")
        return agreed

    @contextmanager
    def begin(self, survey: Survey) -> Iterator[_Heard]:
        """Tell what the reload has to resolve, and how far the work has come."""
        self._foretell(survey)
        total, name = len(survey.plan.changes), self.wanted.settings.target
        console = self.invocation.console
        log = logging.getLogger("reconciler.apply")
        if not total or self.invocation.quiet or log.isEnabledFor(logging.INFO):
            # A log has a line for each change and request.
            yield _Heard(name)
            return
        progress = Progress(total, console.err, time.monotonic, live=console.err_tty)
        self.progress.append(progress)
        try:
            yield _Heard(name, progress)
        finally:
            progress.clear()

    def interrupted(self) -> None:
        """Tell that a signal was heard."""
        for progress in self.progress:
            progress.clear()
        self.invocation.tell("interrupted: what was begun is finished, and nothing more is begun", always=True)

    def advise(self, sentence: str) -> None:
        """Tell what can be done about an outcome, or is wrong beside it."""
        if sentence.startswith("warning: "):
            self.invocation.warn(sentence.removeprefix("warning: "))
        else:
            self.invocation.tell(sentence)

    def report(self, outcome: Outcome, code: int) -> int:
        """Report the outcome."""
        where = target(self.wanted)
        compared = "" if self.work == "reload" else self.compared
        report = outcome_report(self.wanted.catalogue, outcome, where, compared=compared, work=self.work)
        return self.invocation.report(report, code)

    def _foretell(self, survey: Survey) -> None:
        """Tell what the reload will have to resolve for what is about to be written: it refuses everything else."""
        if not self.invocation.converses or self.invocation.quiet or not self.wanted.settings.reload:
            return
        catalogue = self.wanted.catalogue
        needed = [
            f"{needed} ({change.address})"
            for change in survey.plan.changes
            for needed in to_resolve(catalogue, catalogue.kinds[change.address.kind], change.after or {})
            if change.action != "destroy"
        ]
        if needed:
            more = f" and {len(needed) - MANY} more" if len(needed) > MANY else ""
            sentence = f"At the reload, the server has to resolve: {', '.join(needed[:MANY])}{more}."
            self.invocation.say(fold(f"{printable(sentence)}\n", self.invocation.console.width))


class _Heard(Struct, frozen=True):
    """Logs every result, and shows how far the work has come."""

    #: The target's name.
    target: str
    progress: Progress | None = None

    def enter(self, step: str) -> None:
        """Tell that a step begins."""
        if self.progress:
            self.progress.enter(step)

    def tell(self, result: Result) -> None:
        """Log what became of one change, and count it."""
        change = result.change
        known = {"action": change.action, "address": str(change.address), "result": result.result}
        fields = {"target": self.target, "phase": "write", **known}
        logging.getLogger("reconciler.apply").info("%s %s: %s", *known.values(), extra={"fields": fields})
        if self.progress:
            self.progress.advance()


def session_of(
    invocation: Invocation,
    wanted: Wanted,
    client: Client,
    presenter: StreamPresenter,
    *,
    asks: bool = False,
    keep_refused: bool = False,
) -> ApplySession:
    """Return the session that writes to the settings' server."""
    where = target(wanted)
    directory = invocation.journal_directory or DEFAULT_DIRECTORY
    return ApplySession(
        client=client,
        url=where.url,
        nodes=tuple(wanted.settings.server.nodes) if wanted.settings.server else (),
        catalogue=wanted.catalogue,
        secrets=Secrets(invocation.environment, wanted.settings.allowed),
        presenter=presenter,
        asks=asks,
        reload=wanted.settings.reload,
        keep_refused=keep_refused,
        locks=lock_directory(invocation.environment),
        journal=None if directory == "off" else Path(directory) / file_name(where.name, where.url),
        target=where.name,
        origin=find_origin(invocation.environment, invocation.reason),
    )


def must_ask(invocation: Invocation, command: str) -> bool:
    """Whether a person has to be asked before anything is written.

    Raises:
        UsageError: one has to, and cannot be.
    """
    if invocation.yes:
        return False
    hint = "give --yes, a saved plan or --approved" if command == "apply" else "give --yes"
    if not invocation.console.in_tty:
        raise UsageError(f"{command} asks before it writes, and nobody is there to answer", hint)
    if not invocation.converses:
        message = f"--format {invocation.format} leaves no room for the plan and the question"
        raise UsageError(f"{command} asks before it writes, and {message}", hint)
    return True
