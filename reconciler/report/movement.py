"""The mail that moves, as a part of a plan's report.

Law: what was compared is told, never worked out again; a secret cannot reach it, since objects are decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from reconciler.kinds import Catalogue, decode
from reconciler.report.parts import Count, Part, Place, Text, meaning, place
from reconciler.values import Address, Source

if TYPE_CHECKING:
    from reconciler.mail import Flow, Impact, Movement, Shift, Side

Locate = Callable[[Address, str], Source | None]


class SidePart(Part, frozen=True, kw_only=True):
    """What mail takes on one side."""

    name: Annotated[str, meaning("The name that the server looks up, or the filter; empty where there is none.")]
    stands_for: Annotated[str, meaning("What that is: a next hop, built-in behaviour, or what differs.")] = ""
    dangling: Annotated[bool, meaning("Nothing has the name, and the server uses what it has built in.")] = False
    asked: Annotated[bool, meaning("Of a filter: whether it is asked.")] = True
    branch: Annotated[str, meaning("Wire pointer of what decides.")] = ""
    source: Annotated[Place | UnsetType, meaning("Where what decides is declared.")] = UNSET


class ShiftPart(Part, frozen=True, kw_only=True):
    """What one expression chooses."""

    field: Annotated[str, meaning("The expression, such as `route`, or the filter.")]
    before: Annotated[SidePart, meaning("Now.")]
    after: Annotated[SidePart, meaning("Once the plan is applied.")]


class RungPart(Part, frozen=True, kw_only=True):
    """One attempt of the first witness."""

    attempt: Annotated[int, Meta(ge=1, description="From 1.")]
    earliest: Annotated[Count, meaning("When it comes at the earliest, in milliseconds after the first.")]
    before: Annotated[str, meaning("What it takes now.")]
    after: Annotated[str, meaning("What it will take.")]


class FlowPart(Part, frozen=True, kw_only=True):
    """Mail that is told apart in the same way."""

    mail: Annotated[tuple[Text, ...], meaning("Which mail: one line a region.")]
    when: Annotated[str, meaning("At which attempts, or when: `every attempt`, `from attempt 3`, `at data`.")]
    shifts: Annotated[tuple[ShiftPart, ...], meaning("What changes for it.")]
    because: Annotated[str, meaning("Why nobody can tell whether it moves.")] = ""
    witnesses: Annotated[tuple[dict[str, Any], ...], meaning("A message of each region, as in a routing test.")] = ()
    ladder: Annotated[tuple[RungPart, ...], meaning("The first attempts of the first witness.")] = ()
    waiting: Annotated[Count | UnsetType, meaning("Recipients of it in the queue, where that was counted.")] = UNSET
    of: Annotated[Count | UnsetType, meaning("Recipients of all mail in the queue, where that was counted.")] = UNSET


class MovementPart(Part, frozen=True, kw_only=True):
    """Which mail goes another way, of what is stored now and would be stored then."""

    flows: Annotated[tuple[FlowPart, ...], meaning("Mail that moves: each claim was evaluated on both sides.")]
    unsure: Annotated[tuple[FlowPart, ...], meaning("Mail of which nobody can tell.")]
    reasons: Annotated[tuple[Text, ...], meaning("Why other mail is not proved to be unchanged; empty where it is.")]
    classes: Annotated[Count, meaning("Classes of mail that were told apart.")]
    turned: Annotated[tuple[Text, ...], meaning("Routing tests that pass now and would fail then.")] = ()


def movement_part(
    catalogue: Catalogue,
    movement: Movement,
    turned: Iterable[str] = (),
    locate: Locate | None = None,
    impact: Impact | None = None,
) -> MovementPart:
    """Return the mail that moves as reports hold it.

    Args:
        catalogue: what the kinds are.
        movement: the mail that moves.
        turned: routing tests that would no longer hold.
        locate: where something is declared.
        impact: how much of each flow waits in the queue.
    """
    shown = ShownMovement(catalogue, locate)
    flows = tuple(map(shown.flow, movement.flows))
    if impact is not None and impact.flows:
        flows = tuple(
            replace(flow, waiting=count, of=impact.total) for flow, count in zip(flows, impact.flows, strict=True)
        )
    return MovementPart(
        flows=flows,
        unsure=tuple(map(shown.flow, movement.unsure)),
        reasons=movement.reasons,
        classes=movement.classes,
        turned=tuple(turned),
    )


def mail_digest(part: MovementPart) -> str:
    """Return the digest of which mail moves, as somebody approves it: without examples, places and what waits."""
    from reconciler.plan import digest

    flows, unsure = (sorted(digest(_approved(flow)) for flow in some) for some in (part.flows, part.unsure))
    return digest("reconciler/mail/v1", flows, unsure, sorted(part.reasons))


def _approved(flow: FlowPart) -> FlowPart:
    shifts = tuple(replace(shift, after=replace(shift.after, source=UNSET)) for shift in flow.shifts)
    return replace(flow, shifts=shifts, witnesses=(), ladder=(), waiting=UNSET, of=UNSET)


class ShownMovement:
    """Brings what was compared to what people read."""

    def __init__(self, catalogue: Catalogue, locate: Locate | None) -> None:
        self.catalogue = catalogue
        self.locate = locate
        self.holders = {
            name: kind.kind
            for kind in catalogue.kinds.values()
            if kind.singleton
            for name, prop in kind.properties.items()
            if prop.language is not None and prop.language.names
        }
        self.kinds = {
            name: prop.language.names
            for kind in catalogue.kinds.values()
            if kind.singleton
            for name, prop in kind.properties.items()
            if prop.language is not None
        }

    def flow(self, flow: Flow) -> FlowPart:
        """Return one flow."""
        return FlowPart(
            mail=flow.mail,
            when=flow.when,
            shifts=tuple(map(self.shift, flow.shifts)),
            because=flow.because,
            witnesses=tuple(map(dict, flow.witnesses)),
            ladder=tuple(
                RungPart(attempt=rung.attempt, earliest=rung.earliest, before=rung.before, after=rung.after)
                for rung in flow.ladder
            ),
        )

    def shift(self, shift: Shift) -> ShiftPart:
        """Return what changes of one expression."""
        before, after = self.differing(shift)
        return ShiftPart(
            field=shift.field, before=self.side(shift, shift.before, before), after=self.side(shift, shift.after, after)
        )

    def side(self, shift: Shift, side: Side, differing: str) -> SidePart:
        """Return one side; `differing` is told where it says more than a next hop does."""
        source = None
        if self.locate is not None and side is shift.after and side.pointer and shift.field in self.holders:
            source = self.locate(Address(self.holders[shift.field]), side.pointer)
        from reconciler.mail import next_hop

        hop = next_hop(side.wire) if side.wire is not None and shift.field in self.holders else ""
        return SidePart(
            name=side.name,
            stands_for=hop or side.uses or differing,
            dangling=side.dangling,
            asked=side.asked,
            branch=side.pointer,
            source=place(source),
        )

    def differing(self, shift: Shift) -> tuple[str, str]:
        """Return in which properties two objects of a kind differ, as human texts."""
        from reconciler.mail import FOR_PEOPLE, SCHEDULE, schedule_words

        wires = shift.before.wire, shift.after.wire
        words = [schedule_words(wire) if wire is not None and shift.field == SCHEDULE else {} for wire in wires]
        name = self.kinds.get(shift.field) or shift.before.name.partition("/")[0]
        kind = self.catalogue.kinds.get(name)
        if kind is None or None in wires:
            one, two = (", ".join(phrases.values()) for phrases in words)
            return one, two
        specs = [decode(self.catalogue, kind, dict(wire or {}), defaults=True) for wire in wires]
        hidden = {*FOR_PEOPLE, *kind.match}
        keys = dict.fromkeys(key for spec in specs for key in spec if key not in hidden)
        names = [key for key in keys if specs[0].get(key) != specs[1].get(key)]
        one, two = (
            ", ".join(phrases.get(key) or f"{key} {_text(spec.get(key))}" for key in names)
            for spec, phrases in zip(specs, words, strict=True)
        )
        return one, two


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and value:
        return " ".join(_text(member) for member in value.values())
    if isinstance(value, list | tuple) and value:
        return f"[{', '.join(map(_text, value))}]"
    return str(value) if value or value == 0 else "none"
