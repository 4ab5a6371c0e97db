"""Actions, and the settings that are live as opposed to stored.

Law: a reload takes over everything or nothing. It reads the environment and files of this process, and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.sandbox import hostnames, texts
from reconciler.sandbox import ids as id_texts
from reconciler.sandbox.accounts import ACTIONS, User
from reconciler.sandbox.sets import WILL_DESTROY
from reconciler.sandbox.shapes import Body, Mould, Moulds, Slot, VariantShape
from reconciler.sandbox.store import StoredObject, Table

#: The object type whose creation is a command.
ACTION = "Action"
#: The one action that makes stored settings live.
RELOAD = "ReloadSettings"
#: What makes the kinds live that need no action.
IMMEDIATE = "immediate"

_FORBIDDEN = {
    "updated": {"type": "forbidden", "description": "Actions cannot be updated"},
    "destroyed": {"type": "forbidden", "description": "Actions cannot be destroyed"},
}


def act(
    create: dict[str, Any],
    patches: list[tuple[int, Any]],
    doomed: list[int],
    user: User,
    run: Callable[[str], dict[str, Any] | None],
    act_on_queue: Callable[[str], None],
    new_id: Callable[[], int],
) -> tuple[dict[str, Any], int]:
    """Run actions; return the answer of the set, and how many reloads succeeded.

    `run` runs an action, and returns the SetError that refuses it, or None; `act_on_queue` is told every variant that
    was accepted.
    """
    created: dict[str, Any] = {}
    refused: dict[str, Any] = {}
    reloads = 0
    for name, value in create.items():
        variant = value.get("@type") if isinstance(value, dict) else None
        if variant not in ACTIONS:
            message = "Missing or invalid '@type' property in object"
            refused[name] = {"type": "invalidPatch", "description": message, "properties": [""]}
        elif not user.may(f"action{variant}"):
            words = f"Insufficient permissions to perform action of type {variant}"
            refused[name] = {"type": "forbidden", "description": words}
        else:
            error = _incomplete(variant, value) or run(variant)
            reloads += variant == RELOAD and error is None
            if error is None:
                act_on_queue(variant)
                created[name] = {"id": id_texts.text(new_id())}
            else:
                refused[name] = error
    answer = {
        "created": created,
        "notCreated": refused,
        "notUpdated": {id_texts.text(number): _refused_update(number, doomed) for number, _ in patches},
        "notDestroyed": {id_texts.text(number): _FORBIDDEN["destroyed"] for number in doomed},
    }
    return {name: value for name, value in answer.items() if value}, reloads


#: What an action cannot do without; of an address the server says that it is invalid, not that it is missing.
_REQUIRED = {"ClassifySpam": ("message", "remoteIp", "ehloDomain", "envFrom")}


def _incomplete(variant: str, value: Mapping[str, Any]) -> dict[str, Any] | None:
    missing = [name for name in _REQUIRED.get(variant, ()) if not value.get(name)]
    if not missing:
        return None
    errors: list[dict[str, str]] = [
        {"type": "Invalid", "property": name, "value": "Invalid IP address"}
        if name == "remoteIp"
        else {"type": "Required", "property": name}
        for name in missing
    ]
    return {"type": "validationFailed", "validationErrors": errors}


def _refused_update(number: int, doomed: list[int]) -> dict[str, str]:
    if number in doomed:
        return WILL_DESTROY
    return _FORBIDDEN["updated"]


class Live:
    """The settings that the server runs with."""

    def __init__(self, moulds: Moulds, tables: Mapping[str, Table], environment: Mapping[str, str]) -> None:
        self._moulds = moulds
        self._tables = tables
        self._environment = environment
        self._rows: dict[str, list[StoredObject]] = {}
        #: By shape, the few properties that a reload has to look at.
        self._outside: dict[VariantShape, tuple[Slot, ...]] = {}
        self._start(tables)

    def rows(self, kind: str) -> list[StoredObject]:
        """Return the live objects of a kind, in order of creation."""
        table = self._tables[kind]
        return list(table) if table.kind.reload == IMMEDIATE else self._rows[kind]

    def reload(
        self, tables: Mapping[str, Table], action: str = RELOAD, *, take_over: bool = True
    ) -> dict[str, Any] | None:
        """Make what is stored of an action's kinds live, or return the error of the first object in the way.

        Args:
            tables: what is stored.
            action: what is asked for; each kind has one that makes it live.
            take_over: False only looks.
        """
        taken = {kind: table for kind, table in tables.items() if table.kind.reload == action}
        for kind, table in taken.items():
            seen: set[str] = set()
            for row in table:
                message = self._refusal(table, row, seen)
                if message is not None:
                    bad = {"object": kind, "id": row.text}
                    return {"type": "validationFailed", "description": message, "objectId": bad}
        if take_over:
            self._rows.update({kind: list(table) for kind, table in taken.items()})
        return None

    def _refusal(self, table: Table, row: StoredObject, seen: set[str]) -> str | None:
        """Why an action does not take an object over, or None. `seen` are the variants of those before it."""
        variant = row.body.get("@type", "")
        if variant in table.kind.never:
            return f"{variant} is not available"
        if variant in table.kind.once and variant in seen:
            return f"Only one {variant} is allowed"
        seen.add(variant)
        return next((text for _, text in self._obstacles(self._moulds.kinds[table.kind.kind], row.body)), None)

    def _start(self, tables: Mapping[str, Table]) -> None:
        """Take over what is stored, as at the start of the process: what cannot be resolved does not stop it.

        An object whose host is unknown is left out, and a secret that is not there is no secret.
        """
        for kind, table in tables.items():
            mould = self._moulds.kinds[kind]
            self._rows[kind] = []
            for row in table:
                names = [slot for slot, _ in self._obstacles(mould, row.body)]
                if any(slot.mould is None for slot in names):
                    continue
                body = {**row.body, **{slot.name: slot.default for slot in names}}
                self._rows[kind].append(StoredObject(row.id, body) if names else row)

    def _obstacles(self, mould: Mould, body: Body) -> Iterator[tuple[Slot, str]]:
        """Yield every property that a reload cannot resolve, and why."""
        shape = mould.shape(body)
        if shape not in self._outside:
            self._outside[shape] = tuple(slot for slot in shape.slots.values() if _reaches_outside(slot))
        for slot in self._outside[shape]:
            value = body[slot.name]
            if slot.mould is None:
                if slot.word.resolved and value and not hostnames.resolvable(value):
                    words = "failed to lookup address information: Name or service not known"
                    yield slot, f"Unable to resolve {_noun(mould.name)} {slot.name} {value}: {words}"
                continue
            message = None
            for inner, element in slot.within(value):
                outside = texts.outside(inner, element, self._environment) if _is_outside(inner, element) else ("", "")
                message = message or (None if outside[0] is not None else outside[1])
                message = message or next((text for _, text in self._obstacles(inner, element)), None)
            if message is not None:
                yield slot, message


def _is_outside(mould: Mould, body: Body) -> bool:
    """Whether an object stands for a text that is kept outside the store."""
    return any(slot.word.resolved_from for slot in mould.shape(body).slots.values())


def _noun(name: str) -> str:
    """Return the last word of a type's name, as the server's messages call it."""
    start = max((index for index, char in enumerate(name) if char.isupper()), default=0)
    return name[start:].lower()


def _reaches_outside(slot: Slot) -> bool:
    """Whether a value here may name something outside the store: a host, a variable or a file."""
    if slot.mould is None:
        return slot.word.resolved or bool(slot.word.resolved_from)
    inner = (below for shape in slot.mould.shapes.values() for below in shape.slots.values())
    return any(map(_reaches_outside, inner))
