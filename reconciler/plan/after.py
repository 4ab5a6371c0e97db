"""What there would be once every change is made, and which references would lead nowhere then.

Law: pure; a reference that leads nowhere already is not this plan's doing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.kinds import Catalogue, address_of, exact, key_of, references_in, targets
from reconciler.mail import mentions, suggestions
from reconciler.values import Address, Change, LiveObject, LiveState, Resource, Wire


class After:
    """What there would be once every change is made, as far as references go."""

    def __init__(
        self, catalogue: Catalogue, live: LiveState, changes: Sequence[Change], desired: Sequence[Resource]
    ) -> None:
        self.catalogue = catalogue
        self.live = live
        self.changes = changes
        self.declared = {Address(each.address.kind, each.address.name) for each in desired}
        #: The kinds whose objects refer to others at all.
        self.referring = {name for name, kind in catalogue.kinds.items() if targets(catalogue, kind)}
        self.altered = {(change.address.kind, change.id): change for change in changes if change.id}
        self.doomed = {
            address_of(
                catalogue.kinds[change.address.kind], key_of(catalogue.kinds[change.address.kind], change.before)
            )
            for change in changes
            if change.action == "destroy" and change.before is not None
        }
        self._addresses: dict[str, set[Address]] = {}

    def wire(self, each: LiveObject) -> Wire | None:
        """Return what becomes of a live object; None if it is destroyed."""
        change = self.altered.get((each.address.kind, each.id))
        if change is None:
            return each.wire
        if change.action == "destroy":
            return None
        whole = not self.catalogue.kinds[each.address.kind].singleton
        return change.after if whole else {**each.wire, **(change.after or {})}

    def addresses(self, name: str) -> set[Address]:
        """Return what the objects of a kind would be called."""
        if name not in self._addresses:
            kind = self.catalogue.kinds[name]
            wires = [self.wire(each) for each in self.live.of(name)]
            wires += [
                change.after for change in self.changes if change.action == "create" and change.address.kind == name
            ]
            self._addresses[name] = {address_of(kind, key_of(kind, wire)) for wire in wires if wire is not None}
        return self._addresses[name]

    def exists(self, target: Address) -> bool:
        """Whether there would be what a reference leads to."""
        if not target.id:
            return target in self.addresses(target.kind)
        return any(each.id == target.id and self.wire(each) is not None for each in self.live.of(target.kind))

    def dangling(self) -> list[str]:
        """Say which references that this plan makes would lead nowhere.

        A name that is live in the same expression leads nowhere already, and is not this plan's doing; nor is one in a
        value that is the server's own default, since a new server ships a name that it has no object for.
        """
        found: list[str] = []
        for change in self.changes:
            if change.action == "destroy" or change.after is None or change.address.kind not in self.referring:
                continue
            kind = self.catalogue.kinds[change.address.kind]
            shape = kind.shape(change.after.get("@type", ""))
            old = {(_top(pointer), target) for pointer, target in self._named(change.address, change.before or {})}
            made = [
                (pointer, target)
                for pointer, target in self._named(change.address, change.after)
                if (_top(pointer), target) not in old
                and not exact(change.after[_top(pointer)], shape[_top(pointer)].default)
            ]
            for pointer, target in [*references_in(self.catalogue, kind, change.after), *made]:
                # What an object that is live already refers to is told by `linked`.
                told = change.id and target in self.doomed
                if target.kind not in self.live.forbidden and not told and not self.exists(target):
                    place = f"{change.source} " if change.source else ""
                    found.append(f"{place}{change.address} {pointer}: {self._missing(target)}")
        return found

    def _named(self, address: Address, wire: Wire) -> Iterator[tuple[str, Address]]:
        """Yield what an object's expressions are certain to be able to name, the server's own names left out."""
        for each in mentions(self.catalogue, address, wire):
            if not each.because and not each.builtin and not each.past_end:
                yield each.pointer, each.target

    def _missing(self, target: Address) -> str:
        if target in self.doomed:
            return f"{target} would be destroyed; declare it"
        if target in self.declared:
            return f"{target} does not exist yet, and --kind or --only leaves it out"
        what = str(target)
        if not target.name:
            what = f"{target.kind} with {f'the id {target.id}' if target.id else 'an empty name'}"
        close = suggestions(target.name, (each.name for each in self.addresses(target.kind)), 1)
        return f"{what} does not exist; {f'did you mean {close[0]}?' if close else 'declare it'}"

    def linked(self) -> list[str]:
        """Say which objects would be destroyed although something that stays refers to them.

        The server refuses to destroy what others hold by id. A name in an expression it does not know as a reference,
        and mail would silently go elsewhere.
        """
        if not self.doomed:
            return []
        found: list[str] = []
        for each in (each for name in sorted(self.referring) for each in self.live.of(name)):
            wire = self.wire(each)
            if wire is None:
                continue
            kind = self.catalogue.kinds[each.address.kind]
            for pointer, target in [*references_in(self.catalogue, kind, wire), *self._named(each.address, wire)]:
                if target in self.doomed and not self.exists(target):
                    change = self.altered.get((each.address.kind, each.id))
                    place = f"{change.source} " if change is not None and change.source else ""
                    found.append(f"{target} would be destroyed, and {place}{each.address} {pointer} refers to it")
        return found


def _top(pointer: str) -> str:
    return pointer.partition("/")[0]
