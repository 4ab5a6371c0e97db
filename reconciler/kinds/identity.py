"""What an object is called: from its properties to its match key and its address.

Law: the catalogue says which properties tell one object from another; nothing else decides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import normalize

from msgspec import UNSET

from reconciler.kinds.catalogue import Kind
from reconciler.values import Address

Key = tuple[Any, ...]


def key_of(kind: Kind, wire: Mapping[str, Any]) -> Key:
    """Return the values of a kind's match properties, texts in Unicode form C; () for a singleton."""
    return tuple([_composed(wire.get(name)) for name in kind.match])


def _composed(value: Any) -> Any:
    return normalize("NFC", value) if isinstance(value, str) and not value.isascii() else value


def name_of(key: Key) -> str:
    """Print a match key: `relay-eu`, `127.0.0.1:11332`, `[::1]:11332`; an unset property prints as `-`."""
    first, *rest = ["-" if value is None else str(value) for value in key]
    head = f"[{first}]" if rest and ":" in first and not first.startswith("[") else first
    return ":".join([head, *rest])


def address_of(kind: Kind, key: Key, name: str = "") -> Address:
    """Return the address of an object by its match key, or by the name that its document gives it."""
    return Address(kind.kind, "" if kind.singleton else name or name_of(key))


def shipped(kind: Kind) -> Iterator[dict[str, Any]]:
    """Yield the objects of a kind that a new server ships, every property filled in."""
    for wire in kind.ships:
        shape = kind.shape(str(wire.get("@type", "")))
        yield {**{name: prop.default for name, prop in shape.items() if prop.default is not UNSET}, **wire}


def is_shipped(kind: Kind, key: Key) -> bool:
    """Whether a new server ships an object with this match key."""
    return any(key_of(kind, wire) == key for wire in shipped(kind))
