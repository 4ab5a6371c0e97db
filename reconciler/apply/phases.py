"""What carries out the phases of a plan: a look, a request, and a new read where no answer tells what was done.

Law: a request is sent a second time only with what a new read shows was not done, and never a third time. What destroys
and creates has both confirmed one after the other, and is finished once it is begun.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.apply.batches import Batch, BatchedChange, batches, calls, verb_of
from reconciler.apply.run import ApplyState
from reconciler.server import AnswerLost, Flow, MethodError, Request, read_flow
from reconciler.values import Change, LiveState, Phase, Plan, ReconcilerError, Stale


def phase_flow(run: ApplyState, phase: Phase) -> Flow[None]:
    """Send one phase: in batches, and one by one what is destroyed and created anew, since a new object comes last."""
    waiting: list[tuple[str, Change]] = []
    for number, change in enumerate(phase.changes):
        key = f"new{number}"
        if not change.recreate:
            waiting.append((key, change))
            continue
        yield from _batches(run, waiting)
        waiting = []
        destroy = run.work(change, "destroy", change.id) if change.number not in run.results else None
        if destroy is not None:
            yield from _batch(run, [[destroy]])
        if change.number in run.begun:
            yield from _send(run, [[BatchedChange(change, "create", key)]])
    yield from _batches(run, waiting)


def _batches(run: ApplyState, changes: Iterable[tuple[str, Change]]) -> Flow[None]:
    fresh = [(key, change) for key, change in changes if change.number not in run.results]
    works = [run.work(change, verb_of(change), key) for key, change in fresh]
    for batch in batches([work for work in works if work is not None], run.limits):
        yield from _batch(run, batch)


def _batch(run: ApplyState, batch: Batch) -> Flow[None]:
    """Send one request, after a look at what it touches."""
    if run.listener.stop():
        run.interrupt()
    admitted = run.admitted(batch)
    if admitted and run.listener.check is not None:
        admitted = yield from _checked(run, admitted)
    if admitted:
        yield from _send(run, admitted)


def check_flow(run: ApplyState, plan: Plan) -> Flow[None]:
    """Look at everything that a plan touches before anything is done.

    Raises:
        Stale: something is no longer as the plan knows it.
    """
    if run.listener.check is None:
        return
    live = yield from _read_again(run, plan.changes)
    stale, made = run.listener.check(live, plan.changes, run.known.strangers)
    if stale:
        raise Stale("; ".join(stale), "nothing was written; plan again")
    for change in made:
        run.settle(change, "applied", "somebody else made this change meanwhile")


def _read_again(run: ApplyState, changes: Iterable[Change]) -> Flow[LiveState]:
    """Read what changes are about, and what is new of the kinds of which they make or complete objects."""
    touched: dict[str, list[str]] = {}
    grows: set[str] = set()
    for change in changes:
        if change.id:
            touched.setdefault(change.address.kind, []).append(change.id)
        else:
            grows.add(change.address.kind)
    return (yield from run.known.look_flow(run.catalogue, touched, grows, run.limits))


def _checked(run: ApplyState, batch: list[list[BatchedChange]]) -> Flow[list[list[BatchedChange]]]:
    """Read again what a batch is about to touch, and return what of it is still to be done.

    Raises:
        Stale: something is no longer as the plan knows it, and nothing was written yet.
    """
    check = run.listener.check
    # The second half of a replace finds its object gone, and what had to lose a reference first is changed: both are
    # by our own doing.
    fresh = {
        work.change.number: work.change
        for works in batch
        for work in works
        if work.change.number not in run.begun and (work.change.address.kind, work.change.id) not in run.wrote
    }
    if check is None or not fresh:
        return batch
    try:
        live = yield from _read_again(run, fresh.values())
    except ReconcilerError as error:
        run.halt(f"reading again failed: {error.message}", error.exit_code)
        return run.admitted(batch)
    stale, made = check(live, tuple(fresh.values()), run.known.strangers)
    if stale and not run.written:
        raise Stale("; ".join(stale), "nothing was written; plan again")
    if stale:
        run.halt(f"the server changed meanwhile: {'; '.join(stale)}")
        return run.admitted(batch)
    for change in made:
        run.settle(change, "applied", "somebody else made this change meanwhile")
    done = {change.number for change in made}
    rest = [[work for work in works if work.change.number not in done] for works in batch]
    return [works for works in rest if works]


def _send(run: ApplyState, batch: Batch) -> Flow[None]:
    """Send one request, and once more what a new read shows was certainly not done."""
    for last in (False, True):
        lost = "the server left it unanswered"
        untold: list[BatchedChange] = []
        try:
            (response,) = yield (Request(tuple(run.call(works) for works in batch)),)
        except AnswerLost as error:
            lost = str(error)
            untold = [work for works in batch for work in works]
        except ReconcilerError as error:
            run.refused([work for works in batch for work in works], error)
            return
        else:
            for works, result in zip(batch, response.results, strict=True):
                rest = run.take(works, result, again=last)
                untold += rest
                lost = str(result) if rest and isinstance(result, MethodError) else lost
        if not untold:
            return
        try:
            live = yield from read_flow(run.catalogue, {work.change.address.kind for work in untold}, run.limits)
        except ReconcilerError as error:
            run.halt("it is unknown what became of an earlier change")
            for work in untold:
                run.settle(work.change, "unknown", f"{lost}, and reading again failed: {error.message}")
            return
        undone = run.judge(untold, live, last=last)
        if last:
            for work in undone:
                run.settle(work.change, "failed", f"sent twice, and a new read shows that it was not done: {lost}")
        if last or not undone:
            return
        batch = calls(undone)
