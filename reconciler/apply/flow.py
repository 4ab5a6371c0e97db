"""The conversation of an apply: phase by phase, then one reload, then a read that proves the result.

Law: a phase begins when the one before is confirmed. A request is sent a second time only with what a new read shows
was not done, and never a third time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from reconciler.apply.batches import Batch, Work, batches, calls
from reconciler.apply.reload import reload_flow
from reconciler.apply.run import Listener, Run
from reconciler.kinds import Catalogue, referring
from reconciler.server import AnswerLost, Flow, Limits, MethodError, Request, Secrets, read_flow
from reconciler.values import (
    NOT_ALLOWED,
    PARTLY_APPLIED,
    UNREACHABLE,
    Change,
    LiveState,
    ManifestError,
    Outcome,
    Phase,
    Plan,
    ReconcilerError,
    Result,
    Stale,
    strongest,
)

Recheck = Callable[[LiveState], tuple[Change, ...]]


def apply_flow(
    catalogue: Catalogue,
    plan: Plan,
    limits: Limits,
    secrets: Secrets,
    live: LiveState,
    *,
    reload: bool = True,
    recheck: Recheck | None = None,
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
    secrets.gather(catalogue, plan.changes)
    run = Run(catalogue, limits, secrets, live, listener or Listener())
    for phase in plan.phases:
        yield from _phase(run, phase)
    nowhere = "no phase of the plan holds it"
    results = tuple(
        run.results.get(change.number) or Result(change=change, result="skipped", because=nowhere)
        for change in plan.changes
    )
    complete = all(result.result == "applied" for result in results)
    partly = PARTLY_APPLIED if run.written and not complete else 0
    outcome = Outcome(results=results, code=strongest([run.code, partly]))
    if not reload:
        outcome = replace(outcome, reload_because="--no-reload")
    elif run.halted and not complete:
        outcome = replace(outcome, reload_because=secrets.scrub(run.halted))
    elif not complete:
        because = "not everything was applied; the server goes on with the settings that it runs"
        outcome = replace(outcome, reload_because=because)
    else:
        outcome = yield from reload_flow(catalogue, outcome, limits, secrets, run.ids)
    if results and complete and recheck is not None:
        outcome = yield from _read_back(catalogue, outcome, limits, secrets, recheck, kinds)
    return outcome


def _read_back(
    catalogue: Catalogue, outcome: Outcome, limits: Limits, secrets: Secrets, recheck: Recheck, kinds: Iterable[str]
) -> Flow[Outcome]:
    """Prove that the server holds what is wanted, or say that this could not be done."""
    wanted = sorted(set(kinds))
    # What is referred to by id is needed to tell what it is called.
    others = {target for kind in wanted for _, target in referring(catalogue.kinds[kind])}
    try:
        state = yield from read_flow(catalogue, wanted, limits, checks=others)
    except ReconcilerError as error:
        return _unproven(outcome, secrets.scrub(str(error)), error.exit_code)
    try:
        return replace(outcome, residue=recheck(state))
    except ReconcilerError as error:
        # Everything was confirmed, and yet what is there cannot be compared with what is wanted.
        told = "; ".join(map(str, error.diagnostics)) if isinstance(error, ManifestError) else str(error)
        return _unproven(outcome, secrets.scrub(told))


def _unproven(outcome: Outcome, because: str, code: int = 0) -> Outcome:
    """Return the outcome of a run that wrote everything and cannot show it, for a reason that may have a code."""
    told = [outcome.reload_because] if outcome.reload_because else []
    reason = "; ".join([*told, f"reading back failed: {because}"])
    return replace(outcome, residue=None, reload_because=reason, code=strongest([outcome.code, PARTLY_APPLIED, code]))


def _phase(run: Run, phase: Phase) -> Flow[None]:
    """Send one phase, batch by batch."""
    for batch in batches(list(run.works(phase)), run.limits):
        if run.listener.stop():
            run.interrupt()
        admitted = run.admitted(batch)
        if admitted and run.listener.check is not None:
            admitted = yield from _checked(run, admitted)
        if admitted:
            yield from _send(run, admitted)


def _checked(run: Run, batch: list[list[Work]]) -> Flow[list[list[Work]]]:
    """Read again what a batch is about to touch, and return what of it is still to be done.

    Raises:
        Stale: something is no longer as the plan knows it, and nothing was written yet.
    """
    check = run.listener.check
    # The second half of a replace finds its object gone, and by our own doing.
    fresh = {w.change.number: w.change for works in batch for w in works if w.change.number not in run.begun}
    if check is None or not fresh:
        return batch
    kinds = {change.address.kind for change in fresh.values()}
    others = {target for kind in kinds for _, target in referring(run.catalogue.kinds[kind])}
    try:
        live = yield from read_flow(run.catalogue, kinds, run.limits, checks=others)
    except ReconcilerError as error:
        run.halt(f"reading again failed: {error.message}", error.exit_code)
        return run.admitted(batch)
    stale, made = check(live, tuple(fresh.values()), run.known)
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


def _send(run: Run, batch: Batch) -> Flow[None]:
    """Send one request, and once more what a new read shows was certainly not done."""
    for last in (False, True):
        lost = "the server left it unanswered"
        untold: list[Work] = []
        try:
            (response,) = yield (Request(tuple(run.call(works) for works in batch)),)
        except AnswerLost as error:
            lost = str(error)
            untold = [work for works in batch for work in works]
        except ReconcilerError as error:
            # The request was refused as a whole, so that nothing of it was done.
            run.halt(f"an earlier request was refused: {error.message}", error.exit_code)
            for work in (work for works in batch for work in works):
                run.settle(work.change, "failed", str(error))
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
        failed = [each for each in outcome.results if each.result == "failed"]
        denied = bool(failed) and all(each.because.startswith("forbidden") for each in failed)
        codes.append(NOT_ALLOWED if denied else 1)
    if outcome.residue or (outcome.reload == "failed" and (written or not outcome.code)):
        codes.append(PARTLY_APPLIED)
    return strongest(codes)
