"""Reads live state completely, or says that it cannot be trusted.

Law: a listing is complete only if its unique ids are as many as the server's total, and every id is answered; it is
never "nothing" because something failed. No httpx: the conversation is a generator.

Stalwart 0.16.19: `query` without `sort` repeats and loses objects past the first page, and `get` with null ids stops
at 500 without a word. So: query sorted by id with calculateTotal, then gets of the ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from reconciler.kinds import Catalogue, Kind, Masking, address_of, key_of, referring, replaced, targets
from reconciler.server.decode import Shapes
from reconciler.server.jmap.protocol import Call, Flow, Limits, MethodError, Request, Session
from reconciler.values import Address, LiveObject, LiveState, NotAllowed, Unreachable, Wire

#: Characters of an id that a server made for a new object, at least.
MADE_ID = 9

SINGLETON = "singleton"
#: How often a listing that contradicts itself is read: a concurrent change does that once, a broken server every time.
READINGS = 3
#: Most objects of a kind that are read, and most pages of a listing.
MAX_OBJECTS, MAX_PAGES = 1_000_000, 10_000


class Untrusted(Unreachable):
    """A listing is incomplete, or contradicts itself."""


class _Listing(Struct):
    """What is known of one kind so far."""

    kind: Kind
    ids: list[str]
    total: int = -1
    objects: dict[str, Wire] = {}


class _Ask(Struct):
    """One call on its way, and what its answer is for."""

    listing: _Listing
    call: Call
    #: Ids that a get asks for; none for a query.
    ids: list[str] = []


def read_flow(
    catalogue: Catalogue, kinds: Iterable[str], limits: Limits, *, checks: Iterable[str] = ()
) -> Flow[LiveState]:
    """Read every object of some kinds.

    Args:
        catalogue: what the kinds are.
        kinds: the kinds that must be readable.
        limits: the session's.
        checks: kinds that are read too, unless the credentials forbid it, or the catalogue leaves them out.

    Raises:
        Untrusted: a listing is incomplete or contradicts itself, however often it is read.
        Unreachable: a method fails.
        NotAllowed: a kind may not be read.
    """
    needed, more = sorted(set(kinds)), sorted(set(checks) & catalogue.kinds.keys())
    for _ in range(READINGS - 1):
        try:
            return (yield from _read(catalogue, needed, more, limits))
        except Untrusted:
            continue
    return (yield from _read(catalogue, needed, more, limits))


def _read(catalogue: Catalogue, needed: Sequence[str], checks: Sequence[str], limits: Limits) -> Flow[LiveState]:
    """Read every object of some kinds once."""
    listings = {name: _Listing(catalogue.kinds[name], []) for name in sorted({*needed, *checks})}
    forbidden: set[str] = set()
    shapes = Shapes(catalogue)
    asks = [_first(listing, limits) for listing in listings.values()]
    while asks:
        size = limits.max_calls_in_request
        batches = [asks[start : start + size] for start in range(0, len(asks), size)]
        responses = yield tuple(Request(tuple(ask.call for ask in batch)) for batch in batches)
        asked, asks = asks, []
        results = [result for response in responses for result in response.results]
        for ask, result in zip(asked, results, strict=True):
            name = ask.listing.kind.kind
            if isinstance(result, MethodError):
                _refused(ask, result, needed=name in needed)
                forbidden.add(name)
            elif ask.ids:
                _take(ask, result, shapes)
            else:
                asks += _listed(ask, result, limits)
    for name in forbidden:
        listings.pop(name, None)
    return _state(catalogue, listings, frozenset(forbidden))


def _first(listing: _Listing, limits: Limits) -> _Ask:
    if listing.kind.singleton:
        listing.ids = [SINGLETON]
        return _get(listing, [SINGLETON])
    return _query(listing, 0, limits)


def _get(listing: _Listing, ids: list[str]) -> _Ask:
    return _Ask(listing, Call(f"x:{listing.kind.kind}/get", {"ids": ids}), ids)


def _query(listing: _Listing, position: int, limits: Limits) -> _Ask:
    arguments = {
        "sort": [{"property": "id", "isAscending": True}],
        "calculateTotal": True,
        "position": position,
        "limit": limits.max_ids_in_query,
    }
    return _Ask(listing, Call(f"x:{listing.kind.kind}/query", arguments))


def _refused(ask: _Ask, error: MethodError, *, needed: bool) -> None:
    kind = ask.listing.kind.kind
    if error.type != "forbidden":
        raise Unreachable(f"{ask.call.method} fails: {error}", "try again later")
    if needed:
        verb = ask.call.method.partition("/")[2].capitalize()
        raise NotAllowed(f"the credentials may not read {kind}", f"they need the permission sys{kind}{verb}")


def _listed(ask: _Ask, result: dict[str, Any], limits: Limits) -> list[_Ask]:
    """Take the ids of a query, and return what to ask next: the gets of these ids and the query's further pages."""
    listing = ask.listing
    ids, total = result["ids"], result.get("total")
    if total is None:
        raise _untrusted(listing, "the query was answered without a total")
    if total > MAX_OBJECTS:
        raise _untrusted(listing, f"it counts {total} objects, and {MAX_OBJECTS} are the most that are read")
    first = listing.total < 0
    if not first and total != listing.total:
        raise _untrusted(listing, f"the total went from {listing.total} to {total} while it was read")
    listing.total = total
    listing.ids += ids
    size = limits.max_objects_in_get
    asks = [_get(listing, ids[start : start + size]) for start in range(0, len(ids), size)]
    if first and ids:
        # A server may answer with fewer ids than the limit allows: the first page's length tells its own.
        pages = range(len(ids), total, len(ids))
        if len(pages) > MAX_PAGES:
            raise _untrusted(listing, f"it takes {len(pages)} pages, and {MAX_PAGES} are the most that are read")
        asks += [_query(listing, position, limits) for position in pages]
    return asks


def _take(ask: _Ask, result: dict[str, Any], shapes: Shapes) -> None:
    """Take the objects of a get, which must be exactly those that were asked for."""
    listing = ask.listing
    objects, missing = result["list"], result.get("notFound")
    try:
        shapes.check(listing.kind, objects)
    except ValueError as error:
        raise _untrusted(listing, f"an object has another shape than its kind: {error}") from None
    if missing:
        raise _untrusted(listing, f"{len(missing)} listed objects were not found when they were read")
    counts = Counter(wire["id"] for wire in objects)
    if counts != Counter(ask.ids):
        raise _untrusted(listing, f"{len(ask.ids)} objects were asked for and {len(objects)} others came back")
    for wire in objects:
        listing.objects[wire["id"]] = wire


def _untrusted(listing: _Listing, reason: str) -> Untrusted:
    return Untrusted(f"the listing of {listing.kind.kind} cannot be trusted: {reason}", "try again")


def _state(catalogue: Catalogue, listings: dict[str, _Listing], forbidden: frozenset[str]) -> LiveState:
    for listing in listings.values():
        unique = len(set(listing.ids))
        if not listing.kind.singleton and (unique != listing.total or unique != len(listing.ids)):
            raise _untrusted(listing, f"the server counts {listing.total} objects and lists {unique}")
    addresses: dict[str, dict[str, Address]] = {}
    for name in listings:
        _name(listings, name, addresses)
    return LiveState(
        {name: _objects(catalogue, listing, addresses) for name, listing in listings.items()},
        forbidden,
    )


def _name(listings: dict[str, _Listing], name: str, addresses: dict[str, dict[str, Address]]) -> dict[str, Address]:
    """Return what the objects of a kind are called, by id; the kinds whose names are parts of theirs come first."""
    if name not in listings:
        return {}
    if name not in addresses:
        # Kinds that name each other in a circle would be called by ids.
        own = addresses[name] = {}
        kind = listings[name].kind
        parts = {field: prop.to for field, prop in kind.legible(None).items() if field in kind.match and prop.to}
        known = {field: _name(listings, to, addresses) for field, to in parts.items()}
        for text, wire in listings[name].objects.items():
            for field, to in parts.items():
                if isinstance(wire.get(field), str):
                    address = known[field].get(wire[field]) or Address(to, id=wire[field])
                    wire = {**wire, field: address}
            own[text] = address_of(kind, key_of(kind, wire))
    return addresses[name]


def _objects(
    catalogue: Catalogue, listing: _Listing, addresses: dict[str, dict[str, Address]]
) -> tuple[LiveObject, ...]:
    kind = listing.kind
    own = addresses[kind.kind]
    refers = bool(referring(catalogue, kind))
    masking = Masking(catalogue)

    def named(target: str, held: Any) -> Any:
        known = addresses.get(target, {})
        return (known.get(held) or Address(target, id=held)) if isinstance(held, str) else held

    shared = {address for address, count in Counter(own.values()).items() if count > 1}
    objects = []
    for name in listing.ids:
        wire = listing.objects[name]
        del wire["id"]
        # Whatever the server shows of a secret, it goes no further.
        masking.mask(kind, wire)
        if refers:
            wire = replaced(catalogue, kind, wire, named)
        address = own[name]
        if address in shared:
            address = Address(address.kind, address.name, name)
        objects.append(LiveObject(address=address, key=key_of(kind, wire), id=name, wire=wire))
    return tuple(objects)


def kinds_for_checks(catalogue: Catalogue, kinds: Sequence[str]) -> frozenset[str]:
    """Return the kinds that some kinds refer to, or that refer to them."""
    scope = set(kinds)
    every = {name: targets(catalogue, kind) for name, kind in catalogue.kinds.items()}
    related = {target for name in scope for target in every[name]}
    related |= {name for name, its in every.items() if its & scope}
    if any(catalogue.kinds[name].cuts for name in scope):
        # What lets an address in counts before what cuts it off.
        related |= {name for name, kind in catalogue.kinds.items() if kind.admits}
    # What is referred to may be no kind that is managed here, and then is known by its id alone.
    return frozenset((related - scope) & catalogue.kinds.keys())


def known_by(session: Session, live: LiveState) -> str:
    """Return what tells one server from another; "" where nothing that was read does.

    Ids that a server makes hold the time and its node, so that no two servers have the same (Stalwart 0.16.19); those
    of a few letters are numbers, which every server has. The oldest of a kind outlives what a run does.
    """
    oldest = sorted(
        live_objects[0].id
        for live_objects in live.objects.values()
        if live_objects and len(live_objects[0].id) >= MADE_ID
    )
    return f"{session.username} {min(oldest)}" if oldest else ""
