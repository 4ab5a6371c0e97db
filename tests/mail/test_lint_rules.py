"""The table of rules: every rule has its cases, and policy and waivers settle what a finding counts as."""

import re
from pathlib import Path

import pytest

from reconciler.desired.manifest import load as load_manifests
from reconciler.mail.lint import RULES, dangling_names, lint_resources
from reconciler.mail.lint.rules import Finding, settle
from reconciler.values.errors import Diagnostic
from reconciler.values.model import Address, Source
from tests.mail import test_lint_expressions, test_lint_names, test_lint_objects, test_lint_publishing
from tests.states import CATALOGUE, desired_of

MANIFESTS = Path(__file__).parent.parent.parent / "manifests"
FOUND = "kind: MtaRoute\nmetadata: {accept: {%s}}\nspec: {type: Relay, name: r, address: localhost}"


def test_every_rule_has_a_case() -> None:
    tests = (test_lint_expressions, test_lint_names, test_lint_objects, test_lint_publishing)
    tabled = {case[0] for case in (*test_lint_expressions.CASES, *test_lint_expressions.BRANCHES)}
    tabled |= {case[0] for case in test_lint_objects.CASES}

    # What needs more than one document to be found has a test of its own, which names it.
    asserted = {rule for each in tests for rule in re.findall(r'"([a-z-]+)"', Path(each.__file__ or "").read_text())}

    assert set(RULES) - tabled - asserted == set()
    assert tabled - set(RULES) == set()


def test_only_three_rules_are_errors_unless_policy_says_so() -> None:
    errors = {rule.id for rule in RULES.values() if rule.severity == "error"}

    assert errors == {"dangling-name", "masked-secret", "refused-expression"}


@pytest.mark.parametrize("severity", ["error", "warning", "note"])
def test_policy_sets_the_severity(severity: str) -> None:
    told = lint_resources(CATALOGUE, desired_of(FOUND % ""), {"loopback-next-hop": severity})

    assert [(each.severity, each.code) for each in told] == [(severity, "loopback-next-hop")]


def test_policy_ignores_a_rule() -> None:
    assert lint_resources(CATALOGUE, desired_of(FOUND % ""), {"loopback-next-hop": "ignore"}) == ()


def test_accepted_finding_is_a_note_with_the_reason() -> None:
    resources = desired_of(FOUND % "loopback-next-hop: a tunnel ends here")

    told = lint_resources(CATALOGUE, resources, {"loopback-next-hop": "error"})

    assert told == (
        Diagnostic(
            file="m.yaml",
            line=1,
            address="MtaRoute/r",
            pointer="address",
            severity="note",
            code="loopback-next-hop",
            message="'localhost' is a loopback address: all mail for this relay bounces at once, without a retry; "
            "accepted: a tunnel ends here",
            hint="let it listen on an address of the network",
        ),
    )


def test_unknown_rules_are_findings_themselves() -> None:
    resources = desired_of(FOUND % "loopback-nexthop: typo")

    told = lint_resources(CATALOGUE, resources, {"loopback-next-hop": "ignore", "plain-secret": "error"})

    assert [(each.code, each.address, each.message, each.hint) for each in told] == [
        (
            "unknown-rule",
            "",
            "policy.lint names 'plain-secret', which is no lint rule",
            "did you mean plain-text-secret?",
        ),
        (
            "unknown-rule",
            "MtaRoute/r",
            "metadata.accept names 'loopback-nexthop', which is no lint rule",
            "did you mean loopback-next-hop?",
        ),
    ]


def test_findings_stand_where_the_locator_says() -> None:
    def locate(address: Address, pointer: str) -> Source | None:
        return Source("routes.yaml", 7, 12) if (str(address), pointer) == ("MtaRoute/r", "address") else None

    told = lint_resources(CATALOGUE, desired_of(FOUND % ""), locate=locate)

    assert [(each.file, each.line, each.column) for each in told] == [("routes.yaml", 7, 12)]


@pytest.mark.parametrize(("count", "column"), [(20, 12), (21, 0)])
def test_a_crowd_of_notes_stands_where_its_documents_do(count: int, column: int) -> None:
    resources = desired_of("---\n".join(f"kind: MtaRoute\nspec: {{type: Local, name: r{n}}}\n" for n in range(count)))
    findings = [Finding(rule="unused-object", address=each.address, message="m") for each in resources]

    told = settle(findings, resources, locate=lambda address, _: Source("m.yaml", 1, 12))

    assert {each.column for each in told} == {column}
    assert len(told) == count


def test_what_a_singleton_does_not_declare_stands_nowhere() -> None:
    resources = desired_of("kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n")
    findings = [
        Finding(rule="undeclared-name", address=Address("MtaOutboundStrategy"), pointer=pointer, message="m")
        for pointer in ("tls/else", "route/else")
    ]

    told = settle(findings, resources)

    assert [(each.place, each.pointer) for each in told] == [("", "tls/else"), ("m.yaml:1", "route/else")]


@pytest.mark.parametrize("path", ["recipes/failover.yaml", "recipes/lmtp-relay.yaml", "recipes/local-and-mx.yaml"])
def test_shipped_recipes_have_no_findings(path: str) -> None:
    desired = load_manifests(CATALOGUE, [str(MANIFESTS / path)])

    assert desired.resources
    assert lint_resources(CATALOGUE, desired.resources) == ()
    assert dangling_names(CATALOGUE, desired.resources) == ()
