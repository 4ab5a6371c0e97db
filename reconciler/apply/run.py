"""What is known while a plan is carried out, and what an answer, or a new read, says about it.

Law: every change ends as applied, failed, skipped or unknown, once, and with a reason; what cannot be told is never
taken for done, and an object that was there before is never taken for a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.apply.batches import CALL, ENVELOPE, BatchedChange, Verb
from reconciler.kinds import Catalogue, key_of, targets
from reconciler.plan import exact
from reconciler.server import Call, KnownObjects, Limits, MethodError, Secrets, read_set_error, within
from reconciler.values import (
    Address,
    Change,
    Interrupted,
    LiveObject,
    LiveState,
    ReconcilerError,
    Result,
    ResultKind,
    Sensitive,
    Wire,
)

#: Method errors after which nothing of the call was done (RFC 8620 section 3.6.2 and 5.3; found by running on Stalwart
#: 0.16.19). After any other a part may have been done, as after `serverUnavailable`.
NOTHING_DONE = frozenset(
    {
        "accountNotFound",
        "accountNotSupportedByMethod",
        "accountReadOnly",
        "forbidden",
        "invalidArguments",
        "invalidResultReference",
        "requestTooLarge",
        "stateMismatch",
        "unknownMethod",
    }
)
#: Values that hold neither a reference nor a secret, which most are.
_PLAIN = frozenset({str, int, float, bool, type(None)})
_DONE = {"create": "created", "update": "updated", "destroy": "destroyed"}
_REFUSED = {"create": "notCreated", "update": "notUpdated", "destroy": "notDestroyed"}


Checked = tuple[tuple[str, ...], tuple[Change, ...]]


class Listener(Struct, frozen=True):
    """What apply tells while it runs, and what it asks between two requests."""

    #: Called with every result as it becomes known.
    tell: Callable[[Result], None] = lambda _: None
    #: Called with the name of each step as it begins: check, probe, write, reload, undo, read.
    enter: Callable[[str], None] = lambda _: None
    #: Called once, before the first request that writes.
    begin: Callable[[], None] = lambda: None
    #: Called before each request that writes; True ends the run after what was begun.
    stop: Callable[[], bool] = lambda: False
    #: Asked before each request that writes, with a new read of what it touches and of what is new of its kinds, what
    #: it is about to begin, and the ids of objects that somebody else has made meanwhile, by kind. Returns a sentence
    #: for what is no longer as the plan knows it, and the changes that somebody else made.
    check: Callable[[LiveState, Sequence[Change], Mapping[str, Collection[str]]], Checked] | None = None


class ApplyState:
    """The state of one apply."""

    def __init__(
        self,
        catalogue: Catalogue,
        limits: Limits,
        secrets: Secrets,
        live: LiveState,
        listener: Listener,
        nodes: Sequence[str] = (),
    ) -> None:
        self.catalogue = catalogue
        self.limits = limits
        self.secrets = secrets
        self.listener = listener
        self.live = live
        #: The addresses of all nodes of a cluster.
        self.nodes = nodes
        objects = [live_object for held in live.objects.values() for live_object in held]
        #: The id of everything that an address tells without a doubt.
        self.ids = {live_object.address: live_object.id for live_object in objects}
        #: Every object that was there before, or is accounted for since.
        self.known = KnownObjects(live)
        self.results: dict[int, Result] = {}
        #: Addresses, without ids, of all that is not as planned.
        self.wrong: set[Address] = set()
        #: Changes whose old object was destroyed, and whose new one is still to be made.
        self.begun: set[int] = set()
        #: Why nothing more is begun, and the exit code of the error behind it.
        self.halted = ""
        self.interrupted = False
        self.code = 0
        #: Whether the server is certain to hold something that it did not before.
        self.written = False
        #: Kind and id of what this run wrote.
        self.wrote: set[tuple[str, str]] = set()

    def settle(self, change: Change, result: ResultKind, because: str = "", id_: str = "") -> None:
        """Record what became of a change."""
        if result != "applied":
            self.wrong.add(change.address.without_id())
            if change.number in self.begun:
                because = f"its old object was destroyed, and its new one is not confirmed: {because}"
                result = "unknown" if result == "unknown" else "failed"
        recorded = Result(change=change, result=result, because=self.secrets.scrub(because), id=id_)
        self.results[change.number] = recorded
        self.listener.tell(recorded)

    def confirmed(self) -> set[int]:
        """Return the numbers of the changes that are made so far."""
        return {number for number, result in self.results.items() if result.result == "applied"}

    def refused(self, works: Sequence[BatchedChange], error: ReconcilerError) -> None:
        """Record a request that was refused as a whole, or given up before it was sent: nothing of it was done."""
        if isinstance(error, Interrupted):
            self.interrupt()
        else:
            self.halt(f"an earlier request was refused: {error.message}", error.exit_code)
        for work in works:
            if isinstance(error, Interrupted):
                self.settle(work.change, "skipped", self.halted)
            else:
                self.settle(work.change, "failed", str(error))

    def interrupt(self) -> None:
        """Begin nothing more; what is half done is finished."""
        if not self.halted:
            self.halted, self.interrupted = "the run was interrupted", True

    def halt(self, because: str, code: int = 0) -> None:
        """Begin nothing more."""
        if not self.halted or self.interrupted:
            self.halted, self.interrupted, self.code = because, False, code

    def blocked(self, change: Change, verb: str) -> str:
        """Return why a change must not be begun, or ""."""
        # What is half done is finished, whatever came between.
        if self.halted and change.number not in self.begun:
            return self.halted
        if verb == "destroy" and self.wrong:
            return "nothing is destroyed after a failure"
        wanted = {target.without_id(): target for target in _addresses(change.patch)}
        if change.action == "update" and not change.id:
            wanted[change.address.without_id()] = change.address
        failed = wanted.keys() & self.wrong
        if failed:
            return f"it refers to {min(failed)}, which failed"
        lost = [target for target in wanted.values() if not self.id_of(target)]
        if lost:
            return f"it refers to {min(lost)}, whose id is not known"
        kind = self.catalogue.kinds[change.address.kind]
        if not kind.singleton or not self.wrong:
            return ""
        named = {address for address in self.wrong if address.kind in targets(self.catalogue, kind)}
        return f"it may name {min(named)}, which failed" if named else ""

    def work(self, change: Change, verb: Verb, key: str) -> BatchedChange | None:
        """Turn a change into what is sent; None where it is blocked or too large, and settled as that."""
        because = self.blocked(change, verb)
        if because:
            self.settle(change, "skipped", because)
            return None
        key = key if verb == "create" else change.id or self.id_of(change.address.without_id())
        body = b"" if verb == "destroy" and not change.recreate else msgspec.json.encode(self.fill(change.patch))
        size = len(body) + len(key) + 8
        if size + CALL + ENVELOPE > self.limits.max_size_request:
            self.settle(change, "failed", f"it is larger than a request may be ({self.limits.max_size_request})")
            return None
        return BatchedChange(change, verb, key, size)

    def admitted(self, batch: Sequence[Sequence[BatchedChange]]) -> list[list[BatchedChange]]:
        """Return what of a batch may still be begun; the rest is settled as skipped."""
        calls: list[list[BatchedChange]] = []
        for works in batch:
            reasons = [(work, self.blocked(work.change, work.verb)) for work in works]
            for work, because in reasons:
                if because:
                    self.settle(work.change, "skipped", because)
            calls.append([work for work, because in reasons if not because])
        return [works for works in calls if works]

    def call(self, works: Sequence[BatchedChange]) -> Call:
        """Return the set call that does some work on one kind."""
        arguments: dict[str, Any] = {}
        for work in works:
            if work.verb == "destroy":
                arguments.setdefault("destroy", []).append(work.key)
            else:
                arguments.setdefault(work.verb, {})[work.key] = self.fill(work.change.patch)
        return Call(f"x:{works[0].change.address.kind}/set", arguments)

    def fill(self, value: Any) -> Any:
        """Return a wire value with ids for addresses and values for secrets."""
        if isinstance(value, Address):
            return self.id_of(value)
        if isinstance(value, dict):
            return {
                key if type(key) is str else self.fill(key): member if type(member) in _PLAIN else self.fill(member)
                for key, member in value.items()
            }
        return self.secrets.reveal(value) if isinstance(value, Sensitive) else value

    def id_of(self, address: Address) -> str:
        """Return the id that an address stands for, or ""."""
        return address.id or self.ids.get(address, "")

    def take(
        self, works: Sequence[BatchedChange], result: dict[str, Any] | MethodError, *, again: bool
    ) -> list[BatchedChange]:
        """Account for the answer to one set call, and return the work of which it does not tell.

        Args:
            works: what the call was to do.
            result: its answer.
            again: whether all of this was sent before, and may have been done since it was looked for.
        """
        if isinstance(result, MethodError):
            if result.type not in NOTHING_DONE:
                return list(works)
            for work in works:
                self.settle(work.change, "failed", str(result))
            return []
        untold: list[BatchedChange] = []
        for work in works:
            done, refused = result.get(_DONE[work.verb]), result.get(_REFUSED[work.verb])
            if isinstance(refused, dict) and work.key in refused:
                error = read_set_error(refused[work.key])
                if work.verb == "destroy" and error.type == "notFound":
                    self.done(work, work.key)
                elif again and error.type == "primaryKeyViolation":
                    untold.append(work)
                else:
                    self.settle(work.change, "failed", error.text)
            elif isinstance(done, dict | list) and work.key in done:
                made = done[work.key] if isinstance(done, dict) else None
                id_ = made.get("id") if isinstance(made, dict) else None
                if work.verb != "create":
                    self.done(work, work.key)
                elif isinstance(id_, str) and id_:
                    self.done(work, id_)
                else:
                    untold.append(work)
            else:
                untold.append(work)
        return untold

    def done(self, work: BatchedChange, id_: str) -> None:
        """Record a confirmed change; the first half of a replace is not the whole."""
        self.written = True
        if work.verb == "destroy":
            self.known.destroyed(work.change.address.kind)
        if work.verb == "destroy" and work.change.action == "replace":
            self.begun.add(work.change.number)
            return
        if work.verb == "create":
            self.begun.discard(work.change.number)
            self.ids[work.change.address.without_id()] = id_
            self.known.made(work.change.address.kind, id_)
        if work.verb != "destroy":
            self.wrote.add((work.change.address.kind, id_))
        self.settle(work.change, "applied", id_=id_)

    def judge(self, works: Sequence[BatchedChange], live: LiveState, *, last: bool) -> list[BatchedChange]:
        """Decide by a new read what became of work of which no answer tells; return what was certainly not done.

        An update that writes nothing but secrets leaves no trace, so that it may be sent again, and is unknown after
        the `last` time.
        """
        now = {
            (kind, live_object.id): live_object
            for kind in {work.change.address.kind for work in works}
            for live_object in live.of(kind)
        }
        undone = [
            work
            for work in works
            if work.verb != "create" and self._judge(work, now.get((work.change.address.kind, work.key)), last=last)
        ]
        return [*self._judge_creates([work for work in works if work.verb == "create"], live), *undone]

    def _judge(self, work: BatchedChange, live_object: LiveObject | None, *, last: bool) -> bool:
        """Decide about an update or a destroy; return whether it was not done."""
        change = work.change
        if work.verb == "destroy":
            if live_object is None:
                self.done(work, work.key)
            return live_object is not None
        if live_object is None:
            self.settle(change, "unknown", "the answer was lost, and the object is gone")
            return False
        # A variant's patch leaves out what the server fills in by itself.
        want = (change.after or {}) if change.action == "replace" else change.patch
        before = change.before or {}
        shown, shown_before = self._holds(want, live_object.wire), self._holds(want, before)
        if shown and not shown_before:
            self.done(work, work.key)
            return False
        if shown and last and next(within(change.patch), None) is not None:
            self.settle(change, "unknown", "the answer was lost, and nothing shows whether the secret was written")
            return False
        if shown or self._same(before, live_object.wire):
            return True
        self.settle(change, "unknown", "the answer was lost, and the object is neither as before nor as wanted")
        return False

    def _judge_creates(self, works: Sequence[BatchedChange], live: LiveState) -> list[BatchedChange]:
        """Decide about creates: only an object that was not known before can be a new one."""
        fresh: dict[tuple[Any, ...], list[LiveObject]] = {}
        for name in {work.change.address.kind for work in works}:
            for live_object in live.of(name):
                if not self.known.holds(name, live_object.id):
                    fresh.setdefault((name, *live_object.key), []).append(live_object)
        rest: list[tuple[BatchedChange, tuple[Any, ...]]] = []
        for work in works:
            kind = self.catalogue.kinds[work.change.address.kind]
            after = work.change.after or work.change.patch
            key = (kind.kind, *key_of(kind, after))
            made = next(
                (live_object for live_object in fresh.get(key, []) if self._holds(after, live_object.wire)), None
            )
            if made is None:
                rest.append((work, key))
            else:
                fresh[key].remove(made)
                self.done(work, made.id)
        undone: list[BatchedChange] = []
        for work, key in rest:
            if fresh.get(key):
                ids = ", ".join(live_object.id for live_object in fresh[key])
                self.settle(work.change, "unknown", f"the answer was lost, and {ids} is new and not as wanted")
            else:
                undone.append(work)
        return undone

    def _holds(self, patch: Mapping[str, Any], wire: Wire) -> bool:
        """Whether an object shows everything that a patch (or a new object) writes, as far as secrets can be seen."""
        for pointer, want in patch.items():
            have: Any = wire
            for step in pointer.split("/"):
                have = have.get(step) if isinstance(have, Mapping) else None
            if not self._same(want, have):
                return False
        return True

    def _same(self, want: Any, have: Any) -> bool:
        """Whether two wire values are the same, however references are held, and as far as secrets can be seen."""
        if isinstance(want, Sensitive):
            return isinstance(have, str)
        if isinstance(want, Address) and isinstance(have, Address):
            return want == have or (want.kind == have.kind and "" != self.id_of(want) == self.id_of(have))
        if isinstance(want, dict) and isinstance(have, dict):
            return want.keys() == have.keys() and all(self._same(member, have[key]) for key, member in want.items())
        return exact(want, have)


def _addresses(value: Any) -> Iterator[Address]:
    """Yield every reference by id that a wire value holds."""
    if isinstance(value, Address):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            if type(key) is not str:
                yield from _addresses(key)
            if type(member) not in _PLAIN:
                yield from _addresses(member)
