"""Laws of the sandbox over any input: it never fails, and what it shows can be written back without effect."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.kinds.catalogue import load
from reconciler.sandbox import ConnectionClosed, Sandbox
from reconciler.sandbox.shapes import Body, Mould, Moulds, Slot
from tests.talk import USING, Talk

CATALOGUE = load()
MOULDS = Moulds(CATALOGUE)
KINDS = sorted(CATALOGUE.kinds)
TALK = Talk()

names = st.sampled_from(sorted({name for m in MOULDS.kinds.values() for s in m.shapes.values() for name in s.slots}))
keys = st.one_of(
    names, st.sampled_from(["@type", "id", "else", "match", "0", "match/0/if", "a/b", "", "#a"]), st.text(max_size=3)
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.sampled_from(["Relay", "Value", "true", "#a", "b", "192.0.2.1"]),
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
verbs = st.sampled_from(["get", "set", "query", "changes"])
arguments = st.dictionaries(
    st.sampled_from(
        [
            *("accountId", "ids", "#ids", "properties", "filter", "sort", "position", "anchor", "anchorOffset"),
            *("limit", "calculateTotal", "create", "update", "destroy", "#destroy", "ifInState", "other"),
        ]
    ),
    anything,
    max_size=4,
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from([*KINDS, "Action"]), verbs, arguments), max_size=3))
def test_any_calls_get_an_answer_for_each(calls: list[tuple[str, str, Any]]) -> None:
    body = {"using": USING, "methodCalls": [[f"x:{kind}/{verb}", given, "c"] for kind, verb, given in calls]}
    try:
        reply = TALK.send(json.dumps(body))
    except ConnectionClosed:
        return

    answer = json.loads(reply.body)
    assert reply.status in (200, 400)
    assert reply.status == 400 or len(answer["methodResponses"]) == len(calls)


@settings(max_examples=300)
@given(st.sampled_from(KINDS), anything, st.dictionaries(keys, anything, max_size=4))
def test_any_object_and_any_patch_is_confirmed_or_refused(kind: str, value: Any, patch: Any) -> None:
    created = TALK.call(f"x:{kind}/set", create={"a": value})
    new = created.get("created", {}).get("a", {}).get("id", "singleton")
    updated = TALK.call(f"x:{kind}/set", update={new: patch})

    # One object is in one map of the answer, unless the whole call fails.
    assert len(created) == 1 or "type" in created
    assert len(updated) == 1 or "type" in updated


@given(st.binary(max_size=60))
def test_any_bytes_get_a_reply(body: bytes) -> None:
    assert TALK.send(body).status in (200, 400)


def wire_value(slot: Slot) -> st.SearchStrategy[Any]:
    """Values that the server takes for a property."""
    word = slot.word
    texts = st.text(
        st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=word.max_bytes or 8
    ).filter(lambda text: len(text.encode()) <= (word.max_bytes or 99) and bool(text.strip()))
    match word.type:
        case "string":
            value: st.SearchStrategy[Any] = texts
            if word.form == "hostname":
                value = st.sampled_from(["a.example.org", "B.Test", "192.0.2.1"])
            elif word.form == "ip":
                value = st.ip_addresses().map(str).filter(lambda text: text != "0.0.0.0")
        case "boolean":
            value = st.booleans()
        case "integer" | "size":
            value = st.integers(word.min or 0, min(word.max or 2**63, 2**63))
        case "duration":
            value = st.integers(1, 2**63)
        case "enum":
            value = st.sampled_from(word.values)
        case "reference":
            value = st.sampled_from(["a", "b", "ad"])
        case "set":
            members = st.sampled_from(word.values) if word.values else texts
            value = st.dictionaries(members, st.just(True), min_size=word.min_items, max_size=4)
        case "map":
            value = st.dictionaries(texts, texts, max_size=3)
        case "list":
            elements = st.lists(wire_object(slot.inner), min_size=word.min_items, max_size=3)
            value = elements.map(lambda list_: {str(5 * index): element for index, element in enumerate(list_)})
        case _:
            value = wire_object(slot.inner)
    if word.language:
        value = st.sampled_from([{"else": "1"}, {"else": "'a'", "match": {"3": {"if": "1 == 2", "then": "true"}}}])
    return st.none() | value if word.nullable else value


def wire_object(mould: Mould) -> st.SearchStrategy[Body]:
    """Complete or partial objects that the server takes."""
    return st.one_of([_of_shape(mould, variant) for variant in mould.shapes])


def _of_shape(mould: Mould, variant: str) -> st.SearchStrategy[Body]:
    slots = mould.shapes[variant].slots
    needed = {name: wire_value(slot) for name, slot in slots.items() if slot.word.required}
    others = {name: wire_value(slot) for name, slot in slots.items() if not slot.word.required}
    objects = st.fixed_dictionaries(needed, optional=others)
    return objects.map(lambda body: {"@type": variant, **body}) if variant else objects


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_what_is_read_can_be_written_back_without_effect(kind: str, data: st.DataObject) -> None:
    mould = MOULDS.kinds[kind]
    sandbox = Sandbox()
    talk = Talk(sandbox)
    number = talk.call(f"x:{kind}/set", create={"a": data.draw(wire_object(mould))})["created"]["a"]["id"]
    read = talk.read(kind, number)
    slots = mould.shape(read).slots
    unset = {"match": {}, "else": ""}
    patch = {
        name: value
        for name, value in read.items()
        if name in slots and slots[name].word.mutability == "mutable" and value != unset and "****" not in str(value)
    }
    writes = sandbox.registry.writes

    assert talk.update(kind, number, **patch) is None
    assert talk.read(kind, number) == read
    assert sandbox.registry.writes == writes
    assert list(read) == [*slots, *(["@type"] if mould.variants else []), "id"]
