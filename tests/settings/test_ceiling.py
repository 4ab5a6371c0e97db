"""What a configuration may do at most, by one that a pull request cannot change."""

from pathlib import Path

import pytest

from reconciler.settings.ceiling import check_ceiling, policy_differences
from reconciler.settings.config import parse_config
from reconciler.values import Refused, UsageError


def checked(mine: str, most: str, url: str = "https://a.example", more: str = "") -> None:
    """Check a policy, and a target `a`, by another one."""
    config = parse_config("mine.yaml", f"targets: {{a: {{url: '{url}'{more}}}}}\npolicy: {mine}\n")
    check_ceiling(
        config, parse_config("base.yaml", f"targets: {{a: {{url: https://a.example}}}}\npolicy: {most}\n"), "a"
    )


@pytest.mark.parametrize(
    ("mine", "most"),
    [
        ("{}", "{}"),
        ("{maxDestroy: 10%}", "{maxDestroy: 30%}"),
        ("{maxDestroy: 30%}", "{}"),
        ("{prune: {MtaRoute: true}}", "{prune: {MtaRoute: all}}"),
        ("{keep: ['MtaRoute/a', 'MtaRoute/b']}", "{keep: ['MtaRoute/a']}"),
        ("{allow: ['MtaRoute/a']}", "{allow: [MtaRoute]}"),
        (
            "{allow: [{address: MtaRoute, actions: [update], until: '2027-01-31'}]}",
            "{allow: [{address: MtaRoute, until: '2027-02-28'}]}",
        ),
        ("{owns: {MtaRoute: [acme-eu]}}", "{owns: {MtaRoute: ['acme-*']}}"),
        ("{lint: {plain-text-secret: error}}", "{lint: {plain-text-secret: warning}}"),
        ("{secrets: {env: [RELAY_EU]}}", "{secrets: {env: ['RELAY_*']}}"),
        ("{variables: []}", "{variables: [REGION]}"),
    ],
)
def test_policy_that_allows_no_more_is_taken(mine: str, most: str) -> None:
    checked(mine, most)


@pytest.mark.parametrize(
    ("mine", "most", "named"),
    [
        ("{maxDestroy: 100%}", "{maxDestroy: 30%}", "policy.maxDestroy"),
        ("{maxDestroy: 31%}", "{}", "policy.maxDestroy"),
        ("{maxDestroy: 5}", "{maxDestroy: 30%}", "policy.maxDestroy"),
        ("{}", "{maxUpdate: 5}", "policy.maxUpdate"),
        ("{prune: {MtaRoute: all}}", "{prune: {MtaRoute: true}}", "policy.prune.MtaRoute"),
        ("{prune: {MtaRoute: true}}", "{}", "policy.prune.MtaRoute"),
        ("{}", "{keep: ['MtaRoute/a']}", "policy.keep lacks MtaRoute/a"),
        ("{allow: [MtaRoute]}", "{}", "policy.allow MtaRoute"),
        ("{allow: [MtaRoute]}", "{allow: ['MtaRoute/a']}", "policy.allow MtaRoute"),
        ("{allow: [MtaRoute]}", "{allow: [{address: MtaRoute, actions: [update]}]}", "policy.allow MtaRoute"),
        ("{allow: [MtaRoute]}", "{allow: [{address: MtaRoute, until: '2027-01-31'}]}", "policy.allow MtaRoute"),
        ("{}", "{owns: {MtaRoute: [a]}}", "policy.owns.MtaRoute"),
        ("{owns: {MtaRoute: ['*']}}", "{owns: {MtaRoute: ['acme-*']}}", "policy.owns.MtaRoute"),
        ("{undeclared: {MtaHook: ignore}}", "{}", "policy.undeclared.MtaHook"),
        ("{lint: {plain-text-secret: note}}", "{lint: {plain-text-secret: error}}", "policy.lint.plain-text-secret"),
        ("{}", "{lint: {plain-text-secret: error}}", "policy.lint.plain-text-secret"),
        ("{secrets: {env: ['*']}}", "{secrets: {env: ['RELAY_*']}}", "policy.secrets.env"),
        ("{}", "{secrets: {files: [/run/x]}}", "policy.secrets.files"),
        ("{variables: ['*']}", "{variables: [REGION]}", "policy.variables"),
        ("{links: [/]}", "{}", "policy.links"),
    ],
)
def test_looser_policy_is_refused_and_named(mine: str, most: str, named: str) -> None:
    with pytest.raises(Refused) as error:
        checked(mine, most)

    assert error.value.message == f"the configuration allows more than base.yaml: {named}"


@pytest.mark.parametrize("node", ["https://b.example", "https://a.example.evil"])
def test_nodes_that_the_ceiling_does_not_name_are_refused(node: str) -> None:
    with pytest.raises(UsageError, match=r"^--ceiling: the target a has nodes that base\.yaml does not name"):
        checked("{}", "{}", more=f", nodes: ['{node}']")


def test_target_itself_may_be_its_own_node() -> None:
    checked("{}", "{}", more=", nodes: ['https://a.example/']")


def test_plain_http_that_the_ceiling_does_not_allow_is_refused() -> None:
    with pytest.raises(Refused, match="plainHttp"):
        checked("{}", "{}", more=", plainHttp: true")


def test_other_url_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="credentials go to no other server"):
        checked("{}", "{}", "https://evil.example")


def test_target_that_the_ceiling_does_not_know_is_wrong_usage(tmp_path: Path) -> None:
    config = parse_config("mine.yaml", "targets: {b: {url: https://b.example}}\n")

    with pytest.raises(UsageError, match="has no target b"):
        check_ceiling(config, parse_config("base.yaml", "targets: {a: {url: https://a.example}}\n"), "b")


def test_what_the_policy_says_otherwise_is_told_with_both_values() -> None:
    target = "targets: {a: {url: https://a.example, policy: {maxDestroy: 5.0}}}\n"
    config = parse_config(
        "mine.yaml",
        f"{target}policy: {{keep: ['MtaRoute/a', 'MtaRoute/b'], prune: {{}}, lint: {{unused-object: error}}}}\n",
    )
    base = parse_config(
        "base.yaml",
        "targets: {a: {url: https://a.example}}\n"
        "policy: {keep: ['MtaRoute/a'], prune: {MtaRoute: true}, maxUpdate: 9}\n",
    )

    assert policy_differences(config, base, "a") == (
        "keep [MtaRoute/a] -> [MtaRoute/a, MtaRoute/b]",
        "lint.unused-object unset -> error",
        "maxDestroy 30% -> 5",
        "maxUpdate 9 -> unset",
        "prune.MtaRoute true -> unset",
    )


def test_what_is_allowed_otherwise_is_told_by_its_parts() -> None:
    one = parse_config("mine.yaml", "policy: {allow: [{address: 'MtaRoute/*', actions: [destroy], because: old}]}\n")
    other = parse_config("base.yaml", "policy: {allow: [MtaRoute]}\n")

    assert policy_differences(one, other, "") == (
        "allow [MtaRoute] -> [{address: MtaRoute/*, actions: [destroy], because: old}]",
    )


def test_the_same_policy_in_other_words_is_no_difference() -> None:
    one = parse_config("mine.yaml", "policy: {maxDestroy: 30%, maxUpdate: 5.0}\n")
    other = parse_config("base.yaml", "policy: {maxUpdate: 5}\n")

    assert policy_differences(one, other, "") == ()


@pytest.mark.parametrize("more", ["token: '${env:OTHER}'", "user: eve", "password: '${file:/x}'", "caBundle: mine.pem"])
def test_credentials_and_certificates_are_those_of_the_ceiling(more: str) -> None:
    with pytest.raises(Refused, match=f"allows more than base.yaml: {more.partition(':')[0]} "):
        checked("{}", "{}", more=f", {more}")
