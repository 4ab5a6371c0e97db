"""Carries a plan out, and accounts for every change of it.

Law: apply sends what the plan says and nothing else; it may leave a change out, and never adds, alters or reorders one.
A change is applied only if the server confirmed it or a new read shows it; after a lost answer it reads, then decides.
No httpx: the conversation is a generator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.catalogue import Catalogue
from reconciler.diff import exact
from reconciler.errors import NOT_ALLOWED, PARTLY_APPLIED, UNREACHABLE, ReconcilerError, strongest
from reconciler.jmap.protocol import AnswerLost, Call, Flow, Limits, MethodError, Request, read_set_error
from reconciler.live import read_flow
from reconciler.model import Address, Change, LiveState, Outcome, Phase, Plan, Result, ResultKind, Sensitive, Wire
from reconciler.references import references, targets
from reconciler.secrets import Secrets

#: Method errors after which a part of the call may have been done (Stalwart 0.16.19, found by running).
UNSURE = frozenset({"serverUnavailable", "serverFail", "serverPartialFail"})
RELOAD = Request((Call("x:Action/set", {"create": {"reload": {"@type": "ReloadSettings"}}}),))
#: Bytes of a request that are not objects.
ENVELOPE = 4096


class Listener(Struct, frozen=True):
    """What apply tells while it runs, and what it asks between two requests."""

    #: Called with every result as it becomes known.
    tell: Callable[[Result], None] = lambda _: None
    #: Called before each request that writes; True ends the run after what was begun.
    stop: Callable[[], bool] = lambda: False


class _Work(Struct):
    """One change as it is sent: a key within its call, and what its call's arguments hold for it."""

    change: Change
    verb: str
    key: str
    body: Wire
    size: int


class _Run:
    """The state of one apply."""

    def __init__(
        self, catalogue: Catalogue, limits: Limits, secrets: Secrets, live: LiveState, listener: Listener
    ) -> None:
        self.catalogue = catalogue
        self.limits = limits
        self.secrets = secrets
        self.listener = listener
        self.ids = {
            Address(each.address.kind, each.address.name): each.id
            for objects in live.objects.values()
            for each in objects
        }
        self.results: dict[int, Result] = {}
        #: Why nothing more is begun, and the exit code of the error behind it.
        self.halted = ""
        self.code = 0

    def settle(self, change: Change, result: ResultKind, because: str = "", id_: str = "") -> None:
        """Record what became of a change. The first half of a replace counts only if it fails."""
        found = Result(change=change, result=result, because=self.secrets.scrub(because), id=id_)
        self.results[id(change)] = found
        self.listener.tell(found)

    def failed(self) -> set[Address]:
        """Return the addresses of everything that is not as planned."""
        return {r.change.address for r in self.results.values() if r.result != "applied"}

    def blocked(self, change: Change) -> str:
        """Return why a change must not be begun, or ""."""
        if self.halted:
            return self.halted
        failed = self.failed()
        if not failed:
            return ""
        if change.action == "destroy":
            return "nothing is destroyed after a failure"
        if change.address in failed:
            return "its first half failed"
        kind = self.catalogue.kinds[change.address.kind]
        wanted = {target for _, target in references(self.catalogue, kind, change.patch)} & failed
        if wanted:
            return f"it refers to {min(wanted)}, which failed"
        named = {address for address in failed if address.kind in targets(self.catalogue, kind)}
        return f"it may name {min(named)}, which failed" if kind.singleton and named else ""

    def work(self, phase: Phase) -> Iterator[_Work]:
        """Turn a phase's changes into what is sent; what is blocked is settled as skipped."""
        for number, change in enumerate(phase.changes):
            because = self.blocked(change)
            if because:
                self.settle(change, "skipped", because)
                continue
            verb, key = _verb(phase, change), f"new{number}"
            if verb != "create":
                key = change.id
            body = {} if verb == "destroy" else self.fill(change.patch)
            yield _Work(change, verb, key, body, len(msgspec.json.encode(body)) + len(key) + 8)

    def fill(self, value: Any) -> Any:
        """Return a wire value with ids for addresses and values for secrets."""
        if isinstance(value, Address):
            return value.id or self.ids[value]
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        return self.secrets.reveal(value) if isinstance(value, Sensitive) else value

    def take(self, works: Sequence[_Work], result: dict[str, Any] | MethodError) -> list[_Work]:
        """Account for the answer to one set call, and return what it does not tell."""
        if isinstance(result, MethodError):
            if result.type in UNSURE:
                return list(works)
            for work in works:
                self.settle(work.change, "failed", str(result))
            return []
        unanswered: list[_Work] = []
        for work in works:
            done, refused = (
                result.get(f"{work.verb.removesuffix('e')}ed"),
                result.get(f"not{work.verb.capitalize().removesuffix('e')}ed"),
            )
            if isinstance(refused, dict) and work.key in refused:
                self.settle(work.change, "failed", read_set_error(refused[work.key]).text)
            elif isinstance(done, dict | list) and work.key in done:
                made = done[work.key] if isinstance(done, dict) else None
                id_ = str(made.get("id", "")) if isinstance(made, dict) else work.change.id
                self.done(work, id_)
            else:
                unanswered.append(work)
        return unanswered

    def done(self, work: _Work, id_: str) -> None:
        """Record a confirmed change; the first half of a replace is not the whole."""
        if work.verb == "create":
            self.ids[Address(work.change.address.kind, work.change.address.name)] = id_
        if work.verb == "destroy" and work.change.action == "replace":
            return
        self.settle(work.change, "applied", id_=id_)

    def judge(self, works: Iterable[_Work], live: LiveState) -> list[_Work]:
        """Decide by a new read what became of unanswered work; return what was certainly not done."""
        undone: list[_Work] = []
        for work in works:
            change = work.change
            by_id = {each.id: each for each in live.of(change.address.kind)}
            if work.verb == "destroy":
                if change.id in by_id:
                    undone.append(work)
                else:
                    self.done(work, change.id)
            elif work.verb == "update":
                found = by_id.get(change.id)
                if found is not None and _holds(change.patch, found.wire):
                    self.done(work, change.id)
                elif found is not None and change.before is not None and exact(found.wire, change.before):
                    undone.append(work)
                else:
                    self.settle(
                        change, "unknown", "the answer was lost, and the object is neither as before nor as wanted"
                    )
            else:
                known = set(self.ids.values())
                name = Address(change.address.kind, change.address.name)
                made = [each for each in by_id.values() if each.id not in known and _holds(change.patch, each.wire)]
                match = [each for each in made if Address(each.address.kind, each.address.name) == name] or made
                if match:
                    self.done(work, match[0].id)
                else:
                    undone.append(work)
        return undone


def apply_flow(
    catalogue: Catalogue,
    plan: Plan,
    limits: Limits,
    secrets: Secrets,
    live: LiveState,
    *,
    reload: bool = True,
    recheck: Callable[[LiveState], tuple[Change, ...]] | None = None,
    kinds: Iterable[str] = (),
    listener: Listener | None = None,
) -> Flow[Outcome]:
    """Carry out a plan, reload the server's settings and read back.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        limits: the session's.
        secrets: what the changes refer to; all of them are resolved before anything is written.
        live: the state that the plan was made from.
        reload: whether to end with one ReloadSettings.
        recheck: compares a new read with what is wanted; its differences end up in the outcome.
        kinds: what to read for that.
        listener: told of every result.

    Raises:
        ConfigError: a secret cannot be resolved; nothing was written.
    """
    secrets.gather(plan.changes)
    run = _Run(catalogue, limits, secrets, live, listener or Listener())
    for phase in plan.phases:
        yield from _phase(run, phase)
    results = tuple(run.results[id(change)] for change in plan.changes)
    complete = all(result.result == "applied" for result in results)
    outcome = Outcome(results=results, code=run.code)
    if not reload:
        outcome = msgspec.structs.replace(outcome, reload_because="--no-reload")
    elif run.halted and not complete:
        outcome = msgspec.structs.replace(outcome, reload_because=run.halted)
    elif not complete:
        because = "not everything was applied; the server goes on with the settings that it runs"
        outcome = msgspec.structs.replace(outcome, reload_because=because)
    else:
        outcome = yield from reload_flow(outcome, run.ids, secrets)
    if results and complete and recheck is not None:
        try:
            state = yield from read_flow(catalogue, kinds, limits)
        except ReconcilerError as error:
            return msgspec.structs.replace(outcome, residue=None, reload_because=outcome.reload_because or str(error))
        return msgspec.structs.replace(outcome, residue=recheck(state))
    return outcome


def _phase(run: _Run, phase: Phase) -> Flow[None]:
    """Send one phase, batch by batch."""
    works = list(run.work(phase))
    for batch in _batches(works, run.limits):
        waiting = [work for call in batch for work in call]
        if run.listener.stop() and not run.halted:
            run.halted = "the run was interrupted"
        if run.halted:
            for work in waiting:
                run.settle(work.change, "skipped", run.halted)
            continue
        yield from _send(run, batch)


def _send(run: _Run, batch: Sequence[Sequence[_Work]]) -> Flow[None]:
    """Send one request, and once more what a new read shows was certainly not done."""
    for last in (False, True):
        lost = "the server left it unanswered"
        unanswered: list[_Work] = []
        try:
            (response,) = yield (Request(tuple(_call(call) for call in batch)),)
        except AnswerLost as error:
            lost = str(error)
            unanswered = [work for call in batch for work in call]
        except ReconcilerError as error:
            # The request was refused as a whole, so that nothing of it was done.
            for work in (work for call in batch for work in call):
                run.settle(work.change, "failed", str(error))
            run.halted, run.code = f"the request was refused: {error.message}", error.exit_code
            return
        else:
            for call, result in zip(batch, response.results, strict=True):
                unanswered += run.take(call, result)
        if not unanswered:
            return
        try:
            kinds = {work.change.address.kind for work in unanswered}
            live = yield from read_flow(run.catalogue, kinds, run.limits)
        except ReconcilerError as error:
            for work in unanswered:
                run.settle(work.change, "unknown", f"{lost}, and reading again failed: {error.message}")
            run.halted = "it is unknown what became of an earlier change"
            return
        undone = run.judge(unanswered, live)
        if not undone:
            return
        if last:
            for work in undone:
                run.settle(work.change, "failed", f"{lost} twice; a new read shows that it was not done")
            return
        batch = _calls(undone)


def _verb(phase: Phase, change: Change) -> str:
    if change.action == "replace":
        if not change.recreate:
            return "update"
        return "destroy" if phase.name == "free" else "create"
    return change.action


def _calls(works: Sequence[_Work]) -> list[list[_Work]]:
    """Group work by kind: one set call each."""
    groups: dict[str, list[_Work]] = {}
    for work in works:
        groups.setdefault(work.change.address.kind, []).append(work)
    return list(groups.values())


def _batches(works: Sequence[_Work], limits: Limits) -> Iterator[list[list[_Work]]]:
    """Cut work into requests of set calls, within the session's limits."""
    batch: list[list[_Work]] = []
    size = 0
    room = limits.max_size_request - ENVELOPE
    for group in _calls(works):
        call: list[_Work] = []
        for work in group:
            if batch and (size + work.size > room):
                yield batch
                batch, call, size = [], [], 0
            if not call or len(call) >= limits.max_objects_in_set:
                if len(batch) >= limits.max_calls_in_request:
                    yield batch
                    batch, size = [], 0
                call = []
                batch.append(call)
            call.append(work)
            size += work.size
    if batch:
        yield batch


def _call(works: Sequence[_Work]) -> Call:
    arguments: dict[str, Any] = {}
    for work in works:
        if work.verb == "destroy":
            arguments.setdefault("destroy", []).append(work.key)
        else:
            arguments.setdefault(work.verb, {})[work.key] = work.body
    return Call(f"x:{works[0].change.address.kind}/set", arguments)


def _holds(patch: Mapping[str, Any], wire: Mapping[str, Any]) -> bool:
    """Whether an object shows everything that a patch (or a new object) wrote, as far as secrets can be seen."""
    for pointer, want in patch.items():
        have: Any = wire
        for step in pointer.split("/"):
            have = have.get(step) if isinstance(have, Mapping) else None
        if not _shows(want, have):
            return False
    return True


def _shows(want: Any, have: Any) -> bool:
    if isinstance(want, Sensitive):
        return isinstance(have, str)
    if isinstance(want, dict) and isinstance(have, dict):
        return all(_shows(value, have.get(key)) for key, value in want.items())
    return exact(want, have)


def reload_flow(outcome: Outcome, ids: Mapping[Address, str], secrets: Secrets) -> Flow[Outcome]:
    """Make stored settings live with one ReloadSettings, and explain a refusal. It may be sent again after a loss."""
    lost = ""
    for _ in range(2):
        try:
            (response,) = yield (RELOAD,)
        except AnswerLost as error:
            lost = str(error)
            continue
        except ReconcilerError as error:
            return msgspec.structs.replace(outcome, reload="failed", reload_because=str(error))
        result = response.results[0]
        if isinstance(result, MethodError):
            return msgspec.structs.replace(outcome, reload="failed", reload_because=secrets.scrub(str(result)))
        if "reload" in (result.get("created") or {}):
            return msgspec.structs.replace(outcome, reload="applied")
        error_object = (result.get("notCreated") or {}).get("reload")
        if error_object is None:
            lost = "the server left it unanswered"
            continue
        because = secrets.scrub(_blocker(error_object, ids))
        return msgspec.structs.replace(outcome, reload="failed", reload_because=because)
    return msgspec.structs.replace(outcome, reload="unknown", reload_because=lost)


def _blocker(error: Mapping[str, Any], ids: Mapping[Address, str]) -> str:
    """Name the object that blocks a reload, as manifests call it where they know it."""
    blocker = error.get("objectId")
    if not isinstance(blocker, Mapping):
        return read_set_error(error).text
    kind, id_ = str(blocker.get("object")), str(blocker.get("id"))
    address = next(
        (address for address, known in ids.items() if known == id_ and address.kind == kind), Address(kind, id=id_)
    )
    return f"{address}: {error.get('description') or read_set_error(error).text}"


def outcome_code(outcome: Outcome) -> int:
    """Return the exit code that an outcome means."""
    kinds = Counter(result.result for result in outcome.results)
    written = kinds["applied"] > 0
    codes = [outcome.code]
    if kinds["unknown"] or outcome.reload == "unknown":
        codes.append(UNREACHABLE)
    if (kinds["failed"] or kinds["skipped"]) and written:
        codes.append(PARTLY_APPLIED)
    elif (kinds["failed"] or kinds["skipped"]) and not outcome.code:
        denied = all("forbidden" in r.because for r in outcome.results if r.result == "failed")
        codes.append(NOT_ALLOWED if denied and kinds["failed"] else 1)
    if outcome.reload == "failed" or outcome.residue:
        codes.append(PARTLY_APPLIED)
    return strongest(codes)
