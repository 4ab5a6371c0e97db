"""The written forms of single values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.values.units import (
    canonical_host,
    canonical_ip,
    literal,
    parse_duration,
    parse_size,
    print_duration,
    print_size,
    shown,
    unquote,
)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("500ms", 500),
        ("30s", 30_000),
        ("1m", 60_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("90m", 5_400_000),
        ("0s", 0),
        ("007s", 7000),
    ],
)
def test_durations_are_read_as_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "30m1h", "1s1s", "5 minutes", "5M", "1.5h", "-5s", "5s ", " 5s", "5s\n", "1h 30m", "1w", "P1D"),
        *("\u0663s", "9" * 100 + "s", "9" * 5000 + "d"),
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r" is no duration such as 2d, 1h30m or 500ms\Z"):
        parse_duration(text)


def test_a_number_that_is_too_large_is_a_duration_or_size_all_the_same() -> None:
    assert parse_duration("9" * 99 + "d") == (10**99 - 1) * 86_400_000
    assert parse_size("9" * 99 + " GB") == (10**99 - 1) * 1024**3


@pytest.mark.parametrize(
    ("milliseconds", "printed"),
    [(1, "1ms"), (999, "999ms"), (60_000, "1m"), (90_000, "1m30s"), (172_800_000, "2d"), (93_784_005, "1d2h3m4s5ms")],
)
def test_durations_are_printed_with_the_largest_exact_units(milliseconds: int, printed: str) -> None:
    assert print_duration(milliseconds) == printed


@pytest.mark.parametrize("milliseconds", [0, -1])
def test_what_is_no_duration_on_the_wire_is_printed_as_a_number(milliseconds: int) -> None:
    assert print_duration(milliseconds) == milliseconds


@given(st.integers(1, 2**63 - 1))
def test_a_printed_duration_reads_back_as_the_same(milliseconds: int) -> None:
    assert parse_duration(str(print_duration(milliseconds))) == milliseconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("5B", 5),
        ("5KB", 5120),
        ("5KiB", 5120),
        ("50MB", 52_428_800),
        ("50 MB", 52_428_800),
        ("1MiB", 1_048_576),
        ("1GB", 1_073_741_824),
        ("1GiB", 1_073_741_824),
    ],
)
def test_every_unit_of_size_counts_by_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "5", "5iB", "5K", "5kb", "5TB", "1.5MB", "-1B", "5MB ", "5  MB", "5MB\n", "MB", "9" * 5000 + "B"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r" is no size such as 512KB or 50MB\Z"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "printed"),
    [(52_428_800, "50MB"), (1024, "1KB"), (1_073_741_824, "1GB"), (1_610_612_736, "1536MB"), (1025, 1025), (0, 0)],
)
def test_sizes_are_printed_with_the_largest_exact_unit(size: int, printed: str | int) -> None:
    assert print_size(size) == printed


@given(st.integers(1, 2**63 - 1) | st.integers(1, 2**30).map(lambda size: size * 2**20))
def test_a_printed_size_reads_back_as_the_same(size: int) -> None:
    printed = print_size(size)

    assert (parse_size(printed) if isinstance(printed, str) else printed) == size


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::ffff:c000:201", "::ffff:192.0.2.1"),
        ("::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
        ("0:0:0:0:0:0:0:0", "::"),
    ],
)
def test_addresses_take_the_form_that_the_server_prints(text: str, canonical: str) -> None:
    assert canonical_ip(text) == canonical


@pytest.mark.parametrize(
    "text", ["", "192.0.2", "192.0.2.01", "192.0.2.1/32", " ::1", "[::1]", "fe80::1%eth0", "1", "\u0661.1.1.1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r" is (no IPv4 or IPv6 address|an address with a zone)\Z"):
        canonical_ip(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("mx.example.org", "mx.example.org"),
        ("MX.Example.ORG", "mx.example.org"),
        (" m x.example.org\t\n", "mx.example.org"),
        ("mx\u2003.example\xa0.org", "mx.example.org"),
        ("_a.-b/c.test", "_a.-b/c.test"),
        ("m\u00fcnchen.de", "xn--mnchen-3ya.de"),
        ("M\u00dcNCHEN.de", "xn--mnchen-3ya.de"),
        ("stra\u00dfe.de", "xn--strae-oqa.de"),
        ("a_b.b\u00fccher.de", "a_b.xn--bcher-kva.de"),
        ("\uff41.example.org", "a.example.org"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:c000:201", "::ffff:192.0.2.1"),
    ],
)
def test_host_names_take_the_form_that_the_server_stores(text: str, stored: str) -> None:
    assert canonical_host(text) == stored
    assert canonical_host(stored) == stored


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has only one label"),
        ("localhost", "it has only one label"),
        ("[::1]", "it has only one label"),
        ("mx.example.org.", "it ends with a dot"),
        ("a..org", "one of its labels is empty"),
        (".org", "one of its labels is empty"),
        ("*.example.org", "it takes no label such as '*'"),
        ("192.0.2", "it is no address either"),
        ("256.1.1.1", "it is no address either"),
        ("mx.example", "it takes no name below .example"),
        ("mx.INVALID", "it takes no name below .invalid"),
        ("\ud800.org", "it holds a character that no host name can hold"),
        ("a.org\x1c", "it takes no label such as 'org\\x1c'"),
    ],
)
def test_a_host_name_that_the_server_refuses_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole sentence is compared below
        canonical_host(text)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("name", "expression"),
    [("mx", "'mx'"), ("a b", "'a b'"), ("it's", '"it\'s"'), ('a"b', "'a\"b'"), ("b\u00fc\n", "'b\u00fc\n'")],
)
def test_a_name_becomes_an_expression_and_back(name: str, expression: str) -> None:
    assert literal(name) == expression
    assert unquote(expression) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is empty"),
        ("a\\b", "a backslash cannot stand in a name that an expression returns"),
        ("'\"", "it holds both kinds of quotes"),
    ],
)
def test_a_name_that_no_string_literal_holds_is_refused(name: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole sentence is compared below
        literal(name)

    assert str(caught.value) == reason


@pytest.mark.parametrize("expression", ["", "'", "''", "mx", "'a", "'a\"", "'a' + 'b'", "'it's'", "'a\\n'", " 'a'"])
def test_what_is_not_one_plain_string_literal_has_no_text(expression: str) -> None:
    assert unquote(expression) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\n'b", '"a\\n\'b"'),
        (5, "5"),
        (2.5, "2.5"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        ({"a": 1, "b": 2}, "a mapping of 2"),
        ({}, "an empty mapping"),
        (["a"], "a list of 1"),
        ([], "an empty list"),
        ("x" * 100, "'" + "x" * 56 + "..."),
        pytest.param(10**5000, "a number of more than 70 digits", id="a number that Python does not print"),
    ],
)
def test_a_value_is_shown_in_a_message_on_one_short_line(value: object, text: str) -> None:
    assert shown(value) == text
