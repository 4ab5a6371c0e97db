"""`reconciler.yaml`: read, judged as manifests are, and brought into structs.

Law: every mistake of the file is told at once and where it stands, whichever target is chosen; what is taken from the
environment stands alone (`${env:NAME}`), and no value of a credential is in a message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from reconciler.kinds import Catalogue, Fault, Kind, faults
from reconciler.server import ConnectionKeys
from reconciler.settings.published import every_catalogue, found_schema, schemas_named
from reconciler.settings.targets import ConfigKeys, TargetConfig, config_schema, monitors_of
from reconciler.values import (
    ConfigError,
    Diagnostic,
    Globs,
    ManifestError,
    Policy,
    can_continue,
    get_close_matches,
    in_file,
    keys_of,
    read_file,
    reference_of,
    shown,
)

DEFAULT_CONFIG = "reconciler.yaml"

#: Fields of a target that are taken as they stand, and those that may be references.
_PLAIN = ("url", *ConnectionKeys.__struct_encode_fields__)
CREDENTIALS = ("token", "user", "password")
#: Addresses that are told of runs; secrets too, and for all targets or for one.
_TOLD = ("ping", "notify")

Steps = tuple[str, ...]
#: What a kind is that nothing here knows: a mistake, one only once a schema was pulled, or for the server to tell.
Unknown = Literal["wrong", "until pulled", "fine"]
#: How kinds are named.
_KIND = r"[A-Z][A-Za-z0-9]*\Z"


class Config(Struct, frozen=True):
    """What `reconciler.yaml` says, and its text, so that what turns out later can be told where it stands."""

    targets: dict[str, TargetConfig] = {}
    #: As it is written, by key.
    policy: Mapping[str, Any] = {}
    #: The pulled schema of the servers, or "".
    server_schema: str = ""
    #: Who is told of runs: `ping`, `notify` and `pingOnDrift`.
    monitors: Mapping[str, str] = {}
    file: str = DEFAULT_CONFIG
    text: str = ""

    def __repr__(self) -> str:
        return f"Config({self.file!r})"

    def mistake(self, fault: Fault) -> Diagnostic:
        """Return a fault with the place where it stands."""
        from reconciler.yamlio import positions

        places = positions(self.text)
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in fault.path)
        at = (0, 0) if not places else places[0].key(pointer) if fault.of_key else places[0].value(pointer)
        return Diagnostic(
            file=self.file,
            line=at[0],
            column=at[1],
            pointer=".".join(fault.path),
            code=fault.code,
            message=fault.message,
            hint=fault.hint,
        )


def read(name: str, *, unknown: Unknown = "wrong") -> Config:
    """Read and judge a configuration file; without a name the usual one, which need not be there.

    Args:
        name: the file, or "".
        unknown: what a kind is that nothing here knows.

    Raises:
        ConfigError: it cannot be read.
        ManifestError: it says something that is not understood.
    """
    path = Path(name or DEFAULT_CONFIG)
    # A link that leads nowhere is a mistake: the policy that it names would not count.
    if not name and not os.path.lexists(path):
        return Config()
    from reconciler.yamlio import Problem, decode

    text = decode(read_file(path, ConfigError))
    if isinstance(text, Problem):
        raise ManifestError([in_file(str(path), text)], str(path))
    return parse_config(str(path), text, unknown=unknown)


def parse_config(file: str, text: str, *, unknown: Unknown = "wrong") -> Config:
    """Judge the text of a configuration file.

    Raises:
        ManifestError: it says something that is not understood.
    """
    from reconciler.yamlio import load

    config = Config(file=file, text=text)
    documents, problems = load(text)
    unreadable = [in_file(config.file, problem) for problem in problems]
    if len(documents) > 1:
        message = f"the file holds {len(documents)} documents, and one is all it may hold"
        unreadable.append(Diagnostic(file=config.file, line=documents[1].line, code="document", message=message))
    value = documents[0].value if documents else {}
    # What YAML understood otherwise is wrong for its field too; once is enough.
    doubted = {(diagnostic.line, diagnostic.column) for diagnostic in unreadable}
    judged = [config.mistake(fault) for fault in _judged(value, unknown)]
    diagnostics = [
        *unreadable,
        *(diagnostic for diagnostic in judged if (diagnostic.line, diagnostic.column) not in doubted),
    ]
    if diagnostics:
        raise ManifestError(diagnostics, config.file)
    keys = msgspec.convert(value or {}, ConfigKeys)
    return replace(
        config,
        targets=keys.targets,
        policy=keys.policy,
        monitors=monitors_of(keys),
        server_schema=keys.server_schema,
    )


def _judged(value: object, unknown: Unknown) -> list[Fault]:
    names = schemas_named(value)
    there = [name for name in names if Path(name).exists()]
    pulled = there if names else found_schema()
    if unknown == "wrong" or (unknown == "until pulled" and pulled):
        return judge(every_catalogue(names), value)
    catalogue = every_catalogue(there)
    faults = judge(replace(catalogue, kinds={**_mentioned(value), **catalogue.kinds}), value)
    # Whether a glob matches something turns out once all kinds are known.
    return [fault for fault in faults if fault.code != "glob"]


def _mentioned(value: object) -> dict[str, Kind]:
    """Return a kind by every name of one that the policies of a configuration hold as a key."""
    policies = [_at(value, "policy"), *(_at(member, "policy") for member in _at(value, "targets").values())]
    names = {str(name) for policy in policies for key in policy for name in _at(policy, key)}
    return {name: Kind(kind=name, description="") for name in names if re.match(_KIND, name)}


def judge(catalogue: Catalogue, value: object) -> list[Fault]:
    """Return every mistake of a configuration's value that can be told without a target, a server or an environment."""
    mistakes = faults(config_schema(catalogue), value)
    mistakes += _policy(catalogue, _at(value, "policy"), ("policy",))
    mistakes += _taken_whole(value, _TOLD, ())
    for name, target in _at(value, "targets").items():
        at = ("targets", name)
        mistakes += [*_policy(catalogue, _at(target, "policy"), (*at, "policy")), *_names(target, at)]
        mistakes += _references(target, at)
    return mistakes


def _at(value: object, key: str) -> Mapping[str, Any]:
    """Return the mapping below a key; an empty one where the schema finds fault with what stands there."""
    member = value.get(key) if isinstance(value, Mapping) else None
    return member if isinstance(member, Mapping) else {}


def _policy(catalogue: Catalogue, policy: Mapping[str, Any], at: Steps) -> Iterator[Fault]:
    """Find globs that match nothing, whatever a server holds, and days that are none."""
    kept, allowed = policy.get("keep"), policy.get("allow")
    for index, glob in enumerate(kept if isinstance(kept, list) else ()):
        yield from _matching(catalogue, glob, (*at, "keep", str(index)))
    for index, element in enumerate(allowed if isinstance(allowed, list) else ()):
        place = (*at, "allow", str(index))
        given = element if isinstance(element, Mapping) else {"address": element}
        if given.get("address") not in catalogue.kinds:
            steps = ("address",) if given is element else ()
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
        Globs([glob]).match(kind.kind) if kind.singleton else can_continue(glob, f"{kind.kind}/")
        for kind in catalogue.kinds.values()
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
    yield from _taken_whole(target, (*CREDENTIALS, *_TOLD), at)
    layers = fields.get("manifests")
    plain: list[tuple[Steps, Any]] = [((name,), fields.get(name)) for name in _PLAIN]
    for index, layer in enumerate(layers if isinstance(layers, list) else ()):
        inner = isinstance(layer, Mapping)
        plain.append((("manifests", str(index), *["path"] * inner), layer.get("path") if inner else layer))
    for steps, value in plain:
        if isinstance(value, str) and "${" in value:
            hint = f"{', '.join(CREDENTIALS)} and vars may be ${{env:NAME}}"
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


def merged_policy(config: Config, target: TargetConfig | None) -> Policy:
    """Return the policy of a target: its own over that of all, each key by its own rule."""
    merged, over = dict(config.policy), target.policy if target else {}
    if not merged and not over:
        return Policy()
    keys = keys_of(Policy)
    for name, value in over.items():
        merged[name] = keys[name][1].merged(merged[name], value) if name in merged else value
    return msgspec.convert({name: keys[name][1].taken(value) for name, value in merged.items()}, Policy)
