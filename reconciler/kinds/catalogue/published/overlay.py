"""What no server publishes about its kinds: one file a kind, in the catalogue's own words.

Law: an overlay is data; a kind without one is managed too, by what the server publishes alone.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from reconciler.kinds.catalogue import Form, KeyPair, KeySpace, Language, Listens, Property, Signed

FOLDER = Path(__file__).parent.parent / "overlays"
#: Files beside those of one kind each.
_SHARED = ("contexts.json", "types.json")


class PropertyOverlay(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is told of one property; what is left out is as published."""

    default: Any = UNSET
    required: bool | UnsetType = UNSET
    nullable: bool | UnsetType = UNSET
    sensitive: bool | UnsetType = UNSET
    max_bytes: int | UnsetType = UNSET
    min: int | UnsetType = UNSET
    form: Form | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    resolved: bool | UnsetType = UNSET
    one_way: bool | UnsetType = UNSET
    write_only: bool | UnsetType = UNSET
    volatile: bool | UnsetType = UNSET
    danger: str | UnsetType = UNSET
    harmless: tuple[Any, ...] | UnsetType = UNSET
    floor: int | UnsetType = UNSET
    reload: str | UnsetType = UNSET
    exclusive: bool | UnsetType = UNSET
    holds: Literal["url", "headers"] | UnsetType = UNSET
    resolved_from: str | UnsetType = UNSET
    contents: str | UnsetType = UNSET
    computed: str | UnsetType = UNSET
    only: tuple[str, ...] | UnsetType = UNSET
    most: int | UnsetType = UNSET
    dangling: str | UnsetType = UNSET
    omitted: bool | UnsetType = UNSET

    def onto(self, prop: Property) -> Property:
        """Return a property with what is told of it."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return replace(prop, **{name: member for name, member in given.items() if member is not UNSET})


class Overlay(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is told of one kind, in the words of `Kind`."""

    kind: str
    excluded: str = ""
    match: tuple[str, ...] = ()
    joiner: str = ":"
    unique: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    reload: str = "ReloadSettings"
    danger: str = ""
    acts: bool = False
    dangerous: tuple[Literal["create", "update", "replace", "destroy"], ...] = ()
    login: str = ""
    permits: bool = False
    listens: Listens | None = None
    cuts: str = ""
    admits: str = ""
    domains: tuple[str, ...] = ()
    pair: KeyPair | None = None
    signed: Signed | None = None
    demands: tuple[str, ...] = ()
    held: bool = False
    bulk: bool = False
    volatile: bool = False
    #: Variants that are published and cannot be created.
    without: tuple[str, ...] = ()
    ships: tuple[dict[str, Any], ...] = ()
    reading: tuple[str, ...] = ()
    spaces: tuple[KeySpace, ...] = ()
    starts: dict[str, Any] = {}
    searches: dict[str, tuple[str, ...]] = {}
    judged: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    owner: str = ""
    expires: str = ""
    fixed: bool = False
    once: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    #: By property, or `Variant/property` where only one has it.
    properties: dict[str, PropertyOverlay] = {}


class _Types(Struct, frozen=True, forbid_unknown_fields=True):
    """What is told of nested types: their properties, as those of kinds are told."""

    types: dict[str, dict[str, PropertyOverlay]]


class _Contexts(Struct, frozen=True, forbid_unknown_fields=True):
    """What expressions may use where, beyond what the kinds that this program ships need."""

    variables: dict[str, tuple[str, ...]]


@cache
def overlays() -> dict[str, Overlay]:
    """Return every overlay by its kind.

    Raises:
        msgspec.ValidationError: a file says something that the language of overlays has no word for.
    """
    decoder = msgspec.json.Decoder(Overlay)
    overlays = [decoder.decode(path.read_bytes()) for path in sorted(FOLDER.glob("*.json")) if path.name not in _SHARED]
    return {overlay.kind: overlay for overlay in overlays}


@cache
def told_types() -> dict[str, dict[str, PropertyOverlay]]:
    """Return what is told of nested types, by name."""
    return msgspec.json.decode((FOLDER / "types.json").read_bytes(), type=_Types).types


@cache
def told_variables() -> dict[str, tuple[str, ...]]:
    """Return sets of variables by name."""
    return msgspec.json.decode((FOLDER / "contexts.json").read_bytes(), type=_Contexts).variables
