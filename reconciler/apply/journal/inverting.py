"""The inverse of what an apply did: of a create a destroy, of an update the values before, of a destroy a create.

Law: pure. Only what was applied, or may have been, has an inverse; what would need a secret that the server never
showed has none, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from reconciler.apply.journal.run import Run
from reconciler.kinds import Kind, exact, sendable
from reconciler.values import MASK, Action, Address, Change, FieldChange, Wire


class Undo(Struct, frozen=True):
    """One change that undoes another: `before` is what the apply left, `after` what there was before it."""

    change: Change
    #: Whether the server confirmed the change to undo; else a new read has to tell whether it was made.
    known: bool
    #: The id before the apply; "" where it created the object.
    was: str = ""


class Cannot(Struct, frozen=True, order=True):
    """One change that cannot be undone, and why."""

    address: Address
    because: str


def inverse(run: Run) -> tuple[tuple[Undo, ...], tuple[Cannot, ...]]:
    """Return what undoes a run, last change first, and what cannot be undone."""
    # What completes a new object is part of it, and goes with it.
    applied = {index for index, result in run.results.items() if result.result == "applied"}
    parts = [change for index, change in enumerate(run.changes) if index in applied and _completes(change)]
    later = {part.address: part.patch for part in parts}
    undos: list[Undo] = []
    cannot: list[Cannot] = []
    for index in reversed(range(len(run.changes))):
        change, steps, result = run.changes[index], run.inverses[index], run.results.get(index)
        if _completes(change):
            continue
        if change.action == "create" and (patch := later.get(change.address)):
            change = msgspec.structs.replace(change, after=patched(change.after or {}, patch))
        became = result.result if result else "unknown"
        # What is destroyed and created anew may have come half the way.
        if became in ("failed", "skipped") and not change.recreate:
            continue
        if isinstance(steps, str):
            cannot.append(Cannot(change.address, steps))
            continue
        # A new object's id is the result's to tell; every other object keeps the one that it had.
        renewed = change.action == "create" or change.recreate or not change.id
        id_ = (result.id if result else "") if renewed else change.id
        undos.append(Undo(_undo(change, steps[0], steps[1], id_), became == "applied", change.id))
    return tuple(undos), tuple(cannot)


def steps_of(kind: Kind, change: Change) -> tuple[Action, Wire] | str:
    """Return the action that undoes a change and what it sends, or why there is none."""
    if change.action == "create":
        return "destroy", {}
    if change.before is None:
        return "it is not known what there was before"
    if kind.variants and change.before.get("@type") not in kind.variants:
        return "this program does not know the type that it had"
    if change.action == "update":
        patch = {pointer: at(change.before, pointer) for pointer in change.patch}
        lost = [pointer for pointer, value in patch.items() if masked(value)]
        if lost:
            return f"the secret that was in {lost[0]} is not known: the server never shows it"
        shape = kind.shape(change.before.get("@type", ""))
        unset = any(name in shape and shape[name].one_way and exact(patch[name], shape[name].default) for name in patch)
        return ("replace", sendable(kind, change.before)) if unset else ("update", patch)
    lost = [name for name, value in change.before.items() if masked(value)]
    if lost:
        return f"the secret that was in {lost[0]} is not known: the server never shows it"
    return "create" if change.action == "destroy" else "replace", sendable(kind, change.before)


def cannot_undo(kind: Kind, change: Change) -> str:
    """Return why a change cannot be undone once it is made; "" where it can."""
    steps = steps_of(kind, change)
    return steps if isinstance(steps, str) else ""


def _undo(change: Change, action: Action, patch: Wire, id_: str) -> Change:
    """Return the inverse of a change."""
    left = patched(change.before, change.patch) if change.action == "update" and change.before else change.after
    former = None if action == "destroy" else change.before
    held = left or {}
    return Change(
        action=action,
        address=change.address.without_id(),
        id=id_,
        patch=patch,
        fields=tuple(FieldChange(name, at(held, name) if held else UNSET, value) for name, value in patch.items()),
        before=None if change.action == "destroy" else left,
        after=former,
        because="an earlier apply made it" if action == "destroy" else "",
        recreate=action == "replace" and (change.recreate or change.action == "update"),
    )


def _completes(change: Change) -> bool:
    """Whether a change adds to a new object a property that its create could not send."""
    return change.action == "update" and not change.id


def at(wire: Mapping[str, Any], pointer: str) -> Any:
    """Return the value that a pointer leads to; None where there is none."""
    value: Any = wire
    for step in pointer.split("/"):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def patched(wire: Wire, patch: Mapping[str, Any]) -> Wire:
    """Return an object as a PatchObject makes it; the object itself stays as it is."""
    changed = dict(wire)
    for pointer, value in patch.items():
        *path, last = pointer.split("/")
        inner = changed
        for step in path:
            held = inner.get(step)
            inner[step] = dict(held) if isinstance(held, dict) else {}
            inner = inner[step]
        inner[last] = value
    return changed


def masked(value: Any) -> bool:
    """Whether a value holds a secret as the server shows it."""
    return value == MASK or (isinstance(value, Mapping) and any(masked(member) for member in value.values()))
