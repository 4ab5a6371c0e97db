"""Human form to wire form and back: every type in both forms, and what is said of a value that cannot be sent."""

from typing import Any

import pytest

from reconciler.expression import Context
from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record, load
from reconciler.kinds.codec import HIDDEN, Codec, Mistake, check_expression, context_of, decode, decode_pointer
from reconciler.kinds.schema.judge import Judge
from reconciler.values.model import Address, Sensitive

CATALOGUE = load()
CODEC = Codec(CATALOGUE)
JUDGE = Judge(CATALOGUE)
#: The least that a spec of some kinds holds.
LEAST: dict[str, dict[str, Any]] = {
    "MtaConnectionStrategy": {"name": "n"},
    "MtaDeliverySchedule": {"name": "n", "queueId": "q"},
    "MtaHook": {"url": "u"},
    "MtaInboundThrottle": {"description": "d", "rate": {"count": 1, "period": 1}},
    "MtaMilter": {"hostname": "h"},
    "MtaOutboundStrategy": {},
    "MtaQueueQuota": {"key": ["rcpt"]},
    "MtaRoute": {"type": "Relay", "name": "n", "address": "a"},
    "MtaStageData": {},
    "MtaSts": {},
    "MtaVirtualQueue": {"name": "n"},
}


class Text(str):
    """A subclass of str, as the undoing of `$${` leaves it behind."""

    __slots__ = ()


def encode(kind: str, spec: dict[str, Any]) -> tuple[dict[str, Any], tuple[Mistake, ...]]:
    return CODEC.encode(CATALOGUE.kinds[kind], spec)


def encoded(kind: str, field: str, written: Any) -> Any:
    """Return the wire value of one field of a spec that its schema accepts."""
    spec = {**LEAST[kind], field: written}
    assert JUDGE.faults(CATALOGUE.kinds[kind], spec) == []
    wire, mistakes = encode(kind, spec)
    assert mistakes == ()
    return wire[field]


def mistakes_of(kind: str, field: str, written: Any) -> list[tuple[str, str, str, str]]:
    """Return the mistakes in one field of a spec that its schema accepts: pointer, code, message, hint."""
    spec = {**LEAST[kind], field: written}
    assert JUDGE.faults(CATALOGUE.kinds[kind], spec) == []
    wire, mistakes = encode(kind, spec)
    assert wire == {}
    return [("/".join(each.path), each.code, each.message, each.hint) for each in mistakes]


def always(other: str) -> dict[str, Any]:
    return {"match": {}, "else": other}


# ---- defaults --------------------------------------------------------------------------------------------------


def test_a_named_object_gets_every_default_in_the_order_of_the_server() -> None:
    wire, mistakes = encode("MtaRoute", {"type": "Relay", "name": "relay", "address": "smtp.example.net", "port": 587})

    assert (list(wire.items()), mistakes) == (
        [
            ("address", "smtp.example.net"),
            ("authSecret", {"@type": "None"}),
            ("authUsername", None),
            ("port", 587),
            ("protocol", "smtp"),
            ("allowInvalidCerts", False),
            ("implicitTls", False),
            ("name", "relay"),
            ("description", None),
            ("@type", "Relay"),
        ],
        (),
    )


def test_the_type_s_default_counts_and_not_that_of_the_shipped_object() -> None:
    wire, _ = encode("MtaRoute", {"type": "Mx", "name": "mx"})

    assert wire == {
        "ipLookupStrategy": "v4ThenV6",
        "maxMultihomed": 2,
        "maxMxHosts": 5,
        "name": "mx",
        "description": None,
        "@type": "Mx",
    }


def test_a_singleton_holds_only_what_is_declared() -> None:
    assert encode("MtaSts", {}) == ({}, ())
    assert encode("MtaSts", {"mode": "enforce"}) == ({"mode": "enforce"}, ())


def test_a_nested_object_gets_its_defaults_wherever_it_stands() -> None:
    assert encoded("MtaDeliverySchedule", "expiry", {"type": "Ttl"}) == {"@type": "Ttl", "expire": 259_200_000}
    assert encoded("MtaOutboundStrategy", "route", {"else": "'mx'"}) == always("'mx'")


def test_a_quota_without_a_match_has_the_unset_one() -> None:
    wire, _ = encode("MtaQueueQuota", {"key": ["rcpt"]})

    assert wire["match"] == {"match": {}, "else": ""}


# ---- every type, in human form and in wire form ----------------------------------------------------------------

BOTH_FORMS: list[tuple[str, str, Any, Any]] = [
    # Booleans, integers, enums, texts
    ("MtaMilter", "useTls", True, True),
    ("MtaMilter", "port", 1, 1),
    ("MtaMilter", "flagsAction", 2**63 - 1, 2**63 - 1),
    ("MtaMilter", "protocolVersion", "v2", "v2"),
    ("MtaRoute", "name", " R 1 ", " R 1 "),
    ("MtaRoute", "description", "\u00fc\n", "\u00fc\n"),
    # Durations
    ("MtaMilter", "timeoutData", 90_000, 90_000),
    ("MtaMilter", "timeoutData", "1m30s", 90_000),
    ("MtaMilter", "timeoutData", "90s", 90_000),
    ("MtaSts", "maxAge", "7d", 604_800_000),
    ("MtaMilter", "timeoutData", "1ms", 1),
    # Sizes
    ("MtaMilter", "maxResponseSize", 52_428_800, 52_428_800),
    ("MtaMilter", "maxResponseSize", "50MB", 52_428_800),
    ("MtaMilter", "maxResponseSize", "50MiB", 52_428_800),
    ("MtaMilter", "maxResponseSize", "0B", 0),
    ("MtaQueueQuota", "size", "1GB", 1_073_741_824),
    # Sets
    ("MtaMilter", "stages", ["data", "rcpt"], {"data": True, "rcpt": True}),
    ("MtaMilter", "stages", {"data": True, "rcpt": True}, {"data": True, "rcpt": True}),
    ("MtaHook", "stages", [], {}),
    ("MtaSts", "mxHosts", [" a.example.org ", "*.example.org"], {"a.example.org": True, "*.example.org": True}),
    ("MtaSts", "mxHosts", {"a.example.org": True}, {"a.example.org": True}),
    # Ordered lists
    (
        "MtaConnectionStrategy",
        "sourceIps",
        [{"sourceIp": "192.0.2.1"}, {"sourceIp": "::1", "ehloHostname": "MX.example.org"}],
        {
            "0": {"ehloHostname": None, "sourceIp": "192.0.2.1"},
            "1": {"ehloHostname": "mx.example.org", "sourceIp": "::1"},
        },
    ),
    (
        "MtaDeliverySchedule",
        "retry",
        {"@type": "Custom", "intervals": {"10": {"duration": 3}, "9": {"duration": 2}, "007": {"duration": 1}}},
        {"@type": "Custom", "intervals": {"0": {"duration": 1}, "1": {"duration": 2}, "2": {"duration": 3}}},
    ),
    ("MtaConnectionStrategy", "sourceIps", {}, {}),
    ("MtaConnectionStrategy", "sourceIps", [], {}),
    # Short forms
    (
        "MtaConnectionStrategy",
        "sourceIps",
        ["192.0.2.1", {"sourceIp": "2001:DB8::1"}],
        {
            "0": {"ehloHostname": None, "sourceIp": "192.0.2.1"},
            "1": {"ehloHostname": None, "sourceIp": "2001:db8::1"},
        },
    ),
    (
        "MtaDeliverySchedule",
        "retry",
        {"type": "Custom", "intervals": ["15m", "1h", 500]},
        {
            "@type": "Custom",
            "intervals": {"0": {"duration": 900_000}, "1": {"duration": 3_600_000}, "2": {"duration": 500}},
        },
    ),
    # Maps
    ("MtaHook", "httpHeaders", {" X-A ": " b "}, {"X-A": "b"}),
    # Variants
    ("MtaDeliverySchedule", "notify", {"type": "Default"}, {"@type": "Default"}),
    ("MtaDeliverySchedule", "notify", {"@type": "Default"}, {"@type": "Default"}),
    # References
    ("MtaDeliverySchedule", "queueId", "remote", Address("MtaVirtualQueue", "remote")),
    ("MtaDeliverySchedule", "queueId", " remote ", Address("MtaVirtualQueue", "remote")),
    ("MtaDeliverySchedule", "queueId", "id:b", Address("MtaVirtualQueue", id="b")),
    # Null, where it is allowed
    ("MtaRoute", "authUsername", None, None),
    ("MtaConnectionStrategy", "ehloHostname", None, None),
    ("MtaMilter", "flagsAction", None, None),
    ("MtaQueueQuota", "size", None, None),
    # Forms of the server
    ("MtaConnectionStrategy", "ehloHostname", " M X.Example.org", "mx.example.org"),
    ("MtaConnectionStrategy", "ehloHostname", "b\u00fccher.de", "xn--bcher-kva.de"),
    ("MtaConnectionStrategy", "ehloHostname", "::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
    ("MtaRoute", "address", "\u2003smtp.example.net\n", "smtp.example.net"),
    ("MtaRoute", "address", "\x1csmtp", "\x1csmtp"),
    ("MtaMilter", "hostname", " AV.example.net ", "AV.example.net"),
    ("MtaVirtualQueue", "name", "  12345678  ", "12345678"),
    # Expressions
    ("MtaMilter", "enable", "listener == 'smtp'", always("listener == 'smtp'")),
    ("MtaMilter", "enable", {"else": "true"}, always("true")),
    ("MtaMilter", "enable", {"match": {}, "else": "true"}, always("true")),
    ("MtaMilter", "enable", True, always("true")),
    ("MtaMilter", "enable", False, always("false")),
    ("MtaStageData", "maxMessages", 10, always("10")),
    ("MtaStageData", "maxMessages", -1, always("-1")),
    (
        "MtaStageData",
        "maxMessages",
        {"match": [{"if": True, "then": 5}, {"if": "is_tls", "then": "2 * 3"}], "else": 0},
        {"match": {"0": {"if": "true", "then": "5"}, "1": {"if": "is_tls", "then": "2 * 3"}}, "else": "0"},
    ),
    (
        "MtaStageData",
        "maxMessages",
        {"match": {"10": {"if": "b", "then": "2"}, "2": {"if": "a", "then": "1"}}, "else": "3"},
        {"match": {"0": {"if": "a", "then": "1"}, "1": {"if": "b", "then": "2"}}, "else": "3"},
    ),
    # Expressions that name objects
    ("MtaOutboundStrategy", "route", {"use": "mx"}, always("'mx'")),
    ("MtaOutboundStrategy", "route", {"use": "it's"}, always('"it\'s"')),
    ("MtaOutboundStrategy", "route", {"use": 'a "b"'}, always("'a \"b\"'")),
    ("MtaOutboundStrategy", "route", "'mx'", always("'mx'")),
    ("MtaOutboundStrategy", "route", {"else": '"mx"'}, always('"mx"')),
    (
        "MtaOutboundStrategy",
        "route",
        {"match": [{"if": "is_local_domain(rcpt_domain)", "use": "local"}, {"if": True, "then": "'a'"}], "use": "mx"},
        {
            "match": {
                "0": {"if": "is_local_domain(rcpt_domain)", "then": "'local'"},
                "1": {"if": "true", "then": "'a'"},
            },
            "else": "'mx'",
        },
    ),
    (
        "MtaOutboundStrategy",
        "route",
        {"match": [{"if": "a", "then": "'b'"}], "else": "'c'"},
        {"match": {"0": {"if": "a", "then": "'b'"}}, "else": "'c'"},
    ),
    ("MtaOutboundStrategy", "route", "rcpt_domain", always("rcpt_domain")),
    ("MtaOutboundStrategy", "tls", "mx", always("mx")),
    ("MtaOutboundStrategy", "route", "retry_num-1", always("retry_num-1")),
]


@pytest.mark.parametrize(("kind", "field", "written", "wire"), BOTH_FORMS)
def test_a_value_is_accepted_in_human_form_and_in_wire_form(kind: str, field: str, written: Any, wire: Any) -> None:
    found = encoded(kind, field, written)

    assert found == wire
    assert type(found) is type(wire)
    if not isinstance(wire, Address):
        assert encoded(kind, field, wire) == wire


def test_list_elements_stand_in_the_order_of_their_keys() -> None:
    wire = encoded("MtaDeliverySchedule", "retry", {"type": "Custom", "intervals": {"10": "3s", "9": "2s", "0": "1s"}})

    assert list(wire["intervals"].items()) == [
        ("0", {"duration": 1000}),
        ("1", {"duration": 2000}),
        ("2", {"duration": 3000}),
    ]


@pytest.mark.parametrize("written", ["description", " padded "])
def test_a_text_on_the_wire_is_a_plain_str(written: str) -> None:
    wire, _ = encode("MtaRoute", {"type": "Local", "name": Text(written), "description": Text(written)})

    assert {type(value) for value in wire.values()} == {str}


# ---- what cannot be sent ---------------------------------------------------------------------------------------

NO_EMPTY_TEXT = "the server takes no empty text; leave the field out"
WRONG: list[tuple[str, str, Any, list[tuple[str, str, str, str]]]] = [
    # Numbers
    ("MtaMilter", "port", 25.0, [("port", "type", "25.0 is no whole number", "write 25")]),
    ("MtaMilter", "timeoutData", 1e3, [("timeoutData", "type", "1000.0 is no whole number", "write 1000")]),
    ("MtaMilter", "timeoutData", "0s", [("timeoutData", "range", "'0s' is under 1ms", "")]),
    (
        "MtaMilter",
        "timeoutData",
        "9999999999999999999d",
        [("timeoutData", "range", "'9999999999999999999d' is over 106751991167d7h12m55s807ms", "")],
    ),
    (
        "MtaMilter",
        "maxResponseSize",
        "9999999999GB",
        [("maxResponseSize", "range", "'9999999999GB' is over 9223372036854775807", "")],
    ),
    # Texts
    ("MtaRoute", "address", "\xa0", [("address", "empty", "it is empty but for blanks", NO_EMPTY_TEXT)]),
    (
        "MtaVirtualQueue",
        "name",
        "b\u00fccher-1",
        [("name", "length", "'b\u00fccher-1' has 9 bytes, and 8 are the most", "")],
    ),
    (
        "MtaRoute",
        "description",
        "\ud800",
        [("description", "text", "it holds half of a surrogate pair, which is no character", "")],
    ),
    (
        "MtaConnectionStrategy",
        "ehloHostname",
        "localhost",
        [
            (
                "ehloHostname",
                "hostname",
                "'localhost' is no host name that the server takes: it has only one label",
                "such as mail.example.org, or an IP address",
            )
        ],
    ),
    (
        "MtaConnectionStrategy",
        "sourceIps",
        ["192.0.2.1", "192.0.2.256", {"sourceIp": "0.0.0.0"}],
        [
            (
                "sourceIps/1",
                "ip",
                "'192.0.2.256' is no IPv4 or IPv6 address",
                "such as 192.0.2.1 or 2001:db8::1",
            ),
            ("sourceIps/2/sourceIp", "ip", "0.0.0.0 is refused by the server", "name the address to send from"),
        ],
    ),
    # Sets, maps and lists
    (
        "MtaSts",
        "mxHosts",
        ["a", " a"],
        [("mxHosts/1", "repeat", "'a' stands here twice, once brought to the server's form", "keep one of them")],
    ),
    (
        "MtaSts",
        "mxHosts",
        {"a": True, "a ": True},
        [("mxHosts/a ", "repeat", "'a' stands here twice, once brought to the server's form", "keep one of them")],
    ),
    (
        "MtaHook",
        "httpHeaders",
        {"X-A": "1", "X-A ": "2", "X-B": "\xa0"},
        [
            (
                "httpHeaders/X-A ",
                "repeat",
                "'X-A' stands here twice, once brought to the server's form",
                "keep one of them",
            ),
            ("httpHeaders/X-B", "empty", "it is empty but for blanks", NO_EMPTY_TEXT),
        ],
    ),
    (
        "MtaConnectionStrategy",
        "sourceIps",
        {"1": "192.0.2.1", "01": "192.0.2.2"},
        [("sourceIps/01", "repeat", "1 and 01 are the same place in the list", "keep one of them")],
    ),
    # References
    (
        "MtaDeliverySchedule",
        "queueId",
        "id:B-1",
        [
            (
                "queueId",
                "id",
                "'id:B-1' is no id of the server",
                "an id is id: and then small letters and digits; else write the name",
            )
        ],
    ),
    (
        "MtaDeliverySchedule",
        "queueId",
        "123456789",
        [("queueId", "length", "'123456789' has 9 bytes, and 8 are the most", "")],
    ),
    # Expressions
    ("MtaMilter", "enable", 1.0, [("enable", "type", "1.0 is no whole number", "quote it if the text is meant")]),
    (
        "MtaMilter",
        "enable",
        2**63,
        [("enable", "range", "9223372036854775808 needs more than 64 bits, which no number of an expression has", "")],
    ),
    (
        "MtaOutboundStrategy",
        "route",
        {
            "match": [{"if": 1.0, "then": "mx"}, {"if": "true", "use": "a\\b"}],
            "use": "'\"",
        },
        [
            ("route/match/0/if", "type", "1.0 is no whole number", "quote it if the text is meant"),
            (
                "route/match/0/then",
                "bare-word",
                "the bare word mx names no variable here, so that no object would be found",
                "write use: mx",
            ),
            (
                "route/match/1/use",
                "name",
                "'a\\\\b' cannot be written as a name: a backslash cannot stand in a name that an expression returns",
                "",
            ),
            ("route/use", "name", "'\\'\"' cannot be written as a name: it holds both kinds of quotes", ""),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "field", "written", "mistakes"), WRONG)
def test_what_cannot_be_sent_is_answered_with_every_mistake(
    kind: str, field: str, written: Any, mistakes: list[tuple[str, str, str, str]]
) -> None:
    assert mistakes_of(kind, field, written) == mistakes


@pytest.mark.parametrize("word", ["mx", " mx ", "relay-eu", "default", "relaxed", "len", "a.b", "\nlocal"])
def test_a_bare_word_as_a_name_is_an_error_that_suggests_use(word: str) -> None:
    message = f"the bare word {word.strip()} names no variable here, so that no object would be found"
    hint = f"write use: {word.strip()}"

    assert mistakes_of("MtaOutboundStrategy", "route", word) == [("route", "bare-word", message, hint)]
    assert mistakes_of("MtaOutboundStrategy", "route", {"else": word}) == [("route/else", "bare-word", message, hint)]


def test_a_boolean_as_a_name_is_a_bare_word() -> None:
    message = "the bare word true names no variable here, so that no object would be found"

    for value in (True, "true"):
        assert mistakes_of("MtaOutboundStrategy", "route", value) == [
            ("route", "bare-word", message, 'write use: "true"')
        ]


def test_a_bare_word_is_fine_where_results_are_no_names() -> None:
    assert encoded("MtaStageData", "maxMessages", "relaxed") == always("relaxed")
    assert encoded("MtaOutboundStrategy", "route", {"match": [{"if": "mx", "use": "a"}], "use": "b"}) == {
        "match": {"0": {"if": "mx", "then": "'a'"}},
        "else": "'b'",
    }


def test_mistakes_of_several_fields_are_told_together() -> None:
    wire, mistakes = encode(
        "MtaMilter", {"hostname": "\xa0", "timeoutData": "0s", "enable": 1.0, "timeoutCommand": "0ms"}
    )

    assert wire == {}
    assert [each.path for each in mistakes] == [("enable",), ("hostname",), ("timeoutCommand",), ("timeoutData",)]


def test_limits_hold_in_human_form_too() -> None:
    prop = Property(type="duration", min=1000, max=60_000, default=1000)
    size = Property(type="size", min=1024, max=2048, default=1024)
    kind = Kind(kind="Odd", properties={"wait": prop, "room": size}, match=("wait",))
    catalogue = Catalogue(server="", digest="", kinds={"Odd": kind}, types={}, variables={}, constants=())

    wire, mistakes = Codec(catalogue).encode(kind, {"wait": "500ms", "room": "1MB"})

    assert wire == {}
    assert mistakes == (
        Mistake(("wait",), "range", "'500ms' is under 1s"),
        Mistake(("room",), "range", "'1MB' is over 2KB"),
    )


# ---- secrets ---------------------------------------------------------------------------------------------------

CANARY = "c4n4ry"


def secret(value: str) -> dict[str, Any]:
    return {"type": "Value", "secret": value}


@pytest.mark.parametrize("reference", ["${env:RELAY_PASSWORD}", "${file:/run/secrets/relay}", "${file:a b.txt}"])
def test_a_reference_to_a_secret_is_kept_and_not_resolved(reference: str) -> None:
    wire = encoded("MtaRoute", "authSecret", secret(reference))

    assert wire == {"@type": "Value", "secret": Sensitive(reference=reference)}


def test_a_secret_in_plain_text_prints_as_nothing() -> None:
    wire = encoded("MtaRoute", "authSecret", secret(CANARY))

    assert wire == {"@type": "Value", "secret": Sensitive(plain=CANARY)}
    assert CANARY not in f"{wire} {wire['secret']}"


def test_a_text_that_was_freed_of_a_doubled_dollar_is_the_secret_itself() -> None:
    wire = encoded("MtaRoute", "authSecret", secret(Text("${env:HOME}")))

    assert wire["secret"] == Sensitive(plain="${env:HOME}")
    assert type(wire["secret"].plain) is str


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("****", "**** is what the server shows in place of a secret", "write ${env:NAME} or ${file:PATH}"),
        (HIDDEN, "(sensitive) is what this program shows in place of a secret", "write ${env:NAME} or ${file:PATH}"),
        *(
            (f"${{{text}", "it is no ${env:NAME} or ${file:PATH}", "$${ stands for a literal ${")
            for text in (CANARY, f"env:{CANARY}", "env:1}", "env:A} ", "file:}", f"env:A}}{CANARY}", "ENV:A}")
        ),
        (f"{CANARY}\ud800", "it holds half of a surrogate pair, which is no character", ""),
    ],
)
def test_what_is_no_secret_is_refused_without_showing_it(value: str, message: str, hint: str) -> None:
    found = mistakes_of("MtaRoute", "authSecret", secret(value))

    assert [(pointer, told, how) for pointer, _, told, how in found] == [("authSecret/secret", message, hint)]
    assert CANARY not in str(found)


def test_every_secret_of_the_catalogue_becomes_sensitive() -> None:
    hook = {"url": "u", "httpAuth": {"type": "Basic", "username": "u", "secret": secret(CANARY)}}
    bearer = {"url": "u", "httpAuth": {"type": "Bearer", "bearerToken": secret(CANARY)}}
    relay = {"type": "Relay", "name": "n", "address": "a", "authSecret": secret(CANARY)}

    wires = [encode("MtaHook", hook), encode("MtaHook", bearer), encode("MtaRoute", relay)]

    assert CANARY not in str(wires)
    assert str(wires).count("(sensitive)") == 3


# ---- wire form to human form -----------------------------------------------------------------------------------


def decoded(kind: str, wire: dict[str, Any], **options: bool) -> dict[str, Any]:
    return decode(CATALOGUE, CATALOGUE.kinds[kind], wire, **options)


def test_defaults_are_left_out_and_the_type_and_the_key_come_first() -> None:
    wire, _ = encode("MtaRoute", {"type": "Relay", "name": "r", "address": "a", "port": 465, "implicitTls": True})

    assert list(decoded("MtaRoute", wire).items()) == [
        ("type", "Relay"),
        ("name", "r"),
        ("address", "a"),
        ("port", 465),
        ("implicitTls", True),
    ]


def test_defaults_are_written_where_they_are_asked_for() -> None:
    wire, _ = encode("MtaVirtualQueue", {"name": "q"})

    assert decoded("MtaVirtualQueue", wire, defaults=True) == {"name": "q", "description": None, "threadsPerNode": 25}


def test_the_unset_match_of_a_quota_is_never_written() -> None:
    wire, _ = encode("MtaQueueQuota", {"key": ["rcpt"], "messages": 5})

    assert decoded("MtaQueueQuota", wire, defaults=True) == {
        "description": None,
        "enable": True,
        "key": ["rcpt"],
        "messages": 5,
        "size": None,
    }


@pytest.mark.parametrize(
    ("kind", "wire", "spec"),
    [
        ("MtaMilter", {"timeoutData": 90_000}, {"timeoutData": "1m30s"}),
        ("MtaMilter", {"maxResponseSize": 1_048_576}, {"maxResponseSize": "1MB"}),
        ("MtaMilter", {"maxResponseSize": 1000}, {"maxResponseSize": 1000}),
        ("MtaMilter", {"stages": {"rcpt": True, "data": True}}, {"stages": ["rcpt", "data"]}),
        ("MtaMilter", {"enable": always("false")}, {"enable": "false"}),
        ("MtaMilter", {"useTls": 0}, {"useTls": 0}),
        ("MtaMilter", {"stages": {"data": 1}}, {"stages": ["data"]}),
        ("MtaOutboundStrategy", {"tls": always("'a'")}, {"tls": {"use": "a"}}),
        ("MtaOutboundStrategy", {"tls": always('"it\'s"')}, {"tls": {"use": "it's"}}),
        ("MtaOutboundStrategy", {"tls": always('"a"')}, {"tls": '"a"'}),
        ("MtaOutboundStrategy", {"tls": always("'a' + 'b'")}, {"tls": "'a' + 'b'"}),
        (
            "MtaOutboundStrategy",
            {"route": {"match": {"10": {"if": "b", "then": "x"}, "9": {"if": "a", "then": "'y'"}}, "else": "'z'"}},
            {"route": {"match": [{"if": "a", "use": "y"}, {"if": "b", "then": "x"}], "use": "z"}},
        ),
        (
            "MtaConnectionStrategy",
            {
                "sourceIps": {
                    "0": {"sourceIp": "::1", "ehloHostname": None},
                    "1": {"sourceIp": "::2", "ehloHostname": "h"},
                }
            },
            {"sourceIps": ["::1", {"ehloHostname": "h", "sourceIp": "::2"}]},
        ),
        (
            "MtaDeliverySchedule",
            {
                "queueId": Address("MtaVirtualQueue", "q"),
                "retry": {"@type": "Custom", "intervals": {"0": {"duration": 3_600_000}, "1": {"duration": 1}}},
                "expiry": {"@type": "Ttl", "expire": 259_200_000},
                "notify": {"@type": "Custom", "intervals": {"0": {"duration": 3_600_000}}},
            },
            {
                "queueId": "q",
                "retry": {"type": "Custom", "intervals": ["1h", "1ms"]},
                "notify": {"type": "Custom", "intervals": ["1h"]},
            },
        ),
        ("MtaDeliverySchedule", {"queueId": Address("MtaVirtualQueue", id="b")}, {"queueId": "id:b"}),
        ("MtaInboundThrottle", {"rate": {"count": 0, "period": 0}}, {"rate": {"count": 0, "period": 0}}),
    ],
)
def test_wire_values_are_printed_in_human_form(kind: str, wire: dict[str, Any], spec: dict[str, Any]) -> None:
    assert decoded(kind, wire) == spec


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("****", HIDDEN),
        (CANARY, HIDDEN),
        ({"a": CANARY}, HIDDEN),
        (Sensitive(plain=CANARY), HIDDEN),
        (Sensitive(reference="${env:A}"), "${env:A}"),
        (None, None),
    ],
)
def test_a_secret_is_printed_as_its_reference_or_not_at_all(value: Any, shown: Any) -> None:
    wire = {"@type": "Relay", "authSecret": {"@type": "Value", "secret": value}}

    assert decoded("MtaRoute", wire) == {"type": "Relay", "authSecret": {"type": "Value", "secret": shown}}


@pytest.mark.parametrize(
    ("kind", "wire", "spec"),
    [
        ("MtaRoute", {"@type": "Pigeon", "name": "n", "port": 26}, {"type": "Pigeon", "name": "n", "port": 26}),
        ("MtaRoute", {"@type": ["Mx"], "name": "n"}, {"type": ["Mx"], "name": "n"}),
        ("MtaRoute", {"name": "n", "unheard": "of"}, {"name": "n"}),
        ("MtaMilter", {"stages": ["data"], "timeoutData": "1s"}, {"stages": ["data"], "timeoutData": "1s"}),
        ("MtaMilter", {"enable": "true", "hostname": None}, {"hostname": None, "enable": "true"}),
        ("MtaMilter", {"enable": {}}, {"enable": None}),
        ("MtaMilter", {"enable": {"match": [1]}}, {"enable": {"match": [1], "else": None}}),
        ("MtaMilter", {"enable": {"match": {"0": 1}}}, {"enable": {"match": [1], "else": None}}),
        (
            "MtaConnectionStrategy",
            {"sourceIps": {"b": 1, "9" * 5000: 2, "1": {}}},
            {"sourceIps": [None, 2, 1]},
        ),
        ("MtaHook", {"httpHeaders": {"a": "****"}}, {"httpHeaders": {"a": HIDDEN}}),
    ],
)
def test_what_no_server_should_answer_is_printed_all_the_same(
    kind: str, wire: dict[str, Any], spec: dict[str, Any]
) -> None:
    assert decoded(kind, wire) == spec


RELAY = {"@type": "Relay", "port": 25, "authSecret": {"@type": "Value", "secret": "****"}}
SCHEDULE = {"expiry": {"@type": "Ttl", "expire": 1000}}


@pytest.mark.parametrize(
    ("kind", "wire", "pointer", "value", "printed"),
    [
        ("MtaRoute", RELAY, "port", 26, 26),
        ("MtaRoute", RELAY, "authSecret", RELAY["authSecret"], {"type": "Value", "secret": HIDDEN}),
        ("MtaRoute", RELAY, "authSecret/secret", CANARY, HIDDEN),
        ("MtaRoute", RELAY, "authSecret/@type", "File", "File"),
        ("MtaRoute", {"@type": ["Mx"]}, "port", 26, 26),
        ("MtaDeliverySchedule", SCHEDULE, "expiry/expire", 90_000, "1m30s"),
        (
            "MtaDeliverySchedule",
            SCHEDULE,
            "expiry",
            {"@type": "Ttl", "expire": 90_000},
            {"type": "Ttl", "expire": "1m30s"},
        ),
        ("MtaDeliverySchedule", SCHEDULE, "unheard/of", {"a": "****"}, {"a": HIDDEN}),
        ("MtaOutboundStrategy", {"route": always("'a'")}, "route/else", "'b'", "'b'"),
        (
            "MtaOutboundStrategy",
            {"route": always("'a'")},
            "route/match",
            {"0": {"if": "c", "then": "'b'"}},
            [{"if": "c", "use": "b"}],
        ),
        (
            "MtaMilter",
            {"enable": always("true")},
            "enable/match",
            {"1": {"if": "d", "then": "'a'"}, "0": {"if": "c", "then": "'b'"}},
            [{"if": "c", "then": "'b'"}, {"if": "d", "then": "'a'"}],
        ),
        (
            "MtaOutboundThrottle",
            {"match": always("true")},
            "match",
            {"match": {"0": {"if": "c", "then": "d"}}, "else": "true"},
            {"match": [{"if": "c", "then": "d"}], "else": "true"},
        ),
        ("MtaSts", {}, "mxHosts", {"a": True}, ["a"]),
    ],
)
def test_a_value_behind_a_pointer_is_printed_in_human_form(
    kind: str, wire: dict[str, Any], pointer: str, value: Any, printed: Any
) -> None:
    assert decode_pointer(CATALOGUE, CATALOGUE.kinds[kind], wire, pointer, value) == printed


# ---- where an expression stands --------------------------------------------------------------------------------


def test_the_catalogue_says_what_an_expression_may_name() -> None:
    prop = CATALOGUE.kinds["MtaStageAuth"].properties["saslMechanisms"]

    assert context_of(CATALOGUE, prop) == Context(
        frozenset(CATALOGUE.variables["ehlo"]), frozenset(("login", "plain", "xoauth2", "oauthbearer"))
    )
    assert context_of(CATALOGUE, Property(type="string")) == Context(frozenset(), frozenset())


def test_an_expression_is_checked_where_it_stands() -> None:
    context = context_of(CATALOGUE, CATALOGUE.kinds["MtaOutboundStrategy"].properties["route"])

    error = check_expression("retry_num > 1 && mx", context)

    assert check_expression("retry_num > 1", context) is None
    assert error is not None
    assert (error.column, error.kind) == (18, "variable")


def test_a_record_with_a_short_form_is_written_out_too() -> None:
    types = {"Wait": Record(properties={"time": Property(type="duration", required=True)}, short="time")}
    kind = Kind(kind="Odd", properties={"first": Property(type="object", of="Wait", required=True)}, match=("first",))
    catalogue = Catalogue(server="", digest="", kinds={"Odd": kind}, types=types, variables={}, constants=())
    codec = Codec(catalogue)

    assert codec.encode(kind, {"first": "1s"}) == ({"first": {"time": 1000}}, ())
    assert codec.encode(kind, {"first": {"time": "1s"}}) == ({"first": {"time": 1000}}, ())
    assert codec.encode(kind, {"first": "0s"}) == ({}, (Mistake(("first",), "range", "'0s' is under 1ms"),))
