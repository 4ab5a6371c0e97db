"""Running a regular expression in time that grows only with the text and the pattern, as the server's engine does.

Law: no pattern and no text can make this run longer than `effort` says beforehand.

A pattern becomes a program of one-character tests, forks and marks, and all its threads walk over the text side by
side (a Pike machine). Threads are kept in order of preference, so what they find, and remember, is what a backtracking
engine would: leftmost, and the first alternative that fits.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from reconciler.expression.classes import PatternRefused
from reconciler.expression.pattern import Capture, Edge, Either, One, Part, Repeat, Sequence, Test, is_word
from reconciler.expression.regex import read

#: Longest program that is built.
LONGEST = 5_000


class TooLarge(Exception):
    """The program would be too long."""


class MatchStep(Struct):
    """One instruction. `test` takes a character; `edge` holds a place; `mark` remembers one; else `to` forks."""

    test: Test | None = None
    edge: str = ""
    mark: int = -1
    to: tuple[int, ...] = ()


def effort(pattern: str, text: str) -> int | None:
    """Return how many steps a search takes at most; None where the pattern is not understood here, or too large."""
    try:
        program, _ = _compiled(pattern)
    except (PatternRefused, TooLarge):
        return None
    return len(program) * (len(text) + 1)


def search(pattern: str, text: str) -> tuple[str, ...]:
    """Return what the first match and its groups hold ('' for a group that took no part); () where nothing matches.

    Raises:
        PatternRefused: the pattern is not understood here.
        TooLarge: its program would be too long.
    """
    program, groups = _compiled(pattern)
    marks = _run(program, text)
    if marks is None:
        return ()
    spans = dict(marks)
    ends = [(spans.get(2 * group), spans.get(2 * group + 1)) for group in range(groups + 1)]
    return tuple("" if start is None or end is None else text[start:end] for start, end in ends)


def _run(program: tuple[MatchStep, ...], text: str) -> tuple[tuple[int, int], ...] | None:
    spans: tuple[tuple[int, int], ...] | None = None
    threads: list[tuple[int, dict[int, int]]] = []
    # Where every thread has to begin with the text, none begins later.
    anchored = next((step.edge for step in program if step.mark < 0), "") == "text start"
    for position in range(len(text) + 1):
        character = text[position] if position < len(text) else ""
        seen: set[int] = set()
        ready: list[tuple[int, dict[int, int]]] = []
        starts = threads if spans is not None or (anchored and position) else [*threads, (0, {})]
        for pc, marks in starts:
            _follow(program, pc, marks, text, position, seen, ready)
        threads = []
        for pc, marks in ready:
            step = program[pc]
            if step.test is None:
                spans = tuple(marks.items())
                break  # threads after this one are less preferred
            if character and step.test(character):
                threads.append((pc + 1, marks))
        if not threads and (anchored or spans is not None):
            break
    return spans


def _follow(
    program: tuple[MatchStep, ...],
    start: int,
    marks: dict[int, int],
    text: str,
    position: int,
    seen: set[int],
    ready: list[tuple[int, dict[int, int]]],
) -> None:
    """Follow a thread through everything that takes no character, in order of preference."""
    pending = [(start, marks)]
    while pending:
        pc, marks = pending.pop()
        if pc in seen:
            continue
        seen.add(pc)
        step = program[pc]
        if step.edge:
            if _holds(step.edge, text, position):
                pending.append((pc + 1, marks))
        elif step.mark >= 0:
            pending.append((pc + 1, {**marks, step.mark: position}))
        elif step.to:
            pending.extend((to, marks) for to in reversed(step.to))
        else:
            ready.append((pc, marks))


def _holds(edge: str, text: str, position: int) -> bool:
    before, after = text[position - 1 : position], text[position : position + 1]
    if edge == "text start" or (edge == "line start" and not before):
        return not before
    if edge == "text end" or (edge == "line end" and not after):
        return not after
    if edge == "line start":
        return before == "\n"
    if edge == "line end":
        return after == "\n"
    inside, ahead = bool(before) and is_word(before), bool(after) and is_word(after)
    return {
        "boundary": inside != ahead,
        "no boundary": inside == ahead,
        "word start": ahead and not inside,
        "word end": inside and not ahead,
        "half start": not inside,
        "half end": not ahead,
    }[edge]


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[tuple[MatchStep, ...], int]:
    understood = read(pattern)
    program: list[MatchStep] = []
    _emit(program, Capture(understood.part, 0))
    program.append(MatchStep())
    return tuple(program), understood.groups


def _emit(program: list[MatchStep], part: Part) -> None:
    if len(program) > LONGEST:
        raise TooLarge
    match part:
        case One(test=test):
            program.append(MatchStep(test=test))
        case Edge(kind=kind):
            program.append(MatchStep(edge=kind))
        case Sequence(parts=parts):
            for inner in parts:
                _emit(program, inner)
        case Capture(part=inner, number=number):
            program.append(MatchStep(mark=2 * number))
            _emit(program, inner)
            program.append(MatchStep(mark=2 * number + 1))
        case Either(parts=parts):
            _emit_either(program, parts)
        case Repeat():
            _emit_repeat(program, part)


def _emit_either(program: list[MatchStep], parts: tuple[Part, ...]) -> None:
    exits: list[MatchStep] = []
    for inner in parts[:-1]:
        fork = MatchStep()
        program.append(fork)
        first = len(program)
        _emit(program, inner)
        exits.append(MatchStep())
        program.append(exits[-1])
        fork.to = (first, len(program))
    _emit(program, parts[-1])
    for step in exits:
        step.to = (len(program),)


def _emit_repeat(program: list[MatchStep], repeat: Repeat) -> None:
    part, least, most, greedy = repeat.part, repeat.least, repeat.most, repeat.greedy
    if least + (most or 0) > LONGEST:
        raise TooLarge
    if most is None and least == 0 and _can_be_empty(part):
        # (a*)* as ((a*)+)?, so that an empty round counts as one, as in the server's engine
        _emit_repeat(program, Repeat(Repeat(part, 1, None, greedy), 0, 1, greedy))
        return
    for _ in range(least - (most is None and least > 0)):
        _emit(program, part)
    if most is None and least:
        top = len(program)
        _emit(program, part)
        program.append(_fork(greedy, top, len(program) + 1))
    elif most is None:
        top, fork = len(program), MatchStep()
        program.append(fork)
        _emit(program, part)
        program.append(MatchStep(to=(top,)))
        fork.to = _fork(greedy, top + 1, len(program)).to
    else:
        _emit_optional(program, part, most - least, greedy)


def _emit_optional(program: list[MatchStep], part: Part, times: int, greedy: bool) -> None:
    forks: list[tuple[int, MatchStep]] = []
    for _ in range(times):
        forks.append((len(program), MatchStep()))
        program.append(forks[-1][1])
        _emit(program, part)
    for position, fork in forks:
        fork.to = _fork(greedy, position + 1, len(program)).to


def _fork(greedy: bool, again: int, on: int) -> MatchStep:
    return MatchStep(to=(again, on) if greedy else (on, again))


def _can_be_empty(part: Part) -> bool:
    match part:
        case One():
            return False
        case Edge():
            return True
        case Repeat(part=inner, least=least):
            return least == 0 or _can_be_empty(inner)
        case Capture(part=inner):
            return _can_be_empty(inner)
        case Sequence(parts=parts):
            return all(_can_be_empty(inner) for inner in parts)
        case Either(parts=parts):
            return any(_can_be_empty(inner) for inner in parts)
