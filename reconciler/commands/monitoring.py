"""Tells a monitor that a run began and how it ended, and posts its report where somebody wants it.

Law: it changes nothing of the run, not even its exit code: whoever cannot be told is a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from reconciler.commands.invocation import Invocation
from reconciler.values import ReconcilerError, read_file

if TYPE_CHECKING:
    from reconciler.settings import Monitors

#: Commands that run by themselves, and that somebody is told of.
MONITORED = ("apply", "drift", "reload", "rollback", "fleet apply", "fleet drift")
WORDS = (b"ping", b"notify")
INTERRUPTED = 130


def monitored(name: str, invocation: Invocation, run: Callable[[], int]) -> int:
    """Run a command between two pings, and post its report.

    Args:
        name: the command's.
        invocation: the run.
        run: runs it, and returns its exit code.

    Returns:
        The exit code of the run.
    """
    monitors = _monitors(invocation)
    if monitors is None:
        return run()
    announcer = _Monitored(name, invocation, monitors)
    announcer.started()
    # What ends a run from outside ends it before it says how.
    code = INTERRUPTED
    try:
        code = run()
    finally:
        announcer.ended(code)
    return code


def _monitors(invocation: Invocation) -> Monitors | None:
    """Return whom to tell; None where there is nobody, which costs no reading of the configuration."""
    environment = invocation.environment
    named = any(environment.get(f"RECONCILER_{word.decode().upper()}") for word in WORDS)
    if not named and not _mentioned(Path(invocation.options.config or "reconciler.yaml")):
        return None
    from reconciler.settings import Config, find_monitors, read_config

    try:
        config = read_config(invocation.options)
    except ReconcilerError:
        # The command itself will tell of it; the environment may still say who is to hear of that.
        config = Config()
    try:
        monitors = find_monitors(config, invocation.options, environment)
    except ReconcilerError as error:
        invocation.warn(f"no monitor is told of this run: {error}")
        return None
    return monitors if monitors.ping or monitors.notify else None


def _mentioned(path: Path) -> bool:
    try:
        text = read_file(path)
    except ReconcilerError:
        return False
    return any(word in text for word in WORDS)


class _Monitored:
    """One run as monitors hear of it."""

    def __init__(self, name: str, invocation: Invocation, monitors: Monitors) -> None:
        self.name, self.invocation, self.monitors = name, invocation, monitors

    def started(self) -> None:
        self._ping("start", f"{self.name} began", tries=1)

    def ended(self, code: int) -> None:
        from reconciler.values import DIFFERENCES

        text = f"{self.name} ended with {code}"
        if code == DIFFERENCES and self.monitors.on_drift == "log":
            # A line in a log is no sign of life, and the start of this run waits for its end.
            self._ping("log", f"{text}: there are differences")
            self._ping("0", f"{text}: there are differences")
        else:
            self._ping(str(code), text)
        self._notify(code)

    def _ping(self, path: str, text: str, tries: int = 3) -> None:
        if self.monitors.ping:
            parts = urlsplit(self.monitors.ping)
            url = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}"))
            self._post("ping", url, f"{text}\n".encode(), "text/plain; charset=utf-8", tries)

    def _notify(self, code: int) -> None:
        """Post the last report, where there is something to tell: a change, a difference or a failure."""
        from reconciler.report import OutcomeReport, Page, render

        if not self.monitors.notify or not self.invocation.reported:
            return
        report = self.invocation.reported[-1]
        if code == 0 and not (isinstance(report, OutcomeReport) and report.changes):
            return
        self._post("notify", self.monitors.notify, render(report, "json", Page()).encode(), "application/json")

    def _post(self, setting: str, url: str, content: bytes, content_type: str, tries: int = 3) -> None:
        from reconciler.server import post

        because = post(url, content, content_type, tries=tries)
        if because:
            self.invocation.warn(f"{setting}: {because}")
