"""The routing as a picture: SVG, a Mermaid flowchart, or text.

Law: what is drawn is what the expressions say; a text that could end or mark anything is escaped, or written as a
number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.kinds import Catalogue
from reconciler.mail import Explanation, Routing
from reconciler.report.paint import escaped, printable
from reconciler.report.routing import BranchPart, DeciderPart, decider_parts

#: Letters of a condition that leave room for the object beside it.
_WIDE = 60


def routing_graph(catalogue: Catalogue, routing: Routing, explanation: Explanation, form: str) -> str:
    """Return the routing as a picture; the branches that an explanation's first attempt takes are marked.

    Args:
        catalogue: what the kinds are.
        routing: the expressions.
        explanation: what a message takes.
        form: one of `renderers.GRAPHS`.
    """
    deciders = [escaped(decider) for decider in decider_parts(catalogue, routing)]
    choices = explanation.attempts[0].choices
    # Where a condition is not known or fails, the pointer is the condition's.
    sure = [choice for choice in choices if choice.outcome != "unknown" and not choice.pointer.endswith("/if")]
    taken = {choice.pointer for choice in sure}
    stopped = {
        choice.pointer.removesuffix("/if"): printable(choice.because) for choice in choices if choice not in sure
    }
    if form == "svg":
        from reconciler.report.formats.picture import drawing

        return drawing(deciders, taken)
    return flowchart(deciders, taken) if form == "mermaid" else outline(deciders, taken, stopped)


# -- text


def outline(deciders: Sequence[DeciderPart], taken: Collection[str], stopped: Mapping[str, str]) -> str:
    """Return each expression as a list of its branches; some are taken, and some stop the evaluation, and why."""
    lines = ["=> is taken at the first attempt.", *(["? is not known, or fails."] if stopped else [])]
    for decider in deciders:
        labels = [_outlined(place, branch) for place, branch in enumerate(decider.branches, 1)]
        width = max((len(label) for label in labels if len(label) <= _WIDE), default=0)
        lines += ["", decider.field]
        for label, branch in zip(labels, decider.branches, strict=True):
            mark = "=>" if branch.pointer in taken else "?" if branch.pointer in stopped else ""
            arrow = f"-> {_name(decider, branch)}{f', {branch.fields}' if branch.fields else ''}"
            rows = [f"{label:<{width}}  {arrow}"] if len(label) <= _WIDE else [label, f"    {arrow}"]
            rows += [f"    {because}" for because in [stopped.get(branch.pointer)] if because]
            lines += [f"  {mark if not at else '':<2} {row}" for at, row in enumerate(rows)]
    return "".join(f"{line}\n" for line in lines)


def _outlined(place: int, branch: BranchPart) -> str:
    return f"{place}. if {branch.condition}" if branch.condition else "else"


# -- Mermaid


def flowchart(deciders: Sequence[DeciderPart], taken: Collection[str]) -> str:
    """Return a Mermaid flowchart; some branches are thick."""
    lines = ["flowchart LR"]
    nodes: dict[str, str] = {}
    for decider in deciders:
        lines.append(f'    {decider.field}{{"{_label(decider.field)}"}}')
        for place, branch in enumerate(decider.branches, 1):
            arrow = "==>" if branch.pointer in taken else "-->"
            shape = _shape(decider, branch)
            if shape not in nodes:
                nodes[shape] = f"n{len(nodes)}"
                lines.append(f"    {nodes[shape]}{shape}")
            label = f"{place}. {branch.condition}" if branch.condition else "else"
            lines.append(f'    {decider.field} {arrow}|"{_label(label)}"| {nodes[shape]}')
    return "".join(f"{line}\n" for line in lines)


def _shape(decider: DeciderPart, branch: BranchPart) -> str:
    label = _label(_name(decider, branch))
    return f'("{label}")' if branch.computed else f'[/"{label}"/]' if branch.missing else f'["{label}"]'


def _name(decider: DeciderPart, branch: BranchPart) -> str:
    if branch.computed:
        return branch.result
    name = branch.address or f"{decider.kind}/{branch.result}"
    return f"{name} does not exist" if branch.missing else name


def _label(content: str) -> str:
    """Return a text as Mermaid takes it within quotes: every sign that could end or mark anything as a number."""
    fine = " .,;:=()[]/_-'@!|*+"
    return "".join(c if c.isascii() and (c.isalnum() or c in fine) else f"#{ord(c)};" for c in content)
