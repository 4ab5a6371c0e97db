"""The JSON Schemas of the reports that programs read.

Law: what `machine` prints, these accept; a report's name and version stand in its `format`.
"""

from __future__ import annotations

from typing import Any

from reconciler.report.explanation import EXPLANATION_SCHEMA, ROUTING_TESTS_SCHEMA

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _told(schema: Schema, description: str) -> Schema:
    return {"description": description, **schema}


def _text(description: str) -> Schema:
    return {"description": description, "type": "string"}


def _count(description: str) -> Schema:
    return {"description": description, "type": "integer", "minimum": 0}


def _closed(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


_ADDRESS = _text("The object, as `MtaRoute/relay-eu`.")
_FILE = _text("The manifest, as its path was found.")
_LINE = _count("From 1; 0 where it is unknown.")
_POINTER = _text("Wire pointer of the property, its steps joined by slashes.")

_DIAGNOSTIC = _closed(
    {
        "severity": {"description": "Only errors stop a run.", "enum": ["error", "warning", "note"]},
        "code": _text("A word for this sort of finding, which stays the same where the message does not."),
        "message": _text("What is wrong, as a sentence."),
    },
    {
        "hint": _text("What to do about it."),
        "address": _ADDRESS,
        "pointer": _text("Where in the object, its steps joined by slashes, as far as the manifest is nested."),
        "source": _told(_closed({"file": _FILE, "line": _LINE, "column": _LINE}), "Where it is written."),
    },
)
_FIELD = _closed(
    {
        "pointer": _POINTER,
        "before": {"description": "Human form; null where there was none. A secret shows as (sensitive)."},
        "after": {"description": "Human form; a secret shows as its reference or as (sensitive)."},
    }
)
_CHANGE_REQUIRED: dict[str, Schema] = {
    "action": {"description": "What apply does.", "enum": ["create", "update", "replace", "destroy"]},
    "address": _ADDRESS,
}
_CHANGE_OPTIONAL: dict[str, Schema] = {
    "id": _text("The server's id; absent before a create."),
    "because": _text("Why, where the fields do not tell."),
    "source": _told(_closed({"file": _FILE, "line": _LINE}), "Where the object is declared."),
    "patch": {"description": "Wire form: the object of a create or replace, else a PatchObject.", "type": "object"},
    "fields": _told(_list(_FIELD), "The properties that differ."),
}
_CHANGE = _closed(_CHANGE_REQUIRED, _CHANGE_OPTIONAL)
_PLACE = _closed({"address": _ADDRESS, "pointer": _POINTER})
_TARGET = _told(
    _closed({"name": _text("Name of the target."), "url": _text("Where the server is.")}), "The server that was asked."
)
_COUNTS = {
    "create": _count("Objects to create."),
    "update": _count("Objects to update."),
    "replace": _count("Objects to replace."),
    "destroy": _count("Objects to destroy."),
    "unchanged": _count("Declared objects that are as wanted."),
    "undeclared": _count("Objects in scope that no document declares."),
    "unknown": _count("Secrets that cannot be compared."),
}

_PLAN: dict[str, Schema] = {
    "changes": _told(_list(_CHANGE), "What apply would do, by address."),
    "diagnostics": _told(_list(_DIAGNOSTIC), "What else is to be said."),
    "left": _told(_list(_PLACE), "Undeclared properties of singletons that are not at their default."),
    "pairs": _told(
        _list(_closed({"address": _ADDRESS, "id": _text("The server's id.")})),
        "Documents that share a key, and the live object that each stands for.",
    ),
    "partial": {"description": "--kind or --only leaves a part of the manifests out.", "type": "boolean"},
    "refusals": _told(_list(_text("A sentence.")), "What a guard refuses, and the option that lifts it."),
    "spared": _told(
        _list(_closed({"address": _ADDRESS, "because": _text("What spares it.")})), "Objects left out of pruning."
    ),
    "summary": _told(_closed(_COUNTS), "The counts."),
    "surplus": _told(_list(_ADDRESS), "Undeclared objects that count as a difference by policy."),
    "target": _TARGET,
    "undeclared": _told(_list(_ADDRESS), "Objects in scope that no document declares."),
    "unknown": _told(_list(_PLACE), "Secrets that cannot be compared, since the server masks them."),
}
_RESULTS = {
    "applied": _count("Changes that the server confirmed."),
    "failed": _count("Changes that the server refused."),
    "skipped": _count("Changes that were not tried."),
    "unknown": _count("Changes of which it is not known whether they were made."),
}
_RESULT: Schema = {"description": "What became of it.", "enum": list(_RESULTS)}
_OUTCOME: dict[str, Schema] = {
    "changes": _told(
        _list(
            _closed(
                {**_CHANGE_REQUIRED, "result": _RESULT}, {**_CHANGE_OPTIONAL, "error": _text("The server's error.")}
            )
        ),
        "Every planned change, by address.",
    ),
    "reload": _told(
        _closed({"result": _RESULT}, {"because": _text("The server's error, or why there was none.")}),
        "The reload that makes stored settings live.",
    ),
    "summary": _told(_closed(_RESULTS), "The counts."),
    "target": _TARGET,
}
_VALIDATION: dict[str, Schema] = {
    "diagnostics": _told(_list(_DIAGNOSTIC), "Every finding, by place."),
    "summary": _told(
        _closed(
            {
                "documents": _count("Documents read."),
                "error": _count("Errors found."),
                "files": _count("Files read."),
                "note": _count("Notes found."),
                "resources": _count("Objects declared."),
                "warning": _count("Warnings found."),
            }
        ),
        "The counts.",
    ),
}


_GRANTED: Schema = {"type": "object", "additionalProperties": {"const": True}}
_PERMISSIONS: dict[str, Schema] = {
    "apply": _told(_GRANTED, "What apply and its reload need; those of plan are among them."),
    "optional": _told(_GRANTED, "Without these, checks of references say that they cannot tell."),
    "plan": _told(_GRANTED, "What plan and drift need."),
}
_DIAGNOSIS: dict[str, Schema] = {
    "target": _TARGET,
    "verdicts": _told(
        _list(
            _closed(
                {
                    "subject": _text("What was looked at."),
                    "fine": {"description": "Whether nothing speaks against a run.", "type": "boolean"},
                    "verdict": {
                        "description": "The same in a word: a `warn` is a remark, a `fail` gives the exit code.",
                        "enum": ["ok", "warn", "fail"],
                    },
                    "message": _text("What was found, as a sentence."),
                    "hint": _text("What to do about it."),
                }
            )
        ),
        "What was found, one by one.",
    ),
}


def _report(name: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    version = {"description": "Name and version of this report.", "const": f"reconciler/{name}/v1"}
    return {"$schema": DIALECT, "title": f"reconciler/{name}/v1", **_closed({"format": version, **required}, optional)}


#: The schema of every report, by the report's name.
SCHEMAS: dict[str, Schema] = {
    "validation": _report("validation", _VALIDATION),
    "plan": _report("plan", _PLAN),
    "drift": _report("drift", _PLAN),
    "outcome": _report(
        "outcome", _OUTCOME, {"residue": _told(_list(_CHANGE), "What still differs after all was confirmed.")}
    ),
    "permissions": _report("permissions", _PERMISSIONS),
    "diagnosis": _report("diagnosis", _DIAGNOSIS),
    "explanation": EXPLANATION_SCHEMA,
    "routing-tests": ROUTING_TESTS_SCHEMA,
}
