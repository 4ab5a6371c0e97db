"""Objects: what can be created and updated, and the words of every refusal."""

import base64
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.catalogue import load
from reconciler.sandbox import ConnectionClosed
from reconciler.sandbox.hostnames import address, hostname, resolvable
from reconciler.sandbox.patch import parse_pointer
from reconciler.sandbox.shapes import Moulds
from reconciler.sandbox.validation import compressed_size
from tests.talk import Talk, failed, invalid_patch

STRING = "Invalid value for property."
WHOLE = "Invalid value for unsigned integer property (expected non-negative integer)"
POINTER = "Invalid JSON Pointer path"
VARIANT = "Missing or invalid '@type' property in object"
READ_ONLY = "Cannot modify read-only property"
KEY = "Invalid key for object property"
VALUE = "Invalid value for object property"

Patch = dict[str, Any]


@pytest.fixture
def talk() -> Talk:
    return Talk()


def required(name: str) -> Patch:
    return {"type": "Required", "property": name}


def relay(talk: Talk, **more: Any) -> str:
    return talk.create("MtaRoute", **{"variant": "Relay", "name": "r", "address": "a.example.net", **more})


# ---- creating --------------------------------------------------------------------------------------------------


def test_read_object_is_complete_and_in_order(talk: Talk) -> None:
    new = relay(talk, authSecret={"secret": "hunter2", "@type": "Value"})

    assert list(talk.read("MtaRoute", new).items()) == [
        ("address", "a.example.net"),
        ("authSecret", {"secret": "****", "@type": "Value"}),
        ("authUsername", None),
        ("port", 25),
        ("protocol", "smtp"),
        ("allowInvalidCerts", False),
        ("implicitTls", False),
        ("name", "r"),
        ("description", None),
        ("@type", "Relay"),
        ("id", new),
    ]
    assert list(talk.read("MtaRoute", new)["authSecret"]) == ["secret", "@type"]


@pytest.mark.parametrize(
    ("kind", "properties", "refusal"),
    [
        ("MtaRoute", {"name": "r"}, invalid_patch(VARIANT, "")),
        ("MtaRoute", {"type": "Mx", "name": "r"}, invalid_patch(VARIANT, "")),
        ("MtaRoute", {"variant": "mx", "name": "r"}, invalid_patch(VARIANT, "")),
        ("MtaRoute", {"variant": 5}, invalid_patch(VARIANT, "")),
        ("MtaRoute", {"variant": "Mx", "colour": 1}, invalid_patch("Invalid key for object", "")),
        ("MtaRoute", {"variant": "Mx", "/name": "r"}, invalid_patch("Invalid key for object", "")),
        ("MtaRoute", {"variant": "Mx", "port": 25}, invalid_patch("Invalid property", "port")),
        ("MtaRoute", {"variant": "Mx", "threadsPerNode": 1}, invalid_patch("Invalid property", "threadsPerNode")),
        ("MtaRoute", {"variant": "Mx", "id": "b"}, invalid_patch("Invalid property", "id")),
        ("MtaRoute", {"variant": "Mx"}, failed(required("name"))),
        ("MtaRoute", {"variant": "Relay", "port": 0}, None),
        ("MtaMilter", {"hostname": "h", "stages": ["data"]}, invalid_patch(VALUE, "stages")),
        ("MtaMilter", {"hostname": "h", "stages": {"quit": True}}, invalid_patch(KEY, "stages")),
        ("MtaMilter", {"hostname": "h", "stages": {"data": 1}}, invalid_patch(KEY, "stages")),
        ("MtaMilter", {"hostname": "h", "enable": "true"}, invalid_patch("Invalid value type for object", "enable")),
        ("MtaMilter", {"hostname": "h", "enable": {"else": ""}}, invalid_patch(STRING, "enable/else")),
        ("MtaMilter", {"hostname": "h", "enable": {"or": "x"}}, invalid_patch("Invalid key for object", "enable")),
        ("MtaMilter", {"hostname": "h", "enable": {"name": "x"}}, invalid_patch("Invalid property", "enable/name")),
        ("MtaMilter", {"hostname": " \t"}, invalid_patch("String cannot be empty", "hostname")),
        ("MtaMilter", {"hostname": "h", "flagsAction": 3.0}, invalid_patch(WHOLE, "flagsAction")),
        ("MtaMilter", {"hostname": "h", "port": True}, invalid_patch(WHOLE, "port")),
        ("MtaMilter", {"hostname": "h", "port": 2**64}, invalid_patch(WHOLE, "port")),
        ("MtaMilter", {"hostname": "h", "useTls": 1}, None),
        ("MtaMilter", {"hostname": "h", "timeoutData": 0}, invalid_patch("Invalid duration value", "timeoutData")),
        ("MtaMilter", {"hostname": "h", "timeoutData": -1.5}, invalid_patch("Invalid duration value", "timeoutData")),
        (
            "MtaMilter",
            {"hostname": "h", "timeoutData": "30s"},
            invalid_patch("Invalid path for Duration", "timeoutData"),
        ),
        (
            "MtaMilter",
            {"hostname": "h", "timeoutData": None},
            invalid_patch("Invalid path for Duration", "timeoutData"),
        ),
        ("MtaMilter", {"port": 70000, "stages": {}}, None),
        ("MtaTlsStrategy", {"name": "t", "dane": "Require"}, None),
        ("MtaVirtualQueue", {"name": "\u00e9\u00e9\u00e9\u00e9e"}, None),
        ("MtaHook", {"url": "u", "httpHeaders": {" ": "x"}}, invalid_patch(KEY, "httpHeaders")),
        ("MtaHook", {"url": "u", "httpHeaders": {"X-A": ""}}, invalid_patch(STRING, "httpHeaders")),
        ("MtaHook", {"url": "u", "httpHeaders": {"X-A": " "}}, invalid_patch("String cannot be empty", "httpHeaders")),
        ("MtaHook", {"url": "u", "httpHeaders": None}, invalid_patch(VALUE, "httpHeaders")),
        ("MtaHook", {"url": "u", "httpAuth": {"username": "x"}}, invalid_patch(VARIANT, "httpAuth")),
        ("MtaHook", {"url": "u", "httpAuth": {"@type": "Basic"}}, failed(required("username"), required("secret"))),
        ("MtaOutboundThrottle", {"description": "t"}, None),
        ("MtaQueueQuota", {}, failed({"type": "MinLength", "property": "key", "required": 1})),
        ("MtaSts", {"mxHosts": {"": True}}, invalid_patch(KEY, "mxHosts")),
    ],
)
def test_object_is_refused(talk: Talk, kind: str, properties: Patch, refusal: Patch | None) -> None:
    expected = (
        refusal
        or {
            "MtaRoute": failed(
                required("address"), {"type": "MinValue", "property": "port", "required": 1}, required("name")
            ),
            "MtaMilter": failed(
                required("hostname"),
                {"type": "MaxValue", "property": "port", "required": 65535},
                {"type": "MinLength", "property": "stages", "required": 1},
            )
            if "stages" in properties
            else invalid_patch("Invalid value for boolean property (expected true or false)", "useTls"),
            "MtaTlsStrategy": invalid_patch('Invalid value Str("Require") for enum type Optional.', "dane"),
            "MtaVirtualQueue": failed({"type": "MaxLength", "property": "name", "required": 8}),
            "MtaOutboundThrottle": failed(
                {"type": "MinValue", "property": "count", "required": 1},
                {"type": "Invalid", "property": "period", "value": "0"},
                {"type": "MinValue", "property": "period", "required": 1},
            ),
        }[kind]
    )

    assert talk.refusal(kind, **properties) == expected


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (None, "Invalid value type for object"),
        ([], "Invalid value type for object"),
    ],
)
def test_value_that_is_no_object_is_refused(talk: Talk, value: Any, refusal: str) -> None:
    answer = talk.call("x:MtaMilter/set", create={"a": value})

    assert answer == {"notCreated": {"a": invalid_patch(refusal, "")}}


def test_variant_name_is_ignored_where_there_are_no_variants(talk: Talk) -> None:
    new = talk.create("MtaVirtualQueue", variant="Anything", name="q")

    assert "@type" not in talk.read("MtaVirtualQueue", new)


def test_members_below_a_variant_without_properties_are_ignored(talk: Talk) -> None:
    new = relay(talk, authSecret={"@type": "None", "secret": "x", "colour": 1})

    assert talk.read("MtaRoute", new)["authSecret"] == {"@type": "None"}


def test_values_are_stored_in_the_servers_form(talk: Talk) -> None:
    ips = {"7": {"sourceIp": "2001:DB8::0001"}, "+1": {"sourceIp": "::ffff:192.0.2.1", "ehloHostname": "192.0.2.1"}}
    new = talk.create("MtaConnectionStrategy", name=" c ", ehloHostname=" MX 1.Example.ORG", sourceIps=ips)
    queue = talk.create("MtaVirtualQueue", name=" q ")
    hook = talk.create("MtaHook", url=" u ", httpHeaders={" X-A ": " v "}, stages={"rcpt": True, "data": False})
    stored = talk.read("MtaConnectionStrategy", new)

    assert (stored["name"], stored["ehloHostname"]) == (" c ", "mx1.example.org")
    assert stored["sourceIps"] == {
        "0": {"ehloHostname": "192.0.2.1", "sourceIp": "::ffff:192.0.2.1"},
        "1": {"ehloHostname": None, "sourceIp": "2001:db8::1"},
    }
    assert talk.read("MtaVirtualQueue", queue)["name"] == "q"
    assert {name: talk.read("MtaHook", hook)[name] for name in ("url", "httpHeaders", "stages")} == {
        "url": "u",
        "httpHeaders": {"X-A": "v"},
        "stages": {"rcpt": True},
    }


@pytest.mark.parametrize(
    ("ips", "refusal"),
    [
        ({"x": {}}, invalid_patch(KEY, "sourceIps")),
        ({"-1": {}}, invalid_patch(KEY, "sourceIps")),
        ({"4294967296": {}}, invalid_patch(KEY, "sourceIps")),
        ({"0": None}, invalid_patch("Invalid value type for object", "sourceIps")),
        (
            {"0": {"sourceIp": 5}},
            invalid_patch("Invalid path for IpAddr, expected a string value", "sourceIps/sourceIp"),
        ),
        ({"0": {"sourceIp": "192.0.2.01"}}, invalid_patch("Failed to parse IpAddr from string", "sourceIps/sourceIp")),
        ({"0": {"ehloHostname": "a"}}, invalid_patch("Invalid hostname or IP address", "sourceIps/ehloHostname")),
        ({"0": {"sourceIp": "0.0.0.0"}}, failed({"type": "Invalid", "property": "sourceIp", "value": "0.0.0.0"})),
        ({"0": {}}, failed({"type": "Invalid", "property": "sourceIp", "value": "0.0.0.0"})),
    ],
)
def test_source_addresses_are_refused(talk: Talk, ips: Patch, refusal: Patch) -> None:
    assert talk.refusal("MtaConnectionStrategy", name="c", sourceIps=ips) == refusal


def test_names_are_unique_over_all_variants(talk: Talk) -> None:
    new = relay(talk)

    refusal = talk.refusal("MtaRoute", variant="Local", name="r")

    assert refusal == {
        "type": "primaryKeyViolation",
        "properties": ["name"],
        "objectId": {"object": "MtaRoute", "id": new},
    }
    assert talk.create("MtaRoute", variant="Local", name="R") != new


def test_milters_may_be_the_same(talk: Talk) -> None:
    assert talk.create("MtaMilter", hostname="h") != talk.create("MtaMilter", hostname="h")


def test_results_of_creates_do_not_keep_the_order_sent(talk: Talk) -> None:
    names = [f"k{n}" for n in range(20)]

    answer = talk.call("x:MtaRoute/set", create={name: {"@type": "Mx", "name": name} for name in names})
    numbers = [answer["created"][name]["id"] for name in names]

    assert list(answer["created"]) != names
    assert talk.call("x:MtaRoute/query", sort=[{"property": "id"}])["ids"][2:] == numbers


# ---- expressions -----------------------------------------------------------------------------------------------


def expression_error(name: str, value: str) -> Patch:
    invalid = {"type": "Invalid", "property": name, "value": value}
    return {"type": "validationFailed", "properties": [name], "validationErrors": [invalid]}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"match": {"0": {"if": "true"}}}, "All 'if' and 'then' blocks must be non-empty"),
        ({"else": "nonsense"}, "Error parsing 'else' expression: "),
        (
            {"match": {"0": {"if": "1", "then": "2"}, "1": {"if": "nope", "then": "1"}}},
            "Error parsing 'if' expression in condition #2: ",
        ),
        ({"match": {"5": {"if": "1", "then": "nope"}}}, "Error parsing 'then' expression in condition #1: "),
        ({"match": {"0": {"if": "nope", "then": "1"}}, "else": "nope"}, "Error parsing 'else' expression: "),
    ],
)
def test_expression_that_does_not_compile(talk: Talk, expression: Patch, message: str) -> None:
    refusal = talk.update("MtaOutboundStrategy", "singleton", route=expression)
    value = refusal["validationErrors"][0]["value"]

    assert refusal == expression_error("route", value)
    assert value.startswith(message)


def test_only_the_first_bad_expression_is_told(talk: Talk) -> None:
    refusal = talk.update("MtaOutboundStrategy", "singleton", tls={"else": "nope"}, connection={"else": "nope"})

    assert refusal["properties"] == ["connection"]


def test_expressions_come_before_other_checks(talk: Talk) -> None:
    assert talk.refusal("MtaMilter", enable={"else": "nope"})["properties"] == ["enable"]


@pytest.mark.parametrize(("name", "refused"), [("route", ["route"]), ("tls", None)])
def test_variables_depend_on_the_property(talk: Talk, name: str, refused: list[str] | None) -> None:
    refusal = talk.update("MtaOutboundStrategy", "singleton", **{name: {"else": "mx"}})

    assert (refusal and refusal["properties"]) == refused


def test_constants_are_restricted_only_where_some_are_named(talk: Talk) -> None:
    assert talk.update("MtaOutboundStrategy", "singleton", route={"else": "relaxed"}) is None
    assert talk.update("MtaStageAuth", "singleton", saslMechanisms={"else": "[plain]"}) is None
    assert talk.update("MtaStageAuth", "singleton", saslMechanisms={"else": "[relaxed]"})["properties"] == [
        "saslMechanisms",
    ]


def test_unset_quota_expression_cannot_be_taken_back(talk: Talk) -> None:
    new = talk.create("MtaQueueQuota", key={"rcpt": True})
    unset = talk.read("MtaQueueQuota", new)["match"]

    assert unset == {"match": {}, "else": ""}
    assert talk.update("MtaQueueQuota", new, match=unset) == invalid_patch(STRING, "match/else")
    assert talk.update("MtaQueueQuota", new, match__match={"0": {"if": "1", "then": "1"}}) == expression_error(
        "match", "Missing 'else' block in 'if' expression"
    )
    assert talk.update("MtaQueueQuota", new, match={"else": "true"}) is None
    assert talk.update("MtaQueueQuota", new, match={}) is None
    assert talk.read("MtaQueueQuota", new)["match"]["else"] == "true"


def test_a_name_is_free_once_its_object_is_renamed_or_destroyed(talk: Talk) -> None:
    renamed, destroyed = (talk.create("MtaRoute", variant="Local", name=name) for name in ("one", "two"))

    talk.update("MtaRoute", renamed, variant="Mx", name="other")
    talk.call("x:MtaRoute/set", destroy=[destroyed])
    taken = talk.refusal("MtaRoute", variant="Local", name="other")
    made = [talk.read("MtaRoute", talk.create("MtaRoute", variant="Local", name=name)) for name in ("one", "two")]

    assert (taken["type"], taken["objectId"]) == ("primaryKeyViolation", {"object": "MtaRoute", "id": renamed})
    assert [each["name"] for each in made] == ["one", "two"]


# ---- updating --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patch", "refusal"),
    [
        ({"name": "r"}, invalid_patch(READ_ONLY, "name")),
        ({"/name": "other"}, invalid_patch(READ_ONLY, "name")),
        ({"id": "b"}, invalid_patch("Invalid property", "id")),
        ({"colour": 1}, invalid_patch("Invalid property", "colour")),
        ({"maxMxHosts": 1}, invalid_patch("Invalid property", "maxMxHosts")),
        ({"": 1}, invalid_patch("Invalid property", "")),
        ({"0": 1}, invalid_patch("Invalid property", "0")),
        ({"port/x": 1}, invalid_patch(POINTER, "port/x")),
        ({"/port/x": "y"}, invalid_patch(WHOLE, "port/x")),
        ({"description/a~1b": None}, invalid_patch(POINTER, "description/a~1b")),
        ({"authSecret/secret": "x"}, invalid_patch(POINTER, "authSecret/secret")),
        ({"authSecret/@type": "Value"}, invalid_patch(POINTER, "authSecret/@type")),
        ({"authSecret": {"secret": "x"}}, invalid_patch(VARIANT, "authSecret")),
        ({"authSecret": None}, invalid_patch(VARIANT, "authSecret")),
        ({"authSecret": {"@type": "Value", "filePath": "x"}}, invalid_patch("Invalid property", "authSecret/filePath")),
        ({"@type": "Nothing", "port": 1}, invalid_patch(VARIANT, "")),
        ({"@type": "Mx", "authSecret/secret": "x"}, invalid_patch("Invalid key for object", "")),
        ({"@type": "Mx"}, failed(required("name"))),
    ],
)
def test_update_is_refused_and_changes_nothing(talk: Talk, patch: Patch, refusal: Patch) -> None:
    new = relay(talk)
    before = talk.read("MtaRoute", new)

    assert talk.update("MtaRoute", new, **patch) == refusal
    assert talk.update("MtaRoute", new, **{"description": "new", **patch}) == refusal
    assert talk.read("MtaRoute", new) == before


@pytest.mark.parametrize("patch", [{}, {"@type": "Relay"}, {"@type": None}, {"@type": 5}, {"@type/x": 1}, {"port": 25}])
def test_update_that_changes_nothing_is_confirmed_and_not_written(talk: Talk, patch: Patch) -> None:
    new = relay(talk)
    writes = talk.sandbox.registry.writes

    assert talk.update("MtaRoute", new, **patch) is None
    assert talk.sandbox.registry.writes == writes


def test_change_of_variant_makes_the_object_anew(talk: Talk) -> None:
    new = relay(talk, description="old", port=2525)

    assert talk.update("MtaRoute", new, variant="Mx", name="other", maxMxHosts=7) is None
    assert talk.read("MtaRoute", new) == {
        "ipLookupStrategy": "v4ThenV6",
        "maxMultihomed": 2,
        "maxMxHosts": 7,
        "name": "other",
        "description": None,
        "@type": "Mx",
        "id": new,
    }
    assert talk.create("MtaRoute", variant="Mx", name="r")
    assert talk.update("MtaRoute", new, variant="Local", name="mx")["type"] == "primaryKeyViolation"


def test_objects_of_one_schema_are_merged_and_variants_replaced(talk: Talk) -> None:
    rule = {"0": {"if": "1", "then": "2"}}
    assert talk.update("MtaOutboundStrategy", "singleton", route={"match": rule, "else": "'a'"}) is None
    assert talk.update("MtaOutboundStrategy", "singleton", route={"else": "'b'"}) is None
    hook = talk.create(
        "MtaHook", url="u", httpAuth={"@type": "Bearer", "bearerToken": {"@type": "Value", "secret": "t"}}
    )
    basic = {"@type": "Basic", "username": "u", "secret": {"@type": "File", "filePath": "/f"}}

    assert talk.update("MtaHook", hook, httpAuth=basic) is None
    assert talk.read("MtaHook", hook)["httpAuth"] == {
        "username": "u",
        "secret": {"filePath": "/f", "@type": "File"},
        "@type": "Basic",
    }
    assert talk.read("MtaOutboundStrategy", "singleton")["route"] == {"match": rule, "else": "'b'"}
    assert talk.update("MtaOutboundStrategy", "singleton", route={"match": {}}) is None
    assert talk.read("MtaOutboundStrategy", "singleton")["route"] == {"match": {}, "else": "'b'"}


def test_pointers_edit_lists(talk: Talk) -> None:
    new = talk.create(
        "MtaConnectionStrategy", name="c", sourceIps={str(n): {"sourceIp": f"192.0.2.{n}"} for n in range(3)}
    )

    def addresses() -> list[str]:
        stored = talk.read("MtaConnectionStrategy", new)["sourceIps"]
        assert list(stored) == [str(n) for n in range(len(stored))]
        return [element["sourceIp"] for element in stored.values()]

    assert talk.update("MtaConnectionStrategy", new, sourceIps__1=None) is None
    assert addresses() == ["192.0.2.0", "192.0.2.2"]
    assert talk.update("MtaConnectionStrategy", new, sourceIps__9={"sourceIp": "192.0.2.9"}) is None
    assert addresses() == ["192.0.2.0", "192.0.2.2", "192.0.2.9"]
    assert talk.update("MtaConnectionStrategy", new, sourceIps__0__ehloHostname="a.example.org") is None
    assert talk.update("MtaConnectionStrategy", new, sourceIps__0={"sourceIp": "192.0.2.7"}) is None
    assert talk.read("MtaConnectionStrategy", new)["sourceIps"]["0"] == {
        "ehloHostname": "a.example.org",
        "sourceIp": "192.0.2.7",
    }


@pytest.mark.parametrize(
    ("patch", "refusal"),
    [
        ({"sourceIps/4": None}, invalid_patch(VALUE, "sourceIps/4")),
        ({"sourceIps/x": {}}, invalid_patch(VALUE, "sourceIps/x")),
        ({"sourceIps/*": {}}, invalid_patch(VALUE, "sourceIps/*")),
        ({"sourceIps": [{}]}, invalid_patch(VALUE, "sourceIps")),
        ({"sourceIps/0/sourceIp": "x"}, invalid_patch("Failed to parse IpAddr from string", "sourceIps/0/sourceIp")),
        (
            {"sourceIps/0": {"sourceIp": "x"}},
            invalid_patch("Failed to parse IpAddr from string", "sourceIps/0/sourceIp"),
        ),
        (
            {"sourceIps/0/sourceIp/x": "::1"},
            invalid_patch("Invalid path for IpAddr, expected a string value", "sourceIps/0/sourceIp/x"),
        ),
        ({"sourceIps/1": {}}, failed({"type": "Invalid", "property": "sourceIp", "value": "0.0.0.0"})),
        ({"connectTimeout/x": 5}, invalid_patch("Invalid path for Duration", "connectTimeout/x")),
    ],
)
def test_pointers_into_lists_are_refused(talk: Talk, patch: Patch, refusal: Patch) -> None:
    new = talk.create("MtaConnectionStrategy", name="c", sourceIps={"0": {"sourceIp": "::1"}})

    assert talk.update("MtaConnectionStrategy", new, **patch) == refusal


def test_pointers_edit_sets_and_maps(talk: Talk) -> None:
    hook = talk.create("MtaHook", url="u", httpHeaders={"X-A": "1"})

    assert talk.update("MtaHook", hook, **{"stages/rcpt": True, "stages/data": False, "stages/mail": None}) is None
    assert (
        talk.update("MtaHook", hook, **{"httpHeaders/X-B": " 2 ", "httpHeaders/7": "3", "httpHeaders/X-A": None})
        is None
    )
    assert talk.read("MtaHook", hook)["stages"] == {"rcpt": True}
    assert talk.read("MtaHook", hook)["httpHeaders"] == {"X-B": "2", "7": "3"}
    assert talk.update("MtaHook", hook, **{"stages/quit": True}) == invalid_patch(VALUE, "stages/quit")
    assert talk.update("MtaHook", hook, **{"stages/rcpt/x": True}) == invalid_patch(VALUE, "stages/rcpt/x")
    assert talk.update("MtaHook", hook, **{"stages/rcpt": 1}) == invalid_patch(VALUE, "stages/rcpt")
    assert talk.update("MtaHook", hook, **{"httpHeaders/X-B/y": "1"}) == invalid_patch(POINTER, "httpHeaders/X-B/y")
    assert talk.update("MtaHook", hook, **{"httpHeaders/ ": "1"}) == invalid_patch(VALUE, "httpHeaders/ ")


def test_set_of_free_texts_is_trimmed(talk: Talk) -> None:
    assert (
        talk.update("MtaSts", "singleton", **{"mxHosts": {" a.example ": True, "b": None}, "mxHosts/c": True}) is None
    )
    assert talk.read("MtaSts", "singleton")["mxHosts"] == {"a.example": True, "c": True}


def test_keys_of_a_patch_are_applied_in_order(talk: Talk) -> None:
    new = talk.create("MtaMilter", hostname="h")

    assert talk.update("MtaMilter", new, **{"enable": {"else": "1"}, "enable/else": "2", "port": 1, "/port": 2}) is None
    assert talk.read("MtaMilter", new)["enable"]["else"] == "2"
    assert talk.read("MtaMilter", new)["port"] == 2


def test_secret_is_changed_alone_only_where_there_is_one(talk: Talk) -> None:
    new = relay(talk, authSecret={"@type": "Value", "secret": "a"})
    writes = talk.sandbox.registry.writes

    assert talk.update("MtaRoute", new, authSecret__secret="b") is None
    assert talk.sandbox.registry.writes == writes + 1
    assert talk.update("MtaRoute", new, authSecret__secret="") == invalid_patch(STRING, "authSecret/secret")


def test_mask_written_back_is_stored_as_it_stands(talk: Talk) -> None:
    new = relay(talk, authSecret={"@type": "Value", "secret": "a"})
    writes = talk.sandbox.registry.writes
    read = talk.read("MtaRoute", new)["authSecret"]

    assert talk.update("MtaRoute", new, authSecret=read) is None
    assert talk.update("MtaRoute", new, authSecret=read) is None
    assert talk.sandbox.registry.writes == writes + 1


# ---- sets ------------------------------------------------------------------------------------------------------


def test_set_keeps_what_worked_and_tells_what_did_not(talk: Talk) -> None:
    new = relay(talk)
    writes = talk.sandbox.registry.writes

    answer = talk.call(
        "x:MtaRoute/set",
        create={"good": {"@type": "Mx", "name": "m"}, "bad": {"@type": "Mx"}},
        update={"zz": {}, "4": {}, "#good": {}, new: {"port": 26}, "zzz": {"port": 1}},
        destroy=["not an id", "zzzz", new, "#good"],
    )

    assert answer == {
        "created": {"good": {"id": answer["created"]["good"]["id"]}},
        "destroyed": [new],
        "notCreated": {"bad": failed(required("name"))},
        "notUpdated": {
            new: {"type": "willDestroy", "description": "ID will be destroyed."},
            "zz": {"type": "notFound"},
            "zzz": {"type": "notFound"},
        },
        "notDestroyed": {"zzzz": {"type": "notFound"}},
    }
    assert list(answer["notUpdated"]) == [new, "zz", "zzz"]
    assert list(answer) == ["created", "destroyed", "notCreated", "notUpdated", "notDestroyed"]
    assert talk.sandbox.registry.writes == writes + 2


def test_repeated_destroy_is_done_once_and_then_not_found(talk: Talk) -> None:
    new = relay(talk)

    assert talk.call("x:MtaRoute/set", destroy=[new, new]) == {
        "destroyed": [new],
        "notDestroyed": {new: {"type": "notFound"}},
    }


def test_replacing_under_one_name_in_one_call_loses_the_object(talk: Talk) -> None:
    new = relay(talk)

    answer = talk.call("x:MtaRoute/set", create={"a": {"@type": "Mx", "name": "r"}}, destroy=[new])

    assert answer["notCreated"]["a"]["type"] == "primaryKeyViolation"
    assert answer["destroyed"] == [new]


def test_null_arguments_are_as_absent(talk: Talk) -> None:
    assert talk.call("x:MtaRoute/set", create=None, update=None, destroy=None, ifInState="n") == {}


def test_too_many_objects_refuse_the_set() -> None:
    talk = Talk()
    create = {str(n): {"@type": "Mx", "name": str(n)} for n in range(400)}

    refused = talk.call("x:MtaRoute/set", create=create, destroy=["?"] * 101)

    assert refused["type"] == "requestTooLarge"
    assert talk.sandbox.registry.writes == 0
    assert len(talk.call("x:MtaRoute/set", create=create, destroy=["?"] * 100)["created"]) == 400


def test_object_too_large_to_store_is_refused(talk: Talk) -> None:
    noise = base64.b64encode(random.Random(1).randbytes(180_000)).decode()
    refusal = talk.refusal("MtaRoute", variant="Mx", name="noise", description=noise)
    size = int(refusal["validationErrors"][0]["value"].split()[2])

    text = f"Object size {size} exceeds maximum of 200000"
    assert refusal == failed({"type": "Invalid", "property": "id", "value": text})
    assert 240_000 < size < 241_000
    assert talk.create("MtaRoute", variant="Mx", name="repeats", description="x" * 1_000_000)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_repeats_compress(content: bytes, times: int) -> None:
    assert compressed_size(content * times) <= len(content * times) + len(content * times) // 255 + 16
    assert compressed_size(b"\0" * 100_000) < 500


# ---- links -----------------------------------------------------------------------------------------------------


def test_queue_in_use_cannot_be_destroyed(talk: Talk) -> None:
    assert talk.call("x:MtaVirtualQueue/set", destroy=["b"]) == {
        "notDestroyed": {
            "b": {
                "type": "objectIsLinked",
                "objectId": {"object": "MtaVirtualQueue", "id": "b"},
                "linkedObjects": [{"object": "MtaDeliverySchedule", "id": "b"}],
            }
        }
    }


@pytest.mark.parametrize(
    ("queue", "refusal"),
    [
        ("zz", {"type": "invalidForeignKey", "objectId": {"object": "MtaVirtualQueue", "id": "zz"}}),
        ("abb", {"type": "invalidForeignKey", "objectId": {"object": "MtaVirtualQueue", "id": "bb"}}),
        ("p333333333333", failed(required("queueId"))),
        ("no id", invalid_patch("Failed to parse Id from string", "queueId")),
        (None, invalid_patch("Invalid path for Id, expected a string value", "queueId")),
    ],
)
def test_reference_to_nothing_is_refused(talk: Talk, queue: Any, refusal: Patch) -> None:
    assert talk.refusal("MtaDeliverySchedule", name="s", queueId=queue) == refusal


def test_empty_reference_is_the_first_id(talk: Talk) -> None:
    new = talk.create("MtaDeliverySchedule", name="s", queueId="")

    assert talk.read("MtaDeliverySchedule", new)["queueId"] == "a"


# ---- singletons ------------------------------------------------------------------------------------------------


def test_singleton_is_listed_once_it_was_stored(talk: Talk) -> None:
    default = talk.read("MtaSts", "singleton")

    assert talk.call("x:MtaSts/get", ids=None) == {"list": [], "notFound": []}
    assert talk.update("MtaSts", "singleton", mode="testing") is None
    assert talk.call("x:MtaSts/get")["list"] == []
    assert talk.update("MtaSts", "singleton", mode="enforce") is None
    assert talk.call("x:MtaSts/get")["list"] == [{**default, "mode": "enforce"}]


def test_creating_a_singleton_resets_it(talk: Talk) -> None:
    default = talk.read("MtaSts", "singleton")
    assert talk.update("MtaSts", "singleton", mode="enforce", maxAge=1) is None

    assert talk.call("x:MtaSts/set", create={"a": {"maxAge": 2}}) == {"created": {"a": {"id": "singleton"}}}
    assert talk.read("MtaSts", "singleton") == {**default, "maxAge": 2}


def test_singletons_have_one_id_and_stay(talk: Talk) -> None:
    answer = talk.call("x:MtaSts/set", update={"abc": {}}, destroy=["singleton", "b"])
    told = {"type": "singleton", "description": "Singletons cannot be created or destroyed."}

    assert answer == {
        "notUpdated": {"bc": {"type": "notFound"}},
        "notDestroyed": {"singleton": told, "b": told},
    }
    assert talk.call("x:MtaSts/get", ids=["b", "singleton", "singleton"])["notFound"] == ["b"]
    assert talk.call("x:MtaRoute/get", ids=["singleton"]) == {"list": [], "notFound": ["singleton"]}


@pytest.mark.parametrize("patch", [None, 5, "x", []])
def test_patch_that_is_no_object_crashes_the_server(talk: Talk, patch: Any) -> None:
    new = relay(talk)
    writes = talk.sandbox.registry.writes

    assert talk.call("x:MtaRoute/set", update={"zz": patch})["notUpdated"] == {"zz": {"type": "notFound"}}
    with pytest.raises(ConnectionClosed):
        talk.call(
            "x:MtaRoute/set",
            create={"a": {"@type": "Mx", "name": "before"}},
            update={new: patch},
            destroy=["b"],
        )

    assert talk.sandbox.registry.writes == writes + 1
    assert talk.call("x:MtaRoute/query", filter={"name": "before"})["ids"]


# ---- the contents of a new server ------------------------------------------------------------------------------


def test_new_server_ships_what_the_real_one_does(talk: Talk) -> None:
    stored = talk.sandbox.state()["stored"]
    names = {
        kind: [each.get("name") or each.get("description") for each in objects]
        for kind, objects in stored.items()
        if not load().kinds[kind[2:]].singleton
    }

    assert names == {
        "x:MtaRoute": ["mx", "local"],
        "x:MtaConnectionStrategy": ["default"],
        "x:MtaTlsStrategy": ["invalid-tls", "default"],
        "x:MtaVirtualQueue": ["local", "remote", "dsn", "report"],
        "x:MtaDeliverySchedule": ["local", "remote", "dsn"],
        "x:MtaInboundThrottle": ["Sender IP throttle", "Sender address to recipient throttle"],
        "x:MtaOutboundThrottle": [],
        "x:MtaQueueQuota": [],
        "x:MtaMilter": [],
        "x:MtaHook": [],
    }
    assert [queue["id"] for queue in stored["x:MtaVirtualQueue"]] == ["a", "b", "c", "d"]
    assert [schedule["queueId"] for schedule in stored["x:MtaDeliverySchedule"]] == ["a", "b", "c"]
    assert stored["x:MtaRoute"][0]["maxMxHosts"] == 2


@pytest.mark.parametrize("kind", sorted(load().kinds))
def test_every_default_is_complete_and_settled(kind: str) -> None:
    mould = Moulds(load()).kinds[kind]

    for shape in mould.shapes.values():
        names = [*shape.slots, *(["@type"] if shape.variant else [])]
        assert list(shape.default) == names
        assert mould.settle(shape.default) == shape.default
        assert mould.fill(shape.default) == shape.default


# ---- texts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("mx.example.org", "mx.example.org"),
        (" M X.Example.ORG\t", "mx.example.org"),
        ("2001:DB8::1", "2001:DB8::1"),
        ("_a.-b/c.test", "_a.-b/c.test"),
        ("stra\u00dfe.de", "xn--strae-oqa.de"),
        ("M\u00dcNCHEN.de", "xn--mnchen-3ya.de"),
        ("host.lan", "host.lan"),
        ("co.uk", "co.uk"),
        *((bad, None) for bad in ("host", "mx.example.org.", "a..org", ".org", "*.example.org", "mx.example")),
        *((bad, None) for bad in ("mx.invalid", "[192.0.2.1]", "mx.example.or g.", "", "localhost")),
    ],
)
def test_host_names(value: str, stored: str | None) -> None:
    assert hostname(value) == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
        ("::", "::"),
        *((bad, None) for bad in ("192.0.2", "192.0.2.1/32", "fe80::1%eth0", " ::1", "1", "")),
    ],
)
def test_addresses(value: str, stored: str | None) -> None:
    assert address(value) == stored


@pytest.mark.parametrize("host", ["localhost", "::1", "[::1]", "127.0.0.1", "milter.example.net", "a_b", "a."])
def test_hosts_that_a_reload_finds(host: str) -> None:
    assert resolvable(host)


@pytest.mark.parametrize(
    "host", ["nosuchhost.invalid", "192.0.2.2:25", "a b", "-a.test", "256.1.1.1", "a..b", ".", "x" * 64, "\u00e9.test"]
)
def test_hosts_that_a_reload_does_not_find(host: str) -> None:
    assert not resolvable(host)


@pytest.mark.parametrize(
    ("pointer", "steps", "path"),
    [
        ("a/b", ("a", "b"), "a/b"),
        ("/a/b", ("a", "b"), "a/b"),
        ("a/0/10", ("a", 0, 10), "a/0/10"),
        ("a/01", ("a", "01"), "a/01"),
        ("a~1b/c~0d", ("a/b", "c~d"), "a~1b/c~0d"),
        ("a//b", ("a", "", "b"), "a//b"),
        ("a/*", ("a", None), "a/*"),
        ("/", ("",), ""),
        ("a/" + "9" * 30, ("a", 2**64 - 1), f"a/{2**64 - 1}"),
    ],
)
def test_pointers(pointer: str, steps: tuple[Any, ...], path: str) -> None:
    parsed = parse_pointer(pointer)

    assert (parsed.steps, parsed.path) == (steps, path)
