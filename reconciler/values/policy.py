"""What a run may do, and which part of the manifests it looks at.

Law: values only; the plan judges by them, and nothing here knows a plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace

from reconciler.values.globs import Globs
from reconciler.values.keys import (
    AllowancesKey,
    BoundsKey,
    ChoiceKey,
    KeptKey,
    KindsKey,
    LimitKey,
    ListKey,
    NamesKey,
    PartKey,
    RankKey,
    TextKey,
)
from reconciler.values.model import Address

#: Largest share of a kind's live objects that one run destroys, unless policy says otherwise.
DEFAULT_MAX_DESTROY = "30%"


class Allowance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of `policy.allow`: dangerous kinds or objects that a run may write or destroy."""

    address: Annotated[str, TextKey("An address, a glob such as Account/*, or a kind for all its objects.")]
    actions: Annotated[
        frozenset[str],
        ListKey(
            "What may be done; everything where it is left out.",
            ChoiceKey("An action.", ("create", "update", "replace", "destroy")),
        ),
    ] = frozenset()
    until: Annotated[str, TextKey("The last day of it, such as 2027-01-31, in UTC.")] = ""
    because: Annotated[str, TextKey("Why.")] = ""
    #: That day is over.
    ended: bool = False

    def holds(self, address: Address, action: str) -> bool:
        """Whether it is about an action on an object, ended or not."""
        named = self.address == address.kind or Globs([self.address]).holds(address)
        return named and (not self.actions or action in self.actions)

    def covers(self, other: Allowance) -> bool:
        """Whether it certainly holds everything that another one does."""
        named = self.address == other.address or self.address == other.address.partition("/")[0]
        actions = not self.actions or (bool(other.actions) and other.actions <= self.actions)
        return named and actions and (not self.until or (bool(other.until) and other.until <= self.until))


class SecretSources(Struct, frozen=True):
    """`policy.secrets`: globs of what secrets may be read from. None leaves it to the program."""

    env: Annotated[
        tuple[str, ...] | None,
        BoundsKey("Variables of the environment.", TextKey("A name, or a glob such as RELAY_*.")),
    ] = None
    files: Annotated[
        tuple[str, ...] | None,
        BoundsKey("Files.", TextKey("A path, or a glob such as /run/secrets/*.")),
    ] = None


class Policy(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a run may do: `policy` of the configuration, whose keys are the fields that have a key as annotation.

    Kinds are named as in manifests; limits are `30%` or a number.
    """

    prune: Annotated[
        Mapping[str, bool | str],
        KindsKey(
            "Kinds whose undeclared objects are destroyed; all includes those that a new server ships.",
            RankKey("", (False, True, "all"), False, (True, False, "all")),
        ),
    ] = {}
    #: An empty mapping owns everything.
    owns: Annotated[
        Mapping[str, tuple[str, ...]],
        KindsKey(
            "The only names that these manifests may declare, and that pruning covers.",
            BoundsKey("", TextKey("A name, or a glob of names.")),
        ),
    ] = {}
    keep: Annotated[
        tuple[str, ...],
        KeptKey("What is never destroyed.", TextKey("An address, or a glob such as MtaRoute/legacy-*.")),
    ] = ()
    allow: Annotated[
        tuple[Allowance, ...],
        AllowancesKey(
            "Dangerous kinds or objects that a run may write or destroy.",
            PartKey("A kind, an address or a glob; one that is bounded says by what.", Allowance, alone="address"),
        ),
    ] = ()
    #: Where nothing is said, the undeclared objects of declared kinds that act by existing are a difference, but for
    #: those that a new server ships.
    undeclared: Annotated[
        Mapping[str, str],
        KindsKey(
            "Kinds whose undeclared objects count as a difference, or never do.",
            RankKey("", ("drift", None, "ignore"), None),
        ),
    ] = {}
    max_destroy: Annotated[str | int, LimitKey("Most of a kind's live objects to destroy: 5 or 30%.")] = (
        DEFAULT_MAX_DESTROY
    )
    max_update: Annotated[str | int | None, LimitKey("Most of a kind's live objects to change: 5 or 30%.")] = None
    #: Of the recipients who wait: how many may be sent another way, and how many may bounce (none, unless it is said).
    max_moved: Annotated[
        str | int | None, LimitKey("Most of the waiting recipients to send another way: 5 or 10%.")
    ] = None
    max_bounced: Annotated[
        str | int | None, LimitKey("Most of the waiting recipients to let bounce: 5 or 1%.", unset=0)
    ] = None
    lint: Annotated[
        Mapping[str, str],
        NamesKey(
            "Severities of lint rules by their id.",
            RankKey("What it shall be.", ("error", "warning", "note", "ignore")),
        ),
    ] = {}
    variables: Annotated[
        tuple[str, ...],
        BoundsKey(
            "What vars may be taken from, beside RECONCILER_VAR_*.", TextKey("A name, or a glob such as MAIL_*.")
        ),
    ] = ()
    links: Annotated[
        tuple[str, ...],
        BoundsKey("Directories below which links among the manifests may end.", TextKey("Such as /nix/store.")),
    ] = ()
    secrets: Annotated[SecretSources, PartKey("What secrets may be read from.", SecretSources)] = SecretSources()
    #: Pruned kinds that may be emptied although nothing of them is declared; only an option says it.
    allow_empty: frozenset[str] = frozenset()

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
