"""Which branch of an expression decides."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.expression import (
    Block,
    Branch,
    Context,
    Decision,
    Empty,
    EvaluationError,
    ExpressionError,
    Lookups,
    Unknown,
    Value,
    decide,
    parse,
    parse_if,
)

ROUTE = Context(frozenset(("rcpt", "rcpt_domain", "retry_num", "size")), frozenset(("relaxed",)))
KNOWN: dict[str, Value] = {"rcpt": "a@ext.test", "rcpt_domain": "ext.test", "retry_num": 2}


def rules(*pairs: tuple[str, str], otherwise: str = "'mx'", keys: tuple[str, ...] = ()) -> dict[str, Any]:
    names = keys or tuple(map(str, range(len(pairs))))
    match = {key: {"if": condition, "then": then} for key, (condition, then) in zip(names, pairs, strict=True)}
    return {"match": match, "else": otherwise}


REQUIRED = "column 1: this part is required, and must be a text that is not empty"
BRANCH = "column 1: a branch has an if and a then, and nothing else"
WORD = 'column 6: "r1" is no function, variable, constant or duration; a text needs quotes'


def decided(expression: dict[str, Any], lookups: Lookups | None = None) -> Decision:
    return decide(parse_if(expression, ROUTE), KNOWN, lookups)


def refusal(expression: dict[str, Any]) -> str:
    with pytest.raises(ExpressionError) as caught:
        parse_if(expression, ROUTE)
    return str(caught.value)


def test_the_first_true_condition_decides() -> None:
    expression = rules(("rcpt_domain == 'x'", "'a'"), ("retry_num > 1", "'b'"), ("1", "'c'"))

    assert decided(expression) == Decision("b", 1, (0, 1))


def test_else_decides_where_no_condition_is_true() -> None:
    assert decided(rules(("0", "'a'"))) == Decision("mx", None, (0,))


def test_a_block_without_conditions_is_its_else() -> None:
    assert parse_if({"else": "'mx'"}, ROUTE) == Block((), parse("'mx'", ROUTE))
    assert decided({"else": "'mx'"}) == Decision("mx", None, ())


def test_conditions_are_tried_by_number_and_not_by_spelling() -> None:
    expression = rules(("1", "'ten'"), ("1", "'two'"), keys=("10", "2"))

    assert parse_if(expression, ROUTE).branches[0] == Branch("2", parse("1", ROUTE), parse("'two'", ROUTE))
    assert decided(expression) == Decision("two", 0, (1,))


@pytest.mark.parametrize(("then", "value"), [("0", 0), ("''", ""), (" ", Empty()), ("[]", ())])
def test_what_then_gives_is_final(then: str, value: Value) -> None:
    assert decided(rules(("1", then))) == Decision(value, 0, (1,))


def test_a_condition_that_says_nothing_is_false() -> None:
    assert decided(rules((" ", "'a'"))) == Decision("mx", None, (Empty(),))


def test_groups_are_seen_by_all_that_comes_after() -> None:
    assert decided(rules(("matches('^(.)@', rcpt)", "$1 + '1'"))).value == "a1"
    assert decided(rules(("matches('^(.)@', rcpt) && 0", "'x'"), otherwise="$1 + '2'")).value == "a2"
    assert decided(rules(("matches('(.)@', rcpt) && 0", "'x'"), ("$1 == 'a'", "'seen'"))).value == "seen"


def test_a_failed_condition_ends_everything() -> None:
    lookups = Lookups(answers={"dns_query('a','mx')": EvaluationError()})
    expression = rules(("0", "'x'"), ("dns_query('a', 'mx')", "'a'"), ("1", "'b'"))

    assert decided(expression, lookups) == Decision(EvaluationError(), None, (0, EvaluationError()), decided=False)


def test_an_unknown_condition_leaves_everything_unknown() -> None:
    unknown = Unknown("size is not given")

    assert decided(rules(("size > 5", "'a'"), ("1", "'b'"))) == Decision(unknown, None, (unknown,), decided=False)


def test_an_unknown_condition_that_is_surely_false_is_passed_over() -> None:
    false = Unknown("size is not given", truth=False)

    assert decided(rules(("size && retry_num == 7", "'a'"), ("1", "'b'"))) == Decision("b", 1, (false, 1))


def test_an_unknown_condition_that_is_surely_true_decides() -> None:
    true = Unknown("size is not given", truth=True)

    assert decided(rules(("size || 1", "'a'"))) == Decision("a", 0, (true,))


def test_a_branch_can_decide_for_what_is_unknown() -> None:
    assert decided(rules(("1", "size"))) == Decision(Unknown("size is not given"), 0, (1,))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({}, f"else, {REQUIRED}"),
        ({"else": ""}, f"else, {REQUIRED}"),
        ({"else": 5}, f"else, {REQUIRED}"),
        (rules(("", "1")), f"match/0/if, {REQUIRED}"),
        ({"match": {"0": {"if": "1"}}, "else": "1"}, f"match/0/then, {REQUIRED}"),
        (rules(("1", "1"), keys=("x",)), "match, column 1: the keys of match must be numbers"),
        (rules(("1", "1"), keys=("-1",)), "match, column 1: the keys of match must be numbers"),
        ({"match": [], "else": "1"}, "match, column 1: match must be an object with numbers as keys"),
        ({"match": {"0": "1"}, "else": "1"}, f"match/0, {BRANCH}"),
        ({"match": {"0": {"if": "1", "then": "1", "x": 1}}, "else": "1"}, f"match/0, {BRANCH}"),
        ({"else": "1", "then": "1"}, "column 1: an expression has match and else, but no then"),
        (rules(("1 +  r1", "1")), f"match/0/if, {WORD}"),
        (rules(("1", "mx"), keys=("7",)), 'match/7/then, column 1: the variable "mx" does not exist in this place'),
    ],
)  # fmt: skip
def test_a_refusal_says_in_which_part(expression: dict[str, Any], message: str) -> None:
    assert refusal(expression) == message


def test_empty_parts_are_found_before_else_and_else_before_the_rest() -> None:
    assert refusal(rules(("r1", ""), otherwise="r2")).startswith("match/0/then")
    assert refusal(rules(("r1", "r3"), otherwise="r2")).startswith("else")
