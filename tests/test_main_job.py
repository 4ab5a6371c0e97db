"""The main job, end to end: manifests to a server that answers as the real one does, over real sockets."""

from pathlib import Path
from typing import Any

import pytest

from tests.running import Ran, command, environment, process, write

ROUTES = """\
kind: MtaRoute
items:
  - {type: Relay, name: relay-eu, address: smtp.eu.example.net, port: 587}
  - {type: Relay, name: fallback, address: backup.example.net}
"""
STRATEGY = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
      - {if: retry_num > 1, use: fallback}
    use: relay-eu
"""
MILTERS = """\
kind: MtaMilter
items:
  - {hostname: 127.0.0.1, port: 11332, stages: [connect, data], enable: "listener == 'smtp'"}
  - {hostname: 127.0.0.2, port: 8890, stages: [data], timeoutData: 2m}
"""


@pytest.fixture
def env(sandbox: Any) -> dict[str, str]:
    return environment(sandbox.url)


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    return write(tmp_path / "manifests", routes=ROUTES, strategy=STRATEGY, milters=MILTERS)


def stored(sandbox: Any, kind: str) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = sandbox.state()["stored"][f"x:{kind}"]
    return [{name: value for name, value in each.items() if name != "id"} for each in objects]


def test_plan_apply_plan_drift(sandbox: Any, env: dict[str, str], manifests: Path) -> None:
    first = command("plan", "--detailed-exitcode", str(manifests), env=env)
    applied = command("apply", "--yes", str(manifests), env=env)
    second = command("plan", "--detailed-exitcode", "--format", "json", str(manifests), env=env)
    drift = command("drift", str(manifests), env=env)

    assert first.code == 2
    assert "Plan: 4 to create, 1 to update; 0 unchanged, 2 undeclared." in first.out
    assert (applied.code, applied.err) == (0, "")
    assert applied.out.endswith(
        "Apply: 5 applied.\n"
        "The server reloaded its settings: they are live.\n"
        "Read back: the server holds what the manifests declare.\n"
    )
    assert second.code == 0
    assert second.json["summary"] == {
        "create": 0,
        "destroy": 0,
        "replace": 0,
        "unchanged": 5,
        "undeclared": 2,
        "unknown": 0,
        "update": 0,
    }
    assert (drift.code, drift.out, drift.err) == (0, "", "")
    state = sandbox.state()
    assert state["stored"] == state["live"]


def test_a_change_behind_the_back_is_drift_and_apply_mends_it(
    sandbox: Any, env: dict[str, str], manifests: Path
) -> None:
    command("apply", "--yes", str(manifests), env=env)
    other = write(manifests.parent / "other", routes=ROUTES.replace("587", "25"))
    command("apply", "--yes", str(other), env=env)

    drift = command("drift", "--format", "json", str(manifests), env=env)
    mended = command("apply", "--yes", str(manifests), env=env)
    after = command("drift", str(manifests), env=env)

    assert drift.code == 2
    (change,) = drift.json["changes"]
    assert {name: change[name] for name in ("action", "address", "fields", "patch")} == {
        "action": "update",
        "address": "MtaRoute/relay-eu",
        "fields": [{"after": 587, "before": 25, "pointer": "port"}],
        "patch": {"port": 587},
    }
    assert change["source"] == {"file": str(manifests / "routes.yaml"), "line": 3}
    assert mended.code == 0
    assert (after.code, after.out) == (0, "")


def test_a_plan_sends_no_write_and_few_requests(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    items = "".join(f"  - {{type: Local, name: r{n}}}\n" for n in range(1000))
    manifests = write(tmp_path, routes=f"kind: MtaRoute\nitems:\n{items}")
    command("apply", "--yes", str(manifests), env=env)
    before = sandbox.state()

    plan = command("plan", "--detailed-exitcode", str(manifests), env=env)

    after = sandbox.state()
    assert plan.code == 0
    assert after["writes"] == before["writes"]
    # The session, and at most three POSTs.
    assert after["requests"] - before["requests"] <= 4


def test_a_server_of_1200_routes_is_read_completely(env: dict[str, str], tmp_path: Path) -> None:
    items = "".join(f"  - {{type: Local, name: r{n}}}\n" for n in range(1200))
    manifests = write(tmp_path / "all", routes=f"kind: MtaRoute\nitems:\n{items}")
    few = write(tmp_path / "few", routes="kind: MtaRoute\nspec: {type: Local, name: r7}\n")

    applied = command("apply", "--yes", str(manifests), env=env)
    plan = command("plan", "--format", "json", str(few), env=env)

    assert applied.code == 0
    assert plan.json["summary"]["unchanged"] == 1
    assert plan.json["summary"]["undeclared"] == 1199 + 2
    assert set(plan.json["undeclared"]) == {"MtaRoute/mx", "MtaRoute/local"} | {
        f"MtaRoute/r{n}" for n in range(1200) if n != 7
    }


def test_pruning_destroys_undeclared_objects_but_not_what_a_new_server_ships(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    all_ = write(
        tmp_path / "all", routes="".join(f"kind: MtaRoute\nspec: {{type: Local, name: r{n}}}\n---\n" for n in range(4))
    )
    rest = write(tmp_path / "rest", routes="kind: MtaRoute\nspec: {type: Local, name: r0}\n")
    command("apply", "--yes", str(all_), env=env)

    refused = command("apply", "--yes", "--prune", str(rest), env=env)
    applied = command("apply", "--yes", "--prune", "--max-destroy", "3", str(rest), env=env)

    assert refused.code == 3
    assert (
        "refused: 3 of 6 MtaRoute objects would be destroyed, and policy allows 1 (30%); --max-destroy 3 lifts this"
        in refused.out
    )
    assert applied.code == 0
    assert sorted(each["name"] for each in stored(sandbox, "MtaRoute")) == ["local", "mx", "r0"]


def test_a_change_of_variant_keeps_the_id(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    first = write(tmp_path / "first", r="kind: MtaRoute\nspec: {type: Mx, name: x, maxMxHosts: 3}\n")
    second = write(tmp_path / "second", r="kind: MtaRoute\nspec: {type: Relay, name: x, address: relay.example.net}\n")
    command("apply", "--yes", str(first), env=env)
    before = {each["name"]: each["id"] for each in sandbox.state()["stored"]["x:MtaRoute"]}

    plan = command("plan", "--format", "json", str(second), env=env)
    applied = command("apply", "--yes", str(second), env=env)

    after = {each["name"]: each["id"] for each in sandbox.state()["stored"]["x:MtaRoute"]}
    (change,) = plan.json["changes"]
    assert (change["action"], change["because"]) == ("replace", "the variant changes from Mx to Relay")
    assert change["patch"] == {"@type": "Relay", "name": "x", "address": "relay.example.net"}
    assert applied.code == 0
    assert before == after


def test_milters_in_another_order_write_each_others_places(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    def milters(*ports: int) -> str:
        return "kind: MtaMilter\nitems:\n" + "".join(f"  - {{hostname: 127.0.0.1, port: {port}}}\n" for port in ports)

    command("apply", "--yes", str(write(tmp_path / "first", m=milters(1, 2, 3))), env=env)
    turned = write(tmp_path / "turned", m=milters(3, 1, 2))

    plan = command("plan", "--format", "json", str(turned), env=env)
    applied = command("apply", "--yes", str(turned), env=env)
    again = command("plan", "--detailed-exitcode", str(turned), env=env)

    assert [(each["action"], each["address"]) for each in plan.json["changes"]] == [
        ("update", "MtaMilter/127.0.0.1:1"),
        ("update", "MtaMilter/127.0.0.1:2"),
        ("update", "MtaMilter/127.0.0.1:3"),
    ]
    assert [each["port"] for each in sandbox.state()["live"]["x:MtaMilter"]] == [3, 1, 2]
    assert (applied.code, again.code) == (0, 0)
    assert [each["port"] for each in stored(sandbox, "MtaMilter")] == [3, 1, 2]


def test_a_refused_reload_names_the_object_and_is_undone(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    manifests = write(tmp_path, m="kind: MtaMilter\nspec: {hostname: filter.invalid, port: 7357}\n")

    before = sandbox.state()["stored"]

    applied = command("apply", "--yes", str(manifests), env=env)

    assert applied.code == 6
    assert sandbox.state()["stored"] == before
    assert (
        "At the reload, the server has to resolve: the host filter.invalid (MtaMilter/filter.invalid:7357).\n"
        in applied.out
    )
    assert "The reload was refused: MtaMilter/filter.invalid:7357: " in applied.out


def test_apply_reloads_even_if_nothing_changed(sandbox: Any, env: dict[str, str], manifests: Path) -> None:
    command("apply", "--yes", "--no-reload", str(manifests), env=env)
    stale = sandbox.state()

    again = command("apply", "--yes", str(manifests), env=env)

    fresh = sandbox.state()
    assert stale["stored"] != stale["live"]
    assert again.code == 0
    assert fresh["stored"] == fresh["live"]


def test_a_schedule_and_its_new_queue_are_made_in_one_run(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    manifests = write(
        tmp_path,
        schedule=(
            "kind: MtaDeliverySchedule\n"
            "spec: {name: slow, queueId: bulk, retry: {type: Custom, intervals: [15m, 1h]}}\n"
        ),
        queue="kind: MtaVirtualQueue\nspec: {name: bulk, threadsPerNode: 3}\n",
    )

    applied = command("apply", "--yes", str(manifests), env=env)
    again = command("plan", "--detailed-exitcode", str(manifests), env=env)

    queues = {each["name"]: each["id"] for each in sandbox.state()["stored"]["x:MtaVirtualQueue"]}
    slow = next(each for each in stored(sandbox, "MtaDeliverySchedule") if each["name"] == "slow")
    assert (applied.code, again.code) == (0, 0)
    assert slow["queueId"] == queues["bulk"]
    assert slow["retry"] == {"@type": "Custom", "intervals": {"0": {"duration": 900_000}, "1": {"duration": 3_600_000}}}


def test_a_reference_to_nothing_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    manifests = write(tmp_path, s="kind: MtaDeliverySchedule\nspec: {name: slow, queueId: bukl}\n")

    plan = command("plan", str(manifests), env=env)

    assert plan.code == 3
    assert "MtaDeliverySchedule/slow queueId: MtaVirtualQueue/bukl does not exist" in plan.out


def test_apply_without_a_terminal_needs_yes(env: dict[str, str], manifests: Path) -> None:
    applied = command("apply", str(manifests), env=env)

    assert (applied.code, applied.out) == (64, "")
    assert (
        applied.err == "error: apply asks before it writes, and nobody is there to answer\n"
        "    give --yes, a saved plan or --approved\n"
    )


def test_the_demo_narrates_the_tour_and_leaves_nothing(tmp_path: Path) -> None:
    env = {**environment("http://127.0.0.1:1"), "TMPDIR": str(tmp_path)}

    ran = process("demo", env=env, cwd=tmp_path)

    assert (ran.code, ran.err) == (0, "")
    told, _, after = ran.out.partition("To go on, run reconciler sandbox --port 8080, and in another shell:\n")
    assert 8 <= len(told.splitlines()) <= 14
    assert after.splitlines() == [
        "export STALWART_URL=http://127.0.0.1:8080",
        "export STALWART_USER=admin",
        "export STALWART_PASSWORD=secret",
    ]
    assert list(tmp_path.iterdir()) == []


def secret_manifest(tmp_path: Path) -> Path:
    return write(
        tmp_path / "secret",
        r="""\
kind: MtaRoute
items:
  - type: Relay
    name: plain
    address: a.example.net
    authSecret: {type: Value, secret: canary-plain}
  - type: Relay
    name: env
    address: b.example.net
    authSecret: {type: Value, secret: "${env:CANARY}"}
""",
    )


@pytest.mark.parametrize("arguments", [["validate"], ["plan"], ["plan", "--format=json"], ["drift", "-vv"]])
def test_no_secret_is_shown_before_an_apply(env: dict[str, str], tmp_path: Path, arguments: list[str]) -> None:
    ran = command(*arguments, str(secret_manifest(tmp_path)), env={**env, "CANARY": "canary-env"})

    assert_no_canary(ran)


@pytest.mark.parametrize("options", [[], ["--format=json"], ["-vv", "--log-format=json"]])
def test_no_secret_is_shown_by_an_apply(sandbox: Any, env: dict[str, str], tmp_path: Path, options: list[str]) -> None:
    ran = command("apply", "--yes", *options, str(secret_manifest(tmp_path)), env={**env, "CANARY": "canary-env"})

    assert ran.code == 0
    assert_no_canary(ran)


def assert_no_canary(ran: Ran) -> None:
    assert "canary-" not in ran.out
    assert "canary-" not in ran.err
    assert "password" not in ran.err


def test_a_missing_secret_stops_apply_before_it_writes(sandbox: Any, env: dict[str, str], tmp_path: Path) -> None:
    before = sandbox.state()["writes"]

    ran = command("apply", "--yes", str(secret_manifest(tmp_path)), env=env)

    assert ran.code == 65
    assert ran.err == "error: ${env:CANARY} is not set\n    set CANARY where apply runs\n"
    assert sandbox.state()["writes"] == before


def test_a_masked_secret_is_unknown_and_rotated_only_when_asked(
    sandbox: Any, env: dict[str, str], tmp_path: Path
) -> None:
    manifests = str(secret_manifest(tmp_path))
    env = {**env, "CANARY": "canary-env"}
    command("apply", "--yes", manifests, env=env)

    plan = command("plan", "--format", "json", manifests, env=env)
    rotated = command("apply", "--yes", "--format", "json", "--rotate-secrets=MtaRoute/env", manifests, env=env)

    assert plan.json["changes"] == []
    assert plan.json["unknown"] == [
        {"address": "MtaRoute/plain", "pointer": "authSecret/secret"},
        {"address": "MtaRoute/env", "pointer": "authSecret/secret"},
    ]
    assert [(each["address"], each["result"]) for each in rotated.json["changes"]] == [("MtaRoute/env", "applied")]
    assert rotated.json["residue"] == []
