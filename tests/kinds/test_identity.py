"""What objects are called, and which of them a new server ships."""

from typing import Any

import pytest

from reconciler.kinds.catalogue import load
from reconciler.kinds.equality import exact
from reconciler.kinds.identity import address_of, is_shipped, key_of, name_of
from reconciler.values.model import Address

KINDS = load().kinds


@pytest.mark.parametrize(
    ("kind", "wire", "address"),
    [
        ("MtaRoute", {"name": "relay-eu"}, "MtaRoute/relay-eu"),
        ("MtaOutboundStrategy", {"route": {}}, "MtaOutboundStrategy"),
        ("MtaMilter", {"hostname": "127.0.0.1", "port": 11332}, "MtaMilter/127.0.0.1:11332"),
        ("MtaMilter", {"hostname": "::1", "port": 11332}, "MtaMilter/[::1]:11332"),
        ("MtaMilter", {"hostname": "[::1]", "port": 11332}, "MtaMilter/[::1]:11332"),
        ("MtaHook", {"url": "http://[::1]:80/x"}, "MtaHook/http://[::1]:80/x"),
        ("MtaInboundThrottle", {"description": "Sender IP throttle"}, "MtaInboundThrottle/Sender IP throttle"),
        ("MtaQueueQuota", {"description": None}, "MtaQueueQuota/-"),
    ],
)
def test_an_object_is_called_by_its_match_key(kind: str, wire: dict[str, Any], address: str) -> None:
    assert str(address_of(KINDS[kind], key_of(KINDS[kind], wire))) == address


def test_a_name_of_a_documents_own_stands_for_the_key() -> None:
    assert address_of(KINDS["MtaMilter"], ("h", 1), "first") == Address("MtaMilter", "first")


def test_the_key_of_a_singleton_is_empty() -> None:
    assert key_of(KINDS["MtaSts"], {"mode": "enforce"}) == ()


def test_a_name_of_several_parts_is_joined() -> None:
    assert name_of(("h", 25, None)) == "h:25:-"


def test_kinds_with_a_key_have_an_address_for_all_that_ships() -> None:
    shipped = {
        str(address_of(kind, key_of(kind, wire))): is_shipped(kind, key_of(kind, wire))
        for kind in KINDS.values()
        for wire in kind.ships
    }

    assert shipped == dict.fromkeys(
        [
            "MtaConnectionStrategy/default",
            "MtaDeliverySchedule/local",
            "MtaDeliverySchedule/remote",
            "MtaDeliverySchedule/dsn",
            "MtaInboundThrottle/Sender IP throttle",
            "MtaInboundThrottle/Sender address to recipient throttle",
            "MtaRoute/mx",
            "MtaRoute/local",
            "MtaTlsStrategy/invalid-tls",
            "MtaTlsStrategy/default",
            "MtaVirtualQueue/local",
            "MtaVirtualQueue/remote",
            "MtaVirtualQueue/dsn",
            "MtaVirtualQueue/report",
        ],
        True,
    )


def test_what_is_not_shipped_is_told() -> None:
    assert not is_shipped(KINDS["MtaRoute"], ("MX",))
    assert not is_shipped(KINDS["MtaMilter"], ("mx", 25))


def test_a_name_is_the_same_in_both_unicode_forms() -> None:
    composed, decomposed = "gr\u00f6\u00dfe", "gro\u0308\u00dfe"
    kind = KINDS["MtaRoute"]

    assert key_of(kind, {"name": decomposed}) == key_of(kind, {"name": composed}) == (composed,)
    assert exact({"name": decomposed}, {"name": composed})
