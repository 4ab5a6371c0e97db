"""When two wire values are the same, and so what of an object has to be sent.

Law: types count, the order of an object's members does not, and white space between the tokens of an expression
neither; what is not understood is different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unicodedata import normalize

if TYPE_CHECKING:
    from reconciler.kinds.catalogue import Record
    from reconciler.values import Wire


def exact(want: Any, have: Any) -> bool:
    """Whether two values are equal, types included: 1, 1.0 and true all differ; texts in Unicode form C."""
    if type(want) is not type(have):
        return False
    if isinstance(want, dict):
        return want.keys() == have.keys() and all(exact(value, have[key]) for key, value in want.items())
    if isinstance(want, list):
        return len(want) == len(have) and all(map(exact, want, have))
    if isinstance(want, str) and want != have and not want.isascii():
        return normalize("NFC", want) == normalize("NFC", have)
    return bool(want == have)


def sendable(record: Record, wire: Wire) -> Wire:
    """Return what must be sent to make an object: all but what the server would fill in by itself."""
    variant = wire.get("@type", "")
    sent = {
        name: wire[name]
        for name, prop in record.shape(variant).items()
        if name in wire and prop.mutability != "server-set" and (prop.required or not exact(wire[name], prop.default))
    }
    return {"@type": variant, **sent} if variant else sent


def same_text(want: Any, have: Any) -> bool:
    """Whether two expressions have the same tokens."""
    if exact(want, have):
        return True
    if not isinstance(want, str) or not isinstance(have, str):
        return False
    from reconciler.expression import same

    return same(want, have)


def same_branches(want: Any, have: Any) -> bool:
    """Whether two lists of branches are the same ones in the same order."""
    if exact(want, have):
        # What a newer server holds may be no list of branches at all, and is itself.
        return True
    if not isinstance(want, dict) or not isinstance(have, dict) or want.keys() != have.keys():
        return False
    return all(_same_branch(branch, have[key]) for key, branch in want.items())


def _same_branch(want: Any, have: Any) -> bool:
    if not isinstance(want, dict) or not isinstance(have, dict) or want.keys() != have.keys():
        return False
    return all(same_text(text, have[part]) for part, text in want.items())
