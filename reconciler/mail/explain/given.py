"""Whether what is said of a message can be true of any.

Law: a field that is misspelt or holds what the server never says is a mistake, and all mistakes are told.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.expression import FIELDS, LAST_ERRORS, SOURCES, GivenError, envelope
from reconciler.mail.explain.choose import Given, Routing
from reconciler.values import get_close_matches


def judge_given(routing: Routing, given: Given) -> Iterator[tuple[str, str, str]]:
    """Yield the field, message and hint of every mistake in what is said of a message."""
    words = {"source": SOURCES, "lastError": LAST_ERRORS, "stage": routing.stages}
    for field, value in given.items():
        if field not in FIELDS:
            close = get_close_matches(str(field)[:64], FIELDS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(FIELDS)}"
            yield field, f"unknown field {str(field)[:64]}", hint
            continue
        try:
            envelope({field: value})
        except GivenError as error:
            yield field, error.message, ""
            continue
        if field in words and value not in words[field]:
            close = get_close_matches(str(value)[:64], words[field], n=1)
            hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(words[field])}"
            yield field, f"given.{field} cannot be {str(value)[:64]!r}", hint
        elif field in ("retryNum", "notifyNum", "size", "queueAge") and value < 0:
            yield field, f"given.{field} cannot be below 0", ""
