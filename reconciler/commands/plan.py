"""`plan`: shows what apply would do.

Law: its client cannot write.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.commands.gather import Invocation, observe, open_client, plan_basis, plan_report, target, want
from reconciler.commands.idle import tell_idle
from reconciler.errors import DIFFERENCES, REFUSED
from reconciler.report import machine


def run(invocation: Invocation) -> int:
    """Compare and show the work, and whether a guard refuses it; save it where that is wanted."""
    wanted = want(invocation)
    wanted.desired.checked()
    with open_client(invocation, wanted) as client:
        found = observe(wanted, client)
    tell_idle(invocation, wanted, found)
    invocation.say(plan_report(invocation, wanted, found))
    if invocation.extra.get("plan_out"):
        from reconciler.savedplan import save, write

        report = machine.plan(wanted.catalogue, found.plan, target(wanted), found.diagnostics)
        path = Path(str(invocation.extra["plan_out"]))
        write(path, save(found.plan, plan_basis(invocation, wanted, found), report))
        invocation.tell(f"The plan is saved: reconciler apply --plan {path}\n")
    if found.plan.refusals:
        return REFUSED
    return DIFFERENCES if invocation.detailed_exitcode and found.plan.differs else 0
