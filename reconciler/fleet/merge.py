"""From the results of many targets to one: equal changes together, and what stands out beside them.

Law: pure; nothing that a target said is lost, and a target that said nothing is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from reconciler.fleet.results import WELL, TargetResult, Verb
from reconciler.report import FleetChange, FleetCounts, FleetGroup, FleetReport, FleetTarget, findings
from reconciler.values import DIFFERENCES, Diagnostic, strongest

#: A result that is not there leaves unknown whether its target was changed.
MISSING = 69


def merge_results(
    command: Verb,
    expected: Sequence[str],
    found: Mapping[str, Sequence[TargetResult]],
    diagnostics: Iterable[Diagnostic] = (),
    *,
    skipped: Sequence[str] = (),
    because: str = "",
) -> FleetReport:
    """Bring the results of some targets together.

    Args:
        command: the command that was run.
        expected: the targets that there should be results of; others are left out and told.
        found: the results of each target, in order of their files.
        diagnostics: what could not be read.
        skipped: targets that were not begun, which are not missed.
        because: why they were not begun.
    """
    told = list(diagnostics)
    results = []
    for name in expected:
        own = found.get(name, ())
        if len(own) > 1:
            told.append(_doubled(name, own))
        if own:
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
    missing = tuple(name for name in expected if not found.get(name) and name not in skipped)
    codes = [each.exit_code for each in results] + [MISSING] * bool(missing)
    codes += [1] * any(each.severity == "error" for each in told)
    return FleetReport(
        command=command,
        exit_code=strongest(codes),
        summary=FleetCounts(
            targets=len(expected),
            well=sum(each.exit_code == 0 and not _changes(each, command) for each in results),
            differing=sum(each.exit_code in WELL and _changes(each, command) for each in results),
            failed=sum(each.exit_code not in WELL for each in results),
            missing=len(missing),
            skipped=len(skipped),
        ),
        targets=tuple(map(_target, results)),
        groups=groups(results),
        missing=missing,
        skipped=tuple(skipped),
        because=because,
        diagnostics=findings(told),
    )


def _changes(result: TargetResult, command: Verb) -> bool:
    """Whether a target is not as it should be, though nothing failed."""
    return result.exit_code == DIFFERENCES or (command == "plan" and bool((result.report or {}).get("changes")))


def _target(result: TargetResult) -> FleetTarget:
    counts = {name: count for name, count in (result.report or {}).get("summary", {}).items() if count}
    return FleetTarget(
        target=result.target,
        url=result.url,
        exit_code=result.exit_code,
        counts=counts,
        message=result.message,
        hint=result.hint,
        seconds=round(result.seconds, 3),
    )


def groups(results: Iterable[TargetResult]) -> tuple[FleetGroup, ...]:
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
    found = [
        FleetGroup(targets=names, changes=tuple(msgspec.convert(_common(change_of[key]), FleetChange) for key in keys))
        for names, keys in together.items()
    ]
    return tuple(sorted(found, key=lambda group: (-len(group.targets), group.targets)))


def _key(change: Mapping[str, Any]) -> bytes:
    """Return what makes two changes equal: all of them but ids and places, which are each server's own."""
    return msgspec.json.encode(_common(change), order="sorted")


def _common(change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a change without what is each server's own."""
    return {name: value for name, value in change.items() if name not in ("id", "source")}


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
