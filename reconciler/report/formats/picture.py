"""The routing as SVG: on the left the branches of an expression, on the right the objects that they lead to.

Law: what is drawn is what the report says, and each text is escaped, and whole in a title.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from html import escape
from textwrap import wrap

from msgspec import Struct

from reconciler.report.formats.html_page import asset
from reconciler.report.movement import MovementPart
from reconciler.report.routing import BranchPart, DeciderPart, RoutingPart

#: Pixels: a row, a node and what is between two, and a letter. Branches and nodes have two lines for what is long.
_ROW, _NODE, _GAP, _LETTER = 38, 58, 8, 7.3


class Layout(Struct, frozen=True):
    """Pixels of a picture, and where branches end and nodes begin; letters that a branch and a node have room for."""

    width: int
    end: int
    begin: int
    left: int
    right: int


_PAGE, _FILE = Layout(470, 210, 246, 28, 28), Layout(860, 470, 530, 63, 43)
#: For what knows no styles.
_PLAIN = 'fill="none" stroke="gray"'


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
            (f"{after.field}, before", _svg(_drawn(_PAGE, old, new, "gone", {was for was, _ in pairs}, ()))),
            (f"{after.field}, after", _svg(_drawn(_PAGE, new, old, "come", {now for _, now in pairs}, ghosts))),
        )
        drawn = "".join(f"<figure><figcaption>{escape(name)}</figcaption>{svg}</figure>" for name, svg in figures)
        yield f'<div class="two">{drawn}</div>'


def drawing(deciders: Sequence[DeciderPart], taken: Collection[str]) -> str:
    """Return a file of its own: every expression below the other, the branches of some pointers thick."""
    below, parts = 0, []
    for decider in deciders:
        if decider.branches:
            height, content = _drawn(_FILE, decider.branches, decider.branches, "", taken, ())
            shifted = f'<g transform="translate(12 {below + 36})">{content}</g>'
            parts.append(_text(12, below + 26, decider.field, "field") + shifted)
            below += height + 48
    width = _FILE.width + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{below}" viewBox="0 0 {width} {below}" '
        f'role="img" aria-label="routing"><style>{asset("picture.css")}</style>'
        f'<rect class="sheet" width="{width}" height="{below}" fill="none"/>{"".join(parts)}</svg>\n'
    )


#: What a picture tells nodes apart by: name, fields, and whether there is no such object.
_Node = tuple[str, str, bool]


def _node(branch: BranchPart) -> _Node:
    return branch.address or branch.result, branch.fields, branch.missing


def _svg(drawn: tuple[int, str]) -> str:
    height, content = drawn
    return f'<svg viewBox="0 0 {_PAGE.width} {height}" role="img" aria-label="routing">{content}</svg>'


def _drawn(
    layout: Layout,
    branches: tuple[BranchPart, ...],
    others: tuple[BranchPart, ...],
    mark: str,
    moving: Collection[str],
    ghosts: Sequence[tuple[str, _Node]],
) -> tuple[int, str]:
    """Draw branches and return how high that is; those that are not among the others are marked, and some are thick."""
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
        lines = _lines(wrap(condition, layout.left), layout.left)
        state = "" if (branch.condition, _node(branch)) in known else mark
        thick = " moves" if branch.pointer in moving else ""
        starts[branch.pointer] = start = min(int(max(map(len, lines)) * _LETTER) + 8, layout.end), y
        label = "".join(_text(0, y + 4 + 15 * row - 15 * (len(lines) - 1) // 2, line) for row, line in enumerate(lines))
        parts.append(f'<g class="{state}{thick}">{_title(condition)}{label}{_arrow(layout, start, to)}</g>')
    for pointer, node in ghosts:
        if pointer in starts and _node_of(branches, pointer) != node:
            parts.append(f'<g class="ghost">{_arrow(layout, starts[pointer], _middle(nodes[node]))}</g>')
    for node, at in nodes.items():
        (name, fields, missing), y = node, 6 + at * (_NODE + _GAP)
        message = "does not exist" if missing else fields
        state = "gone" if missing else "left" if node not in led else "" if node in same else mark
        size = f'width="{layout.width - layout.begin - 1}" height="{_NODE}"'
        box = f'<rect x="{layout.begin}" y="{y}" {size} rx="6" {_PLAIN}/>'
        label = _text(layout.begin + 8, y + 18, *_lines([name], layout.right))
        for row, line in enumerate(_lines(message.split(", "), layout.right)):
            label += _text(layout.begin + 8, y + 34 + 15 * row, line, "dim")
        parts.append(f'<g class="{state}">{_title(message or name)}{box}{label}</g>')
    return height, "".join(parts)


def _node_of(branches: tuple[BranchPart, ...], pointer: str) -> _Node | None:
    return next((_node(branch) for branch in branches if branch.pointer == pointer), None)


def _middle(at: int) -> int:
    return 6 + at * (_NODE + _GAP) + _NODE // 2


def _arrow(layout: Layout, start: tuple[int, int], to: int) -> str:
    (x, y), begin = start, layout.begin
    tip = f"M{begin - 7} {to - 4} L{begin} {to} L{begin - 7} {to + 4}"
    return f'<path d="M{x} {y} C{layout.end + 30} {y} {begin - 30} {to} {begin} {to} {tip}" {_PLAIN}/>'


def _lines(texts: Sequence[str], room: int) -> list[str]:
    """Return the two lines that there is room for; what is too long ends in dots."""
    lines = [text if len(text) <= room else f"{text[: room - 1]}…" for text in texts[:2]]
    return lines if len(texts) <= len(lines) else [*lines[:-1], f"{lines[-1][: room - 1]}…"]


def _title(content: str) -> str:
    return f"<title>{escape(content)}</title>"


def _text(x: int, y: int, content: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{escape(content)}</text>'
