"""What stands around a plan: where it comes from, what its policy says otherwise, and what comes after it."""

import json
from pathlib import Path
from typing import Any

from tests.running import command, environment, write

ROUTE = (
    'kind: MtaRoute\nspec: {{type: Relay, name: r, address: {host}, authSecret: {{type: Value, secret: "{secret}"}}}}\n'
)


def config(place: Path, name: str, url: str, policy: str) -> str:
    (place / name).write_text(f"targets: {{prod: {{url: '{url}'}}}}\npolicy: {policy}\n")
    return str(place / name)


def test_plan_of_a_pull_request_says_what_its_policy_has_otherwise(sandbox: Any, tmp_path: Path) -> None:
    manifests = write(tmp_path / "manifests", r=ROUTE.format(host="a.example", secret="${env:RELAY}"))
    base = config(tmp_path, "base.yaml", sandbox.url, "{maxUpdate: 9}")
    mine = config(tmp_path, "mine.yaml", sandbox.url, "{maxDestroy: 10%, maxUpdate: 9}")
    ci = {"GITHUB_SHA": "0123456789abcdef", "GITHUB_REF": "refs/pull/7/merge"}
    env = environment(sandbox.url, **ci, RECONCILER_JOURNAL=str(tmp_path / "journal"))
    options = ("--config", mine, "--ceiling", base, str(manifests))

    text, document = (command("plan", *options, *more, env=env) for more in ((), ("--format", "json")))

    assert text.out.splitlines()[1] == "policy: maxDestroy 30% -> 10%"
    assert document.json["headline"] == {
        "commit": "0123456789abcdef",
        "request": "#7",
        "version": "0.16.19",
        "policy": ["maxDestroy 30% -> 10%"],
    }
    assert document.json["ending"] == {
        "reload": True,
        "rollback": f"reconciler rollback --target prod {tmp_path}/journal/prod.jsonl",
    }


def test_plan_says_that_the_way_to_the_server_is_not_safe(sandbox: Any, tmp_path: Path) -> None:
    manifests = write(tmp_path / "manifests", r=ROUTE.format(host="a.example", secret="${env:RELAY}"))

    ran = command("plan", "--insecure", "--format", "json", str(manifests), env=environment(sandbox.url))

    assert ran.json["headline"]["unprotected"] == ["--insecure: the server's certificate is not verified"]
    # No journal is kept here.
    assert ran.json["ending"] == {"reload": True}


def test_what_cannot_be_undone_is_said_before_it_is_done(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, RELAY="secret-1", XDG_RUNTIME_DIR=str(tmp_path))
    manifests = write(tmp_path / "manifests", r=ROUTE.format(host="a.example", secret="${env:RELAY}"))
    assert command("apply", "--yes", str(manifests), env=env).code == 0
    because = "the secret that was in authSecret is not known: the server never shows it"

    plan = command("plan", "--rotate-secrets", str(manifests), env=env)
    document = command("plan", "--rotate-secrets", "--format", "json", str(manifests), env=env)
    shown = command("apply", "--yes", "--rotate-secrets", str(manifests), env=env)

    assert plan.out.splitlines()[-2] == f"cannot be undone: MtaRoute/r, {because}"
    assert document.json["ending"]["lasting"] == [{"address": "MtaRoute/r", "because": because}]
    assert f"cannot be undone: MtaRoute/r, {because}" in shown.out


def test_drift_says_where_it_comes_from_and_nothing_of_what_comes_after(sandbox: Any, tmp_path: Path) -> None:
    manifests = write(tmp_path / "manifests", r=ROUTE.format(host="a.example", secret="${env:RELAY}"))

    ran = command("drift", "--format", "json", str(manifests), env=environment(sandbox.url))

    report = json.loads(ran.out)
    assert (report["headline"]["version"], "ending" in report) == ("0.16.19", False)


def test_plan_drift_and_doctor_read_the_journal_that_they_are_given(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url, RECONCILER_JOURNAL=str(tmp_path / "journal"), XDG_RUNTIME_DIR=str(tmp_path))
    manifests = write(tmp_path / "manifests", r=ROUTE.format(host="a.example", secret="plain"))
    assert command("apply", "--yes", "--no-reload", str(manifests), env=env).code == 0

    ran = [command(name, "--format", "json", str(manifests), env=env).json for name in ("plan", "drift")]
    doctor = command("doctor", "--format", "json", str(manifests), env=env).json

    assert [[each["code"] for each in report["diagnostics"]].count("not-live") for report in ran] == [1, 1]
    assert [each["subject"] for each in doctor["verdicts"]].count("not-live") == 1
