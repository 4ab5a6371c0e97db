"""What looks like a rename that nobody declared: a new object beside an undeclared one that it is alike to.

Law: pure, and it only tells; a rename is done where `metadata.was` says so, and is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.kinds import Catalogue, Kind, exact
from reconciler.values import MASK, Change, Diagnostic, LiveObject, Sensitive, Wire


def likely_renames(
    catalogue: Catalogue, changes: Iterable[Change], undeclared: Iterable[LiveObject]
) -> Iterator[Diagnostic]:
    """Yield a warning for each object to create that is alike to an undeclared one, which would go on beside it.

    Args:
        catalogue: what the kinds are.
        changes: those of the plan.
        undeclared: live objects that no document declares, and that the plan does not destroy.
    """
    left: dict[str, list[LiveObject]] = {}
    for held in undeclared:
        left.setdefault(held.address.kind, []).append(held)
    for change in changes:
        kind = catalogue.kinds[change.address.kind]
        others = left.get(kind.kind, []) if change.action == "create" else []
        alike = next((held for held in others if _alike(kind, change.after or {}, held.wire)), None)
        if alike is None:
            continue
        others.remove(alike)
        source = change.source
        yield Diagnostic(
            file=source.file if source else "",
            line=source.line if source else 0,
            address=str(change.address),
            severity="warning",
            code="likely-rename",
            message=f"looks like a rename of {alike.address}, which keeps running beside it",
            hint=f"declare it with metadata: {{was: {_written(alike.address.name)}}}, or prune {kind.kind}",
        )


def _alike(kind: Kind, new: Wire, old: Wire) -> bool:
    """Whether two objects differ in no more than their key, and share something that is not at its default."""
    if new.get("@type", "") != old.get("@type", ""):
        return False
    shape = kind.shape(new.get("@type", ""))
    rest = [name for name, prop in shape.items() if name not in kind.match and prop.mutability != "server-set"]
    if not all(exact(_hidden(new.get(name)), _hidden(old.get(name))) for name in rest):
        return False
    shared = [name for name in shape if name in new and exact(new[name], old.get(name))]
    return any(not exact(new[name], shape[name].default) for name in shared)


def _hidden(value: Any) -> Any:
    """Return a value with its secrets hidden, since the server shows none."""
    if isinstance(value, dict):
        return {name: _hidden(member) for name, member in value.items()}
    return MASK if isinstance(value, Sensitive) else value


def _written(key: str) -> str:
    return key if key.replace("-", "").replace(".", "").isalnum() else f"'{key}'"
