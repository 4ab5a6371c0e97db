"""A plan of stalwart-cli (NDJSON, or one array of operations) to the state that it leaves behind.

Law: the state after the plan's three passes, whatever stood there before; what depends on what stood there is told or
refused. Source: the documentation of stalwart-cli's `apply` and `snapshot`, and its source at 1.0.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from reconciler.desired.bridges.bridged import Bridged, Foreign
from reconciler.desired.bridges.cleaned import Cleaner
from reconciler.desired.bridges.operations import Operation, operations
from reconciler.desired.bridges.patching import PatchError, patched
from reconciler.kinds import Catalogue, Kind, is_shipped
from reconciler.values import Severity

#: The server's base 32, in which ids ascend in order of creation (0.16.19).
_ALPHABET = "abcdefghijklmnopqrstuvwxyz792013"


class _Entry(Struct):
    """An object that the plan makes or updates, in wire form."""

    kind: Kind
    client: str
    body: dict[str, Any]
    line: int
    op: str
    #: The operations that make or match it, by their places in the plan.
    numbers: list[int]
    #: Its place among the objects of its kind.
    order: tuple[Any, ...] = ()
    removed: bool = False
    #: Properties that updates changed a part of, the rest being the type's default, and the line of each.
    based: dict[str, int] = field(default_factory=dict)
    #: The line that updated a property last.
    lines: dict[str, int] = field(default_factory=dict)


def from_ndjson(catalogue: Catalogue, file: str, text: str, *, unmanaged: bool = False) -> Bridged:
    """Translate a plan. Pure.

    Args:
        catalogue: the kinds that there are.
        file: what the plan is called in what is told.
        text: the plan.
        unmanaged: properties that an upsert leaves alone are left alone, not brought to the type's default.
    """
    bridged = Bridged(file=file)
    bridged.ledger.unit = "operations"
    plan = _Plan(catalogue, bridged, unmanaged=unmanaged)
    steps = list(operations(catalogue, text, bridged))
    if not bridged.ledger.read and not bridged.failed:
        bridged.tell("error", "empty", "it holds no operation", hint="is it a plan of stalwart-cli?")
    for step in steps:
        plan.make(step)
    for step in steps:
        plan.destroy(step)
    plan.finish()
    return bridged


class _Plan:
    def __init__(self, catalogue: Catalogue, bridged: Bridged, *, unmanaged: bool) -> None:
        self.catalogue = catalogue
        self.bridged = bridged
        self.unmanaged = unmanaged
        self.entries: list[_Entry] = []
        self.by_client: dict[tuple[str, str], _Entry] = {}
        self.alike: dict[tuple[str, tuple[Any, ...]], list[_Entry]] = {}
        self.by_key: dict[tuple[str, tuple[Any, ...]], _Entry] = {}
        self.singletons: dict[str, _Entry] = {}
        self.absent: dict[tuple[str, tuple[Any, ...]], Foreign] = {}
        self.pruned: dict[str, int] = {}
        self.wanted: set[str] = set()

    def tell(self, severity: Severity, code: str, message: str, step: Operation | _Entry, hint: str = "") -> None:
        self.bridged.tell(severity, code, message, line=step.line, hint=hint)

    # The second pass: what the plan makes.

    def make(self, step: Operation) -> None:
        """Do what one operation creates or updates."""
        if step.op == "update":
            self.update(step)
        elif step.op != "destroy":
            if step.kind.singleton:
                message = f"{step.kind.kind} always exists, so it can only be updated"
                self.tell("error", "singleton", message, step, "write an update of it")
            elif step.op == "create" and not step.value:
                self.tell("error", "value", "create needs at least one object in value", step)
            else:
                self.entries_of(step)

    def entries_of(self, step: Operation) -> None:
        """Do a create, an upsert or a reconcile."""
        kind = step.kind
        same = step.op == "create" or self.matches(step)
        scope = step.scope or {}
        snapshot = _is_snapshot(kind, step.value)
        for place, (client, given) in enumerate(step.value.items()):
            client = client.removeprefix("#")
            if not isinstance(given, dict):
                self.tell("error", "value", f"the object {client} is none: it must be a JSON object", step)
                continue
            body = self.scoped(step, client, given, scope)
            entry = _Entry(kind, client, body, step.line, step.op, [step.number])
            # A snapshot lists the newest first, and the server runs the oldest first.
            entry.order = (step.line, *(_number(client.rpartition("-")[2]) if snapshot else (place,)))
            key = _key(kind, body)
            other = self.by_key.get((kind.kind, key)) if None not in key and same else None
            twice = other is not None and (step.op == "create" or step.number in other.numbers)
            if (kind.kind, client) in self.by_client:
                self.tell("error", "client-id", f"the client id {client} stands twice in this plan", step)
                continue
            if other is not None and twice and kind.unique:
                verb = "creates" if step.op == "create" else "names"
                message = f"it {verb} {kind.kind} {' '.join(map(str, key))} a second time: see line {other.line}"
                self.tell("error", "twice", message, step, "give one of the two another name")
                continue
            if other is not None and not twice:
                self.by_client[kind.kind, client] = other
                other.numbers.append(step.number)
                self.patch(other, step, body)
                continue
            self.by_client[kind.kind, client] = entry
            self.by_key.setdefault((kind.kind, key), entry)
            self.alike.setdefault((kind.kind, key), []).append(entry)
            self.entries.append(entry)
        if step.op == "create" and not snapshot:
            self.tell("note", "create", "a create fails where the object exists: this plan could run once", step)

    def scoped(
        self, step: Operation, client: str, given: Mapping[str, Any], scope: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return an entry with what the scope says of it."""
        for name, held in scope.items():
            if name in given and given[name] != held:
                self.tell("error", "scope", f"{client} has another {name} than the scope of its operation", step)
        return {**given, **{name: held for name, held in scope.items() if name not in given}}

    def matches(self, step: Operation) -> bool:
        """Judge how entries find their objects; say whether that is by our own match key."""
        kind, given = step.kind, step.match_on
        if given is None:
            return True
        names = set(given) if isinstance(given, list) and all(isinstance(element, str) for element in given) else None
        if names is not None and (names >= set(kind.match) or names == {kind.label or kind.match[0]}):
            return True
        shown = ", ".join(sorted(names)) if names else "*"
        ours = " and ".join(kind.match)
        if given != "*" and names is None:
            self.tell("error", "matchOn", 'matchOn is a list of properties, or "*"', step)
            return False
        message = f"matchOn {shown} is another identity than ours, which is {ours}"
        if kind.unique:
            self.tell("error", "matchOn", message, step, f"match on {ours}; a rename is metadata.was in a manifest")
        else:
            self.tell("note", "matchOn", f"{message}; objects that share it are told apart by metadata.name", step)
        return False

    def update(self, step: Operation) -> None:
        """Do an update of a singleton, or of what this plan made."""
        kind, wanted = step.kind, step.id
        if kind.singleton:
            if wanted not in (None, "singleton"):
                return self.tell("error", "id", f"{kind.kind} has no other id than singleton", step)
            entry = self.singletons.get(kind.kind)
            if entry is None:
                entry = self.singletons[kind.kind] = _Entry(kind, "", {}, step.line, "update", [])
                self.entries.append(entry)
            return self.patch(entry, step, step.value)
        if isinstance(wanted, str) and wanted.startswith("#"):
            made = self.by_client.get((kind.kind, wanted[1:]))
            if made is None:
                hint = "an operation above it must make the object"
                return self.tell("error", "unknown-reference", f"no {kind.kind} above has the id {wanted}", step, hint)
            return self.patch(made, step, step.value)
        hint = "run reconciler import against that server, and change what it writes"
        message = (
            f"it updates one {kind.kind} of one server by its id, and nothing here tells its name or the rest of it"
        )
        return self.tell("error", "server-id", message, step, hint)

    def patch(self, entry: _Entry, step: Operation, patch: Mapping[str, Any]) -> None:
        """Merge an update into an object of the plan."""
        try:
            entry.body, based = patched(self.catalogue, entry.kind, entry.body, patch)
        except PatchError as error:
            return self.tell("error", "pointer", str(error), step, "the server refuses this update")
        for pointer in patch:
            entry.lines[pointer.partition("/")[0]] = step.line
        for name in based:
            entry.based[name] = step.line
        return None

    # What the plan takes away: the first pass, and the third.

    def destroy(self, step: Operation) -> None:
        """Do what one operation destroys."""
        if step.op == "destroy":
            self.destroyed(step)
        elif step.op == "reconcile" and not step.kind.singleton:
            self.reconciled(step)

    def destroyed(self, step: Operation) -> None:
        kind, chosen = step.kind, step.value or {}
        if kind.singleton:
            return self.tell("error", "singleton", f"{kind.kind} cannot be destroyed", step)
        if not chosen:
            self.pruned.setdefault(kind.kind, step.line)
            return None
        if set(chosen) != set(kind.match) or not set(chosen) <= set(kind.filters):
            able = (
                f"only {' and '.join(kind.filters)} can be asked for" if kind.filters else "it takes no filter at all"
            )
            hint = f"write a document with metadata.absent: true for each {kind.kind} that is to go"
            if not kind.filters:
                hint += ", or a reconcile with a scope and an empty value"
            return self.tell("error", "filter", f"this filter cannot be said: of {kind.kind}, {able}", step, hint)
        if (kind.kind, _key(kind, chosen)) not in self.by_key:
            # Destroys run first, so what is made after them is there.
            self.gone(step, chosen)
        return None

    def reconciled(self, step: Operation) -> None:
        kind, scope = step.kind, step.scope or {}
        within = self.alike.get((kind.kind, _key(kind, scope)), ()) if set(scope) >= set(kind.match) else self.entries
        for entry in within:
            mine = entry.kind is kind and not entry.removed and step.number not in entry.numbers
            if mine and entry.numbers[0] < step.number and scope.items() <= entry.body.items():
                entry.removed = True
                key = _key(kind, entry.body)
                self.by_key.pop((kind.kind, key), None)
                self.tell("warning", "removed", f"it destroys what line {entry.line} makes: it has no such entry", step)
                if scope:
                    self.gone(step, entry.body)
        if not scope:
            self.pruned.setdefault(kind.kind, step.line)
        elif set(scope) == set(kind.match) and not step.value:
            self.gone(step, scope)
        elif set(scope) == {"@type"}:
            variant = f"of type {scope['@type']}"
            hint = f"add policy.prune: {{{kind.kind}: all}}, and policy.keep for those of other types"
            message = f"it destroys {kind.kind} {variant} only, which no policy says: nothing is pruned here"
            self.tell("warning", "scope", message, step, hint)
        else:
            hint = f"write a document with metadata.absent: true for each {kind.kind} that is to go"
            message = f"it destroys every other {kind.kind} whose {', '.join(sorted(scope))} is the scope's"
            severity: Severity = "warning" if step.value else "error"
            self.tell(severity, "scope", f"{message}, which no policy says: nothing is pruned here", step, hint)

    def gone(self, step: Operation, key: Mapping[str, Any]) -> None:
        """Declare that an object shall not exist."""
        kind = step.kind
        spec = self.cleaned(kind, {name: key[name] for name in kind.match}, kind.kind, step.line, {})
        made = Foreign(kind=kind.kind, spec=spec, file=self.bridged.file, line=step.line, absent=True)
        self.absent.setdefault((kind.kind, _key(kind, key)), made)

    # What is left at the end.

    def finish(self) -> None:
        """Turn what is left into objects, and say what a reader has to know."""
        standing = [entry for entry in self.entries if not entry.removed]
        for entry in standing:
            self.wanted.add(entry.kind.kind)
            self.bridged.objects.append(self.foreign(entry))
        self.bridged.objects += self.absent.values()
        if self.pruned:
            self.bridged.config["policy"] = {"prune": dict.fromkeys(sorted(self.pruned), "all")}
        for name, line in sorted(self.pruned.items()):
            kind = self.catalogue.kinds[name]
            if name in self.wanted:
                shipped = [
                    str(wire[kind.match[0]]) for wire in kind.ships if (name, _key(kind, wire)) not in self.by_key
                ]
                also = f", and of what a new server ships: {', '.join(shipped)}" if shipped else ""
                message = f"the plan leaves exactly these {name}: policy.prune destroys all others{also}"
                self.bridged.tell("note", "prune", message, line=line, hint="the policy is printed below")
            else:
                again = "; the server makes those anew that it ships, when it starts next" if kind.ships else ""
                message = f"the plan leaves no {name} at all{again}"
                self.bridged.tell("warning", "prune", message, line=line, hint=f"apply needs --allow-empty {name}")
        left = self.bridged.ledger.unsupported.pop("Action", 0)
        self.bridged.ledger.ignored["Action"] += left
        if left:
            line = self.bridged.ledger.lines["Action"]
            self.bridged.tell("note", "reload", "an action is no document: apply reloads by itself", line=line)
        else:
            del self.bridged.ledger.ignored["Action"]

    def foreign(self, entry: _Entry) -> Foreign:
        """Return an object of the plan as a manifest could hold it."""
        kind = entry.kind

        address = f"{kind.kind}/{entry.client}" if entry.client else kind.kind
        spec = self.cleaned(kind, entry.body, address, entry.line, entry.lines)
        made = Foreign(kind=kind.kind, spec=spec, file=self.bridged.file, line=entry.line, name=entry.client)
        made.order = entry.order
        for name, line in sorted(entry.based.items()):
            text = f"starts from the default of {kind.kind}.{name}, and changes a part of it"
            self.bridged.tell("note", "base", text, line=line, address=kind.kind, pointer=name)
            made.comment(name, "The plan changes a part of this; the rest is the type's default.")
        if entry.op in ("upsert", "reconcile"):
            self.partial(entry, made)
        return made

    def cleaned(
        self, kind: Kind, body: Mapping[str, Any], address: str, line: int, lines: Mapping[str, int]
    ) -> dict[str, Any]:
        """Return a body as a manifest may hold it; what is wrong with it is told at the line of its property."""

        def tell(severity: Severity, code: str, pointer: str, message: str, hint: str) -> None:
            at = lines.get(pointer.partition("/")[0], line)
            self.bridged.tell(severity, code, message, line=at, address=address, pointer=pointer, hint=hint)

        return Cleaner(self.catalogue, self.named, tell).body(kind, body)

    def partial(self, entry: _Entry, made: Foreign) -> None:
        """Say which properties an upsert leaves as it finds them, where our document asks for the type's default."""
        kind = entry.kind
        variant = made.spec.get("@type", made.spec.get("type"))
        if kind.variants and not (isinstance(variant, str) and variant in kind.variants):
            return
        shape = kind.shape(str(variant) if kind.variants else "")
        given = made.spec.keys() | entry.body.keys()
        left = [name for name, prop in shape.items() if name not in given and not prop.required]
        if not left:
            return
        if self.unmanaged:
            made.unmanaged = tuple(left)
            return
        shipped = is_shipped(kind, _key(kind, made.spec))
        message = f"the plan leaves {', '.join(left)} as it finds them; the document asks for the types' defaults"
        hint = "--partial unmanaged leaves them alone"
        if shipped:
            message += ", and a new server ships this object with values of its own"
            made.comment(
                "", f"A new server ships this object with values of its own. The plan leaves alone: {', '.join(left)}."
            )
        address = f"{kind.kind}/{made.spec.get(kind.match[0], made.name)}"
        severity: Severity = "warning" if shipped else "note"
        self.bridged.tell(severity, "partial", message, line=entry.line, address=address, hint=hint)

    def named(self, kind: str, client: str) -> str | None:
        """Return the name of what a client id stands for."""
        entry = self.by_client.get((kind, client))
        if entry is None:
            return None
        name = entry.body.get(entry.kind.match[0])
        return name if isinstance(name, str) else None


def _key(kind: Kind, body: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the match key of a body as it stands; hashable whatever stands there."""
    shape = kind.legible(body.get("@type"))
    held = [body.get(name, None if shape[name].required else shape[name].default) for name in kind.match]
    return tuple([element if isinstance(element, str | int | None) else repr(element) for element in held])


def _is_snapshot(kind: Kind, value: Mapping[str, Any]) -> bool:
    """Whether client ids are those that `snapshot` writes: the kind, and the server's id."""
    head = f"{kind.kind.lower()}-"
    return bool(value) and all(
        character.startswith(head) and set(character[len(head) :]) <= set(_ALPHABET) and character != head
        for character in value
    )


def _number(text: str) -> tuple[int, ...]:
    """Return what orders ids by creation."""
    return (len(text), *(_ALPHABET.index(character) for character in text))
