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
from reconciler.plan.diff import mistake, pair
from reconciler.values import Address, Change, Diagnostic, Difference, LiveObject, LiveState, Resource

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
    moving = {each.address.kind for each in resources if each.was or each.absent}
    found = {name: _Kind(catalogue.kinds[name], resources, live.of(name)) for name in sorted(moving)}
    wanted = [found[each.address.kind].wanted(each) if each.was else each for each in resources if not each.absent]
    destroys = [
        Change(
            action="destroy",
            address=resource.address if resource.absent and resource.named else held.address,
            id=held.id,
            before=held.wire,
            source=resource.source,
            because=because if resource.absent else f"{resource.address} takes its place",
        )
        for each in found.values()
        for resource, held in each.doomed()
        if holds(resource.address)
    ]
    gone = {name: {held.id for _, held in each.doomed()} for name, each in found.items()}
    objects = {
        name: tuple(each for each in held if each.id not in gone.get(name, ())) if gone.get(name) else held
        for name, held in live.objects.items()
    }
    problems = tuple(problem for each in found.values() for problem in each.problems)
    return Moves(tuple(wanted), replace(live, objects=objects), tuple(destroys), problems)


class _Kind:
    """The renames and absences of one kind."""

    def __init__(self, kind: Kind, resources: Sequence[Resource], objects: Sequence[LiveObject]) -> None:
        self.kind = kind
        self.objects = objects
        self.problems: list[Diagnostic] = []
        self._ids = {each.id for each in objects}
        #: What the objects of renames become or give way to, by the address of the resource.
        self._bound: dict[Address, str] = {}
        self._replaced: list[tuple[Resource, LiveObject]] = []
        self._absent: list[tuple[Resource, LiveObject]] = []
        own = [each for each in resources if each.address.kind == kind.kind]
        self._rename(own)
        self._remove(own)

    def wanted(self, resource: Resource) -> Resource:
        """Return a renamed resource, bound to the object that it was where that can be updated."""
        if resource.address in self._bound:
            return replace(resource, id=self._bound[resource.address])
        # The object that the document was bound to has given way to the one that it stands for now.
        replaced = any(each.address == resource.address for each, _ in self._replaced)
        return replace(resource, id="") if replaced or resource.id not in self._ids else resource

    def doomed(self) -> list[tuple[Resource, LiveObject]]:
        """Return what is to be destroyed, each with the resource that says so."""
        return [*self._absent, *self._replaced]

    def _rename(self, own: Sequence[Resource]) -> None:
        declared = {each.key for each in own if not each.absent}
        live = {each.key for each in self.objects}
        first: dict[str, Resource] = {}
        for resource in own:
            if not resource.was:
                continue
            if first.setdefault(resource.was, resource) is not resource:
                message = f"{first[resource.was].address} was {resource.was} too"
                self._problem(resource, message, "an object can become one other only")
                continue
            alike = [each for each in own if each.key == resource.key and not each.id]
            if len(alike) > 1 and not all(each.named for each in alike):
                # Bound to the object that it was, this one would hide that the others cannot be told from it.
                hint = "declare each with a metadata.name"
                self._problem(resource, f"{len(alike)} documents have this key", hint)
                continue
            old = [
                each
                for each in self.objects
                if name_of(each.key, self.kind.joiner) == concealed_text(resource.was)
                and resource.id in ("", each.id)
                and each.key not in declared
            ]
            if len(old) > 1:
                ids = ", ".join(each.id for each in old)
                message = f"the server has {len(old)} objects that are called {resource.was}: {ids}"
                self._problem(resource, message, "bind the document to one with metadata.id")
            elif old and resource.key not in live and self._renamable(resource):
                self._bound[resource.address] = old[0].id
            elif old:
                self._replaced.append((resource, old[0]))

    def _remove(self, own: Sequence[Resource]) -> None:
        absent = [each for each in own if each.absent]
        keys = {each.key for each in absent}
        moved = {*self._bound.values(), *(each.id for _, each in self._replaced)}
        # An object that is gone is as absent as it can be.
        there = [
            each
            for each in own
            if each.key in keys and each.address not in self._bound and (not each.id or each.id in self._ids - moved)
        ]
        elsewhere = {each.id for each in own if each.id} - {each.id for each in there}
        objects = [each for each in self.objects if each.id not in moved | elsewhere]
        by_id = {each.id for each in there}
        short, ambiguous = set(), set()
        free: dict[Key, list[LiveObject]] = {}
        unnamed: dict[Key, list[Resource]] = {}
        for live in objects:
            if live.id not in by_id:
                free.setdefault(live.key, []).append(live)
        for each in there:
            if not each.id:
                unnamed.setdefault(each.key, []).append(each)
        for key in keys:
            held, documents = free.get(key, []), unnamed.get(key, [])
            unbound = [each for each in documents if each.absent]
            if unbound and len(held) > len(documents):
                ids = ", ".join(each.id for each in held)
                message = f"the server has {len(held)} objects with this key: {ids}"
                self._problem(unbound[0], message, "bind the document to one with metadata.id")
                ambiguous.add(key)
            elif len(held) < len(documents):
                short.add(key)
        there = [each for each in there if each.key not in ambiguous]
        there.sort(key=lambda each: each.key in short and each.absent)
        pairs, _, problems = pair(self.kind, there, objects)
        told = {str(each.address) for each in absent}
        self.problems += [each for each in problems if each.address in told]
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


def moved(difference: Difference, found: Moves) -> Difference:
    """Add the destroys of some moves to a difference."""
    return replace(difference, changes=(*difference.changes, *found.destroys))
