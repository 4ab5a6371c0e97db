"""What ends the reading of a text: syntax errors and forbidden characters, in words that say what to do.

Law: a function of the text and of what the parser said; the parser's own words stay in the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reconciler.yamlio.hints import Line, brackets_mistake, expression_mistake, line_at
from reconciler.yamlio.problem import Problem

if TYPE_CHECKING:
    import yaml

#: Everything that YAML 1.2 does not call printable (chapter 5.1); compiled only where it is needed.
_FORBIDDEN = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"

#: The hint where brackets are open at the end of a text.
CLOSE = "close it"
#: Part of the parser's words, and what to do about it.
_HINTS = (
    ("mapping values", "check the indentation, or quote a value that contains `: `"),
    ("block sequence", "check the indentation: the `-` of one list stand in one column"),
    ("expected '-'", "check the indentation: the `-` of one list stand in one column"),
    ("expected ':'", "every line is `key: value` or `- element`; quote a text that goes over several lines"),
    ("expected key", "check the indentation: the keys of one mapping begin in one column"),
    ("escape", "in double quotes a backslash begins an escape: double it, or use single quotes"),
    ("cannot start any token", "quote the value"),
    ("incompatible YAML", "write %YAML 1.2, or leave the line out"),
    ("directive", "a line that begins with `%` is a directive: leave it out, or quote what is a value"),
)


def forbidden_character(text: str) -> Problem:
    """Return the problem of a text that holds a character which YAML does not allow."""
    match = re.search(_FORBIDDEN, text)
    if match is None:
        return Problem(1, 1, "yaml-syntax", "the text cannot be read as YAML")
    start = match.start()
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    number = ord(match[0])
    if 0xD800 <= number <= 0xDFFF:
        return Problem(line, column, "not-utf8", "the text is not UTF-8 here", "save the file as UTF-8")
    hint = f'in double quotes it can be written as "\\x{number:02x}"' if number < 0x100 else "take it out"
    return Problem(line, column, "control-character", f"the character U+{number:04X} is not allowed", hint)


def syntax_problem(text: str, error: yaml.YAMLError, last: Any, names: Iterable[str]) -> Problem:
    """Return the problem of a syntax error; `last` is the event before it, `names` the keys that it stands below."""
    # no isinstance: libyaml's marks are another class than those in PyYAML's types
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return forbidden_character(text)
    detail = str(getattr(error, "problem", None) or "")
    context = getattr(error, "context_mark", None)
    doing = str(getattr(error, "context", None) or "")
    unclosed = _unclosed_quote(mark, detail, context, last, doing)
    if unclosed is not None:
        return unclosed
    if context is not None and "flow" in doing:
        opened = line_at(text, context.index)
        cut = brackets_mistake(opened, names) if opened else None
        if cut is not None:
            return Problem(context.line + 1, context.column + 1, *cut)
    index, line, column = mark.index, mark.line + 1, mark.column + 1
    written = text.rstrip()
    if index >= len(written):
        # the parser stands behind the text, if need be in a line that is not there
        index = max(len(written) - 1, 0)
        line, column = written.count("\n") + 1, index - written.rfind("\n", 0, index)
        if "flow" in doing:
            return _unclosed_bracket((line, column), context, detail)
    source = line_at(text, index)
    mistake = expression_mistake(source, detail, names) if source else None
    if mistake is not None:
        return Problem(line, column, *mistake)
    return Problem(line, column, "yaml-syntax", f"not valid YAML: {detail}", _hint(detail, source, context))


def _unclosed_bracket(end: tuple[int, int], context: Any, detail: str) -> Problem:
    """Return the problem of a text that ends within brackets: where they open, or else where the text ends."""
    if context is not None and "',' or" in detail:
        message = "the bracket that opens here is never closed"
        return Problem(context.line + 1, context.column + 1, "yaml-syntax", message, CLOSE)
    return Problem(*end, "yaml-syntax", "the text ends here, and a bracket is not closed", CLOSE)


def _unclosed_quote(mark: Any, detail: str, context: Any, last: Any, doing: str) -> Problem | None:
    """Return the problem of a quote that closes nowhere, or lines below at the next quote that comes."""
    if "quoted scalar" in doing and context is not None and "end of stream" in detail:
        message = "the quote that opens here is never closed"
        return Problem(context.line + 1, context.column + 1, "yaml-syntax", message, "close it in the same line")
    # known by its name, so that whoever reads no YAML does not load PyYAML
    if type(last).__name__ != "ScalarEvent" or last.style not in ("'", '"'):
        return None
    begin, end = last.start_mark, last.end_mark
    if begin is None or end is None or not begin.line < end.line == mark.line or "expected" not in detail:
        return None
    message = f"the quote that opens here closes only in line {end.line + 1}, and text goes on after it"
    return Problem(begin.line + 1, begin.column + 1, "yaml-syntax", message, "close it in the same line")


def _hint(detail: str, source: Line | None, context: Any) -> str:
    """Return what to do about a syntax error that no expression explains."""
    if source is not None and source.text[: source.column + 1].strip(" ")[:1] == "\t":
        return "indent with spaces: YAML allows no tabs there"
    if "',' or" in detail and context is not None:
        opened = f"line {context.line + 1}, column {context.column + 1}"
        return f"the bracket of {opened} is not closed, or a value inside it must be quoted"
    return next((hint for words, hint in _HINTS if words in detail), "")
