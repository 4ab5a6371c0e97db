"""The strict reader of YAML and JSON: values, problems with their places, and positions.

Long because its facts are tables: of scalars, of expressions that YAML does not take, of syntax errors.
"""

import json
import math
from typing import Any

import pytest

from reconciler.values import MAX_FILE
from reconciler.yamlio import (
    Problem,
    YamlDocument,
    decode,
    load,
    load_json,
    positions,
    positions_json,
)
from reconciler.yamlio.events import PURE
from reconciler.yamlio.problem import MAX_ALIASED_NODES, MAX_DEPTH, check_size
from reconciler.yamlio.reader import read


def value_of(text: str) -> Any:
    """Return the value of a text's only document, which has no problem."""
    documents, problems = load(text)
    assert problems == []
    (document,) = documents
    return document.value


def told(text: str) -> list[tuple[int, int, str]]:
    """Return where the problems of a text stand and their codes."""
    return [(each.line, each.column, each.code) for each in load(text)[1]]


def only_problem(text: str) -> Problem:
    (problem,) = load(text)[1]
    return problem


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        *[(text, None) for text in ("", "~", "null", "Null", "NULL")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[("0", 0), ("-0", 0), ("+12", 12), ("-7", -7), ("0o17", 15), ("0x1F", 31), ("18446744073709551616", 2**64)],
        *[("1.0", 1.0), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-1.5E-3", -0.0015), ("0.5", 0.5)],
        *[(".inf", math.inf), ("+.INF", math.inf), ("-.Inf", -math.inf)],
    ],
)
def test_plain_scalar_follows_the_core_schema(scalar: str, expected: object) -> None:
    value = value_of(f"v: {scalar}\n")["v"]

    assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize(
    "scalar",
    [
        *["relay-eu", "1h30m", "10m", "2d", "500ms", "50MB", "192.0.2.1", "127.0.0.1:11332", "::1", "2001:db8::1"],
        *[
            "1.2.3",
            "587:99",
            "1e",
            "e3",
            "0x",
            "0o8",
            "0b2",
            "x1_000",
            "_1",
            "+",
            ".",
            "..",
            "-x",
            "+x",
            "=",
            "<<",
        ],
        *["tRUE", "nUll", "nope", "only", "yesterday", "2026-11", "2026-11-21x", "it's fine", "a == 'b'", "f(a, b)"],
        *["rcpt_domain == 'a' && f(x)", "a != b", "smtp://x:25/#top", "${env:NAME}", "a\n b", "null x", "1 2"],
    ],
)
def test_other_plain_scalar_is_its_text(scalar: str) -> None:
    assert value_of(f"v: {scalar}\n") == {"v": scalar.replace("\n", "")}


@pytest.mark.parametrize(
    "scalar", ["yes", "0755", "1:30", "1_000", "2026-11-21", ".nan", "null", "1", "", "!x", "a #b"]
)
def test_quoted_scalar_is_its_text(scalar: str) -> None:
    assert value_of(f"v: '{scalar}'\nw: \"{scalar}\"\n") == {"v": scalar, "w": scalar}


def test_block_scalar_is_its_text() -> None:
    assert value_of("v: |\n  no\n  1:30 # x\nw: >-\n  f(a,\n  b)\n") == {"v": "no\n1:30 # x\n", "w": "f(a, b)"}


def test_key_is_text_whatever_it_looks_like() -> None:
    text = "0: a\n'1': b\n1.5: c\ntrue: d\nnull: e\n~: f\n0x1F: g\n'': h\n'yes': i\n'<<': j\n.nan: k\n"

    assert value_of(text) == dict(
        zip(["0", "1", "1.5", "true", "null", "~", "0x1F", "", "yes", "<<", ".nan"], "abcdefghijk", strict=True)
    )


def test_documents_without_content_are_left_out() -> None:
    documents, problems = load("# a\n---\n# b\n---\nx: 1\n...\n---\n---\nnull\n---\n''\n")

    assert [each.value for each in documents] == [{"x": 1}, None, ""]
    assert problems == []
    assert load("") == load("# only\n") == ([], [])


def test_byte_order_mark_and_line_ends_of_windows_are_tolerated() -> None:
    assert load("\ufeffa: 1\r\nb:\r\n  - x\r\n") == ([YamlDocument({"a": 1, "b": ["x"]}, 1, {"a": 1, "b": 3})], [])


# --- where things stand ---------------------------------------------------------------------------------------------


def test_document_knows_the_lines_of_its_parts() -> None:
    text = "# head\nkind: A\nitems:\n  - a: 1\n\n  - [b]\n  - c\n---\n\nkind: B\nspec:\n  items: [1, 2]\n"

    assert load(text) == (
        [
            YamlDocument({"kind": "A", "items": [{"a": 1}, ["b"], "c"]}, 2, {"kind": 2, "items": 4}, (4, 6, 7)),
            YamlDocument({"kind": "B", "spec": {"items": [1, 2]}}, 10, {"kind": 10, "spec": 12}),
        ],
        [],
    )


def test_elements_that_came_through_an_alias_or_a_merge_stand_where_it_does() -> None:
    documents, _ = load("x-a: &a\n  - 1\n  - 2\nitems: *a\n---\nx-b: &b {items: [1, 2, 3]}\n<<: *b\n")

    assert [each.item_lines for each in documents] == [(4, 4), (7, 7, 7)]
    assert documents[1].lines == {"x-b": 6, "items": 7}


# --- ambiguous scalars ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scalar", "hint"),
    [
        *[(text, f'write "{text}" for the text, or true') for text in ("yes", "Yes", "YES", "yEs", "on", "ON")],
        *[(text, f'write "{text}" for the text, or false') for text in ("no", "No", "NO", "off", "Off", "oFF")],
        *[("0755", 'write "0755" for the text, or 0o755'), ("00", 'write "00" for the text, or 0o0')],
        *[(text, f'write "{text}" for the text') for text in ("089", "-012", "007.5", "01e5")],
        *[
            (text, f'write "{text}" for the text')
            for text in ("1:30", "12:30:45", "-1:0", "190:20:30.15", "1:2:3:4:5:6:7:8")
        ],
        *[("1_000", 'write "1_000" for the text, or 1000'), ("-1_0", 'write "-1_0" for the text, or -10')],
        *[(text, f'write "{text}" for the text') for text in ("1_0.5", "0x1_F", "-0x1F", "0b101", ".5_0")],
        *[(text, f'write "{text}" for the text') for text in ("2026-11-21", "2026-1-2", "2026-11-21 10:00:00")],
        *[(text, f'write "{text}" for the text') for text in ("2026-11-21T10:00:00Z", "2026-11-21t10:00:00.5 +1")],
    ],
)
def test_scalar_that_yaml_versions_read_differently_is_an_error(scalar: str, hint: str) -> None:
    problem = only_problem(f"a: 1\nport: {scalar}\n")

    assert (problem.line, problem.column, problem.code, problem.hint) == (2, 7, "ambiguous-scalar", hint)
    assert problem.message.startswith(f"unquoted `{scalar}` is a")


def test_ambiguous_scalar_stands_as_its_text_in_a_flawed_document() -> None:
    documents, problems = load("useTls: no\n---\na: 1\n")

    assert documents == [
        YamlDocument({"useTls": "no"}, 1, {"useTls": 1}, flawed=True),
        YamlDocument({"a": 1}, 3, {"a": 3}),
    ]
    assert problems == [
        Problem(
            line=1,
            column=9,
            code="ambiguous-scalar",
            message="unquoted `no` is a boolean to some YAML readers and text to others",
            hint='write "no" for the text, or false',
        )
    ]


def test_same_ambiguous_scalar_is_told_each_time() -> None:
    assert told("a: no\nb: [no, 'no', no]\n") == [
        (1, 4, "ambiguous-scalar"),
        (2, 5, "ambiguous-scalar"),
        (2, 15, "ambiguous-scalar"),
    ]


def test_ambiguous_key_is_an_error_also_after_its_quoted_twin() -> None:
    assert told("a: {'on': 1}\nb: {on: 1}\nc: {0755: 1}\n") == [(2, 5, "ambiguous-scalar"), (3, 5, "ambiguous-scalar")]


@pytest.mark.parametrize(
    ("scalar", "code"),
    [
        (".nan", "not-a-number"),
        (".NaN", "not-a-number"),
        ("1e999", "number-out-of-range"),
        ("9" * 5000, "number-out-of-range"),
    ],
)
def test_number_that_is_none_is_an_error(scalar: str, code: str) -> None:
    assert told(f"a: {scalar}\n") == [(1, 4, code)]


# --- keys -----------------------------------------------------------------------------------------------------------


def test_duplicate_key_names_the_line_of_the_first() -> None:
    documents, problems = load("x: 1\n---\n# c\na: 1\nb: {c: 1, d: 2,\n  'c': 3}\na: 2\n\"a\": 3\n---\na: 1\n")

    assert problems == [
        Problem(6, 3, "duplicate-key", "the key `c` stands twice in one mapping, first in line 5", "keep one of them"),
        Problem(7, 1, "duplicate-key", "the key `a` stands twice in one mapping, first in line 4", "keep one of them"),
        Problem(8, 1, "duplicate-key", "the key `a` stands twice in one mapping, first in line 4", "keep one of them"),
    ]
    assert [each.flawed for each in documents] == [False, True, False]


def test_duplicate_key_in_a_document_that_breaks_off_names_the_first_too() -> None:
    problems = load("a: 1\na: 2\nb: [\n")[1]

    assert problems[0].message == "the key `a` stands twice in one mapping, first in line 1"
    assert [each.code for each in problems] == ["duplicate-key", "yaml-syntax"]


def test_key_that_is_no_text_is_an_error() -> None:
    documents, problems = load("? [a, {b: c}]\n: {d: e}\nf: 1\n{g}: 2\n&x h: 3\n*x : 4\n")

    assert [(each.line, each.column, each.code) for each in problems] == [
        (1, 3, "yaml-key"),
        (4, 1, "yaml-key"),
        (6, 1, "duplicate-key"),
    ]
    assert documents[0].value == {"f": 1, "h": 4}


def test_alias_is_a_key_if_it_stands_for_a_text() -> None:
    assert value_of("a: &a b\n*a : 0x10\n") == {"a": "b", "b": 16}
    assert told("a: &a [b]\n*a : 1\n") == [(2, 1, "yaml-key")]


def test_missing_key_is_an_error() -> None:
    documents, problems = load("a: 1\n?\n: c\n")

    assert documents[0].value == {"a": 1}
    assert problems == [Problem(2, 2, "yaml-key", "there is no key before this `:`")]


# --- tags, anchors, aliases, merges ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a: !!str 5\n", "a: !x {b: c}\n", "a: !!set [b]\n", "a: !<tag:yaml.org,2002:int> 5\n"]
)
def test_tag_is_refused(text: str) -> None:
    assert load(text)[1] == [Problem(1, 4, "yaml-tag", "tags are not allowed", "take the tag out; quote what is text")]


def test_tag_of_a_key_is_refused() -> None:
    assert told("!!str a: 1\n") == [(1, 1, "yaml-tag")]


def test_aliases_share_what_their_anchor_stands_for() -> None:
    value = value_of("a: &a {b: [1]}\nc: *a\nd: [*a, &e yes!, *e]\n&k f: *k\n")

    assert value == {"a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}, "yes!", "yes!"], "f": "f"}
    assert value["c"] is value["a"]


def test_merge_gives_way_to_keys_of_its_own_and_to_earlier_merges() -> None:
    anchors = "a: &a {p: 1, q: 1}\nb: &b {q: 2, r: 2}\n"
    text = "c: {<<: *a, q: 0}\nd: {q: 0, <<: [*b, *a, {s: 3}]}\ne: {<<: {v: {<<: *a}}}\n"

    value = value_of(anchors + text)

    assert value["c"] == {"p": 1, "q": 0}
    assert value["d"] == {"p": 1, "q": 0, "r": 2, "s": 3}
    assert value["e"] == {"v": {"p": 1, "q": 1}}


@pytest.mark.parametrize("merged", ["5", "[1]", "text", "[{a: 1}, x]"])
def test_merge_of_no_mapping_is_an_error(merged: str) -> None:
    assert load(f"b: 1\n<<: {merged}\n")[1] == [
        Problem(2, 1, "yaml-merge", "`<<` takes a mapping or a list of mappings", "such as <<: *anchor")
    ]


def test_two_merges_in_one_mapping_are_a_duplicate_key() -> None:
    problem = only_problem("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n")

    assert problem == Problem(
        line=4,
        column=3,
        code="duplicate-key",
        message="the key `<<` stands twice in one mapping, first in line 3",
        hint="<<: [*a, *b] merges several",
    )


def test_alias_of_another_document_is_an_error() -> None:
    problem = only_problem("a: &a 1\n---\n<<: *a\n")

    assert problem == Problem(
        line=3,
        column=5,
        code="yaml-alias",
        message="there is no anchor `&a` above for this alias",
        hint="an anchor stands in the same document, before its aliases",
    )


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: [{c: *a}]}\n", "a: &a {<<: *a}\n", "&a [*a]\n"])
def test_alias_within_its_own_anchor_is_an_error(text: str) -> None:
    assert only_problem(text).message == "this alias stands inside its own anchor, and would never end"


def test_a_million_nodes_through_aliases_are_allowed_and_one_more_is_not() -> None:
    text = f"a: &a [{'x, ' * 999}]\nb: [{'*a, ' * (MAX_ALIASED_NODES // 1000)}]\n"

    documents, problems = load(text)
    assert (len(documents), problems) == (1, [])

    documents, problems = load(f"z: 1\n---\n{text}c: &c x\nd: *c\n---\ne: 1\n")
    assert [each.value for each in documents] == [{"z": 1}]
    assert [(each.line, each.column, each.code) for each in problems] == [(6, 4, "too-many-nodes")]


def test_aliases_of_aliases_count_as_if_they_were_written_out() -> None:
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 40))

    assert told(f"a0: &a0 [x]\n{laughs}") == [(7, 25, "too-many-nodes")]


def test_merges_of_merges_count_too() -> None:
    doubled = "".join(f"m{n}: &m{n} {{a: {{<<: *m{n - 1}}}, b: {{<<: *m{n - 1}}}}}\n" for n in range(1, 60))

    assert [code for *_, code in told(f"m0: &m0 {{a: 1, b: 2}}\n{doubled}")] == ["too-many-nodes"]


# --- depth ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_a_hundred_levels_are_allowed_and_one_more_is_not(opening: str, closing: str) -> None:
    assert told(opening * MAX_DEPTH + closing * MAX_DEPTH) == []
    assert told(opening * 101 + closing * 101) == [(1, 100 * len(opening) + 1, "too-deep")]


def test_depth_counts_through_aliases() -> None:
    def chain(length: int) -> str:
        return "".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else 1}]\n" for n in range(length))

    assert told(chain(99)) == []
    assert told(chain(100)) == [(100, 12, "too-deep")]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "? [", "[{"])
def test_nesting_without_end_is_a_problem_and_never_a_crash(opening: str) -> None:
    text = opening * 100_000

    assert load(text)[0] == []
    assert load(text)[1] != []
    assert [each.value("/0/0")[0] for each in positions(text)] in ([], [1])


# --- syntax, and expressions that YAML does not take ----------------------------------------------------------------


def test_problems_before_a_syntax_error_are_told_with_it() -> None:
    documents, problems = load("a: 1\n---\nb: no\nb: 2\n---\nc: 0755\nd: 'x' y\n---\ne: 1\n")

    assert [each.value for each in documents] == [{"a": 1}, {"b": 2}]
    assert [(each.line, each.column, each.code) for each in problems] == [
        (3, 4, "ambiguous-scalar"),
        (4, 1, "duplicate-key"),
        (6, 4, "ambiguous-scalar"),
        (7, 8, "yaml-syntax"),
    ]


@pytest.mark.parametrize(
    ("line", "column", "code", "hint"),
    [
        ("if: !is_local_domain(rcpt_domain)", 5, "yaml-tag", 'write if: "!is_local_domain(rcpt_domain)"'),
        ("if: !is_tls && !f(\"x\", 'y')  # c", 14, "yaml-tag", "write if: '!is_tls && !f(\"x\", ''y'')'  # c"),
        ("- if: ! is_tls", 7, "yaml-tag", 'write - if: "! is_tls"'),
        ("- {if: !f(a), use: x}", 8, "yaml-tag", 'write - {if: "!f(a)", use: x}'),
        ('if: !f("x")', 8, "yaml-tag", "write if: '!f(\"x\")'"),
        ("if: 'a' == rcpt", 9, "yaml-syntax", "write if: \"'a' == rcpt\""),
        ("if: 'a' == rcpt # note", 9, "yaml-syntax", "write if: \"'a' == rcpt\" # note"),
        ('if: "a" + b', 9, "yaml-syntax", "write if: '\"a\" + b'"),
        ("- {if: 'a' == rcpt, use: x}", 12, "yaml-syntax", "write - {if: \"'a' == rcpt\", use: x}"),
        ("if: [1] == x", 9, "yaml-syntax", 'write if: "[1] == x"'),
        ("- {if: [1] == x, use: z}", 12, "yaml-syntax", 'write - {if: "[1] == x", use: z}'),
        ("if: {a} == x", 9, "yaml-syntax", 'write if: "{a} == x"'),
        ("if: &a && b", 9, "yaml-syntax", 'write if: "&a && b"'),
        ("if: && b", 6, "yaml-syntax", 'write if: "&& b"'),
        ("if: &a == b", 5, "yaml-syntax", 'write if: "&a == b"'),
        ("if: &a != [b]", 5, "yaml-syntax", 'write if: "&a != [b]"'),
        ("- {if: a == '[(', use: x}", 14, "yaml-syntax", "write - {if: \"a == '[('\", use: x}"),
        ("- {if: a == 'x #y', use: x}", 8, "cut-by-comment", "write - {if: \"a == 'x #y'\", use: x}"),
        ("if: @x", 5, "yaml-reserved", 'write if: "@x"'),
        ("if: `x` == y", 5, "yaml-reserved", 'write if: "`x` == y"'),
        ("if: %x", 5, "yaml-reserved", 'write if: "%x"'),
        ("if: *a", 5, "yaml-alias", 'write if: "*a"'),
        ("if: *a == b", 5, "yaml-alias", 'write if: "*a == b"'),
        ("if: > 3", 7, "yaml-syntax", 'write if: "> 3"'),
        ("if: | 3", 7, "yaml-syntax", 'write if: "| 3"'),
        ("if: - 1", 5, "yaml-syntax", 'write if: "- 1"'),
        ("if: a ? b : c", 11, "yaml-syntax", 'write if: "a ? b : c"'),
        ("- {if: a ? 'b' : 'c', use: x}", 16, "yaml-syntax", "write - {if: \"a ? 'b' : 'c'\", use: x}"),
        ('enable: "local_port == "25""', 25, "yaml-syntax", "write enable: 'local_port == \"25\"'"),
        ("- {if: 'a == 'b' && c == 'd'', use: x}", 15, "yaml-syntax", "write - {if: \"a == 'b' && c == 'd'\", use: x}"),
        ("a: 'don't'", 9, "yaml-syntax", 'write a: "don\'t"'),
        ("a: {enable: rcpt == 'x' #y}", 4, "cut-by-comment", "write a: {enable: \"rcpt == 'x' #y\"}"),
        ("a: [rcpt #y]", 4, "cut-by-comment", 'write a: ["rcpt #y"]'),
        ("if: a == 'x #y'", 5, "cut-by-comment", "write if: \"a == 'x #y'\""),
        ("if: f(a #b) # note", 5, "cut-by-comment", 'write if: "f(a #b)" # note'),
        ("if: a == # todo", 5, "cut-by-comment", 'write if: "a == # todo"'),
        ("- {if: f(a, b), use: x}", 8, "cut-by-comma", 'write - {if: "f(a, b)", use: x}'),
        ("- {if: rcpt == 'a, b', use: x}", 8, "cut-by-comma", "write - {if: \"rcpt == 'a, b'\", use: x}"),
        ("- [f(a, g(b, c)), d]", 4, "cut-by-comma", 'write - ["f(a, g(b, c))", d]'),
    ],
)
def test_expression_that_yaml_does_not_take_is_shown_quoted(line: str, column: int, code: str, hint: str) -> None:
    documents, problems = load(f"a: 1\n---\n{line}\n")

    assert [(each.line, each.column, each.code, each.hint) for each in problems][:1] == [(3, column, code, hint)]
    assert [each.flawed for each in documents] in ([False], [False, True])
    assert load(hint.removeprefix("write "))[1] == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "if: !f(a)",
            "an expression that begins with `!` must be quoted: YAML takes it for a tag, which is not allowed",
        ),
        (
            "if: '' == a",
            "text goes on after the closing quote: an expression that begins with `'` must be quoted whole",
        ),
        ('if: "a == "b""', 'text goes on after the closing quote: within `"` no `"` can stand'),
        ("if: [a] + b", "text goes on after `]`: an expression that begins with `[` must be quoted whole"),
        ("if: &a && b", "an expression that begins with `&` must be quoted: YAML takes it for an anchor"),
        ("if: @a", "a value that begins with `@` must be quoted: YAML reserves this character"),
        ("if: a: b", "a value that contains `: ` must be quoted: YAML takes it for a key and its value"),
        ("if: f(a #b)", "` #` begins a comment, which cuts this expression off"),
        ("{if: f(a, b)}", "a comma ends a value between `{}` or `[]`, which cuts this expression off"),
    ],
)
def test_message_says_why_an_expression_must_be_quoted(line: str, message: str) -> None:
    assert load(line)[1][0].message == message


@pytest.mark.parametrize(
    "text",
    [
        *[
            "a: it's fine # it isn't\n",
            "a: f(b) # (c\n",
            "a: 'b' # c\n",
            "a: foo (bar # baz\n",
            "a: x # y)\n",
            "a: C++ # x\n",
        ],
        *[
            "{a: it's, b: isn't}\n",
            "[it's, isn't]\n",
            "{a: f(b), c: g(d)}\n",
            "[smile :), frown :(]\n",
            "a: users' mail # x'\n",
        ],
        *["a: 'x, y'\n", "a: |\n  f(a # b\nb: f(x,\n  y) # c\n", "{a: 'f(b, c)', d: \"g(e #h)\"}\n"],
    ],
)
def test_text_that_nothing_cut_off_is_fine(text: str) -> None:
    assert load(text)[1] == []


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "a:\n\tb: 1\n",
            (2, 1),
            "not valid YAML: found character that cannot start any token",
            "indent with spaces: YAML allows no tabs there",
        ),
        ("a: [b,\n  {c: d\n", (2, 3), "the bracket that opens here is never closed", "close it"),
        ("a: 1\nb: [\n", (2, 4), "the text ends here, and a bracket is not closed", "close it"),
        ('a: 1\nb: "c\nd: 1\n', (2, 4), "the quote that opens here is never closed", "close it in the same line"),
        (
            "if: 'a == b\nuse: x\nelse: 'y'\n",
            (1, 5),
            "the quote that opens here closes only in line 3, and text goes on after it",
            "close it in the same line",
        ),
        (
            "a: {b: c\nd: e\n",
            (2, 2),
            "not valid YAML: did not find expected ',' or '}'",
            "the bracket of line 1, column 4 is not closed, or a value inside it must be quoted",
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            (3, 2),
            "not valid YAML: did not find expected key",
            "check the indentation: the keys of one mapping begin in one column",
        ),
        (
            "%YAML 2.0\n---\na: 1\n",
            (1, 1),
            "not valid YAML: found incompatible YAML document",
            "write %YAML 1.2, or leave the line out",
        ),
        (
            "%SKIN 1\n---\na: 1\n",
            (1, 6),
            "not valid YAML: found unknown directive name",
            "a line that begins with `%` is a directive: leave it out, or quote what is a value",
        ),
        (
            'a: "b "c\n',
            (1, 8),
            'text goes on after the closing quote: within `"` no `"` can stand',
            "put the whole value of `a` in quotes",
        ),
        (
            "a: 1\nb\nc: 2\n",
            (3, 1),
            "not valid YAML: could not find expected ':'",
            "every line is `key: value` or `- element`; quote a text that goes over several lines",
        ),
        (
            'a: "\\d"\n',
            (1, 5),
            "not valid YAML: found unknown escape character",
            "in double quotes a backslash begins an escape: double it, or use single quotes",
        ),
        (
            "a: b\n  c: d\n",
            (2, 4),
            "not valid YAML: mapping values are not allowed in this context",
            "check the indentation, or quote a value that contains `: `",
        ),
    ],
)
def test_other_syntax_error_says_what_to_do(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    assert only_problem(text) == Problem(*place, "yaml-syntax", message, hint)


def test_long_line_gets_no_corrected_copy() -> None:
    assert only_problem(f"if: 'a' == {'x' * 200}\n").hint == "put the whole value of `if` in quotes"
    assert only_problem(f"if: 'a' == {'x' * 5000}\n").code == "yaml-syntax"
    assert only_problem(f"if: !f({'x' * 5000})\n").code == "yaml-tag"


@pytest.mark.parametrize(
    "text",
    [
        *["secret: !CANARY\n", "secret: @CANARY\n", "secret: 'CANARY' x\n", "secret: *CANARY\n", "secret: CANARY: x\n"],
        *["secret:\n  - [CANARY #x]\n", "secret: {b: CANARY #x}\n", 'secret: "a == "CANARY""\n'],
        *["secret: f(CANARY #x)\n", "{secret: f(CANARY, x)}\n", "secret:\n  @CANARY\n", "secret:\n  - @CANARY\n"],
        *[
            "secret: [a, {b: !CANARY}]\n",
            "{if: !x, secret: CANARY}\n",
            "password: &CANARY! x\n",
            "apiKey: 'CANARY' 'x'\n",
        ],
        *["clientSecret: !!str CANARY\n", "token: CANARY\ntoken: CANARY\n", "secret: 'CANARY' == x\n"],
    ],
)
def test_value_that_may_be_a_secret_is_never_shown(text: str) -> None:
    problems = load(text)[1]

    assert problems
    assert "CANARY" not in repr(problems)


@pytest.mark.parametrize("secret", ["0755", "1:30", "2026-11-21", "1_000"])
def test_ambiguous_secret_is_not_shown(secret: str) -> None:
    problem = only_problem(f"authSecret: {{type: Value, secret: {secret}}}\n")

    assert secret not in problem.message + problem.hint
    assert problem.hint == "put it in quotes"


# --- characters and sizes -------------------------------------------------------------------------------------------


def test_control_character_is_an_error() -> None:
    assert load("a: 1\nb: x\x00y\n")[1] == [
        Problem(
            2,
            5,
            "control-character",
            "the character U+0000 is not allowed",
            'in double quotes it can be written as "\\x00"',
        )
    ]
    assert told("é: \x07\n") == [(1, 4, "control-character")]


def test_half_of_a_surrogate_pair_is_an_error() -> None:
    assert load("a: 1\nb: \udc80\n") == (
        [],
        [Problem(2, 4, "not-utf8", "the text is not UTF-8 here", "save the file as UTF-8")],
    )


def test_reading_stops_after_a_thousand_problems() -> None:
    problems = load("- no\n" * 5000)[1]

    assert len(problems) == 1001
    assert problems[-1] == Problem(1000, 3, "too-many-problems", "reading stopped after 1000 problems")


def test_file_over_the_limit_is_an_error() -> None:
    assert check_size(MAX_FILE) is None
    assert check_size(MAX_FILE + 1) == Problem(
        line=1,
        column=1,
        code="file-too-large",
        message="the file has 268435457 bytes, over the limit of 268435456 (256 MB)",
        hint="split it into several files",
    )


def test_decode_tells_where_bytes_are_not_utf8() -> None:
    assert decode(b"\xef\xbb\xbfa: \xc3\xa9\n") == "a: é\n"
    assert decode("a: é\nbé: ".encode() + b"\xff\n") == Problem(
        line=2,
        column=5,
        code="not-utf8",
        message="byte 0xff is not part of UTF-8 text",
        hint="save the file as UTF-8",
    )
    assert decode(b"\xef\xbb\xbfa\xff") == Problem(
        1, 2, "not-utf8", "byte 0xff is not part of UTF-8 text", "save the file as UTF-8"
    )
    assert decode("a: 1".encode("utf-16")) == Problem(
        1, 1, "not-utf8", "byte 0xff is not part of UTF-8 text", "the file is in UTF-16: save it as UTF-8"
    )


# --- the parser in pure Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa: &a {b: [1, 'x', \"y\", no]}\nc: *a\n---\n# e\n---\nitems:\n  - a\n  - {<<: [{d: 1}], e: 2}\n",
        "a: 1\na: 2\n---\nif: !f(x)\n---\nif: f(a #b)\n---\n- {if: f(a, b)}\n",
        "if: 'a' == b\n",
        "a: 1\nb: x\x00\n",
        "a: \ud800\n",
        "[" * 1000,
    ],
)
def test_without_libyaml_the_outcome_is_the_same(text: str) -> None:
    assert read(text, PURE) == load(text)


# --- JSON -----------------------------------------------------------------------------------------------------------


def test_json_is_one_document_with_lines() -> None:
    text = '\n{"kind": "A",\n "items": [\n  {"a": "}"},\n\n  [{"b": 1}], 3\n ],\n "x": [\n],\n "y\\"": 1.5}\n'

    value = {"kind": "A", "items": [{"a": "}"}, [{"b": 1}], 3], "x": [], 'y"': 1.5}
    lines = {"kind": 2, "items": 3, "x": 8, 'y"': 10}
    assert load_json(text) == ([YamlDocument(value, 2, lines, (4, 6, 6))], [])
    assert load_json("\ufeff[1]") == ([YamlDocument([1], 1)], [])


def test_json_text_may_write_pairs_of_surrogates() -> None:
    assert load_json('{"a": "\\ud83d\\ude00"}') == ([YamlDocument({"a": "\U0001f600"}, 1, {"a": 1})], [])


def test_json_with_duplicate_keys_is_told_completely() -> None:
    documents, problems = load_json('{"a": 1, "b": {"c": 1,\n "c": 2},\n "a": 3,\n "a": 4}')

    assert problems == [
        Problem(2, 2, "duplicate-key", "the key `c` stands twice in one mapping, first in line 1", "keep one of them"),
        Problem(3, 2, "duplicate-key", "the key `a` stands twice in one mapping, first in line 1", "keep one of them"),
        Problem(4, 2, "duplicate-key", "the key `a` stands twice in one mapping, first in line 1", "keep one of them"),
    ]
    assert documents == [YamlDocument({"a": 4, "b": {"c": 2}}, 1, flawed=True)]


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("", (1, 1), "a value is expected here, and the text ends", ""),
        ('{"a":\n', (2, 1), "a value is expected here, and the text ends", ""),
        ('{"a": 1,\n}', (2, 1), "a key in double quotes is expected here", "take out the comma before it"),
        ("[1, ]", (1, 5), "a value is expected here", "take out the comma before it"),
        ('{"a" 1}', (1, 6), "`:` is expected here", ""),
        ("[1 2]", (1, 4), "`,` or `]` is expected here", ""),
        (
            '{"a": 1 "b": 2}',
            (1, 9),
            "`,` or `}` is expected here",
            "write a line break as \\n, and a backslash as \\\\",
        ),
        ("[1}", (1, 3), "`,` or `]` is expected here", "take out the comma before it"),
        ("{'a': 1}", (1, 2), "a key in double quotes, or `}` is expected here", "JSON has double quotes only"),
        ("[01]", (1, 2), "a value or `]` is expected here", ""),
        ("[NaN]", (1, 2), "a value or `]` is expected here", ""),
        ("[truex]", (1, 2), "a value or `]` is expected here", ""),
        ("{} {}", (1, 4), "the end of the text is expected here", ""),
        ("// c\n{}", (1, 1), "a value is expected here", "JSON has no comments; in a .yaml file they begin with #"),
    ],
)
def test_json_syntax_error_says_where(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    assert load_json(text) == ([], [Problem(*place, "json-syntax", message, hint)])


@pytest.mark.parametrize("string", ['"a\nb"', '"\\x"', '"open', '"\\u12"', '"a\tb"'])
def test_json_string_that_is_none_says_why(string: str) -> None:
    message = "this text is not closed, or holds a control character or an escape that JSON does not know"

    assert [each.message for each in load_json(f"[{string}]")[1]] == [message]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[1e999]", "number-out-of-range"),
        (f"[{'1' * 2000}]", "number-out-of-range"),
        ('["\\ud800"]', "not-utf8"),
        ('["\ud800"]', "not-utf8"),
        ("[" * 101 + "]" * 101, "too-deep"),
        ('{"a":' * 100_000, "too-deep"),
    ],
)
def test_json_that_no_manifest_can_hold_is_refused(text: str, code: str) -> None:
    documents, problems = load_json(text)

    assert (documents, [each.code for each in problems]) == ([], [code])


def test_json_stops_after_a_thousand_problems() -> None:
    problems = load_json("{" + '"a": 1,' * 5000 + '"a": 1}')[1]

    assert (len(problems), problems[-1].code) == (1001, "too-many-problems")


# --- positions ------------------------------------------------------------------------------------------------------

PLACED = """\
# comment
kind: A
---
# nothing
---
  é: 1
  b: &b {p: 1,
    q: [x, {"r/s~t": 2}]}
  c:
    <<: *b
    o: *b
  d: {<<: [*b, {z: 1}], p: 0}
"""


@pytest.mark.parametrize(
    ("pointer", "value", "key"),
    [
        ("", (6, 3), (6, 3)),
        ("/é", (6, 6), (6, 3)),
        ("/b", (7, 6), (7, 3)),
        ("/b/p", (7, 13), (7, 10)),
        ("/b/q/0", (8, 9), (8, 9)),
        ("/b/q/1/r~1s~0t", (8, 22), (8, 13)),
        ("/c", (10, 5), (9, 3)),
        ("/c/p", (7, 13), (7, 10)),
        ("/c/o", (7, 6), (11, 5)),
        ("/c/o/q/0", (8, 9), (8, 9)),
        ("/d/z", (12, 20), (12, 17)),
        ("/d/p", (12, 28), (12, 25)),
        ("/d/none/x", (12, 6), (12, 3)),
        ("/b/q/7", (8, 8), (8, 5)),
        ("/é/x", (6, 6), (6, 3)),
    ],
)
def test_position_is_where_the_content_stands(pointer: str, value: tuple[int, int], key: tuple[int, int]) -> None:
    placed = positions(PLACED)[1]

    assert (placed.value(pointer), placed.key(pointer)) == (value, key)


def test_positions_are_those_of_the_documents() -> None:
    assert [each.value("") for each in positions(PLACED)] == [(2, 1), (6, 3)]
    assert [each.line for each in load(PLACED)[0]] == [2, 6]
    assert positions("") == positions("# only\n---\n") == ()


def test_document_that_breaks_off_has_positions_up_to_there() -> None:
    last = positions("a: 1\n---\nb:\n  - c\n  - [d\n")[1]

    assert [last.value(pointer) for pointer in ("/b", "/b/0", "/b/1/0", "/b/2")] == [(4, 3), (4, 5), (5, 6), (4, 3)]


def test_key_that_stands_twice_has_the_position_of_the_last() -> None:
    assert positions("a: 1\na: 2\n")[0].value("/a") == (2, 4)


def test_key_that_is_no_text_has_no_position_of_its_own() -> None:
    placed = positions("? [a]\n: {b: 1}\nc: 2\n&d e: 3\n*d : 4\nf: *d\n")[0]

    assert [placed.value(pointer) for pointer in ("/a", "/b", "/c", "/e", "/f")] == [
        (1, 1),
        (1, 1),
        (3, 4),
        (4, 7),
        (4, 1),
    ]


def test_position_in_json_is_that_of_the_text() -> None:
    text = '\ufeff{"a/b": [\n  1, {"c":\n "x"}]}'

    placed = positions_json(text)[0]

    assert [placed.value(pointer) for pointer in ("", "/a~1b", "/a~1b/1/c", "/z")] == [(1, 1), (1, 9), (3, 2), (1, 1)]
    assert placed.key("/a~1b/1/c") == (2, 7)
    assert positions_json('{"a": 1, "b"')[0].value("/a") == (1, 7)
    assert positions_json("")[0].value("/a") == (1, 1)


def test_values_that_json_and_yaml_share_are_equal() -> None:
    value = {"a": [1, -2.5, "x", None, True, {}], "0": {"b": []}, "": "no"}

    text = json.dumps(value, indent=1)

    assert load_json(text) == load(text) == ([YamlDocument(value, 1, {"a": 2, "0": 10, "": 13})], [])
