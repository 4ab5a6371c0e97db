"""The domains that a server holds, which decide what mail is local; they are read only here.

Law: names in lower case, as the server keeps them, each with an id of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.sandbox import ids
from reconciler.sandbox.request import MethodError

#: The object type of a domain.
DOMAIN = "Domain"


class Domains:
    """The domains of a server, in the order of their ids."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {ids.text(number): name.lower() for number, name in enumerate(names, 1)}

    def answer(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer get or query.

        Raises:
            MethodError: they cannot be changed here.
        """
        if verb == "set":
            raise MethodError("forbidden", "Domains are read only in the sandbox")
        every = list(self._names)
        if verb == "query":
            position = arguments.get("position") or 0
            page = every[position : position + (arguments.get("limit") or len(every))]
            answer = {"queryState": "n", "canCalculateChanges": True, "position": position, "ids": page}
            return {**answer, "total": len(every)} if arguments.get("calculateTotal") else answer
        wanted = every if arguments.get("ids") is None else arguments["ids"]
        listed = [{"name": self._names[element], "id": element} for element in wanted if element in self._names]
        return {"list": listed, "notFound": [element for element in wanted if element not in self._names]}
