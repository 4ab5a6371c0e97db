"""Which live object each resource stands for.

Law: nothing is guessed: by id where one is bound, else by match key, and by order only where every document that shares
a key has a name of its own. What remains ambiguous is a diagnostic, and touches no object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from reconciler.kinds import Kind, exact
from reconciler.values import Address, Diagnostic, LiveObject, Resource, mistake

AMBIGUOUS = "bind the document to one with metadata.id, or declare each with a metadata.name"
EQUAL = "they are equal: the first is taken, and the others are undeclared; pruning destroys these"
#: Code of what is told where several equal objects have one key.
TWINS = "twins"
Pairs = list[tuple[Resource, LiveObject | None]]


def pair(
    kind: Kind, resources: Sequence[Resource], objects: Sequence[LiveObject]
) -> tuple[Pairs, list[LiveObject], list[Diagnostic]]:
    """Match resources with the live objects of their kind.

    Returns:
        The pairs (with None for what is to be created), the objects left over, and what is ambiguous.
    """
    bound = {resource.id for resource in resources if resource.id}
    by_id = {live_object.id: live_object for live_object in objects if live_object.id in bound}
    by_key: dict[Any, list[LiveObject]] = {}
    for live_object in objects:
        if live_object.id not in bound:
            by_key.setdefault(live_object.key, []).append(live_object)
    if kind.derived and kind.expires:
        # A renewed one stands beside the one that it replaces.
        for held in by_key.values():
            held.sort(key=lambda live_object: str(live_object.wire.get(kind.expires)), reverse=True)
    shares = Counter([resource.key for resource in resources if not resource.id])
    pairs: Pairs = []
    problems: list[Diagnostic] = []
    taken: set[str] = set()
    for resource in resources:
        if resource.id:
            live_objects = by_id.get(resource.id)
            if live_objects is None:
                problems.append(
                    mistake(resource, "", "unknown-id", f"the server has no object with the id {resource.id}")
                )
                continue
        else:
            candidates = by_key.get(resource.key, [])
            if len(candidates) == 1 and shares[resource.key] == 1:
                # Most keys are those of one document and one object, and nobody else takes that.
                taken.add(candidates[0].id)
                pairs.append((resource, candidates[0]))
                continue
            problem = "" if resource.named or kind.singleton else _ambiguity(candidates, shares[resource.key])
            if (
                problem
                and shares[resource.key] == 1
                and all(exact(candidates[0].wire, live_object.wire) for live_object in candidates)
            ):
                problems.append(mistake(resource, "", TWINS, problem, EQUAL, severity="warning"))
            elif problem:
                problems.append(mistake(resource, "", "ambiguous", problem, AMBIGUOUS))
                taken.update(live_object.id for live_object in candidates)
                continue
            live_objects = next((live_object for live_object in candidates if live_object.id not in taken), None)
        if live_objects is not None:
            taken.add(live_objects.id)
        pairs.append((resource, live_objects))
    return pairs, [live_object for live_object in objects if live_object.id not in taken], problems


def _ambiguity(candidates: Sequence[LiveObject], documents: int) -> str:
    """Say why a document without a name of its own does not tell which object it means, or ""."""
    if len(candidates) > 1:
        ids = ", ".join(live_object.id for live_object in candidates)
        return f"the server has {len(candidates)} objects with this key: {ids}"
    if documents > 1:
        return f"{documents} documents have this key"
    return ""


def made_anew(pairs: Pairs, because: Callable[[Resource, LiveObject], str]) -> dict[Address, str]:
    """Return what must be destroyed and created, and why.

    A new object comes last on the server. Where order tells documents that share a key apart, everything declared
    behind a new object must be made anew too.

    Args:
        pairs: resources and their live objects, in the order of declaration.
        because: says why one object cannot be changed in place, or "".
    """
    names: dict[Address, str] = {}
    renewed: set[Any] = set()
    for resource, live in pairs:
        if live is None:
            continue
        reason = because(resource, live)
        shares = resource.named and not resource.id
        if shares and resource.key in renewed:
            reason = reason or "an object with the same key, declared before it, is made anew"
        if reason:
            names[resource.address] = reason
            renewed |= {resource.key} if shares else set()
    return names


def in_order(pairs: Pairs, objects: Sequence[LiveObject]) -> tuple[Pairs, list[Diagnostic]]:
    """Place the resources of an ordered kind: the server runs its objects in the order of their creation.

    Objects are places whose contents can be written: the first resource takes the first object, and what is left over
    is created. A resource that a document binds to an id stays there.

    Args:
        pairs: resources and the objects that they stand for, in the order of declaration.
        objects: every live object of the kind, in ascending order of id.

    Returns:
        The resources, each with the object that is to hold it, and what ids keep from its place.
    """
    places = {live_object.id: place for place, live_object in enumerate(objects)}
    free = iter(
        sorted((live for resource, live in pairs if live and not _pinned(resource)), key=lambda o: places[o.id])
    )
    placed = [(resource, live if _pinned(resource) else next(free, None)) for resource, live in pairs]
    problems: list[Diagnostic] = []
    last = -1
    for resource, live in placed:
        place = places[live.id] if live else len(places)
        if place < last:
            message = "it runs before what is declared before it, and metadata.id keeps it there"
            problems.append(mistake(resource, "", "order", message, "take metadata.id out, or declare it first"))
        last = max(place, last)
    wrong = {diagnostic.address for diagnostic in problems}
    return [(resource, live) for resource, live in placed if str(resource.address) not in wrong], problems


def _pinned(resource: Resource) -> bool:
    """Whether a document names its object by id, and is no rename."""
    return bool(resource.id) and not resource.was
