"""Renames and absences: what `metadata.was` and `metadata.absent` mean for the objects that are live.

Law: pure; nothing is guessed: an object is taken for another one, or destroyed, only because a manifest says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from reconciler.catalogue import Catalogue, Kind
from reconciler.diff import mistake, pair
from reconciler.errors import Diagnostic
from reconciler.identity import name_of
from reconciler.model import Change, Difference, LiveObject, LiveState, Resource

ABSENT = "metadata.absent"


class Moves(Struct, frozen=True):
    """Resources that are wanted, bound to the objects that they were before, and what is to be destroyed."""

    resources: tuple[Resource, ...]
    destroys: tuple[Change, ...] = ()
    #: Renames and absences that do not say which live object they mean.
    problems: tuple[Diagnostic, ...] = ()


def moves(catalogue: Catalogue, resources: Sequence[Resource], live: LiveState) -> Moves:
    """Work out renames and absences.

    A rename is one update where the server lets the match key change; where it does not, the new object is created and
    the old one destroyed. Where both are live the old one is destroyed, and where neither is the new one is created.

    What is absent stands for a live object as every resource does: by id, by key, or by order among documents with
    names of their own. Where fewer objects than documents of one key are left, those that are wanted come first.
    """
    wanted: list[Resource] = []
    destroys: list[Change] = []
    problems: list[Diagnostic] = []
    bound, doomed = _absences(catalogue, resources, live, problems)
    for place, resource in enumerate(resources):
        if resource.absent:
            destroys += [_destroy(resource, doomed[place], ABSENT)] if place in doomed else []
        elif resource.was:
            wanted.append(_renamed(catalogue.kinds[resource.address.kind], resource, live, destroys, problems))
        else:
            wanted.append(replace(resource, id=bound[place]) if place in bound else resource)
    return Moves(tuple(wanted), tuple(destroys), tuple(problems))


def _absences(
    catalogue: Catalogue, resources: Sequence[Resource], live: LiveState, problems: list[Diagnostic]
) -> tuple[dict[int, str], dict[int, LiveObject]]:
    """Return, by place, the ids of wanted resources that share a key with an absent one, and what is to be destroyed.

    Without these ids the wanted ones would be paired anew with the objects of their key, the doomed ones among them.
    """
    bound: dict[int, str] = {}
    doomed: dict[int, LiveObject] = {}
    for name in sorted({each.address.kind for each in resources if each.absent}):
        kind, objects = catalogue.kinds[name], live.of(name)
        places = [place for place, each in enumerate(resources) if each.address.kind == name and not each.was]
        held = Counter(each.key for each in objects)
        shares = Counter(resources[place].key for place in places)
        short = {key for key, documents in shares.items() if held[key] < documents}
        places.sort(key=lambda place: resources[place].key in short and resources[place].absent)
        known = {each.id for each in objects}
        # An object that is gone is as absent as it can be.
        there = [place for place in places if not (resources[place].absent and _gone(resources[place], known))]
        pairs, _, found = pair(kind, [resources[place] for place in there], objects)
        by_address = {resources[place].address: place for place in there}
        shared = {resources[place].key for place in places if resources[place].absent}
        told = {str(resources[place].address) for place in there if resources[place].absent}
        problems += [each for each in found if each.address in told]
        for resource, one in pairs:
            place = by_address[resource.address]
            if one is not None and resource.absent:
                if one.key != resource.key:
                    problems.append(mistake(resource, "", "other-object", f"the id {one.id} is that of {one.address}"))
                else:
                    doomed[place] = one
            elif one is not None and resource.named and resource.key in shared:
                bound[place] = one.id
    return bound, doomed


def _gone(resource: Resource, known: set[str]) -> bool:
    return bool(resource.id) and resource.id not in known


def _renamed(
    kind: Kind, resource: Resource, live: LiveState, destroys: list[Change], problems: list[Diagnostic]
) -> Resource:
    """Return a renamed resource, bound to the object that it was where that can be updated."""
    objects = live.of(kind.kind)
    old = [each for each in objects if name_of(each.key) == resource.was and resource.id in ("", each.id)]
    if len(old) > 1:
        ids = ", ".join(each.id for each in old)
        message = f"the server has {len(old)} objects that are called {resource.was}: {ids}"
        problems.append(mistake(resource, "", "ambiguous", message, "bind the document to one with metadata.id"))
        return resource
    if not old:
        return resource
    if not any(each.key == resource.key for each in objects) and _renamable(kind, resource):
        return replace(resource, id=old[0].id)
    destroys.append(_destroy(resource, old[0], f"{resource.address} takes its place"))
    return replace(resource, id="")


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
        address=resource.address if because == ABSENT and resource.named else found.address,
        id=found.id,
        before=found.wire,
        source=resource.source,
        because=because,
    )
