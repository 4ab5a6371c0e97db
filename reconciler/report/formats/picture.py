"""The routing as inline SVG: on the left the branches of an expression, on the right the objects that they lead to.

Law: what is drawn is what the report says, and each text is escaped; one that is too long is whole in a title.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from reconciler.report.routing import BranchPart, RoutingPart

#: Pixels: the page, a row, a node, and where branches end and nodes begin.
_WIDTH, _ROW, _NODE, _END, _BEGIN = 560, 26, 44, 290, 332
#: Letters that fit beside a branch and into a node, at 7.3 pixels a letter.
_LEFT, _RIGHT, _LETTER = 38, 29, 7.3


def pictures(routing: RoutingPart) -> Iterator[str]:
    """Yield each expression that leads elsewhere than before: as it was, and as it would be."""
    before = {each.field: each for each in routing.before}
    for after in routing.after:
        was = before.get(after.field)
        if was == after or not (after.branches or (was and was.branches)):
            continue
        old, new = was.branches if was else (), after.branches
        figures = "".join(
            f"<figure><figcaption>{escape(after.field)}, {name}</figcaption>{_svg(own, others, mark)}</figure>"
            for name, own, others, mark in (("before", old, new, "gone"), ("after", new, old, "come"))
        )
        yield f'<div class="two">{figures}</div>'


def _svg(branches: tuple[BranchPart, ...], others: tuple[BranchPart, ...], mark: str) -> str:
    """Draw branches; those that are not among the others are marked."""
    nodes: dict[tuple[str, str, bool], int] = {}
    for each in branches:
        nodes.setdefault((each.address or each.result, each.fields, each.missing), len(nodes))
    height = max(len(branches) * _ROW, len(nodes) * (_NODE + 8)) + 12
    known = {(each.condition, each.result) for each in others}
    same = {(each.address or each.result, each.fields, each.missing) for each in others}
    parts = []
    for at, each in enumerate(branches):
        y = 6 + _ROW * at + _ROW // 2
        to = 6 + nodes[each.address or each.result, each.fields, each.missing] * (_NODE + 8) + _NODE // 2
        label = f"if {each.condition}" if each.condition else "else"
        state = "" if (each.condition, each.result) in known else mark
        start = min(int(len(label) * _LETTER) + 8, _END)
        parts.append(
            f'<g class="{state}">{_text(0, y + 4, label, _LEFT)}'
            f'<path d="M{start} {y} C{_END + 30} {y} {_BEGIN - 30} {to} {_BEGIN} {to}"/></g>'
        )
    for (name, fields, missing), at in nodes.items():
        y = 6 + at * (_NODE + 8)
        told = "does not exist" if missing else fields
        state = "gone" if missing else "" if (name, fields, missing) in same else mark
        box = f'<rect x="{_BEGIN}" y="{y}" width="{_WIDTH - _BEGIN - 1}" height="{_NODE}" rx="6"/>'
        parts.append(
            f'<g class="{state}">{box}{_text(_BEGIN + 8, y + 18, name, _RIGHT)}'
            f"{_text(_BEGIN + 8, y + 35, told, _RIGHT, 'dim')}</g>"
        )
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="routing">{"".join(parts)}</svg>'


def _text(x: int, y: int, content: str, room: int, style: str = "") -> str:
    short = content if len(content) <= room else content[: room - 1] + "…"
    title = f"<title>{escape(content)}</title>" if short != content else ""
    return f'<text x="{x}" y="{y}" class="{style}">{escape(short)}{title}</text>'
