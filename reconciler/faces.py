"""Lends a room its face: the names that other rooms may ask it for, each loaded when it is first asked for.

Law: a face costs no start-up; its stub (`__init__.pyi`), which type checkers read too, is the one list of its names.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from sys import modules
from typing import Any


@cache
def homes(room: str) -> dict[str, str]:
    """Return the module that each name of a room's face comes from, as its stub says."""
    spec: Any = import_module(room).__spec__
    stub = spec.loader.get_data(f"{spec.origin}i")
    # Each line is `from MODULE import NAME as NAME`.
    return {words[-1]: words[1] for words in map(str.split, stub.decode().splitlines()) if words[:1] == ["from"]}


def face(room: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a room."""

    def load(name: str) -> Any:
        home = homes(room).get(name)
        if home is None:
            raise AttributeError(f"module {room!r} has no attribute {name!r}", name=name, obj=room)
        if home == room:
            return import_module(f"{room}.{name}")
        value = getattr(import_module(home), name)
        # From now on it is found without asking.
        setattr(modules[room], name, value)
        return value

    return load
