"""From the catalogue to JSON Schema 2020-12: the schema of a whole document, for editors.

Law: generated, never edited; a document is dispatched by its kind before it is judged, so that nobody meets "not valid
under any of the given schemas".
"""

from __future__ import annotations

from reconciler.kinds.catalogue import Catalogue
from reconciler.kinds.schema.specs import ID_PATTERN, as_written, kind_schema
from reconciler.values import DIALECT, Schema

ROUTING_TEST = "RoutingTest"

#: The schema of `metadata`.
METADATA: Schema = {
    "type": "object",
    "description": "The reconciler's own; never sent to the server.",
    "additionalProperties": False,
    "properties": {
        "name": {
            "type": "string",
            "minLength": 1,
            "description": "Name in the address, for kinds without a name of their own.",
        },
        "id": {
            "type": "string",
            "pattern": ID_PATTERN,
            "description": "The server's id of the one object that this document stands for.",
        },
        "was": {
            "type": "string",
            "minLength": 1,
            "description": "The name that this object had before, as its address prints it: a rename.",
        },
        "absent": {
            "const": True,
            "description": "The object shall not exist; spec then holds only its match key.",
        },
        "patch": {
            "const": True,
            "description": "A layer on top of the same address in an earlier directory.",
        },
        "drop": {
            "const": True,
            "description": "Takes the object of an earlier directory out of this target.",
        },
        "accept": {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1, "description": "The reason."},
            "description": "Lint findings that are accepted here: rule id to reason. They are still reported.",
        },
        "unmanaged": {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 1, "description": "A pointer such as `route/else`."},
            "description": "Properties left alone whatever the server holds, as pointers such as `route/else`.",
        },
    },
}
#: What each field of `given` says of a message.
_GIVEN = {
    "sender": "Address in MAIL FROM; empty for a bounce.",
    "rcpt": "Address in RCPT TO.",
    "recipients": "Every recipient of the message; left out, `rcpt` alone.",
    "retryNum": "How many attempts were made before; left out, 0.",
    "notifyNum": "How many notices of delay were sent; left out, 0.",
    "priority": "Priority of the message; left out, 0.",
    "source": "Where the message comes from: `unauthenticated` (the default), `authenticated`, `dsn` or others.",
    "lastError": "Why the attempt before failed, such as `connection` or `tls`; `none` where there was none.",
    "lastStatus": "The server's text about the attempt before.",
    "size": "Size of the message in bytes.",
    "queueName": "Name of the virtual queue that the message waits in.",
    "queueAge": "Seconds in the queue.",
    "expiresIn": "Seconds, or attempts, that are left before the queue gives up.",
    "receivedFromIp": "IP address that the message came from.",
    "receivedViaPort": "Port of this server that it came in by.",
    "mx": "Host that is delivered to.",
    "remoteIp": "IP address of the other side.",
    "localIp": "IP address of this side.",
    "listener": "Name of the listener that the message came in by.",
    "authenticatedAs": "Name that the sender logged in with; empty where nobody did.",
    "heloDomain": "Name that the sender gave in EHLO.",
    "isTls": "Whether the session is encrypted.",
    "stage": "Stage of the session, which says what filters are asked.",
    "localDomains": "Domains of this server.",
    "localAddresses": "Addresses of this server.",
    "lookups": "Answers of lookups, by the call as it is written: `key_exists('a','b')`.",
}
_OWN: Schema = {"^x-": {"description": "Your own, such as a place for anchors; never looked at."}}


def manifest_schema(catalogue: Catalogue) -> Schema:
    """Return the published schema of a document, which dispatches on `kind`."""
    kinds = sorted(catalogue.kinds)
    branches = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {
                "properties": {
                    "spec": {"$ref": f"{kind}.schema.json"},
                    "items": {"items": {"$ref": f"{kind}.schema.json"}},
                }
            },
        }
        for kind in kinds
    ]
    # A layer holds a part of a spec, and null for what goes back to its default, so no kind's schema fits it.
    layer = {
        "type": "object",
        "anyOf": [
            {"properties": {word: as_written({"const": True})}, "required": [word]}
            for word in ("patch", "drop", "absent")
        ],
    }
    declared = {
        "properties": {
            "kind": True,
            "spec": {"type": "object", "description": "The object, in human form."},
            "items": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "description": "One object, in human form."},
                "description": "Several objects of one kind, in place of spec.",
            },
            # Where nothing is written below it, there is none.
            "metadata": {**as_written(METADATA), "type": ["object", "null"]},
        },
        "patternProperties": _OWN,
        "additionalProperties": False,
        "oneOf": [{"required": ["spec"]}, {"required": ["items"]}],
        "if": {"properties": {"metadata": layer}, "required": ["metadata"]},
        "else": {"allOf": branches},
    }
    return {
        "$schema": DIALECT,
        "title": "Manifest",
        "description": f"One document of a manifest for Stalwart {catalogue.server}.",
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "enum": [*kinds, ROUTING_TEST],
                # A word of editors, which tell of each choice.
                "enumDescriptions": [*(catalogue.kinds[kind].description for kind in kinds), "What mail shall do."],
                "description": f"The server's object type without its x: prefix, or {ROUTING_TEST}, never sent.",
            }
        },
        "if": {"properties": {"kind": {"const": ROUTING_TEST}}, "required": ["kind"]},
        "then": {"$ref": f"{ROUTING_TEST}.schema.json"},
        "else": declared,
    }


def routing_test_schema(catalogue: Catalogue) -> Schema:
    """Return the published schema of a routing test, for editors; the program reads routing tests more strictly."""
    from reconciler.expression import FIELDS

    given = {
        "type": "object",
        "description": "What is known of the message. What is left out is unknown, but for defaults.",
        "additionalProperties": False,
        "properties": {
            name: {"description": _GIVEN[name], **as_written(_SHAPES[shape])} for name, (_, shape) in FIELDS.items()
        },
    }
    expected = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            **{
                name: {"description": f"Name of the {kind}.", "type": "string", "minLength": 1}
                for name, kind in _named(catalogue)
            },
            "milters": {
                "description": "The filters that are asked, in their order, such as `127.0.0.1:11332`.",
                "type": "array",
                "items": {"type": "string", "description": "What stands after the slash in a filter's address."},
            },
        },
    }
    case = {
        "type": "object",
        "description": "One message and what becomes of it.",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"description": "What shall hold, as a sentence.", "type": "string", "minLength": 1},
            "given": {**given, "description": "What is known of this message, besides what all cases share."},
            "expect": {**expected, "description": "What the message takes."},
            "ladder": {
                "type": "object",
                "description": "What it takes at each attempt; the key 0 is the first.",
                "minProperties": 1,
                "propertyNames": {"pattern": "^[0-9]{1,4}$"},
                "additionalProperties": {**expected, "description": "What the message takes at this attempt."},
            },
        },
        "anyOf": [{"required": ["expect"]}, {"required": ["ladder"]}],
    }
    return {
        "$schema": DIALECT,
        "title": ROUTING_TEST,
        "description": "What is expected of mail, held against what the manifests do with it; never sent.",
        "type": "object",
        "required": ["kind", "cases"],
        "properties": {
            "kind": {"const": ROUTING_TEST, "description": "This sort of document."},
            "given": given,
            "cases": {"description": "At least one case.", "type": "array", "minItems": 1, "items": case},
        },
        "patternProperties": _OWN,
        "additionalProperties": False,
    }


_SHAPES: dict[str, Schema] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string", "description": "One of them."}},
    "object": {"type": "object"},
}


def _named(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Return every expression that names objects, with their kind."""
    return [
        (name, prop.language.names)
        for kind in catalogue.kinds.values()
        for name, prop in kind.properties.items()
        if prop.language and prop.language.names
    ]


def published(catalogue: Catalogue) -> dict[str, Schema]:
    """Return every published schema of documents by file name."""
    return {
        "manifest.schema.json": manifest_schema(catalogue),
        f"{ROUTING_TEST}.schema.json": routing_test_schema(catalogue),
        **{f"{kind.kind}.schema.json": kind_schema(catalogue, kind) for kind in catalogue.kinds.values()},
    }
