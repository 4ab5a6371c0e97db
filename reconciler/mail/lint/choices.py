"""Rules on the expressions that name objects: what they give, and whether what they name fits together.

Law: pure; which expressions name objects the catalogue says, what the named objects mean stands in `mail.facts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from reconciler.expression import Context, ExpressionError, FunctionCall, parse, walk
from reconciler.mail.facts import LOCAL_NAME, LOCAL_VARIANT, ROUTE, SCHEDULE, STRATEGY, last_attempt
from reconciler.mail.grouping import GROUPED, recipient_reads
from reconciler.mail.lint.branches import disjuncts
from reconciler.mail.lint.rules import Finding
from reconciler.mail.lint.words import ATTEMPT, LOCAL_TESTS
from reconciler.mail.lint.world import Wire, World
from reconciler.mail.names import NO_TEXT, mentions, result_faults, results_of
from reconciler.values import Address


def choice_findings(world: World) -> Iterator[Finding]:
    """Find what the declared expressions that name objects give, and where these do not fit together."""
    for kind in sorted({kind.kind for kind, _, _ in world.choices}):
        for resource in world.declared.get(kind, ()):
            yield from _results(world, resource.address, resource.wire)
            if kind == STRATEGY:
                yield from _no_local(world, resource.address, resource.wire)
                yield from _late(world, resource.address, resource.wire)
                yield from _grouped(world, resource.address, resource.wire)


def _results(world: World, address: Address, wire: Wire) -> Iterator[Finding]:
    for _, faults in groupby(result_faults(world.catalogue, address, wire), lambda fault: fault.pointer):
        fault, *others = faults
        sentence = " or ".join(dict.fromkeys(fault.what for fault in (fault, *others)))
        instead = "which needs no object" if fault.builtin else f"which no {fault.kind} of a new server is called"
        yield Finding(
            rule="plain-result",
            address=address,
            pointer=fault.pointer,
            message=f"{sentence} is no name: the server looks up {NO_TEXT!r} instead, {instead}",
            hint="quote the name, or write use: NAME; if_then(condition, a, b) chooses between two",
            column=fault.column,
        )
    for mention in mentions(world.catalogue, address, wire):
        if mention.because:
            rule, hint = "untold-name", "see that every name it can give exists"
            message = f"cannot tell which {mention.kind} this names: {mention.because}"
        elif mention.past_end:
            rule, hint = "past-the-end", "see that the list has a name for every place that is asked for"
            message = f"past the end of the list this gives '', and no {mention.kind} has that name"
        else:
            continue
        yield Finding(
            rule=rule, address=address, pointer=mention.pointer, message=message, hint=hint, column=mention.column
        )


def _conditions(expression: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the pointer and text of every condition, in order."""
    branches = expression.get("match")
    pairs = branches.items() if isinstance(branches, Mapping) else ()
    return [
        (f"match/{key}/if", element["if"]) for key, element in pairs if isinstance(element, Mapping) and "if" in element
    ]


def _no_local(world: World, address: Address, wire: Wire) -> Iterator[Finding]:
    expression = wire.get(ROUTE)
    if not isinstance(expression, Mapping):
        return
    named = mentions(world.catalogue, address, {ROUTE: expression})
    routes = world.objects(named[0].kind) if named else {}
    for mention in named:
        variant = routes.get(mention.name, {}).get("@type")
        if mention.because or variant == LOCAL_VARIANT or (variant is None and mention.name == LOCAL_NAME):
            return
        if not mention.builtin and variant is None:
            return
    context = world.context(ROUTE)
    for text in [text for _, text in (*_conditions(expression), *results_of(expression))]:
        try:
            nodes = walk(parse(text, context))
        except ExpressionError:
            return
        if any(isinstance(node, FunctionCall) and node.name in LOCAL_TESTS for node in nodes):
            return
    yield Finding(
        rule="no-local-route",
        address=address,
        pointer=ROUTE,
        message="no branch gives a local route: mail for this server's own domains leaves by the others too",
        hint="begin with {if: is_local_domain(rcpt_domain), use: local}",
    )


def _grouped(world: World, address: Address, wire: Wire) -> Iterator[Finding]:
    """Find what looks at one recipient although it decides for several."""
    for field in GROUPED:
        expression = wire.get(field)
        if not isinstance(expression, Mapping):
            continue
        for pointer, text in (*_conditions(expression), *results_of(expression)):
            try:
                reads = list(recipient_reads(parse(text, world.context(field))))
            except ExpressionError:
                continue
            if reads:
                yield Finding(
                    rule="first-recipient-only",
                    address=address,
                    pointer=f"{field}/{pointer}",
                    message=f"{field} is asked once for all of a domain and route, with the smallest address",
                    hint="let it depend on rcpt_domain, or give these recipients a route of their own",
                    column=reads[0].column,
                )


# -- attempts


def _late(world: World, address: Address, wire: Wire) -> Iterator[Finding]:
    kind = world.catalogue.kinds[STRATEGY]
    lasts = _last_attempts(world)
    if not lasts:
        return
    most = max(last for _, last in lasts)
    for field, expression in wire.items():
        if field == SCHEDULE or kind.properties[field].language is None or not isinstance(expression, Mapping):
            continue
        for pointer, text in _conditions(expression):
            first = _first_attempt(text, world.context(field))
            if first is not None and first > most:
                schedules = ", ".join(f"{name} ({last + 1} attempts)" for name, last in lasts)
                message = (
                    f"{ATTEMPT} never gets to {first}: it is 0 at the first attempt, and the schedules are {schedules}"
                )
                hint = f"let the schedule make at least {first + 1} attempts"
                yield Finding(
                    rule="late-failover", address=address, pointer=f"{field}/{pointer}", message=message, hint=hint
                )


def _last_attempts(world: World) -> list[tuple[str, int]]:
    """Return the schedules that mail can take and the `retry_num` of each one's last attempt; [] where one has none."""
    expression, sure = world.property(STRATEGY, SCHEDULE)
    if expression is None or not sure:
        return []
    attempts: dict[str, int] = {}
    for mention in mentions(world.catalogue, Address(STRATEGY), {SCHEDULE: expression}):
        wire = world.objects(mention.kind).get(mention.name)
        last = last_attempt(wire) if wire is not None and not mention.because else None
        if last is None:
            return []
        attempts[mention.name] = last
    return list(attempts.items())


def _first_attempt(text: str, context: Context) -> int | None:
    """Return the least `retry_num` at which a condition can be true; None where it does not ask for one."""
    try:
        choice = disjuncts(parse(text, context))
    except ExpressionError:
        return None
    firsts = [
        max((atom.low for atom in disjunct if atom.variable == ATTEMPT), default=0) if disjunct else 0
        for disjunct in choice
    ]
    return min(firsts, default=None)
