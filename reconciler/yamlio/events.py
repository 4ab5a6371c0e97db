"""Where YAML events come from: PyYAML's binding of libyaml, or its slow twin in pure Python.

Law: only events are taken from PyYAML. Its composer recurses, so that deep nesting ends the process, and its
constructor takes the last of two equal keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import yaml

#: False where PyYAML was built without libyaml: everything works, about eight times slower.
LIBYAML: bool = yaml.__with_libyaml__


class EventSource(Protocol):
    """A parser of one text."""

    # An event is Any: its marks are optional in PyYAML's types, and never absent in what a parser yields.
    def get_event(self) -> Any:
        """Return the next event, or None at the end. Raises yaml.YAMLError."""


Parser = Callable[[str], EventSource]

PURE: Parser = yaml.SafeLoader
PARSER: Parser = yaml.CSafeLoader if LIBYAML else PURE
