"""Ids as Stalwart writes them: 64-bit numbers in a base32 of its own.

Law: `parse` and `text` are the only place that knows the alphabet; everything else holds numbers or texts.
"""

from __future__ import annotations

import time

ALPHABET = "abcdefghijklmnopqrstuvwxyz792013"
# On input the server takes K to Z for k to z, but not A to J.
_VALUES = {char: value for value, char in enumerate(ALPHABET)} | {chr(65 + n): n for n in range(10, 26)}
_MASK = 2**64 - 1

#: The id of every object of which there is one; it reads `singleton`.
SINGLETON = 20080258862541
#: What an id property holds before it is given a value.
UNSET = _MASK
#: Ids from here on mean "my own account".
INVALID = _MASK - 1

_EPOCH = 1_632_280_000_000  # ms since 1970; the server counts from here
_STEP = 1 << 9  # the low nine bits are the number of the cluster node, always 1


def parse(value: str) -> int | None:
    """Return the number that a text spells (the empty text is 0), or None where it is no id."""
    number = 0
    for char in value:
        digit = _VALUES.get(char)
        if digit is None:
            return None
        number = (number << 5 | digit) & _MASK
    return number


def text(number: int) -> str:
    """Return the canonical text of an id: no padding, no leading zeros."""
    if not number:
        return "a"
    chars = []
    while number:
        chars.append(ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(chars))


def canonical(value: str) -> str | None:
    """Return the text that the server would print for an id, or None where it is no id."""
    number = parse(value)
    return None if number is None else text(number)


def well_formed_state(value: str) -> bool:
    """Whether a state string parses: `n…`, or `s` or `r` followed by one or three base32 LEB128 numbers."""
    kind, rest = value[:1], value[1:]
    if kind == "n":
        return True
    if kind not in ("s", "r"):
        return False
    numbers, bits, held, pending = 0, 0, 0, False
    for char in rest:
        digit = _VALUES.get(char)
        if digit is None:
            break
        held, bits = held << 5 | digit, bits + 5
        if bits >= 8:
            bits -= 8
            pending = bool(held >> bits & 0x80)
            numbers += not pending
            held &= (1 << bits) - 1
    return numbers >= (1 if kind == "s" else 3)


class Snowflakes:
    """Ascending ids: 43 bits of milliseconds, 12 of sequence, 9 of node.

    The server's own may wrap within a millisecond; these never go back, so that creation order is id order.
    """

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def next(self) -> int:
        """Return an id above every id given so far."""
        candidate = (int(time.time() * 1000) - _EPOCH) << 21 | 1
        self._last = max(candidate, self._last + _STEP)
        return self._last

    def above(self, number: int) -> None:
        """Give only ids above this one from now on."""
        self._last = max(self._last, number)
