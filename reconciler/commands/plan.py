"""`plan`: shows what apply would do.

Law: its client cannot write.
"""

from __future__ import annotations

from reconciler.commands.gather import Invocation, observe, open_client, plan_report, want
from reconciler.errors import DIFFERENCES, REFUSED


def run(invocation: Invocation) -> int:
    """Compare and show the work, and whether a guard refuses it."""
    wanted = want(invocation)
    wanted.desired.checked()
    with open_client(invocation, wanted) as client:
        found = observe(wanted, client)
    invocation.say(plan_report(invocation, wanted, found))
    if found.plan.refusals:
        return REFUSED
    return DIFFERENCES if invocation.detailed_exitcode and found.plan.differs else 0
