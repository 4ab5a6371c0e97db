"""Plays a plan of stalwart-cli as its documentation says: three passes, matchOn, scope, client ids, no reload.

Law: it shares nothing with what imports and writes such plans.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.talk import Talk

#: What an operation finds objects by where it does not say; else `name`.
LABELS = {
    "MtaMilter": ["hostname"],
    "MtaHook": ["url"],
    "MtaInboundThrottle": ["description"],
    "MtaOutboundThrottle": ["description"],
    "MtaQueueQuota": ["description"],
}
FIXED = {"name", "@type"}


class Player:
    """Plays plans on one sandbox."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.made: dict[str, str] = {}
        self.doomed: list[tuple[str, str]] = []

    def play(self, text: str) -> None:
        """Play a plan; any refusal fails the test."""
        operations = [json.loads(line) for line in text.splitlines() if line]
        for each in reversed(operations):
            if each["@type"] == "destroy":
                for number, held in self.listed(each["object"]).items():
                    if all(held.get(name) == value for name, value in (each.get("value") or {}).items()):
                        self.destroy(each["object"], number)
        for each in operations:
            getattr(self, f"do_{each['@type']}")(each)
        for kind, number in dict.fromkeys(reversed(self.doomed)):
            self.destroy(kind, number)
        self.doomed.clear()

    def do_destroy(self, operation: Mapping[str, Any]) -> None:
        """Destroys were made before."""

    def do_create(self, operation: Mapping[str, Any]) -> None:
        for client, body in operation["value"].items():
            self.create(operation["object"], client.removeprefix("#"), body)

    def do_upsert(self, operation: Mapping[str, Any]) -> None:
        kind, scope = operation["object"], operation.get("scope") or {}
        matched = set()
        for client, body in operation["value"].items():
            whole = {**scope, **body}
            names = operation.get("matchOn") or LABELS.get(kind, ["name"])
            alike = [
                number
                for number, held in self.listed(kind).items()
                if all(held.get(name) == whole.get(name) for name in names)
            ]
            assert len(alike) < 2, "ambiguous"
            if alike:
                self.made[client] = alike[0]
                patch = {name: value for name, value in whole.items() if name not in FIXED}
                self.update(kind, alike[0], patch)
            else:
                self.create(kind, client, whole)
            matched.add(self.made[client])
        if operation["@type"] == "reconcile":
            self.doomed += [
                (kind, number)
                for number, held in self.listed(kind).items()
                if number not in matched and all(held.get(name) == value for name, value in scope.items())
            ]

    do_reconcile = do_upsert

    def do_update(self, operation: Mapping[str, Any]) -> None:
        number = operation.get("id") or "singleton"
        self.update(
            operation["object"], self.made[number[1:]] if number.startswith("#") else number, operation["value"]
        )

    def listed(self, kind: str) -> dict[str, Any]:
        """Return the objects of a kind by number, in order of creation."""
        found = self.talk.call(f"x:{kind}/get", ids=None)["list"]
        return {each["id"]: each for each in found}

    def create(self, kind: str, client: str, body: Mapping[str, Any]) -> None:
        answer = self.talk.call(f"x:{kind}/set", create={"a": self.resolved(body)})
        assert answer.get("created"), answer
        self.made[client] = answer["created"]["a"]["id"]

    def update(self, kind: str, number: str, patch: Mapping[str, Any]) -> None:
        answer = self.talk.call(f"x:{kind}/set", update={number: self.resolved(patch)})
        assert number in (answer.get("updated") or {}), answer

    def destroy(self, kind: str, number: str) -> None:
        answer = self.talk.call(f"x:{kind}/set", destroy=[number])
        assert answer.get("destroyed") == [number], answer

    def resolved(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a body with ids in place of client ids."""
        return {
            name: self.made.get(value[1:], value) if isinstance(value, str) and value.startswith("#") else value
            for name, value in body.items()
        }
