"""Saved plans and approvals on the command line, and files that plans are not written over."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from reconciler.plan import digest
from tests.running import command, environment, terminal, write

ROUTES = "kind: MtaRoute\nitems:\n  - {type: Mx, name: a}\n  - {type: Mx, name: b}\n"
FAILING = ROUTES + (
    "---\nkind: MtaOutboundStrategy\nspec: {route: {use: a}}\n"
    "---\nkind: RoutingTest\ncases:\n  - {name: one, given: {rcpt: x@y.example}, expect: {route: b}}\n"
)


@pytest.fixture
def env(sandbox: Any, tmp_path: Path) -> dict[str, str]:
    return environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))


def names(sandbox: Any) -> list[str]:
    return sorted(each["name"] for each in sandbox.state()["stored"]["x:MtaRoute"])


def test_a_plan_runs_the_routing_tests_and_saves_nothing_where_one_fails(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    manifests, out = str(write(tmp_path / "m", r=FAILING)), tmp_path / "plan.json"

    planned = command("plan", manifests, "--out", str(out), env=env)
    applied = command("apply", "--yes", manifests, env=env)

    assert (planned.code, applied.code, out.exists(), names(sandbox)) == (65, 65, False, ["local", "mx"])
    assert "one: route should be b, but it is a" in planned.out + planned.err


def sealed(path: Path, document: Any) -> None:
    """Write a plan that was altered as whoever knows the seal would."""
    members = {name: value for name, value in document.items() if name not in ("format", "basis")}
    inner = {name: value for name, value in document["basis"].items() if name != "seal"}
    document["basis"]["seal"] = digest(members, inner)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("side", ["what is shown", "what is done"])
def test_a_plan_that_shows_other_changes_than_it_makes_is_refused(
    sandbox: Any, env: dict[str, str], tmp_path: Path, side: str
) -> None:
    path = tmp_path / "plan.json"
    command("plan", str(write(tmp_path / "m", r=ROUTES)), "--out", str(path), env=env)
    document = json.loads(path.read_text())
    if side == "what is shown":
        document["changes"].pop()
    else:
        # A create that holds together by itself, and that nobody was shown.
        work, name = document["basis"]["work"], "hidden"
        change = json.loads(json.dumps(work["changes"][0]).replace('"a"', f'"{name}"'))
        work["changes"].append(change)
        work["phases"][0]["changes"].append(len(work["changes"]) - 1)
        document["basis"]["basis"]["fingerprints"].append({"address": change["address"], "id": "", "sha256": ""})
    sealed(path, document)

    ran = command("apply", "--plan", str(path), env=env)

    assert (ran.code, names(sandbox)) == (65, ["local", "mx"])
    assert "the plan shows other changes than it would make" in ran.err


def test_limits_are_judged_again_and_lifted_where_the_plan_is_applied(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    many = "kind: MtaRoute\nitems:\n" + "".join(f"  - {{type: Mx, name: r{n}}}\n" for n in range(4))
    command("apply", "--yes", str(write(tmp_path / "first", r=many)), env=env)
    path = tmp_path / "plan.json"
    lifted = ["--prune", "--max-destroy", "4"]

    planned = command("plan", *lifted, str(write(tmp_path / "m", r=ROUTES)), "--out", str(path), env=env)
    refused = command("apply", "--plan", str(path), env=env)
    before = names(sandbox)
    applied = command("apply", "--max-destroy", "4", "--plan", str(path), env=env)

    assert (planned.code, refused.code, applied.code) == (0, 3, 0)
    assert "4 of 6 MtaRoute objects would be destroyed, and policy allows 1 (30%)" in refused.out
    assert before == ["local", "mx", "r0", "r1", "r2", "r3"]
    assert names(sandbox) == ["a", "b", "local", "mx"]
    assert f"reconciler apply --max-destroy 4 --plan {path}" in planned.err


def approved(manifests: str, env: dict[str, str], *more: str) -> str:
    """Return the digest that a plan of these manifests names."""
    planned = command("plan", manifests, "--format=json", *more, env=env)
    return str(planned.json["digest"])


def test_approved_changes_are_applied_without_a_question_and_others_are_not(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    manifests = str(write(tmp_path / "m", r=ROUTES))
    right = approved(manifests, env)
    write(tmp_path / "m", r=ROUTES.replace("name: b", "name: c"))

    other = command("apply", manifests, "--approved", right, env=env)
    before = names(sandbox)
    write(tmp_path / "m", r="# moved\n" + ROUTES)
    same = command("apply", manifests, "--approved", right, env=env)

    assert (other.code, same.code, before) == (4, 0, ["local", "mx"])
    assert "the changes or the mail that they move is not what was approved" in other.err
    assert names(sandbox) == ["a", "b", "local", "mx"]


def test_the_digest_that_a_plan_prints_is_the_one_that_apply_takes(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    manifests = str(write(tmp_path / "m", r=relayed(587), s=ALL_BY_RELAY))
    planned, drifted = (command(name, manifests, env=env) for name in ("plan", "drift"))
    digest = planned.out.partition("Digest: ")[2].strip()

    applied = command("apply", manifests, f"--approved={digest}", env=env)

    assert (planned.code, applied.code, applied.out.count(f"Digest: {digest}\n")) == (0, 0, 1), applied.err
    assert "Digest" not in drifted.out


@pytest.mark.parametrize("saved", [False, True])
def test_who_is_asked_sees_the_mail_that_moves(sandbox: Any, env: dict[str, str], tmp_path: Path, saved: bool) -> None:
    manifests, path = str(write(tmp_path / "m", r=relayed(587), s=ALL_BY_RELAY)), str(tmp_path / "plan.json")
    planned = command("plan", manifests, "--out", path, env=env)
    moves = [line for line in planned.out.splitlines() if "moves: " in line or line.startswith("  after ")]

    chosen = ["--plan", path] if saved else [manifests]
    shown = command("apply", *chosen, "--yes", env=env)
    write(tmp_path / "m", s=ALL_BY_RELAY.replace("eu", "mx"))
    asked = terminal("apply", "--color=never", manifests, env=env, typed="n\n")

    assert moves
    assert [line for line in moves if line not in shown.out.splitlines()] == []
    assert "  after  mx -> its MX hosts, port 25" in asked.out.partition("Apply these changes?")[0].splitlines()


def test_who_is_asked_sees_what_waits_where_policy_bounds_it(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("policy: {maxMoved: 100%}\n")
    write(tmp_path / "m", r=relayed(587), s=ALL_BY_RELAY)

    ran = command("apply", "m", "--yes", env=env, cwd=tmp_path)

    assert (ran.code, "No mail is waiting.\n" in ran.out) == (0, True), ran.err


def relayed(port: int) -> str:
    return f"kind: MtaRoute\nspec: {{type: Relay, name: eu, address: smtp.eu.test, port: {port}}}\n"


ALL_BY_RELAY = "kind: MtaOutboundStrategy\nspec: {route: {use: eu}}\n"


def test_an_approval_is_of_the_mail_that_moves_too(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    def meddle(port: int) -> None:
        assert command("apply", "--yes", str(write(tmp_path / "other", r=relayed(port))), env=env).code == 0

    meddle(587)
    manifests = str(write(tmp_path / "m", s=ALL_BY_RELAY))
    whole, changes = approved(manifests, env), approved(manifests, env, "--no-movement")
    meddle(588)

    moved = command("apply", manifests, "--approved", whole, env=env)
    partly = command("apply", manifests, "--approved", changes, env=env)
    without = command("apply", manifests, "--approved", changes, "--no-movement", env=env)

    assert (moved.code, partly.code, without.code) == (4, 4, 0)
    assert "the changes or the mail that they move is not what was approved: their digest is " in moved.err
    assert "the changes were approved without the mail that they move: with it, the digest is " in partly.err
    assert "or give --no-movement here too" in partly.err


@pytest.mark.parametrize("left_out", [(), ("--no-movement",)])
def test_a_saved_plan_has_the_digest_of_its_report_through_to_the_journal(
    sandbox: Any, env: dict[str, str], tmp_path: Path, left_out: tuple[str, ...]
) -> None:
    env = {**env, "RECONCILER_JOURNAL": str(tmp_path / "journal")}
    manifests, path = str(write(tmp_path / "m", r=relayed(587), s=ALL_BY_RELAY)), str(tmp_path / "plan.json")
    digest = command("plan", manifests, "--out", path, "--format=json", *left_out, env=env).json["digest"]

    shown = command("show", path, "--format=json", env=env)
    applied = command("apply", "--plan", path, "--approved", digest, env=env)
    status = command("status", "--format=json", env=env)

    assert (shown.json["digest"], applied.code) == (digest, 0), applied.err
    assert [each["plan"] for journal in status.json["journals"] for each in journal["runs"]] == [digest]


def test_a_plan_that_counts_the_queue_can_be_saved(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    manifests, path = str(write(tmp_path / "m", r=ROUTES)), str(tmp_path / "plan.json")

    planned = command("plan", manifests, "--impact", "--out", path, env=env)
    applied = command("apply", "--plan", path, env=env)

    assert (planned.code, applied.code) == (0, 0), applied.err
    assert names(sandbox) == ["a", "b", "local", "mx"]


@pytest.mark.parametrize("given", ["", "x", "a" * 63, "g" * 64])
def test_what_is_no_digest_approves_nothing(sandbox: Any, env: dict[str, str], tmp_path: Path, given: str) -> None:
    ran = command("apply", str(write(tmp_path / "m", r=ROUTES)), f"--approved={given}", env=env)

    assert (ran.code, names(sandbox)) == (64, ["local", "mx"])


def place(path: Path, what: str) -> None:
    if what == "a pipe":
        os.mkfifo(path)
    elif what == "a link":
        (path.parent / "precious").write_text("precious")
        path.symlink_to("precious")
    elif what == "a dangling link":
        path.symlink_to("nowhere")
    elif what == "a directory":
        path.mkdir()
    else:
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except OSError:
            pytest.skip("devices cannot be made here")


@pytest.mark.parametrize("what", ["a pipe", "a link", "a dangling link", "a directory", "a device"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("plan.json", ["plan", "m", "--out", "plan.json"]),
        ("out/routes.yaml", ["import", "--kind", "MtaRoute", "--out", "out"]),
        ("out/manifest.schema.json", ["schema", "--out", "out"]),
    ],
)
def test_no_output_replaces_what_is_no_plain_file(
    env: dict[str, str], tmp_path: Path, name: str, arguments: list[str], what: str
) -> None:
    write(tmp_path / "m", r=ROUTES)
    if arguments[0] == "import":
        written = command(*arguments[:-1], "dry", env=env, cwd=tmp_path)
        assert written.code == 0
        name = f"out/{next((tmp_path / 'dry').iterdir()).name}"
    (tmp_path / "out").mkdir()
    place(tmp_path / name, what)
    before = os.lstat(tmp_path / name)

    ran = command(*arguments, env=env, cwd=tmp_path)

    after = os.lstat(tmp_path / name)
    assert (ran.code, (after.st_ino, after.st_mode)) == (64, (before.st_ino, before.st_mode))
    assert "is not written over" in ran.err
    assert not (tmp_path / "precious").exists() or (tmp_path / "precious").read_text() == "precious"
