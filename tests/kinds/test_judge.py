"""What is said of a spec that its kind's schema rejects: where, what, and what to do; and never a secret."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.kinds.catalogue import Catalogue, Kind, Property, Record, load
from reconciler.kinds.codec import Codec
from reconciler.kinds.schema import METADATA
from reconciler.kinds.schema.judge import Fault, Judge, explain

CATALOGUE = load()
JUDGE = Judge(CATALOGUE)
CODEC = Codec(CATALOGUE)
RELAY = {"type": "Relay", "name": "n", "address": "a"}
MILTER = {"hostname": "h"}


class Text(str):
    """A subclass of str, as the undoing of `$${` leaves it behind."""

    __slots__ = ()


def faults(kind: str, spec: Any) -> list[Fault]:
    return JUDGE.faults(CATALOGUE.kinds[kind], spec)


def told(kind: str, spec: Any) -> list[tuple[str, str, str, str]]:
    """Return the faults of a spec: pointer, code, message, hint."""
    return [("/".join(each.path), each.code, each.message, each.hint) for each in faults(kind, spec)]


# ---- what is accepted ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("MtaRoute", RELAY),
        ("MtaRoute", {"@type": "Local", "name": Text("n")}),
        ("MtaRoute", {"type": "Local", "name": "\ud800"}),
        ("MtaSts", {}),
        ("MtaConnectionStrategy", {"name": "n", "sourceIps": {"0": "::1", "10": {"sourceIp": "::2"}}}),
    ],
)
def test_a_valid_spec_has_no_faults(kind: str, spec: Any) -> None:
    assert faults(kind, spec) == []


# ---- what is rejected, keyword by keyword ----------------------------------------------------------------------

DURATION = "duration such as 30s, 1h30m or 500 (ms)"
VARIANTS = "None, Value, EnvironmentVariable, File"
STAGES = "connect, ehlo, auth, mail, rcpt, data"
PLACE = "keys are 0, 1, 2 and so on; or write a list"

REJECTED: list[tuple[str, Any, list[tuple[str, str, str, str]]]] = [
    # Unknown fields
    ("MtaRoute", {**RELAY, "prot": 25}, [("prot", "unknown-field", "unknown field prot", "did you mean port?")]),
    ("MtaRoute", {**RELAY, "PORT": 25}, [("PORT", "unknown-field", "unknown field PORT", "did you mean port?")]),
    (
        "MtaRoute",
        {"type": "Mx", "name": "n", "address": "a"},
        [("address", "unknown-field", "unknown field address", "only type Relay has it")],
    ),
    (
        "MtaVirtualQueue",
        {"name": "n", "zzz": 1, "x" * 100: 2},
        [
            (
                "x" * 100,
                "unknown-field",
                f"unknown field {'x' * 57}...",
                "known here: name, description, threadsPerNode",
            ),
            ("zzz", "unknown-field", "unknown field zzz", "known here: name, description, threadsPerNode"),
        ],
    ),
    (
        "MtaDeliverySchedule",
        {"name": "n", "queueId": "q", "notify": {"type": "Default", "intervals": ["1h"]}},
        [("notify/intervals", "unknown-field", "unknown field intervals", "only type Custom has it")],
    ),
    (
        "MtaOutboundStrategy",
        {"route": None, "match": [], "use": "mx"},
        [
            ("match", "unknown-field", "unknown field match", "indent it below route"),
            ("use", "unknown-field", "unknown field use", "indent it below route"),
        ],
    ),
    (
        "MtaDeliverySchedule",
        {"name": "n", "queueId": "q", "retry": None, "type": "Custom", "intervals": ["1h"]},
        [
            ("intervals", "unknown-field", "unknown field intervals", "indent it below retry"),
            ("type", "unknown-field", "unknown field type", "indent it below retry"),
        ],
    ),
    # Missing fields
    (
        "MtaRoute",
        {"type": "Relay"},
        [
            ("", "missing", "the required field address is missing", "The next hop, by name or by IP address"),
            ("", "missing", "the required field name is missing", "The name that `MtaOutboundStrategy.route` returns"),
        ],
    ),
    ("MtaRoute", {}, [("", "missing", "the required field type is missing", "it is one of Mx, Relay, Local")]),
    (
        "MtaStageAuth",
        {"require": {"match": []}},
        [("require", "missing", "the required field else is missing", "The value where no branch is true")],
    ),
    # Alternatives
    (
        "MtaRoute",
        {**RELAY, "@type": "Mx", "port": 70000},
        [("", "both", "type and @type exclude each other", "keep one of type or @type")],
    ),
    (
        "MtaOutboundStrategy",
        {"route": {"match": [{"if": "a", "then": "b", "use": "c"}, {"if": "a"}], "use": "a", "else": "b"}, "tls": {}},
        [
            ("route", "both", "else and use exclude each other", "keep one of else or use"),
            ("route/match/0", "both", "then and use exclude each other", "keep one of then or use"),
            ("route/match/1", "missing", "then or use is missing", ""),
            ("tls", "missing", "else or use is missing", ""),
        ],
    ),
    # Choices
    (
        "MtaRoute",
        {"type": "relay"},
        [("type", "choice", "'relay' is none of Mx, Relay, Local", "did you mean Relay?")],
    ),
    (
        "MtaMilter",
        {**MILTER, "stages": ["dta", 5], "protocolVersion": None},
        [
            ("protocolVersion", "choice", "null is none of v2, v6", ""),
            ("stages/0", "choice", f"'dta' is none of {STAGES}", "did you mean data?"),
            ("stages/1", "choice", f"5 is none of {STAGES}", ""),
        ],
    ),
    # Types
    ("MtaMilter", ["h"], [("", "type", "a list of 1 is no mapping", "")]),
    ("MtaMilter", {**MILTER, "port": "25"}, [("port", "type", "'25' is no whole number", "take the quotes away")]),
    ("MtaMilter", {**MILTER, "port": 2.5}, [("port", "type", "2.5 is no whole number", "")]),
    ("MtaMilter", {**MILTER, "port": True}, [("port", "type", "true is no whole number", "")]),
    (
        "MtaMilter",
        {**MILTER, "useTls": "true", "tempFailOnError": "yes"},
        [
            ("tempFailOnError", "type", "'yes' is neither true nor false", ""),
            ("useTls", "type", "'true' is neither true nor false", "take the quotes away"),
        ],
    ),
    ("MtaVirtualQueue", {"name": 5}, [("name", "type", "5 is no text", "put it in quotes")]),
    ("MtaMilter", {"hostname": None}, [("hostname", "type", "null is no text", "leave the field out")]),
    ("MtaRoute", {**RELAY, "authUsername": []}, [("authUsername", "type", "an empty list is no text or null", "")]),
    ("MtaMilter", {**MILTER, "stages": "data"}, [("stages", "type", "'data' is no list", "write it in brackets")]),
    ("MtaMilter", {**MILTER, "timeoutData": 1.5}, [("timeoutData", "type", f"1.5 is no {DURATION}", "")]),
    (
        "MtaMilter",
        {**MILTER, "enable": ["true"]},
        [("enable", "type", "a list of 1 is no expression: a text, or match and else", "")],
    ),
    (
        "MtaDeliverySchedule",
        {"name": "n", "queueId": "q", "retry": "1h"},
        [("retry", "type", "'1h' is no mapping", "it has a type, which is one of Default, Custom")],
    ),
    # Forms
    (
        "MtaMilter",
        {**MILTER, "timeoutData": "5 minutes", "timeoutCommand": "30m1h", "timeoutConnect": "5s\n"},
        [
            ("timeoutCommand", "form", f"'30m1h' is no {DURATION}", ""),
            ("timeoutConnect", "form", f"'5s\\n' is no {DURATION}", ""),
            ("timeoutData", "form", f"'5 minutes' is no {DURATION}", ""),
        ],
    ),
    (
        "MtaMilter",
        {**MILTER, "maxResponseSize": "50mb"},
        [("maxResponseSize", "form", "'50mb' is no size such as 512KB, 50MB or 1024 (bytes)", "")],
    ),
    (
        "MtaMilter",
        {"hostname": " \t"},
        [("hostname", "empty", "it is empty but for blanks", "the server cuts them off and takes no empty text")],
    ),
    (
        "MtaHook",
        {"url": "u", "httpHeaders": {" ": "x", "a": ""}},
        [
            (
                "httpHeaders/ ",
                "empty",
                "it is empty but for blanks",
                "the server cuts them off and takes no empty text",
            ),
            ("httpHeaders/a", "empty", "it is empty", "the server takes no empty text"),
        ],
    ),
    (
        "MtaRoute",
        {**RELAY, "description": ""},
        [("description", "empty", "it is empty", "the server takes no empty text; leave the field out")],
    ),
    (
        "MtaConnectionStrategy",
        {"name": "n", "sourceIps": {"a": "::1", "0\n": "::2", "-1": "::3"}},
        [
            ("sourceIps/-1", "form", "-1 is no place in a list", PLACE),
            ("sourceIps/0\n", "form", "0\n is no place in a list", PLACE),
            ("sourceIps/a", "form", "a is no place in a list", PLACE),
        ],
    ),
    # Bounds
    ("MtaRoute", {**RELAY, "port": 70000}, [("port", "range", "70000 is over 65535", "")]),
    ("MtaRoute", {**RELAY, "port": 0}, [("port", "range", "0 is under 1", "")]),
    (
        "MtaMilter",
        {**MILTER, "timeoutData": 0, "timeoutCommand": -5, "flagsAction": 2**63},
        [
            ("flagsAction", "range", "9223372036854775808 is over 9223372036854775807", ""),
            ("timeoutCommand", "range", "-5 is under 1ms", ""),
            ("timeoutData", "range", "0 is under 1ms", ""),
        ],
    ),
    # Sets
    (
        "MtaMilter",
        {**MILTER, "stages": ["data", "rcpt", "data"]},
        [("stages/2", "repeat", "'data' stands here twice", "keep one of them")],
    ),
    ("MtaMilter", {**MILTER, "stages": []}, [("stages", "length", "it needs at least 1 member", "")]),
    ("MtaMilter", {**MILTER, "stages": {}}, [("stages", "length", "it needs at least 1 member", "")]),
    (
        "MtaMilter",
        {**MILTER, "stages": {"data": False, "dta": True}},
        [
            ("stages/data", "value", "false must be true here", "leave data out if it is not meant"),
            ("stages/dta", "choice", f"'dta' is none of {STAGES}", "did you mean data?"),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "spec", "expected"), REJECTED)
def test_a_mistake_is_told_where_it_stands_with_what_to_do(
    kind: str, spec: Any, expected: list[tuple[str, str, str, str]]
) -> None:
    assert told(kind, spec) == expected


def test_every_mistake_of_a_spec_is_told() -> None:
    spec = {"type": "Relay", "name": 5, "port": 0, "prot": 1, "authSecret": {"type": "Value"}, "protocol": "SMTP"}

    assert [(each.path, each.code) for each in faults("MtaRoute", spec)] == [
        ((), "missing"),
        (("authSecret",), "missing"),
        (("name",), "type"),
        (("port",), "range"),
        (("prot",), "unknown-field"),
        (("protocol",), "choice"),
    ]


def test_a_wrong_key_is_told_apart_from_a_wrong_value() -> None:
    found = faults("MtaMilter", {"hostname": "h", "prot": 1, "stages": {"data": False, "dta": True}})

    assert {"/".join(each.path): each.of_key for each in found} == {
        "prot": True,
        "stages/data": False,
        "stages/dta": True,
    }


def test_a_number_that_no_message_can_hold_is_told_without_its_digits() -> None:
    assert told("MtaMilter", {**MILTER, "port": 10**1000}) == [
        ("port", "range", "a number of more than 70 digits is over 65535", "")
    ]


def test_limits_of_length_are_told() -> None:
    kind = Kind(kind="Odd", properties={"name": Property(type="string", max_bytes=3, required=True)}, match=("name",))
    catalogue = Catalogue(server="", digest="", kinds={"Odd": kind}, types={}, variables={}, constants=())

    assert Judge(catalogue).faults(kind, {"name": "\u00fc\u00fc"}) == []
    assert Judge(catalogue).faults(kind, {"name": "abcd"}) == [
        Fault(("name",), "length", "'abcd' is longer than 3 bytes")
    ]


def test_metadata_is_explained_likewise() -> None:
    found = explain(METADATA, {"id": "B-1", "nam": "x", "unmanaged": ["a", "a"]})

    assert [("/".join(each.path), each.message, each.hint) for each in found] == [
        ("id", "'B-1' is no id of the server", "ids are small letters and digits"),
        ("nam", "unknown field nam", "did you mean name?"),
        ("unmanaged/1", "'a' stands here twice", "keep one of them"),
    ]


# ---- no secret in any message ----------------------------------------------------------------------------------

CANARY = "c4n4ry"
#: What somebody may write where a secret belongs, by mistake of type or of place.
CARRIERS: list[Any] = [
    CANARY,
    [CANARY],
    {CANARY: None},
    {CANARY: CANARY},
    {"type": CANARY},
    {"@type": CANARY, "secret": CANARY},
    {"type": "Value", "@type": CANARY, "secret": CANARY},
    {"type": "Value", "secrt": CANARY},
    {"type": "Value", "secret": [CANARY]},
    {"type": "Value", "secret": {CANARY: CANARY}},
    {"type": "Value", "secret": {"secret": CANARY}},
    {"type": "Value", "secret": CANARY, CANARY: 1},
    {"type": "EnvironmentVariable", "secret": CANARY},
    {"type": "EnvironmentVariable", "variableName": [CANARY]},
    {"type": "File", "filePath": {CANARY: 1}},
    {"type": "Basic", "username": [CANARY], "secret": CANARY},
    {"type": "Bearer", "bearerToken": [CANARY], CANARY: CANARY},
    [[CANARY, CANARY]],
]


def secret_places(record: Record, path: tuple[str, ...] = ()) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yield the beginning of a spec, and the path below it, of every property that holds a secret or is one."""
    for variant in record.variants or ("",):
        start = {"type": variant} if variant else {}
        for name, prop in record.shape(variant).items():
            if prop.sensitive:
                yield start, (*path, name)
            elif prop.type == "object" and not prop.language:
                for inner, below in secret_places(CATALOGUE.types[prop.of]):
                    yield start, (*path, name)
                    yield {**start, name: inner}, (*path, name, *below)


PLACES = [
    pytest.param(kind, start, path, id=f"{kind.kind}:{'/'.join(path)}:{number}")
    for kind in CATALOGUE.kinds.values()
    for number, (start, path) in enumerate(secret_places(kind))
]


def put(value: dict[str, Any], path: tuple[str, ...], what: Any) -> dict[str, Any]:
    if len(path) == 1:
        return {**value, path[0]: what}
    return {**value, path[0]: put(value.get(path[0], {}), path[1:], what)}


@pytest.mark.parametrize("carrier", CARRIERS, ids=str)
@pytest.mark.parametrize(("kind", "start", "path"), PLACES)
def test_a_secret_of_a_wrong_type_or_in_a_wrong_place_is_not_shown(
    kind: Kind, start: dict[str, Any], path: tuple[str, ...], carrier: Any
) -> None:
    spec = put({**LEAST[kind.kind], **start}, path, carrier)

    found = JUDGE.faults(kind, spec)
    wire, mistakes = CODEC.encode(kind, spec) if not found else ({}, ())

    assert found or mistakes or wire
    assert CANARY not in str(found)
    assert CANARY not in str(mistakes)
    assert CANARY not in str(wire)


LEAST: dict[str, dict[str, Any]] = {"MtaRoute": {"name": "n", "address": "a"}, "MtaHook": {"url": "u"}}


def test_there_are_three_places_for_secrets() -> None:
    assert {(kind.kind, path) for kind in CATALOGUE.kinds.values() for _, path in secret_places(kind)} == {
        ("MtaHook", ("httpAuth",)),
        ("MtaHook", ("httpAuth", "bearerToken")),
        ("MtaHook", ("httpAuth", "bearerToken", "secret")),
        ("MtaHook", ("httpAuth", "secret")),
        ("MtaHook", ("httpAuth", "secret", "secret")),
        ("MtaRoute", ("authSecret",)),
        ("MtaRoute", ("authSecret", "secret")),
    }


# ---- without the fast judge ------------------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["jsonschema_rs"] = None
from reconciler.kinds.catalogue import load
from reconciler.kinds.schema.judge import Judge
judge, kind = Judge(load()), load().kinds["MtaVirtualQueue"]
print(judge.faults(kind, {"name": "n"}), [fault.message for fault in judge.faults(kind, {"name": 5})])
"""


def test_the_slow_judge_does_without_the_fast_one() -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False)

    assert (ran.stdout, ran.stderr) == ("[] ['5 is no text']\n", "")
