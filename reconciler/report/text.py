"""Reports for people: diagnostics, plans and outcomes as text.

Law: the same input gives the same bytes; nothing that is destroyed is ever shortened away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.json import encode

from reconciler.kinds import HIDDEN, Catalogue, decode_pointer
from reconciler.plan import details
from reconciler.report.paint import Paint, plural, printable
from reconciler.values import Address, Change, Diagnostic, FieldChange, Outcome, Plan, Result, Sensitive

#: Names that one line lists before it only counts.
MANY = 12
#: Changed properties whose nested values are told element by element; beyond these only the property is named.
DETAILED = 200

_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "replace": ("!", "magenta"), "destroy": ("-", "red")}
#: Texts that need no quotes within a list or mapping.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
_TONES = {"error": "red", "warning": "yellow", "note": "blue"}


def diagnostics(found: Sequence[Diagnostic], paint: Paint) -> str:
    """Print diagnostics, one or two lines each."""
    lines = []
    for each in found:
        subject = " ".join(part for part in (each.place, each.address, each.pointer) if part)
        head = f"{subject}: " if subject else ""
        lines.append(f"{paint(each.severity, _TONES[each.severity])}: {printable(head + each.message)} [{each.code}]")
        if each.hint:
            lines.append(f"    {printable(each.hint)}")
    return "".join(f"{line}\n" for line in lines)


def remarks(found: Sequence[Diagnostic], paint: Paint) -> str:
    """Print diagnostics beside a plan: all errors and warnings, and as many notes as a reader can take in."""
    notes = [each for each in found if each.severity == "note"]
    spoken = [each for each in found if each.severity != "note"]
    more = len(notes) - MANY
    rest = f"and {plural(more, 'note')} more; --format json has them all\n" if more > 0 else ""
    return diagnostics([*spoken, *notes[:MANY]], paint) + rest


def plan(catalogue: Catalogue, found: Plan, paint: Paint) -> str:
    """Print a plan: every change with its properties, then the counts, then what is left alone."""
    lines: list[str] = []
    budget = DETAILED
    for change in ordered(found.changes):
        lines += _change(catalogue, change, paint, detailed=budget > 0)
        budget -= len(change.fields)
    if lines:
        lines.append("")
    lines += summary(found, paint)
    lines += [f"{paint('refused', 'red')}: {printable(each)}" for each in found.refusals]
    return "".join(f"{line}\n" for line in lines)


def ordered(changes: Iterable[Change]) -> list[Change]:
    """Return changes by kind and name, which is how people look for them."""
    return sorted(changes, key=lambda change: (change.address, change.action))


def summary(found: Plan, paint: Paint) -> list[str]:
    """Print the counts of a plan and what it leaves alone, a line each."""
    counts = {action: sum(change.action == action for change in found.changes) for action in _SIGNS}
    told = ", ".join(f"{count} to {action}" for action, count in counts.items() if count)
    alike = "Nothing to change, but not in sync" if found.surplus else "In sync: nothing to change"
    state = f"Plan: {told}" if told else alike
    lines = [f"{paint(state, 'bold')}; {found.unchanged} unchanged, {len(found.undeclared)} undeclared."]
    if found.partial:
        lines.append("This plan is partial: --kind or --only leaves the rest of the manifests out.")
    surplus = set(found.surplus)
    lines += _names("Undeclared, left alone", [each for each in found.undeclared if each not in surplus])
    lines += _names("Undeclared, a difference by policy", found.surplus)
    lines += [f"Spared from pruning: {address} ({because})." for address, because in found.spared]
    lines += _names("Undeclared and not at the default, left alone", [f"{e.address} {e.pointer}" for e in found.left])
    lines += _names("Secrets that cannot be compared", [f"{e.address} {e.pointer}" for e in found.unknown])
    lines += [f"{address} stands for the live object {id_}." for address, id_ in found.pairs]
    return [printable(line) if not paint.on else line for line in lines]


def _names(title: str, names: Sequence[Address | str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(str(name) for name in names[:MANY])
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return [f"{title} ({len(names)}): {shown}{more}."]


def _change(catalogue: Catalogue, change: Change, paint: Paint, *, detailed: bool) -> list[str]:
    sign, colour = _SIGNS[change.action]
    place = f" ({change.source})" if change.source else ""
    because = f", {change.because}" if change.because else ""
    head = paint(printable(f"{sign} {change.address}"), colour)
    lines = [f"{head}{printable(f'{place}{because}')}"]
    if change.action == "destroy":
        return lines
    for each in change.fields:
        lines += [f"    {line}" for line in _field(catalogue, change, each, paint, detailed=detailed)]
    return lines


def _field(catalogue: Catalogue, change: Change, each: FieldChange, paint: Paint, *, detailed: bool) -> list[str]:
    before = human(catalogue, change, each.pointer, each.before)
    after = human(catalogue, change, each.pointer, each.after)
    name = "type" if each.pointer == "@type" else printable(each.pointer)
    if change.action == "create" or before is UNSET:
        return [f"{name}: {_shown(after)}"]
    nested = isinstance(before, dict | list) and isinstance(after, dict | list)
    if not nested or not detailed:
        return [f"{name}: {paint(_shown(before), 'red')} -> {paint(_shown(after), 'green')}"]
    lines = []
    for path, old, new in details(before, after):
        at = f"{name}/{path}" if path else name
        if old is UNSET:
            lines.append(paint(f"+ {printable(at)}: {_shown(new)}", "green"))
        elif new is UNSET:
            lines.append(paint(f"- {printable(at)}: {_shown(old)}", "red"))
        else:
            lines.append(f"{printable(at)}: {paint(_shown(old), 'red')} -> {paint(_shown(new), 'green')}")
    return lines or [f"{name}: {_shown(before)} -> {_shown(after)}"]


def human(catalogue: Catalogue, change: Change, pointer: str, value: Any) -> Any:
    """Return a changed property's wire value in human form; UNSET stays UNSET."""
    if value is UNSET:
        return UNSET
    if isinstance(value, Sensitive):
        return value.reference or HIDDEN
    kind = catalogue.kinds[change.address.kind]
    return decode_pointer(catalogue, kind, change.after or change.before or {}, pointer, value)


def _shown(value: Any) -> str:
    """Show a human value on one line: texts as they are, mappings and lists as YAML's flow style writes them."""
    if isinstance(value, str):
        return printable(value) if value and value.strip() == value else encode(value).decode()
    return _flow(value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return encode(value).decode()


def result(found: Result, paint: Paint) -> str:
    """Print what became of one change."""
    sign, colour = _SIGNS[found.change.action]
    word = {"applied": colour, "failed": "red", "skipped": "dim", "unknown": "red"}[found.result]
    because = f": {found.because}" if found.because else ""
    return f"{paint(f'{sign} {printable(str(found.change.address))} {found.result}', word)}{printable(because)}"


def outcome(catalogue: Catalogue, found: Outcome, paint: Paint, *, wanted: str) -> str:
    """Print what became of a plan: everything that is not as planned, the reload, and the counts.

    Args:
        catalogue: what the kinds are.
        found: the outcome.
        paint: how to colour it.
        wanted: what reading back was compared with.
    """
    lines = [result(each, paint) for each in found.results if each.result != "applied"]
    counts = {
        name: sum(each.result == name for each in found.results) for name in ("applied", "failed", "skipped", "unknown")
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to apply"
    lines.append(f"{paint('Apply: ' + told, 'bold')}.")
    lines += _reloaded(found, paint)
    if found.residue:
        lines.append(paint(f"Reading back shows {plural(len(found.residue), 'difference')}:", "red"))
        lines += [line for change in found.residue for line in _change(catalogue, change, paint, detailed=True)]
    elif found.residue is not None:
        lines.append(f"Read back: the server holds {wanted}.")
    return "".join(f"{line}\n" for line in lines)


def reloaded(found: Outcome, paint: Paint) -> str:
    """Print what became of a reload alone."""
    return "".join(f"{line}\n" for line in _reloaded(found, paint))


def _reloaded(found: Outcome, paint: Paint) -> list[str]:
    because = found.reload_because
    match found.reload:
        case "applied":
            # That reading back failed is all that there can be to say of it.
            more = [paint(printable(f"{because[0].upper()}{because[1:]}."), "red")] if because else []
            return ["The server reloaded its settings: they are live.", *more]
        case "skipped":
            return [printable(f"The settings were not reloaded: {because}.")]
        case "failed":
            what = "What is stored is not live"
            mend = "a restart would run without what is broken: mend it, and apply again."
            then = f"{what}, and {mend}" if found.broken else f"{what}; reconciler reload makes it so."
            return [paint(printable(f"The reload was refused: {because}."), "red"), then]
        case "unknown":
            return [paint(printable(f"It is unknown whether the settings were reloaded: {because}."), "red")]
