"""Movement of filters over the examples that ship, and over ones that nobody would write: what is proved to be the same
is, and every change that asking about messages can tell apart is noticed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.desired.manifest import load as load_manifests
from reconciler.kinds.catalogue import load
from reconciler.mail.explain import Held, Routing, State, desired_state, filters, routing_of
from reconciler.mail.movement import Movement, movement_between
from reconciler.values.model import Address

CATALOGUE = load()
MANIFESTS = Path(__file__).parent.parent.parent / "manifests"
EXAMPLES = ("milters.yaml", "scenarios/two-milters-one-port")
STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data")
TEXT = re.compile(r"'([^'\\]*)'")
OPERATORS = (("==", "!="), ("||", "&&"), ("&&", "||"), ("!is_empty", "is_empty"), ("is_empty", "!is_empty"))
#: What a session knows from each stage on.
KNOWN = {"heloDomain": 1, "authenticatedAs": 2, "sender": 3, "rcpt": 4}

Milter = dict[str, Any]


def example(name: str) -> list[Milter]:
    desired = load_manifests(CATALOGUE, [str(MANIFESTS / name)]).checked()
    return [dict(held.wire) for held in desired_state(CATALOGUE, desired.resources).objects["MtaMilter"]]


def state(milters: Sequence[Milter]) -> State:
    held = tuple(Held(Address("MtaMilter", f"{m['hostname']}:{m['port']}"), m, "live") for m in milters)
    empty = desired_state(CATALOGUE, ())
    return replace(empty, objects={**empty.objects, "MtaMilter": held})


def milter(port: int, enable: str, *stages: str) -> Milter:
    kind = CATALOGUE.kinds["MtaMilter"]
    wire = {name: prop.default for name, prop in kind.properties.items()}
    asked = {"else": enable, "match": {}}
    return {**wire, "hostname": "127.0.0.1", "port": port, "enable": asked, "stages": dict.fromkeys(stages, True)}


def mutations(milters: list[Milter]) -> Iterator[list[Milter]]:
    """Yield filters of which one has a literal, operator, stage, order or property changed, or is gone."""
    for place, one in enumerate(milters):
        written = one["enable"]["else"]
        texts = {f"{written[: m.start()]}'{m[1]}2'{written[m.end() :]}" for m in TEXT.finditer(written)}
        texts |= {written.replace(old, new, 1) for old, new in OPERATORS} | {f"!({written})", "true", "false"}
        changed = [{**one, "enable": {**one["enable"], "else": text}} for text in sorted(texts - {written})]
        for stage in STAGES:
            left = {name: True for name in STAGES if one["stages"].get(name, False) != (name == stage)}
            changed.append({**one, "stages": left})
        changed.append({**one, "port": one["port"] + 1})
        yield from ([*milters[:place], other, *milters[place + 1 :]] for other in changed)
        yield [*milters[:place], *milters[place + 1 :]]
    yield from (list(order) for order in permutations(milters) if list(order) != milters)


def messages(chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Yield possible sessions, at each stage with no more than is known there."""
    for _ in range(count):
        domain = chance.choice(("a.test", "b.test"))
        given: dict[str, Any] = {
            "listener": chance.choice(("smtp", "smtp2", "submission", "submissions")),
            "heloDomain": chance.choice(("a.test", "client.example")),
            "authenticatedAs": chance.choice(("", "u@a.test")),
            "sender": chance.choice(("", f"s@{domain}")),
            "rcpt": f"{chance.choice('uv')}@{domain}",
            "isTls": chance.random() < 0.5,
            "remoteIp": chance.choice(("192.0.2.1", "192.0.2.77")),
            "localDomains": ["a.test"],
        }
        at = chance.randrange(len(STAGES))
        yield {**given, **{name: "" for name, first in KNOWN.items() if at < first}, "stage": STAGES[at]}


def asked(routing: Routing, given: dict[str, Any]) -> list[object]:
    """Return the filters that are asked, in their order, by what they do."""
    judged = filters(routing, given)
    assert None not in [each.runs for each in judged]
    return [
        {name: value for name, value in (gate.decider.held.wire if gate.decider.held else {}).items() if name in _DOES}
        for gate, each in zip(routing.gates, judged, strict=True)
        if each.runs
    ]


_DOES = ("hostname", "port")


def hold(before: State, after: State, chance: random.Random) -> tuple[Movement, bool]:
    """Check what is said of two states by asking about messages; return it, and whether a message differs."""
    one, two = routing_of(CATALOGUE, before), routing_of(CATALOGUE, after)
    moved = movement_between(CATALOGUE, before, after)
    regions = [region for flow in moved.flows for region in flow.regions]
    differs = False
    for given in messages(chance, 150):
        if asked(one, given) != asked(two, given):
            differs = True
            here = [region for region in regions if region.context == f"at {given['stage']}"]
            assert any(region.holds(given) for region in here), given
    for flow in moved.flows:
        for witness in flow.witnesses:
            # What a witness leaves open, it leaves open for all sessions.
            whole = {**next(given for given in messages(chance, 999) if given["stage"] == witness["stage"]), **witness}
            assert asked(one, whole) != asked(two, whole), (flow.mail, flow.when)
    assert moved.proved
    assert not moved.unsure
    return moved, differs


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_mutation_that_sessions_tell_apart_is_noticed(name: str) -> None:
    milters = example(name)
    noticed = 0
    for seed, changed in enumerate(mutations(milters)):
        moved, differs = hold(state(milters), state(changed), random.Random(seed))
        noticed += differs
        assert differs <= bool(moved.flows)

    assert noticed > len(milters)


ENABLES = (
    *("true", "false", "listener == 'smtp'", "listener != 'smtp'", "!is_empty(authenticated_as)", "is_tls"),
    *("sender_domain == 'a.test'", "rcpt_domain == 'a.test'", "is_local_domain(rcpt_domain)", "sender == ''"),
    *("starts_with(listener, 'sub')", "remote_ip == '192.0.2.1'", "helo_domain == 'a.test' && listener == 'smtp'"),
)


@pytest.mark.parametrize("seed", range(40))
def test_random_filters_are_told_apart_as_sessions_tell_them_apart(seed: int) -> None:
    chance = random.Random(seed)

    def some() -> Milter:
        return milter(0, chance.choice(ENABLES), *chance.sample(STAGES, chance.randrange(1, 4)))

    before = [{**some(), "port": port} for port in range(1, chance.randrange(2, 5))]
    after = [{**one, "enable": some()["enable"]} if chance.random() < 0.3 else one for one in before]
    after = [{**one, "stages": some()["stages"]} if chance.random() < 0.2 else one for one in after]
    chance.shuffle(after)

    hold(state(before), state(after[: chance.randrange(1, 5)]), chance)


def test_order_counts_for_filters_with_another_between_them() -> None:
    one, other, two = (milter(port, f"listener == '{name}'", "data") for port, name in ((1, "a"), (2, "b"), (3, "a")))

    moved = movement_between(CATALOGUE, state([one, other, two]), state([two, other, one]))

    assert [(flow.when, [shift.field for shift in flow.shifts]) for flow in moved.flows] == [
        ("at data", ["order of filters"])
    ]
