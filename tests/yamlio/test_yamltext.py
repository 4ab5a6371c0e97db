"""YAML text is what people would write, and the strict reader reads the same value back."""

import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.yamlio import load
from reconciler.yamlio.writer import comment, emit, scalar


def test_a_document_reads_as_people_write_it() -> None:
    text = emit(
        {
            "kind": "MtaOutboundStrategy",
            "spec": {
                "route": {
                    "match": [
                        {"if": "is_local_domain(rcpt_domain)", "use": "local"},
                        {"if": "rcpt_domain == 'partner.example'", "use": "relay-eu"},
                    ],
                    "use": "mx",
                },
                "retry": {"type": "Custom", "intervals": ["15m", "1h"]},
                "empty": [],
                "nothing": None,
            },
        }
    )

    assert text == (
        "kind: MtaOutboundStrategy\n"
        "spec:\n"
        "  route:\n"
        "    match:\n"
        "      - {if: is_local_domain(rcpt_domain), use: local}\n"
        "      - {if: rcpt_domain == 'partner.example', use: relay-eu}\n"
        "    use: mx\n"
        "  retry: {type: Custom, intervals: [15m, 1h]}\n"
        "  empty: []\n"
        "  nothing: null\n"
    )


def test_items_stand_line_by_line_and_what_they_hold_in_brackets() -> None:
    text = emit({"kind": "MtaMilter", "items": [{"hostname": "h", "stages": ["rcpt", "data"]}, {"hostname": "::1"}]})

    assert text == ('kind: MtaMilter\nitems:\n  - hostname: h\n    stages: [rcpt, data]\n\n  - hostname: "::1"\n')


def test_what_is_too_long_for_a_line_stands_line_by_line() -> None:
    text = emit({"spec": {"a": {"use": "x" * 50, "if": "y" * 50}, "b": [["z" * 60, "z" * 60]]}})

    assert text == (
        f"spec:\n  a:\n    use: {'x' * 50}\n    if: {'y' * 50}\n  b:\n    - - {'z' * 60}\n      - {'z' * 60}\n"
    )


def test_comments_stand_above_what_they_are_about() -> None:
    text = emit(
        {"items": [{"a": 1, "b": {"c": 2}}, {"d": 3}]},
        {("items", 0, "b", "c"): "one\ntwo", ("items", 1): "second", ("items", 0, "a"): "first"},
    )

    assert text == (
        "items:\n  - # first\n    a: 1\n    b:\n      # one\n      # two\n      c: 2\n\n  # second\n  - d: 3\n"
    )
    assert load(text)[0][0].value == {"items": [{"a": 1, "b": {"c": 2}}, {"d": 3}]}


def test_a_comment_cannot_end_itself() -> None:
    assert comment("a\x85b\u2028c: d\x0c", "  ") == "  # a\n  # b\n  # c: d"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("relay-eu", "relay-eu"),
        ("smtp.example.net", "smtp.example.net"),
        ("192.0.2.1", "192.0.2.1"),
        ("1h30m", "1h30m"),
        ("Delivers mail, at last", "Delivers mail, at last"),
        ("rcpt_domain == 'a.test'", "rcpt_domain == 'a.test'"),
        ("!is_empty(rcpt)", '"!is_empty(rcpt)"'),
        ("'mx'", "\"'mx'\""),
        ("it's", "it's"),
        ('say "no"', 'say "no"'),
        ('"a"', "'\"a\"'"),
        ("\\d+", "\\d+"),
        ("yes", '"yes"'),
        ("true", '"true"'),
        ("", '""'),
        ("~", '"~"'),
        ("0755", '"0755"'),
        ("1:30", '"1:30"'),
        ("2026-01-01", '"2026-01-01"'),
        ("5", '"5"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("a#b", "a#b"),
        ("::1", '"::1"'),
        ("a\nb\t", '"a\\nb\\t"'),
        ("b\u00fccher", "b\u00fccher"),
        ("a\u2028b", '"a\\u2028b"'),
        (5, "5"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (1.5, "1.5"),
        (float("-inf"), "-.inf"),
    ],
)
def test_a_scalar_is_quoted_where_it_needs_quotes(value: Any, text: str) -> None:
    assert scalar(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("First line.\nSecond line.\n", "a: |\n  First line.\n  Second line.\n"),
        ("one\n\n  two: 'x' #3", "a: |-\n  one\n\n    two: 'x' #3\n"),
        ("one\u3000\ntwo", "a: |-\n  one\u3000\n  two\n"),
        ("blanks \nat an end", 'a: "blanks \\nat an end"\n'),
        (" indented\nat first", 'a: " indented\\nat first"\n'),
        ("two ends\n\n", 'a: "two ends\\n\\n"\n'),
        ("a\ttab\nand a line", 'a: "a\\ttab\\nand a line"\n'),
        ("\n", 'a: "\\n"\n'),
    ],
)
def test_several_lines_stand_line_by_line_where_nothing_hides_in_them(value: str, text: str) -> None:
    assert emit({"a": value}) == text
    assert load(text)[0][0].value == {"a": value}


def test_format_characters_are_escaped_since_they_hide_what_stands_there() -> None:
    hidden = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]

    assert [each for each in hidden if not scalar(f"a{each}b").isascii()] == []
    assert scalar("abc\u202edef\u200b") == '"abc\\u202edef\\u200b"'
    assert scalar("\U000e0041") == '"\\U000e0041"'
    assert comment("abc\u202edef") == "# abc def"


def test_between_brackets_more_needs_quotes() -> None:
    assert [scalar(each, brackets=True) for each in ("2001:db8::1", "a,b", "${env:A}", "f(a)")] == [
        '"2001:db8::1"',
        '"a,b"',
        '"${env:A}"',
        "f(a)",
    ]


@pytest.mark.parametrize("value", [float("nan"), "\ud800", 10**4000])
def test_what_yaml_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"number|surrogate"):
        emit({"a": value})


CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS, max_size=12) | st.text("'\"!&*[]{}#:,|>%@`?-=~.()\\ \n\tab01_\x85\u2028\ufeff", max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)


def typed(value: Any) -> Any:
    """Return a value that equals only what has the same types."""
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    return type(value), repr(value)


@given(DOCUMENTS)
def test_what_is_emitted_is_read_back_with_its_types(value: dict[str, Any]) -> None:
    documents, problems = load(emit(value))

    assert problems == []
    assert [typed(each.value) for each in documents] == [typed(value)]


@given(DOCUMENTS, st.text(max_size=20))
def test_a_comment_changes_no_value(value: dict[str, Any], text: str) -> None:
    first = next(iter(value))

    documents, problems = load(emit(value, {(first,): text}))

    assert problems == []
    assert [typed(each.value) for each in documents] == [typed(value)]


@given(st.text(CHARACTERS, min_size=700, max_size=1200))
def test_a_long_key_is_read_back(key: str) -> None:
    documents, problems = load(emit({key: {"a": [key]}}))

    assert problems == []
    assert [each.value for each in documents] == [{key: {"a": [key]}}]
