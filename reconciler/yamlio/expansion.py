"""How many nodes the aliases of a text stand for, and how deep they nest.

Law: counted, never written out: what an alias stands for is shared, and is measured once.
"""

from __future__ import annotations

from typing import Any

from reconciler.yamlio.problem import MAX_ALIASED_NODES


class Expansion:
    """The nodes that the aliases of one text have stood for so far, each alias counted whole."""

    def __init__(self) -> None:
        self.total = 0
        #: Size and depth by id; the object beside keeps its id from being given to another.
        self._known: dict[int, tuple[Any, int, int]] = {}

    def add(self, value: Any) -> int:
        """Count the nodes of what one more alias stands for, which is finished; return how deep it is nested."""
        if type(value) is not dict and type(value) is not list:
            self.total += 1
            return 0
        if id(value) not in self._known:
            self._known[id(value)] = (value, *self._measure(value))
        _, size, depth = self._known[id(value)]
        self.total += size
        return depth

    def _measure(self, value: Any) -> tuple[int, int]:
        """Return nodes and depth of a value, its own aliases written out; both too small where it is over the limit."""
        size, depth, pending = 1, 1, [(value, 1)]
        while pending and size <= MAX_ALIASED_NODES:
            collection, level = pending.pop()
            depth = max(depth, level)
            for child in collection.values() if type(collection) is dict else collection:
                if type(child) is not dict and type(child) is not list:
                    size += 1
                elif id(child) in self._known:
                    _, inner_size, inner_depth = self._known[id(child)]
                    size += inner_size
                    depth = max(depth, level + inner_depth)
                else:
                    size += 1
                    pending.append((child, level + 1))
        return size, depth
