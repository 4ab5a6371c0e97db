"""Whether a plan holds together: what it shows of each change is what would be sent.

Law: pure; whatever a survey makes holds together, and a file in which something was put in place of something else does
not. So who reads the changes of a plan has read its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

from reconciler.kinds import Catalogue, Kind, address_of, exact, key_of, misplaced
from reconciler.plan.diff import Diff
from reconciler.plan.order import Order
from reconciler.plan.saved.basis import Basis, Fingerprint, bases, differing, fingerprint, touched
from reconciler.values import MASK, Address, Change, LiveObject, Plan, Sensitive, Wire


def check_sound(catalogue: Catalogue, plan: Plan, basis: Basis) -> None:
    """Refuse a plan that shows something else than it would do.

    Raises:
        ConfigError: the basis is not that of the plan.
        ValueError: the plan does not hold together.
    """
    diff = Diff(catalogue)
    seen: set[tuple[str, str]] = set()
    # What is destroyed may lose a reference first.
    freed = {(change.address.kind, change.id) for change in plan.changes if change.action == "update" and change.fields}
    for change, was in bases(basis, plan):
        wrong = next(_wrongs(catalogue, diff, change, was), "")
        parted = change.action == "destroy" and (change.address.kind, change.id) in freed
        if not wrong and change.id and (change.address.kind, change.id) in seen and not parted:
            wrong = "two changes are about one object"
        if wrong:
            raise ValueError(f"{change.address}: {wrong}")
        seen.add((change.address.kind, change.id))
    _, phases = Order(catalogue).phases(plan.changes)
    if [(phase.name, [c.number for c in phase.changes]) for phase in phases] != [
        (phase.name, [c.number for c in phase.changes]) for phase in plan.phases
    ]:
        raise ValueError("the changes stand in another order than they have to be made in")


def _wrongs(catalogue: Catalogue, diff: Diff, change: Change, was: Fingerprint) -> Iterator[str]:
    """Yield everything in which a change does not hold together."""
    kind = catalogue.kinds[change.address.kind]
    before, after = change.before, change.after
    if (before is None) != (change.action == "create") or (after is None) != (change.action == "destroy"):
        yield f"a {change.action} with{'out' if before is None else ''} what there was before"
        return
    variants = {str(wire.get("@type", "")) for wire in (before, after) if wire is not None}
    if after is not None and kind.variants and after.get("@type") not in kind.variants:
        yield f"there is no variant {after.get('@type')}"
        return
    if change.recreate and (change.action != "replace" or len(variants) > 1 or not _made_anew(kind)):
        yield "nothing asks for a new object"
    if before is not None and was.sha256 != fingerprint(touched(kind, change, before)):
        yield "what there was before is not what the plan stands on"
    for wire in (change.patch, after or {}):
        yield from (f"a secret may not stand in {pointer}" for pointer in misplaced(catalogue, kind, wire))
    if not _called(kind, change):
        yield "the object is called something else"
    if change.action == "destroy":
        if change.patch or change.fields:
            yield "a destroy that sends something"
        return
    if change.action == "update" and len(variants) > 1:
        yield "an update that changes the variant"
        return
    yield from _unshown(diff, kind, change, before, after or {})


def _made_anew(kind: Kind) -> bool:
    """Whether objects of a kind may have to be destroyed and created: the server cannot unset something of them."""
    return kind.ordered or any(prop.one_way for prop in kind.legible(None).values())


def _called(kind: Kind, change: Change) -> bool:
    """Whether the address of a change is the name of its object, before or after; a document may give another name."""
    names = {address_of(kind, key_of(kind, wire)).name for wire in (change.before, change.after) if wire is not None}
    return change.address.name in names or (kind.match != ("name",) and not kind.singleton)


def _unshown(diff: Diff, kind: Kind, change: Change, before: Wire | None, after: Wire) -> Iterator[str]:
    """Find values that would be sent although they are neither wanted nor shown."""
    patch, shown = change.patch, {field.pointer: field.after for field in change.fields}
    if change.action == "update":
        made = {name: value for name, value in _patched(before or {}, patch).items() if name in after}
        complete = _same(shown, patch) and all(_top(pointer) in after for pointer in patch)
    else:
        made = {name: prop.default for name, prop in kind.shape(after.get("@type", "")).items()} | patch
        if before is None or before.get("@type") != patch.get("@type"):
            complete = shown.keys() == {name for name in patch if not _same(patch[name], (before or {}).get(name))}
            complete &= not (before is None and shown.keys() != patch.keys())
        else:
            differ = differing(diff, kind, made, _object(kind, change, before))
            complete = {_top(pointer) for pointer in differ} <= {_top(pointer) for pointer in shown}
        complete &= after.keys() <= made.keys()
    if not complete:
        yield "other fields are shown than would be sent"
    for field in change.fields:
        if not _same(field.after, _at(made, field.pointer)) or not _same(
            field.before, _at(before or {}, field.pointer)
        ):
            yield f"{field.pointer} is shown otherwise than it would be sent"
    if differing(diff, kind, after, _object(kind, change, _masked(made))):
        yield "something else is wanted than would be sent"


def _object(kind: Kind, change: Change, wire: Wire) -> LiveObject:
    return LiveObject(address=Address(kind.kind, change.address.name), key=key_of(kind, wire), id="x", wire=wire)


def _masked(value: Any) -> Any:
    """Return a value as a server shows it that has stored it."""
    if isinstance(value, dict):
        return {name: _masked(member) for name, member in value.items()}
    return MASK if isinstance(value, Sensitive) else value


def _top(pointer: str) -> str:
    return pointer.partition("/")[0]


def _patched(wire: Wire, patch: Wire) -> Wire:
    """Return an object with the values of a patch, whose keys are pointers, in their places."""
    made = dict(wire)
    for pointer, value in patch.items():
        top, _, rest = pointer.partition("/")
        held = made.get(top)
        made[top] = _patched(held if isinstance(held, dict) else {}, {rest: value}) if rest else value
    return made


def _at(wire: Mapping[str, Any], pointer: str) -> Any:
    value: Any = wire
    for step in pointer.split("/"):
        value = value.get(step, UNSET) if isinstance(value, Mapping) else UNSET
    return value


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same, where no value and null mean the same."""
    one, other = (None if element is UNSET else element for element in (one, other))
    return exact(one, other)
