"""What `policy.owns` leaves to others: names that these manifests may not declare, rename or bind.

Law: pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.plan.diff import mistake
from reconciler.values import Change, Diagnostic, Globs, LiveState, Policy, Resource

_DONE = {"create": "created", "update": "updated", "replace": "replaced", "destroy": "destroyed"}


def not_owned(resources: Iterable[Resource], policy: Policy) -> list[Diagnostic]:
    """Find what is declared, or renamed, outside the names that these manifests own."""
    found = []
    for resource in resources:
        kind, names = resource.address.kind, policy.owns.get(resource.address.kind)
        if names is None:
            continue
        owned = Globs(names)
        what = f"only {', '.join(names)} of {kind}" if names else f"no {kind}"
        if not owned.match(resource.address.name):
            message = f"policy.owns lets these manifests declare {what}"
            found.append(mistake(resource, "", "not-owned", message, "rename it, or widen policy.owns"))
        if resource.was and not owned.match(resource.was):
            message = f"metadata.was names {resource.was}, and policy.owns lets these manifests rename {what}"
            found.append(mistake(resource, "", "not-owned", message, "take metadata.was out, or widen policy.owns"))
    return found


def taken(resources: Iterable[Resource], live: LiveState, policy: Policy) -> list[Diagnostic]:
    """Find what metadata.id would take from others: a live object whose own name these manifests do not own."""
    found = []
    for resource in resources:
        names = policy.owns.get(resource.address.kind)
        if names is None or not resource.id or resource.named:
            continue
        held = next((each for each in live.of(resource.address.kind) if each.id == resource.id), None)
        if held is not None and not Globs(names).match(held.address.name):
            message = f"the object {resource.id} is {held.address}, which policy.owns leaves to others"
            found.append(mistake(resource, "", "not-owned", message, "bind another one, or widen policy.owns"))
    return found


def foreign(changes: Iterable[Change], live: LiveState, policy: Policy) -> list[str]:
    """Say which changes are about objects that these manifests do not own, whoever planned them."""
    held = {(each.address.kind, each.id): each.address.name for kind in policy.owns for each in live.of(kind)}
    told = []
    for change in changes:
        kind = change.address.kind
        if kind not in policy.owns:
            continue
        names = {change.address.name, held.get((kind, change.id), change.address.name)}
        owned, done = Globs(policy.owns[kind]), _DONE[change.action]
        others = [name for name in sorted(names) if not owned.match(name)]
        told += [f"{kind}/{name} would be {done}, and policy.owns leaves it to others" for name in others]
    return told
