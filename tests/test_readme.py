"""What the README says, runs."""

import re
from pathlib import Path

from reconciler.catalogue import load
from reconciler.cli import COMMANDS
from reconciler.errors import PRECEDENCE
from reconciler.manifest import Text, parse
from reconciler.sandbox import serve
from reconciler.settings import Options, read_config, settings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_manifest_of_the_readme_is_right() -> None:
    manifest = next(block for block in blocks("yaml") if "kind:" in block)

    desired = parse(load(), [[Text("README.md", manifest)]])

    assert desired.diagnostics == ()
    assert [str(each.address) for each in desired.resources] == ["MtaRoute/relay-eu", "MtaOutboundStrategy"]


def test_the_configuration_of_the_readme_is_right(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text(next(block for block in blocks("yaml") if "targets:" in block))

    found = settings(load(), read_config(Options(config=str(path))), Options(), {})

    assert found.target == "prod"


def test_every_command_is_in_the_readme_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+)", README, flags=re.MULTILINE)

    assert sorted(listed) == sorted(COMMANDS)


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
