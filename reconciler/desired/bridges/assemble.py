"""What a bridge yields to what the importer writes: judged and encoded as a manifest, then exported as a live state.

Law: whatever no manifest can hold is an error with the line that it came from, and nothing is left out in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from reconciler.desired.bridges.bridged import Bridged, Foreign
from reconciler.desired.export import Export, export_state
from reconciler.desired.export.documents import ExportedResource, documents
from reconciler.desired.manifest.specs import key_only
from reconciler.kinds import Catalogue, Codec, Judge, address_of, key_of
from reconciler.values import MASK, Address, LiveObject, LiveState, Policy, Scope, Sensitive

_MASKED = "The secret itself is not written here: set {name} where it is to be written."


class _Mistake(Protocol):
    @property
    def path(self) -> tuple[str, ...]: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def hint(self) -> str: ...


def assemble(
    catalogue: Catalogue,
    bridged: Bridged,
    kinds: Collection[str],
    *,
    scope: Scope | None = None,
    policy: Policy | None = None,
) -> Export:
    """Return the documents of what a bridge yields; mistakes are added to its diagnostics."""
    judge = Judge(catalogue)
    live, origins = _encoded(catalogue, judge, bridged)
    names = _names(catalogue, bridged, live, origins)

    state = LiveState({name: tuple(objects) for name, objects in live.items()})
    export = export_state(catalogue, state, judge, kinds, scope=scope, policy=policy, names=names, masked=_MASKED)
    named = {
        Address(name, names.get((name, live_object.id), live_object.address.name)): origins[name, live_object.id]
        for name, objects in live.items()
        for live_object in reversed(objects)
    }
    first = {name: origins[name, objects[0].id] for name, objects in live.items()}

    def origin(address: Address) -> Foreign:
        return named.get(address.without_id(), first[address.kind])

    for address, pointer, reason in export.omitted:
        foreign = origin(address)
        bridged.tell(
            *("error", "unsaid", f"no manifest can say this: {reason}"),
            line=foreign.line,
            address=str(address),
            pointer=pointer,
            hint="the server would refuse it, or read it otherwise",
        )
    declared = {
        name: [_with(exported, origin(exported.address), bridged.variables) for exported in held]
        for name, held in export.declared.items()
    }
    for foreign in bridged.objects:
        if foreign.absent:
            key = key_only(catalogue.kinds[foreign.kind])
            faults: Sequence[_Mistake] = judge.faults(key, foreign.spec)
            for fault in faults or Codec(catalogue).encode(key, foreign.spec)[1]:
                _tell(bridged, foreign, fault)
        if foreign.absent and foreign.kind in kinds:
            address = Address(foreign.kind, ":".join(map(str, foreign.spec.values())))
            declared.setdefault(foreign.kind, []).append(ExportedResource(address, foreign.spec, {"absent": True}, {}))
    written = {name: tuple(documents(catalogue.kinds[name], held)) for name, held in sorted(declared.items()) if held}
    return replace(export, documents=written, declared={name: tuple(held) for name, held in declared.items()})


def _encoded(
    catalogue: Catalogue, judge: Judge, bridged: Bridged
) -> tuple[dict[str, list[LiveObject]], dict[tuple[str, str], Foreign]]:
    """Return what there is as a live state, and where each object by its kind and id comes from."""
    codec = Codec(catalogue)
    live: dict[str, list[LiveObject]] = {}
    origins: dict[tuple[str, str], Foreign] = {}
    standing = [foreign for foreign in bridged.objects if not foreign.absent]
    for number, foreign in enumerate(sorted(standing, key=lambda foreign: foreign.order)):
        kind = catalogue.kinds[foreign.kind]
        faults: Sequence[_Mistake] = judge.faults(kind, foreign.spec)
        wire: dict[str, Any] = {}
        if not faults:
            wire, faults = codec.encode(kind, foreign.spec)
        for fault in faults:
            _tell(bridged, foreign, fault)
        if faults:
            continue
        key = key_of(kind, wire)
        made = LiveObject(address=address_of(kind, key), key=key, id=f"{number:09}", wire=_masked(wire))
        live.setdefault(kind.kind, []).append(made)
        origins[kind.kind, made.id] = foreign
    return live, origins


def _names(
    catalogue: Catalogue,
    bridged: Bridged,
    live: Mapping[str, Sequence[LiveObject]],
    origins: Mapping[tuple[str, str], Foreign],
) -> dict[tuple[str, str], str]:
    """Return how objects are called that share their key, by kind and id."""
    names: dict[tuple[str, str], str] = {}
    for name, objects in live.items():
        counts = Counter(live_object.address for live_object in objects)
        taken = {live_object.address.name for live_object in objects}
        for live_object in objects:
            foreign = origins[name, live_object.id]
            if counts[live_object.address] == 1:
                continue
            if catalogue.kinds[name].unique:
                bridged.tell("error", "twice", f"{live_object.address} is there twice", line=foreign.line)
            elif foreign.name and foreign.name not in taken:
                taken.add(foreign.name)
                names[name, live_object.id] = foreign.name
    return names


def _with(declared: ExportedResource, foreign: Foreign, variables: Collection[str]) -> ExportedResource:
    """Return a document's object with what its origin says besides."""
    for name in variables:
        declared.spec = _replaced(declared.spec, f"$${{var:{name}}}", f"${{var:{name}}}")
    for name, texts in foreign.comments.items():
        text = "\n".join(texts)
        if not name:
            declared.note = "\n".join(filter(None, (declared.note, text)))
        elif name in declared.spec:
            declared.comments[(name,)] = "\n".join(filter(None, (declared.comments.get((name,)), text)))
    if foreign.unmanaged:
        left = [name for name in foreign.unmanaged if name not in declared.spec]
        declared.metadata = {**declared.metadata, "unmanaged": left}
    return declared


def _tell(bridged: Bridged, foreign: Foreign, fault: _Mistake) -> None:
    name = foreign.spec.get("name") or foreign.name
    bridged.tell(
        *("error", fault.code, fault.message),
        file=foreign.file,
        line=foreign.line,
        address=f"{foreign.kind}/{name}" if isinstance(name, str) and name else foreign.kind,
        pointer="/".join(fault.path),
        hint=fault.hint,
    )


def _replaced(value: Any, text: str, instead: str) -> Any:
    """Return a value with another text in its texts."""
    if isinstance(value, dict):
        return {name: _replaced(member, text, instead) for name, member in value.items()}
    if isinstance(value, list):
        return [_replaced(element, text, instead) for element in value]
    return value.replace(text, instead) if isinstance(value, str) else value


def _masked(value: Any) -> Any:
    """Return a wire value whose secrets are as a server shows them."""
    if isinstance(value, Sensitive):
        return MASK
    if isinstance(value, dict):
        return {name: _masked(member) for name, member in value.items()}
    return value
