"""How much known mail a plan moves, as a part of its report.

Law: no address is in it unless whoever runs the program asked for addresses; a domain is no address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from reconciler.kinds import Catalogue
from reconciler.report.movement import ShownMovement, SidePart
from reconciler.report.parts import Count, Part, Text, told

if TYPE_CHECKING:
    from reconciler.mail import Impact, ImpactRow


class ImpactRowPart(Part, frozen=True, kw_only=True):
    """Recipients of one domain for whom one expression chooses something else."""

    domain: Annotated[str, told("Their domain.")]
    field: Annotated[str, told("The expression, such as `route`.")]
    count: Annotated[Count, told("How many recipients.")]
    before: Annotated[SidePart, told("What is chosen now.")]
    after: Annotated[SidePart, told("What would be chosen.")]
    addresses: Annotated[tuple[Text, ...], told("Who they are, where addresses were asked for.")] = ()


class ReasonPart(Part, frozen=True, kw_only=True):
    """Why it cannot be told of some recipients."""

    because: Annotated[str, told("Why.")]
    count: Annotated[Count, told("Of how many recipients.")]


class ImpactPart(Part, frozen=True, kw_only=True):
    """What the plan does to mail that is known: what waits in the queue, or the messages of a log."""

    source: Annotated[str, told("`queue`, or the file of the messages.")]
    total: Annotated[Count, told("Recipients who were looked at.")]
    moved: Annotated[Count, told("Recipients whose route, connection or TLS strategy changes.")]
    bounced: Annotated[Count, told("Recipients who bounce at their next temporary failure, and would not have.")]
    dangling: Annotated[Count, told("Recipients who would be sent to a name that nothing has.")]
    unknown: Annotated[Count, told("Recipients of whom it cannot be told.")]
    expired: Annotated[Count, told("Recipients past their time, who bounce whatever is chosen.")] = 0
    gone: Annotated[Count, told("Messages that left the queue while it was read.")] = 0
    estimated: Annotated[bool, told("How long mail has waited or may wait decides, and is estimated.")] = False
    grouped: Annotated[tuple[str, ...], told("Expressions that the first recipient of a domain decides for all.")] = ()
    rows: Annotated[tuple[ImpactRowPart, ...], told("By domain and expression, the largest first.")]
    bounces: Annotated[tuple[ImpactRowPart, ...], told("By domain and schedule, the largest first.")] = ()
    reasons: Annotated[tuple[ReasonPart, ...], told("Why it cannot be told of some.")] = ()


def impact_part(catalogue: Catalogue, impact: Impact, source: str, *, addresses: bool = False) -> ImpactPart:
    """Return what is done to known mail as reports hold it."""
    from reconciler.mail import Shift

    shown = ShownMovement(catalogue, None)

    def row(row: ImpactRow) -> ImpactRowPart:
        shift = shown.shift(Shift(row.field, row.before, row.after))
        who = tuple(row.addresses) if addresses else ()
        return ImpactRowPart(
            domain=row.domain,
            field=row.field,
            count=row.count,
            before=shift.before,
            after=shift.after,
            addresses=who,
        )

    return ImpactPart(
        source=source,
        total=impact.total,
        moved=impact.moved,
        bounced=impact.bounced,
        dangling=impact.dangling,
        unknown=impact.unknown,
        expired=impact.expired,
        gone=impact.gone,
        estimated=impact.estimated,
        grouped=impact.grouped,
        rows=tuple(map(row, impact.rows)),
        bounces=tuple(map(row, impact.bounces)),
        reasons=tuple(ReasonPart(because=because, count=count) for because, count in sorted(impact.reasons.items())),
    )
