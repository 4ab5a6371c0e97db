"""A whole server in manifests: kinds known by what it publishes, judged as a pipeline does."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox, serve
from tests.keys import certificate, ed25519, pem, rsa_pem
from tests.running import command, environment
from tests.whole import FOLDER, SCHEMA

ROOT = Path(__file__).parent.parent
CONFIG = str(FOLDER.relative_to(ROOT) / ".target" / "reconciler.yaml")
NOWHERE = environment("", STALWART_TOKEN="secret")


def test_the_manifests_are_whole() -> None:
    ran = command("validate", "--config", CONFIG, "--format", "json", env=NOWHERE, cwd=ROOT)

    assert (ran.code, ran.json["diagnostics"]) == (0, [])
    assert ran.json["summary"]["resources"] == 20


def test_the_local_domains_are_those_that_are_declared() -> None:
    ran = command("test", "--config", CONFIG, env=NOWHERE, cwd=ROOT)
    explained = [
        command("explain", "--config", CONFIG, "--rcpt", f"a@{domain}", "--format", "json", env=NOWHERE, cwd=ROOT)
        for domain in ("example.net", "lists.example.org", "other.example")
    ]

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "4 routing tests: 4 passed.")
    assert [each.json["attempts"][0]["decisions"]["route"]["name"] for each in explained] == ["local", "local", "mx"]


def test_the_permissions_are_those_of_the_actions_that_it_needs() -> None:
    ran = command("permissions", "--config", CONFIG, "--format", "json", env=NOWHERE, cwd=ROOT)

    assert [each for each in ran.json["apply"] if each.startswith("action")] == [
        "actionReloadSettings",
        "actionReloadTlsCertificates",
    ]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a directory with the files that the manifests name."""
    folder, key = tmp_path / "keys", ed25519()
    (folder / "tls").mkdir(parents=True)
    (folder / "dkim").mkdir()
    (folder / "tls" / "mx.pem").write_text(certificate(key, "mx.example.org"))
    (folder / "tls" / "mx.key").write_text(pem(key))
    (folder / "dkim" / "example.org-2026e.pem").write_text(pem(ed25519()))
    for name in ("example.org-2026r", "lists.example.org-2026r"):
        (folder / "dkim" / f"{name}.pem").write_text(rsa_pem())
    return folder


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with serve(schema=SCHEMA.read_bytes(), environment={"LDAP_PASSWORD": "secret"}) as running:
        yield running


def configured(folder: Path, server: Sandbox, manifests: Path, keys: Path | None = None) -> None:
    """Write the configuration of a target whose policy is that of the shipped one."""
    shipped = (FOLDER / ".target" / "reconciler.yaml").read_text()
    policy = shipped[shipped.index("policy:") :]
    text = f"serverSchema: {SCHEMA}\ntargets:\n  mx:\n    url: {server.url}\n    manifests: [{manifests}]\n"
    (folder / "reconciler.yaml").write_text(f"{text}    vars: {{keys: {keys or folder}}}\n{policy}")


def test_a_server_is_in_sync_once_they_are_applied(tmp_path: Path, keys: Path, server: Sandbox) -> None:
    configured(tmp_path, server, FOLDER, keys)
    env = environment("", RECONCILER_JOURNAL=str(tmp_path / "journal"))

    applied = command("apply", "--yes", "--format", "json", env=env, cwd=tmp_path)
    plan = command("plan", "--detailed-exitcode", "--format", "json", env=env, cwd=tmp_path)
    status = command("status", "--format", "json", env=env, cwd=tmp_path)

    assert (applied.code, applied.json["summary"]["applied"]) == (0, 16)
    assert applied.json["restart"] == ["NetworkListener/http"]
    assert (plan.code, plan.json["changes"]) == (0, [])
    assert [each["restart"] for journal in status.json["journals"] for each in journal["runs"]] == [
        ["NetworkListener/http"]
    ]


def test_what_was_imported_is_in_sync_and_makes_another_server_the_same(
    tmp_path: Path, keys: Path, server: Sandbox
) -> None:
    configured(tmp_path, server, FOLDER, keys)
    env = environment("")
    command("apply", "--yes", env=env, cwd=tmp_path)
    copy = tmp_path / "copy"
    copy.mkdir()
    configured(copy, server, copy / "manifests")

    imported = command("import", "--out", "manifests", env=env, cwd=copy)
    plan = command("plan", "--detailed-exitcode", "--format", "json", env=env, cwd=copy)
    with serve(schema=SCHEMA.read_bytes(), environment={"LDAP_PASSWORD": "secret"}) as other:
        configured(copy, other, copy / "manifests")
        applied = command("apply", "--yes", "--format", "json", env=env, cwd=copy)
        again = command("plan", "--detailed-exitcode", "--format", "json", env=env, cwd=copy)

    assert (imported.code, plan.code, plan.json["changes"]) == (0, 0, [])
    assert (applied.code, again.code, again.json["changes"]) == (0, 0, [])


def newer() -> bytes:
    """Return what a newer server publishes: one kind more, of which nobody here knows anything."""
    schema = json.loads(SCHEMA.read_text())
    text = {"type": {"type": "string", "format": "string"}, "description": "A text."}
    schema["objects"]["x:Gadget"] = {"type": "object", "description": "New."}
    schema["schemas"]["x:Gadget"] = {"type": "single", "schemaName": "x:Gadget"}
    schema["fields"]["x:Gadget"] = {"properties": {"title": text, "colour": text}, "defaults": {"colour": "red"}}
    schema["labels"]["x:Gadget"] = "title"
    schema["hash"] = "newer"
    return json.dumps(schema).encode()


def test_kind_that_is_new_needs_no_line_of_this_program(tmp_path: Path) -> None:
    (tmp_path / "newer.json").write_bytes(newer())
    (tmp_path / "manifests").mkdir()
    manifest = tmp_path / "manifests" / "gadget.yaml"
    manifest.write_text("kind: Gadget\nspec: {title: first}\n")
    env = environment("")
    with serve(schema=newer()) as running:
        (tmp_path / "reconciler.yaml").write_text(
            f"serverSchema: newer.json\ntargets: {{t: {{url: '{running.url}', manifests: [manifests]}}}}\n"
        )
        applied = command("apply", "--yes", "--format", "json", env=env, cwd=tmp_path)
        plan = command("plan", "--detailed-exitcode", "--format", "json", env=env, cwd=tmp_path)
        (created,) = applied.json["changes"]
        manifest.write_text(f"kind: Gadget\nmetadata: {{id: {created['id']}}}\nspec: {{title: second, colour: blue}}\n")
        bound = command("apply", "--yes", "--format", "json", env=env, cwd=tmp_path)
        gadgets = [each["title"] for each in running.state()["stored"]["x:Gadget"]]

    assert (applied.code, created["address"]) == (0, "Gadget/first")
    assert (plan.code, plan.json["changes"]) == (0, [])
    assert [(each["code"], each["message"]) for each in plan.json["diagnostics"] if each["code"] == "unsure-key"] == [
        (
            "unsure-key",
            "this version knows of nothing that tells objects of Gadget apart but its title, which several may have",
        )
    ]
    assert (bound.code, gadgets) == (0, ["second"])


CIRCLE = """\
kind: Tenant
spec: {name: t, roles: {type: Custom, roleIds: [Mail]}}
---
kind: Role
spec: {description: Mail, memberTenantId: t}
"""


def test_objects_of_two_kinds_that_need_each_other_are_made_and_undone(tmp_path: Path, server: Sandbox) -> None:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "circle.yaml").write_text(CIRCLE)
    configured(tmp_path, server, manifests)
    env = environment("", RECONCILER_JOURNAL=str(tmp_path / "journal"))

    applied = command("apply", "--yes", "--format", "json", env=env, cwd=tmp_path)
    plan = command("plan", "--detailed-exitcode", "--format", "json", env=env, cwd=tmp_path)
    made = server.state()["stored"]
    (journal,) = (tmp_path / "journal").glob("*.jsonl")
    undone = command("rollback", str(journal), "--yes", "--format", "json", env=env, cwd=tmp_path)
    left = server.state()["stored"]

    assert (applied.code, [(each["action"], each["address"]) for each in applied.json["changes"]]) == (
        0,
        [("create", "Role/Mail"), ("update", "Role/Mail"), ("create", "Tenant/t")],
    )
    assert (plan.code, plan.json["changes"]) == (0, [])
    assert [each["name"] for each in made["x:Tenant"]] == ["t"]
    assert undone.code == 0
    assert (left["x:Tenant"], [each for each in left["x:Role"] if each["description"] == "Mail"]) == ([], [])
