"""`schema pull` and `schema diff`, and runs that use what was pulled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.kinds import reduced
from tests.kinds.test_published import published
from tests.running import environment, process

MANIFEST = "kind: Gadget\nspec: {label: x, colour: blue}\n"


def store(directory: Path, name: str, content: bytes) -> str:
    """Put a schema into the usual place, and return its path from there."""
    path = directory / "schemas" / "server" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path.relative_to(directory))


def declare(directory: Path, text: str = MANIFEST) -> None:
    """Write the manifests of a run."""
    (directory / "manifests").mkdir()
    (directory / "manifests" / "gadget.yaml").write_text(text)


def test_what_a_server_publishes_is_stored_with_its_name_and_the_day(sandbox: Any, tmp_path: Path) -> None:
    ran = process("schema", "pull", "--out", "pulled.json", env=environment(sandbox.url), cwd=tmp_path)

    stored = json.loads((tmp_path / "pulled.json").read_bytes())
    assert ran.code == 0
    assert stored["format"] == "reconciler/server-schema/v1"
    assert f"pulled.json: 20 kinds, schema {stored['hash']}.\n" == ran.err
    assert len(stored["date"]) == 10
    assert "forms" not in stored


def test_a_run_with_the_schema_of_its_server_says_nothing_of_it(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url)
    process("schema", "pull", env=env, cwd=tmp_path)
    declare(tmp_path, "kind: MtaSts\nspec: {}\n")

    ran = process("drift", env=env, cwd=tmp_path)

    assert (ran.code, "schema" in ran.err) == (0, False)


def test_a_run_says_once_what_the_server_publishes_otherwise(sandbox: Any, tmp_path: Path) -> None:
    store(tmp_path, "old.json", msgspec.json.encode(reduced(published(), name="abc")))
    declare(tmp_path, "kind: MtaSts\nspec: {}\n")

    ran = process("drift", env=environment(sandbox.url), cwd=tmp_path)

    told = [line for line in ran.err.splitlines() if "publishes the schema" in line]
    assert ran.code == 0
    assert len(told) == 1
    assert "  Account went" in ran.err.splitlines()


def test_a_kind_of_the_only_pulled_schema_can_be_declared(tmp_path: Path) -> None:
    declare(tmp_path)
    env = environment("")
    before = process("validate", env=env, cwd=tmp_path)
    store(tmp_path, "9.9.9.json", published())

    after = process("validate", env=env, cwd=tmp_path)

    assert (before.code, "unknown kind 'Gadget'" in before.err + before.out) == (65, True)
    assert after.code == 0


def test_a_target_names_the_schema_of_its_server(tmp_path: Path) -> None:
    declare(tmp_path)
    (tmp_path / "pulled.json").write_bytes(published())
    (tmp_path / "reconciler.yaml").write_text(
        "targets: {prod: {url: 'http://127.0.0.1:9', serverSchema: pulled.json, policy: {prune: {Gadget: true}}}}\n"
    )

    assert process("validate", env=environment(""), cwd=tmp_path).code == 0


def test_a_schema_that_is_none_is_refused(tmp_path: Path) -> None:
    declare(tmp_path)
    store(tmp_path, "9.9.9.json", b"[]")

    ran = process("validate", env=environment(""), cwd=tmp_path)

    assert ran.code == 65
    assert "schemas/server/9.9.9.json cannot be used: it is no published schema" in ran.err


def test_two_schemas_differ_and_name_the_documents_that_are_touched(tmp_path: Path) -> None:
    declare(tmp_path)
    old = store(tmp_path, "1.json", published())
    new = store(tmp_path, "2.json", published(fields__x_Gadget__defaults={"weight": 0.25}))
    (tmp_path / "reconciler.yaml").write_text(f"serverSchema: {old}\n")

    ran = process("schema", "diff", old, new, "manifests", env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.out.splitlines()) == (
        2,
        [
            "Gadget.weight: the default was 0.5 and is 0.25",
            "1 document touched:",
            "  manifests/gadget.yaml:1 Gadget/x: Gadget.weight",
        ],
    )


def test_a_schema_does_not_differ_from_itself(tmp_path: Path) -> None:
    old = store(tmp_path, "1.json", published())

    ran = process("schema", "diff", old, old, env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.out, ran.err) == (0, "", "No kind, property or default differs.\n")


def test_an_option_of_the_plain_command_does_not_stand_before_a_word(tmp_path: Path) -> None:
    ran = process("schema", "--check", "pull", env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.err.splitlines()[0]) == (64, "error: --check stands before pull; put it behind")


def test_permissions_name_no_action_where_a_change_acts_at_once(tmp_path: Path) -> None:
    declare(tmp_path, "kind: Domain\nspec: {name: example.org}\n")
    store(tmp_path, "9.9.9.json", published())

    ran = process("permissions", env=environment(""), cwd=tmp_path)

    assert (ran.code, "actionReloadSettings" in ran.out, "actionimmediate" in ran.out) == (0, True, False)


def test_a_reference_to_what_is_not_managed_is_no_kind_to_read(tmp_path: Path) -> None:
    declare(tmp_path)
    key = {"type": {"type": "objectId", "objectName": "x:PublicKey", "nullable": True}}
    store(tmp_path, "9.9.9.json", published(fields__x_Gadget__properties__key=key))

    ran = process("permissions", env=environment(""), cwd=tmp_path)

    assert (ran.code, "sysPublicKey" in ran.out) == (0, False)


NEWER_POLICY = (
    "policy:\n"
    "  allow: [NetworkListener, {address: 'Gadget/*', actions: [destroy]}]\n"
    "  prune: {Gadget: true}\n"
    "  keep: ['*dget/x', NetworkListener]\n"
)


@pytest.mark.parametrize("line", ["", "serverSchema: schemas/server/mine.json\n"])
def test_a_configuration_about_kinds_of_the_server_can_pull_them(line: str, sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(line + NEWER_POLICY)
    env = environment(sandbox.url)

    out = ("--out", "schemas/server/mine.json")
    assert process("schema", "pull", *out, env=env, cwd=tmp_path).code == 0
    # What was pulled is older than the configuration now.
    assert process("schema", "pull", *out, env=env, cwd=tmp_path).code == 0


@pytest.mark.parametrize("words", [("doctor",), ("import", "--out", "manifests")])
def test_before_a_schema_is_pulled_a_kind_may_be_one_of_the_server(
    words: tuple[str, ...], sandbox: Any, tmp_path: Path
) -> None:
    (tmp_path / "reconciler.yaml").write_text(NEWER_POLICY)
    env = environment(sandbox.url)

    before = process(*words, env=env, cwd=tmp_path)
    store(tmp_path, "mine.json", published())
    (tmp_path / "reconciler.yaml").write_text("policy: {prune: {Gadgte: true}}\n")
    after = process(*words, env=env, cwd=tmp_path)

    assert (before.code, after.code, "did you mean" in after.err + after.out) == (0, 65, True)


def test_other_mistakes_of_a_configuration_stop_a_pull(sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("policy: {prune: {Gadget: maybe}}\n")

    assert process("schema", "pull", env=environment(sandbox.url), cwd=tmp_path).code == 65
