"""`apply`: make the server hold what the manifests declare, and make it live.

Law: nothing is written before the plan was shown and agreed to, the lock is held and the journal is on the disk; every
change is accounted for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from msgspec import Struct

from reconciler.apply import (
    DEFAULT_DIRECTORY,
    Journal,
    Listener,
    apply_flow,
    begin_record,
    file_name,
    find_origin,
    hold,
    lock_directory,
    outcome_code,
    whoami,
)
from reconciler.commands.gather import (
    Wanted,
    goal_of,
    observe,
    open_client,
    plan_basis,
    plan_report,
    target,
    tested,
    want,
)
from reconciler.commands.idle import tell_idle
from reconciler.commands.invocation import Invocation
from reconciler.commands.saved import bare, check_approved, taken_up
from reconciler.commands.signals import signals
from reconciler.kinds import to_resolve
from reconciler.plan import (
    Guard,
    Survey,
    plan_digest,
    remaining,
)
from reconciler.report import MANY, outcome_report, printable
from reconciler.server import Client, Secrets
from reconciler.values import REFUSED, Change, LiveState, Outcome, Result, UsageError, strongest

#: What reading back is compared with.
DECLARED, PLANNED = "what the manifests declare", "what was planned"
Recheck = Callable[[LiveState], tuple[Change, ...]]


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    #: The file of a saved plan, or "".
    plan: str = ""
    #: The digest of the changes that somebody approved, or "".
    approved: str = ""


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Plan (or take a saved plan), ask, apply, reload and read back."""
    saved = arguments.plan
    question = "" if saved or arguments.approved else to_ask(invocation, "apply", "Apply these changes?")
    wanted = bare(invocation) if saved else tested(want(invocation))
    wanted.desired.checked()
    with open_client(invocation, wanted, may_write=True) as client, locked(invocation, client):
        if saved:
            found, again = taken_up(invocation, wanted, client, Path(saved))
        else:
            found = observe(wanted, client)
            tell_idle(invocation, wanted, found)
            again = partial(remaining, wanted.catalogue, goal_of(wanted))
        check_approved(found.plan, arguments.approved)
        # A prompt may wait for hours, and a large apply takes its time: each request is preceded by another look.
        changes = found.plan.changes
        guard = Guard(wanted.catalogue, plan_basis(invocation, wanted, found), found.plan) if changes else None
        with client.paused():
            ended = settled(invocation, wanted, found, question)
        if ended is not None:
            return ended
        _foretell(invocation, wanted, found)
        outcome, interrupted = carry_out(invocation, wanted, found, client, again, guard)
    report = outcome_report(wanted.catalogue, outcome, target(wanted), compared=PLANNED if saved else DECLARED)
    return invocation.report(report, strongest([outcome_code(outcome), interrupted]))


def to_ask(invocation: Invocation, command: str, question: str) -> str:
    """Return the question that a command asks before it writes, or "" where it has its answer.

    Raises:
        UsageError: it cannot be asked.
    """
    if invocation.yes:
        return ""
    hint = "give --yes, a saved plan or --approved" if command == "apply" else "give --yes"
    if not invocation.console.in_tty:
        raise UsageError(f"{command} asks before it writes, and nobody is there to answer", hint)
    if not invocation.converses:
        what = f"--format {invocation.format} leaves no room for the plan and the question"
        raise UsageError(f"{command} asks before it writes, and {what}", hint)
    return question


def settled(invocation: Invocation, wanted: Wanted, found: Survey, question: str) -> int | None:
    """Show the plan and ask what is to be asked; quiet spares nobody the sight of what is asked about.

    Returns:
        The exit code with which the run ends here, or None where the plan is to be carried out.
    """
    refused = bool(found.plan.refusals)
    asks = bool(question and found.plan.changes) and not refused
    if refused or (invocation.converses and (asks or not invocation.quiet)):
        invocation.report(plan_report(wanted, found), REFUSED if refused else 0)
    if refused:
        return REFUSED
    if asks:
        import click

        if not click.confirm(f"{printable(str(target(wanted)))}\n{question}", err=True):
            invocation.tell("Nothing was changed.\n")
            return 1
    return None


def _foretell(invocation: Invocation, wanted: Wanted, found: Survey) -> None:
    """Tell what the reload will have to resolve for what is about to be written: it refuses everything otherwise."""
    if not invocation.converses or invocation.quiet or not wanted.settings.reload:
        return
    needed = [
        f"{what} ({change.address})"
        for change in found.plan.changes
        for what in to_resolve(wanted.catalogue, wanted.catalogue.kinds[change.address.kind], change.after or {})
        if change.action != "destroy"
    ]
    if needed:
        more = f" and {len(needed) - MANY} more" if len(needed) > MANY else ""
        invocation.say(f"The reload has to resolve, on the server: {', '.join(needed[:MANY])}{more}.\n")


@contextmanager
def locked(invocation: Invocation, client: Client) -> Iterator[None]:
    """Hold the server's lock, waiting for another run until the deadline."""
    me = whoami()
    directory = lock_directory(invocation.environment)
    with hold(
        client.url,
        owner=me.user,
        host=me.host,
        now=lambda: datetime.now(UTC),
        directory=directory,
        wait_seconds=client.timeout,
    ):
        yield


def carry_out(
    invocation: Invocation,
    wanted: Wanted,
    found: Survey,
    client: Client,
    again: Recheck,
    guard: Guard | None = None,
) -> tuple[Outcome, int]:
    """Drive the apply with a journal and a progress bar.

    Args:
        invocation: the run.
        wanted: its settings.
        found: the plan and the live state that it stands on.
        client: the connection.
        again: compares the read-back with what was wanted.
        guard: asked before each request that writes whether the server is still as the plan knows it.

    Returns:
        The outcome, and the exit code of a signal (0: none came).
    """
    secrets = Secrets(invocation.environment, wanted.settings.allowed)
    limits = client.session().limits
    with (
        signals() as caught,
        _journal(invocation, wanted, found) as journal,
        _progress(invocation, len(found.plan.changes)) as advance,
    ):

        def tell(result: Result) -> None:
            if journal is not None:
                journal.tell(result)
            _log(wanted, result)
            advance(result)

        flow = apply_flow(
            wanted.catalogue,
            found.plan,
            limits,
            secrets,
            found.live,
            reload=wanted.settings.reload,
            recheck=again,
            kinds=found.kinds,
            listener=Listener(tell=tell, stop=lambda: bool(caught), check=guard),
        )
        outcome = client.run(flow)
        if journal is not None:
            journal.end(outcome, strongest([outcome_code(outcome), 128 + caught[0] if caught else 0]))
            if outcome.reload == "failed" and any(each.result == "applied" for each in outcome.results):
                invocation.tell(f"reconciler rollback {journal.path} puts back what this run changed.\n")
            if journal.broken:
                invocation.warn(f"the journal {journal.path} broke off: {journal.broken}")
    return outcome, 128 + caught[0] if caught else 0


@contextmanager
def _journal(invocation: Invocation, wanted: Wanted, found: Survey) -> Iterator[Journal | None]:
    """Write what is about to be done, and yield the journal; None where there is nothing to do, or none is wanted."""
    directory = invocation.journal_directory or DEFAULT_DIRECTORY
    if directory == "off" or not found.plan.changes:
        yield None
        return
    where = target(wanted)
    path = Path(directory) / file_name(where.name, where.url)
    with Journal(path, lambda: datetime.now(UTC).isoformat()) as journal:
        record = begin_record(
            wanted.catalogue,
            found.plan,
            found.live,
            run=str(uuid4()),
            time=datetime.now(UTC).isoformat(),
            who=whoami(),
            target=where.name,
            url=where.url,
            digest=plan_digest(found.plan),
            origin=find_origin(invocation.environment, invocation.reason),
        )
        journal.begin(record)
        yield journal


def _log(wanted: Wanted, result: Result) -> None:
    """Log what became of one change."""
    import logging

    change = result.change
    known = {"action": change.action, "address": str(change.address), "result": result.result}
    fields = {"target": wanted.settings.target, "phase": "write", **known}
    text = "%s %s: %s"
    logging.getLogger("reconciler.apply").info(text, *known.values(), extra={"fields": fields})


@contextmanager
def _progress(invocation: Invocation, total: int) -> Iterator[Callable[[Result], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    if not total or not invocation.console.err_tty or invocation.quiet:
        yield lambda _: None
        return
    import click

    with click.progressbar(length=total, label="Applying", file=sys.stderr) as bar:

        def advance(_: Result) -> None:
            bar.update(1)

        yield advance
