"""Bodies in wire form as other tools write them, brought to what a manifest may hold.

Law: the catalogue says what may go; no kind is named here. A secret's text never leaves this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.kinds import Catalogue, Kind, Property, Record
from reconciler.values import Severity

#: Stands for every secret until it is named: `(severity, code, pointer, message, hint)`.
PLACEHOLDER = "${env:SECRET}"
Tell = Callable[[Severity, str, str, str, str], None]
#: Returns what a reference is called, or None where nothing has this client id.
Named = Callable[[str, str], str | None]

_TEMPLATE = re.compile(r"\$\{|\{\{|\$[A-Z][A-Z0-9_]+")
_TEMPLATE_IN_EXPRESSION = re.compile(r"\$\{|\{\{")


class Cleaner:
    """Cleans bodies by one catalogue."""

    def __init__(self, catalogue: Catalogue, named: Named, tell: Tell) -> None:
        self.catalogue = catalogue
        self.named = named
        self.tell = tell

    def body(self, kind: Kind, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return a body that differs from the one given only where that changes nothing, or is told."""
        return self._record(kind, value, "")

    def _record(self, record: Record, value: Mapping[str, Any], at: str) -> dict[str, Any]:
        variant = value.get("@type", value.get("type"))
        known = isinstance(variant, str) and variant in record.variants
        shape = record.shape(variant) if known and isinstance(variant, str) else record.legible(None)
        made: dict[str, Any] = {}
        for name, held in value.items():
            if name == "@type" and not record.variants:
                continue
            prop = shape.get(name)
            if prop is None:
                made[name] = held
            elif prop.mutability != "server-set":
                cleaned = self._property(prop, held, f"{at}{name}")
                if cleaned is not None or held is None:
                    made[name] = cleaned
        for name, prop in shape.items() if known else ():
            if prop.sensitive and prop.required and name not in made and made.keys() <= {"@type", "type"}:
                made[name] = PLACEHOLDER
        return made

    def _property(self, prop: Property, held: Any, at: str) -> Any:
        """Return what a property holds, or None where it is as good as left out."""
        if prop.sensitive:
            return PLACEHOLDER if isinstance(held, str) else held
        if prop.type == "reference" and isinstance(held, str):
            return self._reference(prop, held, at)
        if prop.type == "string" and isinstance(held, str):
            if not held and not prop.required:
                self.tell("note", "empty-text", at, "an empty text, which the server refuses, is left out", "")
                return None
            self._literal(held, at, _TEMPLATE)
        elif prop.language:
            return self._expression(prop, held, at)
        elif prop.type in ("set", "list") and isinstance(held, list):
            self._array(at)
            if prop.type == "list":
                return [self._member(prop, element, f"{at}/{index}") for index, element in enumerate(held)]
        elif prop.type == "set" and isinstance(held, dict):
            return {name: present for name, present in held.items() if present is not False}
        elif prop.type == "list" and isinstance(held, dict):
            return {key: self._member(prop, member, f"{at}/{key}") for key, member in held.items()}
        elif prop.type == "object" and isinstance(held, dict):
            return self._record(self.catalogue.types[prop.of], held, f"{at}/")
        return held

    def _member(self, prop: Property, held: Any, at: str) -> Any:
        return self._record(self.catalogue.types[prop.of], held, f"{at}/") if isinstance(held, dict) else held

    def _expression(self, prop: Property, held: Any, at: str) -> Any:
        if not isinstance(held, dict):
            return held
        if prop.language and prop.language.empty and not held.get("else") and not held.get("match"):
            return None
        made = {part: member for part, member in held.items() if part != "@type"}
        branches = made.get("match")
        if isinstance(branches, list):
            self._array(f"{at}/match")
        elif isinstance(branches, dict):
            branches = list(branches.values())
        texts = [made.get("else")]
        for element in branches if isinstance(branches, list) else ():
            texts += element.values() if isinstance(element, dict) else ()
        for text in texts:
            if isinstance(text, str):
                self._literal(text, at, _TEMPLATE_IN_EXPRESSION)
        return made

    def _array(self, at: str) -> None:
        self.tell("note", "array", at, "a JSON array, where the server takes an object only: it would refuse this", "")

    def _literal(self, text: str, at: str, template: re.Pattern[str]) -> None:
        if template.search(text):
            hint = "render the template first, and import what comes out"
            self.tell("error", "template", at, "it holds what looks like a variable of a template", hint)

    def _reference(self, prop: Property, held: str, at: str) -> str:
        if not held.startswith("#"):
            return held if held.startswith("id:") else f"id:{held}"
        name = self.named(prop.to, held[1:])
        if name is None:
            hint = f"a {prop.to} of this client id must be made in the same plan; or write the server's own id"
            self.tell("error", "unknown-reference", at, f"no {prop.to} of this plan has the client id {held}", hint)
            return "id:a"
        return name
