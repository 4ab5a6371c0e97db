"""JSON manifests: strict RFC 8259, decoded by the standard library and read again, slowly, only to say what is wrong.

Law: the same values, limits and kinds of problem as from YAML; a text is one document.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from reconciler.yamlio.faults import forbidden_character
from reconciler.yamlio.hints import short
from reconciler.yamlio.places import DocumentPlaces, Place, Positions, YamlToken, grow
from reconciler.yamlio.problem import MAX_DEPTH, MAX_NUMBER, MAX_PROBLEMS, Problem, YamlDocument, check_size

_BLANKS = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"')
_WORD = re.compile(r"(?:(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|true|false|null)(?![\w.+-])")
_BEFORE_VALUE = re.compile(rb'[\s,{]*"(?:[^"\\]|\\.)*"\s*:\s*')
_BEFORE_ELEMENT = re.compile(rb"[\s,]*")

_ABSENT: Any = object()

#: Problems after which the decoded value is of no use: it cannot be walked, or not be written.
_UNUSABLE = ("too-deep", "not-utf8")

#: What can come next, in the words of a message.
_VALUE, _FIRST_ELEMENT = "a value", "a value or `]`"
_KEY, _FIRST_KEY = "a key in double quotes", "a key in double quotes, or `}`"
_COLON, _NEXT_PAIR, _NEXT_ELEMENT, _END = "`:`", "`,` or `}`", "`,` or `]`", "the end of the text"

#: What can be expected where a bracket closes.
_CLOSING = {"}": (_FIRST_KEY, _NEXT_PAIR), "]": (_FIRST_ELEMENT, _NEXT_ELEMENT)}

#: What stands where something else is expected, and what to do about it.
_HINTS = {
    "'": "JSON has double quotes only",
    "/": "JSON has no comments; in a .yaml file they begin with #",
    "#": "JSON has no comments; in a .yaml file they begin with #",
    "}": "take out the comma before it",
    "]": "take out the comma before it",
    '"': "write a line break as \\n, and a backslash as \\\\",
}


class _Broken(Exception):
    """The reading ends with this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def load_json(text: str) -> tuple[list[YamlDocument], list[Problem]]:
    """Read a JSON text, which is one document, and everything that is wrong with it.

    A document with equal keys is there, `flawed`; one with a syntax error is not. Never raises.
    """
    too_large = check_size(len(text))
    if too_large is not None:
        return [], [too_large]
    text = text.removeprefix("\ufeff")
    value, doubtful = _decoded(text)
    problems = _judged(text) if doubtful else []
    if value is _ABSENT or any(problem.code in _UNUSABLE for problem in problems):
        return [], problems or [forbidden_character(text)]
    first = _BLANKS.match(text)
    line = text.count("\n", 0, first.end() if first else 0) + 1
    lines, elements = _lines(text.encode()) if type(value) is dict and not problems else ({}, ())
    return [YamlDocument(value, line, lines, elements, bool(problems))], problems


@lru_cache(maxsize=1)  # callers ask for one place after the other
def positions_json(text: str) -> tuple[Positions, ...]:
    """Return the places of a JSON text's one document; those before a syntax error if there is one. Never raises."""
    return (Positions(partial(_tree, text.removeprefix("\ufeff"))),)


def _tree(text: str) -> DocumentPlaces:
    return grow(_Scanner(text).tokens(), (1, 1))


def _judged(text: str) -> list[Problem]:
    scanner = _Scanner(text)
    for _ in scanner.tokens():
        pass
    return scanner.problems


def _decoded(text: str) -> tuple[Any, bool]:
    """Return the value of a text, and whether it has to be judged by a slower reading."""
    doubtful = False

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubtful
        result = dict(pairs)
        doubtful |= len(result) != len(pairs)
        return result

    try:
        value = json.loads(
            text, object_pairs_hook=mapping, parse_int=_integer, parse_float=_float, parse_constant=_refused
        )
    except (ValueError, RecursionError):
        return _ABSENT, True
    return value, doubtful or _depth(value) > MAX_DEPTH or "\\ud" in text or "\\uD" in text or not _encodes(text)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integer(text: str) -> int:
    return int(text) if len(text) <= MAX_NUMBER else _refused(text)


def _float(text: str) -> float:
    number = float(text)
    return number if len(text) <= MAX_NUMBER and math.isfinite(number) else _refused(text)


def _refused(text: str) -> NoReturn:
    raise ValueError(f"not a number of a manifest: {len(text)} characters")


def _depth(value: Any) -> int:
    """Return how deep mappings and lists are nested, counted level by level."""
    depth, level = 0, [value] if type(value) in (dict, list) else []
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for element in level
            for child in (element.values() if type(element) is dict else element)
            if type(child) is dict or type(child) is list
        ]
    return depth


def _lines(content: bytes) -> tuple[dict[str, int], tuple[int, ...]]:
    """Return the lines of the top-level values and of the elements of `items`, in a text known to be sound."""
    lines: dict[str, int] = {}
    elements: list[int] = []
    at, line = 0, 1
    for key, raw in msgspec.json.decode(content, type=dict[str, Raw]).items():
        match = _BEFORE_VALUE.match(content, at)
        start = match.end() if match else at
        line += content.count(b"\n", at, start)
        lines[key] = line
        at = start + len(memoryview(raw))
        if key == "items" and content[start : start + 1] == b"[":
            inner, count = start + 1, line
            for element in msgspec.json.decode(raw, type=list[Raw]):
                blanks = _BEFORE_ELEMENT.match(content, inner)
                begin = blanks.end() if blanks else inner
                count += content.count(b"\n", inner, begin)
                elements.append(count)
                inner = begin + len(memoryview(element))
                count += content.count(b"\n", begin, inner)
        line += content.count(b"\n", start, at)
    return lines, tuple(elements)


class _Scanner:
    """Reads a JSON text token by token, and keeps what is wrong. A syntax error or a limit ends it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.at = 0
        self.line = 1
        self.line_start = 0
        #: For each object that is open its keys and their lines; None for an array.
        self.opened: list[dict[str, int] | None] = []
        self.expected = _VALUE

    def tokens(self) -> Iterator[YamlToken]:
        """Yield keys, scalars, and where objects and arrays begin and end."""
        try:
            while True:
                place = self._skip_blanks()
                char = self.text[self.at : self.at + 1]
                if not char and self.expected == _END:
                    return
                if char == ":" and self.expected == _COLON:
                    self._pass(_VALUE)
                elif char == "," and self.expected in (_NEXT_PAIR, _NEXT_ELEMENT):
                    self._pass(_KEY if self.expected == _NEXT_PAIR else _VALUE)
                elif char and self.expected in (_VALUE, _FIRST_ELEMENT) and char in "{[":
                    yield self._open(char, place)
                elif char and self.opened and self.expected in _CLOSING.get(char, ()):
                    self.opened.pop()
                    self._pass(self._after_value())
                    yield YamlToken("end", place)
                else:
                    yield self._text(char, place)
        except _Broken as broken:
            self.problems.append(broken.problem)

    def _skip_blanks(self) -> Place:
        match = _BLANKS.match(self.text, self.at)
        stop = match.end() if match else self.at
        breaks = self.text.count("\n", self.at, stop)
        if breaks:
            self.line += breaks
            self.line_start = self.text.rfind("\n", self.at, stop) + 1
        self.at = stop
        return self.line, stop - self.line_start + 1

    def _pass(self, expected: str) -> None:
        self.at += 1
        self.expected = expected

    def _after_value(self) -> str:
        if not self.opened:
            return _END
        return _NEXT_ELEMENT if self.opened[-1] is None else _NEXT_PAIR

    def _open(self, char: str, place: Place) -> YamlToken:
        mapping = char == "{"
        self.opened.append({} if mapping else None)
        if len(self.opened) > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} mappings and lists are nested here"
            raise _Broken(Problem(*place, "too-deep", message))
        self._pass(_FIRST_KEY if mapping else _FIRST_ELEMENT)
        return YamlToken("map" if mapping else "list", place)

    def _text(self, char: str, place: Place) -> YamlToken:
        """Return a key or a scalar."""
        key = self.expected in (_KEY, _FIRST_KEY)
        if not key and self.expected not in (_VALUE, _FIRST_ELEMENT):
            raise self._unexpected(char, place)
        match = _STRING.match(self.text, self.at) if char == '"' else None if key else _WORD.match(self.text, self.at)
        if match is None:
            raise self._unexpected(char, place)
        self.at = match.end()
        text = match[0]
        if char == '"':
            text = json.loads(text)
            if not _encodes(text):
                self._tell(place, "not-utf8", "half of a surrogate pair is no character", "write both halves, or none")
        elif match["number"]:
            self._check_number(text, place)
        if key:
            self._check_key(text, place)
        self.expected = _COLON if key else self._after_value()
        return YamlToken("text", place, text)

    def _check_number(self, text: str, place: Place) -> None:
        if len(text) > MAX_NUMBER:
            self._tell(place, "number-out-of-range", f"a number of {len(text)} characters", "quote it for the text")
        elif math.isinf(float(text)):
            self._tell(place, "number-out-of-range", "this is too large for a number", "quote it for the text")

    def _check_key(self, name: str, place: Place) -> None:
        keys = self.opened[-1]
        if keys is None:
            return
        if name in keys:
            message = f"the key `{short(name)}` stands twice in one mapping, first in line {keys[name]}"
            self._tell(place, "duplicate-key", message, "keep one of them")
        keys.setdefault(name, place[0])

    def _unexpected(self, char: str, place: Place) -> _Broken:
        message = f"{self.expected} is expected here" + ("" if char else ", and the text ends")
        if char == '"' and self.expected in (_VALUE, _FIRST_ELEMENT, _KEY, _FIRST_KEY):
            message = "this text is not closed, or holds a control character or an escape that JSON does not know"
        return _Broken(Problem(*place, "json-syntax", message, _HINTS.get(char, "")))

    def _tell(self, place: Place, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(*place, code, message, hint))
        if len(self.problems) >= MAX_PROBLEMS:
            message = f"reading stopped after {MAX_PROBLEMS} problems"
            raise _Broken(Problem(*place, "too-many-problems", message))
