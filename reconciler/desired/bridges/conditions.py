"""Conditional values of an old configuration to expressions of 0.16.

Law: what 0.15 did with a value is what is written, and where that was not what the value says, a warning tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from reconciler.desired.bridges.reading import IfThen, Keys
from reconciler.desired.bridges.translating import Translated, Untranslatable, translate
from reconciler.kinds import Catalogue, Property, check_expression, context_of
from reconciler.values import Severity, literal, unquote

#: A severity, a code, a sentence, a line, and a hint.
Tell = Callable[[Severity, str, str, int, str], None]


class Condition(Struct):
    """An expression as a manifest may hold it, and the branches that it was made of."""

    value: Any
    branches: list[tuple[str | None, str]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    #: It is what the author meant, where 0.15 refused the value and went on with its default.
    meant: bool = False


class Conditions:
    """Reads conditional values of one configuration."""

    def __init__(self, catalogue: Catalogue, keys: Keys, tell: Tell) -> None:
        self.catalogue = catalogue
        self.keys = keys
        self.tell = tell

    def read(self, key: str, prop: Property, rule: Mapping[str, Any]) -> Condition | None:
        """Return the value of a key as an expression; None where nothing of it goes on.

        Args:
            key: the whole key.
            prop: the property that it becomes.
            rule: what is said of the field: `false` and `instead` are results by other names.
        """
        line = self.keys.line(key)
        branches = self.keys.branches(key)
        word = self.keys.foreign(key)
        if word:
            message = f"{key} has {word}, of which conditions were made before 0.6: they have no like in 0.16"
            self.tell("error", "condition", message, line, "write each as one expression: if and then")
            return None
        meant = bool(branches) and all(if_then.condition is None for if_then in branches or ())
        if branches is None:
            values = self.keys.values(key)
            if not values:
                return None
            if len(values) > 1 or key not in self.keys.all:
                if rule.get("words"):
                    values = [f"[{', '.join(value.strip(chr(39)) for value in values)}]"]
                else:
                    message = f"{key} is a list, which 0.15 refused for its default: its first value is taken as meant"
                    self.tell("warning", "list", message, line, "")
            if not values[0].strip() and not _off(prop):
                # Nothing is what 0.15 did without the key too.
                return None
            branches = [IfThen(None, values[0], line)]
        elif self.keys.unordered(key):
            message = f"the numbers of {key} are ordered as numbers here; 0.15 ordered them as texts, and 10 before 2"
            self.tell("warning", "order", message, line, "pad them in mind: 0.15 may have refused the list")
        elif all(if_then.condition is None for if_then in branches):
            message = f"{key} is a list with nothing but an else, which 0.15 refused for its default"
            hint = "what it says is written here, so that mail will follow it now: take it out if it should not"
            self.tell("warning", "else-only", message, line, hint)
        condition = self.judged(key, prop, rule, branches, line)
        if condition is not None:
            condition.meant = condition.meant or meant
        return condition

    def judged(
        self, key: str, prop: Property, rule: Mapping[str, Any], given: list[IfThen], line: int
    ) -> Condition | None:
        """Return the expression of some branches, or what 0.15 made of them where it refused them."""
        wrong = _misordered(given)
        if wrong:
            return self.refused(key, prop, rule, line, wrong)
        context = context_of(self.catalogue, prop)
        made = Condition(None)
        for if_then in given:
            try:
                condition = (
                    None if if_then.condition is None else self.translated(key, if_then.condition, if_then.line, made)
                )
                result = self.result(
                    key, prop, rule, str(if_then.result), if_then.line, made, alone=if_then.condition is None
                )
            except Untranslatable as error:
                hint = "write this expression anew for 0.16, and import what is left"
                self.tell("error", "expression", f"{key}: {error}", if_then.line, hint)
                return None
            for text in (condition, result):
                wrong_text = check_expression(text, context) if text is not None else None
                if wrong_text:
                    return self.refused(
                        key, prop, rule, if_then.line, f"{wrong_text.message} (column {wrong_text.column})"
                    )
            made.branches.append((condition, result))
        *conditions, (_, otherwise) = made.branches
        match = [{"if": condition, "then": result} for condition, result in conditions]
        made.value = {"match": match, "else": otherwise} if match else {"else": otherwise}
        return made

    def refused(self, key: str, prop: Property, rule: Mapping[str, Any], line: int, why: str) -> Condition | None:
        """Return what 0.15 went on with where it refused a value: its default, which most often is 0.16's."""
        message = f"{key} was refused by 0.15, which went on with its default, and so does this: {why}"
        self.tell("warning", "refused", message, line, "")
        if "refused" in rule:
            return Condition({"else": rule["refused"]}, [(None, rule["refused"])])
        if "absent" in rule:
            # As if nothing was said.
            return None
        default = prop.default if isinstance(prop.default, dict) else None
        branches: list[tuple[str | None, str]] = []
        if default:
            branches = [(member["if"], member["then"]) for member in default["match"].values()]
            branches.append((None, default["else"]))
        return Condition(default, branches)

    def translated(self, key: str, text: str, line: int, made: Condition) -> str:
        """Return one expression for 0.16, and tell what is to be known of it."""
        if not text.strip():
            return ""
        translated: Translated = translate(text, self.keys.text)
        for note in dict.fromkeys(translated.notes):
            self.tell("warning", "expression", f"{key}: {note}", line, "")
        made.variables |= translated.variables
        return translated.text

    def result(
        self,
        key: str,
        prop: Property,
        rule: Mapping[str, Any],
        text: str,
        line: int,
        made: Condition,
        *,
        alone: bool,
    ) -> str:
        """Return what a branch gives, as 0.16 has to hear it; `alone` if no condition leads to it."""
        bare = text.strip()
        if not bare:
            # 0.15 read nothing as no result.
            if rule.get("false"):
                return literal(rule["false"])
            return "false" if _off(prop) else "''"
        if "false" in rule:
            if bare == "false":
                return literal(rule["false"])
            name = unquote(bare)
            if name in rule.get("instead", {}):
                return literal(rule["instead"][name])
            if name is None and check_expression(bare, context_of(self.catalogue, prop)) and _is_word(bare):
                message = f"{key} gives the bare word {bare}, which 0.15 refused for its default"
                hint = "it is written as the name here, so that mail will follow it now"
                self.tell("warning", "bare-word", message, line, hint)
                made.meant = True
                return literal(bare)
        translated = self.translated(key, bare, line, made)
        if rule.get("script") and unquote(translated):
            message = f"{key} runs the script {translated}, which must be there in 0.16 (a SieveSystemScript)"
            self.tell("warning", "script", message, line, "")
        alarm = rule.get("alarm")
        if alarm and alone and translated == alarm["value"]:
            self.tell("warning", "alarm", f"{key}: {alarm['text']}", line, "")
        return translated


def _misordered(branches: list[IfThen]) -> str:
    """Say why 0.15 refused a list of branches, or ""."""
    for at, if_then in enumerate(branches):
        last = at + 1 == len(branches)
        if if_then.result is None:
            return "an if stands there without a then"
        if if_then.condition is None and not last:
            return "something follows the else"
        if if_then.condition is not None and last:
            return "it has no else"
        if if_then.condition is not None and not if_then.condition.strip():
            return "a then stands there without an if"
    return ""


def _off(prop: Property) -> bool:
    """Whether a property is off where nothing is said of it."""
    return isinstance(prop.default, dict) and prop.default.get("else") == "false"


def _is_word(text: str) -> bool:
    return text.replace("-", "").replace("_", "").replace(".", "").isalnum()
