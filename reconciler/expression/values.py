"""What an expression can give, and how the server converts, compares and calculates.

Law: every function here is total over known values; what is not known never gets this far.
"""

from __future__ import annotations

import math
import re

from msgspec import Struct

from reconciler.expression.language import INT_MAX, INT_MIN, vocabulary
from reconciler.expression.tree import decimal


class Constant(Struct, frozen=True):
    """A bare word of the server; it equals nothing, not even itself."""

    name: str


class Empty(Struct, frozen=True):
    """No result at all: the text says nothing."""


class EvaluationError(Struct, frozen=True):
    """A lookup failed, and the evaluation with it. `because` is for people."""

    because: str = ""


class Unknown(Struct, frozen=True):
    """It depends on what was not given. `truth` says whether it is true or false, where that much is certain."""

    because: str
    truth: bool | None = None


#: A value that the server's evaluation can handle.
Known = str | int | float | tuple["Known", ...] | Constant
#: What evaluating an expression gives.
Value = Known | Empty | EvaluationError | Unknown

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|[+-]?(?:inf|infinity|nan)", re.IGNORECASE)


def truth(value: Known) -> bool:
    """Say whether a value counts as true: '' 0 0.0 and [] do not."""
    if isinstance(value, Constant):
        return True
    return bool(value)


def text_of(value: Known) -> str:
    """Return a value as functions see it: floats keep `.0`, lists are joined by line ends and lose inner lists."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _shortest(value)
    if isinstance(value, Constant):
        return value.name
    joined = ""
    for element in value:
        joined += ("\r\n" if joined else "") + ("" if isinstance(element, tuple) else text_of(element))
    return joined


def shown(value: Known) -> str:
    """Return a value as `+` appends it to a text: floats without an exponent, and without `.0`."""
    if isinstance(value, float):
        return decimal(value).removesuffix(".0") if math.isfinite(value) else _not_finite(value)
    return "\n".join(map(shown, value)) if isinstance(value, tuple) else text_of(value)


def number_of(value: Known) -> int | float:
    """Return a value as arithmetic sees it; what is no number is 0, and an empty list is 1."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        integer = integer_of(value)
        if integer is not None:
            return integer
        return float(value) if value.isascii() and _FLOAT.fullmatch(value) else 0
    return int(value == ())


def integer_of(value: Known) -> int | None:
    """Return a value as an integer of 64 bits, or None where it is none."""
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return 0 if math.isnan(value) else int(min(max(value, INT_MIN), INT_MAX))
    return _digits(value, INT_MIN, INT_MAX) if isinstance(value, str) else None


def position_of(value: Known) -> int:
    """Return a value as a place in a list or a text, from 0; negative integers lie past any end."""
    if isinstance(value, int):
        return value if value >= 0 else 2**64 + value
    if isinstance(value, float):
        return 0 if math.isnan(value) or value < 0 else int(min(value, 2.0**64 - 1))
    return _digits(value.replace("-", "x"), 0, 2**64 - 1) or 0 if isinstance(value, str) else 0


def elements_of(value: Known) -> tuple[Known, ...]:
    """Return a value as a list: itself, one element, or nothing for ''."""
    if isinstance(value, tuple):
        return value
    return () if value == "" else (value,)


def equal(left: Known, right: Known) -> bool:
    """Say whether the server holds two values equal: a text equals the number that it spells, and else it is 0."""
    if isinstance(left, str):
        if isinstance(right, str):
            return left == right
        return isinstance(right, int | float) and _numeric_order(number_of(left), right) == 0
    if isinstance(left, tuple):
        return isinstance(right, tuple) and len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, Constant) or isinstance(right, Constant | tuple):
        return False
    return _numeric_order(left, number_of(right)) == 0


def order(left: Known, right: Known) -> int | None:
    """Return -1, 0 or 1 as `left` stands before, level with or after `right`; None where neither (NaN)."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        for one, other in zip(left, right, strict=False):
            comparison = order(one, other)
            if comparison != 0:
                return comparison
        return (len(left) > len(right)) - (len(left) < len(right))
    if isinstance(left, str | int | float) and isinstance(right, str | int | float):
        return _numeric_order(number_of(left), number_of(right))
    if isinstance(left, tuple | str):
        return 1
    if isinstance(left, Constant) and isinstance(right, Constant):
        # The server compares them by where they stand in its own list.
        first, second = (vocabulary().constants.index(constant.name) for constant in (left, right))
        return (first > second) - (first < second)
    return -1


def compare(operator: str, left: Known, right: Known) -> bool:
    """Say whether `left operator right` holds, for the six comparisons."""
    if operator in ("==", "!="):
        return equal(left, right) == (operator == "==")
    comparison = order(left, right)
    return comparison in {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}[operator]


def add(left: Known, right: Known) -> Known:
    """Return `left + right`: lists grow, texts that are not empty are joined, numbers are added."""
    if isinstance(left, tuple) or isinstance(right, tuple):
        return (left if isinstance(left, tuple) else (left,)) + (right if isinstance(right, tuple) else (right,))
    if isinstance(left, int | float) and isinstance(right, int | float):
        both = isinstance(left, int) and isinstance(right, int)
        return saturated(int(left + right)) if both else float(left) + float(right)
    if isinstance(left, str):
        return shown(left) + shown(right) if left else right
    if isinstance(right, str):
        return shown(left) + shown(right) if right else left
    return left if isinstance(right, Constant) else right


def calculate(operator: str, left: Known, right: Known) -> Known:
    """Return `left operator right` for - * and /; a list loses what equals the other side."""
    if operator == "-" and (isinstance(left, tuple) or isinstance(right, tuple)):
        kept, gone = (left, right) if isinstance(left, tuple) else (right, left)
        return tuple(element for element in elements_of(kept) if not equal(element, gone))
    one, other = number_of(left), number_of(right)
    if operator == "/":
        return float(one) / float(other) if other else 0.0
    if isinstance(one, int) and isinstance(other, int):
        return saturated(one - other if operator == "-" else one * other)
    return float(one) - float(other) if operator == "-" else float(one) * float(other)


def minus(value: Known) -> Known:
    """Return `-value`; the smallest integer stays as it is."""
    number = number_of(value)
    return number if number == INT_MIN and isinstance(number, int) else -number


def saturated(number: int) -> int:
    """Return a number, or the nearest that 64 bits can hold."""
    return min(max(number, INT_MIN), INT_MAX)


def identical(left: object, right: object) -> bool:
    """Say whether two values are the same in type and content."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(identical, left, right))
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return type(left) is type(right) and left == right


def _digits(text: str, low: int, high: int) -> int | None:
    """Read an integer, or return None where the text is none or lies outside. Python refuses to read very long ones."""
    if not _INTEGER.fullmatch(text):
        return None
    significant = text.lstrip("+-").lstrip("0") or "0"
    value = int(significant) if len(significant) <= 20 else high + 1
    value = -value if text[0] == "-" else value
    return value if low <= value <= high else None


def _numeric_order(left: float, right: float) -> int | None:
    # The server turns an integer beside a float into a float; Python would compare them exactly.
    if not (type(left) is int and type(right) is int):
        left, right = float(left), float(right)
        if math.isnan(left) or math.isnan(right):
            return None
    return (left > right) - (left < right)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _shortest(value: float) -> str:
    """Write a float with the fewest digits: 1.0, 0.00001, 1e-6, 1.5e16."""
    if not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    from decimal import Decimal  # slow to load, and seldom wanted

    sign, numerals, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, numerals))
    point = len(digits) + int(exponent)  # how many digits stand before the point
    if 0 < point <= 16 or -5 < point <= 0:
        return decimal(value)
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{'-' * sign}{mantissa}e{point - 1}"
