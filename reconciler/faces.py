"""Lends a room its face: the names that other rooms may ask it for, loaded when one is asked for.

Law: a face costs no start-up, and no room reaches past another's.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def face(room: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a room.

    Args:
        room: the room's full name.
        homes: module below the room -> the names that it holds, parted by blanks.
    """
    home_of = {name: f"{room}.{module}" for module, names in homes.items() for name in names.split()}

    def load(name: str) -> Any:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {room!r} has no attribute {name!r}", name=name, obj=room)
        module = import_module(home)
        if home == f"{room}.{name}":
            return module
        value = getattr(module, name)
        # Asked for once, it is a plain attribute from now on.
        setattr(import_module(room), name, value)
        return value

    return load
