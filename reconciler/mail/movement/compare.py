"""From two states to the mail that moves.

Law: pure; each context (an attempt, when mail is queued, after a failure, each stage of a session) is compared by
itself, since variables have other values there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, islice

from msgspec import Struct
from msgspec.structs import replace

from reconciler.expression import Value, envelope
from reconciler.kinds import Catalogue
from reconciler.mail.explain import (
    Decider,
    Gate,
    Routing,
    State,
    choice_of,
    filters,
    routing_of,
    seen_by,
)
from reconciler.mail.facts import ROUTE, effect_of
from reconciler.mail.movement.flows import ShiftRegions, flows_of
from reconciler.mail.movement.formula import LOCALS, All, Any_, ConditionReader, Formula, Not, Odd, Test, every
from reconciler.mail.movement.model import Ending, Flow, Movement, Shift, Side, side_of
from reconciler.mail.movement.program import (
    Ends,
    asked,
    changes_the_world,
    frozen,
    key_of,
    program_of,
    same_names,
    switched,
)
from reconciler.mail.movement.regions import EACH, FAILED, QUEUED, Box, merged
from reconciler.mail.movement.space import links_of, space_of
from reconciler.mail.movement.walk import EndingRow, Leaf, Program, TooMuchWork, Walk
from reconciler.mail.movement.witness import Given, Witnesses

_NO_MAIL: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(("helo_domain", "authenticated_as", "sender", "sender_domain", "rcpt", "rcpt_domain"), ""),
    "recipients": (),
}
#: What is not known yet at each stage of a session, where it is empty.
_LATER: dict[str, tuple[str, ...]] = {
    "connect": tuple(_NO_MAIL),
    "ehlo": tuple(name for name in _NO_MAIL if name != "helo_domain"),
    "auth": ("sender", "sender_domain", "rcpt", "rcpt_domain", "recipients"),
    "mail": ("rcpt", "rcpt_domain", "recipients"),
}
#: Messages of one region that are evaluated on both sides; more where what is chosen is not known beforehand.
_TRIED, _TRIED_TERMS = 3, 40
_NO_MESSAGE = "no message was found that this holds for, nor is it proved that there is none"


class Situation(Struct, frozen=True):
    """Where expressions are asked: what is fixed there, and what a message of it says."""

    name: str
    fixed: Mapping[str, Value]
    given: Given
    attempt: bool = False


#: What a message takes on one side: what that stands for, and how it is shown.
Outcome = Callable[[Routing, Given], tuple[tuple[object, ...], Side]]


class Job(Struct):
    """Two programs to compare, and how their ends are judged."""

    context: Situation
    field: str
    programs: tuple[Program, Program]
    ends: Ends
    equal: Callable[[Ending, Ending], bool]
    outcome: Outcome


def movement_between(catalogue: Catalogue, before: State, after: State) -> Movement:
    """Return which mail goes another way once one state has become another.

    What is unread on both sides is the same on both: whoever makes one of the other changes only what was read.
    """
    comparison = _Comparison(catalogue, routing_of(catalogue, before), routing_of(catalogue, after))
    return comparison.movement()


class _Comparison:
    def __init__(self, catalogue: Catalogue, before: Routing, after: Routing) -> None:
        self.catalogue = catalogue
        self.before = before
        self.after = after
        self.parts: list[ShiftRegions] = []
        self.reasons: list[str] = []
        self.classes = 0
        self.steps = 0
        self._same: dict[str, bool] = {}

    def movement(self) -> Movement:
        for old, new in zip(self.before.deciders, self.after.deciders, strict=True):
            for context in _contexts(old):
                self.decided(context, old, new)
        if self.before.gates_unread != self.after.gates_unread:
            self.reasons.append(self.before.gates_unread or self.after.gates_unread)
        elif self.before.gates != self.after.gates:
            self.filtered()
        flows = sorted(flows_of(self.parts, self.before, self.after), key=_reading)
        return Movement(
            flows=tuple(flow for flow in flows if flow.certain),
            unsure=tuple(flow for flow in flows if not flow.certain),
            reasons=tuple(dict.fromkeys(self.reasons)),
            classes=self.classes,
            steps=self.steps,
        )

    # -- expressions that name objects

    def decided(self, context: Situation, old: Decider, new: Decider) -> None:
        because = old.because or new.because
        if old.held is None and new.held is None and self.same_names(old.language.names):
            return
        if old.block is None or new.block is None:
            self.reasons.append(f"{old.field}: {because}")
            return
        same = old.expression == new.expression
        if same and self.same_names(old.language.names):
            return
        if not same and changes_the_world((old, new)):
            self.reasons.append(f"{old.field}: {changes_the_world((old, new))}")
            return
        reader, ends = ConditionReader(context.fixed), Ends()
        one = program_of(self.catalogue, self.before, old, reader, ends)
        two = program_of(self.catalogue, self.after, new, reader, ends)
        names_equal = self.same_names(old.language.names)

        def equal(left: Ending, right: Ending) -> bool:
            if left.because or right.because:
                return left.because == right.because and left.side.name == right.side.name
            return left.key == right.key and (not left.term or names_equal)

        def outcome(routing: Routing, given: Given) -> tuple[tuple[object, ...], Side]:
            variables, lookups = envelope(routing.state.told(given))
            decider = old if routing is self.before else new
            chosen = choice_of(routing, decider, seen_by(decider, variables), lookups)
            return key_of(self.catalogue, chosen), side_of(chosen)

        self.compared(Job(context, old.field, (one, two), ends, equal, outcome))

    def same_names(self, kind: str) -> bool:
        """Whether every name stands for the same on both sides."""
        if kind not in self._same:
            self._same[kind] = same_names(self.catalogue, self.before, self.after, kind)
        return self._same[kind]

    # -- filters

    def filtered(self) -> None:
        pairs = _paired(self.catalogue, self.before.gates, self.after.gates)
        for stage in self.after.stages:
            for old, new in pairs:
                self.gate(stage, old, new)
            self.reordered(stage, pairs)

    def gate(self, stage: str, old: Gate | None, new: Gate | None) -> None:
        for gate in (old, new):
            if gate is not None and gate.decider.block is None:
                self.reasons.append(f"{gate.address}: {gate.decider.because}")
                return
        context = _stage(stage)
        reader, ends = ConditionReader(context.fixed), Ends()
        programs = (self.switch(old, stage, reader, ends), self.switch(new, stage, reader, ends))
        name = next(str(gate.address) for gate in (new, old) if gate is not None)

        def outcome(routing: Routing, given: Given) -> tuple[tuple[object, ...], Side]:
            gate = old if routing is self.before else new
            off = (("off",), Side(name=name, asked=False))
            if gate is None:
                return off
            place = next(place for place, other in enumerate(routing.gates) if other is gate)
            runs = filters(routing, given)[place].runs
            if runs is None:
                return ("unknown",), Side(name=name)
            return (_effect(self.catalogue, gate), _gate_side(gate)) if runs else off

        self.compared(Job(context, f"filter {name}", programs, ends, _same, outcome))

    def switch(self, gate: Gate | None, stage: str, reader: ConditionReader, ends: Ends) -> Program:
        off = ends.add(Ending(("off",), Side(name=str(gate.address) if gate else "", asked=False)))
        if gate is None or stage not in gate.stages:
            return Program((), off, off)
        return asked(gate, reader, ends, off, ends.add(Ending(_effect(self.catalogue, gate), _gate_side(gate))))

    def reordered(self, stage: str, pairs: Sequence[tuple[Gate | None, Gate | None]]) -> None:
        """Compare the order in which two filters are asked."""
        both = [(old, new) for old, new in pairs if old and new and stage in old.stages and stage in new.stages]
        places = {id(gate): place for place, gate in enumerate(self.after.gates)}
        # Two that have another between them may be asked where that one is not.
        for first, second in combinations(both, 2):
            if places[id(first[1])] < places[id(second[1])]:
                continue
            context = _stage(stage)
            reader, ends = ConditionReader(context.fixed), Ends()
            one, two = str(first[1].address), str(second[1].address)
            off = ends.add(Ending(("off",), Side(name="")))
            old = ends.add(Ending(("order", one, two), Side(name=f"{one}, then {two}")))
            new = ends.add(Ending(("order", two, one), Side(name=f"{two}, then {one}")))
            before = every(switched(first[0], reader), switched(second[0], reader))
            after = every(switched(first[1], reader), switched(second[1], reader))
            everywhere = every(before, after)
            programs = (
                Program((EndingRow(everywhere, old),), off, off),
                Program((EndingRow(everywhere, new),), off, off),
            )

            outcome = partial(self.order, ((first[0], second[0]), (first[1], second[1])))
            self.compared(Job(context, "order of filters", programs, ends, _same, outcome))

    def order(
        self, gates: tuple[tuple[Gate, Gate], tuple[Gate, Gate]], routing: Routing, given: Given
    ) -> tuple[tuple[object, ...], Side]:
        """Return which of two filters are asked, in their order."""
        mine = gates[0 if routing is self.before else 1]
        runs = [
            str(gate.address)
            for gate, judged in zip(routing.gates, filters(routing, given), strict=True)
            if judged.runs and any(gate is other for other in mine)
        ]
        return ("order", *runs), Side(name=", then ".join(runs))

    # -- any two programs

    def compared(self, job: Job) -> None:
        """Find the parts of all mail that the two programs of a job treat differently."""
        context, ends, field = job.context, job.ends.ends, job.field
        tests = list(_tests(row.condition for program in job.programs for row in program.rows))
        space = space_of(tests, context.fixed)
        self.reasons += [f"{field}: {classes.gap}" for classes in space.variables.values() if classes.gap]
        start = [classes.full for classes in space.variables.values()]
        if "lastError" in context.given and "last_error" in space.variables:
            place = list(space.variables).index("last_error")
            start[place] &= ~(1 << space.variables["last_error"].values.index("none"))
        links = links_of(space, attempt=context.attempt)
        walk = Walk(space, links, start)
        begin = walk.settled(list(start)) or tuple(start)
        try:
            leaves = walk.leaves(*job.programs)
        except TooMuchWork:
            self.reasons.append(f"{field}: there are too many cases to look at all of them")
            return
        finally:
            self.steps += walk.steps
        self.classes += len(leaves)
        groups: dict[tuple[object, ...], tuple[Leaf, list[Box]]] = {}
        for leaf in leaves:
            left, right = ends[leaf.before], ends[leaf.after]
            if not job.equal(left, right):
                key = (left.key, left.because, right.key, right.because)
                groups.setdefault(key, (leaf, []))[1].append((leaf.masks, leaf.answers))
        finder = Witnesses(space, begin, context.given, links)
        for leaf, boxes in groups.values():
            shift = Shift(field, ends[leaf.before].side, ends[leaf.after].side)
            part = ShiftRegions(context.name, shift, merged(space, boxes, begin), space, begin, walk.settled)
            self.judged(job, part, (ends[leaf.before], ends[leaf.after]), finder)

    def judged(self, job: Job, part: ShiftRegions, ends: tuple[Ending, Ending], finder: Witnesses) -> None:
        """Keep the regions of one shift: those with a witness move, and of the others nobody can tell."""
        regions, part.boxes = part.boxes, []
        left, right = ends
        for box in regions:
            shift, witness = self.witness(job, part.shift, ends, finder.find(box))
            worlds = [key for key, _ in box[1] if part.space.tests[key].world - LOCALS]
            if witness is not None and not worlds:
                part.shift = part.shift if part.boxes else shift
                part.boxes.append(box)
                part.witnesses.append(witness)
                continue
            because = left.because or right.because or _NO_MESSAGE
            if worlds:
                because = f"{', '.join(worlds)} is known only to the server"
            alone = [witness] if witness is not None else []
            unsure = replace(part, shift=shift, boxes=[box], witnesses=alone, certain=False, because=because)
            self.parts.append(unsure)
        if part.boxes:
            self.parts.append(part)

    def witness(
        self, job: Job, shift: Shift, ends: tuple[Ending, Ending], messages: Iterator[Given]
    ) -> tuple[Shift, Given | None]:
        """Return a message that the evaluator says moves as it should, and what it takes."""
        left, right = ends
        for given in islice(messages, _TRIED_TERMS if left.term or right.term else _TRIED):
            old, new = job.outcome(self.before, given), job.outcome(self.after, given)
            known = old[0][0] != "unknown" and new[0][0] != "unknown"
            foreseen = left.term or left.because or old[0] == left.key
            foreseen = foreseen and (right.term or right.because or new[0] == right.key)
            if known and foreseen and old[0] != new[0]:
                return Shift(
                    shift.field, old[1] if left.term else left.side, new[1] if right.term else right.side
                ), given
        return shift, None


def _reading(flow: Flow) -> tuple[bool, tuple[str, ...], int]:
    """Return the order in which people read flows: routes first, the same mail together, by attempts."""
    retry = flow.witnesses[0].get("retryNum", 0) if flow.witnesses else 0
    return all(shift.field != ROUTE for shift in flow.shifts), flow.mail, retry


def _contexts(decider: Decider) -> tuple[Situation, ...]:
    language = decider.language
    if language.queued:
        first: dict[str, Value] = {"retry_num": 0, "last_error": "none", "last_status": "Scheduled"}
        queued = Situation(QUEUED, {**first, **language.fixed, **language.queued}, {"retryNum": 0})
        return queued, Situation(FAILED, language.fixed, {"lastError": "connection"})
    return (Situation(EACH, language.fixed, {}, attempt=True),)


def _stage(stage: str) -> Situation:
    later = _LATER.get(stage, ())
    fixed = {name: _NO_MAIL[name] for name in later}
    shown = {"sender": "sender", "rcpt": "rcpt", "helo_domain": "heloDomain", "authenticated_as": "authenticatedAs"}
    given: Given = {shown[name]: "" for name in later if name in shown}
    return Situation(f"at {stage}", fixed, {**given, "stage": stage})


def _paired(
    catalogue: Catalogue, before: Sequence[Gate], after: Sequence[Gate]
) -> list[tuple[Gate | None, Gate | None]]:
    """Pair the filters of two states: those of the same effect, then those of one address."""
    left = list(after)
    pairs: list[tuple[Gate | None, Gate | None]] = []
    for same in (lambda one, two: _effect(catalogue, one) == _effect(catalogue, two), _same_address):
        for old in before:
            if any(pair[0] is old for pair in pairs):
                continue
            new = next((gate for gate in left if same(old, gate)), None)
            if new is not None:
                left.remove(new)
                pairs.append((old, new))
    pairs += [(old, None) for old in before if all(pair[0] is not old for pair in pairs)]
    order = {id(gate): place for place, gate in enumerate(before)}
    pairs.sort(key=lambda pair: order[id(pair[0])] if pair[0] is not None else len(order))
    return [*pairs, *((None, new) for new in left)]


def _same(left: Ending, right: Ending) -> bool:
    return left.key == right.key


def _same_address(one: Gate, two: Gate) -> bool:
    return one.address == two.address


def _effect(catalogue: Catalogue, gate: Gate) -> tuple[object, ...]:
    wire = gate.decider.held.wire if gate.decider.held else {}
    return ("filter", frozen(effect_of(gate.address.kind, wire, (gate.decider.field, gate.decider.language.stages))))


def _gate_side(gate: Gate) -> Side:
    return Side(name=str(gate.address), wire=gate.decider.held.wire if gate.decider.held else None)


def _tests(formulas: Iterable[Formula]) -> Iterator[Test]:
    pending = list(formulas)
    while pending:
        formula = pending.pop()
        if isinstance(formula, Test):
            yield formula
        elif isinstance(formula, All | Any_):
            pending += formula.parts
        elif isinstance(formula, Not):
            pending.append(formula.part)
        elif isinstance(formula, Odd):
            pending += (formula.left, formula.right)
