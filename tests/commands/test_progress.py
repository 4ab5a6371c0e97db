"""How far an apply has come: one line, honest about what is left, and gone before anything else is printed."""

import re
from pathlib import Path
from typing import Any

from reconciler.commands.progress import Progress
from tests.running import environment, process, terminal, write


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines(written: list[str]) -> list[str]:
    return [line for line in re.split(r"\r\x1b\[K|\n", "".join(written)) if line]


def test_each_step_has_its_name_and_results_are_counted() -> None:
    written: list[str] = []
    progress = Progress(2, written.append, Clock(), live=True)

    for step in ("check", "probe", "write"):
        progress.enter(step)
    progress.advance()
    progress.advance()
    progress.enter("reload")
    progress.enter("read")
    progress.clear()

    assert lines(written) == [
        "Looking again at 2 changes",
        "Reloading once before anything is written",
        *(f"Writing: {count} of 2 changes" for count in range(3)),
        "Reloading",
        "Reading back",
    ]
    assert written[-1] == "\r\x1b[K"


def test_a_remaining_time_is_told_once_it_was_measured() -> None:
    written: list[str] = []
    clock = Clock()
    progress = Progress(1000, written.append, clock, live=True)
    clock.now = 30.0
    progress.enter("write")
    clock.now = 31.0
    progress.advance()
    before = lines(written)[-1]

    # Looking again took its time, which says nothing of writing.
    for clock.now in (32.0, 33.0, 34.0):
        progress.advance()

    assert before == "Writing: 1 of 1000 changes"
    assert lines(written)[-1] == (
        "Writing: 4 of 1000 changes, about 16m36s of writing left, then the reload and reading back"
    )


def test_without_a_terminal_a_line_comes_now_and_then() -> None:
    written: list[str] = []
    clock = Clock()
    progress = Progress(50, written.append, clock, live=False)

    progress.enter("write")
    for clock.now in range(1, 26):
        progress.advance()
    progress.clear()

    assert "".join(written) == (
        "Writing: 10 of 50 changes, about 40s of writing left, then the reload and reading back\n"
        "Writing: 20 of 50 changes, about 30s of writing left, then the reload and reading back\n"
    )


def test_nothing_is_left_of_the_line_on_a_terminal(sandbox: Any, tmp_path: Path) -> None:
    manifests = write(tmp_path, r="kind: MtaRoute\nspec: {type: Relay, name: r, address: a.example}\n")
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path), TERM="xterm")

    ran = terminal("apply", "--color", "never", str(manifests), env=env, typed="y\n")

    assert ran.code == 0, ran.out
    _, *steps, rest = ran.out.partition("]: ")[2].split("\r\x1b[K")
    assert steps == [
        *("Looking again at 1 change", "Reloading once before anything is written"),
        *("Writing: 0 of 1 change", "Writing: 1 of 1 change", "Reloading", "Reading back"),
    ]
    assert rest.startswith("Apply: 1 applied.")


def test_quiet_and_a_log_show_no_line(sandbox: Any, tmp_path: Path) -> None:
    manifests = write(tmp_path, r="kind: MtaRoute\nspec: {type: Relay, name: r, address: a.example}\n")
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))

    ran = process("apply", "--yes", "--quiet", str(manifests), env=env)

    assert (ran.code, ran.err) == (0, "")
