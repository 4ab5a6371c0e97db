"""Runs a composite action as GitHub's runner does, as far as our actions need it: its own shell, in its own order.

Law: an expression or a condition that is not known here is an error, never a guess; steps that use other actions are
noted and not run.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


class Ended(Struct):
    """How an action ended."""

    code: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""
    #: What the steps that use other actions were given.
    used: list[dict[str, Any]] = field(default_factory=list)


def run(action: Path, inputs: Mapping[str, str], github: Mapping[str, str], env: Mapping[str, str], cwd: Path) -> Ended:
    """Run an action.

    Args:
        action: its directory.
        inputs: what `with` gives it.
        github: what the contexts `github` and `runner` hold, such as `github.event_name`.
        env: the variables of the job, the runner's own among them.
        cwd: the workspace.
    """
    described = yaml.safe_load((action / "action.yml").read_text(encoding="utf-8"))
    unknown = set(inputs) - set(described["inputs"])
    assert not unknown, f"{action.name} has no input {unknown}"
    known = dict(github)
    for name, each in described["inputs"].items():
        known[f"inputs.{name}"] = inputs.get(name, fill(str(each.get("default", "")), known))
    ended, path = Ended(), [] if "PATH" not in env else [env["PATH"]]
    runner = Path(known["runner.temp"])
    for number, step in enumerate(described["runs"]["steps"]):
        if not holds(step.get("if", "success()"), known, failed=ended.code != 0):
            continue
        if "uses" in step:
            given = {name: fill(str(value), known) for name, value in step["with"].items()}
            ended.used.append({"uses": step["uses"], **given})
            continue
        files = {name: runner / f"{action.name}-{number}-{name}" for name in ("output", "path", "summary")}
        for file in files.values():
            file.write_text("")
        own = {name: fill(str(value), known) for name, value in step.get("env", {}).items()}
        assert step["shell"] == "bash"
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", fill(step["run"], known)],
            env={
                **env,
                "PATH": ":".join(path),
                "RUNNER_TEMP": str(runner),
                "GITHUB_ACTION_PATH": str(action),
                "GITHUB_OUTPUT": str(files["output"]),
                "GITHUB_PATH": str(files["path"]),
                "GITHUB_STEP_SUMMARY": str(files["summary"]),
                **own,
            },
            cwd=cwd / fill(step.get("working-directory", "."), known),
            capture_output=True,
            text=True,
            timeout=120,
        )
        ended.log += f"# {step['name']} -> {ran.returncode}\n{ran.stdout}{ran.stderr}"
        ended.summary += files["summary"].read_text()
        path = [*files["path"].read_text().splitlines(), *path]
        if "id" in step:
            for line in files["output"].read_text().splitlines():
                name, _, value = line.partition("=")
                known[f"steps.{step['id']}.outputs.{name}"] = value
        ended.code = ended.code or ran.returncode
    ended.outputs = {name: fill(each["value"], known) for name, each in described.get("outputs", {}).items()}
    return ended


def fill(text: str, known: Mapping[str, str]) -> str:
    """Replace the expressions of a text."""
    return _EXPRESSION.sub(lambda match: value(match[1], known), text)


def value(expression: str, known: Mapping[str, str]) -> str:
    """Return what an expression comes to."""
    first, *rest = (part.strip() for part in expression.split("&&"))
    found = first[1:-1] if first.startswith("'") else known.get(first)
    if found is None and first.startswith("steps."):
        # An output that was not set is an empty text.
        found = ""
    assert found is not None, f"{first} is not known here"
    return value(" && ".join(rest), known) if found and rest else found


def holds(condition: str, known: Mapping[str, str], *, failed: bool) -> bool:
    """Return whether a step runs: it does not after a failure, unless its condition says so."""
    parts = [part.strip() for part in condition.split("&&")]
    if "always()" not in parts and failed:
        return False
    for part in parts:
        if part in ("always()", "success()"):
            continue
        left, sign, right = part.partition("==")
        assert sign, f"{part} is not known here"
        if value(left.strip(), known) != value(right.strip(), known):
            return False
    return True


def outer_environment() -> dict[str, str]:
    """Return this process's environment without what a CI system or the program itself reads."""
    prefixes = ("GITHUB_", "RUNNER_", "CI_", "STALWART_", "RECONCILER_")
    return {name: text for name, text in os.environ.items() if not name.startswith(prefixes)}
