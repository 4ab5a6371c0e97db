"""What manifests come to is kept whole, or not at all."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.desired.manifest import ManifestText
from reconciler.desired.manifest.kept import name_of, packed, unpacked
from reconciler.desired.manifest.parsing import parsed
from reconciler.desired.manifest.state import digest_of
from reconciler.kinds.catalogue import load
from reconciler.values import EnvironmentText
from tests import whole
from tests.keeping import both, told

CATALOGUE = load()
ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
RELAY = "kind: MtaRoute\nspec: {type: Relay, name: a, address: a.example.net}\n"
SECRET = "canary-7f3a"


def texts(*layers: str, suffix: str = "yaml") -> list[list[ManifestText]]:
    return [[ManifestText(f"layer{number}.{suffix}", text)] for number, text in enumerate(layers)]


@pytest.mark.parametrize("path", sorted(MANIFESTS.rglob("*.yaml")), ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_every_manifest_of_the_examples_is_kept_whole(path: Path) -> None:
    catalogue = whole.CATALOGUE if whole.FOLDER in path.parents else CATALOGUE
    layers = [[ManifestText(path.name, path.read_text())]]

    anew, kept = both(catalogue, layers, {"target": "prod"})

    if anew.diagnostics:
        assert kept is None
    else:
        assert kept is not None
        assert told(kept) == told(anew)


def test_the_examples_are_kept_as_one_layer() -> None:
    files = sorted(MANIFESTS.glob("*.yaml"))
    anew, kept = both(CATALOGUE, [[ManifestText(path.name, path.read_text()) for path in files]])

    assert anew.diagnostics == ()
    assert kept is not None
    assert told(kept) == told(anew)


ROUTE_OF_STRATEGY = "kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n"
#: Layers that hold no mistake, and the variables of their target.
SOUND: dict[str, tuple[list[str], dict[str, Any]]] = {
    "nothing": ([""], {}),
    "patch": ([RELAY, "kind: MtaRoute\nmetadata: {patch: true}\nspec: {name: a, port: 587}\n"], {}),
    "patch of a singleton": (
        [
            ROUTE_OF_STRATEGY + "---\nkind: MtaOutboundStrategy\nspec: {tls: {use: default}}\n",
            "kind: MtaOutboundStrategy\nmetadata: {patch: true}\nspec: {route: null}\n",
        ],
        {},
    ),
    "drop": ([RELAY, "kind: MtaRoute\nmetadata: {drop: true}\nspec: {name: a}\n"], {}),
    "two owners of a singleton": (
        [
            ROUTE_OF_STRATEGY,
            "kind: MtaOutboundStrategy\nmetadata: {accept: {unused-name: it is so}}\nspec: {tls: {use: default}}\n",
        ],
        {},
    ),
    "variable": ([RELAY.replace("a.example.net", "'${var:host}'")], {"host": "b.example.net"}),
    "key with a variable": (["kind: MtaRoute\nspec: {type: Mx, name: m, '${var:key}': x}\n"], {"key": "description"}),
    "literal dollars": ([RELAY.replace("name: a", "description: '$${var:x}', name: a")], {}),
    "reference to a secret": ([RELAY.replace("}", ", authUsername: u, authSecret: '${env:RELAY}'}")], {}),
    "absent": (["kind: MtaRoute\nmetadata: {absent: true}\nspec: {name: a}\n"], {}),
    "renamed and bound": ([RELAY.replace("spec", "metadata: {was: old, id: jpr0}\nspec")], {}),
    "items, and a duration without a unit": (
        ["kind: MtaMilter\nitems:\n  - {hostname: 127.0.0.1, port: 11332, timeoutData: 9}\n  - {hostname: '::1'}\n"],
        {},
    ),
    "one name, told apart by ids": (
        [
            "kind: MtaMilter\nmetadata: {name: m, id: a}\nspec: {hostname: 127.0.0.1, port: 11332}\n",
            "kind: MtaMilter\nmetadata: {name: m, id: b}\nspec: {hostname: 127.0.0.1, port: 11332}\n",
        ],
        {},
    ),
    "unmanaged": (["kind: MtaRoute\nmetadata: {unmanaged: [description]}\nspec: {type: Mx, name: m}\n"], {}),
    "documents of every form": (
        [
            "---\n# above\n--- \nkind: MtaRoute\nspec:\n  type: Mx\n  name: &n one\n  description: *n\n...\n",
            "%YAML 1.2\n---\r\nkind: MtaRoute\nspec: {name: b, type: Mx}\n--- {kind: MtaVirtualQueue, spec: {name: q}}",
        ],
        {},
    ),
    "reference to an object": (
        ["kind: MtaDeliverySchedule\nspec: {name: s, queueId: slow}\n---\nkind: MtaVirtualQueue\nspec: {name: slow}\n"],
        {},
    ),
    "routing tests": ([(MANIFESTS / "routing-tests.yaml").read_text() + "---\n" + RELAY], {}),
    "routing test with a variable": (
        ["kind: RoutingTest\ncases: [{name: '${var:n} one', given: {rcpt: a@b.example}, expect: {route: mx}}]\n"],
        {"n": "case"},
    ),
    "more documents than are read one by one": (
        ["---\n".join(RELAY.replace("name: a", f"name: a{number}") for number in range(600))],
        {},
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_what_is_kept_is_what_was_read(case: str) -> None:
    layers, variables = SOUND[case]

    anew, kept = both(CATALOGUE, texts(*layers), variables)

    assert anew.diagnostics == ()
    assert kept is not None
    assert told(kept) == told(anew)


def test_json_is_kept_too() -> None:
    text = '{"kind": "MtaRoute", "items": [{"type": "Mx", "name": "a"},\n {"type": "Mx", "name": "b"}]}'

    anew, kept = both(CATALOGUE, texts(text, suffix="json"))

    assert kept is not None
    assert told(kept) == told(anew)


#: Manifests that hold a secret, or a mistake.
UNSOUND = {
    "secret": RELAY.replace("}", f", authUsername: u, authSecret: {{type: Value, secret: {SECRET}}}}}"),
    "password in a URL": f"kind: MtaHook\nspec: {{url: 'https://u:{SECRET}@h.example.net/'}}\n",
    "header that logs in": (
        f"kind: MtaHook\nspec: {{url: 'https://h.example.net/', httpHeaders: {{Authorization: Bearer {SECRET}}}}}\n"
    ),
    "variable of the environment": RELAY.replace("a.example.net", "'${var:host}'"),
    "mistake": RELAY.replace("type: Relay", "type: Relais"),
    "declared twice": RELAY + "---\n" + RELAY,
    "not YAML": "kind: MtaRoute\nspec: {type: Relay, name: a, address: a, address: b}\n",
}


@pytest.mark.parametrize("case", UNSOUND)
def test_what_holds_a_secret_or_a_mistake_is_not_kept(case: str) -> None:
    anew, kept = both(CATALOGUE, texts(UNSOUND[case]), {"host": EnvironmentText(f"{SECRET}.example.net")})

    assert kept is None
    assert anew.resources or anew.diagnostics


def name(layers: list[list[ManifestText]], variables: dict[str, Any] | None = None, catalogue: Any = CATALOGUE) -> str:
    return name_of(catalogue, layers, variables or {}, digest_of(layers))


def test_another_byte_name_layer_variable_or_catalogue_is_kept_under_another_name() -> None:
    text = RELAY.replace("a.example.net", "'${var:host}'")
    first, second = ManifestText("a.yaml", text), ManifestText("b.yaml", RELAY.replace("name: a", "name: b"))

    names = [
        name([[first, second]], {"host": "h"}),
        name([[first], [second]], {"host": "h"}),
        name([[first, second], []], {"host": "h"}),
        name([[second, first]], {"host": "h"}),
        name([[first, ManifestText("c.yaml", second.text)]], {"host": "h"}),
        name([[first, ManifestText("b.yaml", second.text + " ")]], {"host": "h"}),
        name([[first, second]], {"host": "i"}),
        name([[first, second]], {"host": 1}),
        name([[first, second]], {"host": True}),
        name([[first, second]], {"host": "h", "more": "h"}),
        name([[first, second]], {"host": EnvironmentText("h")}),
        name([[first, second]], {"host": "h"}, whole.CATALOGUE),
    ]

    assert len(set(names)) == len(names)


def test_a_name_tells_nothing_of_the_environment_and_no_variable_that_nothing_uses() -> None:
    text = RELAY.replace("a.example.net", "'${var:host}'")

    used = {name(texts(text), {"host": EnvironmentText(host)}) for host in ("a", "b")}
    unused = {name(texts(RELAY), {"host": host}) for host in ("a", 1, EnvironmentText("b"))}

    assert (len(used), len(unused)) == (1, 1)


def test_bytes_of_another_shape_are_none_of_ours() -> None:
    layers = texts(RELAY)
    anew = parsed(CATALOGUE, layers, {}, digest_of(layers))
    content = packed(anew)
    assert content is not None

    found = [unpacked(content[:size], CATALOGUE, layers, {}, anew.desired.digest) for size in range(len(content))]
    changed = [
        unpacked(content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :], CATALOGUE, layers, {}, "d")
        for at in range(len(content))
        for flip in (1, 0x80, 0xFF)
    ]

    assert found == [None] * len(content)
    # A value may be another one: of that, the digest beside it tells.
    assert None in changed
