"""The Indexed Job of a fleet on a real control plane: shards, a killed pod, and one that has bad credentials."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.fleet import Shard
from reconciler.sandbox import Sandbox, parse_fault, serve
from tests.kubernetes.cluster import BINARIES, Kubernetes, control_plane, wait_for
from tests.kubernetes.kubelet import Kubelet, kubelet

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]
FLEET = Path(__file__).parent.parent.parent / "deploy" / "fleet" / "kubernetes"
SHARDS, TARGETS = 12, 30
JOBS = "/apis/batch/v1/namespaces/default/jobs"
CLAIM = "reconciler-fleet-results-apply"


@pytest.fixture
def servers() -> Iterator[dict[str, Sandbox]]:
    with ExitStack() as stack:
        yield {
            f"mx{number:02}": stack.enter_context(serve(tokens={f"token-{number:02}": "admin"}))
            for number in range(TARGETS)
        }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    assert BINARIES.is_dir(), f"{BINARIES} holds no Kubernetes: run make test-kubernetes"
    return tmp_path


def overlay(place: Path, verb: str, servers: dict[str, Sandbox]) -> Path:
    """Write what a user writes: the base of deploy/, with targets of one's own."""
    shutil.copytree(FLEET, place / "fleet", dirs_exist_ok=True)
    targets = {
        name: {
            "url": server.url,
            "token": f"${{file:/run/secrets/reconciler/{name}}}",
            "manifests": ["/work/manifests"],
        }
        for name, server in servers.items()
    }
    (place / "fleet" / "base" / "reconciler.yaml").write_text(yaml.safe_dump({"targets": targets}))
    return place / "fleet" / verb


def prepare(kubernetes: Kubernetes, place: Path, servers: dict[str, Sandbox], wrong: str = "") -> None:
    """Make the Secret of the tokens, one of them wrong, and a volume for the results."""
    tokens = {name: f"token-{name.removeprefix('mx')}" for name in servers}
    if wrong:
        tokens[wrong] = "no-such-token"
    kubernetes.post(
        "/api/v1/namespaces/default/secrets",
        {"metadata": {"name": "reconciler-fleet-tokens"}, "stringData": tokens},
    )
    volume = {
        "metadata": {"name": "results"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "hostPath": {"path": str(place / "claims")},
        },
    }
    kubernetes.post("/api/v1/persistentvolumes", volume)


def finished(kubernetes: Kubernetes, name: str) -> Any:
    """Return the conditions of a job that has ended, or nothing yet."""
    status = kubernetes.get(f"{JOBS}/{name}").get("status", {})
    return {each["type"] for each in status.get("conditions", ()) if each["status"] == "True"} & {"Complete", "Failed"}


def share(servers: dict[str, Sandbox], number: int) -> list[str]:
    return [name for name in servers if Shard(number, SHARDS).holds(name)]


def test_shards_are_applied_a_killed_one_is_retried_and_a_wrong_one_fails_alone(
    place: Path, servers: dict[str, Sandbox]
) -> None:
    with control_plane(place) as kubernetes, kubelet(kubernetes, place) as node:
        wrong = next(number for number in range(1, SHARDS + 1) if share(servers, number))
        killed = next(number for number in range(SHARDS, 0, -1) if share(servers, number))
        lost = share(servers, wrong)[0]
        slow = share(servers, killed)[0]
        servers[slow].set_faults(parse_fault("delay=5s,method=*/set,nth=1"))
        prepare(kubernetes, place, servers, lost)

        kubernetes.kubectl("apply", "-k", str(overlay(place, "apply", servers)))
        wait_for("the slow pod", lambda: servers[slow].requests > 2, 120)
        assert node.kill(str(killed - 1))
        wait_for("the job", lambda: finished(kubernetes, "reconciler-fleet-apply"), 400)
        status = kubernetes.get(f"{JOBS}/reconciler-fleet-apply")["status"]
        report = merged(kubernetes, place, node)

    assert (status["succeeded"], status["failedIndexes"]) == (SHARDS - 1, str(wrong - 1))
    assert (node.ended[str(killed - 1)], node.ended[str(wrong - 1)]) == ([137, 0], [77])
    assert [codes for index, codes in node.ended.items() if index not in ("", str(killed - 1), str(wrong - 1))] == [
        [0]
    ] * (SHARDS - 2)
    assert report["summary"] == {
        "targets": TARGETS,
        "well": TARGETS - 1,
        "differing": 0,
        "failed": 1,
        "missing": 0,
        "skipped": 0,
    }
    assert [(each["target"], each["exitCode"]) for each in report["targets"] if each["exitCode"]] == [(lost, 77)]
    relays = {name: [each["name"] for each in server.state()["live"]["x:MtaRoute"]] for name, server in servers.items()}
    assert {name for name, names in relays.items() if "relay-eu" not in names} == {lost}
    assert all(names.count("relay-eu") <= 1 for names in relays.values())


def merged(kubernetes: Kubernetes, place: Path, node: Kubelet) -> Any:
    """Run the job that merges, which ends as the worst of the targets did; return its report."""
    job = place / "fleet" / "merge" / "job.yaml"
    job.write_text(job.read_text().replace("[fleet, merge, /results]", "[fleet, merge, /results, --format, json]"))
    kubernetes.kubectl("apply", "-k", str(place / "fleet" / "merge"))
    wait_for("the merge", lambda: finished(kubernetes, "reconciler-fleet-merge"), 60)
    assert node.ended[""] == [77]
    (log,) = (place / "pods").glob("reconciler-fleet-merge-*/log")
    return json.loads(log.read_text())
