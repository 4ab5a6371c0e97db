"""`doctor` gives a verdict a line, and the exit code of the worst."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.report import SCHEMAS
from reconciler.sandbox import Sandbox, parse_fault, serve, serve_nodes
from reconciler.sandbox.server import serve_many
from tests.running import command, environment, write

MILTER = "kind: MtaMilter\nspec: {hostname: 127.0.0.1, port: 7357}\n"
FILTER = "kind: MtaMilter\nspec: {hostname: filter.test, port: 7357}\n"
RELAY = """\
kind: MtaRoute
spec:
  type: Relay
  name: relay
  address: a.example.net
  authSecret: {type: EnvironmentVariable, variableName: RELAY}
"""
READER = frozenset({"authenticate", "sysMtaMilterGet", "sysMtaMilterQuery"})


USERS = {"reader": ("secret", READER), "nobody": ("secret", frozenset({"authenticate"}))}


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret", users=USERS) as running:
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
    stored, wanted = write(tmp_path / "a", m=MILTER, r=RELAY), write(tmp_path / "b", m=FILTER, r=RELAY)
    command("apply", "--yes", "--no-reload", str(stored), env=environment(sandbox.url))

    ran = command("doctor", str(wanted), env=environment(sandbox.url))

    assert ran.code == 0
    assert lines(ran.out, "reload") == [
        "ok    reload: MtaMilter/filter.test:7357 needs the host filter.test to resolve, once it is applied",
        "ok    reload: MtaRoute/relay needs the variable RELAY of the server",
    ]


def test_of_many_things_to_resolve_some_are_named(sandbox: Any, tmp_path: Path) -> None:
    relays = "".join(f"---\n{RELAY}".replace("relay", f"relay-{n:02}") for n in range(20))

    ran = command("doctor", str(write(tmp_path, r=relays)), env=environment(sandbox.url))

    told = lines(ran.out, "reload")
    assert (len(told), told[-1]) == (13, "ok    reload: and 8 more")


def test_an_address_is_nothing_to_resolve(sandbox: Any, tmp_path: Path) -> None:
    manifests = write(tmp_path, a=MILTER, b=MILTER.replace("127.0.0.1", "'::1'"))

    ran = command("doctor", str(manifests), env=environment(sandbox.url))

    assert lines(ran.out, "reload") == ["ok    reload: nothing that is stored or declared has to be resolved"]


def test_what_may_not_be_read_for_the_reload_is_not_vouched_for(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, STALWART_USER="nobody")

    ran = command("doctor", str(write(tmp_path, r=RELAY)), env=env)

    told = lines(ran.out, "reload")
    assert told[0] == "ok    reload: MtaRoute/relay needs the variable RELAY of the server, once it is applied"
    assert told[1].startswith("warn  reload: cannot tell everything that is stored without sys")
    assert "sysMtaMilterGet, sysMtaMilterQuery" in told[1]
    assert len(told) == 2


def test_tls_is_vouched_for_only_after_it_was_used(sandbox: Any, tmp_path: Path) -> None:
    url = sandbox.url.replace("http:", "https:")

    ran = command("doctor", "--timeout=1s", str(write(tmp_path, m=MILTER)), env=environment(url))

    assert ran.code == 69
    assert lines(ran.out, "transport") == []
    assert lines(ran.out, "session")[0].startswith(f"FAIL  session: {url}/jmap/session: ")


def test_permissions_of_wrong_manifests_cannot_be_told(sandbox: Any, tmp_path: Path) -> None:
    ran = command("doctor", str(write(tmp_path, m="kind: MtaRuote\nspec: {}\n")), env=environment(sandbox.url))

    assert ran.code == 65
    assert lines(ran.out, "permissions") == ["warn  permissions: cannot tell what manifests with errors need"]


def test_the_embedded_sandbox_is_recognised(sandbox: Any, tmp_path: Path) -> None:
    ran = command("doctor", str(write(tmp_path, m=MILTER)), env=environment(sandbox.url))

    assert lines(ran.out, "schema") == [
        "ok    schema: the server is the embedded sandbox, which answers as 0.16.19",
    ]


def test_pages_beside_jmap_may_be_out_of_reach(tmp_path: Path) -> None:
    faults = [parse_fault(f"status=404,path=/api/{page}") for page in ("schema", "account")]
    with serve(user="admin", password="secret", faults=faults) as sandbox:
        ran = command("doctor", str(write(tmp_path, m=MILTER)), env=environment(sandbox.url))

    assert ran.code == 0
    assert [lines(ran.out, subject) for subject in ("schema", "permissions")] == [
        [f"warn  {subject}: cannot tell: {sandbox.url}/api/{page} answers 404"]
        for subject, page in (("schema", "schema"), ("permissions", "account"))
    ]


def test_an_account_that_lists_nothing_is_not_taken_for_one_that_may_nothing(sandbox: Any, tmp_path: Path) -> None:
    # Below this path everything is answered with the session.
    env = environment(f"{sandbox.url}/jmap/session")

    ran = command("doctor", str(write(tmp_path, m=MILTER)), env=env)

    assert lines(ran.out, "permissions") == [
        "warn  permissions: cannot tell: the server does not list what the account may do"
    ]
    assert lines(ran.out, "schema") == ["warn  schema: cannot tell: the server does not say which schema it has"]


def test_the_worst_verdict_gives_the_exit_code(sandbox: Any, tmp_path: Path) -> None:
    manifests = str(write(tmp_path, m="kind: MtaRuote\nspec: {}\n"))

    codes = [
        command("doctor", manifests, env=environment(sandbox.url)).code,
        command("doctor", manifests, env=environment(sandbox.url, STALWART_PASSWORD="wrong")).code,
        command("doctor", manifests, "--timeout", "1s", env=environment("http://127.0.0.1:9")).code,
    ]

    assert codes == [65, 77, 69]


def test_the_report_for_programs_fits_its_schema(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, STALWART_USER="reader")

    ran = command("doctor", "--format", "json", str(write(tmp_path, m=MILTER)), env=env)

    assert list(Draft202012Validator(SCHEMAS["diagnosis"]).iter_errors(json.loads(ran.out))) == []
    assert ran.json["target"] == {"name": "", "url": sandbox.url, "user": "reader"}
    words = {(each["subject"], each["fine"], each["verdict"]) for each in ran.json["verdicts"]}
    assert words == {
        *((subject, True, "ok") for subject in ("manifests", "transport", "credentials", "limits", "schema")),
        ("permissions", True, "ok"),
        ("permissions", False, "fail"),
        ("reload", False, "warn"),
    }


def test_a_newcomer_without_manifests_is_told_about_the_server(sandbox: Any, tmp_path: Path) -> None:
    ran = command("doctor", env=environment(sandbox.url), cwd=tmp_path)

    assert ran.code == 0
    assert ran.out.startswith(f"{sandbox.url}, as admin\nok    manifests: 0 files, 0 resources, no errors\n")


def clustered(tmp_path: Path, *urls: str) -> tuple[str, str]:
    config = tmp_path / "reconciler.yaml"
    config.write_text(f"targets: {{all: {{url: '{urls[0]}', nodes: [{', '.join(urls)}]}}}}\n", encoding="utf-8")
    return "--config", str(config)


def test_nodes_of_a_cluster_are_asked_one_by_one(tmp_path: Path) -> None:
    with serve_nodes(2) as (one, two):
        env = environment(one.url)
        del env["STALWART_URL"]
        options = clustered(tmp_path, one.url, two.url)

        ran = command("doctor", *options, str(write(tmp_path / "m", m=MILTER)), env=env)

    assert ran.code == 0, ran
    assert lines(ran.out, "cluster") == [
        f"ok    cluster: {one.url} answers, as a process of its own",
        f"ok    cluster: {two.url} answers, as a process of its own",
        "warn  cluster: the coordinator is disabled: no node hears of what another is told",
        "ok    cluster: host names, variables and files are resolved by each node by itself",
    ]


def test_addresses_that_lead_to_one_process_are_wrong(tmp_path: Path) -> None:
    with serve_nodes(2) as (one, _):
        env = environment(one.url)
        del env["STALWART_URL"]
        options = clustered(tmp_path, one.url, one.url.replace("127.0.0.1", "localhost"))

        ran = command("doctor", *options, str(write(tmp_path / "m", m=MILTER)), env=env)

    assert ran.code == 64, ran
    told = "lead to one process, so that another node is not asked"
    assert f"FAIL  cluster: {one.url.replace('127.0.0.1', 'localhost')} and {one.url} {told}" in ran.out


def test_nodes_of_one_host_name_are_told(tmp_path: Path) -> None:
    first = Sandbox()
    with serve_many(first) as one, serve_many(Sandbox(node="node-0", beside=first)) as two:
        env = environment(one.url)
        del env["STALWART_URL"]
        options = clustered(tmp_path, one.url, two.url)

        ran = command("doctor", *options, str(write(tmp_path / "m", m=MILTER)), env=env)

    assert "warn  cluster: 2 nodes and 1 active host name\n" in ran.out
