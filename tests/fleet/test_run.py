"""A command, run on many targets."""

import threading
import time

from reconciler.fleet.results import TargetResult
from reconciler.fleet.run import Ran, TargetWork, run_fleet
from reconciler.fleet.waves import Wave


def result(name: str, code: int = 0) -> TargetResult:
    return TargetResult(target=name, command="apply", exit_code=code)


def wave(*names: str) -> Wave:
    return Wave("all", names)


def test_every_target_is_run_once_and_results_stand_in_order() -> None:
    kept: list[str] = []

    ran = run_fleet([wave("a", "b"), wave("c")], TargetWork(run=result, keep=lambda each: kept.append(each.target)))

    assert ran == Ran((result("a"), result("b"), result("c")))
    assert sorted(kept) == ["a", "b", "c"]


def test_as_many_targets_as_are_allowed_run_at_a_time() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def run(name: str) -> TargetResult:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return result(name)

    run_fleet([wave(*map(str, range(12)))], TargetWork(run=run), parallel=3)

    assert most == 3


def test_wave_begins_only_when_the_one_before_has_ended() -> None:
    order: list[str] = []

    def run(name: str) -> TargetResult:
        order.append(name)
        return result(name)

    run_fleet([wave("a1", "a2", "a3"), wave("b1", "b2")], TargetWork(run=run))

    assert [name[0] for name in order] == ["a", "a", "a", "b", "b"]


def test_nothing_begins_once_too_many_targets_failed() -> None:
    ran = run_fleet(
        [wave("a", "b", "c"), wave("d")], TargetWork(run=lambda name: result(name, 5)), parallel=1, most_failed=1
    )

    assert [each.target for each in ran.results] == ["a", "b"]
    assert (ran.skipped, ran.because) == (("c", "d"), "2 targets failed, and no more than 1 may")


def test_difference_is_no_failure() -> None:
    ran = run_fleet([wave("a"), wave("b")], TargetWork(run=lambda name: result(name, 2)), most_failed=0)

    assert (len(ran.results), ran.skipped) == (2, ())


def test_wave_that_does_not_hold_stops_the_next() -> None:
    ran = run_fleet([wave("a"), wave("b")], TargetWork(run=result, bake=lambda name: result(name, 5)), most_failed=0)

    assert ran.results == (result("a", 5),)
    assert ran.skipped == ("b",)


def test_target_that_failed_is_not_baked() -> None:
    baked: list[str] = []

    def bake(name: str) -> TargetResult:
        baked.append(name)
        return result(name)

    run_fleet([wave("a", "b")], TargetWork(run=lambda name: result(name, 5 * (name == "a")), bake=bake))

    assert baked == ["b"]


def test_interrupted_fleet_finishes_what_was_begun_and_begins_nothing() -> None:
    stop = threading.Event()

    def run(name: str) -> TargetResult:
        stop.set()
        time.sleep(0.01)
        return result(name)

    ran = run_fleet([wave("a", "b", "c")], TargetWork(run=run, stopped=stop.is_set), parallel=1)

    assert ran == Ran((result("a"),), ("b", "c"), "the run was interrupted")
