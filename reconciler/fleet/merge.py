"""From the results of many targets to one: equal changes together, and what stands out beside them.

Law: pure; nothing that a target said is lost, and a target that said nothing is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.fleet.results import TargetResult
from reconciler.values import Diagnostic, strongest

#: A result that is not there leaves unknown whether its target was changed.
MISSING = 69


class Group(Struct, frozen=True):
    """Changes that exactly these targets have in common."""

    targets: tuple[str, ...]
    changes: tuple[dict[str, Any], ...]


class Merged(Struct, frozen=True, kw_only=True):
    """What a fleet's targets said, together."""

    results: tuple[TargetResult, ...]
    #: The largest first.
    groups: tuple[Group, ...]
    #: Targets of which there is no result.
    missing: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    exit_code: int = 0


def merge_results(
    expected: Sequence[str], found: Mapping[str, Sequence[TargetResult]], diagnostics: Iterable[Diagnostic] = ()
) -> Merged:
    """Bring the results of some targets together.

    Args:
        expected: the targets that there should be results of; others are left out and told.
        found: the results of each target, in order of their files.
        diagnostics: what could not be read.
    """
    told = list(diagnostics)
    results = []
    for name in expected:
        own = found.get(name, ())
        if not own:
            continue
        if len(own) > 1:
            told.append(_doubled(name, own))
        results.append(max(own, key=lambda each: each.time))
    told += [
        Diagnostic(
            address=name,
            severity="warning",
            code="other-target",
            message=f"there is a result of {name}, which is not selected",
            hint="take its file away, or select it",
        )
        for name in sorted(found.keys() - set(expected))
    ]
    told += _same_server(results)
    missing = tuple(name for name in expected if not found.get(name))
    codes = [each.exit_code for each in results] + [MISSING] * bool(missing)
    codes += [1] * any(each.severity == "error" for each in told)
    return Merged(
        results=tuple(results),
        groups=groups(results),
        missing=missing,
        diagnostics=tuple(told),
        exit_code=strongest(codes),
    )


def groups(results: Iterable[TargetResult]) -> tuple[Group, ...]:
    """Bring equal changes together: each change stands once, beside all the targets that have it."""
    holders: dict[bytes, list[str]] = {}
    change_of: dict[bytes, dict[str, Any]] = {}
    for result in results:
        for change in (result.report or {}).get("changes", ()):
            key = _key(change)
            change_of.setdefault(key, change)
            if result.target not in holders.setdefault(key, []):
                holders[key].append(result.target)
    together: dict[tuple[str, ...], list[bytes]] = {}
    for key, names in holders.items():
        together.setdefault(tuple(names), []).append(key)
    found = [Group(names, tuple(change_of[key] for key in keys)) for names, keys in together.items()]
    return tuple(sorted(found, key=lambda group: (-len(group.targets), group.targets)))


def _key(change: Mapping[str, Any]) -> bytes:
    """Return what makes two changes equal: all of them but ids and places, which are each server's own."""
    same = {name: value for name, value in change.items() if name not in ("id", "source", "number")}
    return msgspec.json.encode(same, order="sorted")


def _doubled(name: str, own: Sequence[TargetResult]) -> Diagnostic:
    differ = len({(each.basis, each.command) for each in own}) > 1
    return Diagnostic(
        address=name,
        severity="error" if differ else "warning",
        code="doubled-result",
        message=f"there are {len(own)} results of {name}"
        + (", made from different manifests" if differ else ", of which the newest is taken"),
        hint="let one shard run each target, and take old results away",
    )


def _same_server(results: Sequence[TargetResult]) -> list[Diagnostic]:
    """Find targets that prove to be one server."""
    names: dict[str, list[str]] = {}
    for each in results:
        if each.server:
            names.setdefault(each.server, []).append(each.target)
    return [
        Diagnostic(
            address=own[0],
            severity="warning",
            code="one-server",
            message=f"{', '.join(own)} are one server: same account, same objects by id",
            hint="make one target of them, with nodes: where they are a cluster",
        )
        for own in names.values()
        if len(own) > 1
    ]
