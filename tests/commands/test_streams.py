"""What the program writes where: colours, logs as JSON lines, and streams that are closed."""

import json
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from tests.running import command, environment, process, terminal, write

MANIFEST = "kind: MtaSts\nspec: {mode: testing}\n"
WRONG = "kind: MtaRoute\nspec: {type: Local}\n"
SECRET = """\
kind: MtaRoute
spec: {type: Relay, name: r, address: 192.0.2.1, authSecret: {type: Value, secret: "${env:CANARY}"}}
"""


def redirected(redirection: str, *args: str, env: dict[str, str]) -> tuple[int, str]:
    """Run the program through a shell that closes a stream, and return its exit code and what it printed."""
    shell = ["sh", "-c", f'exec "$0" -m reconciler "$@" {redirection}', sys.executable, *args]
    ran = subprocess.run(shell, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return ran.returncode, ran.stdout


def test_a_closed_standard_output_is_an_error(sandbox: Any, tmp_path: Path) -> None:
    ran = redirected(">&-", "plan", str(write(tmp_path, m=MANIFEST)), env=environment(sandbox.url))

    assert ran == (1, "error: standard output is closed, and there is nowhere else for results\n")


def test_other_closed_streams_do_no_harm(sandbox: Any, tmp_path: Path) -> None:
    env, manifests = environment(sandbox.url), str(write(tmp_path, m=MANIFEST))

    ran = [redirected("2>&-", "plan", manifests, env=env), redirected("<&-", "eval", env=env)]

    assert ran == [(0, f"{sandbox.url}, as admin\nIn sync: nothing to change; 1 unchanged, 0 undeclared.\n"), (0, "")]


@pytest.mark.parametrize(("options", "coloured"), [([], True), (["--color=never"], False), (["--color=always"], True)])
def test_colour_of_mistakes_is_as_wanted_on_a_terminal(tmp_path: Path, options: list[str], coloured: bool) -> None:
    env = {**environment("http://127.0.0.1:9"), "TERM": "xterm"}
    env.pop("NO_COLOR", None)

    ran = terminal("plan", *options, str(write(tmp_path, m=WRONG)), env=env)

    assert ran.code == 65
    assert ("\x1b[" in ran.out) is coloured


def test_colour_of_mistakes_is_as_wanted_in_a_pipe(tmp_path: Path) -> None:
    manifests = str(write(tmp_path, m=WRONG))

    told = [
        command("plan", f"--color={when}", manifests, env=environment("http://127.0.0.1:9")).err
        for when in ("auto", "always", "never")
    ]

    assert ["\x1b[" in each for each in told] == [False, True, False]


def test_verbose_logs_each_request_without_its_content(sandbox: Any, tmp_path: Path) -> None:
    env = {**environment(sandbox.url), "CANARY": "canary-7"}

    ran = process("apply", "-v", "--yes", str(write(tmp_path, m=SECRET)), env=env)

    assert ran.code == 0
    logged = [line for line in ran.err.splitlines() if line.startswith("INFO reconciler.http: ")]
    assert logged[0].startswith(f"INFO reconciler.http: GET {sandbox.url}/jmap/session: 200, bytes: ")
    posts = [line.removeprefix(f"INFO reconciler.http: POST {sandbox.url}/jmap/ ") for line in logged[1:]]
    assert any(line.startswith("x:MtaRoute/set (calls: 1, bytes: ") for line in posts)
    assert any(line.startswith("x:Action/set (calls: 1, bytes: ") for line in posts)
    assert all(line.endswith(" ms") and ": 200, bytes: " in line for line in posts)
    assert "canary" not in ran.err
    assert "secret" not in ran.err


def test_verbose_twice_also_logs_what_is_about_to_be_sent(sandbox: Any, tmp_path: Path) -> None:
    ran = process("plan", "-vv", str(write(tmp_path, m=MANIFEST)), env=environment(sandbox.url))

    assert [line.split(" reconciler.http: ")[0] for line in ran.err.splitlines()] == ["DEBUG", "INFO"] * 3


def test_a_log_for_programs_holds_errors_and_warnings_too(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url)
    wrong, fine = str(write(tmp_path / "w", m=WRONG)), str(write(tmp_path / "f", m=MANIFEST))

    ran = [
        process("plan", "--log-format=json", "--color=always", wrong, env=env),
        process("plan", "--log-format=json", str(tmp_path / "none"), env=env),
        process("plan", "--log-format=json", "--insecure", fine, env=env),
    ]

    lines = [[json.loads(line) for line in each.err.splitlines()] for each in ran]
    told = [[(line["level"], line["message"]) for line in each] for each in lines]
    assert told[0][0][0] == "error"
    assert told[0][0][1].startswith(f"{wrong}/m.yaml:2:7 MtaRoute: ")
    assert told[0][1:] == [("error", "1 error in the manifests")]
    assert told[1:] == [
        [("error", f"{tmp_path}/none does not exist\n    name the files or directories that hold the manifests")],
        [("warning", "--insecure: the server's certificate is not verified")],
    ]
    assert all(line["logger"] == "reconciler" for each in lines for line in each)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_code_says_what_happened_although_nobody_reads(sandbox: Any, tmp_path: Path, stream: str) -> None:
    manifests = str(write(tmp_path, m="kind: MtaRoute\nspec: {type: Mx, name: own}\n"))
    command_line = [sys.executable, "-m", "reconciler", "drift", manifests]
    with subprocess.Popen(command_line, env=environment(sandbox.url), stdout=PIPE, stderr=PIPE) as running:
        gone = running.stdout if stream == "stdout" else running.stderr
        assert gone is not None
        gone.close()
        running.wait(timeout=60)

    assert running.returncode == 2


def test_what_the_reload_resolves_cannot_take_over_a_terminal(sandbox: Any, tmp_path: Path) -> None:
    milter = 'kind: MtaMilter\nspec: {hostname: "a\\e[31mb.example", port: 8890, stages: [data]}\n'

    ran = command("apply", "--yes", str(write(tmp_path, m=milter)), env=environment(sandbox.url))

    assert "\x1b" not in ran.out + ran.err
    assert "At the reload, the server has to resolve: the host a\\x1b[31mb.example" in ran.out
