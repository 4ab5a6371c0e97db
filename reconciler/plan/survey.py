"""From desired and live state to everything that a run needs: the difference, the plan, and what is to be told.

Law: pure, and the only way to a plan: plan, apply, drift and rollback take the same survey, and so do the case tables.

    goal, live state -> raw ids named -> moves -> diff -> order -> after -> guards, lint -> Survey
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from reconciler.kinds import Catalogue, key_of, referring, replaced
from reconciler.mail import dangling_names, lint_keeps, lint_resources
from reconciler.plan.after import state_after
from reconciler.plan.diff import Diff
from reconciler.plan.make import make_plan
from reconciler.plan.moves import ABSENT, find_moves, moved
from reconciler.plan.owns import not_owned, taken
from reconciler.plan.scope import kinds_in_scope
from reconciler.values import (
    Address,
    Change,
    Diagnostic,
    Difference,
    Globs,
    LiveObject,
    LiveState,
    ManifestError,
    Plan,
    Policy,
    Resource,
    Scope,
    Source,
    spelled_out,
)

if TYPE_CHECKING:
    from reconciler.mail import Impact, Movement


class Goal(Struct, frozen=True, kw_only=True):
    """What a run wants, what it may do, and which part it looks at."""

    resources: tuple[Resource, ...] = ()
    policy: Policy = Policy()
    scope: Scope = Scope()
    #: Address globs of objects whose secrets are sent although they cannot be compared.
    rotate: tuple[str, ...] = ()
    #: Severities of lint rules, as `policy.lint` has them.
    severities: Mapping[str, str] = {}
    #: Whether the resources are linted; what a journal wants again is nobody's manifest.
    linted: bool = True
    #: Why what is absent is destroyed.
    because: str = ABSENT
    #: Finds the place of a wire pointer.
    locate: Callable[[Address, str], Source | None] | None = None

    def kinds(self) -> frozenset[str]:
        """Return the kinds that have to be read."""
        return kinds_in_scope(self.resources, self.policy, self.scope)


class Survey(Struct, frozen=True, kw_only=True):
    """What there is, what would be done about it, and what there would be then."""

    live: LiveState
    after: LiveState
    difference: Difference
    plan: Plan
    kinds: frozenset[str]
    #: The resources as they were compared: with raw ids brought to addresses, without what is absent.
    resources: tuple[Resource, ...] = ()
    #: What is to be said of desired and live state together, sorted; errors keep the plan from being used.
    diagnostics: tuple[Diagnostic, ...] = ()
    #: The mail that the plan moves, how much of what waits that is, and its digest; nothing where that is left out.
    movement: Movement | None = None
    impact: Impact | None = None
    mail: str = ""

    def checked(self) -> Survey:
        """Return this survey.

        Raises:
            ManifestError: the manifests do not say which live object they mean, or policy makes a finding an error.
        """
        if _wrong(self.diagnostics):
            raise ManifestError(self.diagnostics)
        return self


def take_survey(catalogue: Catalogue, goal: Goal, live: LiveState) -> Survey:
    """Compare a goal with live state, and work out what would be done.

    Args:
        catalogue: what the kinds are.
        goal: what is wanted.
        live: what the server holds, of the goal's kinds and those that they are checked with.

    Raises:
        NotAllowed: a resource names an object of a kind that the credentials may not read.
    """
    kinds = {resource.address.kind for resource in goal.resources}
    policy = spelled_out(goal.policy, kinds)
    difference, resources, problems = _compared(catalogue, goal, live)
    plan = make_plan(catalogue, difference, policy, goal.scope, kinds)
    after = state_after(catalogue, live, plan.changes)
    names = dangling_names(
        catalogue, resources, live, after, policy=policy, severities=goal.severities, locate=goal.locate
    )
    # A name that the plan would leave dangling is refused; policy and waivers may make less of it.
    lost = [diagnostic for diagnostic in names if diagnostic.code == "dangling-name" and diagnostic.severity == "error"]
    refused = _refused(catalogue, plan, live, after, policy, resources)
    diagnostics = list(problems)
    if not _wrong(problems) and goal.linted:
        diagnostics += [diagnostic for diagnostic in names if diagnostic not in lost]
        diagnostics += lint_resources(catalogue, resources, goal.severities, after, locate=goal.locate)
        diagnostics += lint_keeps(catalogue, goal.policy.keep, live, goal.severities)
        diagnostics += _renames(catalogue, plan.changes, difference.undeclared)
    return Survey(
        live=live,
        after=after,
        difference=difference,
        plan=replace(plan, refusals=(*refused, *map(str, lost))),
        kinds=goal.kinds(),
        resources=resources,
        diagnostics=tuple(sorted(diagnostics)),
    )


# Most plans have no changes, and do not load what judges them.


def _refused(
    catalogue: Catalogue,
    plan: Plan,
    live: LiveState,
    after: LiveState,
    policy: Policy,
    resources: Sequence[Resource],
) -> tuple[str, ...]:
    if not plan.changes:
        return ()
    from reconciler.plan.guards import refusals

    return refusals(catalogue, plan, live, after, policy, resources)


def _renames(catalogue: Catalogue, changes: Sequence[Change], undeclared: Iterable[LiveObject]) -> Iterable[Diagnostic]:
    if not changes:
        return ()
    from reconciler.plan.likely import likely_renames

    doomed = {change.id for change in changes if change.action == "destroy"}
    return likely_renames(catalogue, changes, (held for held in undeclared if held.id not in doomed))


def remaining(catalogue: Catalogue, goal: Goal, live: LiveState) -> tuple[Change, ...]:
    """Return how the server differs from a goal when it is read again after an apply.

    Raises:
        ManifestError: the manifests do not say which live object they mean.
        NotAllowed: a resource names an object of a kind that the credentials may not read.
    """
    difference, _, problems = _compared(catalogue, replace(goal, rotate=()), live)
    if _wrong(problems):
        raise ManifestError(problems)
    return difference.changes


def _wrong(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def _compared(
    catalogue: Catalogue, goal: Goal, live: LiveState
) -> tuple[Difference, tuple[Resource, ...], list[Diagnostic]]:
    """Compare a goal with live state, renames and absences included; what is ambiguous is a problem."""
    kinds, scope = goal.kinds(), goal.scope
    referring_kinds = {kind for kind in kinds if referring(catalogue, catalogue.kinds[kind])}
    resources = goal.resources
    if referring_kinds:
        resources = tuple(
            _name_ids(catalogue, resource, live) if resource.address.kind in referring_kinds else resource
            for resource in resources
        )
    moves = find_moves(catalogue, resources, live, scope.holds, goal.because)
    problems = [*not_owned(resources, goal.policy)]
    if referring_kinds:
        from reconciler.plan.circles import circles

        problems += circles(catalogue, moves.resources)
    problems += [*moves.problems, *taken(resources, live, goal.policy)]
    declared = [resource for resource in moves.resources if resource.address.kind in kinds]
    inside = [resource for resource in declared if scope.holds(resource.address)]
    rotate = Globs(goal.rotate)
    difference, ambiguous = Diff(catalogue).compare(
        inside, moves.left, sorted(kinds), declared=declared, rotate=rotate.holds
    )
    return moved(difference, moves), moves.resources, problems or [*ambiguous]


def _name_ids(catalogue: Catalogue, resource: Resource, live: LiveState) -> Resource:
    """Bring raw ids (`id:abc`) to the addresses of the live objects that have them."""

    def named(kind: str, held: Any) -> Any:
        if not isinstance(held, Address) or not held.id or held.name:
            return held
        return next((live_object.address for live_object in live.of(kind) if live_object.id == held.id), held)

    kind = catalogue.kinds[resource.address.kind]
    wire = replaced(catalogue, kind, resource.wire, named)
    return resource if wire == resource.wire else replace(resource, wire=wire, key=key_of(kind, wire))
