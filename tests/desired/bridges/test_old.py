"""A configuration of 0.15 and before becomes manifests by which mail goes as it did, and what does not is told."""

import json

import pytest

from reconciler.desired import assemble, bridge
from reconciler.kinds import load
from tests.desired.bridges.importing import adds_up, imported

DEFAULT = "match:\n      - {if: is_local_domain(rcpt_domain), use: local}\n    use: mx"
REFUSED = "was refused by 0.15, which went on with its default, and so does this"
ROUTE = "[queue.route.eu]\ntype = relay\naddress = smtp.example.net\ntls.implicit = false\n"


def test_a_route_says_what_0_15_did_where_nothing_was_said() -> None:
    found = imported("[queue.route.eu]\ntype = 'relay'\naddress = 'h.example.net'\nport = 465\n", "old.toml")

    assert found.text == (
        "kind: MtaRoute\nspec:\n  type: Relay\n  name: eu\n  address: h.example.net\n  port: 465\n"
        "  # 0.15 began with TLS where nothing was said; 0.16 does not.\n  implicitTls: true\n"
    )
    assert found.told == [
        "note 2: queue.route.eu.tls.implicit is not said. 0.15 began with TLS where nothing was said; 0.16 does not."
    ]


def test_credentials_count_together_and_below_auth_only() -> None:
    alone = imported(f"{ROUTE}auth.username = u\nsecret = hunter2\n", "old.toml")
    both = imported(f"{ROUTE}auth.username = u\nauth.secret = hunter2\n", "old.toml")
    macro = imported(f"{ROUTE}auth.username = u\nauth.secret = '%{{file://run/s}}%'\n", "old.toml")

    assert "auth" not in alone.text
    assert '  authSecret: {type: Value, secret: "${env:EU_AUTH_SECRET}"}\n' in both.text
    assert "  authSecret: {type: File, filePath: run/s}\n" in macro.text
    assert "hunter2" not in alone.text + both.text + str(alone.told) + str(both.told)
    assert alone.carried == (5, 3, 2, 0)


def test_milters_run_in_the_order_of_their_ids_and_off_where_nothing_was_said() -> None:
    found = imported(
        "session.milter.b.hostname = one.test\nsession.milter.b.enable = true\nsession.milter.a.hostname = two.test\n"
        "session.milter.a.port = 99\nsession.milter.lost.port = 1\n",
        "old.toml",
    )

    assert found.text == (
        "kind: MtaMilter\nitems:\n  - hostname: two.test\n    port: 99\n"
        "    # 0.15 left it off where nothing was said; 0.16 would run it.\n    enable: false\n\n"
        "  - hostname: one.test\n"
    )
    assert found.carried == (5, 4, 1, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("is_local_domain('', rcpt_domain)", "is_local_domain(rcpt_domain)"),
        (
            "is_local_domain( 'x' ,to_lowercase(rcpt_domain)) && is_local_address('*', rcpt)",
            "is_local_domain( to_lowercase(rcpt_domain)) && is_local_address(rcpt)",
        ),
        ("is_local_domain(rcpt_domain)", "is_local_domain(rcpt_domain)"),
        ("rcpt_domain = 'x' && retry_num >= 1", "rcpt_domain == 'x' && retry_num >= 1"),
        ("config_get('server.hostname') == 'a'", "system('hostname') == 'a'"),
        ("key_get('default', 'hostname') == 'a'", "system('hostname') == 'a'"),
        ("config_get('my.own') == rcpt_domain", "'it' == rcpt_domain"),
        ("key_exists('blocked-domains', rcpt_domain)", "key_exists('spam-block', rcpt_domain)"),
        ("rcpt_domain == '%{cfg:my.own}%'", "rcpt_domain == 'it'"),
        ("rcpt_domain == '%{env:DOM}%'", "rcpt_domain == '${var:dom}'"),
    ],
)
def test_an_expression_is_rewritten_where_the_languages_differ(old: str, new: str) -> None:
    text = json.dumps({"queue.strategy.route.0.if": old, "queue.strategy.route.0.then": "'local'",
                       "queue.strategy.route.1.else": "'mx'", "my.own": "it"})  # fmt: skip
    catalogue = load()
    bridged = bridge(catalogue, [("old.json", text)])

    (found,) = bridged.objects
    assert found.spec["route"]["match"][0]["if"] == new
    assert not bridged.failed


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        (
            "is_local_domain(sender_domain, rcpt_domain)",
            "is_local_domain takes its directory from an expression, and has none in 0.16",
        ),
        (
            "config_get('no.such') == 'a'",
            "config_get asks for the setting no.such, which 0.16 has not, and this file neither",
        ),
        ("rcpt == '%{file:/x}%'", "%{file:/x}% stands in an expression, and is read where the server runs"),
    ],
)
def test_an_expression_that_0_16_cannot_say_is_an_error(expression: str, error: str) -> None:
    found = imported(f'queue.strategy.tls = "{expression}"\n', "old.toml")

    assert found.errors == [f"1: queue.strategy.tls: {error}"]


@pytest.mark.parametrize(
    ("value", "spec", "told"),
    [
        (
            '[{if = "retry_num > 1", then = "\'b\'"}, {else = false}]',
            "match:\n      - {if: retry_num > 1, use: b}\n    use: mx",
            "",
        ),
        ("[{else = \"'b'\"}]", "{use: b}", "a list with nothing but an else, which 0.15 refused for its default"),
        ('"b"', "{use: b}", "gives the bare word b, which 0.15 refused for its default"),
        ("\"'default'\"", "{use: mx}", ""),
        ('[{if = "a", then = "1"}]', DEFAULT, f"{REFUSED}: it has no else"),
        (
            "\"a_word == 'x'\"",
            DEFAULT,
            f'{REFUSED}: "a_word" is no function, variable, constant or duration; a text needs quotes (column 1)',
        ),
    ],
)
def test_a_value_becomes_what_0_15_made_of_it_or_what_was_meant(value: str, spec: str, told: str) -> None:
    found = imported(f"queue.strategy.route = {value}\n", "old.toml")

    assert f"  route: {spec}\n" in found.text or f"  route:\n    {spec}\n" in found.text
    assert [each.split(" ", 3)[3].removeprefix("is ") for each in found.told] == ([told] if told else [])


def test_schedules_say_what_0_15_did_and_queues_are_defined() -> None:
    found = imported("queue.schedule.a.queue-name = default\nqueue.schedule.b.queue-name = nowhere\n", "old.toml")

    assert found.text == (
        "kind: MtaDeliverySchedule\nspec:\n  name: a\n  queueId: default\n"
        "  # 0.15 tried again every hour where nothing was said.\n  retry: {type: Custom, intervals: [1h]}\n"
        "  # 0.15 told nobody where nothing was said; 0.16 would after 1d and 3d.\n"
        "  notify: {type: Custom, intervals: [10000d]}\n---\nkind: MtaVirtualQueue\n"
        "# 0.15 had this queue without a definition; 0.16 needs one.\nspec:\n  name: default\n"
    )
    assert "warning 2: 0.15 dropped MtaDeliverySchedule/b: its queue nowhere is not defined" in found.told
    assert found.carried == (2, 1, 1, 0)


def test_settings_before_0_13_become_objects_and_a_branch_for_each_condition() -> None:
    found = imported(
        "queue.outbound.tls.starttls = [{if = \"rcpt_domain = 'lax.test'\", then = optional}, {else = require}]\n"
        "queue.outbound.timeouts.mta-sts = 5m\nqueue.schedule.expire = '2d'\nqueue.threads.remote = 7\n",
        "old.toml",
    )

    assert (
        "kind: MtaOutboundStrategy\nspec:\n  tls:\n    match:\n"
        "      - if: (rcpt_domain = 'lax.test') && (retry_num > 0 && last_error == 'tls')\n        use: invalid-tls-1\n"
        "      - {if: rcpt_domain == 'lax.test', use: default-1}\n"
        "      - {if: retry_num > 0 && last_error == 'tls', use: invalid-tls}\n    use: default\n"
    ).replace("(rcpt_domain = ", "(rcpt_domain == ") in found.text
    assert "  - name: default\n    startTls: require\n" in found.text
    assert found.text.count("expiry: {type: Ttl, expire: 2d}") == 4
    assert "kind: MtaVirtualQueue\nspec:\n  name: remote\n  threadsPerNode: 7\n" in found.text


def test_settings_with_different_conditions_are_an_error_that_names_them() -> None:
    found = imported(
        "queue.outbound.tls.dane = [{if = 'retry_num > 1', then = disable}, {else = optional}]\n"
        "queue.outbound.tls.starttls = [{if = 'retry_num > 2', then = disable}, {else = optional}]\n",
        "old.toml",
    )

    (error,) = found.errors
    assert error == (
        "1: queue.outbound.tls.dane, queue.outbound.tls.starttls have different conditions, and one strategy has to "
        "choose among objects for all of them"
    )


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.json", '{"queue.route.m.type": "mx", "queue.route.m.limits.mx": 3}'),
        ("a.json", '{"data": {"total": 2, "items": {"queue.route.m.type": "mx", "queue.route.m.limits.mx": "3"}}}'),
        ("a.json", '[["queue.route.m.type", "mx"], ["queue.route.m.limits.mx", "3"]]'),
        ("a.json", '[{"type": "insert", "prefix": "queue.route.m", "values": [["type", "mx"], ["limits.mx", "3"]]}]'),
        ("a.txt", "queue.route.m.type=mx\nqueue.route.m.limits.mx=3\n"),
        (
            "a.txt",
            "+---+---+\n| Key | Value |\n| queue.route.m.type | mx |\n| queue.route.m.limits.mx | 3 |\n+---+---+\n",
        ),
    ],
)
def test_settings_come_in_many_forms(file: str, text: str) -> None:
    assert imported(text, file).text == "kind: MtaRoute\nspec:\n  type: Mx\n  name: m\n  maxMxHosts: 3\n"


def test_of_several_files_the_first_that_has_a_key_counts() -> None:
    catalogue = load()
    bridged = bridge(
        catalogue,
        [
            ("a.toml", "queue.route.m.limits.mx = 3\n"),
            ("b.json", '{"queue.route.m.limits.mx": 4, "queue.route.m.type": "mx"}'),
        ],
    )
    export = assemble(catalogue, bridged, catalogue.kinds)

    assert export.declared["MtaRoute"][0].spec == {"type": "Mx", "name": "m", "maxMxHosts": 3}
    assert adds_up(bridged.ledger)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a = 1\na = 2\n", "2: the key a stands twice, first in line 1"),
        (
            '{"data": {"total": 400, "items": {"queue.route.m.type": "mx"}}}',
            "0: it holds 1 of 400 keys: a page, and not the whole",
        ),
        ("{]", "1: it is no JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[server]\nhostname = x\n", "0: it holds no settings of queues or sessions"),
        ("", "0: it holds no settings of queues or sessions"),
        (
            "queue.route.r.type = relay\nqueue.route.r.address = x\nqueue.route.r.port = 70000\n",
            "1: 70000 is over 65535",
        ),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_line(text: str, error: str) -> None:
    assert imported(text, "old.txt").errors == [error]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[a]\nb = [" + "'x'," * 25_000_000 + "]\n", "2: the line is 100,000,006 characters long"),
        ("[a]\nb = '''" + "x\n" * 1_000_000 + "'''\n", "2: the value of a.b is 2,000,000 characters long"),
        ('{"queue.a":"' + "x" * 100_000_000 + '"}', "0: the value of queue.a is 100,000,000 characters long"),
    ],
    ids=["line", "value", "JSON"],
)
def test_what_is_too_long_has_a_place_and_a_message(text: str, error: str) -> None:
    assert imported(text, "old.toml").errors == [error]


def test_routing_tests_hold_what_the_old_configuration_did() -> None:
    found = imported(
        f'queue.strategy.route = [{{if = "retry_num > 1", then = "\'eu\'"}}, {{else = false}}]\n{ROUTE}', "o.toml"
    )

    message = {"sender": "a@elsewhere.example", "rcpt": "b@elsewhere.example"}
    (document,) = found.tests
    assert [(each["given"], each["expect"]) for each in document["cases"]] == [
        (message, {"route": "mx"}),
        ({**message, "retryNum": 0}, {"route": "mx"}),
        ({**message, "retryNum": 1}, {"route": "mx"}),
        ({**message, "retryNum": 2}, {"route": "eu"}),
    ]


def test_old_and_older_settings_of_one_singleton_come_together() -> None:
    found = imported(
        "queue.outbound.next-hop = false\nqueue.outbound.tls.allow-invalid-certs = \"rcpt_domain = 'bad.test'\"\n",
        "old.toml",
    )

    assert found.text.startswith(
        "kind: MtaOutboundStrategy\nspec:\n  route: {use: mx}\n  tls:\n    match:\n"
        "      - {if: rcpt_domain == 'bad.test', use: invalid-tls}\n    use: default\n---\n"
    )


def test_nothing_is_off_or_what_0_15_did_without_the_key() -> None:
    text = "session.mail.rewrite = ''\nsession.extensions.no-soliciting = ''\nsession.rcpt.script = ''\n"

    assert imported(text, "old.toml").text == (
        "kind: MtaStageMail\nspec:\n  rewrite: false\n---\nkind: MtaStageRcpt\nspec:\n  script: false\n"
    )


def test_an_open_relay_is_told_where_no_condition_guards_it() -> None:
    guarded = "session.rcpt.relay = [{if = '!is_empty(authenticated_as)', then = true}, {else = false}]\n"

    assert imported(guarded, "old.toml").told == []
    assert imported("session.rcpt.relay = true\n", "old.toml").told == [
        "warning 1: session.rcpt.relay: it lets anybody relay: an open relay"
    ]


def test_a_hook_gives_its_token_away_to_nobody() -> None:
    found = imported(
        "session.hook.h.url = 'https://h.example.net/'\nsession.hook.h.enable = true\n"
        "session.hook.h.headers = ['X-A: 1', 'Authorization: Bearer hunter2']\n",
        "old.toml",
    )

    assert "hunter2" not in found.text + str(found.told)
    assert '    type: Bearer\n    bearerToken: {type: Value, secret: "${env:' in found.text
    assert '  httpHeaders: {X-A: "1"}\n' in found.text


MILTER = "session.milter.m.hostname = a.test\nsession.milter.m.enable"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # A single = eats what follows it, so that the text has no end.
        (f"{MILTER} = \"listener='smtp'\"\n", "  enable: false"),
        ('session.data.spam-filter = [{if = "x", then = true}]\n', "  enableSpamFilter: true"),
    ],
)
def test_what_0_15_refused_is_what_it_did_then_also_where_0_16_does_otherwise(text: str, line: str) -> None:
    found = imported(text, "old.toml")

    assert line in found.text.splitlines()
    assert any(REFUSED in each for each in found.told)


def test_a_queue_that_0_15_refused_is_left_out_and_so_is_what_waited_in_it() -> None:
    found = imported(
        "queue.virtual.high-priority.threads-per-node = 5\nqueue.schedule.a.queue-name = 'high-priority'\n", "old.toml"
    )

    assert found.text == ""
    assert [each for each in found.told if each.startswith("warning")] == [
        "warning 1: queue.virtual.high-priority: 0.15 refused a queue whose name has more than 8 bytes: it is left out",
        "warning 2: 0.15 dropped MtaDeliverySchedule/a: its queue high-priority is not defined",
    ]


def test_a_schedule_expires_in_whole_seconds() -> None:
    assert "expiry: {type: Ttl, expire: 1s}" in imported("queue.schedule.a.expire = 1500\n", "old.toml").text


def test_settings_may_name_others_that_name_others() -> None:
    text = "queue.route.m.type = mx\nqueue.route.m.description = '%{cfg:a.b}%!'\na.b = '%{cfg:a.c}%'\na.c = 'x'\n"

    assert "  description: x!\n" in imported(text, "old.toml").text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "queue.route.m.type = mx\nqueue.route.m.description = '%{cfg:a.b}%'\na.b = '%{cfg:a.b}%'\n",
            "2: queue.route.m.description: the setting a.b, which is named here, names itself in a circle",
        ),
        (
            "queue.route.m.type = mx\nqueue.route.m.description = '%{cfg:a.b}%'\n",
            "2: queue.route.m.description: the setting a.b, which is named here, is not in this file",
        ),
        (
            "queue.strategy.tls = \"config_get('a.b')\"\na.b = '%{env:X}%'\n",
            "1: queue.strategy.tls: config_get asks for the setting a.b, whose value is read where the server runs",
        ),
        (
            "queue.strategy.tls = [{if = 'rcpt-domain', in-list = 'a/b', then = 'local'}, {else = 'relay'}]\n",
            "1: queue.strategy.tls has in-list, of which conditions were made before 0.6: they have no like in 0.16",
        ),
    ],
)
def test_what_has_no_like_is_an_error_that_names_it(text: str, error: str) -> None:
    assert imported(text, "old.toml").errors == [error]


def test_no_routing_test_is_of_mail_that_there_cannot_be() -> None:
    text = "queue.strategy.route = [{if = \"source == 'nonsense'\", then = \"'mx'\"}, {else = \"'local'\"}]\n"

    (document,) = imported(text, "old.toml").tests
    assert [each["given"] for each in document["cases"]] == [
        {"sender": "a@elsewhere.example", "rcpt": "b@elsewhere.example"}
    ]
