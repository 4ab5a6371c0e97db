"""One line of plain YAML taken apart: its dashes, its key and its value.

Law: what a line means does not depend on the lines around it, and where there is any doubt, it is not plain.

Plain are a key, a value in quotes, in brackets, or without either, and a comment. The limits stand far below those of
the parsers, and the characters are fewer than YAML allows.
"""

from __future__ import annotations

import re
from functools import lru_cache
from string import ascii_letters
from sys import intern
from typing import Any, NamedTuple

from reconciler.yamlio.scalars import SPECIAL, Doubt, resolve, unfinished

#: Lines, and beginnings of lines, that are remembered.
_REMEMBERED = 4096
#: Longest line and key in characters, and most brackets inside each other.
_MAX_LINE = 10_000
_MAX_KEY = 1000
_MAX_BRACKETS = 10
#: What no scalar without quotes begins with, but for the `-` of a number.
_INDICATORS = frozenset("-?:,[]{}#&*!|>'\"%@` ")
#: What begins a line that has no key, or not one without quotes.
_NO_PLAIN_KEY = frozenset("'\"[{|>#")
#: What begins and ends a document.
_MARKERS = frozenset(("---", "..."))

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\["\\nrt]|\\u[0-9a-fA-F]{4})*\"""")
_ESCAPE = r"\\(?:u(....)|(.))"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
#: A scalar without quotes that is a text and needs no second look, and one between brackets, as far as it goes.
_WORDS = re.compile(f"[_{''.join(sorted(set(ascii_letters) - SPECIAL))}](?:[A-Za-z0-9_./@ -]*[A-Za-z0-9_])?")
_IN_BRACKETS = re.compile(r"(?:[^?:,\[\]{} ]|:(?=[^?:,\[\]{} ])| +(?=[^?:,\[\]{}# ]))+")
_COLON = re.compile(r" *:(?: +|\Z)")
#: What may follow a value, and what may stand in its place.
_REST = re.compile(r" *(?: #.*)?")


class NotPlain(Exception):
    """The strict reader has to read the text."""


class Header(NamedTuple):
    """What `|` or `>` says of the text below: whether its lines are folded, and whether a line break ends it."""

    folded: bool
    broken: bool


_HEADERS = {"|": Header(False, True), "|-": Header(False, False), ">": Header(True, True), ">-": Header(True, False)}
#: In place of a value that stands below, or is null.
BELOW: Any = object()

#: Whether it is no more than a key and its value; the column behind the dashes; key or None; value; columns of dashes.
#: Lines without content have no column, and their value is "", "---" or "...".
Line = tuple[bool, int, str | None, Any, tuple[int, ...]]


@lru_cache(_REMEMBERED)
def take_apart(line: str) -> Line:
    """Return what a line holds. Raises NotPlain."""
    head, colon, tail = line.partition(": ")
    if not colon and line[-1:] == ":":
        head, colon, tail = line[:-1], ":", ""
    # What is printable holds no tab, no line break of any sort, and nothing that YAML forbids; words are.
    words = _WORDS.fullmatch(tail)
    if len(line) > _MAX_LINE or not (head if words else line).isprintable():
        raise NotPlain
    begun = _head(head) if colon else None
    if begun:
        column, key, dashes = begun
        value = tail if words else _value(tail)
        simple = not dashes and value is not BELOW and type(value) is not Header and key != "items"
        return simple, column, key, value, dashes
    column, rest, dashes = _dashes(line)
    if not rest or rest[0] == "#":
        return False, column if dashes else -1, None, BELOW if dashes else "", dashes
    if line[:3] in _MARKERS:
        if not _REST.fullmatch(line, 3):
            raise NotPlain
        return False, -1, None, line[:3], ()
    quoted = _QUOTED.match(rest)
    match = _COLON.match(rest, quoted.end()) if quoted else None
    if quoted and match:
        return False, column, _key(_unquoted(quoted[0])), _value(rest[match.end() :]), dashes
    if not dashes:
        raise NotPlain
    return False, column, None, _value(rest), dashes


@lru_cache(_REMEMBERED)
def _head(head: str) -> tuple[int, str, tuple[int, ...]] | None:
    """Return column, key and dashes of what stands before a colon, or None where that is no key without quotes."""
    column, rest, dashes = _dashes(head)
    if head[:3] in _MARKERS or rest[:1] in _NO_PLAIN_KEY or " #" in rest:
        return None
    return column, _plain_key(rest.rstrip(" ")), dashes


def _dashes(line: str) -> tuple[int, str, tuple[int, ...]]:
    """Return the column behind a line's dashes, what stands there, and the columns of the dashes."""
    column = _behind_spaces(line, 0)
    dashes = []
    while line.startswith("-", column) and line[column + 1 : column + 2] in ("", " "):
        dashes.append(column)
        column = _behind_spaces(line, column + 1)
    return column, line[column:], tuple(dashes)


def _plain_key(text: str) -> str:
    _scalar(text)
    if text == "<<":
        raise NotPlain
    return _key(text)


def _key(text: str) -> str:
    if len(text) > _MAX_KEY:
        raise NotPlain
    return intern(text)


def _value(text: str) -> Any:
    """Return what stands behind a key or a dash."""
    if _WORDS.fullmatch(text):
        return text
    text = text.lstrip(" ")
    if not text or text[0] == "#":
        return BELOW
    if text[0] in "|>":
        if text not in _HEADERS:
            raise NotPlain
        return _HEADERS[text]
    if text[0] in "'\"[{":
        value, end = _inner(text, 0, 0)
        if not _REST.fullmatch(text, end):
            raise NotPlain
        return value
    text = text.partition(" #")[0].rstrip(" ")
    if ": " in text or text[-1] == ":":
        raise NotPlain
    return _finished(text)


def _inner(text: str, at: int, depth: int) -> tuple[Any, int]:
    """Return a value in quotes, in brackets, or between brackets, and where it ends."""
    if text[at : at + 1] in ("[", "{"):
        return _brackets(text, at, depth + 1)
    quoted = _QUOTED.match(text, at)
    if quoted:
        return _unquoted(quoted[0]), quoted.end()
    words = _IN_BRACKETS.match(text, at)
    if not words:
        raise NotPlain
    return _finished(words[0]), words.end()


def _brackets(text: str, at: int, depth: int) -> tuple[Any, int]:
    """Return the mapping or list whose bracket opens here, and where it ends."""
    mapping, close = text[at] == "{", "}" if text[at] == "{" else "]"
    value: Any = {} if mapping else []
    at = _behind_spaces(text, at + 1)
    if text[at : at + 1] == close:
        return value, at + 1
    mark = "," if depth <= _MAX_BRACKETS else ""
    while mark == ",":
        if mapping:
            key, at = _inner_key(text, at)
            if key in value:
                raise NotPlain
            value[key], at = _inner(text, at, depth)
        else:
            element, at = _inner(text, at, depth)
            value.append(element)
        at = _behind_spaces(text, at)
        mark = text[at : at + 1]
        at = _behind_spaces(text, at + 1) if mark == "," else at + 1
    if mark != close:
        raise NotPlain
    return value, at


def _inner_key(text: str, at: int) -> tuple[str, int]:
    """Return a key between brackets, and where its value begins."""
    quoted = _QUOTED.match(text, at)
    match = quoted or _IN_BRACKETS.match(text, at)
    colon = _COLON.match(text, match.end()) if match else None
    if not match or not colon:
        raise NotPlain
    return _key(_unquoted(match[0])) if quoted else _plain_key(match[0]), colon.end()


def _behind_spaces(text: str, at: int) -> int:
    while text.startswith(" ", at):
        at += 1
    return at


def _scalar(text: str) -> Any:
    """Return what a scalar without quotes means."""
    if not text or (text[0] in _INDICATORS and not (text[0] == "-" and text[1:2] in "0123456789." and len(text) > 1)):
        raise NotPlain
    value = resolve(text) if text[0] in SPECIAL else text
    if type(value) is Doubt:
        raise NotPlain
    return value


def _finished(text: str) -> Any:
    """Return what a scalar without quotes means, unless a comment or comma may have cut it off."""
    value = _scalar(text)
    if unfinished(text):
        raise NotPlain
    return value


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    return re.sub(_ESCAPE, _unescaped, text[1:-1]) if "\\" in text else text[1:-1]


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16)) if escape[1] else _ESCAPES.get(escape[2], escape[2])
    if "\ud800" <= character <= "\udfff":
        raise NotPlain
    return character
