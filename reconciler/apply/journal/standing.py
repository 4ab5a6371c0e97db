"""What a journal says of the store: whether all that was written is live.

Law: pure; the last run that wrote decides, and where it cannot be known, that is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.apply.journal.run import Run

#: The exit code of a run whose changes were all taken back.
_UNDONE = 6


def not_live(runs: Sequence[Run]) -> str:
    """Return why what is stored may not be what the server runs, as a sentence; "" where all of it is live.

    Args:
        runs: those of one journal, oldest first.
    """
    for run in reversed(runs):
        if run.code == _UNDONE or run.reload == "applied":
            return ""
        wrote = any(result.result in ("applied", "unknown") for result in run.results.values())
        if not run.finished:
            return f"run {run.id} did not finish: what it wrote may not be live"
        if run.reload == "failed":
            return f"the server refused the reload of run {run.id}: what is stored is not live"
        if run.reload == "unknown":
            return f"whether the reload of run {run.id} was made is not known"
        if wrote:
            return f"run {run.id} did not reload: what it wrote is stored, and not live"
    return ""
