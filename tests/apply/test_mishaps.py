"""Every mishap of the embedded server, at every request of an apply: what is written is written once."""

import pytest

from reconciler.apply import outcome_code
from reconciler.sandbox import Sandbox, parse_fault
from tests.applying import PRUNE, embedded, job, read_all

WANTED = """\
kind: MtaRoute
items:
  - {type: Relay, name: eu, address: new.example.net}
  - {type: Local, name: was-mx}
  - {type: Local, name: here}
  - {type: Local, name: there}
---
kind: MtaMilter
items:
  - {hostname: 127.0.0.1, port: 2}
  - {hostname: 127.0.0.1, port: 1}
  - {hostname: 127.0.0.1, port: 3}
---
kind: MtaVirtualQueue
spec: {name: bulk}
---
kind: MtaDeliverySchedule
spec: {name: slow, queueId: bulk}
---
kind: MtaOutboundStrategy
spec:
  schedule: {use: slow}
  route: {use: eu}
  tls: {use: default}
"""
BEFORE = """\
kind: MtaRoute
items:
  - {type: Relay, name: eu, address: old.example.net}
  - {type: Mx, name: was-mx}
  - {type: Local, name: gone-1}
  - {type: Local, name: gone-2}
---
kind: MtaMilter
items:
  - {hostname: 127.0.0.1, port: 1}
  - {hostname: 127.0.0.1, port: 2}
"""
#: What may stand between here and the server, and answer in its place, whether or not it did its work.
STATUSES = (201, 202, 203, 204, 205, 206, 301, 302, 307, 400, 404, 405, 408, 409, 410, 418, 500, 502, 503, 504)
MISHAPS = ["drop,after", "drop", "html,after", "html", "truncate"]
MISHAPS += [f"status={status}{when}" for status in STATUSES for when in ("", ",after")]
#: What is certain to have done nothing, and how a run ends at it before anything is written.
CERTAIN = {401: 77, 402: 77, 403: 77, 413: 1}
IN_CALLS = ["leave-out", "unavailable=0", "unavailable=1", "unavailable=2"]


def run(*faults: str) -> tuple[list[str], int, int]:
    """Change one state into another, with mishaps; return what is not applied, the objects written, and the code."""
    sandbox = Sandbox()
    with embedded(sandbox) as client:
        client.run(job(read_all(client), BEFORE, PRUNE).flow())
        work = job(read_all(client), WANTED, PRUNE)
        before = sandbox.registry.objects.writes
        sandbox.set_faults(*map(parse_fault, faults))
        outcome = client.run(work.flow(recheck=True))
        wrong = [f"{each.change.address} {each.result}" for each in outcome.results if each.result != "applied"]
        return wrong, sandbox.registry.objects.writes - before, outcome_code(outcome)


#: What that takes without a mishap: two milters change places, and one is new; two routes are new, two are changed
#: and two go; a queue and a schedule are new; the strategy is changed.
WRITES = 3 + 6 + 3
#: Requests that write: the probe, what is made, the schedule, the strategy, the reload, the routes that go, the reload.
REQUESTS = 7


def test_without_a_mishap_every_object_is_written_once() -> None:
    assert run() == ([], WRITES, 0)


@pytest.mark.parametrize("nth", range(1, REQUESTS + 1))
@pytest.mark.parametrize("mishap", MISHAPS)
def test_one_lost_answer_changes_nothing_about_what_is_written(mishap: str, nth: int) -> None:
    assert run(f"{mishap},method=*/set,nth={nth}") == ([], WRITES, 0)


@pytest.mark.parametrize("nth", range(1, REQUESTS + 2))
@pytest.mark.parametrize("mishap", IN_CALLS)
def test_one_call_that_is_cut_short_changes_nothing_about_what_is_written(mishap: str, nth: int) -> None:
    assert run(f"{mishap},method=x:Mta*/set,nth={nth}") == ([], WRITES, 0)


@pytest.mark.parametrize("mishap", ["drop,after", "status=500,after"])
def test_every_answer_to_a_write_may_be_lost(mishap: str) -> None:
    assert run(f"{mishap},method=x:Mta*/set") == ([], WRITES, 0)


@pytest.mark.parametrize("mishap", ["drop,after", "status=500,after"])
def test_nothing_is_written_where_no_reload_is_answered(mishap: str) -> None:
    """A reload is told by nothing but its answer, so that it alone remains unknown."""
    wrong, written, code = run(f"{mishap},method=*/set")

    assert {each.rpartition(" ")[2] for each in wrong} == {"skipped"}
    assert (written, code) == (0, 69)


@pytest.mark.parametrize("mishap", ["drop", "status=503"])
def test_a_server_that_takes_no_writes_is_told_so(mishap: str) -> None:
    wrong, written, code = run(f"{mishap},method=x:Mta*/set")

    assert {each.rpartition(" ")[2] for each in wrong} == {"failed", "skipped"}
    assert (written, code) == (0, 1)


@pytest.mark.parametrize("nth", range(1, REQUESTS + 1))
@pytest.mark.parametrize("status", CERTAIN)
def test_a_request_that_certainly_did_nothing_ends_the_run_and_is_told_as_that(status: int, nth: int) -> None:
    wrong, written, code = run(f"status={status},method=*/set,nth={nth}")

    # The reloads are the first, the fifth and the last.
    results = {each.rpartition(" ")[2] for each in wrong}
    assert results <= {"failed", "skipped"}
    assert (written < WRITES) is bool(wrong)
    assert code == (CERTAIN[status] if written == 0 else 5)
