"""`plan`: shows what apply would do.

Law: its client cannot write.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from reconciler.commands.around import after, headline
from reconciler.commands.files import check_plain
from reconciler.commands.gather import observe, open_client, plan_basis, plan_report, tested, want
from reconciler.commands.idle import tell_idle
from reconciler.commands.invocation import Invocation
from reconciler.commands.moving import show_mail, with_mail, with_mail_of_log, with_waiting_mail
from reconciler.commands.options import COMMANDS, LIMITS, SERVER, typed_of
from reconciler.commands.standing import standing
from reconciler.report import members
from reconciler.values import DIFFERENCES, REFUSED, UsageError


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    #: Where to save the plan, or "".
    plan_out: str = ""
    no_movement: bool = False
    #: Whether the queue is read, a file of messages or "", and whether recipients are named.
    impact: bool = False
    envelopes: str = ""
    show_addresses: bool = False
    detailed_exitcode: bool = False


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Compare and show the work, and whether a guard refuses it; save it where that is wanted."""
    if arguments.impact and arguments.envelopes:
        raise UsageError("--impact counts the queue, and --envelopes a file", "leave one of them out")
    if arguments.show_addresses and not (arguments.impact or arguments.envelopes):
        raise UsageError(
            "--show-addresses names the recipients who are counted, and none are", "give --impact or --envelopes FILE"
        )
    wanted = tested(want(invocation))
    wanted.desired.checked()
    if arguments.plan_out:
        check_plain(Path(arguments.plan_out))
    with open_client(invocation, wanted) as client:
        survey = observe(invocation, wanted, client)
        beside = standing(invocation, wanted, client)
        if not arguments.no_movement:
            survey = with_mail(wanted, survey)
        if arguments.envelopes:
            survey = with_mail_of_log(invocation, wanted, client, survey, arguments.envelopes)
        elif arguments.impact or (survey.plan.changes and wanted.settings.policy.bounds_mail):
            survey = with_waiting_mail(invocation, wanted, client, survey)
    tell_idle(invocation, wanted, survey)
    report = plan_report(wanted, survey, beside)
    if arguments.plan_out:
        from reconciler.plan import save, write

        path = Path(arguments.plan_out)
        write(path, save(survey.plan, plan_basis(invocation, wanted, survey), members(report)))
        invocation.tell(f"The plan is saved: {_next(invocation, path)}\n")
    if any(chosen in COMMANDS["plan"].files for chosen in (invocation.format, *dict(invocation.writes))):
        from reconciler.commands.handing import hand_over

        hand_over(invocation, wanted, survey)
    report = replace(report, headline=headline(invocation, wanted), ending=after(invocation, wanted, survey))
    report = show_mail(report, wanted, survey, addresses=arguments.show_addresses)
    differs = DIFFERENCES if arguments.detailed_exitcode and report.differs else 0
    return invocation.report(report, REFUSED if report.refusals else differs)


def _next(invocation: Invocation, path: Path) -> str:
    """Return the command that applies a saved plan: what said on this line which server it is for, says it there."""
    options, names = invocation.options, (*typed_of(SERVER, invocation.typed), *typed_of(LIMITS, invocation.typed))
    fields = {name: name.removeprefix("--").replace("-", "_") for name in names}
    chosen = [
        part
        for name, field in fields.items()
        for part in (name, options.limits[field] if field in options.limits else getattr(options, field))
    ]
    import shlex

    return shlex.join(["reconciler", "apply", *chosen, "--plan", str(path)])
