"""What a message would take: as text, for programs, and as a graph; and the schemas of this and of routing tests.

Law: a value is printed as it was decided, never worked out again; no secret can reach it, since objects are decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from msgspec.json import encode

from reconciler.expression import Unknown, wire
from reconciler.kinds import Catalogue, decode
from reconciler.mail import NEVER_FAILS_OVER, Attempt, Choice, Explanation, Held, Routing
from reconciler.report.machine import Json
from reconciler.report.paint import Paint, printable
from reconciler.values import Source, unquote

#: Names and words of the program's own in front of what is told of each expression.
_WIDTH = 12
_TITLES = ("name", "description")


def explanation_text(catalogue: Catalogue, found: Explanation, paint: Paint) -> str:
    """Print an explanation. Attempts that take the same are told together."""
    sender = found.given.get("sender")
    by = "what the server holds" if found.live else "the manifests and what a new server ships"
    origin = "" if sender is None else f" from {sender or 'no sender (a bounce)'}"
    lines = [printable(f"Mail to {found.given.get('rcpt')}{origin}, by {by}.")]
    for _, group in groupby(found.attempts, key=_same):
        attempts = tuple(group)
        lines += ["", paint(_heading(attempts), "bold")]
        width = min(max(len(_name(choice)) for choice in attempts[0].choices), 30)
        for choice in attempts[0].choices:
            lines += _choice(catalogue, choice, width, paint)
    lines += ["", *assumptions(found)]
    return "".join(f"{line}\n" for line in lines)


def _same(attempt: Attempt) -> tuple[Any, ...]:
    return tuple((each.outcome, each.name, each.pointer, each.because) for each in attempt.choices)


def _heading(attempts: Sequence[Attempt]) -> str:
    first, last = attempts[0], attempts[-1]
    if first is last:
        return f"Attempt {first.retry_num + 1} (retry_num {first.retry_num}, last_error {first.last_error})"
    errors = dict.fromkeys(attempt.last_error for attempt in attempts)
    retries = f"retry_num {first.retry_num} to {last.retry_num}, last_error {', then '.join(errors)}"
    return f"Attempts {first.retry_num + 1} to {last.retry_num + 1} ({retries})"


def _name(choice: Choice) -> str:
    return printable(choice.name) or ("unknown" if choice.outcome == "unknown" else "''")


def _choice(catalogue: Catalogue, choice: Choice, width: int, paint: Paint) -> list[str]:
    colour = {"unknown": "yellow", "fallback": "red"}.get(choice.outcome, "green")
    lines = [f"  {choice.field:<{_WIDTH}}{paint(f'{_name(choice):<{width}}', colour)}  {printable(deciding(choice))}"]
    inset = " " * (_WIDTH + 2)
    if choice.because:
        lines.append(f"{inset}{printable(choice.because)}")
    if choice.held is not None:
        lines.append(f"{inset}{printable(_held(catalogue, choice.held))}")
    if choice.uses:
        word = "the server falls back to" if choice.outcome == "fallback" else "no object is needed:"
        lines.append(f"{inset}{word} {choice.uses}")
    if choice.log:
        lines.append(f"{inset}its log says: {printable(choice.log)}")
    return lines


def deciding(choice: Choice) -> str:
    """Say which branch decided, and where it stands."""
    if not choice.pointer:
        return ""
    part = f"if {choice.condition}" if choice.condition else "else"
    if choice.pointer.endswith("/if"):
        part = f"not decided: {part}" if choice.outcome == "unknown" else f"stopped by: {part}"
    at = {"declared": str(choice.place or ""), "live": "", "shipped": ""}.get(choice.origin, "the server's default")
    return f"{part} ({at})" if at else part


def _held(catalogue: Catalogue, held: Held) -> str:
    fields = main_fields(catalogue, held)
    shown = ", ".join(f"{name}: {each if isinstance(each, str) else encode(each).decode()}" for name, each in fields)
    origin = ", as a new server ships it" if held.origin == "shipped" else ""
    return f"{held.address}{origin}{': ' + shown if shown else ''}"


def main_fields(catalogue: Catalogue, held: Held) -> list[tuple[str, Any]]:
    """Return what tells an object from another of its kind: human form, without defaults, name and description."""
    spec = decode(catalogue, catalogue.kinds[held.address.kind], held.wire)
    return [(name, value) for name, value in spec.items() if name not in _TITLES]


def assumptions(found: Explanation) -> list[str]:
    """Say what an explanation takes for granted, a sentence each."""
    lines = []
    if any(attempt.retry_num for attempt in found.attempts):
        errors = {attempt.last_error for attempt in found.attempts if attempt.retry_num}
        lines.append(
            f"Assumed: every attempt before fails with {', '.join(sorted(errors))}, and the schedule allows that many."
        )
        lines.append("The schedule of an attempt is the one chosen when the attempt before had failed.")
        lines.append(f"Bounces at once and never fails over: {'; '.join(NEVER_FAILS_OVER)}.")
    if any(attempt.retry_num == 0 for attempt in found.attempts):
        lines.append("The first schedule is chosen when mail is queued: size, queue_age and expires_in are 0 then.")
    if found.live:
        lines.append("These are the stored settings; what the server runs since its last reload, no interface shows.")
    return lines


def explanation_members(catalogue: Catalogue, found: Explanation, target: Json) -> Json:
    """Return the members of `reconciler/explanation/v1`."""
    return {
        "assumptions": assumptions(found),
        "attempts": [
            {
                "attempt": attempt.retry_num + 1,
                "decisions": {each.field: _decision(catalogue, each) for each in attempt.choices},
                "lastError": attempt.last_error,
                "retryNum": attempt.retry_num,
            }
            for attempt in found.attempts
        ],
        "given": dict(found.given),
        "neverFailsOver": list(NEVER_FAILS_OVER),
        "state": "live" if found.live else "manifests",
        "target": target,
    }


def _decision(catalogue: Catalogue, choice: Choice) -> Json:
    members: Json = {
        "outcome": choice.outcome,
        "kind": choice.kind,
        "name": choice.name if choice.outcome != "unknown" else None,
        "origin": choice.origin,
    }
    if not isinstance(choice.value, Unknown):
        members["value"] = wire(choice.value)
    optional = {
        "because": choice.because,
        "branch": choice.pointer,
        "if": choice.condition,
        "log": choice.log,
        "source": source(choice.place),
        "uses": choice.uses,
    }
    if choice.held is not None:
        optional["object"] = {
            "address": str(choice.held.address),
            "fields": dict(main_fields(catalogue, choice.held)),
            "origin": choice.held.origin,
        }
    return members | {name: value for name, value in optional.items() if value}


def source(place: Source | None) -> Json | None:
    """Return a place, or None."""
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}


def graph(found: Routing, explained: Explanation | None = None) -> str:
    """Return the routing as a Mermaid flowchart; the branches that an explanation's first attempt takes are thick."""
    taken = {each.field: each for each in explained.attempts[0].choices} if explained else {}
    lines = ["flowchart LR"]
    nodes: dict[tuple[str, str], str] = {}
    for decider in found.deciders:
        lines.append(f'    {decider.field}{{"{_label(decider.field)}"}}')
        choice = taken.get(decider.field)
        match = decider.expression.get("match") or {}
        keys = [branch.key for branch in decider.block.branches] if decider.block else []
        parts = [(f"match/{key}", f"{at}. {match[key]['if']}", match[key]["then"]) for at, key in enumerate(keys, 1)]
        if decider.block is not None:
            parts.append(("else", "else", decider.expression["else"]))
        for pointer, label, result in parts:
            decided = choice is not None and choice.pointer == f"{decider.field}/{pointer}"
            arrow = "==>" if decided and choice is not None and choice.outcome != "unknown" else "-->"
            key = (decider.language.names, unquote(result) or f"({result})")
            if key not in nodes:
                nodes[key] = f"n{len(nodes)}"
                lines.append(f"    {nodes[key]}{_node(found, key, result, decider.language.builtins)}")
            lines.append(f'    {decider.field} {arrow}|"{_label(label)}"| {nodes[key]}')
    return "\n".join(lines) + "\n"


def _node(found: Routing, key: tuple[str, str], result: str, builtins: Sequence[str]) -> str:
    kind, name = key
    if unquote(result) is None:
        return f'("{_label(result)}")'
    if name in found.names.get(kind, {}) or name in builtins or kind in found.state.unread:
        return f'["{_label(f"{kind}/{name}")}"]'
    return f'[/"{_label(f"{kind}/{name} does not exist")}"/]'


def _label(content: str) -> str:
    """Return a text as Mermaid takes it within quotes: every sign that could end or mark anything as a number."""
    fine = " .,;:=()[]/_-'@!|*+"
    return "".join(c if c.isascii() and (c.isalnum() or c in fine) else f"#{ord(c)};" for c in printable(content))


def _told(description: str, **schema: Any) -> Json:
    return {"description": description, **schema}


def _text(description: str) -> Json:
    return _told(description, type="string")


def _count(description: str) -> Json:
    return _told(description, type="integer", minimum=0)


def _list(description: str, of: Json) -> Json:
    return _told(description, type="array", items=of)


def _closed(description: str, required: Json, optional: Json | None = None) -> Json:
    return _told(
        description,
        type="object",
        required=sorted(required),
        properties={**required, **(optional or {})},
        additionalProperties=False,
    )


def _report(name: str, required: Json) -> Json:
    members = {"format": _told("What this is, and its version.", const=f"reconciler/{name}/v1"), **required}
    schema = {name: value for name, value in _closed("", members).items() if name != "description"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"reconciler/{name}/v1", **schema}


def _place(description: str) -> Json:
    line = _count("From 1; 0 where it is unknown.")
    return _closed(description, {"file": _text("The manifest, as its path was found."), "line": line, "column": line})


def _origin(description: str) -> Json:
    return _told(description, enum=["declared", "shipped", "live", "default"])


_CONDITION = _text("The condition that decided; absent where `else` did.")
_BRANCH = _text("Wire pointer of what decided, or of the condition that failed or is not known.")
_TARGET = _closed(
    "The server.", {"name": _text("The target of the configuration, or empty."), "url": _text("Its URL, or empty.")}
)
_DECISION = _closed(
    "What one expression comes to.",
    {
        "outcome": _told(
            "An object has the name; it needs none; the server falls back, for there is none; or it is not known.",
            enum=["object", "builtin", "fallback", "unknown"],
        ),
        "kind": _text("The kind whose objects the expression names."),
        "name": _told("The name that the server looks up; null where it is not known.", type=["string", "null"]),
        "origin": _origin("Whether the expression is declared, live, or at its default."),
    },
    {
        "because": _text("Why it is not known, or why the server falls back."),
        "branch": _BRANCH,
        "if": _CONDITION,
        "log": _text("The line in the server's log."),
        "object": _closed(
            "The object that is chosen.",
            {
                "address": _text("As `MtaRoute/relay-eu`."),
                "fields": _told("Human form, without what is at its default.", type="object"),
                "origin": _origin("Why it is taken to be there."),
            },
        ),
        "source": _place("Where what decided is declared."),
        "uses": _text("What the server uses without an object."),
        "value": _told("What the expression gives, as `eval` writes it."),
    },
)
#: The schema of `reconciler/explanation/v1`.
EXPLANATION_SCHEMA: Json = _report(
    "explanation",
    {
        "assumptions": _list("What is taken for granted.", _text("A sentence.")),
        "attempts": _list(
            "What is taken at each attempt.",
            _closed(
                "One attempt.",
                {
                    "attempt": _told("From 1.", type="integer", minimum=1),
                    "decisions": _told("What each expression comes to.", type="object", additionalProperties=_DECISION),
                    "lastError": _text("Why the attempt before failed; `none` at the first."),
                    "retryNum": _count("What the expressions see as retry_num; 0 at the first attempt."),
                },
            ),
        ),
        "given": _told("What is known of the message, as in a routing test.", type="object"),
        "neverFailsOver": _list("Failures that bounce at once, so that no other attempt is made.", _text("A failure.")),
        "state": _told("Whether the manifests or a server were asked.", enum=["manifests", "live"]),
        "target": _TARGET,
    },
)


def _names(description: str, *others: str) -> Json:
    return _told(description, type=["string", "array", *others], items=_text("A name."))


_CHECK = _closed(
    "One expectation.",
    {
        "actual": _names("What the server would take; null where it is not known.", "null"),
        "expected": _names("What the test expects."),
        "field": _text("The expression, or `milters`."),
        "passed": _told("Whether the expectation holds.", type="boolean"),
    },
    {
        "because": _text("Why it does not hold, where there is more to say."),
        "branch": _BRANCH,
        "decidedAt": _place("Where what decided is declared."),
        "if": _CONDITION,
        "retryNum": _count("The attempt of a ladder, from 0; absent outside a ladder."),
        "source": _place("Where the expectation stands, if it does not hold."),
    },
)
_DIAGNOSTIC = _closed(
    "One mistake.",
    {
        "severity": _told("Only errors stop a run.", enum=["error", "warning", "note"]),
        "code": _text("A word for this sort of finding."),
        "message": _text("What is wrong, as a sentence."),
    },
    {
        "hint": _text("What to do about it."),
        "address": _text("The object."),
        "pointer": _text("Where in the document, its steps joined by slashes."),
        "source": _place("Where it is written."),
    },
)
#: The schema of `reconciler/routing-tests/v1`.
ROUTING_TESTS_SCHEMA: Json = _report(
    "routing-tests",
    {
        "cases": _list(
            "The cases of every document without a mistake.",
            _closed(
                "One case.",
                {
                    "checks": _list("What it expects.", _CHECK),
                    "name": _text("Its name."),
                    "passed": _told("Whether all that it expects holds.", type="boolean"),
                    "source": _place("Where it stands."),
                },
            ),
        ),
        "diagnostics": _list("Mistakes in routing tests.", _DIAGNOSTIC),
        "summary": _closed(
            "Counts.",
            {
                "failed": _count("Cases that do not hold."),
                "mistakes": _count("Mistakes in routing tests."),
                "passed": _count("Cases that hold."),
            },
        ),
        "target": _TARGET,
    },
)
