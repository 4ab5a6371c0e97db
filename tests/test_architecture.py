"""The house's ranks and seams, read from the imports of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "reconciler"

#: Rank of each room; the longest prefix of a module's name decides. Modules of one room may import each other.
RANKS = {
    "": 0,
    "errors": 1,
    "model": 1,
    "strictyaml": 1,
    "units": 1,
    "catalogue": 2,
    "expression": 2,
    "policy": 2,
    "streams": 2,
    "jmap": 2,
    "jmap.protocol": 2,
    "jmap.client": 3,
    "secrets": 3,
    "journal": 3,
    "lock": 3,
    "schema": 3,
    "codec": 3,
    "identity": 3,
    "references": 3,
    "resolving": 3,
    "diff": 3,
    "explain": 3,
    "names": 3,
    "permissions": 4,
    "yamltext": 2,
    "lint": 4,
    "live": 4,
    "manifest": 4,
    "plan": 4,
    "moves": 4,
    "routing": 4,
    "savedplan": 4,
    "layout": 4,
    "export": 4,
    "report": 4,
    "settings": 4,
    "apply": 5,
    "sandbox": 4,
    "sandbox.server": 5,
    "commands": 7,
    "options": 7,
    "cli": 8,
    "__main__": 9,
}
MODULES = sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    while module and module not in RANKS:
        module = module.rpartition(".")[0]
    return module


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> Iterator[str]:
    known = {name_of(each) for each in MODULES}
    for name in imports(path):
        inner = name.removeprefix("reconciler.")
        if name.startswith("reconciler.") and inner in known:
            yield inner


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_imports_only_lower_ranks(path: Path) -> None:
    room = room_of(name_of(path))
    top = room.partition(".")[0]

    higher = [
        name for name in ours(path) if room_of(name).partition(".")[0] != top and RANKS[room_of(name)] >= RANKS[room]
    ]

    assert higher == []


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("httpx", {"jmap.client"}),
        ("deepdiff", {"diff"}),
        ("yaml", {"strictyaml"}),
        ("jsonschema", {"schema"}),
        ("jsonschema_rs", {"schema"}),
        ("click", {"cli", "commands", "options"}),
    ],
)
def test_library_has_one_home(library: str, rooms: set[str]) -> None:
    homes = {
        room_of(name_of(path))
        for path in MODULES
        if any(name == library or name.startswith(f"{library}.") for name in imports(path))
    }

    assert homes - {"commands"} <= rooms
    assert homes & rooms


def test_sandbox_knows_nothing_of_the_pipeline() -> None:
    allowed = {"errors", "catalogue", "expression", "sandbox", "sandbox.server", ""}

    known = {room_of(name) for path in (ROOT / "sandbox").glob("*.py") for name in ours(path)}

    assert known <= allowed


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_opens_with_purpose_and_law(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""

    assert "Law: " in docstring or name_of(path) == ""
