"""Which kinds a run looks at.

Law: pure; a kind is read because it is declared, pruned or counted, and for no other reason.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.values import Globs, Policy, Resource, Scope, can_continue, spelled_out


def kinds_in_scope(resources: Sequence[Resource], policy: Policy, scope: Scope) -> frozenset[str]:
    """Return the kinds that a run reads because they are declared, pruned or counted."""
    declared = {resource.address.kind for resource in resources}
    kinds = declared | pruned(declared, policy) | {kind for kind, rule in policy.undeclared.items() if rule == "drift"}
    return frozenset(name for name in kinds if _looked_at(name, scope))


def _looked_at(kind: str, scope: Scope) -> bool:
    """Whether a scope can hold the kind itself (a singleton) or any name of it, whatever the name is."""
    if scope.kinds and kind not in scope.kinds:
        return False
    return not scope.only or Globs(scope.only).match(kind) or any(can_continue(glob, f"{kind}/") for glob in scope.only)


def pruned(declared: Collection[str], policy: Policy) -> set[str]:
    """Return the kinds that pruning covers, where some are declared."""
    return {kind for kind, rule in spelled_out(policy, declared).prune.items() if rule}
