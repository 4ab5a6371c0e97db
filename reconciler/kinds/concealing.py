"""Secrets that a server stores and shows as plain text: passwords in URLs, and headers that log in.

Law: pure; what is hidden here is compared and sent as it is, and only never shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.kinds.codec import HIDDEN

#: Headers that hold a secret.
SECRET_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "api-key"))
_LOGIN = r"(?<=://)([^/@:\s?#]*):[^/@\s?#]+@"


def concealed_text(text: str) -> str:
    """Return a text without the password of a URL in it."""
    return re.sub(_LOGIN, rf"\1:{HIDDEN}@", text) if "://" in text else text


def concealed(value: Any) -> Any:
    """Return a value, in wire or in human form, without such secrets."""
    if isinstance(value, str):
        return concealed_text(value)
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if isinstance(member, str) and str(key).lower() in SECRET_HEADERS else concealed(member)
            for key, member in value.items()
        }
    return [concealed(element) for element in value] if isinstance(value, list) else value
