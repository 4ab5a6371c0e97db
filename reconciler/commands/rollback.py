"""`rollback`: undo what a journal says that an apply did.

Law: it undoes only what that apply is known to have left as it is now; what cannot be undone is named, and what is
undone already is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from reconciler.apply import Cannot, Run, Undo, hold, inverse, lock_directory, masked, outcome_code, read, whoami
from reconciler.commands.apply import PLANNED, carry_out, settled, to_ask
from reconciler.commands.gather import Found, Invocation, Wanted, open_client, target
from reconciler.desired import Desired
from reconciler.kinds import Catalogue, Kind, key_of, load
from reconciler.plan import Diff, differing, make_plan
from reconciler.report import machine, text
from reconciler.server import Client, kinds_for_checks, read_flow
from reconciler.settings import Settings, read_config, settings
from reconciler.values import (
    PARTLY_APPLIED,
    Address,
    Change,
    ConfigError,
    Difference,
    Globs,
    LiveObject,
    LiveState,
    Policy,
    Resource,
    Source,
    Stale,
    UsageError,
    Wire,
    strongest,
)

#: A rollback destroys no more than the journal says that an apply created; a limit is one that an option names.
UNLIMITED = 10**9


class Undoing(Struct, frozen=True, kw_only=True):
    """How a run can be undone on a server as it is now."""

    found: Found
    cannot: tuple[Cannot, ...]
    #: What is no longer as the apply left it, a sentence each.
    stale: tuple[str, ...]


def run(invocation: Invocation) -> int:
    """Plan the inverse of a recorded apply, ask, carry it out and reload."""
    catalogue = load()
    chosen = settings(catalogue, read_config(invocation.options), invocation.options, invocation.environment)
    wanted = Wanted(catalogue, chosen, Desired())
    question = to_ask(invocation, "rollback", "Undo these changes?")
    path = Path(invocation.extra["journal"])
    with open_client(invocation, wanted, may_write=True) as client:
        me = whoami()
        directory = lock_directory(invocation.environment)
        # A run that is under way looks like one that was interrupted, so nothing is read before it has ended.
        with hold(client.url, owner=me.user, host=me.host, now=lambda: datetime.now(UTC), directory=directory):
            last = choose(path, read(path), invocation.extra.get("run", ""), client.url)
            kinds = {change.address.kind for change in last.changes}
            if not kinds <= catalogue.kinds.keys():
                raise ConfigError(f"{path}: run {last.id} is about kinds that are not known here")
            checks = kinds_for_checks(catalogue, sorted(kinds))
            live = client.run(read_flow(catalogue, kinds, client.session().limits, checks=checks))
            undoing = undo(catalogue, last, live, _policy(chosen), Source(str(path)))
            for each in undoing.cannot:
                invocation.console.err(f"cannot undo {each.address}: {each.because}\n")
            if undoing.stale:
                count = len(undoing.stale)
                what = f"{count} object{'s are' if count > 1 else ' is'} no longer as that apply left"
                raise Stale(f"{what} {'them' if count > 1 else 'it'}: {'; '.join(undoing.stale)}", "nothing was undone")
            return _do(invocation, wanted, undoing, client, question)


def _do(invocation: Invocation, wanted: Wanted, undoing: Undoing, client: Client, question: str) -> int:
    """Show the work, ask and do it."""
    found = undoing.found
    with client.paused():
        ended = settled(invocation, wanted, found, question)
    if ended is not None:
        return ended
    outcome, interrupted = carry_out(invocation, wanted, found, client)
    if invocation.format == "json":
        invocation.say(machine.dump("outcome", machine.outcome(wanted.catalogue, outcome, target(wanted))))
    else:
        invocation.say(text.outcome(wanted.catalogue, outcome, invocation.console.paint, wanted=PLANNED))
    written = any(each.result == "applied" for each in outcome.results)
    rest = (PARTLY_APPLIED if written else 1) if undoing.cannot else 0
    return strongest([outcome_code(outcome), interrupted, rest])


def choose(path: Path, runs: Sequence[Run], wanted: str, url: str) -> Run:
    """Return the run to undo: the last that had anything to do, or the one that is asked for.

    Raises:
        UsageError: there is none, or it was on another server.
    """
    working = [each for each in runs if each.changes and wanted in ("", each.id)]
    if not working:
        what = f"no run {wanted}" if wanted else "no run that had anything to do"
        raise UsageError(f"{path} holds {what}")
    last = working[-1]
    if last.url.rstrip("/") != url.rstrip("/"):
        raise UsageError(f"run {last.id} was on {last.url}, and this is {url}", "give that server's --url or --target")
    return last


def _policy(chosen: Settings) -> Policy:
    """Return the policy of a rollback: what is kept stays, and only limits that an option names hold."""
    options = chosen.options
    return Policy(
        keep=chosen.policy.keep,
        max_destroy=chosen.policy.max_destroy if options.max_destroy else UNLIMITED,
        max_update=chosen.policy.max_update if options.max_update else None,
    )


def undo(catalogue: Catalogue, last: Run, live: LiveState, policy: Policy, source: Source) -> Undoing:
    """Work out how to undo a run.

    Args:
        catalogue: what the kinds are.
        last: the run.
        live: what the server holds now, of the run's kinds and those that they are checked with.
        policy: what may be done.
        source: where the run is told of.
    """
    undos, cannot = inverse(last)
    judge = _Judge(catalogue, last, live, source)
    for each in undos:
        judge.judge(each)
    judge.reorder()
    difference, problems = Diff(catalogue).compare(
        judge.resources, live, sorted({r.address.kind for r in judge.resources})
    )
    lost = {change.address for change in difference.changes if masked(change.patch)}
    cannot += tuple(Cannot(each, "it has to be made anew, and its secret is not known") for each in sorted(lost))
    known = {str(each.address): each.address for each in judge.resources}
    cannot += tuple(Cannot(known[each.address], each.message) for each in problems)
    changes = [change for change in difference.changes if change.address not in lost]
    work = Difference(changes=(*changes, *judge.destroys), unchanged=judge.done)
    resources = tuple(each for each in judge.resources if each.address not in lost)
    plan = make_plan(catalogue, work, live, policy, desired=resources)
    keep = Globs(policy.keep)
    kept = [
        f"{each.address} would be destroyed, and policy.keep holds it"
        for each in judge.destroys
        if keep.holds(each.address)
    ]
    plan = msgspec.structs.replace(plan, refusals=(*plan.refusals, *kept))
    # What is made anew has another id when the work is read back.
    anew = {change.address for change in changes if change.recreate}
    resources = tuple(msgspec.structs.replace(r, id="") if r.address in anew else r for r in resources)
    kinds = frozenset(change.address.kind for change in last.changes)
    return Undoing(
        found=Found(live, work, plan, kinds, resources),
        cannot=tuple(sorted(cannot)),
        stale=tuple(judge.stale),
    )


class _Judge:
    """Tells of each change of a run whether it is to be undone, is undone already, or no longer as it was left."""

    def __init__(self, catalogue: Catalogue, last: Run, live: LiveState, source: Source) -> None:
        self.catalogue = catalogue
        self.last = last
        self.live = live
        self.source = source
        self.diff = Diff(catalogue)
        self.resources: list[Resource] = []
        self.destroys: list[Change] = []
        self.stale: list[str] = []
        self.done = 0
        #: Per kind and former id: what there was, and the object that it is now.
        self.former: dict[tuple[str, str], tuple[Wire, str]] = {}

    def judge(self, undo: Undo) -> None:
        """Judge one change."""
        change = undo.change
        kind = self.catalogue.kinds[change.address.kind]
        left, former = self._part(kind, undo, change.before), self._part(kind, undo, change.after)
        found = self._found(kind, undo, left if left is not None else former)
        if isinstance(found, str):
            self.stale.append(found)
        elif found is None:
            self._missing(undo, kind, former)
        elif former is not None and not differing(self.diff, kind, former, found):
            self._keep(undo, kind, former, found.id)
        else:
            self._undo(undo, kind, left, former, found)

    def _undo(self, undo: Undo, kind: Kind, left: Wire | None, former: Wire | None, found: LiveObject) -> None:
        """Judge a change whose object is there, and not as it was before the run."""
        address = found.address
        if left is None:
            self.stale.append(f"{address} exists again, and is not as it was")
            return
        pointers = differing(self.diff, kind, left, found)
        if pointers:
            self.stale.append(f"{address} changed since: {', '.join(pointers)}")
        elif former is None:
            because = f"run {self.last.id} made it"
            self.destroys.append(
                Change(action="destroy", address=address, id=found.id, before=found.wire, because=because)
            )
        else:
            self._keep(undo, kind, former, found.id, done=False)

    def _missing(self, undo: Undo, kind: Kind, former: Wire | None) -> None:
        """Judge a change whose object is not there."""
        if former is None:
            self.done += 1
        elif undo.change.action == "create" or (undo.change.recreate and not undo.known):
            self._keep(undo, kind, former, "", done=False)
        else:
            self.stale.append(f"{undo.change.address} is gone")

    def _keep(self, undo: Undo, kind: Kind, former: Wire, id_: str, *, done: bool = True) -> None:
        """Note what there was, and shall be again."""
        self.done += done
        self.former[kind.kind, undo.was] = (former, id_)
        if not kind.ordered and not done:
            self.resources.append(self._resource(kind, former, id_, undo.change.address.name))

    def reorder(self) -> None:
        """Take every object that there was of kinds that run in order of creation, in that order."""
        for name, objects in self.last.order.items():
            kind = self.catalogue.kinds[name]
            held = {each.id: each for each in self.live.of(name)}
            for id_, address in objects:
                if (name, id_) in self.former:
                    former, now = self.former[name, id_]
                    self.resources.append(self._resource(kind, former, now, address.name))
                elif id_ in held:
                    self.resources.append(self._resource(kind, held[id_].wire, id_, address.name))

    def _resource(self, kind: Kind, wire: Wire, id_: str, name: str) -> Resource:
        # Bound to one object, so that another of the same key is never taken for it.
        twins = sum(each.key == key_of(kind, wire) for each in self.live.of(kind.kind)) > 1
        address = Address(kind.kind, name, id_ if twins else "")
        return Resource(address=address, key=key_of(kind, wire), wire=wire, source=self.source, id=id_, named=not id_)

    def _part(self, kind: Kind, undo: Undo, wire: Wire | None) -> Wire | None:
        """Return what the run had to do with: of a singleton, which has several owners, only what it changed."""
        if wire is None or not kind.singleton:
            return wire
        tops = dict.fromkeys(pointer.partition("/")[0] for pointer in undo.change.patch)
        return {name: wire[name] for name in tops if name in wire}

    def _found(self, kind: Kind, undo: Undo, wire: Wire | None) -> LiveObject | str | None:
        """Return the live object of a change; a sentence where it cannot be told which one it is."""
        change = undo.change
        objects = {each.id: each for each in self.live.of(kind.kind)}
        # Under its former id it was never destroyed, and the run did not come to it.
        same = objects.get(change.id) or (objects.get(undo.was) if not undo.known else None)
        if same is not None or (change.id and change.action != "create"):
            return same
        candidates = [each for each in objects.values() if wire is not None and each.key == key_of(kind, wire)]
        fitting = [each for each in candidates if not differing(self.diff, kind, wire or {}, each)]
        if len(fitting) == 1 or (len(candidates) == 1 and change.action == "create"):
            return (fitting or candidates)[0]
        if not candidates:
            return None
        if change.action == "create":
            return f"{change.address} exists again, and is not as it was"
        what = f"{len(fitting)} objects are as that apply would have left it" if fitting else "it is not as it was left"
        return f"{change.address}: {what}, and which one that apply made is not known"
