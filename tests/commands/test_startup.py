"""What each command loads, and above all what it does not: start-up is a feature."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.commands.options import COMMANDS
from tests.running import environment, write
from tests.talk import Talk

#: Runs a command and prints every module that it loaded.
SCRIPT = """
import contextlib, io, sys
from reconciler.cli import invoke
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    code = invoke(sys.argv[1:])
print(code, *sys.modules)
"""
#: Libraries that no command needs, or only for a format or a change that none of these runs has.
NEVER = {
    "asyncio",
    "rich",
    "structlog",
    "deepdiff",
    "jsonschema",
    "xml",
    "prometheus_client",
    "ruamel",
    "dataclasses_json",
    "reconciler.desired.manifest.cache",
    "reconciler.desired.manifest.kept",
}
HTTP = {"httpx", "reconciler.server.jmap.client"}
JUDGES = {"jsonschema_rs"}
WRITING = {"reconciler.apply.flow", "reconciler.apply.run"}
FLOORS = {"reconciler.desired", "reconciler.plan.make", "reconciler.mail.explain", *WRITING}
#: A command with arguments that let it run to its end, the code of that, and what it must not load.
RUNS: dict[str, tuple[list[str], int, set[str]]] = {
    "validate": (["m"], 0, HTTP | WRITING),
    "plan": (["m"], 69, WRITING),
    "apply": (["m", "--yes"], 69, set()),
    "drift": (["m"], 69, WRITING),
    "explain": (["m", "--rcpt", "a@example.org", "--local-domain", "example.org"], 0, HTTP | WRITING),
    "test": (["m"], 0, HTTP | WRITING),
    "rollback": (["nowhere.jsonl", "--yes"], 65, set()),
    "status": (["--journal", "nowhere"], 0, HTTP | JUDGES),
    "show": (["nowhere.json"], 65, HTTP | JUDGES),
    "reload": ([], 69, JUDGES),
    "import": ([], 69, JUDGES | WRITING),
    "init": ([], 69, JUDGES | WRITING),
    "fmt": (["--check", "m"], 0, HTTP | JUDGES | WRITING | {"reconciler.plan.make", "reconciler.mail.explain"}),
    "permissions": (["m"], 0, HTTP | WRITING),
    "doctor": (["m"], 69, WRITING),
    "schema": (
        ["--check", "--out", "nowhere"],
        2,
        HTTP | JUDGES | WRITING | {"reconciler.desired"},
    ),
    "schema pull": ([], 69, JUDGES | WRITING),
    "schema diff": (["nowhere", "elsewhere"], 65, HTTP | JUDGES | WRITING),
    "eval": ([], 0, HTTP | JUDGES | FLOORS),
    "sandbox": (["--host", "192.0.2.1"], 64, HTTP | JUDGES | FLOORS),
    # Without targets; what a target's own command loads comes with it.
    **{f"fleet {verb}": ([], 64, HTTP | WRITING) for verb in ("plan", "apply", "drift", "test")},
    "fleet merge": (["nowhere"], 64, HTTP | WRITING),
    "fleet import": ([], 64, HTTP | WRITING),
    "demo": ([], 0, set()),
}


def loaded(place: Path, url: str, *args: str) -> tuple[int, set[str], str]:
    """Return the code of a command, the modules that it loaded, and what it printed beside them."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *args],
        env=environment(url, XDG_RUNTIME_DIR=str(place)),
        cwd=place,
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    ended, *modules = ran.stdout.split()
    return int(ended), set(modules), ran.stderr


def test_every_command_is_looked_at() -> None:
    assert list(RUNS) == list(COMMANDS)


@pytest.mark.parametrize("name", [name for name in RUNS if name != "demo"])
def test_command_loads_only_what_it_needs(tmp_path: Path, name: str) -> None:
    write(tmp_path / "m", routes="kind: MtaRoute\nspec: {type: Relay, name: relay, address: 192.0.2.1}\n")
    args, code, unwanted = RUNS[name]
    # PyYAML is for texts that are not plain, as this one is, and for what moves lines.
    yaml = set() if name == "fmt" else {"yaml"}

    ended, modules, err = loaded(tmp_path, "http://127.0.0.1:9", *name.split(), *args)

    assert (ended, sorted((NEVER | yaml | unwanted) & modules), err) == (code, [], "")


#: What only changes, expressions or a policy ask for.
IDLE = {
    "yaml",
    "reconciler.expression.grammar",
    "reconciler.kinds.catalogue.published.build",
    "reconciler.kinds.schema.documents",
    "reconciler.desired.manifest.layers",
    "reconciler.mail.explain.choose",
    "reconciler.mail.lint.expressions",
    "reconciler.mail.movement.compare",
    "reconciler.mail.names.possible",
    "reconciler.plan.guards",
    "reconciler.plan.order",
    "reconciler.plan.permissions",
    "reconciler.report.formats.outcome_text",
    "reconciler.settings.ceiling",
    "reconciler.yamlio.writer",
}


def test_a_plan_that_changes_nothing_loads_nothing_that_judges_changes(sandbox: Any, tmp_path: Path) -> None:
    # So many that no note of them has its exact place, for which a text is read again.
    names = [f"relay-{number}" for number in range(25)]
    routes = {name: {"@type": "Relay", "name": name, "address": "192.0.2.1"} for name in names}
    assert len(Talk(sandbox).call("x:MtaRoute/set", create=routes)["created"]) == len(names)
    spec = "kind: MtaRoute\nspec:\n  type: Relay\n  name: {}\n  address: 192.0.2.1\n"
    write(tmp_path / "m", routes="---\n".join(map(spec.format, names)))

    ended, modules, err = loaded(tmp_path, sandbox.url, "plan", "m")

    assert (ended, sorted(IDLE & modules), err) == (0, [], "")
