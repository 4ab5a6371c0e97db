"""Finds relays whose password some mail would carry over the network in clear.

Law: pure; decided as `explain` would, branch by branch, with what a condition of the route fixes; where a condition
cannot be decided so, the finding says "may".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from reconciler.expression import (
    Empty,
    EvaluationError,
    ExpressionError,
    Tree,
    Unknown,
    evaluate,
    parse,
    truth,
    unparse,
)
from reconciler.mail.facts import ROUTE, STRATEGY, TLS, TLS_REQUIRED
from reconciler.mail.lint.branches import Before, Disjunct, disjuncts
from reconciler.mail.lint.rules import Finding
from reconciler.mail.lint.world import Wire, World, has_credentials
from reconciler.mail.names import mentions, results_of
from reconciler.values import Address

#: Whether mail meets a strategy that delivers in clear; "" where it does not.
Exposed = Literal["", "may", "does"]
_DOMAIN_OF = {"rcpt": "rcpt_domain", "sender": "sender_domain"}


class _Strategy(NamedTuple):
    """One branch of the expression that chooses a TLS strategy: its condition (None for `else`), and what it gives."""

    condition: Tree | None
    tests: tuple[Disjunct, ...]
    demands: bool


class _Way(NamedTuple):
    """One branch of the route: its condition, the conditions before it, and the relays that it can name."""

    condition: Tree | None
    earlier: tuple[Tree, ...]
    names: frozenset[str]


def credentials_findings(world: World) -> Iterator[Finding]:
    """Find relays with credentials that some mail reaches under a TLS strategy that also sends in clear."""
    route, _ = world.property(STRATEGY, ROUTE)
    tls, sure = world.property(STRATEGY, TLS)
    language = world.catalogue.kinds[STRATEGY].properties[ROUTE].language
    if route is None or tls is None or language is None or not sure:
        return
    named = world.catalogue.kinds[language.names]
    try:
        strategies, ways = list(_strategies(world, tls)), list(_ways(world, route))
    except ExpressionError:
        # Another rule tells of it.
        return
    for resource in world.declared.get(language.names, ()):
        wire = resource.wire
        if named.connects is None or wire.get(named.connects.implicit) or not has_credentials(named, wire):
            continue
        exposed = {_exposed(way, strategies) for way in ways if resource.address.name in way.names}
        if exposed - {""}:
            reaches = "mail reaches" if "does" in exposed else "mail may reach"
            yield Finding(
                rule="credentials-in-clear",
                address=resource.address,
                pointer=named.connects.secret,
                message=f"{reaches} this relay under a TLS strategy that also delivers without TLS, and the "
                "password then crosses the network in clear wherever AUTH is offered",
                hint=f"name a strategy with startTls: require for the same mail, or set {named.connects.implicit}",
            )


def _decisions(world: World, field: str, expression: Wire) -> Iterator[tuple[Tree | None, str]]:
    """Yield the condition (None for `else`) and the text of every result, in order. Raises ExpressionError."""
    branches = expression.get("match")
    conditions = branches if isinstance(branches, Mapping) else {}
    for pointer, text in results_of(expression):
        branch = conditions.get(pointer.removeprefix("match/").partition("/")[0])
        given = branch.get("if") if isinstance(branch, Mapping) else None
        yield parse(given, world.context(field)) if isinstance(given, str) else None, text


def _strategies(world: World, tls: Wire) -> Iterator[_Strategy]:
    for condition, text in _decisions(world, TLS, tls):
        mentioned = mentions(world.catalogue, Address(STRATEGY), {TLS: {"else": text}})
        held = [world.objects(mention.kind).get(mention.name, {}) for mention in mentioned]
        demands = bool(mentioned) and all("require" in [wire.get(field) for field in TLS_REQUIRED] for wire in held)
        yield _Strategy(condition, disjuncts(condition) if condition else (), demands)


def _ways(world: World, route: Wire) -> Iterator[_Way]:
    earlier: tuple[Tree, ...] = ()
    for condition, text in _decisions(world, ROUTE, route):
        mentioned = mentions(world.catalogue, Address(STRATEGY), {ROUTE: {"else": text}})
        yield _Way(condition, earlier, frozenset(mention.name for mention in mentioned))
        earlier = (*earlier, condition) if condition else earlier


def _exposed(way: _Way, strategies: list[_Strategy]) -> Exposed:
    """Whether some mail that a branch takes meets a strategy that also delivers in clear."""
    choices = disjuncts(way.condition) if way.condition else ()
    verdicts = {_met(choice, way, strategies) for choice in choices or ((),)}
    return "does" if "does" in verdicts else "may" if "may" in verdicts else ""


def _met(choice: Disjunct, way: _Way, strategies: list[_Strategy]) -> Exposed:
    fixed = _fixed(choice)
    if any(_is_true(condition, fixed) for condition in way.earlier):
        # Another branch takes this mail.
        return ""
    missed = {unparse(condition) for condition in way.earlier}
    unsure = exposed = False
    for strategy in strategies:
        met = _decided(strategy, choice, fixed, missed)
        if met is False:
            continue
        exposed |= not strategy.demands
        if met:
            return "" if not exposed else "may" if unsure else "does"
        unsure = True
    return "may" if exposed else ""


def _decided(strategy: _Strategy, choice: Disjunct, fixed: dict[str, Any], missed: set[str]) -> bool | None:
    """Whether mail takes a branch; None where that depends on more than is known of it."""
    if strategy.condition is None:
        return True
    known = _is_true(strategy.condition, fixed)
    if known is not None:
        return known
    if unparse(strategy.condition) in missed:
        return False
    takes = Before({}, {}, [])
    for test in strategy.tests:
        takes.add(test, "")
    return True if choice and takes.taker(choice) is not None else None


def _is_true(condition: Tree, fixed: dict[str, Any]) -> bool | None:
    value, _ = evaluate(condition, fixed, Unknown("it is not known here"))
    if isinstance(value, Unknown):
        return value.truth
    return None if isinstance(value, EvaluationError) else not isinstance(value, Empty) and truth(value)


def _fixed(choice: Disjunct) -> dict[str, Any]:
    """Return the variables that have one value only in all mail that passes some tests."""
    fixed = dict(test.pinned for test in choice if test.pinned is not None)
    for address, domain in _DOMAIN_OF.items():
        if isinstance(fixed.get(address), str) and "@" in fixed[address]:
            fixed.setdefault(domain, fixed[address].rpartition("@")[2])
    return fixed
