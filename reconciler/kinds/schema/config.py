"""From the catalogue to JSON Schema 2020-12: the schema of `reconciler.yaml`.

Law: generated, never edited; the configuration is judged by this schema and editors are told the same.
"""

from __future__ import annotations

from reconciler.kinds.catalogue import Catalogue
from reconciler.kinds.schema.specs import DIALECT, Schema

#: A number, or a share of up to 100%.
SCHEMA_TEXT = "File of `schema pull`: what the server publishes of its kinds. The only one in schemas/server is found."
LIMIT_PATTERN = "^([0-9]{1,9}|([0-9]{1,2}|100)%)$"


def config_schema(catalogue: Catalogue) -> Schema:
    """Return the published schema of the configuration."""
    return {
        "$schema": DIALECT,
        "title": "Configuration",
        "description": "Servers, the manifests that are for each, and what a run may do.",
        **_closed(
            {
                "targets": {
                    "description": "Servers by the name that --target chooses them by.",
                    "type": "object",
                    "additionalProperties": {"description": "One server.", **_target(catalogue)},
                },
                "policy": {"description": "What a run may do on every target.", **_policy(catalogue)},
                "serverSchema": _text(SCHEMA_TEXT),
                **_monitors(),
            }
        ),
    }


def _closed(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _text(description: str) -> Schema:
    return {"description": description, "type": "string"}


def _texts(description: str, each: str) -> Schema:
    return {"description": description, "type": "array", "items": _text(each)}


def _target(catalogue: Catalogue) -> Schema:
    properties = {
        "url": _text("Where the server is, such as https://mail.example.org."),
        "token": {**_text("An API key, as ${env:NAME} or ${file:PATH}."), "writeOnly": True},
        "user": _text("Who logs in where there is no token; may be ${env:NAME}."),
        "password": {**_text("The user's password, as ${env:NAME} or ${file:PATH}."), "writeOnly": True},
        "plainHttp": {"description": "Credentials may go to another host unencrypted.", "type": "boolean"},
        "caBundle": _text("File of certificates to trust instead of the system's."),
        "manifests": {
            "description": "Files and directories, each a layer upon those before it.",
            "type": "array",
            "items": _layer(),
        },
        "vars": {
            "description": "What ${var:NAME} stands for in manifests.",
            "type": "object",
            "additionalProperties": {
                "description": "A value; one that is wholly ${env:NAME} comes from the environment.",
                "type": ["string", "number", "boolean"],
            },
        },
        "labels": {
            "description": "Variables too, and what targets are told apart by.",
            "type": "object",
            "additionalProperties": _text("A value."),
        },
        "nodes": {
            **_texts("The base URL of every node of a cluster: all is written through the first.", "A base URL."),
            "minItems": 1,
            "uniqueItems": True,
        },
        "policy": {"description": "Merged over the policy of all targets.", **_policy(catalogue)},
        "serverSchema": _text(SCHEMA_TEXT),
        **_monitors(),
    }
    return {**_closed(properties), "required": ["url"]}


def _layer() -> Schema:
    properties = {
        "path": _text("Relative to where it runs."),
        "optional": {"description": "It may hold no document, or not be there.", "type": "boolean"},
    }
    description = "A path, relative to where it runs; a layer that may hold nothing says so."
    return {**_closed(properties), "type": ["string", "object"], "required": ["path"], "description": description}


def _allowance() -> Schema:
    properties = {
        "address": _text("An address, a glob such as Account/*, or a kind for all its objects."),
        "actions": {
            "description": "What may be done; everything where it is left out.",
            "type": "array",
            "items": {"description": "An action.", "enum": ["create", "update", "replace", "destroy"]},
        },
        "until": _text("The last day of it, such as 2027-01-31, in UTC."),
        "because": _text("Why."),
    }
    description = "A kind, an address or a glob; one that is bounded says by what."
    return {**_closed(properties), "type": ["string", "object"], "required": ["address"], "description": description}


def _monitors() -> Schema:
    return {
        "ping": {**_text("URL of a monitor that is told of each start and end, as ${env:NAME}."), "writeOnly": True},
        "notify": {**_text("URL that reports are posted to, as ${env:NAME}."), "writeOnly": True},
        "pingOnDrift": {
            "description": "What differences are to the monitor: a line in its log (and alive), or a failure.",
            "enum": ["log", "fail"],
        },
    }


def _policy(catalogue: Catalogue) -> Schema:
    def by_kind(description: str, rule: Schema) -> Schema:
        kinds = {kind.kind: {"description": kind.description, **rule} for kind in catalogue.kinds.values()}
        return {"description": description, **_closed(kinds)}

    limit = {"type": ["integer", "string"], "minimum": 0, "pattern": LIMIT_PATTERN}
    names = {"type": "array", "items": _text("A name, or a glob of names.")}
    severity = {"description": "What it shall be.", "enum": ["error", "warning", "note", "ignore"]}
    return _closed(
        {
            "prune": by_kind(
                "Kinds whose undeclared objects are destroyed; all includes those that a new server ships.",
                {"enum": [True, False, "all"]},
            ),
            "owns": by_kind("The only names that these manifests may declare, and that pruning covers.", names),
            "keep": _texts("What is never destroyed.", "An address, or a glob such as MtaRoute/legacy-*."),
            "allow": {
                "description": "Dangerous kinds or objects that a run may write or destroy.",
                "type": "array",
                "items": _allowance(),
            },
            "undeclared": by_kind(
                "Kinds whose undeclared objects count as a difference, or never do.", {"enum": ["drift", "ignore"]}
            ),
            "maxDestroy": {"description": "Most of a kind's live objects to destroy: 5 or 30%.", **limit},
            "maxUpdate": {"description": "Most of a kind's live objects to change: 5 or 30%.", **limit},
            "maxMoved": {"description": "Most of the waiting recipients to send another way: 5 or 10%.", **limit},
            "maxBounced": {"description": "Most of the waiting recipients to let bounce: 5 or 1%.", **limit},
            "lint": {
                "description": "Severities of lint rules by their id.",
                "type": "object",
                "additionalProperties": severity,
            },
            "variables": _texts(
                "What vars may be taken from, beside RECONCILER_VAR_*.", "A name, or a glob such as MAIL_*."
            ),
            "links": _texts("Directories below which links among the manifests may end.", "Such as /nix/store."),
            "secrets": {
                "description": "What secrets may be read from.",
                **_closed(
                    {
                        "env": _texts("Variables of the environment.", "A name, or a glob such as RELAY_*."),
                        "files": _texts("Files.", "A path, or a glob such as /run/secrets/*."),
                    }
                ),
            },
        }
    )
