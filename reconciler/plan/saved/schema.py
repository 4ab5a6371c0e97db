"""The JSON Schema of a saved plan: that of the plan report, and the member that carries the work.

Law: what `save` writes, this accepts; what `load` does not know, this refuses.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 in hexadecimal."}


def _closed(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _row(*columns: Schema, description: str) -> Schema:
    return {
        "type": "array",
        "prefixItems": list(columns),
        "items": False,
        "minItems": len(columns),
        "description": description,
    }


_ADDRESS = _row(_TEXT, _TEXT, _TEXT, description="Kind, name and id of an address.")
_PLACE = _row(_ADDRESS, _TEXT, description="An address, and a pointer, an id or a reason.")
_PACKED: Schema = {
    "type": "object",
    "description": "Wire form. {$address: [kind, name, id]} stands for a reference, {$secret: reference} for a secret, "
    "{$unset: true} for no value, and {$object: …} for an object whose only key begins with $.",
}
_WRITTEN_CHANGE = _closed(
    {"action": {"enum": ["create", "update", "replace", "destroy"]}, "address": _ADDRESS},
    {
        "id": _TEXT,
        "patch": _PACKED,
        "fields": _list(_row(_TEXT, {}, {}, description="Pointer, value before and value after, in wire form.")),
        "before": _PACKED,
        "after": _PACKED,
        "source": _row(_TEXT, _COUNT, _COUNT, description="File, line and column."),
        "because": _TEXT,
        "recreate": {"type": "boolean"},
        "leftOut": _list(_TEXT),
        "atDefault": _list(_TEXT),
    },
)
_WORK = _closed(
    {
        "changes": _list(_WRITTEN_CHANGE),
        "phases": _list(_closed({"name": _TEXT, "changes": _list(_COUNT)})),
        "unchanged": _COUNT,
        "undeclared": _list(_ADDRESS),
        "unknown": _list(_PLACE),
        "left": _list(_PLACE),
        "pairs": _list(_PLACE),
        "refusals": _list(_TEXT),
        "surplus": _list(_ADDRESS),
        "spared": _list(_PLACE),
        "partial": {"type": "boolean"},
    }
)
_FINGERPRINT = _closed(
    {
        "address": _ADDRESS,
        "id": _TEXT,
        "sha256": {"anyOf": [_DIGEST, {"const": ""}], "description": "Of the object; empty where there is none."},
    },
    {"others": {**_list(_TEXT), "description": "Ids of objects that had the same match key."}},
)
#: The member that a saved plan has beside those of a plan report.
BASIS_SCHEMA: Schema = _closed(
    {
        "version": {"const": 1},
        "seal": {**_DIGEST, "description": "Of everything else in the file."},
        "basis": _closed(
            {
                "catalogue": _DIGEST,
                "policy": _DIGEST,
                "manifests": _DIGEST,
                "target": _TEXT,
                "url": _TEXT,
                "kinds": _list(_TEXT),
                "fingerprints": _list(_FINGERPRINT),
            },
            {"mail": {"anyOf": [_DIGEST, {"const": ""}], "description": "Of the mail that moves; empty if left out."}},
        ),
        "work": _WORK,
    }
)


def saved_plan_schema(report: Schema) -> Schema:
    """Return the schema of a saved plan.

    Args:
        report: the schema of `reconciler/plan/v1`.
    """
    return {
        **report,
        "title": "a saved reconciler/plan/v1",
        "required": sorted([*report["required"], "basis"]),
        "properties": {**report["properties"], "basis": BASIS_SCHEMA},
    }
