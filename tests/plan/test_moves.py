"""Renames and absences: nothing is guessed, and the guards hold."""

from pathlib import Path
from typing import Any

import pytest

from tests.running import Ran, command, environment, write

ROUTES = "kind: MtaRoute\nitems:\n  - {type: Local, name: old}\n  - {type: Local, name: other}\n"
RENAMED = "kind: MtaRoute\nmetadata: {was: old}\nspec: {type: Local, name: new}\n"


@pytest.fixture
def env(sandbox: Any, tmp_path: Path) -> dict[str, str]:
    return environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))


def apply(env: dict[str, str], directory: Path, *texts: str, options: tuple[str, ...] = ()) -> Ran:
    manifests = write(directory, **{f"m{number}": text for number, text in enumerate(texts)})
    return command("apply", "--yes", "--format", "json", *options, str(manifests), env=env)


def actions(ran: Ran) -> list[tuple[str, str, str]]:
    return [(each["action"], each["address"], each.get("because", "")) for each in ran.json["changes"]]


def names(sandbox: Any) -> set[str]:
    return {each["name"] for each in sandbox.state()["stored"]["x:MtaRoute"]} - {"mx", "local"}


def test_a_rename_of_an_immutable_name_creates_and_destroys(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    apply(env, tmp_path / "before", ROUTES)

    ran = apply(env, tmp_path / "after", RENAMED)
    again = apply(env, tmp_path / "after", RENAMED)

    assert actions(ran) == [
        ("create", "MtaRoute/new", ""),
        ("destroy", "MtaRoute/old", "MtaRoute/new takes its place"),
    ]
    assert (ran.code, again.code, actions(again)) == (0, 0, [])
    assert names(sandbox) == {"new", "other"}


def test_a_rename_repoints_declared_expressions_before_it_destroys(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    apply(env, tmp_path / "before", ROUTES, "kind: MtaOutboundStrategy\nspec: {route: {use: old}}\n")

    ran = apply(env, tmp_path / "after", RENAMED, "kind: MtaOutboundStrategy\nspec: {route: {use: new}}\n")

    assert ran.code == 0
    assert sandbox.state()["live"]["x:MtaOutboundStrategy"][0]["route"]["else"] == "'new'"
    assert names(sandbox) == {"new", "other"}


def test_a_rename_that_an_undeclared_expression_forbids_is_refused(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    apply(env, tmp_path / "before", ROUTES, "kind: MtaOutboundStrategy\nspec: {route: {use: old}}\n")
    writes = sandbox.state()["writes"]

    ran = apply(env, tmp_path / "after", RENAMED)

    assert ran.code == 3
    assert "MtaRoute/old would be destroyed, and MtaOutboundStrategy route/else refers to it" in ran.json["refusals"][0]
    assert sandbox.state()["writes"] == writes


def test_a_rename_of_a_mutable_key_is_one_update(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    apply(env, tmp_path / "before", "kind: MtaMilter\nspec: {hostname: 127.0.0.1, port: 7357}\n")
    before = sandbox.state()["stored"]["x:MtaMilter"][0]["id"]

    text = "kind: MtaMilter\nmetadata: {was: '127.0.0.1:7357'}\nspec: {hostname: 127.0.0.2, port: 7357}\n"
    ran = apply(env, tmp_path / "after", text)

    after = sandbox.state()["stored"]["x:MtaMilter"]
    assert actions(ran) == [("update", "MtaMilter/127.0.0.2:7357", "")]
    assert ran.json["changes"][0]["patch"] == {"hostname": "127.0.0.2"}
    assert [(each["id"], each["hostname"]) for each in after] == [(before, "127.0.0.2")]


def test_a_rename_where_both_are_live_destroys_the_old(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    apply(env, tmp_path / "before", ROUTES, "kind: MtaRoute\nspec: {type: Local, name: new}\n")

    ran = apply(env, tmp_path / "after", RENAMED)

    assert actions(ran) == [("destroy", "MtaRoute/old", "MtaRoute/new takes its place")]


def test_a_rename_where_neither_is_live_creates(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    assert actions(apply(env, tmp_path, RENAMED)) == [("create", "MtaRoute/new", "")]


def test_an_absent_object_is_destroyed_once(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    apply(env, tmp_path / "before", ROUTES)
    text = "kind: MtaRoute\nmetadata: {absent: true}\nspec: {name: old}\n"

    ran = apply(env, tmp_path / "after", text)
    again = apply(env, tmp_path / "after", text)

    assert actions(ran) == [("destroy", "MtaRoute/old", "metadata.absent")]
    assert (ran.code, again.code, actions(again)) == (0, 0, [])
    assert names(sandbox) == {"other"}


def test_an_absent_object_that_policy_keeps_is_refused(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    apply(env, tmp_path / "before", ROUTES)
    config = tmp_path / "config.yaml"
    config.write_text("policy: {keep: ['MtaRoute/o*']}\n")

    ran = apply(
        {**env, "RECONCILER_CONFIG": str(config)},
        tmp_path / "after",
        "kind: MtaRoute\nmetadata: {absent: true}\nspec: {name: old}\n",
    )

    assert ran.code == 3
    assert ran.json["refusals"] == [
        "MtaRoute/old would be destroyed (metadata.absent), and policy.keep holds it; a narrower policy.keep lifts this"
    ]


MILTER = "kind: MtaMilter\nmetadata: {{{}}}\nspec: {{hostname: 127.0.0.1, port: 11332{}}}\n"
KEY = "MtaMilter/127.0.0.1:11332"


def milters(sandbox: Any) -> dict[str, int]:
    return {each["id"]: each["timeoutData"] // 1000 for each in sandbox.state()["stored"].get("x:MtaMilter", [])}


@pytest.fixture
def twins(sandbox: Any, env: dict[str, str], tmp_path: Path) -> list[str]:
    """Make two filters of one address, which wait 1 and 2 seconds, and return their ids."""
    apply(
        env, tmp_path / "twins", *(MILTER.format(f"name: m{number}", f", timeoutData: {number}s") for number in (1, 2))
    )
    assert list(milters(sandbox).values()) == [1, 2]
    return list(milters(sandbox))


@pytest.mark.parametrize(("absent", "left"), [(1, 2), (2, 1)])
def test_an_absent_twin_is_the_one_of_its_name(
    absent: int, left: int, sandbox: Any, env: dict[str, str], twins: list[str], tmp_path: Path
) -> None:
    texts = [
        MILTER.format(f"name: m{number}" + ", absent: true" * (number == absent), f", timeoutData: {number}s")
        if number != absent
        else MILTER.format(f"name: m{number}, absent: true", "")
        for number in (1, 2)
    ]

    ran = apply(env, tmp_path / "after", *texts)
    again = apply(env, tmp_path / "after", *texts)

    assert (ran.code, actions(ran)) == (0, [("destroy", f"MtaMilter/m{absent}", "metadata.absent")])
    assert milters(sandbox) == {twins[left - 1]: left}
    assert (again.code, actions(again)) == (0, [])


def test_an_absent_object_is_the_one_of_its_id(
    sandbox: Any, env: dict[str, str], twins: list[str], tmp_path: Path
) -> None:
    text = MILTER.format(f"absent: true, id: {twins[0]}", "")

    ran = apply(env, tmp_path / "after", text)
    again = apply(env, tmp_path / "after", text)

    assert (ran.code, actions(ran)) == (0, [("destroy", f"{KEY}#{twins[0]}", "metadata.absent")])
    assert milters(sandbox) == {twins[1]: 2}
    assert (again.code, actions(again)) == (0, [])


def test_an_absent_object_of_two_is_ambiguous(
    sandbox: Any, env: dict[str, str], twins: list[str], tmp_path: Path
) -> None:
    ran = apply(env, tmp_path / "after", MILTER.format("absent: true", ""))

    assert ran.code == 65
    assert f"the server has 2 objects with this key: {', '.join(twins)}" in ran.out + ran.err
    assert list(milters(sandbox)) == twins


def test_an_id_of_an_object_with_another_key_is_never_destroyed(
    sandbox: Any, env: dict[str, str], twins: list[str], tmp_path: Path
) -> None:
    text = MILTER.format(f"absent: true, id: {twins[0]}", "").replace("11332", "11333")

    ran = apply(env, tmp_path / "after", text)

    assert ran.code == 65
    assert f"the id {twins[0]} is that of {KEY}" in ran.out + ran.err
    assert list(milters(sandbox)) == twins


@pytest.mark.parametrize("kept", ["m1", "127.*"])
def test_what_policy_keeps_is_kept_under_both_of_its_names(
    kept: str, sandbox: Any, env: dict[str, str], twins: list[str], tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"policy: {{keep: ['MtaMilter/{kept}']}}\n")
    texts = [MILTER.format("name: m1, absent: true", ""), MILTER.format("name: m2", ", timeoutData: 2s")]

    ran = apply({**env, "RECONCILER_CONFIG": str(config)}, tmp_path / "after", *texts)

    assert ran.code == 3
    assert list(milters(sandbox)) == twins


def test_an_id_takes_nothing_that_others_own(
    sandbox: Any, env: dict[str, str], twins: list[str], tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("policy: {owns: {MtaMilter: ['10.0.0.1:*']}}\n")
    text = MILTER.format(f"id: {twins[0]}", "").replace("127.0.0.1", "10.0.0.1")

    ran = apply({**env, "RECONCILER_CONFIG": str(config)}, tmp_path / "after", text)

    assert ran.code == 65
    assert f"the object {twins[0]} is {KEY}#{twins[0]}, which policy.owns leaves to others" in ran.out + ran.err


def test_a_rename_of_one_of_two_is_ambiguous(
    sandbox: Any, env: dict[str, str], twins: list[str], tmp_path: Path
) -> None:
    text = MILTER.format("was: '127.0.0.1:11332'", "").replace("11332}", "11333}")

    ran = apply(env, tmp_path / "after", text)

    assert ran.code == 65
    assert f"the server has 2 objects that are called 127.0.0.1:11332: {', '.join(twins)}" in ran.out + ran.err
    assert list(milters(sandbox)) == twins


def test_absences_count_against_the_limit(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    apply(env, tmp_path / "before", ROUTES)

    ran = apply(
        env,
        tmp_path / "after",
        "kind: MtaRoute\nmetadata: {absent: true}\nitems: [{name: old}, {name: other}]\n",
    )

    assert ran.code == 3
    assert ran.json["refusals"] == [
        "2 of 4 MtaRoute objects would be destroyed, and policy allows 1 (30%); --max-destroy 2 lifts this"
    ]


def milter(port: int, metadata: str = "", more: str = "") -> str:
    return f"kind: MtaMilter\nmetadata: {{{metadata}}}\nspec: {{hostname: 127.0.0.1, port: {port}{more}}}\n"


def route(name: str, metadata: str = "", variant: str = "Local") -> str:
    spec = f"{{name: {name}}}" if "absent" in metadata else f"{{type: {variant}, name: {name}}}"
    return f"kind: MtaRoute\nmetadata: {{{metadata}}}\nspec: {spec}\n"


def held(sandbox: Any) -> list[str]:
    """Return the ports of the filters and the names of the routes, those aside that a server ships."""
    stored = sandbox.state()["stored"]
    return [str(each["port"]) for each in stored.get("x:MtaMilter", [])] + sorted(names(sandbox))


WAS = "was: '127.0.0.1:{}'"
CONVERGING = {
    "a rename from a key that is declared has been": ([milter(1)], [milter(2, WAS.format(1)), milter(1)], ["2", "1"]),
    "a swap": (
        [milter(1, more=", timeoutData: 1s"), milter(2)],
        [milter(1, WAS.format(2)), milter(2, WAS.format(1), ", timeoutData: 1s")],
        ["1", "2"],
    ),
    "a chain": ([route("a"), route("b")], [route("b", "was: a"), route("c", "was: b")], ["b", "c"]),
    "a rename to itself": ([milter(1)], [milter(1, WAS.format(1))], ["1"]),
    "a rename beside what it was": ([route("a")], [route("b", "was: a"), route("a", variant="Mx")], ["a", "b"]),
    "a rename to the key of an absent one": (
        [milter(1)],
        [milter(2, "name: old, absent: true"), milter(2, "name: new, " + WAS.format(1))],
        ["2"],
    ),
    "a rename to a key that is live, and one of which is absent": (
        [milter(1), milter(2)],
        [milter(2, "name: old, absent: true"), milter(2, "name: new, " + WAS.format(1))],
        ["2"],
    ),
    "a rename that comes behind in order": ([milter(1), milter(2)], [milter(2), milter(3, WAS.format(1))], ["2", "3"]),
    "a rename of what is absent": ([milter(1)], [milter(2, WAS.format(1)), milter(1, "absent: true")], ["2"]),
}


@pytest.mark.parametrize("case", CONVERGING)
def test_renames_and_absences_are_done_once(case: str, sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    before, after, left = CONVERGING[case]
    apply(env, tmp_path / "before", *before, options=("--max-destroy=9",))

    ran = apply(env, tmp_path / "after", *after, options=("--max-destroy=9",))
    reached = held(sandbox)
    again = apply(env, tmp_path / "after", *after)

    assert (ran.code, reached) == (0, left)
    assert (again.code, actions(again), held(sandbox)) == (0, [], left)


def test_an_absence_by_id_makes_room_for_a_document_of_the_same_name(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    apply(env, tmp_path / "before", route("b"))
    (id_,) = (each["id"] for each in sandbox.state()["stored"]["x:MtaRoute"] if each["name"] == "b")
    after = [route("b", f"absent: true, id: {id_}"), route("b")]

    ran = apply(env, tmp_path / "after", *after)
    again = apply(env, tmp_path / "after", *after)

    assert (ran.code, [each[0] for each in actions(ran)]) == (0, ["create", "destroy"])
    assert (again.code, actions(again), held(sandbox)) == (0, [], ["b"])


def test_an_absence_among_more_objects_than_documents_is_ambiguous(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    apply(env, tmp_path / "before", *(milter(1, f"name: m{number}") for number in range(4)))

    ran = apply(env, tmp_path / "after", milter(1, "name: a, absent: true"), milter(1, "name: b"))

    assert (ran.code, held(sandbox)) == (65, ["1"] * 4)
    assert "the server has 4 objects with this key: " in ran.out + ran.err


def test_one_object_becomes_one_other_only(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    apply(env, tmp_path / "before", milter(1))

    ran = apply(env, tmp_path / "after", milter(2, WAS.format(1)), milter(3, WAS.format(1)))

    assert (ran.code, held(sandbox)) == (65, ["1"])
    assert "MtaMilter/127.0.0.1:2 was 127.0.0.1:1 too" in ran.out + ran.err
