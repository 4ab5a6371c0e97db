"""What the expression language knows by name: operators, functions, and the words that a context allows.

Law: a word means the same in every context; a context only says which of the known words it admits.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

Kind = Literal["unknown", "variable", "constant", "arity", "syntax", "regex"]

#: Largest and smallest integer of the server (64 bits); arithmetic stops at these.
INT_MAX = 2**63 - 1
INT_MIN = -(2**63)

#: How tightly binary operators bind; all are left-associative, and a unary operator binds tighter than any of them.
PRECEDENCE = {
    "*": 7,
    "/": 7,
    "+": 6,
    "-": 6,
    "<": 5,
    "<=": 5,
    ">": 5,
    ">=": 5,
    "==": 4,
    "!=": 4,
    "^": 3,
    "&&": 2,
    "||": 1,
}

#: How many arguments each function takes. `matches`, `system` and `metric` are forms of their own.
ARITY = {
    **dict.fromkeys(("count", "dedup", "winnow", "is_email", "is_empty", "is_number", "is_ip_addr"), 1),
    **dict.fromkeys(("is_ipv4_addr", "is_ipv6_addr", "ip_reverse_name", "trim", "trim_end", "trim_start", "len"), 1),
    **dict.fromkeys(("to_lowercase", "to_uppercase", "is_uppercase", "is_lowercase", "has_digits", "lines"), 1),
    **dict.fromkeys(("count_spaces", "count_uppercase", "count_lowercase", "count_chars", "split_words"), 1),
    **dict.fromkeys(("sort", "is_intersect", "email_part", "is_ip_in_cidr", "contains", "contains_ignore_case"), 2),
    **dict.fromkeys(("eq_ignore_case", "starts_with", "ends_with", "strip_prefix", "strip_suffix", "hash"), 2),
    **dict.fromkeys(("split", "rsplit", "split_once", "rsplit_once"), 2),
    **dict.fromkeys(("substring", "split_n", "if_then"), 3),
    **dict.fromkeys(("is_local_domain", "is_local_address"), 1),
    **dict.fromkeys(("key_get", "key_exists", "counter_get", "dns_query"), 2),
    **dict.fromkeys(("key_set", "counter_incr", "sql_query"), 3),
}

#: Functions whose answer lies outside the expression: in the server's domains, accounts and stores, or in DNS.
LOOKUPS = frozenset(
    (
        *("is_local_domain", "is_local_address", "key_get", "key_exists", "key_set"),
        *("counter_incr", "counter_get", "dns_query", "sql_query"),
    )
)

#: Lookups that fail in ordinary use (no such name, no such store), and end the evaluation.
FAILING = frozenset(("dns_query", "sql_query"))

#: What `system('…')` can be asked for.
SYSTEM = frozenset(("domain", "hostname", "node_id", "node_hostname", "node_role"))

#: Metrics that the server is known to have; it has more, so that another well-formed name cannot be judged.
METRICS = frozenset(("queue.count",))


class Context(Struct, frozen=True):
    """Where an expression stands: the variables and the constants that may be used there."""

    variables: frozenset[str]
    constants: frozenset[str]


class Vocabulary(Struct, frozen=True, forbid_unknown_fields=True):
    """The variables and constants of outbound mail and sessions, whatever the context."""

    server: str
    variables: frozenset[str]
    #: In the server's order, which is how it compares them.
    constants: tuple[str, ...]


@cache
def vocabulary() -> Vocabulary:
    """Return the words that only some contexts know. Read late: a text that is right has no need of it."""
    return msgspec.json.decode((Path(__file__).parent / "vocabulary.json").read_bytes(), type=Vocabulary)


class ExpressionError(Exception):
    """The server refuses this text.

    `column` counts characters from 1. `name` is the word, function or sign that is at fault, and `kind` says why it is:
    `unknown` (no such word), `variable` or `constant` (known, but not here), `arity`, `regex` or `syntax`.
    `pointer` says in which part of an expression with conditions it stands (`match/0/if`, `else`), where that is known.
    """

    def __init__(self, message: str, column: int, kind: Kind = "syntax", name: str = "", pointer: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.kind = kind
        self.name = name
        self.pointer = pointer

    def __str__(self) -> str:
        where = f"{self.pointer}, column {self.column}" if self.pointer else f"column {self.column}"
        return f"{where}: {self.message}"

    def within(self, pointer: str) -> ExpressionError:
        """Return the same mistake, placed in a part of an expression with conditions."""
        return ExpressionError(self.message, self.column, self.kind, self.name, pointer)


def misnamed(word: str, context: Context, column: int) -> ExpressionError:
    """Return the mistake that a word is which the context does not admit."""
    shown = _shown(word)
    if word in vocabulary().variables:
        message = f"the variable {shown} does not exist in this place"
        return ExpressionError(message, column, "variable", word)
    if word in vocabulary().constants:
        message = f"the constant {shown} is not allowed in this place"
        return ExpressionError(message, column, "constant", word)
    message = f"{shown} is no function, variable, constant or duration; a text needs quotes"
    return ExpressionError(message, column, "unknown", word)


def miscounted(name: str, wanted: int, given: int, column: int) -> ExpressionError:
    """Return the mistake that a function has too many or too few arguments."""
    plural = "argument" if wanted == 1 else "arguments"
    return ExpressionError(f"{name} takes {wanted} {plural}, not {given}", column, "arity", name)


def _shown(word: str) -> str:
    return f'"{word}"' if len(word) <= 64 else f'"{word[:61]}..."'
