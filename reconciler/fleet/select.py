"""Which targets a fleet command is about: by label, and by name.

Law: pure; a selector that is not understood is refused, and never selects nothing by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from reconciler.settings import TargetConfig
from reconciler.values import Globs, UsageError

_TERM = re.compile(r"(?P<label>[^\s=!,]+)\s*(?:(?P<sign>!=|==?)\s*(?P<value>[^\s=!,]*))?|!\s*(?P<without>[^\s=!,]+)")
Term = Callable[[Mapping[str, str]], bool]


def select_targets(
    targets: Mapping[str, TargetConfig], selector: str = "", names: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the names of the selected targets, in the order of the configuration.

    Args:
        targets: the targets of the configuration, by name.
        selector: terms that must all hold, parted by commas: `label=value`, `label!=value` (a target without the
            label too), `label` and `!label` (whether the target has it). Empty selects every target.
        names: globs of which one must match the target's name; none selects every target.

    Raises:
        UsageError: a term is not understood, no target has the label, or nothing is selected.
    """
    terms = _terms(targets, selector)
    globs = Globs(names)
    chosen = tuple(
        name
        for name, target in targets.items()
        if (not names or globs.match(name)) and all(term(target.labels) for term in terms)
    )
    if not chosen:
        asked = [f"--select {selector}"] * bool(selector) + [f"--target {name}" for name in names]
        message = " with ".join(asked)
        raise UsageError(
            f"{message} selects none of the {len(targets)} targets"
            if message
            else "the configuration names no targets",
            f"known here: {', '.join(targets)}" if targets else "write targets: into reconciler.yaml",
        )
    return chosen


def _terms(targets: Mapping[str, TargetConfig], selector: str) -> list[Term]:
    labels = {label for target in targets.values() for label in target.labels}
    terms = []
    for text in selector.split(",") if selector.strip() else ():
        match = _TERM.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"--select: {text.strip()!r} is no term", "write label=value, label!=value, label or !label"
            )
        label = match["label"] or match["without"]
        if label not in labels:
            known = f"labels here: {', '.join(sorted(labels))}" if labels else "no target has labels"
            raise UsageError(f"--select: no target has the label {label}", known)
        terms.append(_term(label, match["sign"] or "", match["value"] or "", denied=bool(match["without"])))
    return terms


def _term(label: str, sign: str, value: str, *, denied: bool) -> Term:
    if not sign:
        return lambda labels: (label in labels) is not denied
    return lambda labels: (labels.get(label) == value) is not (sign == "!=")
