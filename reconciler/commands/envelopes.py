"""Messages of a log, as `plan --envelopes` takes them: CSV with a head line, or one JSON object a line.

Law: a message names its fields as a routing test's `given` does; no mistake repeats an address, since logs hold people.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reconciler.expression import FIELDS, GivenError, envelope
from reconciler.values import Diagnostic, ManifestError, UsageError, in_file, read_file
from reconciler.yamlio import Problem, decode

#: Mistakes that are told of one file.
MANY = 20
_NUMBERS = frozenset(field for field, (_, shape) in FIELDS.items() if shape == "integer")
_FIELD = re.compile(r"_([a-z])")


def read_envelopes(path: str) -> list[dict[str, Any]]:
    """Return the messages of a file.

    Raises:
        UsageError: the file cannot be read.
        ManifestError: it holds what is no message.
    """
    text = decode(read_file(path, UsageError, pipe=True))
    if isinstance(text, Problem):
        raise ManifestError([in_file(path, text)], path)
    mistakes: list[Diagnostic] = []
    envelopes: list[dict[str, Any]] = []
    rows = _json(text) if text.lstrip().startswith("{") else _csv(text)
    for line, given in rows:
        message = given if isinstance(given, str) else _judged(given)
        if message:
            mistakes.append(Diagnostic(file=path, line=line, code="envelope", message=message))
            if len(mistakes) == MANY:
                break
        elif not isinstance(given, str):
            envelopes.append(given)
    if mistakes:
        raise ManifestError(mistakes, path)
    return envelopes


def _json(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for line, content in enumerate(text.splitlines(), 1):
        if content.strip():
            try:
                yield line, msgspec.json.decode(content, type=dict[str, Any])
            except (msgspec.DecodeError, msgspec.ValidationError):
                yield line, "this is no JSON object"


def _csv(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    reader = csv.DictReader(text.splitlines())
    try:
        for row in reader:
            given: dict[str, Any] = {}
            for name, value in row.items():
                if name is None or value is None:
                    yield reader.line_num, "the line has other columns than the head"
                    break
                field = _FIELD.sub(lambda match: match[1].upper(), name.strip())
                if value or field == "sender":
                    given[field] = int(value) if field in _NUMBERS and value.strip().isdigit() else value
            else:
                yield reader.line_num, given
    except csv.Error as error:
        yield reader.line_num, f"this is no CSV: {error}"


def _judged(given: Mapping[str, Any]) -> str:
    """Return what is wrong with a message, or ""; it never quotes what a field holds."""
    unknown = next((name for name in given if name not in FIELDS), None)
    if unknown is not None:
        return f"a message has no field {str(unknown)[:64]!r}; known are {', '.join(FIELDS)}"
    if not given.get("rcpt"):
        return "a message has a recipient in `rcpt`"
    try:
        envelope(given)
    except GivenError as error:
        return f"`{error.field}` holds what no message has there"
    return ""
