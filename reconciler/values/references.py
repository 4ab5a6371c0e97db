"""`${env:NAME}`, `${file:PATH}` and `${var:NAME}`: texts that stand for what is read elsewhere.

Law: one grammar for all who meet such a text; nothing is read here.
"""

from __future__ import annotations

import re

_WHOLE = r"\$\{(env|file|var):([^{}]*)\}"
#: What a variable of the environment is called, and what a path may hold.
_NAMES = {"env": r"[A-Za-z_][A-Za-z0-9_]*", "file": r"[^{}\x00-\x1f]+"}


def reference_of(text: str) -> tuple[str, str]:
    """Return source (`env`, `file`, `var`) and name of a text that is wholly a reference, else two empty texts."""
    match = re.fullmatch(_WHOLE, text)
    return (match[1], match[2]) if match else ("", "")


def is_secret_reference(text: str) -> bool:
    """Whether a text is wholly a reference to a variable of the environment or a file that there can be."""
    source, name = reference_of(text)
    return source in _NAMES and re.fullmatch(_NAMES[source], name) is not None
