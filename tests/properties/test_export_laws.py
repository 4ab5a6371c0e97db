"""What is imported and planned against the same server is no change, whatever the server holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.export import Export, export_state, file_name, printed
from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds.schema.judge import Judge
from reconciler.plan.diff import Diff
from reconciler.server.listing import Untrusted
from reconciler.values.model import MASK, Address, Difference, LiveState, Sensitive
from tests.properties.test_codec_laws import CATALOGUE, WIRES
from tests.states import Server, read

JUDGE = Judge(CATALOGUE)
LAW = settings(max_examples=25)
COLLECTIONS = [name for name, kind in CATALOGUE.kinds.items() if not kind.singleton]
SINGLETONS = [name for name, kind in CATALOGUE.kinds.items() if kind.singleton]


def stored(value: Any, ids: Mapping[Address, str]) -> Any:
    """Return a wire value as the server sends it: secrets masked, references by id."""
    if isinstance(value, Sensitive):
        return MASK
    if isinstance(value, Address):
        return ids.get(value, value.id or "zz")
    return {key: stored(each, ids) for key, each in value.items()} if isinstance(value, dict) else value


@st.composite
def servers(draw: st.DrawFn) -> Server:
    """Servers with some objects of every kind; those of some kinds share their match key, where that is allowed."""
    ids: dict[Address, str] = {}
    objects: dict[str, Sequence[dict[str, Any]]] = {name: [draw(WIRES[name])] for name in SINGLETONS}
    for place, name in enumerate(COLLECTIONS):
        kind = CATALOGUE.kinds[name]
        held: list[dict[str, Any]] = draw(st.lists(WIRES[name], max_size=3))
        if kind.unique:
            held = list({tuple(each[one] for one in kind.unique): each for each in held}.values())
        elif len(held) > 1 and place % 2:
            first = {one: held[0][one] for one in kind.match}
            held = [held[0], *({**each, **first} for each in held[1:])]
        objects[name] = [{**each, "id": f"{place:02}a{index}"} for index, each in enumerate(held)]
        ids |= {Address(name, each["name"]): each["id"] for each in objects[name] if "name" in each}
    return Server({name: [stored(each, ids) for each in held] for name, held in objects.items()})


def planned(live: LiveState, text: str) -> Difference:
    """Compare the manifest with live state; every mistake in it is a failure of the test."""
    desired = parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked()
    difference, problems = Diff(CATALOGUE).compare(desired.resources, live, list(CATALOGUE.kinds))
    assert problems == ()
    return difference


def everything(found: Export) -> str:
    return printed(found, found.documents, "s.json")


@LAW
@given(servers())
def test_import_then_plan_is_empty(server: Server) -> None:
    live = read(server)

    found = export_state(CATALOGUE, live, JUDGE)
    difference = planned(read(server), everything(found))

    assert found.omitted == ()
    assert (difference.changes, difference.undeclared, difference.left) == ((), (), ())
    assert difference.unchanged == sum(len(held) for held in live.objects.values())
    assert len(difference.unknown) == len(found.secrets)


@LAW
@given(servers(), st.randoms())
def test_import_twice_is_the_same_whatever_the_order_of_sets(server: Server, random: Any) -> None:
    first = everything(export_state(CATALOGUE, read(server), JUDGE))
    shuffled = Server({name: [reordered(each, random) for each in held] for name, held in server.objects.items()})

    second = everything(export_state(CATALOGUE, read(shuffled), JUDGE))

    assert second == first


def reordered(value: Any, random: Any) -> Any:
    """Return a value with the members of its objects in another order, which means nothing on the wire."""
    if not isinstance(value, dict):
        return value
    members = list(value.items())
    random.shuffle(members)
    return {key: reordered(each, random) for key, each in members}


@LAW
@given(servers())
def test_no_secret_shows_and_every_variable_stands_for_one(server: Server) -> None:
    found = export_state(CATALOGUE, read(server), JUDGE)

    text = everything(found)

    assert MASK not in text
    assert len({name for name, _, _ in found.secrets}) == len(found.secrets)
    assert all(f"${{env:{name}}}" in text for name, _, _ in found.secrets)


def test_every_kind_has_a_file_of_its_own() -> None:
    names = {file_name(kind) for kind in CATALOGUE.kinds}

    assert len(names) == len(CATALOGUE.kinds)
    assert {"mta-route.yaml", "mta-outbound-strategy.yaml", "mta-stage-rcpt.yaml", "mta-sts.yaml"} <= names


#: Members that stay as they are: what tells one object from another, and the branches of expressions.
STEADY = {"id", "@type", "match", *(name for kind in CATALOGUE.kinds.values() for name in kind.match)}
#: What a newer server, or another program, may have put where this version expects something else.
STRANGE = st.sampled_from([None, True, 2**64, -1, "", "strict", " a ", "no_such_variable", 1.5, [1]])


@st.composite
def strange(draw: st.DrawFn) -> Server:
    """Servers that hold something strange in some places."""
    server = draw(servers())
    for _ in range(draw(st.integers(1, 6))):
        held = server.objects[draw(st.sampled_from(sorted(server.objects)))]
        at: Any = draw(st.sampled_from(held)) if held else {}
        while isinstance(at, dict) and at:
            inner = [key for key, each in at.items() if isinstance(each, dict) and each and key not in STEADY]
            if not inner or draw(st.booleans()):
                keys = sorted(key for key in at if key not in STEADY)
                at[draw(st.sampled_from([*keys, "newField"]))] = draw(STRANGE)
                break
            at = at[draw(st.sampled_from(inner))]
    return server


@LAW
@given(strange())
def test_whatever_a_server_holds_what_is_written_is_in_sync_and_the_rest_is_told(server: Server) -> None:
    try:
        live = read(server)
    except Untrusted:
        # Something plain stands where an object has to be: the whole listing is refused, and its kind named.
        return

    found = export_state(CATALOGUE, live, JUDGE)
    difference = planned(read(server), everything(found))

    out = {(address.kind, address.name) for address, pointer, _ in found.omitted if not pointer}
    assert [(each.address, each.fields) for each in difference.changes] == []
    assert {each.address.kind for each in difference.undeclared} <= {kind for kind, _ in out}
    assert len(difference.undeclared) <= len(out)
