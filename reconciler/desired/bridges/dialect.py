"""The TOML of Stalwart 0.15 and before: its own dialect, read into flat keys as that server did.

Law: what that server read is read, and what it refused is a mistake with its line. Tables may be repeated, inline
tables may span lines, texts may hold any escape (an unknown one loses its backslash, also in '…'), values may stand
without quotes, and table names are lower-cased unless they are quoted. Source: crates/utils/src/config, 0.15.5.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BARE_KEY = re.compile(r"[^\s=\[\]{}\"'#,]+")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_DEEPEST = 50


class Setting(NamedTuple):
    """One key of a configuration: its value is always a text."""

    key: str
    value: str
    line: int
    file: str = ""


class DialectError(Exception):
    """The text cannot be read. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def read_toml(text: str) -> list[Setting]:
    """Return the flat keys of a configuration, in order.

    Raises:
        DialectError: that server would not have read it either.
    """
    return _DialectReader(text).read()


class _DialectReader:
    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self.at = 0
        self.found: dict[str, Setting] = {}
        self.tables: dict[str, int] = {}
        # Where the last line was counted, so that counting stays linear.
        self._counted = (0, 1)

    @property
    def line(self) -> int:
        at, line = self._counted
        if self.at < at:
            at, line = 0, 1
        self._counted = (self.at, line + self.text.count("\n", at, self.at))
        return self._counted[1]

    def read(self) -> list[Setting]:
        """Read all of it."""
        table = ""
        while self.skip():
            if self.text[self.at] == "[":
                table = self.table()
            else:
                key = self.key(f"{table}." if table else "")
                self.expect("=")
                self.value(key, top=True)
        return list(self.found.values())

    def fail(self, message: str) -> DialectError:
        return DialectError(message, self.line)

    def skip(self, lines: bool = True) -> bool:
        """Go on to what means something; say whether there is anything."""
        blanks = " \t\r\n" if lines else " \t\r"
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif character in blanks:
                self.at += 1
            else:
                return True
        return False

    def expect(self, mark: str) -> None:
        self.skip()
        if not self.text.startswith(mark, self.at):
            got = repr(self.text[self.at : self.at + 1]) if self.at < len(self.text) else "the end of the file"
            raise self.fail(f"{mark!r} must stand here, not {got}")
        self.at += len(mark)

    def table(self) -> str:
        """Read a header: `[a.b]`, or `[[a.b]]`, each of which is the next member of a list."""
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        name = self.path(lower=True)
        self.expect("]]" if many else "]")
        if not many:
            return name
        number = self.tables.get(name, 0)
        self.tables[name] = number + 1
        return f"{name}.{number:04}"

    def path(self, *, lower: bool = False) -> str:
        """Read a dotted key, any part of which may be quoted."""
        parts = []
        while True:
            self.skip(lines=False)
            if self.text[self.at : self.at + 1] in ("'", '"'):
                parts.append(self.string())
            else:
                match = _BARE_KEY.match(self.text, self.at)
                if not match:
                    raise self.fail("a key must stand here")
                self.at = match.end()
                parts.append(match[0].lower() if lower else match[0])
            self.skip(lines=False)
            ahead = self.text[self.at : self.at + 1]
            if ahead == ".":
                self.at += 1
            elif not (parts[-1].endswith(".") and ahead in ("'", '"')):
                return ".".join(part.strip(".") for part in parts)

    def key(self, prefix: str) -> str:
        return prefix + self.path()

    def value(self, key: str, *, top: bool = False, depth: int = 0) -> None:
        """Read what a key stands for."""
        self.skip(lines=not top)
        if depth > _DEEPEST:
            raise self.fail("lists and tables stand too deep in each other")
        ahead = self.text[self.at : self.at + 1]
        if ahead == "[" and not (top and self.looks_bare()):
            self.array(key, depth)
        elif ahead == "{":
            self.inline(key, depth)
        elif ahead and ahead in "'\"" and not (top and self.continues()):
            line = self.line
            self.put(key, self.string(), line)
        else:
            self.bare(key, top=top)

    def looks_bare(self) -> bool:
        """Whether what begins with a bracket is an expression without quotes, such as `[plain, login]`."""
        end = self.text.find("\n", self.at)
        rest = self.text[self.at : len(self.text) if end < 0 else end]
        return bool(re.match(r"\[[a-z0-9_]+(, *[a-z0-9_]+)*\]\s*(?:#.*)?$", rest)) and not re.match(
            r"\[[0-9, ]*\]", rest
        )

    def continues(self) -> bool:
        """Whether a text is only the beginning of an expression without quotes around it: `'a' + b`."""
        if self.text[self.at : self.at + 3] in ("'''", '"""'):
            return False
        start = self.at
        self.string()
        end = self.text.find("\n", self.at)
        rest = self.text[self.at : len(self.text) if end < 0 else end].strip()
        self.at = start
        return bool(rest) and rest[0] != "#"

    def array(self, key: str, depth: int) -> None:
        self.at += 1
        number = 0
        while True:
            if not self.skip():
                raise self.fail("the list has no end")
            ahead = self.text[self.at]
            if ahead == "]":
                self.at += 1
                return
            if ahead == ",":
                self.at += 1
                continue
            self.value(f"{key}.{number:04}", depth=depth + 1)
            number += 1

    def inline(self, key: str, depth: int) -> None:
        self.at += 1
        while True:
            if not self.skip():
                raise self.fail("the table has no end")
            ahead = self.text[self.at]
            if ahead == "}":
                self.at += 1
                return
            if ahead == ",":
                self.at += 1
                continue
            inner = self.key(f"{key}.")
            self.expect("=")
            self.value(inner, depth=depth + 1)

    def string(self) -> str:
        """Read a text in quotes, with escapes in either sort of them."""
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        at = self.at + len(mark)
        if len(mark) == 3 and self.text.startswith("\n", at):
            at += 1
        pieces: list[str] = []
        while True:
            end = self.text.find(mark, at)
            escape = self.text.find("\\", at)
            if end < 0:
                raise self.fail("the text has no end")
            if escape < 0 or end < escape:
                piece = self.text[at:end]
                if len(mark) == 1 and "\n" in piece:
                    raise self.fail("the text has no end in its line")
                pieces.append(piece)
                self.at = end + len(mark)
                return "".join(pieces)
            pieces.append(self.text[at:escape])
            letter = self.text[escape + 1 : escape + 2]
            at = escape + 2
            code = self.text[at : at + 4]
            if letter == "u" and re.fullmatch("[0-9a-fA-F]{4}", code):
                pieces.append(chr(int(code, 16)))
                at += 4
            else:
                pieces.append(_ESCAPES.get(letter, letter))

    def bare(self, key: str, *, top: bool) -> None:
        """Read a value without quotes: to the end of its line, or within a list or table to the next comma."""
        line = self.line
        match = re.compile(r"[^\n]*" if top else r"[^\n,\]}]*").match(self.text, self.at)
        value = re.split(r"(?:^|\s)#", match[0])[0].strip() if match else ""
        self.at = match.end() if match else self.at
        if not value and not top:
            raise self.fail(f"{key} has no value")
        self.put(key, value, line)

    def put(self, key: str, value: str, line: int) -> None:
        first = self.found.get(key)
        if first is not None:
            raise DialectError(f"the key {key} stands twice, first in line {first.line}", line)
        self.found[key] = Setting(key, value, line)
