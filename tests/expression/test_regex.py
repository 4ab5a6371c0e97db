"""Which regular expressions the server's engine takes, and what they match."""

from __future__ import annotations

import pytest

from reconciler.expression import verdict
from reconciler.expression.automaton import TooLarge, effort, search
from reconciler.expression.classes import Doubtful, PatternRefused
from reconciler.expression.regex import read


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a|",
        "a||b",
        "()",
        "a**",
        "a+?+",
        "a{2}{3}",
        "a{2,}?",
        "^*",
        r"\b+",
        "]",
        "}",
        "a]",
        "(?i)",
        "(?i-s:a)",
        "(?U)a+",
        "(?<n>a)(?P<m>b)",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "[--a]",
        "[a-z&&[^b]]",
        "[a~~b]",
        "[a--b]",
        "[&&a]",
        "[[:alpha:][:^digit:]]",
        "[[:foo:]]",  # an ordinary class of : f o
        r"[\]\d\pL]",
        r"\x41\x{1F600}\u0041\U00000041",
        r"\a\f\n\r\t\v",
        r"\.\*\-\_\@\%\ ",
        "\\\n",
        r"\A\z\B\<\>\b{start}\b{end-half}",
        r"\p{Lu}\P{L}\pN",
        r"\w{1,64}@",
        "a{1000}",
        "é+",
    ],
)
def test_these_are_valid(pattern: str) -> None:
    assert verdict(pattern) == ("valid", "")


@pytest.mark.parametrize(
    ("pattern", "because"),
    [
        ("(?=a)", "look-around is not supported"),
        ("(?!a)", "look-around is not supported"),
        ("(?<=a)", "look-around is not supported"),
        ("(?<!a)", "look-around is not supported"),
        (r"(a)\1", "back-references are not supported"),
        (r"\0", "back-references are not supported"),
        ("(?P=a)", "(?P is unknown, or a flag stands twice"),
        ("(?>a)", "(?> is unknown, or a flag stands twice"),
        ("(?#a)", "(?# is unknown, or a flag stands twice"),
        ("(?ii)a", "(?i is unknown, or a flag stands twice"),
        ("(?i-)a", "flags are missing"),
        ("(?)", "flags are missing"),
        ("*", "nothing for * to repeat"),
        ("a|*", "nothing for * to repeat"),
        ("(+)", "nothing for + to repeat"),
        ("(?i)*", "nothing to repeat after the flags"),
        ("{2}", "nothing for { to repeat"),
        ("a{2", "a { without its }"),
        ("a{}", "{} is no count"),
        ("a{,5}", "{,5} is no count"),
        ("a{x}", "{x} is no count"),
        ("a{3,2}", "{3,2} counts down"),
        ("(a", "a ( without its )"),
        ("a)", "a ) without its ("),
        ("[a", "a [ without its ]"),
        ("[]", "a [ without its ]"),
        ("[a-", "a [ without its ]"),
        ("[z-a]", "a range runs backwards"),
        (r"[a-\d]", "a range wants a character on each side"),
        (r"[\d-z]", "a range wants a character on each side"),
        (r"[\b]", r"\b cannot stand in a class"),
        (r"\Z", r"\Z means nothing"),
        (r"\é", r"\é means nothing"),
        (r"\h", r"\h means nothing"),
        ("\\", "the pattern ends too soon"),
        (r"\x4", "too few hexadecimal digits"),
        (r"\x4g", "these are no hexadecimal digits"),
        (r"\x{}", "these are no hexadecimal digits"),
        (r"\x{110000}", "no character has this number"),
        (r"\u{D800}", "no character has this number"),
        (r"\p{L", r"\p{ without its }"),
        ("(?<a>x)(?<a>y)", "a group's name is empty, without end, or there twice"),
        ("(?<>x)", "a group's name is empty, without end, or there twice"),
    ],
)
def test_these_are_refused(pattern: str, because: str) -> None:
    assert verdict(pattern) == ("refused", because)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\p{Greek}",
        r"\p{Foo}",
        "(?x)a",
        "(?-u)a",
        "(?R)a",
        "a{ 5 }",
        "a{0000000001}",
        "(?<é>a)",
        "(?<1>a)",
        r"\b{foo}",
        r"\w{1000}",
        "a{1000}{1000}",
        "(" * 100 + ")" * 100,
        "[" * 100 + "]" * 100,
        "a" + "*" * 100,
    ],
)
def test_of_these_nothing_is_sure(pattern: str) -> None:
    assert verdict(pattern)[0] == "cannot tell"


def test_a_refusal_says_where() -> None:
    with pytest.raises(PatternRefused) as caught:
        read("ab(?=c)")

    assert caught.value.position == 2


def test_a_doubt_is_a_kind_of_refusal() -> None:
    with pytest.raises(PatternRefused) as caught:
        read(r"a\p{Greek}")

    assert isinstance(caught.value, Doubtful)


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("b", "abc", ("b",)),
        ("^b", "abc", ()),
        ("", "abc", ("",)),
        ("^(.+)@(.+)$", "a@b@c", ("a@b@c", "a@b", "c")),
        ("^(.+?)@(.+)$", "a@b@c", ("a@b@c", "a", "b@c")),
        ("a|ab", "ab", ("a",)),
        ("(a)|(b)", "b", ("b", "", "b")),
        ("(z)?b", "ab", ("b", "")),
        ("(a|b)*", "abc", ("ab", "b")),
        ("(a*)*", "b", ("", "")),
        ("(a*)+", "aab", ("aa", "aa")),
        ("(?:a?)*?", "a", ("",)),
        ("a{2,3}", "aaaa", ("aaa",)),
        ("a{2,3}?", "aaaa", ("aa",)),
        ("a{2}", "aaaa", ("aa",)),
        ("a{2,}", "aaaa", ("aaaa",)),
        ("(a){0}b", "b", ("b", "")),
        ("(?U)a+", "aaa", ("a",)),
        ("(?U)a+?", "aaa", ("aaa",)),
        ("x*?y", "xxy", ("xxy",)),
        ("(?i)STRASSE|é", "É", ("É",)),
        ("(?i)k", "\u212a", ("\u212a",)),
        ("(?i:b)c", "BC", ()),
        ("(?i)[a-c]+", "aBC", ("aBC",)),
        ("(?i)[^a]", "A", ()),
        ("a(?i)b|c", "C", ("C",)),
        ("a.c", "a\nc", ()),
        ("(?s)a.c", "a\nc", ("a\nc",)),
        ("a$", "a\n", ()),
        ("(?m)a$", "a\nb", ("a",)),
        ("(?m)^b", "a\nb", ("b",)),
        (r"\Ab\z", "b", ("b",)),
        (r"\bb\b", "a b c", ("b",)),
        (r"\Bb", "ab", ("b",)),
        (r"\<b\>", "a b", ("b",)),
        (r"\b{start-half}b\b{end-half}", "b", ("b",)),
        (r"\b{start}b\b{end}", "ab b", ("b",)),
        (r"\d+", "a\u0661\u0662", ("\u0661\u0662",)),
        (r"\w+", "-é_1\u200d-", ("é_1\u200d",)),
        (r"\w", "\u24b6", ("\u24b6",)),
        (r"\s", "\x1f", ()),
        (r"\S\D\W", "aa-", ("aa-",)),
        ("[^a-c]", "abcd", ("d",)),
        ("[a-c&&b-d]+", "abcd", ("bc",)),
        ("[a-d--b]+", "abcd", ("a",)),
        ("[a-c~~b-d]+", "abcd", ("a",)),
        ("[[:upper:]_]+", "aB_c", ("B_",)),
        ("[[:^alpha:]]", "a1", ("1",)),
        (r"[\w.-]+", "!a.b-c!", ("a.b-c",)),
        (r"\p{Lu}\P{Lu}", "aBc", ("Bc",)),
        (r"\.test", "atest.test", (".test",)),
        (r"\\", "a\\b", ("\\",)),
        (r"\x41\u{42}\n", "AB\n", ("AB\n",)),
    ],
)
def test_a_search_finds_the_leftmost_match_and_its_groups(pattern: str, text: str, groups: tuple[str, ...]) -> None:
    assert search(pattern, text) == groups


def test_effort_is_known_before_the_search() -> None:
    assert effort("ab", "xyz") == 4 * 5
    assert effort(r"\p{Greek}", "x") is None
    assert effort("a{99999}", "x") is None


def test_a_program_that_would_be_too_long_is_not_built() -> None:
    with pytest.raises(TooLarge):
        search("a{99999}", "x")
    with pytest.raises(TooLarge):
        search("(a{99}b{99}){99}", "x")


def test_nested_repetitions_take_no_more_than_the_effort() -> None:
    pattern = "(?:a*)*" * 10 + "b"

    assert search(pattern, "a" * 300) == ()
    assert (effort(pattern, "a" * 300) or 0) < 50_000
