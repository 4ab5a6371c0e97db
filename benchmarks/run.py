"""One table of what the commands cost: fresh processes against the embedded server, beside floors of the same run.

Law: what counts is the processor time of the client's process, and its ratio to a floor within one run: machines are
shared, and neither absolute times nor the clock say much. Rows are interleaved round by round. The server, and what
counts requests on the way to it, run in processes of their own. Byte code is kept from run to run, as pip leaves it;
what manifests come to is kept for the rows that say warm, whose first run is not measured.

Floors: for start-up, a bare interpreter that imports click and httpx; for data, PyYAML's event stream over the same
manifests and one JSON decode of the same live objects, each above a bare interpreter.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from wire import counts

PYTHON = sys.executable
RECONCILER = str(Path(PYTHON).parent / "reconciler")
WIRE = str(Path(__file__).parent / "wire.py")
#: Objects, and how many rounds they are measured: what takes longest is repeated least.
SIZES = {50: 1.0, 500: 1.0, 10_000: 0.6, 100_000: 0.2}
#: Sizes that are measured with a file for each object, and with a slow network, too.
THOROUGH = 10_000
LATENCY = 20
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
  authSecret: {{type: EnvironmentVariable, variableName: RELAY_PASSWORD}}
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
# What an apply takes is a row of its own.
FILL = """
import itertools, sys
from reconciler.desired import load as load_manifests
from reconciler.kinds import load
from reconciler.server import Call, Client, ConnectionOptions, Credentials, Request
SLOW = ConnectionOptions(timeout=900)
def fill(bodies):
    for start in range(0, len(bodies), 500):
        create = dict(zip(map(str, itertools.count()), bodies[start : start + 500]))
        yield (Request((Call("x:MtaRoute/set", {"create": create}),)),)
bodies = [each.wire for each in load_manifests(load(), [sys.argv[2]]).checked().resources]
with Client(sys.argv[1], Credentials(user="admin", password="secret"), may_write=True, connection=SLOW) as client:
    client.run(fill(bodies))
"""
# In a process of its own too: a parent's memory would count as its children's peak.
LISTING = """
import sys, msgspec
from reconciler.kinds import load
from reconciler.server import Client, Credentials, read_flow
with Client(sys.argv[1], Credentials(user="admin", password="secret")) as client:
    state = client.run(read_flow(load(), ["MtaRoute"], client.session().limits))
open(sys.argv[2], "wb").write(msgspec.json.encode([each.wire for each in state.of("MtaRoute")]))
"""


class Cost(NamedTuple):
    """What one process took: seconds of processor time and of the clock, and MB at its peak."""

    cpu: float
    wall: float
    memory: float


class Row(NamedTuple):
    """One line of the table: what runs, how it is counted, and what it is compared with."""

    command: Sequence[str]
    environment: dict[str, str]
    size: int = 0
    #: The port of the wire that counts its requests, or 0.
    wire: int = 0
    #: What is done before each run.
    before: Callable[[], None] | None = None
    codes: tuple[int, ...] = (0,)


def measure(row: Row) -> Cost:
    """Run one fresh process.

    Raises:
        SystemExit: it failed, so that its time means nothing.
    """
    if row.before is not None:
        row.before()
    started = time.perf_counter()
    with subprocess.Popen(
        row.command, env=row.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in row.codes:
        raise SystemExit(f"{' '.join(row.command)} ended with {process.returncode}: {output.decode()[-500:]}")
    return Cost(usage.ru_utime + usage.ru_stime, elapsed, usage.ru_maxrss / 1024)


@contextmanager
def _process(*command: str, environment: dict[str, str]) -> Iterator[str]:
    """Run a process beside, and give the first line that it prints."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
    finally:
        process.terminate()
        process.wait()


def prepare(directory: Path, size: int) -> tuple[Path, Path, Path]:
    """Write manifests of some routes: in one file, with 1 % changed, and in a file for each, unless they are many."""
    whole, other, each = (directory / f"{name}-{size}" for name in ("whole", "changed", "each"))
    for path in (whole, other, each):
        path.mkdir()
    # Written one by one: what this process ever held counts as the peak of those that it starts.
    with (
        (whole / "routes.yaml").open("w", encoding="utf-8") as stream,
        (other / "routes.yaml").open("w", encoding="utf-8") as changed,
    ):
        for n in range(size):
            text = DOCUMENT.format(n=n, port=25 + n % 400)
            stream.write(text)
            changed.write(DOCUMENT.format(n=n, port=26 + n % 400) if n % 100 == 7 else text)
            if size <= THOROUGH:
                (each / f"relay-{n:05}.yaml").write_text(text.removesuffix("---\n"), encoding="utf-8")
    return whole, other, each


def _rows(stack: ExitStack, directory: Path, usual: dict[str, str], size: int) -> dict[str, Row]:
    """Return the rows of one size, with a server that holds it."""
    whole, changed, each = prepare(directory, size)
    # What the routes name has to be there where the server reloads.
    named = {"RELAY_PASSWORD": "canary", "RECONCILER_JOURNAL": "off"}
    server = {**usual, **named, "STALWART_USER": "admin", "STALWART_PASSWORD": "secret"}

    def wired(url: str, latency: int = 0) -> tuple[int, dict[str, str]]:
        port = int(stack.enter_context(_process(PYTHON, WIRE, url.rpartition(":")[2], str(latency), environment=usual)))
        return port, {**server, "STALWART_URL": f"http://127.0.0.1:{port}"}

    url = stack.enter_context(_process(RECONCILER, "sandbox", environment=server))
    subprocess.run([PYTHON, "-c", FILL, url, str(whole)], check=True)
    live = directory / f"live-{size}.json"
    subprocess.run([PYTHON, "-c", LISTING, url, str(live)], check=True)
    port, near = wired(url)
    warm = {name: value for name, value in near.items() if name != "RECONCILER_NO_CACHE"}
    plan = [RECONCILER, "plan", "--detailed-exitcode"]
    rows = {
        "floor: events": Row([PYTHON, "-c", EVENTS, str(whole / "routes.yaml")], usual, size),
        "floor: decode": Row([PYTHON, "-c", DECODE, str(live)], usual, size),
        "validate": Row([RECONCILER, "validate", str(whole)], near, size),
        "validate, warm": Row([RECONCILER, "validate", str(whole)], warm, size),
        "fmt --check": Row([RECONCILER, "fmt", "--check", str(whole)], near, size, codes=(0, 2)),
        "plan": Row([*plan, str(whole)], near, size, port),
        "plan, warm": Row([*plan, str(whole)], warm, size, port),
        "plan, 1 % changed": Row([*plan, str(changed)], near, size, port, codes=(2,)),
        "drift": Row([RECONCILER, "drift", str(whole)], near, size, port),
        "import": Row([RECONCILER, "import", "--kind", "MtaRoute"], near, size, port),
    }
    if size <= THOROUGH:
        far, slow = wired(url, LATENCY)
        rows["validate, file each"] = Row([RECONCILER, "validate", str(each)], near, size)
        rows["plan, file each"] = Row([*plan, str(each)], near, size, port)
        rows["plan, file each, warm"] = Row([*plan, str(each)], warm, size, port)
        rows[f"plan, {LATENCY} ms"] = Row([*plan, str(whole)], slow, size, far)
    new = ExitStack()
    stack.push(new.__exit__)
    environment = dict(server)

    def anew() -> None:
        new.close()
        environment["STALWART_URL"] = new.enter_context(_process(RECONCILER, "sandbox", environment=server))

    apply = [RECONCILER, "apply", "--yes", "--quiet", "--timeout", "50m", str(whole)]
    rows["create all"] = Row(apply, environment, size, before=anew)
    for row in rows.values():
        if row.environment is warm:
            measure(row)
    return {f"{label} {size}": row for label, row in rows.items()}


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    given = arguments.parse_args()
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryDirectory() as name, ExitStack() as stack:
        usual |= {
            "PYTHONPYCACHEPREFIX": str(Path(name) / "bytecode"),
            "XDG_CACHE_HOME": name,
            "RECONCILER_NO_CACHE": "1",
        }
        rows = {
            "bare interpreter": Row([PYTHON, "-c", "pass"], usual),
            "floor: start-up": Row([PYTHON, "-c", "import click, httpx"], usual),
            "--help": Row([RECONCILER, "--help"], usual),
        }
        for size in given.sizes:
            rows |= _rows(stack, Path(name), usual, size)
        costs: dict[str, list[Cost]] = {label: [] for label in rows}
        wires: dict[str, dict[str, int]] = {}
        for turn in range(given.rounds):
            for label, row in rows.items():
                if row.size and turn >= max(1, round(given.rounds * SIZES.get(row.size, 1.0))):
                    continue
                if row.wire:
                    counts(row.wire)
                costs[label].append(measure(row))
                if row.wire:
                    wires[label] = counts(row.wire)
    report(rows, costs, wires)
    targets(given.sizes, costs)


def report(rows: dict[str, Row], costs: dict[str, list[Cost]], wires: dict[str, dict[str, int]]) -> None:
    """Print what each row took: the median, its spread, and what went over the wire."""
    middle = {label: statistics.median(each.cpu for each in found) for label, found in costs.items()}
    bare, start = middle["bare interpreter"], middle["floor: start-up"]
    print(f"{'':28}{'CPU s':>8}{'± %':>5}{'wall s':>8}{'MB':>6}{'start':>7}{'data':>7}{'requests':>10}{'kB':>8}")
    for label, found in costs.items():
        spread = 100 * (max(each.cpu for each in found) - min(each.cpu for each in found)) / 2 / middle[label]
        wall, memory = statistics.median(each.wall for each in found), max(each.memory for each in found)
        # Of few objects, the data is less than the start of an interpreter, and no measure.
        size = rows[label].size if rows[label].size >= THOROUGH else 0
        floor = sum(middle[f"floor: {each} {size}"] - bare for each in ("events", "decode")) if size else 0.0
        beside = f"{middle[label] / start:7.2f}" + (f"{middle[label] / floor:7.2f}" if floor else f"{'':7}")
        told = wires.get(label)
        wire = f"{told['requests']:10}{(told['sent'] + told['received']) / 1000:8.0f}" if told else ""
        print(f"{label:28}{middle[label]:8.3f}{spread:5.0f}{wall:8.2f}{memory:6.0f}{beside}{wire}")


def targets(sizes: Sequence[int], costs: dict[str, list[Cost]]) -> None:
    """Print which aims are met."""
    cpu = {label: statistics.median(each.cpu for each in found) for label, found in costs.items()}
    bare, start = cpu["bare interpreter"], cpu["floor: start-up"]
    data = {size: cpu[f"floor: events {size}"] + cpu[f"floor: decode {size}"] - 2 * bare for size in sizes}
    above = {size: (cpu[f"plan {size}"] - start) / size for size in sizes}
    aims = []
    for size, most in ((50, 1.6), (500, 1.9)):
        if size in sizes:
            aims.append((f"plan of {size}, beside start-up", cpu[f"plan {size}"] / start, most))
    if 10_000 in sizes:
        aims.append(("plan of 10,000 less 0.25 s, beside the data", (cpu["plan 10000"] - 0.25) / data[10_000], 1.5))
    if 50 in sizes and 10_000 in sizes:
        # What a run takes that finds next to nothing to do is its start-up.
        warm, cold = (cpu[f"{label} 10000"] - cpu["plan 50"] for label in ("plan, warm", "plan"))
        aims.append(("a warm plan of 10,000 beside a cold one", warm / cold, 0.34))
    if 100_000 in sizes:
        aims.append(("plan of 100,000, beside the data", cpu["plan 100000"] / data[100_000], 1.6))
        aims.append(("plan of 100,000, MB", max(each.memory for each in costs["plan 100000"]), 600))
    if 10_000 in sizes and 100_000 in sizes:
        aims.append(("an object of 100,000, beside one of 10,000", above[100_000] / above[10_000], 1.2))
    print()
    for label, found, most in aims:
        print(f"{label:48}{found:8.2f}   at most {most}: {'met' if found <= most else 'missed'}")


if __name__ == "__main__":
    main()
