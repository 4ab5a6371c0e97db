"""Runs a command on many targets side by side, wave by wave, and keeps what each said.

Law: a target's failure is its own; a target counts as done once its result is kept; nothing begins after a signal, or
once more targets failed than may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from msgspec import Struct

from reconciler.fleet.results import WELL, TargetResult
from reconciler.fleet.waves import Wave

#: Seconds between two looks at whether to stop.
_TICK = 0.2


class TargetWork(Struct, frozen=True, kw_only=True):
    """What is done with each target."""

    #: Runs the command on one target; whatever goes wrong is in the result.
    run: Callable[[str], TargetResult]
    #: Keeps a result, such as in a file.
    keep: Callable[[TargetResult], object] = lambda _: None
    #: Checks a target of a wave that was changed, before the next wave begins; None checks nothing.
    bake: Callable[[str], TargetResult] | None = None
    #: Whether a signal has asked to stop.
    stopped: Callable[[], bool] = lambda: False


class Ran(Struct, frozen=True):
    """What became of a fleet: results in the order of the targets, and the targets that were not begun, with why."""

    results: tuple[TargetResult, ...] = ()
    skipped: tuple[str, ...] = ()
    because: str = ""


def run_fleet(waves: Sequence[Wave], work: TargetWork, *, parallel: int = 20, most_failed: int | None = None) -> Ran:
    """Run every wave, each after the one before has held.

    Args:
        waves: the targets, in waves.
        work: what is done with each.
        parallel: how many targets are worked on at a time.
        most_failed: how many targets may fail before nothing begins any more; None never stops.
    """
    results: dict[str, TargetResult] = {}
    because = ""

    def failed() -> int:
        return sum(result.exit_code not in WELL for result in results.values())

    def enough() -> str:
        if work.stopped():
            return "the run was interrupted"
        if most_failed is not None and failed() > most_failed:
            return f"{failed()} targets failed, and no more than {most_failed} may"
        return ""

    with ThreadPoolExecutor(max_workers=max(parallel, 1), thread_name_prefix="target") as pool:
        for wave in waves:
            for result in _results(pool, wave.targets, work.run, parallel, enough):
                results[result.target] = result
                work.keep(result)
            if work.bake is not None and not enough():
                changed = [name for name in wave.targets if results[name].exit_code == 0]
                for result in _results(pool, changed, work.bake, parallel, enough):
                    if result.exit_code:
                        results[result.target] = result
                        work.keep(result)
            because = enough()
            if because:
                break
    names = [name for wave in waves for name in wave.targets]
    skipped = tuple(name for name in names if name not in results)
    return Ran(tuple(results[name] for name in names if name in results), skipped, because if skipped else "")


def _results(
    pool: ThreadPoolExecutor,
    names: Sequence[str],
    run: Callable[[str], TargetResult],
    parallel: int,
    enough: Callable[[], str],
) -> Iterator[TargetResult]:
    """Yield the result of each target as it is done; what was begun is always waited for."""
    left = list(reversed(names))
    under_way: set[Future[TargetResult]] = set()
    while left or under_way:
        while left and len(under_way) < parallel and not enough():
            under_way.add(pool.submit(run, left.pop()))
        if not under_way:
            return
        done, under_way = wait(under_way, timeout=_TICK, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)
