"""The canonical layout moves keys with their comments, and changes no value."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.catalogue import load as load_catalogue
from reconciler.layout import lay_out
from reconciler.strictyaml import load
from reconciler.yamltext import emit

CATALOGUE = load_catalogue()
MANIFESTS = sorted(Path(__file__).parent.parent.joinpath("manifests").rglob("*.yaml"))


def laid(text: str) -> str:
    found = lay_out(CATALOGUE, text)
    assert found.problems == ()
    return found.text


def test_keys_come_into_order_with_the_comments_above_them() -> None:
    text = laid(
        "# yaml-language-server: $schema=s.json\n"
        "\n"
        "# the relays\n"
        "spec:\n"
        "    # the port\n"
        "    port: 587  # submission\n"
        "    authSecret: {variableName: A, type: EnvironmentVariable}\n"
        "\n"
        "    # the name\n"
        "    name:   relay-eu\n"
        "    address: smtp.example.net\n"
        "    type: Relay\n"
        "    # at the end\n"
        "metadata:\n"
        "  unmanaged: [description]\n"
        "kind: MtaRoute\n"
        "# behind all\n"
    )

    assert text == (
        "# yaml-language-server: $schema=s.json\n"
        "\n"
        "# the relays\n"
        "kind: MtaRoute\n"
        "metadata:\n"
        "  unmanaged: [description]\n"
        "spec:\n"
        "  type: Relay\n"
        "\n"
        "  # the name\n"
        "  name: relay-eu\n"
        "  address: smtp.example.net\n"
        "  # the port\n"
        "  port: 587  # submission\n"
        "  authSecret: {type: EnvironmentVariable, variableName: A}\n"
        "  # at the end\n"
        "# behind all\n"
    )


def test_items_are_indented_and_ordered_and_keep_their_order() -> None:
    text = laid(
        "kind: MtaMilter\n"
        "items:\n"
        "# first\n"
        "- port: 1\n"
        "  # where it runs\n"
        "  hostname: b.test\n"
        "\n"
        "\n"
        "# second\n"
        "- {port: 2, hostname: a.test}\n"
        "-\n"
        "    stages:\n"
        "    - data  # all of it\n"
        "    - rcpt\n"
        "    hostname: c.test\n"
    )

    assert text == (
        "kind: MtaMilter\n"
        "items:\n"
        "  # first\n"
        "  # where it runs\n"
        "  - hostname: b.test\n"
        "    port: 1\n"
        "\n"
        "  # second\n"
        "  - {hostname: a.test, port: 2}\n"
        "  - hostname: c.test\n"
        "    stages:\n"
        "      - data  # all of it\n"
        "      - rcpt\n"
    )


def test_expressions_are_ordered_inside() -> None:
    text = laid(
        "kind: MtaOutboundStrategy\n"
        "spec:\n"
        "  route:\n"
        "    use: mx\n"
        "    match:\n"
        "      - use: local\n"
        "        if: is_local_domain(rcpt_domain)\n"
        "      - { use: relay,if: retry_num > 1 }\n"
        "  connection: {else: \"'a'\"}\n"
    )

    assert text == (
        "kind: MtaOutboundStrategy\n"
        "spec:\n"
        "  route:\n"
        "    match:\n"
        "      - if: is_local_domain(rcpt_domain)\n"
        "        use: local\n"
        "      - {if: retry_num > 1, use: relay}\n"
        "    use: mx\n"
        "  connection: {else: \"'a'\"}\n"
    )


def test_anchors_aliases_and_merge_keys_survive() -> None:
    text = (
        "x-times: &times {timeoutCommand: 5s}\n"
        "kind: MtaMilter\n"
        "items:\n"
        "  - port: &port 11332\n"
        "    <<: *times\n"
        "    hostname: a.test\n"
        "  - &second\n"
        "    hostname: b.test\n"
        "    port: *port\n"
    )

    assert laid(text) == (
        "kind: MtaMilter\n"
        "x-times: &times {timeoutCommand: 5s}\n"
        "items:\n"
        "  - <<: *times\n"
        "    hostname: a.test\n"
        "    port: &port 11332\n"
        "  - &second\n"
        "    hostname: b.test\n"
        "    port: *port\n"
    )


def test_an_alias_never_comes_before_its_anchor() -> None:
    text = (
        "spec:\n"
        "  timeoutData: &wait 2m\n"
        "  timeoutCommand: *wait\n"
        "  hostname: a.test\n"
        "kind: MtaMilter\n"
        "---\n"
        "spec: {url: u}\n"
        "kind: MtaHook\n"
    )

    assert laid(text) == text.replace("spec: {url: u}\nkind: MtaHook\n", "kind: MtaHook\nspec: {url: u}\n")


def test_texts_of_several_lines_move_whole() -> None:
    text = laid(
        "spec:\n"
        "    name: a\n"
        "    description: |\n"
        "        one\n"
        "          two\n"
        "\n"
        "    type: Relay\n"
        "    address: 'smtp.\n"
        "      example.net'\n"
        "kind: MtaRoute\n"
    )

    assert text == (
        "kind: MtaRoute\n"
        "spec:\n"
        "  type: Relay\n"
        "\n"
        "  name: a\n"
        "  description: |\n"
        "      one\n"
        "        two\n"
        "  address: 'smtp.\n"
        "    example.net'\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "kind: Strange\nspec: 5\n",
        "{spec: {}, kind: MtaRoute}\n",
        "- spec: 1\n  kind: MtaRoute\n",
        "? kind\n: MtaRoute\n",
        "kind: RoutingTest\ngiven: {b: 1, a: 2}\ncases:\n  - name: x\n    given: {rcpt: a}\n    expect: {route: r}\n",
    ],
)
def test_what_has_no_other_layout_stays(text: str) -> None:
    assert laid(text) == text


def test_wrong_yaml_is_left_alone_and_told() -> None:
    found = lay_out(CATALOGUE, "spec: {}\nspec: {}\n")

    assert found.text == "spec: {}\nspec: {}\n"
    assert [(each.line, each.code) for each in found.problems] == [(2, "duplicate-key")]


def test_line_ends_of_windows_stay() -> None:
    assert laid("spec: {}\r\n# c\r\nkind: A\r\n") == "# c\r\nkind: A\r\nspec: {}\r\n"


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_layout_of_the_examples_changes_no_value_and_no_comment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    again = laid(text)

    assert values(again) == values(text)
    assert comments(again) == comments(text)
    assert laid(again) == again


# ---- laws ----------------------------------------------------------------------------------------------------------


def values(text: str) -> Any:
    documents, problems = load(text)
    assert problems == []
    return [each.value for each in documents]


def comments(text: str) -> list[str]:
    return sorted("#" + line.partition("#")[2].rstrip() for line in text.splitlines() if "#" in line)


LEAVES = st.sampled_from([1, True, None, "a", "x y", "b: c", "'q'", "a\nb"])
KEYS = ["name", "type", "address", "port", "description", "authSecret", "match", "else", "if", "use", "zz"]
BELOW = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, min_size=1, max_size=4)
    ),
    max_leaves=6,
)
SPECS = st.dictionaries(st.sampled_from(KEYS), BELOW, min_size=1, max_size=5)
DOCUMENTS = st.permutations(["kind", "metadata", "spec", "x-own", "items"]).flatmap(
    lambda keys: st.fixed_dictionaries(
        {
            key: st.sampled_from(["MtaRoute", "MtaOutboundStrategy", "RoutingTest"])
            if key == "kind"
            else st.lists(SPECS, min_size=1, max_size=3)
            if key == "items"
            else SPECS
            for key in keys
        }
    )
)


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Texts of manifests with keys in any order, and comments and blank lines wherever they may stand."""
    texts = [emit(draw(DOCUMENTS)) for _ in range(draw(st.integers(1, 2)))]
    lines = "---\n".join(texts).splitlines()
    for number in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(lines)))
        indent = " " * draw(st.sampled_from([0, 2, 3, 4, 6]))
        if draw(st.booleans()):
            lines.insert(at, "" if draw(st.booleans()) else f"{indent}# c{number}")
        elif at < len(lines) and lines[at].strip() and "#" not in lines[at]:
            lines[at] += f"  # e{number}"
    return "".join(f"{line}\n" for line in lines)


@settings(max_examples=100)
@given(manifests())
def test_layout_changes_no_value_loses_no_comment_and_is_done_once(text: str) -> None:
    again = laid(text)

    assert values(again) == values(text)
    assert comments(again) == comments(text)
    assert laid(again) == again


@settings(max_examples=100)
@given(st.text("kind: MtaRoute\nspec-#&*|>'\"[]{},  ", max_size=60))
def test_whatever_is_written_keeps_its_meaning(text: str) -> None:
    documents, problems = load(text)

    found = lay_out(CATALOGUE, text)

    assert found.problems == tuple(problems)
    assert [each.value for each in load(found.text)[0]] == [each.value for each in documents]
    assert not problems or found.text == text
