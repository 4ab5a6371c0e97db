"""From files to desired state: read, judged by schema, encoded, and told apart by address.

Law: no network and no environment; all mistakes of a run are found together, and none is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reconciler.catalogue import Catalogue
from reconciler.errors import Diagnostic, ManifestError
from reconciler.manifest.documents import Reader, Where
from reconciler.manifest.files import Text, find, read
from reconciler.model import Address, Resource
from reconciler.strictyaml import load as load_yaml
from reconciler.strictyaml import load_json

__all__ = ["Desired", "Text", "find", "load", "read"]


class Desired(Struct, frozen=True):
    """What the manifests want: resources in the order of their declaration, and what is to be said about them."""

    resources: tuple[Resource, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    files: int = 0
    documents: int = 0

    def checked(self) -> Desired:
        """Return this desired state if it holds no error.

        Raises:
            ManifestError: it holds one.
        """
        if any(each.severity == "error" for each in self.diagnostics):
            raise ManifestError(self.diagnostics)
        return self


def load(catalogue: Catalogue, paths: Iterable[str]) -> Desired:
    """Read the manifests below some paths.

    Raises:
        UsageError: a path does not exist.
    """
    files = find(paths)
    texts, problems = read(files)
    desired = parse(catalogue, texts)
    return replace(desired, diagnostics=(*problems, *desired.diagnostics), files=len(files))


def parse(catalogue: Catalogue, texts: Sequence[Text]) -> Desired:
    """Turn the texts of manifests into desired state. Pure."""
    reader = Reader(catalogue)
    resources: list[Resource] = []
    count = 0
    for each in texts:
        documents, problems = (load_json if each.file.endswith(".json") else load_yaml)(each.text)
        reader.problems += [
            Diagnostic(file=each.file, line=p.line, column=p.column, code=p.code, message=p.message, hint=p.hint)
            for p in problems
        ]
        count += len(documents)
        for index, document in enumerate(documents):
            resources += reader.resources(Where(each.file, each.text, index, document))
    merged, clashes = _merge(catalogue, resources)
    told = tuple(sorted([*reader.problems, *clashes]))
    return Desired(tuple(merged), told, len(texts), count)


def _merge(catalogue: Catalogue, resources: Sequence[Resource]) -> tuple[list[Resource], list[Diagnostic]]:
    """Bring the documents of a singleton together, and find addresses that are declared twice."""
    found: dict[Address, Resource] = {}
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
        other = found.get(address)
        if other is None:
            found[address] = resource
        elif catalogue.kinds[address.kind].singleton:
            shared = sorted(other.wire.keys() & resource.wire.keys())
            clashes += [_clash(resource, other, f"{name} is declared", name) for name in shared]
            found[address] = replace(
                other,
                wire={**other.wire, **resource.wire},
                sources={**other.sources, **resource.sources},
                unmanaged=tuple(dict.fromkeys([*other.unmanaged, *resource.unmanaged])),
            )
        else:
            clashes.append(_clash(resource, other, "this address is declared"))
    return list(found.values()), clashes


def _clash(second: Resource, first: Resource, what: str, pointer: str = "") -> Diagnostic:
    place = second.place(pointer)
    return Diagnostic(
        file=place.file,
        line=place.line,
        column=place.column,
        address=str(second.address),
        pointer=pointer,
        code="declared-twice",
        message=f"{what} twice, first at {first.place(pointer)}",
        hint="take one of them out",
    )
