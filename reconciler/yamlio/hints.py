"""What to say when YAML stumbles over the syntax of expressions: where the value lies, and how to quote it.

Law: reads source lines only, a bounded part of each; a value below a key that may hold a secret is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from reconciler.yamlio.scalars import MAX_LINE, OPERATORS, QUOTED

#: Longest corrected line that is shown, in characters.
MAX_SHOWN = 160
#: Longest key or scalar that is shown, in characters.
MAX_WORD = 40

_SECRET = re.compile(
    r"secret|passw|token|credential|bearer|authorization|cookie|(?:api|private)[-_]?key", re.IGNORECASE
)
_KEY = r"""(?:[\w$./@~+*-]+|"[^"]*"|'[^']*')"""
_HEAD = re.compile(rf"\s*(?:[-?]\s+)*(?:(?P<key>{_KEY})\s*:(?:\s+|\Z))?")
_PAIR = re.compile(rf"\s*(?:(?P<key>{_KEY})\s*:\s+)?")
_CUT = re.compile(r"[ \t]*([#,])")
#: A comment that ends like the brackets around it, behind a value.
_CUT_BRACKETS = re.compile(r"(?<=[^\s,\[{])[ \t]+#[^,\[{]*?(?=[\]}]+,?[ \t]*\Z)")
#: What cannot follow a text in an expression: another text or a name.
_GOES_ON = re.compile(r"""[ \t]*[\w'"]""")

_BEGINNINGS = {
    "!": (
        "yaml-tag",
        "an expression that begins with `!` must be quoted: YAML takes it for a tag, which is not allowed",
    ),
    "&": ("yaml-syntax", "an expression that begins with `&` must be quoted: YAML takes it for an anchor"),
    "*": ("yaml-syntax", "an expression that begins with `*` must be quoted: YAML takes it for an alias"),
    "@": ("yaml-reserved", "a value that begins with `@` must be quoted: YAML reserves this character"),
    "`": ("yaml-reserved", "a value that begins with a backtick must be quoted: YAML reserves this character"),
    "%": ("yaml-reserved", "a value that begins with `%` must be quoted: YAML reserves this character"),
    "'": (
        "yaml-syntax",
        "text goes on after the closing quote: an expression that begins with `'` must be quoted whole",
    ),
    '"': (
        "yaml-syntax",
        'text goes on after the closing quote: an expression that begins with `"` must be quoted whole',
    ),
    "[": ("yaml-syntax", "text goes on after `]`: an expression that begins with `[` must be quoted whole"),
    "{": ("yaml-syntax", "text goes on after `}`: an expression that begins with `{` must be quoted whole"),
    "|": ("yaml-syntax", "a value that begins with `|` must be quoted: YAML takes it for a block of text"),
    ">": ("yaml-syntax", "a value that begins with `>` must be quoted: YAML takes it for a block of text"),
    "-": ("yaml-syntax", "a value that begins with `- ` must be quoted: YAML takes it for a list"),
    "?": ("yaml-syntax", "a value that begins with `? ` must be quoted: YAML takes it for a key"),
}
_BY_COMMENT = "` #` begins a comment, which cuts this expression off"
_BRACKET = ("yaml-syntax", "between `{}` or `[]` a value that contains a bracket must be quoted")
_COLON = ("yaml-syntax", "a value that contains `: ` must be quoted: YAML takes it for a key and its value")
_COLON_IN_BRACKETS = (
    "yaml-syntax",
    "a value that contains `: ` must be quoted, or a comma is missing before the next key",
)


class Line(NamedTuple):
    """A source line and the column in it, from 0, that is looked at."""

    text: str
    column: int


class Value(NamedTuple):
    """The part of a line that was meant as one value, and the key before it."""

    start: int
    stop: int
    key: str
    #: Every bracket that opens in it closes in the same line; if not, it is taken to go up to the line's end.
    closed: bool


def may_show(*names: str) -> bool:
    """Tell whether a value below keys of these names may be shown: none of them speaks of a secret."""
    return not any(_SECRET.search(name) for name in names)


def short(text: str) -> str:
    """Return a key or scalar as a message shows it."""
    return text if len(text) <= MAX_WORD else text[:MAX_WORD] + "…"


def line_at(text: str, index: int) -> Line | None:
    """Return the line around an offset, or None where it is too long to be looked at."""
    # libyaml takes a lone carriage return for a line break as well
    start = max(text.rfind(end, max(0, index - MAX_LINE), index) for end in "\n\r") + 1
    if start == 0 and index >= MAX_LINE:
        return None
    line = text[start : start + MAX_LINE + 1].partition("\n")[0].partition("\r")[0]
    return Line(line, index - start) if len(line) <= MAX_LINE else None


def quoted(text: str) -> str:
    """Return a value as a quoted scalar of YAML."""
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def value_end(line: str, start: int, *, flow: bool) -> int | None:
    """Return where a value ends as an expression would have it, or None where its brackets are not closed.

    Commas end a value in flow style (`{…}` and `[…]`), but not within parentheses or quotes; ` #` likewise.
    """
    depth, at = 0, start
    while at < len(line):
        match = _opened_quote(line, at, start)
        if match:
            at = match.end()
            continue
        char = line[at]
        if char in "([{":
            depth += 1
        elif depth and char in ")]}":
            depth -= 1
        elif not depth and ((flow and char in ",]}") or (char == "#" and at > start and line[at - 1] in " \t")):
            break
        at += 1
    return None if depth else start + len(line[start:at].rstrip())


def _opened_quote(line: str, at: int, start: int) -> re.Match[str] | None:
    """Return the quoted text that begins here; an apostrophe within a word begins none."""
    if line[at] not in "'\"" or (at > start and line[at - 1].isalnum()):
        return None
    return QUOTED.match(line, at)


def value_around(line: Line) -> Value | None:
    """Return the value that the column lies in or behind, or None where the column stands before any value."""
    text, column = line
    head = _HEAD.match(text)
    start = head.end() if head else 0
    if start > column or start >= len(text):
        return None
    opened = [(start, (head["key"] or "") if head else "")]
    parentheses, at = 0, start
    while at < column:
        match = _opened_quote(text, at, opened[-1][0])
        if match:
            at = match.end()
            continue
        char = text[at]
        at += 1
        parentheses += (char == "(") - (char == ")")
        if char in "[{" or (char == "," and len(opened) > 1 and parentheses <= 0):
            pair = _PAIR.match(text, at)
            at = pair.end() if pair else at
            if char == ",":
                opened.pop()
            opened.append((at, (pair["key"] or "") if pair else ""))
        elif char in "]}" and len(opened) > 1:
            opened.pop()
    start, key = opened[-1]
    if start >= len(text):
        return None
    flow = len(opened) > 1
    stop = value_end(text, start, flow=flow)
    return Value(start, len(text.rstrip()) if stop is None else stop, key, stop is not None)


def corrected(line: Line, value: Value, names: Iterable[str] = ()) -> str:
    """Return the hint with the value quoted; without it where that is unsure, long, or may show a secret."""
    text = line.text
    whole = text[value.start : value.stop]
    nested = nested_quotes(whole)
    inner = whole[1:-1] if nested else whole
    fixed = (text[: value.start] + quoted(inner) + text[value.stop :]).strip()
    unsure = not value.closed or (nested and (whole[-1] != whole[0] or "\\" in whole))
    if unsure or len(fixed) > MAX_SHOWN or not may_show(fixed, *names):
        return f"put the whole value{f' of `{value.key}`' if value.key else ''} in quotes"
    return f"write {fixed}"


def nested_quotes(value: str) -> bool:
    """Tell whether a value is in quotes that stand within it too, such as `"port == "25""`."""
    match = QUOTED.match(value)
    return bool(match and _GOES_ON.match(value, match.end()))


def expression_mistake(line: Line, detail: str, names: Iterable[str] = ()) -> tuple[str, str, str] | None:
    """Return code, message and hint where a value that should have been quoted explains what the parser met."""
    value = value_around(line)
    if value is None or value.start >= value.stop:
        return None
    text = line.text[value.start : value.stop]
    beginning = _BEGINNINGS.get(text[0])
    if text[0] in "'\"":
        match = QUOTED.match(text)
        beginning = beginning if match and match.end() < len(text) else None
        if beginning and nested_quotes(text):
            message = f"text goes on after the closing quote: within `{text[0]}` no `{text[0]}` can stand"
            beginning = ("yaml-syntax", message)
    elif text[0] in "[{":
        close = _collection_end(text)
        beginning = beginning if close is not None and close < len(text) else None
    elif (text[0] == "%" and value.start == 0) or (text[0] in "-?" and text[1:2] not in ("", " ")):
        beginning = None
    if beginning is None and "mapping values" in detail and re.search(r":(?:\s|\Z)", text):
        beginning = _COLON
    if beginning is None and re.search(r"[^\s:].*:\s", line.text[value.start : line.column + 2]):
        beginning = _COLON_IN_BRACKETS
    if beginning is None and "',' or" in detail and value.start < line.column < value.stop:
        beginning = _BRACKET
    return (*beginning, corrected(line, value, names)) if beginning else None


def cut_mistake(text: str, start: int, stop: int, names: Iterable[str]) -> tuple[str, str, str] | None:
    """Return code, message and hint where a ` #`, or a comma in flow style, cut off the plain scalar between offsets.

    Ask only where the scalar looks unfinished.
    """
    match = _CUT.match(text, stop)
    line = line_at(text, stop) if match else None
    if match is None or line is None:
        return None
    begin = line.column - (stop - start)
    if begin < 0:  # it goes over several lines: its last one decides
        begin = len(line.text) - len(line.text.lstrip())
    value = value_around(Line(line.text, begin))
    if value is None:
        return None
    comment = match[1] == "#"
    if comment and text[stop - 1] in OPERATORS:
        value = value._replace(stop=len(line.text.rstrip()), closed=True)
    elif not value.closed or value.stop <= line.column:
        return None
    if comment:
        code, message = "cut-by-comment", _BY_COMMENT
    else:
        code, message = "cut-by-comma", "a comma ends a value between `{}` or `[]`, which cuts this expression off"
    return code, message, corrected(line, value, names)


def brackets_mistake(line: Line, names: Iterable[str]) -> tuple[str, str, str] | None:
    """Return code, message and hint where a ` #` took the end of the brackets with it that open at the column."""
    match = _CUT_BRACKETS.search(line.text, line.column)
    value = value_around(Line(line.text, match.start() - 1)) if match else None
    if match is None or value is None or value.stop != match.start():
        return None
    whole = value._replace(stop=match.end(), closed=True)
    return "cut-by-comment", _BY_COMMENT, corrected(line, whole, names)


def _collection_end(text: str) -> int | None:
    """Return where the list or mapping that a text begins with ends."""
    depth, at = 0, 0
    while at < len(text):
        match = _opened_quote(text, at, 0)
        if match:
            at = match.end()
            continue
        depth += (text[at] in "[{(") - (text[at] in "]})")
        at += 1
        if depth == 0:
            return at
    return None
