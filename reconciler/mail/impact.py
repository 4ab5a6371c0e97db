"""How much mail that is known goes another way: what waits in the queue, or the messages of a log.

Law: pure; every message is evaluated on both sides, and what cannot be told is counted as that. Nothing but counts and
domains comes out, unless addresses are asked for.

Stalwart 0.16.19: route and schedule are asked for each recipient; connection and TLS strategy once for all recipients
of one domain and route, with the smallest address. A schedule reaches mail that waits after its next temporary failure,
then wholly, and counts from when the mail came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from reconciler.expression import Lookups, Value, Variable, envelope, walk
from reconciler.kinds import Catalogue
from reconciler.mail.explain import Choice, Decider, Given, Routing, State, choice_of, routing_of, seen_by
from reconciler.mail.facts import ROUTE, SCHEDULE, gives_up
from reconciler.mail.grouping import looks_at_recipient
from reconciler.mail.movement.model import Flow, Side, side_of
from reconciler.mail.movement.program import key_of, same_names
from reconciler.mail.movement.regions import EACH, FAILED
from reconciler.mail.waiting import ESTIMATED, Waiting

#: What an attempt is taken to fail of, where nothing failed yet.
_FAILURE = "connection"
#: How an evaluation says that it would have to ask.
_ASKED = "lookups has no "


#: The variables and the world that an evaluation sees.
_Seen = tuple[dict[str, Value], Lookups]


class ImpactRow(Struct, kw_only=True):
    """Recipients of one domain for whom one expression chooses something else."""

    domain: str
    field: str
    before: Side
    after: Side
    count: int = 0
    #: Who they are, in the order in which they were met.
    addresses: list[str] = msgspec.field(default_factory=list)


class Impact(Struct, kw_only=True):
    """What a change does to mail that is known. All counts are recipients."""

    #: `queue`, or the file of the messages.
    source: str = "queue"
    total: int = 0
    #: Whose route, connection or TLS strategy changes.
    moved: int = 0
    #: Who bounce at their next temporary failure, and would not have.
    bounced: int = 0
    #: Whose new choice has a name that nothing has.
    dangling: int = 0
    #: Of whom it cannot be told, and why.
    unknown: int = 0
    reasons: dict[str, int] = msgspec.field(default_factory=dict)
    #: Past their time: they bounce whatever is chosen.
    expired: int = 0
    #: Messages that left the queue while it was read.
    gone: int = 0
    #: An expression that changes reads what is only estimated: how long mail has waited, or may wait still.
    estimated: bool = False
    #: Expressions that change, look at one recipient, and are asked once for several.
    grouped: tuple[str, ...] = ()
    #: The largest first.
    rows: tuple[ImpactRow, ...] = ()
    bounces: tuple[ImpactRow, ...] = ()
    #: Recipients of each flow that was asked about.
    flows: list[int] = msgspec.field(default_factory=list)


def impact_on_queue(
    catalogue: Catalogue,
    states: tuple[State, State],
    waiting: Iterable[Waiting],
    world: Mapping[str, Any],
    *,
    gone: int = 0,
    flows: Sequence[Flow] = (),
) -> Impact:
    """Count what becomes of mail that waits.

    Args:
        catalogue: what the kinds are.
        states: what there is, and what there would be.
        waiting: the recipients who wait.
        world: fields of `given` that are the server's: `localDomains`, where they are known.
        gone: messages that left while the queue was read.
        flows: the mail that moves between the states; the recipients of each are counted.
    """
    counter = _Counter(catalogue, states, world, flows)
    messages: dict[str, list[Waiting]] = {}
    for recipient in waiting:
        messages.setdefault(recipient.message, []).append(recipient)
    for together in messages.values():
        counter.message(together)
    return counter.impact(gone)


def impact_on_envelopes(
    catalogue: Catalogue, states: tuple[State, State], envelopes: Iterable[Given], world: Mapping[str, Any]
) -> Impact:
    """Count what would have become of messages at their first attempt, one recipient each; see `impact_on_queue`.

    Raises:
        GivenError: what is said of a message is wrong.
    """
    counter = _Counter(catalogue, states, world)
    for given in envelopes:
        counter.envelope(given)
    return counter.impact(0)


class _Sight:
    """One state, and what its expressions have come to: an expression is asked once for the variables that it reads."""

    def __init__(self, routing: Routing) -> None:
        self.routing = routing
        self.deciders = {decider.field: decider for decider in routing.deciders}
        self.reads = {field: _reads(decider) for field, decider in self.deciders.items()}
        self._known: dict[tuple[str, tuple[Value, ...]], Choice] = {}

    def choice(self, field: str, variables: Mapping[str, Value], lookups: Any) -> Choice:
        """Return what an expression comes to."""
        decider = self.deciders[field]
        seen = seen_by(decider, variables)
        key = (field, tuple(seen[name] for name in self.reads[field]))
        if key not in self._known:
            self._known[key] = choice_of(self.routing, decider, seen, lookups)
        return self._known[key]


class _Counter:
    def __init__(
        self,
        catalogue: Catalogue,
        states: tuple[State, State],
        world: Mapping[str, Any],
        flows: Sequence[Flow] = (),
    ) -> None:
        self.catalogue = catalogue
        self.world = world
        self.sights = tuple(_Sight(routing_of(catalogue, state)) for state in states)
        self.fields = tuple(self._differing())
        self.rows: dict[tuple[object, ...], ImpactRow] = {}
        self.bounces: dict[tuple[object, ...], ImpactRow] = {}
        self.flows = flows
        self.counts = Impact(flows=[0] * len(flows))

    def _differing(self) -> Iterator[str]:
        """Yield the expressions that may choose something else."""
        before, after = self.sights
        for name, old in before.deciders.items():
            new = after.deciders[name]
            same = old.block is not None and old.expression == new.expression
            absent = old.held is None and new.held is None
            if not ((same or absent) and self._same_names(old)):
                yield name

    def _same_names(self, decider: Decider) -> bool:
        before, after = self.sights
        return same_names(self.catalogue, before.routing, after.routing, decider.language.names)

    def message(self, together: Sequence[Waiting]) -> None:
        """Count the recipients of one message."""
        alive = [recipient for recipient in together if not recipient.expired]
        self.counts.total += len(together)
        self.counts.expired += len(together) - len(alive)
        if not self.fields:
            return
        seen = {recipient.address: self._seen(recipient.given) for recipient in alive}
        leaders = [self._leaders(place, alive, seen) for place in range(len(self.sights))]
        for recipient in alive:
            asked = {name: self._asked(name, recipient, seen, leaders) for name in self.fields}
            chosen = [(name, *self._chosen(name, asked[name])) for name in self.fields]
            changed = self._count(recipient.address, recipient.domain, chosen)
            self._bounced(recipient, chosen)
            self._flowing(changed, asked)

    def _asked(
        self,
        name: str,
        recipient: Waiting,
        seen: Mapping[str, Sequence[_Seen]],
        leaders: Sequence[Mapping[str, str]],
    ) -> Sequence[_Seen]:
        """Return the message for which the server asks an expression, on each side."""
        if name == SCHEDULE:
            return self._seen(_failed(recipient.given))
        if name == ROUTE:
            return seen[recipient.address]
        return [seen[leader[recipient.address]][place] for place, leader in enumerate(leaders)]

    def envelope(self, given: Given) -> None:
        """Count one recipient of a message that was seen."""
        self.counts.total += 1
        seen = self._seen(given)
        address = str(given.get("rcpt", ""))
        chosen = [(name, *self._chosen(name, seen)) for name in self.fields]
        self._count(address, str(seen[0][0]["rcpt_domain"]), chosen)

    def _seen(self, given: Given) -> tuple[_Seen, ...]:
        """Return what each side sees of a message; the domains that a state tells come before those of the server."""
        tells = [sight.routing.state.told(given) for sight in self.sights]
        first = envelope({**self.world, **tells[0]})
        return first, first if tells[0] == tells[1] else envelope({**self.world, **tells[1]})

    def _chosen(self, name: str, seen: Sequence[_Seen]) -> tuple[Choice, Choice]:
        before, after = (sight.choice(name, *known) for sight, known in zip(self.sights, seen, strict=True))
        return before, after

    def _leaders(self, place: int, alive: Sequence[Waiting], seen: Mapping[str, Sequence[_Seen]]) -> dict[str, str]:
        """Return for each recipient the one who decides for all of its domain, route, queue and time."""
        if not set(self.fields) - {ROUTE, SCHEDULE}:
            return {}
        groups: dict[tuple[object, ...], list[str]] = {}
        for recipient in alive:
            route = self.sights[place].choice(ROUTE, *seen[recipient.address][place])
            # What is due at another time, or waits in another queue, has an attempt of its own.
            key = (recipient.domain, route.name, recipient.given["queueName"], recipient.age)
            groups.setdefault(key, []).append(recipient.address)
        return {address: min(group) for group in groups.values() for address in group}

    def _count(self, address: str, domain: str, chosen: Iterable[tuple[str, Choice, Choice]]) -> set[str]:
        """Count a recipient, and return the expressions that choose something else."""
        changed: set[str] = set()
        dangling = False
        because: list[str] = []
        for name, old, new in chosen:
            unknown = next((side for side in (old, new) if side.outcome == "unknown"), None)
            if unknown is not None:
                because.append(f"{name}: {_reason(unknown)}")
                continue
            keys = key_of(self.catalogue, old), key_of(self.catalogue, new)
            if keys[0] == keys[1]:
                continue
            changed.add(name)
            dangling = dangling or (new.outcome == "fallback" and old.outcome != "fallback")
            _add(self.rows, (domain, name, old.name, new.name, *keys), domain, name, old, new, address)
        self.counts.moved += bool(changed - {SCHEDULE})
        self.counts.dangling += dangling
        self.counts.unknown += bool(because)
        for reason in because:
            self.counts.reasons[reason] = self.counts.reasons.get(reason, 0) + 1
        return changed

    def _flowing(self, changed: set[str], asked: Mapping[str, Sequence[_Seen]]) -> None:
        """Count a recipient in the flows that it belongs to; the regions of each are asked as its expressions are."""
        for place, flow in enumerate(self.flows):
            fields = changed & {shift.field for shift in flow.shifts}
            self.counts.flows[place] += any(
                region.covers(*asked[name][-1])
                for name in fields
                for region in flow.regions
                if region.context == (FAILED if name == SCHEDULE else EACH)
            )

    def _bounced(self, recipient: Waiting, chosen: Iterable[tuple[str, Choice, Choice]]) -> None:
        """Count a recipient who bounces at the next failure, and would not have."""
        for name, old, new in chosen:
            if name != SCHEDULE or "unknown" in (old.outcome, new.outcome):
                continue
            ends = [
                gives_up(side.held.wire if side.held else None, recipient.age, recipient.retries + 1)
                for side in (old, new)
            ]
            if ends == [False, True]:
                self.counts.bounced += 1
                _add(
                    self.bounces,
                    (recipient.domain, old.name, new.name),
                    recipient.domain,
                    name,
                    old,
                    new,
                    recipient.address,
                )

    def impact(self, gone: int) -> Impact:
        """Return the counts."""
        read = {name for sight in self.sights for field in self.fields for name in sight.reads[field]}
        return replace(
            self.counts,
            gone=gone,
            estimated=bool(read & set(ESTIMATED)),
            grouped=tuple(name for name in self.fields if any(self._grouped(name, sight) for sight in self.sights)),
            rows=_sorted(self.rows.values()),
            bounces=_sorted(self.bounces.values()),
        )

    def _grouped(self, name: str, sight: _Sight) -> bool:
        return looks_at_recipient(name, sight.deciders[name].block)


def _failed(given: Given) -> Given:
    """Return a message as the schedule is asked about it once the next attempt has failed."""
    if given["lastError"] != "none":
        return given
    # Nobody knows how it will fail; the text of the failure stays unknown.
    return {name: value for name, value in given.items() if name != "lastStatus"} | {"lastError": _FAILURE}


def _reason(choice: Choice) -> str:
    """Say why a choice is not known, without what it was asked about: a question to the server names people."""
    because = choice.because
    if because.startswith(_ASKED):
        because = f"{because.removeprefix(_ASKED).partition('(')[0]}() is known only to the server"
    elif "@" in because:
        because = "what decides is not known"
    return f"{because}, at {choice.pointer}" if choice.pointer else because


def _add(
    rows: dict[tuple[object, ...], ImpactRow],
    key: tuple[object, ...],
    domain: str,
    name: str,
    old: Choice,
    new: Choice,
    address: str,
) -> None:
    if key not in rows:
        rows[key] = ImpactRow(domain=domain, field=name, before=side_of(old), after=side_of(new))
    rows[key].count += 1
    rows[key].addresses.append(address)


def _sorted(rows: Iterable[ImpactRow]) -> tuple[ImpactRow, ...]:
    return tuple(sorted(rows, key=lambda row: (-row.count, row.domain, row.field, row.before.name, row.after.name)))


def _reads(decider: Decider) -> tuple[str, ...]:
    """Return the variables that an expression reads, in one order."""
    if decider.block is None:
        return ()
    trees = [
        decider.block.otherwise,
        *(t for branch in decider.block.branches for t in (branch.condition, branch.result)),
    ]
    return tuple(sorted({node.name for tree in trees for node in walk(tree) if isinstance(node, Variable)}))
