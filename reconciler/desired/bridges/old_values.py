"""Values of a configuration of Stalwart 0.13 to 0.15 as 0.16 has them: numbers, words, headers, secrets, macros.

Law: as in `old`: its table says what becomes what; a value that cannot be carried is told, and never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.desired.bridges.bridged import Bridged, Foreign
from reconciler.desired.bridges.cleaned import PLACEHOLDER
from reconciler.desired.bridges.conditions import Condition, Conditions
from reconciler.desired.bridges.reading import Keys, boolean, duration, integer, rate
from reconciler.desired.bridges.translating import variable
from reconciler.kinds import Catalogue, Property
from reconciler.values import Severity

_MACRO = re.compile(r"%\{(env|file):([^}]*)\}%")


@cache
def table() -> Mapping[str, Any]:
    """Return which keys become what."""
    content: Mapping[str, Any] = json.loads((Path(__file__).parent / "old.json").read_text())
    return content


class Values:
    """Converts the values of one configuration."""

    def __init__(self, catalogue: Catalogue, bridged: Bridged, keys: Keys) -> None:
        self.catalogue = catalogue
        self.bridged = bridged
        self.keys = keys
        self.conditions = Conditions(catalogue, keys, self.say)
        #: Expressions by kind and property, for the tests.
        self.proofs: dict[tuple[str, str], Condition] = {}

    def say(self, severity: Severity, code: str, message: str, line: int, hint: str = "") -> None:
        """Tell of what is carried otherwise, or not at all."""
        self.bridged.tell(severity, code, message, line=line, hint=hint)

    def value(self, key: str, rule: Mapping[str, Any], prop: Property, made: Foreign) -> Any:
        """Return the value of a key as a manifest may hold it; None where it is as good as not there."""
        sort, line = rule.get("as", "text"), self.keys.line(key)
        if sort == "expression":
            condition = self.conditions.read(key, prop, rule)
            if condition is None:
                return None
            self.proofs[made.kind, rule["to"]] = condition
            self.need(condition.variables)
            return condition.value
        texts = self.keys.values(key)
        if not texts:
            message = f"{key} is a condition, and here a plain value only can be said"
            self.say("error", "condition", message, line, "give it one value")
            return None
        lost = next(filter(None, map(self.keys.lost, texts)), "")
        if lost:
            self.say("error", "macro", f"{key}: {lost}", line)
            return None
        if sort == "secret":
            return self.secret(key, texts[0], line)
        try:
            return self.converted(sort, rule, prop, texts, made, key)
        except ValueError as error:
            message = f"{key}: {error}; 0.15 went on with its default, and so does this"
            self.say("warning", "value", message, line)
            return None

    def converted(
        self, sort: str, rule: Mapping[str, Any], prop: Property, texts: list[str], made: Foreign, key: str
    ) -> Any:
        """Return a text as a value of some sort: a number, a duration, a list, an object. Raises ValueError."""
        text = texts[0].strip()
        match sort:
            case "boolean":
                return boolean(text)
            case "integer" | "size":
                return integer(text)
            case "duration":
                return duration(text)
            case "seconds":
                # Parts of a second counted for nothing.
                return max(duration(text) // 1000, 1) * 1000
            case "durations":
                return [duration(text) for text in texts if text.strip()]
            case "rate":
                return rate(text)
            case "enum":
                wire = rule["values"].get(text.lower())
                if wire is None:
                    raise ValueError("it is no word that 0.15 knew")
                return wire
            case "words":
                return self.words(texts, prop, key)
            case "texts":
                return texts
            case "list":
                return [self.member(rule["each"], text) for text in texts]
            case "headers":
                return self.headers(texts, rule, made, key)
        return self.plain(texts[0], made)

    def words(self, texts: Sequence[str], prop: Property, key: str) -> list[str]:
        """Return members of a set, in the spelling of 0.16; those that it has not are told."""
        made = []
        for text in texts:
            head, *rest = text.strip().strip("'").lower().split("_")
            word = head + "".join(part.title() for part in rest)
            if word in prop.values:
                made.append(word)
            else:
                self.say(
                    "warning", "word", f"{key}: {text} is none that 0.16 knows, and is left out", self.keys.line(key)
                )
        if not made:
            raise ValueError("nothing of it is left")
        return made

    def member(self, template: Mapping[str, str], text: str) -> dict[str, Any]:
        """Return a member of a list of objects, some of whose properties stand in other tables."""
        made: dict[str, Any] = {}
        for name, source in template.items():
            filled = source.replace("$", text)
            if not filled.startswith("@"):
                made[name] = filled
            elif values := self.keys.values(filled[1:]):
                self.keys.mark(filled[1:], "carried")
                made[name] = values[0]
        return made

    def headers(self, texts: Sequence[str], rule: Mapping[str, Any], made: Foreign, key: str) -> dict[str, str] | None:
        """Return headers as a map; one that carries a token becomes a secret."""
        headers = {}
        for text in texts:
            name, colon, value = (part.strip() for part in text.partition(":"))
            if not colon:
                raise ValueError("a header is a name, a colon and a value")
            scheme, _, token = value.partition(" ")
            if name.lower() == "authorization" and scheme.lower() == "bearer":
                bearer = rule["bearer"]
                made.spec[bearer["to"]] = wrapped(bearer["wrap"], self.secret(key, token, self.keys.line(key)))
            elif name.lower() in ("authorization", "proxy-authorization"):
                message = f"{key} holds credentials in {name}, and is left out: no manifest may hold them"
                self.say("warning", "credentials", message, self.keys.line(key))
            else:
                headers[name] = value
        return headers or None

    def secret(self, key: str, text: str, line: int) -> dict[str, Any]:
        """Return where a secret comes from: the server's own environment or file, or a variable of ours."""

        def secret(sort: str, value: str) -> dict[str, Any]:
            made: dict[str, Any] = wrapped(table()["secrets"][sort], value)
            return made

        match = _MACRO.fullmatch(text.strip())
        if match and match[1] == "env":
            message = f"{key}: the server must have the variable {match[2]} before the first reload, or refuses it"
            self.say("note", "server-secret", message, line)
            return secret("env", match[2])
        if match and match[1] == "file":
            path = match[2].removeprefix("//")
            message = f"{key}: the server must be able to read {path} before the first reload, or refuses it"
            self.say("note", "server-secret", message, line)
            return secret("file", path)
        return secret("text", PLACEHOLDER)

    def plain(self, text: str, made: Foreign) -> str | None:
        """Return a text; what it takes from the environment becomes a variable of manifests."""
        names: dict[str, str] = {}

        def replaced(match: re.Match[str]) -> str:
            names[variable(match[2].rpartition("/")[2])] = match[2] if match[1] == "env" else ""
            return f"${{var:{variable(match[2].rpartition('/')[2])}}}"

        filled = _MACRO.sub(replaced, text)
        self.need(names)
        return filled or None

    def need(self, variables: Mapping[str, str]) -> None:
        """Say that manifests need some variables, and that reconciler.yaml may read them from the environment."""
        for name, source in variables.items():
            if source:
                # Variables of this name may be read without a policy that says so.
                self.bridged.variables[name] = f"${{env:RECONCILER_VAR_{source}}}"
                message = f"what the server read from {source} is a variable of manifests now"
                self.say("note", "variable", message, 0, f"set RECONCILER_VAR_{source} where they are read")
            else:
                self.bridged.variables[name] = "what the server read from its file"


def wrapped(template: Any, value: Any) -> Any:
    """Return a value as the template says: `$` is the value, `$0` and `$1` are its parts."""
    if template is None:
        return value
    if isinstance(template, dict):
        return {name: wrapped(member, value) for name, member in template.items()}
    if template == "$":
        return value
    if template in ("$0", "$1"):
        return value[int(template[1])]
    return template
