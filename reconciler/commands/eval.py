"""`eval`: evaluates expressions, a JSON object per line in and one out.

Law: a line that cannot be understood is answered, like any other, and ends nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from reconciler.commands.invocation import Invocation
from reconciler.expression import Context, eval_line
from reconciler.kinds import Catalogue, context_of, load
from reconciler.mail import ROUTE, STRATEGY


def run(invocation: Invocation) -> int:
    """Answer every line of standard input."""
    catalogue = load()
    encode = msgspec.json.encode
    for line in sys.stdin.buffer:
        if line.strip():
            invocation.console.out(encode(_answer(catalogue, line)).decode() + "\n")
    return 0


def _answer(catalogue: Catalogue, line: bytes) -> dict[str, Any]:
    try:
        request = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"accepted": False, "error": "the line is no JSON"}
    if not isinstance(request, dict):
        return {"accepted": False, "error": "the line is no JSON object"}
    context = _context(catalogue, request.get("context", f"{STRATEGY}.{ROUTE}"))
    if context is None:
        return {"accepted": False, "error": f"unknown context {request.get('context')!r}"}
    return eval_line(request, context)


def _context(catalogue: Catalogue, name: object) -> Context | None:
    kind, _, field = str(name).partition(".")
    prop = catalogue.kinds[kind].properties.get(field) if kind in catalogue.kinds else None
    return context_of(catalogue, prop) if prop is not None and prop.language else None
