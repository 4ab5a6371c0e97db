"""CONTRIBUTING.md names files that there are, and all that there are to touch."""

import re
from pathlib import Path

import pytest

from reconciler.mail.lint import RULES

ROOT = Path(__file__).parent.parent
NAMED = sorted(set(re.findall(r"`([\w./-]+/[\w./-]*)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", NAMED)
def test_path_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_rules_are_found_where_it_says() -> None:
    modules = re.findall(r"`(reconciler/mail/lint/\w+\.py)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    # The small modules of a single rule beside them are named after it.
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "reconciler" / "mail" / "lint").glob("*.py")]

    assert {ROOT / name for name in modules} <= set((ROOT / "reconciler" / "mail" / "lint").glob("*.py"))
    assert [rule for rule in RULES if sum(text.count(f'"{rule}"') for text in texts) < 2] == []


@pytest.mark.parametrize(
    ("word", "modules"),
    [
        ("max_update", ["commands/options.py", "plan/guards.py", "values/policy.py"]),
        ("ca_bundle", ["commands/options.py", "server/connection.py", "server/jmap/endpoint.py"]),
    ],
)
def test_limit_and_option_are_named_where_it_says_and_nowhere_else(word: str, modules: list[str]) -> None:
    named = [
        str(path.relative_to(ROOT / "reconciler"))
        for path in sorted((ROOT / "reconciler").rglob("*.py"))
        if re.search(word, path.read_text(encoding="utf-8"))
    ]

    assert named == modules
    assert {f"reconciler/{module}" for module in modules} <= set(NAMED)
