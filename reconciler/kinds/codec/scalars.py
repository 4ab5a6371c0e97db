"""How a single value of a spec gets onto the wire, and what is said where it cannot.

Law: pure; a value that its schema accepts is encoded or answered with `Wrong`, and a secret is never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unicodedata import normalize

from msgspec import Struct

from reconciler.kinds.catalogue import Property
from reconciler.kinds.codec.decode import HIDDEN
from reconciler.values import (
    BLANK,
    MASK,
    MAX_INTEGER,
    Sensitive,
    canonical_host,
    canonical_ip,
    is_secret_reference,
    literal,
    parse_duration,
    parse_size,
    print_duration,
    print_size,
    shown,
)

Encode = Callable[[Any], Any]


class Mistake(Struct, frozen=True):
    """What is wrong in a spec: the path in human form, a code, a sentence, and what to do."""

    path: tuple[str, ...]
    code: str
    message: str
    hint: str = ""


class Wrong(Exception):
    """A value cannot be encoded. Never leaves the codec, whose answer the mistakes are."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = mistakes

    def below(self, *path: str) -> list[Mistake]:
        """Return the mistakes as they are seen from further up."""
        return [
            Mistake((*path, *mistake.path), mistake.code, mistake.message, mistake.hint) for mistake in self.mistakes
        ]


def refusal(code: str, message: str, hint: str = "", path: tuple[str, ...] = ()) -> Wrong:
    """Return what is to be raised for one mistake."""
    return Wrong(Mistake(path, code, message, hint))


def least_of(prop: Property) -> int:
    """Return the least value of a number: 0 where nothing is said, and no duration is 0 unless it is left out so."""
    least = 0 if prop.min is None else prop.min
    return max(least, 1) if prop.type == "duration" and prop.default != 0 else least


def fraction_encoder(prop: Property) -> Encode:
    """Compile the encoder of a number that need not be whole, which is a float on the wire."""

    def encode(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refusal("type", f"{shown(value)} is no number")
        for bound, over in ((prop.min, "under"), (prop.max, "over")):
            if bound is not None and (value < bound if over == "under" else value > bound):
                raise refusal("range", f"{shown(value)} is {over} {bound}")
        return float(value)

    return encode


def number_encoder(prop: Property) -> Encode:
    """Compile the encoder of an integer, a duration or a size, all of them integers on the wire."""
    parse: Callable[[str], int] = {"duration": parse_duration, "size": parse_size}.get(prop.type, int)
    unit: Callable[[int], str | int] = {"duration": print_duration, "size": print_size}.get(prop.type, int)
    least = least_of(prop)
    most = MAX_INTEGER if prop.max is None else prop.max

    def encode(value: Any) -> int:
        number = parse(value) if isinstance(value, str) else value
        if type(number) is not int:
            # JSON Schema counts 25.0 among the integers; the server does not.
            raise refusal("type", f"{shown(value)} is no whole number", f"write {number:.0f}")
        if number < least:
            raise refusal("range", f"{shown(value)} is under {unit(least)}")
        if number > most:
            raise refusal("range", f"{shown(value)} is over {unit(most)}")
        return number

    return encode


def moment(value: Any) -> str:
    """Return a time as the server stores it: in UTC, without parts of a second."""
    text = plain_text(value)
    try:
        read = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise refusal("date", f"{shown(value)} is no time", "such as 2026-11-28T09:00:00Z") from None
    return f"{read.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def plain_text(value: Any) -> str:
    """Return a text that can be sent, which half of a surrogate pair cannot."""
    # A subclass of str, as `$${` leaves behind, would be no text to the type-exact comparison.
    text = value if type(value) is str else str(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise refusal("text", "it holds half of a surrogate pair, which is no character") from None
    return text


def composed(encode: Encode) -> Encode:
    """Return an encoder of names: in Unicode form C, so that one name typed on two machines is one name."""

    def in_form_c(value: Any) -> str:
        text: str = encode(value)
        return text if text.isascii() else normalize("NFC", text)

    return in_form_c


_composed_text: Callable[[Any], str] = composed(plain_text)


def string_encoder(prop: Property) -> Encode:
    """Compile the encoder of a text: what the server makes of it, and the server's limits."""
    normal = _FORMS[prop.form]
    most = prop.max_bytes
    if prop.form == "text" and not most:
        return normal

    def encode(value: Any) -> str:
        text = normal(value)
        if not text:
            raise refusal("empty", "it is empty but for blanks", "the server takes no empty text; leave the field out")
        if most and len(text.encode()) > most:
            raise refusal("length", f"{shown(text)} has {len(text.encode())} bytes, and {most} are the most")
        return text

    return encode


def _trimmed(value: Any) -> str:
    return plain_text(value).strip(BLANK)


def _hostname(value: Any) -> str:
    try:
        return canonical_host(value)
    except ValueError as error:
        message = f"{shown(value)} is no host name that the server takes: {error}"
        raise refusal("hostname", message, "such as mail.example.org, or an IP address") from None


def _ip(value: Any) -> str:
    try:
        text = canonical_ip(value)
    except ValueError as error:
        raise refusal("ip", str(error), "such as 192.0.2.1 or 2001:db8::1") from None
    if text == "0.0.0.0":  # noqa: S104 - compared, not bound
        raise refusal("ip", "0.0.0.0 is refused by the server", "name the address to send from")
    return text


def _network(value: Any) -> str:
    """Return an address or a network in the server's form, which keeps the bits of the host."""
    address, slash, size = plain_text(value).strip(BLANK).partition("/")
    try:
        text = canonical_ip(address)
    except ValueError as error:
        raise refusal("network", str(error), "such as 192.0.2.0/24 or 2001:db8::/32") from None
    most = 128 if ":" in text else 32
    if not slash:
        return text
    if not (size.isascii() and size.isdigit() and len(size) < 4 and int(size) <= most):
        raise refusal("network", f"{shown(value)} is no network", f"the size is a number of bits, at most {most}")
    # An address alone is the smallest network, and the server keeps one of both only.
    return text if int(size) == most else f"{text}/{int(size)}"


def _socket(value: Any) -> str:
    """Return an address with a port, the address in canonical form and in brackets where it is IPv6."""
    host, colon, port = plain_text(value).strip(BLANK).rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = canonical_ip(bare)
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError:
        number = -1
    if not colon or not 0 <= number <= 65535 or (":" in bare) != (bare != host):
        message = f"{shown(value)} is no address with a port"
        raise refusal("socket", message, 'such as "127.0.0.1:8080" or "[::]:25"')
    return f"[{address}]:{number}" if ":" in address else f"{address}:{number}"


#: What the server makes of a text, by the word of the catalogue.
_FORMS: dict[str, Callable[[Any], str]] = {
    "text": plain_text,
    "trimmed": _trimmed,
    "hostname": _hostname,
    "domain": _hostname,
    "local": lambda value: _trimmed(value).lower(),
    "ip": _ip,
    "network": _network,
    "socket": _socket,
    "upper": lambda value: "".join(plain_text(value).split()).upper(),
    "lower": lambda value: "".join(plain_text(value).split()).lower(),
}


def sensitive(value: Any) -> Sensitive:
    """Return a secret: a reference that is resolved later, or the text itself. No message shows it."""
    if value in (MASK, HIDDEN):
        shows = "the server" if value == MASK else "this program"
        raise refusal(
            "mask", f"{value} is what {shows} shows in place of a secret", "write ${env:NAME} or ${file:PATH}"
        )
    if type(value) is str and value.startswith("${"):
        if is_secret_reference(value):
            return Sensitive(reference=value)
        raise refusal("secret", "it is no ${env:NAME} or ${file:PATH}", "$${ stands for a literal ${")
    # A subclass of str is a text that was freed of `$${`, and so is meant as it stands.
    return Sensitive(plain=plain_text(value))


def expression_text(value: Any) -> str:
    """Return the text of an expression, for which a boolean or an integer may stand."""
    if isinstance(value, str):
        return _composed_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if type(value) is not int:
        raise refusal("type", f"{shown(value)} is no whole number", "quote it if the text is meant")
    if abs(value) > MAX_INTEGER:
        raise refusal("range", f"{shown(value)} needs more than 64 bits, which no number of an expression has")
    return str(value)


def quoted(value: Any) -> str:
    """Return the expression that gives a name and nothing else."""
    try:
        return literal(_composed_text(value))
    except ValueError as error:
        raise refusal("name", f"{shown(value)} cannot be written as a name: {error}") from None
