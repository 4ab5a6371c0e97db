"""What there is to name: declared objects, live ones or those that a new server ships, and who names them.

Law: pure; what is declared comes before what is live, and nothing is taken to be complete that was not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import UNSET

from reconciler.expression import Context
from reconciler.kinds import Catalogue, Kind, Property, address_of, context_of, key_of, references_in, shipped, targets
from reconciler.mail.facts import STRATEGY
from reconciler.mail.names import Mention, mentions
from reconciler.values import Address, LiveState, Resource

Wire = Mapping[str, Any]


class World:
    """The objects that there are once the manifests are applied, as far as that is known."""

    def __init__(self, catalogue: Catalogue, resources: Sequence[Resource], live: LiveState | None = None) -> None:
        self.catalogue = catalogue
        self.live = live
        self.declared: dict[str, list[Resource]] = {}
        for resource in resources:
            self.declared.setdefault(resource.address.kind, []).append(resource)
        self._objects: dict[str, dict[str, Wire]] = {}

    def objects(self, name: str) -> Mapping[str, Wire]:
        """Return the known objects of a kind by name: declared over live, or over shipped where nothing was read."""
        if name not in self._objects:
            kind = self.catalogue.kinds[name]
            objects: dict[str, Wire]
            if self.live is not None and self.was_read(name):
                objects = {live_object.address.name: live_object.wire for live_object in self.live.of(name)}
            else:
                objects = {address_of(kind, key_of(kind, wire)).name: wire for wire in shipped(kind)}
            for resource in self.declared.get(name, ()):
                objects[resource.address.name] = resource.wire
            self._objects[name] = objects
        return self._objects[name]

    def was_read(self, name: str) -> bool:
        """Whether every live object of a kind is known."""
        return self.live is not None and name in self.live.objects and name not in self.live.forbidden

    def property(self, name: str, field: str) -> tuple[Wire | None, bool]:
        """Return a singleton's property, and whether it is certain that it will hold that.

        What is not declared is live, or else taken to be at its default, which is not certain.
        """
        for resource in self.declared.get(name, ()):
            if field in resource.wire:
                return resource.wire[field], True
        for live in self.live.of(name) if self.live is not None else ():
            if field in live.wire:
                # A server may hold what is no expression at all; nothing is known of what it does with that.
                wire = live.wire[field]
                return (wire, True) if isinstance(wire, Mapping) else (None, False)
        default = self.catalogue.kinds[name].properties[field].default
        return (None, False) if default is UNSET else (default, False)

    @cached_property
    def named_by(self) -> dict[str, str]:
        """Return the variables of expressions that hold an object's name, and the kind of each."""
        return {kind.variable: name for name, kind in self.catalogue.kinds.items() if kind.variable}

    @cached_property
    def choices(self) -> tuple[tuple[Kind, str, Property], ...]:
        """Every expression of a singleton that names objects."""
        return tuple(
            (kind, field, prop)
            for kind in self.catalogue.kinds.values()
            if kind.singleton
            for field, prop in kind.properties.items()
            if prop.language is not None and prop.language.names
        )

    def naming(self, name: str) -> tuple[tuple[Mention, ...], bool]:
        """Return what names objects of a kind, and whether that is certain to be all."""
        naming: list[Mention] = []
        certain = True
        for kind, field, prop in self.choices:
            if prop.language is not None and prop.language.names == name:
                wire, sure = self.property(kind.kind, field)
                certain &= sure
                naming += mentions(self.catalogue, Address(kind.kind), {field: wire} if wire is not None else {})
        return tuple(naming), certain and not any(mention.because for mention in naming)

    def context(self, field: str) -> Context:
        """Return what an expression of the strategy may use."""
        return context_of(self.catalogue, self.catalogue.kinds[STRATEGY].properties[field])

    def referred(self, name: str) -> tuple[set[str], bool]:
        """Return the names of the objects of a kind that others hold the id of, and whether that is all."""
        names: set[str] = set()
        sure = True
        for other in self.catalogue.kinds.values():
            if other.singleton or name not in targets(self.catalogue, other):
                continue
            sure &= self.was_read(other.kind)
            for wire in self.objects(other.kind).values():
                names |= {address.name for _, address in references_in(self.catalogue, other, wire)}
                # What a kind ships refers by name.
                names |= {wire[field] for field, prop in other.properties.items() if _named(prop, wire, field, name)}
        return names, sure


def _named(prop: Property, wire: Wire, field: str, name: str) -> bool:
    return prop.to == name and isinstance(wire.get(field), str)


def is_naming(kind: Kind) -> bool:
    """Whether objects of a kind name others in expressions."""
    props = (prop for variant in kind.variants or ("",) for _, prop in kind.expressions(variant))
    return any(prop.language is not None and bool(prop.language.names) for prop in props)


def has_credentials(kind: Kind, wire: Wire) -> bool:
    """Whether the server would log in at a next hop: it does so only with both a name and a secret."""
    hop = kind.connects
    return hop is not None and bool(wire.get(hop.user)) and (wire.get(hop.secret) or {}).get("@type", "None") != "None"
