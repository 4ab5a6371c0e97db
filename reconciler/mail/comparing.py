"""One message in two states: what it takes today where that is something else.

Law: pure; a name alone is no difference, what it stands for is.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.kinds import Catalogue
from reconciler.mail.explain import Choice, Explanation
from reconciler.mail.facts import ROUTE, next_hop
from reconciler.mail.movement.program import key_of

#: For each attempt, what each expression gives today, where it gives something else.
Today = tuple[Mapping[str, str], ...]


def taken_today(catalogue: Catalogue, before: Explanation, after: Explanation) -> Today:
    """Return for each attempt what is taken before, by expression; nothing where both are the same.

    Both explanations are of one message at the same attempts. What is unknown on one side is told.
    """
    return tuple(
        {
            old.field: _words(old)
            for old, new in zip(one.choices, two.choices, strict=True)
            if "unknown" in (old.outcome, new.outcome) or key_of(catalogue, old) != key_of(catalogue, new)
        }
        for one, two in zip(before.attempts, after.attempts, strict=True)
    )


def _words(choice: Choice) -> str:
    if choice.outcome == "unknown":
        return f"unknown: {choice.because}"
    means = next_hop(choice.held.wire) if choice.held is not None and choice.field == ROUTE else choice.uses
    return f"{choice.name or 'nothing'} -> {means}" if means else choice.name
