"""The command line: what starts it, how it prints, and which codes it ends with."""

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.commands.options import COMMANDS
from reconciler.sandbox import serve
from tests.running import command, environment, process, write

HEAVY = {"yaml", "httpx", "jsonschema", "jsonschema_rs", "deepdiff", "msgspec", "asyncio", "rich", "ruamel"}


def test_help_imports_no_heavy_library() -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reconciler", "--help"], capture_output=True, text=True, timeout=60
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines() if "|" in line}

    assert ran.returncode == 0
    assert imported & HEAVY == set()


def test_help_lists_every_command() -> None:
    ran = process("--help", env=environment(""))

    listed = [line.split()[0] for line in ran.out.partition("Commands:\n")[2].splitlines()]
    assert listed == list(dict.fromkeys(name.partition(" ")[0] for name in COMMANDS))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    ran = command(*name.split(), "--help", env=environment(""))

    assert ran.code == 0
    assert ran.out.startswith(f"Usage: reconciler {name} [OPTIONS]")
    assert COMMANDS[name].text in ran.out


def test_the_version_is_printed() -> None:
    assert process("--version", env=environment("")).out == "reconciler 0.1.0\n"


def test_an_option_may_be_an_environment_variable(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("kind: MtaRoute\nspec: {type: Local, name: x}\n")
    env = environment("", RECONCILER_FORMAT="json")

    ran = command("validate", str(tmp_path), env=env)

    assert ran.json["summary"]["resources"] == 1


@pytest.mark.parametrize(
    ("options", "variables", "coloured"),
    [
        ([], {}, False),
        (["--color=always"], {}, True),
        (["--color=always"], {"NO_COLOR": "1"}, True),
        (["--color=never"], {}, False),
    ],
)
def test_colour_is_for_terminals_or_on_demand(
    tmp_path: Path, options: list[str], variables: dict[str, str], coloured: bool
) -> None:
    (tmp_path / "m.yaml").write_text("kind: MtaRoute\nspec: {type: Local}\n")

    ran = command("validate", *options, str(tmp_path), env=environment("", **variables))

    assert ran.code == 65
    assert ("\x1b[" in ran.out) is coloured


def test_control_characters_of_a_manifest_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text('kind: MtaRoute\nspec: {type: Local, name: "x\\e[2J", wrong: 1}\n')

    ran = command("validate", str(tmp_path), env=environment(""))

    assert ran.code == 65
    assert "\x1b" not in ran.out
    assert "x\\x1b[2J" in ran.out


def test_a_reader_that_leaves_is_no_traceback(tmp_path: Path) -> None:
    text = "".join(f"kind: MtaRoute\nspec: {{type: Local, nme: r{n}}}\n---\n" for n in range(2000))
    (tmp_path / "m.yaml").write_text(text)
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "validate", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(""),
    ) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.read(10)
        ran.stdout.close()
        error = ran.stderr.read()

    assert b"Traceback" not in error


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example_and_where_paths_come_from(name: str) -> None:
    lines = command(name, "--help", env=environment("")).out.splitlines()

    assert lines[-1].startswith(f"  Example: reconciler {name}")
    assert ("[PATHS]..." in lines[0]) is any(line.startswith("  PATHS are manifests") for line in lines)


def test_help_tells_the_formats_that_a_command_has() -> None:
    shown = [command(name, "--help", env=environment("")).out for name in ("plan", "test")]

    assert ["--format text|" in shown[0], "--format text|json|junit" in shown[1]] == [True, True]


def test_help_tells_of_variables_and_exit_codes() -> None:
    out = command("--help", env=environment("")).out

    assert "--timeout is RECONCILER_TIMEOUT" in out
    assert all(f" {code} " in out for code in (0, 1, 2, 3, 4, 5, 64, 65, 69, 75, 77))


def test_a_full_disk_is_no_traceback(tmp_path: Path) -> None:
    write(tmp_path / "manifests", wrong="kind: MtaRoute\nspec: {type: Local}\n")
    shell = 'exec "$0" -m reconciler validate >/dev/full'

    ran = subprocess.run(["sh", "-c", shell, sys.executable], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    told = "warning: the report could not be printed: standard output cannot be written: No space left on device\n"
    assert (ran.returncode, ran.stderr) == (65, told)


@pytest.mark.parametrize("args", ["import --kind MtaRoute", "validate", "drift", "fmt", "init", "status"])
def test_working_directory_that_is_gone_is_no_traceback(tmp_path: Path, args: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m reconciler {args}"

    with serve() as sandbox:
        env = {**environment(sandbox.url), "PYTHONPATH": str(Path(__file__).parents[2])}
        ran = subprocess.run(["sh", "-c", script], env=env, input="", capture_output=True, text=True, timeout=60)

    assert "Traceback" not in ran.stderr
    assert ran.returncode in (0, 1, 64)
