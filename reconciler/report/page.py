"""What a report is printed on: how wide, how long, in which colours, and after what.

Law: a value; a format asks it, and nothing else of its surroundings.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.report.paint import Paint


class Page(Struct, frozen=True, kw_only=True):
    """Where a report goes."""

    paint: Paint = Paint()
    #: Columns of the terminal; 0 where lines may be as long as they like.
    width: int = 0
    #: Most bytes that the report may have; 0 where there is no limit.
    limit_bytes: int = 0
    #: What stood in the file before, for formats that carry something on.
    previous: str = ""
    #: Only results and errors.
    quiet: bool = False
    #: What the run exits with, as far as it is known.
    exit_code: int = 0
    #: The directory that files are seen from; "" where their paths stay as they are.
    root: str = ""
    #: What the run calls its target, where a report does not say.
    target: str = ""
    #: Seconds since 1970.
    now: float = 0.0
    #: How long each phase of the run took, in seconds.
    seconds: Mapping[str, float] = {}
