"""Specs as people write them: expressions in their shortest form, and no text that is a variable by accident.

Law: pure, and nothing changes its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from reconciler.expression import same
from reconciler.kinds import Kind
from reconciler.values import MAX_INTEGER


def trimmed(expression: Any) -> Any:
    """Return an expression in wire form without the blanks around its texts, wherever they mean nothing."""
    if isinstance(expression, dict):
        return {key: trimmed(member) for key, member in expression.items()}
    if isinstance(expression, str):
        text = expression.strip(" \r\n")
        return text if text and same(text, expression) else expression
    return expression


def tidy(kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    """Write the expressions of a spec in their shortest form: `true` and `5` need no quotes."""
    shape = kind.shape(str(spec.get("type", ""))) if not kind.variants or spec.get("type") in kind.variants else {}
    return {name: _shortest(value) if name in shape and shape[name].language else value for name, value in spec.items()}


def _shortest(value: Any) -> Any:
    """Return an expression with booleans and numbers as themselves; what follows `use` is a name, and stays a text."""
    if isinstance(value, dict):
        return {key: member if key == "use" else _shortest(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_shortest(element) for element in value]
    if not isinstance(value, str):
        return value
    if value in ("true", "false"):
        return value == "true"
    if len(value) < 20 and re.fullmatch("-?[1-9][0-9]*|0", value):
        number = int(value)
        return number if abs(number) <= MAX_INTEGER else value
    return value


def escaped(value: Any, references: Collection[tuple[str, ...]], path: tuple[str, ...] = ()) -> Any:
    """Return a value whose `${` is no variable, except where a reference to a secret stands."""
    if isinstance(value, dict):
        return {key.replace("${", "$${"): escaped(member, references, (*path, key)) for key, member in value.items()}
    if isinstance(value, list):
        return [escaped(element, references, (*path, str(index))) for index, element in enumerate(value)]
    if isinstance(value, str) and "${" in value and path not in references:
        return value.replace("${", "$${")
    return value
