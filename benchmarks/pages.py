"""Times pages of a server that holds 100,000 routes: the last ones beside the first.

Law: the sandbox runs in a process of its own; what counts is the ratio within one run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from reconciler.server.connection import ConnectionOptions
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials
from reconciler.server.jmap.protocol import Call, Flow, Request, Response

ROUTES = 100_000
PAGE = 500
ROUNDS = 7
SORT = [{"property": "id", "isAscending": True}]


def fill() -> Flow[None]:
    """Create the routes in full batches."""
    for start in range(0, ROUTES, PAGE):
        routes = {f"n{n}": {"@type": "Local", "name": f"route-{n:06}"} for n in range(start, start + PAGE)}
        yield (Request((Call("x:MtaRoute/set", {"create": routes}),)),)


def page(number: int) -> Flow[Response]:
    """Read one page: a query and a get of what it found."""
    query = {"sort": SORT, "calculateTotal": True, "position": PAGE * (number - 1), "limit": PAGE}
    found = yield (Request((Call("x:MtaRoute/query", query),)),)
    result = found[0].results[0]
    ids = result["ids"] if isinstance(result, dict) else []
    (objects,) = yield (Request((Call("x:MtaRoute/get", {"ids": ids}),)),)
    return objects


def main() -> None:
    """Print the best time of pages 1, 100 and 200, and their ratios."""
    command = [str(Path(sys.executable).parent / "reconciler"), "sandbox"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "STALWART_PASSWORD": "secret"})
    assert server.stdout is not None
    url = server.stdout.readline().decode().strip()
    try:
        credentials, slow = Credentials(user="admin", password="secret"), ConnectionOptions(timeout=600)
        with Client(url, credentials, may_write=True, connection=slow) as client:
            started = time.perf_counter()
            client.run(fill())
            print(f"{ROUTES} routes created in {time.perf_counter() - started:.1f} s")
            best: dict[int, float] = {}
            for _ in range(ROUNDS):
                for number in (1, 100, 200):
                    started = time.perf_counter()
                    client.run(page(number))
                    best[number] = min(best.get(number, 60.0), time.perf_counter() - started)
    finally:
        server.terminate()
        server.wait()
    for number, elapsed in best.items():
        print(f"page {number:3} of {PAGE}: {1000 * elapsed:5.1f} ms, {elapsed / best[1]:.2f} times page 1")


if __name__ == "__main__":
    main()
