"""A server that holds something of everything comes through `import` and back: the plan is empty.

The objects are made from the catalogue: of every variant of every kind one with no more than it needs, and enough with
every property off its default that every variant of what is nested in them is there too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from reconciler.kinds.catalogue import Kind, Property, Record, load
from reconciler.sandbox import serve
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.endpoint import Credentials
from reconciler.server.jmap.protocol import Call, Flow, Request
from tests.running import command, environment

CATALOGUE = load()
#: Enough for every variant within every variant (3 by 3 in a hook's credentials); the first test says if it is not.
ROUNDS = 9
ADMIN = Credentials(user="admin", password="secret")


def text(name: str, prop: Property, n: int) -> str:
    if prop.resolved or prop.form == "ip":
        return f"192.0.2.{n + 1}"
    if prop.form == "hostname":
        return f"h{n}.example.org"
    if name == "url":
        return f"https://hook.example.org/{n}"
    # What YAML could take for something else has to come back as the text that it is.
    return ("x", "no", "0755", "ü: #", "null", "1_0", "${x}", "- a", "Two\nlines")[n % 9]


def value(name: str, prop: Property, n: int, ids: dict[str, str]) -> Any:
    """Return the nth value of a property in wire form, never its default."""
    match prop.type:
        case "boolean":
            return not prop.default
        case "integer" | "duration" | "size":
            off = (prop.default if isinstance(prop.default, int) else 0) + n + 1
            return max(off, prop.min or 0) if prop.max is None else min(max(off, prop.min or 0), prop.max)
        case "enum":
            others = [each for each in prop.values if each != prop.default]
            return others[n % len(others)]
        case "set":
            members = prop.values[n % len(prop.values) :] if prop.values else (text(name, prop, n),)
            made = dict.fromkeys(members, True)
            return made if made != prop.default else {members[-1]: True, prop.values[0]: True}
        case "map":
            return {f"x-{n}": text(name, prop, n)}
        case "list":
            return {str(at): record(CATALOGUE.types[prop.of], n + at, ids) for at in range(2)}
        case "reference":
            return ids[prop.to]
        case "object" if prop.of == "Expression":
            return {"match": {str(at): {"if": f"1 + {at}", "then": "true"} for at in range(n % 3)}, "else": f"{n} + 1"}
        case "object":
            return record(CATALOGUE.types[prop.of], n, ids)
    return text(name, prop, n)


def record(of: Record, n: int, ids: dict[str, str], *, minimal: bool = False, variant: str = "") -> dict[str, Any]:
    """Return the nth object of a type: n counts through its variants, and where they end through those within."""
    chosen = variant
    if of.variants and not variant:
        n, at = divmod(n, len(of.variants))
        chosen = list(of.variants)[at]
    made = {"@type": chosen} if chosen else {}
    for name, prop in of.shape(chosen).items():
        if prop.mutability != "server-set" and (prop.required or not minimal):
            made[name] = value(name, prop, n, ids)
    return made


def objects(kind: Kind, ids: dict[str, str]) -> list[dict[str, Any]]:
    chosen = tuple(kind.variants) or ("",)
    full = [record(kind, n, ids, variant=each) for each in chosen for n in range(ROUNDS)]
    least = [record(kind, ROUNDS, ids, variant=each, minimal=True) for each in chosen]
    made = [*full, *least]
    for n, each in enumerate(made):
        each.update(dict.fromkeys(kind.unique, f"n{n}"))
    # Where names are not unique, two share a match key: import tells them apart by names of its own.
    return made if kind.unique else [*made, made[0]]


def fill(sandbox: Any) -> None:
    def flow(call: Call) -> Flow[None]:
        (answer,) = yield (Request((call,)),)
        (result,) = answer.results
        assert isinstance(result, dict), result
        assert not result.get("notCreated"), result
        assert not result.get("notUpdated"), result

    # What others refer to comes first.
    targets = {prop.to for kind in CATALOGUE.kinds.values() for prop in kind.properties.values() if prop.to}
    with Client(sandbox.url, ADMIN, may_write=True) as client:
        for kind in sorted(CATALOGUE.kinds.values(), key=lambda each: each.kind not in targets):
            ids = {name: sandbox.state()["stored"][f"x:{name}"][-1]["id"] for name in targets}
            if kind.singleton:
                change: dict[str, Any] = {"update": {"singleton": record(kind, 2, ids)}}
            else:
                change = {"create": {f"c{n}": each for n, each in enumerate(objects(kind, ids))}}
            client.run(flow(Call(f"x:{kind.kind}/set", change)))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret") as running:
        fill(running)
        yield running


@pytest.fixture
def env(sandbox: Any) -> dict[str, str]:
    return environment(sandbox.url)


def seen(of: Record, name: str, stored: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each (type, variant, property) of an object that is off its default, and (type, variant, "")."""
    variant = str(stored.get("@type", ""))
    yield name, variant, ""
    for field, prop in of.shape(variant).items():
        held = stored.get(field)
        if held != (None if prop.default is UNSET else prop.default):
            yield name, variant, field
        if prop.type == "object" and held is not None:
            yield from seen(CATALOGUE.types[prop.of], prop.of, held)
        elif prop.type == "list" and held:
            for each in held.values():
                yield from seen(CATALOGUE.types[prop.of], prop.of, each)


def known(of: Record, name: str) -> Iterator[tuple[str, str, str]]:
    for variant in of.variants or ("",):
        yield name, variant, ""
        for field, prop in of.shape(variant).items():
            if prop.mutability != "server-set":
                yield name, variant, field


def test_the_server_holds_something_of_everything(sandbox: Any) -> None:
    stored = sandbox.state()["stored"]

    found = {
        each
        for kind in CATALOGUE.kinds.values()
        for held in stored[f"x:{kind.kind}"]
        for each in seen(kind, kind.kind, held)
    }

    records = [*CATALOGUE.kinds.items(), *CATALOGUE.types.items()]
    assert {each for name, of in records for each in known(of, name)} - found == set()


@pytest.mark.parametrize("prune", [(), ("--prune",)], ids=["as declared", "pruned"])
def test_import_of_everything_is_in_sync(env: dict[str, str], tmp_path: Path, prune: tuple[str, ...]) -> None:
    imported = command("import", "--out", "manifests", env=env, cwd=tmp_path)
    plan = command("plan", "--detailed-exitcode", *prune, "--format", "json", "manifests", env=env, cwd=tmp_path)
    layout = command("fmt", "--check", "manifests", env=env, cwd=tmp_path)

    assert (imported.code, imported.out) == (0, "")
    assert (plan.code, plan.json["changes"], plan.json["undeclared"], plan.json["left"]) == (0, [], [], [])
    assert (layout.code, layout.out) == (0, "")


def test_import_twice_gives_the_same_bytes(env: dict[str, str], tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        ran = command("import", "--out", name, env=env, cwd=tmp_path)
        assert ran.code == 0
        texts.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})

    assert len(texts[0]) == len(CATALOGUE.kinds)
    assert texts[0] == texts[1]
