"""Which texts the server accepts, what it understands by them, and what is said of the others."""

from __future__ import annotations

import pytest

from reconciler.expression import (
    Adjacent,
    Binary,
    Captured,
    Commas,
    ConstantName,
    Context,
    ExpressionError,
    FunctionCall,
    Global,
    Group,
    Index,
    ListOf,
    Literal,
    Matches,
    Missing,
    Node,
    Reading,
    Tree,
    Unary,
    Variable,
    bare,
    parse,
    unparse,
    walk,
)

ROUTE = Context(
    frozenset(("rcpt", "rcpt_domain", "recipients", "sender", "retry_num", "last_error")),
    frozenset(("relaxed", "strict", "disable")),
)


def root(text: str) -> Node:
    return parse(text, ROUTE).root


def refusal(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text, ROUTE)
    return caught.value


def number(value: int) -> Literal:
    return Literal(0, value, "integer")


def text(value: str) -> Literal:
    return Literal(0, value, "text")


def binary(operator: str, left: Node, right: Node) -> Binary:
    return Binary(0, operator, left, right, operator)


#: What is said of a word that means nothing.
NOTHING = '"{}" is no function, variable, constant or duration; a text needs quotes'
GONE = Missing(0)
A, B, C = number(1), number(2), number(3)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("'a'", text("a")),
        ("15", number(15)),
        ("007", number(7)),
        ("9223372036854775807", number(2**63 - 1)),
        ("1.5", Literal(0, 1.5, "float")),
        (".5", Literal(0, 0.5, "float")),
        ("1.", Literal(0, 1.0, "float")),
        ("true", Literal(0, 1, "boolean")),
        ("false", Literal(0, 0, "boolean")),
        ("5s", Literal(0, 5000, "duration")),
        ("5M", Literal(0, 300_000, "duration")),
        ("10ms", Literal(0, 10, "duration")),
        ("2h", Literal(0, 7_200_000, "duration")),
        ("1d", Literal(0, 86_400_000, "duration")),
        ("0s", Literal(0, 0, "duration")),
        ("rcpt", Variable(0, "rcpt")),
        ("relaxed", ConstantName(0, "relaxed")),
        ("$1", Captured(0, 1)),
        ("$007", Captured(0, 7)),
        ("$name", Global(0, "name")),
        ("$1x", Global(0, "1x")),
        ("$4294967296", Global(0, "4294967296")),
        ("system('hostname')", Reading(0, "system", "hostname")),
        ("metric('queue.count')", Reading(0, "metric", "queue.count")),
        ("matches('^a', rcpt)", Matches(0, "^a", (Variable(0, "rcpt"),), "valid")),
        ("len(rcpt)", FunctionCall(0, "len", (Variable(0, "rcpt"),))),
        ("if_then(1, 2, 3)", FunctionCall(0, "if_then", (A, B, C))),
        ("[1, 2]", ListOf(0, (A, B), 2)),
        ("[]", ListOf(0, (), 0)),
        ("rcpt[1]", Index(0, Variable(0, "rcpt"), (A,))),
        ("-1", Unary(0, "-", A)),
        ("(1)", Group(0, (A,))),
    ],
)
def test_every_form_has_its_node(source: str, expected: Node) -> None:
    assert root(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 2 * 3", binary("+", A, binary("*", B, C))),
        ("1 - 2 - 3", binary("-", binary("-", A, B), C)),
        ("1 || 2 && 3", binary("||", A, binary("&&", B, C))),
        ("1 && 2 ^ 3", binary("&&", A, binary("^", B, C))),
        ("1 ^ 2 == 3", binary("^", A, binary("==", B, C))),
        ("1 == 2 < 3", binary("==", A, binary("<", B, C))),
        ("1 < 2 + 3", binary("<", A, binary("+", B, C))),
        ("!1 == 2", binary("==", Unary(0, "!", A), B)),
        ("!rcpt[1]", Unary(0, "!", Index(0, Variable(0, "rcpt"), (A,)))),
        ("!!1", Unary(0, "!", Unary(0, "!", A))),
        ("1 < 2 < 3", binary("<", binary("<", A, B), C)),
    ],
)
def test_operators_bind_as_the_server_binds_them(source: str, expected: Node) -> None:
    assert root(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", GONE),
        ("  ", GONE),
        ("()", Group(0, ())),
        ("1 >", binary(">", A, GONE)),
        ("&&", binary("&&", GONE, GONE)),
        ("!", Unary(0, "!", GONE)),
        ("1 2", Adjacent(0, (A, B))),
        ("1 + 2 3", binary("+", A, Adjacent(0, (B, C)))),
        ("!1 2", Unary(0, "!", Adjacent(0, (A, B)))),
        ("1 !2", Adjacent(0, (A, Unary(0, "!", B)))),
        ("1, 2", Commas(0, (A, B))),
        (",", Commas(0, (GONE, GONE))),
        ("1,", Commas(0, (A, GONE))),
        ("(1, 2)", Group(0, (A, B))),
        ("--1", binary("-", Unary(0, "-", GONE), A)),
        ("[-1]", ListOf(0, (binary("-", GONE, A),), 0)),
        ("[1 2]", ListOf(0, (Adjacent(0, (A, B)),), 2)),
        ("[1,]", ListOf(0, (A, GONE), 1)),
        ("'a'[1]", Adjacent(0, (text("a"), ListOf(0, (A,), 1)))),
        ("retry_num (1)", Adjacent(0, (Variable(0, "retry_num"), Group(0, (A,))))),
        ("len 1 ()", FunctionCall(0, "len", (), (A,))),
        ("len 1 + 2, ()", FunctionCall(0, "len", (), (binary("+", A, B), GONE))),
        ("contains(1 2)", FunctionCall(0, "contains", (Adjacent(0, (A, B)),))),
        ("contains((1, 2))", FunctionCall(0, "contains", (Group(0, (A, B)),))),
        ("system('domain', )", Reading(0, "system", "domain", (GONE, GONE))),
        ("rcpt[1 2 +]", Index(0, Variable(0, "rcpt"), (binary("+", Adjacent(0, (A, B)), GONE),))),
        ("(1)[2]", Index(0, Group(0, (A,)), (B,))),
    ],
)
def test_odd_texts_are_accepted_and_their_oddity_shows(source: str, expected: Node) -> None:
    assert root(source) == expected


def test_text_after_a_brace_is_kept_apart() -> None:
    assert parse("'a' } junk", ROUTE) == Tree(text("a"), "} junk")


def test_columns_are_no_part_of_equality() -> None:
    assert root("  rcpt == 'a'") == root("rcpt == 'a'")
    assert hash(root("  rcpt == 'a'")) == hash(root("rcpt == 'a'"))


def test_types_are_part_of_equality() -> None:
    assert root("1") != root("1.0")
    assert root("1") != root("true")
    assert root("1000") != root("1s")
    assert root("rcpt") != root("'rcpt'")
    assert root("rcpt") != "rcpt"


def test_nodes_say_where_they_stand() -> None:
    found = [(type(node).__name__, node.column) for node in walk(parse("rcpt == len( 'a')", ROUTE))]

    assert found == [("Binary", 6), ("Variable", 1), ("FunctionCall", 9), ("Literal", 14)]


def test_a_single_equals_sign_shows_what_it_swallowed() -> None:
    node = root("retry_num =10")

    assert isinstance(node, Binary)
    assert (node.operator, node.written) == ("==", "=1")


def test_a_pattern_of_which_nothing_is_sure_is_accepted_and_marked() -> None:
    node = root(r"matches('\p{Greek}', rcpt)")

    assert isinstance(node, Matches)
    assert node.verdict == "cannot tell"


def test_bare_takes_parentheses_away() -> None:
    assert bare(root("((1))")) == A
    assert bare(root("(1, 2)")) == Group(0, (A, B))


@pytest.mark.parametrize(
    ("source", "kind", "name", "column", "message"),
    [
        ("r1", "unknown", "r1", 1, NOTHING),
        ("1 + lenn(1)", "unknown", "lenn", 5, NOTHING),
        ("$", "unknown", "$", 1, NOTHING),
        ("TRUE", "unknown", "TRUE", 1, NOTHING),
        ("5x", "unknown", "5x", 1, NOTHING),
        ("1.5s", "unknown", "1.5s", 1, NOTHING),
        ("matches ('a', 1)", "unknown", "matches", 1, NOTHING),
        ("mx", "variable", "mx", 1, 'the variable "mx" does not exist in this place'),
        ("asn", "variable", "asn", 1, 'the variable "asn" does not exist in this place'),
        ("plain", "constant", "plain", 1, 'the constant "plain" is not allowed in this place'),
        ("len(1, 2)", "arity", "len", 1, "len takes 1 argument, not 2"),
        ("contains(1)", "arity", "contains", 1, "contains takes 2 arguments, not 1"),
        ("contains(1,)", "arity", "contains", 1, "contains takes 2 arguments, not 1"),
        ("len()", "arity", "len", 1, "len takes 1 argument, not 0"),
        ("len(1 +)", "arity", "len", 1, "len takes 1 argument, not 0"),
        ("matches('a',)", "arity", "matches", 1, "matches takes 2 arguments, not 1"),
        ("system('domain', 1)", "arity", "system", 1, "system takes 1 argument, not 2"),
        ("(1", "syntax", "(", 1, "a ( without its )"),
        ("rcpt[1", "syntax", "[", 5, "a [ without its ]"),
        ("1)", "syntax", ")", 2, "a ) without its opening"),
        ("]", "syntax", "]", 1, "a ] without its opening"),
        ("(1]", "syntax", "(", 1, "a ( without its )"),
        ("[1)", "syntax", "[", 1, "a [ without its ]"),
        ("len", "syntax", "len", 1, "len is a function and wants ( )"),
        ("(len 1)", "syntax", "len", 2, "len is a function and wants ( )"),
        ("len 1 + (2)", "syntax", "len", 1, "len is a function and wants ( )"),
        ("(1 }", "syntax", "(", 1, "a ( without its )"),
        ("rcpt[]", "syntax", "[", 5, "an index wants one value"),
        ("rcpt[1, 2]", "syntax", "[", 5, "an index wants one value"),
        ("1..2", "syntax", "1..2", 1, "1..2 is no number"),
        ("1.*2", "syntax", "1.*2", 1, "1.*2 is no number"),
        ("9223372036854775808", "syntax", "9223372036854775808", 1, "this integer needs more than 64 bits"),
        ("matches('(', rcpt)", "regex", "(", 1, "the pattern is no regular expression there: a ( without its )"),
        ("matches('a|*', 1)", "regex", "a|*", 1, "the pattern is no regular expression there: nothing for * to repeat"),
        ("system('name')", "unknown", "name", 1, "system knows no 'name'"),
        ("metric('Queue')", "unknown", "Queue", 1, "metric knows no 'Queue'"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_is_at_fault(source: str, kind: str, name: str, column: int, message: str) -> None:
    error = refusal(source)

    assert (error.kind, error.name, error.column, error.message) == (kind, name, column, message.format(name))
    assert str(error) == f"column {column}: {error.message}"


@pytest.mark.parametrize("source", ["[1, -1]", "[!1]", "[(1), 2]", "[1 +]", "[1, (2)]"])
def test_a_list_that_the_server_miscounts_is_refused(source: str) -> None:
    assert refusal(source).message == (
        "the server miscounts this list: let no element begin with (, ! or a sign, or lack an operand"
    )


@pytest.mark.parametrize("source", ["[1 + (2)]", "[1, len(-1)]", "[rcpt[0], 2]", "[[1], [2, 3]]", "[(1)*]"])
def test_a_list_whose_count_comes_out_is_accepted(source: str) -> None:
    assert isinstance(root(source), ListOf)


@pytest.mark.parametrize(
    "source",
    [
        "rcpt_domain == 'a.test' && retry_num > 0 || !relaxed",
        "matches('^(.+)@', rcpt) && $1 + 'x' == \"it's\"",
        "[1, 2.5, 5m][0]",
        "if_then(true, ['a'][0], -(1 + 2))",
        "1 2 , ! - 3 () }rest",
        "len 'a', () - (,) , [ -1 ]",
        "system('domain') + metric('queue.count')",
        "0s + 90s + 61m + 48h + 1ms + 100000000000000000000000.0 + 1" + "0" * 400 + ".5",
    ],
)
def test_unparse_gives_a_text_with_the_same_tree(source: str) -> None:
    tree = parse(source, ROUTE)

    assert parse(unparse(tree), ROUTE) == tree


@pytest.mark.parametrize(
    ("source", "spelled"),
    [
        ("rcpt_domain= 'x'&!relaxed|  2", "rcpt_domain == 'x' && !relaxed || 2"),
        ("len( 'a' )", "len('a')"),
        ("1=>2", "1 >= 2"),
        ("90s", "90s"),
        ("3600000ms", "1h"),
        ("1.50", "1.5"),
        ("1.", "1.0"),
        ("true", "true"),
        ('"a"', '"a"'),
        ("! = 2", "! == 2"),
        ("- - 1", "- - 1"),
        ("1 }x", "1}x"),
        ("rcpt [ 0 ]", "rcpt[0]"),
    ],
)
def test_unparse_has_one_spelling(source: str, spelled: str) -> None:
    assert unparse(parse(source, ROUTE)) == spelled


@pytest.mark.parametrize(
    "source",
    [
        "(" * 20_000 + ")" * 20_000,
        "!" * 20_000 + "1",
        "1" + "+1" * 20_000,
        "rcpt" + "[0]" * 20_000,
        "[" * 20_000 + "]" * 20_000,
        "len(" * 20_000 + "1" + ")" * 20_000,
        "1 && (" * 20_000 + "1" + ")" * 20_000,
    ],
)
def test_no_depth_is_too_deep(source: str) -> None:
    tree = parse(source, ROUTE)

    assert parse(unparse(tree), ROUTE) == tree
    assert hash(tree) == hash(parse(unparse(tree), ROUTE))
    assert len(repr(tree)) >= len(source)


@pytest.mark.parametrize("digits", ["9" * 5_000, "9" * 5_000 + "s", "$" + "9" * 5_000, "0" * 5_000 + "1"])
def test_numbers_of_any_length_are_read_or_refused(digits: str) -> None:
    if digits[0] in "0$":
        assert parse(unparse(parse(digits, ROUTE)), ROUTE) == parse(digits, ROUTE)
    else:
        assert len(refusal(digits).message) < 200


def test_a_node_shows_as_its_text() -> None:
    assert repr(root("1+2")) == "<Binary '1 + 2'>"
    assert repr(parse("'\ud800' }", ROUTE)) == "<Tree \"'\\ud800'}\">"
