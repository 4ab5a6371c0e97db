"""Which names expressions can give, traced and held against what they give for real messages."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.expression import Context, ExpressionError, Lookups, evaluate, parse
from reconciler.mail.names import Mention, ResultFault, dangling, mentions, result_faults, suggestions
from reconciler.mail.names.given import Possible
from reconciler.mail.names.possible import returned
from reconciler.values.model import Address
from tests.states import CATALOGUE

CONTEXT = Context(frozenset(CATALOGUE.variables["queueHost"]), frozenset(CATALOGUE.constants))
STRATEGY = Address("MtaOutboundStrategy")


def possible(text: str) -> Possible:
    return returned(parse(text, CONTEXT))


def texts(text: str) -> list[str]:
    return [each.text for each in possible(text).texts]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("'relay'", ["relay"]),
        ("('relay')", ["relay"]),
        ("'a' 'b'", ["b"]),
        ("'a', 'b'", ["b"]),
        ("'a',", ["a"]),
        # The left side itself where it decides, else 1 or 0.
        ("'a' || 'b'", ["a"]),
        ("'' || 'b'", []),
        ("'a' && 'b'", []),
        ("'' && 'b'", [""]),
        ("retry_num > 1 && 'fallback' || 'primary'", []),
        ("if_then(retry_num > 1, 'fallback', 'primary')", ["fallback", "primary"]),
        ("if_then(1 == 1, 'fallback', 'primary')", ["fallback"]),
        ("if_then(size > 1, if_then(size > 9, 'a', 'b'), 'c')", ["a", "b", "c"]),
        ("'relay-' + 'eu' + 1", ["relay-eu1"]),
        ("'relay-' + if_then(is_local_domain(rcpt_domain), 'in', 'out')", ["relay-in", "relay-out"]),
        ("['a', 'b'][1]", ["b"]),
        ("['a', 'b'][2]", [""]),
        ("['a', 'b'][retry_num]", ["a", "b", ""]),
        ("[if_then(size > 1, 'a', 'b'), 'c'][0]", ["a", "b"]),
        ("split('a,b', ',')[retry_num > 1]", ["b", "a"]),
        ("to_lowercase('RELAY')", ["relay"]),
        ("'relay' } 'other'", ["relay"]),
        ("5", []),
        ("strict", []),
        ("['a']", []),
        ("()", []),
        ("retry_num", []),
        ("sender == ''", []),
        ("'a' ( )", ["a"]),
        ("('a' (()))", ["a"]),
    ],
)
def test_every_text_that_an_expression_can_give_is_told(text: str, names: list[str]) -> None:
    assert texts(text) == names
    assert possible(text).untold == ()


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("mx", "mx depends on the message"),
        ("'relay-' + rcpt_domain", "rcpt_domain depends on the message"),
        ("$1", "$1 is what a regular expression finds"),
        ("key_get('a', 'b')", "it is what key_get finds"),
        ("system('hostname')", "system('hostname') is the server's own"),
        ("recipients[0]", "recipients depends on the message"),
        ("'a' +", "its values and operators do not fit together"),
        ("'x' + ('a' 'b')", "its values and operators do not fit together"),
    ],
)
def test_what_cannot_be_told_says_why(text: str, because: str) -> None:
    assert [each.because for each in possible(text).untold] == [because]
    assert possible(text).texts == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("5", ["the number 5"]),
        ("true", ["the number 1"]),
        ("1.5", ["the number 1.5"]),
        ("strict", ["the constant strict"]),
        ("['a']", ["a list"]),
        ("recipients", ["a list"]),
        ("retry_num", ["a number"]),
        ("retry_num + 1", ["a number"]),
        ("()", ["nothing at all"]),
        ("size > 1", ["the number 1", "the number 0"]),
    ],
)
def test_results_that_are_no_text_are_described(text: str, what: list[str]) -> None:
    assert [other.result for other in possible(text).others] == what


def test_columns_point_at_what_gives_the_name() -> None:
    found = possible("if_then(size > 1, 'a', \"b\")").texts

    assert [(each.text, each.column) for each in found] == [("a", 19), ("b", 24)]


@pytest.mark.parametrize("shape", ["(%s)", "[%s]", "!%s", "if_then(1, %s, 'x')", "'a' + %s", "%s || 'x'"])
def test_depth_has_no_limit(shape: str) -> None:
    head, tail = shape.split("%s")
    depth = 5000

    found = possible(head * depth + "'a'" + tail * depth)

    assert found != Possible()


def test_many_results_are_given_up_not_enumerated() -> None:
    text = " + ".join(f"if_then(size > {at}, 'a{at}', 'b')" for at in range(60))

    assert [each.because for each in possible(text).untold] == ["it has too many possible results"]


LEAVES = st.sampled_from(
    ["'a'", "''", "'b c'", "0", "1", "2.5", "true", "5s", "strict", "retry_num", "sender", "recipients", "size", "$1"]
)
WHOLE = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({})".format, inner),
        st.builds("{}{}".format, st.sampled_from(["!", "-"]), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["||", "&&", "+", "-", "*", "/", "==", "<", "^"]), inner),
        st.builds("if_then({}, {}, {})".format, inner, inner, inner),
        st.builds("[{}, 'z'][{}]".format, LEAVES, inner),
        st.builds("split({}, 'b')".format, inner),
        st.builds("to_uppercase({})".format, inner),
        st.builds("is_local_domain({})".format, inner),
        st.builds("count({})".format, inner),
    ),
    max_leaves=12,
)
PIECES = ["'a'", "'b'", "''", "1", "retry_num", "sender", "(", ")", "[", "]", ",", "||", "&&", "+", "==", "!", "-"]
ODD = st.lists(st.sampled_from([*PIECES, "if_then(", "}"]), min_size=1, max_size=10).map(" ".join)
VARIABLES: dict[str, st.SearchStrategy[Any]] = {
    "retry_num": st.integers(0, 3),
    "size": st.integers(0, 3),
    "sender": st.sampled_from(["", "a", "b@c"]),
    "recipients": st.lists(st.sampled_from(["a", "d@e"]), max_size=2).map(tuple),
}


@settings(max_examples=400)
@given(st.one_of(WHOLE, ODD), st.fixed_dictionaries(VARIABLES), st.sampled_from(["", "x"]))
def test_whatever_an_expression_gives_was_told(text: str, variables: dict[str, Any], captured: str) -> None:
    try:
        tree = parse(text, CONTEXT)
    except ExpressionError:
        return
    found = returned(tree)

    value, _ = evaluate(tree, variables, ("m", captured), Lookups(frozenset(("a",)), frozenset()))

    if isinstance(value, str):
        assert value in [each.text for each in found.texts] or found.untold
    else:
        assert found.others or found.untold


#: Texts that are names alone more often than not, with what the language or a reader could stumble over.
NAMES = st.text(st.one_of(st.sampled_from("'\"\\\n\r\t ${},()#a"), st.characters()), max_size=6)


@settings(max_examples=400)
@given(
    st.sampled_from("'\""), st.one_of(NAMES, st.integers(4090, 4100).map("x".__mul__)), st.sampled_from(["", " ", "\n"])
)
def test_a_name_alone_is_read_as_the_language_reads_it(quote: str, name: str, around: str) -> None:
    text = f"{around}{quote}{name}{quote}"
    try:
        given = possible(text)
        traced = [*(text.text for text in given.texts), *(untold.because for untold in given.untold)]
    except ExpressionError:
        traced = ["the server would refuse this expression"]

    told = mentions(CATALOGUE, STRATEGY, {"route": {"else": text}})

    assert [mention.name or mention.because for mention in told] == traced


def test_mentions_stand_at_their_pointers_and_know_builtins() -> None:
    wire = {
        "route": {
            "match": {"0": {"if": "size > 1", "then": "'local'"}, "1": {"if": "size > 2", "then": "sender"}},
            "else": "'eu'",
        },
        "tls": {"match": {}, "else": "['a'][retry_num]"},
    }

    found = mentions(CATALOGUE, STRATEGY, wire)

    assert found == (
        Mention(origin=STRATEGY, pointer="route/match/0/then", kind="MtaRoute", name="local", builtin=True),
        Mention(
            origin=STRATEGY, pointer="route/match/1/then", kind="MtaRoute", because="sender depends on the message"
        ),
        Mention(origin=STRATEGY, pointer="route/else", kind="MtaRoute", name="eu"),
        Mention(origin=STRATEGY, pointer="tls/else", kind="MtaTlsStrategy", name="a", column=2),
        Mention(origin=STRATEGY, pointer="tls/else", kind="MtaTlsStrategy", name="", column=6, past_end=True),
    )


def test_expression_that_the_server_refuses_names_nothing_for_certain() -> None:
    found = mentions(CATALOGUE, STRATEGY, {"route": {"match": {}, "else": "relay"}})

    assert [(each.name, each.because) for each in found] == [("", "the server would refuse this expression")]


def test_expressions_that_name_no_objects_mention_nothing() -> None:
    assert mentions(CATALOGUE, Address("MtaMilter", "a"), {"enable": {"match": {}, "else": "'eu'"}}) == ()


def test_faulty_results_know_whether_default_needs_an_object() -> None:
    wire = {"route": {"match": {}, "else": "5"}, "tls": {"match": {}, "else": "strict"}}

    found = result_faults(CATALOGUE, STRATEGY, wire)

    assert found == (
        ResultFault(origin=STRATEGY, pointer="route/else", kind="MtaRoute", what="the number 5", column=1),
        ResultFault(
            origin=STRATEGY,
            pointer="tls/else",
            kind="MtaTlsStrategy",
            what="the constant strict",
            column=1,
            builtin=True,
        ),
    )


def test_only_told_names_of_known_kinds_can_dangle() -> None:
    wire = {
        "route": {
            "match": {"0": {"if": "size > 1", "then": "mx"}, "1": {"if": "size > 2", "then": "'mx'"}},
            "else": "'eu'",
        },
        "tls": {"match": {}, "else": "'strict'"},
    }
    found = mentions(CATALOGUE, STRATEGY, wire)

    lost = dangling(found, {"MtaRoute": {"us"}})
    kept = dangling(found, {"MtaRoute": {"eu"}})

    assert [(each.pointer, each.target) for each in lost] == [("route/else", Address("MtaRoute", "eu"))]
    assert kept == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Relay-EU", ("relay-eu",)),
        ("relay-eu ", ("relay-eu",)),
        ("rellay-eu", ("relay-eu", "relay-us")),
        ("something-else", ()),
        ("", ()),
        ("x" * 1000, ()),
    ],
)
def test_suggestions_are_names_that_could_have_been_meant(name: str, expected: tuple[str, ...]) -> None:
    assert suggestions(name, ["relay-us", "relay-eu", "mx"]) == expected
