"""Objects that refer to each other in a circle: what can be made all the same, and what is a mistake.

Law: pure. A circle through several kinds is made in two steps: an object without the reference, and once all of them
are there an update with it. A circle within one kind is a mistake: the server takes it, and then destroys none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from reconciler.kinds import Catalogue, Kind, references_in
from reconciler.values import Address, Change, Diagnostic, FieldChange, Resource, Wire, mistake

Edges = dict[Address, dict[Address, str]]


def circles(catalogue: Catalogue, resources: Iterable[Resource]) -> list[Diagnostic]:
    """Find circles of declared objects of one kind, a diagnostic each, with the way round."""
    declared = {resource.address.without_id(): resource for resource in resources if not resource.absent}
    edges = _edges(catalogue, {address: resource.wire for address, resource in declared.items()})
    diagnostics: list[Diagnostic] = []
    addresses: set[Address] = set()
    for address in sorted(edges):
        alone = {source: {to: at for to, at in tos.items() if to.kind == address.kind} for source, tos in edges.items()}
        way = _way(alone, address)
        if not way or addresses & set(way):
            continue
        addresses |= set(way)
        path = " → ".join(map(str, [*way, address]))
        hint = f"take one of the references out, such as {edges[address][way[1 % len(way)]]} of {address}"
        message = f"these refer to each other in a circle: {path}"
        diagnostics.append(mistake(declared[address], edges[address][way[1 % len(way)]], "circle", message, hint))
    return diagnostics


def untangled(catalogue: Catalogue, changes: Sequence[Change]) -> list[Change]:
    """Return changes without circles: one of the objects in it gets its reference later, or loses it earlier."""
    parted = list(changes)
    for action in ("create", "destroy"):
        places = {change.address.without_id(): place for place, change in enumerate(changes) if change.action == action}
        edges = _edges(catalogue, {address: _held(changes[place]) for address, place in places.items()})
        for address in sorted(edges):
            while way := _way(edges, address):
                ring = zip(way, [*way[1:], address], strict=True)
                known = [(places[at], edges[at][to].partition("/")[0]) for at, to in ring]
                cut = next((pair for pair in known if _can_wait(catalogue, parted[pair[0]], pair[1])), None)
                if cut is None:
                    break
                place, name = cut
                kind, at = catalogue.kinds[parted[place].address.kind], parted[place].address.without_id()
                if action == "create":
                    parted[place], more = _parted(kind, parted[place], name)
                else:
                    more = _freed(kind, parted[place], name)
                parted.append(more)
                edges[at] = {to: where for to, where in edges[at].items() if where.partition("/")[0] != name}
    return parted


def _held(change: Change) -> Wire:
    return change.patch if change.action == "create" else change.before or {}


def _freed(kind: Kind, change: Change, name: str) -> Change:
    """Return the update that takes a reference from an object before it is destroyed."""
    before = change.before or {}
    default = kind.shape(before.get("@type", ""))[name].default
    return replace(
        change,
        action="update",
        patch={name: default},
        fields=(FieldChange(name, before.get(name), default),),
        after={**before, name: default},
        because="it and what it refers to need each other",
    )


def _parted(kind: Kind, change: Change, name: str) -> tuple[Change, Change]:
    """Return a create without one property, and the update that gives it."""
    default = kind.shape((change.after or {}).get("@type", ""))[name].default
    value, after = change.patch[name], change.after or {}
    before = {**after, name: default}
    create = replace(
        change,
        patch={key: member for key, member in change.patch.items() if key != name},
        fields=tuple(field for field in change.fields if field.pointer != name),
        after=before,
    )
    update = replace(
        change,
        action="update",
        patch={name: value},
        fields=(FieldChange(name, default, value),),
        before=before,
        because="it and what it refers to need each other",
    )
    return create, update


def _can_wait(catalogue: Catalogue, change: Change, name: str) -> bool:
    """Whether an object can be without a property, and be given it later."""
    kind = catalogue.kinds[change.address.kind]
    prop = kind.shape((change.after or change.before or {}).get("@type", "")).get(name)
    return prop is not None and not prop.required and prop.mutability == "mutable"


def _edges(catalogue: Catalogue, wires: Mapping[Address, Wire]) -> Edges:
    """Return, for each object, those of the others that it refers to, and where."""
    return {
        address: {
            to.without_id(): at
            for at, to in references_in(catalogue, catalogue.kinds[address.kind], wire)
            if to.without_id() in wires
        }
        for address, wire in wires.items()
    }


def _way(edges: Edges, start: Address) -> list[Address]:
    """Return the shortest way round from an object back to it, beginning with it; empty where there is none."""
    ways = {start: [start]}
    waiting = [start]
    while waiting:
        at = waiting.pop(0)
        for to in sorted(edges.get(at, ())):
            if to == start:
                return ways[at]
            if to not in ways:
                ways[to] = [*ways[at], to]
                waiting.append(to)
    return []


def ranks(catalogue: Catalogue, changes: Sequence[Change], levels: Mapping[str, int]) -> list[int]:
    """Return, for each change, how many others have to come first, one after another; at least its kind's level.

    What refers to a new object comes after it, and of what is destroyed, what is referred to before what refers to it:
    destroys are made in the reverse order.
    """
    places: dict[tuple[str, Address], int] = {}
    for place, change in enumerate(changes):
        new = change.action == "create" or change.recreate
        if new or change.action == "destroy":
            places["new" if new else "gone", change.address.without_id()] = place
    freed = {
        (change.address.kind, change.id): change.patch for change in changes if change.action == "update" and change.id
    }
    known: dict[int, int] = {}

    def rank(place: int, above: frozenset[int]) -> int:
        if place in known:
            return known[place]
        change = changes[place]
        side, wire = "new", change.patch
        if change.action == "destroy":
            side, wire = "gone", {**(change.before or {}), **freed.get((change.address.kind, change.id), {})}
        kind = catalogue.kinds[change.address.kind]
        first = {places.get((side, to.without_id()), place) for _, to in _references(catalogue, kind, wire, change)}
        if change.action == "update" and not change.id:
            first.add(places["new", change.address.without_id()])
        inner = above | {place}
        level = max([levels[kind.kind], *(1 + rank(number, inner) for number in first if number not in inner)])
        known[place] = level
        return level

    return [rank(place, frozenset()) for place in range(len(changes))]


def _references(catalogue: Catalogue, kind: Kind, wire: Wire, change: Change) -> Iterator[tuple[str, Address]]:
    """Yield the references of an object, or of what a patch sends of it."""
    tops = {pointer.partition("/")[0] for pointer in wire}
    whole = wire if change.action in ("create", "destroy") else {**(change.after or {}), **wire}
    variant = {"@type": whole["@type"]} if "@type" in whole else {}
    yield from references_in(catalogue, kind, {**variant, **{name: whole[name] for name in tops if name in whole}})
