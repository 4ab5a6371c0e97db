"""Two programs of conditions side by side, over all mail at once.

Law: pure and complete: the leaves cover all mail that is possible, each is disjoint from the others, and which variable
is split next is the same whichever side is called before.

A side goes on from where it stopped, since what is decided stays decided; so the work follows the decisions, and not
the product of the variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from reconciler.mail.movement.formula import All, Any_, Formula, Not, Odd, Test, can_fail
from reconciler.mail.movement.space import Space

#: Condition steps that are spent on one comparison.
MOST_STEPS = 1_500_000
#: Judged: 0, 1, a failure, or the test that is not known.
_FAILS = 2
#: Answers of free tests.
Answers = Mapping[str, int]


class EndingRow(Struct, frozen=True):
    """A condition, and the number of the end that it leads to."""

    condition: Formula
    end: int


class Program(Struct, frozen=True):
    """Conditions in the order in which they are tried; the last end is that of none of them."""

    rows: tuple[EndingRow, ...]
    last: int
    #: The end where a condition fails.
    failed: int


class Leaf(Struct, frozen=True):
    """A part of all mail: classes of each variable, answers to free tests, and the end of each side."""

    masks: tuple[int, ...]
    answers: tuple[tuple[str, int], ...]
    before: int
    after: int


class TooMuchWork(Exception):
    """The comparison was given up."""


class Walk:
    """One comparison of two programs."""

    def __init__(self, space: Space, links: Sequence[tuple[str, int, str, int]], start: Sequence[int]) -> None:
        names = list(space.variables)
        self.space = space
        self.places = {name: place for place, name in enumerate(names)}
        self.single = [classes.single for classes in space.variables.values()]
        self.links = [(self.places[one], first, self.places[two], second) for one, first, two, second in links]
        self.start = tuple(start)
        self.steps = 0

    def leaves(self, before: Program, after: Program) -> list[Leaf]:
        """Return the parts of all mail.

        Raises:
            TooMuchWork: there are too many.
        """
        leaves: list[Leaf] = []
        begin = self.settled(list(self.start))
        pending: list[tuple[tuple[int, ...], dict[str, int], int, int]] = []
        if begin is not None:
            pending.append((begin, {}, 0, 0))
        while pending:
            masks, answers, one, two = pending.pop()
            one, first = self.advance(before, one, masks, answers)
            two, second = self.advance(after, two, masks, answers)
            if isinstance(first, int) and isinstance(second, int):
                leaves.append(Leaf(masks, tuple(sorted(answers.items())), first, second))
                continue
            stops = [stop for stop in (first, second) if isinstance(stop, Test)]
            test = min(stops, key=lambda stop: self.space.ranks[stop.key])
            pending += [(more, known, one, two) for more, known in self.split(test, masks, answers)][::-1]
        return leaves

    def advance(self, program: Program, at: int, masks: Sequence[int], answers: Answers) -> tuple[int, int | Test]:
        """Go on from a row; return where it stopped, and the end or the test that is not known."""
        rows = program.rows
        while at < len(rows):
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TooMuchWork
            judged = self.judge(rows[at].condition, masks, answers)
            if isinstance(judged, Test):
                return at, judged
            if judged == _FAILS:
                return at, program.failed
            if judged:
                return at, rows[at].end
            at += 1
        return at, program.last

    def split(
        self, test: Test, masks: tuple[int, ...], answers: dict[str, int]
    ) -> list[tuple[tuple[int, ...], dict[str, int]]]:
        """Return what is left of some mail for each answer to a test."""
        parts: list[tuple[tuple[int, ...], dict[str, int]]] = []
        for answer in (1, 0, _FAILS) if test.fails else (1, 0):
            left, known = list(masks), answers
            place = self.places.get(test.variable, -1)
            if place >= 0:
                holds = self.space.masks[test.key]
                fits = holds if answer else ~holds
                # Of a class with many values, a free test is certain of none.
                left[place] &= fits | (~self.single[place] if test.kind == "free" else 0)
            if test.kind == "free":
                known = {**answers, test.key: answer}
            settled = self.settled(left)
            if settled is not None:
                parts.append((settled, known))
        return parts

    def settled(self, masks: list[int]) -> tuple[int, ...] | None:
        """Return masks without what the links rule out, or None where no mail is left."""
        changed = True
        while changed:
            changed = False
            for one, first, two, second in self.links:
                if not masks[two] & second and masks[one] & first:
                    masks[one] &= ~first
                    changed = True
                if not masks[one] & ~first and masks[two] & ~second:
                    masks[two] &= second
                    changed = True
        return tuple(masks) if all(masks) else None

    def judge(self, formula: Formula, masks: Sequence[int], answers: Answers) -> int | Test:
        """Return 0 or 1, 2 where it fails, or the first test that is not known and matters."""
        if formula is None:
            return _FAILS
        if isinstance(formula, bool):
            return int(formula)
        if isinstance(formula, Test):
            return self.test(formula, masks, answers)
        if isinstance(formula, Not):
            inner = self.judge(formula.part, masks, answers)
            return inner if isinstance(inner, Test) or inner == _FAILS else 1 - inner
        if isinstance(formula, Odd):
            left = self.judge(formula.left, masks, answers)
            if isinstance(left, Test) or left == _FAILS:
                return left
            right = self.judge(formula.right, masks, answers)
            return right if isinstance(right, Test) or right == _FAILS else left ^ right
        return self.joined(formula, masks, answers)

    def joined(self, formula: All | Any_, masks: Sequence[int], answers: Answers) -> int | Test:
        """Judge parts from left to right; a later one decides where an earlier one is not known and cannot fail."""
        decides = 0 if isinstance(formula, All) else 1
        stop: Test | None = None
        doubt = False
        for part in formula.parts:
            judged = self.judge(part, masks, answers)
            if isinstance(judged, Test):
                stop = stop or judged
                doubt = doubt or can_fail(part)
            elif judged == _FAILS:
                return stop or _FAILS
            elif judged == decides:
                return decides if stop is None or not doubt else stop
        return 1 - decides if stop is None else stop

    def test(self, test: Test, masks: Sequence[int], answers: Answers) -> int | Test:
        """Judge one test: alike for all of some mail, or not known."""
        place = self.places.get(test.variable, -1)
        if test.kind == "free":
            if test.key in answers:
                return answers[test.key]
            if place < 0 or masks[place] & ~self.single[place]:
                return test
        mask = masks[place]
        held = mask & self.space.masks[test.key]
        if held == mask:
            return 1
        return test if held else 0
