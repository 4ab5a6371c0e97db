"""Where requests go, and as whom: a URL, the TLS settings for it, and credentials.

Law: nothing is sent from here; no message and no printed value holds a secret.
"""

from __future__ import annotations

import base64
import re
import ssl
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from reconciler.server.connection import ConnectionOptions
from reconciler.values import NotAllowed, UsageError, read_file

#: What a bearer token consists of (RFC 6750 allows less).
VISIBLE = "[!-~]+"


class Credentials(Struct, frozen=True):
    """A bearer token, or a user and a password. Prints as nothing."""

    token: str = ""
    user: str = ""
    password: str = ""

    def header(self) -> str:
        """Return the value of the Authorization header.

        Raises:
            NotAllowed: the token cannot stand in one. It is not shown.
        """
        if self.token:
            if not re.fullmatch(VISIBLE, self.token):
                raise NotAllowed("the token holds a blank, or a character that no token has", "copy it again")
            return f"Bearer {self.token}"
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def secrets(self) -> tuple[str, ...]:
        """Return what may never be shown: the token, the password, and both with the user's name as they are sent."""
        return (self.token, self.password, self.header().partition(" ")[2])

    def __repr__(self) -> str:
        return "(sensitive)"


def check_url(url: str) -> str:
    """Return a server's base URL without a trailing slash.

    Raises:
        UsageError: it is no plain http or https URL.
    """
    # Before an `@` may stand a password.
    shown = "the URL" if "@" in url else repr(url)
    wrong = UsageError(f"{shown} is no http or https URL", "give it as https://mail.example.org")
    try:
        parts = urlsplit(url)
        # A port that is none raises here, and so does a name that no resolver would take.
        _ = parts.port, httpx.URL(url).host.encode("idna")
    except (ValueError, httpx.InvalidURL):
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or any(character.isspace() for character in url):
        raise wrong
    if parts.username or parts.password:
        raise UsageError("the URL holds credentials", "set STALWART_USER and STALWART_PASSWORD instead")
    if parts.query or parts.fragment:
        raise UsageError(f"{url!r} holds a query or a fragment", "give the base URL only")
    return url.rstrip("/")


def tls_context(url: str, connection: ConnectionOptions | None = None) -> ssl.SSLContext:
    """Return the TLS settings for a URL; reading the system's certificates costs 20 ms, so only https pays for it.

    Raises:
        UsageError: the bundle cannot be read.
    """
    if urlsplit(url).scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    options = connection or ConnectionOptions()
    name = f"the CA bundle {options.ca_bundle}"
    if options.ca_bundle:
        # OpenSSL says little of what it cannot read, and waits for whoever might write into a pipe.
        read_file(options.ca_bundle, UsageError, name=name)
    try:
        context = ssl.create_default_context(cafile=options.ca_bundle or None)
    except OSError:
        raise UsageError(f"{name} cannot be read: it holds no certificate in PEM form") from None
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
