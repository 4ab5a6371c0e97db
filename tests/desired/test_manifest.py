"""From files to desired state: layers, variables, singletons with several owners, and places."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.desired.manifest import Desired, ManifestText, load, parse
from reconciler.kinds.catalogue import load as load_catalogue
from reconciler.values.errors import Diagnostic, UsageError
from reconciler.values.model import Address, Sensitive, Source

CATALOGUE = load_catalogue()


def read(*layers: str, **variables: Any) -> Desired:
    texts = [[ManifestText(f"layer{number}.yaml", text)] for number, text in enumerate(layers)]
    return parse(CATALOGUE, texts, variables)


def told(desired: Desired) -> list[str]:
    return [str(each) for each in desired.diagnostics]


def wire(desired: Desired, name: str = "MtaRoute/x") -> dict[str, Any]:
    return next(each.wire for each in desired.resources if str(each.address) == name)


RELAY = "kind: MtaRoute\nspec: {type: Relay, name: x, address: a.example.net, port: 587, description: base}\n"


def test_a_named_object_holds_every_default() -> None:
    desired = read("kind: MtaRoute\nspec: {type: Mx, name: x}\n")

    assert wire(desired) == {
        "ipLookupStrategy": "v4ThenV6",
        "maxMultihomed": 2,
        "maxMxHosts": 5,
        "name": "x",
        "description": None,
        "@type": "Mx",
    }


def test_a_singleton_holds_what_is_declared_and_nothing_else() -> None:
    desired = read("kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n")

    assert wire(desired, "MtaOutboundStrategy") == {"route": {"match": {}, "else": "'mx'"}}


def test_a_singleton_may_have_several_owners() -> None:
    desired = read(
        "kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n---\n"
        "kind: MtaOutboundStrategy\nspec: {tls: {use: default}}\n"
    )

    assert told(desired) == []
    assert wire(desired, "MtaOutboundStrategy") == {
        "route": {"match": {}, "else": "'mx'"},
        "tls": {"match": {}, "else": "'default'"},
    }
    assert desired.locate(Address("MtaOutboundStrategy"), "tls/else") == Source("layer0.yaml", 5, 19)
    # What no document of a singleton declares stands nowhere.
    assert desired.locate(Address("MtaOutboundStrategy"), "connection/else") is None


def test_a_field_of_a_singleton_has_one_owner() -> None:
    text = "kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n"

    desired = read(f"{text}---\n{text}")

    assert told(desired) == [
        (
            "layer0.yaml:4 MtaOutboundStrategy route: "
            "route is declared twice, first at layer0.yaml:1 "
            "(take one of them out, or let the one of a later layer say metadata.patch: true)"
        )
    ]


def test_one_owner_cannot_leave_alone_what_another_declares() -> None:
    desired = read(
        "kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n---\n"
        "kind: MtaOutboundStrategy\nmetadata: {unmanaged: [route/else]}\nspec: {tls: {use: default}}\n"
    )

    assert told(desired) == [
        (
            "layer0.yaml:4 MtaOutboundStrategy route/else: "
            "route/else is unmanaged here, and declared at layer0.yaml:1 (keep one of the two)"
        )
    ]


def test_a_patch_changes_what_an_earlier_layer_declares() -> None:
    patch = "kind: MtaRoute\nmetadata: {patch: true}\nspec: {name: x, port: 2525, description: null}\n"

    desired = read(RELAY, patch)

    assert told(desired) == []
    assert {name: wire(desired)[name] for name in ("address", "port", "description")} == {
        "address": "a.example.net",
        "port": 2525,
        "description": None,
    }
    assert desired.locate(Address("MtaRoute", "x"), "port") == Source("layer1.yaml", 3, 23)
    assert desired.locate(Address("MtaRoute", "x"), "address") == Source("layer0.yaml", 2, 39)


def test_a_patch_replaces_lists_sets_and_expressions_whole() -> None:
    base = """\
kind: MtaMilter
spec:
  hostname: h.example.net
  stages: [connect, data]
  enable: {match: [{if: is_tls, then: true}], else: false}
"""
    patch = """\
kind: MtaMilter
metadata: {patch: true}
spec: {hostname: h.example.net, stages: [rcpt], enable: {else: true}}
"""

    desired = read(base, patch)

    assert told(desired) == []
    milter = wire(desired, "MtaMilter/h.example.net:11332")
    assert (milter["stages"], milter["enable"]) == ({"rcpt": True}, {"match": {}, "else": "true"})


def test_a_dropped_object_is_not_wanted_in_this_target() -> None:
    desired = read(RELAY, "kind: MtaRoute\nmetadata: {drop: true}\nspec: {name: x}\n")

    assert (told(desired), desired.resources) == ([], ())


@pytest.mark.parametrize("word", ["patch", "drop"])
def test_a_layer_without_a_base_is_a_mistake(word: str) -> None:
    desired = read(RELAY, f"kind: MtaRoute\nmetadata: {{{word}: true}}\nspec: {{name: other}}\n")

    assert told(desired) == [
        (
            f"layer1.yaml:3:7 MtaRoute/other: metadata.{word} has its base in no earlier directory "
            f"(declare it there, or take the {word} out)"
        )
    ]


def test_a_second_declaration_must_say_that_it_is_a_patch() -> None:
    desired = read(RELAY, RELAY)

    assert told(desired) == [
        (
            "layer1.yaml:1 MtaRoute/x: this address is declared twice, first at layer0.yaml:1 "
            "(take one of them out, or let the one of a later layer say metadata.patch: true)"
        )
    ]


def test_a_variable_alone_takes_its_own_type() -> None:
    desired = read(
        'kind: MtaRoute\nspec: {type: Relay, name: x, address: "${var:host}", port: "${var:port}"}\n',
        host="a.b",
        port=26,
    )

    assert told(desired) == []
    assert (wire(desired)["address"], wire(desired)["port"]) == ("a.b", 26)


def test_a_variable_within_a_text_becomes_text() -> None:
    desired = read(
        'kind: MtaRoute\nspec: {type: Local, name: x, description: "at ${var:target}, $${plain}"}\n', target="prod"
    )

    assert wire(desired)["description"] == "at prod, ${plain}"


def test_a_variable_within_an_expression_becomes_a_literal_or_text_within_one() -> None:
    text = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: "rcpt_domain == ${var:domain} && retry_num > ${var:tries}", then: "'${var:region}-relay'"}
    use: ${var:other}
"""

    desired = read(text, domain="it's.example", tries=2, region="eu", other="mx")

    assert told(desired) == []
    assert wire(desired, "MtaOutboundStrategy")["route"] == {
        "match": {"0": {"if": 'rcpt_domain == "it\'s.example" && retry_num > 2', "then": "'eu-relay'"}},
        "else": "'mx'",
    }


def test_a_variable_cannot_break_out_of_a_literal() -> None:
    text = "kind: MtaOutboundStrategy\nspec:\n  route: {else: \"'${var:name}'\"}\n"

    desired = read(text, name="x' || 'y")

    assert told(desired) == [
        (
            "layer0.yaml:3:17 MtaOutboundStrategy route/else: the variable's value holds a quote or a backslash "
            "(an expression's text cannot hold it)"
        )
    ]


def test_an_unknown_variable_names_the_known_ones() -> None:
    desired = read('kind: MtaRoute\nspec: {type: Local, name: x, description: "${var:nam}"}\n', name="n")

    assert told(desired)[0] == ("layer0.yaml:2:43 MtaRoute/x description: there is no variable nam (known here: name)")


def test_a_secret_is_held_as_its_reference() -> None:
    desired = read(
        'kind: MtaRoute\nspec: {type: Relay, name: x, address: a.b, authSecret: {type: Value, secret: "${env:P}"}}\n'
    )

    assert wire(desired)["authSecret"] == {"secret": Sensitive(reference="${env:P}"), "@type": "Value"}


def test_a_freed_text_is_a_secret_as_it_stands() -> None:
    desired = read(
        'kind: MtaRoute\nspec: {type: Relay, name: x, address: a.b, authSecret: {type: Value, secret: "$${env:P}"}}\n'
    )

    assert wire(desired)["authSecret"] == {"secret": Sensitive(plain="${env:P}"), "@type": "Value"}


def test_a_mistake_in_a_patch_stands_in_the_patch() -> None:
    desired = read(RELAY, "kind: MtaRoute\nmetadata: {patch: true}\nspec:\n  name: x\n  port: 70000\n")

    assert told(desired) == ["layer1.yaml:5:9 MtaRoute/x port: 70000 is over 65535"]


def test_directories_are_read_in_path_order_without_dotfiles(tmp_path: Path) -> None:
    for name in ("b/z.yaml", "a.yml", "c.json", ".hidden.yaml", ".git/x.yaml", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        json = name.endswith("json")
        letter = path.stem
        path.write_text(
            f'{{"kind": "MtaRoute", "spec": {{"type": "Local", "name": "{letter}"}}}}'
            if json
            else f"kind: MtaRoute\nspec: {{type: Local, name: {letter}}}\n"
        )

    desired = load(CATALOGUE, [str(tmp_path)])

    assert [each.address.name for each in desired.resources] == ["a", "z", "c"]
    assert desired.files == {str(tmp_path / name): 1 for name in ("a.yml", "b/z.yaml", "c.json")}


def test_what_is_not_utf8_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"kind: MtaRoute # \xe9\n")

    desired = load(CATALOGUE, [str(tmp_path)])

    assert desired.diagnostics == (
        Diagnostic(
            file=str(tmp_path / "latin.yaml"),
            line=1,
            column=18,
            code="not-utf8",
            message="byte 0xe9 is not part of UTF-8 text",
            hint="save the file as UTF-8",
        ),
    )


@pytest.mark.parametrize("name", ["nowhere", "notes.txt"])
def test_a_path_that_holds_no_manifest_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("")

    with pytest.raises(UsageError):
        load(CATALOGUE, [str(tmp_path / name)])


def test_the_order_of_documents_does_not_matter() -> None:
    first, second = RELAY, RELAY.replace("name: x", "name: other")

    one, other = read(f"{first}---\n{second}"), read(f"{second}---\n{first}")

    assert {each.address: each.wire for each in one.resources} == {each.address: each.wire for each in other.resources}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_place_is_right_whatever_ends_the_lines(end: str) -> None:
    text = RELAY + "---\n# a remark\nkind: MtaRoute\nspec:\n  type: Relay\n  name: other\n  port: 70000\n"

    desired = read(text.replace("\n", end))

    assert [(each.line, each.column, each.code) for each in desired.diagnostics] == [
        (7, 3, "missing"),
        (9, 9, "range"),
    ]


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (
            "kind: MtaRoute\nspec:\ntype: Relay\nname: x\naddress: a.example.net\n",
            ["layer0.yaml:3:1: type, name and address belong below spec (indent them)"],
        ),
        (
            "kind: MtaRoute\ntype: Mx\nname: x\n",
            ["layer0.yaml:2:1: type and name belong below spec (write spec: above, and indent them)"],
        ),
        (
            "kind: MtaMilter\nspec:\nhostname: a.example.net\nmetadata: {name: x}\n",
            ["layer0.yaml:3:1: hostname belongs below spec (indent it)"],
        ),
        (
            "kind: MtaMilter\nitems:\nhostname: a.example.net\nport: 25\n",
            ["layer0.yaml:3:1: hostname and port belong below items (begin each object with - and indent it)"],
        ),
        (
            "kind: MtaRoute\nmetadata:\nname: x\nwas: y\nspec: {type: Mx, name: x}\n",
            ["layer0.yaml:3:1: name and was belong below metadata (indent them)"],
        ),
        (
            "kind: MtaRoute\nspec: {type: Mx, name: x}\nport: 25\nprot: 25\n",
            [
                "layer0.yaml:3:1: port belongs below spec (indent it)",
                "layer0.yaml:4:1: unknown field prot (keys of your own begin with x-)",
            ],
        ),
    ],
)
def test_fields_without_their_indentation_are_one_mistake(text: str, mistakes: list[str]) -> None:
    assert told(read(text)) == mistakes


LOGIN = "kind: MtaRoute\nspec: {type: Relay, name: x, address: a.example.net, authUsername: u, authSecret: %s}\n"


@pytest.mark.parametrize("reference", ["${env:RELAY_PASSWORD}", "${file:/run/secrets/relay}"])
def test_a_lone_reference_stands_for_a_secret_by_value(reference: str) -> None:
    desired = read(LOGIN % f'"{reference}"')

    assert told(desired) == []
    assert wire(desired)["authSecret"] == {"@type": "Value", "secret": Sensitive(reference=reference)}


def test_a_lone_reference_stands_for_a_secret_at_every_depth() -> None:
    desired = read(
        'kind: MtaHook\nspec: {url: "https://a.example.net", httpAuth: {type: Bearer, bearerToken: "${env:T}"}}\n'
    )

    assert told(desired) == []
    assert wire(desired, "MtaHook/https://a.example.net")["httpAuth"] == {
        "@type": "Bearer",
        "bearerToken": {"@type": "Value", "secret": Sensitive(reference="${env:T}")},
    }


@pytest.mark.parametrize(
    ("written", "mistake"),
    [
        ("${FOO}", "${FOO} is no variable (write ${env:FOO})"),
        ("${ENV:FOO}", "${ENV:FOO} is no variable (write ${env:FOO})"),
        ("${env.FOO}", "${env.FOO} is no variable (write ${env:FOO})"),
        ("${FOO:-bar}", "${FOO:-bar} is no variable (write ${env:FOO})"),
        ("x${env:FOO}", "${env:FOO} is a part of a text (a reference to a secret stands alone: write ${env:FOO})"),
        ("${}", "${} is no variable (write ${env:NAME} or ${file:PATH}; $${ stands for a literal ${)"),
        (
            "$FOO",
            (
                "the value is no mapping (write ${env:NAME} or ${file:PATH} alone; or a mapping: "
                "it has a type, which is one of None, Value, EnvironmentVariable, File)"
            ),
        ),
    ],
)
def test_what_is_almost_a_reference_is_answered_with_one(written: str, mistake: str) -> None:
    assert told(read(LOGIN % f'"{written}"')) == [f"layer0.yaml:2:83 MtaRoute/x authSecret: {mistake}"]


def test_what_is_almost_a_variable_is_answered_with_one_where_no_secret_stands() -> None:
    desired = read('kind: MtaRoute\nspec: {type: Relay, name: x, address: "${HOST}"}\n')

    assert told(desired) == [
        "layer0.yaml:2:39 MtaRoute/x address: ${HOST} is no variable (write ${var:HOST})",
    ]
