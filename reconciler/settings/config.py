"""`reconciler.yaml`: read, judged as manifests are, and brought into structs.

Law: every mistake of the file is told at once and where it stands, whichever target is chosen; what is taken from the
environment stands alone (`${env:NAME}`), and no value of a credential is in a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from reconciler.kinds import Catalogue, Fault, config_schema, faults
from reconciler.settings.published import every_catalogue
from reconciler.values import (
    ConfigError,
    Diagnostic,
    Globs,
    ManifestError,
    can_continue,
    get_close_matches,
    in_file,
    reference_of,
    shown,
)
from reconciler.yamlio import Problem, decode, positions
from reconciler.yamlio import load as load_yaml

DEFAULT_CONFIG = "reconciler.yaml"
DEFAULT_MANIFESTS = "manifests"

#: Fields of a target that are taken as they stand, and those that may be references.
_PLAIN = ("url", "caBundle")
_CREDENTIALS = ("token", "user", "password")
#: Addresses that are told of runs; secrets too, and for all targets or for one.
_TOLD = ("ping", "notify")
_MONITORS = (*_TOLD, "pingOnDrift")

Steps = tuple[str, ...]


class SecretsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """`policy.secrets`: what secrets may be read from."""

    env: list[str] | None = None
    files: list[str] | None = None


class Layer(Struct, frozen=True, forbid_unknown_fields=True):
    """One path of a target's manifests."""

    path: str
    #: It may hold no document, or not be there.
    optional: bool = False


class AllowanceConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of `policy.allow` with more than an address."""

    address: str
    actions: list[Literal["create", "update", "replace", "destroy"]] = []
    until: str = ""
    because: str = ""


class PolicyConfig(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """`policy`, for all targets or for one."""

    prune: dict[str, bool | Literal["all"]] = {}
    owns: dict[str, list[str]] = {}
    keep: list[str] = []
    lint: dict[str, Literal["error", "warning", "note", "ignore"]] = {}
    undeclared: dict[str, Literal["drift", "ignore"]] = {}
    #: A whole number may be written 5.0 as well.
    max_destroy: int | float | str | None = None
    max_update: int | float | str | None = None
    max_moved: int | float | str | None = None
    max_bounced: int | float | str | None = None
    secrets: SecretsConfig = SecretsConfig()
    #: Directories below which links among the manifests may end.
    links: list[str] = []
    #: Globs of the variables that a target's `vars` may be taken from.
    variables: list[str] = []
    #: Dangerous kinds or objects that a run may write or destroy.
    allow: list[str | AllowanceConfig] = []

    @property
    def allowances(self) -> tuple[AllowanceConfig, ...]:
        """Return what is allowed, in one form."""
        return tuple(AllowanceConfig(each) if isinstance(each, str) else each for each in self.allow)


class TargetConfig(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One server, and the manifests that are for it."""

    url: str
    token: str = ""
    user: str = ""
    password: str = ""
    ca_bundle: str = ""
    #: Credentials may go to another host unencrypted.
    plain_http: bool = False
    manifests: list[str | Layer] = []
    #: What `${var:NAME}` stands for; a text that is wholly `${env:NAME}` is read from the environment.
    vars: dict[str, str | int | float | bool] = {}
    #: Variables too, and what fleets choose targets by.
    labels: dict[str, str] = {}
    #: The address of every node of a cluster; requests go to the first, and a reload to each.
    nodes: list[str] = []
    #: Merged over the policy for all targets.
    policy: dict[str, Any] = {}
    #: Who is told of this target's runs, in place of who is told of all.
    ping: str = ""
    notify: str = ""
    ping_on_drift: str = ""
    #: The pulled schema of this server, in place of the one for all.
    server_schema: str = ""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Return the target's manifests, the usual ones where it names none."""
        given = self.manifests or [DEFAULT_MANIFESTS]
        return tuple(Layer(each) if isinstance(each, str) else each for each in given)

    def monitors(self) -> dict[str, str]:
        """Return who is told of this target's runs, as the file names it."""
        return dict(zip(_MONITORS, (self.ping, self.notify, self.ping_on_drift), strict=True))

    def __repr__(self) -> str:
        return f"TargetConfig({self.url!r})"


class Config(Struct, frozen=True):
    """What `reconciler.yaml` says, and its text, so that what turns out later can be told where it stands."""

    targets: dict[str, TargetConfig] = {}
    policy: Mapping[str, Any] = {}
    #: The pulled schema of the servers, or "".
    server_schema: str = ""
    #: Who is told of runs: `ping`, `notify` and `pingOnDrift`, as far as the file says.
    monitors: Mapping[str, str] = {}
    file: str = DEFAULT_CONFIG
    text: str = ""

    def __repr__(self) -> str:
        return f"Config({self.file!r})"

    def mistake(self, fault: Fault) -> Diagnostic:
        """Return a fault with the place where it stands."""
        found = positions(self.text)
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in fault.path)
        at = (0, 0) if not found else found[0].key(pointer) if fault.of_key else found[0].value(pointer)
        return Diagnostic(
            file=self.file,
            line=at[0],
            column=at[1],
            pointer=".".join(fault.path),
            code=fault.code,
            message=fault.message,
            hint=fault.hint,
        )


def read(name: str) -> Config:
    """Read and judge a configuration file; without a name the usual one, which need not be there.

    Raises:
        ConfigError: it cannot be read.
        ManifestError: it says something that is not understood.
    """
    path = Path(name or DEFAULT_CONFIG)
    try:
        text = decode(path.read_bytes())
    except FileNotFoundError:
        if name:
            raise ConfigError(f"{path} does not exist") from None
        return Config()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if isinstance(text, Problem):
        raise ManifestError([in_file(str(path), text)], str(path))
    return parse_config(str(path), text)


def parse_config(file: str, text: str) -> Config:
    """Judge the text of a configuration file.

    Raises:
        ManifestError: it says something that is not understood.
    """
    config = Config(file=file, text=text)
    documents, problems = load_yaml(text)
    unreadable = [in_file(config.file, each) for each in problems]
    if len(documents) > 1:
        message = f"the file holds {len(documents)} documents, and one is all it may hold"
        unreadable.append(Diagnostic(file=config.file, line=documents[1].line, code="document", message=message))
    value = documents[0].value if documents else {}
    # What YAML understood otherwise is wrong for its field too; once is enough.
    doubted = {(each.line, each.column) for each in unreadable}
    judged = [config.mistake(fault) for fault in judge(every_catalogue(value), value)]
    told = [*unreadable, *(each for each in judged if (each.line, each.column) not in doubted)]
    if told:
        raise ManifestError(told, config.file)
    targets = msgspec.convert(_at(value, "targets"), dict[str, TargetConfig])
    monitors = {name: value[name] for name in _MONITORS if isinstance(value, Mapping) and name in value}
    schema = value.get("serverSchema", "") if isinstance(value, Mapping) else ""
    return msgspec.structs.replace(
        config, targets=targets, policy=_at(value, "policy"), monitors=monitors, server_schema=schema
    )


def judge(catalogue: Catalogue, value: object) -> list[Fault]:
    """Return every mistake of a configuration's value that can be told without a target, a server or an environment."""
    found = faults(config_schema(catalogue), value)
    found += _policy(catalogue, _at(value, "policy"), ("policy",))
    found += _taken_whole(value, _TOLD, ())
    for name, target in _at(value, "targets").items():
        at = ("targets", name)
        found += [*_policy(catalogue, _at(target, "policy"), (*at, "policy")), *_names(target, at)]
        found += _references(target, at)
    return found


def _at(value: object, key: str) -> Mapping[str, Any]:
    """Return the mapping below a key; an empty one where the schema finds fault with what stands there."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _policy(catalogue: Catalogue, policy: Mapping[str, Any], at: Steps) -> Iterator[Fault]:
    """Find globs that match nothing, whatever a server holds, and days that are none."""
    kept, allowed = policy.get("keep"), policy.get("allow")
    for index, glob in enumerate(kept if isinstance(kept, list) else ()):
        yield from _matching(catalogue, glob, (*at, "keep", str(index)))
    for index, each in enumerate(allowed if isinstance(allowed, list) else ()):
        place = (*at, "allow", str(index))
        given = each if isinstance(each, Mapping) else {"address": each}
        if given.get("address") not in catalogue.kinds:
            steps = ("address",) if given is each else ()
            yield from _matching(catalogue, given.get("address"), (*place, *steps))
        until = given.get("until")
        if isinstance(until, str) and not _is_day(until):
            yield Fault((*place, "until"), "date", f"{shown(until)} is no day", 'write it as "2027-01-31"')


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _matching(catalogue: Catalogue, glob: object, at: Steps) -> Iterator[Fault]:
    if not isinstance(glob, str) or any(
        Globs([glob]).match(each.kind) if each.singleton else can_continue(glob, f"{each.kind}/")
        for each in catalogue.kinds.values()
    ):
        return
    kind, _, name = glob.partition("/")
    close = get_close_matches(kind, catalogue.kinds, n=1)
    hint = f"an address begins with its kind, such as MtaRoute/{name or kind}"
    if close:
        meant = close[0] if catalogue.kinds[close[0]].singleton else f"{close[0]}/{name or '*'}"
        hint = f"did you mean {meant}?"
    yield Fault(at, "glob", f"{shown(glob)} matches no address", hint)


def _names(target: object, at: Steps) -> Iterator[Fault]:
    """Find variables that would have one name."""
    labels = _at(target, "labels")
    for field, others in (("labels", {}), ("vars", labels)):
        for name in _at(target, field):
            if name == "target" or name in others:
                owner = "the target itself" if name == "target" else "a label"
                yield Fault((*at, field, name), "variable", f"it has the name of {owner}", "rename it", of_key=True)


def _references(target: object, at: Steps) -> Iterator[Fault]:
    """Find `${…}` where nothing replaces it."""
    literal = "$${ stands for a literal ${"
    for name, value in _at(target, "vars").items():
        if _mentions(value) and reference(value)[0] != "env":
            message = "only a value that is wholly ${env:NAME} is replaced"
            yield Fault((*at, "vars", name), "variable", message, literal)
    for name, value in _at(target, "labels").items():
        if _mentions(value):
            yield Fault((*at, "labels", name), "variable", "a label is taken as it stands", f"use vars; {literal}")
    fields = target if isinstance(target, Mapping) else {}
    yield from _taken_whole(target, (*_CREDENTIALS, *_TOLD), at)
    layers = fields.get("manifests")
    plain: list[tuple[Steps, Any]] = [((name,), fields.get(name)) for name in _PLAIN]
    for index, layer in enumerate(layers if isinstance(layers, list) else ()):
        inner = isinstance(layer, Mapping)
        plain.append((("manifests", str(index), *["path"] * inner), layer.get("path") if inner else layer))
    for steps, value in plain:
        if isinstance(value, str) and "${" in value:
            hint = f"{', '.join(_CREDENTIALS)} and vars may be ${{env:NAME}}"
            yield Fault((*at, *steps), "variable", "it is taken as it stands", hint)


def _taken_whole(mapping: object, names: tuple[str, ...], at: Steps) -> Iterator[Fault]:
    """Find secrets that are a reference in part."""
    fields = mapping if isinstance(mapping, Mapping) else {}
    for name in names:
        if _mentions(fields.get(name)) and not reference(fields[name])[0]:
            message = "only a value that is wholly ${env:NAME} or ${file:PATH} is replaced"
            yield Fault((*at, name), "variable", message, "$${ stands for a literal ${")


def _mentions(value: object) -> bool:
    return isinstance(value, str) and "${" in value.replace("$${", "")


def reference(text: str) -> tuple[str, str]:
    """Return the source (`env` or `file`) and the name of a text that is wholly a reference, else two empty texts."""
    source, name = reference_of(text)
    return (source, name) if source in ("env", "file") and name else ("", "")


def unescaped(text: str) -> str:
    """Return a text that is no reference as it is meant: `$${` is a literal `${`."""
    return text.replace("$${", "${")


def merged_policy(config: Config, target: TargetConfig | None) -> PolicyConfig:
    """Return the policy of a target: its own over that of all, key by key; what either keeps or allows counts."""
    over = target.policy if target else {}
    merged = dict(config.policy)
    for key, value in over.items():
        held = merged.get(key)
        if isinstance(value, dict) and isinstance(held, dict):
            merged[key] = {**held, **value}
        elif key == "keep" and held:
            merged[key] = list(dict.fromkeys([*held, *value]))
        elif key == "allow" and held:
            merged[key] = [*held, *value]
        else:
            merged[key] = value
    return msgspec.convert(merged, PolicyConfig)
