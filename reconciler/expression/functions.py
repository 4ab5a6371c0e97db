"""The functions whose result depends on their arguments alone.

Law: each does to known values what the server's function does, and no more; nothing here looks anything up.

"Characters" are Unicode code points, lengths of `len` are bytes of UTF-8. Where an argument is a list, the functions
that turn one text into another work on each element.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cmp_to_key

from reconciler.expression.language import HASHES
from reconciler.expression.pattern import WHITE
from reconciler.expression.values import (
    Known,
    elements_of,
    equal,
    integer_of,
    order,
    position_of,
    text_of,
    truth,
)

#: Functions that compare every element with every other, and so take the square of the time.
SQUARE = frozenset(("dedup", "is_intersect"))


def call(name: str, arguments: tuple[Known, ...]) -> Known:
    """Return what a function gives.

    Raises:
        KeyError: the function needs an answer from outside, or does not exist.
    """
    return FUNCTIONS[name](arguments)


def _over_texts(change: Callable[[str], Known]) -> Callable[[tuple[Known, ...]], Known]:
    """Apply a function of one text to each element of a list."""

    def applied(arguments: tuple[Known, ...]) -> Known:
        return _applied(change, arguments[0])

    return applied


def _applied(change: Callable[[str], Known], value: Known) -> Known:
    if isinstance(value, tuple):
        return tuple(_applied(change, element) for element in value)
    return change(text_of(value))


def _text(count: Callable[[str], Known | bool]) -> Callable[[tuple[Known, ...]], Known]:
    """Apply a function of one text, to a list as the text that it makes."""
    return lambda arguments: _plain(count(text_of(arguments[0])))


def _texts(judge: Callable[[str, str], Known | bool]) -> Callable[[tuple[Known, ...]], Known]:
    return lambda arguments: _plain(judge(text_of(arguments[0]), text_of(arguments[1])))


def _plain(value: Known | bool) -> Known:
    return int(value) if isinstance(value, bool) else value


# -- lists


def _count(arguments: tuple[Known, ...]) -> Known:
    value = arguments[0]
    return len(value) if isinstance(value, tuple) else int(value != "")


def _sort(arguments: tuple[Known, ...]) -> Known:
    def before(left: Known, right: Known) -> int:
        comparison = order(left, right)
        return 1 if comparison is None else comparison

    def after(left: Known, right: Known) -> int:
        return before(right, left)

    elements: list[Known] = list(elements_of(arguments[0]))
    elements.sort(key=cmp_to_key(before if truth(arguments[1]) else after))
    return tuple(elements)


def _dedup(arguments: tuple[Known, ...]) -> Known:
    kept: list[Known] = []
    for element in elements_of(arguments[0]):
        if not any(equal(other, element) for other in kept):
            kept.append(element)
    return tuple(kept)


def _winnow(arguments: tuple[Known, ...]) -> Known:
    value = arguments[0]
    return tuple(element for element in value if element != "") if isinstance(value, tuple) else value


def _is_intersect(arguments: tuple[Known, ...]) -> Known:
    left, right = arguments
    if not isinstance(left, tuple) and not isinstance(right, tuple):
        return 0
    if isinstance(left, tuple) and isinstance(right, tuple):
        return int(any(equal(other, one) for one in left for other in right))
    many, one = (left, right) if isinstance(left, tuple) else (right, left)
    return int(any(equal(element, one) for element in elements_of(many)))


# -- texts


def _len(arguments: tuple[Known, ...]) -> Known:
    value = arguments[0]
    return len(value) if isinstance(value, tuple) else len(_bytes(text_of(value)))


def _contains(arguments: tuple[Known, ...]) -> Known:
    where, part = arguments
    if isinstance(where, tuple):
        return int(any(equal(element, part) for element in where))
    return int(text_of(part) in text_of(where))


def _contains_ignore_case(arguments: tuple[Known, ...]) -> Known:
    where, message = arguments[0], text_of(arguments[1])
    if isinstance(where, tuple):
        return int(any(isinstance(one, str) and _lower_ascii(one) == _lower_ascii(message) for one in where))
    if isinstance(where, str):
        return int(message.lower() in where.lower())
    return int(message in text_of(where))


def _substring(arguments: tuple[Known, ...]) -> Known:
    text, start, length = text_of(arguments[0]), position_of(arguments[1]), position_of(arguments[2])
    return text[min(start, len(text)) : min(start + length, len(text))]


def _lines(arguments: tuple[Known, ...]) -> Known:
    value = arguments[0]
    if not isinstance(value, str):
        return value
    lines = value.split("\n")
    last = lines.pop()
    return (*(line.removesuffix("\r") for line in lines), *((last,) if last else ()))


def _strip(arguments: tuple[Known, ...], side: str) -> Known:
    affix = text_of(arguments[1])

    def stripped(text: str) -> Known:
        if side == "prefix":
            return text[len(affix) :] if text.startswith(affix) else ""
        return text[: len(text) - len(affix)] if text.endswith(affix) else ""

    return _applied(stripped, arguments[0])


def _pieces(text: str, separator: str) -> tuple[str, ...]:
    # An empty separator stands before, between and after all characters.
    return tuple(text.split(separator)) if separator else ("", *text, "")


def _split_n(arguments: tuple[Known, ...]) -> Known:
    text, separator = text_of(arguments[0]), text_of(arguments[1])
    times = integer_of(arguments[2]) or 0
    if times < 0:
        return _pieces(text, separator)
    if separator:
        return tuple(text.split(separator, times))
    pieces = _pieces(text, "")
    if times >= len(pieces) - 1:
        return pieces
    return (*pieces[:times], "".join(pieces[times:]))


def _split_once(arguments: tuple[Known, ...], last: bool) -> Known:
    text, separator = text_of(arguments[0]), text_of(arguments[1])
    if not separator:
        return (text, "") if last else ("", text)
    before, sign, after = text.rpartition(separator) if last else text.partition(separator)
    return (before, after) if sign else ""


def _email_part(arguments: tuple[Known, ...]) -> Known:
    wanted = text_of(arguments[1])

    def part(text: str) -> Known:
        local, sign, domain = text.rpartition("@")
        chosen = {"local": local, "domain": domain}.get(wanted, "") if sign else ""
        return chosen.strip(WHITE)

    return _applied(part, arguments[0])


def _is_email(text: str) -> bool:
    """Judge an address by its characters: one @ with something before it, and a domain with a dot."""
    quoted = False
    previous = ""
    ats = dots = local = length = 0
    for character in text:
        if character.isalnum() or character in "!#$%&'*+-/=?^_`{|}~" or character >= "\x7f":
            length += 1
        elif character == "." and not quoted:
            if previous in (".", "@") or not length:
                return False
            length += 1
            dots += ats == 1
        elif character == "@" and not quoted:
            ats += 1
            local, length = length, 0
        elif quoted and character in ">:, ":
            length += 1
        elif character == '"' and (not quoted or previous != "\\"):
            quoted = not quoted
        elif not quoted:
            return False
        previous = character
    return ats == 1 and dots > 0 and local > 0 and length > 0


def _hash(text: str, algorithm: str) -> str:
    if algorithm not in HASHES:
        return ""
    import hashlib  # slow to load, and seldom wanted

    return hashlib.new(algorithm, _bytes(text), usedforsecurity=False).hexdigest()


def _cased(text: str, upper: bool) -> bool:
    return all(one.isupper() if upper else one.islower() for one in text if one.isalpha())


# -- addresses of hosts


def _address(text: str) -> tuple[int, bytes] | None:
    """Return version and bytes of an address, or None where it is none."""
    from ipaddress import ip_address  # slow to load, and seldom wanted

    if "%" in text or "/" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.version, address.packed


def _in_network(text: str, network: str) -> bool:
    host, _, prefix = network.partition("/")
    address, start = _address(text), _address(host)
    if address is None or start is None or address[0] != start[0]:
        return False
    bits = 8 * len(start[1])
    if "/" in network and not re.fullmatch(r"[0-9]{1,3}", prefix):
        return False
    shift = bits - int(prefix or bits)
    return shift >= 0 and int.from_bytes(address[1]) >> shift == int.from_bytes(start[1]) >> shift


def _reverse_name(text: str) -> str:
    address = _address(text)
    if address is None:
        return ""
    version, packed = address
    return ".".join(map(str, reversed(packed))) if version == 4 else ".".join(reversed(packed.hex()))


# -- small change


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _lower_ascii(text: str) -> str:
    return text.translate(_LOWER)


_LOWER = {upper: upper + 32 for upper in range(65, 91)}

FUNCTIONS: dict[str, Callable[[tuple[Known, ...]], Known]] = {
    "count": _count,
    "sort": _sort,
    "dedup": _dedup,
    "winnow": _winnow,
    "is_intersect": _is_intersect,
    "is_email": _text(_is_email),
    "email_part": _email_part,
    "is_empty": lambda arguments: int(arguments[0] in ("", ())),
    "is_number": lambda arguments: int(isinstance(arguments[0], int | float)),
    "is_ip_addr": _text(lambda text: _address(text) is not None),
    "is_ipv4_addr": _text(lambda text: (_address(text) or (0,))[0] == 4),
    "is_ipv6_addr": _text(lambda text: (_address(text) or (0,))[0] == 6),
    "is_ip_in_cidr": _texts(_in_network),
    "ip_reverse_name": _text(_reverse_name),
    "trim": _over_texts(lambda text: text.strip(WHITE)),
    "trim_end": _over_texts(lambda text: text.rstrip(WHITE)),
    "trim_start": _over_texts(lambda text: text.lstrip(WHITE)),
    "len": _len,
    "to_lowercase": _over_texts(str.lower),
    "to_uppercase": _over_texts(str.upper),
    "is_uppercase": _over_texts(lambda text: int(_cased(text, upper=True))),
    "is_lowercase": _over_texts(lambda text: int(_cased(text, upper=False))),
    "has_digits": _over_texts(lambda text: int(any("0" <= one <= "9" for one in text))),
    "count_spaces": _text(lambda text: sum(one in WHITE for one in text)),
    "count_uppercase": _text(lambda text: sum(one.isalpha() and one.isupper() for one in text)),
    "count_lowercase": _text(lambda text: sum(one.isalpha() and one.islower() for one in text)),
    "count_chars": _text(len),
    "contains": _contains,
    "contains_ignore_case": _contains_ignore_case,
    "eq_ignore_case": _texts(lambda left, right: _lower_ascii(left) == _lower_ascii(right)),
    "starts_with": _texts(str.startswith),
    "ends_with": _texts(str.endswith),
    "lines": _lines,
    "substring": _substring,
    "strip_prefix": lambda arguments: _strip(arguments, "prefix"),
    "strip_suffix": lambda arguments: _strip(arguments, "suffix"),
    "split": _texts(_pieces),
    "rsplit": _texts(lambda text, by: tuple(text.rsplit(by)[::-1]) if by else _pieces(text, by)[::-1]),
    "split_once": lambda arguments: _split_once(arguments, last=False),
    "rsplit_once": lambda arguments: _split_once(arguments, last=True),
    "split_n": _split_n,
    "split_words": _text(
        lambda text: tuple(word for word in re.split(f"[{WHITE}]+", text) if word and all(map(str.isalnum, word)))
    ),
    "hash": _texts(_hash),
    "if_then": lambda arguments: arguments[1] if truth(arguments[0]) else arguments[2],
}
