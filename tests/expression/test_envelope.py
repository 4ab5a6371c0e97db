"""What is said of a message, the variables that this makes, and lines of `eval`."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from reconciler.expression import (
    FIELDS,
    Constant,
    Context,
    Empty,
    EvaluationError,
    GivenError,
    Lookups,
    Unknown,
    Value,
    envelope,
    eval_line,
    from_wire,
    vocabulary,
    wire,
)

ROUTE = Context(
    frozenset(("rcpt", "rcpt_domain", "recipients", "sender", "sender_domain", "retry_num", "last_error", "size")),
    frozenset(("relaxed",)),
)


NO_LOOKUP = "given.lookups: \"len('a')\": this is no lookup with plain values, like key_exists('store', 'key')"
NO_ANSWER = "a lookup's answer must be a text, a number, true, false or a list of these"
NO_WORD = 'else, column 1: "r1" is no function, variable, constant or duration; a text needs quotes'
DOUBT = "it cannot be told whether the server takes a regular expression: the Unicode class Greek is not known here"


def line(text: str, **given: Any) -> dict[str, Any]:
    return eval_line({"context": "MtaOutboundStrategy.route", "expr": {"else": text}, "given": given}, ROUTE)


def test_a_first_attempt_is_assumed() -> None:
    variables, lookups = envelope({})

    known = {name: value for name, value in variables.items() if not isinstance(value, Unknown)}
    assert known == {"retry_num": 0, "notify_num": 0, "priority": 0, "source": "unauthenticated", "last_error": "none"}
    assert lookups == Lookups()


def test_what_is_left_out_says_which_field_is_missing() -> None:
    variables, _ = envelope({"retryNum": 1})

    assert variables["last_error"] == Unknown("lastError is not given")
    assert variables["queue_age"] == Unknown("queueAge is not given")
    assert variables["rcpt_domain"] == Unknown("rcpt is not given")
    assert variables["recipients"] == Unknown("recipients is not given")


def test_only_the_domain_of_an_address_is_lowered() -> None:
    variables, _ = envelope({"sender": "Me@From.Test", "rcpt": "User@Ext.Test"})

    assert [variables[name] for name in ("sender", "sender_domain", "rcpt", "rcpt_domain", "recipients")] == [
        "Me@from.test",
        "from.test",
        "User@ext.test",
        "ext.test",
        ("User@ext.test",),
    ]


def test_an_address_without_a_domain_stays_as_it_is() -> None:
    variables, _ = envelope({"sender": "", "rcpt": "Postmaster", "recipients": ["A@B", "C"]})

    assert [variables[name] for name in ("sender", "sender_domain", "rcpt", "rcpt_domain", "recipients")] == [
        "",
        "",
        "Postmaster",
        "Postmaster",
        ("A@b", "C"),
    ]


def test_every_field_becomes_its_variable() -> None:
    given: dict[str, Any] = {
        field: {"text": "x", "integer": 7, "boolean": True}[shape]
        for field, (name, shape) in FIELDS.items()
        if name and shape != "texts"
    }
    variables, _ = envelope(given)

    assert not [name for name, value in variables.items() if isinstance(value, Unknown)]
    assert variables["is_tls"] == 1
    assert type(variables["is_tls"]) is int
    assert set(variables) <= vocabulary().variables


def test_local_domains_and_answers_are_looked_up() -> None:
    _, lookups = envelope(
        {
            "localDomains": ["Local.Test"],
            "localAddresses": ["A@Local.Test"],
            "lookups": {"key_exists( 'a', 'b' )": True, "dns_query('a', 'mx')": {"error": True}},
        }
    )

    assert lookups == Lookups(
        frozenset(("local.test",)),
        frozenset(("a@local.test",)),
        {"key_exists('a','b')": 1, "dns_query('a','mx')": EvaluationError()},
    )


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"rpct": "a@b"}, "rpct", "given has no field 'rpct' (did you mean rcpt?)"),
        ({"zzz": 1}, "zzz", "given has no field 'zzz'"),
        ({"rcpt": 5}, "rcpt", "given.rcpt must be a text"),
        ({"retryNum": "1"}, "retryNum", "given.retryNum must be an integer"),
        ({"retryNum": True}, "retryNum", "given.retryNum must be an integer"),
        ({"size": 2**63}, "size", "given.size must be an integer"),
        ({"isTls": 1}, "isTls", "given.isTls must be true or false"),
        ({"recipients": "a@b"}, "recipients", "given.recipients must be a list of texts"),
        ({"localDomains": [1]}, "localDomains", "given.localDomains must be a list of texts"),
        ({"lookups": []}, "lookups", "given.lookups must be an object"),
        ({"lookups": {"len('a')": 1}}, "lookups", NO_LOOKUP),
        ({"lookups": {"key_get('a','b')": None}}, "lookups", NO_ANSWER),
    ],
)  # fmt: skip
def test_what_is_wrong_with_given_is_said(given: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(GivenError) as caught:
        envelope(given)

    assert (caught.value.field, caught.value.message) == (field, message)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a", "a"),
        (5, 5),
        (1.5, 1.5),
        (math.inf, {"float": "inf"}),
        (-math.inf, {"float": "-inf"}),
        (math.nan, {"float": "NaN"}),
        (("a", (1,), math.inf), ["a", [1], {"float": "inf"}]),
        (Constant("relaxed"), {"constant": "relaxed"}),
        (Empty(), {"empty": True}),
        (EvaluationError("why"), {"error": True}),
        (Unknown("why", truth=True), {"unknown": "why"}),
    ],
)
def test_values_have_a_form_in_json(value: Value, written: Any) -> None:
    assert wire(value) == written
    json.dumps(wire(value), allow_nan=False)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (True, 1),
        (False, 0),
        ("a", "a"),
        (1.5, 1.5),
        (["a", 1, True], ("a", 1, 1)),
        ({"float": "-inf"}, -math.inf),
        ({"constant": "relaxed"}, Constant("relaxed")),
        ({"error": True}, EvaluationError()),
        ({"unknown": "why"}, Unknown("why")),
    ],
)
def test_values_are_read_from_json(written: Any, value: Value) -> None:
    assert from_wire(written) == value
    assert type(from_wire(written)) is type(value)


@pytest.mark.parametrize("written", [None, {}, {"float": "x"}, [None], [["a"]], 2**63, [2**63], {"error": False}])
def test_what_is_no_value_is_refused(written: Any) -> None:
    with pytest.raises(GivenError):
        from_wire(written)


def test_a_line_of_eval_gives_a_value() -> None:
    expression = {"match": {"0": {"if": "is_local_domain(rcpt_domain)", "then": "'local'"}}, "else": "'mx'"}
    request = {"expr": expression, "given": {"rcpt": "a@Local.Test", "localDomains": ["local.test"]}}

    assert eval_line(request, ROUTE) == {"accepted": True, "value": "local"}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("retry_num", {"accepted": True, "value": 0}),
        ("size", {"accepted": True, "value": {"unknown": "size is not given"}}),
        ("relaxed", {"accepted": True, "value": {"constant": "relaxed"}}),
        (",", {"accepted": True, "value": {"empty": True}}),
        ("r1", {"accepted": False, "error": NO_WORD}),
        (r"matches('\p{Greek}', rcpt)", {"accepted": False, "error": DOUBT}),
    ],
)  # fmt: skip
def test_a_line_of_eval_says_whether_the_server_accepts(text: str, answer: dict[str, Any]) -> None:
    assert line(text, rcpt="a@b.test") == answer


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({}, "expr must be an object with else, and with match where there are conditions"),
        ({"expr": 5}, "expr must be an object with else, and with match where there are conditions"),
        ({"expr": {"else": "1"}, "given": []}, "given must be an object"),
        ({"expr": {"else": "1"}, "given": {"zzz": 1}}, "given has no field 'zzz'"),
        ({"expr": {"else": "1", "x": "1"}}, "column 1: an expression has match and else, but no x"),
    ],
)
def test_a_bad_line_of_eval_is_answered(request_: dict[str, Any], error: str) -> None:
    assert eval_line(request_, ROUTE) == {"accepted": False, "error": error}


def test_a_bare_text_stands_for_its_else() -> None:
    assert eval_line({"expr": "'mx'"}, ROUTE) == {"accepted": True, "value": "mx"}


@pytest.mark.parametrize(
    "written",
    [
        "info@k.example",
        " info@k.example",
        "<info@K.example>",
        "Info Desk <info@k.example>",
        '"Desk, Info" < info@k.example >',
    ],
)
def test_an_address_is_understood_as_logs_and_headers_write_it(written: str) -> None:
    variables, _ = envelope({"rcpt": written, "sender": written})

    assert {variables[name] for name in ("rcpt", "sender")} == {"info@k.example"}
    assert variables["rcpt_domain"] == "k.example"


@pytest.mark.parametrize(
    "written",
    ["info @k.example", "a@k.example, b@k.example", "<a@k.example> <b@k.example>", "a@k.example>", "info@", "@k"],
)
def test_what_is_no_address_is_refused_and_never_routed(written: str) -> None:
    with pytest.raises(GivenError, match="is no address, such as"):
        envelope({"rcpt": written})


def test_bounce_has_an_empty_sender_in_brackets_too() -> None:
    assert envelope({"sender": "<>"})[0]["sender"] == envelope({"sender": ""})[0]["sender"] == ""
