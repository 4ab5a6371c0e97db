"""What `policy.owns` leaves to others: names that these manifests may not declare, rename or bind.

Law: pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.values import Change, Diagnostic, Globs, LiveState, Policy, Resource, mistake

_DONE = {"create": "created", "update": "updated", "replace": "replaced", "destroy": "destroyed"}


def not_owned(resources: Iterable[Resource], policy: Policy) -> list[Diagnostic]:
    """Find what is declared, or renamed, outside the names that these manifests own."""
    diagnostics = []
    for resource in resources:
        kind, names = resource.address.kind, policy.owns.get(resource.address.kind)
        if names is None:
            continue
        owned = Globs(names)
        sentence = f"only {', '.join(names)} of {kind}" if names else f"no {kind}"
        if not owned.match(resource.address.name):
            message = f"policy.owns lets these manifests declare {sentence}"
            diagnostics.append(mistake(resource, "", "not-owned", message, "rename it, or widen policy.owns"))
        if resource.was and not owned.match(resource.was):
            message = f"metadata.was names {resource.was}, and policy.owns lets these manifests rename {sentence}"
            diagnostics.append(
                mistake(resource, "", "not-owned", message, "take metadata.was out, or widen policy.owns")
            )
    return diagnostics


def taken(resources: Iterable[Resource], live: LiveState, policy: Policy) -> list[Diagnostic]:
    """Find what metadata.id would take from others: a live object whose own name these manifests do not own."""
    diagnostics = []
    for resource in resources:
        names = policy.owns.get(resource.address.kind)
        if names is None or not resource.id or resource.named:
            continue
        held = next(
            (live_object for live_object in live.of(resource.address.kind) if live_object.id == resource.id), None
        )
        if held is not None and not Globs(names).match(held.address.name):
            message = f"the object {resource.id} is {held.address}, which policy.owns leaves to others"
            diagnostics.append(mistake(resource, "", "not-owned", message, "bind another one, or widen policy.owns"))
    return diagnostics


def foreign(changes: Iterable[Change], live: LiveState, policy: Policy) -> list[str]:
    """Say which changes are about objects that these manifests do not own, whoever planned them."""
    held = {
        (live_object.address.kind, live_object.id): live_object.address.name
        for kind in policy.owns
        for live_object in live.of(kind)
    }
    messages = []
    for change in changes:
        kind = change.address.kind
        if kind not in policy.owns:
            continue
        names = {change.address.name, held.get((kind, change.id), change.address.name)}
        owned, done = Globs(policy.owns[kind]), _DONE[change.action]
        others = [name for name in sorted(names) if not owned.match(name)]
        messages += [f"{kind}/{name} would be {done}, and policy.owns leaves it to others" for name in others]
    return messages
