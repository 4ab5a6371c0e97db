r"""The characters of a regular expression: escapes such as `\d` and `\x41`, and classes in brackets.

Law: this reads where a character is meant, in a class or outside of one; groups and repetitions belong to `regex`.
"""

from __future__ import annotations

from reconciler.expression.pattern import (
    Test,
    any_of,
    between,
    combined,
    folded,
    is_digit,
    is_white,
    is_word,
    negated,
    of_category,
)

#: How deep groups and classes may nest here; the engine goes to 250, but these readers descend by recursion.
DEEPEST = 60

_CATEGORIES = frozenset(
    (
        *("L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No"),
        *("P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp"),
    )
)
_POSIX = {
    "alnum": "azAZ09",
    "alpha": "azAZ",
    "ascii": "\x00\x7f",
    "blank": "\t\t  ",
    "cntrl": "\x00\x1f\x7f\x7f",
    "digit": "09",
    "graph": "!~",
    "lower": "az",
    "print": " ~",
    "punct": "!/:@[`{~",
    "space": "\t\r  ",
    "upper": "AZ",
    "word": "azAZ09__",
    "xdigit": "afAF09",
}
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "a": "\x07", "f": "\x0c", "v": "\x0b"}
_HALVES = {"start": "word start", "end": "word end", "start-half": "half start", "end-half": "half end"}
_HEX = {"x": 2, "u": 4, "U": 8}


class PatternRefused(Exception):
    """The engine refuses the pattern. `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Doubtful(PatternRefused):
    """The engine may take the pattern; this reader cannot prove it, or cannot run it."""


class Cursor:
    """A place in a pattern, from which characters are read."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0

    def peek(self, text: str) -> bool:
        """Say whether a text comes next."""
        return self.pattern.startswith(text, self.position)

    def take(self, text: str) -> bool:
        """Pass over a text, if it comes next."""
        if self.peek(text):
            self.position += len(text)
            return True
        return False

    def next(self) -> str:
        """Return the next character, and pass over it."""
        if self.position >= len(self.pattern):
            raise PatternRefused("the pattern ends too soon", self.position)
        self.position += 1
        return self.pattern[self.position - 1]

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self.position < len(self.pattern)

    # -- escapes

    def half(self) -> str:
        r"""Read the name of a boundary after `\b`."""
        end = self.pattern.find("}", self.position)
        name = self.pattern[self.position + 1 : end] if end >= 0 else ""
        if name not in _HALVES:
            raise Doubtful("\\b{ is not followed by a boundary's name", self.position)
        self.position = end + 1
        return _HALVES[name]

    def perl(self, character: str, start: int) -> Test | None:
        r"""Return the test of a class escape such as `\d`, `\W` or `\p{Lu}`, or None where it is none."""
        tests: dict[str, Test] = {"d": is_digit, "w": is_word, "s": is_white}
        if character in "dws":
            return tests[character]
        if character in "DWS":
            return negated(tests[character.lower()])
        if character not in "pP":
            return None
        name = self.next()
        if name == "{":
            end = self.pattern.find("}", self.position)
            if end < 0:
                raise PatternRefused("\\p{ without its }", start)
            name = self.pattern[self.position : end]
            self.position = end + 1
        if name not in _CATEGORIES:
            raise Doubtful(f"the Unicode class {name[:32]} is not known here", start)
        test = of_category(name)
        return negated(test) if character == "P" else test

    def escaped(self, character: str, start: int) -> str:
        """Return the character that an escape stands for."""
        if character in _SIMPLE:
            return _SIMPLE[character]
        if character in _HEX:
            return self.hexadecimal(_HEX[character], start)
        if character.isdigit():
            raise PatternRefused("back-references are not supported", start)
        if character.isascii() and not character.isalnum() and character not in "<>":
            return character
        raise PatternRefused(f"\\{character} means nothing", start)

    def hexadecimal(self, digits: int, start: int) -> str:
        """Read a character by its number: so many digits, or any in braces."""
        if self.take("{"):
            end = self.pattern.find("}", self.position)
            text = self.pattern[self.position : end] if end >= 0 else ""
            self.position = end + 1
        else:
            text = self.pattern[self.position : self.position + digits]
            self.position += digits
            if len(text) < digits:
                raise PatternRefused("too few hexadecimal digits", start)
        if not text or len(text) > 8 or any(digit not in "0123456789abcdefABCDEF" for digit in text):
            raise PatternRefused("these are no hexadecimal digits", start)
        code = int(text, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise PatternRefused("no character has this number", start)
        return chr(code)

    # -- classes

    def bracket(self, ignore_case: bool, depth: int) -> tuple[Test, int]:
        """Read a class after its `[`: its test, and its weight."""
        start = self.position - 1
        if depth > DEEPEST:
            raise Doubtful("classes nest too deep", start)
        negate = self.take("^")
        tests: list[Test] = []
        size = 256
        while self.take("-"):
            tests.append(between("-", "-"))
        if not tests and self.take("]"):
            tests.append(between("]", "]"))
        # Operands of `&&`, `--` and `~~`, which all bind alike and work from left to right.
        joined: tuple[Test, str] | None = None
        while not self.take("]"):
            operator = next((sign for sign in ("&&", "--", "~~") if self.peek(sign)), "")
            if operator:
                self.position += 2
                joined = (combined(joined, any_of(tests)), operator)
                tests = []
            else:
                if not self.more:
                    raise PatternRefused("a [ without its ]", start)
                test, more = self.member(ignore_case, depth)
                tests.append(test)
                size += more
        test = combined(joined, any_of(tests))
        if ignore_case:
            test = folded(test)
        return (negated(test), size + 1024) if negate else (test, size)

    def member(self, ignore_case: bool, depth: int) -> tuple[Test, int]:
        """Read a character, a range, an escape or a class within a class: its test, and its weight."""
        start = self.position
        if self.peek("[:"):
            posix = self.posix()
            if posix is not None:
                return posix, 256
        if self.take("["):
            return self.bracket(ignore_case, depth + 1)
        first = self.class_literal()
        if not isinstance(first, str):
            if self.peek("-") and not self.peek("-]") and not self.peek("--"):
                raise PatternRefused("a range wants a character on each side", start)
            return first, 60_000
        if not self.peek("-") or self.peek("-]") or self.peek("--"):
            return between(first, first), 64
        self.position += 1
        if not self.more:
            raise PatternRefused("a [ without its ]", start)
        last = self.class_literal()
        if not isinstance(last, str):
            raise PatternRefused("a range wants a character on each side", start)
        if first > last:
            raise PatternRefused("a range runs backwards", start)
        return between(first, last), 64 if last.isascii() else 2048

    def class_literal(self) -> str | Test:
        """Read a character, or an escape that stands for many."""
        start = self.position
        character = self.next()
        if character != "\\":
            return character
        character = self.next()
        if character in "bBAz<>":
            raise PatternRefused(f"\\{character} cannot stand in a class", start)
        test = self.perl(character, start)
        return self.escaped(character, start) if test is None else test

    def posix(self) -> Test | None:
        """Read `[:alpha:]` or `[:^alpha:]`; what looks otherwise is an ordinary nested class."""
        end = self.pattern.find(":]", self.position + 2)
        name = self.pattern[self.position + 2 : end] if end >= 0 else ""
        ranges = _POSIX.get(name.removeprefix("^"))
        if ranges is None:
            return None
        self.position = end + 2
        test = any_of([between(ranges[i], ranges[i + 1]) for i in range(0, len(ranges), 2)])
        return negated(test) if name.startswith("^") else test
