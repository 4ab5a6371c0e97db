"""How values are converted, compared and calculated with."""

from __future__ import annotations

import math

import pytest

from reconciler.expression.values import (
    Constant,
    Known,
    add,
    calculate,
    compare,
    elements_of,
    equal,
    identical,
    integer_of,
    minus,
    number_of,
    order,
    position_of,
    shown,
    text_of,
    truth,
)

MOST = 2**63 - 1
LEAST = -(2**63)
RELAXED = Constant("relaxed")
STRICT = Constant("strict")
NAN = math.nan


@pytest.mark.parametrize("value", [0, 0.0, -0.0, "", ()])
def test_nothing_and_zero_are_false(value: Known) -> None:
    assert not truth(value)


@pytest.mark.parametrize("value", [1, -1, 0.5, NAN, " ", "0", "false", ("",), RELAXED])
def test_everything_else_is_true(value: Known) -> None:
    assert truth(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (5, "5"),
        (-5, "-5"),
        (1.0, "1.0"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (-1.5, "-1.5"),
        (1 / 3, "0.3333333333333333"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e16"),
        (-1.5e20, "-1.5e20"),
        (0.00001, "0.00001"),
        (0.000001, "1e-6"),
        (1.25e-9, "1.25e-9"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (NAN, "NaN"),
        (RELAXED, "relaxed"),
        ((), ""),
        (("a", 1, 1.0), "a\r\n1\r\n1.0"),
        (("a", ("b",), "c"), "a\r\n\r\nc"),
        (("", "a"), "a"),
    ],
)
def test_functions_see_floats_with_a_point_and_lists_as_lines(value: Known, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (1 / 3, "0.3333333333333333"),
        (math.inf, "inf"),
        (NAN, "NaN"),
        (("a", 1.0), "a\n1"),
        (RELAXED, "relaxed"),
    ],
)
def test_concatenation_shows_floats_in_full(value: Known, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        ("007", 7),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1E-2", -0.01),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("9223372036854775808", 9223372036854775808.0),
        ("", 0),
        (" 1", 0),
        ("1 ", 0),
        ("1_0", 0),
        ("\u0661", 0),
        ("0x1", 0),
        ("1e", 0),
        (".", 0),
        ("true", 0),
        (RELAXED, 0),
        ((), 1),
        (("1",), 0),
    ],
)
def test_arithmetic_reads_numbers_from_texts(value: Known, number: float) -> None:
    assert identical(number_of(value), number)


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (5, 5),
        (1.9, 1),
        (-1.9, -1),
        (1e300, MOST),
        (-1e300, LEAST),
        (NAN, 0),
        ("5", 5),
        ("1.5", None),
        ("", None),
        ((), None),
    ],
)
def test_integers_are_cut_from_floats_and_read_from_texts(value: Known, integer: int | None) -> None:
    assert integer_of(value) == integer


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (2, 2),
        (-1, 2**64 - 1),
        (1.9, 1),
        (-1.9, 0),
        (NAN, 0),
        ("2", 2),
        ("+2", 2),
        ("-2", 0),
        ("x", 0),
        ((), 0),
        (RELAXED, 0),
    ],
)
def test_positions_are_what_they_can_be(value: Known, position: int) -> None:
    assert position_of(value) == position


def test_anything_is_a_list_of_itself_but_the_empty_text() -> None:
    assert [elements_of(value) for value in ("a", 0, "", ("a",), RELAXED)] == [("a",), (0,), (), ("a",), (RELAXED,)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a", "a"),
        (1, 1.0),
        ("1", 1),
        ("x", 0),
        ("", 0),
        (0, "x"),
        ("1e3", 1000),
        (("a", 1), ("a", "1")),
        ((), ()),
        (MOST, float(2**63)),
    ],
)
def test_these_are_equal(left: Known, right: Known) -> None:
    assert equal(left, right)
    assert equal(right, left)
    assert compare("==", left, right)
    assert not compare("!=", left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a", "A"),
        ("1", "1.0"),
        ("true", 1),
        (("a",), "a"),
        ((1,), (1, 2)),
        (RELAXED, RELAXED),
        (RELAXED, "relaxed"),
        (RELAXED, 0),
        ((), 0),
        (NAN, NAN),
        ("NaN", 0),
        (MOST, MOST - 1),
    ],
)
def test_these_are_not_equal(left: Known, right: Known) -> None:
    assert not equal(left, right)
    assert not equal(right, left)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 2, -1),
        (2, 1.5, 1),
        ("10", "9", -1),
        ("Z", "a", -1),
        ("", "a", -1),
        ("10", 9, 1),
        (10, "9", 1),
        ("a", 0, 0),
        ((2,), (1, 9), 1),
        ((1,), (1, 0), -1),
        ((), (), 0),
        ((), 5, 1),
        ("a", (), 1),
        ((), "a", 1),
        ("a", RELAXED, 1),
        (5, (), -1),
        (5, RELAXED, -1),
        (RELAXED, 5, -1),
        (RELAXED, STRICT, -1),
        (RELAXED, RELAXED, 0),
        (NAN, 1, None),
        ((NAN,), (1,), None),
    ],
)
def test_values_stand_in_an_order(left: Known, right: Known, expected: int | None) -> None:
    assert order(left, right) == expected
    assert [compare(sign, left, right) for sign in ("<", "<=", ">", ">=")] == [
        expected == -1,
        expected in (-1, 0),
        expected == 1,
        expected in (0, 1),
    ]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 2, 3),
        (1, 0.5, 1.5),
        (MOST, 1, MOST),
        (LEAST, -1, LEAST),
        ("a", "b", "ab"),
        ("r", 1, "r1"),
        (1, "r", "1r"),
        ("r", 1.0, "r1"),
        ("", 1, 1),
        (1, "", 1),
        ("", "", ""),
        ((1,), 2, (1, 2)),
        (1, (2,), (1, 2)),
        ((1,), (2,), (1, 2)),
        (("a",), "", ("a", "")),
        (RELAXED, "x", "relaxedx"),
        ("x", RELAXED, "xrelaxed"),
        ("", RELAXED, RELAXED),
        (1, RELAXED, 1),
        (RELAXED, 1, 1),
        (RELAXED, STRICT, RELAXED),
    ],
)
def test_plus_joins_texts_extends_lists_and_adds_numbers(left: Known, right: Known, expected: Known) -> None:
    assert identical(add(left, right), expected)


@pytest.mark.parametrize(
    ("operator", "left", "right", "expected"),
    [
        ("-", 3, 5, -2),
        ("-", "5", 2, 3),
        ("-", 1, 0.5, 0.5),
        ("-", "x", "1.5", -1.5),
        ("-", LEAST, 1, LEAST),
        ("-", ("a", "b", "a"), "a", ("b",)),
        ("-", "a", ("a", "b"), ("b",)),
        ("-", (1, (2,)), (2,), (1,)),
        ("*", 3, 4, 12),
        ("*", "1.5", 2, 3.0),
        ("*", 3, "r", 0),
        ("*", MOST, 2, MOST),
        ("*", ("a",), 2, 0),
        ("*", (), 2, 2),
        ("*", RELAXED, 2, 0),
        ("/", 6, 2, 3.0),
        ("/", 1, 0, 0.0),
        ("/", 1, 0.0, 0.0),
        ("/", "7", 2.0, 3.5),
    ],
)
def test_arithmetic_never_fails(operator: str, left: Known, right: Known, expected: Known) -> None:
    assert identical(calculate(operator, left, right), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, -1), (1.5, -1.5), ("x", 0), ("1.5", -1.5), (LEAST, LEAST), ((), -1), (("a",), 0), (RELAXED, 0)],
)
def test_minus_reads_a_number_first(value: Known, expected: Known) -> None:
    assert identical(minus(value), expected)


def test_identical_tells_types_apart() -> None:
    assert identical((1, NAN), (1, NAN))
    assert not identical(1, 1.0)
    assert not identical((1,), (1.0,))
    assert not identical((1,), (1, 2))
    assert not identical(NAN, 1.0)
