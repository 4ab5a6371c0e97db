"""The objects that Stalwart's own pages show work as specs, and are in sync once they are applied."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.running import command, environment

MX: dict[str, Any] = {"@type": "Mx", "name": "mx", "ipLookupStrategy": "v4ThenV6"}
MILTER: dict[str, Any] = {
    "allowInvalidCerts": False,
    "enable": {"else": "true"},
    "flagsAction": 1000,
    "flagsProtocol": 1000,
    "hostname": "mail.example.com",
    "maxResponseSize": 52428800,
    "port": 11332,
    "protocolVersion": "v6",
    "stages": ["data"],
    "tempFailOnError": True,
    "timeoutCommand": "30s",
    "timeoutConnect": "30s",
    "timeoutData": "60s",
    "useTls": False,
}
LOCAL_ROUTE = {"if": "is_local_domain(rcpt_domain)", "then": "'local'"}
STRATEGY: dict[str, Any] = {
    "connection": {"else": "'default'"},
    "route": {"else": "'mx'", "match": [LOCAL_ROUTE]},
    "schedule": {
        "else": "'remote'",
        "match": [
            LOCAL_ROUTE,
            {"if": "source == 'dsn'", "then": "'dsn'"},
            {"if": "source == 'report'", "then": "'report'"},
        ],
    },
    "tls": {"else": "'default'", "match": [{"if": "retry_num > 0 && last_error == 'tls'", "then": "'invalid-tls'"}]},
}
RELAY = {
    "@type": "Relay",
    "name": "relay",
    "address": "relay.example.org",
    "port": 25,
    "protocol": "smtp",
    "implicitTls": False,
    "allowInvalidCerts": False,
    "authSecret": {"@type": "None"},
}
FALLBACK = {
    "@type": "Relay",
    "name": "fallback",
    "address": "fallback.example.org",
    "port": 25,
    "protocol": "smtp",
    "authSecret": {"@type": "None"},
}
LMTP = {
    "@type": "Relay",
    "name": "lmtp",
    "address": "localhost",
    "port": 24,
    "protocol": "lmtp",
    "implicitTls": False,
    "allowInvalidCerts": True,
    "authUsername": "relay_server",
    "authSecret": {"@type": "Value", "secret": "123456"},
}
EXAMPLES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a local route": ("MtaRoute", [{"@type": "Local", "name": "local"}]),
    "an MX route": ("MtaRoute", [{**MX, "maxMxHosts": 3, "maxMultihomed": 2}]),
    "a relay beside MX": ("MtaRoute", [RELAY, MX]),
    "failover": ("MtaRoute", [{"@type": "Local", "name": "local"}, MX, FALLBACK]),
    "delivery over LMTP": ("MtaRoute", [LMTP, MX]),
    "a milter": ("MtaMilter", [MILTER]),
    "one field of the strategy": ("MtaOutboundStrategy", [{"connection": {"else": "'default'"}}]),
    "the whole strategy": ("MtaOutboundStrategy", [STRATEGY]),
}
NAMELESS: dict[str, tuple[str, dict[str, Any]]] = {
    "MX route": (
        "MtaRoute",
        {"@type": "Mx", "description": "Example", "ipLookupStrategy": "v4ThenV6", "maxMultihomed": 2, "maxMxHosts": 5},
    ),
    "connection strategy": ("MtaConnectionStrategy", {"sourceIps": {}}),
}


def manifest(directory: Path, kind: str, specs: list[dict[str, Any]]) -> str:
    path = directory / "example.json"
    body = {"spec": specs[0]} if len(specs) == 1 else {"items": specs}
    path.write_text(json.dumps({"kind": kind, **body}), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("kind", "specs"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_a_documented_object_is_a_spec(sandbox: Any, tmp_path: Path, kind: str, specs: list[dict[str, Any]]) -> None:
    path, env = manifest(tmp_path, kind, specs), environment(sandbox.url)

    applied = command("apply", "--yes", path, env=env)
    plan = command("plan", "--detailed-exitcode", "--format", "json", path, env=env)

    assert (applied.code, applied.err) == (0, "")
    assert (plan.code, plan.json["changes"]) == (0, [])


@pytest.mark.parametrize(("kind", "spec"), NAMELESS.values(), ids=NAMELESS.keys())
def test_a_documented_create_without_a_name_is_refused(
    sandbox: Any, tmp_path: Path, kind: str, spec: dict[str, Any]
) -> None:
    path, env = manifest(tmp_path, kind, [spec]), environment(sandbox.url)
    before = sandbox.state()

    applied = command("apply", "--yes", path, env=env)

    after = sandbox.state()
    assert applied.code == 65
    assert "the required field name is missing" in applied.err
    assert after["requests"] == before["requests"]
    assert after["writes"] == before["writes"]
