"""What a server holds, or would hold, of the objects that choose a message's way and are chosen.

Law: pure; what is not declared is at its default or as a new server ships it; what is live is overlaid with nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec import UNSET, Struct

from reconciler.kinds import Catalogue, Kind, Language, address_of, key_of, shipped
from reconciler.values import Address, LiveState, Resource, Source, Wire

Locate = Callable[[Address, str], Source | None]
#: Why something is taken to be there: a manifest, a new server's own objects, a server, or the type's default.
Origin = Literal["declared", "shipped", "live", "default"]


def nowhere(address: Address, pointer: str) -> Source | None:
    """Find no place, where nothing is declared."""
    return None


class Held(Struct, frozen=True):
    """One object that expressions can choose: every property in wire form, and why it is taken to be there."""

    address: Address
    wire: Wire
    origin: Origin
    #: Properties that the manifests leave to whoever else sets them.
    unmanaged: frozenset[str] = frozenset()


class State(Struct, frozen=True):
    """What a server holds, or would hold: singletons by kind, other objects by kind in the order of their creation."""

    singletons: Mapping[str, Held]
    objects: Mapping[str, tuple[Held, ...]]
    #: Properties of singletons that are declared or were read; the others are at their default.
    known: Mapping[str, frozenset[str]] = {}
    #: Kinds that could not be read, and why.
    unread: Mapping[str, str] = {}
    locate: Locate = nowhere
    #: Domains whose mail the server takes for its own; none where no object tells them.
    domains: tuple[str, ...] = ()

    def told(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what is said of a message, with the local domains where it says nothing of them."""
        return {"localDomains": list(self.domains), **given} if self.domains else given


def desired_state(catalogue: Catalogue, resources: Iterable[Resource], locate: Locate | None = None) -> State:
    """Return what a new server would hold once the resources are applied.

    Objects that a new server ships are taken to be there unless they are declared; of singletons, what is not declared
    is taken to be at its default, but nothing is taken of what is unmanaged. What else a real server may hold is not
    known.
    """
    declared: dict[str, list[Resource]] = {}
    for resource in resources:
        declared.setdefault(resource.address.kind, []).append(resource)
    singletons: dict[str, Held] = {}
    known: dict[str, frozenset[str]] = {}
    objects: dict[str, tuple[Held, ...]] = {}
    for name in _kinds(catalogue):
        kind, own = catalogue.kinds[name], declared.get(name, [])
        if kind.singleton:
            wire = {field: value for resource in own for field, value in resource.wire.items()}
            known[name] = frozenset(wire)
            left = frozenset().union(*map(_unmanaged, own))
            singletons[name] = Held(Address(name), {**_defaults(kind), **wire}, "declared" if own else "default", left)
            continue
        taken = {resource.key for resource in own}
        ships = [Held(address_of(kind, key_of(kind, wire)), wire, "shipped") for wire in shipped(kind)]
        objects[name] = (
            *(held for held in ships if key_of(kind, held.wire) not in taken),
            *(Held(resource.address, resource.wire, "declared", _unmanaged(resource)) for resource in own),
        )
    wires = {name: [resource.wire for resource in own] for name, own in declared.items()}
    return State(singletons, objects, known, {}, locate or nowhere, _domains(catalogue, wires))


def live_state(catalogue: Catalogue, live: LiveState) -> State:
    """Return what a server holds, and nothing besides."""
    singletons, objects, known = {}, {}, {}
    unread = {name: f"the credentials may not read {name}" for name in sorted(live.forbidden)}
    for name in _kinds(catalogue):
        held = tuple(Held(live_object.address, live_object.wire, "live") for live_object in live.of(name))
        if catalogue.kinds[name].singleton and held:
            singletons[name], known[name] = held[0], frozenset(held[0].wire)
        else:
            objects[name] = held
            if name not in live.objects:
                unread.setdefault(name, f"{name} was not read")
    wires = {name: [live_object.wire for live_object in held] for name, held in live.objects.items()}
    return State(singletons, objects, known, unread, domains=_domains(catalogue, wires))


def kinds_explained(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the kinds that explaining mail needs: the singletons that choose, and the kinds that they choose from."""
    choosing_fields = choosing(catalogue)
    return tuple(
        dict.fromkeys([*(kind.kind for kind, _, _ in choosing_fields), *(lang.names for _, _, lang in choosing_fields)])
    )


def choosing(catalogue: Catalogue) -> list[tuple[Kind, str, Language]]:
    """Return every expression of a singleton that names objects."""
    return [
        (kind, name, prop.language)
        for kind in catalogue.kinds.values()
        if kind.singleton
        for name, prop in kind.properties.items()
        if prop.language is not None and prop.language.names
    ]


def filtering(catalogue: Catalogue) -> list[Kind]:
    """Return the kinds whose objects are asked in order, each switched by an expression."""
    return [
        kind
        for kind in catalogue.kinds.values()
        if kind.ordered and any(prop.language and prop.language.stages for prop in kind.properties.values())
    ]


def _kinds(catalogue: Catalogue) -> tuple[str, ...]:
    return (*kinds_explained(catalogue), *(kind.kind for kind in filtering(catalogue)))


def _domains(catalogue: Catalogue, wires: Mapping[str, Iterable[Wire]]) -> tuple[str, ...]:
    """Return the domains that some objects make local."""
    domains = (
        member
        for name, objects in wires.items()
        for prop in catalogue.kinds[name].domains
        for wire in objects
        for member in _members(wire.get(prop))
    )
    return tuple(sorted(set(domains)))


def _members(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else map(str, value or ())


def _unmanaged(resource: Resource) -> frozenset[str]:
    return frozenset(pointer.partition("/")[0] for pointer in resource.unmanaged)


def _defaults(kind: Kind, variant: str = "") -> Wire:
    return {name: prop.default for name, prop in kind.shape(variant).items() if prop.default is not UNSET}
