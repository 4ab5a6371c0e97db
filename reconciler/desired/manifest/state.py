"""What manifests come to: resources, routing tests, and where each of them stands.

Law: values; a place is worked out only when it is asked for, by whatever read the manifests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from reconciler.values import Address, Diagnostic, ManifestError, Resource, Source

if TYPE_CHECKING:
    from reconciler.desired.manifest.entries import Declaration, TestDocument
    from reconciler.desired.manifest.files import ManifestText
    from reconciler.desired.manifest.layers import Dropped

    #: A resource of one declaration, before documents of a singleton are brought together, and that declaration.
    Pair = tuple[Resource, Declaration]
    #: Returns what declares an address without an id; several documents may share a singleton.
    Declared = Callable[[Address], Sequence[Pair]]


class Locator:
    """Finds where a property of a resource is declared; works it out only when it is asked for."""

    def __init__(self, declared: Declared = lambda _: ()) -> None:
        self._declared = declared

    def __call__(self, address: Address, pointer: str = "") -> Source | None:
        """Return the place of a wire pointer into a resource; None where nothing declares it."""
        entries = self.entries(address)
        top = pointer.partition("/")[0]
        best = next((entry for resource, entry in entries if not top or top in resource.wire), None)
        if best is None:
            best = next((entry for resource, entry in entries if resource.declares(pointer)), None)
        return best.at(pointer) if best else None

    def entries(self, address: Address) -> list[Pair]:
        """Return what declares an address; several documents may share a singleton."""
        entries = self._declared(address.without_id())
        return [entry for entry in entries if entry[0].id == address.id] or list(entries)


def indexed(pairs: Iterable[Pair]) -> Declared:
    """Return what finds pairs by their address; the index is made when it is first asked."""
    index: dict[Address, list[Pair]] = {}
    kept = tuple(pairs)

    def declared(address: Address) -> Sequence[Pair]:
        if not index:
            for resource, entry in kept:
                index.setdefault(resource.address.without_id(), []).append((resource, entry))
        return index.get(address, ())

    return declared


class Spot(Struct, array_like=True, frozen=True):
    """A document that declares something: its file, the line of its content and of the next one's, or 0."""

    file: str
    line: int
    end: int
    #: How many objects it declares.
    count: int


class Desired(Struct, frozen=True):
    """What the manifests want: resources in the order of their declaration, and what is to be said about them."""

    resources: tuple[Resource, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    #: Every file, and how many documents it holds.
    files: Mapping[str, int] = {}
    tests: tuple[TestDocument, ...] = ()
    locate: Locator = Locator()
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


def digest_of(layers: Iterable[Iterable[ManifestText]]) -> str:
    """Return the SHA-256 over the names and texts of all files, in order."""
    digest = hashlib.sha256()
    for texts in layers:
        for text in texts:
            # In parts, so that no second copy of the text is made.
            digest.update(f"{text.file}\0".encode())
            digest.update(text.text.encode())
            digest.update(b"\0")
    return digest.hexdigest()
