"""How two values differ, element by element, for people.

Law: asked only about values that are known to differ and will be shown; nothing is decided by it.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET


def details(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """Say element by element how two human values differ: path, value before, value after (UNSET where absent).

    Meant for what is shown, since it is some hundred times slower than knowing that they differ.
    """
    from deepdiff import DeepDiff

    found: list[tuple[str, Any, Any]] = []
    for group in DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0).values():
        for level in group:
            path = "/".join(str(step) for step in level.path(output_format="list"))
            found.append((path, _shown(level.t1), _shown(level.t2)))
    return sorted(found, key=lambda each: [(0, int(s), "") if s.isdigit() else (1, 0, s) for s in each[0].split("/")])


def _shown(value: Any) -> Any:
    return UNSET if type(value).__name__ == "NotPresent" else value
