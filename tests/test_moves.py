"""Renames and absences: nothing is guessed, and the guards hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import serve
from tests.running import Ran, command, environment, write

ROUTES = "kind: MtaRoute\nitems:\n  - {type: Local, name: old}\n  - {type: Local, name: other}\n"
RENAMED = "kind: MtaRoute\nmetadata: {was: old}\nspec: {type: Local, name: new}\n"


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret") as running:
        yield running


@pytest.fixture
def env(sandbox: Any, tmp_path: Path) -> dict[str, str]:
    return environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))


def apply(env: dict[str, str], directory: Path, *texts: str) -> Ran:
    manifests = write(directory, **{f"m{number}": text for number, text in enumerate(texts)})
    return command("apply", "--yes", "--format", "json", str(manifests), env=env)


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
    assert ran.json["refusals"] == ["MtaRoute/old would be destroyed (metadata.absent), and policy.keep holds it"]


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
