"""Movement over the examples that ship: what only looks different is proved to move nothing, and every mutation that
evaluating messages can tell apart is noticed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.desired.manifest import load as load_manifests
from reconciler.kinds.catalogue import load
from reconciler.mail.explain import State, choices, desired_state, routing_of
from reconciler.mail.movement import movement_between
from reconciler.mail.movement.program import key_of
from reconciler.values.model import Address

CATALOGUE = load()
MANIFESTS = Path(__file__).parent.parent.parent / "manifests"
STRATEGY = "MtaOutboundStrategy"
EXAMPLES = sorted(
    [
        *(str(path.relative_to(MANIFESTS)) for path in MANIFESTS.glob("recipes/*.yaml")),
        *(str(path.relative_to(MANIFESTS)) for path in MANIFESTS.glob("scenarios/*")),
        "outbound-strategy.yaml",
    ]
)
#: The expressions, and the kind whose objects each names.
NAMED = {"route": "MtaRoute", "schedule": "MtaDeliverySchedule"}
TEXT = re.compile(r"'([^'\\]*)'")
OPERATORS = (("==", "!="), ("!=", "=="), (">=", ">"), (" > ", " >= "), ("&&", "||"), ("||", "&&"), ("<", ">="))


def example(name: str) -> State:
    paths = [str(MANIFESTS / name)]
    if name == "outbound-strategy.yaml":
        paths += [str(MANIFESTS / other) for other in ("routes.yaml", "connection-strategies.yaml")]
    desired = load_manifests(CATALOGUE, paths).checked()
    return desired_state(CATALOGUE, desired.resources, desired.locate)


def expression(state: State, field: str) -> dict[str, Any]:
    written: dict[str, Any] = state.singletons[STRATEGY].wire[field]
    return written


def with_expression(state: State, field: str, branches: list[tuple[str, str]], otherwise: str) -> State:
    match = {str(place): {"if": condition, "then": result} for place, (condition, result) in enumerate(branches)}
    held = state.singletons[STRATEGY]
    wire = {**held.wire, field: {"match": match, "else": otherwise}}
    return replace(state, singletons={**state.singletons, STRATEGY: replace(held, wire=wire)})


def branches_of(written: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(each["if"], each["then"]) for _, each in sorted(written["match"].items(), key=lambda pair: int(pair[0]))]


def fields() -> Iterator[tuple[str, str]]:
    for name in EXAMPLES:
        for field in ("route", "schedule", "tls", "connection"):
            if branches_of(expression(example(name), field)):
                yield name, field


FIELDS = list(fields())


@pytest.mark.parametrize("name", EXAMPLES)
def test_names_that_change_everywhere_move_no_mail(name: str) -> None:
    before = example(name)
    after = before
    for field, kind in NAMED.items():
        names = {held.address.name: f"new-{held.address.name}" for held in before.objects[kind]}
        names = {old: new for old, new in names.items() if old not in ("local", "mx")}

        def renamed(text: str, names: dict[str, str] = names) -> str:
            return TEXT.sub(lambda match: f"'{names.get(match[1], match[1])}'", text)

        written = expression(before, field)
        branches = [(condition, renamed(result)) for condition, result in branches_of(written)]
        after = with_expression(after, field, branches, renamed(written["else"]))
        objects = tuple(
            replace(held, address=Address(kind, new), wire={**held.wire, "name": new})
            for held in before.objects[kind]
            for new in [names.get(held.address.name, held.address.name)]
        )
        after = replace(after, objects={**after.objects, kind: objects})

    assert movement_between(CATALOGUE, before, after).still


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_branches_that_are_parted_or_doubled_move_no_mail(name: str, field: str) -> None:
    before = example(name)
    written = expression(before, field)
    branches = branches_of(written)
    parted = [
        (part, result)
        for condition, result in branches
        for part in (condition.split(" || ") if "(" not in condition else [condition])
    ]
    # One more time behind the others nothing is left for a branch, and twice is no more than once.
    doubled = [*parted, *branches, *((f"({one}) || ({one})", result) for one, result in branches)]

    moved = movement_between(CATALOGUE, before, with_expression(before, field, doubled, written["else"]))

    assert moved.still


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_disjoint_branches_move_no_mail_in_another_order(name: str, field: str) -> None:
    state = example(name)
    written = expression(state, field)
    # Each branch is narrowed to what is left for it, so that no two take the same mail.
    narrowed: list[tuple[str, str]] = []
    earlier: list[str] = []
    for condition, result in branches_of(written):
        others = "".join(f" && !({one})" for one in earlier)
        narrowed.append((f"({condition}){others}", result))
        earlier.append(condition)

    moved = movement_between(CATALOGUE, state, with_expression(state, field, narrowed[::-1], written["else"]))

    assert moved.still


def mutations(written: Mapping[str, Any]) -> Iterator[tuple[list[tuple[str, str]], str]]:
    """Yield an expression with one literal, operator, order or result changed."""
    branches, otherwise = branches_of(written), written["else"]
    results = list(dict.fromkeys([*(result for _, result in branches), otherwise, "'mx'", "'nope'"]))
    for place, (condition, result) in enumerate(branches):
        changed = [
            *(f"{condition[: m.start()]}'{_other(m[1])}'{condition[m.end() :]}" for m in TEXT.finditer(condition)),
            *(
                f"{condition[: m.start()]}{int(m[0]) + step}{condition[m.end() :]}"
                for m in re.finditer(r"(?<![\w'.])\d+(?![\w'.])", condition)
                for step in (1, -1)
                if int(m[0]) + step >= 0
            ),
            *(condition.replace(old, new, 1) for old, new in OPERATORS if old in condition),
            f"!({condition})",
        ]
        rest = branches[:place], branches[place + 1 :]
        yield from (([*rest[0], (text, result), *rest[1]], otherwise) for text in changed if text != condition)
        yield from (([*rest[0], (condition, other), *rest[1]], otherwise) for other in results if other != result)
        yield [*rest[0], *rest[1]], otherwise
        if place:
            yield [*branches[: place - 1], branches[place], branches[place - 1], *branches[place + 1 :]], otherwise
    yield from ((branches, other) for other in results if other != otherwise)


def _other(text: str) -> str:
    return text.replace("org", "net", 1) if "org" in text else f"{text}2"


def messages(seed: int, *texts: str) -> list[dict[str, Any]]:
    """Return messages at the borders of what expressions compare with."""
    source = random.Random(seed)
    literals = [literal for text in texts for literal in TEXT.findall(text)]
    domains = [literal.rpartition("@")[2].lstrip(".") for literal in literals if "." in literal] or ["a.test"]
    domains += [f"x.{domain}" for domain in domains] + ["other.test"]
    locals_ = [literal.rpartition("@")[0] for literal in literals if "@" in literal] + ["a", "b", "newsletter"]
    numbers = [int(number) for text in texts for number in re.findall(r"(?<![\w'.])\d+", text)]
    errors = ["connection", "tls", "dns", "unexpected-reply"]
    made = []
    for _ in range(400):
        domain = source.choice(domains)
        retries = source.choice([0, 0, 1, 2, 3, 4])
        given = {
            "rcpt": f"{source.choice(locals_) or 'a'}@{domain}",
            "sender": source.choice(["", f"{source.choice(locals_) or 'a'}@{source.choice(domains)}"]),
            "retryNum": retries,
            "lastError": source.choice(errors) if retries else "none",
            "source": source.choice(["authenticated", "unauthenticated", "dsn", "report"]),
            "size": max(source.choice([*numbers, 1000]) + source.choice([-1, 0, 1]), 0),
            "priority": source.choice([0, *(number for number in numbers if number < 10)]),
            "queueName": source.choice(["remote", "local", *(text for text in literals if len(text) <= 8)]),
            "receivedViaPort": source.choice([25, 465, 587]),
            "receivedFromIp": "192.0.2.1",
            "localDomains": [domain] if source.random() < 0.3 else [],
            "localAddresses": [],
            "queueAge": 60,
            "expiresIn": 60,
        }
        made.append(given)
    return made


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_every_mutation_that_messages_tell_apart_is_noticed(name: str, field: str) -> None:
    before = example(name)
    written = expression(before, field)
    missed = []
    noticed = 0
    for seed, (branches, otherwise) in enumerate(mutations(written)):
        after = with_expression(before, field, branches, otherwise)
        sides = [routing_of(CATALOGUE, each) for each in (before, after)]
        texts = [text for each in (branches_of(written), branches) for pair in each for text in pair]

        def taken(given: dict[str, Any], sides: Any = sides) -> list[object]:
            chosen = [next(each for each in choices(side, given) if each.field == field) for side in sides]
            return [key_of(CATALOGUE, each) for each in chosen]

        if any(one != two for one, two in map(taken, messages(seed, *texts))):
            noticed += 1
            if not movement_between(CATALOGUE, before, after).flows:
                missed.append((branches, otherwise))

    assert missed == []
    assert noticed
