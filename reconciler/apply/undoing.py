"""Undoing a recorded run: what a server as it is now needs to be as it was before.

Law: pure; it undoes only what the run is known to have left as it is now; what cannot be undone is named, and what is
undone already is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from reconciler.apply.journal.inverting import Cannot, Undo, inverse, masked, steps_of
from reconciler.apply.journal.records import order_of
from reconciler.apply.journal.run import RecordedResult, Run, Who
from reconciler.kinds import Catalogue, Kind, key_of
from reconciler.plan import Diff, Goal, Survey, differing, take_survey
from reconciler.values import Address, LiveObject, LiveState, Plan, Policy, Resource, Result, Source, Wire

NOWHERE = Source("")


class Undoing(Struct, frozen=True, kw_only=True):
    """How a run can be undone on a server as it is now."""

    survey: Survey
    cannot: tuple[Cannot, ...]
    #: What is no longer as the run left it; `because` is a sentence.
    stale: tuple[Cannot, ...]


def undo(
    catalogue: Catalogue,
    last: Run,
    live: LiveState,
    policy: Policy,
    source: Source = NOWHERE,
    *,
    quiet: bool = False,
) -> Undoing:
    """Work out how to undo a run.

    Args:
        catalogue: what the kinds are.
        last: the run.
        live: what the server holds now, of the run's kinds and those that they are checked with.
        policy: what may be done.
        source: where the run is told of.
        quiet: whether names may dangle that did so before the run.
    """
    undos, cannot = inverse(last)
    judge = _Judge(catalogue, last, live, source)
    for step in undos:
        judge.judge(step)
    judge.reorder()
    goal = Goal(
        resources=(*judge.resources, *judge.absent),
        policy=policy,
        because=f"{f'run {last.id}' if last.id else 'this run'} made it",
        severities={"dangling-name": "ignore"} if quiet else {},
        linted=False,
    )
    survey = take_survey(catalogue, goal, live)
    known = {str(resource.address): resource.address for resource in goal.resources}
    lost = {change.address for change in survey.plan.changes if masked(change.patch)}
    unable = [Cannot(address, "it has to be created again, and its secret is not known") for address in sorted(lost)]
    unable += [Cannot(known[diagnostic.address], diagnostic.message) for diagnostic in survey.diagnostics]
    if unable:
        without = {cannot.address for cannot in unable}
        rest = tuple(resource for resource in goal.resources if resource.address not in without)
        survey = take_survey(catalogue, replace(goal, resources=rest), live)
    # What the run did not touch is none of an undo's business.
    plan = replace(survey.plan, unchanged=judge.done, undeclared=(), surplus=(), left=(), pairs=())
    kinds = frozenset(change.address.kind for change in last.changes)
    return Undoing(
        survey=replace(survey, plan=plan, kinds=kinds),
        cannot=tuple(sorted((*cannot, *unable))),
        stale=tuple(judge.stale),
    )


def run_of(catalogue: Catalogue, plan: Plan, live: LiveState, results: Iterable[Result]) -> Run:
    """Return a run as its journal would tell it, for what has to be undone at once.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        live: the state that the plan was made from.
        results: what became of it.
    """
    return Run(
        id="",
        time="",
        who=Who("", "", 0),
        target="",
        url="",
        plan="",
        changes=plan.changes,
        inverses=tuple(steps_of(catalogue.kinds[change.address.kind], change) for change in plan.changes),
        order=order_of(catalogue, plan, live),
        results={
            result.change.number: RecordedResult(result.change.number, result.result, result.id) for result in results
        },
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
        self.absent: list[Resource] = []
        self.stale: list[Cannot] = []
        self.done = 0
        #: Per kind and former id: what there was, and the object that it is now.
        self.former: dict[tuple[str, str], tuple[Wire, str]] = {}
        self._ids: dict[str, dict[str, LiveObject]] = {}
        self._keys: dict[tuple[str, str], list[LiveObject]] = {}
        for name, objects in live.objects.items():
            self._ids[name] = {live_object.id: live_object for live_object in objects}
            for live_object in objects:
                self._keys.setdefault((name, repr(live_object.key)), []).append(live_object)

    def judge(self, undo: Undo) -> None:
        """Judge one change."""
        change = undo.change
        kind = self.catalogue.kinds[change.address.kind]
        left, former = self._part(kind, undo, change.before), self._part(kind, undo, change.after)
        live_object = self._found(kind, undo, left if left is not None else former)
        if isinstance(live_object, str):
            self.stale.append(Cannot(change.address, live_object))
        elif live_object is None:
            self._missing(undo, kind, former)
        elif former is not None and not differing(self.diff, kind, former, live_object):
            self._keep(undo, kind, former, live_object.id)
        else:
            self._undo(undo, kind, left, former, live_object)

    def _undo(self, undo: Undo, kind: Kind, left: Wire | None, former: Wire | None, live_object: LiveObject) -> None:
        """Judge a change whose object is there, and not as it was before the run."""
        address = live_object.address
        if left is None:
            self.stale.append(Cannot(address, f"{address} exists again, and is not as it was"))
            return
        pointers = differing(self.diff, kind, left, live_object)
        if pointers:
            self.stale.append(Cannot(address, f"{address} changed since: {', '.join(pointers)}"))
        elif former is None:
            absent = self._resource(kind, live_object.wire, live_object.id, address.name)
            self.absent.append(replace(absent, address=address, absent=True))
        else:
            self._keep(undo, kind, former, live_object.id, done=False)

    def _missing(self, undo: Undo, kind: Kind, former: Wire | None) -> None:
        """Judge a change whose object is not there."""
        if former is None:
            self.done += 1
        elif undo.change.action == "create" or (undo.change.recreate and not undo.known):
            self._keep(undo, kind, former, "", done=False)
        else:
            self.stale.append(Cannot(undo.change.address, f"{undo.change.address} is gone"))

    def _keep(self, undo: Undo, kind: Kind, former: Wire, id_: str, *, done: bool = True) -> None:
        """Note what there was, and shall be again."""
        self.done += done
        self.former[kind.kind, undo.was] = (former, id_)
        if not kind.ordered and not done:
            self.resources.append(self._resource(kind, former, id_, undo.change.address.name))

    def reorder(self) -> None:
        """Take all that there was of kinds that run in order of creation, in that order.

        What is made again would run last, so that contents are written into the objects that there are.
        """
        for name, objects in self.last.order.items():
            kind = self.catalogue.kinds[name]
            held = {live_object.id: live_object for live_object in self.live.of(name)}
            known = {id_: (live_object.wire, id_) for id_, live_object in held.items()}
            known |= {id_: self.former[name, id_] for id_, _ in objects if (name, id_) in self.former}
            contents = [(known[id_], address.name) for id_, address in objects if id_ in known]
            taken = {now for (_, now), _ in contents}
            ids = [id_ for id_ in held if id_ in taken] + [""] * len(contents)
            for ((wire, _), called), id_ in zip(contents, ids, strict=False):
                self.resources.append(self._resource(kind, wire, id_, called))

    def _resource(self, kind: Kind, wire: Wire, id_: str, name: str) -> Resource:
        # Bound to one object, so that another of the same key is never taken for it.
        twins = len(self._alike(kind, wire)) > 1
        address = Address(kind.kind, name, id_ if twins else "")
        return Resource(address=address, key=key_of(kind, wire), wire=wire, source=self.source, id=id_, named=not id_)

    def _alike(self, kind: Kind, wire: Wire) -> list[LiveObject]:
        """Return the live objects with the match key of another."""
        return self._keys.get((kind.kind, repr(key_of(kind, wire))), [])

    def _part(self, kind: Kind, undo: Undo, wire: Wire | None) -> Wire | None:
        """Return what the run had to do with: of a singleton, which has several owners, only what it changed."""
        if wire is None or not kind.singleton:
            return wire
        tops = dict.fromkeys(pointer.partition("/")[0] for pointer in undo.change.patch)
        return {name: wire[name] for name in tops if name in wire}

    def _found(self, kind: Kind, undo: Undo, wire: Wire | None) -> LiveObject | str | None:
        """Return the live object of a change; a sentence where it cannot be told which one it is."""
        change = undo.change
        objects = self._ids.get(kind.kind, {})
        # Under its former id it was never destroyed, and the run did not come to it.
        same = objects.get(change.id) or (objects.get(undo.was) if not undo.known else None)
        if same is not None or (change.id and change.action != "create"):
            return same
        candidates = self._alike(kind, wire) if wire is not None else []
        fitting = [live_object for live_object in candidates if not differing(self.diff, kind, wire or {}, live_object)]
        if len(fitting) == 1 or (len(candidates) == 1 and change.action == "create"):
            return (fitting or candidates)[0]
        if not candidates:
            return None
        if change.action == "create":
            return f"{change.address} exists again, and is not as it was"
        message = (
            f"{len(fitting)} objects are as that apply would have left it" if fitting else "it is not as it was left"
        )
        return f"{change.address}: {message}, and which one that apply made is not known"
