"""What the server reads in the texts that it is given: certificates, private keys, Sieve scripts, passwords.

Law: pure but for files and variables, which are read where a text stands for one. Each function returns what it read,
or None where the server refuses.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from reconciler.sandbox.shapes import Body, Mould

#: Bytes of a file that are read at most.
_MOST = 65_536
#: Fewest characters of a password, and those that count for one of another sort.
_SHORTEST = 8
_LONG = 16
_SORTS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"), re.compile(r"[^a-zA-Z0-9]"))
_COMMON = re.compile(r"pass.?w.?r.?d|qwert|abcd|1234|letmein|welcome|admin|secret|dragon|monkey", re.IGNORECASE)
_HASH = re.compile(r"\$[^$]+\$|\{[A-Za-z0-9.-]+\}|_[./0-9A-Za-z]{19}\Z")


class SealedText(Struct, frozen=True):
    """What a certificate says. Dates are in UTC."""

    names: tuple[str, ...]
    issuer: str
    begin: str
    end: str


def outside(mould: Mould, body: Body, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the text that an object holds or stands for, and why it cannot be read where it is None.

    An object without a text, such as one that says that there is none, is an empty text.
    """
    for slot in mould.shape(body).slots.values():
        value = body[slot.name]
        if slot.word.resolved_from == "variable":
            content = environment.get(value)
            return content or None, f"Environment variable '{value}' not found"
        if slot.word.resolved_from == "file":
            content = _file(value)
            return content or None, f"Failed to read secret from file '{value}'"
        if slot.word.type == "string":
            return value or "", ""
    return "", ""


def _file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MOST).decode(errors="replace").strip()
    except (OSError, ValueError):
        return ""


def certificate(text: str) -> SealedText | None:
    """Read the first certificate of a PEM text (RFC 7468). Without the library that reads them any text will do."""
    try:
        from cryptography import x509
    except ImportError:
        return SealedText((), "", "", "")
    try:
        read = x509.load_pem_x509_certificates(text.encode())[0]
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.DNSName
        )
    except x509.ExtensionNotFound:
        names = [str(attribute.value) for attribute in read.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    except ValueError:
        return None
    form = "%Y-%m-%dT%H:%M:%SZ"
    return SealedText(
        tuple(names),
        ", ".join(reversed(read.issuer.rfc4514_string().split(","))),
        read.not_valid_before_utc.strftime(form),
        read.not_valid_after_utc.strftime(form),
    )


def public_key(text: str, form: str) -> str | None:
    """Return the public half of a private key, as DNS shows it (RFC 6376 section 3.6.1, RFC 8463 section 4.2).

    Without the library that reads keys any text will do.

    Args:
        text: the key in PEM.
        form: the algorithm that it must be of, `rsa-key` or `ed25519-key`.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    except ImportError:
        return ""
    try:
        key = serialization.load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        return None
    encoding, shown = serialization.Encoding, serialization.PublicFormat
    if isinstance(key, ed25519.Ed25519PrivateKey) and form == "ed25519-key":
        public = key.public_key().public_bytes(encoding.Raw, shown.Raw)
    elif isinstance(key, rsa.RSAPrivateKey) and form == "rsa-key":
        public = key.public_key().public_bytes(encoding.DER, shown.SubjectPublicKeyInfo)
    else:
        return None
    return b64encode(public).decode()


def sieve(text: str) -> str | None:
    """Return why a script does not compile, or None. Commands and brackets are looked at, arguments are not."""
    bare = _STRINGS.sub(lambda match: "" if match[0][0] in "#/" else '""', text)
    if '"' in bare.replace('""', ""):
        return "Unterminated string"
    open_: list[str] = []
    start = True
    for match in _TOKENS.finditer(bare):
        token = match[0]
        if token in _PAIRS.values():
            open_.append(token)
        elif token in _PAIRS and (not open_ or open_.pop() != _PAIRS[token]):
            return f"Unexpected '{token}'"
        elif start and token[0].isalpha() and token.lower() not in _COMMANDS:
            return f"Unknown command '{token}'"
        start = token in (";", "{", "}")
    if open_:
        return f"Missing the end of '{open_[-1]}'"
    return None if start else "Unexpected end of script"


#: Comments, and strings in their two forms (RFC 5228 section 2).
_STRINGS = re.compile(
    r'#[^\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|text:[ \t]*(?:#[^\n]*)?\r?\n.*?^\.\r?$', re.DOTALL | re.MULTILINE
)
_TOKENS = re.compile(r'[A-Za-z_][A-Za-z0-9_.]*|:[A-Za-z]+|[0-9]+[KMGkmg]?|""|[{}()\[\];,]|\S')
_PAIRS = {"}": "{", ")": "(", "]": "["}
_COMMANDS = frozenset(
    (
        *("require", "if", "elsif", "else", "stop", "keep", "discard", "redirect", "fileinto", "reject", "ereject"),
        *("set", "let", "eval", "vacation", "notify", "addflag", "setflag", "removeflag", "addheader", "deleteheader"),
        *("include", "return", "global", "foreverypart", "break", "continue", "while", "replace", "enclose"),
        *("extracttext", "convert", "error", "execute", "spamtest"),
    )
)


def weakness(password: str) -> str | None:
    """Return why a password is too weak to be set, or None. The server's own estimate is finer than this one."""
    if len(password) < _SHORTEST:
        return f"Password must be at least {_SHORTEST} characters long."
    rest = _COMMON.sub("", password)
    sorts = sum(bool(sort.search(rest)) for sort in _SORTS)
    if len(set(rest)) < _SHORTEST or (len(rest) < _LONG and sorts < 2):
        return "Password is too weak."
    return None


def hashed(password: str) -> bool:
    """Whether a password is a hash already, which the server stores as it is."""
    return bool(_HASH.match(password))
