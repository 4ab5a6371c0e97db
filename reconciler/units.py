"""The written forms of single values: durations, sizes, addresses, host names and names in expressions.

Law: pure; a value printed here and read again is the same value.
"""

from __future__ import annotations

import ipaddress
import re

#: Durations, units descending: `2d`, `1h30m`, `500ms`. The pattern alone lets the empty text pass.
DURATION_PATTERN = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
SIZE_PATTERN = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$"
#: Largest number that the wire carries without loss on any side.
MAX_INTEGER = 2**63 - 1

_DURATION = re.compile(DURATION_PATTERN[:-1] + r"\Z")
_SIZE = re.compile(r"([0-9]+) ?([KMG]?)i?B\Z")
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_SCALES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def parse_duration(text: str) -> int:
    """Turn `2d`, `1h30m` or `500ms` into milliseconds.

    Raises:
        ValueError: it is no duration.
    """
    match = _DURATION.match(text)
    if not text or not match:
        raise ValueError(f"{text!r} is no duration such as 2d, 1h30m or 500ms")
    sums = zip(match.groups(), _UNITS, strict=True)
    return sum(int(part[: -len(unit)]) * scale for part, (unit, scale) in sums if part)


def print_duration(milliseconds: int) -> str | int:
    """Print milliseconds with the largest exact units: 90000 is `1m30s`."""
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
    match = _SIZE.match(text)
    if not match:
        raise ValueError(f"{text!r} is no size such as 512KB or 50MB")
    return int(match[1]) * _SCALES[match[2]]


def print_size(size: int) -> str | int:
    """Print bytes with the largest exact unit: 52428800 is `50MB`; what has none stays a number."""
    for unit, scale in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if size and size % scale == 0:
            return f"{size // scale}{unit}"
    return size


def canonical_ip(text: str) -> str:
    """Return an address literal as the server prints it.

    Raises:
        ValueError: it is no IPv4 or IPv6 address.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            raise ValueError("an address with a zone")
        if address.ipv4_mapped:
            return f"::ffff:{address.ipv4_mapped}"
    return str(address)


def canonical_host(text: str) -> str:
    """Return a host name as the server stores it: an address literal, or lower case without any white space.

    Raises:
        ValueError: the server (0.16.19) would refuse it.
    """
    try:
        return canonical_ip(text.strip())
    except ValueError:
        name = "".join(text.split()).lower()
    labels = name.split(".")
    if len(labels) < 2 or "" in labels or "*" in name:
        raise ValueError("a host name has at least two labels, none of them empty")
    if labels[-1].isdigit():
        raise ValueError("it is neither an address nor a host name")
    if not name.isascii():
        import idna

        try:
            return idna.encode(name, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(str(error)) from None
    return name


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
