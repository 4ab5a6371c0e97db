"""`apply`: make the server hold what the manifests declare, and make it live.

Law: nothing is written before the plan was shown and agreed to; every change is accounted for.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from reconciler.apply import Listener, apply_flow, outcome_code
from reconciler.commands.gather import (
    Found,
    Invocation,
    Wanted,
    observe,
    open_client,
    plan_report,
    recheck,
    target,
    tested,
    want,
)
from reconciler.errors import REFUSED, UsageError, strongest
from reconciler.jmap.client import Client
from reconciler.model import Outcome, Result
from reconciler.report import machine, text
from reconciler.secrets import Secrets


def run(invocation: Invocation) -> int:
    """Plan, ask, apply, reload and read back."""
    wanted = tested(want(invocation))
    wanted.desired.checked()
    may_ask = invocation.console.in_tty and invocation.format == "text"
    if not invocation.yes and not may_ask:
        raise UsageError("apply asks before it writes, and nobody is there to answer", "give --yes")
    with open_client(invocation, wanted, may_write=True) as client:
        found = observe(wanted, client)
        if invocation.format == "text" and (not invocation.quiet or found.plan.refusals):
            invocation.say(plan_report(invocation, wanted, found))
        if found.plan.refusals:
            if invocation.format == "json":
                invocation.say(plan_report(invocation, wanted, found))
            return REFUSED
        if found.plan.changes and not invocation.yes and not _agreed(invocation):
            invocation.tell("Nothing was changed.\n")
            return 1
        outcome, interrupted = carry_out(invocation, wanted, found, client)
    if invocation.format == "json":
        invocation.say(machine.dump("outcome", machine.outcome(wanted.catalogue, outcome, target(wanted))))
    else:
        invocation.say(text.outcome(wanted.catalogue, outcome, invocation.console.paint))
    return strongest([outcome_code(outcome), interrupted])


def _agreed(invocation: Invocation) -> bool:
    import click

    return click.confirm("Apply these changes?", err=True)


def carry_out(invocation: Invocation, wanted: Wanted, found: Found, client: Client) -> tuple[Outcome, int]:
    """Drive the apply with a progress bar, and return its outcome and the exit code of a signal (0: none came)."""
    secrets = Secrets(invocation.environment, wanted.settings.allowed)
    with _signals() as caught, _progress(invocation, len(found.plan.changes)) as advance:
        flow = apply_flow(
            wanted.catalogue,
            found.plan,
            client.session().limits,
            secrets,
            found.live,
            reload=wanted.settings.reload,
            recheck=recheck(wanted, found),
            kinds=found.kinds,
            listener=Listener(tell=advance, stop=lambda: bool(caught)),
        )
        outcome = client.run(flow)
    return outcome, 128 + caught[0] if caught else 0


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Note SIGINT and SIGTERM instead of dying of them, so that what was begun is finished and told."""
    caught: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)

    old = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


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
