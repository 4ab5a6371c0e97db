"""Answers of every shape: what is no answer to the request is refused, and a refusal is always told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.server.jmap.protocol import Call, Request, SetError, read_response, read_set_error
from reconciler.values import strongest

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


def test_every_code_has_its_place() -> None:
    assert strongest([78, 65, 3, 2, 0]) == 78
    assert strongest([69, 78]) == 69
