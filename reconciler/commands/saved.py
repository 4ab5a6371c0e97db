"""What `apply` takes in place of a plan of its own making: a saved plan, or the digest of one that was approved.

Law: nobody's file is trusted; what it shows is what it does, and what it does is judged by this run's policy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.commands.gather import Wanted, read_live, standing_policy, without_manifests
from reconciler.commands.invocation import Invocation
from reconciler.commands.moving import with_mail
from reconciler.commands.options import LIMITS, SETTLED, typed_of
from reconciler.plan import MAX_PLAN, Survey, check_for, digest, kinds_of, plan_digest, policy_digest, take_up, unmet
from reconciler.plan import load as load_plan
from reconciler.report import Target, members, plan_report
from reconciler.server import Client
from reconciler.values import Change, ConfigError, LiveState, Stale, UsageError, read_file


def bare(invocation: Invocation) -> Wanted:
    """Return the settings of a run that takes its work from a saved plan, and no manifests."""
    if invocation.options.paths:
        raise UsageError("a saved plan stands for itself, and takes no manifests", "leave the paths out")
    limits = typed_of(LIMITS, invocation.typed)
    if settled := [name for name in typed_of(SETTLED, invocation.typed) if name not in limits]:
        hint = "give what shapes a plan to `plan`; a RECONCILER_… variable may stay, and changes nothing here"
        raise UsageError(f"a saved plan is applied as it was made: {', '.join(settled)} would be ignored", hint)
    return without_manifests(invocation)


def taken_up(
    invocation: Invocation, wanted: Wanted, client: Client, path: Path, *, movement: bool = True
) -> tuple[Survey, Callable[[LiveState], tuple[Change, ...]]]:
    """Take a saved plan, and what it would do to the server as it is now.

    Args:
        invocation: the run.
        wanted: its settings.
        client: its client.
        path: the file.
        movement: whether the mail that moves is worked out; it is not where the plan left it out.

    Returns:
        The survey, and what tells of a later read which changes it does not show.

    Raises:
        ConfigError: it is no plan that was saved, or shows something else than it would do.
        UsageError: it is for another server, target or policy.
        Stale: the server is no longer as it was when the plan was made.
    """
    catalogue = wanted.catalogue
    plan, basis, shown = load_plan(read_file(path, ConfigError, most=MAX_PLAN, pipe=True), catalogue)
    check_for(basis, url=client.url, target=wanted.settings.target, policy=policy_digest(standing_policy(invocation)))
    # Who read the changes of the file, or approved them, has read what is done.
    report = members(plan_report(catalogue, plan, Target(name=basis.target, url=basis.url)))
    if digest(report["changes"], report["summary"]) != digest(shown["changes"], shown["summary"]):
        raise ConfigError("the plan shows other changes than it would make", "make a new one with plan --out")
    live = read_live(catalogue, kinds_of(plan, basis), client)
    survey = take_up(catalogue, plan, basis, live, wanted.settings.policy)
    if movement and basis.mail:
        survey = with_mail(wanted, survey)
    return survey, lambda state: unmet(plan, state, catalogue)


def check_approved(survey: Survey, approved: str) -> None:
    """Check that a plan makes the changes, and moves the mail, that were approved; without a digest it does.

    Raises:
        UsageError: what is given is no digest.
        Stale: it makes others, or moves other mail.
    """
    if not approved:
        return
    here = plan_digest(survey.plan, survey.mail)
    if len(approved) != len(here) or not set(approved) <= set("0123456789abcdef"):
        raise UsageError(f"--approved {approved[:80]!r} is no digest", "plan prints it: 64 hexadecimal digits")
    if approved == here:
        return
    hint = "nothing was written; look at a new plan, and approve that one"
    if survey.mail and approved == plan_digest(survey.plan):
        message = f"the changes were approved without the mail that they move: with it, the digest is {here}"
        raise Stale(message, f"{hint}; or give --no-movement here too")
    also = (
        " or the mail that they move is not what was approved" if survey.mail else " are not those that were approved"
    )
    raise Stale(f"the changes{also}: their digest is {here}", hint)
