"""Compares what the manifests want with what the server holds, and says what would have to be sent.

Law: pure; `diff(x, x)` is empty; equality is type-exact; a masked secret is unknown, never equal and never changed.
The only home of deepdiff, which is asked only about values that are known to differ and will be shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct

from reconciler.catalogue import Catalogue, Kind, Property, Record
from reconciler.errors import Diagnostic
from reconciler.expression import same
from reconciler.model import (
    Address,
    Change,
    Difference,
    FieldChange,
    Left,
    LiveObject,
    LiveState,
    Resource,
    Secret,
    Sensitive,
    Wire,
)

Rotate = Callable[[Address], bool]


class _Compared(Struct):
    """What comparing two objects of one shape found: pointers with both values, what to send, unknown secrets."""

    fields: list[FieldChange]
    patch: Wire
    unknown: list[str]


def exact(want: Any, have: Any) -> bool:
    """Whether two wire values are equal, types included: 1, 1.0 and true all differ."""
    if type(want) is not type(have):
        return False
    if isinstance(want, dict):
        return want.keys() == have.keys() and all(exact(value, have[key]) for key, value in want.items())
    return bool(want == have)


class Diff:
    """Comparisons by one catalogue; what to compare is worked out once per kind and variant."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._shapes: dict[tuple[int, str], tuple[tuple[str, Property], ...]] = {}

    def compare(
        self,
        desired: Sequence[Resource],
        live: LiveState,
        kinds: Iterable[str],
        *,
        declared: Sequence[Resource] | None = None,
        rotate: Rotate = lambda _: False,
    ) -> tuple[Difference, tuple[Diagnostic, ...]]:
        """Compare the resources with the live objects of some kinds.

        Args:
            desired: the resources in scope.
            live: what the server holds.
            kinds: the kinds whose undeclared objects are named.
            declared: every resource of the manifests, where the scope is narrower; what they stand for is declared.
            rotate: whether the secrets of an object are to be sent although they cannot be compared.
        """
        changes: list[Change] = []
        unknown: list[Secret] = []
        left: list[Left] = []
        undeclared: list[LiveObject] = []
        pairs: list[tuple[Address, str]] = []
        problems: list[Diagnostic] = []
        by_kind: defaultdict[str, list[Resource]] = defaultdict(list)
        for resource in declared if declared is not None else desired:
            by_kind[resource.address.kind].append(resource)
        scope = None if declared is None else {resource.address for resource in desired}
        unchanged = 0
        for name in sorted({*by_kind, *kinds}):
            kind = self.catalogue.kinds[name]
            matches, rest, mistakes = pair(kind, by_kind[name], live.of(name))
            problems += mistakes
            undeclared += [] if kind.singleton else rest
            pairs += [
                (r.address, o.id) for r, o in matches if r.named and o is not None and r.address.name != o.address.name
            ]
            matches = [(r, o) for r, o in matches if scope is None or r.address in scope]
            late = _out_of_order(matches, live.of(name)) if kind.ordered else frozenset()
            for resource, found in matches:
                if found is None:
                    changes.append(self._create(kind, resource))
                    continue
                change, secrets = self._update(
                    kind, resource, found, rotate, move=resource.address in late, mistakes=problems
                )
                unknown += [Secret(resource.address, pointer) for pointer in secrets]
                if kind.singleton:
                    left += [Left(resource.address, name) for name in self._left(kind, resource, found)]
                if change is None:
                    unchanged += 1
                else:
                    changes.append(change)
        difference = Difference(
            changes=tuple(changes),
            unchanged=unchanged,
            undeclared=tuple(sorted(undeclared, key=lambda each: each.address)),
            unknown=tuple(unknown),
            left=tuple(left),
            pairs=tuple(pairs),
        )
        return difference, tuple(problems)

    def sendable(self, kind: Record, wire: Wire) -> Wire:
        """Return what must be sent to make an object: all but what the server would fill in by itself."""
        variant = wire.get("@type", "")
        sent = {
            name: wire[name]
            for name, prop in self._shape(kind, variant)
            if name in wire and (prop.required or not exact(wire[name], prop.default))
        }
        return {"@type": variant, **sent} if variant else sent

    def _shape(self, record: Record, variant: str) -> tuple[tuple[str, Property], ...]:
        key = (id(record), variant)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = tuple(record.shape(variant).items())
        return shape

    def _create(self, kind: Kind, resource: Resource) -> Change:
        body = self.sendable(kind, resource.wire)
        return Change(
            action="create",
            address=resource.address,
            patch=body,
            fields=tuple(FieldChange(name, UNSET, value) for name, value in body.items()),
            after=resource.wire,
            source=resource.source,
        )

    def _update(
        self,
        kind: Kind,
        resource: Resource,
        found: LiveObject,
        rotate: Rotate,
        *,
        move: bool,
        mistakes: list[Diagnostic],
    ) -> tuple[Change | None, list[str]]:
        want, have = resource.wire, found.wire
        compared = _Compared([], {}, [])
        variant, before = want.get("@type", ""), have.get("@type", "")
        if variant == before:
            self._compare_shape(kind, want, have, resource.unmanaged, compared, rotating=rotate(resource.address))
        recreate = self._recreate(kind, resource, found, move=move)
        if variant == before and not compared.fields and not recreate:
            return None, compared.unknown
        frozen = [
            f.pointer
            for f in compared.fields
            if kind.shape(variant)[f.pointer.partition("/")[0]].mutability == "immutable"
        ]
        if frozen:
            place = resource.place(frozen[0])
            mistakes.append(
                Diagnostic(
                    file=place.file,
                    line=place.line,
                    column=place.column,
                    address=str(resource.address),
                    pointer=frozen[0],
                    code="immutable",
                    message=f"the server does not let {frozen[0]} of object {found.id} change",
                    hint="declare a new object, and destroy the old one",
                )
            )
            return None, compared.unknown
        source = resource.place(compared.fields[0].pointer) if compared.fields else resource.source
        update = Change(
            action="update",
            address=resource.address,
            id=found.id,
            patch=compared.patch,
            fields=tuple(compared.fields),
            before=have,
            after=want,
            source=source,
        )
        if variant == before and not recreate:
            return update, compared.unknown
        body = self.sendable(kind, want)
        return (
            Change(
                action="replace",
                address=resource.address,
                id=found.id,
                patch=body,
                fields=tuple(compared.fields) if variant == before else tuple(_variant_fields(body, have)),
                before=have,
                after=want,
                source=source,
                because=recreate or f"the variant changes from {before} to {variant}",
                recreate=bool(recreate),
            ),
            [],
        )

    def _recreate(self, kind: Kind, resource: Resource, found: LiveObject, *, move: bool) -> str:
        """Return why only a new object can be as wanted, or ""."""
        if move:
            return "the server runs these in the order of their creation"
        for name, prop in self._shape(kind, resource.wire.get("@type", "")):
            unset = prop.one_way and exact(resource.wire.get(name), prop.default)
            if unset and name not in resource.unmanaged and not exact(found.wire.get(name), prop.default):
                return f"the server cannot unset {name}"
        return ""

    def _compare_shape(
        self,
        record: Record,
        want: Mapping[str, Any],
        have: Mapping[str, Any],
        unmanaged: tuple[str, ...],
        compared: _Compared,
        path: str = "",
        *,
        rotating: bool = False,
    ) -> None:
        """Compare two objects of one shape property by property. A property that `want` lacks is left alone."""
        for name, prop in self._shape(record, want.get("@type", "")):
            if name not in want:
                continue
            wanted, held = want[name], have.get(name)
            if type(wanted) is type(held) and not isinstance(wanted, dict) and wanted == held:
                continue
            pointer = path + name
            if unmanaged and pointer in unmanaged:
                continue
            if prop.language and isinstance(held, dict):
                _compare_expression(wanted, held, pointer, unmanaged, compared)
                continue
            nested = self.catalogue.record(prop.of) if prop.type == "object" else None
            if nested is not None and not nested.variants and isinstance(held, dict):
                self._compare_shape(nested, wanted, held, unmanaged, compared, pointer + "/", rotating=rotating)
            elif not self._equal(prop, wanted, held, pointer, compared.unknown, rotating=rotating):
                compared.fields.append(FieldChange(pointer, held, wanted))
                compared.patch[pointer] = wanted

    def _equal(self, prop: Property, want: Any, have: Any, pointer: str, unknown: list[str], *, rotating: bool) -> bool:
        if isinstance(want, Sensitive):
            if not isinstance(have, str) or rotating:
                return False
            unknown.append(pointer)
            return True
        if type(want) is not type(have):
            return False
        if prop.type == "object" and isinstance(want, dict):
            record = self.catalogue.record(prop.of)
            if want.get("@type") != have.get("@type"):
                return False
            inner: list[str] = []
            shape = record.shape(want.get("@type", ""))
            equal = all(
                self._equal(each, want.get(name), have.get(name), f"{pointer}/{name}", inner, rotating=rotating)
                for name, each in shape.items()
            )
            unknown += inner if equal else []
            return equal
        return exact(want, have)

    def _left(self, kind: Kind, resource: Resource, found: LiveObject) -> Iterator[str]:
        """Yield the properties of a singleton that nobody declares and that are not at their default."""
        for name, prop in kind.properties.items():
            if name not in resource.wire and not exact(found.wire.get(name), prop.default):
                yield name


def pair(
    kind: Kind, resources: Sequence[Resource], objects: Sequence[LiveObject]
) -> tuple[list[tuple[Resource, LiveObject | None]], list[LiveObject], list[Diagnostic]]:
    """Match resources with live objects: by id where one is bound, else by key, and by order where names share a key.

    Returns:
        The pairs (with None for what is to be created), the objects left over, and what is ambiguous.
    """
    by_id = {each.id: each for each in objects}
    bound = {resource.id for resource in resources if resource.id}
    by_key: dict[Any, list[LiveObject]] = {}
    for each in objects:
        if each.id not in bound:
            by_key.setdefault(each.key, []).append(each)
    pairs: list[tuple[Resource, LiveObject | None]] = []
    problems: list[Diagnostic] = []
    taken: set[str] = set()
    for resource in resources:
        found: LiveObject | None
        if resource.id:
            found = by_id.get(resource.id)
            if found is None:
                problems.append(
                    _unpaired(resource, "unknown-id", f"the server has no object with the id {resource.id}")
                )
                continue
        else:
            candidates = by_key.get(resource.key, [])
            if len(candidates) > 1 and not resource.named:
                ids = ", ".join(each.id for each in candidates)
                problems.append(
                    _unpaired(
                        resource,
                        "ambiguous",
                        f"the server has {len(candidates)} objects with this key: {ids}",
                        "bind the document to one with metadata.id, or declare each with a metadata.name",
                    )
                )
                taken.update(each.id for each in candidates)
                continue
            found = next((each for each in candidates if each.id not in taken), None)
        if found is not None:
            taken.add(found.id)
        pairs.append((resource, found))
    return pairs, [each for each in objects if each.id not in taken], problems


def _unpaired(resource: Resource, code: str, message: str, hint: str = "") -> Diagnostic:
    source = resource.source
    return Diagnostic(
        file=source.file,
        line=source.line,
        column=source.column,
        address=str(resource.address),
        code=code,
        message=message,
        hint=hint,
    )


def _out_of_order(
    pairs: Sequence[tuple[Resource, LiveObject | None]], objects: Sequence[LiveObject]
) -> frozenset[Address]:
    """Return what must be created anew so that creation order becomes the declared order.

    New objects come last on the server, so only the longest run of the first declared ones can stay.
    """
    places = {each.id: place for place, each in enumerate(objects)}
    late: set[Address] = set()
    last = -1
    for resource, found in pairs:
        place = len(places) if found is None else places[found.id]
        if found is not None and place < last:
            late.add(resource.address)
            place = len(places)
        last = place
    return frozenset(late)


def _compare_expression(
    want: Mapping[str, Any], have: Mapping[str, Any], pointer: str, unmanaged: tuple[str, ...], compared: _Compared
) -> None:
    """Compare two expressions by their tokens: white space that means nothing is no difference."""
    for name, equal in (("match", _same_list), ("else", _same_text)):
        at = f"{pointer}/{name}"
        if at not in unmanaged and not equal(want.get(name), have.get(name)):
            compared.fields.append(FieldChange(at, have.get(name), want.get(name)))
            compared.patch[at] = want.get(name)


def _same_text(want: Any, have: Any) -> bool:
    return want == have or (isinstance(want, str) and isinstance(have, str) and same(want, have))


def _same_list(want: Any, have: Any) -> bool:
    if not isinstance(want, dict) or not isinstance(have, dict) or want.keys() != have.keys():
        return False
    return all(
        branch.keys() == have[key].keys() and all(_same_text(text, have[key][part]) for part, text in branch.items())
        for key, branch in want.items()
    )


def _variant_fields(body: Wire, have: Wire) -> Iterator[FieldChange]:
    for name, value in body.items():
        if not exact(value, have.get(name)):
            yield FieldChange(name, have.get(name, UNSET), value)


def details(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """Say element by element how two human values differ: path, value before, value after (UNSET where absent).

    Meant for what is shown, since it is some hundred times slower than knowing that they differ.
    """
    from deepdiff import DeepDiff

    found: list[tuple[str, Any, Any]] = []
    for group in DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0).values():
        for level in group:
            path = "/".join(str(step) for step in level.path(output_format="list"))
            found.append((path, _shown(level.t1), _shown(level.t2)))
    return sorted(found, key=lambda each: [(0, int(s), "") if s.isdigit() else (1, 0, s) for s in each[0].split("/")])


def _shown(value: Any) -> Any:
    return UNSET if type(value).__name__ == "NotPresent" else value
