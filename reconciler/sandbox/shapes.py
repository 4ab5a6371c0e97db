"""The catalogue made ready for a server's work: what each variant of each type holds, in order, with its defaults.

Law: everything here follows from the catalogue; it is made once and never changes. Values are in wire form, shared,
and never altered in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import UNSET, Struct, field

from reconciler.kinds import Catalogue, Kind, Property, Record
from reconciler.sandbox import ids

Body = dict[str, Any]

#: What the server shows in place of a secret.
MASK = "****"
_UNSET = ids.text(ids.UNSET)


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

    def within(self, value: Any) -> Iterator[tuple[Mould, Body]]:
        """Yield the objects that a value is or holds, each with its type."""
        if self.mould is None or value is None:
            return
        for body in (value,) if self.word.type == "object" else value.values():
            yield self.mould, body

    def each(self, value: Any, change: Callable[[Mould, Body], Body]) -> Any:
        """Return a value with the objects that it is or holds changed."""
        if self.mould is None or value is None:
            return value
        if self.word.type == "object":
            return change(self.mould, value)
        return {key: change(self.mould, body) for key, body in value.items()}


class Link(Struct, frozen=True):
    """A reference to another object: the property that holds it, and the id."""

    slot: Slot
    id: str
    #: How the server refuses it where it leads nowhere.
    dangling: str


class VariantShape(Struct, frozen=True, eq=False):
    """What one variant holds. `variant` is "" where the type has none."""

    variant: str
    slots: dict[str, Slot]
    default: Body
    #: The slots that hold expressions, in the order in which the server compiles them.
    expressions: tuple[Slot, ...]
    #: Whether something is to be masked or left out where it is read, here or within.
    hidden: bool
    #: The slots that hold lists, at any depth.
    listed: tuple[Slot, ...]
    #: The slots that hold references to other objects, at any depth.
    linked: tuple[Slot, ...]


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
            body[name] = slot.each(value.get(name, slot.default), Mould.fill)
        if shape.variant:
            body["@type"] = shape.variant
        return body

    def masked(self, body: Body) -> Body:
        """Return the value as it is read: secrets masked, and without what is never answered."""
        shape = self.shape(body)
        if not shape.hidden:
            return body
        shown = dict(body)
        for name, slot in shape.slots.items():
            if slot.word.write_only or (slot.word.omitted and body[name] is None):
                del shown[name]
            elif slot.word.sensitive and body[name] is not None:
                shown[name] = MASK
            else:
                shown[name] = slot.each(body[name], Mould.masked)
        return shown

    def settle(self, body: Body) -> Body:
        """Return the value as it is stored: the elements of every list renumbered from 0."""
        shape = self.shape(body)
        if not shape.listed:
            return body
        settled = dict(body)
        for slot in shape.listed:
            value = slot.each(body[slot.name], Mould.settle)
            if slot.word.type == "list":
                value = {str(index): element for index, element in enumerate(value.values())}
            settled[slot.name] = value
        return settled

    def links(self, body: Body) -> Iterator[Link]:
        """Yield every reference to another object that is set."""
        for slot in self.shape(body).linked:
            value = body[slot.name]
            if slot.word.to:
                # A set and a map hold ids as their keys.
                for number in value if isinstance(value, dict) else (value,):
                    if number not in (None, _UNSET):
                        yield Link(slot, number, slot.word.dangling)
            for mould, inner in slot.within(value):
                for link in mould.links(inner):
                    dangling = slot.word.dangling
                    yield link if dangling == "reference" else Link(link.slot, link.id, dangling)


class Moulds:
    """Every kind and type of a catalogue, and every property name that the server knows."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._types: dict[str, Mould] = {}
        self.kinds: dict[str, Mould] = {
            name: self._mould(kind, name, kind.judged) for name, kind in catalogue.kinds.items()
        }
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
            self._types[name] = self._mould(self._catalogue.types[name], name)
        return self._types[name]

    def _mould(self, record: Record, name: str, judged: tuple[str, ...] = ()) -> Mould:
        mould = Mould(name)
        first = {key: at for at, key in enumerate(judged)}
        for variant in record.variants or ("",):
            words = sorted(record.shape(variant).items(), key=lambda pair: first.get(pair[0], len(first)))
            mould.shapes[variant] = _shape(variant, {key: self._slot(key, word) for key, word in words})
        return mould

    def _slot(self, name: str, word: Property) -> Slot:
        mould = self._type(word.of) if word.of else None
        default = _empty(word, mould) if word.default is UNSET else word.default
        if word.write_only:
            default = None
        bare = Slot(name, word, mould, None)
        return Slot(name, word, mould, bare.each(default, Mould.fill))


def _shape(variant: str, slots: dict[str, Slot]) -> VariantShape:
    default = {name: slot.default for name, slot in slots.items()}
    if variant:
        default["@type"] = variant
    within = {slot.name: tuple(slot.inner.shapes.values()) if slot.mould else () for slot in slots.values()}
    return VariantShape(
        variant,
        slots,
        default,
        expressions=tuple(slot for slot in slots.values() if slot.word.language),
        hidden=any(
            slot.word.sensitive or slot.word.write_only or slot.word.omitted or any(s.hidden for s in within[slot.name])
            for slot in slots.values()
        ),
        listed=tuple(
            slot for slot in slots.values() if slot.word.type == "list" or any(s.listed for s in within[slot.name])
        ),
        linked=tuple(slot for slot in slots.values() if slot.word.to or any(s.linked for s in within[slot.name])),
    )


def _empty(word: Property, mould: Mould | None) -> Any:
    """Return what a property holds that has no default of its own."""
    if word.nullable:
        return None
    match word.type:
        case "string":
            return "0.0.0.0" if word.form in ("ip", "network") else ""  # noqa: S104  the server's "no address given"
        case "boolean":
            return False
        case "integer" | "duration" | "size":
            return 0
        case "number":
            return 0.0
        case "date":
            return ""
        case "enum":
            return word.values[0]
        case "reference":
            return _UNSET
        case "object":
            return mould.default if mould else {}
        case _:
            return {}
