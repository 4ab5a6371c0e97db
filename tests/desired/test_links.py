"""Links among manifests, and whatever else stands where a manifest is expected."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.commands import formats
from reconciler.desired import load
from reconciler.kinds import load as load_catalogue
from reconciler.values import Diagnostic, UsageError
from tests.running import command, environment

CATALOGUE = load_catalogue()


def manifest(name: str) -> str:
    return f"kind: MtaRoute\nspec: {{type: Mx, name: {name}}}\n"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Return a directory of manifests that declares `own`, beside a store that declares `other`."""
    (tmp_path / "store" / "deep").mkdir(parents=True)
    (tmp_path / "store" / "other.yaml").write_text(manifest("other"))
    (tmp_path / "store" / "deep" / "other.yaml").write_text(manifest("other"))
    (tmp_path / "layer" / "sub").mkdir(parents=True)
    (tmp_path / "layer" / "own.yaml").write_text(manifest("own"))
    return tmp_path / "layer"


def declared(layer: Path, *links: Path) -> list[str]:
    desired = load(CATALOGUE, [str(layer)], links=[str(each) for each in links])
    assert desired.diagnostics == ()
    return [each.address.name for each in desired.resources]


def mistakes(layer: Path, *links: Path) -> list[tuple[str, str, str]]:
    desired = load(CATALOGUE, [str(layer)], links=[str(each) for each in links])
    return [(os.path.relpath(each.file, layer), each.code, each.message) for each in desired.diagnostics]


#: Where links may stand, and how a link may be written.
PLACES = ["link.yaml", "sub/link.yml", "sub/link.JSON"]
SPELLINGS: list[Callable[[Path, Path], str]] = [
    lambda _, target: str(target),
    lambda link, target: os.path.relpath(target, link.parent),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("place", PLACES)
def test_a_link_outside_is_an_error_that_names_the_link(
    layer: Path, place: str, spelling: Callable[[Path, Path], str]
) -> None:
    target = layer.parent / "store" / "other.yaml"
    (layer / place).symlink_to(spelling(layer / place, target))

    assert mistakes(layer) == [(place, "link", f"it is a link to {target}, which lies outside of {layer}")]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("place", ["link.yaml", "sub/link.yml"])
def test_a_link_below_a_directory_that_policy_names_is_followed(
    layer: Path, place: str, spelling: Callable[[Path, Path], str]
) -> None:
    store = layer.parent / "store"
    (layer / place).symlink_to(spelling(layer / place, store / "other.yaml"))

    assert sorted(declared(layer, store)) == ["other", "own"]
    assert mistakes(layer, store / "deep") == [
        (place, "link", f"it is a link to {store}/other.yaml, which lies outside of {layer}")
    ]


def test_a_directory_is_linked_by_the_same_rule(layer: Path) -> None:
    store = layer.parent / "store"
    (layer / "shared").symlink_to("../store/deep")

    assert mistakes(layer) == [("shared", "link", f"it is a link to {store}/deep, which lies outside of {layer}")]
    assert sorted(declared(layer, store)) == ["other", "own"]


@pytest.mark.parametrize("target", ["nowhere.yaml", "/nowhere", "own.yaml/below", "../nowhere/x.yaml"])
@pytest.mark.parametrize("place", ["link.yaml", "sub/link.yaml", "directory"])
def test_a_link_that_leads_nowhere_is_an_error(layer: Path, place: str, target: str) -> None:
    (layer / place).symlink_to(target)

    assert mistakes(layer) == [(place, "link", f"it is a link to {target}, which does not exist")]


def test_links_that_lead_to_each_other_are_an_error(layer: Path) -> None:
    (layer / "itself.yaml").symlink_to("itself.yaml")
    (layer / "one").symlink_to("two")
    (layer / "two").symlink_to("one")

    assert mistakes(layer) == [
        ("itself.yaml", "link", "it is a link in a circle"),
        ("one", "link", "it is a link in a circle"),
        ("two", "link", "it is a link in a circle"),
    ]


@pytest.mark.parametrize("target", ["..", ".", "../sub", "../../layer"])
def test_a_link_to_a_directory_above_is_an_error(layer: Path, target: str) -> None:
    (layer / "sub" / "up").symlink_to(target)

    above = "it is a link in a circle: it leads to a directory above it"
    assert mistakes(layer) == [("sub/up", "link", above)]


def test_directories_that_are_linked_into_each_other_are_an_error(layer: Path) -> None:
    for one, other in (("p", "q"), ("q", "p")):
        (layer / one).mkdir()
        (layer / one / other).symlink_to(f"../{other}")

    above = "it is a link in a circle: it leads to a directory above it"
    assert mistakes(layer) == [("p/q/p", "link", above)]


def test_a_link_inside_is_followed_and_nothing_is_read_twice(layer: Path) -> None:
    (layer / "again.yaml").symlink_to("own.yaml")
    (layer / "sub" / "more.yaml").write_text(manifest("more"))
    (layer / "also").symlink_to("sub")

    assert declared(layer) == ["own", "more"]


def test_many_links_to_one_directory_cost_one_look(layer: Path) -> None:
    for level in range(40):
        (layer / f"d{level}").mkdir()
        for name in ("a", "b"):
            (layer / f"d{level}" / name).symlink_to(f"../d{level + 1}")
    (layer / "d40").mkdir()

    assert declared(layer) == ["own"]


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    (mount / "..2026_11_28" / "routes").mkdir(parents=True)
    (mount / "..2026_11_28" / "a.yaml").write_text(manifest("a"))
    (mount / "..2026_11_28" / "routes" / "b.yaml").write_text(manifest("b"))
    (mount / "..data").symlink_to("..2026_11_28")
    (mount / "a.yaml").symlink_to("..data/a.yaml")
    (mount / "routes").symlink_to("..data/routes")
    (tmp_path / "by-link").symlink_to("mount")

    assert declared(mount) == ["a", "b"]
    assert declared(tmp_path / "by-link") == ["a", "b"]


def test_a_hidden_link_is_skipped_wherever_it_leads(layer: Path) -> None:
    (layer / ".#own.yaml").symlink_to("user@host.1234")
    (layer / ".git").symlink_to("/")

    assert declared(layer) == ["own"]


def test_a_link_to_what_is_no_manifest_by_its_name_is_passed_over(layer: Path) -> None:
    (layer.parent / "LICENSE").write_text("")
    (layer / "LICENSE").symlink_to("../LICENSE")

    assert declared(layer) == ["own"]


@pytest.mark.parametrize("suffix", [".YAML", ".Yml", ".JSON"])
def test_a_suffix_in_capitals_is_a_manifests_too(layer: Path, suffix: str) -> None:
    text = '{"kind": "MtaRoute", "spec": {"type": "Mx", "name": "capital"}}'
    (layer / f"capital{suffix}").write_text(text)

    assert declared(layer) == ["capital", "own"]
    assert [each.address.name for each in load(CATALOGUE, [str(layer / f"capital{suffix}")]).resources] == ["capital"]


def test_what_is_no_regular_file_is_an_error_and_nothing_waits_for_it(layer: Path) -> None:
    os.mkfifo(layer / "pipe.yaml")
    os.mkfifo(layer / "pipe")
    (layer / "linked.yaml").symlink_to("pipe")

    odd = "it is no regular file"
    assert mistakes(layer) == [("linked.yaml", "unreadable", odd), ("pipe.yaml", "unreadable", odd)]
    assert load(CATALOGUE, [str(layer / "pipe.yaml")]).diagnostics == (
        Diagnostic(file=str(layer / "pipe.yaml"), code="unreadable", message=odd),
    )


def test_a_name_that_is_not_utf8_is_an_error(layer: Path) -> None:
    (Path(os.fsdecode(os.fsencode(layer) + b"/b\xff.yaml"))).write_text(manifest("b"))

    assert mistakes(layer) == [("b\\xff.yaml", "not-utf8", "its name is not UTF-8")]


def test_names_that_are_not_utf8_are_told_in_every_format(layer: Path) -> None:
    (Path(os.fsdecode(os.fsencode(layer) + b"/b\xff.yaml"))).write_text(manifest("b"))

    for name in formats("validate"):
        ran = command("validate", str(layer), "--format", name, env=environment(""))

        assert (ran.code, "xff.yaml" in ran.out + ran.err, "Traceback" in ran.err) == (65, True, False)


@pytest.fixture
def deep(layer: Path) -> Iterator[Path]:
    """Return a layer that is nested deeper than Python calls functions, and take it away, which Python cannot."""
    here = os.getcwd()
    os.chdir(layer)
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    Path("deep.yaml").write_text(manifest("deep"))
    os.chdir(here)
    yield layer
    subprocess.run(["rm", "-rf", str(layer / "d")], check=True)


def test_directories_may_be_nested_as_deep_as_the_system_allows(deep: Path) -> None:
    assert sorted(declared(deep)) == ["deep", "own"]


# ---- paths without a document ----------------------------------------------------------------------------------


EMPTY = {
    "an empty directory": {},
    "a hidden file alone": {".gitkeep": ""},
    "an empty file": {"a.yaml": ""},
    "comments alone": {"a.yaml": "# nothing\n---\n# here\n"},
    "no manifest": {"README.md": "# hello\n"},
    "an empty subdirectory": {"sub/.gitkeep": ""},
}


@pytest.mark.parametrize("files", EMPTY.values(), ids=EMPTY)
def test_a_path_without_a_document_is_an_error(layer: Path, files: dict[str, str]) -> None:
    empty = layer.parent / "empty"
    empty.mkdir()
    for name, text in files.items():
        (empty / name).parent.mkdir(exist_ok=True)
        (empty / name).write_text(text)

    for paths in ([empty], [layer, empty], [empty, layer]):
        found = load(CATALOGUE, [str(each) for each in paths]).diagnostics
        assert [(each.file, each.code, each.message) for each in found] == [
            (str(empty), "no-document", "it holds no document")
        ]
    assert load(CATALOGUE, [str(layer), str(empty)], optional={str(empty)}).diagnostics == ()


def test_a_file_that_is_wrong_is_not_told_to_be_empty_too(layer: Path) -> None:
    (layer / "own.yaml").write_text("kind: [\n")

    assert [each.code for each in load(CATALOGUE, [str(layer)]).diagnostics] == ["yaml-syntax"]


def test_a_routing_test_alone_is_a_document(layer: Path) -> None:
    (layer / "own.yaml").write_text("kind: RoutingTest\ncases: []\n")

    assert load(CATALOGUE, [str(layer)]).diagnostics == ()


def test_an_optional_layer_may_be_missing(layer: Path) -> None:
    missing = str(layer.parent / "missing")

    assert load(CATALOGUE, [str(layer), missing], optional={missing}).diagnostics == ()
    with pytest.raises(UsageError, match="does not exist"):
        load(CATALOGUE, [str(layer), missing])


@pytest.mark.parametrize("name", ["validate", "plan", "drift", "apply", "test", "permissions", "explain"])
def test_no_command_takes_an_empty_checkout_for_the_truth(tmp_path: Path, name: str) -> None:
    (tmp_path / "manifests").mkdir()
    more = {"apply": ["--yes"], "explain": ["--rcpt", "a@b.example"]}.get(name, [])

    ran = command(name, *more, env=environment("http://127.0.0.1:9"), cwd=tmp_path)

    assert (ran.code, "manifests: it holds no document" in ran.out + ran.err) == (65, True)


def test_a_target_says_which_layers_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text(manifest("a"))
    config = "targets:\n  prod:\n    url: http://127.0.0.1:9\n    manifests: [manifests, {path: over%s}]\n"

    (tmp_path / "reconciler.yaml").write_text(config % ", optional: true")
    fine = command("validate", env=environment(""), cwd=tmp_path)
    (tmp_path / "reconciler.yaml").write_text(config % "")
    wrong = command("validate", env=environment(""), cwd=tmp_path)

    assert (fine.code, wrong.code) == (0, 65)
    assert "over does not exist" in wrong.err


def test_policy_names_where_links_may_end(layer: Path) -> None:
    (layer / "link.yaml").symlink_to("../store/other.yaml")

    refused = command("validate", "layer", env=environment(""), cwd=layer.parent)
    (layer.parent / "reconciler.yaml").write_text("policy: {links: [store]}\n")
    followed = command("validate", "layer", env=environment(""), cwd=layer.parent)

    assert (refused.code, followed.code) == (65, 0)
    assert "layer/link.yaml: it is a link to" in refused.out


def test_fmt_leaves_alone_what_a_link_outside_leads_to(layer: Path) -> None:
    other = layer.parent / "store" / "other.yaml"
    other.write_text("spec: {type: Mx, name: other}\nkind: MtaRoute\n")
    (layer / "link.yaml").symlink_to(other)
    (layer.parent / "reconciler.yaml").write_text("policy: {links: [store]}\n")

    ran = command("fmt", "layer", env=environment(""), cwd=layer.parent)

    assert ran.code == 0
    assert other.read_text() == "spec: {type: Mx, name: other}\nkind: MtaRoute\n"
