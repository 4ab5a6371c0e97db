"""`import` writes what `plan` then finds in sync, and never takes over a file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import serve
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials
from reconciler.server.jmap.protocol import Call, Flow, Request
from tests.running import Ran, command, environment, process, write

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
        "note: editors look for schemas/manifest.schema.json, which is not there: reconciler schema writes it\n"
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
    assert (
        "warning: MtaRoute is left out: the credentials may not read it (they need sysMtaRouteGet, sysMtaRouteQuery)\n"
    ) in every.err
    assert len(every.err.splitlines()) == 18
    assert (asked.code, asked.out) == (77, "")


def sent(url: str, *calls: Call) -> list[dict[str, Any]]:
    """Send calls as another program would, and return the results."""

    def flow() -> Flow[list[dict[str, Any]]]:
        (answer,) = yield (Request(calls),)
        return [result for result in answer.results if isinstance(result, dict)]

    with Client(url, Credentials(user="admin", password="secret"), may_write=True) as client:
        return client.run(flow())


def created(url: str, kind: str, *objects: dict[str, Any]) -> list[str]:
    """Create objects and return their ids."""
    (result,) = sent(url, Call(f"x:{kind}/set", {"create": {f"c{n}": each for n, each in enumerate(objects)}}))
    return [result["created"][f"c{n}"]["id"] for n in range(len(objects))]


@pytest.fixture
def fresh() -> Iterator[Any]:
    """A server of its own for one test."""
    with serve(user="admin", password="secret") as running:
        yield running


def test_an_object_with_values_that_no_manifest_says_survives_pruning(fresh: Any, tmp_path: Path) -> None:
    env = environment(fresh.url)
    odd = {"hostname": "192.0.2.9", "flagsAction": 2**64 - 1, "timeoutData": 2**63}
    created(fresh.url, "MtaMilter", odd, {"hostname": "192.0.2.8"})

    imported = command("import", "--out", "m", env=env, cwd=tmp_path)
    plan = command("plan", "m", "--prune", "--detailed-exitcode", env=env, cwd=tmp_path)
    layout = command("fmt", "--check", "m", env=env, cwd=tmp_path)

    assert imported.code == 0
    assert "warning: MtaMilter/192.0.2.9:11332 flagsAction is left alone: " in imported.err
    assert "left out" not in imported.err
    assert plan.code == 0
    assert (layout.code, layout.out) == (0, "")


def test_a_file_of_which_the_server_holds_nothing_any_more_is_not_passed_over(fresh: Any, tmp_path: Path) -> None:
    env = environment(fresh.url)
    (id_,) = created(fresh.url, "MtaMilter", {"hostname": "192.0.2.9"})
    command("import", "--out", "m", env=env, cwd=tmp_path)
    sent(fresh.url, Call("x:MtaMilter/set", {"destroy": [id_]}))

    again = command("import", "--out", "m", env=env, cwd=tmp_path)

    assert again.code == 1
    assert "error: m/mta-milter.yaml says something else already, and nothing was written\n" in again.err


def test_other_manifests_of_the_directory_that_declare_the_same_kinds_are_told(fresh: Any, tmp_path: Path) -> None:
    write(tmp_path / "m", mine="kind: MtaRoute\nspec: {type: Local, name: local}\n", rest="kind: MtaHook\n")

    ran = command("import", "--kind", "MtaRoute", "--out", "m", env=environment(fresh.url), cwd=tmp_path)

    assert ran.code == 0
    assert ran.err.splitlines()[0] == (
        "warning: m/mine.yaml declares MtaRoute too: take out what is declared twice, which plan refuses"
    )
    assert "rest.yaml" not in ran.err


def test_only_what_the_manifests_own_is_imported(fresh: Any, tmp_path: Path) -> None:
    env = environment(fresh.url)
    created(fresh.url, "MtaRoute", {**RELAY, "name": "acme-a"}, {**RELAY, "name": "other"})
    policy = "policy: {owns: {MtaRoute: [acme-*]}, secrets: {env: [RELAY_*]}}\n"
    write(tmp_path, reconciler=policy)

    imported = command("import", "--kind", "MtaRoute", "--out", "m", env=env, cwd=tmp_path)
    plan = command("plan", "m", "--detailed-exitcode", env=env, cwd=tmp_path)

    assert imported.err.splitlines()[:3] == [
        "note: policy.owns holds only acme-* of MtaRoute: 3 others are left out",
        "note: the server masks MtaRoute/acme-a authSecret/secret: it became ${env:ACME_A_AUTH_SECRET}",
        "note: policy.secrets.env does not let ACME_A_AUTH_SECRET be read: add it there",
    ]
    assert plan.code == 0


def test_files_of_what_is_not_imported_are_left_alone(fresh: Any, tmp_path: Path) -> None:
    env = environment(fresh.url)
    created(fresh.url, "MtaMilter", {"hostname": "192.0.2.9"})
    command("import", "--out", "m", env=env, cwd=tmp_path)
    before = {path.name: path.read_text() for path in (tmp_path / "m").iterdir()}
    write(tmp_path, reconciler="policy: {owns: {MtaMilter: []}}\n")

    some = command("import", "--only", "MtaTlsStrategy/default", "--out", "m", env=env, cwd=tmp_path)
    whole = command("import", "--out", "m", env=env, cwd=tmp_path)

    assert some.err == (
        "error: m/mta-tls-strategy.yaml says something else already, and nothing was written\n"
        "    import into an empty directory and compare, or take the old file away\n"
    )
    assert (whole.code, whole.err.splitlines()[0]) == (0, "note: policy.owns holds no MtaMilter: 1 is left out")
    assert {path.name: path.read_text() for path in (tmp_path / "m").iterdir()} == before


def test_credentials_that_may_read_nothing_are_refused(tmp_path: Path) -> None:
    with serve(user="admin", password="secret", users={"some": ("secret", ("authenticate",))}) as running:
        ran = command("import", "--out", "m", env=environment(running.url, STALWART_USER="some"), cwd=tmp_path)

    assert ran.code == 77
    assert ran.err.endswith(
        "error: the credentials may read nothing of what import writes\n    they need the permissions above\n"
    )
    assert not (tmp_path / "m").exists()


def test_a_kind_that_is_read_for_names_only_is_not_said_to_be_left_out(tmp_path: Path) -> None:
    may = ("authenticate", "sysMtaDeliveryScheduleGet", "sysMtaDeliveryScheduleQuery")

    with serve(user="admin", password="secret", users={"some": ("secret", may)}) as running:
        env = environment(running.url, STALWART_USER="some")
        ran = command("import", "--kind", "MtaDeliverySchedule", env=env, cwd=tmp_path)

    assert ran.code == 0
    assert ran.err == (
        "warning: references to MtaVirtualQueue are written by id: the credentials may not read it "
        "(they need sysMtaVirtualQueueGet, sysMtaVirtualQueueQuery)\n"
    )
    assert ran.out.count("# By id, which is this server's own: the credentials may not read MtaVirtualQueue.\n") == 3


def test_a_kind_of_which_there_is_nothing_is_told_to_who_asked(fresh: Any, tmp_path: Path) -> None:
    ran = command("import", "--kind", "MtaMilter", "--out", "m", env=environment(fresh.url), cwd=tmp_path)

    assert (ran.code, ran.err.splitlines()[0]) == (0, "note: the server holds no MtaMilter")


def test_a_credential_among_the_headers_is_told(fresh: Any, tmp_path: Path) -> None:
    env = environment(fresh.url)
    created(fresh.url, "MtaHook", {"url": "https://h.test", "httpHeaders": {"Authorization": "Bearer x", "X-A": "1"}})

    ran = command("import", "--kind", "MtaHook", env=env, cwd=tmp_path)
    write(tmp_path, reconciler="policy: {lint: {plain-text-secret: ignore}}\n")
    ignored = command("import", "--kind", "MtaHook", env=env, cwd=tmp_path)

    said = "the server stores and shows the header Authorization as plain text: put credentials into httpAuth"
    assert ran.err == f"warning: MtaHook/https://h.test httpHeaders/Authorization: {said}\n"
    assert f"  # T{said[1:]}.\n  httpHeaders: {{" in ran.out
    assert (ignored.err, "#" in ignored.out.partition("\n")[2]) == ("", False)


def test_import_can_be_narrowed_to_some_objects(env: dict[str, str], tmp_path: Path) -> None:
    some = command("import", "--only", "MtaRoute/relay-*", env=env, cwd=tmp_path)
    none = command("import", "--only", "MtaRoute/nothing", env=env, cwd=tmp_path)

    assert re.findall("^kind: .*|^  name: .*", some.out, re.MULTILINE) == ["kind: MtaRoute", "  name: relay-eu"]
    assert (none.code, none.err) == (0, "note: the server holds nothing that --only MtaRoute/nothing matches\n")


def test_why_nothing_is_imported_is_told(env: dict[str, str], tmp_path: Path) -> None:
    apart = command("import", "--kind", "MtaSts", "--only", "MtaRoute/*", env=env, cwd=tmp_path)
    write(tmp_path, reconciler="policy: {owns: {MtaRoute: [relay-*]}}\n")
    others = command("import", "--only", "MtaRoute/all", env=env, cwd=tmp_path)

    assert apart.err == "note: --only MtaRoute/* matches nothing of the kinds that --kind leaves: MtaSts\n"
    assert others.err == "note: policy.owns holds only relay-* of MtaRoute: 1 other is left out\n"


def test_many_notes_of_one_sort_are_counted(fresh: Any, tmp_path: Path) -> None:
    created(fresh.url, "MtaRoute", *({**RELAY, "name": f"r{n:02}"} for n in range(15)))

    ran = command("import", "--kind", "MtaRoute", env=environment(fresh.url), cwd=tmp_path)

    assert len(ran.err.splitlines()) == 13
    assert ran.err.endswith("note: and 3 more like that, which the manifests tell of in comments\n")


def test_where_files_cannot_be_the_message_names_what_is_there(env: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, afile="")
    (tmp_path / "g" / "mta-sts.yaml").mkdir(parents=True)

    file = command("import", "--out", "afile.yaml", env=env, cwd=tmp_path)
    below = command("import", "--kind", "MtaSts", "--out", "g", env=env, cwd=tmp_path)

    assert (file.code, file.err) == (
        1,
        "error: afile.yaml is no directory\n    name one with --out, or leave --out away\n",
    )
    assert (below.code, below.err) == (
        64,
        "error: g/mta-sts.yaml is a directory, and is not written over\n    name a plain file; - is standard output\n",
    )


def test_a_format_that_the_environment_chooses_is_for_reports(env: dict[str, str], tmp_path: Path) -> None:
    ran = command("import", "--kind", "MtaSts", env={**env, "RECONCILER_FORMAT": "json"}, cwd=tmp_path)

    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_standard_output_is_utf_8_whatever_the_environment_says(fresh: Any, tmp_path: Path, encoding: str) -> None:
    created(fresh.url, "MtaRoute", {"@type": "Local", "name": "\u8def\u7531-\u00fc"})
    env = environment(fresh.url, PYTHONIOENCODING=encoding)

    ran: Ran = process("import", "--kind", "MtaRoute", env=env, cwd=tmp_path)

    assert (ran.code, "name: \u8def\u7531-\u00fc\n" in ran.out) == (0, True)
