"""Objects that can be declared, brought together to documents, and documents to the text of a file.

Law: pure; what is not here is told in a comment of the file where it would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.desired.export.variables import CAMEL
from reconciler.kinds import Kind
from reconciler.values import Address
from reconciler.yamlio import comment, emit

Path = tuple[str | int, ...]
#: An object (with an empty pointer) or a property of it, and a sentence about it.
Noted = tuple[Address, str, str]


class NewDocument(Struct, frozen=True):
    """A document to be written: its value in human form, and comments by the path that they stand above."""

    kind: str
    value: dict[str, Any]
    comments: Mapping[Path, str] = {}


class ExportedResource(Struct):
    """One object: its spec, its metadata, and comments by the path in the spec."""

    address: Address
    spec: dict[str, Any]
    metadata: dict[str, Any]
    comments: dict[Path, str]
    #: What the spec is in wire form.
    wire: dict[str, Any] = {}
    #: Stands above the whole object.
    note: str = ""


class Export(Struct, frozen=True):
    """What live state looks like as manifests."""

    #: Per kind its documents in order; kinds of which there is nothing to say are not here.
    documents: Mapping[str, tuple[NewDocument, ...]]
    #: Objects (with an empty pointer) that are left out and properties that are left alone, and why.
    omitted: tuple[Noted, ...] = ()
    #: Variables that stand for secrets, and the secret that each stands for: address and wire pointer.
    secrets: tuple[tuple[str, Address, str], ...] = ()
    #: What else is to be said of what is declared.
    remarks: tuple[Noted, ...] = ()
    #: Per kind the number of objects that are left out because they are outside what the manifests own.
    outside: Mapping[str, int] = {}
    #: Per kind each object that is declared, before those in a row come together to documents.
    declared: Mapping[str, tuple[ExportedResource, ...]] = {}
    #: Routing tests that hold what the documents were made of, as documents.
    tests: tuple[Mapping[str, Any], ...] = ()


def printed(export: Export, kinds: Iterable[str], schema: str) -> str:
    """Return the documents of some kinds as the text of one file, with where editors find the schema."""
    chosen = [kind for kind in kinds if kind in export.documents]
    head = f"# yaml-language-server: $schema={schema}\n"
    for address, pointer, reason in export.omitted:
        if address.kind in chosen and not pointer:
            head += comment(f"{address} is left out: {reason}. Unless policy.keep holds it, --prune destroys it.")
            head += "\n"
    return head + "---\n".join(
        emit(document.value, document.comments) for kind in chosen for document in export.documents[kind]
    )


def printed_tests(export: Export) -> str:
    """Return the routing tests as YAML; "" where there are none."""
    return "---\n".join(emit(dict(test)) for test in export.tests)


def file_name(kind: str) -> str:
    """Return the name of the file that holds a kind: `mta-route.yaml`."""
    return f"{CAMEL.sub('-', kind).lower()}.yaml"


def documents(kind: Kind, declared: Sequence[ExportedResource]) -> Iterator[NewDocument]:
    """Bring objects in a row that need no metadata together under `items`."""
    run: list[ExportedResource] = []
    for exported in declared:
        if exported.metadata:
            yield from _together(kind, run)
            yield from _together(kind, [exported])
            run = []
        else:
            run.append(exported)
    yield from _together(kind, run)


def _together(kind: Kind, run: Sequence[ExportedResource]) -> Iterator[NewDocument]:
    if not run:
        return
    head: dict[str, Any] = {"kind": kind.kind}
    if len(run) > 1:
        comments = {
            path: text for index, exported in enumerate(run) for path, text in _comments(exported, ("items", index))
        }
        yield NewDocument(kind.kind, {**head, "items": [exported.spec for exported in run]}, comments)
        return
    exported = run[0]
    if exported.metadata:
        head["metadata"] = exported.metadata
    yield NewDocument(kind.kind, {**head, "spec": exported.spec}, dict(_comments(exported, ("spec",))))


def _comments(exported: ExportedResource, at: Path) -> Iterator[tuple[Path, str]]:
    if exported.note:
        yield ("metadata",) if exported.metadata else at, exported.note
    for path, text in exported.comments.items():
        yield (*at, *path), text
