"""The pages of docs/ can be taken as they stand: files written, commands run, exit codes and outputs as they say.

A block of yaml is the file whose path stands last in backticks before it. In a block of sh a line that begins with
`reconciler` is run and ends with 0, or with N where `# exit N` stands behind it; other lines are the shell's. Each line
of a block of text, up to `…`, is in what the command before it printed.
"""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.sandbox import serve
from tests.running import Ran, command, environment
from tests.whole import SCHEMA

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", flags=re.DOTALL)
#: Pages that tests of their own take.
OTHERS = {"ten-minutes.md", "layers.md"}
#: The page about a server of every kind.
WHOLE = "whole-server.md"
PAGES = sorted(path.name for path in DOCS.glob("*.md") if path.name not in OTHERS)
#: What a page says of its reader's own server and secrets.
PLACE = re.compile(r"^(export STALWART_|read )")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_taken_as_it_stands(page: str, tmp_path: Path) -> None:
    told, *steps = BLOCK.split((DOCS / page).read_text(encoding="utf-8"))
    schema = SCHEMA.read_bytes() if page == WHOLE else None
    with serve(user="admin", password="secret", tokens={"token": "admin"}, schema=schema) as sandbox:
        env = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path), RELAY_PASSWORD="canary")
        del env["RECONCILER_JOURNAL"]
        reader = Reader(tmp_path, env, sandbox.url)
        for language, text, after in zip(*[iter(steps)] * 3, strict=True):
            reader.take(language, text, told)
            told = after

    assert reader.wrong == []


class Reader:
    """Takes a page step by step, in a directory of its own."""

    def __init__(self, place: Path, env: dict[str, str], url: str) -> None:
        self.place, self.env, self.url = place, env, url
        self.last = Ran(0, "", "")
        self.wrong: list[str] = []

    def take(self, language: str, text: str, told: str) -> None:
        match language:
            case "yaml":
                assert list(yaml.safe_load_all(text))
                self.write(text, told)
            case "ndjson" | "toml":
                self.write(text, told)
            case "sh":
                for line in text.splitlines():
                    self.run(line)
            case "text":
                printed = self.last.out + self.last.err
                missing = [line for line in text.splitlines() if line.removesuffix("…").strip() not in printed]
                self.wrong += [f"not printed: {line}\n{printed}" for line in missing]
            case "json":
                json.loads(text)
            case _:
                assert language in ("cron", "ini", "python"), language

    def write(self, text: str, told: str) -> None:
        path = self.place / re.findall(r"`([\w./-]+\.(?:ya?ml|ndjson|toml))`", told)[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("https://mail.example.org", self.url))

    def run(self, line: str) -> None:
        if not line.startswith("reconciler "):
            if line.strip() and not PLACE.match(line):
                subprocess.run(
                    ["bash", "-e", "-c", line], cwd=self.place, env=self.env, check=True, capture_output=True
                )
            return
        ends = re.search(r"# exit (\d+)", line)
        words: list[Any] = shlex.split(line, comments=True)[1:]
        self.last = command(*words, env=self.env, cwd=self.place)
        wanted = int(ends[1]) if ends else 0
        if self.last.code != wanted:
            self.wrong.append(f"{line} ended with {self.last.code}\n{self.last.out}{self.last.err}")
