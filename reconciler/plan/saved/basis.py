"""What a plan stands on, and whether live state is still the same.

Law: pure. An object that was touched since is told by its fingerprint, an absent one by its match key; what is already
as wanted is not stale, and what a masked secret hides is never taken for as wanted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.kinds import Catalogue, Kind, key_of
from reconciler.plan.diff import Diff, exact
from reconciler.plan.order import numbered
from reconciler.plan.written import pack
from reconciler.server import within
from reconciler.values import (
    Address,
    Change,
    ConfigError,
    LiveObject,
    LiveState,
    Plan,
    Policy,
    Resource,
    Source,
    UsageError,
    Wire,
)

Named = tuple[str, str, str]


class Fingerprint(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one touched object was like when the plan was made; an absent one has no id and the digest ""."""

    #: Kind, name and id of the address.
    address: Named
    id: str
    sha256: str
    #: Ids of objects that had the same match key beside it.
    others: tuple[str, ...] = ()


class Basis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plan stands on. Digests are SHA-256 in hexadecimal."""

    catalogue: str
    policy: str
    #: Digest of the manifests, for the record: apply does not need them.
    manifests: str
    #: Name of the target, or "", and the server's URL.
    target: str
    url: str
    #: Kinds that were read.
    kinds: tuple[str, ...]
    fingerprints: tuple[Fingerprint, ...]
    #: Digest of the mail that moves; "" where it was left out.
    mail: str = ""


def named(address: Address) -> Named:
    """Return the parts of an address."""
    return (address.kind, address.name, address.id)


def digest(*parts: Any) -> str:
    """Return the SHA-256 of some JSON values, whatever the order of their members."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def policy_digest(policy: Policy) -> str:
    """Return the digest of a policy."""
    return digest(policy)


def fingerprint(wire: Mapping[str, Any]) -> str:
    """Return the digest of a live object: references by name, secrets as the server masks them."""
    return digest(pack(dict(wire)))


def touched(kind: Kind, change: Change, wire: Wire) -> Wire:
    """Return the part of an object that a change is about: of a singleton, which has several owners, what it sends."""
    if not kind.singleton:
        return wire
    tops = {pointer.partition("/")[0] for pointer in change.patch}
    return {name: value for name, value in wire.items() if name in tops}


def make_basis(
    catalogue: Catalogue,
    plan: Plan,
    live: LiveState,
    *,
    target: str,
    url: str,
    policy: str,
    manifests: str,
    kinds: Iterable[str],
    mail: str = "",
) -> Basis:
    """Return what a plan stands on.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        live: the state that the plan was made from.
        target: the target's name, or "".
        url: the server's.
        policy: digest of the policy that the plan was judged by.
        manifests: digest of the manifests.
        kinds: the kinds that were read, without those that are only read for checks.
        mail: digest of the mail that moves; "" where it was left out.
    """
    objects = _Objects(catalogue, live)
    return Basis(
        catalogue=catalogue.digest,
        policy=policy,
        manifests=manifests,
        target=target,
        url=url.rstrip("/"),
        kinds=tuple(sorted(kinds)),
        fingerprints=tuple(_fingerprint(objects, change) for change in plan.changes),
        mail=mail,
    )


def _fingerprint(objects: _Objects, change: Change) -> Fingerprint:
    address = named(change.address)
    live_object = objects.by_id(change)
    if live_object is not None:
        kind = objects.catalogue.kinds[change.address.kind]
        return Fingerprint(address, live_object.id, fingerprint(touched(kind, change, live_object.wire)))
    return Fingerprint(address, "", "", tuple(live_object.id for live_object in objects.by_key(change)))


def check_for(basis: Basis, *, url: str, target: str, policy: str) -> None:
    """Refuse a plan that was made for another server or target, or judged by another policy.

    A plan may be made where targets have names and be applied where they have none, or the other way round.

    Raises:
        UsageError: it was.
    """
    if basis.url != url.rstrip("/"):
        raise UsageError(f"the plan is for {basis.url}, and this is {url.rstrip('/')}", "plan again for this server")
    if basis.target and target and basis.target != target:
        raise UsageError(
            f"the plan is for the target {basis.target}, and this is {target}", "plan again for this target"
        )
    if basis.policy != policy:
        raise UsageError("the policy changed after the plan was made, so that it may not allow the plan", "plan again")


class _Objects:
    """Live objects by id and by match key, worked out once per kind."""

    def __init__(self, catalogue: Catalogue, live: LiveState) -> None:
        self.catalogue = catalogue
        self.live = live
        self._ids = {
            name: {live_object.id: live_object for live_object in objects} for name, objects in live.objects.items()
        }
        self._keys: dict[str, dict[str, list[LiveObject]]] = {}

    def by_id(self, change: Change) -> LiveObject | None:
        """Return the live object that a change names by id."""
        return self._ids.get(change.address.kind, {}).get(change.id)

    def by_key(self, change: Change) -> list[LiveObject]:
        """Return the live objects with the match key that a change brings about."""
        kind = self.catalogue.kinds[change.address.kind]
        if kind.kind not in self._keys:
            known: dict[str, list[LiveObject]] = {}
            for live_object in self.live.of(kind.kind):
                known.setdefault(_key(key_of(kind, live_object.wire)), []).append(live_object)
            self._keys[kind.kind] = known
        return self._keys[kind.kind].get(_key(key_of(kind, change.after or change.before or {})), [])


def _key(key: tuple[Any, ...]) -> str:
    return digest(pack(list(key)))


def differing(diff: Diff, kind: Kind, want: Wire, live_object: LiveObject) -> tuple[str, ...]:
    """Return the pointers at which a live object is not as wanted; secrets that the server masks are none."""
    wanted = Resource(address=live_object.address, key=live_object.key, wire=want, source=Source(""), id=live_object.id)
    difference, problems = diff.compare([wanted], LiveState({kind.kind: (live_object,)}), [kind.kind])
    pointers = [field.pointer for change in difference.changes for field in change.fields]
    if not pointers and (difference.changes or problems):
        pointers = ["@type"]
    return tuple(sorted(pointers))


class Now:
    """Live state, beside the basis of a plan."""

    def __init__(self, catalogue: Catalogue, live: LiveState) -> None:
        self.catalogue = catalogue
        self.objects = _Objects(catalogue, live)
        self.diff = Diff(catalogue)

    def wanted(self, change: Change, others: tuple[str, ...] = (), *, sure: bool) -> bool:
        """Whether an object is as a change would make it; `sure` does not count what secrets hide."""
        live_object = self.objects.by_id(change) if change.id else None
        if change.action == "destroy":
            return live_object is None
        if sure and (change.recreate or any(True for value in change.patch.values() for _ in within(value))):
            return False
        if change.after is None:
            return False
        candidates = [live_object] if live_object and not change.recreate else []
        if not change.id or change.recreate:
            candidates = [live_object for live_object in self.objects.by_key(change) if live_object.id not in others]
        kind = self.catalogue.kinds[change.address.kind]
        want = touched(kind, change, change.after)
        return any(not differing(self.diff, kind, want, live_object) for live_object in candidates)

    def changed(self, change: Change, was: Fingerprint, strangers: Mapping[str, Collection[str]] | None = None) -> str:
        """Say how an object differs from what the plan stands on, or ""; `strangers` are all that can be new."""
        if not was.id:
            new = [live_object for live_object in self.objects.by_key(change) if live_object.id not in was.others]
            if strangers is not None:
                new = [live_object for live_object in new if live_object.id in strangers.get(change.address.kind, ())]
            return f"{change.address} was created meanwhile, with the id {new[0].id}" if new else ""
        live_object = self.objects.by_id(change)
        if live_object is None:
            return f"{change.address} was destroyed meanwhile"
        kind = self.catalogue.kinds[change.address.kind]
        wire = touched(kind, change, live_object.wire)
        if fingerprint(wire) == was.sha256:
            return ""
        fields = _fields(touched(kind, change, change.before or {}), wire)
        return f"{change.address} changed meanwhile: {', '.join(fields) or 'not as the plan knows it'}"


def stale(basis: Basis, live: LiveState, plan: Plan, catalogue: Catalogue) -> tuple[str, ...]:
    """Say which objects have changed since a plan was made, but for those that are already as wanted.

    Raises:
        ConfigError: the basis is not that of the plan.
    """
    now = Now(catalogue, live)
    judged = ((change, was, now.changed(change, was)) for change, was in bases(basis, plan))
    return tuple(
        message for change, was, message in judged if message and not now.wanted(change, was.others, sure=True)
    )


def pending(basis: Basis, live: LiveState, plan: Plan, catalogue: Catalogue) -> Plan:
    """Return a plan without the changes that somebody else has made meanwhile, and which are as wanted.

    Raises:
        ConfigError: the basis is not that of the plan.
    """
    now = Now(catalogue, live)
    rest = {
        change.number
        for change, was in bases(basis, plan)
        if not now.changed(change, was) or not now.wanted(change, was.others, sure=True)
    }
    phases = [
        (phase.name, [change.number for change in phase.changes if change.number in rest]) for phase in plan.phases
    ]
    changes, left = numbered(plan.changes, [(name, places) for name, places in phases if places])
    return msgspec.structs.replace(
        plan,
        changes=changes,
        phases=left,
        unchanged=plan.unchanged + len(plan.changes) - len(rest),
    )


def unmet(plan: Plan, live: LiveState, catalogue: Catalogue) -> tuple[Change, ...]:
    """Return the changes of a plan that live state, read after an apply, does not show."""
    now = Now(catalogue, live)
    gone = {(change.address.kind, change.id) for change in plan.changes if change.action == "destroy"}
    # What loses a reference before it is destroyed is not there to show it.
    shown = [
        change for change in plan.changes if change.action == "destroy" or (change.address.kind, change.id) not in gone
    ]
    return tuple(change for change in shown if not now.wanted(change, sure=False))


def bases(basis: Basis, plan: Plan) -> Iterator[tuple[Change, Fingerprint]]:
    """Yield each change of a plan with the fingerprint that it stands on.

    Raises:
        ConfigError: the basis is not that of the plan.
    """
    places = [(fingerprint.address, fingerprint.id) for fingerprint in basis.fingerprints]
    if places != [(named(change.address), change.id) for change in plan.changes]:
        raise ConfigError("this is no saved plan: its basis names other objects than its changes")
    return zip(plan.changes, basis.fingerprints, strict=True)


def _fields(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> list[str]:
    """Return the pointers of the properties that differ; into objects, as far as both sides have the property."""
    pointers: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            pointers += _fields(old, new, f"{path}{name}/")
        elif not exact(old, new):
            pointers.append(path + name)
    return pointers
