"""What the README and the docs say, runs."""

import re
import shlex
from pathlib import Path

import pytest

from reconciler.commands.options import COMMANDS
from reconciler.desired.layout import lay_out
from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds.catalogue import load
from reconciler.sandbox import serve
from reconciler.settings import Options, read_config, settings
from reconciler.values.errors import PRECEDENCE
from tests.running import command, environment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: A block of code: its language, and its text.
BLOCK = re.compile(r"```(\w+)\n(.*?)```", flags=re.DOTALL)
MANIFESTS = [
    pytest.param(text, id=f"{page.name}:{number}")
    for page in (ROOT / "README.md", ROOT / "docs" / "ten-minutes.md")
    for number, (language, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
    if language == "yaml" and "kind:" in text
]


def blocks(language: str) -> list[str]:
    return [text for each, text in BLOCK.findall(README) if each == language]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_documented_manifest_is_right_and_laid_out_canonically(manifest: str) -> None:
    desired = parse(load(), [[ManifestText("a.yaml", manifest)]])

    assert desired.diagnostics == ()
    assert lay_out(load(), manifest).text == manifest


def test_the_manifest_of_the_readme_is_right() -> None:
    manifest = next(block for block in blocks("yaml") if "kind:" in block)

    desired = parse(load(), [[ManifestText("README.md", manifest)]])

    assert desired.diagnostics == ()
    assert [str(each.address) for each in desired.resources] == ["MtaRoute/relay-eu", "MtaOutboundStrategy"]


def test_the_configuration_of_the_readme_is_right(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text(next(block for block in blocks("yaml") if "targets:" in block))

    found = settings(load(), read_config(Options(config=str(path))), Options(), {})

    assert found.target == "prod"


def test_every_command_is_in_the_readme_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+)", README, flags=re.MULTILINE)

    assert sorted(listed) == sorted({name.partition(" ")[0] for name in COMMANDS})


def test_every_scenario_is_in_the_readme_and_no_other() -> None:
    listed = re.findall(r"^\| \[([\w-]+)\]\(manifests/scenarios/\1\) \|", README, flags=re.MULTILINE)

    assert listed == sorted(path.name for path in (ROOT / "manifests" / "scenarios").iterdir())


def test_the_ten_minutes_can_be_taken_as_they_stand(tmp_path: Path) -> None:
    told, *steps = BLOCK.split((ROOT / "docs" / "ten-minutes.md").read_text(encoding="utf-8"))
    failed: list[str] = []

    with serve(user="admin", password="secret") as sandbox:
        env = environment(sandbox.url)
        for language, text, after in zip(*[iter(steps)] * 3, strict=True):
            if language == "yaml":
                path = tmp_path / re.findall(r"`(manifests/\S+)`", told)[-1]
                # In a part of a manifest the last line is new, and the others say where it goes.
                known = "".join(text.splitlines(keepends=True)[:-1])
                held = path.read_text() if path.exists() else ""
                path.write_text(held + text if "kind:" in text else held.replace(known, text, 1))
            lines = text.splitlines() if language == "sh" else []
            for words in (shlex.split(line, comments=True) for line in lines if line.startswith("reconciler ")):
                answer = ["--yes"] if words[1] == "apply" else []
                failed += [words[1]] if command(*words[1:], *answer, env=env, cwd=tmp_path).code else []
            told = after
        drift = command("drift", env=env, cwd=tmp_path)
        live = sandbox.state()["live"]

    assert (failed, drift.code, drift.out) == ([], 0, "")
    assert {each["name"] for each in live["x:MtaRoute"]} == {"local", "mx", "partner"}
    assert live["x:MtaOutboundStrategy"][0]["route"]["match"]["1"]["then"] == "'partner'"


def test_the_layers_come_to_what_their_page_shows(tmp_path: Path) -> None:
    told, *steps = BLOCK.split((ROOT / "docs" / "layers.md").read_text(encoding="utf-8"))
    printed = ""

    for language, text, after in zip(*[iter(steps)] * 3, strict=True):
        if language == "yaml":
            path = tmp_path / re.findall(r"^`(\S+)`", told, flags=re.MULTILINE)[-1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif language == "sh":
            ran = command(*shlex.split(text)[1:], env=environment(""), cwd=tmp_path)
            assert (ran.code, ran.err) == (0, "")
            printed = ran.out
        else:
            assert printed == text
        told = after

    laid = command("fmt", "--check", "base", "eu", "us", env=environment(""), cwd=tmp_path)
    assert (laid.code, laid.err) == (0, "4 files, 0 would change.\n")


def test_every_exit_code_is_in_the_readme_or_said_to_be_unused() -> None:
    listed = {
        int(code) for codes in re.findall(r"^\| ([0-9, ]+) \|", README, flags=re.MULTILINE) for code in codes.split(",")
    }

    assert listed <= set(PRECEDENCE)


def test_the_sandbox_can_be_embedded_as_the_readme_says() -> None:
    (code,) = blocks("python")
    printed: list[str] = []

    exec(code, {"print": printed.append, "serve": serve})

    assert printed[0].startswith("http://127.0.0.1:")


def test_the_first_plan_of_the_readme_can_be_made_and_writes_nothing(tmp_path: Path) -> None:
    lines = [line.strip() for block in blocks("sh") for line in block.splitlines()]
    steps = [shlex.split(line)[1:] for line in lines if line.startswith(".venv/bin/reconciler ")]

    with serve(user="admin", password="secret") as sandbox:
        before = sandbox.state()["writes"]
        # In the clone, whose manifests they name.
        ended = [command(*words, env=environment(sandbox.url), cwd=ROOT).code for words in steps]
        after = sandbox.state()["writes"]

    assert ([words[0] for words in steps], ended) == (["doctor", "validate", "plan"], [0, 0, 0])
    assert after == before


def test_every_make_target_of_the_readme_is_one() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = re.findall(r"^make (\w+)", "\n".join(blocks("sh")), flags=re.MULTILINE)

    assert set(named) <= set(targets)


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name
)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert missing == []


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) < 200
