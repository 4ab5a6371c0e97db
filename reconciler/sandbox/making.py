"""What the server makes of an object before it stores it: it reads some texts, and works some properties out.

Law: it interprets the catalogue's words and names no kind; nothing is altered in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.kinds import Catalogue
from reconciler.sandbox import ids, texts
from reconciler.sandbox.shapes import MASK, Body, Mould, Moulds, Slot
from reconciler.sandbox.store import Table


class Unread(Exception):
    """The server makes nothing of a value; `name` is the property that it tells of, or ""."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.name = name


class Maker:
    """Reads and completes the objects of every kind."""

    def __init__(
        self, catalogue: Catalogue, moulds: Moulds, tables: Mapping[str, Table], environment: Mapping[str, str]
    ) -> None:
        self._kinds = catalogue.kinds
        self._moulds = moulds
        self._tables = tables
        self._environment = environment
        #: The kinds with something to read, and with something to work out: most have neither.
        self._read = {name for name, mould in moulds.kinds.items() if self._kinds[name].fixed or _any(mould, _is_read)}
        self._read |= {name for name, kind in self._kinds.items() if kind.tried}
        self._made = {name for name, mould in moulds.kinds.items() if _any(mould, _is_made)}

    @staticmethod
    def now() -> str:
        """Return the time as the server writes it."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def read(self, kind: str, body: Body, current: Body | None) -> Body:
        """Return an object as the server stores it once it has read the texts in it.

        Raises:
            Unread: it refuses one.
        """
        if kind not in self._read:
            return body
        published = self._kinds[kind]
        mould = self._moulds.kinds[kind]
        if published.fixed and current is not None and current.get("@type") != body.get("@type"):
            raise Unread("Cannot change the type of an existing object.", "@type")
        shape = mould.shape(body)
        for slot in shape.slots.values():
            # An asterisk stands for whatever is kept outside the store.
            if slot.name in published.tried or ("*" in published.tried and slot.mould is not None):
                self._try(slot, body)
        body = self._credentials(mould, body, current)
        for slot in shape.slots.values():
            text = self._text(slot, body[slot.name]) if slot.word.contents else None
            match slot.word.contents:
                case "certificate" if text is None or texts.certificate(text) is None:
                    raise Unread("Failed to read certificate", slot.name)
                case "rsa-key" | "ed25519-key" as form if text is None or texts.public_key(text, form) is None:
                    raise Unread("Failed to read the private key")
                case "sieve" if body != current and (complaint := texts.sieve(text or "")):
                    raise Unread(f"Failed to compile Sieve script: {complaint}", slot.name)
        return body

    def _try(self, slot: Slot, body: Body) -> None:
        value = body[slot.name]
        if slot.mould is None and not value:
            raise Unread(f"Missing {slot.name}")
        for inner, element in slot.within(value):
            text, complaint = texts.outside(inner, element, self._environment)
            if text is None:
                raise Unread(complaint)

    def _text(self, slot: Slot, value: Any) -> str | None:
        if slot.mould is None or value is None:
            return value if isinstance(value, str) else ""
        return texts.outside(slot.mould, value, self._environment)[0]

    def _credentials(self, mould: Mould, body: Body, current: Body | None) -> Body:
        """Return an object with its lists of limited elements judged, passwords among them."""
        changed = dict(body)
        for slot in mould.shape(body).slots.values():
            if not slot.word.only or not body[slot.name]:
                continue
            elements = {}
            for key, element in body[slot.name].items():
                old = _same(slot.inner, element, (current or {}).get(slot.name) or {})
                if old != element and element.get("@type") not in slot.word.only:
                    raise Unread("Elements of this type cannot be set directly.", slot.name)
                elements[key] = self._passwords(slot.inner, element, old)
            if slot.word.most is not None and len(elements) > slot.word.most:
                raise Unread(f"Only {slot.word.most} of these is allowed.", slot.name)
            changed[slot.name] = elements
        return changed

    def _passwords(self, mould: Mould, element: Body, old: Body | None) -> Body:
        """Return a credential with a mask replaced by what it stands for. Raises Unread for a weak password."""
        kept = dict(element)
        for slot in mould.shape(element).slots.values():
            before = None if old is None else old.get(slot.name)
            if slot.word.sensitive and element[slot.name] == MASK and before is not None:
                kept[slot.name] = before
            secret = kept[slot.name]
            if slot.word.contents == "password" and secret and secret != before and not texts.hashed(secret):
                complaint = texts.weakness(secret)
                if complaint:
                    raise Unread(complaint, slot.name)
        return kept

    def made(self, kind: str, body: Body) -> Body:
        """Return an object with what the server works out; a time that nobody gave is now."""
        if kind not in self._made:
            return body
        return self._worked_out(kind, self._moulds.kinds[kind], body)

    def _worked_out(self, kind: str, mould: Mould, body: Body) -> Body:
        shape = mould.shape(body)
        made = dict(body)
        said = self._said(mould, body)
        for slot in shape.slots.values():
            word = slot.word
            if word.computed == "name":
                made[slot.name] = self._name(kind, body)
            elif word.computed in said:
                made[slot.name] = said[word.computed]
            elif word.type == "date" and not word.nullable and not body[slot.name]:
                made[slot.name] = self.now()
            elif word.type == "list" and _any(slot.inner, lambda inner: inner.word.computed == "number"):
                made[slot.name] = _numbered(slot.inner, body[slot.name])
        return made

    def _said(self, mould: Mould, body: Body) -> dict[str, Any]:
        """Return what the certificate or the private key in an object says, by the word for it."""
        said: dict[str, Any] = {}
        for slot in mould.shape(body).slots.values():
            text = self._text(slot, body[slot.name]) if slot.word.contents else None
            if slot.word.contents in ("rsa-key", "ed25519-key"):
                said["public-key"] = texts.public_key(text or "", slot.word.contents) or ""
            elif slot.word.contents == "certificate":
                read = texts.certificate(text or "")
                if read is not None:
                    said["names"] = dict.fromkeys(sorted(read.names), True)
                    said |= {"issuer": read.issuer, "from": read.begin, "until": read.end}
        return said

    def _name(self, kind: str, body: Body) -> str:
        """Return the name of an object: its key, with what it refers to by name."""
        published, slots = self._kinds[kind], self._moulds.kinds[kind].shape(body).slots
        return published.joiner.join(self._part(slots[name], body[name]) for name in published.match)

    def _part(self, slot: Slot, value: Any) -> str:
        table = self._tables.get(slot.word.to)
        row = table.rows.get(ids.parse(value) or 0) if table is not None else None
        return str(value) if row is None else self._name(slot.word.to, row.body)


def _is_read(slot: Slot) -> bool:
    return bool(slot.word.contents or slot.word.only)


def _is_made(slot: Slot) -> bool:
    return bool(slot.word.computed) or (slot.word.type == "date" and not slot.word.nullable)


def _any(mould: Mould, holds: Any) -> bool:
    """Whether something holds of a property of an object, or of an element of a list of it."""
    return any(
        holds(slot) or (slot.word.type == "list" and _any(slot.inner, holds))
        for shape in mould.shapes.values()
        for slot in shape.slots.values()
    )


def _numbers(mould: Mould, element: Body) -> Iterator[str]:
    return (slot.name for slot in mould.shape(element).slots.values() if slot.word.computed == "number")


def _same(mould: Mould, element: Body, current: Body) -> Body | None:
    """Return the element of a stored list with the number of another, or None."""
    for name in _numbers(mould, element):
        for old in current.values():
            if element[name] and old.get(name) == element[name]:
                return dict(old)
    return None


def _numbered(mould: Mould, elements: Body) -> Body:
    """Give each element of a list that has no number the next one."""
    numbered = {}
    last = -1
    for element in elements.values():
        for name in _numbers(mould, element):
            last = max(last, ids.parse(element[name]) or 0) if element[name] else last
    for key, element in elements.items():
        numbered[key] = dict(element)
        for name in _numbers(mould, element):
            if not element[name]:
                last += 1
                numbered[key][name] = ids.text(last)
    return numbered
