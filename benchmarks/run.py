"""Times whole processes against the embedded server, beside the floor that no plan can go under.

Law: every run is a fresh process, the rows are interleaved round by round, and what counts is the ratio within one run:
these machines are shared, and absolute times say little. Byte code is kept from one run to the next, as pip leaves it.

The floor: PyYAML's event stream over the same manifests, plus one JSON decode of the same live objects.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

PYTHON = sys.executable
RECONCILER = str(Path(PYTHON).parent / "reconciler")
SIZES = (1000, 10_000)
DOCUMENT = """\
kind: MtaRoute
spec:
  type: Relay
  name: relay-{n:05}
  description: Relay number {n} of the benchmark
  address: smtp{n}.example.net
  port: {port}
  protocol: smtp
  implicitTls: false
  allowInvalidCerts: false
  authUsername: user{n}
  authSecret: {{type: EnvironmentVariable, variableName: RELAY_{n}}}
---
"""
EVENTS = """
import gc, sys, yaml
gc.disable()
parser = yaml.CSafeLoader(open(sys.argv[1], encoding="utf-8").read())
while parser.get_event() is not None:
    pass
"""
DECODE = """
import gc, sys, msgspec
gc.disable()
msgspec.json.decode(open(sys.argv[1], "rb").read())
"""


# In a process of its own too: a parent's memory would count as its children's peak.
LISTING = """
import sys, msgspec
from reconciler.kinds.catalogue import load
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials
from reconciler.server.live import read_flow
with Client(sys.argv[1], Credentials(user="admin", password="secret")) as client:
    state = client.run(read_flow(load(), ["MtaRoute"], client.session().limits))
open(sys.argv[2], "wb").write(msgspec.json.encode([each.wire for each in state.of("MtaRoute")]))
"""


def measure(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the wall seconds and the peak memory in MB of one fresh process.

    Raises:
        SystemExit: the process failed, so that its time means nothing.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {output.decode()[-500:]}")
    return elapsed, usage.ru_maxrss / 1024


def prepare(directory: Path, size: int) -> Path:
    """Write manifests of some routes and return their directory."""
    manifests = directory / f"manifests-{size}"
    manifests.mkdir()
    text = "".join(DOCUMENT.format(n=n, port=25 + n % 500) for n in range(size))
    (manifests / "routes.yaml").write_text(text, encoding="utf-8")
    return manifests


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    rounds = arguments.parse_args().rounds
    with TemporaryDirectory() as name:
        directory = Path(name)
        usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        usual["PYTHONPYCACHEPREFIX"] = str(directory / "bytecode")
        rows: dict[str, tuple[list[str], dict[str, str]]] = {
            "python -c pass": ([PYTHON, "-c", "pass"], usual),
            "--help": ([RECONCILER, "--help"], usual),
        }
        servers = []
        for size in SIZES:
            manifests = prepare(directory, size)
            # Each size has a server of its own, in a process of its own, so that its time is not ours.
            server = subprocess.Popen(
                [RECONCILER, "sandbox"],
                stdout=subprocess.PIPE,
                env={**usual, "STALWART_USER": "admin", "STALWART_PASSWORD": "secret"},
            )
            servers.append(server)
            assert server.stdout is not None
            url = server.stdout.readline().decode().strip()
            environment = {**usual, "STALWART_URL": url, "STALWART_USER": "admin", "STALWART_PASSWORD": "secret"}
            apply = [RECONCILER, "apply", "--yes", "--quiet", "--no-reload", str(manifests)]
            elapsed, memory = measure(apply, environment)
            print(f"apply of {size} new routes: {elapsed:.2f} s, {memory:.0f} MB")
            live = directory / f"live-{size}.json"
            subprocess.run([PYTHON, "-c", LISTING, url, str(live)], check=True)
            rows |= {
                f"floor: events of {size}": ([PYTHON, "-c", EVENTS, str(manifests / "routes.yaml")], environment),
                f"floor: decode of {size}": ([PYTHON, "-c", DECODE, str(live)], environment),
                f"validate of {size}": ([RECONCILER, "validate", str(manifests)], environment),
                f"no-op plan of {size}": ([RECONCILER, "plan", "--detailed-exitcode", str(manifests)], environment),
            }
        best: dict[str, tuple[float, float]] = {}
        for _ in range(rounds):
            for label, (command, environment) in rows.items():
                found = measure(command, environment)
                best[label] = min(best.get(label, found), found)
        for server in servers:
            server.terminate()
            server.wait()
    report(best)


def report(best: dict[str, tuple[float, float]]) -> None:
    """Print every row's best time and memory, and its ratio to the floor of its size."""
    bare = best["python -c pass"][0]
    print(f"\n{'':28}{'s':>8}{'MB':>8}   beside the floor")
    for label, (elapsed, memory) in best.items():
        size = label.rpartition(" ")[2]
        told = ""
        if size.isdigit() and not label.startswith("floor"):
            floor = best[f"floor: events of {size}"][0] + best[f"floor: decode of {size}"][0] - 2 * bare
            told = f"{elapsed / floor:.2f} times the floor of {floor:.3f} s"
            if "plan" in label:
                aim = 1.5 * floor + 0.3
                told += f"; aim {aim:.3f} s: {'met' if elapsed <= aim else 'missed'}"
        elif label == "--help":
            told = f"{1000 * (elapsed - bare):.0f} ms over the bare interpreter; aim 40 ms"
        print(f"{label:28}{elapsed:8.3f}{memory:8.0f}   {told}")


if __name__ == "__main__":
    main()
