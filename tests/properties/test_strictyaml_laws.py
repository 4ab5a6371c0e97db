"""Laws of the strict reader, held for whatever hypothesis finds."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.yamlio import load, load_json, positions, positions_json
from reconciler.yamlio.hints import quoted

#: Characters that YAML calls printable, so that a text can stand in a manifest without escapes.
PRINTABLE = st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufeff")
TEXTS = st.text(PRINTABLE, max_size=12) | st.sampled_from(
    ["no", "0755", "1:30", "~", "", "<<", " a", "b #c", "!x", "'", '"']
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=25,
)
#: What makes up YAML, without numbers and words that YAML 1.1 reads otherwise.
SNIPPETS = st.sampled_from(
    [*"abc12 -:,'\"#[]{}&*!|>?%@`\n", ": ", "- ", "\n  ", "\n- ", "\na: ", "\n---\n", "&a ", "*a", "<<: "]
)
#: Texts in which most of what YAML knows happens by chance.
YAMLISH = st.lists(SNIPPETS, max_size=40).map("".join)


def strewn(text: str, snippets: list[tuple[int, str]]) -> str:
    """Return a text with snippets put in at places, counted modulo its length."""
    for place, snippet in snippets:
        place %= len(text)
        text = text[:place] + snippet + text[place:]
    return text


#: Texts most of which are YAML: what a writer wrote, with a snippet or two put in.
NEARLY_YAML = st.builds(
    strewn,
    st.builds(
        lambda value, flow: yaml.safe_dump(value, default_flow_style=flow),
        st.recursive(
            st.integers(1, 2) | st.text("abc 12:#'\n", max_size=8),
            lambda inner: (
                st.lists(inner, max_size=4) | st.dictionaries(st.text("abc#:", max_size=4), inner, max_size=4)
            ),
            max_leaves=12,
        ),
        st.sampled_from([None, True, False]),
    ),
    st.lists(st.tuples(st.integers(0, 500), SNIPPETS), max_size=2),
)


#: Expressions of more than a literal, as the server's language has them.
ATOMS = st.sampled_from(
    [
        *["a", "rcpt", "-1", "2.5", "''", "'x'", "'x, y'", "'a #b'", "'a: b'", "'[('", '"q"', "[1, 'z']", "f(a)"],
        *["g(b, 'c,)')", "!is_tls", "!f(a)", "(a + 1)", "matches('^([a-z]+)@(.+)$', rcpt)", "$1", "&a", "@b", "%d"],
    ]
)
OPERATORS = st.sampled_from(["==", "!=", "&&", "||", "+", "-", "*", "<", ">="])
EXPRESSIONS = st.builds("{} {} {}".format, ATOMS, OPERATORS, ATOMS) | st.builds(
    "{} ? {} : {}".format, ATOMS, ATOMS, ATOMS
)
#: Lines that hold an expression, and where it is found in their value.
PLACES: list[tuple[str, Callable[[Any], object]]] = [
    ("if: {}", lambda value: value["if"]),
    ("- if: {}", lambda value: value[0]["if"]),
    ("- {{if: {}, use: x}}", lambda value: value[0]["if"]),
    ("a: {{else: {}}}", lambda value: value["a"]["else"]),
    ("a: [b, {{use: x, if: {}}}]", lambda value: value["a"][1]["if"]),
]


class Quoting(yaml.SafeDumper):
    """Writes every text in double quotes."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def exact(value: object) -> str:
    """Return a text that is equal only for values that are equal in type too."""
    return json.dumps(value, sort_keys=True)


def pointers(value: object, above: str = "") -> Iterator[tuple[str, object]]:
    """Yield every JSON pointer into a value, and what it leads to."""
    yield above, value
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from pointers(child, f"{above}/{str(key).replace('~', '~0').replace('/', '~1')}")


@given(VALUES, st.booleans())
def test_what_yaml_writes_with_quotes_is_read_back(value: object, flow: bool) -> None:
    text = yaml.dump(value, Dumper=Quoting, allow_unicode=True, default_flow_style=flow)

    documents, problems = load(text)

    assert problems == []
    assert [exact(each.value) for each in documents] == [exact(value)]


@given(VALUES, st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_the_standard_library_does_and_as_yaml(value: object, indent: int | str | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)

    documents, problems = load_json(text)

    assert problems == []
    assert [exact(each.value) for each in documents] == [exact(value)]
    if indent != "\t":
        assert load(text) == (documents, [])


@given(VALUES, st.sampled_from([None, 2]))
def test_positions_lead_to_every_value_and_key(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    decoder = json.JSONDecoder()

    (in_json,) = positions_json(text)
    (in_yaml,) = positions(text)

    for pointer, expected in pointers(value):
        line, column = in_json.value(pointer)
        assert exact(decoder.raw_decode(text, starts[line - 1] + column - 1)[0]) == exact(expected)
        assert in_yaml.value(pointer) == (line, column)
        line, column = in_json.key(pointer)
        assert in_yaml.key(pointer) == (line, column)
        name = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        assert decoder.raw_decode(text, starts[line - 1] + column - 1)[0] in (name, expected)


@given(st.lists(st.dictionaries(TEXTS | st.just("items"), VALUES, min_size=1, max_size=4), min_size=1, max_size=3))
def test_lines_of_documents_are_those_of_positions(values: list[dict[str, object]]) -> None:
    text = yaml.dump_all(values, Dumper=Quoting, allow_unicode=True, explicit_start=True)

    documents, _ = load(text)

    for document, placed, value in zip(documents, positions(text), values, strict=True):
        assert document.line == placed.value("")[0]
        for key, line in document.lines.items():
            assert line == placed.value("/" + key.replace("~", "~0").replace("/", "~1"))[0]
        items = value.get("items")
        if isinstance(items, list) and "&" not in text:
            assert document.item_lines == tuple(placed.value(f"/items/{n}")[0] for n in range(len(items)))


def as_ours(value: Any) -> Any:
    """Return a value of PyYAML with texts as keys."""
    if isinstance(value, dict):
        return {str(key): as_ours(each) for key, each in value.items()}
    return [as_ours(each) for each in value] if isinstance(value, list) else value


@settings(max_examples=400)
@given(NEARLY_YAML | YAMLISH)
def test_what_is_accepted_is_what_pyyaml_reads(text: str) -> None:
    documents, problems = load(text)
    assume(documents and not problems)
    try:
        expected = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except (yaml.constructor.ConstructorError, yaml.composer.ComposerError):
        # PyYAML refuses what YAML allows: an anchor's name given again, `<<` as a value, a merge of an empty list
        assume(False)

    assert [each.value for each in documents] == [as_ours(each) for each in expected if each is not None]


@settings(max_examples=400)
@given(
    YAMLISH
    | st.text(max_size=60)
    | st.binary(max_size=60).map(lambda content: content.decode("utf-8", "surrogateescape"))
)
def test_nothing_raises_and_every_problem_has_a_place(text: str) -> None:
    outcomes = [load(text), load_json(text)]
    placed = [*positions(text), *positions_json(text)]

    breaks = len(re.findall("\r\n|[\n\r\x85\u2028\u2029]", text))
    for documents, problems in outcomes:
        assert all(1 <= each.line <= breaks + 1 and each.column >= 1 for each in problems)
        assert problems == sorted(problems, key=lambda each: (each.line, each.column))
        assert any(each.flawed for each in documents) <= bool(problems)
    assert len(placed) > len(outcomes[0][0])
    assert all(each.value("/a/0/b")[0] >= 1 and each.key("/a/0/b")[0] >= 1 for each in placed)


@settings(max_examples=400)
@given(st.text(st.sampled_from('{}[]",:0123eE.-+ntrue\\ud8\n '), max_size=30) | st.text(max_size=20))
def test_json_is_refused_where_the_standard_library_refuses_it(text: str) -> None:
    assume(not text.startswith("\ufeff"))
    try:
        json.loads(text, parse_constant=int)
    except ValueError:
        known = False
    else:
        known = True

    documents, problems = load_json(text)

    assert known or (not documents and problems)
    assert not known or documents or {each.code for each in problems} & {"number-out-of-range", "not-utf8"}


@settings(max_examples=400)
@given(st.sampled_from(PLACES), EXPRESSIONS, st.sampled_from(["", "  # note", " #"]))
def test_expression_is_read_whole_or_refused_with_its_quoted_form(
    place: tuple[str, Callable[[Any], object]], expression: str, comment: str
) -> None:
    template, found = place
    text = template.format(expression) + comment + "\n"

    documents, problems = load(text)

    if problems:
        (document,), rest = load(problems[0].hint.removeprefix("write "))
        assert (found(document.value), rest) == (expression, [])
    else:
        assert found(documents[0].value) == expression


@settings(max_examples=400)
@given(
    st.sampled_from(
        ["secret: {}", "- {{secret: {}, b: c}}", "a: {{b: c, secret: {}}}", "secret:\n  {}", "secret: [{}]"]
    ),
    st.text(st.sampled_from("ab0 '\"#&*!|>?%@`()=-\\"), max_size=8),
    st.text(st.sampled_from("ab0 '\"#&*!|>?%@`()=-\\"), max_size=8),
    st.sampled_from(["\n", "\nsecret: x\n", "\n c: d\n", "\n'"]),
)
def test_problem_never_shows_a_secret(template: str, before: str, after: str, rest: str) -> None:
    text = template.format(f"{before}CANARY{after}") + rest

    assert "CANARY" not in repr(load(text)[1])


@given(TEXTS.filter(lambda text: "\n" not in text))
def test_quoted_text_is_that_text(text: str) -> None:
    assert load(quoted(text))[0][0].value == text
