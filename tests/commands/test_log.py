"""What -v and --log-format json tell: names, counts, bytes and times, and never what was in a request."""

import json
from pathlib import Path
from typing import Any

from reconciler.sandbox import parse_fault, serve
from tests.running import environment, process, write

ROUTE = (
    "kind: MtaRoute\nspec: {type: Relay, name: relay, address: a.example.net, "
    "authSecret: {type: Value, secret: canary-secret}}\n"
)


def logged(sandbox: Any, tmp_path: Path, *arguments: str) -> list[dict[str, Any]]:
    (tmp_path / "reconciler.yaml").write_text(f"targets: {{prod: {{url: '{sandbox.url}'}}}}\n")
    write(tmp_path / "manifests", r=ROUTE)
    env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    ran = process(*arguments, "--log-format", "json", env=env, cwd=tmp_path)
    assert "canary" not in ran.out + ran.err
    return [json.loads(line) for line in ran.err.splitlines()]


def test_a_line_for_programs_has_target_phase_address_attempt_and_duration(sandbox: Any, tmp_path: Path) -> None:
    lines = logged(sandbox, tmp_path, "apply", "--yes", "-v")

    requests = [line for line in lines if line["logger"] == "reconciler.http"]
    assert {line["target"] for line in requests} == {"prod"}
    assert [line["phase"] for line in requests if line["phase"] != "read"] == ["session", "reload", "write", "reload"]
    (write_,) = [line for line in requests if line["phase"] == "write"]
    known = {name: write_[name] for name in ("level", "methods", "calls", "attempt", "status")}
    assert known == {"level": "info", "methods": "x:MtaRoute/set", "calls": 1, "attempt": 1, "status": 200}
    assert write_["duration"] > 0
    assert write_["bytes"] > 0
    assert write_["received"] > 0
    (change,) = [line for line in lines if line["logger"] == "reconciler.apply"]
    assert {name: change[name] for name in ("target", "phase", "action", "address", "result", "message")} == {
        "target": "prod",
        "phase": "write",
        "action": "create",
        "address": "MtaRoute/relay",
        "result": "applied",
        "message": "create MtaRoute/relay: applied",
    }


def test_another_attempt_is_counted(tmp_path: Path) -> None:
    with serve(user="admin", password="secret", faults=[parse_fault("status=503,nth=1")]) as sandbox:
        lines = logged(sandbox, tmp_path, "plan", "-v")

    answers = [(line["attempt"], line["status"]) for line in lines if "status" in line]
    assert answers == [(1, 200), (1, 503), (2, 200), (1, 200), (1, 200)]
    (again,) = [line for line in lines if "pause" in line]
    assert (again["phase"], again["attempt"]) == ("read", 1)
