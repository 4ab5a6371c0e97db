"""From the texts of manifests to desired state: read, judged, encoded, and told apart by address.

Law: pure: the same texts, catalogue and variables come to the same, whatever else there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from reconciler.desired.manifest.documents import DocumentReader
from reconciler.desired.manifest.entries import Declaration, DocumentPlace, is_json
from reconciler.desired.manifest.files import ManifestText
from reconciler.desired.manifest.state import Desired, Locator, digest_of, indexed
from reconciler.kinds import Catalogue
from reconciler.values import Address, Diagnostic, Resource, in_file, mistake
from reconciler.yamlio import Problem, YamlDocument
from reconciler.yamlio import load as load_yaml


class Parsed(NamedTuple):
    """Desired state, and how it came about."""

    desired: Desired
    #: Each declaration, with the resource that it alone comes to.
    pairs: list[tuple[Resource, Declaration]]
    #: One layer changed what another declares.
    layered: bool
    #: A variable of the environment stands in it.
    of_environment: bool


def parse(
    catalogue: Catalogue, layers: Sequence[Sequence[ManifestText]], variables: Mapping[str, Any] | None = None
) -> Desired:
    """Turn the texts of manifests, layer by layer, into desired state. Pure."""
    return parsed(catalogue, layers, variables, digest_of(layers)).desired


def parsed(
    catalogue: Catalogue,
    layers: Sequence[Sequence[ManifestText]],
    variables: Mapping[str, Any] | None,
    digest: str,
) -> Parsed:
    """Do what `parse` does, and tell how it came about; `digest` is that of the texts. Pure."""
    reader = DocumentReader(catalogue, variables)
    entries: list[Declaration] = []
    misread: list[Diagnostic] = []
    files: dict[str, int] = {}
    for layer, texts in enumerate(layers):
        for text in texts:
            documents, problems = _documents(text)
            misread += [in_file(text.file, problem) for problem in problems]
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
    tests, locate = tuple(reader.tests), Locator(indexed(good))
    desired = Desired(tuple(merged), diagnostics, files, tests, locate, digest, tuple(dropped))
    return Parsed(desired, good, reader.layered, reader.substitution.of_environment)


def _documents(text: ManifestText) -> tuple[list[YamlDocument], list[Problem]]:
    """Read a text by the language that its file's name tells."""
    if is_json(text.file):
        from reconciler.yamlio import load_json

        return load_json(text.text)
    return load_yaml(text.text)


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
    twice = f"{message} twice, first at {first.place(pointer)}"
    hint = "take one of them out, or let the one of a later layer say metadata.patch: true"
    return mistake(second, pointer, "declared-twice", twice, hint)
