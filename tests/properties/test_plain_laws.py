"""Laws of the lane for plain YAML: it answers as the strict reader does, or not at all; and it does answer."""

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.yamlio import emit
from reconciler.yamlio.events import PARSER, PURE, Parser
from reconciler.yamlio.plain import read as read_plain
from reconciler.yamlio.reader import read
from tests.yamltexts import MANIFESTS, MARKS, odd, strange, styled

#: Texts of printable characters and of those that are written with a backslash.
TEXTS = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" \n\t\r\x00\x1b\x7f\x85\u2028\ufeff"), max_size=20
)
WORDS = st.sampled_from(["no", "0755", "1:30", "~", "", "<<", " a", "b #c", "!x", "'", '"', "f('x')", "a: b", "x\ny\n"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS | WORDS, inner, max_size=5),
    max_leaves=40,
)


def agrees(text: str, parser: Parser = PARSER) -> bool:
    """Return whether the lane answers, and hold that it answers as the strict reader does."""
    documents = read_plain(text)
    if documents is not None:
        # A representation tells 1 from true and 1.0, and shows the order of keys.
        assert (repr(documents), []) == (repr(read(text, parser)[0]), read(text, parser)[1]), repr(text)
    return documents is not None


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_the_lane_answers_is_what_the_strict_reader_answers(random: Random) -> None:
    agrees(strange(random))


@settings(max_examples=400)
@given(st.text(st.sampled_from(MARKS), max_size=25))
def test_marks_without_order_are_read_as_the_strict_reader_reads_them(text: str) -> None:
    agrees(text)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_manifest_is_plain(path: Path) -> None:
    assert agrees(path.read_text(encoding="utf-8"))


@given(st.dictionaries(TEXTS | WORDS, VALUES, min_size=1, max_size=5))
def test_whatever_is_written_is_plain(value: dict[str, object]) -> None:
    text = emit(value)

    assert agrees(text) or re.search(r"\\U", text)


@pytest.mark.parametrize("parser", [PARSER, PURE])
def test_most_texts_in_common_styles_are_plain(parser: Parser) -> None:
    random = Random(17)

    answers = [agrees(styled(random), parser) for _ in range(300)]

    assert answers.count(True) > 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_thousand_strange_texts_are_read_alike(seed: int) -> None:
    random = Random(seed)

    answers = [agrees(strange(random)) for _ in range(20_000)]

    assert answers.count(True) > 2000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 14))
def test_the_parser_without_libyaml_reads_them_alike(seed: int) -> None:
    random = Random(seed)

    answers = [agrees(random.choice([strange, odd])(random), PURE) for _ in range(10_000)]

    assert answers.count(True) > 1000
