"""What an object is called: from its properties to its match key and its address.

Law: the catalogue says which properties tell one object from another; nothing else decides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.catalogue import Kind
from reconciler.model import Address

Key = tuple[Any, ...]


def key_of(kind: Kind, wire: Mapping[str, Any]) -> Key:
    """Return the values of a kind's match properties; () for a singleton."""
    return tuple([wire.get(name) for name in kind.match])


def name_of(key: Key) -> str:
    """Print a match key: `relay-eu`, `127.0.0.1:11332`, `[::1]:11332`; an unset property prints as `-`."""
    if len(key) == 1:
        return "-" if key[0] is None else str(key[0])
    first, *rest = key
    head = f"[{first}]" if isinstance(first, str) and ":" in first and not first.startswith("[") else str(first)
    return ":".join([head, *map(str, rest)])


def address_of(kind: Kind, key: Key, name: str = "") -> Address:
    """Return the address of an object by its match key, or by the name that its document gives it."""
    return Address(kind.kind, "" if kind.singleton else name or name_of(key))


def is_shipped(kind: Kind, key: Key) -> bool:
    """Whether a new server ships an object with this match key."""
    return any(key_of(kind, wire) == key for wire in kind.ships)
