"""What Stalwart 0.15 gave out of its database, read into flat keys: JSON dumps, answers of its API, printed tables.

Law: pure; values are texts, and a dump that is known to be cut short says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from reconciler.desired.bridges.bridged import Bridged
from reconciler.desired.bridges.dialect import DialectError, Setting, read_toml

#: Characters of a line, and of a value, that are read at most: no request to a server could hold more.
LONGEST_LINE, LONGEST_VALUE = 10_000_000, 1_000_000
_ROW = re.compile(r"\s*\|\s*(\S+)\s*\|\s*(.*?)\s*\|\s*$")


def read_settings(bridged: Bridged, file: str, text: str) -> list[Setting]:
    """Return the keys of a file, whatever form it has; what is wrong with it is told."""
    head = text.lstrip("\ufeff \t\r\n")[:1]
    try:
        if head == "{" or (head == "[" and re.match(r"\s*\[\s*[\[{\"]", text.lstrip("\ufeff")) and not _header(text)):
            settings = list(_json(bridged, file, text))
        elif head in ("|", "+"):
            settings = [
                Setting(match[1], match[2], number)
                for number, line in enumerate(text.split("\n"), 1)
                if (match := _ROW.match(line)) and "." in match[1]
            ]
        else:
            _bounded(text)
            settings = read_toml(text)
        for setting in settings:
            if len(setting.value) > LONGEST_VALUE:
                raise DialectError(
                    f"the value of {setting.key[:99]} is {len(setting.value):,} characters long", setting.line
                )
    except DialectError as error:
        hint = "Stalwart 0.15 could not have read this either"
        bridged.tell("error", "toml", str(error), file=file, line=error.line, hint=hint)
        return []
    return [setting._replace(file=file) for setting in settings]


def _bounded(text: str) -> None:
    at = line = 0
    while at <= len(text):
        end = text.find("\n", at)
        end, line = (len(text) if end < 0 else end), line + 1
        if end - at > LONGEST_LINE:
            raise DialectError(f"the line is {end - at:,} characters long", line)
        at = end + 1


def _header(text: str) -> bool:
    """Whether the first line is the header of a table."""
    line = text.lstrip("\ufeff \t\r\n").partition("\n")[0].partition("#")[0].strip()
    return bool(re.fullmatch(r"\[\[[^\[\],{}]+\]\]", line))


def _json(bridged: Bridged, file: str, text: str) -> Iterator[Setting]:
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise DialectError(f"it is no JSON: {error.msg} at column {error.colno}", error.lineno) from None
    except (RecursionError, ValueError):
        raise DialectError("it is no JSON that can be read: too deep, or a number too long", 1) from None
    value = content.get("data", content) if isinstance(content, dict) else content
    if isinstance(value, dict) and isinstance(value.get("items"), dict | list):
        total, listed = value.get("total"), value["items"]
        if isinstance(total, int) and total > len(listed):
            message = f"it holds {len(listed)} of {total} keys: a page, and not the whole"
            bridged.tell(
                "error", "cut-short", message, file=file, hint="dump the rest too: the server gives 200 a page"
            )
        value = listed
    yield from _flat(value, "", text)


def _flat(values: Any, prefix: str, text: str) -> Iterator[Setting]:
    if isinstance(values, dict) and isinstance(values.get("values"), list) and not prefix:
        # What a script sends to insert settings below a prefix.
        yield from _flat(values["values"], str(values.get("prefix") or ""), text)
    elif isinstance(values, dict):
        for name, held in values.items():
            yield from _flat(held, f"{prefix}.{name}" if prefix else name, text)
    elif isinstance(values, list) and values and all(_is_pair(element) for element in values):
        for name, held in values:
            yield from _flat(held, f"{prefix}.{name}" if prefix else name, text)
    elif isinstance(values, list):
        for index, held in enumerate(values):
            yield from _flat(held, f"{prefix}.{index:04}" if prefix else "", text)
    elif values is not None and prefix:
        value = str(values).lower() if isinstance(values, bool) else str(values)
        at = text.find(json.dumps(prefix.rpartition(".")[2]))
        whole = text.find(json.dumps(prefix))
        place = whole if whole >= 0 else at
        yield Setting(prefix, value, text.count("\n", 0, place) + 1 if place >= 0 and len(text) < 1_000_000 else 0)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and not isinstance(value[1], list)
