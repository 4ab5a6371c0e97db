"""The lane for plain YAML: what it reads by itself, and what it leaves to the strict reader.

What it answers is held by laws beside the strict reader's answers (tests/properties/test_plain_laws.py).
"""

import pytest

from reconciler.yamlio import YamlDocument, load
from reconciler.yamlio.plain import read


def test_documents_have_the_lines_of_their_values() -> None:
    text = """\
# yaml-language-server: $schema=x
kind: A   # a comment
items:
- name: "x"

  tags: [a, 'b']
-
  # another
  name: y
---
---  # empty documents are left out
...
---
- 1
"""

    assert read(text) == [
        YamlDocument(
            {"kind": "A", "items": [{"name": "x", "tags": ["a", "b"]}, {"name": "y"}]},
            2,
            {"kind": 2, "items": 4},
            (4, 9),
        ),
        YamlDocument([1], 14),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: 1.5\nc: true\nd: ~\ne:\nf: -1\n", {"a": 1, "b": 1.5, "c": True, "d": None, "e": None, "f": -1}),
        ("a : b c  \n", {"a": "b c"}),
        ("1: a\ntrue: b\n", {"1": "a", "true": "b"}),
        ("'a: b': 'it''s'\n\"c\" : \"d\\n\\u00e9\\\"\" # e\n", {"a: b": "it's", "c": 'd\né"'}),
        ("a: b#c\nd: '# e'\nf: g # h\n", {"a": "b#c", "d": "# e", "f": "g"}),
        ("if: f(x) == 'y' && !z\n", {"if": "f(x) == 'y' && !z"}),
        ("a: 127.0.0.1:25\nb: 2001:db8::1\nc: ::1\n", None),
        ("a: 2001:db8::1\n", {"a": "2001:db8::1"}),
        (
            "a: {b: c:d, 'e': [1, -2, x y], f: {}, g: []} # h\n",
            {"a": {"b": "c:d", "e": [1, -2, "x y"], "f": {}, "g": []}},
        ),
        ("a:\n- b\n- c:\n  - d\n  e: f\ng: h\n", {"a": ["b", {"c": ["d"], "e": "f"}], "g": "h"}),
        ("a:\n    b:\n      c: d\ne:\n -   f: g\n     h: i\n", {"a": {"b": {"c": "d"}}, "e": [{"f": "g", "h": "i"}]}),
        ("- - a\n  - b\n-\n  - c\n-\n", [["a", "b"], ["c"], None]),
        ("a: |\n  b\n   c # d\n\n  e\n\nf: |-\n g\n", {"a": "b\n c # d\n\ne\n", "f": "g"}),
        ("a: >\n  b\n  c\n\n\n  d\n# e\nf:\n  - >-\n    g\n    h\n", {"a": "b c\n\nd\n", "f": ["g h"]}),
        ("  a: ü\n", {"a": "ü"}),
        ("a: b", {"a": "b"}),
    ],
)
def test_plain_text_is_read(text: str, value: object) -> None:
    documents = read(text)

    assert [document.value for document in documents or []] == ([] if value is None else [value])


@pytest.mark.parametrize(
    "text",
    [
        *[
            "a",
            "'a'",
            "[a]",
            "{a: b}",
            "--- a\n",
            "... a: b\n",
            "...\na: b\n",
            "a: b\n...\nc: d\n",
            "%YAML 1.2\n---\na: b\n",
        ],
        *["a: &b c\n", "a: *b\n", "a: !b c\n", "? a\n: b\n", "<<: {a: b}\n", "\ufeffa: b\n"],
        *["a: no\n", "a: 0755\n", "a: 12:30\n", "a: .nan\n", "no: a\n", "a: {no: b}\n", "a: [on]\n"],
        *[
            "a: b: c\n",
            "a: b:\n",
            "a: -b\n",
            "a: @b\n",
            "a: - b\n",
            "a: 'b' c\n",
            'a: "b\n',
            "a: [b] c\n",
            "a: [b]#c\n",
        ],
        *[
            "a: [b,]\n",
            "a: [b: c]\n",
            "a: {b}\n",
            "a: {b: }\n",
            "a: {b:c}\n",
            "a: {b: c, b: d}\n",
            "a: [b\n",
            "a: [b?]\n",
        ],
        *["a: 1\na: 2\n", "a: 1\nb:\n  c: 1\n  c: 2\n", "- a: 1\n  a: 2\n"],
        *[
            "a: b\n  c\n",
            "a:\n  b\n",
            "a: b\n  c: d\n",
            "a:\n  b: c\n d: e\n",
            "- a\nb: c\n",
            "a: b\n- c\n",
            "- a\n - b\n",
        ],
        *[
            "a:\tb\n",
            "a: b\r\n",
            "a: b\xa0\n",
            "a: \u2028\n",
            "a: b\x00\n",
            "# \x85\n",
            'a: "\\x41"\n',
            'a: "\\ud800"\n',
        ],
        *["a: |+\n  b\n", "a: |2\n  b\n", "a: | # b\n  c\n", "a: |\nb: c\n", "a: |\n\n  b\n", "a: |\n  b\n \n  c\n"],
        *["a: |\n  b", "a: >\n  b\n   c\n", "a: |\n  b\tc\n"],
        *["if: f(a # b)\n", "if: a == # b\n", "a: {if: f(b, c)}\n"],
        *[f"{'k' * 1001}: a\n", f"a: {'b' * 10_000}\n", f"a: {'[' * 12}{']' * 12}\n", "- " * 51 + "a\n"],
    ],
)
def test_text_with_a_doubt_is_left_to_the_strict_reader(text: str) -> None:
    assert read(text) is None


def test_text_that_is_not_plain_is_read_all_the_same() -> None:
    assert load("a: &x b\nc: *x\n") == ([YamlDocument({"a": "b", "c": "b"}, 1, {"a": 1, "c": 2})], [])


def test_text_beyond_a_chunk_is_read_whole() -> None:
    count = 60_000

    documents = read("".join(f"name: relay-{n}\n---\n" for n in range(count)))

    assert documents == [YamlDocument({"name": f"relay-{n}"}, 2 * n + 1, {"name": 2 * n + 1}) for n in range(count)]
