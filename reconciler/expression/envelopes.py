"""From what a person says of a message (`given`) to the server's variables, and the `eval` command's line of work.

Law: a field that is left out has the default of a first attempt where there is one, and is otherwise unknown; a field
that is misspelt or of the wrong type is refused, never ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from reconciler.expression.decision import decide, parse_if
from reconciler.expression.evaluation import Lookups, normal_question
from reconciler.expression.language import INT_MAX, INT_MIN, METRICS, Context, ExpressionError
from reconciler.expression.regex import verdict
from reconciler.expression.tree import Matches, Reading, walk
from reconciler.expression.values import Constant, Empty, EvaluationError, Known, Unknown, Value

Shape = Literal["text", "integer", "boolean", "texts", "object"]

#: Fields of `given`, the variable that each one is (or "" where it is none), and its type.
FIELDS: dict[str, tuple[str, Shape]] = {
    "sender": ("sender", "text"),
    "rcpt": ("rcpt", "text"),
    "recipients": ("recipients", "texts"),
    "retryNum": ("retry_num", "integer"),
    "notifyNum": ("notify_num", "integer"),
    "priority": ("priority", "integer"),
    "source": ("source", "text"),
    "lastError": ("last_error", "text"),
    "lastStatus": ("last_status", "text"),
    "size": ("size", "integer"),
    "queueName": ("queue_name", "text"),
    "queueAge": ("queue_age", "integer"),
    "expiresIn": ("expires_in", "integer"),
    "receivedFromIp": ("received_from_ip", "text"),
    "receivedViaPort": ("received_via_port", "integer"),
    "mx": ("mx", "text"),
    "remoteIp": ("remote_ip", "text"),
    "localIp": ("local_ip", "text"),
    "listener": ("listener", "text"),
    "authenticatedAs": ("authenticated_as", "text"),
    "heloDomain": ("helo_domain", "text"),
    "isTls": ("is_tls", "boolean"),
    "stage": ("", "text"),
    "localDomains": ("", "texts"),
    "localAddresses": ("", "texts"),
    "lookups": ("", "object"),
}
_DEFAULTS = {"retryNum": 0, "notifyNum": 0, "priority": 0, "source": "unauthenticated"}
_NOUNS = {
    "text": "a text",
    "integer": "an integer",
    "boolean": "true or false",
    "texts": "a list of texts",
    "object": "an object",
}
#: An address within angle brackets, behind a display name or not; and signs that stand in no bare address.
_BRACKETS = re.compile(r"[^<>]*<([^<>]*)>")
_NO_DOMAIN = re.compile(r"[\s<>,;@]|\A\Z|\.\Z")
_NO_ADDRESS = re.compile(r"[\s<>,;]")
_SPECIAL_FLOATS = {"inf": math.inf, "-inf": -math.inf, "NaN": math.nan}


class GivenError(Exception):
    """`given` is wrong; `field` says where."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def envelope(given: Mapping[str, Any]) -> tuple[dict[str, Value], Lookups]:
    """Return the server's variables, and what is known of its domains, accounts and stores.

    The domain part of an address is in lower case there, the local part is as it was sent.

    Raises:
        GivenError: a field does not exist, or has the wrong type.
    """
    for field, content in given.items():
        if field not in FIELDS:
            import difflib  # slow to load, and seldom wanted

            close = difflib.get_close_matches(str(field)[:64], FIELDS, 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise GivenError(f"given has no field {str(field)[:64]!r}{hint}", str(field))
        if not _fits(content, FIELDS[field][1]):
            raise GivenError(f"given.{field} must be {_NOUNS[FIELDS[field][1]]}", field)
    fields = {**_DEFAULTS, **given}
    if fields["retryNum"] == 0:
        fields.setdefault("lastError", "none")
    if "rcpt" in fields:
        fields.setdefault("recipients", [fields["rcpt"]])
    variables: dict[str, Value] = {
        name: _value(name, field, fields[field]) if field in fields else Unknown(f"{field} is not given")
        for field, (name, _) in FIELDS.items()
        if name
    }
    for name in ("sender", "rcpt"):
        address = variables[name]
        variables[f"{name}_domain"] = address.rpartition("@")[2] if isinstance(address, str) else address
    return variables, _lookups(fields)


def eval_line(request: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Do one line of `eval`: `expr` in wire form and `given`, to `accepted` and `value`, or to `error`.

    What cannot be proven acceptable (a regular expression that only the server's engine can judge) counts as refused.
    """
    try:
        expression, given = request.get("expr"), request.get("given")
        if isinstance(expression, str):
            expression = {"else": expression}
        if not isinstance(expression, Mapping):
            return _refused("expr must be an object with else, and with match where there are conditions")
        if not isinstance(given, Mapping | None):
            return _refused("given must be an object")
        block = parse_if(expression, context)
        parts = (part for branch in block.branches for part in (branch.condition, branch.result))
        for node in (node for tree in (block.otherwise, *parts) for node in walk(tree)):
            if isinstance(node, Reading) and node.form == "metric" and node.name not in METRICS:
                return _refused(f"it cannot be told whether the server has the metric {node.name}")
            if isinstance(node, Matches) and node.verdict != "valid":
                because = verdict(node.pattern)[1]
                return _refused(f"it cannot be told whether the server takes a regular expression: {because}")
        variables, lookups = envelope(given or {})
        return {"accepted": True, "value": wire(decide(block, variables, lookups).value)}
    except (ExpressionError, GivenError) as error:
        return _refused(str(error))


def _refused(because: str) -> dict[str, Any]:
    return {"accepted": False, "error": because}


def wire(value: Value) -> Any:
    """Return a value as `eval` writes it in JSON."""
    match value:
        case Constant(name=name):
            return {"constant": name}
        case Empty():
            return {"empty": True}
        case EvaluationError():
            return {"error": True}
        case Unknown(because=because):
            return {"unknown": because}
        case tuple():
            return [wire(element) for element in value]
        case float() if not math.isfinite(value):
            return {"float": next(name for name, special in _SPECIAL_FLOATS.items() if repr(special) == repr(value))}
        case _:
            return value


def from_wire(content: object) -> Value:
    """Return a value that was written in JSON, `true` and `false` being 1 and 0.

    Raises:
        GivenError: it is no value of an expression.
    """
    match content:
        case bool():
            return int(content)
        case int() if INT_MIN <= content <= INT_MAX:
            return content
        case str() | float():
            return content
        case {"error": True}:
            return EvaluationError()
        case {"unknown": str(because)}:
            return Unknown(because)
        case {"constant": str(name)}:
            return Constant(name)
        case {"float": str(name)} if name in _SPECIAL_FLOATS:
            return _SPECIAL_FLOATS[name]
        case list() if all(isinstance(element, str | int | float) for element in content):
            return tuple(_plain(element) for element in content)
    raise GivenError("a lookup's answer must be a text, a number, true, false or a list of these", "lookups")


def _plain(content: object) -> Known:
    value = from_wire(content)
    if isinstance(value, Empty | EvaluationError | Unknown):
        raise GivenError("a list cannot hold this", "lookups")
    return value


def _fits(content: object, shape: Shape) -> bool:
    match shape:
        case "text":
            return isinstance(content, str)
        case "integer":
            return isinstance(content, int) and not isinstance(content, bool) and INT_MIN <= content <= INT_MAX
        case "boolean":
            return isinstance(content, bool)
        case "texts":
            return isinstance(content, list | tuple) and all(isinstance(one, str) for one in content)
        case "object":
            return isinstance(content, Mapping)


def _value(name: str, field: str, content: Any) -> Value:
    if name in ("sender", "rcpt"):
        return _address(field, content)
    if name == "recipients":
        return tuple(_address(field, one) for one in content)
    return int(content) if isinstance(content, bool) else content


def _address(field: str, written: str) -> str:
    """Return the bare address of what a person, a log or a header writes: `Desk <a@example.org>`, `<a@example.org>`.

    Raises:
        GivenError: it is no address. Taken as it stands, it would go another way than the mail that is meant.
    """
    address = written.strip()
    inner = _BRACKETS.fullmatch(address)
    if inner:
        address = inner[1].strip()
    local, at, domain = address.rpartition("@")
    quoted = local.startswith('"') and local.endswith('"') and len(local) > 1
    if _NO_ADDRESS.search(domain if quoted else address) or (at and not (local and domain)):
        raise GivenError(f"given.{field}: {written[:64]!r} is no address, such as a@example.org", field)
    # Without a domain it is one that the server itself knows, such as Postmaster.
    return local + at + domain.lower() if at else address


def _lookups(fields: Mapping[str, Any]) -> Lookups:
    # Domains and accounts are in lower case on the server, and are compared as they are.
    domains, addresses = (
        frozenset(one.lower() for one in fields[name]) if name in fields else None
        for name in ("localDomains", "localAddresses")
    )
    odd = next((one for one in fields.get("localDomains", ()) if _NO_DOMAIN.search(one)), None)
    if odd is not None:
        raise GivenError(f"given.localDomains: {odd[:64]!r} is no domain, such as example.org", "localDomains")
    answers: dict[str, Value] = {}
    for asked, answer in fields.get("lookups", {}).items():
        try:
            answers[normal_question(str(asked))] = from_wire(answer)
        except ExpressionError as error:
            raise GivenError(f"given.lookups: {str(asked)[:64]!r}: {error.message}", "lookups") from None
    return Lookups(domains, addresses, answers)
