"""Which mail a plan moves, how much of what waits, and which routing tests it would turn.

Law: nothing is decided here; what is stored now is compared with what would be stored then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from reconciler.commands.domains import server_domains
from reconciler.commands.gather import Wanted
from reconciler.commands.invocation import Invocation
from reconciler.plan import Survey
from reconciler.report import ImpactPart, MovementPart, impact_part, mail_digest, movement_part

if TYPE_CHECKING:
    from reconciler.mail import State
    from reconciler.server import Client


def moving(wanted: Wanted, survey: Survey) -> MovementPart:
    """Return the mail that moves between live state and the state after a plan."""
    from reconciler.mail import judge_documents, movement_between, run_tests

    before, after = _states(wanted, survey)
    cases, _ = judge_documents(wanted.catalogue, wanted.desired.tests)
    stood, stand = (run_tests(wanted.catalogue, state, cases) for state in (before, after))
    turned = [
        f"{now.case.name} ({now.case.place})"
        for then, now in zip(stood, stand, strict=True)
        if then.passed and not now.passed
    ]
    movement = movement_between(wanted.catalogue, before, after)
    return movement_part(wanted.catalogue, movement, turned, wanted.desired.locate)


def with_mail(wanted: Wanted, survey: Survey) -> Survey:
    """Return a survey with the digest of the mail that moves, where anything would be done."""
    from reconciler.mail import movement_between

    if not survey.plan.changes:
        return survey
    movement = movement_between(wanted.catalogue, *_states(wanted, survey))
    return replace(survey, mail=mail_digest(movement_part(wanted.catalogue, movement)))


def waiting_mail(
    invocation: Invocation, wanted: Wanted, client: Client, survey: Survey, *, addresses: bool = False
) -> tuple[Survey, ImpactPart]:
    """Count the waiting mail that a plan moves; return the survey with what policy refuses of that, and the counts.

    Raises:
        NotAllowed: the credentials may not read the queue.
    """
    from reconciler.mail import impact_on_queue, waiting_in
    from reconciler.plan import mail_refusals
    from reconciler.server import queue_flow

    queue = client.run(queue_flow(client.session().limits))
    waiting = waiting_in(queue.messages, datetime.now(UTC))
    world = server_domains(invocation, wanted.catalogue, client)
    impact = impact_on_queue(wanted.catalogue, _states(wanted, survey), waiting, world, gone=queue.gone)
    refused = (*survey.plan.refusals, *mail_refusals(impact, wanted.settings.policy))
    survey = replace(survey, plan=replace(survey.plan, refusals=refused))
    return survey, impact_part(wanted.catalogue, impact, "queue", addresses=addresses)


def mail_of_log(
    wanted: Wanted, survey: Survey, path: str, world: Mapping[str, Any], *, addresses: bool = False
) -> ImpactPart:
    """Count the messages of a file that a plan would have moved.

    Raises:
        ManifestError: the file holds what is no message.
        UsageError: it cannot be read.
    """
    from reconciler.commands.envelopes import read_envelopes
    from reconciler.mail import impact_on_envelopes

    envelopes = read_envelopes(path)
    impact = impact_on_envelopes(wanted.catalogue, _states(wanted, survey), envelopes, world)
    return impact_part(wanted.catalogue, impact, Path(path).name, addresses=addresses)


def _states(wanted: Wanted, survey: Survey) -> tuple[State, State]:
    from reconciler.mail import live_state

    return live_state(wanted.catalogue, survey.live), live_state(wanted.catalogue, survey.after)
