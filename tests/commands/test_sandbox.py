"""The embedded server as a command: what it prints for whoever is to use it."""

import subprocess
import sys

import httpx

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


def test_nodes_of_a_cluster_have_an_address_each_and_hear_of_each_other() -> None:
    command = [sys.executable, "-m", "reconciler", "sandbox", "--nodes", "2", "--coordinator", "redis"]
    with subprocess.Popen(
        command, env=environment(""), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        urls = [running.stdout.readline().strip() for _ in range(2)]
        asked = [("x:ClusterNode/get", {"ids": None}, "0"), ("x:Coordinator/get", {"ids": ["singleton"]}, "1")]
        body = {"using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": asked}
        answer = httpx.post(f"{urls[1]}/jmap/", json=body, auth=("admin", "secret"), trust_env=False).json()
        running.terminate()

    nodes, coordinator = (result["list"] for _, result, _ in answer["methodResponses"])
    assert [each["hostname"] for each in nodes] == ["node-0", "node-1"]
    assert coordinator == [{"@type": "Redis", "id": "singleton"}]
