"""Whether a private key fits a certificate, which the server itself does not check.

Law: pure; no message holds a part of a key. Reading keys takes cryptography, an extra; without it nothing is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: How a certificate begins, among whatever else its text holds.
BEGIN = "-----BEGIN CERTIFICATE-----"


def unfit(certificate: Any, key: str) -> str:
    """Say why a private key cannot be that of a certificate; "" where it fits, or nothing tells.

    Args:
        certificate: a property that holds a certificate as PEM, in wire form; where it lies on the server, it is not
            known here.
        key: the private key as PEM.
    """
    text = _text(certificate)
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return ""
    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        return "it is no private key in PEM, or one with a password"
    if not text:
        return ""
    try:
        leaf = x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        return "its certificate cannot be read"
    return "" if private.public_key() == leaf.public_key() else "it is not the key of its certificate"


def _text(value: Any) -> str:
    """Return the first certificate in a property, or ""."""
    if isinstance(value, Mapping):
        return next((text for member in value.values() if (text := _text(member))), "")
    return value[value.index(BEGIN) :] if isinstance(value, str) and BEGIN in value else ""
