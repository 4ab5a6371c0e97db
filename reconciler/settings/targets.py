"""The keys of `reconciler.yaml`: servers, the manifests that are for each, what a run may do, and who is told of it.

Law: each field carries its key, so that the published schema follows from these structs; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Struct, field

from reconciler.kinds import Catalogue
from reconciler.server import ConnectionKeys
from reconciler.values import (
    DIALECT,
    ChoiceKey,
    FlagKey,
    ListKey,
    MapKey,
    PartKey,
    Policy,
    ScalarKey,
    Schema,
    TextKey,
    closed,
)

DEFAULT_MANIFESTS = "manifests"
#: Keys of all targets, or of one in their place.
_Ping = Annotated[str, TextKey("URL of a monitor that is told of each start and end, as ${env:NAME}.", secret=True)]
_Notify = Annotated[str, TextKey("URL that reports are posted to, as ${env:NAME}.", secret=True)]
_OnDrift = Annotated[
    Literal["", "log", "fail"],
    ChoiceKey("What differences are to the monitor: a line in its log (and alive), or a failure.", ("log", "fail")),
]
_Pulled = Annotated[
    str,
    TextKey("File of `schema pull`: what the server publishes of its kinds. The only one in schemas/server is found."),
]


class Layer(Struct, frozen=True):
    """One path of a target's manifests."""

    path: Annotated[str, TextKey("Relative to where it runs.")]
    optional: Annotated[bool, FlagKey("It may hold no document, or not be there.")] = False


class TargetConfig(ConnectionKeys, frozen=True, rename="camel"):
    """One server, and the manifests that are for it."""

    url: Annotated[str, TextKey("Where the server is, such as https://mail.example.org.")]
    token: Annotated[str, TextKey("An API key, as ${env:NAME} or ${file:PATH}.", secret=True)] = ""
    user: Annotated[str, TextKey("Who logs in where there is no token; may be ${env:NAME}.")] = ""
    password: Annotated[str, TextKey("The user's password, as ${env:NAME} or ${file:PATH}.", secret=True)] = ""
    plain_http: Annotated[bool, FlagKey("Credentials may go to another host unencrypted.")] = False
    manifests: Annotated[
        list[str | Layer],
        ListKey(
            "Files and directories, each a layer upon those before it.",
            PartKey("A path, relative to where it runs; a layer that may hold nothing says so.", Layer, alone="path"),
        ),
    ] = field(default_factory=list)
    vars: Annotated[
        dict[str, str | int | float | bool],
        MapKey(
            "What ${var:NAME} stands for in manifests.",
            ScalarKey("A value; one that is wholly ${env:NAME} comes from the environment."),
        ),
    ] = field(default_factory=dict)
    labels: Annotated[
        dict[str, str],
        MapKey("Variables too, and what targets are told apart by.", TextKey("A value.")),
    ] = field(default_factory=dict)
    #: Requests go to the first, and a reload to each.
    nodes: Annotated[
        list[str],
        ListKey(
            "The base URL of every node of a cluster: all is written through the first.",
            TextKey("A base URL."),
            distinct=True,
        ),
    ] = field(default_factory=list)
    #: As it is written; `merged_policy` lays it over the policy of all targets.
    policy: Annotated[dict[str, Any], PartKey("Merged over the policy of all targets.", Policy)] = field(
        default_factory=dict
    )
    server_schema: _Pulled = ""
    ping: _Ping = ""
    notify: _Notify = ""
    ping_on_drift: _OnDrift = ""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Return the target's manifests, the usual ones where it names none."""
        given = self.manifests or [DEFAULT_MANIFESTS]
        return tuple(Layer(layer) if isinstance(layer, str) else layer for layer in given)

    def __repr__(self) -> str:
        return f"TargetConfig({self.url!r})"


class ConfigKeys(Struct, frozen=True, rename="camel"):
    """The whole file."""

    targets: Annotated[
        dict[str, TargetConfig],
        MapKey("Servers by the name that --target chooses them by.", PartKey("One server.", TargetConfig)),
    ] = {}
    policy: Annotated[Mapping[str, Any], PartKey("What a run may do on every target.", Policy)] = {}
    server_schema: _Pulled = ""
    ping: _Ping = ""
    notify: _Notify = ""
    ping_on_drift: _OnDrift = ""

    def __repr__(self) -> str:
        return f"ConfigKeys({', '.join(self.targets)})"


def monitors_of(keys: TargetConfig | ConfigKeys) -> dict[str, str]:
    """Return who is told of runs, by key, as far as the file says."""
    held = {"ping": keys.ping, "notify": keys.notify, "pingOnDrift": keys.ping_on_drift}
    return {name: value for name, value in held.items() if value}


def config_schema(catalogue: Catalogue) -> Schema:
    """Return the published schema of the configuration: JSON Schema 2020-12, by which it is judged too."""
    return {
        "$schema": DIALECT,
        "title": "Configuration",
        "description": "Servers, the manifests that are for each, and what a run may do.",
        **closed(ConfigKeys, {kind.kind: kind.description for kind in catalogue.kinds.values()}),
    }
