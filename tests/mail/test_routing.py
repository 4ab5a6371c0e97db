"""Routing tests: documents are read strictly, and what does not hold is told with what decided it."""

from pathlib import Path

import pytest

from reconciler.desired.manifest import Desired, ManifestText, parse
from reconciler.desired.manifest import load as load_manifests
from reconciler.kinds.catalogue import load
from reconciler.mail.explain import Check, desired_state
from reconciler.mail.routing import check_documents, failures, judge_documents, run_tests
from reconciler.values.errors import Diagnostic
from reconciler.values.model import Source

CATALOGUE = load()
MANIFESTS = Path(__file__).parent.parent.parent / "manifests"

STRATEGY = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
      - {if: retry_num > 1, use: nope}
    use: mx
"""


def of(tests: str, strategy: str = STRATEGY) -> Desired:
    return parse(CATALOGUE, [[ManifestText("m.yaml", strategy), ManifestText("t.yaml", tests)]])


def checked(tests: str, strategy: str = STRATEGY) -> tuple[Diagnostic, ...]:
    desired = of(tests, strategy).checked()
    return check_documents(CATALOGUE, desired.resources, desired.locate, desired.tests)


def mistakes(tests: str) -> list[tuple[int, int, str, str]]:
    _, found = judge_documents(CATALOGUE, of(tests).tests)
    return [(each.line, each.column, each.message, each.hint) for each in found]


def test_desired_state_without_tests_has_no_findings() -> None:
    desired = parse(CATALOGUE, [[ManifestText("m.yaml", STRATEGY)]])

    assert check_documents(CATALOGUE, desired.resources, desired.locate, desired.tests) == ()


def test_cases_that_hold_say_nothing() -> None:
    assert (
        checked("""\
kind: RoutingTest
given: {localDomains: [example.org]}
cases:
  - name: local
    given: {rcpt: b@example.org}
    expect: {route: local, connection: default, schedule: local, tls: default}
  - name: others
    given: {rcpt: b@other.example}
    ladder: {0: {route: mx}, 1: {route: mx, schedule: remote}}
""")
        == ()
    )


def test_failure_names_expected_actual_and_the_deciding_branch() -> None:
    found = checked("""\
kind: RoutingTest
given: {localDomains: [example.org]}
cases:
  - name: ours go out
    given: {rcpt: b@example.org}
    expect: {route: mx}
""")

    assert found == (
        Diagnostic(
            file="t.yaml",
            line=6,
            column=21,
            code="routing-test",
            message="ours go out: route should be mx, but it is local",
            hint="decided by if is_local_domain(rcpt_domain) at m.yaml:5:9",
        ),
    )


def test_failure_of_a_default_expression_says_so() -> None:
    found = checked("""\
kind: RoutingTest
cases: [{name: tls, given: {rcpt: b@a.example, localDomains: []}, expect: {tls: strict}}]
""")

    assert [(each.message, each.hint) for each in found] == [
        ("tls: tls should be strict, but it is default", "decided by tls/else, the server's default")
    ]


def test_name_without_an_object_fails_even_if_it_is_expected() -> None:
    found = checked("""\
kind: RoutingTest
given: {localDomains: [], rcpt: b@a.example}
cases:
  - {name: third, ladder: {2: {route: nope}}}
""")

    uses = "built-in MX delivery: at most 5 hosts, 2 addresses of each, IPv4 before IPv6"
    because = f"MtaRoute/nope does not exist; the server would use {uses}"
    assert [(each.line, each.message) for each in found] == [
        (4, f"third, attempt 3: route should be nope, but it is nope: {because}")
    ]


def test_unknown_is_a_failure_with_its_reason() -> None:
    found = checked("""\
kind: RoutingTest
cases:
  - {name: who, given: {rcpt: b@a.example}, expect: {route: mx}}
""")

    assert [(each.message, each.hint) for each in found] == [
        (
            "who: route should be mx, but that is unknown: localDomains is not given",
            "undecided at if is_local_domain(rcpt_domain) at m.yaml:5:14",
        )
    ]


def test_ladder_has_no_last_error_at_the_first_attempt_and_the_given_one_later() -> None:
    assert (
        checked("""\
kind: RoutingTest
given: {localDomains: [], lastError: tls}
cases:
  - name: accepts any certificate at the second attempt
    given: {rcpt: b@a.example}
    ladder: {0: {tls: default}, 1: {tls: invalid-tls}}
""")
        == ()
    )


def test_ladder_without_last_error_leaves_what_depends_on_it_unknown() -> None:
    found = checked("""\
kind: RoutingTest
cases: [{name: later, given: {rcpt: b@a.example}, ladder: {1: {tls: default}}}]
""")

    assert [each.message for each in found] == [
        "later, attempt 2: tls should be default, but that is unknown: lastError is not given"
    ]


def test_cases_given_wins_over_the_shared_one() -> None:
    found = checked("""\
kind: RoutingTest
given: {localDomains: [a.example], rcpt: b@a.example}
cases:
  - {name: shared, expect: {route: local}}
  - {name: own, given: {localDomains: []}, expect: {route: mx}}
""")

    assert found == ()


MILTERS = """\
kind: MtaMilter
items:
  - {hostname: 127.0.0.1, port: 1, enable: "listener == 'smtp'"}
  - {hostname: "::1", port: 2, stages: [mail, data]}
"""


@pytest.mark.parametrize(
    ("given", "expected", "told"),
    [
        ("{stage: data, listener: smtp}", "['127.0.0.1:1', '[::1]:2']", []),
        ("{stage: mail}", "['[::1]:2']", []),
        ("{stage: connect}", "[]", []),
        (
            "{stage: data, listener: smtp}",
            "['[::1]:2', '127.0.0.1:1']",
            ["[[::1]:2, 127.0.0.1:1], but it is [127.0.0.1:1, [::1]:2]: they are asked in the order of their creation"],
        ),
        (
            "{stage: data, listener: sub}",
            "['127.0.0.1:1', '[::1]:2']",
            ["[127.0.0.1:1, [::1]:2], but it is [[::1]:2]: MtaMilter/127.0.0.1:1: its expression says no"],
        ),
        (
            "{stage: data}",
            "['[::1]:2']",
            ["[[::1]:2], but that is unknown: MtaMilter/127.0.0.1:1: listener is not given"],
        ),
        (
            "{stage: mail}",
            "['127.0.0.1:9', '[::1]:2']",
            ["[127.0.0.1:9, [::1]:2], but it is [[::1]:2]: there is no 127.0.0.1:9"],
        ),
    ],
)
def test_milters_are_compared_in_order(given: str, expected: str, told: list[str]) -> None:
    tests = f"kind: RoutingTest\ncases:\n  - {{name: m, given: {given}, expect: {{milters: {expected}}}}}\n"

    found = checked(tests, MILTERS)

    assert [each.message for each in found] == [f"m: milters should be {each}" for each in told]


def test_every_mistake_of_a_document_is_told_where_it_stands() -> None:
    found = mistakes("""\
kind: RoutingTest
x-own: 1
givn: {}
given: {localDomain: [x], source: dns}
cases:
  - {name: a, expect: {rout: x, route: 1, milters: b}}
  - {name: a, given: {retryNum: 1}, ladder: {x: {route: mx}, 0: {}}}
  - {nam: b}
  - 3
  - {name: c, expect: {route: mx}, given: 4}
  - {name: d, ladder: {}}
""")

    assert found == [
        (3, 1, "unknown field givn", "did you mean given?"),
        (4, 9, "unknown field localDomain", "did you mean localDomains?"),
        (4, 35, "given.source cannot be 'dns'", "did you mean dsn?"),
        (6, 24, "unknown field rout", "did you mean route?"),
        (6, 40, "route must be a name, a text", ""),
        (6, 52, "milters must be a list of names, such as [127.0.0.1:11332]", ""),
        (7, 12, "two cases have this name, the first at t.yaml:6:12", "name what differs"),
        (7, 33, "the ladder says which attempts are meant", "take retryNum out"),
        (7, 46, "an attempt is a number from 0 (the first) to 1000", ""),
        (7, 65, "this is a mapping of what is expected", "known here: connection, route, schedule, tls, milters"),
        (8, 5, "a case needs expect or ladder", "such as expect: {route: mx}"),
        (8, 5, "a case needs a name, a text", "say what shall hold"),
        (8, 6, "unknown field nam", "did you mean name?"),
        (9, 5, "a case is a mapping with name, given, and expect or ladder", ""),
        (10, 43, "given is a mapping, such as {rcpt: b@example.org}", ""),
        (11, 23, "ladder is a mapping of attempts", "such as {0: {route: mx}, 2: {route: fallback}}"),
    ]


@pytest.mark.parametrize("cases", ["", "cases: []", "cases: {}", "cases: x"])
def test_document_without_cases_is_a_mistake(cases: str) -> None:
    assert [message for _, _, message, _ in mistakes(f"kind: RoutingTest\n{cases}\n")] == [
        "cases is a list of at least one case"
    ]


def test_document_with_a_mistake_runs_none_of_its_cases() -> None:
    tests = """\
kind: RoutingTest
cases: [{name: a, given: {rcpt: b@a.example, localDomains: []}, expect: {route: local}}, {name: b}]
---
kind: RoutingTest
cases: [{name: c, given: {rcpt: b@a.example, localDomains: []}, expect: {route: mx}}]
"""

    cases, found = judge_documents(CATALOGUE, of(tests).tests)

    assert [case.name for case in cases] == ["c"]
    assert [each.code for each in found] == ["routing-test-document"]


def test_results_hold_every_check() -> None:
    desired = of("""\
kind: RoutingTest
cases: [{name: a, given: {rcpt: b@a.example, localDomains: []}, expect: {route: mx, tls: strict}}]
""")
    cases, _ = judge_documents(CATALOGUE, desired.tests)

    results = run_tests(CATALOGUE, desired_state(CATALOGUE, desired.resources, desired.locate), cases)

    assert [result.passed for result in results] == [False]
    assert results[0].case.place == Source("t.yaml", 2, 9)
    assert results[0].checks == (
        Check(
            retry=None,
            field="route",
            expected="mx",
            actual="mx",
            passed=True,
            pointer="route/else",
            origin="declared",
        ),
        Check(
            retry=None,
            field="tls",
            expected="strict",
            actual="default",
            passed=False,
            place=Source("t.yaml", 2, 90),
            pointer="tls/else",
            origin="default",
        ),
    )
    assert [each.message for each in failures(results)] == ["a: tls should be strict, but it is default"]


@pytest.mark.parametrize("path", sorted((MANIFESTS / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_recipe_has_routing_tests_that_hold(path: Path) -> None:
    desired = load_manifests(CATALOGUE, [str(path)]).checked()

    assert len(desired.tests) == 1
    assert check_documents(CATALOGUE, desired.resources, desired.locate, desired.tests) == ()


def test_manifests_have_routing_tests_that_hold() -> None:
    desired = load_manifests(CATALOGUE, [str(path) for path in sorted(MANIFESTS.glob("*.yaml"))]).checked()

    assert len(desired.tests) == 1
    assert check_documents(CATALOGUE, desired.resources, desired.locate, desired.tests) == ()
