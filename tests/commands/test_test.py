"""`test`: the routing tests of manifests, as text, as JSON and as JUnit XML."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.report.schemas import SCHEMAS
from tests.running import Ran, command, environment, write

STRATEGY = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
    use: mx
"""
GOOD = """\
kind: RoutingTest
cases:
  - {name: "<ours> & theirs", given: {rcpt: b@a.example, localDomains: []}, expect: {route: mx}}
"""
BAD = """\
kind: RoutingTest
cases:
  - {name: ours, given: {rcpt: b@a.example, localDomains: [a.example]}, ladder: {0: {route: mx}}}
  - {name: dark, given: {rcpt: b@a.example}, expect: {route: mx}}
"""
WRONG = "kind: RoutingTest\ncases: [{name: a, expct: {}}]\n"


def outcome_of(tmp_path: Path, *args: str, **files: str) -> Ran:
    write(tmp_path / "m", strategy=STRATEGY, **files)
    return command("test", "m", *args, env=environment(""), cwd=tmp_path)


def test_tests_that_hold_are_counted(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, good=GOOD) == Ran(0, "1 routing test: 1 passed.\n", "")


def test_quiet_says_nothing_when_all_hold(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, "--quiet", good=GOOD) == Ran(0, "", "")


def test_manifests_without_tests_are_fine(tmp_path: Path) -> None:
    assert outcome_of(tmp_path) == Ran(0, "0 routing tests: 0 passed.\n", "")


def test_failures_are_told_and_the_exit_code_is_65(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, bad=BAD, good=GOOD) == Ran(
        65,
        "failed: m/bad.yaml:3:93 ours, attempt 1\n"
        "    route: expected mx, got local\n"
        "    decided by if is_local_domain(rcpt_domain) at m/strategy.yaml:5:9\n"
        "failed: m/bad.yaml:4:62 dark\n"
        "    route: expected mx, got unknown\n"
        "    undecided at if is_local_domain(rcpt_domain) at m/strategy.yaml:5:14\n"
        "    localDomains is not given\n"
        "3 routing tests: 2 failed, 1 passed.\n",
        "",
    )


def test_mistake_in_a_routing_test_is_told_and_the_exit_code_is_65(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, wrong=WRONG) == Ran(
        65,
        "error: m/wrong.yaml:2:9 cases/0: a case needs expect or ladder [routing-test-document]\n"
        "    such as expect: {route: mx}\n"
        "error: m/wrong.yaml:2:19 cases/0/expct: unknown field expct [routing-test-document]\n"
        "    did you mean expect?\n"
        "0 routing tests: 0 passed, 2 mistakes in routing tests.\n",
        "",
    )


def test_mistake_in_a_manifest_comes_before_its_tests(tmp_path: Path) -> None:
    ran = outcome_of(tmp_path, good=GOOD, route="kind: MtaRoute\nspec: {type: Relay, name: r}\n")

    assert (ran.code, ran.out) == (65, "")
    assert ran.err.endswith("error: 1 error in the manifests\n")


def test_json_holds_every_check(tmp_path: Path) -> None:
    ran = outcome_of(tmp_path, "--format", "json", bad=BAD)

    assert ran.code == 65
    Draft202012Validator(SCHEMAS["routing-tests"]).validate(ran.json)
    assert ran.json == {
        "format": "reconciler/routing-tests/v1",
        "cases": [
            {
                "checks": [
                    {
                        "actual": "local",
                        "branch": "route/match/0",
                        "decidedAt": {"column": 9, "file": "m/strategy.yaml", "line": 5},
                        "expected": "mx",
                        "field": "route",
                        "if": "is_local_domain(rcpt_domain)",
                        "passed": False,
                        "retryNum": 0,
                        "source": {"column": 93, "file": "m/bad.yaml", "line": 3},
                    }
                ],
                "name": "ours",
                "passed": False,
                "source": {"column": 5, "file": "m/bad.yaml", "line": 3},
            },
            {
                "checks": [
                    {
                        "actual": None,
                        "because": "localDomains is not given",
                        "branch": "route/match/0/if",
                        "decidedAt": {"column": 14, "file": "m/strategy.yaml", "line": 5},
                        "expected": "mx",
                        "field": "route",
                        "if": "is_local_domain(rcpt_domain)",
                        "passed": False,
                        "source": {"column": 62, "file": "m/bad.yaml", "line": 4},
                    }
                ],
                "name": "dark",
                "passed": False,
                "source": {"column": 5, "file": "m/bad.yaml", "line": 4},
            },
        ],
        "diagnostics": [],
        "summary": {"failed": 2, "mistakes": 0, "passed": 0},
        "target": {"name": "", "url": ""},
    }


@pytest.mark.parametrize("files", [{}, {"good": GOOD}, {"wrong": WRONG}, {"good": GOOD, "bad": BAD, "wrong": WRONG}])
def test_json_is_as_its_schema_says(tmp_path: Path, files: dict[str, str]) -> None:
    Draft202012Validator.check_schema(SCHEMAS["routing-tests"])

    found = outcome_of(tmp_path, "--format", "json", **files).json
    errors = list(Draft202012Validator(SCHEMAS["routing-tests"]).iter_errors(found))

    assert errors == []


def test_junit_holds_a_case_for_every_test_and_mistake(tmp_path: Path) -> None:
    ran = outcome_of(tmp_path, "--format", "junit", bad=BAD, good=GOOD, wrong=WRONG)
    root = ElementTree.fromstring(ran.out)

    assert (ran.code, root.attrib) == (65, {"name": "reconciler", "tests": "5", "failures": "2", "errors": "2"})
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [
        ("m/wrong.yaml", "2"),
        ("m/bad.yaml", "2"),
        ("m/good.yaml", "1"),
    ]
    assert [
        (case.get("name"), case.get("line"), [(each.tag, each.get("message")) for each in case])
        for suite in root
        for case in suite
    ] == [
        ("routing-test-document", "2", [("error", "a case needs expect or ladder")]),
        ("routing-test-document", "2", [("error", "unknown field expct")]),
        ("ours", "3", [("failure", "route: expected mx, got local, attempt 1")]),
        ("dark", "4", [("failure", "route: expected mx, got unknown")]),
        ("<ours> & theirs", "3", []),
    ]
