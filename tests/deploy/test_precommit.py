"""The hooks for pre-commit, run by pre-commit itself on a repository of manifests."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.running import command, environment, write

ROOT = Path(__file__).parent.parent.parent
ROUTE = "kind: MtaRoute\nspec:\n  type: Relay\n  name: relay\n  address: a.example.net\n"
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_runs_a_command_that_there_is(tmp_path: Path, hook: dict[str, Any]) -> None:
    program, *arguments = hook["entry"].split()
    write(tmp_path / "manifests", routes=ROUTE)
    files = [] if hook.get("pass_filenames") is False else ["manifests/routes.yaml"]

    ran = command(*arguments, *files, env=environment(""), cwd=tmp_path)

    assert (program, ran.code, ran.err) == ("reconciler", 0, "")


def git(*words: str, cwd: Path) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *settings, *words], cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.mark.tools
@pytest.mark.slow
def test_pre_commit_runs_the_hooks_and_stops_what_is_wrong(tmp_path: Path) -> None:
    program = shutil.which("pre-commit")
    assert program, "pre-commit is missing: run make deployed"
    hooks, manifests = tmp_path / "hooks", tmp_path / "mine"
    git("clone", "--quiet", str(ROOT), str(hooks), cwd=tmp_path)
    git("init", "--quiet", str(manifests), cwd=tmp_path)
    write(manifests / "manifests", routes=ROUTE)
    git("add", ".", cwd=manifests)

    def tried() -> dict[str, str]:
        ran = subprocess.run(
            [program, "try-repo", str(hooks), "--all-files", "--color", "never"],
            cwd=manifests,
            env={**environment(""), "PRE_COMMIT_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
        )
        lines = [line for line in ran.stdout.splitlines() if line.startswith("reconciler ")]
        return {line.split(".")[0]: line.rsplit(".", 1)[1] for line in lines}

    right = tried()
    (manifests / "manifests/routes.yaml").write_text(
        "kind: MtaRoute\nspec: {type: Relay, address: a.example.net, name: relay}\n"
        "---\nkind: RoutingTest\ncases:\n  - {name: x, given: {rcpt: b@other.example}, expect: {route: relay}}\n"
    )
    untidy = tried()
    (manifests / "manifests/routes.yaml").write_text(ROUTE.replace("address", "adress"))
    wrong = tried()

    names = ("reconciler fmt", "reconciler validate", "reconciler test")
    assert right == dict.fromkeys(names, "Passed")
    assert untidy["reconciler fmt"] == "Failed"
    assert (wrong["reconciler validate"], wrong["reconciler test"]) == ("Failed", "Failed")
