"""What the metadata of a document says of its objects, and which parts of it contradict each other.

Law: pure; what metadata may hold its schema says, and here only what no schema can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.kinds import Fault, Kind

#: Metadata that says nothing beside another.
_EXCLUSIVE = {"drop": ("patch", "absent", "was", "unmanaged", "accept"), "absent": ("was", "unmanaged")}
#: Metadata that stands for one object only.
SINGLE = ("id", "was")


def contradictions(kind: Kind, metadata: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with metadata that its schema accepts: of one sort, the first that there is."""
    from reconciler.kinds import Fault

    if metadata.get("name") and (kind.singleton or "name" in kind.match):
        message = f"metadata.name is for kinds without a name of their own, and {kind.kind} has one"
        return [Fault(("name",), "metadata", message)]
    was = str(metadata.get("was", ""))
    if was.startswith(f"{kind.kind}/"):
        message = "metadata.was holds the match key, without the kind"
        return [Fault(("was",), "metadata", message, f"write {was.removeprefix(f'{kind.kind}/')}")]
    coming = [name for name in ("was", "absent") if kind.singleton and metadata.get(name)]
    if coming:
        objects = f"is for objects that come and go, and there is always one {kind.kind}"
        return [Fault((name,), "metadata", f"metadata.{name} {objects}") for name in coming]
    return [
        Fault((beside,), "metadata", f"metadata.{name} and metadata.{beside} exclude each other", "keep one of them")
        for name, others in _EXCLUSIVE.items()
        if (beside := next((other for other in others if name in metadata and other in metadata), ""))
    ]


def said(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what metadata says of a resource; most documents have none."""
    return {
        "unmanaged": tuple(metadata.get("unmanaged", ())),
        "id": str(metadata.get("id", "")),
        "named": bool(metadata.get("name")),
        "was": str(metadata.get("was", "")),
        "absent": bool(metadata.get("absent")),
        "accept": metadata.get("accept", {}),
    }
