"""The routing as inline SVG: on the left the branches of an expression, on the right the objects that they lead to.

Law: what is drawn is what the report says, and each text is escaped, and whole in a title.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from html import escape
from textwrap import wrap

from reconciler.report.movement import MovementPart
from reconciler.report.routing import BranchPart, RoutingPart

#: Pixels: the page, a row, a node and what is between two, and where branches end and nodes begin.
_WIDTH, _ROW, _NODE, _GAP, _END, _BEGIN = 470, 38, 58, 8, 210, 246
#: Letters that fit into a line of a branch and of a node, at 7.3 pixels a letter; each has two lines for what is long.
_LEFT, _RIGHT, _LETTER = 28, 28, 7.3


def pictures(routing: RoutingPart, moves: MovementPart | None = None) -> Iterator[str]:
    """Yield each expression that leads elsewhere than before: as it was, and as it would be.

    Where mail is known to move, its branches are thick, and a broken arrow leads to where it went before.
    """
    before = {decider_part.field: decider_part for decider_part in routing.before}
    for after in routing.after:
        was = before.get(after.field)
        if was == after or not (after.branches or (was and was.branches)):
            continue
        old, new = was.branches if was else (), after.branches
        shifts = [
            shift for flow in (moves.flows if moves else ()) for shift in flow.shifts if shift.field == after.field
        ]
        pairs = {(shift.before.branch, shift.after.branch) for shift in shifts}
        then = {branch.pointer: _node(branch) for branch in old}
        ghosts = [(now, then[was]) for was, now in sorted(pairs) if was in then]
        figures = (
            (f"{after.field}, before", _svg(old, new, "gone", {was for was, _ in pairs}, ())),
            (f"{after.field}, after", _svg(new, old, "come", {now for _, now in pairs}, ghosts)),
        )
        drawn = "".join(f"<figure><figcaption>{escape(name)}</figcaption>{svg}</figure>" for name, svg in figures)
        yield f'<div class="two">{drawn}</div>'


#: What a picture tells nodes apart by: name, fields, and whether there is no such object.
_Node = tuple[str, str, bool]


def _node(branch: BranchPart) -> _Node:
    return branch.address or branch.result, branch.fields, branch.missing


def _svg(
    branches: tuple[BranchPart, ...],
    others: tuple[BranchPart, ...],
    mark: str,
    moving: Collection[str],
    ghosts: Sequence[tuple[str, _Node]],
) -> str:
    """Draw branches; those that are not among the others are marked, and so are those that mail moves by."""
    nodes: dict[_Node, int] = {}
    for node in (*map(_node, branches), *(node for _, node in ghosts)):
        nodes.setdefault(node, len(nodes))
    led = set(map(_node, branches))
    height = max(len(branches) * _ROW, len(nodes) * (_NODE + _GAP)) + 12
    known, same = {(branch.condition, _node(branch)) for branch in others}, set(map(_node, others))
    parts: list[str] = []
    starts: dict[str, tuple[int, int]] = {}
    for at, branch in enumerate(branches):
        y, to = 6 + _ROW * at + _ROW // 2, _middle(nodes[_node(branch)])
        condition = f"if {branch.condition}" if branch.condition else "else"
        lines = _lines(wrap(condition, _LEFT), _LEFT)
        state = "" if (branch.condition, _node(branch)) in known else mark
        thick = " moves" if branch.pointer in moving else ""
        starts[branch.pointer] = start = min(int(max(map(len, lines)) * _LETTER) + 8, _END), y
        label = "".join(_text(0, y + 4 + 15 * row - 15 * (len(lines) - 1) // 2, line) for row, line in enumerate(lines))
        parts.append(f'<g class="{state}{thick}">{_title(condition)}{label}{_arrow(start, to)}</g>')
    for pointer, node in ghosts:
        if pointer in starts and _node_of(branches, pointer) != node:
            parts.append(f'<g class="ghost">{_arrow(starts[pointer], _middle(nodes[node]))}</g>')
    for node, at in nodes.items():
        (name, fields, missing), y = node, 6 + at * (_NODE + _GAP)
        message = "does not exist" if missing else fields
        state = "gone" if missing else "left" if node not in led else "" if node in same else mark
        box = f'<rect x="{_BEGIN}" y="{y}" width="{_WIDTH - _BEGIN - 1}" height="{_NODE}" rx="6"/>'
        label = _text(_BEGIN + 8, y + 18, *_lines([name], _RIGHT))
        for row, line in enumerate(_lines(message.split(", "), _RIGHT)):
            label += _text(_BEGIN + 8, y + 34 + 15 * row, line, "dim")
        parts.append(f'<g class="{state}">{_title(message or name)}{box}{label}</g>')
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="routing">{"".join(parts)}</svg>'


def _node_of(branches: tuple[BranchPart, ...], pointer: str) -> _Node | None:
    return next((_node(branch) for branch in branches if branch.pointer == pointer), None)


def _middle(at: int) -> int:
    return 6 + at * (_NODE + _GAP) + _NODE // 2


def _arrow(start: tuple[int, int], to: int) -> str:
    x, y = start
    tip = f"M{_BEGIN - 7} {to - 4} L{_BEGIN} {to} L{_BEGIN - 7} {to + 4}"
    return f'<path d="M{x} {y} C{_END + 30} {y} {_BEGIN - 30} {to} {_BEGIN} {to} {tip}"/>'


def _lines(texts: Sequence[str], room: int) -> list[str]:
    """Return the two lines that there is room for; what is too long ends in dots."""
    lines = [text if len(text) <= room else f"{text[: room - 1]}…" for text in texts[:2]]
    return lines if len(texts) <= len(lines) else [*lines[:-1], f"{lines[-1][: room - 1]}…"]


def _title(content: str) -> str:
    return f"<title>{escape(content)}</title>"


def _text(x: int, y: int, content: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{escape(content)}</text>'
