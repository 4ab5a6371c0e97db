"""Colours of a terminal, or none.

Law: colour adds nothing that the text does not say.
"""

from __future__ import annotations

from msgspec import Struct

_CODES = {"green": 32, "yellow": 33, "red": 31, "blue": 34, "magenta": 35, "dim": 2, "bold": 1}


class Paint(Struct, frozen=True):
    """Paints text where a terminal shows it."""

    on: bool = False

    def __call__(self, text: str, colour: str) -> str:
        """Return the text in a colour, or as it is."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on and colour else text


def plural(count: int, noun: str) -> str:
    """Print a count with its noun: `1 file`, `3 files`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def printable(text: str) -> str:
    """Return a text without control characters, which could rewrite a terminal or forge a line of a log."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
