"""From YAML documents to resources: kind, metadata and spec are told apart, judged and encoded.

Law: a mistake never stops the reading: every document is looked at, and every mistake is a diagnostic with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from reconciler.desired.manifest.entries import Declaration, DocumentPlace, Path, TestDocument
from reconciler.desired.manifest.metadata import SINGLE, contradictions, said
from reconciler.desired.manifest.specs import guess, key_only, leads, untyped
from reconciler.desired.manifest.variables import Substitution, references
from reconciler.kinds import (
    Catalogue,
    Codec,
    Judge,
    Kind,
    address_of,
    bare_durations,
    check_expression,
    context_of,
    has_durations,
    key_of,
    spelled_out,
    with_derived,
    with_else,
)
from reconciler.values import NOTHING, Address, Diagnostic, Resource, Sensitive, Source, get_close_matches

if TYPE_CHECKING:
    from reconciler.desired.manifest.layers import Called, Dropped

ROUTING_TEST = "RoutingTest"


class DocumentReader:
    """Reads documents by one catalogue, and keeps every mistake.

    Documents become entries, layers bring entries together, and entries become resources.
    """

    def __init__(self, catalogue: Catalogue, variables: Mapping[str, Any] | None = None) -> None:
        self.catalogue = catalogue
        self.codec = Codec(catalogue)
        self.judge = Judge(catalogue)
        self.substitution = Substitution(catalogue, variables or {})
        self.problems: list[Diagnostic] = []
        self.tests: list[TestDocument] = []
        self.layered = False
        self._keys: dict[str, Kind] = {}
        self._durations: dict[str, bool] = {}
        self._given: dict[tuple[str, ...], frozenset[str]] = {}

    def entries(self, where: DocumentPlace, layer: int) -> list[Declaration]:
        """Return what a document declares; its mistakes go to `problems`."""
        value = where.document.value
        if not isinstance(value, dict):
            self._tell(where, (), "document", "a document is a mapping with kind and spec")
            return []
        if value.get("kind") == ROUTING_TEST:
            problems = len(self.problems)
            plain = self.substitution.plain(value, self._teller(where)) if where.variables else value
            self.tests += [TestDocument(plain, where)] if len(self.problems) == problems else []
            return []
        kind = self._kind(where, value)
        if kind is None:
            return []
        if len(value) == 2 and value.get("spec") is not None and not where.variables:
            # Most documents are a kind and a spec, and there is nothing else to look at.
            return [Declaration(kind, NOTHING, value["spec"], where, ("spec",), where.document.line, layer)]
        metadata = self._metadata(where, value, kind)
        from reconciler.desired.manifest.strays import strays, unindented

        for stray in strays(kind, value):
            self._tell(where, (stray.name,), "unknown-field", stray.message, stray.hint, key=True)
        if metadata is None or unindented(kind, value):
            return []
        specs = self._specs(where, value, kind, metadata)
        single = [name for name in SINGLE if name in metadata]
        if len(specs) > 1 and single:
            message = f"metadata.{single[0]} stands for one object, and there are several items"
            self._tell(where, ("metadata", single[0]), "metadata", message)
            return []
        self.layered |= bool(metadata.get("patch") or metadata.get("drop"))
        declarations = [Declaration(kind, metadata, spec, where, path, line, layer) for path, spec, line in specs]
        return [self._substituted(declaration) for declaration in declarations] if where.variables else declarations

    def overlaid(self, entries: list[Declaration]) -> tuple[list[Declaration], list[Dropped]]:
        """Bring the layers together, where there are any."""
        if not self.layered:
            return entries, []

        from reconciler.desired.manifest.layers import overlay

        def tell(entry: Declaration, path: Path, code: str, message: str, hint: str) -> None:
            self._about(entry, path, code, message, hint, guess(entry))

        return overlay(self.catalogue, [self._key_alone(declaration) for declaration in entries], self._called, tell)

    def _called(self, entry: Declaration) -> Called:
        """Return what an entry is called in the server's own form, as far as its spec tells."""
        from reconciler.desired.manifest.layers import Called

        kind, spec, name = entry.kind, entry.spec, str(entry.metadata.get("name", ""))
        if kind.singleton:
            return Called(Address(kind.kind), ())
        unsure, of_key = Called(Address(kind.kind, guess(entry).name)), self._key_only(kind)
        if not isinstance(spec, dict):
            return unsure
        given = {field: spec[field] for field in kind.match if spec.get(field) is not None}
        wire, mistakes = ({}, ()) if self.judge.faults(of_key, given) else self.codec.encode(of_key, given)
        if mistakes or not wire:
            return unsure
        key = key_of(kind, wire)
        return Called(address_of(kind, key, name), key)

    def _key_only(self, kind: Kind) -> Kind:
        if kind.kind not in self._keys:
            self._keys[kind.kind] = key_only(kind)
        return self._keys[kind.kind]

    def _key_alone(self, entry: Declaration) -> Declaration:
        """Check that a drop gives no more than what tells its object from others."""
        if not entry.metadata.get("drop") or entry.flawed:
            return entry
        problems = len(self.problems)
        self._judged(entry, self._key_only(entry.kind), untyped({} if entry.spec is None else entry.spec))
        return replace(entry, flawed=len(self.problems) > problems)

    def _kind(self, where: DocumentPlace, value: Mapping[str, Any]) -> Kind | None:
        name = value.get("kind")
        if name is None:
            self._tell(where, (), "missing", "the required field kind is missing", "such as kind: MtaRoute")
            return None
        if isinstance(name, str) and name in self.catalogue.kinds:
            return self.catalogue.kinds[name]
        known = list(self.catalogue.kinds)
        plain = str(name).removeprefix("x:")
        close = [plain] if plain in known else get_close_matches(plain, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        self._tell(where, ("kind",), "unknown-kind", f"unknown kind {name!r}", hint)
        return None

    def _metadata(self, where: DocumentPlace, value: Mapping[str, Any], kind: Kind) -> dict[str, Any] | None:
        metadata = value.get("metadata")
        if metadata is None or metadata == {}:
            return {}
        wrong = False
        if where.variables and isinstance(metadata, dict):
            problems = len(self.problems)
            metadata = self.substitution.plain(metadata, self._teller(where, "metadata"))
            wrong = len(self.problems) > problems
        from reconciler.kinds import METADATA, explain

        faults = explain(METADATA, metadata)
        if not (wrong or faults):
            faults = contradictions(kind, metadata)
        for fault in faults:
            self._tell(where, ("metadata", *fault.path), fault.code, fault.message, fault.hint, key=fault.of_key)
        return None if wrong or faults else metadata

    def _specs(
        self, where: DocumentPlace, value: Mapping[str, Any], kind: Kind, metadata: Mapping[str, Any]
    ) -> list[tuple[tuple[str, ...], Any, int]]:
        """Return the path, value and line of every spec of a document."""
        if "spec" in value and "items" in value:
            self._tell(where, ("items",), "both", "spec and items exclude each other", "keep one of them", key=True)
            return []
        if "spec" in value:
            return [(("spec",), value["spec"], where.document.line)]
        specs = value.get("items")
        if specs is None and kind.singleton and (metadata.get("patch") or metadata.get("drop")):
            # There is nothing to tell it by.
            return [((), None, where.document.line)]
        if specs is None:
            self._tell(where, (), "missing", "spec or items is missing", "spec holds the object, items several")
            return []
        if not isinstance(specs, list) or not specs:
            self._tell(where, ("items",), "type", "items is a list of at least one object")
            return []
        lines = where.document.item_lines or (where.document.line,) * len(specs)
        return [(("items", str(index)), spec, lines[index]) for index, spec in enumerate(specs)]

    def resource(self, entry: Declaration) -> Resource | None:
        """Judge and encode one entry; None if it holds a mistake, which goes to `problems`."""
        if entry.flawed:
            return None
        spec, metadata = entry.spec, entry.metadata
        kind, name, absent = entry.kind, "", False
        unmanaged: Sequence[str] = ()
        if metadata:
            absent, unmanaged = bool(metadata.get("absent")), metadata.get("unmanaged", ())
            kind, name = self._key_only(kind) if absent else kind, str(metadata.get("name", ""))
        if absent and isinstance(spec, dict):
            # What a patch makes absent has more than its key.
            spec = {field: spec[field] for field in kind.match if field in spec} if entry.patches else untyped(spec)
        if absent and not self._names_fields(entry):
            return None
        wire = self._judged(entry, kind, with_else(kind, spec, unmanaged) if unmanaged else spec)
        if wire is None:
            return None
        place = Source(entry.where.file, entry.line)
        sources = NOTHING
        if kind.singleton:
            # Elsewhere what is left out is at its default anyway.
            sources = own = {field: entry.source((field,)) if entry.patches else place for field in wire}
            for (field, *below), origin in entry.taken.items():
                if not below and field in kind.properties and field not in unmanaged:
                    wire[field], own[field] = kind.properties[field].default, origin[0].source((*origin[1], field))
        if kind.derived:
            wire = with_derived(kind, wire, name)
            if not (wire.keys() & kind.derived or metadata.get("id")):
                message = "the server works out what it is called, and that cannot be told here"
                self._about(entry, (), "unnamed", message, "metadata.name says it: the first of its names")
                return None
        key = key_of(kind, wire)
        resource = Resource(
            address=address_of(entry.kind, key, name),
            key=key,
            wire=wire,
            source=place,
            sources=sources,
            given=self._fields_of(spec),
            bare=tuple(bare_durations(self.catalogue, kind, spec)) if self._timed(kind) else (),
            **(said(metadata) if metadata else {}),
        )
        if absent:
            return resource
        fine = self._hidden(entry, resource) if entry.where.variables or entry.patches else True
        fine &= self._unmanaged(entry, spec, resource) if resource.unmanaged else True
        fine &= self._expressions(entry, resource)
        return resource if fine else None

    def _fields_of(self, spec: Mapping[str, Any]) -> frozenset[str]:
        """Return the wire names of what a spec gives; specs of the same fields share the set, which saves memory."""
        names = tuple(spec)
        given = self._given.get(names)
        if given is None:
            given = self._given[names] = frozenset("@type" if name == "type" else name for name in names)
        return given

    def _timed(self, kind: Kind) -> bool:
        """Whether a kind has durations, which is worked out once."""
        if kind.kind not in self._durations:
            self._durations[kind.kind] = has_durations(self.catalogue, kind)
        return self._durations[kind.kind]

    def _names_fields(self, entry: Declaration) -> bool:
        """Check that a patch upon what is absent, of which only the key counts, gives no field that the kind lacks."""
        known = entry.kind.legible(None)
        fine = True
        for name in entry.spec if entry.patches and isinstance(entry.spec, dict) else ():
            if name not in known and name not in ("type", "@type"):
                fine = False
                self._about(entry, (name,), "unknown-field", f"unknown field {name}", key=True)
        return fine

    def _judged(self, entry: Declaration, kind: Kind, spec: Any) -> dict[str, Any] | None:
        """Judge a spec by its schema and encode it; None if it holds a mistake, which goes to `problems`."""
        faults = self.judge.faults(kind, spec)
        for fault in faults:
            hint = fault.hint
            if fault.code in ("missing", "unknown-field") and entry.patches and fault.path not in entry.origins:
                layered = f"patched at {', '.join(map(str, entry.patches))}, where null takes a field out"
                hint = f"{hint}; {layered}" if hint else layered
            self._about(entry, fault.path, fault.code, fault.message, hint, key=fault.of_key)
        if faults:
            return None
        wire, mistakes = self.codec.encode(kind, spec)
        for mistake in mistakes:
            self._about(entry, mistake.path, mistake.code, mistake.message, mistake.hint)
        return None if mistakes else wire

    def _substituted(self, entry: Declaration) -> Declaration:
        """Put variables in their places, and spell out what a lone reference to a secret stands for."""
        problems = len(self.problems)

        def tell(path: Path, message: str, hint: str) -> None:
            self._about(entry, path, "variable", message, hint)

        spec = self.substitution.spec(entry.kind, entry.spec, tell)
        return replace(entry, spec=spelled_out(self.catalogue, entry.kind, spec), flawed=len(self.problems) > problems)

    def _teller(self, where: DocumentPlace, *above: str) -> Callable[[Path, str, str], None]:
        def tell(path: Path, message: str, hint: str) -> None:
            self._tell(where, (*above, *path), "variable", message, hint)

        return tell

    def _hidden(self, entry: Declaration, resource: Resource) -> bool:
        """Check that every reference to a secret stands in a field that holds one."""
        fine = True
        for at in references(entry.spec):
            value: Any = resource.wire
            for step in at:
                value = value.get(step) if isinstance(value, Mapping) else None
            if not isinstance(value, Sensitive):
                fine = False
                message = "${env:…} and ${file:…} are for secrets, and this field holds none"
                hint = "write ${var:NAME}, and give the target vars: {NAME: …}"
                self._about(entry, at, "secret", message, hint, resource.address)
        return fine

    def _unmanaged(self, entry: Declaration, spec: Mapping[str, Any], resource: Resource) -> bool:
        """Check that what is left alone is a property, and is not declared beside."""
        fine = True
        for index, pointer in enumerate(resource.unmanaged):
            steps = pointer.split("/")
            at = ("metadata", "unmanaged", str(index))
            where = entry.metadata_places.get("unmanaged", entry.where)
            if not leads(self.catalogue, entry.kind, resource.wire.get("@type", ""), steps):
                fine = False
                message = f"{pointer} is no property of {entry.kind.kind} that can be left alone"
                hint = "such as description or route/else"
                self._tell(where, at, "unmanaged", message, hint, resource.address)
                continue
            declared: Any = spec
            for step in steps:
                if isinstance(declared, dict):
                    # `use` is another spelling of `else`, and a bare value one of the whole.
                    declared = declared.get(step, declared.get("use") if step == "else" else None)
            if declared is not None:
                fine = False
                message = f"{pointer} is declared and unmanaged at once"
                self._tell(where, at, "unmanaged", message, "keep one of the two", resource.address)
        return fine

    def _expressions(self, entry: Declaration, resource: Resource) -> bool:
        """Check every expression as the server will when it is sent."""
        fine = True
        for name, prop in entry.kind.expressions(resource.wire.get("@type", "")):
            wire = resource.wire.get(name)
            if wire is None or wire == prop.default:
                continue
            context = context_of(self.catalogue, prop)
            texts: list[tuple[Path, str]] = [((name, "else"), wire["else"])]
            for index, branch in wire["match"].items():
                texts += [((name, "match", index, part), branch[part]) for part in ("if", "then")]
            for at, text in texts:
                error = check_expression(text, context)
                if error is not None:
                    from reconciler.expression import hint_for

                    fine = False
                    message = f"the server would refuse this expression: {error.message} (character {error.column})"
                    path = entry.human("/".join(at))
                    hint = hint_for(error, text, context)
                    self._about(entry, path, "expression", message, hint, resource.address, "/".join(at))
        return fine

    def _about(
        self,
        entry: Declaration,
        path: Path,
        code: str,
        message: str,
        hint: str = "",
        address: Address | None = None,
        pointer: str = "",
        *,
        key: bool = False,
    ) -> None:
        """Keep a mistake in a spec; its pointer is the path unless it is given."""
        source = entry.source(path, key=key)
        self._keep(source, code, message, hint, address or guess(entry), pointer or "/".join(path))

    def _tell(
        self,
        where: DocumentPlace,
        path: Path,
        code: str,
        message: str,
        hint: str = "",
        address: Address | None = None,
        *,
        key: bool = False,
    ) -> None:
        """Keep a mistake in a document outside its specs."""
        self._keep(where.source(path, key=key), code, message, hint, address, "")

    def _keep(self, source: Source, code: str, message: str, hint: str, address: Address | None, pointer: str) -> None:
        self.problems.append(
            Diagnostic(
                file=source.file,
                line=source.line,
                column=source.column,
                address=str(address) if address else "",
                pointer=pointer,
                code=code,
                message=message,
                hint=hint,
            )
        )
