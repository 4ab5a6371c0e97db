"""The written forms of single values: durations, sizes, addresses, host names, names in expressions, and in messages.

Law: pure; a value printed here and read again is the same value.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

#: Durations, units descending: `2d`, `1h30m`, `500ms`. The pattern alone lets the empty text pass; what it lets pass is
#: far more than any number can be, so that who writes too much is told that.
DURATION_PATTERN = "^([0-9]{1,99}d)?([0-9]{1,99}h)?([0-9]{1,99}m)?([0-9]{1,99}s)?([0-9]{1,99}ms)?$"
SIZE_PATTERN = "^[0-9]{1,99} ?(B|KB|MB|GB|KiB|MiB|GiB)$"
#: Largest number that the wire carries without loss on any side.
MAX_INTEGER = 2**63 - 1
#: What the server (0.16.19) calls white space: Unicode's property. Python's `strip` takes U+001C to U+001F besides.
BLANK = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

_DURATION = DURATION_PATTERN[:-1] + r"\Z"
_SIZE = SIZE_PATTERN[:-1] + r"\Z"
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_SCALES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_NO_BLANKS = str.maketrans("", "", BLANK)
#: Top-level names that are reserved for texts like ours, and that the server does not count among the known ones.
_UNKNOWN_TOPS = ("example", "invalid")
_WIDTH = 60


def parse_duration(text: str) -> int:
    """Turn `2d`, `1h30m` or `500ms` into milliseconds.

    Raises:
        ValueError: it is no duration.
    """
    match = re.match(_DURATION, text)
    if not text or not match:
        raise ValueError(f"{shown(text)} is no duration such as 2d, 1h30m or 500ms")
    sums = zip(match.groups(), _UNITS, strict=True)
    return sum(int(part[: -len(unit)]) * scale for part, (unit, scale) in sums if part)


def print_duration(milliseconds: int) -> str | int:
    """Print milliseconds with the largest exact units: 90000 is `1m30s`. What is no duration stays a number."""
    if milliseconds <= 0:
        return milliseconds
    text, rest = "", milliseconds
    for unit, scale in _UNITS:
        count, rest = divmod(rest, scale)
        text += f"{count}{unit}" if count else ""
    return text


def parse_size(text: str) -> int:
    """Turn `50MB` or `1GiB` into bytes; every unit counts by 1024.

    Raises:
        ValueError: it is no size.
    """
    match = re.match(_SIZE, text)
    if not match:
        raise ValueError(f"{shown(text)} is no size such as 512KB or 50MB")
    return int(text[: match.start(1)]) * _SCALES[match[1].rstrip("iB")]


def print_size(size: int) -> str | int:
    """Print bytes with the largest exact unit: 52428800 is `50MB`; what has none stays a number."""
    for unit, scale in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if size > 0 and size % scale == 0:
            return f"{size // scale}{unit}"
    return size


def canonical_ip(text: str) -> str:
    """Return an address literal as the server prints it (RFC 5952; an IPv4-mapped one with dots).

    Raises:
        ValueError: it is no IPv4 or IPv6 address.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no IPv4 or IPv6 address") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            raise ValueError(f"{shown(text)} is an address with a zone")
        if address.ipv4_mapped:
            return f"::ffff:{address.ipv4_mapped}"
    return str(address)


def canonical_host(text: str) -> str:
    """Return a host name as the server stores it: an address literal, or lower case without any white space.

    Names beyond ASCII are encoded. The characters within a label are hardly looked at, as on the server; whether it
    knows the top-level name is told only where that is certain, since its list is not ours.

    Raises:
        ValueError: the server (0.16.19) would refuse it.
    """
    name = text.translate(_NO_BLANKS)
    try:
        return canonical_ip(name)
    except ValueError:
        name = _ascii(name.lower())
    labels = name.split(".")
    if len(labels) < 2:
        raise ValueError("it has only one label")
    if "" in labels:
        raise ValueError("one of its labels is empty" if labels[-1] else "it ends with a dot")
    for label in labels:
        if not (label[-1].isalnum() or label[-1] in "-_"):
            raise ValueError(f"it takes no label such as {shown(label)}")
    if labels[-1].isdigit():
        raise ValueError("it is no address either")
    if labels[-1] in _UNKNOWN_TOPS:
        raise ValueError(f"it takes no name below .{labels[-1]}")
    return name


def _ascii(name: str) -> str:
    """Encode what is beyond ASCII label by label (UTS 46, not transitional); no label is checked any further."""
    if name.isascii():
        return name
    from idna import IDNAError, uts46_remap

    try:
        labels = uts46_remap(name, std3_rules=False, transitional=False).split(".")
    except IDNAError:
        raise ValueError("it holds a character that no host name can hold") from None
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}" for label in labels)


def literal(name: str) -> str:
    """Return the expression that is the given text and nothing else.

    Raises:
        ValueError: no string literal holds it.
    """
    if not name:
        raise ValueError("it is empty")
    if "\\" in name:
        raise ValueError("a backslash cannot stand in a name that an expression returns")
    for quote in ("'", '"'):
        if quote not in name:
            return f"{quote}{name}{quote}"
    raise ValueError("it holds both kinds of quotes")


def unquote(expression: str) -> str | None:
    """Return the text of an expression that is one plain string literal, or None."""
    if len(expression) > 2 and expression[0] in "'\"" and expression[-1] == expression[0]:
        text = expression[1:-1]
        if expression[0] not in text and "\\" not in text:
            return text
    return None


def shown(value: Any) -> str:
    """Show a human value in a message, shortened: texts in quotes, mappings and lists by their size."""
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind} of {len(value)}" if value else f"an empty {kind}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 70 digits"
    # A text is cut before it is quoted, since quoting a megabyte is work too.
    text = repr(str(value[: _WIDTH + 1])) if isinstance(value, str) else str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
