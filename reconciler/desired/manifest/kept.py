"""What manifests came to, as bytes that outlive the run, and back.

Law: only what had no mistake, holds no secret and stands on nothing but the manifests, their variables and the kinds is
kept, under a name that changes with each of these and with the program. The bytes hold values and can execute nothing;
what does not decode to the shape below is none of ours. Places are not kept: a document is read again to find them.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct
from msgspec.msgpack import Ext
from msgspec.structs import replace

from reconciler import __version__
from reconciler.desired.manifest.files import ManifestText
from reconciler.desired.manifest.state import Desired, Locator, Spot
from reconciler.kinds import SECRET_HEADERS, Catalogue, concealed_text
from reconciler.values import Address, EnvironmentText, Resource, Sensitive, Source, is_secret_reference

if TYPE_CHECKING:
    from reconciler.desired.manifest.entries import TestDocument
    from reconciler.desired.manifest.layers import Dropped
    from reconciler.desired.manifest.parsing import Parsed
    from reconciler.desired.manifest.state import Pair

#: The rooms that what is kept stands on.
_ROOMS = ("desired/manifest", "expression", "kinds", "values", "yamlio")
#: What msgpack has no words for.
_ADDRESS, _SENSITIVE, _MAPPING = 1, 2, 3


class _Odd(Exception):
    """A value may not be kept, or cannot."""


class _Rest(Struct, array_like=True):
    """What few resources have; see `Resource`."""

    #: The key, where it is not the name alone, and the id in the address.
    key: tuple[Any, ...] | None = None
    address_id: str = ""
    sources: dict[str, tuple[int, int, int]] = {}
    bare: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()
    id: str = ""
    named: bool = False
    was: str = ""
    absent: bool = False
    accept: dict[str, str] = {}


#: Fields that are kept as they are.
_SAME = _Rest.__struct_fields__[3:]


class _Places(Struct, array_like=True):
    """Where declarations stand: each document, unless there are layers, and the resource that each came to."""

    spots: list[Spot] = []
    #: None where every declaration came to a resource of its own.
    owners: list[int] | None = None


class _Test(Struct, array_like=True):
    """A routing test: its value, its document, and what else there is to know of that."""

    value: dict[str, Any]
    file: int
    #: None where it is the value, since no variable stands in it.
    document: dict[str, Any] | None
    line: int
    lines: dict[str, int]
    item_lines: tuple[int, ...]
    variables: bool
    end: int


class _Kept(Struct, array_like=True):
    """Desired state: of its resources a column for each field, and numbers for what is the same in many."""

    files: list[tuple[str, int]]
    kinds: list[str]
    givens: list[frozenset[str]]
    kind: list[int]
    name: list[str]
    wire: list[dict[str, Any]]
    file: list[int]
    line: list[int]
    given: list[int]
    rest: dict[int, _Rest]
    tests: list[_Test]
    dropped: list[tuple[str, str, int, int, int]]
    #: A `_Places`, which is hardly ever needed.
    places: Raw


def name_of(
    catalogue: Catalogue, layers: Sequence[Sequence[ManifestText]], variables: Mapping[str, Any], digest: str
) -> str:
    """Return the name that what these manifests come to is kept under.

    Args:
        catalogue: what the kinds are.
        layers: the texts, layer by layer.
        variables: what `${var:NAME}` stands for. What the environment holds is left out: it is never kept.
        digest: that of the texts and their names.
    """
    used = any("${" in text.text for texts in layers for text in texts)
    used_variables = {
        name: [isinstance(value, EnvironmentText), None if isinstance(value, EnvironmentText) else value]
        for name, value in variables.items()
        if used
    }
    sizes = [len(texts) for texts in layers]
    stands = [__version__, sys.version, _program(), catalogue.digest, used_variables, sizes, digest]
    return hashlib.sha256(repr(stands).encode()).hexdigest()


@cache
def _program() -> str:
    """Return a digest of the parts of this program that what is kept stands on; a version may have several."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[2]
    for room in _ROOMS:
        for path, _, names in sorted(os.walk(root / room)):
            for name in sorted(name for name in names if name.endswith((".py", ".json"))):
                digest.update(f"{os.path.relpath(path, root)}/{name}\0".encode())
                with open(f"{path}/{name}", "rb") as stream:
                    digest.update(stream.read())
    return digest.hexdigest()


def packed(parsed: Parsed) -> bytes | None:
    """Return what is kept of manifests; None where it may not be kept, or cannot."""
    if parsed.desired.diagnostics or parsed.of_environment:
        return None
    try:
        return msgspec.msgpack.encode(_kept(parsed))
    except (_Odd, OverflowError):
        return None


def _kept(parsed: Parsed) -> _Kept:
    desired = parsed.desired
    files = {file: number for number, file in enumerate(desired.files)}
    kinds: dict[str, int] = {}
    givens: dict[frozenset[str], int] = {}
    resources = desired.resources
    return _Kept(
        files=list(desired.files.items()),
        kind=[kinds.setdefault(resource.address.kind, len(kinds)) for resource in resources],
        name=[resource.address.name for resource in resources],
        wire=[_plain(resource.wire) for resource in resources],
        file=[files[resource.source.file] for resource in resources],
        line=[resource.source.line for resource in resources],
        given=[givens.setdefault(resource.given, len(givens)) for resource in resources],
        rest={
            number: _Rest(
                None if _named(resource) else tuple(map(_plain, resource.key)),
                resource.address.id,
                {name: (files[place.file], place.line, place.column) for name, place in resource.sources.items()},
                *(getattr(resource, field) for field in _SAME),
            )
            for number, resource in enumerate(resources)
            if not _named(resource)
            or resource.address.id
            or resource.sources
            or any(getattr(resource, field) for field in _SAME)
        },
        kinds=list(kinds),
        givens=list(givens),
        tests=[
            _Test(
                _plain(test.value),
                files[test.where.file],
                None if test.value is test.where.document.value else _plain(test.where.document.value),
                test.where.document.line,
                test.where.document.lines,
                test.where.document.item_lines,
                test.where.variables,
                test.where.end,
            )
            for test in desired.tests
        ],
        dropped=[
            (gone.address.kind, gone.address.name, files[gone.source.file], gone.source.line, gone.source.column)
            for gone in desired.dropped
        ],
        places=Raw(msgspec.msgpack.encode(_places(parsed))),
    )


def _named(resource: Resource) -> bool:
    """Whether a resource has its name for a key."""
    return resource.key == (resource.address.name,)


def _places(parsed: Parsed) -> _Places:
    """Return where declarations stand; nothing of layers, which have to be laid again."""
    if parsed.layered:
        return _Places()
    spots: list[Spot] = []
    for _, pairs in groupby(parsed.pairs, key=lambda pair: id(pair[1].where)):
        (_, entry), *others = pairs
        spots.append(Spot(entry.where.file, entry.where.document.line, entry.where.end, 1 + len(others)))
    if len(parsed.pairs) == len(parsed.desired.resources):
        return _Places(spots)
    numbers = {resource.address: number for number, resource in enumerate(parsed.desired.resources)}
    return _Places(spots, [numbers[_merged(resource)] for resource, _ in parsed.pairs])


def _merged(resource: Resource) -> Address:
    """Return the address of what a resource went to, which carries an id that its document gives."""
    address = resource.address
    return Address(address.kind, address.name, resource.id) if resource.id else address


def _plain(value: Any) -> Any:
    """Return a value in words of msgpack.

    Raises:
        _Odd: a secret stands in it, or what no manifest holds.
    """
    kind = type(value)
    if kind is str:
        if "://" in value and concealed_text(value) != value:
            raise _Odd
        return value
    if kind is dict:
        if not SECRET_HEADERS.isdisjoint([name.lower() for name in value if isinstance(name, str)]):
            raise _Odd
        if all(type(name) is str for name in value):
            return {name: _plain(member) for name, member in value.items()}
        # The members of a set may be addresses.
        return Ext(_MAPPING, msgspec.msgpack.encode([(_plain(name), _plain(value[name])) for name in value]))
    if kind is bool or kind is int or value is None or kind is float:
        return value
    if kind is list:
        return [_plain(element) for element in value]
    if kind is Address:
        return Ext(_ADDRESS, msgspec.msgpack.encode((value.kind, value.name, value.id)))
    if kind is Sensitive and not value.plain and is_secret_reference(value.reference):
        return Ext(_SENSITIVE, value.reference.encode())
    if isinstance(value, str):
        return _plain(str(value))
    raise _Odd


def _meant(code: int, content: memoryview) -> Any:
    if code == _ADDRESS:
        return Address(*msgspec.msgpack.decode(content, type=tuple[str, str, str]))
    if code == _SENSITIVE:
        return Sensitive(reference=bytes(content).decode())
    if code == _MAPPING:
        return dict(msgspec.msgpack.decode(content, type=list[tuple[Any, Any]], ext_hook=_meant))
    raise ValueError(f"there is no extension {code}")


def unpacked(
    content: bytes,
    catalogue: Catalogue,
    layers: Sequence[Sequence[ManifestText]],
    variables: Mapping[str, Any],
    digest: str,
) -> Desired | None:
    """Return the desired state that was kept; None where the bytes are none of ours.

    Args:
        content: the bytes.
        catalogue: what the kinds are.
        layers: the texts that it came from.
        variables: what `${var:NAME}` stands for.
        digest: that of the texts and their names.
    """
    try:
        kept = msgspec.msgpack.decode(content, type=_Kept, ext_hook=_meant)
        resources = tuple(_resources(kept))
        files = [file for file, _ in kept.files]
        texts = {text.file: text.text for layer in layers for text in layer}
        tests = tuple(_test(test, files[test.file], texts) for test in kept.tests)
        dropped = tuple(_dropped(files, *gone) for gone in kept.dropped)
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    rereading: list[Callable[[Address], Sequence[Pair]]] = []

    def declared(address: Address) -> Sequence[Pair]:
        if not rereading:
            from reconciler.desired.manifest.rereading import Rereading

            places = msgspec.msgpack.decode(kept.places, type=_Places)
            owners = range(len(resources)) if places.owners is None else places.owners
            addresses = [resources[number].address for number in owners]
            rereading.append(Rereading(catalogue, layers, variables, places.spots, addresses))
        return rereading[0](address)

    return Desired(resources, (), dict(kept.files), tests, Locator(declared), digest, dropped)


def _resources(kept: _Kept) -> list[Resource]:
    files = [file for file, _ in kept.files]
    kinds, givens = kept.kinds, kept.givens
    columns = zip(kept.kind, kept.name, kept.wire, kept.file, kept.line, kept.given, strict=True)
    resources = [
        Resource(
            address=Address(kinds[kind], name),
            key=(name,),
            wire=wire,
            source=Source(files[file], line),
            given=givens[given],
        )
        for kind, name, wire, file, line, given in columns
    ]
    for number, rest in kept.rest.items():
        sources = {name: Source(files[file], line, column) for name, (file, line, column) in rest.sources.items()}
        others: dict[str, Any] = {field: getattr(rest, field) for field in _SAME}
        if rest.key is not None:
            others["key"] = rest.key
        if rest.address_id:
            others["address"] = replace(resources[number].address, id=rest.address_id)
        resources[number] = replace(resources[number], sources=sources, **others)
    return resources


def _test(test: _Test, file: str, texts: Mapping[str, str]) -> TestDocument:
    from reconciler.desired.manifest.entries import DocumentPlace, TestDocument
    from reconciler.yamlio import YamlDocument

    value = test.value if test.document is None else test.document
    document = YamlDocument(value, test.line, test.lines, test.item_lines)
    return TestDocument(test.value, DocumentPlace(file, texts[file], document, test.variables, test.end))


def _dropped(files: Sequence[str], kind: str, name: str, file: int, line: int, column: int) -> Dropped:
    from reconciler.desired.manifest.layers import Dropped

    return Dropped(Address(kind, name), Source(files[file], line, column))
