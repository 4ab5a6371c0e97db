"""Wire values and changes as JSON that can be read back: references by address, secrets as their reference.

Law: `unpack(pack(value)) == value` for every wire value, except that a plain-text secret is not written; what is not
understood is refused.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct

from reconciler.values import Action, Address, Change, FieldChange, Sensitive, Source, Wire, is_secret_reference

#: References that a secret may be written as; the same that manifests may hold.


class WrittenChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """A change as plans and journals hold it; wire values are packed."""

    action: Action
    #: Kind, name and id.
    address: tuple[str, str, str]
    id: str = ""
    patch: dict[str, Any] = {}
    #: Pointer, value before, value after.
    fields: tuple[tuple[str, Any, Any], ...] = ()
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    #: File, line and column.
    source: tuple[str, int, int] | None = None
    because: str = ""
    recreate: bool = False
    left_out: tuple[str, ...] = ()
    at_default: tuple[str, ...] = ()


def pack(value: Any) -> Any:
    """Return a wire value as plain JSON. A key that begins with `$` marks what JSON has no word for."""
    match value:
        case Address():
            return {"$address": [value.kind, value.name, value.id]}
        case Sensitive():
            return {"$secret": value.reference}
        case dict() if any(isinstance(key, Address) for key in value):
            return {"$members": [pack(key) for key in value]}
        case dict():
            packed = {key: pack(member) for key, member in value.items()}
            return {"$object": packed} if len(packed) == 1 and next(iter(packed)).startswith("$") else packed
        case list() | tuple():
            return [pack(element) for element in value]
    return {"$unset": True} if value is UNSET else value


def unpack(value: Any) -> Any:
    """Return the wire value that some JSON stands for.

    Raises:
        ValueError: it stands for none.
    """
    if isinstance(value, list):
        return [unpack(element) for element in value]
    if not isinstance(value, dict):
        return value
    mark, *more = value or ("",)
    if more or not mark.startswith("$"):
        return {key: unpack(member) for key, member in value.items()}
    return _marked(mark, value[mark])


def _marked(mark: str, inner: Any) -> Any:
    match mark, inner:
        case "$address", [str(kind), str(name), str(id_)]:
            return Address(kind, name, id_)
        case "$secret", str() if not inner or is_secret_reference(inner):
            return Sensitive(reference=inner)
        case "$members", list():
            members = [unpack(element) for element in inner]
            if all(isinstance(member, Address) for member in members):
                return dict.fromkeys(members, True)
        case "$object", dict():
            return {key: unpack(member) for key, member in inner.items()}
        case "$unset", True:
            return UNSET
    raise ValueError(f"{mark} marks no value that is known here")


def unpack_wire(value: dict[str, Any]) -> Wire:
    """Return the wire object that some JSON stands for.

    Raises:
        ValueError: it stands for none.
    """
    wire = unpack(value)
    if not isinstance(wire, dict):
        raise ValueError("an object is wanted where a single value stands")
    return wire


def write_change(change: Change) -> WrittenChange:
    """Return the written form of a change."""
    source = change.source
    return WrittenChange(
        action=change.action,
        address=(change.address.kind, change.address.name, change.address.id),
        id=change.id,
        patch=pack(change.patch),
        fields=tuple((field.pointer, pack(field.before), pack(field.after)) for field in change.fields),
        before=None if change.before is None else pack(change.before),
        after=None if change.after is None else pack(change.after),
        source=None if source is None else (source.file, source.line, source.column),
        because=change.because,
        recreate=change.recreate,
        left_out=change.left_out,
        at_default=change.at_default,
    )


def read_change(written: WrittenChange, number: int) -> Change:
    """Return the change that a written form stands for, which has a number in its plan.

    Raises:
        ValueError: it stands for none.
    """
    return Change(
        action=written.action,
        address=Address(*written.address),
        number=number,
        id=written.id,
        patch=unpack_wire(written.patch),
        fields=tuple(FieldChange(pointer, unpack(old), unpack(new)) for pointer, old, new in written.fields),
        before=None if written.before is None else unpack_wire(written.before),
        after=None if written.after is None else unpack_wire(written.after),
        source=None if written.source is None else Source(*written.source),
        because=written.because,
        recreate=written.recreate,
        left_out=written.left_out,
        at_default=written.at_default,
    )
