"""Actions, and the settings that are live as opposed to stored.

Law: a reload takes over everything or nothing. It reads the environment and files of this process, and no network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.sandbox import hostnames
from reconciler.sandbox import ids as id_texts
from reconciler.sandbox.accounts import ACTIONS, User
from reconciler.sandbox.sets import WILL_DESTROY
from reconciler.sandbox.shapes import Body, Mould, Moulds, Slot, VariantShape
from reconciler.sandbox.store import StoredObject, Table

#: The object type whose creation is a command.
ACTION = "Action"
#: The one action that makes stored settings live.
RELOAD = "ReloadSettings"
#: Variants of the server's secret types that keep the secret outside the store.
_OUTSIDE = frozenset(("EnvironmentVariable", "File"))
#: Bytes of a secret's file that are read at most.
_MAX_SECRET = 65_536

_FORBIDDEN = {
    "updated": {"type": "forbidden", "description": "Actions cannot be updated"},
    "destroyed": {"type": "forbidden", "description": "Actions cannot be destroyed"},
}


def act(
    create: dict[str, Any],
    patches: list[tuple[int, Any]],
    doomed: list[int],
    user: User,
    reload: Callable[[], dict[str, Any] | None],
    act_on_queue: Callable[[str], None],
    new_id: Callable[[], int],
) -> tuple[dict[str, Any], int]:
    """Run actions; return the answer of the set, and how many reloads succeeded.

    `reload` returns the SetError that refuses it, or None; `act_on_queue` is told every variant that was accepted.
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
            error = reload() if variant == RELOAD else _incomplete(variant, value)
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

    def __init__(self, moulds: Moulds, tables: Mapping[str, Table], environment: Mapping[str, str] | None) -> None:
        self._moulds = moulds
        self._environment = os.environ if environment is None else environment
        self._rows: dict[str, list[StoredObject]] = {}
        #: By shape, the few properties that a reload has to look at.
        self._outside: dict[VariantShape, tuple[Slot, ...]] = {}
        self._start(tables)

    def rows(self, kind: str) -> list[StoredObject]:
        """Return the live objects of a kind, in order of creation."""
        return self._rows[kind]

    def reload(self, tables: Mapping[str, Table], *, take_over: bool = True) -> dict[str, Any] | None:
        """Make the stored settings live, or return the error of the first object that stands in the way.

        Args:
            tables: what is stored.
            take_over: False only looks.
        """
        for kind, table in tables.items():
            for row in table:
                message = next((text for _, text in self._obstacles(self._moulds.kinds[kind], row.body)), None)
                if message is not None:
                    bad = {"object": kind, "id": row.text}
                    return {"type": "validationFailed", "description": message, "objectId": bad}
        if take_over:
            self._rows = {kind: list(table) for kind, table in tables.items()}
        return None

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
                if value and not hostnames.resolvable(value):
                    words = "failed to lookup address information: Name or service not known"
                    yield slot, f"Unable to resolve {_noun(mould.name)} {slot.name} {value}: {words}"
                continue
            message = self._secret(value)
            if message is None:
                message = next((text for _, text in self._obstacles(slot.mould, value)), None)
            if message is not None:
                yield slot, message

    def _secret(self, value: Body) -> str | None:
        """Why a secret that is kept outside the store cannot be read, or None."""
        match value:
            case {"@type": "EnvironmentVariable", "variableName": str(name)}:
                return None if self._environment.get(name) else f"Environment variable '{name}' not found"
            case {"@type": "File", "filePath": str(path)}:
                return None if _readable(path) else f"Failed to read secret from file '{path}'"
        return None


def _noun(name: str) -> str:
    """Return the last word of a type's name, as the server's messages call it."""
    start = max((index for index, char in enumerate(name) if char.isupper()), default=0)
    return name[start:].lower()


def _reaches_outside(slot: Slot) -> bool:
    """Whether a value here may name something outside the store: a host, a variable or a file."""
    if slot.mould is None or slot.word.type != "object":
        return slot.word.resolved
    shapes = slot.mould.shapes
    inner = (slot for shape in shapes.values() for slot in shape.slots.values())
    return bool(_OUTSIDE & shapes.keys()) or any(map(_reaches_outside, inner))


def _readable(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return bool(file.read(_MAX_SECRET).strip())
    except (OSError, ValueError):
        return False
