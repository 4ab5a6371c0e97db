"""`drift`: tells whether the server still holds what the manifests declare.

Law: its client cannot write; it is quiet when there is nothing to say.
"""

from __future__ import annotations

from msgspec.structs import replace

from reconciler.commands.around import headline
from reconciler.commands.gather import observe, open_client, plan_report, want
from reconciler.commands.idle import tell_idle
from reconciler.commands.invocation import Invocation
from reconciler.commands.standing import standing
from reconciler.values import DIFFERENCES

NOTE = "These are the stored settings; no interface shows what the server has run since its last reload.\n"


def run(invocation: Invocation) -> int:
    """Compare, and report only differences."""
    wanted = want(invocation)
    wanted.desired.checked()
    with open_client(invocation, wanted) as client:
        survey = observe(invocation, wanted, client)
        beside = standing(invocation, wanted, client)
    tell_idle(invocation, wanted, survey)
    code = DIFFERENCES if survey.plan.differs else 0
    report = plan_report(wanted, survey, beside, drift=True)
    invocation.report(replace(report, headline=headline(invocation, wanted)), code)
    for diagnostic in beside if invocation.converses and not survey.plan.differs else ():
        invocation.warn(diagnostic.message, diagnostic.hint)
    if survey.plan.differs and invocation.converses:
        invocation.tell(NOTE)
    return code
