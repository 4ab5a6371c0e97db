"""Where YAML events come from: PyYAML's binding of libyaml, or its slow twin in pure Python.

Law: only events are taken from PyYAML. Its composer recurses, so that deep nesting ends the process, and its
constructor takes the last of two equal keys. Most texts are plain and never come here, so that PyYAML, which takes long
to import, is imported by the first text that does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class EventSource(Protocol):
    """A parser of one text."""

    # An event is Any: its marks are optional in PyYAML's types, and never absent in what a parser yields.
    def get_event(self) -> Any:
        """Return the next event, or None at the end. Raises yaml.YAMLError."""


Parser = Callable[[str], EventSource]


def _pure(text: str) -> EventSource:
    import yaml

    return yaml.SafeLoader(text)


def _fastest(text: str) -> EventSource:
    import yaml

    # Without libyaml everything works, about eight times slower.
    return yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)


PURE: Parser = _pure
PARSER: Parser = _fastest
