"""Laws of plan and apply: client and sandbox are driven with random desired states of all twenty kinds at once.

The states are read off the catalogue's own table of properties, from pools so small that names meet again and again.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from reconciler.apply import outcome_code
from reconciler.kinds.catalogue import Kind, Property, Record
from reconciler.kinds.identity import address_of, key_of
from reconciler.kinds.references import levels
from reconciler.plan.diff import Diff
from reconciler.sandbox import Sandbox, parse_fault
from reconciler.values.model import Address, LiveState, Outcome, Resource, Sensitive, Source, Wire
from tests.applying import PRUNE, embedded, job, read_all
from tests.states import CATALOGUE

LAW = settings(max_examples=40)
#: What the sandbox finds in its environment, and what the run finds in its own.
ENVIRONMENT = {"PRESENT": "yes"}
TEXTS = st.sampled_from(["a", "B c", "ü", "'q\""])
HOSTS = st.sampled_from(["mx.example.org", "192.0.2.1", "2001:db8::1"])
#: What every place takes as an expression.
EXPRESSIONS = st.sampled_from(["true", "false", "1", "5m", "'x'", "1 + 1"])
LEVELS = levels(CATALOGUE)
MISHAPS = ["drop,after", "drop", "truncate", "status=502", "leave-out", "unavailable=0", "unavailable=1"]
State = tuple[Resource, ...]


def strings(name: str, prop: Property) -> st.SearchStrategy[str]:
    match name:
        # A reload looks these up.
        case "variableName":
            return st.just("PRESENT")
        case "filePath":
            return st.just(__file__)
    if prop.resolved:
        return st.sampled_from(["127.0.0.1", "::1", "localhost"])
    if prop.form == "hostname":
        return HOSTS
    if prop.form == "ip":
        return st.sampled_from(["192.0.2.1", "2001:db8::1"])
    return TEXTS


def values(name: str, prop: Property) -> st.SearchStrategy[Any]:
    found = _present(name, prop)
    if prop.nullable:
        found |= st.none()
    if prop.default is not UNSET and not prop.required:
        found |= st.just(prop.default)
    return found


def _present(name: str, prop: Property) -> st.SearchStrategy[Any]:
    if prop.type in ("integer", "duration", "size"):
        least = max(prop.min or 0, int(prop.type == "duration"))
        return st.sampled_from([least, least + 1, least + 1000])
    match prop.type:
        case "boolean":
            return st.booleans()
        case "enum":
            return st.sampled_from(prop.values)
        case "set":
            member = st.sampled_from(prop.values) if prop.values else strings(name, prop)
            found = st.lists(member, unique=True, min_size=prop.min_items, max_size=3)
            return found.map(lambda members: dict.fromkeys(members, True))
        case "map":
            return st.dictionaries(strings(name, prop), strings(name, prop), max_size=2)
        case "list":
            elements = st.lists(objects(CATALOGUE.types[prop.of]), min_size=prop.min_items, max_size=2)
            return elements.map(_numbered)
        case "object":
            return expressions(EXPRESSIONS) if prop.language else objects(CATALOGUE.types[prop.of])
    return st.just(Sensitive(reference="${env:SECRET}")) if prop.sensitive else strings(name, prop)


def expressions(results: st.SearchStrategy[str]) -> st.SearchStrategy[Wire]:
    branches = st.lists(st.fixed_dictionaries({"if": EXPRESSIONS, "then": results}), max_size=2).map(_numbered)
    return st.fixed_dictionaries({"match": branches, "else": results})


def _numbered(elements: Sequence[Any]) -> dict[str, Any]:
    return {str(index): each for index, each in enumerate(elements)}


def objects(record: Record) -> st.SearchStrategy[Wire]:
    """Return wire objects of a type with every property, references left out."""
    shapes = []
    for variant in record.variants or [""]:
        shape = {name: prop for name, prop in record.shape(variant).items() if not prop.to}
        members = {name: values(name, prop) for name, prop in shape.items()}
        if isinstance(record, Kind) and record.unique:
            members["name"] = st.sampled_from(names_of(record))
        shapes.append(st.fixed_dictionaries({**members, **({"@type": st.just(variant)} if variant else {})}))
    return st.one_of(shapes)


def names_of(kind: Kind) -> list[str]:
    """Names of a kind's objects: those that a new server ships, and two more."""
    return [*(wire[kind.match[0]] for wire in kind.ships), "n1", "n2"]


def parts(kind: Kind) -> st.SearchStrategy[Wire]:
    """Return some properties of a singleton, those that name objects left out."""
    plain = {name: prop for name, prop in kind.properties.items() if not (prop.language and prop.language.names)}
    return st.fixed_dictionaries({}, optional={name: values(name, prop) for name, prop in plain.items()})


OBJECTS = {name: objects(kind) for name, kind in CATALOGUE.kinds.items() if not kind.singleton}
PARTS = {name: parts(kind) for name, kind in CATALOGUE.kinds.items() if kind.singleton}


@st.composite
def states(draw: st.DrawFn) -> State:
    found: list[Resource] = []
    for kind in sorted(CATALOGUE.kinds.values(), key=lambda each: LEVELS[each.kind]):
        names = {name: [each.address for each in found if each.address.kind == name] for name in CATALOGUE.kinds}
        found += _singleton(draw, kind, names) if kind.singleton else _named(draw, kind, names)
    return tuple(draw(st.permutations(found)))


def _named(draw: st.DrawFn, kind: Kind, there: dict[str, list[Address]]) -> list[Resource]:
    references = {name: prop.to for name, prop in kind.properties.items() if prop.to}
    if not all(there[to] for to in references.values()):
        return []
    unique = (lambda wire: key_of(kind, wire)) if kind.unique else None
    wires = draw(st.lists(OBJECTS[kind.kind], max_size=3, unique_by=unique))
    for wire in wires:
        wire.update({name: draw(st.sampled_from(there[to])) for name, to in references.items()})
    return [
        Resource(
            address=address_of(kind, key_of(kind, wire), "" if kind.unique else f"{kind.kind}-{index}"),
            key=key_of(kind, wire),
            wire=wire,
            source=Source("state"),
            # Kinds whose keys may repeat: every document has a name of its own.
            named=not kind.unique,
        )
        for index, wire in enumerate(wires)
    ]


def _singleton(draw: st.DrawFn, kind: Kind, there: dict[str, list[Address]]) -> list[Resource]:
    wire = draw(PARTS[kind.kind])
    for name, prop in kind.properties.items():
        if prop.language and prop.language.names and draw(st.booleans()):
            known = [*(each.name for each in there[prop.language.names]), *prop.language.builtins]
            wire[name] = draw(expressions(st.sampled_from([f"'{each}'" for each in known])))
    return [Resource(address=Address(kind.kind), wire=wire, source=Source("state"))] if wire else []


class World:
    """A sandbox and the client that talks to it."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(environment=ENVIRONMENT)
        self.calls: list[str] = []
        self.client = embedded(self.sandbox, self.calls)

    def read(self) -> LiveState:
        return read_all(self.client)

    def apply(self, state: State) -> Outcome:
        work = job(self.read(), state, PRUNE)
        return self.client.run(work.flow({"SECRET": "canary"}, recheck=True))

    def written(self, state: State) -> list[str]:
        """Apply, and return the calls that could have changed an object."""
        self.calls.clear()
        self.apply(state)
        return [name for name in self.calls if name.endswith("/set") and name != "x:Action/set"]


@given(st.lists(states(), min_size=1, max_size=2))
@LAW
def test_after_an_apply_the_plan_is_empty_and_a_second_apply_writes_nothing(wanted: list[State]) -> None:
    world = World()

    for state in wanted:
        outcome = world.apply(state)
        again = job(world.read(), state, PRUNE)
        writes = world.sandbox.registry.objects.writes

        assert [(str(r.change.address), r.because) for r in outcome.results if r.result != "applied"] == []
        assert (outcome.reload, outcome.reload_because, outcome_code(outcome)) == ("applied", "", 0)
        assert (again.plan.changes, again.plan.undeclared) == ((), ())
        assert world.written(state) == []
        assert world.sandbox.registry.objects.writes == writes
        assert world.sandbox.state()["stored"] == world.sandbox.state()["live"]
        for result in outcome.results:
            event(result.change.action)


@given(states(), states(), st.integers(1, 12), st.sampled_from(MISHAPS))
@LAW
def test_after_any_one_lost_answer_a_second_apply_finishes_the_work(
    first: State, second: State, nth: int, mishap: str
) -> None:
    world = World()
    world.apply(first)
    world.sandbox.set_faults(parse_fault(f"{mishap},nth={nth}"))

    outcome = world.apply(second)

    world.sandbox.set_faults()
    finished = world.apply(second)
    assert outcome_code(outcome) in (0, 1, 5, 69)
    assert outcome_code(finished) == 0
    assert job(world.read(), second, PRUNE).plan.changes == ()


@given(states())
@LAW
def test_a_state_does_not_differ_from_itself(state: State) -> None:
    world = World()
    world.apply(state)
    live = world.read()
    same = [
        Resource(address=each.address, key=each.key, wire=each.wire, source=Source("live"), id=each.id)
        for objects_ in live.objects.values()
        for each in objects_
    ]

    difference, problems = Diff(CATALOGUE).compare(same, live, CATALOGUE.kinds)

    assert (difference.changes, difference.undeclared, problems) == ((), (), ())


@given(states(), st.randoms(use_true_random=False))
@LAW
def test_the_order_in_which_documents_stand_matters_only_to_kinds_that_are_run_in_order(
    state: State, random: Any
) -> None:
    world = World()
    fixed = [each for each in state if each.named]
    rest = [each for each in state if not each.named]
    world.apply((*fixed, *rest))
    random.shuffle(rest)

    turned = job(world.read(), (*rest, *fixed), PRUNE)

    assert turned.plan.changes == ()
