"""Answers of every shape: what is no answer to the request is refused, and a refusal is always told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.server.decode import Shapes, decode
from reconciler.server.jmap.protocol import Call, Request, SetError, read_response, read_set_error
from reconciler.values import strongest
from tests.states import CATALOGUE

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = ("type", "description", "properties", "validationErrors", "objectId", "linkedObjects")
REQUEST = Request((Call("x:MtaRoute/get", {"ids": []}),))


@given(st.dictionaries(st.sampled_from(MEMBERS), ANYTHING) | ANYTHING)
def test_refusal_of_any_shape_is_a_sentence(error: Any) -> None:
    assert isinstance(read_set_error(error), SetError)


@given(ANYTHING | st.fixed_dictionaries({"methodResponses": st.lists(st.lists(ANYTHING, min_size=3, max_size=3))}))
def test_answer_of_any_shape_is_read_or_refused(document: Any) -> None:
    try:
        answered = len(read_response(REQUEST, document).results)
    except ValueError:
        answered = 0

    assert answered in (0, 1)


def test_answer_to_another_method_is_refused() -> None:
    with pytest.raises(ValueError, match="not to what was asked"):
        read_response(REQUEST, {"methodResponses": [["x:Other/get", {"list": []}, "0"]]})


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("query", {"ids": ["a"], "total": True}),
        ("query", {"ids": [1], "total": 1}),
        ("query", {"ids": {"a": 1}, "total": 1}),
        ("get", {}),
        ("get", {"list": None}),
        ("get", {"list": [5]}),
        ("get", {"list": [], "notFound": True}),
        ("set", {"created": ["new0"]}),
        ("set", {"updated": "a"}),
        ("set", {"destroyed": [None]}),
        ("set", {"notCreated": []}),
    ],
)
def test_result_of_another_shape_than_its_method_has_is_refused(method: str, result: dict[str, Any]) -> None:
    request = Request((Call(f"x:MtaRoute/{method}", {}),))

    with pytest.raises(ValueError, match=r"Expected|missing"):
        read_response(request, {"methodResponses": [[f"x:MtaRoute/{method}", result, "0"]]})


@pytest.mark.parametrize(
    "content", [b"[" * 65 + b"]" * 65, b'{"a":' * 400 + b"1" + b"}" * 400, b"[[[", b"1" + b"0" * 30]
)
def test_document_that_nobody_means_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"deep|too large|JSON|truncated"):
        decode(content)


@pytest.mark.parametrize(
    "content", [b"[" * 64 + b"]" * 64, b'["' + b"[" * 90 + b'"]', b"18446744073709551615", b"1e300"]
)
def test_document_that_only_looks_odd_is_decoded(content: bytes) -> None:
    assert decode(content) == json.loads(content)


@pytest.mark.parametrize(
    ("wire", "odd"),
    [
        ({"stages": ["data"]}, "stages"),
        ({"timeoutData": {"a": 1}}, "timeoutData"),
        ({"@type": 5}, "@type"),
        ({"hostname": 5}, "hostname"),
        ({"hostname": None}, "hostname"),
        ({"id": 5}, "id"),
    ],
)
def test_object_of_another_shape_than_its_kind_is_refused(wire: dict[str, Any], odd: str) -> None:
    with pytest.raises(ValueError, match=odd):
        Shapes(CATALOGUE).check(CATALOGUE.kinds["MtaMilter"], [{"id": "a", "hostname": "h", **wire}])


@pytest.mark.parametrize(
    "wire", [{}, {"port": None}, {"port": "25"}, {"unheard": [1]}, {"@type": "Newer", "authSecret": {"@type": "Newer"}}]
)
def test_object_of_a_newer_server_passes(wire: dict[str, Any]) -> None:
    Shapes(CATALOGUE).check(CATALOGUE.kinds["MtaRoute"], [{"id": "a", "name": "r", **wire}])


def test_everything_that_a_new_server_ships_passes() -> None:
    for kind in CATALOGUE.kinds.values():
        Shapes(CATALOGUE).check(kind, [{"id": "a", **wire} for wire in kind.ships])


def test_every_code_has_its_place() -> None:
    assert strongest([78, 65, 3, 2, 0]) == 78
    assert strongest([69, 78]) == 69
