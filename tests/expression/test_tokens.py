"""How a text is cut, and when two texts are the same expression."""

from __future__ import annotations

import pytest

from reconciler.expression import ExpressionError, same, tokens
from reconciler.expression.lexer import Token, lex


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.value) for token in lex(text)[0]]


def refusal(text: str) -> tuple[int, str]:
    with pytest.raises(ExpressionError) as caught:
        lex(text)
    return caught.value.column, caught.value.message


def test_a_comparison_is_three_tokens_with_columns_from_one() -> None:
    found, ignored = lex("rcpt_domain == 'a.test'")

    assert found == [
        Token("word", "rcpt_domain", "rcpt_domain", 1),
        Token("binary", "==", "==", 13),
        Token("text", "a.test", "'a.test'", 16),
    ]
    assert ignored == ""


@pytest.mark.parametrize(
    ("text", "operator", "rest"),
    [
        ("a = b", "==", [("word", "b")]),  # the space is swallowed
        ("a =10", "==", [("word", "0")]),
        ("a =1", "==", []),
        ("a =", "==", []),
        ("a =\tb", "==", [("word", "b")]),  # a tab could not stand anywhere else
        ("a =}b", "==", [("word", "b")]),
        ("a =! b", "==", [("word", "b")]),
        ("a == b", "==", [("word", "b")]),
        ("a => b", ">=", [("word", "b")]),
        ("a =< b", "<=", [("word", "b")]),
        ("a >= b", ">=", [("word", "b")]),
        ("a <= b", "<=", [("word", "b")]),
        ("a != b", "!=", [("word", "b")]),
        ("a & b", "&&", [("word", "b")]),
        ("a && b", "&&", [("word", "b")]),
        ("a | b", "||", [("word", "b")]),
        ("a || b", "||", [("word", "b")]),
        ("a ^ b", "^", [("word", "b")]),
    ],
)
def test_operators_are_read_as_the_server_reads_them(text: str, operator: str, rest: list[tuple[str, str]]) -> None:
    assert kinds(text) == [("word", "a"), ("binary", operator), *rest]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<>", [("binary", "<"), ("binary", ">")]),
        ("> =", [("binary", ">"), ("binary", "==")]),
        ("&&&", [("binary", "&&"), ("binary", "&&")]),
        ("===", [("binary", "=="), ("binary", "==")]),
        ("!==", [("binary", "!="), ("binary", "==")]),
        ("! =", [("unary", "!"), ("binary", "==")]),
    ],
)
def test_operators_are_cut_greedily(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "minus"),
    [
        ("-1", "unary"),
        (" -1", "unary"),
        ("(-1)", "unary"),
        ("f(a, -1)", "unary"),
        ("1 + -1", "unary"),
        ("1 = -1", "unary"),
        ("1 -1", "binary"),
        ("'a' -1", "binary"),
        ("(1) -1", "binary"),
        ("[-1]", "binary"),  # so this is an empty list
        ("!-1", "binary"),
        ("a[0] -1", "binary"),
    ],
)
def test_a_minus_is_a_sign_at_the_start_and_after_openings_commas_and_operators(text: str, minus: str) -> None:
    assert [kind for kind, value in kinds(text) if value == "-"] == [minus]


def test_a_second_minus_is_a_subtraction() -> None:
    assert kinds("--1") == [("unary", "-"), ("binary", "-"), ("word", "1")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("''", ""),
        ("'a\"b'", 'a"b'),
        ('"a\'b"', "a'b"),
        (r"'it\'s'", r"it\'s"),
        (r"'a\\'b'", r"a\\'b"),  # two backslashes protect the quote as one does
        (r"'a\qb'", r"a\qb"),
        (r"'a\nb'", "a\\\nb"),
        (r"'a\rb\t'", "a\\\rb\\\t"),
        ("'a}b\tc'", "a}b\tc"),
        ("'é'", "é"),
    ],
)
def test_a_string_keeps_its_backslashes(text: str, value: str) -> None:
    assert kinds(text) == [("text", value)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b", ["a.b"]),
        ("a.b:c", ["a.b:c"]),
        ("$a.*b", ["$a.*b"]),
        ("1.5.2", ["1.5.2"]),
        ("a_1$b", ["a_1$b"]),
        ("a 5m", ["a", "5m"]),
    ],
)
def test_words_hold_dots_and_after_them_colons_and_asterisks(text: str, words: list[str]) -> None:
    assert kinds(text) == [("word", word) for word in words]


def test_an_asterisk_after_a_word_without_a_dot_multiplies() -> None:
    assert kinds("a*b") == [("word", "a"), ("binary", "*"), ("word", "b")]


def test_a_brace_ends_the_text() -> None:
    found, ignored = lex("'a' } ( what follows")

    assert [token.value for token in found] == ["a"]
    assert ignored == "} ( what follows"


def test_matches_takes_a_literal_pattern_and_lets_tabs_stand_around_it() -> None:
    assert kinds("matches(\t'^a' \t, b)") == [("matches", "^a"), ("(", "("), ("word", "b"), (")", ")")]


def test_matches_before_a_space_is_a_word_like_any_other() -> None:
    assert kinds("matches ('a', b)")[0] == ("word", "matches")


def test_system_and_metric_take_a_literal() -> None:
    assert kinds("system('hostname')") == [("system", "hostname"), ("(", "("), (")", ")")]
    assert kinds('metric( "queue.count")') == [("metric", "queue.count"), ("(", "("), (")", ")")]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a\tb", 2, "a character U+0009 cannot stand outside a string (only spaces and line ends may separate)"),
        ("a == é", 6, "the character 'é' cannot stand outside a string"),
        ("a =é", 4, "the character 'é' cannot stand outside a string"),
        ("1 % 2", 3, "the character '%' cannot stand outside a string"),
        ("a # b", 3, "the character '#' cannot stand outside a string"),
        ("a == 'b", 6, "this string has no end"),
        (r"'a\'", 1, "this string has no end"),
        ("matches(a, b)", 9, "matches wants a string literal as its first argument"),
        ("matches('a' b)", 13, "matches wants a comma after the pattern, and a value"),
        ("system(1)", 8, "system wants a string literal as its first argument"),
        ("metric('a", 8, "this string has no end"),
        ("matches(", 9, "matches wants a string literal as its first argument"),
    ],
)
def test_what_cannot_be_cut_says_where_and_why(text: str, column: int, message: str) -> None:
    assert refusal(text) == (column, message)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a == 'b'", "a=='b'"),
        ("a == 'b'", "  a  ==\r\n'b' "),
        ("f( a,b )", "f(a, b)"),
        ("a = b", "a =\nb"),
        ("a =", "a = "),
        ("matches( 'a' , b)", "matches('a',b)"),
        ("a \t", "a \t"),  # neither can be cut; they are the same text
    ],
)
def test_white_space_between_tokens_means_nothing(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a =10", "a = 10"),
        ("a = b", "a == b"),
        ("'a b'", "'a  b'"),
        ("'a'", '"a"'),
        ("a && b", "a & b"),
        ("r 1", "r1"),
        ("> =", ">="),
        ("a }b", "a }c"),
        ("a }", "a"),
        ("a\t", "a"),
        ("05", "5"),
    ],
)
def test_other_differences_count(one: str, other: str) -> None:
    assert not same(one, other)


def test_a_text_that_cannot_be_cut_stands_for_itself() -> None:
    assert tokens("a\tb") == (("", "a\tb"),)
