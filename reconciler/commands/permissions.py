"""`permissions`: the least permissions that plan, apply and drift of the manifests need.

Law: no network; what it prints can be pasted into a role or an API key as it is.
"""

from __future__ import annotations

import msgspec

from reconciler.commands.gather import Invocation, Wanted, want
from reconciler.plan import Permissions, granted, kinds_in_scope, needed
from reconciler.report import machine
from reconciler.server import kinds_for_checks

READING = "# Reading: plan and drift"
WRITING = "# Writing: apply, with its reload"
CHECKS = "# Besides, for checks of references; without these the checks say that they cannot tell"
HINT = "Each is the enabledPermissions of a role; for an API key: "


def run(invocation: Invocation) -> int:
    """Print what a role or an API key has to allow."""
    wanted = want(invocation)
    wanted.desired.checked()
    permissions = needed_by(wanted)
    if invocation.format == "json":
        invocation.say(machine.dump("permissions", members(permissions)))
        return 0
    blocks = [
        (READING, permissions.plan),
        (WRITING, (*permissions.plan, *permissions.apply)),
        (CHECKS, permissions.optional),
    ]
    invocation.say("\n".join(f"{title}\n{_json(names)}\n" for title, names in blocks if names))
    invocation.tell(f'{HINT}{{"@type": "Replace", "permissions": ...}}\n')
    return 0


def needed_by(wanted: Wanted) -> Permissions:
    """Return what plan, apply and drift of the manifests need, and the checks that they make."""
    resources, policy, scope = wanted.desired.resources, wanted.settings.policy, wanted.settings.scope
    checks = kinds_for_checks(wanted.catalogue, sorted(kinds_in_scope(resources, policy, scope)))
    return needed(wanted.catalogue, resources, policy, scope, checks)


def members(permissions: Permissions) -> dict[str, dict[str, bool]]:
    """Return the members of `reconciler/permissions/v1`; `apply` holds those of `plan` too."""
    return {
        "apply": granted((*permissions.plan, *permissions.apply)),
        "optional": granted(permissions.optional),
        "plan": granted(permissions.plan),
    }


def _json(names: tuple[str, ...]) -> str:
    return msgspec.json.format(msgspec.json.encode(granted(names)), indent=1).decode()
