"""How much known mail a plan moves, as text.

Law: counts and domains only, and addresses where the report holds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.report.formats.movement_text import side
from reconciler.report.impact import ImpactPart, ImpactRowPart
from reconciler.report.paint import Paint

#: Rows that are told one by one.
MANY = 20


def impact(part: ImpactPart, paint: Paint) -> Iterator[str]:
    """Yield the lines that say how much known mail moves."""
    queue = part.source == "queue"
    whole = f"{part.total:,} waiting" if queue else f"{part.total:,} recipients of {part.source}"
    if not part.total:
        yield "No mail is waiting." if queue else f"{part.source} holds no message."
        return
    if part.bounced:
        stop = paint("STOP", "red")
        routes = "no route changes, but " if not part.moved else ""
        who = "1 waiting recipient bounces" if part.bounced == 1 else f"{part.bounced:,} waiting recipients bounce"
        yield f"{stop}: {routes}{who} at the next temporary failure"
        yield from _rows(part.bounces)
    if part.dangling:
        yield f"{paint('STOP', 'red')}: {part.dangling:,} of {whole}: to a name that nothing has"
    when = ", each at its next attempt" if queue else ""
    color = "yellow" if part.moved else "green"
    yield f"{paint(f'{part.moved:,} of {whole}', color)} {'moves' if part.moved == 1 else 'move'}{when}"
    yield from _rows([row for row in part.rows if row.field != "schedule"])
    later = [row for row in part.rows if row.field == "schedule"]
    if later:
        yield f"{sum(row.count for row in later):,} get another schedule after the next temporary failure"
        yield from _rows(later)
    if part.unknown:
        yield f"{paint('Cannot tell', 'yellow')} of {part.unknown:,}:"
        yield from (f"  {reason.count:>6,}  {reason.because}" for reason in part.reasons[:MANY])
    if part.expired:
        yield f"{part.expired:,} are past their time and bounce whatever is chosen."
    if part.gone:
        yield f"{part.gone:,} messages left the queue while it was read."
    if part.grouped:
        names = ", ".join(part.grouped)
        yield f"Counted as the server asks: {names} once for all of a domain and route, with the smallest address."
    if part.estimated:
        yield "The result depends on how long mail has waited. That is estimated: nobody knows when an attempt is made."


def _rows(rows: Sequence[ImpactRowPart]) -> Iterator[str]:
    for row in rows[:MANY]:
        word = "" if row.field == "route" else f"{row.field} "
        yield f"  {row.count:>6,}  {row.domain}: {word}{side(row.before)} => {side(row.after)}"
        yield from (f"          {address}" for address in row.addresses)
    if len(rows) > MANY:
        yield f"  and {len(rows) - MANY} more; --format json has them all"
