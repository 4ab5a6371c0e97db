"""What an editor shows of manifests, asked of yaml-language-server itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.kinds.catalogue import load
from tests.deploy.language_server import Editor, editor

ROOT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.tools, pytest.mark.slow]
RELAY = "kind: MtaRoute\nspec:\n  type: Relay\n"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    root = tmp_path_factory.mktemp("mail")
    shutil.copytree(ROOT / "schemas", root / "schemas")
    kinds = {"schemas/manifest.schema.json": "m*.yaml", "schemas/config.schema.json": "reconciler.yaml"}
    with editor(root, kinds) as running:
        yield running


def test_kinds_are_offered(opened: Editor) -> None:
    assert sorted(opened.complete("m1.yaml", "kind: |\n")) == sorted([*load().kinds, "RoutingTest"])


def test_types_of_a_kind_are_offered(opened: Editor) -> None:
    assert opened.complete("m2.yaml", "kind: MtaRoute\nspec:\n  type: |\n") == ["Mx", "Relay", "Local"]


def test_a_kind_that_is_offered_is_told_of(opened: Editor) -> None:
    kinds = opened.documented("m8.yaml", "kind: |\n")

    assert kinds["MtaRoute"] == load().kinds["MtaRoute"].description


def test_fields_of_a_relay_are_offered_and_no_others(opened: Editor) -> None:
    offered = opened.complete("m3.yaml", f"{RELAY}  |\n")

    assert {"address", "port", "name", "authSecret", "implicitTls"} <= set(offered)
    assert not {"maxMxHosts", "ipLookupStrategy"} & set(offered)


def test_a_field_of_an_item_is_offered(opened: Editor) -> None:
    assert "timeoutData" in opened.complete("m4.yaml", "kind: MtaMilter\nitems:\n  - hostname: a.example\n    |\n")


def test_the_meaning_of_a_field_is_shown(opened: Editor) -> None:
    kind = load().kinds["MtaRoute"]

    shown = opened.hover("m5.yaml", f"{RELAY}  po|rt: 587\n")

    meaning = kind.shape("Relay")["port"].description
    assert meaning.replace("`", "") in shown.replace("\\", "").replace("`", "")


def test_a_wrong_value_is_marked_where_it_stands(opened: Editor) -> None:
    _, wrong = opened.show("m6.yaml", f"{RELAY}  name: x\n  address: a.example.net\n  port: 70000\n")

    (found,) = wrong
    assert (found["range"]["start"], found["severity"]) == ({"line": 5, "character": 8}, 1)
    assert "65535" in found["message"]


def test_what_is_right_is_not_marked(opened: Editor) -> None:
    for path in sorted((ROOT / "manifests").glob("*.yaml")):
        assert opened.show(f"manifests/{path.name}", path.read_text(encoding="utf-8"))[1] == [], path.name


def test_a_configuration_is_completed_too(opened: Editor) -> None:
    assert {"targets", "policy", "ping"} <= set(opened.complete("reconciler.yaml", "|\n"))
