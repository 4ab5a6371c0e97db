"""`plan`: shows what apply would do.

Law: its client cannot write.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from reconciler.commands.gather import observe, open_client, plan_basis, plan_report, want
from reconciler.commands.idle import tell_idle
from reconciler.commands.invocation import Invocation
from reconciler.report import members
from reconciler.values import DIFFERENCES, REFUSED

#: Options that say which server it is, and who asks.
SERVER = ("--config", "--target", "--url", "--user")


def run(invocation: Invocation) -> int:
    """Compare and show the work, and whether a guard refuses it; save it where that is wanted."""
    wanted = want(invocation)
    wanted.desired.checked()
    with open_client(invocation, wanted) as client:
        found = observe(wanted, client)
    tell_idle(invocation, wanted, found)
    report = plan_report(wanted, found)
    if invocation.extra.get("plan_out"):
        from reconciler.plan import save, write

        path = Path(str(invocation.extra["plan_out"]))
        write(path, save(found.plan, plan_basis(invocation, wanted, found), members(report)))
        invocation.tell(f"The plan is saved: {_next(invocation, path)}\n")
    differs = DIFFERENCES if invocation.detailed_exitcode and report.differs else 0
    return invocation.report(report, REFUSED if report.refusals else differs)


def _next(invocation: Invocation, path: Path) -> str:
    """Return the command that applies a saved plan: what said on this line which server it is for, says it there."""
    server = [option for option in SERVER if option in invocation.typed]
    chosen = [part for option in server for part in (option, getattr(invocation.options, option.removeprefix("--")))]
    return shlex.join(["reconciler", "apply", *chosen, "--plan", str(path)])
