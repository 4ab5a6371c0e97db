"""Renames and absences: what `metadata.was` and `metadata.absent` mean for the objects that are live.

Law: pure; nothing is guessed: an object is taken for another one, or destroyed, only because a manifest says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from reconciler.catalogue import Catalogue, Kind
from reconciler.identity import name_of
from reconciler.model import Change, Difference, LiveObject, LiveState, Resource


class Moves(Struct, frozen=True):
    """Resources that are wanted, bound to the objects that they were before, and what is to be destroyed."""

    resources: tuple[Resource, ...]
    destroys: tuple[Change, ...] = ()


def moves(catalogue: Catalogue, resources: Sequence[Resource], live: LiveState) -> Moves:
    """Work out renames and absences.

    A rename is one update where the server lets the match key change; where it does not, the new object is created and
    the old one destroyed. Where both are live the old one is destroyed, and where neither is the new one is created.
    """
    wanted: list[Resource] = []
    destroys: list[Change] = []
    for resource in resources:
        if not resource.absent and not resource.was:
            wanted.append(resource)
            continue
        kind = catalogue.kinds[resource.address.kind]
        objects = live.of(kind.kind)
        if resource.absent:
            found = [each for each in objects if each.key == resource.key]
            destroys += [_destroy(resource, each, "metadata.absent") for each in found]
            continue
        old = [each for each in objects if name_of(each.key) == resource.was]
        new = any(each.key == resource.key for each in objects)
        if len(old) == 1 and not new and _renamable(kind, resource):
            wanted.append(replace(resource, id=old[0].id))
            continue
        wanted.append(resource)
        destroys += [_destroy(resource, each, f"{resource.address} takes its place") for each in old]
    return Moves(tuple(wanted), tuple(destroys))


def moved(difference: Difference, found: Moves) -> Difference:
    """Add the destroys of some moves to a difference; what they destroy is no longer undeclared."""
    if not found.destroys:
        return difference
    gone = {(change.address.kind, change.id) for change in found.destroys}
    return replace(
        difference,
        changes=(*difference.changes, *found.destroys),
        undeclared=tuple(each for each in difference.undeclared if (each.address.kind, each.id) not in gone),
    )


def _renamable(kind: Kind, resource: Resource) -> bool:
    shape = kind.shape(str(resource.wire.get("@type", "")))
    return all(shape[name].mutability == "mutable" for name in kind.match)


def _destroy(resource: Resource, found: LiveObject, because: str) -> Change:
    return Change(
        action="destroy",
        address=found.address,
        id=found.id,
        before=found.wire,
        source=resource.source,
        because=because,
    )
