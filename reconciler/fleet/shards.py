"""Which shard a target belongs to, so that many workers can share a fleet without talking to each other.

Law: pure; the answer depends on the target's name and the number of shards alone, and one shard more moves one target
in as many as there are shards (rendezvous hashing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from reconciler.values import UsageError

HINT = "write I/N, such as 1/4: the first of four"


class Shard(Struct, frozen=True):
    """One of several workers: its number, counted from 1, and how many there are."""

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, name: str) -> bool:
        """Whether a target is this worker's."""
        return owner(name, self.count) == self.number


def owner(name: str, count: int) -> int:
    """Return the number of the shard, from 1 to `count`, that a target belongs to."""
    return max(range(1, count + 1), key=lambda number: sha256(f"{number}/{name}".encode()).digest())


def read_shard(option: str, environment: Mapping[str, str]) -> Shard:
    """Return which shard this run is: an option says it, or the variables of the engine that runs it.

    Args:
        option: `I/N`, counted from 1; `/N` takes the number from Kubernetes' JOB_COMPLETION_INDEX, which counts from 0.
        environment: GitLab's CI_NODE_INDEX (from 1) and CI_NODE_TOTAL are taken where there is no option.

    Raises:
        UsageError: what is said is no shard.
    """
    if option:
        match = re.fullmatch(r"(\d*)/(\d+)", option)
        if match is None:
            raise UsageError(f"--shard {option} is no shard", HINT)
        number, count = match.groups()
        return _checked(number or _next(environment, "JOB_COMPLETION_INDEX"), count, f"--shard {option}")
    number, count = environment.get("CI_NODE_INDEX", ""), environment.get("CI_NODE_TOTAL", "")
    if number and count:
        return _checked(number, count, f"CI_NODE_INDEX {number} of CI_NODE_TOTAL {count}")
    if "JOB_COMPLETION_INDEX" in environment:
        # Without a count every worker would take the whole fleet.
        raise UsageError(
            "JOB_COMPLETION_INDEX is set, and how many shards there are is not known", "give --shard /N, such as /12"
        )
    return Shard()


def _next(environment: Mapping[str, str], name: str) -> str:
    """Return a number that counts from 0 as one that counts from 1."""
    text = environment.get(name, "")
    if not text.isdecimal():
        raise UsageError(f"--shard names no number, and {name} holds none", HINT)
    return str(int(text) + 1)


def _checked(number: str, count: str, message: str) -> Shard:
    if not number.isdecimal() or not count.isdecimal() or not 1 <= int(number) <= int(count):
        raise UsageError(f"{message} is no shard", HINT)
    return Shard(int(number), int(count))


def share(names: Sequence[str], which: Shard) -> tuple[str, ...]:
    """Return the targets of one shard, in their order."""
    return tuple(name for name in names if which.holds(name))
