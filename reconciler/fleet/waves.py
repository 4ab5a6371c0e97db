"""In which order a fleet's targets are changed, and when it is stopped.

Law: pure; a wave begins only when the one before has held.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from reconciler.settings import TargetConfig
from reconciler.values import UsageError

REST = "rest"


class Wave(Struct, frozen=True):
    """Targets that are changed side by side."""

    name: str
    targets: tuple[str, ...]


def read_waves(text: str, targets: Mapping[str, TargetConfig], chosen: Sequence[str]) -> tuple[Wave, ...]:
    """Return the waves of the chosen targets.

    Args:
        text: names of waves, parted by commas: `label=value` or a value that some label has; `rest` is all that is
            left. Empty is one wave of all.
        targets: the targets of the configuration.
        chosen: the names of those to change, in order.

    Raises:
        UsageError: no target has such a label, a wave is named twice, or a target is in none.
    """
    if not text:
        return (Wave("all", tuple(chosen)),)
    names = [name.strip() for name in text.split(",")]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--waves names {twice} twice", "name each wave once")
    left = list(chosen)
    waves = []
    for name in names:
        own = tuple(target for target in left if name == REST or _in_wave(name, targets[target].labels))
        if not own and name != REST and not any(_in_wave(name, target.labels) for target in targets.values()):
            labels = sorted({f"{key}={value}" for target in targets.values() for key, value in target.labels.items()})
            raise UsageError(f"--waves: no target has the label {name}", f"labels here: {', '.join(labels) or 'none'}")
        waves.append(Wave(name, own))
        left = [target for target in left if target not in own]
    if left:
        raise UsageError(
            f"--waves: {', '.join(left[:5])}{' and more' * (len(left) > 5)} would be in no wave",
            "end with rest, or select fewer targets",
        )
    return tuple(waves)


def _in_wave(name: str, labels: Mapping[str, str]) -> bool:
    label, sign, value = name.partition("=")
    return labels.get(label) == value if sign else name in labels.values()


def most_failed(text: str, count: int) -> int:
    """Return how many targets may fail before no wave begins any more: a number, or a share, rounded down.

    Raises:
        UsageError: it is neither.
    """
    if not re.fullmatch(r"\d+%?", text):
        raise UsageError(f"--max-failed {text!r} is no number and no share", "write 2 or 10%")
    return int(text[:-1]) * count // 100 if text.endswith("%") else int(text)
