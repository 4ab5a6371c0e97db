"""`fleet`: many servers behind real sockets, each with credentials, lock, journal and failure of its own."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox, serve
from tests.running import Ran, command, environment, write

ROUTES = "kind: MtaRoute\nitems:\n  - {type: Relay, name: relay-a, address: a.example}\n"


class Fleet:
    """Servers, and the configuration that names them."""

    def __init__(self, directory: Path, servers: dict[str, Sandbox]) -> None:
        self.directory = directory
        self.servers = servers
        self.configure()
        write(directory / "m", routes=ROUTES)

    def configure(self, manifests: dict[str, list[str]] | None = None, passwords: dict[str, str] | None = None) -> None:
        targets = {
            name: {
                "url": server.url,
                "user": "admin",
                "password": (passwords or {}).get(name, "secret"),
                "manifests": (manifests or {}).get(name, ["m"]),
                "labels": {"tier": "canary" if name == "mx0" else "prod"},
            }
            for name, server in self.servers.items()
        }
        (self.directory / "reconciler.yaml").write_text(json.dumps({"targets": targets}))

    def run(self, *args: str, **variables: str) -> Ran:
        env = environment("", XDG_RUNTIME_DIR=str(self.directory), **variables)
        return command("fleet", *args, env=env, cwd=self.directory)

    def report(self, *args: str, **variables: str) -> tuple[int, Any]:
        ran = self.run(*args, "--format", "json", **variables)
        assert ran.err == ""
        return ran.code, ran.json

    def routes(self) -> dict[str, list[str]]:
        """Return the relays that each server runs."""
        return {
            name: [each["name"] for each in server.state()["live"]["x:MtaRoute"] if each["@type"] == "Relay"]
            for name, server in self.servers.items()
        }


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(tmp_path, {f"mx{number}": stack.enter_context(serve()) for number in range(3)})


def test_plan_tells_of_equal_changes_once(fleet: Fleet) -> None:
    code, report = fleet.report("plan")

    assert code == 0
    assert report["summary"] == {
        "targets": 3, "well": 0, "differing": 3, "failed": 0, "missing": 0, "skipped": 0
    }  # fmt: skip
    assert [(each["targets"], [c["address"] for c in each["changes"]]) for each in report["groups"]] == [
        (["mx0", "mx1", "mx2"], ["MtaRoute/relay-a"])
    ]
    assert fleet.routes() == {"mx0": [], "mx1": [], "mx2": []}


def test_what_differs_between_targets_stands_out(fleet: Fleet) -> None:
    write(fleet.directory / "more", routes=ROUTES.replace("relay-a", "relay-b"))
    fleet.configure({"mx2": ["m", "more"]})

    ran = fleet.run("drift")

    assert ran.code == 2
    assert ran.out == (
        "mx0, mx1, mx2: this change\n"
        "  + MtaRoute/relay-a\n      type: Relay\n      address: a.example\n\n"
        "mx2: this change\n"
        "  + MtaRoute/relay-b\n      type: Relay\n      address: a.example\n\n"
        "3 targets: 3 differ.\n"
    )


def test_apply_changes_every_target_and_drift_is_quiet_afterwards(fleet: Fleet) -> None:
    applied = fleet.run("apply", "--yes")
    drift = fleet.run("drift")

    assert (applied.code, applied.out.splitlines()[-1]) == (0, "3 targets: 3 done.")
    assert (drift.code, drift.out) == (0, "3 targets: 3 in sync.\n")
    assert fleet.routes() == {"mx0": ["relay-a"], "mx1": ["relay-a"], "mx2": ["relay-a"]}


def test_apply_asks_nobody_without_a_terminal(fleet: Fleet) -> None:
    ran = fleet.run("apply")

    assert (ran.code, fleet.routes()) == (64, {"mx0": [], "mx1": [], "mx2": []})
    assert ran.err.startswith("error: fleet apply asks before it changes anything")


def test_failure_of_one_target_is_its_own(fleet: Fleet) -> None:
    fleet.configure(passwords={"mx1": "wrong"})

    code, report = fleet.report("apply", "--yes")

    assert code == 77
    assert [(each["target"], each["exitCode"]) for each in report["targets"]] == [("mx0", 0), ("mx1", 77), ("mx2", 0)]
    assert fleet.routes() == {"mx0": ["relay-a"], "mx1": [], "mx2": ["relay-a"]}


def test_select_and_target_choose(fleet: Fleet) -> None:
    _, chosen = fleet.report("plan", "--select", "tier!=canary", "--target", "*2")

    assert [each["target"] for each in chosen["targets"]] == ["mx2"]


def test_next_wave_does_not_begin_when_one_failed(fleet: Fleet) -> None:
    fleet.configure(passwords={"mx0": "wrong"})

    code, report = fleet.report("apply", "--yes", "--waves", "canary,rest", "--max-failed", "0")

    assert (code, report["skipped"]) == (77, ["mx1", "mx2"])
    assert report["because"] == "1 targets failed, and no more than 0 may"
    assert fleet.routes() == {"mx0": [], "mx1": [], "mx2": []}


def test_wave_that_does_not_bake_stops_the_fleet(fleet: Fleet) -> None:
    command_line = "sh -c 'test $RECONCILER_TARGET != mx0'"

    code, report = fleet.report("apply", "--yes", "--waves", "canary,rest", "--max-failed", "0", "--bake", command_line)

    assert (code, report["targets"][0]["message"]) == (1, "--bake ended with 1")
    assert fleet.routes() == {"mx0": ["relay-a"], "mx1": [], "mx2": []}


def test_shards_share_the_fleet_and_merge_brings_it_together(fleet: Fleet) -> None:
    for number in (1, 2):
        fleet.run("drift", "--shard", f"{number}/2", "--results", f"out/{number}")

    code, report = fleet.report("merge", "out")

    assert code == 2
    assert [each["target"] for each in report["targets"]] == ["mx0", "mx1", "mx2"]
    assert report["summary"]["differing"] == 3


def test_lost_shard_is_told_by_merge(fleet: Fleet) -> None:
    fleet.run("drift", "--results", "out", CI_NODE_INDEX="1", CI_NODE_TOTAL="2")

    code, report = fleet.report("merge", "out")

    assert code == 69
    assert sorted([*report["missing"], *(each["target"] for each in report["targets"])]) == ["mx0", "mx1", "mx2"]


def test_resumed_apply_leaves_out_what_is_done_and_still_true(fleet: Fleet) -> None:
    fleet.configure(passwords={"mx2": "wrong"})
    fleet.run("apply", "--yes", "--results", "out")
    writes = {name: server.state()["writes"] for name, server in fleet.servers.items()}
    fleet.configure()

    code, report = fleet.report("apply", "--yes", "--results", "out", "--resume")

    assert (code, report["summary"]["well"], fleet.routes()["mx2"]) == (0, 3, ["relay-a"])
    assert {name: server.state()["writes"] for name, server in fleet.servers.items() if name != "mx2"} == {
        name: count for name, count in writes.items() if name != "mx2"
    }


def test_routing_tests_of_every_target_are_run(fleet: Fleet) -> None:
    tests = "kind: RoutingTest\ncases:\n  - {name: leaves, given: {rcpt: a@b.example}, expect: {route: nowhere}}\n"
    write(fleet.directory / "m", tests=tests)

    code, report = fleet.report("test")

    assert (code, report["summary"]["failed"]) == (65, 3)


def test_import_names_deviations_and_its_layers_plan_empty_everywhere(fleet: Fleet) -> None:
    write(fleet.directory / "odd", routes=ROUTES.replace("a.example", "odd.example"))
    write(fleet.directory / "own", routes=ROUTES.replace("relay-a", "relay-own"))
    fleet.configure({"mx1": ["odd"], "mx2": ["m", "own"]})
    assert fleet.run("apply", "--yes").code == 0

    code, report = fleet.report("import", "--out", "layers")

    assert code == 0
    assert [(each["target"], each["address"], each["pointer"]) for each in report["deviations"]] == [
        ("mx1", "MtaRoute/relay-a", "address"),
        ("mx2", "MtaRoute/relay-own", ""),
    ]
    assert report["manifests"] == {
        "mx0": ["layers/base"],
        "mx1": ["layers/base", "layers/overlays/mx1"],
        "mx2": ["layers/base", "layers/overlays/mx2"],
    }
    fleet.configure(report["manifests"])
    assert fleet.run("drift").out == "3 targets: 3 in sync.\n"


def test_import_writes_nothing_where_other_layers_lie(fleet: Fleet) -> None:
    write(fleet.directory / "layers" / "base", old=ROUTES)

    ran = fleet.run("import", "--out", "layers")

    assert (ran.code, [path.name for path in (fleet.directory / "layers" / "base").iterdir()]) == (1, ["old.yaml"])
    assert "layers/base/old.yaml would be in the way; nothing was written" in ran.err


def test_one_server_under_two_names_is_told(fleet: Fleet) -> None:
    fleet.servers["twin"] = fleet.servers["mx0"]
    fleet.configure()

    for verb in ("plan", "drift"):
        _, report = fleet.report(verb)
        assert [each["message"] for each in report["diagnostics"]] == [
            "mx0, twin are one server: same account, same objects by id"
        ]


#: What six of forty servers have otherwise, and where that is told.
ODD = {
    "mx07": (ROUTES.replace("a.example", "odd.example"), "MtaRoute/relay-a", "address"),
    "mx11": ("kind: MtaRoute\nspec: {type: Relay, name: own, address: b.example}\n", "MtaRoute/own", ""),
    "mx13": ("kind: MtaMilter\nspec: {hostname: 127.0.0.1, port: 7357}\n", "MtaMilter/127.0.0.1:7357", ""),
    "mx22": ("kind: MtaOutboundStrategy\nspec: {route: {use: relay-a}}\n", "MtaOutboundStrategy", "route"),
    "mx31": (ROUTES.replace("a.example", "a.example, port: 2525"), "MtaRoute/relay-a", "port"),
    "mx38": (
        "kind: MtaOutboundThrottle\nspec: {description: slow, rate: {count: 1, period: 1m}, match: 'true'}\n",
        "MtaOutboundThrottle/slow",
        "",
    ),
}


def test_import_of_forty_servers_names_the_six_that_deviate(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = {f"mx{number:02}": stack.enter_context(serve()) for number in range(40)}
        fleet = Fleet(tmp_path, servers)
        layers = {name: ["m"] for name in servers}
        for name, (text, address, _) in ODD.items():
            write(tmp_path / name, odd=text)
            layers[name] = [name] if "relay-a" in address else ["m", name]
        fleet.configure(layers)
        assert fleet.run("apply", "--yes").code == 0

        code, report = fleet.report("import", "--out", "layers")
        fleet.configure(report["manifests"])
        config = json.loads((tmp_path / "reconciler.yaml").read_text())
        config["policy"] = {"prune": {"MtaRoute": "all"}, "maxDestroy": "100%"}
        (tmp_path / "reconciler.yaml").write_text(json.dumps(config))
        _, drift = fleet.report("drift")

    assert code == 0
    told = [(each["target"], each["address"], each["pointer"]) for each in report["deviations"]]
    assert told == [(name, address, pointer) for name, (_, address, pointer) in ODD.items()]
    assert report["manifests"] == {
        name: ["layers/base", *([f"layers/overlays/{name}"] if name in ODD else [])] for name in servers
    }
    assert (drift["exitCode"], drift["summary"]["well"], drift["groups"]) == (0, 40, [])
    assert not any("undeclared" in each["counts"] for each in drift["targets"])
