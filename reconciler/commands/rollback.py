"""`rollback`: undo what a journal says that an apply did.

Law: it undoes only what that apply is known to have left as it is now; what cannot be undone is named, and what is
undone already is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from reconciler.apply import Run, Task, Undoing, read, undo
from reconciler.commands.gather import open_client, plan_basis, read_live, without_manifests
from reconciler.commands.invocation import Invocation
from reconciler.commands.presenting import PLANNED, StreamPresenter, must_ask, session_of
from reconciler.plan import Survey, unmet
from reconciler.report import plural, status_report
from reconciler.settings import Settings
from reconciler.values import UNDONE, Address, ConfigError, Policy, Source, Stale, UsageError

#: Runs that a list shows.
LISTED = 100
#: A rollback destroys no more than the journal says that an apply created; a limit is one that an option names.
UNLIMITED = 10**9


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    journal: str
    #: The run to undo; "" is the last.
    run: str = ""
    #: Whether what the server refuses to reload stays stored.
    keep_refused: bool = False
    #: Whether the runs are only listed.
    list: bool = False


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Plan the inverse of a recorded apply, ask, carry it out and reload."""
    wanted = without_manifests(invocation)
    catalogue, chosen = wanted.catalogue, wanted.settings
    asks = not arguments.list and must_ask(invocation, "rollback")
    path = Path(arguments.journal)
    if arguments.list:
        return invocation.report(status_report(str(path.parent), [(str(path), read(path))], LISTED))
    chosen_run: list[str] = []
    lacking: dict[Address, str] = {}
    with open_client(invocation, wanted, may_write=True) as client:

        def survey() -> Survey:
            # Read under the lock: a run that is under way looks like one that was interrupted.
            last = choose(path, read(path), arguments.run, client.url)
            kinds = {change.address.kind for change in last.changes}
            if not kinds <= catalogue.kinds.keys():
                raise ConfigError(f"{path}: run {last.id} is about kinds that are not known here")
            undoing = undo(catalogue, last, read_live(catalogue, kinds, client), _policy(chosen), Source(str(path)))
            if not chosen_run:
                who = f"{last.who.user} on {last.who.host}"
                invocation.tell(
                    f"undoing run {last.id}, which {who} began at {last.time}: {plural(len(last.changes), 'change')}"
                )
                for cannot in undoing.cannot:
                    invocation.tell(f"cannot undo {cannot.address}: {cannot.because}", always=True)
            chosen_run[:] = [last.id]
            lacking.update({cannot.address: cannot.because for cannot in undoing.cannot})
            _fresh(undoing)
            return undoing.survey

        presenter = StreamPresenter(invocation, wanted, work="rollback", compared=PLANNED)
        task = Task(
            survey=survey,
            remaining=lambda survey, live: unmet(survey.plan, live, catalogue),
            basis=partial(plan_basis, invocation, wanted),
            lacking=lambda: bool(lacking),
            undoes=lambda: chosen_run[0],
        )
        return session_of(invocation, wanted, client, presenter, asks=asks, keep_refused=arguments.keep_refused).run(
            task
        )


def _fresh(undoing: Undoing) -> None:
    """See that everything is as the run left it. Raises Stale."""
    if undoing.stale:
        count = len(undoing.stale)
        message = f"{count} object{'s are' if count > 1 else ' is'} no longer as that apply left"
        sentence = "; ".join(cannot.because for cannot in undoing.stale)
        raise Stale(f"{message} {'them' if count > 1 else 'it'}: {sentence}", "nothing was undone")


def choose(path: Path, runs: Sequence[Run], wanted: str, url: str) -> Run:
    """Return the run to undo: the last that had anything to do and is not undone, or the one that is asked for.

    Raises:
        UsageError: there is none, it was undone already, or it was on another server.
    """
    undone = {run.id: run.id for run in runs if run.code == UNDONE}
    undone |= {run.undoes: run.id for run in runs if run.undoes and run.code == 0}
    if wanted in undone:
        raise UsageError(f"run {wanted} was undone already, by run {undone[wanted]}", "rollback --list lists the runs")
    # What a rollback did is undone by asking for it, and by no second rollback.
    working = [run for run in runs if run.changes and (run.id == wanted if wanted else not run.undoes)]
    working = [run for run in working if run.id not in undone]
    if not working:
        message = (
            f"no run {wanted}" if wanted else "no run that had anything to do" + " and is not undone" * bool(undone)
        )
        raise UsageError(f"{path} holds {message}")
    last = working[-1]
    if last.url.rstrip("/") != url.rstrip("/"):
        raise UsageError(f"run {last.id} was on {last.url}, and this is {url}", "give that server's --url or --target")
    return last


def _policy(chosen: Settings) -> Policy:
    """Return the policy of a rollback: what is kept stays, and only limits that an option names hold."""
    limits = chosen.options.limits
    return Policy(
        keep=chosen.policy.keep,
        **{"max_destroy": UNLIMITED, **{name: getattr(chosen.policy, name) for name, said in limits.items() if said}},
    )
