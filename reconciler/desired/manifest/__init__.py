"""From files to desired state: read, judged by schema, encoded, and told apart by address.

Law: no network and no environment; all mistakes of a run are found together, and none is lost.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from reconciler.desired.manifest.documents import DocumentReader
from reconciler.desired.manifest.entries import Declaration, DocumentPlace, TestDocument, is_json
from reconciler.desired.manifest.files import ManifestText, find, read
from reconciler.desired.manifest.layers import Dropped
from reconciler.desired.manifest.walk import text_of
from reconciler.kinds import Catalogue
from reconciler.values import Address, Diagnostic, ManifestError, Resource, Source, in_file
from reconciler.yamlio import load as load_yaml
from reconciler.yamlio import load_json

__all__ = ["Desired", "Locator", "ManifestText", "TestDocument", "find", "load", "parse", "read"]


class Locator:
    """Finds where a property of a resource is declared; works it out only when it is asked for."""

    def __init__(self, pairs: Iterable[tuple[Resource, Declaration]]) -> None:
        self._pairs = tuple(pairs)
        self._entries: dict[Address, list[tuple[Resource, Declaration]]] | None = None

    def __call__(self, address: Address, pointer: str = "") -> Source | None:
        """Return the place of a wire pointer into a resource; None where nothing declares it."""
        entries = self.entries(address)
        top = pointer.partition("/")[0]
        best = next((entry for resource, entry in entries if not top or top in resource.wire), None)
        if best is None:
            best = next((entry for resource, entry in entries if resource.declares(pointer)), None)
        return best.at(pointer) if best else None

    def entries(self, address: Address) -> list[tuple[Resource, Declaration]]:
        """Return what declares an address; several documents may share a singleton."""
        if self._entries is None:
            self._entries = {}
            for resource, entry in self._pairs:
                self._entries.setdefault(Address(resource.address.kind, resource.address.name), []).append(
                    (resource, entry)
                )
        entries = self._entries.get(Address(address.kind, address.name), [])
        return [entry for entry in entries if entry[0].id == address.id] or entries


class Desired(Struct, frozen=True):
    """What the manifests want: resources in the order of their declaration, and what is to be said about them."""

    resources: tuple[Resource, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    #: Every file, and how many documents it holds.
    files: Mapping[str, int] = {}
    tests: tuple[TestDocument, ...] = ()
    locate: Locator = Locator(())
    #: SHA-256 over the names and texts of all files, in order.
    digest: str = ""
    #: What a layer took out again.
    dropped: tuple[Dropped, ...] = ()

    def checked(self) -> Desired:
        """Return this desired state if it holds no error.

        Raises:
            ManifestError: it holds one.
        """
        if any(diagnostic.severity == "error" for diagnostic in self.diagnostics):
            raise ManifestError(self.diagnostics)
        return self


def load(
    catalogue: Catalogue,
    paths: Sequence[str],
    variables: Mapping[str, Any] | None = None,
    *,
    optional: Collection[str] = (),
    links: Sequence[str] = (),
) -> Desired:
    """Read the manifests below some paths, each path a layer upon those before it.

    Args:
        catalogue: what the kinds are.
        paths: files and directories.
        variables: what `${var:NAME}` stands for.
        optional: those paths that may hold no document, or not be there.
        links: directories below which links may end that leave the directory that they stand in.

    Raises:
        UsageError: a path does not exist.
    """
    layers: list[list[ManifestText]] = []
    problems: list[Diagnostic] = []
    held: dict[str, list[str]] = {}
    seen: set[Path] = set()
    for path in paths:
        if path in optional and not os.path.lexists(path):
            continue
        files, unfound = find([path], links)
        texts, unread = read([file for file in files if file not in seen])
        seen.update(files)
        layers.append(texts)
        problems += [*unfound, *unread]
        # What cannot be read may be the document that is missed.
        if path not in optional and not unfound and not unread:
            held[path] = [text_of(str(file)) for file in files]
    desired = parse(catalogue, layers, variables)
    wrong = {diagnostic.file for diagnostic in desired.diagnostics}
    for path, names in held.items():
        if not any(desired.files.get(name) or name in wrong for name in names):
            problems.append(_empty(path))
    unread_files = {diagnostic.file: 0 for diagnostic in problems}
    return replace(desired, diagnostics=(*problems, *desired.diagnostics), files={**unread_files, **desired.files})


def _empty(path: str) -> Diagnostic:
    """Tell of a path without a document, which would look in sync."""
    hint = (
        f"is it the right checkout? A layer of a target that may be empty is written {{path: {path}, optional: true}}"
    )
    return Diagnostic(file=text_of(path), code="no-document", message="it holds no document", hint=hint)


def parse(
    catalogue: Catalogue, layers: Sequence[Sequence[ManifestText]], variables: Mapping[str, Any] | None = None
) -> Desired:
    """Turn the texts of manifests, layer by layer, into desired state. Pure."""
    reader = DocumentReader(catalogue, variables)
    entries: list[Declaration] = []
    misread: list[Diagnostic] = []
    digest = hashlib.sha256()
    files: dict[str, int] = {}
    for layer, texts in enumerate(layers):
        for text in texts:
            documents, problems = (load_json if is_json(text.file) else load_yaml)(text.text)
            misread += [in_file(text.file, problem) for problem in problems]
            digest.update(f"{text.file}\0{text.text}\0".encode())
            files[text.file] = len(documents)
            dollars = "${" in text.text
            ends = [*(document.line for document in documents[1:]), 0]
            for document, end in zip(documents, ends, strict=False):
                entries += reader.entries(DocumentPlace(text.file, text.text, document, dollars, end), layer)
    standing, dropped = reader.overlaid(entries)
    pairs = [(reader.resource(entry), entry) for entry in standing]
    good = [(resource, entry) for resource, entry in pairs if resource is not None]
    merged, clashes = _merge(catalogue, [resource for resource, _ in good])
    # What YAML understood otherwise is wrong for its field too; once is enough.
    doubted = {(diagnostic.file, diagnostic.line, diagnostic.column) for diagnostic in misread}
    judged = [
        diagnostic
        for diagnostic in reader.problems
        if (diagnostic.file, diagnostic.line, diagnostic.column) not in doubted
    ]
    diagnostics = tuple(sorted([*misread, *judged, *clashes]))
    tests, locate = tuple(reader.tests), Locator(good)
    return Desired(tuple(merged), diagnostics, files, tests, locate, digest.hexdigest(), tuple(dropped))


def _merge(catalogue: Catalogue, resources: Sequence[Resource]) -> tuple[list[Resource], list[Diagnostic]]:
    """Bring the documents of a singleton together, and find addresses that are declared twice."""
    merged: dict[Address, Resource] = {}
    clashes: list[Diagnostic] = []
    bound: dict[tuple[str, str], Resource] = {}
    for resource in resources:
        address = resource.address
        if resource.id:
            first = bound.setdefault((address.kind, resource.id), resource)
            if first is not resource:
                clashes.append(_clash(resource, first, f"the id {resource.id} is bound"))
            # Two objects may share a key where each document says which one it stands for.
            address = Address(address.kind, address.name, resource.id)
            resource = replace(resource, address=address)
        other = merged.get(address)
        if other is None:
            merged[address] = resource
        elif catalogue.kinds[address.kind].singleton:
            shared = sorted(other.wire.keys() & resource.wire.keys())
            clashes += [_clash(resource, other, f"{name} is declared", name) for name in shared]
            clashes += [*_both(resource, other), *_both(other, resource)]
            merged[address] = replace(
                other,
                wire={**other.wire, **resource.wire},
                sources={**other.sources, **resource.sources},
                bare=(*other.bare, *resource.bare),
                unmanaged=tuple(dict.fromkeys([*other.unmanaged, *resource.unmanaged])),
                accept={**other.accept, **resource.accept},
            )
        else:
            clashes.append(_clash(resource, other, "this address is declared"))
    return list(merged.values()), clashes


def _both(owner: Resource, other: Resource) -> list[Diagnostic]:
    """Find what one owner of a singleton declares and another one leaves unmanaged."""
    left = [pointer for pointer in other.unmanaged if pointer.partition("/")[0] in owner.wire]
    return [
        Diagnostic(
            file=other.source.file,
            line=other.source.line,
            column=other.source.column,
            address=str(other.address),
            pointer=pointer,
            code="unmanaged",
            message=f"{pointer} is unmanaged here, and declared at {owner.place(pointer)}",
            hint="keep one of the two",
        )
        for pointer in left
    ]


def _clash(second: Resource, first: Resource, message: str, pointer: str = "") -> Diagnostic:
    place = second.place(pointer)
    return Diagnostic(
        file=place.file,
        line=place.line,
        column=place.column,
        address=str(second.address),
        pointer=pointer,
        code="declared-twice",
        message=f"{message} twice, first at {first.place(pointer)}",
        hint="take one of them out, or let the one of a later layer say metadata.patch: true",
    )
