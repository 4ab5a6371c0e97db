"""The listing of one kind, page by page: what is asked of the server, and when its answers may be trusted.

Law: a listing is complete only if its unique ids are as many as the server's total, and every id is answered; it is
never "nothing" because something failed. No httpx: the conversation is a generator.

Stalwart 0.16.19: `query` without `sort` repeats and loses objects past the first page, and `get` with null ids stops
at 500 without a word. So: query sorted by id with calculateTotal, then gets of the ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec import Struct

from reconciler.kinds import Kind
from reconciler.server.decode import Shapes
from reconciler.server.jmap.protocol import Call, Flow, Limits, MethodError, Request
from reconciler.values import NotAllowed, Unreachable, Wire

SINGLETON = "singleton"
#: How often a listing that contradicts itself is read: a concurrent change does that once, a broken server every time.
READINGS = 3
#: Most objects of a kind that are read, and most pages of a listing.
MAX_OBJECTS, MAX_PAGES = 1_000_000, 10_000


class Untrusted(Unreachable):
    """A listing is incomplete, or contradicts itself."""


class Listing(Struct):
    """What is known of one kind so far."""

    kind: Kind
    #: Listed ids in ascending order, which is that of creation.
    ids: list[str]
    total: int = -1
    objects: dict[str, Wire] = {}
    #: How many ids stand before those that are listed.
    start: int = 0
    #: Ids whose objects need not be read.
    known: Collection[str] = ()


class Ask(Struct):
    """One call on its way, and what its answer is for."""

    listing: Listing
    call: Call
    #: Ids that a get asks for; none for a query.
    ids: list[str] = []
    #: Whether objects that are not there any more are no contradiction.
    may_miss: bool = False


def get_asks(listing: Listing, ids: Sequence[str], limits: Limits, *, may_miss: bool = False) -> list[Ask]:
    """Ask for some objects, in as many calls as it takes."""
    size, method = limits.max_objects_in_get, f"x:{listing.kind.kind}/get"
    pages = [list(ids[begin : begin + size]) for begin in range(0, len(ids), size)]
    return [Ask(listing, Call(method, {"ids": page}), page, may_miss) for page in pages]


def query_ask(listing: Listing, position: int, limits: Limits) -> Ask:
    """Ask for a page of ids."""
    arguments = {
        "sort": [{"property": "id", "isAscending": True}],
        "calculateTotal": True,
        "position": position,
        "limit": limits.max_ids_in_query,
    }
    return Ask(listing, Call(f"x:{listing.kind.kind}/query", arguments))


def asking_flow(asks: list[Ask], needed: Collection[str], shapes: Shapes, limits: Limits) -> Flow[frozenset[str]]:
    """Ask, and ask what follows from the answers, until the listings have all of it.

    Args:
        asks: what is asked first.
        needed: the kinds that must be readable.
        shapes: what objects have to look like.
        limits: the session's.

    Returns:
        The kinds that may not be read.

    Raises:
        Untrusted: a listing is incomplete or contradicts itself.
        Unreachable: a method fails.
        NotAllowed: a kind that is needed may not be read.
    """
    forbidden: set[str] = set()
    size = limits.max_calls_in_request
    while asks:
        batches = [asks[begin : begin + size] for begin in range(0, len(asks), size)]
        responses = yield tuple(Request(tuple(ask.call for ask in batch)) for batch in batches)
        asked, asks = asks, []
        results = (result for response in responses for result in response.results)
        for ask, result in zip(asked, results, strict=True):
            name = ask.listing.kind.kind
            if isinstance(result, MethodError):
                _refused(ask, result, needed=name in needed)
                forbidden.add(name)
            elif ask.ids:
                _take(ask, result, shapes)
            else:
                asks += _listed(ask, result, limits)
    return frozenset(forbidden)


def _refused(ask: Ask, error: MethodError, *, needed: bool) -> None:
    kind = ask.listing.kind.kind
    if error.type != "forbidden":
        raise Unreachable(f"{ask.call.method} fails: {error}", "try again later")
    if needed:
        verb = ask.call.method.partition("/")[2].capitalize()
        raise NotAllowed(f"the credentials may not read {kind}", f"they need the permission sys{kind}{verb}")


def _listed(ask: Ask, result: dict[str, Any], limits: Limits) -> list[Ask]:
    """Take the ids of a query, and return what to ask next: the gets of these ids and the query's further pages."""
    listing = ask.listing
    ids, total = result["ids"], result.get("total")
    if total is None:
        raise untrusted(listing, "the query was answered without a total")
    if total > MAX_OBJECTS:
        raise untrusted(listing, f"it counts {total} objects, and {MAX_OBJECTS} are the most that are read")
    first = listing.total < 0
    if not first and total != listing.total:
        raise untrusted(listing, f"the total went from {listing.total} to {total} while it was read")
    listing.total = total
    listing.ids += ids
    known = listing.known
    asks = get_asks(listing, [name for name in ids if name not in known] if known else ids, limits)
    if first and ids:
        # A server may answer with fewer ids than the limit allows: the first page's length tells its own.
        pages = range(listing.start + len(ids), total, len(ids))
        if len(pages) > MAX_PAGES:
            raise untrusted(listing, f"it takes {len(pages)} pages, and {MAX_PAGES} are the most that are read")
        asks += [query_ask(listing, position, limits) for position in pages]
    return asks


def _take(ask: Ask, result: dict[str, Any], shapes: Shapes) -> None:
    """Take the objects of a get, which must be exactly those that were asked for."""
    listing = ask.listing
    objects, missing = result["list"], result.get("notFound") or ()
    try:
        shapes.check(listing.kind, objects)
    except ValueError as error:
        raise untrusted(listing, f"an object has another shape than its kind: {error}") from None
    if missing and not ask.may_miss:
        raise untrusted(listing, f"{len(missing)} listed objects were not found when they were read")
    ids = [wire["id"] for wire in objects]
    if ids != ask.ids and Counter([*ids, *missing]) != Counter(ask.ids):
        raise untrusted(listing, f"{len(ask.ids)} objects were asked for and {len(objects)} others came back")
    listing.objects.update(zip(ids, objects, strict=True))


def untrusted(listing: Listing, reason: str) -> Untrusted:
    """Return what says why a listing cannot be trusted."""
    return Untrusted(f"the listing of {listing.kind.kind} cannot be trusted: {reason}", "try again")


def complete(listing: Listing) -> bool:
    """Whether the listed ids are as many as the server counts, and no two of them the same."""
    return len(set(listing.ids)) == len(listing.ids) == listing.total - listing.start


def check_complete(listings: Iterable[Listing]) -> None:
    """Refuse listings that lack something.

    Raises:
        Untrusted: one does.
    """
    for listing in listings:
        if not listing.kind.singleton and not complete(listing):
            unique = len(set(listing.ids))
            raise untrusted(listing, f"the server counts {listing.total} objects and lists {unique}")
