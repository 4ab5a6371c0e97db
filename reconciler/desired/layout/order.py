"""In which order the keys of a manifest stand.

Law: from the catalogue, as `import` writes them; what it does not know stays in its order, behind what it knows.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from reconciler.desired.layout.nodes import DocumentLines, List, Mapping, Node
from reconciler.kinds import ROUTING_TEST, Catalogue, Kind, Property, Record, holds_secret

#: Orders a mapping: ranks its keys, and leads to the ordering of what is below each.
Order = Callable[[Mapping], "Ranks"]

#: How the keys begin that are the author's own.
OWN = "x-"
_TOP = ("kind", OWN, "metadata", "spec", "items", "given", "cases")
_METADATA = ("name", "id", "was", "absent", "unmanaged", "patch", "drop", "accept")
_CASE = ("name", "given", "expect", "ladder")
_EXPECTED_LAST = ("milters",)
_EXPRESSION = ("match", "else", "use")
_BRANCH = ("if", "then", "use")
_MERGE = "<<"


class Ranks(Struct):
    """The order of one mapping's keys, what is below each, and which hold a secret."""

    names: Sequence[str] = ()
    below: abc.Mapping[str, Order] = {}
    secret: Collection[str] = ()


def nothing(_: Mapping) -> Ranks:
    """Leave a mapping and what is below it in its order."""
    return Ranks()


def _named(*names: str, **below: Order) -> Order:
    return lambda _: Ranks((_MERGE, *names), below)


def ours(catalogue: Catalogue, document: DocumentLines) -> bool:
    """Whether a document is a manifest's, by its kind."""
    kind = document.root.value("kind") if isinstance(document.root, Mapping) else ""
    return kind in catalogue.kinds or kind == ROUTING_TEST


def top(catalogue: Catalogue) -> Order:
    """Return the order of documents, whose kind decides about what is below `spec` and `items`."""
    case = _named(*_CASE, expect=_named(*_expected(catalogue), *_EXPECTED_LAST))

    def order(document: Mapping) -> Ranks:
        kind = catalogue.kinds.get(document.value("kind"))
        spec = _record(catalogue, kind) if kind else nothing
        return Ranks(_TOP, {"metadata": _named(*_METADATA), "spec": spec, "items": spec, "cases": case})

    return order


def _expected(catalogue: Catalogue) -> list[str]:
    """Return what a routing test can expect: the expressions that name objects, as people read them."""
    return [
        name
        for kind in catalogue.kinds.values()
        for name, prop in kind.legible("").items()
        if prop.language and prop.language.names
    ]


def _record(catalogue: Catalogue, record: Record) -> Order:
    """Order an object: its type, its match key, then as the catalogue has it."""
    match = record.match if isinstance(record, Kind) else ()

    def order(spec: Mapping) -> Ranks:
        variant = spec.value("type") or spec.value("@type")
        shape = record.legible(variant)
        below = {name: _property(catalogue, prop) for name, prop in shape.items()}
        secret = {name for name, prop in shape.items() if holds_secret(catalogue, prop)}
        return Ranks(tuple(dict.fromkeys((_MERGE, "type", "@type", *match, *shape))), below, secret)

    return order


def _property(catalogue: Catalogue, prop: Property) -> Order:
    if prop.language:
        return _named(*_EXPRESSION, match=_named(*_BRANCH))
    return _record(catalogue, catalogue.types[prop.of]) if prop.type in ("object", "list") else nothing


def arranged(mapping: Mapping, ranks: Ranks, *, still: bool) -> list[int]:
    """Return the places of a mapping's pairs in canonical order."""
    places = {name: place for place, name in enumerate(ranks.names)}
    own = places.get(OWN, len(places))

    def rank(index: int) -> int:
        name = mapping.pairs[index][0].text
        return places.get(name, own if name.startswith(OWN) else len(places))

    indices = list(range(len(mapping.pairs)))
    if not places or (still and any(holds_anchor(key) or holds_anchor(value) for key, value in mapping.pairs)):
        return indices
    return sorted(indices, key=rank)


def holds_anchor(node: Node) -> bool:
    """Whether an anchor or an alias stands in a node."""
    if node.anchor:
        return True
    if isinstance(node, Mapping):
        return any(holds_anchor(key) or holds_anchor(value) for key, value in node.pairs)
    return isinstance(node, List) and any(map(holds_anchor, node.elements))
