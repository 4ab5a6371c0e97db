"""Laws of the expression language, held over texts that nobody would think of."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.expression import (
    ARITY,
    Adjacent,
    Commas,
    Context,
    Empty,
    EvaluationError,
    ExpressionError,
    Lookups,
    Missing,
    Tree,
    Unknown,
    Value,
    bare,
    envelope,
    eval_line,
    evaluate,
    parse,
    same,
    tokens,
    truth,
    unparse,
    verdict,
    walk,
    wire,
)
from reconciler.expression.automaton import effort, search
from reconciler.expression.values import identical

GIVEN = {
    "sender": "me@from.test",
    "rcpt": "User@Ext.Test",
    "size": 500,
    "lastStatus": "",
    "localDomains": ["ext.test"],
    "localAddresses": [],
    "lookups": {"key_get('a','b')": "x", "key_exists('a','b')": True, "dns_query('a','b')": {"error": True}},
}
NAMES = ("rcpt", "rcpt_domain", "recipients", "sender", "retry_num", "last_error", "last_status", "size", "priority")
ROUTE = Context(frozenset(NAMES), frozenset(("relaxed", "strict", "disable")))
OPERATORS = ("&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "^", "=<", "=>", "= ", "&", "|")
ATOMS = st.sampled_from(
    (
        *NAMES,
        *("'a'", "''", "'1.5'", '"it\'s"', "1", "0", "2.5", "5m", "true", "false", "$1", "$0", "$x", "relaxed", "[]"),
        *("['a', rcpt]", "key_get('a', 'b')", "key_exists('a', 'b')", "dns_query('a', 'b')"),
        *("is_local_domain(rcpt_domain)",),
    )
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def called(name: str) -> st.SearchStrategy[str]:
        return st.lists(inner, min_size=ARITY[name], max_size=ARITY[name]).map(lambda a: f"{name}({', '.join(a)})")

    return st.one_of(
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(" ".join),
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(" ".join),
        st.tuples(st.sampled_from(("!", "-")), inner).map("".join),
        inner.map("({})".format),
        inner.map("[0, {}]".format),
        inner.map("rcpt[{}]".format),
        inner.map("matches('^(.)([a-z]+)?', {})".format),
        st.sampled_from(sorted(ARITY)).flatmap(called),
        st.tuples(inner, inner).map(" ".join),
    )


#: Texts that are mostly accepted.
SENSIBLE = st.recursive(ATOMS, _compound, max_leaves=12)
#: Tokens in any order, which are sometimes accepted.
SOUP = st.lists(
    st.one_of(
        ATOMS, st.sampled_from((*OPERATORS, *"()[],!-}", "len(", "contains(", "if_then (", "matches('a',", "len"))
    ),
    max_size=14,
).map(" ".join)
#: Anything at all.
JUNK = st.text(st.sampled_from("ab1.$_'\"\\ \t\n(){}[],+-*/^&|=<>!~%#:;é\ud800\x00"), max_size=12) | st.text(
    max_size=12
)


def outcome(text: str) -> Tree | ExpressionError:
    try:
        return parse(text, ROUTE)
    except ExpressionError as error:
        return error


def accepted(text: str) -> Tree | None:
    found = outcome(text)
    return found if isinstance(found, Tree) else None


@given(SENSIBLE | SOUP | JUNK)
@settings(max_examples=1500)
def test_a_text_is_accepted_or_refused_with_a_place(text: str) -> None:
    found = outcome(text)

    columns = [node.column for node in walk(found)] if isinstance(found, Tree) else [found.column]
    assert all(1 <= column <= len(text) + 1 for column in columns)


@given(SENSIBLE | SOUP | JUNK)
@settings(max_examples=1500)
def test_unparse_then_parse_is_the_same_tree(text: str) -> None:
    tree = accepted(text)
    if tree is not None:
        again = parse(unparse(tree), ROUTE)
        assert again == tree
        assert hash(again) == hash(tree)
        assert unparse(again) == unparse(tree)


@given(SENSIBLE | SOUP | JUNK)
@settings(max_examples=1000)
def test_tokens_never_fail_and_tell_what_parse_tells(text: str) -> None:
    spaced = text.replace("(", "( ").replace(")", " )").replace(",", ", ")

    assert same(text, text)
    if tokens(text) == tokens(spaced):
        assert accepted(text) == accepted(spaced)


@given(SENSIBLE | SOUP)
@settings(max_examples=1500)
def test_evaluation_never_fails_and_its_result_is_json(text: str) -> None:
    tree = accepted(text)
    if tree is not None:
        variables, lookups = envelope(GIVEN)
        value, captures = evaluate(tree, variables, ("ab", "a"), lookups)
        assert isinstance(captures, tuple | Unknown)
        json.dumps(wire(value), allow_nan=False)


def holds(value: Value) -> bool:
    assert not isinstance(value, EvaluationError | Unknown)
    return not isinstance(value, Empty) and truth(value)


@given(SENSIBLE | SOUP, st.sets(st.sampled_from(NAMES), min_size=1), st.booleans())
@settings(max_examples=2000)
def test_what_is_known_of_the_unknown_is_true(text: str, hidden: set[str], blind: bool) -> None:
    tree = accepted(text)
    if tree is None:
        return
    variables, lookups = envelope(GIVEN)
    full, full_captures = evaluate(tree, variables, ("ab", "a"), lookups)
    part: Mapping[str, Value] = {name: value for name, value in variables.items() if name not in hidden}
    found, captures = evaluate(tree, part, ("ab", "a"), Lookups() if blind else lookups)

    if isinstance(full, Unknown):
        assert isinstance(found, Unknown)
    elif not isinstance(found, Unknown):
        assert identical(found, full)
        assert isinstance(captures, Unknown) or captures == full_captures
    elif found.truth is not None:
        assert found.truth == holds(full)


@given(SENSIBLE)
@settings(max_examples=500)
def test_parentheses_around_the_whole_change_nothing(text: str) -> None:
    tree = accepted(text)
    if tree is None or isinstance(tree.root, Missing | Adjacent | Commas):
        return
    variables, lookups = envelope(GIVEN)
    grouped = parse(f"({text})", ROUTE)

    assert bare(grouped.root) == bare(tree.root)
    first, second = (evaluate(one, variables, (), lookups)[0] for one in (tree, grouped))
    assert identical(first, second) or first == second


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | SENSIBLE,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("expr", "given", "match", "else", "if", "then", "0", "1", "rcpt", "lookups", "error")),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
@settings(max_examples=500)
def test_a_line_of_eval_is_always_answered(content: object) -> None:
    request = content if isinstance(content, dict) else {"expr": content, "given": content}
    answer = eval_line(request, ROUTE)

    assert answer["accepted"] is True or isinstance(answer["error"], str)
    json.dumps(answer, allow_nan=False)


PIECES = st.sampled_from(
    (
        *("a", "b", "A", ".", r"\d", r"\w", r"\s", r"\W", "[abc]", "[^a]", "[a-c]", "(a|b)", "(?:ab|a)", "(a)", "()"),
        *("^", "$", r"\b", r"\B", "(?i)", "(?i:b)", r"\.", "@", "(b*)", "(a?)", r"\A", r"\z", "1", "(?s:.)", "(?m:^)"),
        *("(?m:$)", "|", "(", ")", "]", "(?=a)", r"\1", "{", "}", "(?P<n>a)", r"[\w.-]", "[]a]", "[z-a]", r"\x41", "-"),
    )
)
REPEATS = st.sampled_from(
    ("", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,3}", "{2,}", "{0}", "{1,3}?", "**", "{,2}", "{2")
)
PATTERNS = st.lists(st.tuples(PIECES, REPEATS).map("".join), max_size=7).map("".join)
SUBJECTS = ("", "a", "b", "ab", "aab", "ba c", "a@b.c", "xyz", "aB1\n", "bbb", "abcabc", "1a-b_", "\n\na\n", "A b")


@given(PATTERNS)
@settings(max_examples=1000)
def test_another_reader_of_the_same_language_agrees(pattern: str) -> None:
    """The engine of jsonschema-rs is the server's; it rewrites some classes, none of which is used here."""
    judged, _ = verdict(pattern)
    try:
        judge = jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
    except jsonschema_rs.ValidationError:
        assert judged != "valid"
        return
    assert judged != "refused"
    if judged == "valid" and effort(pattern, SUBJECTS[-1]) is not None:
        found = {subject: bool(search(pattern, subject)) for subject in SUBJECTS}
        assert found == {subject: judge.is_valid(subject) for subject in SUBJECTS}


@pytest.mark.slow
def test_a_hundred_thousand_random_texts_raise_nothing_else() -> None:
    chance = random.Random(20_260)
    letters = "ab1.$_'\"\\ \t\n(){}[],+-*/^&|=<>!~%#@:;é\ud800\x00"
    pieces = (
        "rcpt",
        "'a'",
        "matches('",
        "len(",
        "5m",
        "$1",
        "relaxed",
        "contains(",
        "[",
        "]",
        "(",
        ")",
        ",",
        "=",
        "==",
    )
    refused = 0
    for _ in range(100_000):
        length = chance.randint(0, 16)
        text = "".join(
            chance.choice(letters) if chance.random() < 0.5 else chance.choice(pieces) for _ in range(length)
        )
        tokens(text)
        tree = accepted(text)
        refused += tree is None
        if tree is not None:
            assert parse(unparse(tree), ROUTE) == tree
            evaluate(tree, {"rcpt": "a@b.test"})

    assert 0 < refused < 100_000
