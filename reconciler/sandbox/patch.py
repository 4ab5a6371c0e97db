"""Objects made from what a client sends: created whole, or updated by a set of pointers.

Law: pure. A patch is applied key by key in the order sent, and the first key that cannot be applied ends it.
"""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.shapes import Body, Mould, Moulds
from reconciler.sandbox.values import InvalidPatch, Patcher, Pointer

__all__ = ["InvalidPatch", "ObjectPatcher", "parse_pointer"]

_WHOLE = Pointer((), "")


class ObjectPatcher:
    """Creates and updates the objects of every kind."""

    def __init__(self, moulds: Moulds) -> None:
        self._names = moulds.names
        self._patcher = Patcher(moulds.names)

    def create(self, mould: Mould, value: Any) -> Body:
        """Return a new object: defaults, with `value` applied.

        Raises:
            InvalidPatch: the value does not fit.
        """
        return self._patcher.record(mould, mould.default, _WHOLE, 0, value, creating=True)

    def update(self, mould: Mould, current: Body, patch: Body) -> Body:
        """Return an object after a patch. `@type` of another variant makes a new object in the place of the old.

        Raises:
            InvalidPatch: a key names nothing, or its value does not fit.
        """
        variant = patch.get("@type")
        if mould.variants and isinstance(variant, str) and variant != current["@type"]:
            return self.create(mould, patch)
        for key, value in patch.items():
            if key == "@type":
                continue
            pointer = Pointer((key,), key) if key in self._names else parse_pointer(key)
            current = self._patcher.record(mould, current, pointer, 0, value, creating=False)
        return current


def parse_pointer(text: str) -> Pointer:
    """Read a JSON pointer (RFC 6901) in the server's way: the leading slash may be left out, `~0` and `~1` escape."""
    if not text:
        return Pointer((None,), "")
    words = text.split("/")
    if not words[0]:
        words = words[1:]
    steps = tuple(_step(word) for word in words)
    path = "/".join("*" if step is None else _escaped(str(step)) for step in steps)
    return Pointer(steps, path)


def _step(word: str) -> str | int | None:
    if word == "*":
        return None
    if word.isascii() and word.isdigit() and (word == "0" or word[0] != "0"):
        return min(int(word), 2**64 - 1) if len(word) <= 20 else 2**64 - 1
    return word.replace("~1", "/").replace("~0", "~")


def _escaped(word: str) -> str:
    return word.replace("~", "~0").replace("/", "~1")
