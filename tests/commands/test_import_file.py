"""`import --from` writes manifests of another tool's file, which apply and are then in sync."""

from pathlib import Path
from typing import Any

from tests.desired.bridges.importing import lines
from tests.running import command, environment

PLAN = lines(
    {"@type": "upsert", "object": "MtaVirtualQueue", "value": {"q": {"name": "bulk", "threadsPerNode": 4}}},
    {"@type": "upsert", "object": "MtaDeliverySchedule", "value": {"s": {"name": "bulk", "queueId": "#q"}}},
    {"@type": "destroy", "object": "MtaRoute", "value": {"name": "gone"}},
    {
        "@type": "upsert",
        "object": "MtaRoute",
        "value": {
            "r": {
                "@type": "Relay",
                "name": "hub",
                "address": "hub.example.net",
                "authUsername": "site",
                "authSecret": {"@type": "Value", "secret": "hunter2"},
            }
        },
    },
    {"@type": "update", "object": "MtaOutboundStrategy", "value": {"route": {"else": "'hub'"}}},
    {"@type": "upsert", "object": "Domain", "value": {"d": {"name": "example.org"}}},
)


def test_what_is_imported_from_a_plan_applies_and_is_in_sync(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, HUB_AUTH_SECRET="hunter2")
    (tmp_path / "plan.ndjson").write_text(PLAN)
    ran = command("import", "--from", "plan.ndjson", "--out", "manifests", env=env, cwd=tmp_path)

    assert ran.code == 0, ran.err
    assert "note: 6 operations read: 5 carried into 5 objects, 0 without effect, 1 without a place here\n" in ran.err
    assert "hunter2" not in ran.err + "".join(each.read_text() for each in (tmp_path / "manifests").iterdir())
    assert command("fmt", "manifests", "--check", env=env, cwd=tmp_path).code == 0
    assert command("apply", "manifests", "--yes", env=env, cwd=tmp_path).code == 0
    assert command("drift", "manifests", env=env, cwd=tmp_path).code == 0


def test_a_plan_that_cannot_be_said_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "plan.ndjson").write_text('{"@type":"destroy","object":"MtaMilter","value":{"hostname":"a"}}\n')
    ran = command("import", "--from", "plan.ndjson", "--out", "manifests", env=environment(""), cwd=tmp_path)

    assert ran.code == 65
    assert "plan.ndjson:1: this filter cannot be said" in ran.err
    assert not (tmp_path / "manifests").exists()


def test_a_file_that_cannot_be_read_is_usage(tmp_path: Path) -> None:
    (tmp_path / "latin.ndjson").write_bytes(b'{}\n{"@type":"\xe9"}')

    missing = command("import", "--from", "no.ndjson", env=environment(""), cwd=tmp_path)
    latin = command("import", "--from", "latin.ndjson", env=environment(""), cwd=tmp_path)
    alone = command("import", "--partial", "unmanaged", env=environment(""), cwd=tmp_path)

    assert (missing.code, missing.err.splitlines()[0]) == (
        64,
        "error: no.ndjson cannot be read: No such file or directory",
    )
    assert (latin.code, "latin.ndjson:2:11: byte 0xe9 is not part of UTF-8 text" in latin.err) == (65, True)
    assert (alone.code, "--partial says how to read" in alone.err) == (64, True)


OLD = """\
[queue.strategy]
route = [ { if = "is_local_domain('', rcpt_domain)", then = "'local'" },
          { if = "rcpt_domain = 'partner.test' || retry_num > 2", then = "'relay'" },
          { else = "'mx'" }, ]
schedule = "'slow'"
[queue.route."relay"]
type = relay
address = "%{env:RELAY_HOST}%"
port = 465
[queue.schedule.slow]
retry = ["1h", "2h"]
[session.milter.b]
hostname = filter.example.net
enable = "listener = 'smtp'"
"""


def test_what_is_imported_from_0_15_applies_and_its_routing_tests_pass(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, RECONCILER_VAR_RELAY_HOST="smtp.example.net")
    (tmp_path / "config.toml").write_text(OLD)
    ran = command("import", "--from", "config.toml", "--out", "manifests", env=env, cwd=tmp_path)
    said = ran.err.partition("reconciler.yaml:\n")[2].splitlines()
    yaml = "".join(f"{line[2:]}\n" for line in said if line.startswith("  "))
    (tmp_path / "reconciler.yaml").write_text(yaml.replace("{vars:", f'{{url: "{sandbox.url}", vars:'))

    assert ran.code == 0, ran.err
    assert (tmp_path / "manifests" / "routing-tests.yaml").exists()
    assert command("fmt", "manifests", "--check", env=env, cwd=tmp_path).code == 0
    assert command("test", "manifests", "--target", "prod", env=env, cwd=tmp_path).code == 0
    assert command("apply", "manifests", "--target", "prod", "--yes", env=env, cwd=tmp_path).code == 0
    assert command("drift", "manifests", "--target", "prod", env=env, cwd=tmp_path).code == 0
