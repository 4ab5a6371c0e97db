"""What an installation brings beside the program: completion for three shells, and the man page."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from docs import generate
from reconciler.cli import GROUP, HELP
from reconciler.commands.options import COMMANDS
from reconciler.kinds import METADATA, load
from reconciler.mail.lint import RULES
from reconciler.settings import config_schema
from tests.running import environment

ROOT = Path(__file__).parent.parent.parent


def offered(*words: str) -> list[str]:
    """Return what is offered for the last word of a command line."""
    completion = ShellComplete(GROUP, {}, "reconciler", "_RECONCILER_COMPLETE")
    return [each.value for each in completion.get_completions(list(words[:-1]), words[-1])]


def test_generated_files_are_as_they_would_be_written_now() -> None:
    assert generate.stale() == []


def test_the_wheel_carries_the_generated_files_where_shells_and_man_look() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"] == {
        "deploy/shell/reconciler.bash": "share/bash-completion/completions/reconciler",
        "deploy/shell/_reconciler": "share/zsh/site-functions/_reconciler",
        "deploy/shell/reconciler.fish": "share/fish/vendor_completions.d/reconciler.fish",
        "deploy/shell/reconciler.1": "share/man/man1/reconciler.1",
    }


def test_bash_completes_a_command_and_an_option(tmp_path: Path) -> None:
    (tmp_path / "reconciler").symlink_to(Path(sys.executable).parent / "reconciler")
    script = f"""
        source {ROOT}/deploy/shell/reconciler.bash
        complete -p reconciler
        COMP_WORDS=(reconciler dri) COMP_CWORD=1; _reconciler_completion reconciler; echo "${{COMPREPLY[@]}}"
        COMPREPLY=()
        COMP_WORDS=(reconciler plan --detail) COMP_CWORD=2; _reconciler_completion reconciler; echo "${{COMPREPLY[@]}}"
    """
    env = environment("")
    ran = subprocess.run(
        ["bash", "-c", script], env={**env, "PATH": f"{tmp_path}:{env['PATH']}"}, capture_output=True, text=True
    )

    assert (ran.stdout, ran.stderr) == (
        "complete -o nosort -F _reconciler_completion reconciler\ndrift\n--detailed-exitcode\n",
        "",
    )


@pytest.mark.parametrize(("shell", "file"), [("zsh", "_reconciler"), ("fish", "reconciler.fish")])
def test_other_shells_understand_their_file(shell: str, file: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    ran = subprocess.run([shell, "-n", ROOT / "deploy/shell" / file], capture_output=True, text=True)

    assert (ran.returncode, ran.stderr) == (0, "")


def test_kinds_are_offered() -> None:
    assert offered("plan", "--kind", "MtaRou") == ["MtaRoute"]


def test_targets_are_offered_from_the_configuration_that_is_named(tmp_path: Path) -> None:
    config = tmp_path / "mail.yaml"
    config.write_text("targets: {prod: {url: https://a.example}, proof: {url: https://b.example}}\n")

    assert offered("plan", "--config", str(config), "--target", "pro") == ["prod", "proof"]
    assert offered("plan", "--config", str(tmp_path / "missing.yaml"), "--target", "pro") == []


def test_what_is_a_file_is_left_to_the_shell() -> None:
    completion = ShellComplete(GROUP, {}, "reconciler", "_RECONCILER_COMPLETE")

    assert [each.type for each in completion.get_completions(["apply", "--plan"], "")] == ["file"]
    assert [each.type for each in completion.get_completions(["validate"], "man")] == ["file"]
    assert [each.type for each in completion.get_completions(["import", "--out"], "")] == ["dir"]


def test_the_man_page_has_every_command_with_its_options_and_every_exit_code() -> None:
    page = generate.man_page()

    assert sorted(re.findall(r"^\.SS (.+)$", page, flags=re.MULTILINE)) == sorted(COMMANDS)
    for _, (command, _) in generate.commands():
        for option in (each for each in command.params if isinstance(each, click.Option) and not each.hidden):
            assert max(option.opts, key=len).replace("-", "\\-") in page
    assert [code for code, _ in generate.exit_codes()] == sorted(
        int(code) for code in re.findall(r"\b(\d+) \w", HELP.partition("Exit codes:")[2])
    )


def test_no_text_of_the_man_page_is_taken_for_a_request_of_roff() -> None:
    requests = {line.split()[0] for line in generate.man_page().splitlines() if line.startswith((".", "'"))}

    assert requests == {'.\\"', ".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I"}


def test_the_reference_has_every_command_kind_rule_and_field() -> None:
    found = {path: text for path, text in generate.generated().items() if path.startswith("docs/reference/")}

    assert re.findall(r"^## (.+)$", found["docs/reference/lint.md"], flags=re.MULTILINE) == list(RULES)
    titles = re.findall(r"^## (.+)$", found["docs/reference/commands.md"], flags=re.MULTILINE)
    assert sorted(titles) == sorted(COMMANDS)
    fields = re.findall(r"^\| `(\w+)`", found["docs/reference/metadata.md"], flags=re.MULTILINE)
    assert fields == list(METADATA["properties"])
    for name, kind in load().kinds.items():
        page = found[f"docs/reference/kinds/{name}.md"]
        shown = set(re.findall(r"^\| `([^`]+)`", page, flags=re.MULTILINE))
        assert {field for variant in kind.variants or ("",) for field in kind.shape(variant)} <= shown
    keys = re.findall(r"^\| `([^`]+)`", found["docs/reference/configuration.md"], flags=re.MULTILINE)
    assert {f"policy.{key}" for key in config_schema(load())["properties"]["policy"]["properties"]} <= set(keys)


@pytest.mark.tools
@pytest.mark.slow
def test_uvx_runs_the_program_from_a_checkout_and_installs_nothing(tmp_path: Path) -> None:
    program = shutil.which("uvx")
    assert program, "uvx is missing: run make deployed"
    env = {**environment(""), "UV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_PROGRESS": "1", "UV_SYSTEM_CERTS": "1"}

    ran = subprocess.run(
        [program, "--from", ROOT, "reconciler", "demo"], env=env, cwd=tmp_path, capture_output=True, text=True
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-3:] == [
        "export STALWART_URL=http://127.0.0.1:8080",
        "export STALWART_USER=admin",
        "export STALWART_PASSWORD=secret",
    ]
