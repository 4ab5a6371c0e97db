"""`permissions`: the least permissions that plan, apply and drift of the manifests need.

Law: no network; what it prints can be pasted into a role or an API key as it is.
"""

from __future__ import annotations

from msgspec import Struct

from reconciler.commands.gather import Wanted, want
from reconciler.commands.invocation import Invocation
from reconciler.plan import Permissions, kinds_in_scope, needed
from reconciler.report import permissions_report
from reconciler.server import kinds_for_checks

HINT = "Each is the enabledPermissions of a role; for an API key: "


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    #: Whether plan is to count the mail that waits.
    impact: bool = False


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Print what a role or an API key has to allow."""
    wanted = want(invocation)
    wanted.desired.checked()
    invocation.report(permissions_report(needed_by(wanted, impact=arguments.impact)))
    if invocation.converses:
        invocation.tell(f'{HINT}{{"@type": "Replace", "permissions": ...}}\n')
    return 0


def needed_by(wanted: Wanted, *, impact: bool = False) -> Permissions:
    """Return what plan, apply and drift of the manifests need, and the checks that they make."""
    resources, policy, scope = wanted.desired.resources, wanted.settings.policy, wanted.settings.scope
    checks = kinds_for_checks(wanted.catalogue, sorted(kinds_in_scope(resources, policy, scope)))
    nodes = len(wanted.settings.server.nodes) if wanted.settings.server else 0
    return needed(wanted.catalogue, resources, policy, scope, checks, nodes=nodes, impact=impact)
