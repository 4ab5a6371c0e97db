"""Configuration, environment and options become the settings of one run."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds.catalogue import load
from reconciler.settings import Config, Options, Settings, connect, read_config, settings
from reconciler.values.errors import ConfigError, ManifestError, NotAllowed, UsageError
from reconciler.values.policy import Allowance, Policy, Scope

CATALOGUE = load()


def config(directory: Path, text: str) -> Config:
    path = directory / "reconciler.yaml"
    path.write_text(text)
    return read_config(Options(config=str(path)))


def found(directory: Path, text: str, environment: dict[str, str] | None = None, **options: Any) -> Settings:
    return settings(CATALOGUE, config(directory, text), Options(**options), environment or {})


TWO = """\
targets:
  one: {url: "https://one.example.org", token: "${env:ONE}", manifests: [base, one], vars: {n: 1}, labels: {tier: a}}
  two: {url: "https://two.example.org"}
policy: {prune: {MtaRoute: true}, maxDestroy: 10%}
"""


def test_without_a_file_everything_is_at_its_default(tmp_path: Path) -> None:
    none = settings(CATALOGUE, Config(), Options(), {})

    assert (none.target, none.paths, none.server) == ("", ("manifests",), None)
    assert (none.policy, none.scope) == (Policy(), Scope())


def test_a_target_brings_its_layers_variables_and_server(tmp_path: Path) -> None:
    one = found(tmp_path, TWO, target="one")

    assert (one.target, one.paths) == ("one", ("base", "one"))
    assert one.variables == {"target": "one", "tier": "a", "n": 1}
    assert one.policy == Policy(prune={"MtaRoute": True}, max_destroy="10%")
    assert connect(one, {"ONE": "token"}).url == "https://one.example.org"
    assert connect(one, {"ONE": "token"}).token == "token"


def test_several_targets_need_a_choice(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are 2 targets"):
        found(tmp_path, TWO)


def test_an_unknown_target_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known here: one, two"):
        found(tmp_path, TWO, target="three")


def test_paths_replace_the_layers_of_a_target(tmp_path: Path) -> None:
    assert found(tmp_path, TWO, target="one", paths=("mine",)).paths == ("mine",)


def test_options_win_over_the_policy(tmp_path: Path) -> None:
    one = found(tmp_path, TWO, target="one", prune=False, limits={"max_destroy": "7", "max_update": "20%"})

    assert one.policy == Policy(prune={}, max_destroy=7, max_update="20%")


def test_a_targets_policy_is_merged_over_the_policy_of_all(tmp_path: Path) -> None:
    text = """\
targets:
  one: {url: "https://x.example.org", policy: {prune: {MtaMilter: all}, keep: ["MtaRoute/a"], maxUpdate: 4}}
policy: {prune: {MtaRoute: true}, keep: ["MtaRoute/b"], undeclared: {MtaHook: drift}, owns: {MtaRoute: [acme-*]}}
"""

    assert found(tmp_path, text).policy == Policy(
        prune={"MtaRoute": True, "MtaMilter": "all"},
        keep=("MtaRoute/b", "MtaRoute/a"),
        undeclared={"MtaHook": "drift"},
        owns={"MtaRoute": ("acme-*",)},
        max_update=4,
    )


def test_permissions_add_up_and_end(tmp_path: Path) -> None:
    text = """\
targets:
  one:
    url: "https://x.example.org"
    policy: {allow: [{address: "MtaRoute/a", actions: [destroy], until: "2020-01-31", because: once}]}
policy: {allow: [MtaHook, {address: MtaMilter, until: "2999-12-31"}]}
"""

    assert found(tmp_path, text).policy.allow == (
        Allowance(address="MtaHook"),
        Allowance(address="MtaMilter", until="2999-12-31"),
        Allowance(address="MtaRoute/a", actions=frozenset({"destroy"}), until="2020-01-31", because="once", ended=True),
    )


@pytest.mark.parametrize(
    ("option", "most"),
    [("0", 0), ("5", 5), ("0%", "0%"), ("30%", "30%"), ("100%", "100%")],
)
def test_a_limit_is_a_number_or_a_share(option: str, most: int | str) -> None:
    asked = Options(limits={"max_destroy": option, "max_update": option})

    assert settings(CATALOGUE, Config(), asked, {}).policy == Policy(max_destroy=most, max_update=most)


@pytest.mark.parametrize("option", ["-5", "150%", "²", "²%", "5.0", "%", "5 %", "٣", "5\n", "many"])
def test_an_option_that_is_no_limit_is_wrong_usage(option: str) -> None:
    for name in ("destroy", "update"):
        asked = Options(limits={f"max_{name}": option})
        with pytest.raises(UsageError) as caught:
            settings(CATALOGUE, Config(), asked, {})

        assert str(caught.value) == f"--max-{name} {option!r} is no number and no share (write 5 or 30%)"
        assert caught.value.exit_code == 64


def test_every_variable_that_is_not_set_is_told_with_its_place(tmp_path: Path) -> None:
    text = """\
targets:
  one:
    url: https://x.example.org
    vars: {a: "${env:A}", b: "${env:B}", c: "${env:C}"}
    policy: {variables: [A, B, C]}
"""
    with pytest.raises(ManifestError) as caught:
        found(tmp_path, text, {"B": ""})

    assert [str(each).removeprefix(f"{tmp_path}/") for each in caught.value.diagnostics] == [
        "reconciler.yaml:4:15 targets.one.vars.a: A is not set (set A)",
        "reconciler.yaml:4:45 targets.one.vars.c: C is not set (set C)",
    ]
    assert str(caught.value) == f"2 errors in {tmp_path / 'reconciler.yaml'}"


def test_variables_of_another_target_need_not_be_set(tmp_path: Path) -> None:
    text = TWO.replace("vars: {n: 1}", "vars: {n: '${env:NOWHERE}'}")

    assert found(tmp_path, text, target="two").variables == {"target": "two"}


def test_a_variable_is_the_text_of_the_environment_or_of_the_file(tmp_path: Path) -> None:
    text = """\
targets:
  one:
    url: https://x.example.org
    labels: {region: "$${eu}"}
    vars: {a: "${env:RECONCILER_VAR_A}", b: "$${env:A}", c: "a $${ b", d: 1.5, e: true}
"""
    assert found(tmp_path, text, {"RECONCILER_VAR_A": "${env:B} $${"}).variables == {
        "target": "one",
        "region": "${eu}",
        "a": "${env:B} $${",
        "b": "${env:A}",
        "c": "a ${ b",
        "d": 1.5,
        "e": True,
    }


def test_credentials_are_references_or_texts(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    text = f"""\
targets:
  one: {{url: x, user: "${{env:WHO}}", password: "${{file:{tmp_path}/password}}"}}
  two: {{url: x, user: "$${{env:WHO}}", password: "a$${{b"}}
"""

    one = connect(found(tmp_path, text, target="one"), {"WHO": "me"})
    two = connect(found(tmp_path, text, target="two"), {})

    assert (one.user, one.password) == ("me", "from a file")
    assert (two.user, two.password) == ("${env:WHO}", "a${b")


def test_a_missing_file_is_refused_only_if_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        read_config(Options(config=str(tmp_path / "nowhere.yaml")))


def test_the_servers_own_variable_names_a_server_where_there_are_no_targets(tmp_path: Path) -> None:
    variables = {"STALWART_URL": "https://env.example.org", "STALWART_USER": "u", "STALWART_PASSWORD": "p"}

    bare = settings(CATALOGUE, Config(), Options(), variables)

    assert connect(bare, variables).url == "https://env.example.org"


def test_credentials_of_the_environment_go_to_the_server_that_it_names_and_to_no_other(tmp_path: Path) -> None:
    variables = {"STALWART_URL": "https://env.example.org", "STALWART_USER": "u", "STALWART_PASSWORD": "p"}
    same = {**variables, "STALWART_URL": "https://TWO.example.org:443/"}

    assert connect(found(tmp_path, TWO, same, target="two"), same).url == "https://two.example.org"
    with pytest.raises(UsageError, match=r"are for STALWART_URL, and https://two\.example\.org:443 is another server"):
        connect(found(tmp_path, TWO, variables, target="two"), variables)
    # An option is nothing that a pull request can change.
    opted = found(tmp_path, TWO, variables, target="two", url="https://opt.example.org")
    assert connect(opted, variables).url == "https://opt.example.org"


CLUSTER = "targets: {all: {url: https://mail.example.org, nodes: [%s]}}"


def test_nodes_are_addresses_that_are_judged_as_the_servers_own(tmp_path: Path) -> None:
    variables = {"STALWART_USER": "u", "STALWART_PASSWORD": "p"}
    bound = {**variables, "STALWART_URL": "https://mail.example.org"}
    nodes = CLUSTER % "https://a.example.org/, https://b.example.org"

    assert connect(found(tmp_path, nodes, variables), variables).nodes == (
        "https://a.example.org",
        "https://b.example.org",
    )
    with pytest.raises(UsageError, match=r"are for STALWART_URL, and https://a\.example\.org:443 is another server"):
        connect(found(tmp_path, nodes, bound), bound)
    clear = found(tmp_path, CLUSTER % "https://a.example.org, http://b.example.org", variables)
    with pytest.raises(UsageError, match=r"^http://b\.example\.org is another host, and credentials would go there"):
        connect(clear, variables)


def test_another_server_than_the_targets_own_has_none_of_its_nodes(tmp_path: Path) -> None:
    variables = {"STALWART_USER": "u", "STALWART_PASSWORD": "p"}
    chosen = found(tmp_path, CLUSTER % "https://a.example.org", variables, url="https://opt.example.org")

    assert connect(chosen, variables).nodes == ()


@pytest.mark.parametrize("url", ["http://mail.example.org", "http://192.0.2.1:8080", "HTTP://mail.example.org"])
def test_credentials_go_to_no_other_host_in_clear(url: str) -> None:
    variables = {"STALWART_URL": url, "STALWART_USER": "u", "STALWART_PASSWORD": "p"}

    with pytest.raises(UsageError, match="is another host, and credentials would go there in clear"):
        connect(settings(CATALOGUE, Config(), Options(), variables), variables)
    allowed = settings(CATALOGUE, Config(), Options(allow_plain_http=True), variables)
    assert connect(allowed, variables).url == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]", "http://localhost:8080"])
def test_this_machine_is_talked_to_in_clear(url: str) -> None:
    variables = {"STALWART_URL": url, "STALWART_USER": "u", "STALWART_PASSWORD": "p"}

    assert connect(settings(CATALOGUE, Config(), Options(), variables), variables).url == url


@pytest.mark.parametrize(
    ("name", "policy", "hint"),
    [
        ("HOME", "", "policy.variables: [HOME] allows it; RECONCILER_VAR_* needs no word"),
        ("STALWART_PASSWORD", "", "credentials are never variables"),
        ("STALWART_PASSWORD", "['*']", "credentials are never variables"),
        ("RECONCILER_PING", "['*']", "policy.variables: [RECONCILER_PING] allows it; RECONCILER_VAR_* needs no word"),
    ],
)
def test_variable_that_a_plan_may_not_show_is_refused(tmp_path: Path, name: str, policy: str, hint: str) -> None:
    text = f"""\
targets:
  one:
    url: https://x.example.org
    vars: {{a: "${{env:{name}}}"}}
    policy: {{{f"variables: {policy}" if policy else ""}}}
"""
    with pytest.raises(ManifestError) as caught:
        found(tmp_path, text, {name: "c4n4ry"})

    assert [each.hint for each in caught.value.diagnostics] == [hint]


def test_an_option_names_the_server_before_anything_else(tmp_path: Path) -> None:
    one = found(tmp_path, TWO, target="one", url="https://opt.example.org", user="me")

    server = connect(one, {"STALWART_PASSWORD": "p", "STALWART_TOKEN": "t"})

    assert (server.url, server.token, server.user, server.password) == ("https://opt.example.org", "", "me", "p")


def test_no_server_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no server is named"):
        connect(settings(CATALOGUE, Config(), Options(), {}), {})


@pytest.mark.parametrize("variables", [{}, {"STALWART_USER": "u"}, {"STALWART_PASSWORD": "p"}])
def test_no_credentials_are_77(variables: dict[str, str]) -> None:
    with pytest.raises(NotAllowed, match="there are no credentials"):
        connect(settings(CATALOGUE, Config(), Options(url="https://x.example.org"), variables), variables)


def test_settings_print_no_secret(tmp_path: Path) -> None:
    text = "targets: {one: {url: x, user: u, password: canary}}"

    one = found(tmp_path, text)

    assert "canary" not in repr(one)
    assert "canary" not in repr(connect(one, {}))
    assert "canary" not in repr(config(tmp_path, text))


@pytest.mark.parametrize(("bound", "url"), [("https://a.example", "http://[::1"), ("http://[::1", "https://a.example")])
def test_what_is_no_url_is_no_origin(tmp_path: Path, bound: str, url: str) -> None:
    variables = {"STALWART_URL": bound, "STALWART_USER": "u", "STALWART_PASSWORD": "p"}

    with pytest.raises(UsageError, match="is another server"):
        connect(found(tmp_path, f"targets: {{one: {{url: '{url}'}}}}\n", variables, target="one"), variables)
