"""What a run may do, and which part of the manifests it looks at.

Law: values only; the plan judges by them, and nothing here knows a plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from re import Pattern
from re import compile as compile_pattern

from msgspec import Struct
from msgspec.structs import replace

from reconciler.values.model import Address


class Globs:
    """Address globs that know `*` and `?`. The kind alone (`MtaRoute`) matches nothing but a singleton."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [_compiled(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, text: str) -> bool:
        """Whether any of the globs matches the whole text."""
        return any(pattern.match(text) for pattern in self._patterns)

    def holds(self, address: Address) -> bool:
        """Whether any of the globs matches an address, with or without the id that it may carry."""
        return self.match(str(address)) or (bool(address.id) and self.match(str(Address(address.kind, address.name))))


def can_continue(glob: str, text: str) -> bool:
    """Whether a glob matches any text that begins with the given one and is longer."""
    # A part of the glob has to match the beginning, and something has to be left for the rest.
    cuts = (glob[:end] for end in range(1, len(glob) + 1))
    return any((part != glob or part.endswith("*")) and _compiled(part).match(text) for part in cuts)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Pattern[str]:
    # `[` is no range here: addresses hold it ([::1]:11332).
    return compile_pattern(translate(pattern.replace("[", "[[]")))


#: Largest share of a kind's live objects that one run destroys, unless policy says otherwise.
DEFAULT_MAX_DESTROY = "30%"


class Allowance(Struct, frozen=True, kw_only=True):
    """A part of `policy.allow`: dangerous kinds or objects that a run may write or destroy."""

    #: An address glob; a kind alone stands for all its objects.
    address: str
    #: What may be done; empty means everything.
    actions: frozenset[str] = frozenset()
    #: The last day of it, as an ISO 8601 date, or "".
    until: str = ""
    because: str = ""
    #: That day is over.
    ended: bool = False

    def holds(self, address: Address, action: str) -> bool:
        """Whether it is about an action on an object, ended or not."""
        named = self.address == address.kind or Globs([self.address]).holds(address)
        return named and (not self.actions or action in self.actions)


class Policy(Struct, frozen=True, kw_only=True):
    """What a run may do. Kinds are named as in manifests; limits are `30%` or a number."""

    #: Kinds whose undeclared objects are destroyed; True spares those that a new server ships.
    prune: Mapping[str, bool | str] = {}
    #: Per kind, the names that these manifests own; an empty mapping owns everything.
    owns: Mapping[str, tuple[str, ...]] = {}
    #: Address globs of objects that are never destroyed.
    keep: tuple[str, ...] = ()
    #: Per kind, whether its undeclared objects count as a difference (`drift`) or never do (`ignore`). Where nothing is
    #: said, those of declared kinds that act by existing do, but for what a new server ships.
    undeclared: Mapping[str, str] = {}
    max_destroy: str | int = DEFAULT_MAX_DESTROY
    max_update: str | int | None = None
    #: Of the recipients who wait: how many may be sent another way, and how many may bounce (none, unless it is said).
    max_moved: str | int | None = None
    max_bounced: str | int | None = None

    #: Pruned kinds that may be emptied although nothing of them is declared.
    allow_empty: frozenset[str] = frozenset()
    #: Dangers that are allowed.
    allow: tuple[Allowance, ...] = ()

    @property
    def bounds_mail(self) -> bool:
        """Whether the queue has to be read to judge by this policy."""
        return self.max_moved is not None or self.max_bounced is not None


def spelled_out(policy: Policy, declared: Iterable[str]) -> Policy:
    """Return a policy that names every kind it prunes: `*` covers those that the manifests declare."""
    if "*" not in policy.prune:
        return policy
    named = {kind: rule for kind, rule in policy.prune.items() if kind != "*"}
    return replace(policy, prune={**dict.fromkeys(sorted(declared), policy.prune["*"]), **named})


class Scope(Struct, frozen=True, kw_only=True):
    """Which part of the manifests a run looks at. Empty fields narrow nothing."""

    kinds: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether anything is left out."""
        return bool(self.kinds or self.only)

    def holds(self, address: Address) -> bool:
        """Whether an address is looked at."""
        if self.kinds and address.kind not in self.kinds:
            return False
        return not self.only or Globs(self.only).holds(address)
