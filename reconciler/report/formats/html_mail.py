"""The mail that moves, as a part of a page.

Law: it says what the text says; every text is escaped where it is put into the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from reconciler.report.formats.impact_text import impact
from reconciler.report.formats.movement_text import (
    COMPARED,
    MANY,
    TEMPORARY,
    classes,
    decided,
    ladder_rows,
    mail_of,
    risks,
    side,
    waiting_of,
    witness,
)
from reconciler.report.impact import ImpactPart
from reconciler.report.movement import FlowPart, MovementPart, RungPart, ShiftPart
from reconciler.report.paint import Paint


def mail(part: MovementPart) -> str:
    """Return which mail moves, a card for each way."""
    if not (part.flows or part.unsure or part.reasons or part.turned):
        proof = f"proved: {classes(part.classes)}" if part.classes else "nothing that decides changes"
        return f'<section class="mail"><h2>No mail moves</h2><p>{escape(proof)}. {COMPARED}</p></section>'
    ways = f"{len(part.flows)} way{'s' * (len(part.flows) != 1)}"
    rest = "unchanged (proved)" if not part.reasons else "not proved to be unchanged"
    closing = "".join(f"{risk} " for risk in risks(part.flows))
    cards = "".join([*map(_flow, part.flows[:MANY]), *map(_unsure, part.unsure[:MANY])])
    left = len(part.flows[MANY:]) + len(part.unsure[MANY:])
    more = f"<p>and {left} more, which the JSON report has</p>" if left else ""
    reasons = "".join(f"<li>Cannot tell: {escape(reason)}</li>" for reason in part.reasons)
    cards += f"{more}<ul>{reasons}</ul>" if reasons else more
    return (
        f'<section class="mail"><h2>Mail that moves: {ways}</h2>{cards}'
        f'<p class="dim">{closing}All other mail: {rest}. {COMPARED}</p></section>'
    )


def known_mail(part: ImpactPart) -> str:
    """Return how much known mail moves."""
    title = "Mail in the queue" if part.source == "queue" else f"Mail in {part.source}"
    return f'<section class="mail"><h2>{escape(title)}</h2><pre class=mono>{escape(_lines(part))}</pre></section>'


def _lines(part: ImpactPart) -> str:
    return "\n".join(impact(part, Paint()))


def _flow(flow: FlowPart) -> str:
    rows = "".join(map(_shift, flow.shifts))
    table = f"<table><thead><tr><th><th>now<th>after</tr></thead><tbody>{rows}</tbody></table>"
    seen = f'<p class="dim">Witness {escape(witness(flow))}{escape(decided(flow))}.</p>' if flow.witnesses else ""
    counted = f"<p>{escape(waiting)}</p>" if (waiting := waiting_of(flow)) else ""
    return (
        f'<div class="flow"><h3>{escape(mail_of(flow))}</h3>{table}{"".join(_ladder(flow.ladder))}{counted}{seen}</div>'
    )


def _shift(shift: ShiftPart) -> str:
    before, after = escape(side(shift.before)), escape(side(shift.after))
    return f'<tr><td class="mono">{escape(shift.field)}<td class="old mono">{before}<td class="new mono">{after}</tr>'


def _ladder(rungs: Sequence[RungPart]) -> Iterator[str]:
    if rungs:
        cells = ("".join(f"<td>{escape(cell)}" for cell in row) for row in ladder_rows(rungs))
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        head = "<thead><tr><th>attempt<th>earliest<th>now<th>after</tr></thead>"
        yield f'<table class="ladder">{head}<tbody>{rows}</tbody></table><p class="dim">{TEMPORARY}</p>'


def _unsure(flow: FlowPart) -> str:
    rows = "".join(map(_shift, flow.shifts))
    table = f"<table><thead><tr><th><th>now<th>could be</tr></thead><tbody>{rows}</tbody></table>"
    advice = "<p>Decide: a routing test for each answer.</p>" if _asks(flow) else ""
    title = f"Cannot tell: {'; and '.join(flow.mail)}, {flow.when}"
    return f'<div class="flow unsure"><h3>{escape(title)}</h3><p>{escape(flow.because)}</p>{table}{advice}</div>'


def _asks(flow: FlowPart) -> bool:
    return bool(flow.witnesses) and "lookups" in flow.witnesses[0]
