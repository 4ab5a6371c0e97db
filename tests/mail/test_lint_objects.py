"""What lint finds in objects, and what it leaves alone."""

import pytest

from reconciler.mail.lint import lint_keeps, lint_resources
from reconciler.values.errors import Diagnostic
from reconciler.values.model import Address, Resource, Sensitive, Source
from tests.states import CATALOGUE, desired_of, live_of

RELAY = "kind: MtaRoute\nspec: {type: Relay, name: r, "
MILTER = "kind: MtaMilter\nspec: {hostname: av.example.net, "
HOOK = "kind: MtaHook\nspec: "
STAGE = "kind: MtaStageRcpt\nspec: {allowRelaying: "
SCHEDULE = "kind: MtaDeliverySchedule\nspec: {name: s, queueId: remote, retry: {type: Custom, intervals: "
LOGIN = "address: a.example.net, authUsername: u"
PASSWORD = "authSecret: {type: EnvironmentVariable, variableName: P}"
QUOTA = "kind: MtaQueueQuota\nspec: {description: q, key: [rcpt], "

#: A rule, the pointer that it finds something at, a manifest that it finds, and a near miss that no rule finds.
CASES = [
    (
        "shipped-setting-reset",
        "maxMxHosts",
        "kind: MtaRoute\nspec: {type: Mx, name: mx, description: ours}",
        "kind: MtaRoute\nspec: {type: Mx, name: mx, maxMxHosts: 2}",
    ),
    (
        "shipped-setting-reset",
        "maxMxHosts",
        "kind: MtaRoute\nspec: {type: Mx, name: mx}",
        "kind: MtaRoute\nmetadata: {unmanaged: [maxMxHosts]}\nspec: {type: Mx, name: mx}",
    ),
    ("loopback-next-hop", "address", RELAY + "address: 127.0.0.1}", RELAY + "address: 128.0.0.1}"),
    ("loopback-next-hop", "address", RELAY + "address: localhost}", RELAY + "address: localhost.example.net}"),
    ("loopback-next-hop", "address", RELAY + "address: '::1'}", RELAY + "address: '2001:db8::1'}"),
    ("loopback-next-hop", "address", RELAY + "address: '::ffff:127.0.0.1'}", RELAY + "address: '::ffff:192.0.2.1'}"),
    ("port-in-address", "address", RELAY + "address: 'a.example.net:25'}", RELAY + "address: '2001:db8::25'}"),
    ("port-in-address", "address", RELAY + "address: '[2001:db8::1]:25'}", RELAY + "address: a.example.net, port: 26}"),
    (
        "port-in-address",
        "hostname",
        MILTER.replace("av.example.net", "'av.example.net:11332'") + "stages: [data]}",
        MILTER + "stages: [data]}",
    ),
    ("no-host", "address", RELAY + "address: 'smtp://smtp.example.net'}", RELAY + "address: smtp.example.net}"),
    ("no-host", "address", RELAY + "address: smtp.example.net/relay}", RELAY + "address: smtp.example.net.}"),
    ("no-host", "address", RELAY + "address: '[192.0.2.1]'}", RELAY + "address: 192.0.2.1}"),
    ("no-host", "address", RELAY + "address: 'a.example.net, b.example.net'}", RELAY + "address: a-b.example.net}"),
    ("no-host", "address", RELAY + "address: 'a.example.net b'}", RELAY + "address: http.example.net}"),
    ("no-host", "address", RELAY + "address: 192.0.2.300}", RELAY + "address: 192.0.2.30}"),
    ("no-host", "address", RELAY + "address: 192.0.2}", RELAY + "address: 2.example.net}"),
    ("no-host", "address", RELAY + "address: '*.example.net'}", RELAY + "address: a_b.example.net}"),
    ("no-host", "address", RELAY + "address: a..example.net}", RELAY + "address: 'a.example.net.'}"),
    ("no-host", "address", RELAY + "address: '-a.example.net'}", RELAY + "address: a-b.example.net}"),
    ("no-host", "address", RELAY + "address: '<a.example.net>'}", RELAY + "address: bücher.example.net}"),
    ("no-host", "address", RELAY + "address: 0.0.0.0}", RELAY + "address: 0.example.net}"),
    ("loopback-next-hop", "address", RELAY + "address: ip6-localhost}", RELAY + "address: localhost2}"),
    (
        "no-host",
        "hostname",
        MILTER.replace("av.example.net", "256.1.1.1") + "stages: [data]}",
        MILTER.replace("av.example.net", "'[2001:db8::1]'") + "stages: [data]}",
    ),
    (
        "no-host",
        "hostname",
        MILTER.replace("av.example.net", "'[av.example.net]'") + "stages: [data]}",
        MILTER.replace("av.example.net", "'2001:db8::1'") + "stages: [data]}",
    ),
    (
        "no-host",
        "hostname",
        MILTER.replace("av.example.net", "'inet:11332@av.example.net'") + "stages: [data]}",
        MILTER + "stages: [data]}",
    ),
    (
        "no-host",
        "hostname",
        MILTER.replace("av.example.net", "'unix:/run/clamav/milter.sock'") + "stages: [data]}",
        MILTER + "stages: [data]}",
    ),
    (
        "no-host",
        "hostname",
        MILTER.replace("av.example.net", "'/run/milter.sock'") + "stages: [data]}",
        MILTER.replace("av.example.net", "'2001:db8::2'") + "stages: [data]}",
    ),
    ("well-known-port", "port", MILTER + "port: 3310, stages: [data]}", MILTER + "port: 7357, stages: [data]}"),
    ("well-known-port", "port", MILTER + "port: 11333, stages: [data]}", MILTER + "port: 11332, stages: [data]}"),
    (
        "implicit-tls-port",
        "port",
        RELAY + "address: a.example.net, port: 2465}",
        RELAY + "address: a.example.net, port: 2465, implicitTls: true}",
    ),
    ("open-relay", "allowRelaying/else", STAGE + "'true'}", STAGE + "'!is_empty(authenticated_as)'}"),
    ("open-relay", "allowRelaying/else", STAGE + '"local_port == 25"}', STAGE + '"local_port != 25"}'),
    ("open-relay", "allowRelaying/else", STAGE + '"!is_empty(remote_ip)"}', STAGE + '"is_empty(remote_ip)"}'),
    (
        "open-relay",
        "allowRelaying/else",
        STAGE + "\"is_ip_in_cidr(remote_ip, '0.0.0.0/0')\"}",
        STAGE + "\"is_ip_in_cidr(remote_ip, '192.0.2.0/24')\"}",
    ),
    (
        "open-relay",
        "allowRelaying/else",
        STAGE + "\"rcpt_domain != 'example.org'\"}",
        STAGE + "\"ends_with(rcpt_domain, '.example.org')\"}",
    ),
    (
        "open-relay",
        "allowRelaying/else",
        STAGE + "\"sender_domain == 'example.org' && !is_empty(remote_ip)\"}",
        STAGE + "\"sender_domain == 'example.org' && remote_ip == '192.0.2.1'\"}",
    ),
    (
        "open-relay",
        "allowRelaying/else",
        STAGE + '"is_empty(authenticated_as)"}',
        STAGE + "\"remote_ip == '192.0.2.1'\"}",
    ),
    (
        "open-relay",
        "allowRelaying/else",
        STAGE + "\"sender_domain == 'example.org'\"}",
        STAGE + "\"rcpt_domain == 'example.org'\"}",
    ),
    (
        "open-relay",
        "allowRelaying/else",
        STAGE + "is_local_domain(sender_domain)}",
        STAGE + "is_local_domain(rcpt_domain)}",
    ),
    (
        "open-relay",
        "allowRelaying/match/0/then",
        STAGE + "{match: [{if: \"helo_domain == 'mx.example.org'\", then: 'true'}], else: 'false'}}",
        STAGE + "{match: [{if: \"remote_ip == '192.0.2.1'\", then: 'true'}], else: '!is_empty(authenticated_as)'}}",
    ),
    (
        "open-relay",
        "allowRelaying/else",
        STAGE + "{match: [{if: \"remote_ip == '192.0.2.1'\", then: 'true'}], else: 'true'}}",
        STAGE + "{match: [{if: \"!is_empty(authenticated_as)\", then: 'true'}], else: 'false'}}",
    ),
    (
        "implicit-tls-port",
        "port",
        RELAY + "address: a.example.net, port: 4465}",
        RELAY + "address: a.example.net, port: 20465}",
    ),
    ("well-known-port", "port", MILTER + "port: 10025, stages: [data]}", MILTER + "port: 10035, stages: [data]}"),
    ("implicit-tls-port", "port", RELAY + "address: a.example.net, port: 465}", RELAY + "address: a.example.net}"),
    (
        "plain-port",
        "implicitTls",
        RELAY + "address: a.example.net, port: 587, implicitTls: true}",
        RELAY + "address: a.example.net, port: 465, implicitTls: true}",
    ),
    ("half-credentials", "authUsername", RELAY + LOGIN + "}", f"{RELAY}{LOGIN}, {PASSWORD}}}"),
    ("half-credentials", "authSecret", f"{RELAY}address: a.example.net, {PASSWORD}}}", f"{RELAY}{LOGIN}, {PASSWORD}}}"),
    (
        "plain-text-secret",
        "authSecret/secret",
        RELAY + LOGIN + ", authSecret: {type: Value, secret: hunter2}}",
        RELAY + LOGIN + ", authSecret: {type: Value, secret: '${env:P}'}}",
    ),
    (
        "plain-text-secret",
        "httpHeaders/Authorization",
        HOOK + "{url: 'https://a.example.net', httpHeaders: {Authorization: Bearer x}}",
        HOOK + "{url: 'https://a.example.net', httpHeaders: {X-Site: eu}}",
    ),
    (
        "invalid-certs",
        "allowInvalidCerts",
        RELAY + "address: a.example.net, allowInvalidCerts: true}",
        RELAY + "address: a.example.net, allowInvalidCerts: false}",
    ),
    (
        "invalid-certs",
        "allowInvalidCerts",
        "kind: MtaTlsStrategy\nspec: {name: lax, allowInvalidCerts: true}",
        "kind: MtaTlsStrategy\nspec: {name: invalid-tls, allowInvalidCerts: true}",
    ),
    (
        "idle-setting",
        "allowInvalidCerts",
        MILTER + "allowInvalidCerts: true}",
        MILTER + "useTls: true}",
    ),
    ("idle-setting", "timeoutConnect", MILTER + "timeoutConnect: 5s}", MILTER + "timeoutCommand: 5s}"),
    ("idle-setting", "match", QUOTA + "messages: 5}", QUOTA + "messages: 5, match: true}"),
    ("idle-setting", "messages", QUOTA + "match: true}", QUOTA + "size: 1GB, match: true}"),
    ("well-known-port", "port", MILTER + "port: 25}", MILTER + "port: 11332}"),
    ("well-known-port", "port", MILTER + "port: 993}", MILTER + "port: 8891}"),
    ("hook-url", "url", HOOK + "{url: a.example.net/hook}", HOOK + "{url: 'HTTP://a.example.net/hook'}"),
    (
        "plain-text-secret",
        "url",
        HOOK + "{url: 'https://me:hunter2@a.example.net'}",
        HOOK + "{url: 'https://a.example.net:8443/@me:x'}",
    ),
    (
        "bare-duration",
        "connectTimeout",
        "kind: MtaConnectionStrategy\nspec: {name: c, connectTimeout: 30}",
        "kind: MtaConnectionStrategy\nspec: {name: c, connectTimeout: 1000}",
    ),
    (
        "bare-duration",
        "rate/period",
        "kind: MtaOutboundThrottle\nspec: {description: t, rate: {count: 5, period: 999}}",
        "kind: MtaOutboundThrottle\nspec: {description: t, rate: {count: 5, period: 999ms}}",
    ),
    ("short-retry", "retry/intervals/1/duration", SCHEDULE + "[1m, 500ms]}}", SCHEDULE + "[1m, 1000ms]}}"),
    (
        "similar-names",
        "name",
        "kind: MtaConnectionStrategy\nspec: {name: Default}",
        "kind: MtaConnectionStrategy\nspec: {name: defaults}",
    ),
    (
        "blank-in-name",
        "name",
        "kind: MtaTlsStrategy\nspec: {name: 'strict '}",
        "kind: MtaTlsStrategy\nspec: {name: 'very strict'}",
    ),
]


def found(text: str) -> list[Diagnostic]:
    return list(lint_resources(CATALOGUE, desired_of(text)))


@pytest.mark.parametrize(("rule", "pointer", "text", "near"), CASES, ids=[f"{each[0]}:{each[2]}" for each in CASES])
def test_rule_finds_its_case_and_leaves_the_near_miss(rule: str, pointer: str, text: str, near: str) -> None:
    told = [(each.code, each.pointer) for each in found(text)]

    assert told == [(rule, pointer)]
    assert found(near) == []


def test_bare_number_of_a_duration_is_told_with_the_unit_that_was_meant() -> None:
    told = found("kind: MtaConnectionStrategy\nspec: {name: c, connectTimeout: 30}")

    assert [(each.severity, each.message, each.hint) for each in told] == [
        ("warning", "30 is 30 ms: write 30s", "or 30ms, if that is meant")
    ]


def test_bare_numbers_are_found_at_every_depth_and_in_every_spelling_of_a_list() -> None:
    by_place = SCHEDULE + "{1: {duration: 60}, 0: 30}}, expiry: {type: Ttl, expire: 5}}"

    told = [each.pointer for each in found(by_place) if each.code == "bare-duration"]

    assert told == ["expiry/expire", "retry/intervals/0/duration", "retry/intervals/1/duration"]


def test_secret_is_in_no_finding() -> None:
    text = RELAY + LOGIN + ", authSecret: {type: Value, secret: hunter2}}"

    told = found(text)

    assert [each.code for each in told] == ["plain-text-secret"]
    assert "hunter2" not in repr(told) + "".join(map(str, told))


def test_mask_as_a_secret_is_an_error_that_nothing_lowers() -> None:
    wire = {
        "@type": "Relay",
        "name": "r",
        "authUsername": "u",
        "authSecret": {"@type": "Value", "secret": Sensitive(plain="****")},
    }
    resource = Resource(address=Address("MtaRoute", "r"), wire=wire, source=Source("m.yaml", 3))

    told = lint_resources(CATALOGUE, [resource], {"masked-secret": "note"})

    assert [(each.severity, each.code, each.line) for each in told if each.code == "masked-secret"] == [
        ("error", "masked-secret", 3)
    ]


STRATEGY = """
---
kind: MtaOutboundStrategy
spec:
  route: {match: [{if: is_local_domain(rcpt_domain), use: local}, {if: "rcpt_domain == 'p.example'", use: r}], use: mx}
  tls: {match: [%s], use: default}
---
kind: MtaTlsStrategy
spec: {name: strict, startTls: require}
"""


REACHES, MAY = "mail reaches this relay under", "mail may reach this relay under"


@pytest.mark.parametrize(
    ("branches", "begins"),
    [
        ("{if: \"rcpt_domain == 'p.example'\", use: strict}", []),
        ("{if: \"contains(['o.example', 'p.example'], rcpt_domain)\", use: strict}", []),
        ("{if: \"rcpt_domain == 'o.example'\", use: strict}", [REACHES]),
        # What the route fixes decides functions of it.
        ("{if: \"ends_with(rcpt_domain, '.example')\", use: strict}", []),
        ("{if: \"ends_with(rcpt_domain, '.test')\", use: strict}", [REACHES]),
        ("{if: \"matches('^p[.]', rcpt_domain)\", use: strict}", []),
        ("{if: \"to_uppercase(rcpt_domain) == 'P.EXAMPLE'\", use: strict}", []),
        ("{if: \"!starts_with(rcpt_domain, 'p')\", use: default}, {if: 'true', use: strict}", []),
        # A branch of the route above has taken the mail for which this would be false.
        ("{if: is_local_domain(rcpt_domain), use: default}, {if: 'true', use: strict}", []),
        # Whatever else decides may do so either way.
        ("{if: \"sender_domain == 'p.example'\", use: strict}", [MAY]),
        ("{if: size > 5, use: default}, {if: \"rcpt_domain == 'p.example'\", use: strict}", [MAY]),
        ("{if: retry_num > 1, use: invalid-tls}, {if: \"rcpt_domain == 'p.example'\", use: strict}", [MAY]),
        ("{if: size > 5, use: strict}, {if: \"rcpt_domain == 'p.example'\", use: strict}", []),
    ],
)
def test_credentials_are_safe_where_the_same_mail_meets_required_tls(branches: str, begins: list[str]) -> None:
    told = found(f"{RELAY}{LOGIN}, {PASSWORD}}}" + STRATEGY % branches)

    notes = [each for each in told if each.code == "credentials-in-clear"]
    assert [each.severity for each in notes] == ["note"] * len(begins)
    assert [each.message.partition(" a TLS")[0] for each in notes] == begins


def test_credentials_are_safe_with_implicit_tls() -> None:
    told = found(f"{RELAY}{LOGIN}, port: 465, implicitTls: true, {PASSWORD}}}" + STRATEGY % "")

    assert [each.code for each in told] == ["unused-object"]


UNUSED = """
kind: MtaRoute
items: [{type: Mx, name: mx, maxMxHosts: 2}, {type: Mx, name: a}, {type: Mx, name: b}]
---
kind: MtaOutboundStrategy
spec: {route: {match: [{if: is_local_domain(rcpt_domain), use: local}], else: "%s"}}
"""


def test_object_that_no_expression_names_is_a_note() -> None:
    told = found(UNUSED % "'a'")

    assert [(each.severity, each.code, each.address) for each in told] == [("note", "unused-object", "MtaRoute/b")]


@pytest.mark.parametrize("text", ["if_then(size > 5, 'a', 'b')", "['a', 'b'][0] + sender"])
def test_object_is_not_called_unused_where_it_is_named_or_the_name_cannot_be_told(text: str) -> None:
    assert [each.code for each in found(UNUSED % text) if each.code == "unused-object"] == []


def test_object_is_not_called_unused_where_the_strategy_is_not_declared() -> None:
    assert found("kind: MtaRoute\nspec: {type: Mx, name: a}") == []


def test_live_strategy_tells_whether_an_object_is_used() -> None:
    resources = desired_of("kind: MtaRoute\nitems: [{type: Mx, name: a}, {type: Mx, name: b}]")
    strategy = {"route": {"match": {}, "else": "'a'"}}

    told = lint_resources(CATALOGUE, resources, live=live_of({"MtaOutboundStrategy": [strategy]}))

    assert [(each.code, each.address) for each in told] == [("unused-object", "MtaRoute/b")]


def test_queue_is_used_by_a_schedule_that_refers_to_it() -> None:
    queues = "kind: MtaVirtualQueue\nitems: [{name: fast}, {name: slow}]\n---\n"

    told = found(queues + "kind: MtaDeliverySchedule\nspec: {name: s, queueId: fast}")

    assert [(each.code, each.address) for each in told] == [("unused-object", "MtaVirtualQueue/slow")]


def test_names_are_compared_with_live_ones_too() -> None:
    resources = desired_of("kind: MtaTlsStrategy\nspec: {name: Strict}")
    live = live_of({"MtaTlsStrategy": [{"id": "a", "name": "strict"}]})

    told = [each for each in lint_resources(CATALOGUE, resources, live=live) if each.code == "similar-names"]

    assert [each.message for each in told] == [
        "'Strict' differs from 'strict' only in case or blanks, and the server tells them apart"
    ]


def test_queue_name_is_judged_once_the_queues_were_read() -> None:
    throttle = "kind: MtaOutboundThrottle\nspec: {description: t, rate: {count: 1, period: 1s}, "
    resources = desired_of(throttle + "match: \"queue_name == 'bulk'\"}")

    without = lint_resources(CATALOGUE, resources)
    unknown = lint_resources(CATALOGUE, resources, live=live_of({"MtaVirtualQueue": [{"id": "a", "name": "remote"}]}))
    known = lint_resources(CATALOGUE, resources, live=live_of({"MtaVirtualQueue": [{"id": "a", "name": "bulk"}]}))

    assert without == known == ()
    assert [(each.code, each.hint) for each in unknown] == [("impossible-value", "known here: default, remote")]


@pytest.mark.parametrize(
    ("glob", "told"),
    [
        ("MtaRoute/mx", []),
        ("MtaRoute/*", []),
        ("*", []),
        ("MtaRoute/MX", [("idle-keep", "did you mean MtaRoute/mx?")]),
        ("MtaRoute/legacy-*", [("idle-keep", "mend it, or take it out")]),
        # Nobody has read these, and they may hold what is kept.
        ("MtaMilter/a:25", []),
        ("MtaHook/*", []),
    ],
)
def test_glob_that_keeps_nothing_is_a_warning(glob: str, told: list[tuple[str, str]]) -> None:
    live = live_of({"MtaRoute": [{"id": "a", "@type": "Mx", "name": "mx"}]}, forbidden=["MtaMilter"])
    del live.objects["MtaHook"]

    notes = lint_keeps(CATALOGUE, [glob], live, {})

    assert [(each.code, each.hint) for each in notes] == told
    assert {each.severity for each in notes} <= {"warning"}
