"""What makes changes live: actions of the server, a restart, or nothing, since they act at once.

Law: pure; the catalogue says which, kind by kind and property by property.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.kinds import Catalogue
from reconciler.values import Address, Change

#: The action that is tried before anything is written, and that most settings need.
RELOAD = "ReloadSettings"
#: What needs no action, and what no action makes live.
AT_ONCE, RESTART = "immediate", "restart"
#: What cuts off comes after what lets in; what is not named here stands between.
_FIRST, _LAST = (RELOAD, "ReloadTlsCertificates", "ReloadLookupStores"), ("ReloadBlockedIps",)
#: What makes a node forget what it remembers of objects that act at once, which another node has changed. (Stalwart
#: 0.16.19: without a coordinator it remembers a revoked key, or a domain that there was not, for as long as it runs.)
FORGET = "InvalidateCaches"


def acting(catalogue: Catalogue, change: Change) -> frozenset[str]:
    """Return what makes a change live: names of actions, `immediate` or `restart`."""
    kind = catalogue.kinds[change.address.kind]
    if change.action != "update":
        return frozenset({kind.reload})
    shape = kind.legible((change.after or {}).get("@type"))
    names = {pointer.partition("/")[0] for pointer in change.patch}
    return frozenset(shape[name].reload or kind.reload if name in shape else kind.reload for name in names)


def actions_for(catalogue: Catalogue, changes: Iterable[Change], *, nodes: int = 1) -> tuple[str, ...]:
    """Return the actions that make some changes live, in order, on so many nodes."""
    actions = frozenset[str]().union(*(acting(catalogue, change) for change in changes))
    actions = (actions | {FORGET} if AT_ONCE in actions and nodes > 1 else actions) - {AT_ONCE, RESTART}
    between = sorted(actions - {*_FIRST, *_LAST})
    return tuple(name for name in (*_FIRST, *between, *_LAST) if name in actions)


def restarting(catalogue: Catalogue, changes: Iterable[Change]) -> tuple[Address, ...]:
    """Return the objects whose changes act at the next start of the server only."""
    return tuple(sorted({change.address for change in changes if RESTART in acting(catalogue, change)}))
