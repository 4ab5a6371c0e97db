"""The embedded server as a command: what it prints for whoever is to use it."""

import subprocess
import sys

from tests.running import environment


def started(**variables: str) -> tuple[str, str]:
    """Run the command until it answers; return its URL and what it told beside that."""
    env = {name: each for name, each in environment("").items() if not name.startswith("STALWART_")}
    command = [sys.executable, "-m", "reconciler", "sandbox"]
    with subprocess.Popen(
        command, env={**env, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        running.terminate()
        rest, told = running.communicate(timeout=60)
    assert (running.returncode, rest) == (0, "")
    return url, told


def test_it_prints_its_url_alone_and_what_a_shell_needs_beside() -> None:
    url, told = started()

    assert url.startswith("http://127.0.0.1:")
    assert told.splitlines() == [
        f"export STALWART_URL={url}",
        "export STALWART_USER=admin",
        "export STALWART_PASSWORD=secret",
    ]


def test_a_password_of_ones_own_is_not_printed() -> None:
    url, told = started(STALWART_USER="me and you", STALWART_PASSWORD="hunter2")

    assert told.splitlines() == [
        f"export STALWART_URL={url}",
        "export STALWART_USER='me and you'",
        "# STALWART_PASSWORD as it is here",
    ]
