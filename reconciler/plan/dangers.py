"""What a plan is refused for because it could shut out this program, lose what people keep, or stop the server.

Law: pure; the catalogue says what is dangerous and why, and no kind is named here. `policy.allow` lifts a danger; what
would leave nobody able to mend it, nothing lifts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from reconciler.kinds import Catalogue, Kind, Property, exact, references_in
from reconciler.values import Change, LiveObject, LiveState, Plan, Policy

_DONE = {"create": "created", "update": "updated", "replace": "replaced", "destroy": "destroyed"}


def dangers(catalogue: Catalogue, plan: Plan, live: LiveState, after: LiveState, policy: Policy) -> Iterator[str]:
    """Say which changes are dangerous and not allowed, and which would leave nobody able to mend them.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        live: what the server holds, and who read it.
        after: what it would hold.
        policy: what may be done.
    """
    for change in plan.changes:
        kind = catalogue.kinds[change.address.kind]
        because = _danger(kind, change)
        if because:
            yield from _unless_allowed(policy, change, because)
        yield from _too_low(kind, change)
    yield from _own(catalogue, plan, live, policy)
    yield from _unheard(catalogue, plan, live, after)
    yield from _doubled(catalogue, plan, after)
    yield from _cut_off(catalogue, plan, live, after)


def _danger(kind: Kind, change: Change) -> str:
    """Return why a change is dangerous, or ""."""
    if kind.danger and (not kind.dangerous or change.action in kind.dangerous):
        return kind.danger
    shape = kind.legible((change.after or {}).get("@type"))
    messages = []
    for name in dict.fromkeys(pointer.partition("/")[0] for pointer in change.patch):
        prop = shape.get(name)
        # What a new object has was never otherwise, unless there is one object only.
        if prop is not None and prop.danger and change.before is not None and not _harmless(prop, change, name):
            messages.append(f"{name}: {prop.danger}")
    return "; ".join(messages)


def _harmless(prop: Property, change: Change, name: str) -> bool:
    value = (change.after or {}).get(name)
    if prop.language and isinstance(value, Mapping):
        return not value.get("match") and value.get("else") in prop.harmless
    return any(exact(value, element) for element in prop.harmless) or exact(value, (change.before or {}).get(name))


def _unless_allowed(policy: Policy, change: Change, because: str) -> Iterator[str]:
    allowances = [allowance for allowance in policy.allow if allowance.holds(change.address, change.action)]
    if any(not allowance.ended for allowance in allowances):
        return
    ended = next((f" (it was allowed until {allowance.until})" for allowance in allowances), "")
    name = str(change.address.without_id())
    yield f'{change.address} would be {_DONE[change.action]}: {because}; policy.allow: ["{name}"] lifts this{ended}'


def _too_low(kind: Kind, change: Change) -> Iterator[str]:
    """Refuse limits below which the server would take no further request; the change that mends it is one too."""
    shape = kind.legible((change.after or {}).get("@type"))
    for name, value in change.patch.items():
        floor = shape[name].floor if name in shape else None
        if floor is not None and isinstance(value, int) and value < floor:
            yield (
                f"{change.address} {name}: with {value} nobody could mend it any more, since the server would refuse "
                f"the requests that do; {floor} or more lifts this"
            )


def _own(catalogue: Catalogue, plan: Plan, live: LiveState, policy: Policy) -> Iterator[str]:
    """Refuse to touch the account of this run, and what says what it may do: it acts at once, half way through."""
    own = _accounts(catalogue, live)
    if not own:
        return
    rights = _rights(catalogue, live, own)
    for change in plan.changes:
        at = (change.address.kind, change.id)
        if change.id and at in own:
            yield from _unless_allowed(policy, change, f"this run is logged in as {live.reader.user}")
        elif change.id and at in rights:
            yield from _unless_allowed(policy, change, f"it says what {live.reader.user} may do, as whom this run acts")


def _accounts(catalogue: Catalogue, live: LiveState) -> dict[tuple[str, str], LiveObject]:
    """Return the objects that the name of the session logs in as."""
    user = live.reader.user.lower()
    return {
        (kind.kind, live_object.id): live_object
        for kind in catalogue.kinds.values()
        if kind.login and user
        for live_object in live.of(kind.kind)
        if str(live_object.wire.get(kind.login, "")).lower() == user
    }


def _rights(
    catalogue: Catalogue, live: LiveState, own: Mapping[tuple[str, str], LiveObject]
) -> dict[tuple[str, str], LiveObject]:
    """Return the objects that say what some accounts may do: those that they name, else those that anybody gets."""
    permits = {
        live_object.address: live_object
        for kind in catalogue.kinds.values()
        if kind.permits
        for live_object in live.of(kind.kind)
    }
    singletons = [
        live_object for kind in catalogue.kinds.values() if kind.singleton for live_object in live.of(kind.kind)
    ]
    live_objects: dict[tuple[str, str], LiveObject] = {}
    for starts in (own.values(), singletons):
        waiting = list(starts)
        while waiting:
            live_object = waiting.pop()
            for _, target in references_in(catalogue, catalogue.kinds[live_object.address.kind], live_object.wire):
                named = permits.get(target)
                if named is not None and (target.kind, named.id) not in live_objects:
                    live_objects[target.kind, named.id] = named
                    waiting.append(named)
        if live_objects:
            break
    return live_objects


def _unheard(catalogue: Catalogue, plan: Plan, live: LiveState, after: LiveState) -> Iterator[str]:
    """Refuse to close the last listener that this program could be talking to."""
    for kind in _touched(catalogue, plan):
        if kind.listens is None:
            continue
        before, then = _ports(kind, live), _ports(kind, after)
        port = live.reader.port
        if before and not then:
            yield f"{kind.kind}: no listener would carry the API after the next start; keep one of {_and(before)}"
        elif port in before and port not in then:
            yield (
                f"{kind.kind}: {before[port]} carries the API on port {port}, which this run talks to, and no "
                "listener would after the next start; keep it"
            )


def _ports(kind: Kind, state: LiveState) -> dict[int, str]:
    """Return the ports on which the API is carried, and by which object."""
    listens = kind.listens
    if listens is None:
        return {}
    return {
        int(port): str(live_object.address)
        for live_object in state.of(kind.kind)
        if live_object.wire.get(listens.protocol) in listens.serves
        for bind in live_object.wire.get(listens.bind) or ()
        if (port := str(bind).rpartition(":")[2]).isdecimal()
    }


def _and(ports: Mapping[int, str]) -> str:
    return ", ".join(sorted(set(ports.values())))


def _doubled(catalogue: Catalogue, plan: Plan, after: LiveState) -> Iterator[str]:
    """Refuse members of a set that two objects would have, where only one can."""
    for kind in _touched(catalogue, plan):
        changed = {change.address for change in plan.changes if change.address.kind == kind.kind}
        for name, prop in kind.legible(None).items():
            if not prop.exclusive:
                continue
            holders: dict[str, list[LiveObject]] = {}
            for live_object in after.of(kind.kind):
                for member in live_object.wire.get(name) or ():
                    holders.setdefault(str(member), []).append(live_object)
            for member, held in sorted(holders.items()):
                if len(held) > 1 and any(live_object.address in changed for live_object in held):
                    who = " and ".join(str(live_object.address) for live_object in held)
                    yield f"{who} would both have {member} in {name}, and only one can; give each its own"


def _cut_off(catalogue: Catalogue, plan: Plan, live: LiveState, after: LiveState) -> Iterator[str]:
    """Refuse to cut off the address that this run comes from, unless something lets it in."""
    own = live.reader.address
    if not own or any(
        _within(own, live_object.wire.get(kind.admits))
        for kind in catalogue.kinds.values()
        if kind.admits
        for live_object in after.of(kind.kind)
    ):
        return
    for change in plan.changes:
        kind = catalogue.kinds[change.address.kind]
        if kind.cuts and change.action != "destroy" and _within(own, (change.after or {}).get(kind.cuts)):
            lifts = next((f"{kind.kind}/{own}" for kind in catalogue.kinds.values() if kind.admits), "another network")
            yield f"{change.address} would cut off {own}, which this run comes from; {lifts} lifts this"


def _within(address: str, network: Any) -> bool:
    """Whether an address is in a network, or is the same one."""
    try:
        parsed = ip_address(address)
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return parsed in ip_network(str(network), strict=False)
    except ValueError:
        return False


def _touched(catalogue: Catalogue, plan: Plan) -> Sequence[Kind]:
    return [catalogue.kinds[name] for name in sorted({change.address.kind for change in plan.changes})]
