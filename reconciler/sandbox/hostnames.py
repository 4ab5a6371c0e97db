"""Texts as the server takes them: trimmed, as host names, as addresses.

Law: pure; each function returns the text that is stored, or None where the server refuses.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from functools import cache
from pathlib import Path

# What Rust calls white space; Python would strip the separators 1C to 1F as well.
WHITESPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_RESERVED = frozenset(
    ("test", "localhost", "local", "internal", "lan", "home", "corp", "intranet", "private", "localdomain")
)


@cache
def suffixes() -> frozenset[str]:
    """Return the top-level names of the public suffix list, in ASCII."""
    return frozenset((Path(__file__).parent / "suffixes.txt").read_text("ascii").split())


def address(value: str) -> str | None:
    """Return an address in canonical form (RFC 5952), or None where it is none."""
    if "%" in value or "/" in value:
        return None
    try:
        parsed = ipaddress.ip_address(value)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if parsed.version == 6 else None
    return f"::ffff:{mapped}" if mapped else str(parsed)


def network(value: str) -> str | None:
    """Return an address or a network in canonical form, or None where it is none.

    The bits of the host are kept, a mask has 8 bits or more, and one of all bits is left out.
    """
    bare, slash, bits = value.strip(WHITESPACE).partition("/")
    host = address(bare)
    if host is None or not slash:
        return host
    most = 128 if ":" in host else 32
    if not (bits.isascii() and bits.isdigit() and 8 <= int(bits) <= most):
        return None
    return host if int(bits) == most else f"{host}/{int(bits)}"


def socket(value: str) -> str | None:
    """Return an address with a port in canonical form, or None where it is none."""
    host, _, port = value.strip(WHITESPACE).rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = address(host[1:-1] if bracketed else host)
    if bare is None or (":" in bare) != bracketed:
        return None
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        return None
    return f"[{bare}]:{int(port)}" if bracketed else f"{bare}:{int(port)}"


def hostname(value: str) -> str | None:
    """Return a host name as stored, or None where the server refuses it.

    Address literals stay as written. A name loses all white space, is lower-cased and, beyond ASCII, encoded; it has
    at least two labels and a known top-level name. The characters within a label are not looked at.
    """
    return value if address(value) is not None else domain(value)


def domain(value: str) -> str | None:
    """Return a domain as stored, or None where the server refuses it: no address literal is one."""
    name = "".join(char for char in value if char not in WHITESPACE)
    labels = name.split(".")
    if len(labels) < 2 or not labels[-1]:
        return None
    if any(not (label and (label[-1].isalnum() or label[-1] in "-_")) for label in labels[:-1]):
        return None
    name = ".".join(_ascii(label) for label in name.lower().split("."))
    top = name.rpartition(".")[2]
    return name if top in _RESERVED or top in suffixes() else None


def _ascii(label: str) -> str:
    if label.isascii():
        return label
    # Not Python's own "idna" codec: that is IDNA 2003, which turns the sharp s into ss.
    label = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", label).lower())
    return "xn--" + label.encode("punycode").decode("ascii")


def resolvable(value: str) -> bool:
    """Whether a reload would find this host. There is no DNS here: any well-formed name outside `.invalid` is found."""
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if address(bare) is not None:
        return True
    name = value.removesuffix(".").lower()
    labels = name.split(".")
    if not name or len(name) > 253 or labels[-1] == "invalid" or labels[-1].isdigit():
        return False
    return all(_host_label(label) for label in labels)


def _host_label(label: str) -> bool:
    if not 0 < len(label) < 64 or label.startswith("-") or label.endswith("-"):
        return False
    return label.isascii() and all(char.isalnum() or char in "-_" for char in label)
