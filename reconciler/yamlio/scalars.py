"""What a plain (unquoted) scalar means: the core schema of YAML 1.2, chapter 10.3.

Law: a text that YAML 1.1 and 1.2 understand differently is a Doubt, never a value.
"""

from __future__ import annotations

import math
import re

from msgspec import Struct

from reconciler.yamlio.problem import MAX_NUMBER


class Doubt(Struct, frozen=True):
    """A plain scalar that is no value: why, in words around the scalar itself, and how to write it."""

    code: str
    #: What it is, without showing it: `is a boolean to some YAML readers …`.
    reason: str
    #: How it could be written instead, which shows it.
    hint: str


WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
NOT_A_NUMBER = frozenset({".nan", ".NaN", ".NAN"})
#: Booleans that readers of YAML 1.1 make of words, in any of their usual cases. None makes one of a lone y or n.
OLD_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
#: What a scalar that is not simply its own text can begin with.
SPECIAL = frozenset("0123456789+-.~tTfFnNyYoO")

#: Longest line that is looked at, in characters.
MAX_LINE = 1000
QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_QUOTE = r"""(?<![A-Za-z0-9])['"]"""
#: What an expression can end with that lacks its right side, and such an operator at the end of a value.
OPERATORS = frozenset("&|=+-*/<>")
_OPERATOR = r"(?:&&|\|\||[=!<>]=|\s[-+*/<>])\Z"

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
# The others are compiled by the first number that is no such integer, as few are.
_OCTAL = r"0o[0-7]+"
_HEXADECIMAL = r"0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_LEADING_ZERO = r"[-+]?0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
#: Numbers of YAML 1.1 that are text in 1.2: binary, signed hexadecimal, digits with underscores.
_OLD_NUMBER = r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?)"
_SEXAGESIMAL = r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}.*)?"


def resolve(text: str) -> str | int | float | bool | Doubt | None:
    """Return the value of a plain scalar, or the doubt about it."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in SPECIAL:
        return text
    if len(text) <= 3 and text.lower() in OLD_BOOLEANS:
        return _ambiguous(text, "a boolean to some YAML readers and text to others", OLD_BOOLEANS[text.lower()])
    if text[0] in "0123456789+-.":
        return _number(text)
    return text


def unfinished(text: str) -> bool:
    """Tell whether a plain scalar, if it is not very long, looks like an expression that something cut off."""
    quotes = "'" in text or '"' in text
    if len(text) > MAX_LINE or not (quotes or "(" in text or text[-1] in OPERATORS):
        return False
    outside = QUOTED.sub("", text) if quotes else text
    return outside.count("(") > outside.count(")") or bool(re.search(_QUOTE, outside) or re.search(_OPERATOR, text))


def _number(text: str) -> str | int | float | Doubt:
    """Return what a scalar that begins as a number does means."""
    if _INTEGER.fullmatch(text):
        return _value(text, whole=True)
    if text in NOT_A_NUMBER:
        return Doubt("not-a-number", "is not a number that can be compared or sent", f'write "{text}" for the text')
    if re.fullmatch(_DATE, text):
        return _ambiguous(text, "a date to some YAML readers and text to others")
    if re.fullmatch(_SEXAGESIMAL, text):
        return _ambiguous(text, "a number of base 60 to some YAML readers and text to others")
    if re.fullmatch(_LEADING_ZERO, text):
        octal = f"0o{text[1:]}" if re.fullmatch(r"0[0-7]+", text) else ""
        return _ambiguous(text, "an octal number to some YAML readers and a decimal one to others", octal)
    whole = bool(re.fullmatch(_OCTAL, text) or re.fullmatch(_HEXADECIMAL, text))
    if whole or re.fullmatch(_FLOAT, text):
        return _value(text, whole=whole)
    if re.fullmatch(_OLD_NUMBER, text):
        number = text.replace("_", "") if _INTEGER.fullmatch(text.replace("_", "")) else ""
        return _ambiguous(text, "a number to some YAML readers and text to others", number)
    return text


def _value(text: str, *, whole: bool) -> int | float | Doubt:
    """Return the number that a text of the core schema stands for."""
    if len(text) > MAX_NUMBER:
        return Doubt("number-out-of-range", f"is a number of {len(text)} characters", "quote it for the text")
    if whole:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    number = float(text)
    if math.isinf(number):
        return Doubt("number-out-of-range", "is too large for a number", f'write "{text}" for the text')
    return number


def _ambiguous(text: str, reading: str, value: str = "") -> Doubt:
    """Return the doubt about a scalar that is `reading`, with the unambiguous `value` as an alternative."""
    alternative = f", or {value}" if value else ""
    return Doubt("ambiguous-scalar", f"is {reading}", f'write "{text}" for the text{alternative}')
