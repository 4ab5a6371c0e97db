"""Who is told that a run began and how it ended: `ping`, `notify` and `pingOnDrift`, from file or environment.

Law: an address to tell is a secret, since whoever knows it can tell too; so no option takes one, and none is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from reconciler.settings.config import Config
from reconciler.settings.connecting import resolved
from reconciler.settings.options import Options
from reconciler.settings.targets import monitors_of

PING, NOTIFY, ON_DRIFT = "RECONCILER_PING", "RECONCILER_NOTIFY", "RECONCILER_PING_ON_DRIFT"


class Monitors(Struct, frozen=True):
    """Where a run is told of. Prints as nothing."""

    #: URL of a monitor that counts runs; "" where there is none.
    ping: str = ""
    #: URL that takes reports; "" where there is none.
    notify: str = ""
    #: What a difference is to the monitor: a line of its log, or a failure.
    on_drift: Literal["log", "fail"] = "log"

    def __repr__(self) -> str:
        return "(sensitive)"


def find_monitors(config: Config, options: Options, environment: Mapping[str, str]) -> Monitors:
    """Return whom to tell: the environment wins over the chosen target, and that over what holds for all.

    Raises:
        NotAllowed: a reference in the file cannot be resolved.
    """
    name = options.target or (next(iter(config.targets)) if len(config.targets) == 1 else "")
    target = config.targets.get(name)
    held = {**config.monitors, **(monitors_of(target) if target else {})}
    chosen = environment.get(ON_DRIFT) or held.get("pingOnDrift") or "log"
    return Monitors(
        ping=environment.get(PING) or resolved(held.get("ping", ""), environment),
        notify=environment.get(NOTIFY) or resolved(held.get("notify", ""), environment),
        on_drift="fail" if chosen == "fail" else "log",
    )
