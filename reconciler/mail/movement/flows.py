"""Parts of mail as flows that people read: what changes for the same mail stands together.

Law: pure; every part is in one flow, and no flow says more than its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reconciler.mail.explain import Choice, Routing, choices
from reconciler.mail.facts import SCHEDULE, waits_of
from reconciler.mail.movement.model import Flow, Rung, Shift
from reconciler.mail.movement.regions import EACH, Box, Region, Settle, words_of
from reconciler.mail.movement.space import Space
from reconciler.mail.movement.witness import Given

EVERY = "every attempt"
_LONGEST_LADDER = 12


class ShiftRegions(Struct):
    """Regions of one shift in one context."""

    context: str
    shift: Shift
    boxes: list[Box]
    space: Space
    start: tuple[int, ...]
    settle: Settle
    witnesses: list[Given] = []
    certain: bool = True
    because: str = ""


def flows_of(parts: Sequence[ShiftRegions], before: Routing, after: Routing) -> Iterator[Flow]:
    """Yield the flows of all parts."""
    grouped: dict[_Key, list[tuple[ShiftRegions, str]]] = {}
    for part in parts:
        lines: dict[str, list[int]] = {}
        texts: list[str] = []
        for place, box in enumerate(part.boxes):
            text, when = words_of(part.space, part.start, box, part.settle)
            texts.append(text)
            lines.setdefault(when or EVERY, []).append(place)
        for when, places in lines.items():
            stage = part.context.startswith("at ")
            at = part.context if stage else when if part.context == EACH else part.context
            if not stage and part.context != EACH and when != EVERY:
                at = f"{part.context}, {when}"
            whole = EVERY if not stage and when == EVERY else at
            key = _Key(
                tuple(texts[place] for place in places),
                part.certain,
                part.because,
                whole,
                part.shift.field if stage else "",
            )
            some = replace(
                part,
                boxes=[part.boxes[place] for place in places],
                witnesses=[part.witnesses[place] for place in places if place < len(part.witnesses)],
            )
            grouped.setdefault(key, []).append((some, at))
    for key, several in grouped.items():
        yield from _flows(key, several, before, after)


class _Key(Struct, frozen=True):
    mail: tuple[str, ...]
    certain: bool
    because: str
    when: str
    stage: str


def _flows(key: _Key, several: list[tuple[ShiftRegions, str]], before: Routing, after: Routing) -> Iterator[Flow]:
    """Yield what is told of the same mail: all that changes at each attempt, or when it is queued."""
    left = several
    while left:
        shifts: dict[str, Shift] = {}
        kept: list[ShiftRegions] = []
        times: dict[str, None] = {}
        rest: list[tuple[ShiftRegions, str]] = []
        for part, at in left:
            if shifts.setdefault(part.shift.field, part.shift) != part.shift:
                rest.append((part, at))
                continue
            kept.append(part)
            times[at] = None
        when = EVERY if EVERY in times else " and ".join(times)
        witnesses = tuple(kept[0].witnesses)
        yield Flow(
            shifts=tuple(shifts.values()),
            mail=key.mail,
            when=when,
            certain=key.certain,
            because=key.because,
            witnesses=witnesses,
            ladder=_ladder(tuple(shifts.values()), when, witnesses, (before, after)) if key.certain else (),
            regions=tuple(Region(part.context, part.space, part.start, box) for part in kept for box in part.boxes),
        )
        left = rest


def _ladder(
    shifts: tuple[Shift, ...], when: str, witnesses: Sequence[Given], sides: tuple[Routing, Routing]
) -> tuple[Rung, ...]:
    """Return the attempts of the first witness, up to the one after it and one more."""
    field = next((shift.field for shift in shifts if shift.field in sides[0].fields), "")
    if "attempt" not in when or when == EVERY or not witnesses or not field or field == SCHEDULE:
        return ()
    witness = {name: value for name, value in witnesses[0].items() if name not in ("retryNum", "lastError")}
    error = str(witnesses[0].get("lastError", "connection"))
    rungs: list[Rung] = []
    earliest = 0
    for retry in range(min(int(witnesses[0].get("retryNum", 0)) + 3, _LONGEST_LADDER)):
        given = {**witness, "retryNum": retry, "lastError": error if retry else "none"}
        if not retry:
            given.pop("lastStatus", None)
        old, new = ({choice.field: choice for choice in choices(side, given, attempt=True)} for side in sides)
        if retry:
            earliest += _wait(new.get(SCHEDULE), retry - 1)
        rungs.append(Rung(retry + 1, earliest, old[field].name, new[field].name))
    return tuple(rungs)


def _wait(schedule: Choice | None, place: int) -> int:
    waits = waits_of(schedule.held.wire) if schedule is not None and schedule.held is not None else waits_of({})
    return waits[min(place, len(waits) - 1)] if waits else 0
