"""What each function gives."""

from __future__ import annotations

import pytest

from reconciler.expression import ARITY, LOOKUPS
from reconciler.expression.functions import FUNCTIONS, call
from reconciler.expression.values import Constant, Known, identical

RELAXED = Constant("relaxed")


def test_every_function_is_either_here_or_a_lookup() -> None:
    assert set(FUNCTIONS) | LOOKUPS == set(ARITY)
    assert not set(FUNCTIONS) & LOOKUPS


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("count", ("",), 0),
        ("count", ("a",), 1),
        ("count", (0,), 1),
        ("count", (("a", ""),), 2),
        ("sort", (("b", "a"), 1), ("a", "b")),
        ("sort", (("b", "a", "c"), 0), ("c", "b", "a")),
        ("sort", ((10, "9", 1.5), 1), (1.5, "9", 10)),
        ("sort", ("", 1), ()),
        ("sort", (5, 1), (5,)),
        ("dedup", (("a", "b", "a"),), ("a", "b")),
        ("dedup", (("1", 1, 1.0),), ("1",)),
        ("dedup", ("a",), ("a",)),
        ("winnow", ((0, "", "a"),), (0, "a")),
        ("winnow", ("",), ""),
        ("is_intersect", (("a",), ("a", "b")), 1),
        ("is_intersect", (("a",), ("b",)), 0),
        ("is_intersect", (("a",), "a"), 1),
        ("is_intersect", ("a", ("b",)), 0),
        ("is_intersect", ("a", "a"), 0),
        ("if_then", ("0", "y", "n"), "y"),
        ("if_then", ((), "y", "n"), "n"),
        ("is_empty", ("",), 1),
        ("is_empty", ((),), 1),
        ("is_empty", (0,), 0),
        ("is_empty", (" ",), 0),
        ("is_empty", (RELAXED,), 0),
        ("is_number", (5,), 1),
        ("is_number", (0.5,), 1),
        ("is_number", ("5",), 0),
    ],
)
def test_functions_of_lists_and_any_value(name: str, arguments: tuple[Known, ...], expected: Known) -> None:
    assert identical(call(name, arguments), expected)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("trim", ("\t a \n",), "a"),
        ("trim", ("\x1fa",), "\x1fa"),  # Python would strip it
        ("trim", ((" a", "b "),), ("a", "b")),
        ("trim_start", (" a ",), "a "),
        ("trim_end", (" a ",), " a"),
        ("len", ("é",), 2),
        ("len", ("\ud800",), 3),
        ("len", (("a", "b"),), 2),
        ("len", (1.0,), 3),
        ("count_chars", ("éa",), 2),
        ("count_spaces", ("a b\tc",), 2),
        ("count_uppercase", ("aBC1",), 2),
        ("count_lowercase", ("aBc1",), 2),
        ("to_lowercase", ("ÄB",), "äb"),
        ("to_uppercase", (("a", 1),), ("A", "1")),
        ("is_uppercase", ("AB1",), 1),
        ("is_uppercase", ("Ab",), 0),
        ("is_lowercase", ("ab1",), 1),
        ("is_lowercase", (("a", "B"),), (1, 0)),
        ("has_digits", ("a1",), 1),
        ("has_digits", ("\u0661",), 0),
        ("lines", ("a\r\nb\n\nc",), ("a", "b", "", "c")),
        ("lines", ("a\n",), ("a",)),
        ("lines", ("",), ()),
        ("lines", (5,), 5),
        ("split_words", (" a b-c  d1 ",), ("a", "d1")),
        ("split_words", (1.5,), ()),
    ],
)
def test_functions_of_one_text(name: str, arguments: tuple[Known, ...], expected: Known) -> None:
    assert identical(call(name, arguments), expected)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("contains", ("abc", "b"), 1),
        ("contains", ("abc", "B"), 0),
        ("contains", ("abc", ""), 1),
        ("contains", (12345, 3), 1),
        ("contains", (("1",), 1), 1),
        ("contains", (("abc",), "b"), 0),
        ("contains_ignore_case", ("aBc", "bC"), 1),
        ("contains_ignore_case", (("aBc",), "AbC"), 1),
        ("contains_ignore_case", (("abc",), "b"), 0),
        ("contains_ignore_case", (RELAXED, "lax"), 1),
        ("eq_ignore_case", ("aB", "Ab"), 1),
        ("eq_ignore_case", ("É", "é"), 0),
        ("eq_ignore_case", (1, "1"), 1),
        ("starts_with", ("abc", "ab"), 1),
        ("starts_with", ("abc", "AB"), 0),
        ("ends_with", ("abc", "bc"), 1),
        ("ends_with", ("abc", ("bc",)), 1),
        ("substring", ("abcdef", 1, 3), "bcd"),
        ("substring", ("äöü", 1, 1), "ö"),
        ("substring", ("abc", 5, 3), ""),
        ("substring", ("abc", -1, 2), ""),
        ("substring", ("abc", 1, -1), "bc"),
        ("substring", ("abc", "1", 1.9), "b"),
        ("strip_prefix", ("r1", "r"), "1"),
        ("strip_prefix", ("r1", "x"), ""),
        ("strip_prefix", (("ab", "b"), "a"), ("b", "")),
        ("strip_suffix", ("r1x", "x"), "r1"),
        ("strip_suffix", ("r1", ""), "r1"),
        ("split", ("a.b.c", "."), ("a", "b", "c")),
        ("split", ("abc", "."), ("abc",)),
        ("split", ("ab", ""), ("", "a", "b", "")),
        ("split", ("", "."), ("",)),
        ("split", (1.0, "."), ("1", "0")),
        ("rsplit", ("a.b.c", "."), ("c", "b", "a")),
        ("rsplit", ("aaa", "aa"), ("", "a")),
        ("rsplit", ("ab", ""), ("", "b", "a", "")),
        ("split_once", ("a.b.c", "."), ("a", "b.c")),
        ("split_once", ("abc", "."), ""),
        ("split_once", ("abc", ""), ("", "abc")),
        ("rsplit_once", ("a.b.c", "."), ("a.b", "c")),
        ("rsplit_once", ("abc", "."), ""),
        ("rsplit_once", ("abc", ""), ("abc", "")),
        ("split_n", ("a.b.c", ".", 1), ("a", "b.c")),
        ("split_n", ("a.b.c", ".", 0), ("a.b.c",)),
        ("split_n", ("a.b.c", ".", -1), ("a", "b", "c")),
        ("split_n", ("a.b.c", ".", "x"), ("a.b.c",)),
        ("split_n", ("ab", "", 1), ("", "ab")),
        ("split_n", ("ab", "", 2), ("", "a", "b")),
        ("split_n", ("ab", "", 9), ("", "a", "b", "")),
    ],
)
def test_functions_of_several_texts(name: str, arguments: tuple[Known, ...], expected: Known) -> None:
    assert identical(call(name, arguments), expected)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@b.test", 1),
        ("a.b+c@b.c.test", 1),
        ('"a b"@c.test', 1),
        ('"a@b"@c.test', 1),
        ('"a\\"b"@c.test', 1),
        ('"a b@c.test', 0),
        ("a@b", 0),
        ("@b.test", 0),
        ("a@", 0),
        ("a@@b.test", 0),
        ("a@.test", 0),
        (".a@b.test", 0),
        ("a..b@c.test", 0),
        ("a b@c.test", 0),
        ("é@b.test", 1),
        ("", 0),
        (5, 0),
    ],
)
def test_is_email_counts_characters(address: Known, expected: int) -> None:
    assert call("is_email", (address,)) == expected


@pytest.mark.parametrize(
    ("address", "part", "expected"),
    [
        ("a@b.test", "local", "a"),
        ("a@b@c.test", "local", "a@b"),
        ("a@ b.test ", "domain", "b.test"),
        ("a@b.test", "name", ""),
        ("ab", "local", ""),
        (("a@b.test", "c"), "domain", ("b.test", "")),
    ],
)
def test_email_part_splits_at_the_last_sign(address: Known, part: str, expected: Known) -> None:
    assert call("email_part", (address, part)) == expected


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("md5", "0cc175b9c0f1b6a831c399e269772661"),
        ("sha1", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("sha256", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("SHA256", ""),
        ("crc32", ""),
        (5, ""),
    ],
)
def test_hash_knows_four_algorithms_by_their_lower_case_names(algorithm: Known, expected: str) -> None:
    assert call("hash", ("a", algorithm)) == expected


def test_hash_of_512_bits_is_128_digits() -> None:
    digest = call("hash", ("a", "sha512"))

    assert isinstance(digest, str)
    assert digest.startswith("1f40fc92da241694")
    assert len(digest) == 128


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("192.0.2.1", (1, 1, 0)),
        ("::1", (1, 0, 1)),
        ("::ffff:192.0.2.1", (1, 0, 1)),
        ("192.0.2.01", (0, 0, 0)),
        ("192.0.2", (0, 0, 0)),
        ("fe80::1%eth0", (0, 0, 0)),
        ("[::1]", (0, 0, 0)),
        ("192.0.2.0/24", (0, 0, 0)),
        (5, (0, 0, 0)),
    ],
)
def test_addresses_are_told_by_their_form(text: Known, kinds: tuple[int, int, int]) -> None:
    names = ("is_ip_addr", "is_ipv4_addr", "is_ipv6_addr")

    assert tuple(call(name, (text,)) for name in names) == kinds


@pytest.mark.parametrize(
    ("address", "network", "expected"),
    [
        ("10.1.2.3", "10.0.0.0/8", 1),
        ("10.1.2.3", "10.9.9.9/8", 1),
        ("11.1.2.3", "10.0.0.0/8", 0),
        ("10.1.2.3", "10.1.2.3", 1),
        ("10.1.2.3", "0.0.0.0/0", 1),
        ("10.1.2.3", "10.0.0.0/33", 0),
        ("10.1.2.3", "10.0.0.0/255.0.0.0", 0),
        ("10.1.2.3", "10.0.0.0/", 0),
        ("2001:db8::1", "2001:db8::/32", 1),
        ("2001:db8::1", "10.0.0.0/8", 0),
        ("x", "10.0.0.0/8", 0),
        ("10.1.2.3", "x", 0),
    ],
)
def test_networks_hold_the_addresses_with_their_first_bits(address: str, network: str, expected: int) -> None:
    assert call("is_ip_in_cidr", (address, network)) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "1.2.0.192"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"),
        ("x", ""),
    ],
)
def test_reverse_names_have_no_zone(address: str, expected: str) -> None:
    assert call("ip_reverse_name", (address,)) == expected


def test_a_lookup_is_not_answered_here() -> None:
    with pytest.raises(KeyError):
        call("key_exists", ("a", "b"))
