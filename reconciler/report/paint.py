"""Colours of a terminal, and texts that cannot take it over.

Law: colour adds nothing that the text does not say; what a report holds is made printable before anything is painted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from reconciler.report.parts import Part

    P = TypeVar("P", bound=Part)

_CODES = {"green": 32, "yellow": 33, "red": 31, "blue": 34, "magenta": 35, "dim": 2, "bold": 1}
_COLOUR = r"\x1b\[[0-9;]*m"


class Paint(Struct, frozen=True):
    """Paints text where a terminal shows it."""

    on: bool = False

    def __call__(self, text: str, colour: str) -> str:
        """Return the text in a colour, or as it is."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on and colour and text else text


def fold(text: str, width: int) -> str:
    """Break lines that are wider than a terminal at their blanks; colours take no room."""
    return "".join(_folded(line, width) for line in text.splitlines(keepends=True)) if width else text


def _folded(line: str, width: int) -> str:
    if len(re.sub(_COLOUR, "", line)) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip(" ")) + 4)
    rows, used = [""], 0
    for word in re.findall(r" *[^ ]+", line):
        room = len(re.sub(_COLOUR, "", word.rstrip("\n")))
        if used + room > width and used > len(indent):
            rows.append(indent + word.lstrip(" "))
            used = len(indent) + room
        else:
            rows[-1] += word
            used += room
    return "\n".join(rows)


def plural(count: int, noun: str) -> str:
    """Print a count with its noun: `1 file`, `3 files`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def printable(text: str) -> str:
    """Return a text without control characters, which could rewrite a terminal or forge a line of a log.

    Controls of both sets, signs that turn the direction of writing, and all else that shows nothing are escaped.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def escaped(report: P) -> P:
    """Return a report in which every text is printable. Most are as they were given, and one look tells."""
    import msgspec

    encoded = msgspec.json.encode(report)
    if encoded.isascii() and b"\\" not in encoded and b"\x7f" not in encoded:
        # JSON has a backslash before every other control character of ASCII.
        return report
    text = encoded.decode()
    # Beside these two, only control characters of ASCII have a backslash before them.
    if text.isprintable() and "\\" not in text.replace("\\\\", "").replace('\\"', ""):
        return report
    return msgspec.convert(_clean(msgspec.to_builtins(report)), type(report))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _clean(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(element) for element in value]
    return value
