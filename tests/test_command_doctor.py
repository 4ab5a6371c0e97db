"""`doctor` gives a verdict a line, and the exit code of the worst."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.report import formats
from reconciler.sandbox import serve
from tests.running import command, environment, write

MILTER = "kind: MtaMilter\nspec: {hostname: 127.0.0.1, port: 7357}\n"
RELAY = """\
kind: MtaRoute
spec:
  type: Relay
  name: relay
  address: a.example.net
  authSecret: {type: EnvironmentVariable, variableName: RELAY}
"""
READER = frozenset({"authenticate", "sysMtaMilterGet", "sysMtaMilterQuery"})


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret", users={"reader": ("secret", READER)}) as running:
        yield running


def lines(out: str, subject: str) -> list[str]:
    return [line for line in out.splitlines() if line[6:].startswith(f"{subject}: ")]


def test_all_is_well_for_an_administrator(sandbox: Any, tmp_path: Path) -> None:
    before = sandbox.state()["writes"]

    ran = command("doctor", str(write(tmp_path, m=MILTER)), env=environment(sandbox.url))

    assert (ran.code, ran.err) == (0, "")
    assert lines(ran.out, "credentials") == ["ok    credentials: logged in as admin"]
    assert lines(ran.out, "permissions") == [
        "ok    permissions: plan may do all that these manifests need",
        "ok    permissions: apply may do all that these manifests need",
    ]
    assert sandbox.state()["writes"] == before


def test_lacking_permissions_are_named(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, STALWART_USER="reader")

    ran = command("doctor", str(write(tmp_path, m=MILTER)), env=env)

    assert ran.code == 77
    told = lines(ran.out, "permissions")
    assert told[0] == "ok    permissions: plan may do all that these manifests need"
    assert told[1].startswith("FAIL  permissions: apply lacks actionReloadSettings, ")


def test_what_a_reload_has_to_resolve_is_listed(sandbox: Any, tmp_path: Path) -> None:
    manifests = str(write(tmp_path, m=MILTER, r=RELAY))
    command("apply", "--yes", "--no-reload", manifests, env=environment(sandbox.url))

    ran = command("doctor", manifests, env=environment(sandbox.url))

    assert lines(ran.out, "reload") == [
        "ok    reload: MtaMilter/127.0.0.1:7357 needs the host 127.0.0.1 to resolve",
        "ok    reload: MtaRoute/relay needs the variable RELAY of the server",
    ]


def test_the_worst_verdict_gives_the_exit_code(sandbox: Any, tmp_path: Path) -> None:
    manifests = str(write(tmp_path, m="kind: MtaRuote\nspec: {}\n"))

    codes = [
        command("doctor", manifests, env=environment(sandbox.url)).code,
        command("doctor", manifests, env=environment(sandbox.url, STALWART_PASSWORD="wrong")).code,
        command("doctor", manifests, "--timeout", "1s", env=environment("http://127.0.0.1:9")).code,
    ]

    assert codes == [65, 77, 69]


def test_the_report_for_programs_fits_its_schema(sandbox: Any, tmp_path: Path) -> None:
    ran = command("doctor", "--format", "json", str(write(tmp_path, m=MILTER)), env=environment(sandbox.url))

    assert list(Draft202012Validator(formats.SCHEMAS["diagnosis"]).iter_errors(json.loads(ran.out))) == []


def test_a_newcomer_without_manifests_is_told_about_the_server(sandbox: Any, tmp_path: Path) -> None:
    ran = command("doctor", env=environment(sandbox.url), cwd=tmp_path)

    assert ran.code == 0
    assert ran.out.startswith("ok    manifests: 0 files, 0 resources, no errors\n")
