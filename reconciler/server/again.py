"""Looks again at what a run is about to touch, at a cost that depends on that alone.

Law: whatever happened to one of these objects since the run read it shows here, and so does every object that somebody
else has made meanwhile. Ids of a server ascend in the order of creation, and a query tells their number: so the end of
a listing, from the last id that is known to stand there, shows what is new. Where it does not fit what is known, all
ids are listed. What remains unseen is a new object with an older id than that (of another node of a cluster, whose
clock is behind), while just as many objects are destroyed between the same two looks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.kinds import Catalogue, referring, replaced
from reconciler.server.decode import Shapes
from reconciler.server.jmap.protocol import Flow, Limits
from reconciler.server.listing import (
    READINGS,
    Listing,
    Untrusted,
    asking_flow,
    check_complete,
    complete,
    get_asks,
    query_ask,
)
from reconciler.server.naming import live_state, naming_parts
from reconciler.values import LiveState


class _End(Struct, frozen=True):
    """How far the listing of a kind is known: so many ids, and the last of them."""

    count: int
    last: str


class KnownObjects:
    """The objects of which a run knows, by kind and id: those that it read, those that it made, and those of others."""

    def __init__(self, live: LiveState) -> None:
        self._ids = {kind: {held.id for held in objects} for kind, objects in live.objects.items()}
        self._ends = {
            kind: _End(len(objects), objects[-1].id if objects else "") for kind, objects in live.objects.items()
        }
        #: Ids of objects that somebody else has made meanwhile.
        self.strangers: dict[str, set[str]] = {}

    def holds(self, kind: str, id_: str) -> bool:
        """Whether an object is known."""
        return id_ in self._ids.get(kind, ())

    def made(self, kind: str, id_: str) -> None:
        """Take note of an object that this run has made."""
        self._ids.setdefault(kind, set()).add(id_)

    def destroyed(self, kind: str) -> None:
        """Take note that this run has destroyed an object of a kind, so that those behind it have moved up."""
        self._ends.pop(kind, None)

    def look_flow(
        self, catalogue: Catalogue, touched: Mapping[str, Collection[str]], grows: Iterable[str], limits: Limits
    ) -> Flow[LiveState]:
        """Read some objects again, and whatever is new of some kinds.

        Args:
            catalogue: what the kinds are.
            touched: ids of the objects, by kind; what is not there any more is left out.
            grows: the kinds of which new objects are looked for.
            limits: the session's.

        Raises:
            Untrusted: a listing is incomplete or contradicts itself, however often it is read.
            Unreachable: a method fails.
            NotAllowed: a kind may not be read.
        """
        kinds = sorted(grows)
        for _ in range(READINGS - 1):
            try:
                return (yield from self._look(catalogue, touched, kinds, limits))
            except Untrusted:
                continue
        return (yield from self._look(catalogue, touched, kinds, limits))

    def _look(
        self, catalogue: Catalogue, touched: Mapping[str, Collection[str]], grows: Collection[str], limits: Limits
    ) -> Flow[LiveState]:
        shapes = Shapes(catalogue)
        needed = sorted({*touched, *grows})
        listings = {name: Listing(catalogue.kinds[name], [], known=self._ids.get(name, ())) for name in needed}
        asks = []
        for name, listing in listings.items():
            again = sorted({*touched.get(name, ()), *self.strangers.get(name, ())})
            asks += get_asks(listing, again, limits, may_miss=True)
            if name in grows:
                end = self._ends.get(name)
                # The last id that is known stands before those that are new, if nothing else has changed.
                listing.start = max(end.count - 1, 0) if end else 0
                asks.append(query_ask(listing, listing.start, limits))
        yield from asking_flow(asks, needed, shapes, limits)
        moved = [name for name in grows if not self._fits(name, listings[name])]
        for name in moved:
            listings[name].start, listings[name].ids, listings[name].total = 0, [], -1
        yield from asking_flow([query_ask(listings[name], 0, limits) for name in moved], needed, shapes, limits)
        check_complete(listings[name] for name in grows)
        for name in grows:
            self._take(name, listings[name])
        for listing in listings.values():
            listing.ids = list(listing.objects)
        named = yield from self._named(catalogue, listings, shapes, limits)
        return live_state(catalogue, {**named, **listings}, frozenset())

    def _fits(self, name: str, listing: Listing) -> bool:
        """Whether the end of a listing begins where it was known to."""
        end = self._ends.get(name)
        return complete(listing) and (listing.start == 0 or (end is not None and listing.ids[:1] == [end.last]))

    def _take(self, name: str, listing: Listing) -> None:
        """Take note of what is new of a kind, and of the end of its listing."""
        ids = self._ids.setdefault(name, set())
        if new := [id_ for id_ in listing.ids if id_ not in ids]:
            ids.update(new)
            self.strangers.setdefault(name, set()).update(new)
        self._ends[name] = _End(listing.total, listing.ids[-1] if listing.ids else "")

    def _named(
        self, catalogue: Catalogue, listings: Mapping[str, Listing], shapes: Shapes, limits: Limits
    ) -> Flow[dict[str, Listing]]:
        """Read what some objects refer to, as far as it was read before: by its names they are compared."""
        read: dict[str, Listing] = {}
        new, whole = {name: list(listing.objects) for name, listing in listings.items()}, True
        while new:
            wanted: dict[str, set[str]] = {}
            for name, ids in new.items():
                listing = read.get(name) or listings[name]
                for to, id_ in _references(catalogue, listing, ids, whole=whole):
                    held = read.get(to) or listings.get(to)
                    if to in self._ids and not (held and id_ in held.objects):
                        wanted.setdefault(to, set()).add(id_)
            asks = []
            for to, sought in wanted.items():
                into = read.get(to) or listings.get(to) or Listing(catalogue.kinds[to], [])
                read[to] = into
                asks += get_asks(into, sorted(sought), limits, may_miss=True)
            yield from asking_flow(asks, (), shapes, limits)
            # What is gone is called by its id, and not asked for again.
            new = {to: [id_ for id_ in sought if id_ in read[to].objects] for to, sought in wanted.items()}
            whole = False
        return {name: listing for name, listing in read.items() if name not in listings}


def _references(
    catalogue: Catalogue, listing: Listing, ids: Sequence[str], *, whole: bool
) -> Iterator[tuple[str, str]]:
    """Yield kind and id of what some objects refer to, or of what is a part of their names, unless it is the whole."""
    kind = listing.kind
    if not whole:
        for field, to in naming_parts(kind).items():
            held = (listing.objects[id_].get(field) for id_ in ids)
            yield from ((to, id_) for id_ in held if isinstance(id_, str))
    elif referring(catalogue, kind):
        seen: list[tuple[str, Any]] = []

        def note(to: str, held: Any) -> Any:
            seen.append((to, held))
            return held

        for id_ in ids:
            replaced(catalogue, kind, listing.objects[id_], note)
        yield from ((to, id_) for to, id_ in seen if isinstance(id_, str))
