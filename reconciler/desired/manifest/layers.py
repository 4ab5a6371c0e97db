"""Layers: what a later directory changes in, or takes out of, an earlier one.

Law: RFC 7396 on the human form, by address; lists, sets and expressions are replaced whole; a patch without a base is
a mistake, and so is one that could mean several.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from reconciler.desired.manifest.entries import Declaration, Origin, Path
from reconciler.desired.manifest.specs import TAGS
from reconciler.kinds import Catalogue, Property, Record
from reconciler.values import Address, Source, get_close_matches

#: Called with every mistake: entry, path, code, message, hint.
Tell = Callable[[Declaration, Path, str, str, str], None]
_Name = Address | tuple[str, Any]


class Called(Struct, frozen=True):
    """What an entry is called: its address without an id, and its match key, or None where it does not say."""

    address: Address
    key: tuple[Any, ...] | None = None


class Dropped(Struct, frozen=True):
    """What a layer took out, and where it says so."""

    address: Address
    source: Source


def overlay(
    catalogue: Catalogue, entries: Sequence[Declaration], called: Callable[[Declaration], Called], tell: Tell
) -> tuple[list[Declaration], list[Dropped]]:
    """Bring layers together. Entries come back in the order of their first declaration.

    Args:
        catalogue: what the kinds are.
        entries: every entry of every layer, in order.
        called: what an entry is called, as well as its spec tells.
        tell: called with every mistake.
    """
    layers = _Layers(catalogue, called, tell)
    for entry in entries:
        if entry.metadata.get("patch") or entry.metadata.get("drop"):
            layers.lay(entry)
        else:
            layers.add(entry)
    return [declaration for declaration in layers.standing if declaration is not None], layers.dropped


class _Layers:
    def __init__(self, catalogue: Catalogue, called: Callable[[Declaration], Called], tell: Tell) -> None:
        self.catalogue = catalogue
        self.called = called
        self.tell = tell
        #: What is declared so far; None where a layer took it out.
        self.standing: list[Declaration | None] = []
        self.dropped: list[Dropped] = []
        #: The places of each name, and the names of each place.
        self._places: dict[_Name, list[int]] = {}
        self._names: dict[int, set[_Name]] = {}

    def add(self, entry: Declaration) -> None:
        self.standing.append(None)
        self._stand(len(self.standing) - 1, entry)

    def _stand(self, place: int, entry: Declaration) -> None:
        self.standing[place] = entry
        called = self.called(entry)
        names: set[_Name] = {called.address, (entry.kind.kind, called.key)}
        # A layer may have given it another key.
        for name in self._names.get(place, set()) - names:
            self._places[name].remove(place)
        for name in names - self._names.get(place, set()):
            insort(self._places.setdefault(name, []), place)
        self._names[place] = names

    def lay(self, entry: Declaration) -> None:
        """Change what stands, or take it out."""
        word = "patch" if entry.metadata.get("patch") else "drop"
        called = self.called(entry)
        places = self._bases(entry, called)
        problem, hint = "", ""
        if not places and self._bases(entry, called, earlier=False):
            problem = "has its base in this same layer"
            hint = "change the declaration itself, or move the layer out of the directory"
        elif not places and called.key is None:
            problem, hint = "does not say what it is about", f"give its match key: {', '.join(entry.kind.match)}"
        elif not places:
            problem, hint = "has its base in no earlier directory", f"declare it there, or take the {word} out"
        elif len(places) > 1 and not entry.kind.singleton:
            problem = "could mean any of " + ", ".join(str(declaration.source()) for declaration in self._at(places))
            hint = "say which, with the metadata.name or metadata.id that it has there"
        if problem:
            self.tell(entry, (), "layer", f"metadata.{word} {problem}", hint)
        elif word == "drop":
            self.dropped.append(Dropped(called.address, entry.source()))
            for place in places:
                self.standing[place] = None
        else:
            self._patch(places, entry)

    def _at(self, places: Sequence[int]) -> list[Declaration]:
        return [declaration for declaration in (self.standing[place] for place in places) if declaration is not None]

    def _bases(self, entry: Declaration, called: Called, *, earlier: bool = True) -> list[int]:
        """Return the places of what a layer may mean: by its name, else by its key; of those the one with its id.

        Only those of earlier layers count, whatever the order of files within a layer.
        """
        for name in (called.address, (entry.kind.kind, called.key)):
            if name == (entry.kind.kind, None):
                continue
            declarations = {
                place: declaration
                for place in self._places.get(name, ())
                if (declaration := self.standing[place]) is not None
                and (declaration.layer < entry.layer or not earlier)
            }
            own = entry.metadata.get("id")
            same = [place for place, declaration in declarations.items() if declaration.metadata.get("id") == own]
            free = [
                place for place, declaration in declarations.items() if not (own and declaration.metadata.get("id"))
            ]
            if same or free:
                return same or free
        return []

    def _patch(self, places: Sequence[int], entry: Declaration) -> None:
        """Merge a patch with its base; a singleton's fields with the document of the owner that declares each."""
        shares: dict[int, dict[str, Any]] = {places[0]: {}}
        spec = {} if entry.spec is None and entry.kind.singleton else entry.spec
        if len(places) > 1 and isinstance(spec, dict):
            for name, value in spec.items():
                owners = (place for place in places if name in _spec(self.standing[place]))
                shares.setdefault(next(owners, places[0]), {})[name] = value
        else:
            shares = {places[0]: spec}
        for place, share in shares.items():
            part = replace(entry, spec=share, metadata=entry.metadata if place == places[0] else {})
            for declaration in self._at([place]):
                self._stand(place, _Merge(self.catalogue, part, self.tell).onto(declaration))


def _spec(entry: Declaration | None) -> Mapping[str, Any]:
    return entry.spec if entry is not None and isinstance(entry.spec, dict) else {}


class _Merge:
    """One patch, merged into one base."""

    def __init__(self, catalogue: Catalogue, patch: Declaration, tell: Tell) -> None:
        self.catalogue = catalogue
        self.patch = patch
        self.tell = tell
        self.origin: Origin = (patch.where, patch.path)
        self.origins: dict[Path, Origin] = {}
        self.taken: dict[Path, Origin] = {}

    def onto(self, declaration: Declaration) -> Declaration:
        self.origins, self.taken = dict(declaration.origins), dict(declaration.taken)
        spec = self.patch.spec
        if isinstance(declaration.spec, dict) and isinstance(spec, dict):
            spec = self._merged(declaration.kind, declaration.spec, spec, ())
        else:
            self.origins[()] = self.origin
        own = {name: value for name, value in self.patch.metadata.items() if name != "patch"}
        if isinstance(own.get("accept"), dict):
            own["accept"] = {**declaration.metadata.get("accept", {}), **own["accept"]}
        return replace(
            declaration,
            spec=spec,
            origins=self.origins,
            taken=self.taken,
            metadata={**declaration.metadata, **own},
            metadata_places={**declaration.metadata_places, **dict.fromkeys(own, self.patch.where)},
            patches=(*declaration.patches, self.patch.source()),
            flawed=declaration.flawed or self.patch.flawed,
        )

    def _merged(
        self, record: Record | None, lower: Mapping[str, Any], patch: Mapping[str, Any], path: Path
    ) -> dict[str, Any]:
        shape = record.legible(None) if record is not None else {}
        merged = dict(lower)
        if record is not None and record.variants and all(tag in patch for tag in TAGS):
            self.tell(self.patch, (*path, "type"), "both", "type and @type exclude each other", "keep one of them")
        for name, value in patch.items():
            at = (*path, name)
            tag = name in TAGS and record is not None and bool(record.variants)
            for key in TAGS if tag else (name,):
                self.taken.pop((*path, key), None)
            if tag:
                # Both spellings are one key.
                merged = {key: member for key, member in merged.items() if key not in TAGS}
            if value is None:
                merged.pop(name, None)
                self.taken[at] = self.origin
                if record is not None and not tag and name not in shape:
                    close = get_close_matches(name, shape, n=1)
                    self.tell(self.patch, at, "unknown-field", f"unknown field {name}", _meant(close))
            elif isinstance(value, dict) and not replaced_whole(shape.get(name)):
                inner = merged.get(name)
                if not isinstance(inner, dict):
                    self.origins[at] = self.origin
                below = self._record(shape.get(name))
                merged[name] = self._merged(below, inner if isinstance(inner, dict) else {}, value, at)
            else:
                merged[name] = value
                self.origins[at] = self.origin
        return merged

    def _record(self, prop: Property | None) -> Record | None:
        return self.catalogue.types[prop.of] if prop is not None and prop.type == "object" else None


def _meant(close: Sequence[str]) -> str:
    return f"did you mean {close[0]}?" if close else ""


def replaced_whole(prop: Property | None) -> bool:
    """Whether a property is replaced whole although it is a mapping."""
    return prop is not None and (prop.language is not None or prop.type in ("list", "set"))
