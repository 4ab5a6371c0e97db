"""The house's floors and faces, read from the imports of every module and from the table of ARCHITECTURE.md."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

from reconciler.faces import homes
from reconciler.kinds.catalogue import load

ROOT = Path(__file__).parent.parent / "reconciler"
ROWS = re.findall(r"^\| `(\w+)` \| .* \| (.*)\|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
#: Rooms from the highest floor to the lowest; the sandbox stands beside them.
FLOORS = [room for room, _ in ROWS]


def allowed(room: str) -> set[str]:
    """Return the rooms that the table lets a room import."""
    (words,) = (words for name, words in ROWS if name == room)
    below = FLOORS[FLOORS.index(room) + 1 :]
    named = set(re.split(r",\s*", words.strip())) - {""}
    return named - {"every room below"} | set(below if "every room below" in named else ())


MODULES = sorted(ROOT.rglob("*.py"))
#: What holds the rooms together, and is none itself.
OUTSIDE = {"", "faces", "__main__"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


NAMES = {name_of(path): path for path in MODULES}


def room_of(module: str) -> str:
    return module.partition(".")[0]


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each module that is imported, and the name that is asked of it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def ours(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the imports of the house's own modules, without its name in front."""
    for module, name in imports(path):
        if module == "reconciler" and name in FLOORS:
            yield name, ""
        elif module.startswith("reconciler."):
            yield module.removeprefix("reconciler."), name


INSIDE = [path for path in MODULES if room_of(name_of(path)) not in OUTSIDE]


def test_every_room_stands_in_the_table_and_every_row_is_a_room() -> None:
    assert {room_of(name) for name in NAMES} - OUTSIDE == set(FLOORS)


def test_tables_arrows_go_down() -> None:
    floors = [room for room in FLOORS if room != "sandbox"]

    up = [(room, other) for room in floors for other in allowed(room) - {"sandbox"} if other not in below(room)]

    assert up == []


def below(room: str) -> list[str]:
    return FLOORS[FLOORS.index(room) + 1 :]


@pytest.mark.parametrize("path", INSIDE, ids=name_of)
def test_module_imports_only_what_the_table_allows(path: Path) -> None:
    room = room_of(name_of(path))

    others = {room_of(module) for module, _ in ours(path)} - {room} - OUTSIDE

    assert others <= allowed(room)


@pytest.mark.parametrize("path", INSIDE, ids=name_of)
def test_module_asks_other_rooms_at_their_faces_only(path: Path) -> None:
    room = room_of(name_of(path))

    past = [module for module, _ in ours(path) if room_of(module) not in {room} | OUTSIDE and "." in module]

    assert past == []


@pytest.mark.parametrize("room", [room for room in FLOORS if room != "cli"])
def test_face_lends_what_its_stub_says(room: str) -> None:
    face, stub = import_module(f"reconciler.{room}"), homes(f"reconciler.{room}")
    modules = {name.split(".")[1] for name in NAMES if name.startswith(f"{room}.")}

    # A function that is called as its module would be hidden by it.
    assert {name for name, home in stub.items() if home != f"reconciler.{room}"} & modules == set()
    assert {name: getattr(face, name) for name in stub} == {
        name: getattr(import_module(home), name) for name, home in stub.items()
    }


def test_modules_import_each_other_in_one_direction() -> None:
    graph: dict[str, set[str]] = {}
    for name, path in NAMES.items():
        graph[name] = set()
        for module, asked in ours(path):
            inner = f"{module}.{asked}"
            home = homes(f"reconciler.{module}").get(asked, "") if module in FLOORS and module != "cli" else ""
            graph[name].add(inner if inner in NAMES else home.removeprefix("reconciler.") or module)

    # Raises where there is a circle, and names it.
    TopologicalSorter(graph).prepare()

    assert len(graph) == len(NAMES)


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("httpx", {"server"}),
        ("deepdiff", {"plan"}),
        ("yaml", {"yamlio"}),
        ("jsonschema", {"kinds"}),
        ("jsonschema_rs", {"kinds"}),
        ("click", {"cli", "commands"}),
    ],
)
def test_library_has_one_home(library: str, rooms: set[str]) -> None:
    homes_of = {
        room_of(name_of(path))
        for path in MODULES
        if any(module == library or module.startswith(f"{library}.") for module, _ in imports(path))
    }

    assert homes_of - {"commands"} <= rooms
    assert homes_of & rooms


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_opens_with_purpose_and_law(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""

    assert "Law: " in docstring or name_of(path) == ""


#: Modules that may name kinds and their properties, and why.
NAMING = {
    "mail.facts": "what no word of the catalogue says",
    "sandbox.reload": "it says for itself where the server looks for secrets",
    "commands.demo": "its manifests are an example, which a person reads",
}


def literals(path: Path) -> Iterator[str]:
    """Yield every text of a module but those that stand alone, as docstrings do."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


@pytest.mark.parametrize("path", [path for path in INSIDE if name_of(path) not in NAMING], ids=name_of)
def test_module_names_no_kind_and_no_property_of_one(path: Path) -> None:
    catalogue = load()
    shapes = [kind.legible(None) for kind in (*catalogue.kinds.values(), *catalogue.types.values())]
    # Only a name of several words is a property's alone.
    names = {name for shape in shapes for name in shape if name != name.lower()} | set(catalogue.kinds)

    assert names & set(literals(path)) == set()


#: Words of JMAP, which the sandbox means as the client does.
SHARED = {"Call", "Limits", "MethodError", "Request", "SetError"}


def test_class_name_means_one_idea_in_all_rooms() -> None:
    rooms: dict[str, set[str]] = {}
    for path in INSIDE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                rooms.setdefault(node.name, set()).add(room_of(name_of(path)))

    assert {name for name, where in rooms.items() if len(where) > 1} == SHARED


#: Names that say nothing of a value's type.
POOR = {"found", "each", "told", "what", "item", "items", "entity", "thing", "data", "info", "base", "common"}


def bound(path: Path) -> Iterator[str]:
    """Yield the name of every argument and variable of a module's functions."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
                elif isinstance(node, ast.arg):
                    yield node.arg


def test_names_of_variables_say_their_type() -> None:
    poor = {name_of(path): names for path in INSIDE if (names := POOR & set(bound(path)))}

    assert poor == {}


#: Modules that open files by themselves, and why they may.
READING = {
    "values.files": "it is the owner of reading",
    "apply.lock": "a lock is a file that is held open",
    "apply.journal.writer": "a journal is a file that is written to its end",
    "cli": "it stands the null device in for a stream that is closed",
    "commands.streams": "it stands the null device in for a stream that is closed",
}
#: Rooms and modules that read what comes with the program, or stand for a server.
OWN = ("kinds.catalogue", "expression", "desired.bridges", "desired.manifest.kept", "sandbox")
OPENING = {"open", "fdopen", "read_bytes", "read_text"}


def test_files_are_read_by_one_owner() -> None:
    """What a user names may be a device, a pipe, or too large for the memory: only one place knows how to read it."""
    opening = {
        name
        for name, path in NAMES.items()
        if not name.startswith(OWN)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in OPENING
    }

    assert opening == set(READING)
