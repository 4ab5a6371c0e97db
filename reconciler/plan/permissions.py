"""The least permissions that a run of some manifests needs.

Law: pure; a permission is here because a call that the program makes needs it, and for no other reason.

Stalwart 0.16.19: `sys<Kind><Verb>` for each method (query and get apart), `action<Name>` for each action besides
`sysActionCreate`, and `authenticate` for everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from reconciler.kinds import Catalogue, Kind, exact, references_in
from reconciler.plan.acting import AT_ONCE, FORGET, RESTART
from reconciler.plan.scope import kinds_in_scope, pruned
from reconciler.server import QUEUE_PERMISSIONS
from reconciler.values import Policy, Resource, Scope

ALWAYS = "authenticate"
ACTION = "sysActionCreate"


class Permissions(Struct, frozen=True):
    """Permissions by what they are for, each in the order of the alphabet. Nothing stands in two of them."""

    #: For plan and drift, and so for everything.
    plan: tuple[str, ...]
    #: For apply and its reload, besides those of `plan`.
    apply: tuple[str, ...]
    #: For checks of references; without them the checks say that they cannot tell.
    optional: tuple[str, ...]


def needed(
    catalogue: Catalogue,
    resources: Sequence[Resource],
    policy: Policy,
    scope: Scope,
    checks: Iterable[str] = (),
    *,
    nodes: int = 1,
    impact: bool = False,
) -> Permissions:
    """Return what plan, drift and apply of some resources need.

    Args:
        catalogue: what the kinds are.
        resources: everything that the manifests declare.
        policy: what is pruned, and what counts as a difference.
        scope: what the run looks at.
        checks: kinds that are read for checks only.
        nodes: how many nodes are asked, each at its own address.
        impact: whether plan counts the mail that waits, which it does anyway where policy bounds that.
    """
    kinds = kinds_in_scope(resources, policy, scope)
    inside = [resource for resource in resources if resource.address.kind in kinds and scope.holds(resource.address)]
    covered = pruned({resource.address.kind for resource in resources}, policy) & kinds
    # A reference by name cannot be compared without the name of every object of its kind.
    named = {
        target.kind
        for resource in inside
        for _, target in references_in(catalogue, catalogue.kinds[resource.address.kind], resource.wire)
        if not target.id
    }
    plan = {ALWAYS}.union(*(reads(catalogue.kinds[name]) for name in (kinds | named) & catalogue.kinds.keys()))
    optional = set().union(*(reads(catalogue.kinds[name]) for name in checks)) - plan
    plan |= set(QUEUE_PERMISSIONS) if impact or policy.bounds_mail else set()
    apply = {ACTION, "actionReloadSettings"}
    for name in kinds:
        kind = catalogue.kinds[name]
        own = [resource for resource in inside if resource.address.kind == name]
        verbs = _verbs(kind, own, pruned=name in covered)
        apply |= {f"sys{name}{verb}" for verb in verbs}
        if verbs and kind.reload not in (AT_ONCE, RESTART):
            apply.add(f"action{kind.reload}")
        elif verbs and kind.reload == AT_ONCE and nodes > 1:
            apply.add(f"action{FORGET}")
    return Permissions(tuple(sorted(plan)), tuple(sorted(apply - plan)), tuple(sorted(optional)))


def reads(kind: Kind) -> frozenset[str]:
    """Return what reading a kind needs."""
    return frozenset({f"sys{kind.kind}Get"} if kind.singleton else {f"sys{kind.kind}Get", f"sys{kind.kind}Query"})


def _verbs(kind: Kind, resources: Sequence[Resource], *, pruned: bool) -> set[str]:
    """Return the verbs with which some resources of a kind could have to be written."""
    if kind.singleton:
        return {"Update"} if resources else set()
    wanted = [resource for resource in resources if not resource.absent]
    verbs = {"Destroy"} if pruned or len(wanted) < len(resources) else set()
    if not wanted:
        return verbs
    verbs |= {"Update"}
    if any(resource.was or _could_be_unset(kind, resource) for resource in wanted):
        # Only a new object is as wanted, or an old one stands beside it.
        return verbs | {"Create", "Destroy"}
    # An object that is bound to an id is there, or the run ends.
    return verbs | {"Create"} if any(not resource.id for resource in wanted) else verbs


def _could_be_unset(kind: Kind, resource: Resource) -> bool:
    """Whether a resource wants a value that the server cannot go back to."""
    shape = kind.shape(resource.wire.get("@type", ""))
    return any(
        prop.one_way and name in resource.wire and exact(resource.wire[name], prop.default)
        for name, prop in shape.items()
    )


def granted(names: Iterable[str]) -> dict[str, bool]:
    """Return permissions as the server takes them, in a role or in an API key."""
    return dict.fromkeys(sorted(set(names)), True)
