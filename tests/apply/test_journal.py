"""The journal: what is written before and after, what can be read, and what undoes a run."""

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from reconciler.apply.journal import (
    Cannot,
    Journal,
    RecordedResult,
    Run,
    Undo,
    Who,
    begin_record,
    file_name,
    inverse,
    read,
    whoami,
)
from reconciler.sandbox import serve
from reconciler.values.errors import ConfigError
from reconciler.values.model import Address, Change, FieldChange, LiveState, Outcome, Phase, Plan, Result, Sensitive
from tests.running import command, environment, write
from tests.states import CATALOGUE, live_of

WHO = Who("alice", "build-7", 4711)
ROUTE = CATALOGUE.kinds["MtaRoute"]
RELAY = {"@type": "Relay", "id": "a", "name": "relay", "address": "smtp.example.net", "port": 25}
MASKED = {**RELAY, "authUsername": "me", "authSecret": {"@type": "Value", "secret": "****"}}
LIVE = live_of(
    {
        "MtaRoute": [RELAY, {"@type": "Local", "id": "b", "name": "legacy", "description": "old"}],
        "MtaMilter": [{"id": n, "hostname": f"{n}.example"} for n in "xyz"],
    }
)
RELAY_WIRE, LEGACY_WIRE = [each.wire for each in LIVE.of("MtaRoute")]
NEW = Address("MtaRoute", "new")
UPDATE = Change(
    action="update",
    address=Address("MtaRoute", "relay"),
    id="a",
    patch={"port": 587, "description": "EU"},
    before=RELAY_WIRE,
    after={**RELAY_WIRE, "port": 587, "description": "EU"},
)
CREATE = Change(
    action="create",
    address=NEW,
    number=1,
    patch={"@type": "Local", "name": "new"},
    after={**LEGACY_WIRE, "name": "new"},
)
DESTROY = Change(action="destroy", address=Address("MtaRoute", "legacy"), number=2, id="b", before=LEGACY_WIRE)
PLAN = Plan(changes=(UPDATE, CREATE, DESTROY), phases=(Phase("make", (UPDATE, CREATE)), Phase("destroy", (DESTROY,))))
UNDO_UPDATE = Change(
    action="update",
    address=UPDATE.address,
    id="a",
    patch={"port": 25, "description": None},
    fields=(FieldChange("port", 587, 25), FieldChange("description", "EU", None)),
    before=UPDATE.after,
    after=RELAY_WIRE,
)
UNDO_CREATE = Change(action="destroy", address=NEW, id="n", before=CREATE.after, because="an earlier apply made it")
UNDO_DESTROY = Change(
    action="create",
    address=DESTROY.address,
    id="b",
    patch={"@type": "Local", "name": "legacy", "description": "old"},
    fields=(
        FieldChange("@type", UNSET, "Local"),
        FieldChange("name", UNSET, "legacy"),
        FieldChange("description", UNSET, "old"),
    ),
    after=LEGACY_WIRE,
)


def journal(path: Path) -> Journal:
    return Journal(path, lambda: "2026-11-21T12:00:01Z")


def begun(plan: Plan, live: LiveState = LIVE, run: str = "r1") -> Any:
    time, url = "2026-11-21T12:00:00Z", "https://mail.example.org"
    return begin_record(CATALOGUE, plan, live, run=run, time=time, who=WHO, target="prod", url=url, digest="d1")


def written(
    path: Path, plan: Plan, results: Sequence[Result], outcome: Outcome | None = None, run: str = "r1"
) -> tuple[Run, ...]:
    with journal(path) as open_:
        open_.begin(begun(plan, run=run))
        open_.results(results)
        if outcome is not None:
            open_.end(outcome, 0)
    return read(path)


def applied(*changes: Change, ids: Mapping[int, str] | None = None) -> list[Result]:
    return [
        Result(change=change, result="applied", id=(ids or {}).get(number, change.id))
        for number, change in enumerate(changes)
    ]


def test_a_finished_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    results = applied(*PLAN.changes, ids={1: "n"})
    outcome = Outcome(results=tuple(results), reload="applied", residue=())

    (run,) = written(tmp_path / "prod.jsonl", PLAN, results, outcome)

    undo: Any = [("update", UNDO_UPDATE.patch), ("destroy", {}), ("create", UNDO_DESTROY.patch)]
    lean = [UPDATE.before, CREATE.after]
    assert (run.changes[0].before, run.changes[1].after) == (lean[0], lean[1])
    assert run == Run(
        id="r1",
        time="2026-11-21T12:00:00Z",
        who=WHO,
        target="prod",
        url="https://mail.example.org",
        plan="d1",
        changes=run.changes,
        inverses=tuple(undo),
        results={
            0: RecordedResult(0, "applied", "a"),
            1: RecordedResult(1, "applied", "n"),
            2: RecordedResult(2, "applied", "b"),
        },
        code=0,
        reload="applied",
        ended="2026-11-21T12:00:01Z",
    )
    assert run.finished


def test_the_records_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "prod.jsonl"
    only = msgspec.structs.replace(CREATE, number=0)
    written(path, Plan(changes=(only,)), applied(only, ids={0: "n"}), Outcome(reload="failed", reload_because="why"))

    lines = [json.loads(line) for line in path.read_text().splitlines()]

    begin, result, end = lines
    assert {
        name: begin[name] for name in ("record", "version", "run", "time", "user", "host", "pid", "plan", "url")
    } == {
        "record": "begin",
        "version": 1,
        "run": "r1",
        "time": "2026-11-21T12:00:00Z",
        "user": "alice",
        "host": "build-7",
        "pid": 4711,
        "plan": "d1",
        "url": "https://mail.example.org",
    }
    assert [entry["inverse"] for entry in begin["changes"]] == [{"action": "destroy"}]
    assert result == {"record": "result", "run": "r1", "results": [{"index": 0, "result": "applied", "id": "n"}]}
    assert end == {
        "record": "end",
        "run": "r1",
        "time": "2026-11-21T12:00:01Z",
        "code": 0,
        "reload": "failed",
        "reload_because": "why",
    }


def test_the_inverse_of_a_run_is_its_changes_undone_last_first(tmp_path: Path) -> None:
    (run,) = written(tmp_path / "j", PLAN, applied(*PLAN.changes, ids={1: "n"}))

    undos, cannot = inverse(run)

    assert cannot == ()
    assert undos == (Undo(UNDO_DESTROY, True, "b"), Undo(UNDO_CREATE, True, ""), Undo(UNDO_UPDATE, True, "a"))


def test_what_failed_or_was_skipped_has_no_inverse(tmp_path: Path) -> None:
    results = [
        Result(change=UPDATE, result="failed", because="no"),
        Result(change=CREATE, result="skipped"),
        Result(change=DESTROY, result="applied", id="b"),
    ]

    (run,) = written(tmp_path / "j", PLAN, results)

    assert inverse(run) == ((Undo(UNDO_DESTROY, True, "b"),), ())


def test_what_a_killed_run_did_not_tell_is_unknown(tmp_path: Path) -> None:
    (run,) = written(tmp_path / "j", PLAN, [Result(change=CREATE, result="unknown")])

    undos, _ = inverse(run)

    assert not run.finished
    assert [(undo.change.action, undo.change.id, undo.known, undo.was) for undo in undos] == [
        ("create", "b", False, "b"),
        ("destroy", "", False, ""),
        ("update", "a", False, "a"),
    ]


def test_a_replace_is_undone_by_the_former_object(tmp_path: Path) -> None:
    local = {**LEGACY_WIRE, "name": "relay"}
    variant = Change(action="replace", address=UPDATE.address, id="a", patch={}, before=RELAY_WIRE, after=local)
    anew = Change(
        action="replace", address=UPDATE.address, id="a", before=RELAY_WIRE, after=local, recreate=True, because="order"
    )

    (first,) = written(tmp_path / "v", Plan(changes=(variant,)), applied(variant))
    (second,) = written(tmp_path / "r", Plan(changes=(anew,)), applied(anew, ids={0: "z"}))
    (failed,) = written(tmp_path / "f", Plan(changes=(anew,)), [Result(change=anew, result="failed")])

    sent = {"@type": "Relay", "name": "relay", "address": "smtp.example.net"}
    told = [
        (undo.change.action, undo.change.id, undo.change.patch, undo.change.recreate, undo.known)
        for run in (first, second, failed)
        for undo in inverse(run)[0]
    ]
    assert told == [
        ("replace", "a", sent, False, True),
        ("replace", "z", sent, True, True),
        ("replace", "", sent, True, False),
    ]


SECRET = live_of({"MtaRoute": [MASKED]}).of("MtaRoute")[0].wire
LOST = "the secret that was in authSecret is not known: the server never shows it"


@pytest.mark.parametrize(
    "change",
    [
        Change(
            action="update",
            address=UPDATE.address,
            id="a",
            patch={"port": 1, "authSecret": {"@type": "Value", "secret": Sensitive(reference="${env:A}")}},
            before=SECRET,
        ),
        Change(action="destroy", address=UPDATE.address, id="a", before=SECRET),
        Change(action="replace", address=UPDATE.address, id="a", before=SECRET, after=LEGACY_WIRE),
    ],
    ids=lambda change: change.action,
)
def test_what_would_need_a_masked_secret_cannot_be_undone(change: Change, tmp_path: Path) -> None:
    (run,) = written(tmp_path / "j", Plan(changes=(change,)), applied(change))

    assert inverse(run) == ((), (Cannot(UPDATE.address, LOST),))


def test_an_update_beside_a_masked_secret_can_be_undone(tmp_path: Path) -> None:
    change = Change(action="update", address=UPDATE.address, id="a", patch={"port": 1}, before=SECRET)
    (run,) = written(tmp_path / "j", Plan(changes=(change,)), applied(change))

    (undo,), cannot = inverse(run)

    assert (undo.change.patch, undo.change.before, cannot) == ({"port": 25}, {**SECRET, "port": 1}, ())


def test_an_update_that_the_server_cannot_take_back_is_undone_by_a_new_object(tmp_path: Path) -> None:
    quota = live_of({"MtaQueueQuota": [{"id": "q", "description": "all", "messages": 5}]}).of("MtaQueueQuota")[0].wire
    name = next(name for name, prop in CATALOGUE.kinds["MtaQueueQuota"].properties.items() if prop.one_way)
    patch = {name: {"match": {}, "else": "rcpt == 'a'"}}
    change = Change(action="update", address=Address("MtaQueueQuota", "all"), id="q", patch=patch, before=quota)
    (run,) = written(tmp_path / "j", Plan(changes=(change,)), applied(change))

    (undo,), _ = inverse(run)

    assert (undo.change.action, undo.change.recreate, undo.change.after) == ("replace", True, quota)
    assert name not in undo.change.patch


def test_no_secret_is_in_a_journal(tmp_path: Path) -> None:
    secrets = {"plain": Sensitive(plain="hunter2-canary"), "named": Sensitive(reference="${env:RELAY}")}
    change = Change(
        action="create", address=NEW, patch=secrets, after=secrets, fields=(FieldChange("x", UNSET, secrets),)
    )
    path = tmp_path / "j"

    (run,) = written(path, Plan(changes=(change,)), [Result(change=change, result="failed", because="(sensitive)")])

    assert "canary" not in path.read_text()
    assert run.changes[0].patch == {"plain": Sensitive(), "named": Sensitive(reference="${env:RELAY}")}


def test_the_former_order_of_kinds_that_have_one_is_kept(tmp_path: Path) -> None:
    milter = Change(action="destroy", address=Address("MtaMilter", "x.example:11332"), id="x", before={})

    (run,) = written(tmp_path / "j", Plan(changes=(milter, UPDATE)), [])

    assert run.order == {"MtaMilter": tuple((each.id, each.address) for each in LIVE.of("MtaMilter"))}


def test_a_journal_holds_runs_in_order(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for name in ("r1", "r2", "r3"):
        written(path, PLAN, applied(UPDATE), run=name)

    assert [(run.id, len(run.results)) for run in read(path)] == [("r1", 1), ("r2", 1), ("r3", 1)]


@pytest.mark.parametrize("lost", [1, 2, 10, 60])
def test_a_line_that_was_cut_off_at_the_end_is_passed_over(lost: int, tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, PLAN, applied(UPDATE))
    content = path.read_bytes()
    path.write_bytes(content[:-lost])

    (run,) = read(path)

    assert (len(run.changes), len(run.results)) == (3, 1 if lost == 1 else 0)


def test_a_new_run_begins_on_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, PLAN, applied(UPDATE))
    path.write_bytes(path.read_bytes()[:-9])

    runs = written(path, PLAN, applied(CREATE), run="r2")

    assert [(run.id, sorted(run.results)) for run in runs] == [("r1", []), ("r2", [1])]


def test_a_run_that_died_while_it_began_is_none(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"record":"begin","version":1,"ru')

    assert read(path) == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"record":"result","run":"r9","results":[]}', ":3: run r9 has no beginning"),
        (b'{"record":"result","run":"r1","results":[{"index":3,"result":"applied"}]}', ":3: run r1 has no change 3"),
        (b'{"record":"result","run":"r1","results":[{"index":-1,"result":"applied"}]}', ":3: run r1 has no change -1"),
        (b'{"record":"other","run":"r1"}', ":3 is no record of a journal: Invalid value 'other' - at `$.record`"),
        (b'{"record":"end","run":"r1","time":"","code":0,"reload":"","x":1}', ":3 is no record of a journal: Object"),
        (b'torn\n{"record":"result","run":"r1","results":[]}', ":3 is damaged"),
        (b"torn\ntorn", ":3 is damaged"),
    ],
)
def test_what_is_not_understood_is_refused(line: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, PLAN, applied(UPDATE))
    path.write_bytes(path.read_bytes() + line + b"\n")

    with pytest.raises(ConfigError) as raised:
        read(path)

    assert raised.value.message.startswith(f"{path}{message}")


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, PLAN, [])
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))

    with pytest.raises(ConfigError) as raised:
        read(path)

    assert str(raised.value) == f"{path}:1: written by another version of this program (2, here 1)"


def test_a_run_that_begins_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, PLAN, [])

    with pytest.raises(ConfigError, match="run r1 begins twice"):
        written(path, PLAN, [])


def test_a_journal_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path / "j")

    assert str(raised.value) == f"{tmp_path / 'j'} cannot be read: No such file or directory"


def test_file_and_directories_are_private(tmp_path: Path) -> None:
    path = tmp_path / ".reconciler" / "journal" / "prod.jsonl"
    written(path, PLAN, [])

    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]

    assert modes == [0o600, 0o700, 0o700]


def test_a_link_in_place_of_the_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "j").symlink_to(tmp_path / "precious")

    with pytest.raises(ConfigError) as raised, journal(tmp_path / "j") as open_:
        open_.begin(begun(PLAN))

    assert raised.value.message.startswith(f"the journal {tmp_path / 'j'} cannot be written: ")
    assert raised.value.hint == "choose another directory, or --journal off"
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_journal_that_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "j")

    with pytest.raises(ConfigError, match="it is no file"), journal(tmp_path / "j") as open_:
        open_.begin(begun(PLAN))


def test_a_line_that_cannot_be_written_does_not_end_the_apply(tmp_path: Path) -> None:
    with journal(tmp_path / "j") as open_:
        open_.begin(begun(PLAN))
    open_.tell(applied(UPDATE)[0])

    assert open_.broken == "Bad file descriptor"
    assert [run.results for run in read(tmp_path / "j")] == [{}]


def test_a_result_of_no_planned_change_is_not_written(tmp_path: Path) -> None:
    other = Change(action="destroy", address=NEW, number=3, id="n")

    (run,) = written(tmp_path / "j", PLAN, applied(other))

    assert run.results == {}


@pytest.mark.parametrize(
    ("target", "url", "name"),
    [
        ("prod", "https://a.example", "prod.jsonl"),
        ("", "https://mail.example.org/x", "mail.example.org.jsonl"),
        ("", "http://127.0.0.1:8080", "127.0.0.1_8080-b678fa77.jsonl"),
        ("../../etc", "https://a.example", "_._.._etc-74ccf3c5.jsonl"),
    ],
)
def test_every_target_has_a_file_of_its_own(target: str, url: str, name: str) -> None:
    assert file_name(target, url) == name


def test_two_strange_names_do_not_meet() -> None:
    assert file_name("a/b", "") != file_name("a:b", "")


def test_whoami_names_this_process() -> None:
    who = whoami()

    assert who.pid == os.getpid()
    assert who.user
    assert who.host


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with serve() as running:
        yield running


def test_secrets_that_a_server_shows_are_in_no_journal(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path), RECONCILER_JOURNAL=str(tmp_path / "journal"))
    hook = "kind: MtaHook\nspec: {url: 'https://u:canary@127.0.0.1/', timeout: %s, stages: [data]}\n"

    for timeout in ("30s", "31s"):
        ran = command("apply", "--yes", str(write(tmp_path / timeout, h=hook % timeout)), env=env)
        assert ran.code == 0, ran
    (journal,) = (tmp_path / "journal").iterdir()
    undone = command("rollback", "--yes", str(journal), env=env)

    assert "canary" not in journal.read_text()
    assert "canary" not in undone.out + undone.err
    assert "which no file keeps" in undone.out + undone.err
    assert [each["url"] for each in sandbox.state()["stored"]["x:MtaHook"]] == ["https://u:canary@127.0.0.1/"]
