"""What lint finds in expressions, and what it leaves alone."""

from typing import Any

import pytest

from reconciler.kinds.catalogue import load
from reconciler.mail.lint import lint_resources
from reconciler.values.errors import Diagnostic
from reconciler.values.model import Address, Resource, Source

CATALOGUE = load()

#: A rule, an expression that it finds, and a near miss that no rule finds. Each is the `else` of a throttle's match,
#: where mail gives any value and nothing is named.
CASES = [
    ("single-equals", "retry_num=1", "retry_num == 1"),
    ("single-equals", "retry_num = 1", "retry_num >= 1"),
    ("single-equals", "size =! 1", "size != 1"),
    ("missing-operand", "retry_num >", "retry_num > 0"),
    ("missing-operand", "retry_num > 1 &&", "retry_num > 1 && size > 1"),
    ("missing-operand", "size > 1,", "contains(recipients, 'a@example.org')"),
    ("adjacent-values", "retry_num 4", "retry_num * 4"),
    ("adjacent-values", "retry_num, size", "contains([retry_num, size], 4)"),
    ("adjacent-values", "contains(recipients 'a')", "contains(recipients, 'a')"),
    ("ignored-text", "retry_num > 1 } size", "rcpt_domain == '}'"),
    ("negated-operand", "!retry_num == 1", "!(retry_num == 1)"),
    ("negated-operand", "!rcpt_domain == 'example.org'", "rcpt_domain != 'example.org' && !is_empty(sender)"),
    ("chained-comparison", "3 < retry_num < 5", "3 < retry_num && retry_num < 5"),
    ("chained-comparison", "retry_num == size == 1", "retry_num > 1 == size > 1"),
    (
        "alternative-in-comparison",
        "rcpt_domain == ('a.example' || 'b.example')",
        "rcpt_domain == 'a.example' || rcpt_domain == 'b.example'",
    ),
    ("literal-as-condition", "rcpt_domain == 'a.example' || 'b.example'", "retry_num > 1 || true"),
    ("literal-as-condition", "rcpt_domain == 'a.example' && ''", "rcpt_domain == 'a.example' && sender != ''"),
    ("text-against-number", "rcpt_domain == 0", "last_status == '0'"),
    ("text-against-number", "retry_num == ''", "retry_num == '2'"),
    ("text-against-number", "size > 'big'", "size > '00'"),
    ("list-against-value", "recipients == 'a@example.org'", "recipients == ['a@example.org']"),
    (
        "list-against-value",
        "rcpt_domain != ['a.example', 'b.example']",
        "!contains(['a.example', 'b.example'], rcpt_domain)",
    ),
    ("escaped-twice", r"matches('\\.gov$', rcpt_domain)", r"matches('\.gov$', rcpt_domain)"),
    ("escaped-twice", r"matches('^\\d+@', to_lowercase(rcpt))", r"matches('^\d+@', to_lowercase(rcpt))"),
    ("unknown-algorithm", "hash(rcpt, 'crc32') < '8'", "hash(rcpt, 'sha256') < '8'"),
    ("unknown-algorithm", "hash(rcpt, 'SHA256') < '8'", "hash(rcpt, 'md5') < '8'"),
    ("unknown-algorithm", "hash('sha256', rcpt) < '8'", "hash('md5', 'sha256') < '8'"),
    ("constant-compared", "source == relaxed", "source == 'dsn'"),
    ("unit-of-duration", "queue_age > 1h", "queue_age > 3600"),
    ("unit-of-duration", "10s > expires_in", "size > 10s"),
    ("impossible-value", "source == 'bounce'", "source == 'dsn'"),
    ("impossible-value", "contains(['dns', 'timeout'], last_error)", "contains(['dns', 'tls'], last_error)"),
    ("impossible-value", "rcpt_domain == '@example.org'", "rcpt_domain == 'example.org'"),
    ("impossible-value", "sender == 'example.org'", "sender == ''"),
    ("impossible-value", "queue_name == 'newsletter'", "queue_name == 'newslet'"),
    ("capital-in-domain", "rcpt_domain == 'Example.org'", "eq_ignore_case(rcpt_domain, 'Example.org')"),
    ("capital-in-domain", "sender == 'a@EXAMPLE.org'", "sender == 'a@example.org'"),
    ("capital-in-address", "rcpt == 'Info@example.org'", "to_lowercase(rcpt) == 'info@example.org'"),
    ("address-case", "is_local_address(rcpt)", "is_local_address(to_lowercase(rcpt))"),
    ("unsure-pattern", r"matches('\p{Greek}', sender)", r"matches('[a-z]+\.example', sender)"),
]

#: A rule, branches (`if`, `then`) and `else` in which it finds something and where, and a near miss.
LOCAL = ("is_local_domain(rcpt_domain)", "'local'")
BRANCHES: list[tuple[str, str, list[tuple[str, str]], list[tuple[str, str]]]] = [
    ("always-true", "route/match/1/if", [LOCAL, ("true", "'mx'")], [LOCAL, ("size > 1", "'mx'")]),
    ("never-true", "route/match/1/if", [LOCAL, ("false", "'mx'")], [LOCAL, ("!is_empty(sender)", "'mx'")]),
    (
        "unreachable-branch",
        "route/match/2/if",
        [LOCAL, ("1 == 1", "'mx'"), ("size > 1", "'mx'")],
        [LOCAL, ("size == 1", "'mx'"), ("size > 1", "'mx'")],
    ),
    ("unreachable-branch", "route/match/1/if", [LOCAL, LOCAL], [LOCAL, ("is_local_domain(sender_domain)", "'local'")]),
    (
        "unreachable-branch",
        "route/match/2/if",
        [LOCAL, ("retry_num > 0", "'mx'"), ("retry_num >= 2", "'mx'")],
        [LOCAL, ("retry_num >= 2", "'mx'"), ("retry_num > 0", "'mx'")],
    ),
    (
        "unreachable-branch",
        "route/match/2/if",
        [LOCAL, ("size > 9 || sender == ''", "'mx'"), ("10 < size && source == 'dsn'", "'mx'")],
        [LOCAL, ("size > 9 && sender == ''", "'mx'"), ("10 < size && source == 'dsn'", "'mx'")],
    ),
    (
        "unreachable-branch",
        "route/match/2/if",
        [LOCAL, ("contains(['a.example', 'b.example'], rcpt_domain)", "'mx'"), ('rcpt_domain == "b.example"', "'mx'")],
        [LOCAL, ("contains(['a.example', 'b.example'], rcpt_domain)", "'mx'"), ("rcpt_domain == 'c.example'", "'mx'")],
    ),
    (
        "unreachable-branch",
        "route/match/2/if",
        [LOCAL, ("is_empty(sender)", "'mx'"), ("is_empty(sender) && size > 1", "'mx'")],
        # The counter has moved on when it is asked again.
        [LOCAL, ("counter_incr('a', 'b', 1) > 5", "'mx'"), ("counter_incr('a', 'b', 1) > 5", "'mx'")],
    ),
    (
        "no-local-route",
        "route",
        [("rcpt_domain == 'a.example'", "'mx'")],
        [("rcpt_domain == 'a.example'", "'local'")],
    ),
    ("no-local-route", "route", [], [("is_local_domain(rcpt_domain)", "'mx'")]),
    ("untold-name", "route/match/1/then", [LOCAL, ("size > 1", "sender_domain")], [LOCAL, ("size > 1", "'m' + 'x'")]),
    (
        "past-the-end",
        "route/match/1/then",
        [LOCAL, ("size > 1", "['mx'][retry_num]")],
        [LOCAL, ("size > 1", "['mx'][0]")],
    ),
    ("plain-result", "route/match/1/then", [LOCAL, ("size > 1", "5")], [LOCAL, ("size > 1", "'' + 'mx'")]),
    ("plain-result", "route/match/1/then", [LOCAL, ("size > 1", "strict")], [LOCAL, ("size > 1", "('mx')")]),
    (
        "plain-result",
        "route/match/1/then",
        [LOCAL, ("size > 1", "size > 5 && 'mx'")],
        [LOCAL, ("size > 1", "if_then(size > 5, 'mx', 'local')")],
    ),
]


def declared(kind: str, wire: dict[str, Any], name: str = "") -> Resource:
    return Resource(address=Address(kind, name), wire=wire, source=Source("m.yaml", 1))


def expression(*branches: tuple[str, str], otherwise: str) -> dict[str, Any]:
    return {"match": {str(at): {"if": c, "then": r} for at, (c, r) in enumerate(branches)}, "else": otherwise}


def throttle(text: str) -> list[Diagnostic]:
    wire = {"description": "a", "match": expression(otherwise=text)}
    return list(lint_resources(CATALOGUE, [declared("MtaOutboundThrottle", wire, "a")]))


def route(branches: list[tuple[str, str]]) -> list[tuple[str, str]]:
    wire = {"route": expression(*branches, otherwise="'mx'")}
    return [(each.code, each.pointer) for each in lint_resources(CATALOGUE, [declared("MtaOutboundStrategy", wire)])]


@pytest.mark.parametrize(("rule", "text", "near"), CASES, ids=[f"{rule}:{text}" for rule, text, _ in CASES])
def test_rule_on_a_text_finds_its_case_and_leaves_the_near_miss(rule: str, text: str, near: str) -> None:
    found = {each.code for each in throttle(text)}

    assert rule in found
    assert [each.code for each in throttle(near)] == []


@pytest.mark.parametrize(("rule", "pointer", "branches", "near"), BRANCHES, ids=range(len(BRANCHES)))
def test_rule_on_branches_finds_its_case_and_leaves_the_near_miss(
    rule: str, pointer: str, branches: list[tuple[str, str]], near: list[tuple[str, str]]
) -> None:
    found = route(branches)

    assert [each for each in found if each[0] == rule] == [(rule, pointer)]
    assert route(near) == []


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "retry_num=1",
            "a single = swallows the character after it: `=1` is read as == and '1' is lost (character 10)",
            "write == with a blank on each side",
        ),
        (
            "rcpt_domain == ('a' || 'b')",
            "`'a' || 'b'` gives 'a' itself, so that only 'a' is tested (character 21)",
            "write rcpt_domain == 'a' || rcpt_domain == 'b'",
        ),
        (
            "rcpt_domain == 'a' || 'b'",
            "'b' is no comparison: by itself it is always true (character 23)",
            "write rcpt_domain == 'a' || rcpt_domain == 'b'",
        ),
        (
            "queue_age > 1h",
            "queue_age counts seconds, and 1h is the number 3600000, of milliseconds (character 13)",
            "write 3600",
        ),
        (
            "rcpt_domain != 'EXT.example'",
            "rcpt_domain is in lower case, so that it always differs from 'EXT.example' (character 16)",
            "write 'ext.example'",
        ),
    ],
)
def test_message_says_what_the_server_does_and_the_hint_what_to_write(text: str, message: str, hint: str) -> None:
    found = [(each.message, each.hint) for each in throttle(text) if each.code != "text-against-number"]

    assert (message, hint) in found


def test_missing_name_of_a_result_says_that_default_is_looked_up() -> None:
    wire = {"tls": expression(otherwise="5")}

    found = lint_resources(CATALOGUE, [declared("MtaOutboundStrategy", wire)])

    assert [(each.code, each.message) for each in found] == [
        ("plain-result", "the number 5 is no name: the server looks up 'default' instead, which needs no object")
    ]


@pytest.mark.parametrize(
    ("kind", "field"),
    [("MtaInboundThrottle", "match"), ("MtaOutboundThrottle", "match"), ("MtaQueueQuota", "match")],
)
def test_branches_are_ignored_where_only_else_counts(kind: str, field: str) -> None:
    wire = {field: expression(("rcpt_domain == 'a.example'", "true"), otherwise="false"), "messages": 1}
    plain = {field: expression(otherwise="rcpt_domain == 'a.example'"), "messages": 1}

    found = lint_resources(CATALOGUE, [declared(kind, wire, "a")])

    assert [(each.code, each.pointer) for each in found] == [("ignored-branches", "match/match")]
    assert lint_resources(CATALOGUE, [declared(kind, plain, "a")]) == ()


@pytest.mark.parametrize("kind", ["MtaMilter", "MtaHook"])
def test_recipient_is_the_last_one_only_where_a_filter_runs_at_data(kind: str) -> None:
    wire = {"enable": expression(otherwise="rcpt_domain == 'a.example'"), "stages": {"rcpt": True, "data": True}}
    early = {**wire, "stages": {"rcpt": True}}
    among = {**wire, "enable": expression(otherwise="contains(recipients, 'a@a.example')")}

    found = lint_resources(CATALOGUE, [declared(kind, wire, "a")])

    assert [(each.code, each.pointer) for each in found] == [("last-recipient-only", "enable/else")]
    assert lint_resources(CATALOGUE, [declared(kind, early, "a")]) == ()
    assert lint_resources(CATALOGUE, [declared(kind, among, "a")]) == ()


@pytest.mark.parametrize("field", ["tls", "connection"])
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("rcpt == 'a@a.example'", True),
        ("starts_with(rcpt, 'a')", True),
        ("is_local_address(rcpt)", True),
        ("rcpt_domain == 'a.example'", False),
        ("email_part(rcpt, 'domain') == 'a.example'", False),
        ("ends_with(rcpt, '@a.example')", False),
        ("sender == 'a@a.example'", False),
    ],
)
def test_recipient_is_the_first_one_where_the_server_asks_once_for_several(
    field: str, condition: str, found: bool
) -> None:
    wire = {field: expression((condition, "'default'"), otherwise="'default'")}

    codes = [each.code for each in lint_resources(CATALOGUE, [declared("MtaOutboundStrategy", wire)])]

    assert ("first-recipient-only" in codes) == found


def test_recipient_of_a_route_is_each_one() -> None:
    wire = {"route": expression(LOCAL, ("rcpt == 'a@a.example'", "'mx'"), otherwise="'mx'")}

    codes = [each.code for each in lint_resources(CATALOGUE, [declared("MtaOutboundStrategy", wire)])]

    assert "first-recipient-only" not in codes


def schedule(name: str, attempts: int) -> Resource:
    wire = {
        "name": name,
        "expiry": {"@type": "Attempts", "maxAttempts": attempts},
        "retry": {"@type": "Custom", "intervals": {"0": {"duration": 60000}}},
    }
    return declared("MtaDeliverySchedule", wire, name)


@pytest.mark.parametrize(
    ("condition", "attempts", "rules"),
    [
        ("retry_num > 1", 2, ["late-failover"]),
        ("retry_num >= 3 && size > 1", 3, ["late-failover"]),
        ("retry_num == 2", 3, []),
        ("retry_num > 5 || size > 1", 2, []),
    ],
)
def test_failover_beyond_the_last_attempt_is_found(condition: str, attempts: int, rules: list[str]) -> None:
    strategy = declared(
        "MtaOutboundStrategy",
        {"route": expression(LOCAL, (condition, "'mx'"), otherwise="'mx'"), "schedule": expression(otherwise="'s'")},
    )

    found = lint_resources(CATALOGUE, [strategy, schedule("s", attempts)])

    assert [each.code for each in found] == rules


def test_failover_by_time_counts_the_waits_that_fit() -> None:
    strategy = declared(
        "MtaOutboundStrategy",
        {
            "route": expression(LOCAL, ("retry_num > 3", "'mx'"), otherwise="'mx'"),
            "schedule": expression(otherwise="'s'"),
        },
    )

    def lasting(milliseconds: int) -> Resource:
        wire = {
            "name": "s",
            "expiry": {"@type": "Ttl", "expire": milliseconds},
            "retry": {"@type": "Custom", "intervals": {"0": {"duration": 60000}, "1": {"duration": 120000}}},
        }
        return declared("MtaDeliverySchedule", wire, "s")

    short = lint_resources(CATALOGUE, [strategy, lasting(400_000)])
    long = lint_resources(CATALOGUE, [strategy, lasting(420_000)])

    assert [each.code for each in short] == ["late-failover"]
    assert long == ()


def test_refused_expression_is_an_error_that_nothing_lowers() -> None:
    resource = Resource(
        address=Address("MtaOutboundThrottle", "a"),
        wire={"description": "a", "match": expression(otherwise="relay")},
        source=Source("m.yaml", 1),
        accept={"refused-expression": "it will do"},
    )

    found = lint_resources(CATALOGUE, [resource], {"refused-expression": "ignore"})

    assert sorted((each.severity, each.code, each.address) for each in found) == [
        ("error", "refused-expression", "MtaOutboundThrottle/a"),
        ("warning", "unknown-rule", ""),
        ("warning", "unknown-rule", "MtaOutboundThrottle/a"),
    ]
