"""Variables: `${var:NAME}` in any string of a manifest.

Law: nothing else is templated; a variable alone takes its own type, within a text it becomes text, and within an
expression it becomes a literal, so that no value can change what an expression does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.kinds import Catalogue, Kind, Property, Record, holds_secret
from reconciler.values import EnvironmentText, literal, reference_of

#: What a secret is read from.
SECRETS = ("env", "file")
_WRITTEN = r"\$\$\{|\$\{(?P<source>[a-z]*):?(?P<name>[^{}]*)\}|\$\{"
#: A variable as other tools write it.
_FOREIGN = r"\$\{(?:[A-Za-z]+[.:])?([A-Za-z_][A-Za-z0-9_.-]*)(?::?[-?+=].*)?\}"

_WHOLE = r"(0|-?[1-9][0-9]{0,18})\Z"

Path = tuple[str, ...]
#: Says which property a path leads to or into.
Leading = Callable[[Path], Property | None]
#: Told of a mistake: path, message, hint.
Tell = Callable[[Path, str, str], None]


class LiteralText(str):
    """A text whose `$${` has become `${`, so that it is no reference whatever it looks like."""

    __slots__ = ()


class Substitution:
    """The variables of one target."""

    def __init__(self, catalogue: Catalogue, variables: Mapping[str, Any]) -> None:
        self.catalogue = catalogue
        self.variables = variables
        #: A variable of the environment was put in some place.
        self.of_environment = False

    def spec(self, kind: Kind, value: Any, tell: Tell) -> Any:
        """Return a spec with its variables replaced; references to secrets stay as they are."""
        return self._walk(value, (), tell, lambda path: self._property(kind, path), secrets=True)

    def plain(self, value: Any, tell: Tell) -> Any:
        """Return what is no spec, such as metadata, with its variables replaced."""
        return self._walk(value, (), tell, lambda _: None, secrets=False)

    def _walk(self, value: Any, path: Path, tell: Tell, leading: Leading, *, secrets: bool) -> Any:
        if isinstance(value, dict):
            members: dict[str, Any] = {}
            for key, inner in value.items():
                name = str(self._text(key, (*path, key), tell, None)) if "${" in key else key
                if name in members:
                    tell((*path, key), f"with its variable the key {name} stands twice", "take one of them out")
                members[name] = self._walk(inner, (*path, key), tell, leading, secrets=secrets)
            return members
        if isinstance(value, list):
            return [
                self._walk(inner, (*path, str(index)), tell, leading, secrets=secrets)
                for index, inner in enumerate(value)
            ]
        if not isinstance(value, str) or "${" not in value or (secrets and reference_of(value)[0] in SECRETS):
            return value
        return self._text(value, path, tell, leading(path))

    def _property(self, kind: Kind, path: Path) -> Property | None:
        """Return the property that a path in a spec leads to or into; None where there is none."""
        record: Record = kind
        prop: Property | None = None
        for step in path:
            if prop is not None and (prop.language or prop.type in ("set", "map")):
                return prop
            if prop is not None and prop.type == "list":
                record = self.catalogue.types[prop.of]
                # A bare element stands for its one required field.
                prop = record.properties.get(record.short)
                continue
            record = self.catalogue.types[prop.of] if prop is not None and prop.type == "object" else record
            prop = record.legible(None).get(step)
            if prop is None:
                return None
        return prop

    def _text(self, text: str, path: Path, tell: Tell, prop: Property | None) -> Any:
        source, alone = reference_of(text)
        # The name behind `use:` is no expression.
        expression = prop is not None and prop.language is not None and path[-1] != "use"
        if source == "var" and not expression:
            value = self._value(alone, path, tell)
            return _typed(value, prop) if isinstance(value, EnvironmentText) else value
        parts: list[str] = []
        last = 0
        for match in re.finditer(_WRITTEN, text):
            parts.append(text[last : match.start()])
            last = match.end()
            if match[0] == "$${":
                parts.append("${")
                continue
            if match["source"] != "var":
                tell(path, *self._meant(match[0], prop))
                continue
            value = self._value(match["name"], path, tell)
            quoted = expression and _quoted("".join(parts))
            parts.append(self._within(value, path, tell, expression=expression, quoted=quoted))
        parts.append(text[last:])
        return LiteralText("".join(parts))

    def _meant(self, written: str, prop: Property | None) -> tuple[str, str]:
        """Return what is wrong with a `${` that is no variable, and what was most likely meant."""
        secret = prop is not None and holds_secret(self.catalogue, prop)
        if written.startswith(("${env:", "${file:")) and written.endswith("}"):
            if secret:
                return f"{written} is a part of a text", f"a reference to a secret stands alone: write {written}"
            return f"{written} is for secrets alone", "write ${var:NAME} for what is none"
        # `${FOO}`, `${ENV:FOO}` and `${env.FOO}` are what other tools write.
        name = re.fullmatch(_FOREIGN, written)
        if name is None:
            forms = "${env:NAME} or ${file:PATH}" if secret else "${var:NAME}"
            return f"{written} is no variable", f"write {forms}; $${{ stands for a literal ${{"
        return f"{written} is no variable", f"write ${{{'env' if secret else 'var'}:{name[1]}}}"

    def _value(self, name: str, path: Path, tell: Tell) -> Any:
        if name not in self.variables:
            known = ", ".join(sorted(self.variables)) or "none"
            tell(path, f"there is no variable {name}", f"known here: {known}")
            return ""
        value = self.variables[name]
        self.of_environment |= isinstance(value, EnvironmentText)
        return LiteralText(value) if isinstance(value, str) and "${" in value else value

    def _within(self, value: Any, path: Path, tell: Tell, *, expression: bool, quoted: bool) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            return str(value)
        if not expression:
            return value
        if quoted:
            if any(mark in value for mark in "'\"\\"):
                tell(path, "the variable's value holds a quote or a backslash", "an expression's text cannot hold it")
                return ""
            return value
        try:
            return literal(value)
        except ValueError as error:
            tell(path, f"the variable's value cannot stand in an expression: {error}", "")
            return ""


def references(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every reference to a secret; a text that was freed of `$${` is none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from references(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from references(inner, (*path, str(index)))
    elif type(value) is str and reference_of(value)[0] in SECRETS:
        yield path


def names_in(value: Any) -> Iterator[str]:
    """Yield every variable that a value is written with, as `${var:NAME}`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from names_in(key)
            yield from names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)
    elif isinstance(value, str) and "${" in value:
        yield from (match[0] for match in re.finditer(_WRITTEN, value) if match["source"] == "var")


def _quoted(before: str) -> bool:
    """Whether what follows a part of an expression stands within a string literal."""
    quote = ""
    escaped = False
    for character in before:
        if escaped:
            escaped = False
        elif quote and character == "\\":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return bool(quote)


def _typed(value: EnvironmentText, prop: Property | None) -> Any:
    """Return a text of the environment as the number or the boolean that a property wants, written as YAML has it."""
    if prop is not None and prop.type in ("integer", "duration", "size") and re.match(_WHOLE, value):
        return int(value)
    if prop is not None and prop.type == "boolean" and value in ("true", "false"):
        return value == "true"
    return str(value)
