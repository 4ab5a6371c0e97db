"""Values that stand for others: results of earlier calls, and ids of objects created in the same request.

Law: pure. References are put in place before a call is run, and one that cannot be fails the whole call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from reconciler.sandbox.patch import parse_pointer
from reconciler.sandbox.request import MethodError
from reconciler.sandbox.shapes import Mould
from reconciler.sandbox.store import StoredObject

#: How deep the server looks for references.
_DEPTH = 5
_BAD = "invalidResultReference"


class EarlierAnswer(Struct, frozen=True):
    """What an earlier call answered, as far as a later one can refer to it."""

    id: str
    name: str
    #: The ids of a query, or None.
    ids: list[str] | None = None
    #: The objects of a get and their type, or None.
    objects: tuple[Mould, list[StoredObject]] | None = None
    #: The properties that the get showed; empty for all.
    shown: frozenset[str] = frozenset()


#: The arguments that may be result references. Elsewhere they are arguments that nobody knows.
_REFERENCES = {"get": ("#ids", "#properties"), "set": ("#destroy",)}


def resolve_results(verb: str, arguments: dict[str, Any], results: Iterable[EarlierAnswer]) -> dict[str, Any]:
    """Return the arguments of a call with every `#name` replaced by what it refers to.

    Raises:
        MethodError: invalidResultReference.
    """
    references = _REFERENCES.get(verb, ())
    if not any(name in arguments for name in references):
        return arguments
    resolved: dict[str, Any] = {}
    for name, value in arguments.items():
        answers = _referred(value, results) if name in references else None
        if answers and name == "#properties":
            raise MethodError(_BAD, f"Failed to evaluate {_words(value)} result reference: Invalid property.")
        resolved[name if answers is None else name[1:]] = value if answers is None else answers
    return resolved


def _words(reference: dict[str, str]) -> str:
    return f"{{ resultOf: {reference['resultOf']}, name: {reference['name']}, path: {reference['path']} }}"


def _referred(reference: dict[str, str], results: Iterable[EarlierAnswer]) -> list[str]:
    steps = parse_pointer(reference["path"]).steps
    for result in results:
        if (result.id, result.name) != (reference["resultOf"], reference["name"]):
            continue
        if result.ids is not None and steps[0] == "ids":
            return list(_among(result.ids, steps[1:]))
        if result.objects is not None and steps[0] == "list":
            mould, rows = result.objects
            return [id_ for row in _among(rows, steps[1:]) for id_ in _ids(mould, row, steps[2:], result.shown)]
    raise MethodError(_BAD, f"Result reference to {reference['resultOf']}#{reference['name']} not found.")


def _among(values: list[Any], steps: tuple[str | int | None, ...]) -> Iterator[Any]:
    """Yield what the next token picks: every member (a wildcard, or nothing more), or one by its number."""
    if not steps or steps[0] is None:
        yield from values
    elif isinstance(steps[0], int) and steps[0] < len(values):
        yield values[steps[0]]


def _ids(mould: Mould, row: StoredObject, steps: tuple[str | int | None, ...], shown: frozenset[str]) -> Iterator[str]:
    """Yield the ids at a path within an object; other values are passed over."""
    name = steps[0] if len(steps) == 1 else None
    if not isinstance(name, str) or (shown and name not in shown):
        return
    slot = mould.shape(row.body).slots.get(name)
    if name == "id":
        yield row.text
    elif slot is not None and slot.word.type == "reference":
        yield row.body[name]


def resolve_ids(values: list[str], created: Mapping[str, str]) -> list[str]:
    """Return the `ids` of a get with every `#creationId` replaced.

    Raises:
        MethodError: invalidResultReference.
    """
    resolved = []
    for value in values:
        name = value.removeprefix("#")
        if value.startswith("#") and name:
            if name not in created:
                raise MethodError(_BAD, f'Id reference "{name}" does not exist or is invalid.')
            resolved.append(created[name])
        else:
            resolved.append(value)
    return resolved


class CreationReferences:
    """Replaces `#creationId` where an id is meant. `names` are the properties whose values are ids."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def within(self, value: Any) -> bool:
        """Whether an object holds anything that may be a reference."""
        return isinstance(value, dict) and any(
            name.startswith("#") or (isinstance(member, str) and member.startswith("#")) or self.within(member)
            for name, member in value.items()
        )

    def creates(self, objects: dict[str, Any], created: Mapping[str, str]) -> dict[str, Any]:
        """Return the objects with known references replaced, ordered so that those referred to come first.

        Raises:
            MethodError: a reference to nothing, or in a circle.
        """
        needs: dict[str, list[str]] = {}
        resolved = {}
        for name, value in objects.items():
            missing: list[str] = []
            resolved[name] = self._replaced(value, created, missing, 0)
            if missing:
                needs[name] = missing
        for name, missing in needs.items():
            for other in missing:
                if other not in objects:
                    raise MethodError(_BAD, f'Invalid reference to non-existing object "{other}" from "{name}"')
        return _sorted(resolved, needs) if needs else resolved

    def updates(self, patches: dict[str, Any], created: Mapping[str, str]) -> dict[str, Any]:
        """Return the patches with every reference replaced.

        Raises:
            MethodError: a reference to nothing.
        """
        resolved = {}
        for name, value in patches.items():
            missing: list[str] = []
            resolved[name] = self._replaced(value, created, missing, 0)
            if missing:
                raise MethodError(_BAD, f'Id reference "{missing[0]}" not found.')
        return resolved

    def late(self, value: Any, created: Mapping[str, str]) -> tuple[Any, str | None]:
        """Return an object with references to its own call's creations replaced, and one that leads nowhere."""
        missing: list[str] = []
        resolved = self._replaced(value, created, missing, 0)
        return resolved, missing[0] if missing else None

    def _replaced(self, value: Any, created: Mapping[str, str], missing: list[str], depth: int) -> Any:
        if not isinstance(value, dict) or depth >= _DEPTH:
            return value
        resolved = {}
        for name, member in value.items():
            key = created.get(name[1:], name) if name.startswith("#") else name
            if name in self._names and isinstance(member, str) and member.startswith("#"):
                if member[1:] in created:
                    resolved[key] = created[member[1:]]
                    continue
                missing.append(member[1:])
            resolved[key] = self._replaced(member, created, missing, depth + 1)
        return resolved


def _sorted(objects: dict[str, Any], needs: dict[str, list[str]]) -> dict[str, Any]:
    """Put what is referred to before what refers to it, and leave the rest behind them in the order sent."""
    done: dict[str, Any] = {}
    active: set[str] = set()

    def place(name: str) -> None:
        if name in active:
            raise MethodError("invalidArguments", "Cyclical references are not allowed.")
        if name in done:
            return
        active.add(name)
        for other in needs.get(name, ()):
            place(other)
        active.discard(name)
        done[name] = objects[name]

    for name in needs:
        place(name)
    return done | {name: value for name, value in objects.items() if name not in done}


def unresolvable(name: str) -> dict[str, str]:
    """Return the SetError of an object that refers to one whose creation failed."""
    return {"kind": "notFound", "description": f'Id reference "{name}" not found.'}
