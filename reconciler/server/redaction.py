"""Takes secrets out of what a server says, in every form in which software quotes them.

Law: what was sent as a secret is never shown, though a server writes it escaped, encoded or cut off; data is left as
it is, since it is compared, and only sentences are redacted.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from json import dumps
from typing import Any
from urllib.parse import quote, quote_plus

#: What stands in a text where a secret stood, and in place of a text that holds one too short to be cut out.
HIDDEN = "(sensitive)"
LEFT_OUT = "the server's words are left out, since they hold a secret"
#: Secrets under so many characters are found in words that have nothing to do with them.
SHORT = 6
#: Characters of the beginning of a secret that give it away although the rest is cut off.
TELLING = 8


class Redactor:
    """The secrets of one run, in every form. Prints as nothing."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._short: set[str] = set()
        self._forms: set[str] = set()
        self.add(*secrets)

    def __repr__(self) -> str:
        return HIDDEN

    def add(self, *secrets: str) -> None:
        """Redact these too."""
        fresh = {secret for secret in secrets if secret} - self._known
        if not fresh:
            return
        self._known |= fresh
        self._short |= {secret for secret in fresh if len(secret) < SHORT}
        self._forms |= {form for secret in fresh if len(secret) >= SHORT for form in _forms(secret)}

    def sentence(self, text: str) -> str:
        """Return a text of the server's without any secret."""
        if not text or not self._known:
            return text
        if any(secret in text for secret in self._short):
            return LEFT_OUT
        # All forms at once: one that begins as another does must not hide where that ends.
        spans = sorted(place for form in self._forms for place in _spans(text, form))
        parts: list[str] = []
        at = 0
        for start, end in spans:
            if start > at or not parts:
                parts += [text[at:start], HIDDEN]
            at = max(at, end)
        return "".join([*parts, text[at:]])

    def sentences(self, value: Any) -> Any:
        """Return what a server says of a refusal, each text of it without any secret."""
        if isinstance(value, str):
            return self.sentence(value)
        if isinstance(value, Mapping):
            return {key: self.sentences(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.sentences(element) for element in value]
        return value


def _spans(text: str, form: str) -> Iterator[tuple[int, int]]:
    """Yield from where to where a secret's form stands in a text, also where only its beginning does."""
    start = text.find(form[:TELLING])
    while start >= 0:
        end = start
        while end < len(text) and end - start < len(form) and text[end] == form[end - start]:
            end += 1
        yield start, end
        start = text.find(form[:TELLING], start + 1)


def _forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written: as it is, escaped for JSON or a URL, and within base64."""
    yield secret
    for ascii_only in (True, False):
        yield dumps(secret, ensure_ascii=ascii_only)[1:-1]
    yield repr(secret)[1:-1]
    for escaped in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield escaped
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), escaped)
    encoded = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        # What stands ahead, such as a user's name, moves the secret to one of three places within the code.
        code = b64encode(bytes(before) + encoded).decode()
        inner = code[-(-before * 8 // 6) : (before + len(encoded)) * 8 // 6]
        if len(inner) >= TELLING:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
