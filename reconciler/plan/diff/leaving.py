"""What a document leaves to the server: fields that it does not manage, leaves out, or is never answered.

Law: pure; what is left alone keeps the live value, and a value that was read masked is never sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import UNSET

from reconciler.kinds import Kind, Property, exact
from reconciler.values import MASK, FieldChange, LiveObject, Resource, Wire


def servers_own(prop: Property, want: Any) -> bool:
    """Whether a nested property is the server's own where nothing is wanted of it, or is never answered."""
    left = want is UNSET or want == prop.default
    return prop.write_only or prop.mutability == "server-set" or (prop.volatile and left) or want is UNSET


def left_out(kind: Kind, resource: Resource, fields: Iterable[FieldChange]) -> tuple[str, ...]:
    """Return the pointers of what is wanted only because the document of a named object leaves it out."""
    if kind.singleton or not resource.given:
        return ()
    return tuple(field.pointer for field in fields if top(field.pointer) not in resource.given)


def managed(kind: Kind, resource: Resource, live_object: LiveObject) -> Wire:
    """Return what is wanted of an object, with the live values of everything that is left alone."""
    if not resource.unmanaged:
        return resource.wire
    want = dict(resource.wire)
    shape, before = kind.shape(want.get("@type", "")), kind.legible(live_object.wire.get("@type", ""))
    for pointer in resource.unmanaged:
        name, _, rest = pointer.partition("/")
        # A singleton's property that nobody declares is not here, and a new variant may not have it.
        if name in want and name in live_object.wire and shape.get(name) == before.get(name):
            want[name] = _grafted(want[name], live_object.wire[name], rest)
    return want


def _grafted(want: Any, have: Any, pointer: str) -> Any:
    """Return a wanted value with the part that a pointer leads to taken from the live value."""
    if not pointer:
        return have
    step, _, rest = pointer.partition("/")
    if not isinstance(want, dict) or not isinstance(have, dict) or step not in have:
        return want
    if want.get("@type") != have.get("@type"):
        return want
    return {**want, step: _grafted(want.get(step), have[step], rest)}


def top(pointer: str) -> str:
    """Return the property that a pointer begins with."""
    return pointer.partition("/")[0]


def holds_masked(value: Any) -> bool:
    """Whether a nested object holds a secret as it was read."""
    return isinstance(value, dict) and any(member == MASK or holds_masked(member) for member in value.values())


def unchosen(kind: Kind, resource: Resource, live_object: LiveObject) -> Iterator[str]:
    """Yield the properties of a singleton that nobody declares and that are not at their default."""
    for name, prop in kind.properties.items():
        chosen = name in resource.wire or name in resource.unmanaged
        known = prop.default is not UNSET and not prop.volatile
        if known and not chosen and not exact(live_object.wire.get(name), prop.default):
            yield name
