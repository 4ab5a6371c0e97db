"""Times drift over a fleet: how many targets a second one process compares, and how much memory that takes.

Law: the servers run in one process of their own and answer after a delay; the client is a fresh process each time, and
what counts beside targets a second is how that grows with the fleet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from reconciler.sandbox import Limits, Sandbox
from reconciler.sandbox.reply import Reply
from reconciler.sandbox.server import serve_many

RECONCILER = str(Path(sys.executable).parent / "reconciler")
ROUTES = "".join(
    f"kind: MtaRoute\nspec: {{type: Relay, name: relay-{n:02}, address: smtp{n}.example.net, port: 587}}\n---\n"
    for n in range(30)
)


class Many:
    """Many servers behind one address: the first step of a path says which."""

    def __init__(self, count: int, seconds: float) -> None:
        self.limits = Limits()
        self.url = ""
        self.seconds = seconds
        self.servers = [Sandbox() for _ in range(count)]

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes = b"", peer: str = "") -> Reply:
        """Answer for one of the servers, after the delay."""
        time.sleep(self.seconds)
        number, _, rest = path.removeprefix("/").partition("/")
        return self.servers[int(number)].handle(method, f"/{rest}", headers, body)

    def end_delays(self) -> None:
        """Close nothing: what is delayed here is soon answered."""

    def close(self) -> None:
        """Let go of the servers."""
        for server in self.servers:
            server.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, nargs="*", default=[100, 300, 1000])
    parser.add_argument("--latency", type=float, default=0.03, help="seconds")
    parser.add_argument("--parallel", type=int, default=20)
    parser.add_argument("--serve", type=int, default=0, help="serve so many targets, for the benchmark itself")
    given = parser.parse_args()
    if given.serve:
        with serve_many(Many(given.serve, given.latency)) as many:
            print(many.url, flush=True)
            sys.stdin.read()
        return
    print(f"{'targets':>8}{'apply s':>10}{'drift s':>10}{'targets/s':>11}{'cpu ms each':>13}{'peak MB':>9}")
    for count in given.targets:
        row(count, given.latency, given.parallel)


def row(count: int, latency: float, parallel: int) -> None:
    """Run one size and print its row."""
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(count), "--latency", str(latency)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    url = server.stdout.readline().decode().strip()
    with TemporaryDirectory() as name:
        place = Path(name)
        (place / "m").mkdir()
        (place / "m" / "routes.yaml").write_text(ROUTES.removesuffix("---\n"))
        target = {"user": "admin", "password": "secret", "manifests": ["m"]}
        targets = {f"mx{n}": {"url": f"{url}/{n}", **target} for n in range(count)}
        (place / "reconciler.yaml").write_text(json.dumps({"targets": targets}))
        applied = timed(place, "apply", "--yes", "--parallel", str(parallel))
        drifted = timed(place, "drift", "--parallel", str(parallel))
    server.stdin.close()
    server.wait()
    print(
        f"{count:8}{applied.seconds:10.1f}{drifted.seconds:10.1f}{count / drifted.seconds:11.1f}"
        f"{1000 * drifted.cpu / count:13.1f}{drifted.megabytes:9.0f}"
    )


class Timed(NamedTuple):
    """One run."""

    seconds: float
    cpu: float
    megabytes: float


def timed(place: Path, *command: str) -> Timed:
    """Run a command of the fleet in a process of its own."""
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(place), "RECONCILER_JOURNAL": "off"}
    with (place / "out").open("wb") as out:
        started = time.perf_counter()
        running = subprocess.Popen([RECONCILER, "fleet", *command], cwd=place, env=environment, stdout=out)
        _, status, usage = os.wait4(running.pid, 0)
        seconds = time.perf_counter() - started
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, (place / "out").read_text()[-2000:]
    return Timed(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
