"""A key of the configuration: what it may hold, how a target's is laid over that of all, and when it allows more.

Law: a field of a struct carries its key as an annotation, so that a new field is read, described, merged and bounded
without another word; the schema, the merge and the ceiling ask the key.

Source of the keywords: JSON Schema 2020-12. A mistake is told where it stands, so that no schema has `anyOf`.
"""
# ruff: noqa: D102 - the methods of each key are those that Key explains

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_type_hints

from msgspec import UNSET, Struct
from msgspec.structs import fields

from reconciler.values.globs import Globs

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
#: The kinds that there are, with their descriptions.
Kinds = Mapping[str, str]

#: A number, or a share of up to 100%.
LIMIT_PATTERN = "^([0-9]{1,9}|([0-9]{1,2}|100)%)$"


class Key(Struct, frozen=True):
    """What a key holds."""

    description: str

    def schema(self, kinds: Kinds) -> Schema:
        """Return the schema of its value."""
        return {"description": self.description, **self.values(kinds)}

    def values(self, kinds: Kinds) -> Schema:
        """Return the keywords that say which values there are."""
        raise NotImplementedError

    def merged(self, held: Any, over: Any) -> Any:
        """Return the value of a target, laid over that of all targets."""
        return {**held, **over} if isinstance(held, dict) else over

    def taken(self, value: Any) -> Any:
        """Return a value as the field holds it."""
        return value

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        """Yield the places below the key at which one value allows more than another; "" is the key itself."""
        raise NotImplementedError


@lru_cache
def keys_of(struct: type[Struct]) -> dict[str, tuple[str, Key]]:
    """Return the keys of a struct: by the name that a file has for it, the field and the key."""
    hints = get_type_hints(struct, include_extras=True)
    held = {
        field.encode_name: (field.name, element)
        for field in fields(struct)
        for element in getattr(hints[field.name], "__metadata__", ())
        if isinstance(element, Key)
    }
    return dict(sorted(held.items(), key=lambda pair: struct.__struct_fields__.index(pair[1][0])))


def closed(struct: type[Struct], kinds: Kinds) -> Schema:
    """Return the schema of a struct: an object that has no other keys."""
    keys = keys_of(struct)
    schema: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: key.schema(kinds) for name, (_, key) in keys.items()},
    }
    required = [field.encode_name for field in fields(struct) if field.required and field.encode_name in keys]
    return {**schema, "required": required} if required else schema


class TextKey(Key, frozen=True):
    """A text; a secret one is shown to nobody."""

    secret: bool = False

    def values(self, kinds: Kinds) -> Schema:
        return {"type": "string", "writeOnly": True} if self.secret else {"type": "string"}


class FlagKey(Key, frozen=True):
    """Yes or no."""

    def values(self, kinds: Kinds) -> Schema:
        return {"type": "boolean"}


class ChoiceKey(Key, frozen=True):
    """One of some values."""

    choices: tuple[Any, ...]

    def values(self, kinds: Kinds) -> Schema:
        return {"enum": list(self.choices)}


class ScalarKey(Key, frozen=True):
    """A text, a number, or yes or no."""

    def values(self, kinds: Kinds) -> Schema:
        return {"type": ["string", "number", "boolean"]}


class ListKey(Key, frozen=True):
    """A list."""

    each: Key
    #: At least one, and none twice.
    distinct: bool = False

    def values(self, kinds: Kinds) -> Schema:
        more = {"minItems": 1, "uniqueItems": True} if self.distinct else {}
        return {"type": "array", "items": self.each.schema(kinds), **more}


class MapKey(Key, frozen=True):
    """An object whose keys are names."""

    each: Key

    def values(self, kinds: Kinds) -> Schema:
        return {"type": "object", "additionalProperties": self.each.schema(kinds)}


class PartKey(Key, frozen=True):
    """An object of some keys; one of them may stand alone as a text."""

    struct: type[Struct]
    alone: str = ""

    def values(self, kinds: Kinds) -> Schema:
        schema = closed(self.struct, kinds)
        return {**schema, "type": ["string", "object"]} if self.alone else schema

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        for name, (field, key) in keys_of(self.struct).items():
            yield from (f".{name}{place}" for place in key.looser(getattr(mine, field), getattr(most, field)))


class KindsKey(Key, frozen=True):
    """An object whose keys are kinds."""

    each: Key

    def values(self, kinds: Kinds) -> Schema:
        rule = self.each.values(kinds)
        properties = {kind: {"description": description, **rule} for kind, description in kinds.items()}
        return {"type": "object", "additionalProperties": False, "properties": properties}

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        for kind in sorted({*mine, *most}):
            yield from (f".{kind}{place}" for place in self.each.looser(mine.get(kind, UNSET), most.get(kind, UNSET)))


class NamesKey(MapKey, frozen=True):
    """An object whose keys are names, each with a rule of its own."""

    looser = KindsKey.looser


class RankKey(Key, frozen=True):
    """One of some values, each of which allows more than those before it."""

    order: tuple[Any, ...]
    #: The value that stands for none; without it nobody knows what none allows.
    unset: Any = UNSET
    #: The values as people read them, where that is another order.
    listed: tuple[Any, ...] = ()

    def values(self, kinds: Kinds) -> Schema:
        return {"enum": [value for value in self.listed or self.order if value is not None]}

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        one, other = (self.unset if value is UNSET else value for value in (mine, most))
        unknown = one is UNSET or other is UNSET
        if one not in (other, self.order[0]) and (unknown or self.order.index(one) > self.order.index(other)):
            yield ""


class LimitKey(Key, frozen=True):
    """A number, or a share such as `30%`; a number may be written 5.0 or "5" too."""

    #: The limit where there is none; None is no limit.
    unset: str | int | None = None

    def values(self, kinds: Kinds) -> Schema:
        return {"type": ["integer", "string"], "minimum": 0, "pattern": LIMIT_PATTERN}

    def taken(self, value: Any) -> Any:
        return value if isinstance(value, str) and value.endswith("%") else int(value)

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        one, other = (self.unset if value is None else value for value in (mine, most))
        if other is not None and (one is None or _exceeds(str(one), str(other))):
            yield ""


class BoundsKey(ListKey, frozen=True):
    """Globs of what may be read or declared; None, or none at all where that is the rule, bounds nothing."""

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        unbounded = (None, UNSET)
        if mine != most and most is not UNSET and (mine in unbounded or most is None or not _within(mine, most)):
            yield ""


class KeptKey(ListKey, frozen=True):
    """Globs of what is spared; those of a target come on top."""

    def merged(self, held: Any, over: Any) -> Any:
        return list(dict.fromkeys([*held, *over]))

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        yield from (f" lacks {glob}" for glob in most if glob not in mine)


class AllowancesKey(ListKey, frozen=True):
    """What is allowed beyond the rule; that of a target comes on top. A text stands for an address alone."""

    def merged(self, held: Any, over: Any) -> Any:
        return [*held, *over]

    def taken(self, value: Any) -> Any:
        return [{"address": element} if isinstance(element, str) else element for element in value]

    def looser(self, mine: Any, most: Any) -> Iterator[str]:
        yield from (f" {element.address}" for element in mine if not any(other.covers(element) for other in most))


def _within(globs: Iterable[str], others: Sequence[str]) -> bool:
    """Whether everything that some globs match is certainly matched by others."""
    return all(glob in others or (not set(glob) & set("*?") and Globs(others).match(glob)) for glob in globs)


def _exceeds(limit: str, most: str) -> bool:
    """Whether a limit is over another; a share and a number cannot be compared."""
    if limit.endswith("%") != most.endswith("%"):
        return limit not in ("0", "0%")
    return int(limit.rstrip("%")) > int(most.rstrip("%"))
