"""From the wire objects of some listings to live objects: what each is called, and by name what it refers to.

Law: pure. An object that was not read is called by its id; whatever a server shows of a secret, it goes no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from reconciler.kinds import Catalogue, Kind, Masking, address_of, key_of, referring, replaced
from reconciler.server.listing import Listing
from reconciler.values import Address, LiveObject, LiveState


class _Names(Struct):
    """What the objects of a kind are called, and by which keys, both by id."""

    addresses: dict[str, Address]
    keys: dict[str, tuple[Any, ...]]


def live_state(catalogue: Catalogue, listings: Mapping[str, Listing], forbidden: frozenset[str]) -> LiveState:
    """Return the listed objects of some kinds, in the listings' order."""
    names: dict[str, _Names] = {}
    for name in listings:
        _name(listings, name, names)
    masking = Masking(catalogue)
    return LiveState(
        {name: _objects(catalogue, listing, names, masking) for name, listing in listings.items()}, forbidden
    )


def naming_parts(kind: Kind) -> dict[str, str]:
    """Return the properties of a kind whose references are parts of its objects' names, and the kinds referred to."""
    return {field: prop.to for field, prop in kind.legible(None).items() if field in kind.match and prop.to}


def _name(listings: Mapping[str, Listing], name: str, names: dict[str, _Names]) -> dict[str, Address]:
    """Return what the objects of a kind are called, by id; the kinds whose names are parts of theirs come first."""
    if name not in listings:
        return {}
    if name not in names:
        # Kinds that name each other in a circle would be called by ids.
        own = names[name] = _Names({}, {})
        kind = listings[name].kind
        parts = naming_parts(kind)
        known = {field: _name(listings, to, names) for field, to in parts.items()}
        for text, wire in listings[name].objects.items():
            for field, to in parts.items():
                if isinstance(wire.get(field), str):
                    address = known[field].get(wire[field]) or Address(to, id=wire[field])
                    wire = {**wire, field: address}
            key = own.keys[text] = key_of(kind, wire)
            own.addresses[text] = address_of(kind, key)
    return names[name].addresses


def _objects(
    catalogue: Catalogue, listing: Listing, names: Mapping[str, _Names], masking: Masking
) -> tuple[LiveObject, ...]:
    kind = listing.kind
    addresses, keys = names[kind.kind].addresses, names[kind.kind].keys
    refers = bool(referring(catalogue, kind))

    def named(target: str, held: Any) -> Any:
        known = names[target].addresses if target in names else {}
        return (known.get(held) or Address(target, id=held)) if isinstance(held, str) else held

    # Hardly ever do two share an address, and then only is it worth to see which.
    texts = {address.name for address in addresses.values()}
    counts = Counter(addresses.values()) if len(texts) < len(addresses) else {}
    objects = []
    for name in listing.ids:
        wire = listing.objects[name]
        del wire["id"]
        masking.mask(kind, wire)
        key, address = keys[name], addresses[name]
        if refers:
            wire = replaced(catalogue, kind, wire, named)
            key = key_of(kind, wire)
        if counts and counts[address] > 1:
            address = Address(address.kind, address.name, name)
        objects.append(LiveObject(address=address, key=key, id=name, wire=wire))
    return tuple(objects)
