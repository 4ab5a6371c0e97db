"""Every set of manifests that ships is whole: it validates, does what its tests say, and applies to a new server."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.desired.manifest import load as load_manifests
from reconciler.expression import eval_line
from reconciler.kinds.catalogue import load
from reconciler.kinds.codec import context_of
from reconciler.mail.explain.state import choosing, filtering
from reconciler.mail.routing import check_documents
from reconciler.sandbox import serve
from reconciler.values.model import Resource
from reconciler.yamlio import load as load_yaml
from tests.running import command, environment

ROOT = Path(__file__).parent.parent
MANIFESTS = ROOT / "manifests"
SCENARIOS = sorted((MANIFESTS / "scenarios").iterdir())
RECIPES = sorted((MANIFESTS / "recipes").iterdir())
#: Paths that are applied together, as arguments.
SETS: dict[str, tuple[str, ...]] = {
    "top level": tuple(str(path) for path in sorted(MANIFESTS.glob("*.yaml"))),
    **{f"{path.parent.name}/{path.stem}": (str(path),) for path in (*RECIPES, *SCENARIOS)},
}
#: What the mail server finds in its own environment; the reconciler never asks for it.
VARIABLES = ("MAILSTORE_PASSWORD", "RELAY_PASSWORD", "SMARTHOST_BLUE_PASSWORD", "SMARTHOST_RED_PASSWORD")
NOWHERE = environment("http://127.0.0.1:9")
CATALOGUE = load()
#: A text or a number in an expression.
LITERAL = re.compile(r"'[^']*'|\b\d+\b")

every_set = pytest.mark.parametrize("paths", SETS.values(), ids=SETS.keys())


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret", environment=dict.fromkeys(VARIABLES, "secret")) as running:
        yield running


def documents(paths: tuple[str, ...]) -> list[dict[str, Any]]:
    files = [file for path in map(Path, paths) for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    found: list[dict[str, Any]] = []
    for file in files:
        read, problems = load_yaml(file.read_text(encoding="utf-8"))
        assert not problems, (file, problems)
        found += [each.value for each in read]  # type: ignore[misc]  # every document here is a mapping
    return found


def mutants(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """Yield the resource with one part changed of what decides about mail, each with what was changed."""
    kind = CATALOGUE.kinds[resource.address.kind]
    deciding = {field for each, field, _ in choosing(CATALOGUE) if each is kind}
    if kind in filtering(CATALOGUE):
        deciding = {name for name, prop in kind.properties.items() if prop.language or prop.type == "set"}
    for field in sorted(deciding & resource.wire.keys()):
        for pointer, value in altered(resource.wire[field]):
            yield f"{resource.address} {field}/{pointer}", replace(resource, wire={**resource.wire, field: value})


def altered(value: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an expression with one of its texts changed, or a set without one of its members."""
    for key, part in value.items():
        if isinstance(part, Mapping):
            yield from ((f"{key}/{pointer}", {**value, key: each}) for pointer, each in altered(part))
        elif isinstance(part, str):
            yield from ((f"{key}: {text}", {**value, key: text}) for text in reworded(part) if text != part)
        else:
            yield f"{key}: taken out", {each: kept for each, kept in value.items() if each != key}


def reworded(text: str) -> Iterator[str]:
    """Yield what an expression is not: always true or always false, or about something else."""
    if not LITERAL.fullmatch(text):
        yield from ("true", "false")
    for found in LITERAL.finditer(text):
        other = "'another'" if found[0].startswith("'") else str(int(found[0]) + 1)
        yield f"{text[: found.start()]}{other}{text[found.end() :]}"


@every_set
def test_a_set_validates_without_errors_and_warnings(paths: tuple[str, ...]) -> None:
    ran = command("validate", "--format", "json", *paths, env=NOWHERE, cwd=ROOT)

    assert ran.code == 0
    assert [each for each in ran.json["diagnostics"] if each["severity"] != "note"] == []


@every_set
def test_the_routing_tests_of_a_set_pass(paths: tuple[str, ...]) -> None:
    wanted = sum(len(each["cases"]) for each in documents(paths) if each["kind"] == "RoutingTest")

    ran = command("test", *paths, env=NOWHERE, cwd=ROOT)

    assert wanted > 1
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == f"{wanted} routing tests: {wanted} passed."


@every_set
def test_whatever_decides_about_mail_is_held_by_a_routing_test(paths: tuple[str, ...]) -> None:
    desired = load_manifests(CATALOGUE, paths).checked()

    unnoticed = [
        change
        for resource in desired.resources
        for change, mutant in mutants(resource)
        if not check_documents(
            CATALOGUE,
            [mutant if each is resource else each for each in desired.resources],
            desired.locate,
            desired.tests,
        )
    ]

    assert unnoticed == []


@every_set
def test_a_set_is_in_sync_once_it_is_applied(sandbox: Any, paths: tuple[str, ...]) -> None:
    env = environment(sandbox.url)

    applied = command("apply", "--yes", *paths, env=env, cwd=ROOT)
    plan = command("plan", "--detailed-exitcode", "--format", "json", *paths, env=env, cwd=ROOT)
    state = sandbox.state()

    assert (applied.code, applied.err) == (0, "")
    assert (plan.code, plan.json["changes"]) == (0, [])
    assert state["live"] == state["stored"]


def test_the_manifests_are_laid_out_canonically() -> None:
    ran = command("fmt", "--check", str(MANIFESTS), env=NOWHERE, cwd=ROOT)

    assert (ran.code, ran.out) == (0, "")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_a_scenario_names_the_schema_in_every_file(path: Path) -> None:
    heads = {file.name: file.read_text(encoding="utf-8").splitlines()[0] for file in path.iterdir()}
    schema = "../../../schemas/manifest.schema.json"

    assert len(heads) > 2
    assert set(heads.values()) == {f"# yaml-language-server: $schema={schema}"}
    assert (path / schema).is_file()


def test_mail_from_outside_is_relayed_to_the_split_domains_and_nowhere_else() -> None:
    declared = documents((str(MANIFESTS / "scenarios" / "split-domain-failover"),))
    (allowed,) = (each["spec"]["allowRelaying"] for each in declared if each["kind"] == "MtaStageRcpt")
    asked = [("", "lab.example.org"), ("", "shop.example.org"), ("", "other.example.net"), ("a", "other.example.net")]

    answers = [
        eval_line(
            {"expr": allowed, "given": {"authenticatedAs": login, "rcpt": f"b@{domain}"}},
            context_of(CATALOGUE, CATALOGUE.kinds["MtaStageRcpt"].properties["allowRelaying"]),
        )
        for login, domain in asked
    ]

    assert answers == [{"accepted": True, "value": value} for value in (1, 1, 0, 1)]


def test_the_scenarios_declare_what_they_are_for() -> None:
    declared = {path.name: {each["kind"] for each in documents((str(path),))} for path in SCENARIOS}
    shared = {"RoutingTest", "MtaOutboundStrategy"}

    assert declared == {
        "lmtp-mail-store": {"MtaConnectionStrategy", "MtaRoute", *shared},
        "slow-drain": {"MtaDeliverySchedule", "MtaOutboundThrottle", "MtaVirtualQueue", *shared},
        "split-domain-failover": {"MtaDeliverySchedule", "MtaRoute", "MtaStageRcpt", *shared},
        "tenant-smarthosts": {"MtaRoute", "MtaTlsStrategy", *shared},
        "two-milters-one-port": {"MtaMilter", "RoutingTest"},
    }
    assert set().union(*declared.values()) <= {*CATALOGUE.kinds, "RoutingTest"}
