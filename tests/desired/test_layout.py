"""The canonical layout moves keys with their comments, and changes no value."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.desired.layout import lay_out
from reconciler.kinds.catalogue import load as load_catalogue
from reconciler.yamlio import load

CATALOGUE = load_catalogue()
MANIFESTS = sorted(Path(__file__).parent.parent.parent.joinpath("manifests").rglob("*.yaml"))


def laid(text: str) -> str:
    found = lay_out(CATALOGUE, text)
    assert found.problems == ()
    return found.text


def values(text: str) -> Any:
    documents, problems = load(text)
    assert problems == []
    return [each.value for each in documents]


def comments(text: str) -> list[str]:
    return sorted("#" + line.partition("#")[2].rstrip() for line in text.splitlines() if "#" in line)


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


CASES: dict[str, tuple[str, str]] = {
    "a blank line below the comment at the head stays": (
        "spec: {name: a, type: Mx}\n# Delivery of everything else\n\nkind: MtaRoute\n",
        "# Delivery of everything else\n\nkind: MtaRoute\nspec: {type: Mx, name: a}\n",
    ),
    "a text that keeps the blank lines behind it takes no others": (
        "spec:\n\n  &k name: z\n  type: |+\nkind: MtaRoute\n",
        "kind: MtaRoute\nspec:\n  type: |+\n  &k name: z\n",
    ),
    "a comment that goes on below itself stays one": (
        (
            "kind: MtaRoute\n"
            "spec:\n"
            "  port:  587            # submission: the provider takes\n"
            "                        # no mail from us on 25\n"
            "  address: smtp.eu.example.net\n"
        ),
        (
            "kind: MtaRoute\n"
            "spec:\n"
            "  address: smtp.eu.example.net\n"
            "  port: 587            # submission: the provider takes\n"
            "                       # no mail from us on 25\n"
        ),
    ),
    "a comment beside a key of others goes on too": (
        (
            "kind: MtaMilter\n"
            "spec:      # the scanner,\n"
            "           # on its own host\n"
            "  # where\n"
            "  port: 1  # it listens\n"
            "  hostname: h.test\n"
        ),
        (
            "kind: MtaMilter\n"
            "spec:      # the scanner,\n"
            "           # on its own host\n"
            "  hostname: h.test\n"
            "  # where\n"
            "  port: 1  # it listens\n"
        ),
    ),
    "an element that became a comment stays in its list": (
        (
            "kind: MtaConnectionStrategy\n"
            "spec:\n"
            "  sourceIps:\n"
            "  - 192.0.2.1\n"
            "  # - 192.0.2.2   out of service since May\n"
            "  # the name\n"
            "  name: x\n"
        ),
        (
            "kind: MtaConnectionStrategy\n"
            "spec:\n"
            "  # the name\n"
            "  name: x\n"
            "  sourceIps:\n"
            "    - 192.0.2.1\n"
            "    # - 192.0.2.2   out of service since May\n"
        ),
    ),
    "so does one of several lines": (
        (
            "kind: MtaOutboundStrategy\n"
            "spec:\n"
            "  route:\n"
            "    use: mx\n"
            "    match:\n"
            "    - if: a\n"
            "      use: b\n"
            "    # - if: c\n"
            "    #   use: d\n"
            "    # - {if: e, use: f}\n"
        ),
        (
            "kind: MtaOutboundStrategy\n"
            "spec:\n"
            "  route:\n"
            "    match:\n"
            "      - if: a\n"
            "        use: b\n"
            "      # - if: c\n"
            "      #   use: d\n"
            "      # - {if: e, use: f}\n"
            "    use: mx\n"
        ),
    ),
    "a comment between a dash and its first key goes with the key": (
        "kind: MtaMilter\nitems:\n  -\n    # the port\n    port: 1\n    # the host\n    hostname: h.test\n",
        "kind: MtaMilter\nitems:\n  # the host\n  - hostname: h.test\n    # the port\n    port: 1\n",
    ),
    "a value may stand in lines of its own": (
        (
            "spec:\n"
            "    description:  # what it is\n"
            "        Gateway of\n"
            "        the office  # in town\n"
            "    type: Mx\n"
            "kind: MtaRoute\n"
        ),
        (
            "kind: MtaRoute\n"
            "spec:\n"
            "  type: Mx\n"
            "  description:  # what it is\n"
            "      Gateway of\n"
            "      the office  # in town\n"
        ),
    ),
    "a list in brackets may stand in a line of its own": (
        "kind: MtaOutboundStrategy\nspec:\n  route:\n    use: mx\n    match:\n      [ {use: a, if: b} ]\n",
        "kind: MtaOutboundStrategy\nspec:\n  route:\n    match:\n      [{if: b, use: a}]\n    use: mx\n",
    ),
    "tabs before values and comments become blanks": (
        "spec:\t# all\n    name: a\t# c\n    type:\tMx\nkind: MtaRoute\n",
        "kind: MtaRoute\nspec:  # all\n  type: Mx\n  name: a  # c\n",
    ),
    "a comment beside a key keeps its column": (
        "spec:                     # the object\n  name: x\nkind: MtaRoute     # its kind\n",
        "kind: MtaRoute     # its kind\nspec:                     # the object\n  name: x\n",
    ),
    "a list behind an anchor is laid out": (
        "spec:\n  stages: &all  # of them\n  - data\n  hostname: h.test\nkind: MtaMilter\n",
        "kind: MtaMilter\nspec:\n  hostname: h.test\n  stages: &all  # of them\n    - data\n",
    ),
    "merges come first everywhere": (
        (
            "kind: MtaOutboundStrategy\n"
            "x-own: &own {unmanaged: [tls]}\n"
            "metadata:\n"
            "  accept: {}\n"
            "  <<: *own\n"
            "spec: {route: {use: mx, <<: *own, match: [{use: a, <<: *own}]}}\n"
        ),
        (
            "kind: MtaOutboundStrategy\n"
            "x-own: &own {unmanaged: [tls]}\n"
            "metadata:\n"
            "  <<: *own\n"
            "  accept: {}\n"
            "spec: {route: {<<: *own, match: [{<<: *own, use: a}], use: mx}}\n"
        ),
    ),
    "what a routing test expects is in order": (
        (
            "cases:\n"
            "  - ladder: {2: {tls: t, route: r}, 0: {route: r}}\n"
            "    expect: {milters: [], tls: t, schedule: s, connection: c, route: r}\n"
            "    name: x\n"
            "kind: RoutingTest\n"
        ),
        (
            "kind: RoutingTest\n"
            "cases:\n"
            "  - name: x\n"
            "    expect: {route: r, connection: c, schedule: s, tls: t, milters: []}\n"
            "    ladder: {2: {tls: t, route: r}, 0: {route: r}}\n"
        ),
    ),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_odd_ways_of_writing_are_laid_out(before: str, after: str) -> None:
    assert laid(before) == after
    assert laid(after) == after


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("# c\n{spec: {}, kind: MtaRoute}\n", 2, "a document in brackets, or behind an anchor"),
        ("kind: MtaRoute\n? spec\n: {}\n", 2, "a key that is not simply `key:`"),
        ("kind: MtaRoute\nspec:\n    &a\n    name: x\n", 3, "an anchor or a key in a line of its own"),
        ('kind: MtaRoute\nspec: "a\x85b"\n', 2, "a line break of another sort than the others"),
        (
            "kind: MtaRoute\nspec: {}\nx-a: |\n  b\n  c",
            5,
            "a text of several lines without a line end behind the last",
        ),
    ],
)
def test_what_has_no_layout_stays_and_is_told(text: str, line: int, reason: str) -> None:
    found = lay_out(CATALOGUE, text)

    assert found.text == text
    assert [(each.line, each.code, each.message) for each in found.left] == [
        (line, "left-alone", f"the document is left as it is, because fmt cannot lay out {reason}")
    ]


def test_only_documents_of_manifests_are_laid_out() -> None:
    text = "targets:\n    prod:\n        url: u\n---\nkind: Deployment\nspec:\n    b: 1\n---\n"

    found = lay_out(CATALOGUE, text + "spec:\n    name: n\nkind: MtaRoute\n")

    assert found.text == text + "kind: MtaRoute\nspec:\n  name: n\n"
    assert found.left == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "kind: Strange\nspec: 5\n",
        "- spec: 1\n  kind: MtaRoute\n",
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
    assert laid("spec: {}\r\n# c\r\nkind: MtaSts\r\n") == "# c\r\nkind: MtaSts\r\nspec: {}\r\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("spec: {}\r\n# c\nkind: MtaSts\n", "# c\nkind: MtaSts\nspec: {}\n"),
        ("spec: {}\r\n# c\r\nkind: MtaSts\n", "# c\r\nkind: MtaSts\r\nspec: {}\r\n"),
        ("spec: {}\r\nkind: MtaSts\n", "kind: MtaSts\nspec: {}\n"),
    ],
)
def test_of_two_sorts_of_line_ends_the_more_frequent_stays(before: str, after: str) -> None:
    assert laid(before) == after


@pytest.mark.parametrize("mark", ["|", ">", "|-"])
def test_a_text_at_the_end_without_a_line_end_stays_without(mark: str) -> None:
    text = f"spec:\n    type: Mx\n    name: a\n    description: {mark}\n      x\n      y"

    found = lay_out(CATALOGUE, "kind: MtaRoute\n" + text)

    assert found.left == ()
    assert found.text.rstrip() == f"kind: MtaRoute\nspec:\n  type: Mx\n  name: a\n  description: {mark}\n    x\n    y"
    assert values(found.text) == values("kind: MtaRoute\n" + text)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_layout_of_the_examples_changes_no_value_and_no_comment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    again = laid(text)

    assert values(again) == values(text)
    assert comments(again) == comments(text)
    assert laid(again) == again
