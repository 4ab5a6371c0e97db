"""The stored objects of a server and the rules of writing them: unique values, references, size, and first contents.

Law: it interprets the catalogue and names no kind. An object is written whole or not at all, each on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reconciler.kinds import Catalogue
from reconciler.sandbox import ids
from reconciler.sandbox.patch import InvalidPatch, ObjectPatcher
from reconciler.sandbox.references import CreationReferences, unresolvable
from reconciler.sandbox.shapes import Body, Mould, Moulds
from reconciler.sandbox.store import Database, StoredObject, Table
from reconciler.sandbox.validation import Expressions, oversize, problems


class SetError(Exception):
    """One object that a set does not change; `members` is what the client is told (RFC 8620 section 5.3)."""

    def __init__(self, kind: str, **members: Any) -> None:
        super().__init__(kind)
        self.members: dict[str, Any] = {"type": kind, **members}


class Objects:
    """Every kind's objects, in memory and in the database."""

    def __init__(self, catalogue: Catalogue, database: Path | None) -> None:
        self.catalogue = catalogue
        self.moulds = Moulds(catalogue)
        self.references = CreationReferences(self.moulds.references)
        self.tables = {name: Table(kind) for name, kind in catalogue.kinds.items()}
        #: How many objects were created, updated or destroyed.
        self.writes = 0
        self._patcher = ObjectPatcher(self.moulds)
        self._expressions = Expressions(catalogue)
        self._new_ids = ids.Snowflakes()
        #: By kind, the properties that refer to other objects by id, and the kind that they refer to.
        self._links = _links(self.moulds)
        self._database = Database(database)
        for kind, number, body in self._database.read():
            if kind in self.tables:
                self._keep(kind, StoredObject(number, body))
        self._seed()
        self.commit()

    def commit(self) -> None:
        """Make what was written survive the process."""
        self._database.commit()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def new_id(self) -> int:
        """Return an id above all others."""
        return self._new_ids.next()

    def row(self, kind: str, number: int) -> StoredObject | None:
        """Return an object; the one of a singleton exists even before it is stored."""
        table = self.tables.get(kind)
        row = table.rows.get(number) if table is not None else None
        if row is None and table is not None and number == ids.SINGLETON and table.kind.singleton:
            return self.unstored(kind)
        return row

    def unstored(self, kind: str) -> StoredObject:
        """Return the one object of a singleton as it is before it was ever stored: its defaults."""
        return StoredObject(ids.SINGLETON, self.moulds.kinds[kind].default)

    def created_body(self, kind: str, value: Any) -> Body:
        """Return the object that a create makes. Raises SetError."""
        return self._compiled(kind, lambda mould: self._patcher.create(mould, value))

    def updated_body(self, kind: str, current: Body, patch: Body) -> Body:
        """Return the object that an update makes of another. Raises SetError."""
        return self._compiled(kind, lambda mould: self._patcher.update(mould, current, patch))

    def _compiled(self, kind: str, make: Callable[[Mould], Body]) -> Body:
        mould = self.moulds.kinds[kind]
        try:
            body = make(mould)
        except InvalidPatch as error:
            raise SetError("invalidPatch", description=error.message, properties=[error.path]) from None
        complaint = self._expressions.complaint(mould, body)
        if complaint is not None:
            name, message = complaint
            invalid = {"type": "Invalid", "property": name, "value": message}
            raise SetError("validationFailed", properties=[name], validationErrors=[invalid])
        return body

    def late_references(self, value: Any, created: Mapping[str, dict[str, str]]) -> Any:
        """Return an object with references to creations of its own call replaced. Raises SetError."""
        if not self.references.within(value):
            return value
        resolved, missing = self.references.late(value, {name: made["id"] for name, made in created.items()})
        if missing is not None:
            raise SetError(**unresolvable(missing))
        return resolved

    def write(self, kind: str, number: int | None, body: Body) -> int:
        """Store an object that compiled, under a new id where `number` is None; return its id. Raises SetError."""
        mould = self.moulds.kinds[kind]
        errors = list(problems(mould, body))
        if errors:
            raise SetError("validationFailed", validationErrors=errors)
        self._check_unique(kind, number, body)
        for name, to in self._links.get(kind, ()):
            target = ids.parse(body[name]) if body.get(name) else None
            if target is not None and target not in self.tables[to].rows:
                raise SetError("invalidForeignKey", objectId={"object": to, "id": body[name]})
        large = oversize(body)
        if large is not None:
            raise SetError("validationFailed", validationErrors=[large])
        if number is None:
            number = ids.SINGLETON if self.tables[kind].kind.singleton else self.new_id()
        row = StoredObject(number, mould.settle(body))
        self._keep(kind, row)
        self._database.put(kind, row)
        self.writes += 1
        return number

    def _check_unique(self, kind: str, number: int | None, body: Body) -> None:
        table = self.tables[kind]
        for name in table.kind.unique:
            holder = table.holder(name, body[name])
            if holder is not None and holder != number:
                taken = {"object": kind, "id": ids.text(holder)}
                raise SetError("primaryKeyViolation", properties=[name], objectId=taken)

    def destroy(self, kind: str, number: int) -> None:
        """Destroy an object. Raises SetError where there is none, or where others refer to it."""
        if number not in self.tables[kind].rows:
            raise SetError("notFound")
        text = ids.text(number)
        linked = [
            {"object": other, "id": row.text}
            for other, links in sorted(self._links.items())
            for name, to in links
            if to == kind
            for row in self.tables[other]
            if row.body.get(name) == text
        ]
        if linked:
            raise SetError("objectIsLinked", objectId={"object": kind, "id": text}, linkedObjects=linked)
        self.tables[kind].take(number)
        self._database.take(kind, number)
        self.writes += 1

    def _keep(self, kind: str, row: StoredObject) -> None:
        self.tables[kind].put(row)
        if row.id != ids.SINGLETON:
            self._new_ids.above(row.id)

    def _seed(self) -> None:
        """Insert what every new server ships, for kinds of which there is nothing.

        What others refer to comes first, and only where those others are empty too. Kinds that take part in
        references are numbered from 0, as on the real server; a shipped object that cannot be stored is left out.
        """
        referred = {to: kind for kind, links in self._links.items() for _, to in links}
        order = sorted(self.tables, key=lambda name: name not in referred)
        empty = {name for name in order if not len(self.tables[name])}
        for name in order:
            if name not in empty or (name in referred and referred[name] not in empty):
                continue
            small = name in referred or name in self._links
            for index, shipped in enumerate(self.tables[name].kind.ships):
                try:
                    body = self.created_body(name, self._by_name(name, shipped))
                    self.write(name, index if small else self.new_id(), body)
                except SetError:
                    continue
        self.writes = 0

    def _by_name(self, kind: str, shipped: Body) -> Body:
        """Put ids in the place of the names by which a shipped object refers to others."""
        value = dict(shipped)
        for name, to in self._links.get(kind, ()):
            if name in value:
                table = self.tables[to]
                key = table.kind.unique[0]
                value[name] = next((row.text for row in table if row.body[key] == value[name]), value[name])
        return value


def _links(moulds: Moulds) -> dict[str, tuple[tuple[str, str], ...]]:
    found = {
        kind: {
            (slot.name, slot.word.to)
            for shape in mould.shapes.values()
            for slot in shape.slots.values()
            if slot.word.type == "reference"
        }
        for kind, mould in moulds.kinds.items()
    }
    return {kind: tuple(sorted(links)) for kind, links in found.items() if links}
