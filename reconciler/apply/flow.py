"""The conversation of an apply: look, probe, write phase by phase, reload, destroy, reload again, read back.

Law: a phase begins when the one before is confirmed. A request is sent a second time only with what a new read shows
was not done, and never a third time. Nothing that the server refuses to reload stays stored by this program's doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from reconciler.apply.cluster import nodes_reload_flow
from reconciler.apply.phases import check_flow, phase_flow
from reconciler.apply.reload import Reloaded
from reconciler.apply.run import ApplyState, Listener
from reconciler.apply.undoing import run_of, undo
from reconciler.kinds import Catalogue, referring
from reconciler.plan import RELOAD, actions_for, restarting
from reconciler.server import Flow, Limits, Secrets, kinds_for_checks, read_flow
from reconciler.values import (
    NOT_ALLOWED,
    PARTLY_APPLIED,
    REFUSED,
    UNDONE,
    UNREACHABLE,
    Address,
    Allowance,
    Change,
    LiveState,
    ManifestError,
    Outcome,
    Plan,
    Policy,
    ReconcilerError,
    Result,
    strongest,
)

#: The phase of destroys that free no name, which waits until all before it is live.
LAST = "destroy"
NO_RELOAD = "--no-reload"
#: Objects that a sentence names before it says how many more there are.
MANY = 10
#: An undo destroys no more than its run created.
UNLIMITED = Policy(max_destroy="100%", allow=(Allowance(address="*"),))
Recheck = Callable[[LiveState], tuple[Change, ...]]


def apply_flow(
    catalogue: Catalogue,
    plan: Plan,
    limits: Limits,
    secrets: Secrets,
    live: LiveState,
    *,
    reload: bool = True,
    keep_refused: bool = False,
    nodes: Sequence[str] = (),
    recheck: Recheck | None = None,
    kinds: Iterable[str] = (),
    listener: Listener | None = None,
) -> Flow[Outcome]:
    """Carry out a plan, make it live and read back.

    In this order: check the whole plan, reload once as a probe, write, reload, destroy what nothing names any more,
    reload again, read back. A reload that is refused for what this run wrote is undone.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        limits: the session's.
        secrets: what the changes refer to; all of them are resolved before anything is written.
        live: the state that the plan was made from.
        reload: whether to reload at all.
        keep_refused: whether what the server refuses to reload stays stored.
        nodes: the addresses of all nodes of a cluster, each of which is reloaded.
        recheck: compares a new read with what is wanted; its differences end up in the outcome.
        kinds: what to read for that.
        listener: told of every result.

    Raises:
        ConfigError: a secret cannot be resolved; nothing was written.
        Stale: the server is no longer as the plan knows it; nothing was written.
        Unreachable, NotAllowed, Busy: the server cannot be read; nothing was written.
    """
    secrets.gather(catalogue, plan.changes)
    run = ApplyState(catalogue, limits, secrets, live, listener or Listener(), nodes)
    if not plan.changes:
        return (yield from _idle(run)) if reload else Outcome(reload_because=NO_RELOAD)
    run.listener.enter("check")
    yield from check_flow(run, plan)
    probe = Reloaded(result="applied")
    if reload:
        probe = yield from _reload(run, (RELOAD,), probe, probe=True)
        touched = {(change.address.kind, change.id) for change in plan.changes if change.id}
        if probe.result != "applied" and not touched.issuperset(probe.blockers or [probe.blocker]):
            return _unbegun(run, plan, probe)
    run.listener.begin()
    run.listener.enter("write")
    last, stored = yield from _written(run, plan, probe, reload=reload)
    results = tuple(
        run.results.get(change.number) or Result(change=change, result="skipped", because="no phase holds it")
        for change in plan.changes
    )
    complete = all(result.result == "applied" for result in results)
    partly = PARTLY_APPLIED if run.written and not complete else 0
    confirmed = run.confirmed()
    restart = restarting(catalogue, [change for change in plan.changes if change.number in confirmed])
    outcome = Outcome(results=results, restart=restart, code=strongest([run.code, partly]))
    if probe.result != "applied":
        note = f"The server refused to reload before anything was written, for what this plan changes: {probe.because}."
        outcome = replace(outcome, notes=(note,))
    if not reload:
        outcome = replace(outcome, reload_because=NO_RELOAD)
    elif not complete and (last is probe or last.result == "applied"):
        outcome = replace(outcome, reload_because=secrets.scrub(_unfinished(run, plan, stored)))
    else:
        outcome = last.told_in(outcome)
        ours = last.blocker in run.wrote or (last.broken and not last.blocker[1])
        if last.result == "failed" and ours and not keep_refused:
            run.listener.enter("undo")
            return (yield from _undone(run, plan, outcome, probe))
    if complete and recheck is not None:
        run.listener.enter("read")
        outcome = yield from _read_back(catalogue, outcome, limits, secrets, recheck, kinds)
    return outcome


def _written(run: ApplyState, plan: Plan, probe: Reloaded, *, reload: bool) -> Flow[tuple[Reloaded, Collection[int]]]:
    """Write, reload, destroy and reload again.

    Returns:
        What became of the last reload (the probe, where there was none), and the changes that are stored and that no
        reload has made live.
    """
    for phase in plan.phases:
        if phase.name != LAST:
            yield from phase_flow(run, phase)
    last, due = probe, reload and not run.wrong
    live: set[int] = set()
    if due and run.written and probe.result == "applied":
        last = yield from _reload(run, _actions(run, plan, run.confirmed()), probe)
        due = last.result == "applied"
        if not due:
            run.halt("nothing is destroyed after a reload that was not accepted")
        live = set(run.confirmed()) if due else set()
    for phase in plan.phases:
        if phase.name == LAST:
            run.listener.enter("write")
            yield from phase_flow(run, phase)
    stored = run.confirmed() - live
    # What the probe was refused for is out of the way only now.
    if due and not run.wrong and (stored or probe.result != "applied"):
        last = yield from _reload(run, _actions(run, plan, stored, also=probe.result != "applied"), last)
    waiting = {change.number for change in plan.changes if actions_for(run.catalogue, [change])}
    return last, stored & waiting


def _actions(run: ApplyState, plan: Plan, numbers: Collection[int], *, also: bool = False) -> tuple[str, ...]:
    """Return the actions that make some changes live, in order, and a reload of the settings where that is due too."""
    made = [change for change in plan.changes if change.number in numbers]
    actions = actions_for(run.catalogue, made, nodes=len(run.nodes))
    return (RELOAD, *actions) if also and RELOAD not in actions else actions


def _reload(run: ApplyState, actions: Sequence[str], before: Reloaded, *, probe: bool = False) -> Flow[Reloaded]:
    """Run some actions one after another, and return what became of the last, or of the first that was not done.

    Where there is none to run, that is what became of those before.
    """
    last = before
    for action in actions:
        run.listener.enter("probe" if probe else "reload")
        last = yield from nodes_reload_flow(
            run.catalogue, run.limits, run.secrets, run.ids, nodes=run.nodes, probe=probe, action=action
        )
        if last.result != "applied":
            return last if action == RELOAD else replace(last, because=f"{action}: {last.because}")
    return last


def _idle(run: ApplyState) -> Flow[Outcome]:
    """Reload where there is nothing to write: an earlier run may have ended before its own."""
    last = yield from _reload(run, (RELOAD,), Reloaded(result="applied"))
    if last.forbidden:
        note = "Nothing was written. The credentials may not reload, so it is not known whether all of it is live."
        return Outcome(reload_because=last.because, notes=(note,))
    outcome = last.told_in(Outcome())
    if last.result == "applied":
        note = "Nothing was written; the reload makes live what an earlier run may have left stored."
        return replace(outcome, notes=(note,))
    return replace(outcome, code=outcome.code or (REFUSED if last.result == "failed" else 0))


def _unbegun(run: ApplyState, plan: Plan, probe: Reloaded) -> Outcome:
    """Return the outcome of a run that wrote nothing, since nothing of it could be made live."""
    why = "the server refuses to reload" if probe.result == "failed" else "it is unknown whether the server can reload"
    for change in plan.changes:
        run.settle(change, "skipped", f"{why}, so that nothing could be made live")
    code = probe.code or (REFUSED if probe.result == "failed" else 0)
    outcome = Outcome(results=tuple(run.results[change.number] for change in plan.changes), code=code)
    return replace(probe.told_in(outcome), notes=("Nothing was written.",))


def _unfinished(run: ApplyState, plan: Plan, stored: Collection[int]) -> str:
    """Say why there was no reload, and what the next one would make live."""
    because = run.halted or "not everything was applied; the server goes on with the settings that it runs"
    names = [change.address for change in plan.changes if change.number in stored]
    return f"{because}; the next reload makes live: {listed(names)}" if names else because


def listed(addresses: Sequence[Address]) -> str:
    """Name some objects, and say how many more there are."""
    more = f" and {len(addresses) - MANY} more" if len(addresses) > MANY else ""
    return ", ".join(map(str, addresses[:MANY])) + more


def _undone(run: ApplyState, plan: Plan, outcome: Outcome, probe: Reloaded) -> Flow[Outcome]:
    """Undo what this run wrote and the server refuses to reload, and prove it by a reload and a read."""
    catalogue, limits, secrets = run.catalogue, run.limits, run.secrets
    last = run_of(catalogue, plan, run.live, outcome.results)
    kinds = sorted({change.address.kind for change in plan.changes})
    checks = kinds_for_checks(catalogue, kinds)
    try:
        now = yield from read_flow(catalogue, kinds, limits, checks=checks)
        undoing = undo(catalogue, last, now, UNLIMITED, quiet=True)
        back = ApplyState(catalogue, limits, secrets, now, Listener(), run.nodes)
        for phase in undoing.survey.plan.phases if not undoing.survey.plan.refusals else ():
            yield from phase_flow(back, phase)
        proof = yield from _reload(back, _actions(run, plan, run.confirmed(), also=True), probe)
        now = yield from read_flow(catalogue, kinds, limits, checks=checks)
        left = undo(catalogue, last, now, UNLIMITED, quiet=True)
    except ReconcilerError as error:
        note = f"Undoing what this run wrote failed: {secrets.scrub(str(error))}."
        code = strongest([outcome.code, error.exit_code])
        return replace(outcome, undone="part", notes=(*outcome.notes, note), code=code)
    ids = {(change.address.kind, change.id) for change in left.survey.plan.changes}
    lost = [change.address for change in left.survey.plan.changes]
    lost += [cannot.address for cannot in (*left.cannot, *left.stale)]
    names = {address.without_id() for address in lost}
    for result in outcome.results:
        change = result.change
        remains = (change.address.kind, result.id or change.id) in ids or change.address.without_id() in names
        if result.result == "applied" and not remains:
            run.settle(change, "skipped", "it was undone, since the server refused the reload")
    messages = [f"{cannot.address} could not be undone: {cannot.because}." for cannot in left.cannot]
    messages += [f"It was left as it is: {cannot.because}." for cannot in left.stale]
    messages += [f"Not undone: {refusal}." for refusal in undoing.survey.plan.refusals]
    # A store that was refused before this run is refused after it, and no less as it was.
    proven = proof.result == "applied" or (proof.result == "failed" and probe.blocker == proof.blocker != ("", ""))
    if not proven:
        messages.append(f"The reload after the undo: {proof.because}.")
    return replace(
        outcome,
        results=tuple(run.results[result.change.number] for result in outcome.results),
        undone="all" if proven and not names else "part",
        restart=() if proven and not names else outcome.restart,
        nodes=proof.nodes,
        notes=(*outcome.notes, *map(secrets.scrub, messages)),
        code=strongest([run.code, UNREACHABLE if proof.result == "unknown" else proof.code]),
    )


def _read_back(
    catalogue: Catalogue, outcome: Outcome, limits: Limits, secrets: Secrets, recheck: Recheck, kinds: Iterable[str]
) -> Flow[Outcome]:
    """Prove that the server holds what is wanted, or say that this could not be done."""
    wanted = sorted(set(kinds))
    # What is referred to by id is needed to tell what it is called.
    others = {target for kind in wanted for _, target in referring(catalogue, catalogue.kinds[kind])}
    try:
        state = yield from read_flow(catalogue, wanted, limits, checks=others)
    except ReconcilerError as error:
        return _unproven(outcome, secrets.scrub(str(error)), error.exit_code)
    try:
        return replace(outcome, residue=recheck(state))
    except ReconcilerError as error:
        # Everything was confirmed, and yet what is there cannot be compared with what is wanted.
        message = "; ".join(map(str, error.diagnostics)) if isinstance(error, ManifestError) else str(error)
        return _unproven(outcome, secrets.scrub(message))


def _unproven(outcome: Outcome, because: str, code: int = 0) -> Outcome:
    """Return the outcome of a run that wrote everything but could not read it back. The reason may have a code."""
    messages = [outcome.reload_because] if outcome.reload_because else []
    reason = "; ".join([*messages, f"reading back failed: {because}"])
    return replace(outcome, residue=None, reload_because=reason, code=strongest([outcome.code, PARTLY_APPLIED, code]))


def outcome_code(outcome: Outcome) -> int:
    """Return the exit code that an outcome means."""
    if outcome.undone == "all":
        return strongest([UNDONE, outcome.code])
    kinds = Counter(result.result for result in outcome.results)
    written = kinds["applied"] > 0
    codes = [outcome.code, PARTLY_APPLIED if outcome.undone else 0]
    if kinds["unknown"] or outcome.reload == "unknown":
        codes.append(UNREACHABLE)
    if (kinds["failed"] or kinds["skipped"]) and written:
        codes.append(PARTLY_APPLIED)
    elif (kinds["failed"] or kinds["skipped"]) and not outcome.code:
        failed = [result for result in outcome.results if result.result == "failed"]
        denied = bool(failed) and all(result.because.startswith("forbidden") for result in failed)
        codes.append(NOT_ALLOWED if denied else 1)
    if outcome.residue or (outcome.reload == "failed" and (written or not outcome.code)):
        codes.append(PARTLY_APPLIED)
    return strongest(codes)
