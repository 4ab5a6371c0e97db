r"""Regular expressions that say no more than a list of texts: `^(a|b)\.example$`, `\.example$`.

Law: what is returned matches exactly what the pattern matches, or nothing is returned.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from reconciler.expression.classes import PatternRefused
from reconciler.expression.pattern import Capture, Edge, Either, One, Part, Repeat, Sequence
from reconciler.expression.regex import read

Shape = Literal["is", "prefix", "suffix"]
#: Texts that a pattern is written out to, at most.
MOST = 256
#: Characters that a test is tried on: those of addresses, and some that it might take besides.
_TRIED = "".join(map(chr, range(0x20, 0x7F))) + "\n\t\x00\u00e9\u0436\u4e2d\u212a\u017f\u0660\ufeff"


@lru_cache(maxsize=1024)
def texts_of(pattern: str) -> tuple[tuple[Shape, str], ...] | None:
    """Return the texts that a pattern asks for, and where; None where it asks for more, or nobody can tell."""
    try:
        written = _written(read(pattern).part)
    except PatternRefused:
        return None
    if written is None:
        return None
    shapes: list[tuple[Shape, str]] = []
    for text in written:
        start, end = text.startswith("^"), text.endswith("$")
        bare = text.strip("^$")
        if "^" in text[1:] or "$" in text[:-1] or not (start or end) or not bare:
            return None
        shapes.append(("is" if start and end else "prefix" if start else "suffix", bare))
    return tuple(shapes)


def _written(part: Part) -> list[str] | None:
    """Write a part out; the signs ^ and $ stand for the ends of the text."""
    match part:
        case Edge(kind="text start"):
            return ["^"]
        case Edge(kind="text end"):
            return ["$"]
        case Capture(part=inner):
            return _written(inner)
        case One(test=test, weight=weight):
            # A test of more than a character weighs more: what it takes outside of those tried is not known.
            taken = [character for character in _TRIED if test(character)] if weight <= 64 else []
            return taken if len(taken) == 1 and taken[0] not in "^$" else None
        case Either(parts=parts):
            return _limited([text for inner in map(_written, parts) if inner is not None for text in inner], parts)
        case Sequence(parts=parts):
            texts = [""]
            for inner in parts:
                written = _written(inner)
                if written is None or len(texts) * len(written) > MOST:
                    return None
                texts = [text + more for text in texts for more in written]
            return texts
        case Repeat(part=inner, least=0, most=1):
            written = _written(inner)
            return None if written is None else ["", *written]
    return None


def _limited(texts: list[str], parts: tuple[Part, ...]) -> list[str] | None:
    return texts if len(texts) <= MOST and all(_written(part) is not None for part in parts) else None
