r"""What a regular expression is made of: parts, and the tests that single characters pass.

Law: a test judges one character as the server's engine does, by the properties of Unicode; `\w` and `\s` are not
Python's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from msgspec import Struct

Test = Callable[[str], bool]

#: The White_Space of Unicode, which is not quite what Python calls space.
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_CIRCLED = ((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189))
#: Letters that fold together though neither is the other's upper or lower case.
_KIN = {"k": "\u212a", "K": "\u212a", "s": "\u017f", "S": "\u017f", "å": "\u212b", "Å": "\u212b"}


class One(Struct, frozen=True):
    """One character that passes a test."""

    test: Test
    #: Bytes that the engine's program is guessed to need for it.
    weight: int


class Edge(Struct, frozen=True):
    """A place between characters, such as `text start`, `line end` or `boundary`."""

    kind: str


class Repeat(Struct, frozen=True):
    """A part, `least` to `most` times; `most` is None where there is no end."""

    part: Part
    least: int
    most: int | None
    greedy: bool


class Capture(Struct, frozen=True):
    """A group that is remembered; groups are numbered from 1 by their opening parentheses."""

    part: Part
    number: int


class Sequence(Struct, frozen=True):
    """Parts one after the other."""

    parts: tuple[Part, ...]


class Either(Struct, frozen=True):
    """Parts of which the first that leads to a match is taken."""

    parts: tuple[Part, ...]


Part = One | Edge | Repeat | Capture | Sequence | Either


class Pattern(Struct, frozen=True):
    """A pattern that was read."""

    part: Part
    groups: int


def weight(part: Part) -> int:
    """Guess how many bytes the engine's program for a part takes."""
    match part:
        case One(weight=own):
            return own
        case Edge():
            return 64
        case Repeat(part=inner, least=least, most=most):
            return 128 + weight(inner) * max(1, least + (most is None), most or 0)
        case Capture(part=inner):
            return 128 + weight(inner)
        case Sequence(parts=parts) | Either(parts=parts):
            return 64 + sum(64 + weight(inner) for inner in parts)


def is_word(character: str) -> bool:
    r"""Say whether `\w` matches: letters, marks, decimal digits, connectors and joiners of Unicode."""
    category = unicodedata.category(character)
    if category[0] in "LM" or category in ("Nd", "Nl", "Pc"):
        return True
    return character in "\u200c\u200d" or any(low <= ord(character) <= high for low, high in _CIRCLED)


def is_digit(character: str) -> bool:
    r"""Say whether `\d` matches: the decimal digits of Unicode."""
    return unicodedata.category(character) == "Nd"


def is_white(character: str) -> bool:
    r"""Say whether `\s` matches."""
    return character in WHITE


def anything(character: str) -> bool:
    """Let every character pass."""
    return bool(character)


def not_newline(character: str) -> bool:
    """Let every character pass but a line feed."""
    return character != "\n"


def between(first: str, last: str) -> Test:
    """Return the test of a range, or of one character."""
    return (lambda character: character == first) if first == last else (lambda character: first <= character <= last)


def of_category(name: str) -> Test:
    """Return the test of a general category of Unicode, such as `L` or `Lu`."""
    return lambda character: unicodedata.category(character).startswith(name)


def negated(test: Test) -> Test:
    """Return the opposite of a test."""
    return lambda character: not test(character)


def any_of(tests: list[Test]) -> Test:
    """Return the test that passes where one of several does."""
    return tests[0] if len(tests) == 1 else lambda character: any(test(character) for test in tests)


def combined(left: tuple[Test, str] | None, right: Test) -> Test:
    """Return the test of two classes joined by `&&`, `--` or `~~` (both, first only, either but not both)."""
    if left is None:
        return right
    first, operator = left
    if operator == "&&":
        return lambda character: first(character) and right(character)
    if operator == "--":
        return lambda character: first(character) and not right(character)
    return lambda character: first(character) != right(character)


def folded(test: Test) -> Test:
    """Return a test that does not mind case."""

    def either_case(character: str) -> bool:
        lower, upper = character.lower(), character.upper()
        others = {character, lower, upper, upper.lower(), lower.upper(), *_KIN.get(character, "")}
        return any(test(other) for other in others if len(other) == 1)

    return either_case
