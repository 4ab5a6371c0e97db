"""Each signal in each wait of an apply: it ends at once, and what waited to be sent is not sent.

Law: real processes; a wait is known by the line that the run logs as it begins, and lasts longer than the test would.
"""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from reconciler.apply.lock import hold, lock_directory
from reconciler.sandbox import parse_fault
from tests.running import environment, write

ONE = "kind: MtaRoute\nspec: {type: Relay, name: new, address: a.example.net}\n"
#: What is read for these takes several requests, side by side, each in a thread of its own.
SEVERAL = f"""\
{ONE}---
kind: MtaMilter
spec: {{hostname: 127.0.0.1, port: 1}}
---
kind: MtaDeliverySchedule
spec: {{name: slow, queueId: default, retry: {{type: Custom, intervals: [1m, 2m]}}}}
"""
LONG = "status=429,retry-after=100"
AGAIN = "trying again in"


class Wait(Struct, frozen=True):
    """What makes a run wait, and the line by which it is known."""

    fault: str
    line: str
    manifest: str = ONE
    #: Whether the change is made before.
    written: bool = False


WAITS = {
    "a read that is to come later": Wait(f"{LONG},method=x:MtaRoute/query", AGAIN),
    "a read that is not answered": Wait("delay=100s,method=x:MtaRoute/query", "x:MtaRoute/query"),
    "reads side by side that are to come later": Wait(f"{LONG},method=x:MtaRoute/query", AGAIN, SEVERAL),
    "reads side by side that are not answered": Wait("delay=100s,method=x:MtaRoute/query", "x:MtaRoute/query", SEVERAL),
    "a probe that is to come later": Wait(f"{LONG},method=x:Action/set,nth=1", AGAIN),
    "a write that is to come later": Wait(f"{LONG},method=x:MtaRoute/set", AGAIN),
    "a reload that is to come later": Wait(f"{LONG},method=x:Action/set,nth=2", AGAIN, written=True),
}
#: Those that the normal run tries; the others are slow.
QUICK = ("reads side by side that are not answered", "a write that is to come later")
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SLOW_TERM = [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]


def heard(
    arguments: list[str], env: dict[str, str], line: str, number: signal.Signals, place: Path, command: str = "apply"
) -> tuple[int, str]:
    """Start a command, send it a signal as soon as it logs a line, and return how it ended and what it said after."""
    options = ["--yes"] if command == "apply" else []
    words = [sys.executable, "-m", "reconciler", command, *options, "-vv", *arguments]
    with subprocess.Popen(
        words, env=env, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        for told in running.stderr:
            if line in told:
                break
        running.send_signal(number)
        # A signal that comes while a line is being written is told of in the report alone.
        report, rest = running.communicate(timeout=60)
        return running.returncode, report + rest


@pytest.mark.parametrize("number", SLOW_TERM)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in WAITS]
)
def test_a_signal_ends_a_wait(sandbox: Any, tmp_path: Path, name: str, number: signal.Signals) -> None:
    wait = WAITS[name]
    sandbox.set_faults(parse_fault(wait.fault))
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))

    code, told = heard([str(write(tmp_path / "m", m=wait.manifest))], env, wait.line, number, tmp_path)

    names = [each["name"] for each in sandbox.state()["stored"]["x:MtaRoute"]]
    assert (code, "interrupted" in told) == (SIGNALS[number], True), told
    assert ("new" in names) is wait.written
    assert sandbox.state()["live"]["x:MtaRoute"] == [
        each for each in sandbox.state()["stored"]["x:MtaRoute"] if each["name"] != "new"
    ]


@pytest.mark.parametrize("number", SLOW_TERM)
def test_a_signal_ends_the_wait_for_the_lock(sandbox: Any, tmp_path: Path, number: signal.Signals) -> None:
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    writes = sandbox.state()["writes"]
    arguments = [str(write(tmp_path / "m", m=ONE))]
    directory = lock_directory({"XDG_RUNTIME_DIR": str(tmp_path)})
    with hold(sandbox.url, owner="bob", host="here", now=lambda: datetime.now(UTC), directory=directory):
        code, told = heard(arguments, env, "waiting:", number, tmp_path)

    assert (code, "interrupted" in told) == (SIGNALS[number], True), told
    assert sandbox.state()["writes"] == writes


@pytest.mark.parametrize("number", SLOW_TERM)
def test_a_signal_ends_the_wait_for_a_server_to_start(tmp_path: Path, number: signal.Signals) -> None:
    env = environment("http://127.0.0.1:9", XDG_RUNTIME_DIR=str(tmp_path))
    arguments = ["--wait", "100s", str(write(tmp_path / "m", m=ONE))]

    code, told = heard(arguments, env, "waiting up to", number, tmp_path)

    assert (code, "interrupted" in told) == (SIGNALS[number], True), told


@pytest.mark.parametrize("fault", [f"{LONG},method=x:MtaRoute/query", "delay=100s,method=x:MtaRoute/query"])
@pytest.mark.parametrize("command", ["plan", pytest.param("drift", marks=pytest.mark.slow)])
def test_a_signal_ends_what_only_reads(sandbox: Any, tmp_path: Path, command: str, fault: str) -> None:
    sandbox.set_faults(parse_fault(fault))
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    arguments = [str(write(tmp_path / "m", m=SEVERAL))]

    code, told = heard(
        arguments, env, AGAIN if fault.startswith(LONG) else "x:MtaRoute/query", signal.SIGINT, tmp_path, command
    )

    assert (code, "interrupted; nothing was being written" in told) == (130, True), told
