"""From `reconciler.yaml`, the environment and the command line to the settings of a run.

Law: an option wins over RECONCILER_…, that over the chosen target; what is not understood is refused, never ignored;
secrets come from the environment or from files, and are read only when a server is talked to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from reconciler.catalogue import Catalogue
from reconciler.errors import ConfigError, NotAllowed, UsageError
from reconciler.policy import Policy, Scope
from reconciler.secrets import Allowed
from reconciler.strictyaml import load
from reconciler.units import parse_duration

DEFAULT_CONFIG = "reconciler.yaml"
DEFAULT_MANIFESTS = "manifests"
DEFAULT_TIMEOUT = "5m"


class SecretsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """`policy.secrets`: what secrets may be read from."""

    env: list[str] | None = None
    files: list[str] | None = None


class PolicyConfig(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """`policy`, for all targets or for one."""

    prune: dict[str, bool | Literal["all"]] = {}
    owns: dict[str, list[str]] = {}
    keep: list[str] = []
    lint: dict[str, Literal["error", "warning", "note", "ignore"]] = {}
    undeclared: dict[str, Literal["drift", "ignore"]] = {}
    max_destroy: int | str | None = None
    max_update: int | str | None = None
    secrets: SecretsConfig = SecretsConfig()


class TargetConfig(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One server, and the manifests that are for it."""

    url: str
    token: str = ""
    user: str = ""
    password: str = ""
    ca_bundle: str = ""
    manifests: list[str] = []
    #: What `${var:NAME}` stands for; a text that is wholly `${env:NAME}` is read from the environment.
    vars: dict[str, str | int | float | bool] = {}
    #: Variables too, and what fleets choose targets by.
    labels: dict[str, str] = {}
    #: Merged over the policy for all targets, key by key.
    policy: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"TargetConfig({self.url!r})"


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """`reconciler.yaml`."""

    targets: dict[str, TargetConfig] = {}
    policy: dict[str, Any] = {}


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
    max_destroy: str = ""
    max_update: str = ""
    rotate_secrets: str = ""
    reload: bool = True
    timeout: str = DEFAULT_TIMEOUT
    insecure: bool = False
    ca_bundle: str = ""


class Server(Struct, frozen=True):
    """Where a server is and who we are there. Prints without the secrets."""

    url: str
    token: str = ""
    user: str = ""
    password: str = ""
    ca_bundle: str = ""
    insecure: bool = False
    #: Seconds until a run is given up.
    timeout: float = 300.0

    def __repr__(self) -> str:
        return f"Server({self.url!r})"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that a run needs to know beside its manifests."""

    target: str
    paths: tuple[str, ...]
    policy: Policy
    scope: Scope
    allowed: Allowed
    #: What `${var:NAME}` stands for in this target's manifests.
    variables: Mapping[str, Any] = {}
    #: Severities of lint rules that policy sets.
    lint: Mapping[str, str] = {}
    rotate: tuple[str, ...] = ()
    reload: bool = True
    #: None where no server is named.
    server: TargetConfig | None = None
    options: Options = Options()


def read_config(options: Options) -> Config:
    """Read the configuration file; none is an empty configuration, unless an option names it.

    Raises:
        ConfigError: it cannot be read, or says something that is not understood.
    """
    path = Path(options.config or DEFAULT_CONFIG)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if options.config:
            raise ConfigError(f"{path} does not exist") from None
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    documents, problems = load(text)
    if problems:
        first = problems[0]
        raise ConfigError(f"{path}:{first.line}:{first.column}: {first.message}", first.hint)
    if len(documents) > 1:
        raise ConfigError(f"{path} holds {len(documents)} documents", "one is all it may hold")
    config: Config = _convert(documents[0].value if documents else {}, Config, str(path), "")
    return config


def settings(catalogue: Catalogue, config: Config, options: Options, environment: Mapping[str, str]) -> Settings:
    """Bring configuration, options and environment together for one run.

    Raises:
        UsageError: they contradict each other, or name what does not exist.
        ConfigError: the policy says something that is not understood.
    """
    name, target = _target(config, options)
    merged = _merge(config.policy, target.policy if target else {})
    policy = _convert(merged, PolicyConfig, options.config or DEFAULT_CONFIG, "policy")
    known = frozenset(catalogue.kinds)
    for where, kinds in (
        ("--kind", options.kind),
        ("--allow-empty", options.allow_empty),
        ("policy.prune", tuple(policy.prune)),
        ("policy.owns", tuple(policy.owns)),
        ("policy.undeclared", tuple(policy.undeclared)),
    ):
        unknown = sorted(set(kinds) - known)
        if unknown:
            kind = UsageError if where.startswith("--") else ConfigError
            raise kind(f"{where}: unknown kind {unknown[0]}", _guess(unknown[0], known))
    paths = options.paths or tuple(target.manifests if target else ()) or (DEFAULT_MANIFESTS,)
    roots = tuple(str(Path(path) if Path(path).is_dir() else Path(path).parent) for path in paths)
    url = (
        options.url or (target.url if target else "") or ("" if config.targets else environment.get("STALWART_URL", ""))
    )
    server = msgspec.structs.replace(target, url=url) if target else TargetConfig(url) if url else None
    return Settings(
        target=name,
        paths=paths,
        policy=_policy(policy, options),
        scope=Scope(kinds=frozenset(options.kind), only=options.only),
        allowed=Allowed(
            tuple(policy.secrets.env) if policy.secrets.env is not None else None,
            tuple(policy.secrets.files) if policy.secrets.files is not None else None,
            roots,
        ),
        variables=_variables(name, target, environment),
        lint=policy.lint,
        rotate=(options.rotate_secrets,) if options.rotate_secrets else (),
        reload=options.reload,
        server=server,
        options=options,
    )


def connect(found: Settings, environment: Mapping[str, str]) -> Server:
    """Return where the server is and the credentials for it.

    Raises:
        UsageError: no server is named.
        NotAllowed: there are no credentials.
    """
    if found.server is None:
        raise UsageError("no server is named", "give --url, or set STALWART_URL, or name a target in reconciler.yaml")
    target, options = found.server, found.options
    token = "" if options.user else _resolved(target.token, environment)
    user = options.user or target.user
    password = _resolved(target.password, environment)
    if not token and not user:
        token, user = environment.get("STALWART_TOKEN", ""), environment.get("STALWART_USER", "")
    password = password or environment.get("STALWART_PASSWORD", "")
    if not token and not (user and password):
        raise NotAllowed("there are no credentials", "set STALWART_TOKEN, or STALWART_USER and STALWART_PASSWORD")
    for text in (token, user, password):
        if "\n" in text or "\r" in text:
            raise ConfigError("the credentials hold a line break", "take it out")
    return Server(
        url=target.url,
        token=token,
        user=user,
        password=password,
        ca_bundle=options.ca_bundle or target.ca_bundle,
        insecure=options.insecure,
        timeout=_seconds(options.timeout),
    )


def _guess(name: str, known: frozenset[str]) -> str:
    from difflib import get_close_matches

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


def _variables(name: str, target: TargetConfig | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the variables of a target: its name, its labels and its vars.

    Raises:
        ConfigError: one is taken twice, or is not set in the environment.
    """
    if target is None:
        return {}
    found: dict[str, Any] = {"target": name, **target.labels}
    for key, value in target.vars.items():
        if key in found:
            raise ConfigError(f"targets.{name}.vars.{key} has the name of a label, or of the target itself")
        if isinstance(value, str) and value.startswith("${env:") and value.endswith("}"):
            variable = value[6:-1]
            if variable not in environment:
                raise ConfigError(f"targets.{name}.vars.{key}: {variable} is not set", f"set {variable}")
            found[key] = environment[variable]
        else:
            found[key] = value
    return found


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge two policies key by key; mappings within them too."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value
    return merged


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
        drift=frozenset(kind for kind, rule in config.undeclared.items() if rule == "drift"),
        max_destroy=_limit("--max-destroy", options.max_destroy or config.max_destroy, Policy().max_destroy),
        max_update=_limit("--max-update", options.max_update or config.max_update, None),
        allow_empty=frozenset(options.allow_empty),
    )


def _limit(name: str, value: str | int | None, default: Any) -> Any:
    if value is None or value == "":
        return default
    if isinstance(value, int) or value.isdigit():
        return max(int(value), 0)
    number = value.removesuffix("%")
    if not value.endswith("%") or not number.isdigit() or int(number) > 100:
        raise UsageError(f"{name} {value!r} is no number and no share", "write 5 or 30%")
    return value


def _seconds(text: str) -> float:
    try:
        return float(text) if text.isdigit() else parse_duration(text) / 1000
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None


def _resolved(text: str, environment: Mapping[str, str]) -> str:
    """Resolve a credential's reference. The configuration is trusted, so that any variable or file may be named."""
    if text.startswith("${env:") and text.endswith("}"):
        value = environment.get(text[6:-1], "")
        if not value:
            raise NotAllowed(f"{text} is not set", f"set {text[6:-1]}")
        return value
    if text.startswith("${file:") and text.endswith("}"):
        try:
            return Path(text[7:-1]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise NotAllowed(f"{text} cannot be read") from None
    return text


def _convert(value: Any, kind: type[Any], file: str, at: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        where = (path.strip("`") or "$").replace("$", at, 1).lstrip(".")
        raise ConfigError(f"{file}{': ' + where if where else ''}: {message}") from None
