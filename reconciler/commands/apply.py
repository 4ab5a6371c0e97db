"""`apply`: make the server hold what the manifests declare, and make it live.

Law: it says what is wanted; what is written, the session writes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec import Struct

from reconciler.apply import Task
from reconciler.commands.gather import Wanted, goal_of, observe, open_client, plan_basis, tested, want
from reconciler.commands.idle import tell_idle
from reconciler.commands.invocation import Invocation
from reconciler.commands.moving import with_mail, with_waiting_mail
from reconciler.commands.presenting import DECLARED, PLANNED, StreamPresenter, must_ask, session_of
from reconciler.commands.saved import bare, check_approved, taken_up
from reconciler.plan import Survey, remaining
from reconciler.server import Client
from reconciler.values import Change, LiveState


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    #: The file of a saved plan, or "".
    plan: str = ""
    #: The digest of the changes that somebody approved, or "".
    approved: str = ""
    #: Whether the mail that moves is left out of what was approved.
    no_movement: bool = False
    #: Whether what the server refuses to reload stays stored.
    keep_refused: bool = False


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Plan (or take a saved plan), ask, apply, reload and read back."""
    saved = arguments.plan
    asks = not (saved or arguments.approved) and must_ask(invocation, "apply")
    wanted = bare(invocation) if saved else tested(want(invocation))
    wanted.desired.checked()
    with open_client(invocation, wanted, may_write=True) as client:
        presenter = StreamPresenter(invocation, wanted, compared=PLANNED if saved else DECLARED)
        session = session_of(invocation, wanted, client, presenter, asks=asks, keep_refused=arguments.keep_refused)
        return session.run(_task(invocation, wanted, client, arguments))


def _task(invocation: Invocation, wanted: Wanted, client: Client, arguments: Arguments) -> Task:
    """Return the work: what the manifests declare, or what a saved plan would do to the server as it is now."""
    shown: list[bool] = []
    lacks: list[Callable[[LiveState], tuple[Change, ...]]] = []

    def survey() -> Survey:
        if arguments.plan:
            path = Path(arguments.plan)
            survey, lack = taken_up(invocation, wanted, client, path, movement=not arguments.no_movement)
        else:
            survey, lack = observe(invocation, wanted, client), partial(remaining, wanted.catalogue, goal_of(wanted))
            if not shown:
                tell_idle(invocation, wanted, survey)
                shown.append(True)
            if not arguments.no_movement:
                survey = with_mail(wanted, survey)
        if survey.plan.changes and wanted.settings.policy.bounds_mail:
            survey = with_waiting_mail(invocation, wanted, client, survey)
        lacks[:] = [lack]
        check_approved(survey, arguments.approved)
        return survey

    return Task(
        survey=survey,
        remaining=lambda _, live: lacks[0](live),
        basis=partial(plan_basis, invocation, wanted),
    )
