"""What the command line says of a run's settings.

Law: values as they were given; what they mean is judged where they are brought together with the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Options(Struct, frozen=True, kw_only=True):
    """What the command line, or a RECONCILER_… variable in its place, says."""

    paths: tuple[str, ...] = ()
    config: str = ""
    target: str = ""
    url: str = ""
    user: str = ""
    kind: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    prune: bool | None = None
    allow_empty: tuple[str, ...] = ()
    #: Limits of policy, by the name of their field; "" says nothing.
    limits: Mapping[str, str] = {}
    rotate_secrets: str = ""
    reload: bool = True
    #: How the server is reached, by the names of the fields of `ConnectionOptions`; "" says nothing.
    connection: Mapping[str, str | bool] = {}
    #: Credentials may go to another host unencrypted.
    allow_plain_http: bool = False
    #: Configuration that bounds what this one may do.
    ceiling: str = ""
    #: Warnings about manifests are errors.
    strict: bool = False
    #: What manifests come to is neither kept nor taken from an earlier run.
    no_cache: bool = False
