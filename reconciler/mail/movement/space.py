"""All mail there can be, cut into the classes that the tests of both sides tell apart.

Law: pure; every value that a variable can have is in a class, so that what holds for all classes holds for all mail.
A class of one value is told from a class of many: of the latter, only the tests that made it are certain.

Mail that is possible: an address has a local part without @, blanks or quotes, and a domain in lower case; a bounce has
no sender; the first attempt has met no error (but a throttle's), and every later one has met one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from math import ceil, floor, isfinite

from msgspec import Struct

from reconciler.expression import (
    LAST_ERRORS,
    NUMBERS,
    SOURCES,
    Empty,
    EvaluationError,
    Known,
    Lookups,
    Unknown,
    Value,
    compare,
    evaluate,
    number_of,
    truth,
)
from reconciler.mail.movement.formula import Test

_MOST = 4096
_LARGEST = 2**62
#: The lowest value of a number, and the highest.
_RANGES = {"priority": (-9, 9), "is_tls": (0, 1)} | dict.fromkeys(
    ("received_via_port", "remote_port", "local_port"), (0, 65535)
)
#: A value for each variable that people take for ordinary.
_USUAL: dict[str, str | int] = {
    "rcpt.local": "b",
    "rcpt.domain": "other.example",
    "sender.local": "a",
    "sender.domain": "example.org",
    "last_status": "Temporary Failure for mx.example.net: Connection failed: I/O error",
    "queue_name": "remote",
    "received_from_ip": "192.0.2.77",
    "remote_ip": "192.0.2.78",
    "local_ip": "192.0.2.79",
    "mx": "mx.other.example",
    "listener": "smtp",
    "authenticated_as": "user@example.org",
    "helo_domain": "client.example",
    "size": 2000,
    "queue_age": 60,
    "expires_in": 86400,
    "received_via_port": 25,
}
#: Texts that a message may lack; of these, most sessions lack a login.
_MAY_LACK = ("sender.domain", "sender.local", "authenticated_as", "helo_domain")
_FINITE: dict[str, tuple[str, ...]] = {"source": SOURCES, "last_error": LAST_ERRORS}
#: How the status of mail that waits begins, once an attempt has failed.
_FAILURE = "Temporary Failure for "
_DOMAIN = re.compile(r"[^\s@'\"\\A-Z]+")
_LOCAL = re.compile(r"[^\s@'\"\\<>]+")
#: Errors that leave the attempts at 0: no attempt was made.
_HELD = ("none", "rate")


class Classes(Struct):
    """The classes of one variable: a value for each, in the order of a mask's bits."""

    name: str
    values: list[Known]
    #: Classes of one value.
    single: int
    #: What makes each class, for people: ("is", text), ("prefix", text), ("suffix", text), ("rest", ""), a range.
    labels: list[tuple[str, ...]]
    usual: int = 0
    #: Why a class may be missing, or "".
    gap: str = ""

    @property
    def full(self) -> int:
        """The mask of all classes."""
        return (1 << len(self.values)) - 1


class Space(Struct):
    """All mail, as variables with classes; `masks` says for which classes of its variable a test holds."""

    variables: dict[str, Classes]
    masks: dict[str, int]
    tests: dict[str, Test]
    ranks: dict[str, tuple[int, str]]


def space_of(tests: Iterable[Test], fixed: Mapping[str, Value]) -> Space:
    """Return the classes that some tests tell apart."""
    known = {test.key: test for test in sorted(tests, key=lambda test: test.key)}
    asked: dict[str, list[Test]] = {}
    for test in known.values():
        asked.setdefault(test.variable, []).append(test)
    for name in sorted({name for test in known.values() for name in test.reads}):
        varied = {"rcpt": "rcpt.local", "sender": "sender.local"}.get(name, name.replace("_domain", ".domain"))
        if name != "recipients":
            asked.setdefault(varied, [])
    for linked, other in (("rcpt.local", "rcpt.domain"), ("sender.local", "sender.domain")):
        if linked in asked or other in asked:
            asked.setdefault(linked, [])
            asked.setdefault(other, [])
    if "retry_num" in asked or "last_error" in asked:
        asked.setdefault("retry_num", [])
        asked.setdefault("last_error", [])
    if "last_status" in asked:
        asked.setdefault("last_error", [])
        asked.setdefault("retry_num", [])
    if "source" in asked or "sender.domain" in asked:
        asked.setdefault("source", [])
        asked.setdefault("sender.domain", [])
        asked.setdefault("sender.local", [])
    names = [name for name in asked if name and name not in fixed]
    variables = {name: _classes(name, asked[name]) for name in sorted(names, key=_order)}
    masks = {
        test.key: _mask(test, variables[test.variable], fixed) for test in known.values() if test.variable in variables
    }
    places = {name: place for place, name in enumerate(variables)}
    ranks = {key: (places.get(test.variable, len(places)), key) for key, test in known.items()}
    return Space(variables, masks, known, ranks)


def _order(name: str) -> tuple[int, str]:
    first = ("rcpt.domain", "rcpt.local", "sender.domain", "sender.local", "source", "retry_num", "last_error")
    return (first.index(name) if name in first else len(first), name)


def _classes(name: str, tests: list[Test]) -> Classes:
    if name in NUMBERS:
        return _numbers(name, tests)
    if name.startswith("hash:"):
        return _shares(name, tests)
    if name in _FINITE:
        values = _FINITE[name]
        usual = values.index("unauthenticated") if name == "source" else values.index("connection")
        return Classes(name, list(values), (1 << len(values)) - 1, [("is", value) for value in values], usual)
    return _texts(name, tests)


def _numbers(name: str, tests: list[Test]) -> Classes:
    low, high = limits_of(name)
    cuts = {low, high + 1}
    literals = [test.literal for test in tests if test.kind == "order"]
    if name == "retry_num":
        literals.append(0)
    for literal in literals:
        number = number_of(literal)
        if isinstance(number, int) or isfinite(number):
            cuts |= {cut for cut in (floor(number), ceil(number), floor(number) + 1) if low < cut <= high}
    ordered = sorted(cuts)
    usual = _USUAL.get(name, 0)
    values: list[Known] = []
    labels: list[tuple[str, ...]] = []
    single = chosen = 0
    for place, (start, end) in enumerate(itertools.pairwise(ordered)):
        inside = isinstance(usual, int) and start <= usual < end
        values.append(usual if inside else start)
        labels.append(("range", str(start), "" if end > high else str(end - 1)))
        single |= int(end - start == 1) << place
        chosen = place if inside else chosen
    return Classes(name, values, single, labels, chosen)


def limits_of(name: str) -> tuple[int, int]:
    """Return the lowest value of a number, and the highest."""
    return _RANGES.get(name, (0, _LARGEST))


def _shares(name: str, tests: list[Test]) -> Classes:
    """Return the ranges into which the texts cut the values of a hash, in lower-case hexadecimal digits."""
    cuts = {""}
    for test in tests:
        text = str(test.literal)
        cuts |= {text + "\0"} if test.operator in ("<=", ">") else {text}
        cuts |= {text + "g"} if test.operator == "prefix" else set()
    ordered = [*sorted(cut for cut in cuts if cut < "g"), "g"]
    labels = [("share", start, end) for start, end in itertools.pairwise(ordered)]
    return Classes(name, list(ordered[:-1]), 0, list(labels))


def share_of(start: str, end: str) -> float:
    """Return which part of all hashes lies from one text to another."""
    return _fraction(end) - _fraction(start)


def _fraction(text: str) -> float:
    if text == "g":
        return 1.0
    total, size = 0.0, 1.0
    for digit in text.rstrip("\0"):
        size /= 16
        if digit == "g":
            return total + 16 * size
        if digit not in "0123456789abcdef":
            break
        total += int(digit, 16) * size
    return total


def _texts(name: str, tests: list[Test]) -> Classes:
    literals = {str(test.literal) for test in tests if test.kind == "is"}
    prefixes = {str(test.literal) for test in tests if test.kind == "prefix"}
    suffixes = {str(test.literal) for test in tests if test.kind == "suffix"}
    if name in _MAY_LACK:
        literals.add("")
    if name == "last_status":
        literals.add("Scheduled")
    values: list[Known] = []
    labels: list[tuple[str, ...]] = []
    single = 0
    for literal in sorted(literals):
        if _possible(name, literal):
            single |= 1 << len(values)
            values.append(literal)
            labels.append(("is", literal))
    wanted = [("", "")] + [(prefix, suffix) for prefix in ("", *sorted(prefixes)) for suffix in ("", *sorted(suffixes))]
    usual = values.index("") if name == "authenticated_as" else len(values)
    gap = f"{name} is compared with too many texts" if len(wanted) > _MOST else ""
    for prefix, suffix in dict.fromkeys(wanted[:_MOST]):
        value = _between(name, prefix, suffix, literals, prefixes, suffixes)
        if value is None or not (value or prefix or suffix):
            gap = gap or f"no text was found for {name} that begins with {prefix!r} and ends with {suffix!r}"
        elif value:
            values.append(value)
            labels.append(
                (("rest", ""), ("prefix", prefix), ("suffix", suffix), ("both", prefix, suffix))[
                    bool(prefix) + 2 * bool(suffix)
                ]
            )
    return Classes(name, values, single, labels, min(usual, len(values) - 1), gap)


def _between(
    name: str, prefix: str, suffix: str, literals: set[str], prefixes: set[str], suffixes: set[str]
) -> str | None:
    """Return a text with a beginning and an end, and with no longer ones of those that are asked for.

    It is "" where no possible text has them, and None where none was found.
    """
    head = prefix
    if name == "last_status" and not prefix.startswith(_FAILURE):
        if not _FAILURE.startswith(prefix):
            return ""
        head = _FAILURE
    begins = {affix for affix in prefixes if head.startswith(affix)}
    ends = {affix for affix in suffixes if suffix.endswith(affix)}
    fillers = ["mail", "other", "zz", "q7", "x-y", "w9w9", "0k0", "k"]
    if name in ("rcpt.domain", "sender.domain") and not suffix:
        fillers = [f"{filler}.example" for filler in fillers]
    if name == "last_status" and not suffix:
        fillers = [f"{filler}.example: Connection failed: I/O error" for filler in fillers]
    if not prefix and not suffix:
        fillers.insert(0, str(_USUAL.get(name, "text")).removeprefix(_FAILURE))
    # A short text may be no more than its beginning and its end, or these may overlap.
    values = [*(head + filler + suffix for filler in fillers), head + suffix]
    values += [head + suffix[size:] for size in range(1, len(suffix)) if head.endswith(suffix[:size])]
    possible = ""
    for value in values:
        if not _possible(name, value):
            continue
        possible = value
        same = {affix for affix in prefixes if value.startswith(affix)} == begins
        if same and value not in literals and {affix for affix in suffixes if value.endswith(affix)} == ends:
            return value
    return None if possible else ""


def _possible(name: str, value: str) -> bool:
    if name in ("rcpt.domain", "sender.domain"):
        bounce = not value and name == "sender.domain"
        return bounce or (bool(_DOMAIN.fullmatch(value)) and value == value.lower() and value[0] != ".")
    if name in ("rcpt.local", "sender.local"):
        return (not value and name == "sender.local") or bool(_LOCAL.fullmatch(value))
    if name == "last_status":
        return value == "Scheduled" or value.startswith(_FAILURE)
    return not (name == "queue_name" and len(value.encode()) > 8)


def _mask(test: Test, classes: Classes, fixed: Mapping[str, Value]) -> int:
    mask = 0
    for place, value in enumerate(classes.values):
        mask |= int(_holds(test, classes.name, value, fixed)) << place
    return mask


def _holds(test: Test, name: str, value: Known, fixed: Mapping[str, Value]) -> bool:
    literal = test.literal
    if test.kind == "order":
        return compare(test.operator, value, literal)
    if test.kind == "share":
        start, wanted = str(value), str(literal)
        low = wanted <= start < wanted + "g"
        return low if test.operator == "prefix" else compare(test.operator, start, wanted)
    if test.kind == "free":
        shown = {"rcpt.domain": "rcpt_domain", "sender.domain": "sender_domain"}.get(name, name)
        outcome, _ = evaluate(test.tree, {**fixed, shown: value}) if test.tree else (Empty(), ())
        return not isinstance(outcome, Empty | EvaluationError | Unknown) and truth(outcome)
    text, wanted = str(value), str(literal)
    if test.kind == "is":
        return text == wanted
    return text.startswith(wanted) if test.kind == "prefix" else text.endswith(wanted)


def links_of(space: Space, *, attempt: bool) -> list[tuple[str, int, str, int]]:
    """Return what possible mail keeps to: where the first variable is in its mask, the second is in its own."""
    links: list[tuple[str, int, str, int]] = []

    def implies(name: str, values: Iterable[Known], other: str, others: Iterable[Known], *, also: bool = False) -> None:
        if name in space.variables and other in space.variables:
            first, second = space.variables[name], space.variables[other]
            one, two = _among(first, values), _among(second, others)
            links.append((name, one, other, two))
            if also:
                links.append((name, first.full & ~one, other, second.full & ~two))

    implies("sender.domain", [""], "sender.local", [""], also=True)
    implies("source", ["dsn"], "sender.domain", [""])
    implies("last_error", ["none"], "last_status", ["Scheduled"], also=True)
    if attempt:
        implies("last_error", ["none"], "retry_num", [0])
        implies("retry_num", [0], "last_error", _HELD)
    return links


def _among(classes: Classes, values: Iterable[Known]) -> int:
    wanted = list(values)
    return sum(1 << place for place, value in enumerate(classes.values) if value in wanted)


def class_of(classes: Classes, value: Known) -> int:
    """Return the class that a value is in."""
    if classes.labels[0][0] == "share":
        return max(place for place, start in enumerate(classes.values) if str(start) <= str(value))
    if classes.labels[0][0] == "range":
        spans = [(int(start), int(end or _LARGEST)) for _, start, end in classes.labels]
        number = value if isinstance(value, int) else 0
        return next((place for place, (low, high) in enumerate(spans) if low <= number <= high), 0)
    best, longest = 0, (-1, -1)
    for place, (kind, *texts) in enumerate(classes.labels):
        if kind == "is":
            if texts[0] == value:
                return place
            continue
        prefix, suffix = {"rest": ("", ""), "prefix": (texts[0], ""), "suffix": ("", texts[0])}.get(kind, texts)
        length = (len(prefix), len(suffix))
        if str(value).startswith(prefix) and str(value).endswith(suffix) and length > longest:
            # Longest beginning and longest end: both grow together along the classes that fit.
            best, longest = place, length
    return best


def comes_to(test: Test, variables: Mapping[str, Value], lookups: Lookups) -> int | None:
    """Return the answer to a test that is not taken apart: 0, 1, 2 where it fails, None where that is unknown."""
    if test.tree is None:
        return None
    return judged(evaluate(test.tree, variables, (), lookups)[0])


def judged(value: Value) -> int | None:
    """Return a value as an answer."""
    if isinstance(value, EvaluationError):
        return 2
    if isinstance(value, Unknown):
        return None if value.truth is None else int(value.truth)
    return int(not isinstance(value, Empty) and truth(value))
