"""What is under deploy/ for CI systems, judged by the tools of those who will run it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
PIPELINES = ROOT / "reconciler" / "commands" / "pipelines"
ACTIONS = sorted((DEPLOY / "github").glob("*/action.yml"))
pytestmark = [pytest.mark.tools, pytest.mark.slow]


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: run make deployed"
    return found


def said(*words: str | Path, text: str = "", cwd: Path | None = None) -> tuple[int, str]:
    ran = subprocess.run(words, input=text, cwd=cwd, capture_output=True, text=True)
    return ran.returncode, ran.stdout + ran.stderr


def test_actionlint_finds_nothing_in_a_workflow_nor_in_what_it_gives_our_actions(tmp_path: Path) -> None:
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    shutil.copytree(DEPLOY / "github", tmp_path / "deploy" / "github")
    text = (DEPLOY / "github" / "workflows" / "mail.yml").read_text(encoding="utf-8")
    # As actions of this repository, so that their inputs are looked up.
    here = text.replace("example/stalwart-reconciler/deploy", "./deploy").replace("@v0.1.0", "")
    (workflows / "mail.yml").write_text(here)
    shutil.copy(DEPLOY / "fleet" / "github" / "fleet.yml", workflows)
    (workflows / "begin.yml").write_text((PIPELINES / "github.yml").read_text(encoding="utf-8"))

    assert here.count("./deploy/github/") == 3
    assert said(tool("actionlint"), cwd=tmp_path) == (0, "")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda path: str(path.parent.name))
def test_an_action_is_what_github_publishes_a_schema_of(action: Path) -> None:
    code, text = said(tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", action)

    assert code == 0, text


@pytest.mark.parametrize("action", ACTIONS, ids=lambda path: str(path.parent.name))
def test_shellcheck_finds_nothing_in_the_steps_of_an_action(action: Path) -> None:
    described: dict[str, Any] = yaml.safe_load(action.read_text(encoding="utf-8"))
    for step in described["runs"]["steps"]:
        if "run" in step:
            assert said(tool("shellcheck"), "--shell=bash", "-", text=step["run"]) == (0, ""), step["name"]
            # What a user writes must reach a shell in a variable only.
            assert "${{" not in step["run"], step["name"]


def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    scripts = [DEPLOY / "dist", DEPLOY / "github" / "install.sh", DEPLOY / "image" / "rehearse"]

    assert said(tool("shellcheck"), *scripts) == (0, "")


@pytest.mark.parametrize("template", ["gitlab/template.yml", "fleet/gitlab/fleet.yml"])
def test_gitlabs_schema_takes_the_templates_and_the_beginning(tmp_path: Path, template: str) -> None:
    header, jobs = (DEPLOY / template).read_text(encoding="utf-8").split("\n---\n")
    for name, each in yaml.safe_load(header)["spec"]["inputs"].items():
        jobs = jobs.replace(f"$[[ inputs.{name} ]]", str(each["default"]))
    (tmp_path / "template.yml").write_text(jobs)

    code, text = said(
        *(tool("check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci"),
        *(tmp_path / "template.yml", PIPELINES / "gitlab.yml"),
    )

    assert code == 0, text
