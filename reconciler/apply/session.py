"""The one owner of every write: lock, show, ask, look again, carry out, read back, report.

Law: nothing is written before the plan was shown and agreed to, the lock is held and the journal is on the disk; after
a write nothing ends without an outcome. Whoever is asked holds no lock, and what was shown is what is done.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from reconciler.apply.cluster import node_notes, nodes_reload_flow
from reconciler.apply.flow import apply_flow, listed, outcome_code
from reconciler.apply.hearing import signals
from reconciler.apply.journal import Begin, Journal, Origin, begin_record, whoami
from reconciler.apply.lock import hold
from reconciler.apply.run import Listener
from reconciler.kinds import Catalogue
from reconciler.plan import Basis, Guard, Survey, plan_digest
from reconciler.server import Client, Nodes, Secrets, cluster_remark, nodes_flow
from reconciler.values import (
    PARTLY_APPLIED,
    REFUSED,
    Change,
    Interrupted,
    LiveState,
    Outcome,
    ReconcilerError,
    Result,
    Stale,
    strongest,
)


class Heard(Protocol):
    """What is told of the work as it goes on."""

    def tell(self, result: Result) -> None:
        """Tell what became of one change."""

    def enter(self, step: str) -> None:
        """Tell that a step begins; `apply.run.Listener` names them."""


class Presenter(Protocol):
    """Who shows things to people, and asks them."""

    def wait(self, holder: str) -> None:
        """Tell that another run holds the lock, and who runs it."""

    def show(self, survey: Survey, *, asks: bool) -> None:
        """Show the plan, and what refuses it."""

    def ask(self) -> bool:
        """Ask whether the plan is to be carried out."""

    def begin(self, survey: Survey) -> AbstractContextManager[Heard]:
        """Tell that the work begins, and return what is told of it as it goes on."""

    def interrupted(self) -> None:
        """Tell that a signal was heard, and that what was begun is finished."""

    def advise(self, sentence: str) -> None:
        """Tell what can be done about an outcome, or is wrong beside it."""

    def report(self, outcome: Outcome, code: int) -> int:
        """Report the outcome, and return the exit code."""


class Task(Struct, frozen=True, kw_only=True):
    """What a session does."""

    #: Reads the server, and says what is to be done.
    survey: Callable[[], Survey]
    #: Says what a new read lacks of what was to be done.
    remaining: Callable[[Survey, LiveState], tuple[Change, ...]]
    #: Says what a plan stands on.
    basis: Callable[[Survey], Basis]
    #: Whether a part of the work cannot be done at all.
    lacking: Callable[[], bool] = lambda: False
    #: The recorded run that it undoes, or "".
    undoes: Callable[[], str] = lambda: ""


class ApplySession(Struct, frozen=True, kw_only=True):
    """One run that writes to one server."""

    client: Client
    #: The server's URL: by it the lock is named, and the journal names the server.
    url: str
    #: Addresses of all nodes, where it is a cluster; the client talks to the first and has the others as peers.
    nodes: tuple[str, ...] = ()
    catalogue: Catalogue
    secrets: Secrets
    presenter: Presenter
    #: Whether a person is asked before anything is written.
    asks: bool = False
    reload: bool = True
    #: Whether what the server refuses to reload stays stored.
    keep_refused: bool = False
    #: The directory of the locks, and the file of the journal where there is one.
    locks: Path
    journal: Path | None = None
    #: The target's name, and why and from where this is run.
    target: str = ""
    origin: Origin = Origin()

    def run(self, task: Task) -> int:
        """Do a task, and return the exit code.

        Raises:
            Stale: the server is not as the plan knows it, or changed while a person was asked; nothing was written.
            Busy: another run holds the lock past the deadline.
            Interrupted: a signal came before anything was written.
        """
        writing: list[bool] = []

        def heard(number: int) -> None:
            if not writing:
                raise Interrupted(number, "nothing was written")
            self.presenter.interrupted()

        with signals(heard) as caught:
            self.client.signals = caught
            shown = task.survey() if self.asks else None
            if shown is not None:
                if self._refused(shown):
                    return REFUSED
                with self.client.paused():
                    if shown.plan.changes and not self.presenter.ask():
                        return 1
            with self._lock():
                survey = task.survey()
                if shown is not None and shown.plan.changes != survey.plan.changes:
                    raise Stale(
                        "the server changed while the question waited for an answer", "nothing was written; look again"
                    )
                if (shown is None or survey.plan.refusals) and self._refused(survey):
                    return REFUSED
                writing.append(True)
                outcome, code = self._carry_out(task, survey, caught)
            return self.presenter.report(outcome, code)

    def reload_alone(self) -> int:
        """Make stored settings live, and return the exit code."""
        with self._lock():
            limits = self.client.session().limits
            reloaded = self.client.run(nodes_reload_flow(self.catalogue, limits, self.secrets, nodes=self.nodes))
            outcome = reloaded.told_in(Outcome())
            outcome = replace(outcome, notes=node_notes(outcome))
        return self.presenter.report(outcome, outcome_code(outcome))

    def _refused(self, survey: Survey) -> bool:
        self.presenter.show(survey, asks=self.asks and bool(survey.plan.changes))
        return bool(survey.plan.refusals)

    def _lock(self) -> AbstractContextManager[Path]:
        me = whoami()
        return hold(
            self.url,
            owner=me.user,
            host=me.host,
            now=lambda: datetime.now(UTC),
            directory=self.locks,
            wait_seconds=self.client.left,
            waits=self.presenter.wait,
        )

    def _carry_out(self, task: Task, survey: Survey, caught: list[int]) -> tuple[Outcome, int]:
        """Drive the apply with a journal, and return the outcome and its exit code."""
        limits = self.client.session().limits
        changes = survey.plan.changes
        path = self.journal if survey.plan.changes else None
        with Journal(path, lambda: datetime.now(UTC).isoformat()) as journal, self.presenter.begin(survey) as heard:
            journal.prepare()

            def tell(result: Result) -> None:
                journal.tell(result)
                heard.tell(result)

            listener = Listener(
                tell=tell,
                enter=heard.enter,
                begin=lambda: journal.begin(self._record(survey, task.undoes())) if path else None,
                stop=lambda: bool(caught),
                # A large apply takes its time: each request is preceded by another look.
                check=Guard(self.catalogue, task.basis(survey), survey.plan) if changes else None,
            )
            flow = apply_flow(
                self.catalogue,
                survey.plan,
                limits,
                self.secrets,
                survey.live,
                reload=self.reload,
                keep_refused=self.keep_refused,
                nodes=self.nodes,
                recheck=lambda live: task.remaining(survey, live),
                kinds=survey.kinds,
                listener=listener,
            )
            nodes = Nodes()
            with suppress(ReconcilerError):
                nodes = self.client.run(nodes_flow())
            try:
                outcome = self.client.run(flow)
            except ReconcilerError as error:
                journal.end(Outcome(code=error.exit_code), error.exit_code)
                raise
            if surplus := survey.plan.surplus:
                note = f"Undeclared, left alone, and a difference: {listed(surplus)}."
                outcome = replace(outcome, notes=(*outcome.notes, note))
            if remark := cluster_remark(nodes, frozenset(self.client.states), self.nodes):
                outcome = replace(outcome, notes=(*outcome.notes, f"{remark[0].upper()}{remark[1:]}."))
            outcome = replace(outcome, notes=(*outcome.notes, *node_notes(outcome)))
            code = self._code(task, outcome, caught)
            journal.end(outcome, code)
        if journal.broken:
            self.presenter.advise(f"warning: the journal {journal.path} broke off: {journal.broken}")
        if journal.run and outcome.reload == "failed" and any(result.result == "applied" for result in outcome.results):
            self.presenter.advise(f"reconciler rollback {journal.path} puts back what this run changed.")
        return outcome, code

    def _code(self, task: Task, outcome: Outcome, caught: list[int]) -> int:
        codes = [outcome_code(outcome), 128 + caught[0] if caught else 0]
        if task.lacking():
            codes.append(PARTLY_APPLIED if any(result.result == "applied" for result in outcome.results) else 1)
        return strongest(codes)

    def _record(self, survey: Survey, undoes: str) -> Begin:
        return begin_record(
            self.catalogue,
            survey.plan,
            survey.live,
            run=str(uuid4()),
            time=datetime.now(UTC).isoformat(),
            who=whoami(),
            target=self.target,
            url=self.url,
            digest=plan_digest(survey.plan, survey.mail),
            origin=self.origin,
            undoes=undoes,
        )
