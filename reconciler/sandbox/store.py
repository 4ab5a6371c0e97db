"""The objects that the server holds, with the indexes that its answers need, and the file that they survive in.

Law: a row's body never changes in place, so that whoever holds one may keep it; the file is written in the same step
as the memory, and `commit` comes before any answer that confirms a write.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from reconciler.kinds import Kind
from reconciler.sandbox import ids
from reconciler.sandbox.shapes import Body, Mould


class StoredObject:
    """One stored object. `body` holds secrets in clear and no id."""

    __slots__ = ("_encoded", "body", "id", "text")

    def __init__(self, number: int, body: Body) -> None:
        self.id = number
        self.text = ids.text(number)
        self.body = body
        self._encoded: msgspec.Raw | None = None

    def shown(self, mould: Mould) -> Body:
        """Return the object as `get` answers it: secrets masked, the id last."""
        return {**mould.masked(self.body), "id": self.text}

    def encoded(self, mould: Mould) -> msgspec.Raw:
        """Return the same as JSON, made once."""
        if self._encoded is None:
            self._encoded = msgspec.Raw(msgspec.json.encode(self.shown(mould)))
        return self._encoded


class Table:
    """All objects of one kind, by id, and in ascending order."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rows: dict[int, StoredObject] = {}
        #: Every id, ascending; for a kind that is no singleton this is the order of creation.
        self.order: list[int] = []
        self._sorted: dict[str, list[tuple[str, int]]] = {}

    def put(self, row: StoredObject) -> None:
        """Add an object, or replace the one with its id."""
        if row.id not in self.rows:
            if not self.order or row.id > self.order[-1]:
                self.order.append(row.id)
            else:
                insort(self.order, row.id)
        self.rows[row.id] = row
        self._sorted.clear()

    def take(self, number: int) -> None:
        """Take an object away. Raises KeyError where there is none."""
        del self.rows[number]
        del self.order[bisect_left(self.order, number)]
        self._sorted.clear()

    def by(self, name: str) -> list[tuple[str, int]]:
        """Return (value, id) of a property, ascending by the value's bytes; objects without a value are left out.

        An object has a pair for each member of a set.
        """
        if name not in self._sorted:
            # Python orders text by code point, which is the order of its UTF-8 bytes.
            held = ((row.body.get(name), row.id) for row in self.rows.values())
            pairs = (
                (element, number)
                for value, number in held
                for element in (value if isinstance(value, dict) else (value,))
            )
            self._sorted[name] = sorted((str(value), number) for value, number in pairs if value is not None)
        return self._sorted[name]

    def __iter__(self) -> Iterator[StoredObject]:
        return (self.rows[number] for number in self.order)

    def __len__(self) -> int:
        return len(self.rows)


class Database:
    """The file. Without a path everything lives in memory only, and the methods do nothing."""

    def __init__(self, path: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # A killed process loses nothing that was handed to the operating system, so no flush to the disk is needed.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS object"
                " (kind TEXT, id TEXT, body BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID"
            )
            self._connection = connection

    def read(self) -> Iterable[tuple[str, int, Body]]:
        """Return every object: kind, id and body."""
        if self._connection is None:
            return ()
        rows = self._connection.execute("SELECT kind, id, body FROM object")
        return ((kind, ids.parse(text) or 0, msgspec.json.decode(body)) for kind, text, body in rows)

    def put(self, kind: str, row: StoredObject) -> None:
        """Write one object; it is safe after `commit`."""
        if self._connection is not None:
            self._begin()
            values = (kind, row.text, msgspec.json.encode(row.body))
            self._connection.execute("INSERT OR REPLACE INTO object VALUES (?, ?, ?)", values)

    def take(self, kind: str, number: int) -> None:
        """Take one object out; it is gone after `commit`."""
        if self._connection is not None:
            self._begin()
            self._connection.execute("DELETE FROM object WHERE kind = ? AND id = ?", (kind, ids.text(number)))

    def _begin(self) -> None:
        if self._connection is not None and not self._connection.in_transaction:
            self._connection.execute("BEGIN")

    def commit(self) -> None:
        """Make everything written so far survive the end of the process."""
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Commit, and let go of the file."""
        if self._connection is not None:
            self.commit()
            self._connection.close()
            self._connection = None
