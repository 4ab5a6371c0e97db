"""Address globs: patterns that know `*` and `?`.

Law: pure; a glob is a text until it is matched, and each is compiled once.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from re import Pattern
from re import compile as compile_pattern

from reconciler.values.model import Address


class Globs:
    """Address globs that know `*` and `?`. The kind alone (`MtaRoute`) matches nothing but a singleton."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [_compiled(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, text: str) -> bool:
        """Whether any of the globs matches the whole text."""
        return any(pattern.match(text) for pattern in self._patterns)

    def holds(self, address: Address) -> bool:
        """Whether any of the globs matches an address, with or without the id that it may carry."""
        if not self._patterns:
            return False
        return self.match(str(address)) or (bool(address.id) and self.match(str(address.without_id())))


def can_continue(glob: str, text: str) -> bool:
    """Whether a glob matches any text that begins with the given one and is longer."""
    # A part of the glob has to match the beginning, and something has to be left for the rest.
    cuts = (glob[:end] for end in range(1, len(glob) + 1))
    return any((part != glob or part.endswith("*")) and _compiled(part).match(text) for part in cuts)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Pattern[str]:
    # `[` is no range here: addresses hold it ([::1]:11332).
    return compile_pattern(translate(pattern.replace("[", "[[]")))
