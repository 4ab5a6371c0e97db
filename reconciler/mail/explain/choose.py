"""Which objects a message's expressions choose, by which branch, and what the server does without the object.

Law: pure; every choice is what the server would take, or unknown with its reason, and never a guess. Which expressions
there are, what they name and what the server does without an object, the catalogue says.

When each expression is asked (Stalwart 0.16.19): route, connection and TLS strategy at every attempt, with `retry_num`
0 at the first. The schedule is asked when a message is queued (retry_num 0, last_error none, queue_name default, and
size, queue_age and expires_in 0 whatever the message is), and after each temporary failure, before retry_num is raised.
remote_ip is 0.0.0.0 in the TLS expression, and local_ip is 0.0.0.0 in both it and the connection expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from reconciler.expression import (
    Block,
    Decision,
    Empty,
    EvaluationError,
    ExpressionError,
    Lookups,
    Unknown,
    Value,
    decide,
    envelope,
    parse_if,
    truth,
)
from reconciler.kinds import Catalogue, Kind, Language, Property, Without, context_of
from reconciler.mail.explain.state import Held, Origin, State, choosing, filtering
from reconciler.mail.grouping import looks_at_recipient
from reconciler.values import Address, Source

Given = Mapping[str, Any]
Outcome = Literal["object", "builtin", "fallback", "unknown"]

#: The name that the server looks up where an expression gives no text.
NO_TEXT = "default"
#: Failures that bounce at once: no later attempt is made, so nothing fails over.
NEVER_FAILS_OVER = (
    "a 5xx answer",
    "a recipient's domain that does not exist",
    "a relay whose host name does not exist",
    "a next hop at a loopback address",
    "credentials for a relay that offers no AUTH",
)


class Choice(Struct, frozen=True, kw_only=True):
    """What one expression comes to for one message."""

    #: The expression's property, and the kind whose objects it names.
    field: str
    kind: str
    outcome: Outcome
    value: Value
    #: The name that the server looks up; "" where that is unknown.
    name: str = ""
    #: Wire pointer of what decided (`route/match/0`, `route/else`), or of the condition that failed or is not known.
    pointer: str = ""
    #: The condition that decided; "" for `else`.
    condition: str = ""
    #: The object that holds the expression.
    address: Address | None = None
    #: Where the deciding part is declared; None where it is a default, live, or was not asked for.
    place: Source | None = None
    #: Whether the expression is declared, live, or at its default.
    origin: Origin = "default"
    held: Held | None = None
    #: What is used without an object.
    uses: str = ""
    #: The line that the server logs, or "".
    log: str = ""
    because: str = ""


class Filter(Struct, frozen=True):
    """Whether one filter of an ordered kind is asked: None where that is unknown, with its reason."""

    address: Address
    runs: bool | None
    because: str = ""
    #: What decided, as in a Choice.
    pointer: str = ""
    origin: Origin = "default"


class Attempt(Struct, frozen=True):
    """One attempt to deliver, and what is chosen for it."""

    retry_num: int
    last_error: str
    choices: tuple[Choice, ...]


class Explanation(Struct, frozen=True):
    """What a message would take at one or several attempts."""

    given: Given
    attempts: tuple[Attempt, ...]
    live: bool = False
    #: Expressions that look at this recipient, and are asked once for several.
    grouped: tuple[str, ...] = ()


class Decider(Struct, frozen=True):
    """One expression, read once. `block` is None where it cannot be told what it says."""

    field: str
    language: Language
    held: Held | None
    origin: Origin
    expression: Mapping[str, Any]
    block: Block | None
    because: str = ""


class Gate(Struct, frozen=True):
    """One filter: the stages it is asked at, and the expression that switches it."""

    decider: Decider
    address: Address
    stages: frozenset[str]


class Routing(Struct, frozen=True):
    """A state whose expressions are read, so that many messages can be asked about."""

    state: State
    deciders: tuple[Decider, ...]
    gates: tuple[Gate, ...]
    names: Mapping[str, Mapping[str, Held]]
    #: Stages that filters can be asked at.
    stages: tuple[str, ...]
    #: Why the filters are unknown, or "".
    gates_unread: str = ""
    #: By kind, what the server does without an object.
    missing: Mapping[str, Without] = {}

    @property
    def fields(self) -> tuple[str, ...]:
        """The expressions that choose objects, by their property's name."""
        return tuple(decider.field for decider in self.deciders)


def routing_of(catalogue: Catalogue, state: State) -> Routing:
    """Read the expressions of a state."""
    deciders = tuple(_decider(catalogue, state, *place) for place in choosing(catalogue))
    names = {name: {held.address.name: held for held in objects} for name, objects in state.objects.items()}
    gates: list[Gate] = []
    stages: dict[str, None] = {}
    unread = ""
    for kind in filtering(catalogue):
        field, when = next((name, prop.language.stages) for name, prop in kind.properties.items() if prop.language)
        stages.update(dict.fromkeys(kind.properties[when].values))
        unread = unread or state.unread.get(kind.kind, "")
        for held in state.objects.get(kind.kind, ()):
            decider = _read(catalogue, held, field, kind.properties[field], held.origin)
            asked = held.wire.get(when) or {}
            gates.append(Gate(decider, held.address, frozenset(stage for stage, yes in asked.items() if yes)))
    missing = {name: kind.missing for name, kind in catalogue.kinds.items()}
    return Routing(state, deciders, tuple(gates), names, tuple(stages), unread, missing)


def choices(routing: Routing, given: Given, *, attempt: bool = False) -> tuple[Choice, ...]:
    """Return what every expression comes to for a message.

    Args:
        routing: the state.
        given: what is known of the message, as `envelope` takes it; what is not given is unknown.
        attempt: `retryNum` counts the attempt that is made, so that the schedule is the one which was chosen before
            it; otherwise it is what every expression sees.

    Raises:
        GivenError: `given` is wrong.
    """
    variables, lookups = envelope(routing.state.told(given))
    return tuple(
        choice_of(routing, decider, seen_by(decider, variables, attempt=attempt), lookups)
        for decider in routing.deciders
    )


def seen_by(decider: Decider, variables: Mapping[str, Value], *, attempt: bool = False) -> dict[str, Value]:
    """Return the variables as one expression sees them; `attempt` is that of `choices`."""
    language = decider.language
    seen = {**variables, **language.fixed}
    first = variables["retry_num"] == 0 and variables["last_error"] == "none"
    if first and isinstance(variables["last_status"], Unknown) and "last_status" not in language.fixed:
        seen["last_status"] = "Scheduled"
    if language.queued and first:
        seen.update(language.queued)
    elif language.queued and attempt:
        retries = variables["retry_num"]
        seen["retry_num"] = max(retries - 1, 0) if isinstance(retries, int) else retries
    return seen


def filters(routing: Routing, given: Given) -> tuple[Filter, ...]:
    """Return for every filter, in the order in which they are asked, whether it is asked at `given.stage`.

    Raises:
        GivenError: `given` is wrong.
    """
    variables, lookups = envelope(routing.state.told(given))
    stage = given.get("stage")
    return tuple(_filter(routing, gate, stage, variables, lookups) for gate in routing.gates)


def place(routing: Routing, chosen: Choice | Filter) -> Source | None:
    """Return where what decided is declared; None where it is a default, or live."""
    if chosen.address is None or chosen.origin != "declared":
        return None
    return routing.state.locate(chosen.address, chosen.pointer)


def explain_message(
    routing: Routing,
    given: Given,
    retries: Sequence[int] = (0,),
    last_error: str = "connection",
    *,
    live: bool = False,
    exact: bool = False,
) -> Explanation:
    """Return what a message would take at some attempts.

    Args:
        routing: the state.
        given: what is known of the message; `retryNum` and `lastError` are set here.
        retries: values of retry_num, one an attempt.
        last_error: why the attempt before failed, assumed for every attempt but the first.
        live: the state was read from a server.
        exact: `last_error` is that of the first attempt too: a throttle holds mail without counting an attempt.

    Raises:
        GivenError: `given` is wrong.
    """
    attempts = []
    for retry in retries:
        error = last_error if retry or exact else "none"
        message = {**given, "retryNum": retry, "lastError": error}
        chosen = choices(routing, message, attempt=True)
        attempts.append(
            Attempt(retry, error, tuple(replace(choice, place=place(routing, choice)) for choice in chosen))
        )
    grouped = tuple(decider.field for decider in routing.deciders if looks_at_recipient(decider.field, decider.block))
    return Explanation(given, tuple(attempts), live, grouped)


def _decider(catalogue: Catalogue, state: State, kind: Kind, field: str, language: Language) -> Decider:
    held = state.singletons.get(kind.kind)
    if held is None:
        because = state.unread.get(kind.kind, f"{kind.kind} was not read")
        return Decider(field, language, None, "live", {}, None, because)
    declared = field in state.known.get(kind.kind, ())
    return _read(catalogue, held, field, kind.properties[field], held.origin if declared else "default")


def _read(catalogue: Catalogue, held: Held, field: str, prop: Property, origin: Origin) -> Decider:
    language = prop.language or Language(variables="")
    if field in held.unmanaged:
        return Decider(field, language, held, origin, {}, None, f"{field} is unmanaged: the server's own decides")
    expression = held.wire.get(field)
    if not isinstance(expression, Mapping):
        return Decider(field, language, held, origin, {}, None, f"{held.address} has no {field}")
    context = context_of(catalogue, prop)
    try:
        return Decider(field, language, held, origin, expression, parse_if(expression, context))
    except ExpressionError as error:
        return Decider(field, language, held, origin, {}, None, f"the expression cannot be read: {error}")


def _pointer(decider: Decider, decision: Decision) -> tuple[str, str]:
    """Return the wire pointer of what decided or stopped a decision, and its condition."""
    at = decision.branch if decision.decided else len(decision.conditions) - 1
    if at is None or decider.block is None:
        return f"{decider.field}/else", ""
    key = decider.block.branches[at].key
    tail = "" if decision.decided else "/if"
    return f"{decider.field}/match/{key}{tail}", str(decider.expression["match"][key]["if"])


def choice_of(routing: Routing, decider: Decider, variables: Mapping[str, Value], lookups: Lookups) -> Choice:
    """Return what one expression comes to, for the variables that it sees."""
    language = decider.language
    unknown = Choice(
        field=decider.field,
        kind=language.names,
        outcome="unknown",
        value=Unknown(decider.because),
        origin=decider.origin,
        because=decider.because,
    )
    if decider.block is None or decider.held is None:
        return unknown
    return settle_choice(routing, decider, decide(decider.block, variables, lookups))


def settle_choice(routing: Routing, decider: Decider, decision: Decision) -> Choice:
    """Return what an expression that was read comes to, where its decision is known."""
    language, state = decider.language, routing.state
    pointer, condition = _pointer(decider, decision)
    value = decision.value
    members: dict[str, Any] = {
        "field": decider.field,
        "kind": language.names,
        "origin": decider.origin,
        "address": decider.held.address if decider.held else None,
        "value": value,
        "pointer": pointer,
        "condition": condition,
    }
    if isinstance(value, Unknown):
        return Choice(**members, outcome="unknown", because=value.because)
    name, because = _name(value)
    members |= {"name": name, "because": because}
    held = routing.names.get(language.names, {}).get(name)
    without = routing.missing[language.names]
    if held is not None:
        return Choice(**members, outcome="object", held=held)
    if name in language.builtins:
        return Choice(**members, outcome="builtin", uses=without.names.get(name, without.uses))
    if language.names in state.unread:
        return Choice(**{**members, "because": state.unread[language.names]}, outcome="unknown")
    because = f"{language.names}/{name} does not exist" if not because else f"{because}, and there is no object of it"
    log = f'WARN Strategy not found (smtp.id-not-found) id = "{name}", details = "{without.log}"'
    return Choice(**{**members, "because": because}, outcome="fallback", uses=without.uses, log=log)


def _name(value: Value) -> tuple[str, str]:
    """Return the name that the server looks up for a value, and why it is not the value itself."""
    match value:
        case str():
            return value, ""
        case EvaluationError(because=because):
            reason = f"the evaluation failed{': ' + because if because else ''}"
        case Empty():
            reason = "the expression gives nothing"
        case _:
            reason = "the expression gives no text"
    return NO_TEXT, f"{reason}, so the name is {NO_TEXT}"


def _filter(routing: Routing, gate: Gate, stage: object, variables: Mapping[str, Value], lookups: Lookups) -> Filter:
    decider = gate.decider
    if decider.block is None:
        return Filter(gate.address, None, decider.because)
    decision = decide(decider.block, variables, lookups)
    pointer, _ = _pointer(decider, decision)
    because = ""
    match decision.value:
        case Unknown(because=because, truth=on):
            runs = on if decision.decided else None
        case EvaluationError(because=reason):
            runs, because = False, f"the evaluation failed{': ' + reason if reason else ''}"
        case Empty():
            runs = False
        case known:
            runs = truth(known)
    if stage is None and runs is not False:
        runs, because = None, "stage is not given"
    elif stage is not None and stage not in gate.stages:
        runs, because = False, f"it is not asked at {stage}"
    elif runs is False and not because:
        because = "its expression says no"
    return Filter(gate.address, runs, because, pointer, decider.origin)
