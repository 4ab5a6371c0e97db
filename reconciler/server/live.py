"""Reads live state completely, or says that it cannot be trusted.

Law: what `listing` does not trust is read again, a few times, and is never taken for all that there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.kinds import Catalogue, targets
from reconciler.server.decode import Shapes
from reconciler.server.jmap.protocol import Flow, Limits, Session
from reconciler.server.listing import (
    READINGS,
    SINGLETON,
    Ask,
    Listing,
    Untrusted,
    asking_flow,
    check_complete,
    get_asks,
    query_ask,
)
from reconciler.server.naming import live_state
from reconciler.values import LiveState

#: Characters of an id that a server made for a new object, at least.
MADE_ID = 9


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
    listings = {name: Listing(catalogue.kinds[name], []) for name in sorted({*needed, *checks})}
    asks = [ask for listing in listings.values() for ask in _first(listing, limits)]
    forbidden = yield from asking_flow(asks, needed, Shapes(catalogue), limits)
    for name in forbidden:
        listings.pop(name, None)
    check_complete(listings.values())
    return live_state(catalogue, listings, forbidden)


def _first(listing: Listing, limits: Limits) -> list[Ask]:
    if listing.kind.singleton:
        listing.ids = [SINGLETON]
        return get_asks(listing, [SINGLETON], limits)
    return [query_ask(listing, 0, limits)]


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
