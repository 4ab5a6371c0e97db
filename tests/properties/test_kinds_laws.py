"""Laws of kinds that nobody here knows: random published schemas, and random states of random kinds of theirs.

Each law goes the whole way, with what a server publishes as the only source of what there is: the sandbox serves the
schema, the catalogue is built from it, and manifests, plan, apply and import know nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from reconciler.apply import apply_flow
from reconciler.desired.export import export_state, printed
from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds import Catalogue, Judge, catalogue_of_published, read_pulled
from reconciler.plan import Goal, take_survey
from reconciler.sandbox import Reply, Sandbox
from reconciler.server.live import read_flow
from reconciler.server.secrets import Allowed, Secrets
from reconciler.values.model import LiveState, Outcome
from reconciler.values.policy import Policy
from tests.applying import embedded
from tests.publishing import (
    COUNT,
    DATE,
    FLAG,
    LINES,
    NETWORK,
    NUMBER,
    SIZE,
    SPAN,
    TEXT,
    WHOLE,
    choice,
    immutable,
    many,
    mapping,
    members,
    nullable,
    one,
    reference,
    schema,
    server_set,
)

LAW = settings(max_examples=40)
#: No kind of these names has anything told of it.
NAMES = ("Alpha", "Beta", "Gamma", "Delta")
COLOURS = choice("red", "green", "blue")
#: By the type of a property, what a document may hold there; the unset value of a property that needs one is no value.
PLAIN: dict[str, tuple[dict[str, Any], st.SearchStrategy[Any]]] = {
    "text": (nullable(TEXT), st.sampled_from(["a", " b ", "ü", "'q\"", "$${x", "true", "1.0", "null"])),
    "lines": (nullable(LINES), st.sampled_from(["one\ntwo", "# no comment\n\n  three", "tab\there"])),
    "flag": (FLAG, st.booleans()),
    "count": ({**COUNT, "max": 9}, st.integers(0, 9)),
    "perhaps": (nullable({**COUNT, "min": 1}), st.integers(1, 2**53)),
    "whole": (WHOLE, st.sampled_from([-(2**63), -1, 0, 7])),
    "number": (NUMBER, st.sampled_from([0.0, 1.5, -2.25, 1e21, 3.0])),
    "span": (nullable(SPAN), st.sampled_from([1, 90_000, 86_400_000])),
    "size": (SIZE, st.sampled_from([0, 1, 5 * 2**20])),
    "date": (nullable(DATE), st.sampled_from(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00"])),
    "colour": (COLOURS, st.sampled_from(["red", "green", "blue"])),
    "words": (members(TEXT), st.lists(st.sampled_from(["a", "b/c", "d~e", "5"]), unique=True, max_size=3)),
    "colours": (members(COLOURS), st.lists(st.sampled_from(["red", "green"]), unique=True)),
    "networks": (members(NETWORK), st.lists(st.sampled_from(["192.0.2.0/24", "2001:DB8::1/128"]), unique=True)),
    "table": (
        mapping(TEXT, TEXT),
        st.dictionaries(st.sampled_from(["k", "X-Y", "a/b"]), st.sampled_from(["v", "w w"])),
    ),
    "counts": (mapping(COLOURS, COUNT), st.dictionaries(st.sampled_from(["red", "blue"]), st.integers(0, 5))),
    "kept": (immutable(nullable(TEXT)), st.sampled_from(["for good", "x"])),
}
PARTS: dict[str, Any] = {
    "Part": {"text": TEXT, "count": COUNT, "colour": COLOURS},
    "Way": {"None": {}, "Straight": {"text": TEXT}, "Round": {"count": {**COUNT, "min": 1}, "words": members(TEXT)}},
}
PART = st.fixed_dictionaries({"text": st.sampled_from(["a", "b"])}, optional={"count": st.integers(0, 3)})
WAY = st.one_of(
    st.just({"@type": "None"}),
    st.fixed_dictionaries({"@type": st.just("Straight"), "text": st.sampled_from(["a", "b"])}),
    st.fixed_dictionaries({"@type": st.just("Round"), "count": st.integers(1, 3)}),
)
NESTED: dict[str, tuple[dict[str, Any], st.SearchStrategy[Any]]] = {
    "part": (nullable(one("Part")), PART),
    "parts": (many("Part"), st.lists(PART, max_size=2)),
    "way": (one("Way"), WAY),
    "ways": (many("Way"), st.lists(WAY, max_size=2)),
}
EVERY = {**PLAIN, **NESTED}
#: What only the server writes, and documents never hold.
OWN = {"made": server_set(DATE), "used": server_set(COUNT), "seen": server_set(nullable(TEXT))}


class Case(Struct):
    """A published schema, the documents of one state, and of a later one of the same objects."""

    raw: bytes
    documents: list[dict[str, Any]]
    changed: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The state as a manifest; JSON is YAML."""
        return _text(self.documents)

    @property
    def later(self) -> str:
        """The later state."""
        return _text(self.changed)


def _text(documents: list[dict[str, Any]]) -> str:
    return "\n---\n".join(json.dumps(each, ensure_ascii=False) for each in documents)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kinds: dict[str, Any] = {}
    singletons = []
    documents: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    labels: dict[str, list[str]] = {}
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        single = draw(st.booleans())
        variants = [draw(shapes(single)) for _ in range(draw(st.integers(1, 2)))]
        targets = [other for other in labels if draw(st.booleans())]
        common: dict[str, Any] = {} if single else {"label": TEXT}
        common |= {f"to{other}": nullable(reference(other)) for other in targets}
        common |= {f"all{other}": members(reference(other)) for other in targets}
        written = {f"Kind{at}": {**each, **common, **OWN} for at, each in enumerate(variants)}
        kinds[name] = written if len(variants) > 1 else written["Kind0"]
        singletons += [name] if single else []
        called: list[str] = [""]
        if not single:
            called = draw(st.lists(st.sampled_from(["one", "two", "three/four"]), unique=True))
        for label in called:
            at = draw(st.integers(0, len(variants) - 1))
            fixed = {"label": label} if label else {}
            fixed |= {"@type": f"Kind{at}"} if len(variants) > 1 else {}
            spec, later = (draw(specs(variants[at], labels, targets)) | fixed for _ in range(2))
            later.pop("kept", None)
            later |= {"kept": spec["kept"]} if "kept" in spec else {}
            documents.append({"kind": name, "spec": spec})
            changed.append({"kind": name, "spec": later})
        if not single:
            labels[name] = called
    given_labels = {name: "label" for name in kinds if name not in singletons}
    raw = schema(kinds, singletons=tuple(singletons), types=PARTS, labels=given_labels)
    return Case(raw, draw(st.permutations(documents)), changed)


def shapes(single: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Return the properties of a variant. What the one object of a singleton has, it can also change."""
    chosen = st.lists(
        st.sampled_from(sorted(EVERY.keys() - ({"kept"} if single else ()))), unique=True, min_size=1, max_size=6
    )
    return chosen.map(lambda names: {name: EVERY[name][0] for name in names})


@st.composite
def specs(draw: st.DrawFn, shape: dict[str, Any], labels: dict[str, list[str]], targets: list[str]) -> dict[str, Any]:
    spec = {name: draw(EVERY[name][1]) for name in shape if draw(st.booleans())}
    for name, value in list(spec.items()):
        given_type = shape[name].get("type")
        if isinstance(given_type, str) and shape[name].get("nullable") and draw(st.integers(0, 4)) == 0:
            spec[name] = None
        elif value == []:
            # An empty list is written as the empty map that the wire knows, as well as a list.
            spec[name] = draw(st.sampled_from([[], {}]))
    for other in targets:
        referring = draw(st.booleans())
        if labels[other] and referring:
            spec[f"to{other}"] = draw(st.sampled_from(labels[other]))
            spec[f"all{other}"] = draw(st.lists(st.sampled_from(labels[other]), unique=True))
    return spec


class Watched(Sandbox):
    """A sandbox that keeps the calls that are to change something."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(schema=raw, environment={})
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", peer: str = "127.0.0.1"
    ) -> Reply:
        """Answer one request."""
        for name, arguments, _ in json.loads(body)["methodCalls"] if body else ():
            if name.endswith("/set") and name != "x:Action/set":
                self.sent.append((name, arguments))
        return super().handle(method, path, headers, body, peer)


class World:
    """A sandbox of a schema, the catalogue of what it publishes, and the client between them."""

    def __init__(self, raw: bytes) -> None:
        self.catalogue: Catalogue = catalogue_of_published(read_pulled(raw))
        self.sandbox = Watched(raw)
        self.own = frozenset(json.loads(raw)["objects"])
        self.client = embedded(self.sandbox)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that the schema publishes."""
        return tuple(name.removeprefix("x:") for name in sorted(self.own))

    def read(self) -> LiveState:
        return self.client.run(read_flow(self.catalogue, self.kinds, self.client.session().limits))

    def apply(self, text: str) -> Outcome:
        """Apply a manifest."""
        goal, live = self.goal(text), self.read()
        plan = take_survey(self.catalogue, goal, live).checked().plan
        flow = apply_flow(self.catalogue, plan, self.client.session().limits, Secrets({}, Allowed()), live)
        return self.client.run(flow)

    def goal(self, text: str) -> Goal:
        desired = parse(self.catalogue, [[ManifestText("m.yaml", text)]]).checked()
        return Goal(resources=desired.resources, policy=Policy(), linted=False)

    def planned(self, text: str) -> list[str]:
        """Return what a plan would do, and what it finds that no document declares."""
        plan = take_survey(self.catalogue, self.goal(text), self.read()).checked().plan
        return [f"{change.action} {change.address}" for change in plan.changes] + [
            str(each) for each in plan.undeclared
        ]

    def imported(self) -> str:
        """Return what the server holds as a manifest."""
        found = export_state(self.catalogue, self.read(), Judge(self.catalogue), self.kinds)
        return printed(found, found.documents, "s.json")


@given(cases())
@LAW
def test_after_an_apply_the_plan_is_empty_and_after_one_of_a_later_state(case: Case) -> None:
    world = World(case.raw)
    event(f"{len(case.documents)} documents of {len(world.kinds)} kinds")

    for text in (case.text, case.later):
        outcome = world.apply(text)

        assert [(str(each.change.address), each.because) for each in outcome.results if each.result != "applied"] == []
        assert world.planned(text) == []


@given(cases())
@LAW
def test_what_is_imported_is_in_sync_here_and_after_an_apply_elsewhere(case: Case) -> None:
    world, other = World(case.raw), World(case.raw)
    world.apply(case.text)
    text = world.imported()

    other.apply(text)

    assert (world.planned(text), other.planned(text)) == ([], [])
    assert other.imported() == text
    assert unnumbered(other) == unnumbered(world)


def unnumbered(world: World) -> Any:
    """Return what is stored, by labels instead of ids, without what only the server writes."""
    stored = world.sandbox.state()["stored"]
    names = {each["id"]: each.get("label", "") for kind in stored.values() for each in kind}

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {names.get(name, name): renamed(each) for name, each in value.items() if name not in (*OWN, "id")}
        return names.get(value, value) if isinstance(value, str) else value

    return {
        kind: sorted((renamed(each) for each in stored[kind]), key=lambda each: str(each.get("label")))
        for kind in world.own
    }


@given(cases())
@LAW
def test_nothing_is_sent_that_the_schema_calls_read_only_and_nothing_twice(case: Case) -> None:
    world = World(case.raw)

    world.apply(case.text)
    world.apply(case.later)
    sent, world.sandbox.sent = world.sandbox.sent, []
    world.apply(case.later)

    for name, arguments in sent:
        created, updated = arguments.get("create") or {}, arguments.get("update") or {}
        for body in [*created.values(), *updated.values()]:
            assert not {key.partition("/")[0] for key in body} & {*OWN, "id"}, (name, body)
        # A new variant is a whole object, which holds what only a new one takes.
        for patch in updated.values():
            assert "kept" not in patch or "@type" in patch, (name, patch)
    assert world.sandbox.sent == []
