"""The stored objects of a server and the rules of writing them: unique values, references, size, and first contents.

Law: it interprets the catalogue and names no kind. An object is written whole or not at all, each on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reconciler.kinds import Catalogue, Kind
from reconciler.sandbox import ids
from reconciler.sandbox.making import Maker, Unread
from reconciler.sandbox.patch import InvalidPatch, ObjectPatcher
from reconciler.sandbox.references import CreationReferences, unresolvable
from reconciler.sandbox.shapes import Body, Link, Mould, Moulds, Slot
from reconciler.sandbox.store import Database, StoredObject, Table
from reconciler.sandbox.taken import Taken, ValueHolder
from reconciler.sandbox.validation import Expressions, oversize, problems


class SetError(Exception):
    """One object that a set does not change; `members` is what the client is told (RFC 8620 section 5.3)."""

    def __init__(self, kind: str, **members: Any) -> None:
        super().__init__(kind)
        self.members: dict[str, Any] = {"type": kind, **members}


class Unavailable(Exception):
    """The call stops here; what it has written stays, and its results are lost."""


class Objects:
    """Every kind's objects, in memory and in the database."""

    def __init__(self, catalogue: Catalogue, database: Path | None, environment: Mapping[str, str]) -> None:
        self.catalogue = catalogue
        self.moulds = Moulds(catalogue)
        self.references = CreationReferences(self.moulds.references)
        self.tables = {name: Table(kind) for name, kind in catalogue.kinds.items()}
        self.taken = Taken()
        #: How many objects were created, updated or destroyed.
        self.writes = 0
        self._patcher = ObjectPatcher(self.moulds)
        self._expressions = Expressions(catalogue)
        self._maker = Maker(catalogue, self.moulds, self.tables, environment)
        self._new_ids = ids.Snowflakes()
        #: By kind and id, the objects that refer to it, each with the number of its references.
        self._referrers: dict[tuple[str, str], dict[ValueHolder, int]] = {}
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
        return self._compiled(kind, lambda mould: self._patcher.update(mould, current, patch), current)

    def _compiled(self, kind: str, make: Callable[[Mould], Body], current: Body | None = None) -> Body:
        mould = self.moulds.kinds[kind]
        try:
            body = make(mould)
        except InvalidPatch as error:
            raise SetError("invalidPatch", description=error.message, properties=[error.path]) from None
        self._check_values(mould, body)
        try:
            body = self._maker.read(kind, body, current)
        except Unread as error:
            members = {"properties": [error.name]} if error.name else {}
            raise SetError("invalidProperties", description=error.message, **members) from None
        complaint = self._expressions.complaint(mould, body)
        if complaint is not None:
            name, message = complaint
            invalid = {"type": "Invalid", "property": name, "value": message}
            raise SetError("validationFailed", properties=[name], validationErrors=[invalid])
        return body

    def _check_values(self, mould: Mould, body: Body) -> None:
        """Refuse references to nothing that the server finds before it judges the object.

        Raises:
            SetError: one that is a bad value to the server.
            Unavailable: one that the server cannot cope with.
        """
        for link in mould.links(body):
            if link.dangling == "reference" or self._target(link) is not None:
                continue
            if link.dangling == "call":
                raise Unavailable
            raise SetError("invalidProperties", description="Object not found", properties=[link.slot.name])

    def _target(self, link: Link) -> StoredObject | None:
        """Return what a reference leads to."""
        table, number = self.tables.get(link.slot.word.to), ids.parse(link.id)
        row = table.rows.get(number) if table is not None and number is not None else None
        view = link.slot.word.view
        return row if row is not None and (not view or row.body["@type"] == view) else None

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
        mould, table = self.moulds.kinds[kind], self.tables[kind]
        errors = list(problems(mould, body))
        if errors:
            raise SetError("validationFailed", validationErrors=errors)
        conflict = self.taken.conflict(table.kind, number, body)
        if conflict is not None:
            name, holder = conflict
            raise SetError("primaryKeyViolation", properties=[name], objectId=_object(holder.kind, ids.text(holder.id)))
        for link in mould.links(body):
            target = self._target(link)
            if target is None or self._of_another(table.kind, body, link, target):
                raise SetError("invalidForeignKey", objectId=_object(link.slot.word.to, link.id))
        large = oversize(body)
        if large is not None:
            raise SetError("validationFailed", validationErrors=[large])
        if number is None:
            number = ids.SINGLETON if table.kind.singleton else self.new_id()
        row = StoredObject(number, self._maker.made(kind, mould.settle(body)))
        self._keep(kind, row)
        self._database.put(kind, row)
        self.writes += 1
        return number

    def _of_another(self, kind: Kind, body: Body, link: Link, target: StoredObject) -> bool:
        """Whether an object that belongs to somebody refers to what does not belong to the same."""
        owner = body.get(kind.owner) if kind.owner else None
        theirs = self.tables[link.slot.word.to].kind.owner
        return bool(owner and theirs and target.body.get(theirs) != owner)

    def destroy(self, kind: str, number: int) -> None:
        """Destroy an object. Raises SetError where there is none, or where others refer to it."""
        if number not in self.tables[kind].rows:
            raise SetError("notFound")
        text = ids.text(number)
        referrers = self._referrers.get((kind, text), {})
        if referrers:
            linked = [_object(holder.kind, ids.text(holder.id)) for holder in sorted(referrers)]
            raise SetError("objectIsLinked", objectId=_object(kind, text), linkedObjects=linked)
        self._drop(kind, number)
        self._database.take(kind, number)
        self.writes += 1

    def _keep(self, kind: str, row: StoredObject) -> None:
        table = self.tables[kind]
        if row.id in table.rows:
            self._forget(kind, table.rows[row.id])
        table.put(row)
        self.taken.put(table.kind, row.id, row.body)
        holder = ValueHolder(kind, row.id)
        for link in self.moulds.kinds[kind].links(row.body):
            referrers = self._referrers.setdefault((link.slot.word.to, link.id), {})
            referrers[holder] = referrers.get(holder, 0) + 1
        if row.id != ids.SINGLETON:
            self._new_ids.above(row.id)

    def _drop(self, kind: str, number: int) -> None:
        self._forget(kind, self.tables[kind].rows[number])
        self.tables[kind].take(number)

    def _forget(self, kind: str, row: StoredObject) -> None:
        """Free what an object claims, and its references."""
        self.taken.take(self.tables[kind].kind, row.id, row.body)
        for link in self.moulds.kinds[kind].links(row.body):
            referrers = self._referrers.get((link.slot.word.to, link.id), {})
            referrers.pop(ValueHolder(kind, row.id), None)

    def expire(self, action: str) -> None:
        """Destroy what has ended, of the kinds that an action makes live."""
        now = self._maker.now()
        for kind in [kind for kind in self.catalogue.kinds.values() if kind.expires and kind.reload == action]:
            ended = [row.id for row in self.tables[kind.kind] if (row.body.get(kind.expires) or now) < now]
            for number in ended:
                self._drop(kind.kind, number)
                self._database.take(kind.kind, number)

    def _seed(self) -> None:
        """Insert what every new server ships, for kinds of which there is nothing.

        What others refer to comes first, and only where those others are empty too. Kinds that take part in
        references are numbered from 0, as on the real server; a shipped object that cannot be stored is left out.
        """
        referring = {name: {slot.word.to for slot in _linked(mould)} for name, mould in self.moulds.kinds.items()}
        referrers: dict[str, list[str]] = {}
        for name, targets in referring.items():
            for to in targets - {name}:
                referrers.setdefault(to, []).append(name)
        order = sorted(self.tables, key=lambda name: name not in referrers)
        empty = {name for name in order if not len(self.tables[name])}
        for name in order:
            kind = self.tables[name].kind
            if name not in empty or any(other not in empty for other in referrers.get(name, ())):
                continue
            small = name in referrers or bool(referring[name])
            for index, shipped in enumerate((kind.starts,) if kind.starts else kind.ships):
                try:
                    body = self.created_body(name, self._by_name(name, shipped))
                    new = index if small else self.new_id()
                    self.write(name, ids.SINGLETON if kind.singleton else new, body)
                except (SetError, Unavailable):
                    continue
        self.writes = 0

    def _by_name(self, kind: str, shipped: Body) -> Body:
        """Put ids in the place of the names by which a shipped object refers to others.

        What this version of the server does not know is left out.
        """
        shape = self.moulds.kinds[kind].shapes.get(shipped.get("@type", ""))
        value = {
            name: member for name, member in shipped.items() if name == "@type" or shape is None or name in shape.slots
        }
        for slot in _linked(self.moulds.kinds[kind]):
            table = self.tables.get(slot.word.to)
            if slot.name in value and table is not None:
                key = (table.kind.unique or table.kind.match)[0]
                named = {row.body[key]: row.text for row in table}
                given = value[slot.name]
                members = {named.get(member, member): True for member in given} if isinstance(given, dict) else None
                value[slot.name] = named.get(given, given) if members is None else members
        return value


def _linked(mould: Mould) -> list[Slot]:
    """Return the properties of a kind that refer to other objects themselves."""
    return [slot for shape in mould.shapes.values() for slot in shape.linked if slot.word.to]


def _object(kind: str, number: str) -> dict[str, str]:
    return {"object": kind, "id": number}
