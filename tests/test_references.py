"""Which object refers to which, by id and by name."""

from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.catalogue import Kind, Property, load
from reconciler.model import Address
from reconciler.references import levels, names, references, referring, targets

CATALOGUE = load()
STRATEGY = CATALOGUE.kinds["MtaOutboundStrategy"]
SCHEDULE = CATALOGUE.kinds["MtaDeliverySchedule"]


def expression(*results: str) -> dict[str, Any]:
    *then, last = results
    return {"match": {str(index): {"if": "true", "then": text} for index, text in enumerate(then)}, "else": last}


def test_a_reference_by_id_is_told_with_its_pointer() -> None:
    queue = Address("MtaVirtualQueue", "bulk")

    assert list(references(CATALOGUE, SCHEDULE, {"name": "s", "queueId": queue})) == [("queueId", queue)]
    assert list(references(CATALOGUE, SCHEDULE, {"name": "s"})) == []


def test_names_in_an_expression_are_told_in_the_order_of_trying() -> None:
    wire = {"route": expression("'a'", "'b'", "'c'"), "connection": expression("'d'")}

    assert list(names(CATALOGUE, STRATEGY, wire)) == [
        ("connection/else", Address("MtaConnectionStrategy", "d")),
        ("route/match/0/then", Address("MtaRoute", "a")),
        ("route/match/1/then", Address("MtaRoute", "b")),
        ("route/else", Address("MtaRoute", "c")),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("'r1'", ["r1"]),
        ('"r1"', ["r1"]),
        (" ( 'r1' ) ", ["r1"]),
        ("'r1' || 'r2'", ["r1"]),
        ("['r1', 'r2'][retry_num]", ["r1", "r2"]),
        ("'r1' 'r2'", ["r2"]),
        ("'r1', 'r2'", ["r2"]),
        ("'mx'", []),
        ("'local'", []),
        ("''", []),
        ("'r' + 1", []),
        ("rcpt_domain", []),
        ("'r1' && 'r2'", []),
        ("false", []),
        ("relay", []),
        ("'r1", []),
    ],
)
def test_only_names_that_are_certain_are_told(text: str, found: list[str]) -> None:
    assert list(names(CATALOGUE, STRATEGY, {"route": expression(text)})) == [
        ("route/else", Address("MtaRoute", name)) for name in found
    ]


def test_builtin_names_depend_on_the_property() -> None:
    wire = {name: expression("'default'") for name in ("connection", "route", "schedule", "tls")}

    assert list(names(CATALOGUE, STRATEGY, wire)) == [("route/else", Address("MtaRoute", "default"))]


def test_an_expression_that_gives_plain_values_names_nothing() -> None:
    milter = CATALOGUE.kinds["MtaMilter"]

    assert list(names(CATALOGUE, milter, {"enable": expression("'r1'")})) == []


@pytest.mark.parametrize("value", [None, "text", {}, {"match": None, "else": None}, {"match": {"0": "x"}, "else": 1}])
def test_what_is_no_expression_names_nothing(value: Any) -> None:
    assert list(names(CATALOGUE, STRATEGY, {"route": value})) == []


def test_the_kinds_that_a_kind_refers_to() -> None:
    assert {name: targets(CATALOGUE, kind) for name, kind in CATALOGUE.kinds.items() if targets(CATALOGUE, kind)} == {
        "MtaDeliverySchedule": {"MtaVirtualQueue"},
        "MtaOutboundStrategy": {"MtaConnectionStrategy", "MtaDeliverySchedule", "MtaRoute", "MtaTlsStrategy"},
    }
    assert referring(SCHEDULE) == (("queueId", "MtaVirtualQueue"),)
    assert referring(STRATEGY) == ()


def test_a_kind_stands_one_above_the_deepest_that_it_refers_to() -> None:
    found = levels(CATALOGUE)

    assert found == {
        **dict.fromkeys(CATALOGUE.kinds, 0),
        "MtaDeliverySchedule": 1,
        "MtaOutboundStrategy": 2,
    }


def test_kinds_that_refer_to_each_other_are_named() -> None:
    def kind(name: str, to: str) -> Kind:
        return Kind(kind=name, properties={"other": Property(type="reference", to=to)})

    circle = replace(CATALOGUE, kinds={"A": kind("A", "B"), "B": kind("B", "A")})

    with pytest.raises(ValueError, match="kinds refer to each other in a circle: A -> B -> A"):
        levels(circle)
