"""What the table of cases cannot say about diff: values that no server sends today, and details for people."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.json import encode
from msgspec.structs import replace

from reconciler.kinds.catalogue import Catalogue, Kind
from reconciler.plan.diff import Detail, Diff, details, exact
from reconciler.values.model import Address, LiveObject, LiveState, Resource, Sensitive, Source
from tests.states import CATALOGUE, filled

HOOK = CATALOGUE.kinds["MtaHook"]
AUTH = {"@type": "Bearer", "bearerToken": {"@type": "Value", "secret": "****"}}
SOURCE = Source("m.yaml", 3)


def resource(kind: Kind, wire: dict[str, Any], **members: Any) -> Resource:
    key = tuple([wire[name] for name in kind.match])
    return Resource(address=Address(kind.kind, str(key[0])), key=key, wire=wire, source=SOURCE, **members)


def held(kind: Kind, *wires: dict[str, Any]) -> LiveState:
    objects = tuple(
        LiveObject(
            address=Address(kind.kind, str(wire[kind.match[0]])),
            key=tuple([wire[name] for name in kind.match]),
            id=chr(ord("a") + index),
            wire=wire,
        )
        for index, wire in enumerate(wires)
    )
    return LiveState({kind.kind: objects})


def with_kind(kind: Kind) -> Catalogue:
    return replace(CATALOGUE, kinds={**CATALOGUE.kinds, kind.kind: kind})


def test_a_kind_that_was_not_read_is_not_an_empty_one() -> None:
    with pytest.raises(ValueError, match="MtaHook was not read"):
        Diff(CATALOGUE).compare([resource(HOOK, filled(HOOK, {"url": "u"}))], LiveState(), ["MtaHook"])


def test_a_property_that_the_server_does_not_know_is_sent() -> None:
    live = filled(HOOK, {"url": "u"})
    for name in ("httpAuth", "enable", "timeout"):
        del live[name]

    difference, _ = Diff(CATALOGUE).compare([resource(HOOK, filled(HOOK, {"url": "u"}))], held(HOOK, live), ())

    (change,) = difference.changes
    assert change.patch == {
        "enable": {"match": {}, "else": "true"},
        "timeout": 30000,
        "httpAuth": {"@type": "Unauthenticated"},
    }


@pytest.mark.parametrize(
    ("name", "wanted", "live"),
    [
        ("timeout", 30000, 30000.0),
        ("timeout", 1, True),
        ("tempFailOnError", True, 1),
        ("stages", {"rcpt": True}, {"rcpt": 1}),
        ("httpHeaders", {"X-A": "1"}, {"X-A": 1}),
    ],
)
def test_values_that_python_takes_for_equal_differ_by_their_types(name: str, wanted: Any, live: Any) -> None:
    wire = filled(HOOK, {"url": "u", name: wanted})

    difference, _ = Diff(CATALOGUE).compare([resource(HOOK, wire)], held(HOOK, {**wire, name: live}), ())

    (change,) = difference.changes
    assert change.patch == {name: wanted}


def test_a_branch_that_is_none_is_a_difference() -> None:
    wire = filled(HOOK, {"url": "u", "enable": {"match": {"0": {"if": "a", "then": "b"}}, "else": "c"}})
    live = {**wire, "enable": {"match": {"0": "text"}, "else": "c"}}

    difference, _ = Diff(CATALOGUE).compare([resource(HOOK, wire)], held(HOOK, live), ())

    assert difference.changes[0].patch == {"enable/match": {"0": {"if": "a", "then": "b"}}}


def test_a_secret_that_is_left_alone_stands_in_the_way_of_a_new_object() -> None:
    ordered = replace(HOOK, ordered=True)
    wires = [filled(HOOK, {"url": url, "httpAuth": AUTH}) for url in ("u1", "u2")]
    plain = [filled(HOOK, {"url": url}) for url in ("u2", "u1")]
    desired = [resource(ordered, wire, unmanaged=("httpAuth",)) for wire in plain]

    difference, problems = Diff(with_kind(ordered)).compare(desired, held(ordered, *wires), ())

    assert difference.changes == ()
    reason = "the whole object has to be sent, and the secret in httpAuth is left alone and cannot be read"
    assert [str(each) for each in problems] == [
        f"m.yaml:3 MtaHook/{url} httpAuth: {reason} (declare httpAuth)" for url in ("u2", "u1")
    ]


def test_what_is_left_alone_is_not_carried_into_a_variant_where_it_is_something_else() -> None:
    route = CATALOGUE.kinds["MtaRoute"]
    number = replace(route.properties["description"], type="integer", default=7)
    other = replace(route.variants["Local"], properties={"description": number})
    properties = {"name": route.properties["name"]}
    mx = replace(route.variants["Mx"], properties={"description": route.properties["description"]})
    kind = replace(route, variants={"Mx": mx, "Local": other}, properties=properties)
    live = {"@type": "Mx", "name": "r", "description": "by hand"}
    want = {"@type": "Local", "name": "r", "description": 7}

    difference, _ = Diff(with_kind(kind)).compare(
        [resource(kind, want, unmanaged=("description",))], held(kind, live), ()
    )

    assert difference.changes[0].patch == {"@type": "Local", "name": "r"}


def test_a_part_of_a_nested_object_can_be_left_alone() -> None:
    throttle = CATALOGUE.kinds["MtaOutboundThrottle"]
    live = filled(throttle, {"description": "d", "rate": {"count": 5, "period": 1000}})
    want = filled(throttle, {"description": "d", "rate": {"count": 9, "period": 9000}})

    difference, _ = Diff(CATALOGUE).compare(
        [resource(throttle, want, unmanaged=("rate/count",))], held(throttle, live), ()
    )

    assert difference.changes[0].patch == {"rate/period": 9000}
    assert difference.changes[0].after == {**want, "rate": {"count": 5, "period": 9000}}


def test_a_part_of_another_variant_is_not_left_alone() -> None:
    auth = {"@type": "Basic", "username": "u", "secret": {"@type": "Value", "secret": Sensitive(plain="canary")}}
    live, want = filled(HOOK, {"url": "u", "httpAuth": AUTH}), filled(HOOK, {"url": "u", "httpAuth": auth})

    difference, _ = Diff(CATALOGUE).compare(
        [resource(HOOK, want, unmanaged=("httpAuth/bearerToken",))], held(HOOK, live), ()
    )

    assert difference.changes[0].patch == {"httpAuth": auth}
    assert "canary" not in repr(difference)


def test_fields_hold_what_was_and_what_will_be() -> None:
    live = filled(HOOK, {"url": "u", "timeout": 5})

    difference, _ = Diff(CATALOGUE).compare(
        [resource(HOOK, filled(HOOK, {"url": "u"})), resource(HOOK, filled(HOOK, {"url": "new", "stages": {}}))],
        held(HOOK, live),
        (),
    )

    assert [[(each.pointer, each.before, each.after) for each in change.fields] for change in difference.changes] == [
        [("timeout", 5, 30000)],
        [("stages", UNSET, {}), ("url", UNSET, "new")],
    ]


def test_the_fields_of_a_new_variant_are_those_that_are_sent_and_differ() -> None:
    route = CATALOGUE.kinds["MtaRoute"]
    live = filled(route, {"@type": "Mx", "name": "r"})
    want = filled(route, {"@type": "Relay", "name": "r", "address": "a.example.net"})

    difference, _ = Diff(CATALOGUE).compare([resource(route, want)], held(route, live), ())

    assert [(each.pointer, each.before, each.after) for each in difference.changes[0].fields] == [
        ("@type", "Mx", "Relay"),
        ("address", UNSET, "a.example.net"),
    ]


WIRES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 2) | st.text(max_size=2),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(WIRES)
def test_every_value_is_equal_to_itself(value: Any) -> None:
    assert exact(value, value)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), (1, 1.0), ("1", 1), ({}, None), ({"a": 1}, {"a": True}), ({"a": 1}, {"a": 1, "b": None})],
)
def test_types_count(one: Any, other: Any) -> None:
    assert not exact(one, other)
    assert not exact(other, one)


def test_the_order_of_members_does_not_count() -> None:
    assert exact({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})


def test_details_go_down_to_the_elements() -> None:
    before = {"a": [1, 2, 3], "b": "x", "gone": 1}
    after = {"a": [1, 5, 3, 4], "b": "x", "new": [2]}

    assert details(before, after) == (
        Detail(change="update", path="a/1", before=2, after=5),
        Detail(change="insert", path="a/3", after=4),
        Detail(change="remove", path="gone", before=1),
        Detail(change="insert", path="new", after=[2]),
    )


def test_lists_below_are_aligned_too() -> None:
    before = {"type": "Custom", "intervals": ["1m", "5m", "10m", "1h"], "deep": {"er": ["a", "b"]}}
    after = {"type": "Custom", "intervals": ["30s", "1m", "5m", "1h", "10m"], "deep": {"er": ["b"]}}

    assert details(before, after) == (
        Detail(change="remove", path="deep/er/0", before="a"),
        Detail(change="insert", path="intervals/0", after="30s"),
        Detail(change="move", path="intervals/4", was="intervals/2", after="10m"),
    )
    assert details([{"n": 1, "l": [1, 2, 3]}], [{"n": 1, "l": [2, 3]}]) == (
        Detail(change="remove", path="0/l/0", before=1),
    )


BRANCHES = [{"if": f"rcpt_domain == '{name}.example'", "then": f"'{name}'"} for name in "abcdef"]
NEW = {"if": "sender == ''", "then": "'bounces'"}


@pytest.mark.parametrize("at", range(len(BRANCHES) + 1))
def test_an_inserted_element_is_one_difference(at: int) -> None:
    inserted = [*BRANCHES[:at], NEW, *BRANCHES[at:]]

    assert details(BRANCHES, inserted) == (Detail(change="insert", path=str(at), after=NEW),)
    assert details(inserted, BRANCHES) == (Detail(change="remove", path=str(at), before=NEW),)


def test_a_moved_element_is_one_difference() -> None:
    a, b, c, *rest = BRANCHES

    assert details(BRANCHES, [c, a, b, *rest]) == (Detail(change="move", path="0", was="2", after=c),)
    assert details(BRANCHES, [b, a, c, *rest]) == (Detail(change="move", path="1", was="0", after=a),)


def test_a_changed_field_is_told_within_its_element_beside_others_that_come_and_go() -> None:
    a, b, c, *rest = BRANCHES

    assert details(BRANCHES, [NEW, a, {**c, "then": "'x'"}, *rest]) == (
        Detail(change="insert", path="0", after=NEW),
        Detail(change="remove", path="1", before=b),
        Detail(change="update", path="2/then", before="'c'", after="'x'"),
    )


@given(*[st.lists(st.sampled_from([*BRANCHES, NEW, 1, True, "a"]), max_size=8)] * 2)
def test_details_lead_from_one_list_to_the_other(before: list[Any], after: list[Any]) -> None:
    found = details(before, after)
    gone = {int(each.was or each.path) for each in found if each.change in ("remove", "move")}
    come = {int(each.path): each.after for each in found if each.change in ("insert", "move")}
    rest = [value for at, value in enumerate(before) if at not in gone]

    built = [come[at] if at in come else rest.pop(0) for at in range(len(after))]
    for each in found:
        at, _, name = each.path.partition("/")
        if each.change == "update":
            built[int(at)] = {**built[int(at)], name: each.after} if name else each.after

    assert (encode(built), rest) == (encode(after), [])
