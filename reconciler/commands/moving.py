"""Which mail a plan moves, and which routing tests it would turn.

Law: nothing is decided here; what is stored now is compared with what would be stored then.
"""

from __future__ import annotations

from reconciler.commands.gather import Wanted
from reconciler.plan import Survey
from reconciler.report import MovementPart, movement_part


def moving(wanted: Wanted, survey: Survey) -> MovementPart:
    """Return the mail that moves between live state and the state after a plan."""
    from reconciler.mail import judge_documents, live_state, movement_between, run_tests

    before, after = (live_state(wanted.catalogue, state) for state in (survey.live, survey.after))
    cases, _ = judge_documents(wanted.catalogue, wanted.desired.tests)
    stood, stand = (run_tests(wanted.catalogue, state, cases) for state in (before, after))
    turned = [
        f"{now.case.name} ({now.case.place})"
        for then, now in zip(stood, stand, strict=True)
        if then.passed and not now.passed
    ]
    movement = movement_between(wanted.catalogue, before, after)
    return movement_part(wanted.catalogue, movement, turned, wanted.desired.locate)
