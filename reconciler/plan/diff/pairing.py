"""Which live object each resource stands for.

Law: nothing is guessed: by id where one is bound, else by match key, and by order only where every document that shares
a key has a name of its own. What remains ambiguous is a diagnostic, and touches no object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from reconciler.kinds import Kind
from reconciler.values import Address, Diagnostic, LiveObject, Resource

Pairs = list[tuple[Resource, LiveObject | None]]


def pair(
    kind: Kind, resources: Sequence[Resource], objects: Sequence[LiveObject]
) -> tuple[Pairs, list[LiveObject], list[Diagnostic]]:
    """Match resources with the live objects of their kind.

    Returns:
        The pairs (with None for what is to be created), the objects left over, and what is ambiguous.
    """
    by_id = {each.id: each for each in objects}
    bound = {resource.id for resource in resources if resource.id}
    by_key: dict[Any, list[LiveObject]] = {}
    for each in objects:
        if each.id not in bound:
            by_key.setdefault(each.key, []).append(each)
    shares = Counter(resource.key for resource in resources if not resource.id)
    pairs: Pairs = []
    problems: list[Diagnostic] = []
    taken: set[str] = set()
    for resource in resources:
        if resource.id:
            found = by_id.get(resource.id)
            if found is None:
                problems.append(
                    mistake(resource, "", "unknown-id", f"the server has no object with the id {resource.id}")
                )
                continue
        else:
            candidates = by_key.get(resource.key, [])
            problem = "" if resource.named or kind.singleton else _ambiguity(candidates, shares[resource.key])
            if problem:
                hint = "bind the document to one with metadata.id, or declare each with a metadata.name"
                problems.append(mistake(resource, "", "ambiguous", problem, hint))
                taken.update(each.id for each in candidates)
                continue
            found = next((each for each in candidates if each.id not in taken), None)
        if found is not None:
            taken.add(found.id)
        pairs.append((resource, found))
    return pairs, [each for each in objects if each.id not in taken], problems


def _ambiguity(candidates: Sequence[LiveObject], documents: int) -> str:
    """Say why a document without a name of its own does not tell which object it means, or ""."""
    if len(candidates) > 1:
        ids = ", ".join(each.id for each in candidates)
        return f"the server has {len(candidates)} objects with this key: {ids}"
    if documents > 1:
        return f"{documents} documents have this key"
    return ""


def mistake(resource: Resource, pointer: str, code: str, message: str, hint: str = "") -> Diagnostic:
    """Return an error at the place where a resource, or the property of a pointer, is declared."""
    place = resource.place(pointer)
    return Diagnostic(
        file=place.file,
        line=place.line,
        column=place.column,
        address=str(resource.address),
        pointer=pointer,
        code=code,
        message=message,
        hint=hint,
    )


def made_anew(
    kind: Kind, pairs: Pairs, objects: Sequence[LiveObject], because: Callable[[Resource, LiveObject], str]
) -> dict[Address, str]:
    """Return what must be destroyed and created, and why.

    A new object comes last on the server. Where order tells what an object is for, that of an ordered kind or that of
    documents which share a key, everything declared behind a new object must be made anew too.

    Args:
        kind: what the objects are.
        pairs: resources and their live objects, in the order of declaration.
        objects: every live object of the kind, in ascending order of id.
        because: says why one object cannot be changed in place, whatever its order, or "".
    """
    places = {each.id: place for place, each in enumerate(objects)}
    found: dict[Address, str] = {}
    renewed: set[Any] = set()
    last = -1
    for resource, live in pairs:
        if live is None:
            last = len(places)
            continue
        reason = because(resource, live)
        if kind.ordered and places[live.id] < last:
            reason = reason or "the server runs these in the order of their creation"
        shares = resource.named and not resource.id
        if shares and resource.key in renewed:
            reason = reason or "an object with the same key, declared before it, is made anew"
        last = len(places) if reason else places[live.id]
        if reason:
            found[resource.address] = reason
            renewed |= {resource.key} if shares else set()
    return found
