"""Parts of mail merged into few, and told in words.

Law: pure; merging loses and adds no mail, and the words of a region say all that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.expression import Empty, EvaluationError, Lookups, Unknown, Value, envelope, evaluate
from reconciler.mail.movement.space import Classes, Space, class_of, comes_to, share_of

#: Masks by variable, and the answers to free tests.
Box = tuple[tuple[int, ...], tuple[tuple[str, int], ...]]
#: Takes out of masks what no possible mail has; None where nothing is left.
Settle = Callable[[list[int]], tuple[int, ...] | None]
#: Contexts of expressions that name objects; those of filters are stages.
EACH, QUEUED, FAILED = "each attempt", "when it is queued", "after each failure"
_SHOWN = 4
_LOCAL = {
    "is_local_domain(rcpt_domain)": "the recipient's domain",
    "is_local_domain(sender_domain)": "the sender's domain",
    "is_local_address(rcpt)": "the recipient",
    "is_local_address(sender)": "the sender",
}
#: How it is told that a message lacks a text, and that it has one.
_LACKING = {
    **dict.fromkeys(("sender.domain", "sender.local"), ("no sender", "a sender")),
    "authenticated_as": ("without a login", "with a login"),
}


def merged(space: Space, boxes: Iterable[Box], start: Sequence[int]) -> list[Box]:
    """Join boxes that differ in one variable, or in the answer to one test, until none do."""
    left = list(boxes)
    while True:
        count = len(left)
        for place in range(len(start)):
            left = _joined(left, place)
        for key in sorted({key for _, answers in left for key, _ in answers}):
            left = _without(left, key, 3 if space.tests[key].fails else 2)
        if len(left) == count:
            return sorted(left)


def _joined(boxes: list[Box], place: int) -> list[Box]:
    groups: dict[tuple[object, ...], tuple[Box, int]] = {}
    for masks, answers in boxes:
        key = (masks[:place], masks[place + 1 :], answers)
        held = groups.get(key)
        groups[key] = ((masks, answers), masks[place] | (held[1] if held else 0))
    return [((*masks[:place], mask, *masks[place + 1 :]), answers) for (masks, answers), mask in groups.values()]


def _without(boxes: list[Box], key: str, answers_of: int) -> list[Box]:
    groups: dict[Box, dict[int, Box]] = {}
    kept: list[Box] = []
    for masks, answers in boxes:
        known = dict(answers)
        if key in known:
            rest = (masks, tuple(pair for pair in answers if pair[0] != key))
            groups.setdefault(rest, {})[known[key]] = (masks, answers)
        else:
            kept.append((masks, answers))
    merged_boxes = kept
    for rest, held in groups.items():
        if len(held) == answers_of:
            merged_boxes.append(rest)
        else:
            merged_boxes += held.values()
    return merged_boxes


def words_of(space: Space, start: Sequence[int], box: Box, settle: Settle) -> tuple[str, str]:
    """Return which mail a box holds, and at which attempts, in words.

    Args:
        space: the classes.
        start: the masks of all mail.
        box: the part to tell.
        settle: takes out of masks what no possible mail has.
    """
    masks, answers = box
    asked = _needed(space, start, masks, settle)
    parts: dict[str, str] = {}
    for place, (name, classes) in enumerate(space.variables.items()):
        if place in asked:
            whole = [*masks[:place], start[place], *masks[place + 1 :]]
            # At a later attempt, it goes without saying that there was an error.
            possible = (settle(whole) or start) if name == "last_error" else start
            parts[name] = _clause(name, classes, masks[place], possible[place])
    attempts = parts.pop("retry_num", "every attempt" if "retry_num" in space.variables else "")
    if parts.get("sender.domain") in ("a sender", "no sender"):
        parts.pop("sender.local", None)
    order = ["rcpt.local", "rcpt.domain", "sender.local", "sender.domain"]
    words = [_address(parts, "rcpt", "to"), _address(parts, "sender", "from")]
    words += [text for name, text in parts.items() if name not in order]
    words += [_answer(key, answer) for key, answer in answers]
    return ", ".join(filter(None, words)) or "all mail", attempts


def _needed(space: Space, start: Sequence[int], masks: Sequence[int], settle: Settle) -> set[int]:
    """Return the variables that have to be named: what the others already imply goes without saying."""
    kept = list(masks)
    names = list(space.variables)
    order = ["source", "last_error", "last_status", "sender.local", "sender.domain"]
    for name in sorted(
        set(names) - {"retry_num"}, key=lambda name: (order.index(name) if name in order else len(order), name)
    ):
        place = names.index(name)
        tried = [*kept[:place], start[place], *kept[place + 1 :]]
        if settle(list(tried)) == tuple(masks):
            kept = tried
    return {place for place in range(len(names)) if kept[place] != start[place]}


def _address(parts: dict[str, str], side: str, word: str) -> str:
    local, domain = parts.get(f"{side}.local", ""), parts.get(f"{side}.domain", "")
    if side == "sender" and domain in ("no sender", "a sender"):
        return {"no sender": "bounces", "a sender": "but no bounces"}[domain]
    if local and domain and "," not in local + domain and " " not in local + domain:
        return f"{word} {local}@{domain}"
    both = [f"{local} at" if local else "", domain or ("any domain" if local else "")]
    return f"{word} {' '.join(filter(None, both))}" if local or domain else ""


def _clause(name: str, classes: Classes, mask: int, start: int) -> str:
    held = [label for place, label in enumerate(classes.labels) if mask >> place & 1]
    rest = [label for place, label in enumerate(classes.labels) if (start & ~mask) >> place & 1]
    if held[0][0] == "share":
        size = sum(share_of(label[1], label[2]) for label in held)
        return f"a share of {100 * size:.3g} % by {name.removeprefix('hash:')}, always the same ones"
    if name == "retry_num":
        return _attempts(held)
    if name == "source" and held == [("is", "dsn")]:
        return "bounces of this server"
    if held[0][0] == "range":
        return f"{name} {_ranges(held)}"
    if name in _LACKING:
        if held == [("is", "")]:
            return _LACKING[name][0]
        if rest == [("is", "")]:
            return _LACKING[name][1]
    if name in ("sender.domain", "sender.local"):
        held = [label for label in held if label != ("is", "")] if ("rest", "") not in held else held
        rest = [label for label in rest if label != ("is", "")]
    few = not rest or (len(held) <= len(rest) if name in ("source", "last_error") else ("rest", "") not in held)
    if few:
        words = _listed([_word(label) for label in held], " or ")
        if name == "rcpt.domain" and all(kind == "is" for kind, *_ in held):
            words += " (not its subdomains)" if len(held) == 1 else " (not their subdomains)"
        return words if "." in name else f"{name} {words}"
    words = f"any but {_listed([_word(label) for label in rest], ' and ')}"
    return words if "." in name else f"{name} {words}"


def _word(label: tuple[str, ...]) -> str:
    kind, text, *more = label
    if kind == "is":
        return text or "none"
    if kind == "suffix":
        return f"subdomains of {text[1:]}" if text.startswith(".") else f"what ends in {text}"
    if kind == "prefix":
        return f"what begins with {text}"
    return f"what begins with {text} and ends in {more[0]}" if kind == "both" else "all others"


def _listed(words: list[str], last: str) -> str:
    if len(words) > 2 * _SHOWN:
        words = [*words[: 2 * _SHOWN - 1], f"{len(words) - 2 * _SHOWN + 1} more"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + last + words[-1]


def _spans(labels: list[tuple[str, ...]]) -> list[tuple[int, int | None]]:
    spans: list[tuple[int, int | None]] = []
    for _, start, end in labels:
        low, high = int(start), int(end) if end else None
        if spans and spans[-1][1] is not None and spans[-1][1] + 1 == low:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    return spans


def _attempts(labels: list[tuple[str, ...]]) -> str:
    words = []
    for low, high in _spans(labels):
        if high is None:
            words.append(f"from attempt {low + 1}")
        elif low == high:
            words.append(f"at attempt {low + 1}")
        else:
            words.append(f"at attempts {low + 1} {'and' if low + 1 == high else 'to'} {high + 1}")
    return " and ".join(words)


def _ranges(labels: list[tuple[str, ...]]) -> str:
    words = []
    for low, high in _spans(labels):
        words.append(f"from {low}" if high is None else str(low) if low == high else f"{low} to {high}")
    return " or ".join(words)


def _answer(key: str, answer: int) -> str:
    subject = _LOCAL.get(key)
    if subject and answer != 2:
        return f"where {subject} is local" if answer else f"unless {subject} is local"
    return (f"where not {key}", f"where {key}", f"where {key} fails")[answer]


class Region(Struct, frozen=True):
    """One part of all mail, in one context."""

    context: str
    space: Space
    start: tuple[int, ...]
    box: Box

    def holds(self, given: Mapping[str, Any]) -> bool:
        """Whether a message, as `given` says it, is in here. What a test cannot judge of it is outside."""
        return self.covers(*envelope(given))

    def covers(self, variables: Mapping[str, Value], lookups: Lookups) -> bool:
        """Whether a message is in here, as an evaluation sees it."""
        masks, answers = self.box
        known = dict(variables)
        for name in ("rcpt", "sender"):
            local, _, domain = str(known[name]).rpartition("@")
            known[f"{name}.local"], known[f"{name}.domain"] = local, domain
        for place, (name, classes) in enumerate(self.space.variables.items()):
            if masks[place] == self.start[place]:
                continue
            value = known.get(name, Unknown(""))
            if name.startswith("hash:"):
                tree = next(test.tree for test in self.space.tests.values() if test.variable == name)
                value, _ = evaluate(tree, known) if tree else (Unknown(""), ())
            if isinstance(value, Unknown | EvaluationError | Empty) or not masks[place] >> class_of(classes, value) & 1:
                return False
        return all(comes_to(self.space.tests[key], known, lookups) == answer for key, answer in answers)
