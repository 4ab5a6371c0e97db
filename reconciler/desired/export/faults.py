"""What of a spec would be refused, or would not come back as the server holds it.

Law: pure; every judge that a manifest meets is asked, each about what the one before accepts. What is at fault is a
wire pointer to a property or into an expression, or "" for the object as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds import (
    Catalogue,
    Codec,
    Judge,
    Kind,
    Property,
    Record,
    check_expression,
    exact,
    same_branches,
    same_text,
    with_else,
)
from reconciler.values import Wire

#: The parts of an expression that can be left alone one by one.
PARTS = frozenset(("match", "else"))


class FaultFinder:
    """Finds faults by one catalogue."""

    def __init__(self, catalogue: Catalogue, judge: Judge) -> None:
        self.judge = judge
        self.codec = Codec(catalogue)

    def of(self, kind: Kind, wire: Wire, spec: dict[str, Any], left: Collection[str]) -> tuple[dict[str, str], Wire]:
        """Return what is at fault, and why, and the spec's wire form where nothing is.

        Args:
            kind: what the object is.
            wire: what the server holds.
            spec: what a manifest would say.
            left: wire pointers that it leaves alone.
        """
        faults: dict[str, str] = {}
        if "@type" in wire and not kind.variants:
            return {"": f"this version knows no variants of {kind.kind}"}, {}
        whole = with_else(kind, spec, left)
        for fault in self.judge.faults(kind, whole):
            _fault(faults, wire, spec, fault.path, fault.message)
        if faults:
            return faults, {}
        encoded, mistakes = self.codec.encode(kind, whole)
        for mistake in mistakes:
            _fault(faults, wire, spec, mistake.path, mistake.message)
        if mistakes:
            return faults, {}
        shape = kind.shape(variant_of(kind, wire))
        for name, value in encoded.items():
            if name in left:
                continue
            prop, held = shape.get(name), wire.get(name)
            if prop is not None and prop.language and isinstance(value, dict) and isinstance(held, dict):
                for part, reason in self._expression(prop, value, held, check=name in spec).items():
                    if f"{name}/{part}" not in left:
                        _fault(faults, wire, spec, (name, part), reason)
            elif name not in wire or not exact(value, held):
                faults[name] = _unsaid(value, held)
        return faults, encoded

    def _expression(self, prop: Property, value: Wire, held: Wire, *, check: bool) -> dict[str, str]:
        """Return which parts of an expression would be refused or not come back as they are, and why."""
        faults = {}
        for part, same in (("match", same_branches), ("else", same_text)):
            if not same(value[part], held.get(part)):
                faults[part] = _unsaid(value[part], held.get(part))
                continue
            branches = value["match"].values() if part == "match" else [{"else": value["else"]}]
            texts = [text for branch in branches for text in branch.values()]
            errors = (check_expression(text, self.codec.context(prop)) for text in texts if check)
            error = next((error for error in errors if error), None)
            if error:
                faults[part] = f"the expression is refused here: {error.message}"
        return faults


def _fault(faults: dict[str, str], wire: Wire, spec: Wire, path: Sequence[str], message: str) -> None:
    """Keep the first fault of whatever a path in human form leads to."""
    pointer, rest = "", path
    if path and path[0] in wire:
        pointer, rest = path[0], path[1:]
        value = spec.get(pointer)
        part = _part(rest[0]) if rest else ""
        if part in PARTS:
            pointer, rest = f"{pointer}/{part}" if isinstance(value, dict) and len(value) > 1 else pointer, rest[1:]
    faults.setdefault(pointer, f"{'/'.join(rest)}: {message}" if rest and pointer else message)


def blocked(kind: Kind, wire: Wire, faults: Mapping[str, str]) -> str:
    """Say why an object cannot be declared even without what is at fault, or ""."""
    shape = kind.shape(variant_of(kind, wire))
    for pointer, reason in faults.items():
        name = pointer.partition("/")[0]
        if not pointer:
            return reason
        if name in kind.match or (name in shape and shape[name].required):
            return f"{name}: {reason}"
    return ""


def widened(left: Mapping[str, str], faults: Mapping[str, str]) -> dict[str, str]:
    """Return what is left alone with what is at fault besides; a property whole where a part of it was no use."""
    wider = dict(left)
    for pointer, reason in faults.items():
        name = pointer.partition("/")[0]
        parts = [text for text in wider if text.startswith(f"{name}/")]
        if parts:
            first = wider[parts[0]]
            wider = {name: why for name, why in wider.items() if name not in parts}
            wider[name] = first
        elif name not in wider:
            wider[pointer] = reason
    return wider


def without(spec: dict[str, Any], left: Collection[str]) -> dict[str, Any]:
    """Return a spec without what is left alone."""
    kept = {}
    for name, value in spec.items():
        parts = [part for part in PARTS if f"{name}/{part}" in left]
        if parts:
            value = {key: member for key, member in value.items() if _part(key) not in parts}
        if name not in left:
            kept[name] = value
    return kept


def _part(key: str) -> str:
    """Return the wire form of a key of an expression: `use` is another spelling of `else`."""
    return "else" if key == "use" else key


def _unsaid(value: Any, held: Any) -> str:
    """Say why what the server holds is not what would come back."""
    extra = next(_extra(value, held), "")
    return f"no manifest says {f'{extra}, which' if extra else 'what'} the server holds here"


def _extra(value: Any, held: Any) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(held, dict):
        for name, member in held.items():
            if name not in value:
                yield name
            else:
                yield from (f"{name}/{more}" for more in _extra(value[name], member))


def known(record: Record, wire: Mapping[str, Any]) -> bool:
    """Whether the variant of an object is one of those that there are."""
    return not record.variants or wire.get("@type") in record.variants


def variant_of(record: Record, wire: Mapping[str, Any]) -> str:
    """Return the variant of an object, or any where it is not known."""
    variant = wire.get("@type")
    return variant if isinstance(variant, str) and variant in record.variants else next(iter(record.variants), "")
