"""A whole server in manifests: kinds known by what it publishes, judged as a pipeline does."""

from pathlib import Path

from tests.running import command, environment
from tests.whole import FOLDER

ROOT = Path(__file__).parent.parent
CONFIG = str(FOLDER.relative_to(ROOT) / ".target" / "reconciler.yaml")
NOWHERE = environment("", STALWART_TOKEN="secret")


def test_the_manifests_are_whole() -> None:
    ran = command("validate", "--config", CONFIG, "--format", "json", env=NOWHERE, cwd=ROOT)

    assert (ran.code, ran.json["diagnostics"]) == (0, [])
    assert ran.json["summary"]["resources"] == 20


def test_the_local_domains_are_those_that_are_declared() -> None:
    ran = command("test", "--config", CONFIG, env=NOWHERE, cwd=ROOT)
    explained = [
        command("explain", "--config", CONFIG, "--rcpt", f"a@{domain}", "--format", "json", env=NOWHERE, cwd=ROOT)
        for domain in ("example.net", "lists.example.org", "other.example")
    ]

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "4 routing tests: 4 passed.")
    assert [each.json["attempts"][0]["decisions"]["route"]["name"] for each in explained] == ["local", "local", "mx"]


def test_the_permissions_are_those_of_the_actions_that_it_needs() -> None:
    ran = command("permissions", "--config", CONFIG, "--format", "json", env=NOWHERE, cwd=ROOT)

    assert [each for each in ran.json["apply"] if each.startswith("action")] == [
        "actionReloadSettings",
        "actionReloadTlsCertificates",
    ]
