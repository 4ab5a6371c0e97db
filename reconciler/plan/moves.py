"""Renames and absences: what `metadata.was` and `metadata.absent` mean for the objects that are live.

Law: pure; nothing is guessed: an object is taken for another one, or destroyed, only because a manifest says so, and
never if another document declares it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from reconciler.kinds import Catalogue, Kind, concealed_text, name_of
from reconciler.plan.diff import pair
from reconciler.values import Address, Change, Diagnostic, Difference, LiveObject, LiveState, Resource, mistake

ABSENT = "metadata.absent"
Key = tuple[Any, ...]


class Moves(Struct, frozen=True):
    """Resources that are wanted, bound to the objects that they were before, and what is to be destroyed."""

    resources: tuple[Resource, ...]
    #: What the wanted resources are compared with: live state without what is to be destroyed.
    left: LiveState
    destroys: tuple[Change, ...] = ()
    #: Renames and absences that do not say which live object they mean.
    problems: tuple[Diagnostic, ...] = ()


def find_moves(
    catalogue: Catalogue,
    resources: Sequence[Resource],
    live: LiveState,
    holds: Callable[[Address], bool] = lambda _: True,
    because: str = ABSENT,
) -> Moves:
    """Work out renames and absences.

    A rename is one update where the server lets the match key change; where it does not, the new object is created and
    the old one destroyed. Where both are live the old one is destroyed, and where neither is the new one is created. A
    rename from a key that a document declares is one that has been: the object is that document's.

    What is absent stands for a live object as every resource does: by id, by key, or by order among documents with
    names of their own. Where fewer objects than documents of one key are left, those that are wanted come first.

    Args:
        catalogue: what the kinds are.
        resources: everything that the manifests declare.
        live: what the server holds.
        holds: whether an address is in scope; what is out of it destroys nothing.
        because: why what is absent is destroyed.
    """
    moving = {resource.address.kind for resource in resources if resource.was or resource.absent}
    kinds = {name: _Kind(catalogue.kinds[name], resources, live.of(name)) for name in sorted(moving)}
    wanted = [
        kinds[resource.address.kind].wanted(resource) if resource.was else resource
        for resource in resources
        if not resource.absent
    ]
    destroys = [
        Change(
            action="destroy",
            address=resource.address if resource.absent and resource.named else held.address,
            id=held.id,
            before=held.wire,
            source=resource.source,
            because=because if resource.absent else f"{resource.address} takes its place",
        )
        for kind in kinds.values()
        for resource, held in kind.doomed()
        if holds(resource.address)
    ]
    gone = {name: {held.id for _, held in kind.doomed()} for name, kind in kinds.items()}
    objects = {
        name: tuple(live_object for live_object in held if live_object.id not in gone.get(name, ()))
        if gone.get(name)
        else held
        for name, held in live.objects.items()
    }
    problems = tuple(problem for kind in kinds.values() for problem in kind.problems)
    return Moves(tuple(wanted), replace(live, objects=objects), tuple(destroys), problems)


class _Kind:
    """The renames and absences of one kind."""

    def __init__(self, kind: Kind, resources: Sequence[Resource], objects: Sequence[LiveObject]) -> None:
        self.kind = kind
        self.objects = objects
        self.problems: list[Diagnostic] = []
        self._ids = {live_object.id for live_object in objects}
        #: What the objects of renames become or give way to, by the address of the resource.
        self._bound: dict[Address, str] = {}
        self._replaced: list[tuple[Resource, LiveObject]] = []
        self._absent: list[tuple[Resource, LiveObject]] = []
        own = [resource for resource in resources if resource.address.kind == kind.kind]
        self._rename(own)
        self._remove(own)

    def wanted(self, resource: Resource) -> Resource:
        """Return a renamed resource, bound to the object that it was where that can be updated."""
        if resource.address in self._bound:
            return replace(resource, id=self._bound[resource.address])
        # The object that the document was bound to has given way to the one that it stands for now.
        replaced = any(other.address == resource.address for other, _ in self._replaced)
        return replace(resource, id="") if replaced or resource.id not in self._ids else resource

    def doomed(self) -> list[tuple[Resource, LiveObject]]:
        """Return what is to be destroyed, each with the resource that says so."""
        return [*self._absent, *self._replaced]

    def _rename(self, own: Sequence[Resource]) -> None:
        declared = {resource.key for resource in own if not resource.absent}
        live = {live_object.key for live_object in self.objects}
        first: dict[str, Resource] = {}
        for resource in own:
            if not resource.was:
                continue
            if first.setdefault(resource.was, resource) is not resource:
                message = f"{first[resource.was].address} was {resource.was} too"
                self._problem(resource, message, "an object can become one other only")
                continue
            alike = [other for other in own if other.key == resource.key and not other.id]
            if len(alike) > 1 and not all(resource.named for resource in alike):
                # Bound to the object that it was, this one would hide that the others cannot be told from it.
                hint = "declare each with a metadata.name"
                self._problem(resource, f"{len(alike)} documents have this key", hint)
                continue
            old = [
                live_object
                for live_object in self.objects
                if name_of(live_object.key, self.kind.joiner) == concealed_text(resource.was)
                and resource.id in ("", live_object.id)
                and live_object.key not in declared
            ]
            if len(old) > 1:
                ids = ", ".join(live_object.id for live_object in old)
                message = f"the server has {len(old)} objects that are called {resource.was}: {ids}"
                self._problem(resource, message, "bind the document to one with metadata.id")
            elif old and resource.key not in live and self._renamable(resource):
                self._bound[resource.address] = old[0].id
            elif old:
                self._replaced.append((resource, old[0]))

    def _remove(self, own: Sequence[Resource]) -> None:
        absent = [resource for resource in own if resource.absent]
        keys = {resource.key for resource in absent}
        moved = {*self._bound.values(), *(live_object.id for _, live_object in self._replaced)}
        # An object that is gone is as absent as it can be.
        there = [
            resource
            for resource in own
            if resource.key in keys
            and resource.address not in self._bound
            and (not resource.id or resource.id in self._ids - moved)
        ]
        elsewhere = {resource.id for resource in own if resource.id} - {resource.id for resource in there}
        objects = [live_object for live_object in self.objects if live_object.id not in moved | elsewhere]
        by_id = {resource.id for resource in there}
        short, ambiguous = set(), set()
        free: dict[Key, list[LiveObject]] = {}
        unnamed: dict[Key, list[Resource]] = {}
        for live in objects:
            if live.id not in by_id:
                free.setdefault(live.key, []).append(live)
        for other in there:
            if not other.id:
                unnamed.setdefault(other.key, []).append(other)
        for key in keys:
            held, documents = free.get(key, []), unnamed.get(key, [])
            unbound = [resource for resource in documents if resource.absent]
            if unbound and len(held) > len(documents):
                ids = ", ".join(live_object.id for live_object in held)
                message = f"the server has {len(held)} objects with this key: {ids}"
                self._problem(unbound[0], message, "bind the document to one with metadata.id")
                ambiguous.add(key)
            elif len(held) < len(documents):
                short.add(key)
        there = [resource for resource in there if resource.key not in ambiguous]
        there.sort(key=lambda resource: resource.key in short and resource.absent)
        pairs, _, problems = pair(self.kind, there, objects)
        messages = {str(resource.address) for resource in absent}
        self.problems += [diagnostic for diagnostic in problems if diagnostic.address in messages]
        for resource, one in pairs:
            if one is None or not resource.absent:
                continue
            if one.key == resource.key:
                self._absent.append((resource, one))
            else:
                self._problem(resource, f"the id {one.id} is that of {one.address}", "give its own match key")

    def _problem(self, resource: Resource, message: str, hint: str) -> None:
        self.problems.append(mistake(resource, "", "ambiguous", message, hint))

    def _renamable(self, resource: Resource) -> bool:
        shape = self.kind.shape(str(resource.wire.get("@type", "")))
        return all(shape[name].mutability == "mutable" for name in self.kind.match)


def moved(difference: Difference, moves: Moves) -> Difference:
    """Add the destroys of some moves to a difference."""
    return replace(difference, changes=(*difference.changes, *moves.destroys))
