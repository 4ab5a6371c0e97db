"""Fields that stand at the top of a document and do not belong there.

Law: pure; fields that only lack their indentation are told together, since one slip of the hand moved them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.desired.manifest.specs import TAGS
from reconciler.kinds import METADATA, Kind
from reconciler.values import get_close_matches

#: What a document holds.
TOP = ("kind", "metadata", "spec", "items")


class Stray(NamedTuple):
    """A mistake at the top of a document: the key where it is told, what is wrong, and what to do."""

    name: str
    message: str
    hint: str


def strays(kind: Kind, document: Mapping[str, Any]) -> Iterator[Stray]:
    """Yield the mistakes that keys at the top of a document are."""
    unknown = [name for name in document if name not in TOP and not name.startswith("x-")]
    if not unknown:
        return
    shape = {*kind.legible(None), *(TAGS if kind.variants else ())}
    place = "items" if "items" in document else "spec"
    fields = [name for name in unknown if name in shape and not _is_metadata(name, document)]
    misplaced = [name for name in unknown if name not in fields and name in METADATA["properties"]]
    for names, above in ((fields, place), (misplaced, "metadata")):
        if names:
            listed, verb = " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))), "s" * (len(names) == 1)
            them = "it" if len(names) == 1 else "them"
            hint = f"indent {them}" if above in document else f"write {above}: above, and indent {them}"
            if above == "items":
                hint = "begin each object with - and indent it"
            yield Stray(names[0], f"{listed} belong{verb} below {above}", hint)
    for name in unknown:
        if name not in fields and name not in misplaced:
            close = get_close_matches(name, TOP, n=1)
            hint = f"did you mean {close[0]}?" if close else "keys of your own begin with x-"
            yield Stray(name, f"unknown field {name}", hint)


def unindented(kind: Kind, document: Mapping[str, Any]) -> bool:
    """Whether a document has nothing below `spec` or `items` because its fields stand beside it."""
    empty = document.get("spec") is None and document.get("items") is None
    return empty and any(name in kind.legible(None) for name in document)


def _is_metadata(name: str, document: Mapping[str, Any]) -> bool:
    """Whether a name that both may have is one of metadata's: that stands open, and the spec does not."""
    open_above = "metadata" in document and document["metadata"] is None
    return name in METADATA["properties"] and open_above and isinstance(document.get("spec"), Mapping)
