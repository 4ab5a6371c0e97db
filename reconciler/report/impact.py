"""How much known mail a plan moves, as a part of its report.

Law: no address is in it unless whoever runs the program asked for addresses; a domain is no address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from reconciler.kinds import Catalogue
from reconciler.report.movement import ShownMovement, SidePart
from reconciler.report.parts import Count, Part, Text, meaning

if TYPE_CHECKING:
    from reconciler.mail import Impact, ImpactRow


class ImpactRowPart(Part, frozen=True, kw_only=True):
    """Recipients of one domain for whom one expression chooses something else."""

    domain: Annotated[str, meaning("Their domain.")]
    field: Annotated[str, meaning("The expression, such as `route`.")]
    count: Annotated[Count, meaning("How many recipients.")]
    before: Annotated[SidePart, meaning("What is chosen now.")]
    after: Annotated[SidePart, meaning("What would be chosen.")]
    addresses: Annotated[tuple[Text, ...], meaning("Who they are, where addresses were asked for.")] = ()


class ReasonPart(Part, frozen=True, kw_only=True):
    """Why it cannot be told of some recipients."""

    because: Annotated[str, meaning("Why.")]
    count: Annotated[Count, meaning("Of how many recipients.")]


class ImpactPart(Part, frozen=True, kw_only=True):
    """What the plan does to mail that is known: what waits in the queue, or the messages of a log."""

    source: Annotated[str, meaning("`queue`, or the file of the messages.")]
    total: Annotated[Count, meaning("Recipients who were looked at.")]
    moved: Annotated[Count, meaning("Recipients whose route, connection or TLS strategy changes.")]
    bounced: Annotated[Count, meaning("Recipients who bounce at their next temporary failure, and would not have.")]
    dangling: Annotated[Count, meaning("Recipients who would be sent to a name that nothing has.")]
    unknown: Annotated[Count, meaning("Recipients of whom it cannot be told.")]
    expired: Annotated[Count, meaning("Recipients past their time, who bounce whatever is chosen.")] = 0
    gone: Annotated[Count, meaning("Messages that left the queue while it was read.")] = 0
    estimated: Annotated[
        bool, meaning("The result depends on how long mail has waited or may wait, which is estimated.")
    ] = False
    grouped: Annotated[
        tuple[str, ...], meaning("Expressions of which one recipient decides for all of its domain.")
    ] = ()
    rows: Annotated[tuple[ImpactRowPart, ...], meaning("By domain and expression, the largest first.")]
    bounces: Annotated[tuple[ImpactRowPart, ...], meaning("By domain and schedule, the largest first.")] = ()
    reasons: Annotated[tuple[ReasonPart, ...], meaning("Why it cannot be told of some.")] = ()


def impact_part(catalogue: Catalogue, impact: Impact, *, addresses: bool = False) -> ImpactPart:
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
        source=impact.source,
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
