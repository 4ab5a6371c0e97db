"""Which bridge a file takes: told by what it holds, so that a name with another ending does no harm.

Law: pure; a file is either one plan, or any number of configurations of which the first wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.desired.bridges.bridged import Bridged
from reconciler.desired.bridges.ndjson import from_ndjson
from reconciler.kinds import Catalogue
from reconciler.values import UsageError

_HEAD = re.compile(r"\s*[\[{]\s*(?:\{|\"@type\"|\"object\"|\"value\"|\Z)")
_OPERATION = re.compile(r'"@type"\s*:\s*"')


def is_plan(file: str, text: str) -> bool:
    """Whether a file is a plan of stalwart-cli."""
    if file.lower().endswith((".ndjson", ".jsonl")):
        return True
    head = text.lstrip("\ufeff \t\r\n")[:400]
    return bool(head[:1] in "[{" and _HEAD.match(head) and _OPERATION.search(head))


def bridge(catalogue: Catalogue, texts: Sequence[tuple[str, str]], *, unmanaged: bool = False) -> Bridged:
    """Translate other tools' files, each a name and a text.

    Raises:
        UsageError: there are several, and one of them is a plan.
    """
    if any(is_plan(file, text) for file, text in texts):
        if len(texts) > 1:
            raise UsageError("a plan of stalwart-cli is read alone", "name one file with --from")
        return from_ndjson(catalogue, *texts[0], unmanaged=unmanaged)
    from reconciler.desired.bridges.old import from_old

    return from_old(catalogue, texts)
