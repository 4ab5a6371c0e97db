"""Reports for programs: one JSON object a run, `format` first and the rest sorted.

Law: every report has a published schema; a value is in human form unless its name says otherwise; no secret is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.json import encode, format  # noqa: A004 - msgspec's own name for laying out JSON

from reconciler.kinds import HIDDEN, Catalogue
from reconciler.report.text import human, ordered
from reconciler.values import Address, Change, Diagnostic, Outcome, Plan, Result, Sensitive

Json = dict[str, Any]
ACTIONS = ("create", "update", "replace", "destroy")


def dump(kind: str, members: Mapping[str, Any]) -> str:
    """Print one report: `format` first, every other key sorted, at every depth."""
    body = encode({"format": f"reconciler/{kind}/v1", **_sorted(members)})
    return format(body, indent=1).decode() + "\n"


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    return value


def diagnostic(found: Diagnostic) -> Json:
    """Return one diagnostic."""
    source = {"file": found.file, "line": found.line, "column": found.column} if found.file else None
    members = {
        "severity": found.severity,
        "code": found.code,
        "message": found.message,
        "hint": found.hint,
        "address": found.address,
        "pointer": found.pointer,
        "source": source,
    }
    return {name: value for name, value in members.items() if value}


def validation(found: Sequence[Diagnostic], *, files: int, documents: int, resources: int) -> Json:
    """Return the members of `reconciler/validation/v1`."""
    return {
        "diagnostics": [diagnostic(each) for each in found],
        "summary": {
            "documents": documents,
            "error": sum(each.severity == "error" for each in found),
            "files": files,
            "note": sum(each.severity == "note" for each in found),
            "resources": resources,
            "warning": sum(each.severity == "warning" for each in found),
        },
    }


def plan(catalogue: Catalogue, found: Plan, target: Json, notes: Sequence[Diagnostic] = ()) -> Json:
    """Return the members of `reconciler/plan/v1`, which are those of `reconciler/drift/v1` too."""
    return {
        "changes": [change(catalogue, each) for each in ordered(found.changes)],
        "diagnostics": [diagnostic(each) for each in notes],
        "left": _places(found.left),
        "pairs": [{"address": str(address), "id": id_} for address, id_ in found.pairs],
        "partial": found.partial,
        "refusals": list(found.refusals),
        "spared": [{"address": str(address), "because": because} for address, because in found.spared],
        "summary": {
            **{action: sum(each.action == action for each in found.changes) for action in ACTIONS},
            "unchanged": found.unchanged,
            "undeclared": len(found.undeclared),
            "unknown": len(found.unknown),
        },
        "surplus": [str(address) for address in found.surplus],
        "target": target,
        "undeclared": [str(address) for address in found.undeclared],
        "unknown": _places(found.unknown),
    }


def _places(found: Iterable[Any]) -> list[Json]:
    return [{"address": str(each.address), "pointer": each.pointer} for each in found]


def change(catalogue: Catalogue, found: Change) -> Json:
    """Return one change: `patch` in wire form, `before` and `after` in human form."""
    members: Json = {"action": found.action, "address": str(found.address)}
    if found.id:
        members["id"] = found.id
    if found.because:
        members["because"] = found.because
    if found.source:
        members["source"] = {"file": found.source.file, "line": found.source.line}
    if found.action != "destroy":
        members["patch"] = wire(found.patch)
        members["fields"] = [
            {
                "pointer": each.pointer,
                "before": _absent(human(catalogue, found, each.pointer, each.before)),
                "after": _absent(human(catalogue, found, each.pointer, each.after)),
            }
            for each in sorted(found.fields, key=lambda each: each.pointer)
        ]
    return members


def _absent(value: Any) -> Any:
    return None if value is UNSET else value


def wire(value: Any) -> Any:
    """Return a wire value as JSON holds it: addresses by name, secrets as their reference."""
    if isinstance(value, Address):
        return f"id:{value.id}" if value.id and not value.name else value.name
    if isinstance(value, Sensitive):
        return value.reference or HIDDEN
    if isinstance(value, Mapping):
        return {key: wire(each) for key, each in value.items()}
    return value


def outcome(catalogue: Catalogue, found: Outcome, target: Json) -> Json:
    """Return the members of `reconciler/outcome/v1`."""
    results = sorted(found.results, key=lambda each: (each.change.address, each.change.action))
    members: Json = {
        "changes": [_result(catalogue, each) for each in results],
        "reload": {"result": found.reload, **({"because": found.reload_because} if found.reload_because else {})},
        "summary": {
            name: sum(each.result == name for each in found.results)
            for name in ("applied", "failed", "skipped", "unknown")
        },
        "target": target,
    }
    if found.residue is not None:
        members["residue"] = [change(catalogue, each) for each in found.residue]
    return members


def _result(catalogue: Catalogue, found: Result) -> Json:
    members = {**change(catalogue, found.change), "result": found.result}
    if found.id:
        members["id"] = found.id
    if found.because:
        members["error" if found.result == "failed" else "because"] = found.because
    return members
