"""The fleet of a matrix: the shell of each shard's job, and of the job that brings their results together."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.sandbox import Sandbox, serve
from tests.deploy.runner import fill, outer_environment

DEPLOY = Path(__file__).parent.parent.parent / "deploy" / "fleet"
BIN = str(Path(sys.executable).parent)
ROUTES = "kind: MtaRoute\nspec: {type: Relay, name: relay-eu, address: smtp.eu.example.net}\n"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, Sandbox]]:
    """Seven servers, and the working directory of a repository that names them."""
    with ExitStack() as stack:
        found = {f"mx{number}": stack.enter_context(serve(tokens={"mail-token": "admin"})) for number in range(7)}
        targets = {name: {"url": each.url, "token": "${env:STALWART_TOKEN}"} for name, each in found.items()}
        (tmp_path / "manifests").mkdir()
        (tmp_path / "manifests" / "routes.yaml").write_text(ROUTES)
        (tmp_path / "reconciler.yaml").write_text(json.dumps({"targets": targets}))
        yield found


def shell(script: str, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a step as a runner does; return its exit code."""
    own = {**outer_environment(), "PATH": f"{BIN}:{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(cwd), **env}
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=cwd,
        env=own,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ran.returncode


def relays(servers: Mapping[str, Sandbox]) -> list[int]:
    """Return how many relays of the manifests each server runs."""
    return [
        sum(each["name"] == "relay-eu" for each in server.state()["live"]["x:MtaRoute"]) for server in servers.values()
    ]


def steps(job: Mapping[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in job["steps"] if "name" in each}


@pytest.mark.parametrize("lost", ["", "1"])
def test_matrix_shares_the_fleet_and_the_last_job_misses_what_is_lost(
    servers: dict[str, Sandbox], tmp_path: Path, lost: str
) -> None:
    jobs = yaml.safe_load((DEPLOY / "github" / "fleet.yml").read_text(encoding="utf-8"))["jobs"]
    shards = jobs["shard"]["strategy"]["matrix"]["shard"]
    step = steps(jobs["shard"])["Run the shard"]
    codes = []
    for shard in map(str, shards):
        known = {"secrets.STALWART_TOKEN": "mail-token", "matrix.shard": shard, "github.event_name": "push"}
        env = {name: fill(str(value), known) for name, value in step["env"].items()}
        codes.append(shell(step["run"], tmp_path, env))
        # A shard that has no target leaves nothing.
        if shard != lost and (tmp_path / "fleet-results").exists():
            shutil.move(tmp_path / "fleet-results", tmp_path / "downloaded" / f"fleet-results-{shard}")
        shutil.rmtree(tmp_path / "fleet-results", ignore_errors=True)
    shutil.move(tmp_path / "downloaded", tmp_path / "fleet-results")
    summary = tmp_path / "summary.md"

    merged = shell(steps(jobs["merge"])["Merge"]["run"], tmp_path, {"GITHUB_STEP_SUMMARY": str(summary)})

    assert (codes, relays(servers)) == ([0] * len(shards), [1] * 7)
    assert merged == (69 if lost else 0)
    assert "7 targets" in summary.read_text()


def test_parallel_jobs_of_gitlab_share_the_fleet(servers: dict[str, Sandbox], tmp_path: Path) -> None:
    text = (DEPLOY / "gitlab" / "fleet.yml").read_text(encoding="utf-8")
    _, jobs = yaml.safe_load_all(text)
    codes = {}
    for verb in ("apply", "drift"):
        shutil.rmtree(tmp_path / "fleet-results", ignore_errors=True)
        for number in range(1, 5):
            env = {"CI_NODE_INDEX": str(number), "CI_NODE_TOTAL": "4", "STALWART_TOKEN": "mail-token"}
            codes[verb, number] = [shell(line, tmp_path, env) for line in jobs[f"fleet-{verb}"]["script"]]
        codes[verb, 0] = [shell(line, tmp_path, {}) for line in jobs["fleet-merge"]["script"]]

    assert set(map(tuple, codes.values())) == {(0,)}
    assert relays(servers) == [1] * 7
