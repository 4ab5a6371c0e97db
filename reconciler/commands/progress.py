"""How far an apply has come: one line on a terminal, and elsewhere a line now and then.

Law: a remaining time is told only of what can be counted, and once it has been measured; nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.report import printable

#: What each step of an apply is called.
STEPS = {
    "check": "Looking again at {total}",
    "probe": "Reloading once before anything is written",
    "write": "Writing: {done} of {total}",
    "reload": "Reloading",
    "undo": "Undoing",
    "read": "Reading back",
}
#: Seconds: before a remaining time is told, and between two lines where there is no terminal.
MEASURED, EVERY = 2.0, 10.0
_CLEAR = "\r\x1b[K"


class Progress:
    """Counts results and names steps; whatever else is printed has to `clear` the line before."""

    def __init__(self, total: int, write: Callable[[str], None], clock: Callable[[], float], *, live: bool) -> None:
        self._total, self._write, self._clock, self._live = total, write, clock, live
        self._done, self._step, self._shown = 0, "check", ""
        self._began = self._told = clock()

    def enter(self, step: str) -> None:
        """Begin a step."""
        if step != self._step:
            self._step = step
            if step == "write" and not self._done:
                self._began = self._clock()
        self._show()

    def advance(self) -> None:
        """Count one result."""
        self._done += 1
        self._show()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown and self._live:
            self._write(_CLEAR)
        self._shown = ""

    def _line(self) -> str:
        changes = f"{self._total} change{'s' * (self._total != 1)}"
        text = STEPS[self._step].format(done=self._done, total=changes)
        spent = self._clock() - self._began
        if self._step == "write" and 0 < self._done < self._total and spent >= MEASURED:
            left = spent / self._done * (self._total - self._done)
            text += f", about {_told(left)} of writing left, then the reload and reading back"
        return printable(text)

    def _show(self) -> None:
        line = self._line()
        if self._live:
            if line != self._shown:
                self._write(f"{_CLEAR}{line}")
                self._shown = line
        elif self._clock() - self._told >= EVERY:
            self._told = self._clock()
            self._write(f"{line}\n")


def _told(seconds: float) -> str:
    whole = max(1, round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02}s" if minutes else f"{whole}s"
