"""The comparison itself: changes with minimal patches, and what cannot or need not be compared.

Law: pure, and everything about a kind comes from the catalogue. What is left alone keeps the live value, whatever else
happens to its object; a value that was read masked is never sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from reconciler.kinds import Catalogue, Kind, Property, Record, exact, same_branches, same_text, sendable
from reconciler.plan.diff.leaving import holds_masked, left_out, managed, servers_own, top, unchosen
from reconciler.plan.diff.pairing import AMBIGUOUS, TWINS, Pairs, in_order, made_anew, pair
from reconciler.values import (
    Address,
    Change,
    Diagnostic,
    Difference,
    FieldChange,
    Left,
    LiveObject,
    LiveState,
    NotAllowed,
    Resource,
    Secret,
    Sensitive,
    Wire,
    mistake,
)

Rotate = Callable[[Address], bool]
_TEXTS = frozenset({str})


class _Compared(Struct):
    """What comparing two objects of one shape found: pointers with both values, what to send, unknown secrets."""

    fields: list[FieldChange]
    patch: Wire
    unknown: list[str]


class Diff:
    """Comparisons by one catalogue; what to compare is worked out once per kind and variant."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._shapes: dict[tuple[int, str], tuple[tuple[str, Property], ...]] = {}
        self._unsure: dict[tuple[str, str], tuple[str, ...]] = {}

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
            live: what the server holds; every kind compared must have been read.
            kinds: the kinds whose undeclared objects are named.
            declared: every resource of the manifests, where the scope is narrower; what they stand for is declared.
            rotate: whether the secrets of an object are to be sent although they cannot be compared.

        Raises:
            NotAllowed: a resource names an object of a kind that the credentials may not read.
            ValueError: a kind was not read, which is not the same as that there is nothing of it.
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
        narrowed = declared is not None and len(desired) < len(declared)
        scope = {resource.address for resource in desired} if narrowed else None
        unchanged = 0
        for name in sorted({*by_kind, *kinds}):
            if name not in live.objects:
                raise ValueError(f"{name} was not read")
            kind = self.catalogue.kinds[name]
            matches, rest, mistakes = pair(kind, by_kind[name], live.of(name))
            problems += mistakes
            twins = {diagnostic.address: diagnostic for diagnostic in mistakes if diagnostic.code == TWINS}
            undeclared += [] if kind.singleton else rest
            pairs += [
                (r.address, o.id) for r, o in matches if r.named and o is not None and r.address.name != o.address.name
            ]
            matches = [(r, o) for r, o in matches if scope is None or r.address in scope]
            stood: dict[Address, LiveObject | None] = {}
            if kind.ordered:
                stood = {resource.address: live_object for resource, live_object in matches}
                matches, mistakes = in_order(matches, live.of(name))
                problems += mistakes
            anew = self._anew(kind, matches)
            begin = len(changes)
            for resource, live_object in matches:
                if live.forbidden:
                    self._check_readable(kind, resource, live)
                if live_object is None:
                    changes.append(self._create(kind, resource))
                    continue
                whole = not (kind.singleton or resource.unmanaged or anew)
                if whole and self._alike(kind, resource.wire, live_object.wire):
                    unchanged += 1
                    continue
                change, secrets = self._update(
                    kind,
                    resource,
                    live_object,
                    rotate,
                    recreate=anew.get(resource.address, ""),
                    stood=stood[resource.address] if stood else live_object,
                    mistakes=problems,
                )
                unknown += [Secret(resource.address, pointer) for pointer in secrets]
                if kind.singleton:
                    left += [Left(resource.address, name) for name in unchosen(kind, resource, live_object)]
                if change is None:
                    unchanged += 1
                else:
                    changes.append(change)
            for change in changes[begin:] if twins else ():
                if twin := twins.get(str(change.address)):
                    # Once one of them is changed, the document could mean each of them.
                    problems[problems.index(twin)] = replace(twin, severity="error", hint=AMBIGUOUS)
        difference = Difference(
            changes=tuple(changes),
            unchanged=unchanged,
            undeclared=tuple(sorted(undeclared, key=lambda live_object: live_object.address)),
            unknown=tuple(unknown),
            left=tuple(left),
            pairs=tuple(pairs),
        )
        return difference, tuple(problems)

    def _shape(self, record: Record, variant: str) -> tuple[tuple[str, Property], ...]:
        key = (id(record), variant)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = tuple(record.shape(variant).items())
        return shape

    def _check_readable(self, kind: Kind, resource: Resource, live: LiveState) -> None:
        """Refuse a reference by name where no name can be told from another."""
        for name, prop in self._shape(kind, resource.wire.get("@type", "")):
            target = resource.wire.get(name)
            if prop.to in live.forbidden and isinstance(target, Address) and not target.id:
                place = resource.place(name)
                raise NotAllowed(
                    f"{place} {resource.address} {name}: the credentials may not read {prop.to}, "
                    f"so that it cannot be told which object {target} is",
                    f"they need sys{prop.to}Query and sys{prop.to}Get; or write {name}: id:… with the server's id",
                )

    def _create(self, kind: Kind, resource: Resource) -> Change:
        body = sendable(kind, resource.wire)
        return Change(
            action="create",
            address=resource.address,
            patch=body,
            fields=tuple(FieldChange(name, UNSET, value) for name, value in body.items()),
            after=resource.wire,
            source=resource.source,
            at_default=tuple(name for name in resource.wire if name in resource.given and name not in body),
        )

    def _update(
        self,
        kind: Kind,
        resource: Resource,
        live_object: LiveObject,
        rotate: Rotate,
        *,
        recreate: str,
        stood: LiveObject | None,
        mistakes: list[Diagnostic],
    ) -> tuple[Change | None, list[str]]:
        """Compare a resource with the object that is to hold it; `stood` is the one that it stands for now."""
        want, have = managed(kind, resource, stood) if stood else resource.wire, live_object.wire
        moves = stood is not live_object
        compared = _Compared([], {}, [])
        variant, before = want.get("@type", ""), have.get("@type", "")
        if variant == before:
            self._compare_shape(kind, want, have, compared, rotating=moves or rotate(resource.address))
        if variant == before and not compared.fields and not recreate:
            return None, compared.unknown
        whole = variant != before or bool(recreate)
        problem = self._impossible(kind, resource, live_object, want, compared, whole=whole, moves=moves)
        if problem:
            mistakes.append(problem)
            return None, compared.unknown
        change = Change(
            action="update",
            address=resource.address,
            id=live_object.id,
            patch=compared.patch,
            fields=tuple(compared.fields),
            before=have,
            after=want,
            source=resource.place(compared.fields[0].pointer) if compared.fields else resource.source,
            because="the server runs these in the order of their creation" if moves else "",
            left_out=left_out(kind, resource, compared.fields),
        )
        if variant == before and not recreate:
            return change, compared.unknown
        body = sendable(kind, want)
        fields = change.fields if variant == before else tuple(_variant_fields(body, have))
        return (
            Change(
                action="replace",
                address=resource.address,
                id=live_object.id,
                patch=body,
                fields=fields,
                before=have,
                after=want,
                source=change.source,
                because=recreate or f"the variant changes from {before} to {variant}",
                recreate=bool(recreate),
                left_out=left_out(kind, resource, fields),
            ),
            [],
        )

    def _impossible(
        self,
        kind: Kind,
        resource: Resource,
        live_object: LiveObject,
        want: Wire,
        compared: _Compared,
        *,
        whole: bool,
        moves: bool,
    ) -> Diagnostic | None:
        """Say why an object that is there cannot be made as wanted, if that is so."""
        shape = kind.shape(want.get("@type", ""))
        tops = [field.pointer.partition("/")[0] for field in compared.fields]
        frozen = next((name for name in tops if shape[name].mutability == "immutable"), "")
        if frozen and not whole:
            message = f"the server does not let {frozen} of object {live_object.id} change"
            return mistake(resource, frozen, "immutable", message, "declare a new object, and destroy the old one")
        lost = next((name for name in map(top, resource.unmanaged) if holds_masked(want.get(name))), "")
        if lost and (whole or moves):
            message = f"the whole object has to be sent, and the secret in {lost} is left alone and cannot be read"
            return mistake(resource, lost, "unmanaged", message, f"declare {lost}")
        return None

    def _anew(self, kind: Kind, matches: Pairs) -> dict[Address, str]:
        """Return which objects can be as wanted only if they are made anew, and why."""
        shapes = [kind.shape(variant) for variant in kind.variants] or [kind.properties]
        one_way = {name: prop.default for shape in shapes for name, prop in shape.items() if prop.one_way}
        if not one_way:
            return {}

        def because(resource: Resource, live_object: LiveObject) -> str:
            want = managed(kind, resource, live_object)
            for name, default in one_way.items():
                given = name in want and name in live_object.wire
                if given and exact(want[name], default) and not exact(live_object.wire[name], default):
                    return f"the server cannot unset {name}"
            return ""

        return made_anew(matches, because)

    def _alike(self, kind: Kind, want: Wire, have: Wire) -> bool:
        """Whether two objects are seen to be equal at one look, as most pairs are; False decides nothing."""
        if want != have:
            return False
        # A text equals only texts. But Python takes 1, 1.0 and true for equal.
        for name in self._doubtful(kind, want.get("@type", "")):
            wanted, held = want.get(name), have.get(name)
            if wanted is not held and not (
                type(wanted) is type(held) and (type(wanted) is int or _texts_only(wanted) or exact(wanted, held))
            ):
                return False
        return True

    def _doubtful(self, kind: Kind, variant: str) -> tuple[str, ...]:
        """Return the properties of which equal values may be of different types."""
        names = self._unsure.get((kind.kind, variant))
        if names is None:
            sure = ("string", "enum", "date", "reference")
            names = tuple(name for name, prop in self._shape(kind, variant) if prop.type not in sure)
            self._unsure[kind.kind, variant] = names
        return names

    def _compare_shape(
        self,
        record: Record,
        want: Mapping[str, Any],
        have: Mapping[str, Any],
        compared: _Compared,
        path: str = "",
        *,
        rotating: bool = False,
    ) -> None:
        """Compare two objects of one shape property by property. A property that `want` lacks is left alone."""
        for name, prop in self._shape(record, want.get("@type", "")):
            wanted, held = want.get(name, UNSET), have.get(name)
            # Most values are equal, and are seen to be so before anything is asked of their property.
            sort = type(wanted)
            if wanted is held or (sort is type(held) and wanted == held and (sort is not dict or _texts_only(wanted))):
                continue
            if wanted is UNSET or prop.mutability == "server-set":
                continue
            if (prop.write_only and not rotating) or (prop.volatile and wanted == prop.default):
                continue
            pointer = path + name
            if prop.language and isinstance(held, dict):
                _compare_expression(wanted, held, pointer, compared)
                continue
            nested = self.catalogue.types[prop.of] if prop.type == "object" else None
            if nested is not None and not nested.variants and isinstance(held, dict) and isinstance(wanted, dict):
                self._compare_shape(nested, wanted, held, compared, pointer + "/", rotating=rotating)
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
            record = self.catalogue.types[prop.of]
            variant = want.get("@type", "")
            if variant != have.get("@type", ""):
                return False
            if record.variants and variant not in record.variants:
                # A newer server's, which no manifest can say: it comes from live state, and is left alone.
                return exact(want, have)
            inner: list[str] = []
            equal = all(
                self._equal(member, want.get(name), have.get(name), f"{pointer}/{name}", inner, rotating=rotating)
                for name, member in self._shape(record, variant)
                if not servers_own(member, want.get(name, UNSET))
            )
            unknown += inner if equal else []
            return equal
        if prop.of and not prop.language and isinstance(want, dict) and want.keys() == have.keys():
            below = Property(type="object", of=prop.of)
            masked: list[str] = []
            equal = all(
                self._equal(below, member, have[at], f"{pointer}/{at}", masked, rotating=rotating)
                for at, member in want.items()
            )
            unknown += masked if equal else []
            return equal
        return exact(want, have)


def _texts_only(value: Any) -> bool:
    """Whether a value is an object with no parts but texts, so that what equals it is of the same types."""
    return type(value) is dict and _TEXTS.issuperset(map(type, value.values()))


def _compare_expression(want: Mapping[str, Any], have: Mapping[str, Any], pointer: str, compared: _Compared) -> None:
    """Compare two expressions by their tokens: white space that means nothing is no difference."""
    for name, equal in (("match", same_branches), ("else", same_text)):
        if not equal(want.get(name), have.get(name)):
            compared.fields.append(FieldChange(f"{pointer}/{name}", have.get(name), want.get(name)))
            compared.patch[f"{pointer}/{name}"] = want.get(name)


def _variant_fields(body: Wire, have: Wire) -> Iterator[FieldChange]:
    for name, value in body.items():
        if not exact(value, have.get(name)):
            yield FieldChange(name, have.get(name, UNSET), value)
