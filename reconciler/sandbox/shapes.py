"""The catalogue made ready for a server's work: what each variant of each type holds, in order, with its defaults.

Law: everything here follows from the catalogue; it is made once and never changes. Values are in wire form, shared,
and never altered in place.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, field

from reconciler.kinds import Catalogue, Kind, Property, Record
from reconciler.sandbox import ids

Body = dict[str, Any]

#: What the server shows in place of a secret.
MASK = "****"


class Slot(Struct, frozen=True, eq=False):
    """One property of a variant, and the type of its value where that has members of its own."""

    name: str
    word: Property
    mould: Mould | None
    #: What a new object holds here.
    default: Any

    @property
    def inner(self) -> Mould:
        """The type of the value, or of a list's elements.

        Raises:
            TypeError: the value has no members.
        """
        if self.mould is None:
            raise TypeError(f"{self.name} has no members")
        return self.mould


class VariantShape(Struct, frozen=True, eq=False):
    """What one variant holds. `variant` is "" where the type has none."""

    variant: str
    slots: dict[str, Slot]
    default: Body
    #: The slots that hold expressions, in the order in which the server compiles them.
    expressions: tuple[Slot, ...]
    #: Whether a secret is to be masked somewhere within.
    sensitive: bool
    #: The slots that hold lists, at any depth.
    listed: tuple[Slot, ...]


class Mould(Struct, frozen=True, eq=False):
    """A type: its variants, the first of which is the default."""

    name: str
    shapes: dict[str, VariantShape] = field(default_factory=dict)

    @property
    def variants(self) -> bool:
        """Whether `@type` says which shape a value has."""
        return "" not in self.shapes

    @property
    def default(self) -> Body:
        """The value that a new object holds."""
        return next(iter(self.shapes.values())).default

    def shape(self, body: Body) -> VariantShape:
        """Return the shape of a complete value."""
        return self.shapes[body.get("@type", "")]

    def fill(self, value: Body) -> Body:
        """Return a complete value in the server's order: what is given, defaults for the rest."""
        shape = self.shapes[value.get("@type", "")] if self.variants else self.shapes[""]
        body: Body = {}
        for name, slot in shape.slots.items():
            given = value.get(name, slot.default)
            if slot.mould and slot.word.type == "object":
                given = slot.mould.fill(given)
            elif slot.mould and slot.word.type == "list":
                given = {key: slot.mould.fill(element) for key, element in given.items()}
            body[name] = given
        if shape.variant:
            body["@type"] = shape.variant
        return body

    def masked(self, body: Body) -> Body:
        """Return the value as it is read: secrets masked."""
        shape = self.shape(body)
        if not shape.sensitive:
            return body
        shown = dict(body)
        for name, slot in shape.slots.items():
            if slot.word.sensitive and body[name] is not None:
                shown[name] = MASK
            elif slot.mould and slot.word.type == "object":
                shown[name] = slot.mould.masked(body[name])
            elif slot.mould and slot.word.type == "list":
                shown[name] = {key: slot.mould.masked(element) for key, element in body[name].items()}
        return shown

    def settle(self, body: Body) -> Body:
        """Return the value as it is stored: the elements of every list renumbered from 0."""
        shape = self.shape(body)
        if not shape.listed:
            return body
        settled = dict(body)
        for slot in shape.listed:
            value = body[slot.name]
            if slot.word.type == "list":
                elements = (slot.inner.settle(element) for element in value.values())
                settled[slot.name] = {str(index): element for index, element in enumerate(elements)}
            else:
                settled[slot.name] = slot.inner.settle(value)
        return settled


class Moulds:
    """Every kind and type of a catalogue, and every property name that the server knows."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._types: dict[str, Mould] = {}
        self.kinds: dict[str, Mould] = {name: self._mould(kind, name) for name, kind in catalogue.kinds.items()}
        #: Properties whose values are ids: there a creation reference is one.
        self.references = frozenset(
            slot.name
            for mould in (*self.kinds.values(), *self._types.values())
            for shape in mould.shapes.values()
            for slot in shape.slots.values()
            if slot.word.type == "reference"
        ) | {"id"}
        #: Names that some kind of the catalogue has: to this server the others are no property names at all.
        self.names = frozenset(("@type", "id")) | {
            name
            for mould in (*self.kinds.values(), *self._types.values())
            for shape in mould.shapes.values()
            for name in shape.slots
        }

    def kind(self, name: str) -> Kind:
        """Return what the catalogue says about a kind. Raises KeyError where it says nothing."""
        return self._catalogue.kinds[name]

    def _type(self, name: str) -> Mould:
        if name not in self._types:
            self._types[name] = self._mould(self._catalogue.record(name), name)
        return self._types[name]

    def _mould(self, record: Record, name: str) -> Mould:
        mould = Mould(name)
        for variant in record.variants or ("",):
            slots = {key: self._slot(key, word) for key, word in record.shape(variant).items()}
            mould.shapes[variant] = _shape(variant, slots)
        return mould

    def _slot(self, name: str, word: Property) -> Slot:
        mould = self._type(word.of) if word.of else None
        default = _empty(word, mould) if word.default is UNSET else word.default
        if mould and word.type == "object" and default is not None:
            default = mould.fill(default)
        elif mould and word.type == "list":
            default = {key: mould.fill(element) for key, element in default.items()}
        return Slot(name, word, mould, default)


def _shape(variant: str, slots: dict[str, Slot]) -> VariantShape:
    default = {name: slot.default for name, slot in slots.items()}
    if variant:
        default["@type"] = variant
    nested = [slot for slot in slots.values() if slot.mould]
    within = {slot.name: tuple(slot.inner.shapes.values()) for slot in nested}
    return VariantShape(
        variant,
        slots,
        default,
        tuple(slot for slot in slots.values() if slot.word.language),
        any(slot.word.sensitive for slot in slots.values()) or any(s.sensitive for v in within.values() for s in v),
        tuple(slot for slot in nested if slot.word.type == "list" or any(s.listed for s in within[slot.name])),
    )


def _empty(word: Property, mould: Mould | None) -> Any:
    """Return what a property holds that has no default of its own."""
    if word.nullable:
        return None
    match word.type:
        case "string":
            return "0.0.0.0" if word.form == "ip" else ""  # noqa: S104  the server's own value for "no address given"
        case "boolean":
            return False
        case "integer" | "duration" | "size":
            return 0
        case "enum":
            return word.values[0]
        case "reference":
            return ids.text(ids.UNSET)
        case "object":
            return mould.default if mould else {}
        case _:
            return {}
