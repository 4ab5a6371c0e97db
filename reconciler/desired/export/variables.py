"""Names for the variables that stand for masked secrets.

Law: pure; a name depends on its own object, and on others only where it would be theirs too. Then it is nobody's: what
a vault holds under a name never becomes the secret of another object.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from reconciler.values import Address

#: A secret: the address that its document has, and the steps of its wire pointer.
Place = tuple[Address, tuple[str, ...]]

#: Variables of these names are not for secrets unless policy says so, and the names of ours end somewhere.
_RESERVED = ("STALWART_", "RECONCILER_")
_LONGEST_NAME = 60
#: Digits of the digest that tells sharers of a name apart; the whole of it where these are shared too.
_DIGITS = (8, 64)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def variables(secrets: Iterable[Place]) -> dict[Place, str]:
    """Return a name of its own for the variable of each secret: `RELAY_EU_AUTH_SECRET`."""
    plain = {place: _plain(*place) for place in secrets}
    names = dict(plain)
    for digits in _DIGITS:
        shared = {name for name, count in Counter(names.values()).items() if count > 1}
        names = {
            place: f"{plain[place]}_{_digest(place)[:digits]}" if name in shared else name
            for place, name in names.items()
        }
    return names


def _plain(address: Address, path: tuple[str, ...]) -> str:
    """Return the name that a secret has where no other would have the same."""
    # The last step is the same for all secrets.
    own = "_".join(CAMEL.sub("_", step) for step in path[:-1] or path)
    short = _shouted(f"{address.name}_{own}")
    if short[0].isdigit() or short.startswith(_RESERVED) or not address.name.strip("-"):
        return _shouted(f"{CAMEL.sub('_', address.kind)}_{address.name}_{own}")
    return short


def _digest(place: Place) -> str:
    address, path = place
    return sha256(f"{address} {'/'.join(path)}".encode()).hexdigest().upper()


def _shouted(text: str) -> str:
    """Return a text as the name of a variable."""
    return re.sub("[^A-Z0-9]+", "_", text.upper()).strip("_")[:_LONGEST_NAME].rstrip("_") or "SECRET"
