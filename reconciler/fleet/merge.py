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
    by_target: Mapping[str, Sequence[TargetResult]],
    diagnostics: Iterable[Diagnostic] = (),
    *,
    skipped: Sequence[str] = (),
    because: str = "",
) -> FleetReport:
    """Bring the results of some targets together.

    Args:
        command: the command that was run.
        expected: the targets that there should be results of; others are left out and told.
        by_target: the results of each target, in order of their files.
        diagnostics: what could not be read.
        skipped: targets that were not begun, which are not missed.
        because: why they were not begun.
    """
    collected = list(diagnostics)
    results = []
    for name in expected:
        own = by_target.get(name, ())
        if len(own) > 1:
            collected.append(_doubled(name, own))
        if own:
            results.append(max(own, key=lambda result: result.time))
    collected += [
        Diagnostic(
            address=name,
            severity="warning",
            code="other-target",
            message=f"there is a result of {name}, which is not selected",
            hint="take its file away, or select it",
        )
        for name in sorted(by_target.keys() - set(expected))
    ]
    collected += _same_server(results)
    missing = tuple(name for name in expected if not by_target.get(name) and name not in skipped)
    codes = [result.exit_code for result in results] + [MISSING] * bool(missing)
    codes += [1] * any(diagnostic.severity == "error" for diagnostic in collected)
    return FleetReport(
        command=command,
        exit_code=strongest(codes),
        summary=FleetCounts(
            targets=len(expected),
            well=sum(result.exit_code == 0 and not _changes(result, command) for result in results),
            differing=sum(result.exit_code in WELL and _changes(result, command) for result in results),
            failed=sum(result.exit_code not in WELL for result in results),
            missing=len(missing),
            skipped=len(skipped),
        ),
        targets=tuple(map(_target, results)),
        groups=groups(results),
        missing=missing,
        skipped=tuple(skipped),
        because=because,
        diagnostics=findings(collected),
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
    groups = [
        FleetGroup(targets=names, changes=tuple(msgspec.convert(_shared(change_of[key]), FleetChange) for key in keys))
        for names, keys in together.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-len(group.targets), group.targets)))


def _key(change: Mapping[str, Any]) -> bytes:
    """Return what makes two changes equal: all of them but ids and places, which are each server's own."""
    return msgspec.json.encode(_shared(change), order="sorted")


def _shared(change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a change without what is each server's own."""
    return {name: value for name, value in change.items() if name not in ("id", "source")}


def _doubled(name: str, own: Sequence[TargetResult]) -> Diagnostic:
    differ = len({(result.basis, result.command) for result in own}) > 1
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
    for result in results:
        if result.server:
            names.setdefault(result.server, []).append(result.target)
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
