"""A published schema in few words, for tests of what is made of one.

Law: it writes what a server publishes, in the server's own form, and nothing here is taken from a server.
"""

from __future__ import annotations

import json
from typing import Any

Type = dict[str, Any]

TEXT: Type = {"type": "string", "format": "string"}
LINES: Type = {"type": "string", "format": "text"}
FLAG: Type = {"type": "boolean"}
COUNT: Type = {"type": "number", "format": "unsignedInteger"}
NUMBER: Type = {"type": "number", "format": "float"}
WHOLE: Type = {"type": "number", "format": "integer"}
SPAN: Type = {"type": "number", "format": "duration"}
SIZE: Type = {"type": "number", "format": "size"}
DATE: Type = {"type": "utcDateTime"}
NETWORK: Type = {"type": "string", "format": "ipNetwork"}
SOCKET: Type = {"type": "string", "format": "socketAddress"}
SECRET: Type = {"type": "string", "format": "secret"}
SECRET_TEXT: Type = {"type": "string", "format": "secretText"}
EXPRESSION: Type = {"type": "object", "objectName": "x:Expression"}

#: The types that a server publishes of how secrets and texts are kept, and of expressions.
_TYPES: dict[str, Any] = {
    "Expression": {"else": TEXT, "match": {"type": "objectList", "objectName": "x:ExpressionMatch"}},
    "ExpressionMatch": {"if": TEXT, "then": TEXT},
    "SecretKeyOptional": {
        "None": {},
        "Value": {"secret": SECRET},
        "EnvironmentVariable": {"variableName": TEXT},
        "File": {"filePath": TEXT},
    },
    "SecretText": {
        "Text": {"secret": SECRET_TEXT},
        "EnvironmentVariable": {"variableName": TEXT},
        "File": {"filePath": TEXT},
    },
    "PublicText": {
        "Text": {"value": LINES},
        "EnvironmentVariable": {"variableName": TEXT},
        "File": {"filePath": TEXT},
    },
}


def nullable(given: Type) -> Type:
    """Return a type that may be null."""
    return {**given, "nullable": True}


def server_set(given: Type) -> Type:
    """Return a property that only the server writes."""
    return {"type": given, "update": "serverSet"}


def immutable(given: Type) -> Type:
    """Return a property that only a new object takes."""
    return {"type": given, "update": "immutable"}


def one(name: str) -> Type:
    """Return the type of an object of another type."""
    return {"type": "object", "objectName": f"x:{name}"}


def many(name: str, **more: Any) -> Type:
    """Return the type of a list of objects of another type."""
    return {"type": "objectList", "objectName": f"x:{name}", **more}


def reference(name: str) -> Type:
    """Return the type of the id of another kind's object."""
    return {"type": "objectId", "objectName": f"x:{name}"}


def members(given: Type, **more: Any) -> Type:
    """Return the type of a set."""
    return {"type": "set", "class": given, **more}


def mapping(key: Type, value: Type) -> Type:
    """Return the type of a map."""
    return {"type": "map", "keyClass": key, "valueClass": value}


def choice(*names: str) -> Type:
    """Return the type of an enum."""
    return {"type": "enum", "enumName": "/".join(names)}


def schema(
    kinds: dict[str, Any],
    *,
    singletons: tuple[str, ...] = (),
    types: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
) -> bytes:
    """Return a published schema.

    Args:
        kinds: by name, its properties, or the properties of each variant where the names begin with a capital.
        singletons: the kinds of which there is one object.
        types: nested types, written as kinds are.
        defaults: by kind or type (with the variant behind it, where it has some), the defaults of its properties.
        labels: by kind, the property that is its objects' title.
    """
    made: dict[str, Any] = {"objects": {}, "schemas": {}, "fields": {}, "forms": {}, "lists": {}, "enums": {}}
    for name in kinds:
        made["objects"][f"x:{name}"] = {"type": "singleton" if name in singletons else "object", "description": name}
    for name, label in (labels or {}).items():
        made["lists"][f"x:{name}"] = {"labelProperty": label, "filters": []}
    for name, given in {**_TYPES, **(types or {}), **kinds}.items():
        _shape(made, name, given, defaults or {})
    return json.dumps(made).encode()


def _shape(made: dict[str, Any], name: str, given: dict[str, Any], defaults: dict[str, Any]) -> None:
    if not given or not next(iter(given))[0].isupper():
        made["schemas"][f"x:{name}"] = {"type": "single", "schemaName": f"x:{name}"}
        _fields(made, name, given, defaults)
        return
    variants = []
    for variant, properties in given.items():
        entry = {"name": variant, "label": variant}
        if properties:
            entry["schemaName"] = f"x:{name}{variant}"
            _fields(made, f"{name}{variant}", properties, defaults)
        variants.append(entry)
    made["schemas"][f"x:{name}"] = {"type": "multiple", "variants": variants}


def _fields(made: dict[str, Any], name: str, properties: dict[str, Any], defaults: dict[str, Any]) -> None:
    fields = {key: given if "update" in given else {"type": given} for key, given in sorted(properties.items())}
    made["fields"][f"x:{name}"] = {"properties": fields, "defaults": defaults.get(name, {})}
    for field in fields.values():
        for given in (field["type"], field["type"].get("class", {}), field["type"].get("keyClass", {})):
            if given.get("type") == "enum":
                enum = given["enumName"]
                made["enums"][enum] = [{"name": each, "label": each} for each in enum.split("/")]


#: A small server: kinds that this program tells something of, and one that nobody knows.
SERVER = schema(
    {
        "Domain": {
            "name": TEXT,
            "aliases": members(TEXT),
            "description": nullable(TEXT),
            "createdAt": server_set(DATE),
            "memberTenantId": nullable(reference("Tenant")),
            "certificateManagement": one("CertificateManagement"),
        },
        "AcmeProvider": {"contact": members(TEXT, minItems=1), "directory": immutable(TEXT)},
        "Tenant": {"name": TEXT, "quotas": mapping(choice("maxAccounts", "maxDomains"), COUNT)},
        "Role": {
            "description": TEXT,
            "memberTenantId": nullable(reference("Tenant")),
            "roleIds": members(reference("Role")),
            "enabledPermissions": members(choice("authenticate", "sysDomainGet")),
        },
        "Authentication": {
            "defaultUserRoleIds": members(reference("Role")),
            "directoryId": nullable(reference("Directory")),
        },
        "Directory": {
            "Ldap": {
                "description": TEXT,
                "baseDn": TEXT,
                "bindSecret": one("SecretKeyOptional"),
                "timeout": SPAN,
            },
            "Sql": {"description": TEXT},
        },
        "Account": {
            "User": {
                "name": TEXT,
                "domainId": reference("Domain"),
                "aliases": many("EmailAlias"),
                "credentials": many("Credential"),
                "memberGroupIds": members({"type": "objectId", "objectName": "x:Account/Group"}),
                "roles": one("UserRoles"),
                "emailAddress": server_set(TEXT),
            },
            "Group": {"name": TEXT, "domainId": reference("Domain"), "emailAddress": server_set(TEXT)},
        },
        "MailingList": {
            "name": TEXT,
            "domainId": reference("Domain"),
            "recipients": members(TEXT),
            "emailAddress": server_set(TEXT),
        },
        "AllowedIp": {
            "address": immutable(NETWORK),
            "reason": nullable(TEXT),
            "createdAt": immutable(DATE),
            "expiresAt": nullable(DATE),
        },
        "NetworkListener": {
            "name": immutable(TEXT),
            "bind": members(SOCKET, minItems=1),
            "protocol": choice("smtp", "http", "imap", "pop3", "manageSieve"),
            "tlsImplicit": FLAG,
        },
        "ClusterRole": {"name": immutable(TEXT), "listeners": one("RoleListeners")},
        "MemoryLookupKey": {"namespace": TEXT, "key": TEXT, "isGlobPattern": FLAG},
        "HttpLookup": {"namespace": immutable(TEXT), "url": TEXT},
        "Certificate": {
            "certificate": one("PublicText"),
            "privateKey": one("SecretText"),
            "subjectAlternativeNames": server_set(members(TEXT)),
            "issuer": server_set(TEXT),
            "notValidBefore": server_set(DATE),
            "notValidAfter": server_set(DATE),
        },
        "DkimSignature": {
            "Dkim1Ed25519Sha256": {
                "domainId": reference("Domain"),
                "selector": TEXT,
                "privateKey": one("SecretText"),
                "publicKey": server_set(TEXT),
                "stage": choice("active", "retired"),
            },
        },
        "Alert": {"condition": EXPRESSION},
        "SieveSystemScript": {"name": TEXT, "contents": LINES, "isActive": FLAG},
        "SpamTag": {"Score": {"tag": TEXT, "score": NUMBER}, "Discard": {"tag": TEXT}},
        "Tracer": {
            "Log": {"path": TEXT, "level": choice("info", "debug")},
            "Stdout": {"level": choice("info", "debug")},
            "Journal": {"level": choice("info", "debug")},
        },
        "WebHook": {"url": TEXT, "signatureKey": one("SecretKeyOptional"), "httpHeaders": mapping(TEXT, TEXT)},
        "OAuthClient": {"clientId": TEXT, "secret": nullable(SECRET), "createdAt": server_set(DATE)},
        "SystemSettings": {
            "defaultHostname": TEXT,
            "defaultDomainId": reference("Domain"),
            "maxConnections": {**COUNT, "min": 1},
            "services": mapping(choice("imap", "smtp"), one("Service")),
        },
        "Http": {"allowedEndpoints": EXPRESSION, "rateLimit": nullable(one("Rate")), "offset": WHOLE},
        "DnsServer": {"Bunny": {"description": TEXT, "secret": one("SecretKeyOptional")}},
        "Coordinator": {"Disabled": {}, "Redis": {"url": TEXT}},
        "DnsResolver": {"System": {}, "Custom": {"servers": many("DnsAddress", minItems=1)}},
        "Gadget": {
            "label": TEXT,
            "weight": {**NUMBER, "min": 0.0, "max": 1.0},
            "sizes": mapping(choice("small", "large"), COUNT),
            "parts": many("Part", minItems=1),
        },
    },
    singletons=("Authentication", "Coordinator", "DnsResolver", "SystemSettings", "Http"),
    types={
        "CertificateManagement": {"Manual": {}, "Automatic": {"acmeProviderId": reference("AcmeProvider")}},
        "EmailAlias": {"name": TEXT, "domainId": reference("Domain")},
        "Credential": {
            "Password": {"credentialId": server_set(TEXT), "secret": SECRET},
            "ApiKey": {"credentialId": server_set(TEXT), "secret": SECRET},
        },
        "UserRoles": {"User": {}, "Custom": {"roleIds": members(reference("Role"))}},
        "RoleListeners": {"EnableAll": {}, "EnableSome": {"listenerIds": members(reference("NetworkListener"))}},
        "Service": {"hostname": nullable(TEXT), "cleartext": FLAG},
        "DnsAddress": {"address": {"type": "string", "format": "ipAddress"}, "port": COUNT},
        "Rate": {"count": COUNT, "period": SPAN},
        "Part": {"name": TEXT, "domainId": nullable(reference("Domain"))},
    },
    defaults={
        "AcmeProvider": {"directory": "https://ca.example.org/directory"},
        "DirectoryLdap": {"timeout": 30000},
        "DnsAddress": {"address": "127.0.0.1", "port": 53},
        "Http": {"allowedEndpoints": {"default": "200"}, "rateLimit": {"count": 100, "period": "1m"}},
        "SystemSettings": {"maxConnections": 8192},
        "Gadget": {"weight": 0.5},
    },
    labels={"Gadget": "label"},
)
