"""One `set`: creates, updates and destroys in the server's order, each object for itself.

Law: what was written stays written, whatever becomes of the rest; every refusal is told under its creation id or id,
and what the server passes over without a word is passed over here.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

from reconciler.sandbox import ids
from reconciler.sandbox.objects import Objects, SetError, Unavailable
from reconciler.sandbox.reply import ConnectionClosed
from reconciler.sandbox.store import StoredObject

_SINGLETON = {"type": "singleton", "description": "Singletons cannot be created or destroyed."}
WILL_DESTROY = {"type": "willDestroy", "description": "ID will be destroyed."}


class SetWork:
    """The work of one call on one kind.

    `budget` is how many objects may be written before the server becomes unavailable; negative for no bound.
    """

    def __init__(self, objects: Objects, kind: str, budget: int = -1) -> None:
        self._objects = objects
        self._kind = kind
        self._table = objects.tables[kind]
        self._budget = budget
        self._created: dict[str, dict[str, str]] = {}
        self._updated: dict[str, None] = {}
        self._destroyed: list[str] = []
        self._not_created: dict[str, dict[str, Any]] = {}
        self._not_updated: dict[str, dict[str, Any]] = {}
        self._not_destroyed: dict[str, dict[str, Any]] = {}

    def run(self, create: dict[str, Any], patches: list[tuple[int, Any]], doomed: list[int]) -> dict[str, Any]:
        """Do it all; return the members of the answer that are not empty.

        Raises:
            Unavailable: the budget is spent.
            ConnectionClosed: a patch is no object, which crashes the real server's handler.
        """
        if self._table.kind.singleton:
            self._not_destroyed = {ids.text(number): _SINGLETON for number in doomed}
            doomed = []
        updates = self._read(patches, set(doomed))
        for name, value in create.items():
            try:
                self._create(name, value)
            except SetError as error:
                self._not_created[name] = error.members
        for row, patch in updates:
            try:
                self._update(row, patch)
            except SetError as error:
                self._not_updated[row.text] = error.members
        for number in doomed:
            try:
                self._destroy(number)
            except SetError as error:
                self._not_destroyed[ids.text(number)] = error.members
        answer = {
            # The server's order of what was created is arbitrary; clients shall not lean on the order sent.
            "created": dict(sorted(self._created.items(), key=lambda pair: crc32(pair[0].encode()))),
            "updated": self._updated,
            "destroyed": self._destroyed,
            "notCreated": self._not_created,
            "notUpdated": self._not_updated,
            "notDestroyed": self._not_destroyed,
        }
        return {name: value for name, value in answer.items() if value}

    def _read(self, patches: list[tuple[int, Any]], doomed: set[int]) -> list[tuple[StoredObject, Any]]:
        """Read every object that is to be updated, before anything is written; refuse the others first."""
        kept = []
        for number, patch in patches:
            if self._table.kind.singleton and number != ids.SINGLETON:
                self._not_updated[ids.text(number)] = {"type": "notFound"}
            elif number in doomed:
                self._not_updated[ids.text(number)] = WILL_DESTROY
            else:
                kept.append((number, patch))
        updates = []
        for number, patch in kept:
            row = self._objects.row(self._kind, number)
            if row is None:
                self._not_updated[ids.text(number)] = {"type": "notFound"}
            else:
                updates.append((row, patch))
        return updates

    def _spend(self) -> None:
        if self._budget == 0:
            raise Unavailable
        self._budget -= 1

    def _create(self, name: str, value: Any) -> None:
        body = self._objects.created_body(self._kind, self._objects.late_references(value, self._created))
        stored = self._table.rows.get(ids.SINGLETON) if self._table.kind.singleton else None
        if stored is not None and stored.body == body:
            number = ids.SINGLETON
        else:
            self._spend()
            number = self._objects.write(self._kind, stored.id if stored else None, body)
        self._created[name] = {"id": ids.text(number)}

    def _update(self, row: StoredObject, patch: Any) -> None:
        if not isinstance(patch, dict):
            raise ConnectionClosed
        patch = self._objects.late_references(patch, self._created)
        body = self._objects.updated_body(self._kind, row.body, patch)
        if body != row.body:
            self._spend()
            self._objects.write(self._kind, row.id, body)
        self._updated[row.text] = None

    def _destroy(self, number: int) -> None:
        if number in self._table.rows:
            self._spend()
        self._objects.destroy(self._kind, number)
        self._destroyed.append(ids.text(number))
