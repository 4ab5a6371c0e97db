"""What could have been meant by a word that nothing has.

Law: pure; what compares words is loaded once a word is wrong, which most runs never see.
"""

from __future__ import annotations

from collections.abc import Iterable


def get_close_matches(word: str, known: Iterable[str], n: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return the words that are most like another, the likeliest first (as `difflib` does)."""
    from difflib import get_close_matches as closest

    return closest(word, list(known), n, cutoff)
