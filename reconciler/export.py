"""From live state to the documents that declare it.

Law: pure; what is declared here and compared with the same live state is no change. What a manifest cannot say is left
out, left alone by `metadata.unmanaged`, and told in a comment; nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.catalogue import Catalogue, Kind, Property, Record
from reconciler.codec import Codec, check_expression, decode
from reconciler.diff import exact
from reconciler.identity import name_of
from reconciler.model import MASK, Address, LiveObject, LiveState, Sensitive, Wire
from reconciler.units import MAX_INTEGER
from reconciler.yamltext import comment, emit

Path = tuple[str | int, ...]
#: Returns what the schema of a kind says against a spec: the path, and a sentence.
Judge = Callable[[Kind, dict[str, Any]], Sequence[tuple[tuple[str, ...], str]]]

#: Variables of these names are not for secrets unless policy says so, and the names of ours end somewhere.
_RESERVED = ("STALWART_", "RECONCILER_")
_LONGEST_NAME = 60
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MASKED = "The server masks this secret. Set {name} where it is written: by a create, or with --rotate-secrets."


class Document(Struct, frozen=True):
    """A document to be written: its value in human form, and comments by the path that they stand above."""

    kind: str
    value: dict[str, Any]
    comments: Mapping[Path, str] = {}


class Export(Struct, frozen=True):
    """What live state looks like as manifests."""

    #: Per kind its documents in order; kinds of which there is nothing are not here.
    documents: Mapping[str, tuple[Document, ...]]
    #: Objects (with an empty pointer) and properties that no manifest can hold, and why.
    omitted: tuple[tuple[Address, str, str], ...] = ()
    #: Variables that stand for secrets, and the secret that each stands for: address and wire pointer.
    secrets: tuple[tuple[str, Address, str], ...] = ()


class _Declared(Struct):
    """One object: its spec, its metadata, and comments by the path in the spec."""

    spec: dict[str, Any]
    metadata: dict[str, Any]
    comments: dict[Path, str]
    #: Stands above the whole document.
    note: str = ""


def export(catalogue: Catalogue, live: LiveState, judge: Judge, kinds: Collection[str] | None = None) -> Export:
    """Return the documents that declare everything which was read, or everything of some kinds.

    Args:
        catalogue: what the kinds are.
        live: what the server holds; the kinds that others refer to must be in it, or references are written by id.
        judge: tells what the schemas say against a spec.
        kinds: the kinds to declare; None stands for all.
    """
    exporter = _Exporter(catalogue, live, judge)
    documents = {}
    for name in sorted(live.objects if kinds is None else live.objects.keys() & set(kinds)):
        found = exporter.kind(catalogue.kinds[name])
        if found:
            documents[name] = found
    return Export(documents, tuple(exporter.omitted), tuple(exporter.secrets))


def printed(found: Export, kinds: Iterable[str], schema: str) -> str:
    """Return the documents of some kinds as the text of one file, with where editors find the schema."""
    chosen = [kind for kind in kinds if kind in found.documents]
    head = f"# yaml-language-server: $schema={schema}\n"
    for address, pointer, reason in found.omitted:
        if address.kind in chosen and not pointer:
            head += comment(f"{address} is not here: {reason}.") + "\n"
    return head + "---\n".join(emit(each.value, each.comments) for kind in chosen for each in found.documents[kind])


def file_name(kind: str) -> str:
    """Return the name of the file that holds a kind: `mta-route.yaml`."""
    return f"{_CAMEL.sub('-', kind).lower()}.yaml"


class _Exporter:
    def __init__(self, catalogue: Catalogue, live: LiveState, judge: Judge) -> None:
        self.catalogue = catalogue
        self.live = live
        self.judge = judge
        self.codec = Codec(catalogue)
        self.omitted: list[tuple[Address, str, str]] = []
        self.secrets: list[tuple[str, Address, str]] = []
        self._names: set[str] = set()

    def kind(self, kind: Kind) -> tuple[Document, ...]:
        """Return the documents of one kind: in order of creation where the server runs them so, else by name."""
        objects = list(self.live.of(kind.kind))
        if not kind.ordered:
            # Objects of one name stay in order of creation, by which documents are paired with them.
            objects.sort(key=lambda each: each.address.name)
        own = _own_names(kind, objects)
        declared = [each for found in objects if (each := self._declared(kind, found, own.get(found.id, "")))]
        return tuple(_documents(kind, declared))

    def _declared(self, kind: Kind, found: LiveObject, name: str) -> _Declared | None:
        known = len(self.secrets)
        wire, comments = self._ready(kind, found)
        references = {tuple(pointer.split("/")) for _, _, pointer in self.secrets[known:]}
        metadata: dict[str, Any] = {}
        if name:
            metadata["name" if "name" not in kind.match else "id"] = name
        spec = _tidy(kind, decode(self.catalogue, kind, wire, defaults=kind.singleton))
        faults = self._faults(kind, wire, spec)
        if faults:
            required = {each for each, prop in kind.shape(_variant(kind, wire)).items() if prop.required}
            whole = "" in faults or bool(required & faults.keys())
            for pointer, reason in faults.items():
                if not whole:
                    self.omitted.append((found.address, pointer, reason))
                elif pointer in ("", *required):
                    self.omitted.append((found.address, "", f"{pointer}: {reason}" if pointer else reason))
            if whole:
                del self.secrets[known:]
                return None
            metadata["unmanaged"] = sorted(faults)
            spec = {each: value for each, value in spec.items() if each not in faults}
            if self._faults(kind, wire, spec, without=faults):
                self.omitted.append((found.address, "", "it cannot be declared without what is left out"))
                return None
        note = "\n".join(f"{pointer} is left alone: {reason}." for pointer, reason in sorted(faults.items()))
        kept = {path: text for path, text in comments.items() if path[0] in spec}
        return _Declared(_escaped(spec, references), metadata, kept, note)

    def _ready(self, kind: Kind, found: LiveObject) -> tuple[Wire, dict[Path, str]]:
        """Return a wire object that can be declared: secrets by reference, sets and maps in one order."""
        comments: dict[Path, str] = {}

        def walk(record: Record, wire: Mapping[str, Any], path: tuple[str, ...]) -> Wire:
            shape = record.shape(_variant(record, wire)) if _known(record, wire) else {}
            ready = dict(wire)
            for name, prop in shape.items():
                if name in wire:
                    ready[name] = value(prop, wire[name], (*path, name))
            return ready

        def value(prop: Property, held: Any, path: tuple[str, ...]) -> Any:
            if prop.sensitive and held == MASK:
                variable = self._variable(found.address, path)
                self.secrets.append((variable, found.address, "/".join(path)))
                comments[(path[0],)] = _MASKED.format(name=variable)
                return Sensitive(reference=f"${{env:{variable}}}")
            if isinstance(held, Address) and held.name.startswith("id:"):
                # Such a name would be read as an id, so the id it is.
                held = next((Address(held.kind, id=o.id) for o in self.live.of(held.kind) if o.address == held), held)
            if prop.type == "set" and isinstance(held, dict):
                places = {each: index for index, each in enumerate(prop.values)}
                return {each: held[each] for each in sorted(held, key=lambda each: (places.get(each, 0), each))}
            if prop.type == "map" and isinstance(held, dict):
                return dict(sorted(held.items()))
            if prop.type == "object" and not prop.language and isinstance(held, dict):
                return walk(self.catalogue.record(prop.of), held, path)
            if prop.type == "list" and isinstance(held, dict):
                record = self.catalogue.record(prop.of)
                return {
                    key: walk(record, each, (*path, key)) if isinstance(each, dict) else each
                    for key, each in held.items()
                }
            return held

        return walk(kind, found.wire, ()), comments

    def _variable(self, address: Address, path: Sequence[str]) -> str:
        """Return a new name for the variable of a secret: `RELAY_EU_AUTH_SECRET`."""
        # The last step is the same for all secrets.
        steps = path[:-1] or path
        own = "_".join(_CAMEL.sub("_", step) for step in steps)
        kind = _CAMEL.sub("_", address.kind)
        short, long = _shouted(f"{address.name}_{own}"), _shouted(f"{kind}_{address.name}_{own}")
        names = [] if short[0].isdigit() or short.startswith(_RESERVED) or not address.name.strip("-") else [short]
        number = 2
        for name in (*names, long):
            if name not in self._names:
                break
        else:
            while f"{long}_{number}" in self._names:
                number += 1
            name = f"{long}_{number}"
        self._names.add(name)
        return name

    def _faults(self, kind: Kind, wire: Wire, spec: dict[str, Any], without: Collection[str] = ()) -> dict[str, str]:
        """Return which properties would not come back as they are, and why; "" where it is the object as a whole."""
        faults: dict[str, str] = {}
        for path, message in self.judge(kind, spec):
            faults.setdefault(path[0] if path and path[0] in wire else "", message)
        if faults:
            return faults
        encoded, mistakes = self.codec.encode(kind, spec)
        for mistake in mistakes:
            faults.setdefault(mistake.path[0] if mistake.path else "", mistake.message)
        if mistakes:
            return faults
        shape = kind.shape(_variant(kind, wire))
        for name, value in encoded.items():
            if name in without:
                continue
            if name not in wire or not exact(value, wire[name]):
                faults[name] = "no manifest says what the server holds here"
            elif name in shape and name in spec:
                reason = self._refused(shape[name], value)
                if reason:
                    faults[name] = reason
        return faults

    def _refused(self, prop: Property, value: Any) -> str:
        """Say why a property's expression would be refused, or ""."""
        if prop.language is None or not isinstance(value, dict):
            return ""
        texts = [value["else"], *(text for branch in value["match"].values() for text in branch.values())]
        context = self.codec.context(prop)
        errors = (check_expression(text, context) for text in texts)
        return next((f"the expression is refused here: {error.message}" for error in errors if error), "")


def _known(record: Record, wire: Mapping[str, Any]) -> bool:
    return not record.variants or wire.get("@type") in record.variants


def _variant(record: Record, wire: Mapping[str, Any]) -> str:
    variant = wire.get("@type")
    return variant if isinstance(variant, str) and variant in record.variants else next(iter(record.variants), "")


def _own_names(kind: Kind, objects: Sequence[LiveObject]) -> dict[str, str]:
    """Return a name for each object that shares its address with another (or its id, where the kind has names)."""
    plain = [name_of(each.key) if each.key else "" for each in objects]
    shared = {name for name, count in Counter(plain).items() if count > 1}
    taken = set(plain)
    names: dict[str, str] = {}
    for each, name in zip(objects, plain, strict=True):
        if name not in shared:
            continue
        if "name" in kind.match:
            names[each.id] = each.id
            continue
        number = 1
        while f"{name}-{number}" in taken:
            number += 1
        names[each.id] = f"{name}-{number}"
        taken.add(names[each.id])
    return names


def _documents(kind: Kind, declared: Sequence[_Declared]) -> Iterator[Document]:
    """Bring objects in a row that need no metadata together under `items`."""
    run: list[_Declared] = []
    for each in declared:
        if each.metadata:
            yield from _together(kind, run)
            yield from _together(kind, [each])
            run = []
        else:
            run.append(each)
    yield from _together(kind, run)


def _together(kind: Kind, run: Sequence[_Declared]) -> Iterator[Document]:
    if not run:
        return
    head: dict[str, Any] = {"kind": kind.kind}
    if len(run) > 1:
        comments = {("items", index, *path): text for index, each in enumerate(run) for path, text in _notes(each)}
        yield Document(kind.kind, {**head, "items": [each.spec for each in run]}, comments)
        return
    each = run[0]
    if each.metadata:
        head["metadata"] = each.metadata
    comments = {("spec", *path): text for path, text in _notes(each)}
    if each.note:
        comments[("metadata",)] = each.note
    yield Document(kind.kind, {**head, "spec": each.spec}, comments)


def _notes(each: _Declared) -> Iterator[tuple[Path, str]]:
    yield from each.comments.items()


def _tidy(kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    """Write the expressions of a spec in their shortest form: `true` and `5` need no quotes."""
    shape = kind.shape(str(spec.get("type", ""))) if not kind.variants or spec.get("type") in kind.variants else {}
    return {name: _shortest(value) if name in shape and shape[name].language else value for name, value in spec.items()}


def _shortest(value: Any) -> Any:
    """Return an expression with booleans and numbers as themselves; what follows `use` is a name, and stays a text."""
    if isinstance(value, dict):
        return {key: each if key == "use" else _shortest(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortest(each) for each in value]
    if value in ("true", "false"):
        return value == "true"
    if isinstance(value, str) and len(value) < 20 and re.fullmatch("-?[1-9][0-9]*|0", value):
        number = int(value)
        return number if abs(number) <= MAX_INTEGER else value
    return value


def _escaped(value: Any, references: Collection[tuple[str, ...]], path: tuple[str, ...] = ()) -> Any:
    """Return a value whose `${` is no variable, except where a reference to a secret stands."""
    if isinstance(value, dict):
        return {key.replace("${", "$${"): _escaped(each, references, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_escaped(each, references, (*path, str(index))) for index, each in enumerate(value)]
    if isinstance(value, str) and "${" in value and path not in references:
        return value.replace("${", "$${")
    return value


def _shouted(text: str) -> str:
    """Return a text as the name of a variable."""
    return re.sub("[^A-Z0-9]+", "_", text.upper()).strip("_")[:_LONGEST_NAME].rstrip("_") or "SECRET"
