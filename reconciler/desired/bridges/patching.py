"""Updates as the server merges them: whole properties, parts of expressions and objects, and JSON pointers.

Law: pure; what is given is not changed. What a pointer reaches into and nothing has set is at the type's default.
Source: observed on Stalwart 0.16.19.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from msgspec import UNSET

from reconciler.kinds import Catalogue, Kind, Property, Record


class PatchError(Exception):
    """A pointer leads nowhere, or what it leads to cannot be set. The message says which."""


def patched(
    catalogue: Catalogue, kind: Kind, wire: Mapping[str, Any], patch: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return an object after an update, and the properties that the type's default was the base of.

    Raises:
        PatchError: the server could not do this.
    """
    made = deepcopy(dict(wire))
    based: list[str] = []
    variant = patch.get("@type")
    if kind.variants and variant is not None and variant != made.get("@type"):
        # Another variant: only what all variants have goes on.
        made = {name: held for name, held in made.items() if name in kind.properties}
        made["@type"] = variant
    for pointer, value in patch.items():
        if pointer == "@type":
            continue
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]
        top = steps[0]
        prop = kind.legible(made.get("@type")).get(top)
        if prop is None:
            if len(steps) > 1:
                raise PatchError(f"{kind.kind} has no {top}, which {pointer} reaches into")
            made[top] = value
            continue
        partly = len(steps) > 1 or (isinstance(value, dict) and _merges(catalogue, prop, value, made.get(top)))
        if partly and top not in made and prop.default is not UNSET and prop.default is not None:
            made[top] = deepcopy(prop.default)
            based.append(top)
        if len(steps) == 1:
            made[top] = _merged(made.get(top), value) if partly and isinstance(value, dict) else value
        else:
            made[top] = _into(catalogue, prop, made.get(top), steps[1:], value, pointer)
    return made, list(dict.fromkeys(based))


def _merges(catalogue: Catalogue, prop: Property, value: Mapping[str, Any], held: Any) -> bool:
    """Whether a given object leaves something of the one that there is."""
    if prop.language:
        return "match" not in value or "else" not in value
    if prop.type != "object":
        return False
    record = catalogue.types[prop.of]
    now = held if isinstance(held, dict) else prop.default
    return not record.variants or not isinstance(now, dict) or value.get("@type", now.get("@type")) == now.get("@type")


def _merged(held: Any, value: Mapping[str, Any]) -> Any:
    return {**held, **value} if isinstance(held, dict) else dict(value)


def _into(catalogue: Catalogue, prop: Property, held: Any, steps: list[str], value: Any, pointer: str) -> Any:
    """Return what a property holds once the value that some steps lead to is another one."""
    record: Record | None = None
    if prop.type == "set":
        if len(steps) > 1:
            raise PatchError(f"{pointer} reaches into a member of a set")
        made = dict.fromkeys(held, True) if isinstance(held, dict | list) else {}
        if value is None or value is False:
            made.pop(steps[0], None)
        else:
            made[steps[0]] = value
        return made
    if prop.type in ("list", "map"):
        made = (
            {str(index): element for index, element in enumerate(held)} if isinstance(held, list) else dict(held or {})
        )
        step = steps[0]
        if prop.type == "list":
            if not (step.isascii() and step.isdigit() and len(step) < 10):
                raise PatchError(f"{step} in {pointer} is no place in a list")
            record = catalogue.types[prop.of]
            # A list numbers its members anew whenever it changes.
            places = sorted(made, key=int)
            step = places[int(step)] if int(step) < len(places) else str(max(map(int, places), default=-1) + 1)
        if len(steps) == 1 and value is None:
            made.pop(step, None)
        elif len(steps) == 1:
            made[step] = value
        elif record is None:
            raise PatchError(f"{pointer} reaches into a text")
        else:
            made[step] = _member(catalogue, record, made.get(step), steps[1:], value, pointer)
        return {str(n): made[key] for n, key in enumerate(sorted(made, key=int))} if prop.type == "list" else made
    if prop.type == "object":
        return _member(catalogue, catalogue.types[prop.of], held, steps, value, pointer)
    raise PatchError(f"{pointer} reaches into a value that has no parts")


def _member(catalogue: Catalogue, record: Record, held: Any, steps: list[str], value: Any, pointer: str) -> Any:
    made = dict(held) if isinstance(held, dict) else {}
    name = steps[0]
    if name == "@type" and len(steps) == 1:
        return {**made, name: value}
    prop = record.legible(made.get("@type")).get(name)
    if prop is None:
        raise PatchError(f"there is no {name}, which {pointer} leads to")
    if len(steps) > 1:
        made[name] = _into(catalogue, prop, made.get(name), steps[1:], value, pointer)
    elif value is None and not prop.nullable:
        made.pop(name, None)
    else:
        made[name] = value
    return made
