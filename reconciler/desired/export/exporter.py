"""From one live object to the spec that declares it, and what has to be said beside it.

Law: pure; whatever would be refused, or would not come back as it is, is found here and left alone. An object is left
out only where nothing less will do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.desired.export.documents import Export, ExportedResource, Noted, Path, documents
from reconciler.desired.export.faults import PARTS, FaultFinder, blocked, known, variant_of, widened, without
from reconciler.desired.export.spelling import escaped, tidy, trimmed
from reconciler.desired.export.variables import variables
from reconciler.kinds import Catalogue, Judge, Kind, Property, Record, decode, name_of
from reconciler.values import (
    MASK,
    Address,
    Globs,
    LiveObject,
    LiveState,
    Policy,
    Resource,
    Scope,
    Sensitive,
    Source,
    Wire,
)
from reconciler.yamlio import emit

#: Returns what else is to be said of what is declared: the address, the wire pointer, and a sentence.
Remark = Callable[[Sequence[Resource]], Iterable[Noted]]

_MASKED = "The server masks this secret: set {name} where it is to be written."
_UNKNOWN = "this version does not know it"


class _Ready(Struct):
    """A wire object that can be declared: secrets by reference, sets and maps in one order, nothing unknown."""

    wire: Wire
    comments: dict[Path, str]
    #: Variables and the steps of the secrets that they stand for.
    secrets: dict[tuple[str, ...], str]
    #: Wire pointers of what this version does not know, and what no update touches.
    unknown: list[str]


def export_state(
    catalogue: Catalogue,
    live: LiveState,
    judge: Judge,
    kinds: Collection[str] | None = None,
    *,
    scope: Scope | None = None,
    policy: Policy | None = None,
    remark: Remark = lambda _: (),
    names: Mapping[tuple[str, str], str] | None = None,
    masked: str = _MASKED,
) -> Export:
    """Return the documents that declare everything which was read, or everything of some kinds.

    Args:
        catalogue: what the kinds are.
        live: what the server holds; the kinds that others refer to must be in it, or references are written by id.
        judge: the schemas of the kinds.
        kinds: the kinds to declare; None stands for all.
        scope: narrows what is declared.
        policy: says which names the manifests own; others are left out.
        remark: tells what else is to be said of what is declared.
        names: by kind and id, how objects are called that share a key; others are numbered.
        masked: what is said above a secret that is masked; `{name}` is its variable.
    """
    exporter = _Exporter(catalogue, live, judge, scope or Scope(), policy or Policy(), remark, names or {}, masked)
    document, declared = {}, {}
    for name in sorted(live.objects if kinds is None else live.objects.keys() & set(kinds)):
        omitted = len(exporter.omitted)
        written = exporter.kind(catalogue.kinds[name])
        if written or len(exporter.omitted) > omitted:
            document[name] = tuple(documents(catalogue.kinds[name], written))
            declared[name] = tuple(written)
    return Export(
        document,
        tuple(exporter.omitted),
        tuple(exporter.secrets),
        tuple(exporter.remarks),
        {name: count for name, count in exporter.outside.items() if count},
        declared,
    )


class _Exporter:
    def __init__(
        self,
        catalogue: Catalogue,
        live: LiveState,
        judge: Judge,
        scope: Scope,
        policy: Policy,
        remark: Remark,
        names: Mapping[tuple[str, str], str],
        masked: str,
    ) -> None:
        self.catalogue = catalogue
        self.live = live
        self.scope = scope
        self.policy = policy
        self.remark = remark
        self.masked = masked
        self._faults = FaultFinder(catalogue, judge)
        self.omitted: list[Noted] = []
        self.secrets: list[tuple[str, Address, str]] = []
        self.remarks: list[Noted] = []
        self.outside: Counter[str] = Counter()
        self._objects = {name: _in_order(catalogue.kinds[name], held) for name, held in live.objects.items()}
        self._names = {
            name: {key: names.get((name, key), own) for key, own in _own_names(catalogue.kinds[name], objects).items()}
            for name, objects in self._objects.items()
        }
        # All that was read counts, whatever is written: so a name does not depend on what else is.
        self._variables = variables(
            (self._address(live_object), path)
            for name, objects in self._objects.items()
            for live_object in objects
            for path in self._masked(catalogue.kinds[name], live_object.wire)
        )

    def kind(self, kind: Kind) -> list[ExportedResource]:
        """Return the objects of one kind that are to be declared, in the order of their documents."""
        declared = []
        partly: set[str] = set()
        for live_object in self._objects[kind.kind]:
            exported = self._chosen(kind, live_object)
            if exported is None:
                partly.add(live_object.address.name)
            else:
                declared.append((live_object, exported))
        for live_object, exported in declared:
            if live_object.address.name in partly and exported.metadata.get("name"):
                # Documents of one key are paired with its objects in order, and here one of these has no document.
                exported.metadata = {"name": exported.metadata["name"], "id": live_object.id, **exported.metadata}
        written = [exported for _, exported in declared]
        self._remark(written)
        return written

    def _chosen(self, kind: Kind, live_object: LiveObject) -> ExportedResource | None:
        """Return an object if it is to be declared, and can be."""
        address = self._address(live_object)
        if not self.scope.holds(address) and not self.scope.holds(live_object.address):
            return None
        owned = self.policy.owns.get(kind.kind)
        if owned is not None and not Globs(owned).match(address.name):
            self.outside[kind.kind] += 1
            return None
        return self._declared(kind, live_object, address)

    def _address(self, live_object: LiveObject) -> Address:
        """Return the address that the document of an object has."""
        kind = self.catalogue.kinds[live_object.address.kind]
        name = self._names[kind.kind].get(live_object.id, "")
        return Address(kind.kind, name) if name and "name" not in kind.match else live_object.address

    def _declared(self, kind: Kind, live_object: LiveObject, address: Address) -> ExportedResource | None:
        ready = self._ready(kind, live_object, address)
        whole = tidy(kind, decode(self.catalogue, kind, ready.wire, defaults=kind.singleton))
        left: dict[str, str] = {}
        while True:
            spec = without(whole, left)
            faults, wire = self._faults.of(kind, ready.wire, spec, left)
            if not faults:
                break
            reason = blocked(kind, ready.wire, faults)
            if reason:
                self.omitted.append((address, "", reason))
                return None
            left = widened(left, faults)
        metadata: dict[str, Any] = {}
        name = self._names[kind.kind].get(live_object.id, "")
        if name:
            metadata["name" if "name" not in kind.match else "id"] = escaped(name, ())
        elif kind.derived:
            metadata["id"] = live_object.id
        if left:
            metadata["unmanaged"] = sorted(left)
        alone = sorted({**left, **dict.fromkeys(ready.unknown, _UNKNOWN)}.items())
        self.omitted += [(address, pointer, reason) for pointer, reason in alone]
        shown = {path: variable for path, variable in ready.secrets.items() if path[0] in spec}
        self.secrets += [(variable, address, "/".join(path)) for path, variable in shown.items()]
        kept = {path: text for path, text in ready.comments.items() if path[0] in spec}
        note = "\n".join(_left_alone(pointer, reason, whole) for pointer, reason in alone)
        return ExportedResource(address, escaped(spec, shown.keys()), metadata, kept, wire, note)

    def _remark(self, declared: Sequence[ExportedResource]) -> None:
        """Add what else is to be said as comments."""
        by_address = {exported.address: exported for exported in declared}
        resources = [
            Resource(address=exported.address, wire=exported.wire, source=Source(""), key=()) for exported in declared
        ]
        for address, pointer, text in self.remark(resources):
            self.remarks.append((address, pointer, text))
            _comment(by_address[address].comments, pointer.split("/"), f"{text[:1].upper()}{text[1:]}.")

    def _ready(self, kind: Kind, live_object: LiveObject, address: Address) -> _Ready:
        ready = _Ready({}, {}, {}, [])

        def walk(record: Record, wire: Mapping[str, Any], path: tuple[str, ...], *, pointers: bool) -> Wire:
            """Return an object ready; `pointers` if updates reach into it, so that they spare what is unknown."""
            if not known(record, wire):
                return dict(wire)
            shape = record.shape(variant_of(record, wire))
            made: Wire = {}
            for name, held in wire.items():
                if name in shape and shape[name].mutability != "server-set":
                    made[name] = value(shape[name], held, (*path, name), pointers=pointers)
                elif name in shape:
                    continue
                elif name == "@type" or not pointers:
                    made[name] = held
                else:
                    ready.unknown.append("/".join((*path, name)))
            return made

        def value(prop: Property, held: Any, path: tuple[str, ...], *, pointers: bool) -> Any:
            if prop.sensitive and held == MASK:
                variable = ready.secrets[path] = self._variables[address, path]
                _comment(ready.comments, path, self.masked.format(name=variable))
                return Sensitive(reference=f"${{env:{variable}}}")
            if isinstance(held, Address):
                return self._reference(held, path, ready)
            if prop.type in ("set", "map") and not prop.of and isinstance(held, dict):
                return _sorted(prop, held)
            if prop.language and isinstance(held, dict):
                ready.unknown.extend("/".join((*path, element)) for element in held if element not in PARTS)
                return {part: trimmed(text) for part, text in held.items() if part in PARTS}
            if prop.type == "object" and isinstance(held, dict):
                record = self.catalogue.types[prop.of]
                return walk(record, held, path, pointers=pointers and not record.variants)
            if (prop.type == "list" or prop.of) and isinstance(held, dict):
                record = self.catalogue.types[prop.of]
                return {
                    key: walk(record, member, (*path, key), pointers=False) if isinstance(member, dict) else member
                    for key, member in held.items()
                }
            return held

        ready.wire = walk(kind, live_object.wire, (), pointers=True)
        return ready

    def _reference(self, held: Address, path: tuple[str, ...], ready: _Ready) -> Address:
        """Return a reference that can be written: by name, or else by id, which is told."""
        if held.name and not held.name.startswith("id:"):
            return held
        if held.name:
            # Such a name would be read as an id, so the id it is.
            reason = f"the name of {held} would be read as an id"
            held = next((Address(held.kind, id=o.id) for o in self.live.of(held.kind) if o.address == held), held)
        elif held.kind in self.live.forbidden:
            reason = f"the credentials may not read {held.kind}"
        else:
            reason = f"the server lists no {held.kind} of this id"
        _comment(ready.comments, path, f"By id, which is this server's own: {reason}.")
        return held

    def _masked(self, record: Record, wire: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        """Yield the steps to every secret of an object that the server masks."""
        for name, prop in record.shape(variant_of(record, wire)).items() if known(record, wire) else ():
            held = wire.get(name)
            if prop.sensitive and held == MASK:
                yield (*path, name)
            elif prop.of and not prop.language and isinstance(held, dict):
                inner = (
                    {(name,): held} if prop.type == "object" else {(name, key): member for key, member in held.items()}
                )
                for steps, member in inner.items():
                    if isinstance(member, dict):
                        yield from self._masked(self.catalogue.types[prop.of], member, (*path, *steps))


def _sorted(prop: Property, held: dict[Any, Any]) -> dict[Any, Any]:
    """Return a set or a map in the order of the enum that its keys are of, else sorted."""
    places = {value: index for index, value in enumerate(prop.values)}
    return {key: held[key] for key in sorted(held, key=lambda key: (places.get(key, 0), key))}


def _left_alone(pointer: str, reason: str, spec: Mapping[str, Any]) -> str:
    """Say that a property is left alone, and show what it is unless the reason does."""
    name, message = pointer.partition("/")[0], f"{pointer} is left alone: {reason}."
    if name not in spec or str(spec[name]) in reason:
        return message
    try:
        held = emit({name: spec[name]})
    except ValueError:
        # YAML cannot hold it.
        return message
    return "\n  ".join([f"{message} The server holds:", *held.splitlines()])


def _comment(comments: dict[Path, str], path: Sequence[str], text: str) -> None:
    """Let a text stand above the property that a path leads into, below what stands there."""
    at: Path = (path[0],)
    comments[at] = f"{comments[at]}\n{text}" if at in comments else text


def _in_order(kind: Kind, objects: Sequence[LiveObject]) -> Sequence[LiveObject]:
    """Return objects in the order of their documents.

    Objects of one name stay in order of creation, by which documents are paired with them.
    """
    return objects if kind.ordered else sorted(objects, key=lambda live_object: live_object.address.name)


def _own_names(kind: Kind, objects: Sequence[LiveObject]) -> dict[str, str]:
    """Return a name for each object that shares its address with another (or its id, where the kind has names)."""
    if kind.derived:
        # A document cannot tell what the server calls it, unless it says so.
        alone = Counter(live_object.address.name for live_object in objects)
        return {
            live_object.id: live_object.address.name for live_object in objects if alone[live_object.address.name] == 1
        }
    plain = [name_of(live_object.key, kind.joiner) if live_object.key else "" for live_object in objects]
    shared = {name for name, count in Counter(plain).items() if count > 1}
    taken = set(plain)
    names: dict[str, str] = {}
    for live_object, name in zip(objects, plain, strict=True):
        if name not in shared:
            continue
        if "name" in kind.match:
            names[live_object.id] = live_object.id
            continue
        stem = name if any(part is not None for part in live_object.key) else "unnamed"
        number = 1
        while f"{stem}-{number}" in taken:
            number += 1
        names[live_object.id] = f"{stem}-{number}"
        taken.add(names[live_object.id])
    return names
