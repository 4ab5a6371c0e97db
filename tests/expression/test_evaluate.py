"""What expressions give, and what becomes of what is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from reconciler.expression import (
    Captures,
    Constant,
    Context,
    Empty,
    EvaluationError,
    ExpressionError,
    Lookups,
    Unknown,
    Value,
    evaluate,
    normal_question,
    parse,
)
from reconciler.expression.evaluation import question
from reconciler.expression.postfix import Instruction, compiled
from reconciler.expression.values import Known, identical

KNOWN: dict[str, Value] = {
    "rcpt": "User@ext.test",
    "rcpt_domain": "ext.test",
    "recipients": ("User@ext.test",),
    "sender": "me@from.test",
    "retry_num": 2,
    "last_error": "tls",
}
ROUTE = Context(frozenset((*KNOWN, "size", "source")), frozenset(("relaxed", "strict")))
OUTSIDE = Lookups(
    frozenset(("local.test",)),
    frozenset(("a@local.test",)),
    {
        "key_exists('s','k')": 1,
        "key_get('s','k')": "found",
        "dns_query('a.test','mx')": ("mx.a.test",),
        "dns_query('b.test','mx')": EvaluationError(),
        "system('hostname')": "mail.test",
        "is_local_domain('other.test')": 1,
    },
)


def value(text: str, given: Mapping[str, Value] | None = None, lookups: Lookups | None = OUTSIDE) -> Value:
    return evaluate(parse(text, ROUTE), KNOWN if given is None else given, (), lookups)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("10 - 2 - 3", 5),
        ("100 / 10 / 5", 2.0),
        ("-(1 + 2)", -3),
        ("!1 + 1", 1),
        ("3 < retry_num < 2", 1),
        ("3 > 2 > 1", 0),
        ("5 == 5 == 5", 0),
        ("1 ^ 1", 0),
        ("1 || 1 ^ 1", 1),
        ("5s + 1", 5001),
        ("relaxed", Constant("relaxed")),
        ("relaxed == relaxed", 0),
        ("$name + 1", 1),
        ("$1", ""),
        ("['a', 1, [2.5]]", ("a", 1, (2.5,))),
        ("['a', 'b'][1]", "b"),
        ("['a'][5]", ""),
        ("['a'][0 - 1]", ""),
        ("rcpt[0]", "User@ext.test"),
        ("rcpt[1]", ""),
        ("retry_num[0]", 2),
        ("recipients[0]", "User@ext.test"),
        ("contains(recipients, 'User@ext.test')", 1),
        ("if_then(retry_num > 1, 'fallback', 'primary')", "fallback"),
        ("is_local_domain('local.test')", 1),
        ("is_local_domain('LOCAL.test')", 0),
        ("is_local_domain(5)", 0),
        ("is_local_domain('other.test')", 1),
        ("is_local_address('a@local.test')", 1),
        ("is_local_address('A@local.test')", 0),
        ("key_exists('s', 'k') && 'yes'", 1),
        ("key_get('s', 'k')", "found"),
        ("dns_query('a.test', 'mx')[0]", "mx.a.test"),
        ("system('hostname')", "mail.test"),
        ("9" * 400 + ".0", math.inf),
    ],
)
def test_texts_that_make_sense(text: str, expected: Known) -> None:
    found = value(text)

    assert identical(found, expected), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'r1' || 'r2'", "r1"),
        ("'' || 'r2'", 1),
        ("0 || 0.0", 0),
        ("3 || 0", 3),
        ("'' && 'x'", ""),
        ("0 && 'x'", 0),
        ("'x' && 'y'", 1),
        ("2 && 0", 0),
        ("['r1'] || 1", ("r1",)),
        ("(0 || 2) + 1", 2),
        ("1 || 0 && 0", 1),
        ("0 && 0 || 1", 1),
        ("rcpt_domain == ('a.test' || 'ext.test')", 0),
        ("rcpt_domain == 'a.test' || 'ext.test'", 1),
    ],
)
def test_and_and_or_leave_the_value_that_decides(text: str, expected: Known) -> None:
    assert identical(value(text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry_num >", 0),
        ("retry_num <", 1),
        ("retry_num=1", 0),
        ("retry_num = 2", 1),
        ("retry_num=12", 1),
        ("&&", ""),
        ("||", 0),
        ("!", 1),
        ("-", 0),
        ("1 +", 1),
        ("* 2", 0),
        ("4 retry_num", 2),
        ("'r1' 'r2'", "r2"),
        ("'r1', 'r2'", "r2"),
        ("[-1]", ()),
        ("'abc'[0]", (0,)),
        ("if_then(1 'a' 'b')", "a"),
        ("len 'abc' ()", 3),
        ("1 + 2 3", 5),
        ("1, 2 && + 3", 1),
        ("1 && && 1", 0),
        ("'r1' } nonsense", "r1"),
        ("retry_num ()", 2),
        ("--1", -1),
        ("1 - - 1", 2),
    ],
)
def test_odd_texts_run_as_the_server_runs_them(text: str, expected: Known) -> None:
    assert identical(value(text), expected)


@pytest.mark.parametrize("text", ["", " ", ",", "()", "(())", "}", "} 1", "(,)"])
def test_a_text_that_says_nothing_gives_nothing(text: str) -> None:
    assert value(text) == Empty()


def test_a_match_leaves_its_groups() -> None:
    assert evaluate(parse("matches('^(.+)@(x)?(.+)$', rcpt)", ROUTE), KNOWN) == (
        1,
        ("User@ext.test", "User", "", "ext.test"),
    )


def test_a_failed_match_clears_the_groups() -> None:
    assert evaluate(parse("matches('x@', rcpt) + $1", ROUTE), KNOWN, ("all", "one")) == (0, ())


def test_groups_come_in_from_the_part_before() -> None:
    assert evaluate(parse("$1 + '-' + $0 + $7", ROUTE), KNOWN, ("all", "one")) == ("one-all", ("all", "one"))


def test_a_match_that_is_jumped_over_changes_nothing() -> None:
    assert evaluate(parse("0 && matches('(.)', rcpt)", ROUTE), KNOWN, ("all",)) == (0, ("all",))


def test_a_failed_lookup_ends_the_evaluation() -> None:
    assert value("dns_query('b.test', 'mx') || 1") == EvaluationError()
    assert value("1 || dns_query('b.test', 'mx')") == 1


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("size", "size is not given"),
        ("size > 5 && 1", "size is not given"),
        ("-size", "size is not given"),
        ("'x' + size", "size is not given"),
        ("size == size", "size is not given"),
        ("len(size)", "size is not given"),
        ("['a'][size]", "size is not given"),
        ("if_then(size, 1, 1)", "size is not given"),
        ("matches('a', source)", "source is not given"),
        ("matches('a', source) + $0", "source is not given"),
        ("key_exists('s', 'other')", "lookups has no key_exists('s','other')"),
        ("key_exists('s', size)", "size is not given"),
        ("counter_incr('s', 'k', 1)", "lookups has no counter_incr('s','k','1')"),
        ("dns_query(source, 'mx') || 1", "source is not given"),
        ("dns_query('c.test', 'mx') || 1", "lookups has no dns_query('c.test','mx')"),
        ("metric('queue.count') > 5", "metric('queue.count') is not given"),
        (r"matches('\p{Greek}', rcpt)", "only the server's engine can run this regular expression"),
    ],
)
def test_what_depends_on_what_is_not_given_is_unknown(text: str, because: str) -> None:
    assert value(text) == Unknown(because)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 && size", 0),
        ("size && 0", False),
        ("size && 1", None),
        ("size || 1", True),
        ("size || 0", None),
        ("!(size && 0)", 1),
        ("!(size || 1)", 0),
        ("(size && 0) ^ 1", 1),
        ("size ^ 1", None),
        ("1 || size", 1),
        ("'' || size", None),
        ("[size]", True),
        ("if_then(size && 0, 'a', 'b')", None),
        ("(size && 0) || (source && 0)", 0),
        ("(size && 0) || 'x'", 1),
        ("(size || 1) && rcpt", 1),
        ("size && key_exists('s', 'k') && 0", False),
        ("size 5", 5),
        ("size && dns_query('b.test', 'mx')", None),
    ],
)
def test_what_both_ways_agree_on_is_kept(text: str, expected: Known | bool | None) -> None:
    found = value(text)

    if isinstance(expected, bool) or expected is None:
        assert isinstance(found, Unknown)
        assert found.truth is expected
    else:
        assert identical(found, expected)


@pytest.mark.parametrize(
    ("text", "captures"),
    [
        ("size && matches('(.)', rcpt)", Unknown("size is not given")),
        ("matches('(.)', rcpt) || size", ("U", "U")),
        ("matches('(.)', size)", Unknown("size is not given")),
        ("size 1", ("kept",)),
        ("dns_query('c.test', 'mx')", Unknown("lookups has no dns_query('c.test','mx')")),
    ],
)
def test_groups_are_unknown_where_it_is_unknown_what_matched_last(text: str, captures: Captures) -> None:
    assert evaluate(parse(text, ROUTE), KNOWN, ("kept",), OUTSIDE)[1] == captures


def test_unknown_groups_make_what_uses_them_unknown() -> None:
    assert evaluate(parse("$1", ROUTE), KNOWN, Unknown("of reasons")) == (Unknown("of reasons"), Unknown("of reasons"))


def test_ways_that_leave_stacks_of_different_height_agree_on_nothing() -> None:
    assert value("1 2 size && + 3") == Unknown("size is not given")


def test_lookups_without_answers_know_no_domains() -> None:
    assert value("is_local_domain(rcpt_domain)", lookups=None) == Unknown("localDomains is not given")
    assert value("is_local_address(rcpt)", lookups=None) == Unknown("localAddresses is not given")


@pytest.mark.parametrize(
    "text",
    [
        "'a'+" * 5_000 + "'b'",
        "dedup([" + "'a'," * 2_000 + "1])",
        "[" * 100 + "]" * 100,
        "matches('" + "(a*)*" * 20 + "b', '" + "a" * 50_000 + "')",
        "rcpt" + "+rcpt" * 2_000,
    ],
)
def test_what_would_take_too_long_is_unknown(text: str) -> None:
    assert value(text) == Unknown("this is too much to try")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1" + "+1" * 20_000, 20_001),
        ("0 || " * 20_000 + "1", 1),
        ("size || " * 5_000 + "0", Unknown("size is not given")),
        ("(size && " * 5_000 + "0" + ")" * 5_000, Unknown("size is not given", truth=False)),
        ("!" * 20_000 + "1", 1),
        ("rcpt" + "[0]" * 5_000, "User@ext.test"),
        ("is_intersect([" + "'a@example.test'," * 500 + "1], [" + "'b@example.test'," * 500 + "2])", 0),
    ],
)
def test_long_and_deep_texts_run(text: str, expected: Value) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("key_exists('a', \"b\")", "key_exists('a','b')"),
        ("(key_exists('a','b'))", "key_exists('a','b')"),
        ("counter_incr('a', 'b', 1)", "counter_incr('a','b','1')"),
        ("sql_query('a', 'SELECT 1', ['x', 2])", "sql_query('a','SELECT 1','x\\r\\n2')"),
        ("system( 'hostname' )", "system('hostname')"),
        ("metric('queue.count')", "metric('queue.count')"),
        ("is_local_domain('a' + '.test')", "is_local_domain('a.test')"),
    ],
)
def test_a_question_has_one_spelling(written: str, normal: str) -> None:
    assert normal_question(written) == normal


@pytest.mark.parametrize(
    "written", ["len('a')", "1", "key_exists('a')", "key_exists('a', rcpt)", "key_get('a' 'b')", "("]
)
def test_what_asks_nothing_is_no_question(written: str) -> None:
    with pytest.raises(ExpressionError):
        normal_question(written)


def test_questions_quote_their_arguments() -> None:
    assert question("key_get", ("a", 1.0)) == "key_get('a','1.0')"


def test_instructions_jump_over_the_right_side() -> None:
    assert compiled(parse("rcpt && 1 || 2", ROUTE)) == (
        Instruction("variable", "rcpt"),
        Instruction("jump", value=0, number=4),
        Instruction("push", value=1),
        Instruction("binary", "&&"),
        Instruction("jump", value=1, number=7),
        Instruction("push", value=2),
        Instruction("binary", "||"),
    )
