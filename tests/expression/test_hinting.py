"""What a refused expression is said to have meant."""

import pytest

from reconciler.expression import Context, ExpressionError, hint_for, parse

PLACE = Context(frozenset(("rcpt", "rcpt_domain", "retry_num", "sender_domain")), frozenset(("relaxed", "strict")))
KNOWN = "variables here are rcpt, rcpt_domain, retry_num, sender_domain"


def hint(text: str) -> str:
    with pytest.raises(ExpressionError) as refused:
        parse(text, PLACE)
    return hint_for(refused.value, text, PLACE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rctp_domain == 'a'", "did you mean rcpt_domain?"),
        ("rcptDomain == 'a'", "did you mean rcpt_domain?"),
        ("RETRY_NUM > 0", "did you mean retry_num?"),
        ("retrynum > 0", "did you mean retry_num?"),
        ("is_local_domian(rcpt_domain)", "did you mean is_local_domain?"),
        ("isLocalDomain(rcpt_domain)", "did you mean is_local_domain?"),
        ("endswith(rcpt_domain, 'a')", "did you mean ends_with?"),
        ("lower(rcpt_domain)", "did you mean to_lowercase?"),
        ("regex('a', rcpt_domain)", "did you mean matches?"),
        ("rcpt_domain.endsWith('a')", "write ends_with(rcpt_domain, …)"),
        ("rcpt_domain.length > 3", "write len(rcpt_domain)"),
        ("strct == 1", "did you mean strict?"),
    ],
)
def test_misspelt_word_is_answered_with_the_one_that_was_meant(text: str, told: str) -> None:
    assert hint(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("retry_num > 0 and retry_num < 5", "write && for and"),
        ("retry_num > 0 OR retry_num < 5", "write || for or"),
        ("not is_local_domain(rcpt_domain)", "write ! before what is not to be, such as !is_empty(rcpt_domain)"),
        ("sender_domain in ['a', 'b']", "write contains(['a', 'b'], sender_domain)"),
        ("to_lowercase(sender_domain) in ['a']", "write contains(['a', 'b'], sender_domain)"),
        ("rcpt_domain like '%a'", "write matches('pattern', rcpt_domain)"),
        ("rcpt_domain ~ 'a'", "write matches('pattern', rcpt_domain)"),
        ("rcpt_domain == null", "write is_empty(rcpt_domain)"),
        ("retry_num > 0 ? 'a' : 'b'", "write if_then(condition, a, b)"),
        ("retry_num == TRUE", "write true"),
        ("retry_num > 1h30m", "a duration has one unit: write 90m"),
        ("rcpt_domain == “a”", "write straight quotes, ' around a text"),
        ("rcpt_domain == `a`", "write ' around a text"),
        (
            "is_local_domain('', rcpt_domain)",
            "older versions named a directory first; write is_local_domain(rcpt_domain)",
        ),
    ],
)
def test_words_and_signs_of_other_languages_are_answered_with_those_of_this_one(text: str, told: str) -> None:
    assert hint(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rcpt_domain == smtp.example.net", "a text needs quotes: write 'smtp.example.net'"),
        ("rcpt_domain == xyzzy", f"a text needs quotes: write 'xyzzy'; {KNOWN}"),
        ("size > 3", KNOWN),
        ("rcpt_domain == 'a", "add ' where it ends"),
        ("is_empty(rcpt_domain", "add ) where it ends"),
        ("system('hostnam')", "did you mean hostname?"),
    ],
)
def test_other_mistakes_are_answered_with_what_can_stand_there(text: str, told: str) -> None:
    assert hint(text) == told


def test_a_long_word_is_compared_with_none() -> None:
    assert hint("rcpt_domain" * 100_000) == KNOWN


def test_what_has_no_likely_meaning_gets_no_hint() -> None:
    assert hint("rcpt_domain)") == ""
