"""The reports of what apply would do and of what it did: plan, drift and outcome.

Law: the same input gives the same report; values are in human form unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType, field

from reconciler.kinds import HIDDEN, Catalogue, concealed, decode, decode_pointer
from reconciler.report.ending import Headline, PlanEnding
from reconciler.report.impact import ImpactPart
from reconciler.report.movement import MovementPart
from reconciler.report.parts import (
    AddressText,
    Count,
    File,
    Line,
    Part,
    Pointer,
    Report,
    ReportedDiagnostic,
    Target,
    findings,
    meaning,
)
from reconciler.report.routing import RoutingPart, routing_part
from reconciler.values import (
    Action,
    Address,
    Change,
    Diagnostic,
    FieldChange,
    LiveState,
    Outcome,
    Plan,
    Result,
    ResultKind,
    Sensitive,
    Source,
)

#: The actions in the order in which they are counted.
ACTIONS: tuple[Action, ...] = ("create", "update", "replace", "destroy")
RESULTS: tuple[ResultKind, ...] = ("applied", "failed", "skipped", "unknown")
#: Properties whose nested values are compared element by element, since that takes its time.
DETAILED = 200
Work = Literal["apply", "rollback", "reload"]
_Sentence = Annotated[str, meaning("A sentence.")]


class Declared(Part, frozen=True, kw_only=True):
    """Where an object is declared."""

    file: File
    line: Line

    def __str__(self) -> str:
        return str(Source(self.file, self.line))


class Element(Part, frozen=True, kw_only=True):
    """One difference within a list or mapping."""

    change: Annotated[Literal["insert", "remove", "move", "update"], meaning("What becomes of the element or field.")]
    pointer: Annotated[str, meaning("Human form: steps into the value after; of what is removed, before.")]
    was: Annotated[str, meaning("The place before, of an element that has another one now.")] = ""
    before: Annotated[Any, meaning("Human form; absent where there was none.")] = UNSET
    after: Annotated[Any, meaning("Human form; absent where there is none.")] = UNSET


class Field(Part, frozen=True, kw_only=True):
    """A property that differs."""

    pointer: Pointer
    before: Annotated[Any, meaning("Human form; null where there was none. A secret shows as (sensitive).")]
    after: Annotated[Any, meaning("Human form; a secret shows as its reference or as (sensitive).")]
    left_out: Annotated[bool, meaning("The document leaves it out, which means the type's default.")] = False
    elements: Annotated[tuple[Element, ...], meaning("How two lists or mappings differ, element by element.")] = ()


class Planned(Part, frozen=True, kw_only=True):
    """What apply would do to one object."""

    action: Annotated[Action, meaning("What apply does.")]
    address: AddressText
    id: Annotated[str, meaning("The server's id; absent before a create.")] = ""
    because: Annotated[str, meaning("Why, where the fields do not tell.")] = ""
    source: Annotated[Declared | UnsetType, meaning("Where the object is declared.")] = UNSET
    patch: Annotated[dict[str, Any] | UnsetType, meaning("Wire form: a whole object, or an update's patch.")] = UNSET
    fields: Annotated[tuple[Field, ...] | UnsetType, meaning("The properties that differ.")] = UNSET
    content: Annotated[dict[str, Any], meaning("Of a destroy: what is lost, in human form, without defaults.")] = field(
        default_factory=dict
    )


class Where(Part, frozen=True, kw_only=True):
    """A property of an object."""

    address: AddressText
    pointer: Pointer


class Pair(Part, frozen=True, kw_only=True):
    """A document, and the live object that it stands for."""

    address: AddressText
    id: Annotated[str, meaning("The server's id.")]


class Spared(Part, frozen=True, kw_only=True):
    """An object that is left out of pruning."""

    address: AddressText
    because: Annotated[str, meaning("What spares it.")]


class PlanCounts(Part, frozen=True, kw_only=True):
    """The counts of a plan."""

    create: Annotated[Count, meaning("Objects to create.")]
    update: Annotated[Count, meaning("Objects to update.")]
    replace: Annotated[Count, meaning("Objects to replace.")]
    destroy: Annotated[Count, meaning("Objects to destroy.")]
    unchanged: Annotated[Count, meaning("Declared objects that are as wanted.")]
    undeclared: Annotated[Count, meaning("Objects in scope that no document declares.")]
    unknown: Annotated[Count, meaning("Secrets that cannot be compared.")]


class PlanReport(Report, frozen=True, kw_only=True, tag="reconciler/plan/v1"):
    """What apply would do."""

    changes: Annotated[tuple[Planned, ...], meaning("What apply would do, by address.")]
    diagnostics: Annotated[tuple[ReportedDiagnostic, ...], meaning("What else is to be said.")]
    digest: Annotated[str, meaning("SHA-256 of the work, and of the mail that a plan moves: what is approved.")] = ""
    ending: Annotated[PlanEnding | UnsetType, meaning("What comes after it, where that is known.")] = UNSET
    headline: Annotated[Headline | UnsetType, meaning("How it came about, where that is known.")] = UNSET
    impact: Annotated[ImpactPart | UnsetType, meaning("How much known mail moves, where that was asked.")] = UNSET
    left: Annotated[tuple[Where, ...], meaning("Undeclared properties of singletons that are not at their default.")]
    movement: Annotated[MovementPart | UnsetType, meaning("Which mail goes another way, where that was asked.")] = UNSET
    pairs: Annotated[tuple[Pair, ...], meaning("Documents that share a key, and the live object that each stands for.")]
    partial: Annotated[bool, meaning("--kind or --only leaves a part of the manifests out.")]
    refusals: Annotated[tuple[_Sentence, ...], meaning("What a guard refuses, and the option that lifts it.")]
    routing: Annotated[RoutingPart | UnsetType, meaning("Where expressions lead, before and after.")] = UNSET
    spared: Annotated[tuple[Spared, ...], meaning("Objects left out of pruning.")]
    summary: Annotated[PlanCounts, meaning("The counts.")]
    surplus: Annotated[tuple[AddressText, ...], meaning("Undeclared objects that count as a difference.")]
    target: Annotated[Target, meaning("The server that was asked.")]
    undeclared: Annotated[tuple[AddressText, ...], meaning("Objects in scope that no document declares.")]
    unknown: Annotated[tuple[Where, ...], meaning("Secrets that cannot be compared, since the server masks them.")]

    @property
    def differs(self) -> bool:
        """Whether apply would change something, or something undeclared counts as a difference."""
        return bool(self.changes or self.surplus)


class DriftReport(PlanReport, frozen=True, kw_only=True, tag="reconciler/drift/v1"):
    """How the server differs from the manifests."""


class Done(Planned, frozen=True, kw_only=True):
    """What became of a planned change."""

    result: Annotated[ResultKind, meaning("What became of it.")]
    error: Annotated[str, meaning("The server's error.")] = ""


class OutcomeCounts(Part, frozen=True, kw_only=True):
    """The counts of an outcome."""

    applied: Annotated[Count, meaning("Changes that the server confirmed.")]
    failed: Annotated[Count, meaning("Changes that the server refused.")]
    skipped: Annotated[Count, meaning("Changes that were not tried.")]
    unknown: Annotated[Count, meaning("Changes of which it is not known whether they were made.")]


class NodePart(Part, frozen=True, kw_only=True):
    """What one node of a cluster said to the last reload, asked at its own address."""

    url: Annotated[str, meaning("Its address.")]
    result: Annotated[ResultKind, meaning("What became of it.")]
    because: Annotated[str, meaning("Why it is not applied.")] = ""


class Reload(Part, frozen=True, kw_only=True):
    """The reload that makes stored settings live."""

    result: Annotated[ResultKind, meaning("What became of it.")]
    because: Annotated[str, meaning("The server's error, or why there was none.")] = ""
    broken: Annotated[bool, meaning("The server refused it for something that it has stored.")] = False
    nodes: Annotated[tuple[NodePart, ...], meaning("What each node of a cluster said.")] = ()
    undone: Annotated[
        Literal["", "all", "part"], meaning("How much of this run was undone after a refusal; absent where none was.")
    ] = ""


class OutcomeReport(Report, frozen=True, kw_only=True, tag="reconciler/outcome/v1"):
    """What became of a plan, or of a reload alone."""

    changes: Annotated[tuple[Done, ...], meaning("Every planned change, by address.")]
    reload: Annotated[Reload, meaning("The reload that makes stored settings live.")]
    summary: Annotated[OutcomeCounts, meaning("The counts.")]
    target: Annotated[Target, meaning("The server that was asked.")]
    work: Annotated[Work, meaning("What was done; `apply` where it is not said.")] = "apply"
    compared: Annotated[str, meaning("What the server was compared with when it was read back.")] = ""
    notes: Annotated[tuple[_Sentence, ...], meaning("What else is to be told of this run.")] = ()
    restart: Annotated[tuple[AddressText, ...], meaning("What was written and acts at the next start only.")] = ()
    residue: Annotated[tuple[Planned, ...] | UnsetType, meaning("What still differs after all was confirmed.")] = UNSET


def _digest(plan: Plan, mail: str) -> str:
    # Saving plans is loaded where there is something to approve.
    from reconciler.plan import plan_digest

    return plan_digest(plan, mail)


def plan_report(
    catalogue: Catalogue,
    plan: Plan,
    target: Target,
    notes: Sequence[Diagnostic] = (),
    *,
    drift: bool = False,
    states: tuple[LiveState, LiveState] | None = None,
    mail: str = "",
) -> PlanReport:
    """Return the report of a plan, or of drift, which has the same members.

    Args:
        catalogue: what the kinds are.
        plan: what would be done.
        target: the server.
        notes: what else is to be said.
        drift: whether it is the report of drift.
        states: what there is, and what there would be.
        mail: digest of the mail that moves; "" where it is left out.
    """
    shown = _ShownChanges(catalogue)
    counts = {action: sum(change.action == action for change in plan.changes) for action in ACTIONS}
    return (DriftReport if drift else PlanReport)(
        changes=tuple(shown.planned(change) for change in ordered(plan.changes)),
        diagnostics=findings(notes),
        digest=_digest(plan, mail) if plan.changes else "",
        left=_wheres(plan.left),
        pairs=tuple(Pair(address=str(address), id=id_) for address, id_ in plan.pairs),
        partial=plan.partial,
        refusals=plan.refusals,
        routing=routing_part(catalogue, plan, *states) if states else UNSET,
        spared=tuple(Spared(address=str(address), because=because) for address, because in plan.spared),
        summary=PlanCounts(
            **counts, unchanged=plan.unchanged, undeclared=len(plan.undeclared), unknown=len(plan.unknown)
        ),
        surplus=tuple(map(str, plan.surplus)),
        target=target,
        undeclared=tuple(map(str, plan.undeclared)),
        unknown=_wheres(plan.unknown),
    )


def outcome_report(
    catalogue: Catalogue,
    outcome: Outcome,
    target: Target,
    *,
    compared: str = "",
    work: Work = "apply",
) -> OutcomeReport:
    """Return the report of an outcome.

    Args:
        catalogue: what the kinds are.
        outcome: what became of the work.
        target: the server.
        compared: what reading back was compared with, as a sentence goes on after "the server holds".
        work: what was done.
    """
    residue, shown = outcome.residue, _ShownChanges(catalogue)
    results = sorted(outcome.results, key=lambda result: (result.change.address, result.change.action))
    return OutcomeReport(
        changes=tuple(shown.done(result) for result in results),
        reload=Reload(
            result=outcome.reload,
            because=outcome.reload_because,
            broken=outcome.broken,
            nodes=tuple(
                NodePart(url=node_reload.node, result=node_reload.result, because=node_reload.because)
                for node_reload in outcome.nodes
            ),
            undone=outcome.undone,
        ),
        notes=outcome.notes,
        restart=tuple(map(str, outcome.restart)),
        summary=OutcomeCounts(**{name: sum(result.result == name for result in outcome.results) for name in RESULTS}),
        target=target,
        work=work,
        compared=compared,
        residue=UNSET if residue is None else tuple(shown.planned(change) for change in residue),
    )


def ordered(changes: Iterable[Change]) -> list[Change]:
    """Return changes by kind and name, which is how people look for them."""
    return sorted(changes, key=lambda change: (change.address, change.action))


def _wheres(properties: Iterable[Any]) -> tuple[Where, ...]:
    return tuple(Where(address=str(prop.address), pointer=prop.pointer) for prop in properties)


class _ShownChanges:
    """Brings changes to human form; the first of them in every detail."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.left = DETAILED

    def planned(self, change: Change) -> Planned:
        """Return one change: `patch` in wire form, `before` and `after` in human form."""
        return Planned(**self._members(change))

    def done(self, result: Result) -> Done:
        """Return what became of one change."""
        members = {**self._members(result.change), "result": result.result}
        if result.id:
            members["id"] = result.id
        if result.because:
            members["error" if result.result == "failed" else "because"] = result.because
        return Done(**members)

    def _members(self, change: Change) -> dict[str, Any]:
        members: dict[str, Any] = {
            "action": change.action,
            "address": str(change.address),
            "id": change.id,
            "because": change.because,
            "source": Declared(file=change.source.file, line=change.source.line) if change.source else UNSET,
        }
        if change.action == "destroy":
            kind = self.catalogue.kinds[change.address.kind]
            content = decode(self.catalogue, kind, change.before or {})
            members["content"] = {name: concealed(member) for name, member in content.items() if name not in kind.match}
        else:
            members["patch"] = concealed(wire(change.patch))
            given = (FieldChange(name, UNSET, (change.after or {}).get(name)) for name in change.at_default)
            members["fields"] = tuple(self._field(change, field) for field in (*change.fields, *given))
        return members

    def _field(self, change: Change, field: FieldChange) -> Field:
        before = self._human(change, field.pointer, field.before)
        after = self._human(change, field.pointer, field.after)
        elements: tuple[Element, ...] = ()
        if self.left > 0 and isinstance(before, dict | list) and isinstance(after, dict | list):
            from reconciler.plan import details

            self.left -= 1
            elements = tuple(
                Element(
                    change=detail.change, pointer=detail.path, was=detail.was, before=detail.before, after=detail.after
                )
                for detail in details(before, after)
            )
        left_out = field.pointer in change.left_out
        return Field(pointer=field.pointer, before=before, after=after, left_out=left_out, elements=elements)

    def _human(self, change: Change, pointer: str, value: Any) -> Any:
        """Return a changed property's wire value in human form; None where it has none."""
        if value is UNSET:
            return None
        if isinstance(value, Sensitive):
            return value.reference or HIDDEN
        kind = self.catalogue.kinds[change.address.kind]
        human = decode_pointer(self.catalogue, kind, change.after or change.before or {}, pointer, value)
        shown = concealed({pointer.rpartition("/")[2]: human})
        return next(iter(shown.values()))


def wire(value: Any) -> Any:
    """Return a wire value as JSON holds it: addresses by name, secrets as their reference."""
    if isinstance(value, Address):
        return f"id:{value.id}" if value.id and not value.name else value.name
    if isinstance(value, Sensitive):
        return value.reference or HIDDEN
    if isinstance(value, Mapping):
        return {wire(key): wire(member) for key, member in value.items()}
    return value
