"""Expressions of Stalwart 0.15 and before, rewritten for 0.16.

Law: pure; what cannot be said alike is refused, and what only looks alike is told. The languages are one but for the
functions that `functions.json` names. Source: crates/common/src/expr of 0.11.8 to 0.15.5, and 0.16.19.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from reconciler.expression import ExpressionError, Token, lex
from reconciler.values import literal

_MACRO = re.compile(r"%\{(env|file|cfg):([^}]*)\}%")
#: Returns the value of a key of the same configuration, or None.
Look = Callable[[str], "str | None"]


class Untranslatable(Exception):
    """No expression of 0.16 says this; the message tells why."""


class Translated(Struct):
    """An expression for 0.16, what is to be said of it, and the variables of the environment that it holds."""

    text: str
    notes: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


@cache
def _functions() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((Path(__file__).parent / "functions.json").read_text())
    return content


def translate(text: str, look: Look) -> Translated:
    """Rewrite one expression.

    Args:
        text: as 0.15 read it.
        look: finds other keys of the same configuration.

    Raises:
        Untranslatable: 0.16 has no such expression.
    """
    made = Translated("")
    macros: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        if match[1] == "cfg":
            raise Untranslatable(f"the setting {match[2]}, which is named here, is not in this file, or names itself")
        if match[1] != "env":
            raise Untranslatable(f"{match[0]} stands in an expression, and is read where the server runs")
        name = variable(match[2])
        macros[name] = match[2]
        return f"${{var:{name}}}"

    text = _MACRO.sub(replaced, text)
    made.variables = macros
    try:
        tokens, _ = lex(text)
    except ExpressionError:
        # 0.15 refused it too; whoever asks for it finds out.
        made.text = text
        return made
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        at = token.column - 1
        if token.kind == "binary" and token.source[0] == "=" and token.source not in ("==", "=>", "=<"):
            if token.source[1:].isspace():
                edits.append((at, at + len(token.source), "== "))
            elif token.source != "=":
                made.notes.append("a single = swallows the character after it, in 0.15 as in 0.16: write ==")
        elif token.kind == "word" and index + 1 < len(tokens) and tokens[index + 1].kind == "(":
            edits += _call(text, tokens, index, look, made)
    for start, end, instead in sorted(edits, reverse=True):
        text = text[:start] + instead + text[end:]
    made.text = text
    return made


def _call(text: str, tokens: list[Token], index: int, look: Look, made: Translated) -> list[tuple[int, int, str]]:
    """Return the edits of one call: start, end and the new text."""
    name, rules = tokens[index].value, _functions()
    arguments, end = _arguments(text, tokens, index + 1)
    start = tokens[index].column - 1
    if not arguments or end is None:
        return []
    first = arguments[0]
    plain = first[2]
    if name in rules["directories"] and len(arguments) == 2:
        if plain is None:
            raise Untranslatable(f"{name} takes its directory from an expression, and has none in 0.16")
        if plain not in ("", "*"):
            made.notes.append(f"{name} asks all directories in 0.16, and not {plain!r} alone")
        return [(first[0], arguments[1][0], "")]
    if name in rules["configuration"]:
        key = _key(name, arguments)
        if key is None:
            return []
        system = rules["system"].get(key)
        if system:
            return [(start, end, f"system('{system}')")]
        value = look(key)
        if value is None:
            raise Untranslatable(f"{name} asks for the setting {key}, which 0.16 has not, and this file neither")
        if "%{" in value:
            raise Untranslatable(f"{name} asks for the setting {key}, whose value is read where the server runs")
        try:
            return [(start, end, value if re.fullmatch(r"-?[0-9]+", value) else literal(value))]
        except ValueError as error:
            raise Untranslatable(f"the setting {key} cannot stand in an expression: {error}") from None
    if name in rules["stores"] and plain is not None:
        other = rules["names"].get(plain, plain)
        if plain not in rules["names"].values():
            made.notes.append(f"{name} asks the store {other!r}: where 0.16 has none of that name, the answer is empty")
        if other != plain:
            return [(first[0], first[1], literal(other))]
    return []


def _key(name: str, arguments: list[tuple[int, int, str | None]]) -> str | None:
    """Return the setting that a call asks for, or None where it asks for something else."""
    if name == "config_get":
        return arguments[0][2]
    if len(arguments) == 2 and arguments[0][2] == "default" and arguments[1][2] is not None:
        return arguments[1][2]
    return None


def _arguments(text: str, tokens: list[Token], opening: int) -> tuple[list[tuple[int, int, str | None]], int | None]:
    """Return where each argument of a call stands, what it is if it is one text, and where the call ends."""
    depth, begun = 0, opening + 1
    spans: list[tuple[int, int, str | None]] = []
    for at in range(opening, len(tokens)):
        kind = tokens[at].kind
        if kind in ("(", "["):
            depth += 1
        elif kind in (")", "]"):
            depth -= 1
        if (kind == "," and depth == 1) or not depth:
            if at > begun:
                last = tokens[at - 1]
                alone = tokens[begun].value if at == begun + 1 and tokens[begun].kind == "text" else None
                spans.append((tokens[begun].column - 1, last.column - 1 + len(last.source), alone))
            begun = at + 1
        if not depth:
            return spans, tokens[at].column
    return spans, None


def variable(name: str) -> str:
    """Return what a variable of the environment is called in manifests."""
    return re.sub("[^a-z0-9_]", "_", name.lower()).strip("_") or "value"
