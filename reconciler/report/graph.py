"""The routing as a Mermaid flowchart.

Law: what is drawn is what the expressions say; a text that could end or mark anything is written as a number.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.mail import Explanation, Routing
from reconciler.report.paint import printable
from reconciler.values import unquote


def flowchart(found: Routing, explained: Explanation | None = None) -> str:
    """Return the routing as a Mermaid flowchart; the branches that an explanation's first attempt takes are thick."""
    taken = {each.field: each for each in explained.attempts[0].choices} if explained else {}
    lines = ["flowchart LR"]
    nodes: dict[tuple[str, str], str] = {}
    for decider in found.deciders:
        lines.append(f'    {decider.field}{{"{_label(decider.field)}"}}')
        choice = taken.get(decider.field)
        match = decider.expression.get("match") or {}
        keys = [branch.key for branch in decider.block.branches] if decider.block else []
        parts = [(f"match/{key}", f"{at}. {match[key]['if']}", match[key]["then"]) for at, key in enumerate(keys, 1)]
        if decider.block is not None:
            parts.append(("else", "else", decider.expression["else"]))
        for pointer, label, result in parts:
            decided = choice is not None and choice.pointer == f"{decider.field}/{pointer}"
            arrow = "==>" if decided and choice is not None and choice.outcome != "unknown" else "-->"
            key = (decider.language.names, unquote(result) or f"({result})")
            if key not in nodes:
                nodes[key] = f"n{len(nodes)}"
                lines.append(f"    {nodes[key]}{_node(found, key, result, decider.language.builtins)}")
            lines.append(f'    {decider.field} {arrow}|"{_label(label)}"| {nodes[key]}')
    return "\n".join(lines) + "\n"


def _node(found: Routing, key: tuple[str, str], result: str, builtins: Sequence[str]) -> str:
    kind, name = key
    if unquote(result) is None:
        return f'("{_label(result)}")'
    if name in found.names.get(kind, {}) or name in builtins or kind in found.state.unread:
        return f'["{_label(f"{kind}/{name}")}"]'
    return f'[/"{_label(f"{kind}/{name} does not exist")}"/]'


def _label(content: str) -> str:
    """Return a text as Mermaid takes it within quotes: every sign that could end or mark anything as a number."""
    fine = " .,;:=()[]/_-'@!|*+"
    return "".join(c if c.isascii() and (c.isalnum() or c in fine) else f"#{ord(c)};" for c in printable(content))
