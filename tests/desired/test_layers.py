"""Two targets with layers and variables of their own validate offline, and the merged view names each origin."""

from pathlib import Path

import pytest

from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds.catalogue import load
from reconciler.values.model import Address, EnvironmentText
from tests.running import Ran, command, environment, write

CONFIG = """\
targets:
  eu:
    url: https://eu.example.org
    manifests: [base, eu]
    vars: {relay: smtp.eu.example.net}
  us:
    url: https://us.example.org
    manifests: [base, us]
    vars: {relay: smtp.us.example.net}
"""
BASE = """\
kind: MtaRoute
spec:
  type: Relay
  name: relay
  address: ${var:relay}
  port: 587
  authSecret: {type: Value, secret: "${env:RELAY}"}
"""
EU = """\
kind: MtaRoute
metadata: {patch: true}
spec:
  name: relay
  port: 2525
---
kind: MtaRoute
spec: {type: Local, name: "only-${var:target}"}
"""
US = """\
kind: MtaRoute
metadata: {drop: true}
spec: {name: relay}
---
kind: MtaRoute
spec: {type: Local, name: "only-${var:target}"}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(CONFIG)
    for name, text in (("base", BASE), ("eu", EU), ("us", US)):
        write(tmp_path / name, routes=text)
    return tmp_path


def run(place: Path, *arguments: str) -> Ran:
    return command("validate", *arguments, env=environment(""), cwd=place)


def test_every_target_is_judged_offline(place: Path) -> None:
    ran = run(place)

    assert ran.code == 0, ran
    assert "2 targets, 3 files, 5 documents: 3 resources, no errors." in ran.out


def test_a_mistake_in_one_target_names_the_target(place: Path) -> None:
    write(place / "us", routes=US.replace("name: relay", "name: relais"))

    ran = run(place)

    assert ran.code == 65
    assert "target us: metadata.drop has its base in no earlier directory" in ran.out


def test_a_mistake_in_all_targets_is_told_once(place: Path) -> None:
    write(place / "base", more="kind: MtaRoute\nspec: {type: Local}\n")

    ran = run(place)

    assert ran.code == 65
    assert ran.out.count("error: base/more.yaml:2:7 MtaRoute: the required field name is missing") == 1


def test_the_merged_view_names_the_origin_of_each_value(place: Path) -> None:
    ran = run(place, "--target", "eu", "--show-merged")

    assert ran.code == 0
    assert (
        ran.out
        == """\
# target eu
kind: MtaRoute
spec:
  # base/routes.yaml:3
  type: Relay
  # eu/routes.yaml:4
  name: relay
  # base/routes.yaml:5, ${var:relay}
  address: smtp.eu.example.net
  # eu/routes.yaml:5
  port: 2525
  authSecret:
    # base/routes.yaml:7
    type: Value
    # base/routes.yaml:7
    secret: ${env:RELAY}
---
kind: MtaRoute
spec:
  # eu/routes.yaml:8
  type: Local
  # eu/routes.yaml:8, ${var:target}
  name: only-eu
"""
    )


def test_the_merged_view_is_a_manifest_that_wants_the_same(place: Path) -> None:
    ran = run(place, "--target", "eu", "--show-merged")
    merged = write(place / "merged", all=ran.out)

    again = run(place, "--target", "eu", "--show-merged", str(merged))

    strip = [line for line in ran.out.splitlines() if "#" not in line]
    assert [line for line in again.out.splitlines() if "#" not in line] == strip


def test_the_merged_view_shows_no_plain_secret(place: Path) -> None:
    write(place / "base", routes=BASE.replace("${env:RELAY}", "canary"))

    ran = run(place, "--target", "eu", "--show-merged")

    assert "canary" not in ran.out + ran.err
    assert "(sensitive)" in ran.out


def test_the_merged_views_of_all_targets_are_documents_of_one_file(place: Path) -> None:
    ran = run(place, "--show-merged")

    assert ran.code == 0
    assert "---\n# target us\n# MtaRoute/relay is dropped by us/routes.yaml:3\nkind: MtaRoute\n" in ran.out
    assert "half-credentials" in ran.err


def test_the_merged_view_has_one_form_only(place: Path) -> None:
    ran = run(place, "--show-merged", "--format", "json")

    assert (ran.code, ran.json["exitCode"]) == (64, 64)
    assert "--show-merged prints manifests, and not json" in ran.err


def test_a_routing_test_takes_the_variables_of_its_target(place: Path) -> None:
    write(
        place / "base",
        strategy="kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n",
        tests="kind: RoutingTest\ncases:\n  - {name: one, given: {rcpt: a@b.example}, expect: {route: '${var:way}'}}\n",
    )
    (place / "reconciler.yaml").write_text(CONFIG.replace("relay: smtp.us", "way: local, relay: smtp.us"))

    ran = run(place)

    assert ran.code == 65
    assert "target eu: there is no variable way" in ran.out
    assert "target us: one: route should be local, but it is mx" in ran.out


ENVIRONMENT = (("port", "587"), ("yes", "true"))
BASE_OF_ALL = """\
kind: MtaMilter
spec: {hostname: 127.0.0.1, port: 25, stages: {connect: true}, timeoutData: 2m}
"""


def view(place: Path, base: str, *layers: str) -> str:
    """Return the merged view of one target whose layers are `base`, `l1`, and so on, without its title."""
    names = ["base", *(f"l{number}" for number in range(1, len(layers) + 1))]
    (place / "reconciler.yaml").write_text(
        f"targets: {{t: {{url: 'https://a.example', manifests: [{', '.join(names)}], vars: {{n: 'r', num: 5}}}}}}\n"
    )
    (place / "base" / "routes.yaml").unlink()
    for name, text in zip(names, (base, *layers), strict=True):
        write(place / name, m=text)
    ran = run(place, "--show-merged")
    assert ran.code == 0, ran
    written = str(write(place / "again", m=ran.out))
    again = command("validate", "--show-merged", written, env=environment(""), cwd=place)
    assert (again.code, bare(again.out)) == (0, bare(ran.out)) or not bare(ran.out)
    return ran.out.removeprefix("# target t\n")


def bare(text: str) -> list[str]:
    """Return the lines without comments."""
    return [line for line in text.splitlines() if "#" not in line]


def test_an_override_that_is_the_default_shows(place: Path) -> None:
    patch = "kind: MtaMilter\nmetadata: {patch: true}\nspec: {hostname: 127.0.0.1, port: 25, stages: [data]}\n"

    assert view(place, BASE_OF_ALL, patch + "---\n" + patch.replace("stages: [data]", "timeoutData: null")) == (
        "kind: MtaMilter\n"
        "# timeoutData is at its default by l1/m.yaml:7\n"
        "spec:\n"
        "  # l1/m.yaml:7\n"
        "  hostname: 127.0.0.1\n"
        "  # l1/m.yaml:7\n"
        "  port: 25\n"
        "  # l1/m.yaml:3\n"
        "  stages: [data]\n"
    )


def test_a_dropped_object_can_be_declared_anew(place: Path) -> None:
    base = "kind: MtaRoute\nspec: {type: Relay, name: r, address: a.example.net}\n"
    drop = "kind: MtaRoute\nmetadata: {drop: true}\nspec: {name: '${var:n}'}\n"

    assert view(place, base, f"{drop}---\nkind: MtaRoute\nspec: {{type: Local, name: r}}\n") == (
        "# MtaRoute/r is dropped by l1/m.yaml:3\n"
        "kind: MtaRoute\nspec:\n  # l1/m.yaml:6\n  type: Local\n  # l1/m.yaml:6\n  name: r\n"
    )


OWNERS = """\
kind: MtaOutboundStrategy
spec: {route: {use: local}}
---
kind: MtaOutboundStrategy
spec: {tls: {use: default}}
"""


def test_a_patch_of_a_singleton_goes_to_the_owner_of_each_field(place: Path) -> None:
    patch = "kind: MtaOutboundStrategy\nmetadata: {patch: true}\nspec:\n  tls: {use: invalid-tls}\n  route: null\n"

    assert view(place, OWNERS, patch) == (
        "kind: MtaOutboundStrategy\n"
        "spec:\n"
        "  # l1/m.yaml:5, the default\n"
        "  route:\n"
        "    match:\n"
        "      - {if: is_local_domain(rcpt_domain), use: local}\n"
        "    use: mx\n"
        "  # l1/m.yaml:4\n"
        "  tls: {use: invalid-tls}\n"
    )


def test_a_drop_of_a_singleton_takes_all_its_owners_out(place: Path) -> None:
    assert view(place, OWNERS, "kind: MtaOutboundStrategy\nmetadata: {drop: true}\n") == (
        "# MtaOutboundStrategy is dropped by l1/m.yaml:1\n"
    )


MILTER = "kind: MtaMilter\nmetadata: {{{}}}\nspec: {{{}}}\n"


@pytest.mark.parametrize(
    ("base", "patch"),
    [
        (
            ("", "hostname: av.example.net, port: 5"),
            ("patch: true", 'hostname: " av.example.net ", port: "${var:num}"'),
        ),
        (("", "hostname: av.example.net"), ("patch: true", "hostname: av.example.net, port: null")),
        (("name: one", "hostname: av.example.net, port: 5"), ("patch: true", "hostname: av.example.net, port: 5")),
        (("", "hostname: av.example.net, port: 5"), ("patch: true, name: one", "hostname: av.example.net, port: 5")),
        (("name: one", "hostname: av.example.net"), ("patch: true, name: 'o${var:e}e'", "port: 5")),
        (("id: a", "hostname: av.example.net, port: 5"), ("patch: true", "hostname: av.example.net, port: 5")),
        (("", "hostname: av.example.net, port: 5"), ("patch: true, id: a", "hostname: av.example.net, port: 5")),
    ],
)
def test_a_layer_finds_its_base_by_name_or_by_key(base: tuple[str, str], patch: tuple[str, str], place: Path) -> None:
    (place / "reconciler.yaml").write_text(
        "targets: {t: {url: 'https://a', manifests: [base, l1], vars: {num: 5, e: n}}}\n"
    )
    write(place / "base", routes=MILTER.format(*base))
    write(place / "l1", m=MILTER.format(patch[0], patch[1] + ", useTls: true"))

    ran = run(place, "--show-merged")

    assert ran.code == 0, ran
    assert ran.out.count("kind: MtaMilter") == 1
    assert "useTls: true" in ran.out


def test_a_layer_that_could_mean_several_is_a_mistake(place: Path) -> None:
    (place / "reconciler.yaml").write_text("targets: {t: {url: 'https://a', manifests: [base, l1]}}\n")
    key = "hostname: 127.0.0.1, port: 5"
    write(place / "base", routes=MILTER.format("name: a", key) + "---\n" + MILTER.format("name: b", key))
    write(place / "l1", m=MILTER.format("patch: true", key))

    ran = run(place)

    assert ran.code == 65
    assert "metadata.patch could mean any of base/routes.yaml:3:7, base/routes.yaml:7:7" in ran.out


@pytest.mark.parametrize(
    ("spec", "patch", "merged"),
    [
        # lists are replaced whole, at any depth and in either form
        (
            "retry: {type: Custom, intervals: {'0': {duration: 15m}, '1': {duration: 1h}}}",
            "retry: {intervals: {'0': {duration: 5m}}}",
            {"retry": {"type": "Custom", "intervals": {"0": {"duration": "5m"}}}},
        ),
        # null takes a member out of what is new, too
        ("", "expiry: {type: Ttl, expire: 3d, maxAttempts: null}", {"expiry": {"type": "Ttl", "expire": "3d"}}),
        # both spellings of the variant are one key
        (
            "expiry: {type: Ttl, expire: 3d}",
            "expiry: {'@type': Ttl, expire: 4d}",
            {"expiry": {"@type": "Ttl", "expire": "4d"}},
        ),
        (
            "expiry: {type: Ttl, expire: 3d}",
            "expiry: {type: Attempts, expire: null, maxAttempts: 5}",
            {"expiry": {"type": "Attempts", "maxAttempts": 5}},
        ),
    ],
)
def test_patches_follow_the_rules_below_the_top(spec: str, patch: str, merged: dict[str, object]) -> None:
    base = f"kind: MtaDeliverySchedule\nspec: {{name: a, queueId: 'id:a', {spec}}}\n"
    layer = f"kind: MtaDeliverySchedule\nmetadata: {{patch: true}}\nspec: {{name: a, {patch}}}\n"

    desired = parse(load(), [[ManifestText("base.yaml", base)], [ManifestText("layer.yaml", layer)]])

    ((_, entry),) = desired.locate.entries(Address("MtaDeliverySchedule", "a"))
    assert desired.diagnostics == ()
    assert entry.spec == {"name": "a", "queueId": "id:a", **merged}


def test_headers_are_merged_by_name() -> None:
    base = "kind: MtaHook\nspec: {url: 'https://a.example', httpHeaders: {A: '1', B: '2'}}\n"
    layer = "kind: MtaHook\nmetadata: {patch: true}\nspec: {url: 'https://a.example', httpHeaders: {A: null, C: '3'}}\n"

    desired = parse(load(), [[ManifestText("base.yaml", base)], [ManifestText("layer.yaml", layer)]])

    assert desired.resources[0].wire["httpHeaders"] == {"B": "2", "C": "3"}


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (
            "metadata: {patch: true}\nspec: {name: r, prot: null}",
            "l.yaml:3:23 MtaRoute/r prot: unknown field prot (did you mean port?)",
        ),
        (
            "metadata: {patch: true}\nspec: {name: r, address: null}",
            (
                "b.yaml:2:7 MtaRoute/r: the required field address is missing (The next hop, by name or by IP address; "
                "patched at l.yaml:3:7, where null takes a field out)"
            ),
        ),
        (
            "metadata: {patch: true, unmanaged: [address]}\nspec: {name: r}",
            "l.yaml:2:37 MtaRoute/r: address is declared and unmanaged at once (keep one of the two)",
        ),
        (
            "metadata: {patch: true, drop: true}\nspec: {name: r}",
            "l.yaml:2:19: metadata.drop and metadata.patch exclude each other (keep one of them)",
        ),
        (
            "metadata: {drop: true}\nspec: {name: r, port: 5}",
            "l.yaml:3:17 MtaRoute/r port: unknown field port (known here: name)",
        ),
    ],
)
def test_a_mistake_in_a_layer_is_told_where_it_stands(layer: str, told: str) -> None:
    base = "kind: MtaRoute\nspec: {type: Relay, name: r, address: a.example.net}\n"

    desired = parse(load(), [[ManifestText("b.yaml", base)], [ManifestText("l.yaml", f"kind: MtaRoute\n{layer}\n")]])

    assert [str(each) for each in desired.diagnostics] == [told]


@pytest.mark.parametrize(
    ("base", "layers", "told"),
    [
        # a key that a layer changed is nobody's any more
        (
            MILTER.format("name: a", "hostname: 127.0.0.1, port: 1"),
            [
                MILTER.format("name: a, patch: true", "hostname: 127.0.0.2, port: 1"),
                MILTER.format("patch: true", "hostname: 127.0.0.1, port: 1"),
            ],
            ["l2.yaml:3:7 MtaMilter/127.0.0.1:1: metadata.patch has its base in no earlier directory"],
        ),
        # whichever file of a layer comes first
        (
            MILTER.format("", "hostname: 127.0.0.1, port: 1"),
            [
                MILTER.format("", "hostname: 127.0.0.1, port: 1, useTls: true")
                + "---\n"
                + MILTER.format("drop: true", "hostname: 127.0.0.1, port: 1")
            ],
            [],
        ),
        (
            MILTER.format("", "hostname: 127.0.0.1, port: 1"),
            [MILTER.format("patch: true", "port: 1")],
            ["l1.yaml:3:7 MtaMilter: metadata.patch does not say what it is about"],
        ),
        (
            "kind: MtaSts\nspec: {mode: testing}\n",
            ["kind: MtaSts\nmetadata: {patch: true}\nspec: [a]\n"],
            ["l1.yaml:3:7 MtaSts: a list of 1 is no mapping"],
        ),
        (
            MILTER.format("", "hostname: 127.0.0.1, port: 1"),
            [MILTER.format("patch: true", "hostname: 127.0.0.1, port: 1, timeoutData: {a: 1}")],
            ["l1.yaml:3:51 MtaMilter/127.0.0.1:1 timeoutData: a mapping of 1 is no"],
        ),
        (
            "kind: MtaRoute\nspec: {type: Local, name: a}\n",
            ["kind: MtaRoute\nmetadata: {patch: true}\nspec: {name: a, type: Mx, '@type': Local}\n"],
            ["l1.yaml:3:23 MtaRoute/a type: type and @type exclude each other"],
        ),
        (
            "kind: MtaRoute\nmetadata: {absent: true}\nspec: {name: a}\n",
            ["kind: MtaRoute\nmetadata: {patch: true}\nspec: {name: a, prot: 5}\n"],
            ["l1.yaml:3:17 MtaRoute/a prot: unknown field prot"],
        ),
        (
            "kind: MtaRoute\nmetadata: {absent: true, was: b}\nspec: {name: a}\n",
            [],
            ["l0.yaml:2:31: metadata.absent and metadata.was exclude each other"],
        ),
        (
            "kind: MtaRoute\nmetadata: {was: MtaRoute/b}\nspec: {type: Mx, name: a}\n",
            [],
            ["l0.yaml:2:17: metadata.was holds the match key, without the kind"],
        ),
    ],
)
def test_mistakes_of_layers_are_told_once(base: str, layers: list[str], told: list[str]) -> None:
    texts = [[ManifestText(f"l{number}.yaml", text)] for number, text in enumerate((base, *layers))]

    desired = parse(load(), texts)

    found = [str(each) for each in desired.diagnostics]
    assert [each[: len(start)] for each, start in zip(found, told, strict=True)] == told


def test_a_field_that_is_left_alone_is_not_brought_to_its_default() -> None:
    base = "kind: MtaSts\nspec: {maxAge: 3d, mode: enforce}\n"
    layer = "kind: MtaSts\nmetadata: {patch: true, unmanaged: [maxAge]}\nspec: {maxAge: null}\n"

    desired = parse(load(), [[ManifestText("b.yaml", base)], [ManifestText("l.yaml", layer)]])

    assert desired.diagnostics == ()
    assert [each.wire for each in desired.resources] == [{"mode": "enforce"}]


def test_the_merged_view_of_an_absence_holds_its_key_as_it_was_given(place: Path) -> None:
    assert view(place, "kind: MtaMilter\nmetadata: {absent: true}\nspec: {hostname: a.example.net}\n") == (
        "kind: MtaMilter\nmetadata:\n  absent: true\nspec:\n  # base/m.yaml:3\n  hostname: a.example.net\n"
    )


def test_what_a_patch_gives_a_singleton_stands_in_the_patch() -> None:
    base = "kind: MtaOutboundStrategy\nspec: {route: {use: local}, tls: {use: default}}\n"
    layer = "kind: MtaOutboundStrategy\nmetadata: {patch: true}\nspec:\n  route: {use: mx}\n"

    desired = parse(load(), [[ManifestText("b.yaml", base)], [ManifestText("l.yaml", layer)]])

    (resource,) = desired.resources
    assert [str(resource.place(name)) for name in ("route/else", "tls")] == ["l.yaml:4:10", "b.yaml:2:34"]


def test_waivers_of_both_layers_hold() -> None:
    base = "kind: MtaRoute\nmetadata: {accept: {a: one, b: one}}\nspec: {type: Local, name: r}\n"
    layer = "kind: MtaRoute\nmetadata: {patch: true, accept: {b: two}}\nspec: {name: r}\n"

    desired = parse(load(), [[ManifestText("b.yaml", base)], [ManifestText("l.yaml", layer)]])

    assert desired.resources[0].accept == {"a": "one", "b": "two"}


def test_variables_stand_in_metadata_and_in_keys_too() -> None:
    text = """\
kind: MtaHook
metadata: {name: "hook-${var:n}"}
spec: {url: "https://${var:n}.example", httpHeaders: {"X-${var:n}": "$${var:n}"}}
"""

    desired = parse(load(), [[ManifestText("b.yaml", text)]], {"n": "r"})

    (resource,) = desired.resources
    assert (str(resource.address), resource.wire["httpHeaders"]) == ("MtaHook/hook-r", {"X-r": "${var:n}"})


def test_a_text_of_the_environment_is_what_its_field_wants() -> None:
    text = """\
kind: MtaRoute
spec:
  {type: Relay, name: "${var:port}", address: a.example.net, port: "${var:port}", implicitTls: "${var:yes}",
   description: "${var:yes}"}
"""

    desired = parse(
        load(), [[ManifestText("b.yaml", text)]], {key: EnvironmentText(value) for key, value in ENVIRONMENT}
    )

    (resource,) = desired.resources
    names = ("name", "port", "implicitTls", "description")
    assert [resource.wire[name] for name in names] == ["587", 587, True, "true"]


def test_a_text_of_the_environment_that_is_no_number_is_told() -> None:
    text = "kind: MtaRoute\nspec: {type: Relay, name: r, address: a.example.net, port: '${var:yes}'}\n"

    desired = parse(
        load(), [[ManifestText("b.yaml", text)]], {key: EnvironmentText(value) for key, value in ENVIRONMENT}
    )

    assert [each.pointer for each in desired.diagnostics] == ["port"]


def test_keys_that_variables_make_equal_are_a_mistake() -> None:
    text = "kind: MtaHook\nspec: {url: 'https://a.example', httpHeaders: {'X-${var:n}': a, X-r: b}}\n"

    desired = parse(load(), [[ManifestText("b.yaml", text)]], {"n": "r"})

    assert [each.message for each in desired.diagnostics] == ["with its variable the key X-r stands twice"]
