"""Who is told of a run is told the truth, over real sockets, and cannot harm the run."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.settings import Monitors, Options, find_monitors, read_config
from reconciler.values.errors import ManifestError
from tests.receiving import receive
from tests.running import command, environment, process, write

ROUTE = "kind: MtaRoute\nspec: {type: Relay, name: relay, address: a.example.net}\n"
SECRET = "/0f5c2b1e-canary"


@pytest.fixture
def manifests(tmp_path: Path) -> str:
    return str(write(tmp_path / "manifests", routes=ROUTE))


def test_success_is_told_after_the_start(sandbox: Any, manifests: str) -> None:
    with receive() as monitor:
        ran = command("apply", "--yes", manifests, env=environment(sandbox.url, RECONCILER_PING=monitor.url + SECRET))

    assert (ran.code, ran.err) == (0, "")
    assert [(each.path, each.body) for each in monitor.requests] == [
        (f"{SECRET}/start", b"apply began\n"),
        (f"{SECRET}/0", b"apply ended with 0\n"),
    ]


def test_drift_is_a_line_in_the_log_and_a_sign_of_life(sandbox: Any, manifests: str) -> None:
    with receive() as monitor:
        ran = command("drift", manifests, env=environment(sandbox.url, RECONCILER_PING=monitor.url + SECRET))

    assert ran.code == 2
    assert monitor.paths == [f"{SECRET}/start", f"{SECRET}/log", f"{SECRET}/0"]


def test_drift_may_be_a_failure(sandbox: Any, manifests: str) -> None:
    with receive() as monitor:
        env = environment(sandbox.url, RECONCILER_PING=monitor.url, RECONCILER_PING_ON_DRIFT="fail")
        command("drift", manifests, env=env)

    assert monitor.paths == ["/start", "/2"]


def test_failure_is_told_by_its_exit_code(tmp_path: Path) -> None:
    manifests = write(tmp_path, wrong="kind: MtaRout\nspec: {}\n")
    with receive() as monitor:
        ran = command("drift", str(manifests), env=environment("http://127.0.0.1:9", RECONCILER_PING=monitor.url))

    assert ran.code == 65
    assert monitor.paths == ["/start", "/65"]


def test_the_query_of_an_address_stays_behind_its_path(sandbox: Any, manifests: str) -> None:
    with receive() as monitor:
        command("drift", manifests, env=environment(sandbox.url, RECONCILER_PING=f"{monitor.url}/x/?create=1"))

    assert monitor.paths[0] == "/x/start?create=1"


def test_commands_that_people_run_by_hand_tell_nobody(sandbox: Any, manifests: str) -> None:
    with receive() as monitor:
        env = environment(sandbox.url, RECONCILER_PING=monitor.url, RECONCILER_NOTIFY=monitor.url)
        command("validate", manifests, env=env)
        command("plan", manifests, env=env)

    assert monitor.requests == []


def test_a_report_is_posted_where_there_is_something_to_tell(sandbox: Any, manifests: str) -> None:
    with receive() as receiver:
        env = environment(sandbox.url, RECONCILER_NOTIFY=receiver.url + SECRET)
        drift = command("drift", "--format", "json", manifests, env=env)
        command("apply", "--yes", manifests, env=env)
        command("drift", manifests, env=env)

    assert [(each.path, each.type) for each in receiver.requests] == [(SECRET, "application/json")] * 2
    first, second = (each.json for each in receiver.requests)
    assert first == drift.json
    assert (second["format"], second["summary"]["applied"]) == ("reconciler/outcome/v1", 1)


def test_what_stopped_a_run_is_posted_too(tmp_path: Path) -> None:
    manifests = write(tmp_path, routes=ROUTE)
    with receive() as receiver:
        env = environment("", RECONCILER_NOTIFY=receiver.url)
        ran = command("drift", str(manifests), env=env)

    assert ran.code == 64
    (told,) = receiver.requests
    assert {name: told.json[name] for name in ("format", "exitCode", "message")} == {
        "format": "reconciler/error/v1",
        "exitCode": 64,
        "message": "no server is named",
    }


def test_telling_is_tried_again_and_not_for_ever(sandbox: Any, manifests: str) -> None:
    with receive(503, 200, 503) as receiver:
        again = command("drift", manifests, env=environment(sandbox.url, RECONCILER_NOTIFY=receiver.url))
        between = len(receiver.requests)
        receiver.statuses[:] = [500] * 9
        never = command("drift", manifests, env=environment(sandbox.url, RECONCILER_NOTIFY=receiver.url + SECRET))

    assert (again.code, between) == (2, 2)
    assert (never.code, len(receiver.requests)) == (2, 2 + 3)
    assert "warning: notify: 127.0.0.1 answers 500\n" in never.err


def test_who_says_no_is_not_asked_again(sandbox: Any, manifests: str) -> None:
    with receive(404) as receiver:
        ran = command("drift", manifests, env=environment(sandbox.url, RECONCILER_NOTIFY=receiver.url + SECRET))

    assert len(receiver.requests) == 1
    assert "warning: notify: 127.0.0.1 answers 404\n" in ran.err


@pytest.mark.parametrize(
    ("address", "because"),
    [
        (f"http://127.0.0.1:9{SECRET}", "127.0.0.1 cannot be reached"),
        (f"ftp://example.org{SECRET}", "its address is no http or https URL"),
        (f"canary{SECRET}", "its address is no http or https URL"),
    ],
)
def test_whoever_cannot_be_told_is_a_warning_without_the_address(
    sandbox: Any, manifests: str, address: str, because: str
) -> None:
    ran = command("apply", "--yes", manifests, env=environment(sandbox.url, RECONCILER_PING=address))

    assert ran.code == 0
    assert ran.err == f"warning: ping: {because}\n" * 2
    assert "canary" not in ran.out + ran.err


def test_no_address_is_in_a_log(sandbox: Any, manifests: str) -> None:
    with receive() as monitor:
        address = monitor.url + SECRET
        env = environment(sandbox.url, RECONCILER_PING=address, RECONCILER_NOTIFY=address)
        ran = process("drift", "-vv", "--log-format", "json", manifests, env=env)

    assert len(monitor.requests) == 4
    assert "canary" not in ran.out + ran.err


def test_a_target_names_its_own_monitor_and_the_environment_wins(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text(
        "ping: ${env:ALL}\n"
        "notify: https://hooks.example.org/x\n"
        "targets:\n"
        "  eu: {url: 'https://eu.example.org', ping: '${env:EU}', pingOnDrift: fail}\n"
        "  us: {url: 'https://us.example.org'}\n"
    )
    config = read_config(Options(config=str(path)))
    env = {"ALL": "https://hc.example.org/all", "EU": "https://hc.example.org/eu"}

    found = [find_monitors(config, Options(target=name), env) for name in ("eu", "us")]
    over = find_monitors(config, Options(target="eu"), {**env, "RECONCILER_PING": "https://hc.example.org/mine"})

    assert found == [
        Monitors("https://hc.example.org/eu", "https://hooks.example.org/x", "fail"),
        Monitors("https://hc.example.org/all", "https://hooks.example.org/x", "log"),
    ]
    assert over == Monitors("https://hc.example.org/mine", "https://hooks.example.org/x", "fail")
    assert repr(over) == "(sensitive)"


def test_an_address_that_is_a_reference_in_part_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text("ping: https://hc.example.org/${env:ID}\n")

    with pytest.raises(ManifestError) as raised:
        read_config(Options(config=str(path)))

    (told,) = raised.value.diagnostics
    assert (told.place, told.pointer) == (f"{path}:1:7", "ping")
    assert told.message == "only a value that is wholly ${env:NAME} or ${file:PATH} is replaced"


def test_a_monitor_whose_address_is_not_set_is_a_warning(sandbox: Any, tmp_path: Path, manifests: str) -> None:
    (tmp_path / "reconciler.yaml").write_text("ping: ${env:HC_URL}\n")

    ran = command("apply", "--yes", manifests, env=environment(sandbox.url), cwd=tmp_path)

    assert ran.code == 0
    assert ran.err == "warning: no monitor is told of this run: ${env:HC_URL} is not set (set HC_URL)\n"


def test_a_fleet_is_one_run_to_its_monitor(sandbox: Any, tmp_path: Path, manifests: str) -> None:
    targets = "".join(f"  {name}: {{url: '{sandbox.url}', manifests: [manifests]}}\n" for name in ("eu", "us"))
    with receive() as monitor:
        told = f"ping: '{monitor.url}/all'\nnotify: '{monitor.url}/hook'\n"
        (tmp_path / "reconciler.yaml").write_text(f"{told}targets:\n{targets}")
        ran = command("fleet", "drift", env=environment(sandbox.url), cwd=tmp_path)

    assert ran.code == 2
    assert monitor.paths == ["/all/start", "/all/log", "/all/0", "/hook"]
    assert monitor.requests[-1].json["format"] == "reconciler/fleet/v1"
