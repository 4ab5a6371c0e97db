"""Whole servers, with kinds that nobody here knows: pulled, imported, planned and applied by the program itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox, serve
from tests.publishing import COUNT, SERVER, TEXT, members, schema
from tests.running import command, environment, write

PULL = ("schema", "pull")
#: A kind that came with a newer version, without a title; nothing of this program has heard of it.
NEWER = schema({"Turbine": {"speed": COUNT, "blades": members(TEXT)}})


@pytest.fixture
def old() -> Iterator[Sandbox]:
    with serve(schema=SERVER, environment={}) as sandbox:
        yield sandbox


@pytest.fixture
def new() -> Iterator[Sandbox]:
    with serve(schema=SERVER, environment={}) as sandbox:
        yield sandbox


@pytest.fixture
def newer() -> Iterator[Sandbox]:
    with serve(schema=NEWER, environment={}) as sandbox:
        yield sandbox


def created(sandbox: Sandbox, kind: str, **properties: Any) -> str:
    body = sandbox.registry.objects.created_body(kind, properties)
    number = sandbox.registry.objects.write(kind, None, body)
    return sandbox.registry.objects.tables[kind].rows[number].text


def test_a_server_is_imported_as_it_is_and_built_again_elsewhere(old: Sandbox, new: Sandbox, tmp_path: Path) -> None:
    home = created(old, "Domain", name="example.org", aliases={"example.net": True})
    created(old, "MailingList", name="all", domainId=home, recipients={"a@example.org": True})
    created(old, "SpamTag", **{"@type": "Score", "tag": "my tag", "score": -1.5})
    created(old, "Tracer", **{"@type": "Stdout", "level": "debug"})
    created(old, "MemoryLookupKey", namespace="traps", key="a/b")
    created(old, "Gadget", label="one", parts={"0": {"name": "x", "domainId": home}}, sizes={"small": 2})
    here, there = (environment(sandbox.url) for sandbox in (old, new))

    assert command(*PULL, env=here, cwd=tmp_path).code == 0
    imported = command("import", "--out", "manifests", env=here, cwd=tmp_path)
    planned = command("plan", "--format", "json", env=here, cwd=tmp_path)
    applied = command("apply", "--yes", env=there, cwd=tmp_path)
    again = command("plan", "--format", "json", env=there, cwd=tmp_path)

    assert (imported.code, planned.code, planned.json["changes"], planned.json["undeclared"]) == (0, 0, [], [])
    assert (applied.code, again.code, again.json["changes"], again.json["undeclared"]) == (0, 0, [], [])
    assert new.state()["stored"]["x:Gadget"][0]["parts"]["0"]["domainId"] == new.state()["stored"]["x:Domain"][0]["id"]


def test_a_new_kind_takes_no_python_and_no_overlay_and_says_how_to_bind_it(newer: Sandbox, tmp_path: Path) -> None:
    env = environment(newer.url)
    documents = "kind: Turbine\nmetadata: {name: north}\nspec: {speed: 3, blades: [b, a]}\n"
    write(tmp_path / "manifests", turbine=documents)

    command(*PULL, env=env, cwd=tmp_path)
    applied = command("apply", "--yes", env=env, cwd=tmp_path)
    again = command("plan", env=env, cwd=tmp_path)

    assert applied.code == 0
    assert "In sync" in again.out
    assert "nothing that tells objects of Turbine apart [unsure-key]\n" in again.out
    assert "metadata.id binds a document to the object that it means" in again.out
    (held,) = newer.state()["stored"]["x:Turbine"]
    bound = f"kind: Turbine\nmetadata: {{name: north, id: {held['id']}}}\nspec: {{speed: 4}}\n"
    write(tmp_path / "manifests", turbine=bound)
    changed = command("plan", "--format", "json", env=env, cwd=tmp_path)
    assert [(each["action"], each["patch"]) for each in changed.json["changes"]] == [
        ("update", {"speed": 4, "blades": {}})
    ]


def test_a_plan_of_a_whole_server_sends_few_requests(old: Sandbox, tmp_path: Path) -> None:
    env = environment(old.url)
    command(*PULL, env=env, cwd=tmp_path)
    command("import", "--out", "manifests", env=env, cwd=tmp_path)
    before = old.requests

    assert command("plan", env=env, cwd=tmp_path).code == 0
    assert old.requests - before <= 10


def test_a_schema_that_is_none_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text(json.dumps({"format": "something else"}))
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8bbroken")

    for name in ("none.json", "broken.gz", "absent.json"):
        ran = command("sandbox", "--schema", name, env=environment(""), cwd=tmp_path)

        assert (ran.code, ran.out) == (65, "")
        assert f"--schema {name}" in ran.err
        assert "Traceback" not in ran.err
