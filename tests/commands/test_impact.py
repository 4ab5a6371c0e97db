"""`plan --impact`, `--envelopes` and the bounds of policy, over a real socket."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Limits, Sandbox, serve
from tests.running import Ran, command, environment, write

MANIFEST = """\
kind: MtaRoute
spec: {type: Relay, name: relay-b, address: relay-b.example.net}
---
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
      - {if: "rcpt_domain == 'partner.example'", use: relay-b}
    use: mx
"""
QUEUE = [
    {"returnPath": "s@example.org", "recipients": ["anna@partner.example", "bert@partner.example", "c@other.example"]},
    {"returnPath": "<>", "recipients": ["dora@other.example"]},
]
#: The first schedule, with a time that is over for what came in three days ago.
SHORTER = """\
kind: MtaDeliverySchedule
spec: {name: remote, queueId: remote, description: Remote delivery schedule, expiry: {type: Ttl, expire: 1d}}
"""


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with serve(queue=QUEUE) as sandbox:
        yield sandbox


def plan(server: Sandbox, where: Path, *options: str, **files: str) -> Ran:
    paths = write(where / "m", **(files or {"m": MANIFEST}))
    return command("plan", str(paths), *options, env=environment(server.url), cwd=where)


def test_waiting_mail_is_counted_by_domain_and_way(server: Sandbox, tmp_path: Path) -> None:
    ran = plan(server, tmp_path, "--impact")

    assert ran.code == 0
    assert (
        "2 of 4 waiting move, each at its next attempt\n"
        "       2  partner.example: mx -> its MX hosts, port 25 => relay-b -> relay-b.example.net:25\n"
    ) in ran.out


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_each_flow_says_how_much_of_it_waits(server: Sandbox, tmp_path: Path, form: str) -> None:
    ran = plan(server, tmp_path, "--impact", f"--format={form}")

    assert ran.code == 0
    assert "Waiting: 2 of 4, each at its next attempt." in ran.out
    assert (
        "2 of 4 waiting move, each at its next attempt\n"
        "       2  partner.example: mx -> its MX hosts, port 25 => relay-b -> relay-b.example.net:25"
    ) in unescape(ran.out)


def test_what_waits_is_no_part_of_what_is_approved(server: Sandbox, tmp_path: Path) -> None:
    plain, counted = (plan(server, tmp_path, "--format=json", *more).json for more in ([], ["--impact"]))

    assert plain["digest"] == counted["digest"]
    assert [flow.get("waiting") for flow in plain["movement"]["flows"]] == [None]
    assert [(flow["waiting"], flow["of"]) for flow in counted["movement"]["flows"]] == [(2, 4)]


def test_no_address_is_in_any_output_unless_it_was_asked_for(server: Sandbox, tmp_path: Path) -> None:
    outputs = [
        plan(server, tmp_path, "--impact", f"--format={name}").out for name in ("text", "json", "markdown", "html")
    ]
    shown = plan(server, tmp_path, "--impact", "--show-addresses")

    assert [name for name in ("anna@", "bert@", "dora@") for out in outputs if name in out] == []
    assert re.findall(r"^ +(\S+@\S+)$", shown.out, re.MULTILINE) == ["anna@partner.example", "bert@partner.example"]


def test_json_holds_the_counts(server: Sandbox, tmp_path: Path) -> None:
    impact = plan(server, tmp_path, "--impact", "--format=json").json["impact"]

    assert impact == {
        "source": "queue",
        "total": 4,
        "moved": 2,
        "bounced": 0,
        "dangling": 0,
        "unknown": 0,
        "rows": [
            {
                "domain": "partner.example",
                "field": "route",
                "count": 2,
                "before": {"name": "mx", "standsFor": "its MX hosts, port 25", "branch": "route/else"},
                "after": {"name": "relay-b", "standsFor": "relay-b.example.net:25", "branch": "route/match/1"},
            }
        ],
    }


def test_without_the_permission_it_is_said_which_one(tmp_path: Path) -> None:
    paths = write(tmp_path / "m", m=MANIFEST)
    env = environment("http://127.0.0.1:9")
    plain, counting = (
        command("permissions", str(paths), "--format=json", *options, env=env).json for options in ([], ["--impact"])
    )
    held = [*plain["plan"], *plain["optional"]]
    with serve(users={"ci": ("pw", held)}, queue=QUEUE) as sandbox:
        env = environment(sandbox.url, STALWART_USER="ci", STALWART_PASSWORD="pw")
        refused = command("plan", str(paths), "--impact", env=env)
    with serve(users={"ci": ("pw", [*held, *counting["plan"]])}, queue=QUEUE) as sandbox:
        env = environment(sandbox.url, STALWART_USER="ci", STALWART_PASSWORD="pw")
        allowed = command("plan", str(paths), "--impact", env=env)

    assert (refused.code, "sysQueuedMessageQuery" in refused.err) == (77, True)
    assert (allowed.code, "2 of 4 waiting move" in allowed.out) == (0, True)


@pytest.mark.parametrize(
    ("policy", "code"), [("{maxMoved: 40%}", 3), ("{maxMoved: 50%}", 0), ("{maxMoved: 1}", 3), ("{maxMoved: 2}", 0)]
)
def test_policy_bounds_how_much_moves_in_plan_and_apply(tmp_path: Path, policy: str, code: int) -> None:
    write(tmp_path / "m", m=MANIFEST)
    (tmp_path / "reconciler.yaml").write_text(f"policy: {policy}\n")
    with serve(queue=QUEUE) as sandbox:
        env = environment(sandbox.url)
        planned = command("plan", "m", env=env, cwd=tmp_path)
        applied = command("apply", "m", "--yes", env=env, cwd=tmp_path)
        writes = sandbox.state()["writes"]

    assert (planned.code, applied.code, bool(writes)) == (code, code, code == 0)
    assert ("policy.maxMoved lifts this" in planned.out) == bool(code)


@pytest.mark.parametrize(("policy", "code"), [("", 3), ("policy: {maxBounced: 1}", 0), ("policy: {maxBounced: 0%}", 3)])
def test_mail_that_would_bounce_is_refused_unless_policy_lets_it(tmp_path: Path, policy: str, code: int) -> None:
    later = {"@type": "Ttl", "expiresAt": "2099-01-01T00:00:00Z"}
    old = [{"createdAt": two_days_ago(), "recipients": {"a@x.test": {"expires": later}}}]
    write(tmp_path / "m", m=SHORTER)
    (tmp_path / "reconciler.yaml").write_text(policy)
    with serve(queue=old) as sandbox:
        ran = command("plan", "m", "--impact", env=environment(sandbox.url), cwd=tmp_path)

    assert ran.code == code
    assert (
        "STOP: no route changes, but 1 waiting recipient bounces at the next temporary failure\n"
        "       1  x.test: schedule remote -> bounces after 3d => remote -> bounces after 1d\n"
        "0 of 1 waiting move, each at its next attempt\n"
        "1 get another schedule after the next temporary failure\n"
    ) in ran.out


def two_days_ago() -> str:
    return (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("lines", [True, False])
def test_messages_of_a_log_are_counted(server: Sandbox, tmp_path: Path, lines: bool) -> None:
    log = tmp_path / ("log.jsonl" if lines else "log.csv")
    rows: list[dict[str, Any]] = [{"sender": "s@x.test", "rcpt": "anna@partner.example", "size": 10}] * 3
    rows += [{"sender": "", "rcpt": "Bert <bert@other.example>", "size": 20}]
    if lines:
        log.write_text("\n".join(map(json.dumps, rows)))
    else:
        log.write_text("sender,rcpt,size\n" + "\n".join(",".join(map(str, row.values())) for row in rows))

    ran = plan(server, tmp_path, "--envelopes", str(log))

    assert f"3 of 4 recipients of {log.name} move\n       3  partner.example: mx" in ran.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"rcpt": "a@x.test", "siez": 1}', "a message has no field 'siez'"),
        ('{"sender": "anna@x.test"}', "a message has a recipient in `rcpt`"),
        ('{"rcpt": "anna smith@x.test"}', "`rcpt` holds what no message has there"),
        ('{"rcpt": "anna@x.test"', "this is no JSON object"),
        ("rcpt,size\nanna@x.test,1,2\n", "the line has other columns than the head"),
        ("rcpt,size\nanna@x.test,big\n", "`size` holds what no message has there"),
    ],
)
def test_what_is_no_message_is_refused_with_its_line(server: Sandbox, tmp_path: Path, text: str, message: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)

    ran = plan(server, tmp_path, "--envelopes", str(log))

    assert (ran.code, message in ran.err, "anna" in ran.out + ran.err) == (65, True, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--impact", "--envelopes", "x"], "--impact counts the queue, and --envelopes a file"),
        (["--show-addresses"], "--show-addresses names the recipients who are counted, and none are"),
        (["--envelopes", "absent.csv"], "absent.csv cannot be read: No such file or directory"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    server: Sandbox, tmp_path: Path, options: list[str], message: str
) -> None:
    ran = plan(server, tmp_path, *options)

    assert (ran.code, message in ran.err) == (64, True)


def test_a_queue_of_more_than_one_page_is_read_whole(tmp_path: Path) -> None:
    queue = [{"recipients": [f"u{number}@partner.example"]} for number in range(25)]
    limits = Limits(max_ids_in_query=10, max_objects_in_get=4)
    with serve(queue=queue, limits=limits) as sandbox:
        ran = plan(sandbox, tmp_path, "--impact")

    assert "25 of 25 waiting move, each at its next attempt" in ran.out
