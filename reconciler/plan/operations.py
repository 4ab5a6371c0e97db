"""A plan as operations that stalwart-cli applies, for sites where nothing else may write.

Law: pure; what the operations do, in the order in which that program carries them out, is what the plan says, and what
they cannot say is refused. Source: the documentation of stalwart-cli's `apply`: destroys run first, in reverse order;
then everything that writes; then what a reconcile destroys, in reverse order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from reconciler.kinds import Catalogue, Kind, key_of, levels, referring
from reconciler.plan.after import state_after
from reconciler.values import Address, Change, Diagnostic, LiveState, ManifestError, Plan, Sensitive

#: Objects of an operation at most, which is what a server takes in one set call.
MOST = 500
RELOAD = "ReloadSettings"
Operation = dict[str, Any]


class Operations(Struct, frozen=True):
    """Files of operations, each to be applied when the one before is done; `reload` is left to be done after them."""

    files: tuple[tuple[Operation, ...], ...]
    reload: bool = False


def as_operations(catalogue: Catalogue, plan: Plan, live: LiveState) -> Operations:
    """Return a plan as operations. They name live objects by id, so that they are good for one server.

    Raises:
        ManifestError: a secret would have to be written, or no operation tells one object from another.
    """
    writer = _Handing(catalogue, plan, live)
    for change in plan.changes:
        writer.add(change)
    if writer.problems:
        raise ManifestError(writer.problems, "what stalwart-cli can be told")
    return writer.written()


class _Handing:
    def __init__(self, catalogue: Catalogue, plan: Plan, live: LiveState) -> None:
        self.catalogue = catalogue
        self.problems: list[Diagnostic] = []
        self.levels = levels(catalogue)
        self.referred = {to for kind in catalogue.kinds.values() for _, to in referring(catalogue, kind)}
        self.freed = {change.number for phase in plan.phases if phase.name == "free" for change in phase.changes}
        objects = [live_object for held in live.objects.values() for live_object in held]
        self.ids = {live_object.address: live_object.id for live_object in objects}
        #: How many objects have a key: before the plan, after it, and of those that are made anew.
        self.before = Counter((live_object.address.kind, live_object.key) for live_object in objects)
        after = state_after(catalogue, live, plan.changes)
        self.after = Counter(
            (live_object.address.kind, live_object.key) for held in after.objects.values() for live_object in held
        )
        self.anew = Counter(self._place(change, change.before) for change in plan.changes if change.recreate)
        self.clients: dict[Address, str] = {}
        self.reload = any(catalogue.kinds[change.address.kind].reload == RELOAD for change in plan.changes)
        #: Destroys, writes, and reconciles that destroy; and what has to wait for these.
        self.first: list[Operation] = []
        self.second: list[Operation] = []
        self.third: list[Operation] = []
        self.later: list[Operation] = []

    def add(self, change: Change) -> None:
        """Add the operations of one change."""
        kind = self.catalogue.kinds[change.address.kind]
        late = False
        if _goes(change):
            late = self._destroy(kind, change)
        if _comes(change):
            self._create(kind, change, self.later if late else self.second)
        elif change.action == "update" and not change.id and not kind.singleton:
            message = "it and another new object refer to each other, which takes a second step"
            self._problem(change, "", "circle", message, "apply this with reconciler")
        elif change.action != "destroy":
            ids = {} if kind.singleton else {"id": change.id}
            value = self._filled(change, change.patch)
            self.second.append({"@type": "update", "object": kind.kind, **ids, "value": value})

    def written(self) -> Operations:
        """Return the files. What is referred to is destroyed after what refers to it, so it stands first."""
        reload = {"@type": "create", "object": "Action", "value": {"reload": {"@type": RELOAD}}}

        def ordered(held: Iterable[Operation]) -> Iterator[Operation]:
            return iter(sorted(held, key=lambda wire: self.levels[wire["object"]]))

        file = [*ordered(self.first), *self.second, *ordered(self.third)]
        if self.later:
            return Operations((tuple(file), (*self.later, *([reload] if self.reload else []))))
        if self.reload and not self.third:
            return Operations(((*file, reload),))
        return Operations((tuple(file),) if file else (), self.reload)

    def _place(self, change: Change, wire: Mapping[str, Any] | None) -> tuple[str, tuple[Any, ...]]:
        return change.address.kind, key_of(self.catalogue.kinds[change.address.kind], dict(wire or {}))

    def _destroy(self, kind: Kind, change: Change) -> bool:
        """Add what destroys an object; return whether that is done after everything is written."""
        place = self._place(change, change.before)
        chosen = {name: self._filled(change, (change.before or {}).get(name)) for name in kind.match}
        filtered = set(kind.match) <= set(kind.filters)
        early = change.recreate or change.number in self.freed
        if filtered and (early or kind.kind not in self.referred):
            self.first.append({"@type": "destroy", "object": kind.kind, "value": chosen})
            return False
        if None in place[1] or self.after[place] > self.anew[place] or (change.number in self.freed and not filtered):
            called = " and ".join(kind.match)
            message = f"stalwart-cli can destroy it by {called} only, which does not tell it from another object"
            self._problem(change, "", "alike", message, "apply this with reconciler, or destroy it by hand")
        operation = {"@type": "reconcile", "object": kind.kind, "matchOn": [*kind.match], "scope": chosen, "value": {}}
        if operation not in self.third:
            self.third.append(operation)
        return True

    def _create(self, kind: Kind, change: Change, into: list[Operation]) -> None:
        """Add what creates an object: an upsert, which can run again, where its key tells it from all others."""
        place = self._place(change, change.after)
        key = {name: member for name in kind.match if (member := (change.after or {}).get(name)) is not None}
        body = self._filled(change, {**key, **change.patch})
        free = bool(kind.unique) or self.before[place] == (self.anew[place] if into is self.later else 0)
        alone = free and self.after[place] == 1 and None not in place[1]
        how: Operation = {"@type": "upsert" if alone else "create", "object": kind.kind}
        how |= {"matchOn": [*kind.match]} if alone else {}
        client = f"new{change.number}"
        self.clients[change.address] = client
        last = into[-1] if into else {}
        same = {name: member for name, member in last.items() if name != "value"} == how
        if same and len(last["value"]) < MOST and next(iter(last["value"].values())).get("@type") == body.get("@type"):
            last["value"][client] = body
        else:
            into.append({**how, "value": {client: body}})

    def _filled(self, change: Change, value: Any, at: str = "") -> Any:
        """Return a wire value with ids for addresses; a secret is refused, since nothing there would resolve it."""
        if isinstance(value, Sensitive):
            hint = "apply this with reconciler; or let the server read it: {type: EnvironmentVariable} or {type: File}"
            self._problem(change, at, "secret", "a secret has to be written, and no file may hold it", hint)
        if isinstance(value, Address):
            id_ = value.id or self.ids.get(value, "")
            client = self.clients.get(value)
            if not id_ and not client:
                self._problem(change, at, "reference", f"nothing here tells the id of {value}", "apply with reconciler")
            return id_ or f"#{client}"
        if isinstance(value, dict):
            return {
                self._filled(change, name, at): self._filled(change, member, f"{at}/{name}" if at else str(name))
                for name, member in value.items()
            }
        return value

    def _problem(self, change: Change, pointer: str, code: str, message: str, hint: str) -> None:
        source = change.source
        self.problems.append(
            Diagnostic(
                file=source.file if source else "",
                line=source.line if source else 0,
                address=str(change.address),
                pointer=pointer,
                code=code,
                message=message,
                hint=hint,
            )
        )


def _goes(change: Change) -> bool:
    return change.action == "destroy" or change.recreate


def _comes(change: Change) -> bool:
    return change.action == "create" or change.recreate
