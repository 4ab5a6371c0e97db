"""`import` writes what `plan` then finds in sync, and never takes over a file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.jmap.client import Client, Credentials
from reconciler.jmap.protocol import Call, Flow, Request
from reconciler.sandbox import serve
from tests.running import command, environment

RELAY = {
    "@type": "Relay",
    "name": "relay-eu",
    "address": "smtp.example.net",
    "authUsername": "u",
    "authSecret": {"@type": "Value", "secret": "hunter2"},
}
OBJECTS: dict[str, list[dict[str, Any]]] = {
    "MtaRoute": [RELAY, {"@type": "Mx", "name": "all", "maxMxHosts": 9}],
    "MtaMilter": [
        {"hostname": "b.test", "stages": {"rcpt": True, "connect": True}},
        {"hostname": "a.test", "timeoutData": 90000},
        {"hostname": "b.test", "enable": {"match": {}, "else": "!is_tls"}},
    ],
    "MtaHook": [{"url": "https://h.test", "httpHeaders": {"x": "1"}}, {"url": "https://h.test"}],
    "MtaQueueQuota": [{"key": {"rcpt": True}}, {"key": {"rcpt": True, "sender": True}, "size": 1048576}],
}
SINGLE = {"route/match": {}, "route/else": "'relay-eu'"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    """A server with some of everything, made by another program."""
    with serve(user="admin", password="secret") as running:

        def flow() -> Flow[None]:
            calls = [
                Call(f"x:{kind}/set", {"create": {f"c{n}": each for n, each in enumerate(objects)}})
                for kind, objects in OBJECTS.items()
            ]
            calls.append(Call("x:MtaOutboundStrategy/set", {"update": {"singleton": SINGLE}}))
            (answer,) = yield (Request(tuple(calls)),)
            made = [len(result["created"]) for result in answer.results[:-1] if isinstance(result, dict)]
            assert made == [len(objects) for objects in OBJECTS.values()]

        with Client(running.url, Credentials(user="admin", password="secret"), may_write=True) as client:
            client.run(flow())
        yield running


@pytest.fixture
def env(sandbox: Any) -> dict[str, str]:
    return environment(sandbox.url)


def test_import_then_plan_is_in_sync_and_fmt_has_nothing_to_do(env: dict[str, str], tmp_path: Path) -> None:
    imported = command("import", "--out", "manifests", env=env, cwd=tmp_path)
    plan = command("plan", "--detailed-exitcode", "--prune", "--format", "json", env=env, cwd=tmp_path)
    layout = command("fmt", "--check", env=env, cwd=tmp_path)

    assert (imported.code, imported.out) == (0, "")
    assert imported.err == (
        "note: the server masks MtaRoute/relay-eu authSecret/secret: it became ${env:RELAY_EU_AUTH_SECRET}\n"
        "19 files in manifests, 19 of them new.\n"
    )
    assert plan.code == 0
    assert (plan.json["changes"], plan.json["undeclared"], plan.json["left"]) == ([], [], [])
    assert plan.json["unknown"] == [{"address": "MtaRoute/relay-eu", "pointer": "authSecret/secret"}]
    assert (layout.code, layout.out) == (0, "")


def test_a_file_a_kind_with_a_line_for_editors(env: dict[str, str], tmp_path: Path) -> None:
    command("import", "--kind", "MtaRoute", "--kind", "MtaMilter", "--out", "a/b", env=env, cwd=tmp_path)

    names = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert names == ["mta-milter.yaml", "mta-route.yaml"]
    assert (tmp_path / "a" / "b" / "mta-route.yaml").read_text().splitlines()[:4] == [
        "# yaml-language-server: $schema=../../schemas/manifest.schema.json",
        "kind: MtaRoute",
        "items:",
        "  - type: Mx",
    ]


def test_without_out_it_is_one_stream(env: dict[str, str], tmp_path: Path) -> None:
    first = command("import", "--kind", "MtaSts", "--kind", "MtaHook", env=env, cwd=tmp_path)
    second = command("import", "--kind", "MtaHook", "--kind", "MtaSts", env=env, cwd=tmp_path)

    assert (first.code, first.err) == (0, "")
    assert re.findall("^kind: .*|^---", first.out, re.MULTILINE) == [
        *("kind: MtaHook", "---", "kind: MtaHook", "---", "kind: MtaSts"),
    ]
    assert second.out == first.out


def test_a_file_that_says_something_else_stays(env: dict[str, str], tmp_path: Path) -> None:
    arguments = ("import", "--kind", "MtaRoute", "--kind", "MtaSts", "--out", "m")
    command(*arguments, env=env, cwd=tmp_path)
    again = command(*arguments, env=env, cwd=tmp_path)
    (tmp_path / "m" / "mta-route.yaml").write_text("mine")
    (tmp_path / "m" / "mta-sts.yaml").unlink()

    refused = command(*arguments, env=env, cwd=tmp_path)

    assert (again.code, again.err.splitlines()[-1]) == (0, "2 files in m, 0 of them new.")
    assert refused.code == 1
    assert refused.err.endswith(
        "error: m/mta-route.yaml says something else already, and nothing was written\n"
        "    import into an empty directory and compare, or take the old file away\n"
    )
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["mta-route.yaml"]
    assert (tmp_path / "m" / "mta-route.yaml").read_text() == "mine"


@pytest.mark.parametrize("arguments", [("--kind", "MtaRute"), ("--format", "json"), ("manifests",)])
def test_what_makes_no_sense_is_usage(env: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert command("import", *arguments, env=env, cwd=tmp_path).code == 64


def test_kinds_that_may_not_be_read_are_named_and_left_out(tmp_path: Path) -> None:
    may = ("authenticate", "sysMtaStsGet", "sysMtaDeliveryScheduleGet", "sysMtaDeliveryScheduleQuery")

    with serve(user="admin", password="secret", users={"some": ("secret", may)}) as running:
        env = environment(running.url, STALWART_USER="some")
        every = command("import", env=env, cwd=tmp_path)
        asked = command("import", "--kind", "MtaRoute", env=env, cwd=tmp_path)

    assert every.code == 0
    assert re.findall("^kind: (.*)", every.out, re.MULTILINE) == ["MtaDeliverySchedule", "MtaSts"]
    assert len(re.findall("^    queueId: id:[a-z0-9]+$", every.out, re.MULTILINE)) == 3
    assert "warning: MtaRoute is left out: the credentials may not read it\n" in every.err
    assert len(every.err.splitlines()) == 18
    assert (asked.code, asked.out) == (77, "")
