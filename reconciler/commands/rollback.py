"""`rollback`: undo what a journal says that an apply did.

Law: it undoes only what that apply is known to have left as it is now; what cannot be undone is named, and what is
undone already is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from reconciler.apply import Run, Undoing, hold, lock_directory, outcome_code, read, undo, whoami
from reconciler.commands.apply import PLANNED, carry_out, settled, to_ask
from reconciler.commands.gather import Wanted, open_client, target
from reconciler.commands.invocation import Invocation
from reconciler.desired import Desired
from reconciler.plan import unmet
from reconciler.report import outcome_report
from reconciler.server import Client, kinds_for_checks, read_flow
from reconciler.settings import Settings, catalogue_of, read_config, settings
from reconciler.values import PARTLY_APPLIED, ConfigError, Policy, Source, Stale, UsageError, strongest

#: A rollback destroys no more than the journal says that an apply created; a limit is one that an option names.
UNLIMITED = 10**9


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    journal: str
    #: The run to undo; "" is the last.
    run: str = ""


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Plan the inverse of a recorded apply, ask, carry it out and reload."""
    config = read_config(invocation.options)
    catalogue = catalogue_of(config, invocation.options.target)
    chosen = settings(catalogue, config, invocation.options, invocation.environment)
    wanted = Wanted(catalogue, chosen, Desired())
    question = to_ask(invocation, "rollback", "Undo these changes?")
    path = Path(arguments.journal)
    with open_client(invocation, wanted, may_write=True) as client:
        me = whoami()
        directory = lock_directory(invocation.environment)
        # A run that is under way looks like one that was interrupted, so nothing is read before it has ended.
        with hold(client.url, owner=me.user, host=me.host, now=lambda: datetime.now(UTC), directory=directory):
            last = choose(path, read(path), arguments.run, client.url)
            kinds = {change.address.kind for change in last.changes}
            if not kinds <= catalogue.kinds.keys():
                raise ConfigError(f"{path}: run {last.id} is about kinds that are not known here")
            checks = kinds_for_checks(catalogue, sorted(kinds))
            live = client.run(read_flow(catalogue, kinds, client.session().limits, checks=checks))
            undoing = undo(catalogue, last, live, _policy(chosen), Source(str(path)))
            for each in undoing.cannot:
                invocation.tell(f"cannot undo {each.address}: {each.because}", always=True)
            if undoing.stale:
                count = len(undoing.stale)
                what = f"{count} object{'s are' if count > 1 else ' is'} no longer as that apply left"
                raise Stale(
                    f"{what} {'them' if count > 1 else 'it'}: {'; '.join(each.because for each in undoing.stale)}",
                    "nothing was undone",
                )
            return _do(invocation, wanted, undoing, client, question)


def _do(invocation: Invocation, wanted: Wanted, undoing: Undoing, client: Client, question: str) -> int:
    """Show the work, ask and do it."""
    found = undoing.survey
    with client.paused():
        ended = settled(invocation, wanted, found, question)
    if ended is not None:
        return ended
    outcome, interrupted = carry_out(
        invocation, wanted, found, client, lambda live: unmet(found.plan, live, wanted.catalogue)
    )
    written = any(each.result == "applied" for each in outcome.results)
    rest = (PARTLY_APPLIED if written else 1) if undoing.cannot else 0
    report = outcome_report(wanted.catalogue, outcome, target(wanted), compared=PLANNED, work="rollback")
    return invocation.report(report, strongest([outcome_code(outcome), interrupted, rest]))


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
