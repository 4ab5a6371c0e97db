"""The keys of an old configuration, and what became of each; values in the forms that 0.15 took.

Law: every key is carried, without effect, or without a place, and never two of these. No kind is named here.
Source: crates/utils/src/config and crates/common/src/config/smtp, 0.15.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reconciler.desired.bridges.bridged import Ledger
from reconciler.desired.bridges.dialect import Setting

_MACRO = re.compile(r"%\{cfg:([^}]*)\}%")
#: How deep settings may name each other.
_DEEPEST = 8
_TAIL = re.compile(r"(?:\.[0-9]+)?(?:\.(?:if|then|else))?\Z")
_UNITS = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]+)\s*(ms|s|m|h|d)?\Z")
#: What 0.15 read as no value where it could be without one.
_UNSET = frozenset(("0", "false", "disable", "disabled", "never", ""))


class IfThen:
    """One member of a conditional value: a condition and a result, or a result alone."""

    __slots__ = ("condition", "line", "result")

    def __init__(self, condition: str | None, result: str | None, line: int) -> None:
        self.condition = condition
        self.result = result
        self.line = line


class Keys:
    """All keys of the files that were read; of a key that several have, the first counts."""

    def __init__(self, settings: Iterable[Setting]) -> None:
        self.all: dict[str, Setting] = {}
        self.shadowed: list[Setting] = []
        for setting in settings:
            if self.all.setdefault(setting.key, setting) is not setting:
                self.shadowed.append(setting)
        self.all = {key: self._filled(setting) for key, setting in self.all.items()}
        self.state: dict[str, str] = {}
        self._bases = {prefix: None for key in self.all for prefix in (_TAIL.sub("", key), key)}

    def _filled(self, setting: Setting) -> Setting:
        """Return a setting with the values of others that it names; what is not there, or in a circle, stays named."""
        value = setting.value
        for _ in range(_DEEPEST):
            if "%{cfg:" not in value:
                break
            value = _MACRO.sub(lambda match: self.text(match[1]) or match[0], value)
        return setting._replace(value=value) if "%{cfg:" not in value else setting

    def lost(self, text: str) -> str:
        """Say why a text still names another setting, or "" where it names none."""
        match = _MACRO.search(text)
        if not match:
            return ""
        there = "names itself in a circle" if match[1] in self.all else "is not in this file"
        return f"the setting {match[1]}, which is named here, {there}"

    def text(self, key: str) -> str | None:
        """Return a value as it stands, which marks nothing."""
        setting = self.all.get(key)
        return setting.value if setting else None

    def under(self, prefix: str) -> list[Setting]:
        """Return the keys that are a value's own: itself, its list, its conditions."""
        return [setting for key, setting in self.all.items() if key == prefix or key.startswith(f"{prefix}.")]

    def line(self, prefix: str) -> int:
        """Return the line in which something begins, or 0."""
        setting = self.all.get(prefix)
        return setting.line if setting else next((setting.line for setting in self.under(prefix)), 0)

    def mark(self, prefix: str, state: str) -> None:
        """Say what became of a value, unless that is known."""
        for setting in self.under(prefix):
            self.state.setdefault(setting.key, state)

    def has(self, prefix: str) -> bool:
        """Whether there is such a value."""
        return prefix in self._bases

    def ids(self, prefix: str, suffixes: Sequence[str]) -> list[str]:
        """Return the ids below a prefix that have one of some keys, in order."""
        names: dict[str, None] = {}
        for name in self._bases:
            if not name.startswith(prefix):
                continue
            for suffix in suffixes:
                if name.endswith(suffix) and len(name) > len(prefix) + len(suffix):
                    names.setdefault(name[len(prefix) : -len(suffix)])
        # An id that holds another one and a key of its table is no id.
        return [name for name in names if not any(name.startswith(f"{other}.") for other in names)]

    def values(self, prefix: str) -> list[str]:
        """Return a value or a list of them, by number."""
        setting = self.all.get(prefix)
        if setting:
            return [setting.value]
        numbered = [
            (int(setting.key[len(prefix) + 1 :]), setting.value)
            for setting in self.under(prefix)
            if setting.key[len(prefix) + 1 :].isdigit()
        ]
        return [value for _, value in sorted(numbered)]

    def branches(self, prefix: str) -> list[IfThen] | None:
        """Return the members of a conditional value in the order of their numbers; None where it has none."""
        parts: dict[int, dict[str, Setting]] = {}
        for setting in self.under(prefix):
            number, _, part = setting.key[len(prefix) + 1 :].partition(".")
            if number.isdigit() and part in ("if", "then", "else"):
                parts.setdefault(int(number), {})[part] = setting
        made = []
        for _, held in sorted(parts.items()):
            line = next(iter(held.values())).line
            if "else" in held and "if" not in held:
                made.append(IfThen(None, held["else"].value, line))
            else:
                condition, result = held.get("if"), held.get("then")
                made.append(IfThen(condition.value if condition else "", result.value if result else None, line))
        return made or None

    def foreign(self, prefix: str) -> str:
        """Return a word of a conditional value that no version since 0.6 had, such as `eq` or `in-list`, or ""."""
        words = (setting.key[len(prefix) + 1 :].partition(".")[2].partition(".")[0] for setting in self.under(prefix))
        return next((word for word in words if word not in ("", "if", "then", "else")), "")

    def unordered(self, prefix: str) -> bool:
        """Whether numbers without padding stood in another order as texts, by which 0.15 took them."""
        numbers = {
            part
            for setting in self.under(prefix)
            if (part := setting.key[len(prefix) + 1 :].partition(".")[0]).isdigit()
        }
        return sorted(numbers) != sorted(numbers, key=int)

    def settle(self, ledger: Ledger) -> None:
        """Count what became of every key."""
        ledger.read += len(self.all) + len(self.shadowed)
        ledger.ignored.update({"keys that an earlier file has too": len(self.shadowed)} if self.shadowed else {})
        for key, setting in self.all.items():
            state = self.state.get(key, "lost")
            if state == "carried":
                ledger.carried += 1
                continue
            prefix = ".".join(key.split(".")[: 3 if state == "ignored" else 2])
            (ledger.ignored if state == "ignored" else ledger.unsupported)[prefix] += 1
            if setting.line:
                ledger.lines.setdefault(prefix, setting.line)


def boolean(text: str) -> bool:
    """Read `true`, `false`, or the other words that 0.15 took. Raises ValueError."""
    if text.lower() in ("true", "1", "yes", "on"):
        return True
    if text.lower() in ("false", "0", "no", "off"):
        return False
    raise ValueError("it is neither true nor false")


def integer(text: str) -> int | None:
    """Read a number; None where the text says that there is none. Raises ValueError."""
    if text.lower() in _UNSET - {"0"}:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError("it is no number")
    return int(text)


def duration(text: str) -> int:
    """Read a time as milliseconds: one number and one unit, or none. Raises ValueError."""
    match = _DURATION.match(text.strip())
    if not match or len(match[1]) > 15 or not int(match[1]):
        raise ValueError("it is no time such as 90s: one number, and one of ms, s, m, h and d")
    return int(match[1]) * _UNITS[match[2] or ""]


def rate(text: str) -> tuple[int, int] | None:
    """Read `25/1h` as a count and milliseconds; None where the text says that there is none. Raises ValueError."""
    if text.lower() in ("false", "none", "unlimited"):
        return None
    count, slash, period = text.partition("/")
    if not slash or not count.strip().isdigit() or len(count) > 15:
        raise ValueError("it is no rate such as 25/1h")
    within = duration(period)
    if not int(count) or within < 1000:
        raise ValueError("a rate counts at least 1 in at least 1s")
    return int(count), within
