"""Shards of a fleet that are killed at random: what is lost is run again, and nothing is applied in two ways."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.fleet import read_results
from reconciler.sandbox import Sandbox, serve
from tests.running import command, environment, write

pytestmark = pytest.mark.slow

TARGETS, SHARDS = 6, 3
ROUTES = "".join(f"kind: MtaRoute\nspec: {{type: Relay, name: r{n}, address: r{n}.example}}\n---\n" for n in range(40))


@pytest.fixture
def servers() -> Iterator[dict[str, Sandbox]]:
    with ExitStack() as stack:
        yield {f"mx{number}": stack.enter_context(serve()) for number in range(TARGETS)}


@pytest.mark.parametrize("seed", range(50))
def test_lost_shards_are_run_again_and_the_merge_is_complete(
    tmp_path: Path, servers: dict[str, Sandbox], seed: int
) -> None:
    moment = random.Random(seed)
    write(tmp_path / "m", routes=ROUTES.removesuffix("---\n"))
    targets = {
        name: {"url": server.url, "user": "admin", "password": "secret", "manifests": ["m"]}
        for name, server in servers.items()
    }
    (tmp_path / "reconciler.yaml").write_text(json.dumps({"targets": targets}))
    env = environment("", XDG_RUNTIME_DIR=str(tmp_path))
    shards = {number: start(tmp_path, env, number) for number in range(1, SHARDS + 1)}
    time.sleep(moment.uniform(0.2, 1.2))
    lost = moment.sample(sorted(shards), moment.randint(1, SHARDS))
    for number in lost:
        shards[number].send_signal(signal.SIGKILL)
    for shard in shards.values():
        shard.wait(timeout=120)

    for number in lost:
        assert start(tmp_path, env, number).wait(timeout=120) == 0
    merged = command("fleet", "merge", "out", "--format", "json", env=env, cwd=tmp_path)

    results = read_results(tmp_path / "out")
    assert (merged.code, merged.json["missing"], merged.json["diagnostics"]) == (0, [], [])
    assert sorted(results.results) == sorted(servers)
    assert results.diagnostics == ()
    assert {
        name: sorted(each["name"] for each in server.state()["live"]["x:MtaRoute"] if each["@type"] == "Relay")
        for name, server in servers.items()
    } == dict.fromkeys(servers, sorted(f"r{n}" for n in range(40)))


def start(place: Path, env: dict[str, str], number: int) -> subprocess.Popen[bytes]:
    """Start one shard's apply."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "reconciler", "fleet", "apply", "--yes", "--parallel", "2"),
            *("--shard", f"{number}/{SHARDS}", "--results", f"out/{number}"),
        ],
        cwd=place,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
