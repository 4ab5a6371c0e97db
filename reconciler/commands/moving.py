"""Which mail a plan moves, how much of what waits, and which routing tests it would turn.

Law: nothing is decided here; what is stored now is compared with what would be stored then. It is kept with the survey,
so that whoever is shown a plan is shown its mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reconciler.commands.domains import server_domains
from reconciler.commands.gather import Wanted
from reconciler.commands.invocation import Invocation
from reconciler.plan import Survey
from reconciler.report import PlanReport, impact_part, mail_digest, movement_part

if TYPE_CHECKING:
    from reconciler.mail import State
    from reconciler.server import Client


def with_mail(wanted: Wanted, survey: Survey) -> Survey:
    """Return a survey with the mail that moves, where anything would be done."""
    if not survey.plan.changes:
        return survey
    from reconciler.mail import movement_between

    movement = movement_between(wanted.catalogue, *_states(wanted, survey))
    return replace(survey, movement=movement, mail=mail_digest(movement_part(wanted.catalogue, movement)))


def with_waiting_mail(invocation: Invocation, wanted: Wanted, client: Client, survey: Survey) -> Survey:
    """Return a survey with the waiting mail that the plan moves, and with what policy refuses of that.

    Raises:
        NotAllowed: the credentials may not read the queue.
    """
    from reconciler.mail import impact_on_queue, waiting_in
    from reconciler.plan import mail_refusals
    from reconciler.server import queue_flow

    queue = client.run(queue_flow(client.session().limits))
    waiting = waiting_in(queue.messages, datetime.now(UTC))
    world = server_domains(invocation, wanted.catalogue, client)
    flows = survey.movement.flows if survey.movement else ()
    impact = impact_on_queue(wanted.catalogue, _states(wanted, survey), waiting, world, gone=queue.gone, flows=flows)
    refused = (*survey.plan.refusals, *mail_refusals(impact, wanted.settings.policy))
    return replace(survey, plan=replace(survey.plan, refusals=refused), impact=impact)


def with_mail_of_log(invocation: Invocation, wanted: Wanted, client: Client, survey: Survey, path: str) -> Survey:
    """Return a survey with the messages of a file that the plan would have moved.

    Raises:
        ManifestError: the file holds what is no message.
        UsageError: it cannot be read.
    """
    from reconciler.commands.envelopes import read_envelopes
    from reconciler.mail import impact_on_envelopes

    world = server_domains(invocation, wanted.catalogue, client)
    impact = impact_on_envelopes(wanted.catalogue, _states(wanted, survey), read_envelopes(path), world)
    return replace(survey, impact=replace(impact, source=Path(path).name))


def show_mail(report: PlanReport, wanted: Wanted, survey: Survey, *, addresses: bool = False) -> PlanReport:
    """Return a report of a plan with the mail that moves, and whose routing tests would turn."""
    catalogue, movement, impact = wanted.catalogue, survey.movement, survey.impact
    if movement is not None:
        part = movement_part(catalogue, movement, _turned(wanted, survey), wanted.desired.locate, impact)
        report = replace(report, movement=part)
    return report if impact is None else replace(report, impact=impact_part(catalogue, impact, addresses=addresses))


def _turned(wanted: Wanted, survey: Survey) -> Iterator[str]:
    """Yield the routing tests that hold now, and would not then."""
    from reconciler.mail import judge_documents, run_tests

    cases, _ = judge_documents(wanted.catalogue, wanted.desired.tests)
    stood, stand = (run_tests(wanted.catalogue, state, cases) for state in _states(wanted, survey))
    for then, now in zip(stood, stand, strict=True):
        if then.passed and not now.passed:
            yield f"{now.case.name} ({now.case.place})"


def _states(wanted: Wanted, survey: Survey) -> tuple[State, State]:
    from reconciler.mail import live_state

    return live_state(wanted.catalogue, survey.live), live_state(wanted.catalogue, survey.after)
