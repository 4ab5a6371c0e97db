"""From `reconciler.yaml`, the environment and the command line to the settings of a run.

Law: an option wins over RECONCILER_…, that over the chosen target; what is not understood is refused, never ignored;
secrets come from the environment or from files, and are read only when a server is talked to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.kinds import Catalogue, Fault
from reconciler.server import Allowed
from reconciler.settings.config import Config, Unknown, merged_policy, read, reference, unescaped
from reconciler.settings.options import Options
from reconciler.settings.published import named_catalogue
from reconciler.settings.targets import DEFAULT_MANIFESTS, Layer, TargetConfig
from reconciler.values import (
    LIMIT_PATTERN,
    EnvironmentText,
    Globs,
    ManifestError,
    Policy,
    Scope,
    UsageError,
    get_close_matches,
)

__all__ = [
    "DEFAULT_MANIFESTS",
    "Config",
    "Settings",
    "TargetConfig",
    "catalogue_of",
    "check_layers",
    "read_config",
    "settings",
]


#: Variables that are there for this.
OWN_VARIABLES = "RECONCILER_VAR_"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that a run needs to know beside its manifests."""

    target: str
    paths: tuple[str, ...]
    #: Those of the paths that may hold no document, or not be there.
    optional: frozenset[str] = frozenset()
    policy: Policy
    scope: Scope
    allowed: Allowed
    #: What `${var:NAME}` stands for in this target's manifests.
    variables: Mapping[str, Any] = {}
    rotate: tuple[str, ...] = ()
    reload: bool = True
    #: As whom the server is talked to; "" with a token, or where only a file says it.
    user: str = ""
    #: What was chosen in place of the target's own server, or "".
    instead: str = ""
    #: What the policy says otherwise than the ceiling does.
    otherwise: tuple[str, ...] = ()
    #: None where no server is named.
    server: TargetConfig | None = None
    #: The directory where what manifests come to is kept; "" where nothing is.
    cache: str = ""
    options: Options = Options()

    @property
    def insecure(self) -> bool:
        """Whether the server's certificate is not verified."""
        return bool(self.options.connection.get("insecure"))


def catalogue_of(config: Config, target: str = "") -> Catalogue:
    """Return the kinds for a run against a target; "" where the file names none, or one only.

    Raises:
        ConfigError: the pulled schema cannot be read, or is none.
    """
    chosen = config.targets.get(target) or (next(iter(config.targets.values())) if len(config.targets) == 1 else None)
    return named_catalogue((chosen.server_schema if chosen else "") or config.server_schema)


def read_config(options: Options, *, unknown: Unknown = "wrong") -> Config:
    """Read the configuration file; none is an empty configuration, unless an option names it.

    Args:
        options: which file it is.
        unknown: what a kind is that nothing here knows; before a schema is pulled, only the server could tell.

    Raises:
        ConfigError: it cannot be read.
        ManifestError: it says something that is not understood.
    """
    return read(options.config, unknown=unknown)


def settings(catalogue: Catalogue, config: Config, options: Options, environment: Mapping[str, str]) -> Settings:
    """Bring configuration, options and environment together for one run.

    Raises:
        UsageError: they contradict each other, or name what does not exist.
        Refused: the configuration goes beyond its ceiling.
        ManifestError: the configuration asks for variables that are not set.
    """
    name, target = _target(config, options)
    otherwise: tuple[str, ...] = ()
    if options.ceiling:
        from reconciler.settings.ceiling import check_ceiling, policy_differences

        ceiling = read(options.ceiling)
        check_ceiling(config, ceiling, name)
        otherwise = policy_differences(config, ceiling, name)
    known = frozenset(catalogue.kinds)
    policy = merged_policy(config, target)
    for where, kinds in (
        ("--kind", options.kind),
        ("--only", list(_kinds(options.only))),
        ("--rotate-secrets", list(_kinds((options.rotate_secrets,)))),
        ("--allow-empty", options.allow_empty),
    ):
        unknown = sorted(set(kinds) - known)
        if unknown:
            raise UsageError(f"{where}: unknown kind {unknown[0]}", _guess(unknown[0], known))
    layers = [*map(Layer, options.paths)] or (target.layers if target else (Layer(DEFAULT_MANIFESTS),))
    paths = tuple(layer.path for layer in layers)
    roots = tuple(path if os.path.isdir(path) else str(Path(path).parent) for path in paths)
    url = (
        options.url or (target.url if target else "") or ("" if config.targets else environment.get("STALWART_URL", ""))
    )
    instead = ""
    if target and target.url and url.rstrip("/") != target.url.rstrip("/"):
        by = "RECONCILER_URL" if environment.get("RECONCILER_URL") == url else "--url"
        instead = f"{by} stands in place of the target's {target.url}"
    server = TargetConfig(url) if url else None
    if target:
        # Another server than the target's own has other nodes.
        nodes = [] if instead else [node.rstrip("/") for node in target.nodes]
        server = msgspec.structs.replace(target, url=url, nodes=nodes)
    return Settings(
        target=name,
        paths=paths,
        optional=frozenset(layer.path for layer in layers if layer.optional),
        policy=_known_alone(_policy(policy, options), known),
        scope=Scope(kinds=frozenset(options.kind), only=options.only),
        allowed=Allowed(policy.secrets.env, policy.secrets.files, roots),
        variables=_variables(config, name, policy, environment),
        rotate=(options.rotate_secrets,) if options.rotate_secrets else (),
        reload=options.reload,
        user=_user(options, target, environment),
        instead=instead,
        otherwise=otherwise,
        server=server,
        cache="" if options.no_cache else _cache_directory(environment),
        options=options,
    )


def _cache_directory(environment: Mapping[str, str]) -> str:
    """Return where this user's programs keep what can be made again (XDG Base Directory 0.8), or ""."""
    own, home = environment.get("XDG_CACHE_HOME", ""), environment.get("HOME", "")
    root = own if os.path.isabs(own) else os.path.join(home, ".cache") if os.path.isdir(home) else ""
    return os.path.join(root, "reconciler") if os.path.isabs(root) else ""


def _known_alone(policy: Policy, known: frozenset[str]) -> Policy:
    """Return a policy without the kinds that this target's server is not known to have; others may have them."""
    parts: dict[str, Mapping[str, Any]] = {
        "prune": policy.prune,
        "owns": policy.owns,
        "undeclared": policy.undeclared,
    }
    return msgspec.structs.replace(
        policy,
        **{
            name: {kind: member for kind, member in part.items() if kind in known or kind == "*"}
            for name, part in parts.items()
        },
    )


def _user(options: Options, target: TargetConfig | None, environment: Mapping[str, str]) -> str:
    """Return as whom a run talks to its server, as far as that can be told without reading secrets."""
    if options.user or (target and (target.user or target.token)):
        source, name = reference(target.user) if target else ("", "")
        named = environment.get(name, "") if source == "env" else "" if source or not target else target.user
        return options.user or named
    return "" if environment.get("STALWART_TOKEN") else environment.get("STALWART_USER", "")


def _kinds(globs: Iterable[str]) -> Iterator[str]:
    """Yield the kinds that address globs name in full."""
    heads = (re.split("[/#]", glob)[0] for glob in globs)
    return (head for head in heads if head and not re.search("[*?]", head))


def _guess(name: str, known: frozenset[str]) -> str:

    plain = {other.lower(): other for other in sorted(known)}
    close = get_close_matches(name.lower(), plain, n=1)
    return f"did you mean {plain[close[0]]}?" if close else f"known here: {', '.join(plain.values())}"


def _target(config: Config, options: Options) -> tuple[str, TargetConfig | None]:
    if options.target:
        if options.target not in config.targets:
            known = ", ".join(config.targets) or "none"
            raise UsageError(f"there is no target {options.target}", f"known here: {known}")
        return options.target, config.targets[options.target]
    if len(config.targets) > 1 and not options.url:
        raise UsageError(
            f"there are {len(config.targets)} targets", f"choose with --target: {', '.join(config.targets)}"
        )
    if len(config.targets) == 1:
        return next(iter(config.targets.items()))
    return "", None


def check_layers(config: Config, names: Iterable[str]) -> None:
    """Check that the manifests of some targets are there.

    Raises:
        ManifestError: some are not.
    """
    missing = [
        Fault(
            ("targets", name, "manifests", str(index)),
            "missing",
            f"{layer.path} does not exist",
            "manifests are found from the working directory, wherever the configuration is",
        )
        for name in names
        for index, layer in enumerate(config.targets[name].layers if config.targets[name].manifests else ())
        if not layer.optional and not os.path.exists(layer.path)
    ]
    if missing:
        raise ManifestError([config.mistake(fault) for fault in missing], config.file)


def _variables(config: Config, name: str, policy: Policy, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the variables of a target: its name, its labels and its vars.

    Raises:
        ManifestError: some are not set in the environment, or may not be taken from there.
    """
    target = config.targets.get(name)
    if target is None:
        return {}
    variables: dict[str, Any] = {"target": name, **{key: unescaped(value) for key, value in target.labels.items()}}
    unset = []
    for key, value in target.vars.items():
        variable = reference(value)[1] if isinstance(value, str) else ""
        if variable and not _may_read(variable, policy):
            message = f"{variable} may not be read: plans show what variables hold"
            hint = f"policy.variables: [{variable}] allows it; {OWN_VARIABLES}* needs no word"
            if variable.startswith("STALWART_"):
                hint = "credentials are never variables"
            unset.append(Fault(("targets", name, "vars", key), "not-allowed", message, hint))
        elif variable and variable not in environment:
            unset.append(Fault(("targets", name, "vars", key), "unset", f"{variable} is not set", f"set {variable}"))
        elif variable:
            variables[key] = EnvironmentText(environment[variable])
        else:
            variables[key] = unescaped(value) if isinstance(value, str) else value
    if unset:
        raise ManifestError([config.mistake(fault) for fault in unset], config.file)
    return variables


def _may_read(variable: str, policy: Policy) -> bool:
    """Whether a variable of the environment may stand in manifests, and so in every plan."""
    if variable.startswith(OWN_VARIABLES):
        return True
    return Globs(policy.variables).match(variable) and not variable.startswith(("STALWART_", "RECONCILER_"))


def _policy(policy: Policy, options: Options) -> Policy:
    """Return the policy of a run: what options say stands in place of what the configuration does."""
    prune = policy.prune if options.prune is not False else {}
    if options.prune and not prune:
        prune = {"*": True}
    today = datetime.now(UTC).date().isoformat()
    allow = (
        msgspec.structs.replace(allowance, ended=bool(allowance.until) and allowance.until < today)
        for allowance in policy.allow
    )
    limits = {name: _limit(name, text) for name, text in options.limits.items() if text}
    return msgspec.structs.replace(
        policy, prune=prune, allow=tuple(allow), allow_empty=frozenset(options.allow_empty), **limits
    )


def _limit(name: str, text: str) -> str | int:
    """Return a limit that an option says, as the policy has it: a number, or a share such as `30%`."""
    if not re.fullmatch(LIMIT_PATTERN, text):
        raise UsageError(f"--{name.replace('_', '-')} {text!r} is no number and no share", "write 5 or 30%")
    return text if text.endswith("%") else int(text)
