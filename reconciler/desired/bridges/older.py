"""What a configuration of Stalwart 0.11 and 0.12 has otherwise than 0.13: single settings, where objects are now.

Law: `older.json` says which keys make which object; a setting with conditions makes one object for each value that it
can have, and a branch of the strategy that chooses among them. Source: 0.12.5, and the upgrading notes of 0.13.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.desired.bridges.bridged import Bridged, Foreign
from reconciler.desired.bridges.conditions import Condition, Conditions
from reconciler.desired.bridges.reading import IfThen, Keys, duration, integer
from reconciler.desired.bridges.translating import Untranslatable, translate
from reconciler.kinds import Catalogue
from reconciler.values import literal, unquote


@cache
def _table() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((Path(__file__).parent / "older.json").read_text())
    return content


class _Given(Struct):
    """A field of a group: its rule, the keys that it has, and their values, or those of each branch."""

    rule: Mapping[str, Any]
    key: str
    values: list[str]
    branches: list[IfThen]


def older(
    catalogue: Catalogue,
    bridged: Bridged,
    keys: Keys,
    conditions: Conditions,
    proofs: dict[tuple[str, str], Condition],
) -> None:
    """Translate the settings that there were before 0.13; none of them is in a newer configuration."""
    group = _Group(catalogue, bridged, keys, conditions, proofs)
    for rules in _table()["groups"]:
        group.translate(rules)
    if any(keys.under(prefix.removesuffix(".")) for prefix in _table()["keys"]):
        for silence in _table()["silences"]:
            if not any(keys.under(element) for element in silence["unless"]):
                bridged.tell("warning", "silence", silence["text"])


class _Group:
    def __init__(
        self,
        catalogue: Catalogue,
        bridged: Bridged,
        keys: Keys,
        conditions: Conditions,
        proofs: dict[tuple[str, str], Condition],
    ) -> None:
        self.catalogue = catalogue
        self.bridged = bridged
        self.keys = keys
        self.conditions = conditions
        self.proofs = proofs

    def translate(self, rules: Mapping[str, Any]) -> None:
        """Translate one group of settings: the objects, and the strategy that names them."""
        given = list(self.given(rules["fields"]))
        twin = rules.get("twin")
        if not given and not (twin and self.keys.has(twin["from"])):
            return None
        for setting in given:
            for key in setting.rule["from"]:
                self.keys.mark(key, "carried")
        lists = [given.branches for given in given if given.branches]
        asked = [[branch.condition for branch in branches[:-1]] for branches in lists]
        if any(conditions != asked[0] for conditions in asked):
            names = ", ".join(given.key for given in given if given.branches)
            message = f"{names} have different conditions, and one strategy has to choose among objects for all of them"
            hint = "give them the same conditions, or write the objects and the strategy by hand"
            return self.bridged.tell("error", "conditions", message, line=self.keys.line(given[0].key), hint=hint)
        if asked and "strategy" not in rules:
            message = f"{given[0].key} has conditions, which no strategy of 0.16 could choose by"
            return self.bridged.tell("error", "conditions", message, line=self.keys.line(given[0].key))
        questions = [str(name) for name in (asked[0] if asked else [])]
        chosen = []
        for at in [*range(len(questions)), -1]:
            spec, comments = self.spec(rules, given, at)
            chosen.append(self.object(rules, spec, comments, at))
        if questions or (twin and self.keys.has(twin["from"])):
            self.strategy(rules, questions, chosen)
        return None

    def given(self, fields: Sequence[Mapping[str, Any]]) -> Iterator[_Given]:
        """Yield the fields of a group that the configuration has."""
        for rule in fields:
            key: str = rule["from"][0]
            values: list[str] = []
            branches: list[IfThen] = []
            for element in rule["from"]:
                if self.keys.has(element):
                    key = element
                    branches = branches or self.keys.branches(element) or []
                    values += [] if branches else self.keys.values(element)
            if values or branches:
                if branches and any(if_then.result is None for if_then in branches):
                    self.bridged.tell("warning", "refused", f"{key} has an if without a then", line=self.keys.line(key))
                    self.keys.mark(key, "ignored")
                    continue
                yield _Given(rule, key, values, branches)

    def spec(self, rules: Mapping[str, Any], given: Sequence[_Given], at: int) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what an object holds by the branches of one number; the last one is the `else`."""
        spec: dict[str, Any] = {"type": rules["variant"]} if "variant" in rules else {}
        comments = {}
        fields = {setting.rule["to"]: setting for setting in given}
        for rule in rules["fields"]:
            field = fields.get(rule["to"])
            if field is None and "absent" in rule:
                spec[rule["to"]] = _wrapped(rule.get("wrap"), rule["absent"])
                comments[rule["to"]] = rule["why"]
                continue
            if field is None:
                continue
            texts = [str(field.branches[at].result)] if field.branches else field.values
            try:
                value = self.converted(rule, texts, field)
            except (ValueError, Untranslatable) as error:
                message = f"{field.key}: {error}; the default of 0.16 is taken"
                self.bridged.tell("warning", "value", message, line=self.keys.line(field.key))
                continue
            if value is not None and value != rule.get("default"):
                spec[rule["to"]] = _wrapped(rule.get("wrap"), value)
        return spec, comments

    def converted(self, rule: Mapping[str, Any], texts: list[str], field: _Given) -> Any:
        """Return the value of a setting, which 0.12 gave as an expression: a constant one."""
        texts = [part for text in texts for part in _parts(text)]
        sort = rule["as"]
        if not texts:
            return None
        match sort:
            case "duration":
                return duration(texts[0])
            case "durations":
                return [duration(text) for text in texts]
            case "integer":
                return integer(texts[0])
            case "texts":
                return texts
            case "enum":
                wire = rule["values"].get(texts[0].lower())
                if wire is None:
                    raise ValueError("it is no word that 0.12 knew")
                return wire
        text = translate(texts[0], self.keys.text).text
        if text.startswith("system("):
            # The server's own name, which is what it says where nothing is said.
            return None
        return unquote(text) or text

    def object(self, rules: Mapping[str, Any], spec: dict[str, Any], comments: Mapping[str, str], at: int) -> str:
        """Add the objects of one branch, unless another branch has the same, and return what they are called."""
        kind = self.catalogue.kinds[rules["kind"]]
        label, first = kind.match[0], ""
        specs = [(name, spec) for name in rules["names"]]
        if "twin" in rules:
            specs.append((rules["twin"]["name"], {**spec, **rules["twin"]["spec"]}))
        for name, held in specs:
            called = name if at < 0 else f"{name}-{at + 1}"
            whole = {**held, label: called, **({rules["own"]: called} if "own" in rules else {})}
            if any(foreign.kind == kind.kind and foreign.spec.get(label) == called for foreign in self.bridged.objects):
                message = f"{kind.kind}/{called} is there by newer keys too: the older ones are left out"
                self.bridged.tell("warning", "both", message)
            else:
                made = Foreign(kind=kind.kind, spec=whole, file=self.bridged.file, name=called)
                made.order = (f"{len(self.bridged.objects):06}",)
                for pointer, text in comments.items():
                    made.comment(pointer, text)
                self.bridged.objects.append(made)
            first = first or called
        for pointer, text in comments.items() if at < 0 else ():
            self.bridged.tell("warning", "default", f"{kind.kind}/{first} {pointer}: {text}")
        return first

    def strategy(self, rules: Mapping[str, Any], questions: Sequence[str], chosen: Sequence[str]) -> None:
        """Let the strategy choose among the objects of a group."""
        kind_name, pointer = rules["strategy"]
        prop = self.catalogue.kinds[kind_name].properties[pointer]
        twin = rules.get("twin")
        branches: list[IfThen] = []
        retry = self.retry(twin) if twin else []
        for at, question in enumerate(questions):
            for if_then in retry:
                both = f"({question}) && ({if_then.condition})"
                name = f"{if_then.result}-{at + 1}" if if_then.result not in rules["names"] else chosen[at]
                branches.append(IfThen(both, literal(name), 0))
            branches.append(IfThen(question, literal(chosen[at]), 0))
        branches += [IfThen(if_then.condition, literal(str(if_then.result)), 0) for if_then in retry]
        if not branches or branches[-1].condition is not None:
            branches.append(IfThen(None, literal(chosen[-1]), 0))
        line = self.keys.line(rules["fields"][0]["from"][0])
        condition = self.conditions.judged(rules["fields"][0]["from"][0], prop, {}, branches, line)
        if condition is not None:
            self.proofs[kind_name, pointer] = condition
            made = Foreign(kind=kind_name, spec={pointer: condition.value}, file=self.bridged.file, line=line)
            self.bridged.objects.append(made)

    def retry(self, twin: Mapping[str, Any]) -> list[IfThen]:
        """Return when the twin is taken: an expression that is true or false, or the default of 0.12."""
        key, name = twin["from"], twin["name"]
        self.keys.mark(key, "carried")
        branches = self.keys.branches(key)
        if branches is None:
            values = self.keys.values(key)
            text = values[0] if values else twin["condition"]
            return [] if text == "false" else [IfThen(text, name, 0)]
        made = []
        for if_then in branches:
            if if_then.condition is None and if_then.result == "false":
                continue
            condition = if_then.condition or "true"
            if if_then.result == "false":
                made.append(IfThen(condition, "default", 0))
            else:
                made.append(
                    IfThen(condition if if_then.result == "true" else f"({condition}) && ({if_then.result})", name, 0)
                )
        return made


def _parts(text: str) -> list[str]:
    """Return the members of a list that is written as an expression, or the one value that there is."""
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        return [part.strip().strip("'\"") for part in bare[1:-1].split(",") if part.strip()]
    return [unquote(bare) or bare] if not re.search(r"\(", bare) else [bare]


def _wrapped(template: Any, value: Any) -> Any:
    return {name: value if member == "$" else member for name, member in template.items()} if template else value
