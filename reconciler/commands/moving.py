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
    from reconciler.mail import Impact, Movement, State
    from reconciler.server import Client


def moving(wanted: Wanted, survey: Survey) -> Movement:
    """Return the mail that moves between live state and the state after a plan."""
    from reconciler.mail import movement_between

    return movement_between(wanted.catalogue, *_states(wanted, survey))


def moving_part(wanted: Wanted, survey: Survey, movement: Movement, impact: Impact | None) -> MovementPart:
    """Return the mail that moves as reports hold it, with the routing tests that a plan would turn."""
    from reconciler.mail import judge_documents, run_tests

    cases, _ = judge_documents(wanted.catalogue, wanted.desired.tests)
    stood, stand = (run_tests(wanted.catalogue, state, cases) for state in _states(wanted, survey))
    turned = [
        f"{now.case.name} ({now.case.place})"
        for then, now in zip(stood, stand, strict=True)
        if then.passed and not now.passed
    ]
    return movement_part(wanted.catalogue, movement, turned, wanted.desired.locate, impact)


def with_mail(wanted: Wanted, survey: Survey) -> Survey:
    """Return a survey with the digest of the mail that moves, where anything would be done."""
    if not survey.plan.changes:
        return survey
    return replace(survey, mail=mail_digest(movement_part(wanted.catalogue, moving(wanted, survey))))


def waiting_mail(
    invocation: Invocation, wanted: Wanted, client: Client, survey: Survey, movement: Movement | None = None
) -> tuple[Survey, Impact]:
    """Count the waiting mail that a plan moves; return the survey with what policy refuses of that, and the counts.

    Args:
        invocation: the run.
        wanted: its settings and manifests.
        client: reads the queue.
        survey: the plan.
        movement: the mail that moves; the recipients of each flow are counted.

    Raises:
        NotAllowed: the credentials may not read the queue.
    """
    from reconciler.mail import impact_on_queue, waiting_in
    from reconciler.plan import mail_refusals
    from reconciler.server import queue_flow

    queue = client.run(queue_flow(client.session().limits))
    waiting = waiting_in(queue.messages, datetime.now(UTC))
    world = server_domains(invocation, wanted.catalogue, client)
    flows = movement.flows if movement else ()
    impact = impact_on_queue(wanted.catalogue, _states(wanted, survey), waiting, world, gone=queue.gone, flows=flows)
    refused = (*survey.plan.refusals, *mail_refusals(impact, wanted.settings.policy))
    return replace(survey, plan=replace(survey.plan, refusals=refused)), impact


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
