"""Secrets in what a server says, in every form that software writes them in."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.server.redaction import HIDDEN, LEFT_OUT, Redactor

SECRET = 'pä"ss\\CANARY/0123456789+abcdef'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode()[:-4],
        SECRET[:8],
        SECRET[:20] + "...",
    ],
)
def test_no_form_of_a_secret_is_left(form: str) -> None:
    told = Redactor([SECRET]).sentence(f"bad value {form!s}, refused")

    assert form.rstrip(".")[:12] not in told
    assert told.startswith(f"bad value {HIDDEN}")
    assert told.endswith(", refused")


@given(st.text("abcXYZ012+/=%\\\"'é\n", min_size=8, max_size=40), st.binary(max_size=12), st.binary(max_size=12))
def test_secret_within_base64_is_not_left_wherever_it_stands(secret: str, before: bytes, after: bytes) -> None:
    code = base64.b64encode(before + secret.encode() + after).decode()

    told = Redactor([secret]).sentence(f"AUTH PLAIN {code}")

    # Six bytes are eight signs; what is left may hold the edges, where a sign is shared with a neighbour.
    left = max(told.removeprefix("AUTH PLAIN ").split(HIDDEN), key=len)
    assert HIDDEN in told
    assert len(left) <= len(base64.b64encode(before)) + len(base64.b64encode(after)) + 4


@given(st.text(min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_secret_is_in_no_sentence(secret: str, before: str, after: str) -> None:
    told = Redactor([secret]).sentence(before + secret + after)

    assert secret not in told.replace(HIDDEN, "\0")


def test_sentence_that_holds_a_short_secret_is_left_out() -> None:
    redactor = Redactor(["pw"])

    assert redactor.sentence("bad pw for admin") == LEFT_OUT
    assert redactor.sentence("bad password") == "bad password"


def test_name_that_only_resembles_a_secret_stays() -> None:
    assert Redactor(["secret"]).sentence("at authSecret") == "at authSecret"


def test_every_text_of_a_refusal_is_looked_at_and_its_shape_stays() -> None:
    refusal = {"a": {"type": "x", "properties": ["hunter2hunter2"], "count": 3, "more": None}}

    assert Redactor(["hunter2hunter2"]).sentences(refusal) == {
        "a": {"type": "x", "properties": [HIDDEN], "count": 3, "more": None}
    }


def test_redactor_prints_as_nothing() -> None:
    assert repr(Redactor(["hunter2"])) == HIDDEN
