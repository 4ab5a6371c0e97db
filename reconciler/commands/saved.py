"""What `apply` takes in place of a plan of its own making: a saved plan, or the digest of one that was approved.

Law: nobody's file is trusted; what it shows is what it does, and what it does is judged by this run's policy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.commands.gather import Wanted, read_live, standing_policy, without_manifests
from reconciler.commands.invocation import Invocation
from reconciler.commands.options import LIMITS, SETTLED, typed_of
from reconciler.plan import Survey, check_for, digest, kinds_of, plan_digest, policy_digest, read, take_up, unmet
from reconciler.plan import load as load_plan
from reconciler.report import Target, members, plan_report
from reconciler.server import Client
from reconciler.values import Change, ConfigError, LiveState, Plan, Stale, UsageError


def bare(invocation: Invocation) -> Wanted:
    """Return the settings of a run that takes its work from a saved plan, and no manifests."""
    if invocation.options.paths:
        raise UsageError("a saved plan stands for itself, and takes no manifests", "leave the paths out")
    limits = typed_of(LIMITS, invocation.typed)
    if settled := [each for each in typed_of(SETTLED, invocation.typed) if each not in limits]:
        hint = "give what shapes a plan to `plan`; a RECONCILER_… variable may stay, and changes nothing here"
        raise UsageError(f"a saved plan is applied as it was made: {', '.join(settled)} would be ignored", hint)
    return without_manifests(invocation)


def taken_up(
    invocation: Invocation, wanted: Wanted, client: Client, path: Path
) -> tuple[Survey, Callable[[LiveState], tuple[Change, ...]]]:
    """Take a saved plan, and what it would do to the server as it is now.

    Returns:
        The survey, and what tells of a later read which changes it does not show.

    Raises:
        ConfigError: it is no plan that was saved, or shows something else than it would do.
        UsageError: it is for another server, target or policy.
        Stale: the server is no longer as it was when the plan was made.
    """
    catalogue = wanted.catalogue
    plan, basis, shown = load_plan(read(path), catalogue)
    check_for(basis, url=client.url, target=wanted.settings.target, policy=policy_digest(standing_policy(invocation)))
    # Who read the changes of the file, or approved them, has read what is done.
    report = members(plan_report(catalogue, plan, Target(name=basis.target, url=basis.url)))
    if digest(report["changes"], report["summary"]) != digest(shown["changes"], shown["summary"]):
        raise ConfigError("the plan shows other changes than it would make", "make a new one with plan --out")
    live = read_live(catalogue, kinds_of(plan, basis), client)
    return take_up(catalogue, plan, basis, live, wanted.settings.policy), lambda state: unmet(plan, state, catalogue)


def check_approved(plan: Plan, approved: str) -> None:
    """Check that a plan makes the changes that were approved; without a digest it does.

    Raises:
        UsageError: what is given is no digest.
        Stale: it makes others.
    """
    if not approved:
        return
    if len(approved) != len(plan_digest(plan)) or not set(approved) <= set("0123456789abcdef"):
        raise UsageError(f"--approved {approved[:80]!r} is no digest", "plan prints it: 64 hexadecimal digits")
    if approved != plan_digest(plan):
        message = f"the changes are not those that were approved: their digest is {plan_digest(plan)}"
        raise Stale(message, "nothing was written; look at a new plan, and approve that one")
