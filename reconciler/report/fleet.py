"""The report of a fleet: what many targets said, with equal changes together, and who deviates from the rest.

Law: nothing that a target said is lost; a target that said nothing is named.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType, field

from reconciler.report.changes import Planned
from reconciler.report.parts import AddressText, Count, Part, Report, ReportedDiagnostic, meaning
from reconciler.values import ResultKind

Verb = Literal["plan", "apply", "drift", "test"]
_Target = Annotated[str, meaning("A target of the configuration.")]


class FleetTarget(Part, frozen=True, kw_only=True):
    """What one target said."""

    target: _Target
    url: Annotated[str, meaning("The server's URL.")] = ""
    exit_code: Annotated[int, meaning("What the command would exit with for this target alone.")]
    counts: Annotated[dict[str, int], meaning("Its counts: of changes by action, or of results.")] = field(
        default_factory=dict
    )
    message: Annotated[str, meaning("What stopped it.")] = ""
    hint: Annotated[str, meaning("What to do about it.")] = ""
    seconds: Annotated[float, meaning("How long it took.")] = 0.0


class FleetChange(Planned, frozen=True, kw_only=True):
    """A change that targets have in common; of an apply, with what became of it."""

    result: Annotated[ResultKind | UnsetType, meaning("What became of it.")] = UNSET
    error: Annotated[str, meaning("The servers' error.")] = ""


class FleetGroup(Part, frozen=True, kw_only=True):
    """Changes that exactly these targets have in common."""

    targets: Annotated[tuple[_Target, ...], meaning("The targets.")]
    changes: Annotated[tuple[FleetChange, ...], meaning("The changes, without what is each server's own.")]


class FleetCounts(Part, frozen=True, kw_only=True, omit_defaults=False):
    """The counts of a fleet."""

    targets: Annotated[Count, meaning("Targets that were selected.")]
    well: Annotated[Count, meaning("Targets that are in sync, or done.")]
    differing: Annotated[Count, meaning("Targets that differ.")]
    failed: Annotated[Count, meaning("Targets that ended otherwise.")]
    missing: Annotated[Count, meaning("Targets of which nothing is known.")]
    skipped: Annotated[Count, meaning("Targets that were not begun.")]


class FleetReport(Report, frozen=True, kw_only=True, tag="reconciler/fleet/v1"):
    """What a command said of many targets."""

    command: Annotated[Verb, meaning("The command that was run on each.")]
    exit_code: Annotated[int, meaning("What the fleet's run exits with: the strongest of all.")]
    summary: Annotated[FleetCounts, meaning("The counts.")]
    targets: Annotated[tuple[FleetTarget, ...], meaning("What each target said.")]
    groups: Annotated[tuple[FleetGroup, ...], meaning("Equal changes together, those of most targets first.")]
    missing: Annotated[tuple[_Target, ...], meaning("Targets without a result.")]
    skipped: Annotated[tuple[_Target, ...], meaning("Targets that were not begun.")]
    because: Annotated[str, meaning("Why they were not begun.")]
    diagnostics: Annotated[tuple[ReportedDiagnostic, ...], meaning("What else is to be said.")]


class FleetDeviation(Part, frozen=True, kw_only=True, omit_defaults=False):
    """Where one target is not as most are."""

    target: _Target
    address: AddressText
    pointer: Annotated[str, meaning("The property; empty for the whole object.")]
    common: Annotated[Any, meaning("What the base layer declares, in human form; null where there is nothing.")]
    own: Annotated[Any, meaning("What the target holds, in human form; null where there is nothing.")]


class FleetImportReport(Report, frozen=True, kw_only=True, tag="reconciler/fleet-import/v1"):
    """What many servers have in common, and who deviates."""

    targets: Annotated[tuple[_Target, ...], meaning("The targets that were read.")]
    files: Annotated[tuple[str, ...], meaning("The files that were written.")] = ()
    manifests: Annotated[dict[str, list[str]], meaning("The layers of each target, for reconciler.yaml.")] = field(
        default_factory=dict
    )
    deviations: Annotated[tuple[FleetDeviation, ...], meaning("Every deviation, by target.")] = ()
