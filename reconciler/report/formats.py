"""The JSON Schemas of the reports that programs read.

Law: what `machine` prints, these accept; a report's name and version stand in its `format`.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}


def _closed(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


_DIAGNOSTIC = _closed(
    {"severity": {"enum": ["error", "warning", "note"]}, "code": _TEXT, "message": _TEXT},
    {
        "hint": _TEXT,
        "address": _TEXT,
        "pointer": {"type": "string", "description": "Slash-separated path within the object."},
        "source": _closed({"file": _TEXT, "line": _COUNT, "column": _COUNT}),
    },
)
_FIELD = _closed(
    {
        "pointer": {"type": "string", "description": "Wire pointer of the property."},
        "before": {"description": "Human form; null where there was none. A secret shows as (sensitive)."},
        "after": {"description": "Human form; a secret shows as its reference or as (sensitive)."},
    }
)
_CHANGE_REQUIRED: dict[str, Schema] = {
    "action": {"enum": ["create", "update", "replace", "destroy"]},
    "address": _TEXT,
}
_CHANGE_OPTIONAL: dict[str, Schema] = {
    "id": {"type": "string", "description": "The server's id; absent before a create."},
    "because": _TEXT,
    "source": _closed({"file": _TEXT, "line": _COUNT}),
    "patch": {"type": "object", "description": "Wire form: the object of a create or replace, else a PatchObject."},
    "fields": _list(_FIELD),
}
_CHANGE = _closed(_CHANGE_REQUIRED, _CHANGE_OPTIONAL)
_PLACE = _closed({"address": _TEXT, "pointer": _TEXT})
_TARGET = _closed({"name": _TEXT, "url": _TEXT})
_COUNTS = dict.fromkeys(("create", "update", "replace", "destroy", "unchanged", "undeclared", "unknown"), _COUNT)

_PLAN: dict[str, Schema] = {
    "changes": _list(_CHANGE),
    "diagnostics": _list(_DIAGNOSTIC),
    "left": {**_list(_PLACE), "description": "Undeclared properties of singletons that are not at their default."},
    "pairs": _list(_closed({"address": _TEXT, "id": _TEXT})),
    "partial": {"type": "boolean", "description": "--kind or --only leaves a part of the manifests out."},
    "refusals": {**_list(_TEXT), "description": "What a guard refuses, and the option that lifts it."},
    "spared": _list(_closed({"address": _TEXT, "because": _TEXT})),
    "summary": _closed(_COUNTS),
    "surplus": {**_list(_TEXT), "description": "Undeclared objects that count as a difference by policy."},
    "target": _TARGET,
    "undeclared": _list(_TEXT),
    "unknown": {**_list(_PLACE), "description": "Secrets that cannot be compared, since the server masks them."},
}
_RESULT = {"enum": ["applied", "failed", "skipped", "unknown"]}
_OUTCOME: dict[str, Schema] = {
    "changes": _list(
        _closed(
            {**_CHANGE_REQUIRED, "result": _RESULT},
            {**_CHANGE_OPTIONAL, "error": {"type": "string", "description": "The server's error."}},
        )
    ),
    "reload": _closed({"result": _RESULT}, {"because": _TEXT}),
    "summary": _closed(dict.fromkeys(("applied", "failed", "skipped", "unknown"), _COUNT)),
    "target": _TARGET,
}
_VALIDATION: dict[str, Schema] = {
    "diagnostics": _list(_DIAGNOSTIC),
    "summary": _closed(dict.fromkeys(("documents", "error", "files", "note", "resources", "warning"), _COUNT)),
}


def _report(name: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    schema = _closed({"format": {"const": f"reconciler/{name}/v1"}, **required}, optional)
    return {"$schema": DIALECT, "title": f"reconciler/{name}/v1", **schema}


#: The schema of every report, by the report's name.
SCHEMAS: dict[str, Schema] = {
    "validation": _report("validation", _VALIDATION),
    "plan": _report("plan", _PLAN),
    "drift": _report("drift", _PLAN),
    "outcome": _report("outcome", _OUTCOME, {"residue": _list(_CHANGE)}),
}
