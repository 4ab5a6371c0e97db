"""Laws of renames and absences, over whatever documents and live objects hypothesis puts beside each other."""

from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from reconciler.kinds.identity import key_of, name_of
from reconciler.plan import Goal, take_survey
from reconciler.values.errors import ManifestError
from reconciler.values.model import Change
from reconciler.values.policy import Policy
from tests.states import CATALOGUE, desired_of, live_of

KIND = {"MtaMilter": CATALOGUE.kinds["MtaMilter"], "MtaRoute": CATALOGUE.kinds["MtaRoute"]}
KEYS = {"MtaMilter": ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"], "MtaRoute": ["a", "b", "c"]}
Objects = dict[str, list[dict[str, Any]]]


@st.composite
def documents(draw: st.DrawFn, kind: str) -> str:
    """Documents of one kind, of which some were others before, or shall not be."""
    texts = []
    for number in range(draw(st.integers(1, 4))):
        key = draw(st.sampled_from(KEYS[kind]))
        absent = draw(st.booleans())
        metadata = {"absent": "true"} if absent else {}
        if not absent and draw(st.booleans()):
            metadata["was"] = f"'{draw(st.sampled_from(KEYS[kind]))}'"
        if kind == "MtaMilter" and draw(st.booleans()):
            metadata["name"] = f"n{number}"
        spec = f"name: {key}" if kind == "MtaRoute" else f"hostname: 127.0.0.1, port: {key[-1]}"
        if not absent:
            spec += ", type: Local" if kind == "MtaRoute" else f", timeoutData: {draw(st.integers(1, 2))}s"
        given_ = ", ".join(f"{name}: {value}" for name, value in metadata.items())
        texts.append(f"kind: {kind}\nmetadata: {{{given_}}}\nspec: {{{spec}}}\n")
    return "---\n".join(texts)


@st.composite
def objects(draw: st.DrawFn, kind: str) -> list[dict[str, Any]]:
    keys = draw(st.lists(st.sampled_from(KEYS[kind]), max_size=4, unique=kind == "MtaRoute"))
    return [
        {"id": f"{place:02}", "@type": "Local", "name": key}
        if kind == "MtaRoute"
        else {"id": f"{place:02}", "hostname": "127.0.0.1", "port": int(key[-1]), "timeoutData": 3000}
        for place, key in enumerate(keys)
    ]


def changes_of(held: Objects, text: str) -> tuple[Change, ...] | None:
    """Return what would be done, or None where the documents do not say what they mean."""
    live = live_of(held)
    try:
        goal = Goal(resources=desired_of(text), policy=Policy(max_destroy=99), linted=False)
        survey = take_survey(CATALOGUE, goal, live).checked()
    except ManifestError:
        return None
    # In this order they are created.
    return None if survey.plan.refusals else survey.difference.changes


def done(held: Objects, changes: tuple[Change, ...]) -> Objects:
    """Return what there is once the changes are made, destroys first."""
    after = {kind: list(each) for kind, each in held.items()}
    for change in changes:
        kind = change.address.kind
        if change.action == "destroy" or change.recreate:
            assert change.id in [each["id"] for each in after[kind]]
            after[kind] = [each for each in after[kind] if each["id"] != change.id]
    for change in changes:
        kind = change.address.kind
        if change.action in ("update", "replace") and not change.recreate:
            assert change.id in [each["id"] for each in after[kind]]
            after[kind] = [{**each, **change.patch} if each["id"] == change.id else each for each in after[kind]]
        elif change.action != "destroy":
            number = max([int(each["id"]) for each in (*held[kind], *after[kind])], default=0) + 1
            after[kind].append({**change.patch, "id": f"{number:02}"})
    return after


def keys(held: Objects, kind: str) -> list[str]:
    return [name_of(key_of(KIND[kind], live.wire)) for live in live_of(held).of(kind)]


@settings(max_examples=300)
@given(st.sampled_from(sorted(KIND)).flatmap(lambda kind: st.tuples(st.just(kind), objects(kind), documents(kind))))
def test_renames_and_absences_are_done_once_and_touch_nothing_else(case: tuple[str, list[dict[str, Any]], str]) -> None:
    kind, held, text = case
    before: Objects = {kind: held}
    changes = changes_of(before, text)
    event("refused" if changes is None else f"{len(changes)} changes")
    assume(changes is not None)
    resources = desired_of(text)
    named = {name_of(each.key) for each in resources} | {each.was for each in resources}

    after = done(before, changes or ())

    wanted = [name_of(each.key) for each in resources if not each.absent]
    assert changes_of(after, text) == ()
    assert all(keys(after, kind).count(key) >= wanted.count(key) for key in wanted)
    assert [each for each in before[kind] if keys({kind: [each]}, kind)[0] not in named] == [
        each for each in after[kind] if keys({kind: [each]}, kind)[0] not in named
    ]
