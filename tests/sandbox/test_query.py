"""What `get` lists and `query` finds: filters, orders and pages, with the real server's faults."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.catalogue import load
from reconciler.sandbox import Limits, Sandbox
from reconciler.sandbox import ids as id_texts
from reconciler.sandbox.query import query
from reconciler.sandbox.store import StoredObject, Table
from tests.talk import Talk

NAMES = frozenset(["name", "description", "@type", "id", "hostname"])


def table(count: int) -> Table:
    """Routes with ids 10, 20, 30 … and names that descend while ids ascend."""
    filled = Table(load().kinds["MtaRoute"])
    for number in range(1, count + 1):
        filled.put(StoredObject(number * 10, {"name": f"r{count - number:03}"}))
    return filled


def found(count: int, most: int = 5000, **arguments: Any) -> dict[str, Any]:
    """Return the answer with ids as numbers, and without what never changes."""
    answer = query(table(count), NAMES, arguments, most)
    assert (answer.pop("queryState"), answer.pop("canCalculateChanges")) == ("n", True)
    return {**answer, "ids": [id_texts.parse(text) for text in answer["ids"]]}


def error(talk: Talk, kind: str = "MtaRoute", **arguments: Any) -> Any:
    return talk.call(f"x:{kind}/query", **arguments)


# ---- the slow path: as the RFC has it --------------------------------------------------------------------------


def test_newest_comes_first() -> None:
    assert found(3, calculateTotal=True) == {"position": 0, "ids": [30, 20, 10], "total": 3}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"position": 1, "limit": 2}, {"position": 1, "ids": [40, 30], "limit": 2}),
        ({"position": 3, "limit": 2}, {"position": 3, "ids": [20, 10], "limit": 2}),
        ({"position": 5}, {"position": 5, "ids": []}),
        ({"position": 9}, {"position": 0, "ids": []}),
        ({"position": -2}, {"position": 3, "ids": [20, 10]}),
        ({"position": -2, "limit": 1}, {"position": 3, "ids": [20], "limit": 1}),
        ({"position": -9, "limit": 1}, {"position": 0, "ids": [50], "limit": 1}),
        ({"limit": 0}, {"position": 0, "ids": [50, 40, 30, 20, 10], "limit": 0}),
        ({"limit": 5}, {"position": 0, "ids": [50, 40, 30, 20, 10]}),
        ({"anchor": "bs"}, {"position": 0, "ids": [50, 40, 30, 20, 10]}),
        ({"anchor": "6"}, None),
        ({"anchor": "u", "anchorOffset": 1, "limit": 2}, {"position": 4, "ids": [10], "limit": 2}),
        ({"anchor": "bi", "anchorOffset": 1, "limit": 2}, {"position": 2, "ids": [30, 20], "limit": 2}),
        ({"anchor": "bi", "anchorOffset": -1, "limit": 2}, {"position": 0, "ids": [50, 40], "limit": 2}),
        ({"anchor": "bi", "anchorOffset": -1, "limit": 0}, {"position": 0, "ids": [], "limit": 0}),
        ({"anchor": "k", "anchorOffset": 3}, {"position": 5, "ids": []}),
    ],
)
def test_pages(arguments: dict[str, Any], expected: dict[str, Any] | None) -> None:
    if expected is None:
        with pytest.raises(Exception, match="anchorNotFound"):
            found(5, calculateTotal=True, **arguments)
        return

    assert found(5, calculateTotal=True, **arguments) == {**expected, "total": 5}


@given(
    count=st.integers(0, 12),
    position=st.integers(0, 14),
    limit=st.integers(1, 14),
    ascending=st.booleans(),
)
def test_pages_by_position_are_slices(count: int, position: int, limit: int, ascending: bool) -> None:
    sort = [{"property": "id", "isAscending": ascending}]
    every = [10 * n for n in range(1, count + 1)]

    answer = found(count, calculateTotal=True, position=position, limit=limit, sort=sort)

    assert answer["ids"] == (every if ascending else every[::-1])[position : position + limit]
    assert answer["total"] == count


@given(count=st.integers(1, 12), at=st.integers(0, 11), offset=st.integers(0, 5), limit=st.integers(1, 14))
def test_pages_from_an_anchor_are_slices(count: int, at: int, offset: int, limit: int) -> None:
    every = [10 * n for n in range(count, 0, -1)]
    anchor = every[at % count]

    answer = found(count, calculateTotal=True, anchor=id_texts.text(anchor), anchorOffset=offset, limit=limit)

    start = every.index(anchor) + offset
    assert answer["ids"] == every[start : start + limit]


def test_names_sort_by_their_bytes() -> None:
    assert found(3, sort=[{"property": "name"}]) == {"position": 0, "ids": [30, 20, 10]}
    assert found(3, sort=[{"property": "name", "isAscending": False}])["ids"] == [10, 20, 30]
    assert found(3, sort=[{"property": "name"}, {"property": "description"}], limit=1)["ids"] == [30]


# ---- the fast path: pages that overlap -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ({}, [50, 40, 30, 20, 10]),
        ({"limit": 3}, [30, 20, 10]),
        ({"limit": 0}, [10]),
        ({"position": 1, "limit": 2}, [30, 20]),
        ({"position": 9}, []),
        ({"anchor": "u", "limit": 2}, [40, 30]),
        ({"anchor": "v", "limit": 2}, [40, 30]),
        ({"anchor": "u", "position": 3, "anchorOffset": 0}, [50, 40, 30]),
        ({"anchor": "not an id"}, []),
        ({"calculateTotal": False, "limit": 1}, [10]),
        ({"sort": [{"property": "id", "isAscending": True}], "limit": 2, "position": 1}, [20, 30]),
    ],
)
def test_fast_path_pages_upwards_and_turns_the_page_round(arguments: dict[str, Any], ids: list[int]) -> None:
    assert found(5, **arguments) == {"position": 0, "ids": ids}


def test_explicit_position_zero_takes_the_slow_path() -> None:
    assert found(5, position=0, limit=3) == {"position": 0, "ids": [50, 40, 30], "limit": 3}


def test_more_than_the_server_lists_is_cut_off_silently() -> None:
    assert found(5, most=3) == {"position": 0, "ids": [30, 20, 10]}
    assert found(5, most=3, limit=4) == {"position": 0, "ids": [30, 20, 10]}
    assert found(5, most=3, calculateTotal=True) == {"position": 0, "ids": [50, 40, 30], "total": 5, "limit": 3}


# ---- filters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (None, [30, 20, 10]),
        ({}, [30, 20, 10]),
        ({"name": "r001"}, [20]),
        ({"name": "R001"}, []),
        ({"name": "r00"}, []),
        ({"nameIsGreaterThan": "r001"}, [10]),
        ({"nameIsGreaterThanOrEqual": "r001"}, [20, 10]),
        ({"nameIsLessThan": "r001"}, [30]),
        ({"nameIsLessThanOrEqual": "r001"}, [30, 20]),
        ({"nameIsLessThanOrEqual": "r001", "nameIsGreaterThan": "r000"}, [20]),
        ({"operator": "AND", "conditions": [{"name": "r001"}, {"nameIsLessThan": "r002"}]}, [20]),
        ({"operator": "AND", "conditions": []}, [30, 20, 10]),
        ({"operator": "OR"}, [30, 20, 10]),
        ({"conditions": [None, {"conditions": [{"name": "r002"}]}]}, [10]),
    ],
)
def test_filters(condition: dict[str, Any] | None, ids: list[int]) -> None:
    assert found(3, filter=condition, calculateTotal=True)["ids"] == ids
    assert found(3, filter=condition)["ids"] == ids


@pytest.mark.parametrize(
    ("condition", "description"),
    [
        ({"colour": "red"}, "colour"),
        ({"nameIs": "x"}, "nameIs"),
        ({"nameIsLike": "x"}, "nameIsLike"),
        ({"name": 5}, "Filter on property name is not supported or invalid"),
        ({"name": None}, "Filter on property name is not supported or invalid"),
        ({"hostname": "x"}, "Filter on property hostname is not supported or invalid"),
        ({"@type": "Mx"}, "Filter on property @type is not supported or invalid"),
        ({"descriptionIsLessThan": "x"}, "Filter on property description is not supported or invalid"),
        ({"operator": "OR", "conditions": []}, "Only AND is supported in filters"),
        ({"operator": "NOT", "conditions": [{"name": "x"}]}, "Only AND is supported in filters"),
    ],
)
def test_filters_that_are_not_offered(condition: dict[str, Any], description: str) -> None:
    assert error(Talk(), filter=condition) == {"type": "unsupportedFilter", "description": description}


@pytest.mark.parametrize("name", ["description", "@type", "colour", ""])
def test_orders_that_are_not_offered(name: str) -> None:
    expected = {"type": "unsupportedSort", "description": f"Property {name} is not supported for sorting"}

    assert error(Talk(), sort=[{"property": name} if name else {}]) == expected


def test_kinds_without_names_neither_filter_nor_sort_by_one() -> None:
    assert error(Talk(), "MtaInboundThrottle", filter={"description": "x"})["type"] == "unsupportedFilter"
    assert error(Talk(), "MtaInboundThrottle", sort=[{"property": "description"}])["type"] == "unsupportedSort"


def test_filter_that_finds_nothing_hides_a_bad_order() -> None:
    answer = error(Talk(), filter={"name": "none"}, sort=[{"property": "description"}])

    assert answer["ids"] == []


@given(st.sets(st.text(min_size=1, max_size=4), min_size=1, max_size=8), st.text(max_size=4))
def test_comparisons_split_all_names_in_two(names: set[str], value: str) -> None:
    filled = Table(load().kinds["MtaRoute"])
    for number, name in enumerate(sorted(names)):
        filled.put(StoredObject(number, {"name": name}))

    def count(key: str) -> int:
        return len(query(filled, NAMES, {"filter": {key: value}}, 5000)["ids"])

    assert count("nameIsLessThan") == sum(name.encode() < value.encode() for name in names)
    assert count("nameIsLessThan") + count("nameIsGreaterThanOrEqual") == len(names)
    assert count("nameIsLessThanOrEqual") + count("nameIsGreaterThan") == len(names)


# ---- get -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "keys"),
    [
        (["name"], ["name", "id"]),
        (["@type", "name"], ["name", "@type", "id"]),
        (["id"], ["id"]),
        (["hostname"], ["id"]),
        (["name", "colour"], ["name", "id"]),
        (["colour"], ["name", "description", "@type", "id"]),
        ([], ["name", "description", "@type", "id"]),
        (None, ["name", "description", "@type", "id"]),
    ],
)
def test_properties(properties: list[str] | None, keys: list[str]) -> None:
    local = Talk().call("x:MtaRoute/get", properties=properties)["list"][1]

    assert list(local) == keys


def test_objects_come_in_the_order_asked_and_as_often() -> None:
    talk = Talk()
    (mx, local) = talk.call("x:MtaRoute/query", sort=[{"property": "id"}])["ids"]

    answer = talk.call("x:MtaRoute/get", ids=[local, "x y", mx, "zz", "abc", "", local], properties=["name"])

    assert [each["name"] for each in answer["list"]] == ["local", "mx", "local"]
    assert answer["notFound"] == ["x y", "zz", "bc", "a"]


def test_listing_is_cut_off_silently() -> None:
    talk = Talk(Sandbox(limits=Limits(max_objects_in_get=1)))

    assert [each["name"] for each in talk.call("x:MtaRoute/get")["list"]] == ["mx"]
    assert talk.call("x:MtaRoute/get", ids=["a", "b"])["type"] == "requestTooLarge"
    assert talk.call("x:MtaRoute/get", ids=["a"])["notFound"] == ["a"]


def test_table_keeps_order_and_index_through_changes() -> None:
    filled = table(3)

    filled.put(StoredObject(15, {"name": "between"}))
    filled.put(StoredObject(20, {"name": "renamed"}))
    filled.take(10)

    assert filled.order == [15, 20, 30]
    assert filled.by("name") == [("between", 15), ("r000", 30), ("renamed", 20)]
