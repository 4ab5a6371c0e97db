"""Killed at any moment, an apply leaves nothing that one more run does not mend; the settings end up live.

Law: real processes and SIGKILL; the next run starts without anything that the killed one may have left behind.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import parse_fault, serve
from tests.faults.test_faults import ONE, assert_converges, prepare
from tests.running import environment

#: The session, the reads of the plan, eleven writes, and the reads back; measured, and a bound only.
BOUNDARIES = range(1, 40)


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret", limits=ONE) as running:
        yield running


def start(arguments: list[str], env: dict[str, str], directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", *arguments]
    return subprocess.Popen(command, env=env, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_when(ran: subprocess.Popen[bytes], due: Callable[[], bool]) -> int:
    """Kill a process as soon as something holds, unless it ends before; return how it ended."""
    until = time.monotonic() + 60
    while ran.poll() is None and time.monotonic() < until:
        if due():
            ran.send_signal(signal.SIGKILL)
            # What was on its way is still carried out; the next run comes after it, as cron's does.
            time.sleep(0.1)
            break
        time.sleep(0.001)
    return ran.wait(60)


@pytest.mark.parametrize(
    "boundary", [pytest.param(n, marks=() if n in (9, 14, 19) else pytest.mark.slow) for n in BOUNDARIES]
)
def test_killed_at_a_request_boundary(sandbox: Any, tmp_path: Path, boundary: int) -> None:
    env = environment(sandbox.url)
    arguments = prepare(env, tmp_path)
    before = sandbox.requests
    # Every answer comes late, so that the kill falls between a request's arrival and the next one's.
    sandbox.set_faults(parse_fault("delay=20ms"))

    ended = kill_when(start(arguments, env, tmp_path), lambda: sandbox.requests - before >= boundary)

    assert ended in (-signal.SIGKILL, 0)
    assert_converges(sandbox, env, arguments)


@pytest.mark.parametrize("seed", [pytest.param(n, marks=() if n < 2 else pytest.mark.slow) for n in range(100)])
def test_killed_at_a_random_moment(sandbox: Any, tmp_path: Path, seed: int) -> None:
    env = environment(sandbox.url)
    arguments = prepare(env, tmp_path)
    sandbox.set_faults(parse_fault("delay=5ms"))
    due = time.monotonic() + random.Random(seed).uniform(0.2, 1.2)

    ended = kill_when(start(arguments, env, tmp_path), lambda: time.monotonic() >= due)

    assert ended in (-signal.SIGKILL, 0)
    assert_converges(sandbox, env, arguments)
