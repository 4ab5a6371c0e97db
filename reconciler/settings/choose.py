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

from reconciler.kinds import LIMIT_PATTERN, Catalogue, Fault
from reconciler.server import Allowed
from reconciler.settings.ceiling import check_ceiling, policy_differences
from reconciler.settings.config import (
    DEFAULT_MANIFESTS,
    Config,
    Layer,
    PolicyConfig,
    TargetConfig,
    merged_policy,
    read,
    reference,
    unescaped,
)
from reconciler.settings.options import Options
from reconciler.settings.published import named_catalogue
from reconciler.values import (
    Allowance,
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
    #: Directories below which links among the manifests may end.
    links: tuple[str, ...] = ()
    policy: Policy
    scope: Scope
    allowed: Allowed
    #: What `${var:NAME}` stands for in this target's manifests.
    variables: Mapping[str, Any] = {}
    #: Severities of lint rules that policy sets.
    lint: Mapping[str, str] = {}
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
    options: Options = Options()


def catalogue_of(config: Config, target: str = "") -> Catalogue:
    """Return the kinds for a run against a target; "" where the file names none, or one only.

    Raises:
        ConfigError: the pulled schema cannot be read, or is none.
    """
    chosen = config.targets.get(target) or (next(iter(config.targets.values())) if len(config.targets) == 1 else None)
    return named_catalogue((chosen.server_schema if chosen else "") or config.server_schema)


def read_config(options: Options) -> Config:
    """Read the configuration file; none is an empty configuration, unless an option names it.

    Raises:
        ConfigError: it cannot be read.
        ManifestError: it says something that is not understood.
    """
    return read(options.config)


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
        ceiling = read(options.ceiling)
        check_ceiling(config, ceiling, name)
        otherwise = policy_differences(config, ceiling, name)
    policy = merged_policy(config, target)
    known = frozenset(catalogue.kinds)
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
    paths = tuple(each.path for each in layers)
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
        optional=frozenset(each.path for each in layers if each.optional),
        links=tuple(policy.links),
        policy=_policy(policy, options),
        scope=Scope(kinds=frozenset(options.kind), only=options.only),
        allowed=Allowed(
            tuple(policy.secrets.env) if policy.secrets.env is not None else None,
            tuple(policy.secrets.files) if policy.secrets.files is not None else None,
            roots,
        ),
        variables=_variables(config, name, policy, environment),
        lint=policy.lint,
        rotate=(options.rotate_secrets,) if options.rotate_secrets else (),
        reload=options.reload,
        user=_user(options, target, environment),
        instead=instead,
        otherwise=otherwise,
        server=server,
        options=options,
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

    plain = {each.lower(): each for each in sorted(known)}
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
        raise ManifestError([config.mistake(each) for each in missing], config.file)


def _variables(config: Config, name: str, policy: PolicyConfig, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the variables of a target: its name, its labels and its vars.

    Raises:
        ManifestError: some are not set in the environment, or may not be taken from there.
    """
    target = config.targets.get(name)
    if target is None:
        return {}
    found: dict[str, Any] = {"target": name, **{key: unescaped(value) for key, value in target.labels.items()}}
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
            found[key] = EnvironmentText(environment[variable])
        else:
            found[key] = unescaped(value) if isinstance(value, str) else value
    if unset:
        raise ManifestError([config.mistake(each) for each in unset], config.file)
    return found


def _may_read(variable: str, policy: PolicyConfig) -> bool:
    """Whether a variable of the environment may stand in manifests, and so in every plan."""
    if variable.startswith(OWN_VARIABLES):
        return True
    return Globs(policy.variables).match(variable) and not variable.startswith(("STALWART_", "RECONCILER_"))


def _policy(config: PolicyConfig, options: Options) -> Policy:
    prune: dict[str, bool | str] = {}
    if options.prune is not False:
        prune = dict(config.prune)
        if options.prune and not prune:
            prune = {"*": True}
    return Policy(
        prune=prune,
        owns={kind: tuple(names) for kind, names in config.owns.items()},
        keep=tuple(config.keep),
        undeclared=dict(config.undeclared),
        max_destroy=_limit("--max-destroy", options.max_destroy, config.max_destroy, Policy().max_destroy),
        max_update=_limit("--max-update", options.max_update, config.max_update, None),
        max_moved=_limit("", "", config.max_moved, None),
        max_bounced=_limit("", "", config.max_bounced, None),
        allow_empty=frozenset(options.allow_empty),
        allow=tuple(
            Allowance(
                address=each.address,
                actions=frozenset(each.actions),
                until=each.until,
                because=each.because,
                ended=bool(each.until) and each.until < datetime.now(UTC).date().isoformat(),
            )
            for each in config.allowances
        ),
    )


def _limit(name: str, option: str, configured: float | str | None, default: Any) -> Any:
    """Return a limit as the policy has it: a number, or a share such as `30%`."""
    if option and not re.fullmatch(LIMIT_PATTERN, option):
        raise UsageError(f"{name} {option!r} is no number and no share", "write 5 or 30%")
    chosen = option or configured
    if chosen is None:
        return default
    return chosen if isinstance(chosen, str) and chosen.endswith("%") else int(chosen)
