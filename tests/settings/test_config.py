"""`reconciler.yaml` is judged as manifests are: every mistake at once, where it stands, with what to do."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from reconciler.kinds.catalogue import load
from reconciler.kinds.schema.judge import explain, faults
from reconciler.settings.config import read
from reconciler.settings.targets import ConfigKeys, Layer, TargetConfig, config_schema
from reconciler.values.errors import ManifestError
from reconciler.values.policy import Allowance, Policy, SecretSources
from tests.running import command, environment, write

SCHEMA = config_schema(load())
URL = "Where the server is, such as https://mail.example.org"
TWICE = "the key `a` stands twice in one mapping, first in line 1 (keep one of them)"
SEVERITIES = "error, warning, note, ignore"


def told(directory: Path, text: str | bytes) -> list[str]:
    """Return the mistakes of a configuration, as they are printed."""
    path = directory / "reconciler.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    try:
        read(str(path))
    except ManifestError as error:
        return [str(each).removeprefix(f"{directory}/") for each in error.diagnostics]
    return []


def test_all_mistakes_are_told_at_once_and_where_they_stand(tmp_path: Path) -> None:
    text = """\
targets:
  prod:
    url: https://x.example.org
    polic: {}
    policy:
      prune: {MtaRoute: maybe, MtaRuote: true}
  test:
    urll: https://y.example.org
policy:
  maxDestroy: 150%
  lint: {plain-text-secret: eror}
"""

    assert told(tmp_path, text) == [
        "reconciler.yaml:4:5 targets.prod.polic: unknown field polic (did you mean policy?)",
        "reconciler.yaml:6:25 targets.prod.policy.prune.MtaRoute: 'maybe' is none of true, false, all",
        "reconciler.yaml:6:32 targets.prod.policy.prune.MtaRuote: unknown field MtaRuote (did you mean MtaRoute?)",
        f"reconciler.yaml:8:5 targets.test: the required field url is missing ({URL})",
        "reconciler.yaml:8:5 targets.test.urll: unknown field urll (did you mean url?)",
        "reconciler.yaml:10:15 policy.maxDestroy: '150%' is no number or share, such as 5 or 30%",
        f"reconciler.yaml:11:29 policy.lint.plain-text-secret: 'eror' is none of {SEVERITIES} (did you mean error?)",
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("150%", "'150%' is no number or share, such as 5 or 30%"),
        ("'²'", "'²' is no number or share, such as 5 or 30%"),
        ("'²%'", "'²%' is no number or share, such as 5 or 30%"),
        ("-5", "-5 is under 0"),
        ("'-5'", "'-5' is no number or share, such as 5 or 30%"),
        ("2.5", "2.5 is no number or share, such as 5 or 30%"),
        ("true", "true is no number or share, such as 5 or 30%"),
        ("[5]", "a list of 1 is no number or share, such as 5 or 30%"),
        ("null", "null is no number or share, such as 5 or 30% (leave the field out)"),
    ],
)
@pytest.mark.parametrize("name", ["maxDestroy", "maxUpdate"])
def test_what_is_no_limit_is_refused(tmp_path: Path, name: str, written: str, message: str) -> None:
    text = f"policy: {{{name}: {written}}}"

    assert told(tmp_path, text) == [f"reconciler.yaml:1:{12 + len(name)} policy.{name}: {message}"]


@pytest.mark.parametrize("written", ["0", "5", "'5'", "5.0", "0%", "00%", "100%"])
def test_a_limit_is_a_number_or_a_share(tmp_path: Path, written: str) -> None:
    assert told(tmp_path, f"policy: {{maxDestroy: {written}}}") == []


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (
            "a: 1\na: 2",
            [f"reconciler.yaml:2:1: {TWICE}"],
        ),
        ("[]", ["reconciler.yaml:1:1: an empty list is no mapping"]),
        (
            "{}\n---\n{}",
            ["reconciler.yaml:3: the file holds 2 documents, and one is all it may hold"],
        ),
        ("policy:", ["reconciler.yaml:1:8 policy: null is no mapping (leave the field out)"]),
        (
            "targets: {one: {url: x, manifests: base}}",
            ["reconciler.yaml:1:36 targets.one.manifests: 'base' is no list (write it in brackets)"],
        ),
        (
            "targets: {one: {url: x, labels: {tier: 1}}}",
            ["reconciler.yaml:1:40 targets.one.labels.tier: 1 is no text (put it in quotes)"],
        ),
        (
            "targets: {one: {url: x, vars: {a: [1]}}}",
            ["reconciler.yaml:1:35 targets.one.vars.a: a list of 1 is no text or number or true or false"],
        ),
        (
            "targets: {one: {url: x, token: 12345, password: {canary: 1}}}",
            [
                "reconciler.yaml:1:32 targets.one.token: the value is no text (put it in quotes)",
                "reconciler.yaml:1:49 targets.one.password: the value is no text",
            ],
        ),
        (b"policy: \xff", ["reconciler.yaml:1:9: byte 0xff is not part of UTF-8 text (save the file as UTF-8)"]),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str | bytes, mistakes: list[str]) -> None:
    assert told(tmp_path, text) == mistakes


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("MtaRout/legacy-*", "did you mean MtaRoute/legacy-*?"),
        ("MtaRout", "did you mean MtaRoute/*?"),
        ("MtaRoute", "did you mean MtaRoute/*?"),
        ("MtaRoute/", "did you mean MtaRoute/*?"),
        ("mtaRoute/x", "did you mean MtaRoute/x?"),
        ("MtaSts/*", "did you mean MtaSts?"),
        ("legacy-*", "an address begins with its kind, such as MtaRoute/legacy-*"),
        ("Zzz/legacy-*", "an address begins with its kind, such as MtaRoute/legacy-*"),
    ],
)
@pytest.mark.parametrize(
    ("of", "at", "column"), [("", "policy", 18), ("targets: {t: {url: x, ", "targets.t.policy", 39)]
)
def test_a_glob_that_would_protect_nothing_is_refused(
    tmp_path: Path, of: str, at: str, column: int, glob: str, hint: str
) -> None:
    text = f"{of}policy: {{keep: ['MtaRoute/*', '{glob}']}}{'}' * of.count('{')}"

    (mistake,) = told(tmp_path, text)

    assert mistake == f"reconciler.yaml:1:{len(of) + 31} {at}.keep.1: '{glob}' matches no address ({hint})"


@pytest.mark.parametrize(
    "glob", ["MtaRoute/*", "*", "*/legacy-*", "Mta?oute/a", "MtaSts", "*#abc", "MtaMilter/[::1]:*"]
)
def test_a_glob_that_can_protect_something_is_taken(tmp_path: Path, glob: str) -> None:
    assert told(tmp_path, f"policy: {{keep: ['{glob}']}}") == []


@pytest.mark.parametrize(
    ("allow", "mistake"),
    [
        ("'MtaRout/*'", ":1:18 policy.allow.0: 'MtaRout/*' matches no address (did you mean MtaRoute/*?)"),
        ("{address: Nope}", (":1:28 policy.allow.0.address: 'Nope' matches no address (an address begins with its "
                            "kind, such as MtaRoute/Nope)")),
        (
            "{address: MtaRoute, until: soon}",
            ":1:45 policy.allow.0.until: 'soon' is no day (write it as \"2027-01-31\")",
        ),
    ],
)  # fmt: skip
def test_a_permission_that_allows_nothing_is_refused(tmp_path: Path, allow: str, mistake: str) -> None:
    assert told(tmp_path, f"policy: {{allow: [{allow}]}}") == [f"reconciler.yaml{mistake}"]


@pytest.mark.parametrize(
    "allow",
    [
        "MtaRoute",
        "'MtaRoute/*'",
        "MtaSts",
        "{address: MtaRoute, actions: [destroy], until: '2027-01-31', because: why}",
    ],
)
def test_a_permission_is_a_kind_an_address_a_glob_or_says_what_bounds_it(tmp_path: Path, allow: str) -> None:
    assert told(tmp_path, f"policy: {{allow: [{allow}]}}") == []


LITERAL = "$${ stands for a literal ${"
ENV = f"only a value that is wholly ${{env:NAME}} is replaced ({LITERAL})"
CREDENTIAL = f"only a value that is wholly ${{env:NAME}} or ${{file:PATH}} is replaced ({LITERAL})"
PLAIN = "it is taken as it stands (token, user, password and vars may be ${env:NAME})"


@pytest.mark.parametrize(
    ("field", "at", "message"),
    [
        ("vars: {a: 'smtp.${env:A}.example.net'}", "vars.a", ENV),
        ("vars: {a: '${env:A}.${env:B}'}", "vars.a", ENV),
        ("vars: {a: '${file:/etc/passwd}'}", "vars.a", ENV),
        ("vars: {a: '${var:b}'}", "vars.a", ENV),
        ("vars: {a: '${env:}'}", "vars.a", ENV),
        ("vars: {a: '$${x} ${env:A}'}", "vars.a", ENV),
        ("labels: {a: '${env:A}'}", "labels.a", f"a label is taken as it stands (use vars; {LITERAL})"),
        ("token: 'Bearer ${env:A}'", "token", CREDENTIAL),
        ("user: '${env:A}${env:B}'", "user", CREDENTIAL),
        ("password: '${var:canary}'", "password", CREDENTIAL),
        ("caBundle: '${env:A}'", "caBundle", PLAIN),
        ("manifests: [a, '${env:A}']", "manifests.1", PLAIN),
        ("labels: {target: a}", "labels.target", "it has the name of the target itself (rename it)"),
        ("vars: {target: a}", "vars.target", "it has the name of the target itself (rename it)"),
        ("labels: {a: b}, vars: {a: 1}", "vars.a", "it has the name of a label (rename it)"),
    ],
)
def test_nothing_is_replaced_by_half(tmp_path: Path, field: str, at: str, message: str) -> None:
    (mistake,) = told(tmp_path, f"targets: {{one: {{url: x, {field}}}}}")

    assert mistake.partition(" ")[2] == f"targets.one.{at}: {message}"


def test_a_literal_reference_is_taken(tmp_path: Path) -> None:
    text = "targets: {one: {url: x, token: 'a$${b', vars: {a: '$${env:A}'}, labels: {b: 'x$${y}'}}}"

    assert told(tmp_path, text) == []


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"targets": {}, "policy": {"maxDestroy": 5.0}},
        {"targets": {"a": {"url": "x", "vars": {"n": 1, "f": 0.5, "t": True}}}},
        {"policy": {"prune": {"MtaRoute": 1}}},
        {"policy": {"owns": {"MtaRoute": ["a", 1]}}},
        {"policy": {"secrets": {"env": None}}},
    ],
)
def test_both_judges_agree(value: Any) -> None:
    assert jsonschema_rs.validator_for(SCHEMA).is_valid(value) is (explain(SCHEMA, value) == [])
    assert faults(SCHEMA, value) == explain(SCHEMA, value)


def test_the_schema_knows_the_fields_that_are_read() -> None:
    target = SCHEMA["properties"]["targets"]["additionalProperties"]
    policy = SCHEMA["properties"]["policy"]

    assert set(target["properties"]) == set(TargetConfig.__struct_encode_fields__)
    assert set(policy["properties"]) == set(Policy.__struct_encode_fields__) - {"allowEmpty"}
    assert set(policy["properties"]["secrets"]["properties"]) == set(SecretSources.__struct_encode_fields__)
    assert set(policy["properties"]["allow"]["items"]["properties"]) == set(Allowance.__struct_fields__) - {"ended"}
    assert set(target["properties"]["manifests"]["items"]["properties"]) == set(Layer.__struct_fields__)
    assert set(SCHEMA["properties"]) == set(ConfigKeys.__struct_encode_fields__)


# ---- what the command line makes of it --------------------------------------------------------------------------

TWO = """\
targets:
  a:
    url: https://a.example.org
    manifests: [%s]
    vars: {x: "${env:NO_A}", y: "${env:NO_B}"}
  b:
    url: https://b.example.org
    vars: {z: "${env:NO_C}"}
policy: {variables: [NO_*]}
"""


def test_variables_of_all_chosen_targets_that_are_not_set_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(TWO % "base")

    ran = command("validate", env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.out) == (65, "")
    assert ran.err == (
        "error: reconciler.yaml:5:15 targets.a.vars.x: NO_A is not set [unset]\n    set NO_A\n"
        "error: reconciler.yaml:5:33 targets.a.vars.y: NO_B is not set [unset]\n    set NO_B\n"
        "error: reconciler.yaml:8:15 targets.b.vars.z: NO_C is not set [unset]\n    set NO_C\n"
        "error: 3 errors in reconciler.yaml\n"
    )


@pytest.mark.parametrize("name", ["validate", "fmt"])
def test_a_layer_that_is_not_there_is_named_with_its_target_and_file(tmp_path: Path, name: str) -> None:
    write(tmp_path / "elsewhere" / "base")
    (tmp_path / "elsewhere" / "reconciler.yaml").write_text("targets: {a: {url: x, manifests: [base, more]}}\n")

    ran = command(name, "--config", "elsewhere/reconciler.yaml", env=environment(""), cwd=tmp_path)

    hint = "    manifests are found from the working directory, wherever the configuration is\n"
    assert (ran.code, ran.out) == (65, "")
    assert ran.err == (
        "error: elsewhere/reconciler.yaml:1:35 targets.a.manifests.0: base does not exist [missing]\n"
        f"{hint}"
        "error: elsewhere/reconciler.yaml:1:41 targets.a.manifests.1: more does not exist [missing]\n"
        f"{hint}"
        "error: 2 errors in elsewhere/reconciler.yaml\n"
    )


def test_a_layer_is_missed_only_by_what_reads_it(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("targets: {a: {url: x, manifests: [base]}}\n")
    write(tmp_path / "mine", a="kind: MtaRoute\nspec: {type: Local, name: n}\n")

    ran = command("validate", "mine", env=environment(""), cwd=tmp_path)

    assert ran.code == 0, ran
