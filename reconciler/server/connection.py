"""How a server is reached: what a target of the configuration or an option of the command line says of it.

Law: values only; an option is named as its field, and the client is handed the whole struct.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from reconciler.values import TextKey


class ConnectionKeys(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a target may say of its connection; an option of the same name stands in its place."""

    ca_bundle: Annotated[str, TextKey("File of certificates to trust instead of the system's.")] = ""


class ConnectionOptions(ConnectionKeys, frozen=True, kw_only=True):
    """How a server is reached. A number is a time in seconds, which an option writes as `5m`."""

    #: Its certificate is not verified.
    insecure: bool = False
    #: Until the whole run is given up.
    timeout: float = 300.0
    #: What the server may take to start, on top of the timeout.
    wait: float = 0.0
