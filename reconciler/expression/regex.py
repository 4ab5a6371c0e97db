r"""Regular expressions as the server's engine (Rust's `regex`) reads them: the syntax, and whether it takes a pattern.

Law: a pattern is called valid only if every construct in it is known here to be valid there; what is only doubtful is
`cannot tell`, and what that engine certainly refuses (look-around, back-references, ...) is `refused`.

The outcome of reading is a small syntax tree that `automaton` turns into a program. It never becomes a Python pattern:
the two languages differ in `$`, `\d`, `\s`, flags and classes, and Python's engine can take exponential time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from msgspec import Struct

from reconciler.expression.classes import DEEPEST, Cursor, Doubtful, PatternRefused
from reconciler.expression.pattern import (
    Capture,
    Edge,
    Either,
    One,
    Part,
    Pattern,
    Repeat,
    Sequence,
    anything,
    between,
    folded,
    not_newline,
    weight,
)

Verdict = Literal["valid", "refused", "cannot tell"]

#: The engine's own limit is 10 MB of compiled program; only patterns well below it are called valid.
HEAVIEST = 8_000_000

_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_EDGES = {"A": "text start", "z": "text end", "b": "boundary", "B": "no boundary", "<": "word start", ">": "word end"}


@lru_cache(maxsize=1024)
def read(pattern: str) -> Pattern:
    """Read a pattern.

    Raises:
        Doubtful: it may be valid, and this reader cannot tell.
        PatternRefused: the engine refuses it.
    """
    reader = _PatternReader(pattern)
    part = reader.alternatives(_Flags(), 0)
    if reader.position < len(pattern):
        raise PatternRefused("a ) without its (", reader.position)
    if weight(part) > HEAVIEST:
        raise Doubtful("the pattern may be too large once its repetitions are written out", 0)
    return Pattern(part, reader.groups)


def verdict(pattern: str) -> tuple[Verdict, str]:
    """Say whether the server's engine takes a pattern, and why not."""
    try:
        read(pattern)
    except Doubtful as doubt:
        return "cannot tell", doubt.message
    except PatternRefused as refusal:
        return "refused", refusal.message
    return "valid", ""


class _Flags(Struct):
    """The flags in force; each group works on its own copy."""

    i: bool = False
    m: bool = False
    s: bool = False
    U: bool = False

    def copy(self) -> _Flags:
        return _Flags(self.i, self.m, self.s, self.U)


class _PatternReader(Cursor):
    """Recursive descent over a pattern; its depth is bounded by DEEPEST."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.groups = 0
        self.names: set[str] = set()

    def alternatives(self, flags: _Flags, depth: int) -> Part:
        if depth > DEEPEST:
            raise Doubtful("groups nest too deep", self.position)
        choices = [self.sequence(flags, depth)]
        while self.take("|"):
            choices.append(self.sequence(flags, depth))
        return choices[0] if len(choices) == 1 else Either(tuple(choices))

    def sequence(self, flags: _Flags, depth: int) -> Part:
        parts: list[Part] = []
        while self.more and self.pattern[self.position] not in "|)":
            start = self.position
            character = self.next()
            if character in "*+?{":
                if not parts:
                    raise PatternRefused(f"nothing for {character} to repeat", start)
                parts[-1] = self.repeat(parts[-1], character, flags, depth)
            else:
                part = self.atom(character, flags, depth)
                if part is None:  # flags alone: (?i)
                    if self.pattern[self.position : self.position + 1] in ("*", "+", "?", "{"):
                        raise PatternRefused("nothing to repeat after the flags", self.position)
                else:
                    parts.append(part)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeat(self, part: Part, sign: str, flags: _Flags, depth: int) -> Part:
        least, most = self.bounds() if sign == "{" else _SIGNS[sign]
        greedy = not self.take("?")
        if _nesting(part) + depth > DEEPEST:
            raise Doubtful("repetitions nest too deep", self.position)
        return Repeat(part, least, most, greedy != flags.U)

    def bounds(self) -> tuple[int, int | None]:
        start = self.position - 1
        end = self.pattern.find("}", start)
        if end < 0:
            raise PatternRefused("a { without its }", start)
        text = self.pattern[start + 1 : end]
        self.position = end + 1
        low, comma, high = text.partition(",")
        if text != text.strip() or low != low.strip() or high != high.strip():
            raise Doubtful("white space inside { }", start)
        for number in (low, high) if high else (low,):
            if not (number.isascii() and number.isdigit()):
                raise PatternRefused(f"{{{text[:32]}}} is no count", start)
            if len(number) > 9:
                raise Doubtful("a count may be too large", start)
        if high and int(low) > int(high):
            raise PatternRefused(f"{{{text}}} counts down", start)
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else None

    def atom(self, character: str, flags: _Flags, depth: int) -> Part | None:
        if character == "(":
            return self.group(flags, depth)
        if character == "[":
            return One(*self.bracket(flags.i, depth))
        if character == "\\":
            return self.escape(flags)
        if character == ".":
            return One(anything, 1024) if flags.s else One(not_newline, 1024)
        if character == "^":
            return Edge("line start" if flags.m else "text start")
        if character == "$":
            return Edge("line end" if flags.m else "text end")
        return _literal(character, flags)

    def group(self, flags: _Flags, depth: int) -> Part | None:
        start = self.position - 1
        inner = flags.copy()
        number = 0
        looking = self.peek("?<=") or self.peek("?<!")
        if self.take("?P<") or (not looking and self.take("?<")):
            self.name()
            number = self.groups = self.groups + 1
        elif self.take("?"):
            if self.pattern[self.position : self.position + 1] in ("=", "!", "<"):
                raise PatternRefused("look-around is not supported", start)
            if self.flags(inner, start) == ")":
                flags.i, flags.m, flags.s, flags.U = inner.i, inner.m, inner.s, inner.U
                return None
        else:
            number = self.groups = self.groups + 1
        part = self.alternatives(inner, depth + 1)
        if not self.take(")"):
            raise PatternRefused("a ( without its )", start)
        return Capture(part, number) if number else part

    def name(self) -> None:
        start = self.position
        end = self.pattern.find(">", start)
        name = self.pattern[start:end] if end >= 0 else ""
        if not name or name in self.names:
            raise PatternRefused("a group's name is empty, without end, or there twice", start)
        if not (name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()):
            raise Doubtful("a group's name is out of the ordinary", start)
        self.names.add(name)
        self.position = end + 1

    def flags(self, flags: _Flags, start: int) -> str:
        """Read flags up to the `:` or `)` that ends them, and return that sign."""
        seen: set[str] = set()
        on = True
        previous = ""
        while True:
            character = self.next()
            if character in ":)":
                if previous == "-" or (character == ")" and not seen):
                    raise PatternRefused("flags are missing", start)
                return character
            if character == "-" and on:
                on = False
            elif character in "imsUuxR" and character not in seen:
                seen.add(character)
                if character in "xRu":
                    raise Doubtful(f"the flag {character} is not known here", start)
                setattr(flags, character, on)
            else:
                raise PatternRefused(f"(?{character} is unknown, or a flag stands twice", start)
            previous = character

    def escape(self, flags: _Flags) -> Part:
        start = self.position - 1
        character = self.next()
        if character in _EDGES:
            return Edge(self.half() if character == "b" and self.peek("{") else _EDGES[character])
        test = self.perl(character, start)
        if test is not None:
            return One(folded(test) if flags.i else test, 60_000)
        return _literal(self.escaped(character, start), flags)


def _nesting(part: Part) -> int:
    depth = 0
    while isinstance(part, Repeat):
        part, depth = part.part, depth + 1
    return depth


def _literal(character: str, flags: _Flags) -> One:
    test = between(character, character)
    return One(folded(test), 256) if flags.i else One(test, 64 if character.isascii() else 256)
