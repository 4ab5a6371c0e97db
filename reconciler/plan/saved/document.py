"""The file of a saved plan: `reconciler/plan/v1` with one member more, `basis`, from which it is carried out.

Law: `load(save(plan)) == plan`; what was altered, is of another version or holds what is not understood is refused; no
secret is in it, and one that stands in plain text is not saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.kinds import Catalogue, concealed
from reconciler.plan.saved.basis import Basis, Named, digest, named
from reconciler.plan.written import WrittenChange, pack, read_change, write_change
from reconciler.server import within
from reconciler.values import (
    Address,
    Change,
    ConfigError,
    Diagnostic,
    Left,
    ManifestError,
    Phase,
    Plan,
    Secret,
    Source,
    UsageError,
)

FORMAT = "reconciler/plan/v1"
VERSION = 1
#: A saved plan of more bytes is not read.
MAX_PLAN = 64 * 1024 * 1024
#: What a plan report holds, and a saved plan therefore too.
REPORT_MEMBERS = frozenset(
    ("changes", "diagnostics", "left", "pairs", "partial", "refusals", "spared", "summary", "surplus", "target")
) | {"undeclared", "unknown"}
#: What it may hold besides.
OPTIONAL_MEMBERS = frozenset(("digest", "routing"))
HINT = "make a new one with plan --out"

Json = dict[str, Any]


class _Phase(Struct, frozen=True, forbid_unknown_fields=True):
    """A phase, with its changes by their place in the plan."""

    name: str
    changes: tuple[int, ...]


class _Work(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan as it is carried out; what is shown of it stands beside."""

    changes: tuple[WrittenChange, ...]
    phases: tuple[_Phase, ...]
    unchanged: int
    undeclared: tuple[Named, ...]
    unknown: tuple[tuple[Named, str], ...]
    left: tuple[tuple[Named, str], ...]
    pairs: tuple[tuple[Named, str], ...]
    refusals: tuple[str, ...]
    surplus: tuple[Named, ...]
    spared: tuple[tuple[Named, str], ...]
    partial: bool


class _Basis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The member that makes a plan a saved one."""

    version: int
    basis: Basis
    work: _Work
    #: Digest of everything else in the file.
    seal: str


def plan_digest(plan: Plan, mail: str = "") -> str:
    """Return the digest of what a plan would do, by which people approve it, and which the journal keeps.

    It is the same for the same changes that move the same mail, wherever the manifests stand and whatever else is on
    the server. Plain-text secrets do not count.

    Args:
        plan: the work.
        mail: digest of the mail that moves; "" leaves it out.
    """
    changes = [_approved(change) for change in plan.changes]
    return digest("reconciler/changes/v1", changes, mail) if mail else digest("reconciler/changes/v1", changes)


def _approved(change: Change) -> list[Any]:
    """Return the parts of a change that an approval covers."""
    fields = [[field.pointer, pack(field.before), pack(field.after)] for field in change.fields]
    lost = pack(change.before) if change.action == "destroy" or change.recreate else None
    return [change.action, named(change.address), change.id, change.recreate, pack(change.patch), fields, lost]


def save(plan: Plan, basis: Basis, report: Mapping[str, Any]) -> bytes:
    """Return the file of a plan.

    Args:
        plan: the work.
        basis: what it stands on.
        report: the members of `reconciler/plan/v1`, which people and programs read.

    Raises:
        ManifestError: a change holds a plain-text secret, or a password in a URL or a header.
    """
    problems = [
        _unsaved(change, pointer, hint) for change in plan.changes for pointer, hint in _plain_secrets(change).items()
    ]
    if problems:
        raise ManifestError(problems)
    members: Json = {**report, "target": {"name": basis.target, "url": basis.url}}
    inner = {"basis": msgspec.to_builtins(basis), "version": VERSION, "work": msgspec.to_builtins(_work(plan))}
    sealed = {**members, "basis": {**inner, "seal": digest(members, inner)}}
    body = msgspec.json.encode(sealed, order="sorted")
    head = msgspec.json.encode({"format": FORMAT})[:-1] + b","
    return msgspec.json.format(head + body[1:], indent=1) + b"\n"


def _plain_secrets(change: Change) -> dict[str, str]:
    """Return the pointers of a change below which a secret stands in plain text, and what to do about each."""
    hints: dict[str, str] = {}
    # What logs in, and a server shows all the same, would stand in the file as it is, wherever the change holds it.
    for wire in (change.before or {}, change.after or {}, change.patch):
        shown = concealed(wire)
        hints |= {name: "apply --approved DIGEST needs no saved plan" for name in wire if shown[name] != wire[name]}
    for pointer, value in {**(change.after or {}), **change.patch}.items():
        if any(not secret.reference for secret in within(value)):
            hints[pointer] = "write it as ${env:NAME} or ${file:PATH}"
    return hints


def _unsaved(change: Change, pointer: str, hint: str) -> Diagnostic:
    source = change.source or Source("")
    return Diagnostic(
        file=source.file,
        line=source.line,
        column=source.column,
        address=str(change.address),
        pointer=pointer,
        code="unsaved-secret",
        message="a secret in plain text cannot be saved in a plan",
        hint=hint,
    )


def load(content: bytes, catalogue: Catalogue) -> tuple[Plan, Basis, Json]:
    """Read a saved plan: the work, what it stands on, and the members of the report that people read.

    Raises:
        ConfigError: it is no saved plan, was altered, or is of a version that is not known here.
        UsageError: it was made with another catalogue, so that its kinds may mean something else.
    """
    if len(content) > MAX_PLAN:
        raise ConfigError(f"the plan is larger than {MAX_PLAN >> 20} MB")
    document = _document(content)
    try:
        written = msgspec.convert(document["basis"], _Basis)
    except msgspec.ValidationError as error:
        raise ConfigError(f"this is no saved plan: {error}", HINT) from None
    basis = written.basis
    members = {name: value for name, value in document.items() if name not in ("format", "basis")}
    inner = {name: value for name, value in document["basis"].items() if name != "seal"}
    if written.seal != digest(members, inner):
        raise ConfigError("the plan was altered after it was saved", HINT)
    if basis.catalogue != catalogue.digest:
        raise UsageError("the plan was made by a version of this program with another catalogue", "plan again")
    try:
        plan = _plan(written.work)
        _check(plan, catalogue)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"this is no saved plan: {error}", HINT) from None
    return plan, basis, members


def _document(content: bytes) -> Json:
    """Read the members of the file, which must be those that are known here."""
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"this is no saved plan: {error}", HINT) from None
    if not isinstance(document, dict) or not isinstance(document.get("format"), str):
        raise ConfigError("this is no saved plan: it names no format", HINT)
    if document["format"] != FORMAT:
        raise ConfigError(f"this is no saved plan: its format is {document['format'][:80]!r}, not {FORMAT}", HINT)
    if not isinstance(document.get("basis"), dict):
        raise ConfigError("this plan was printed and not saved: it has no basis", HINT)
    version = document["basis"].get("version")
    if version != VERSION or isinstance(version, bool):
        raise ConfigError(f"the plan is of version {version!r}, and version {VERSION} is known here", "plan again")
    unknown = sorted(document.keys() - REPORT_MEMBERS - OPTIONAL_MEMBERS - {"format", "basis"})
    missing = sorted(REPORT_MEMBERS - document.keys())
    if unknown or missing:
        message = f"the member {unknown[0]!r} is not known" if unknown else f"the member {missing[0]!r} is missing"
        raise ConfigError(f"this is no saved plan: {message}", HINT)
    return document


def _work(plan: Plan) -> _Work:
    return _Work(
        changes=tuple(map(write_change, plan.changes)),
        phases=tuple(_Phase(phase.name, tuple(change.number for change in phase.changes)) for phase in plan.phases),
        unchanged=plan.unchanged,
        undeclared=tuple(map(named, plan.undeclared)),
        unknown=tuple((named(secret.address), secret.pointer) for secret in plan.unknown),
        left=tuple((named(left.address), left.pointer) for left in plan.left),
        pairs=tuple((named(address), id_) for address, id_ in plan.pairs),
        refusals=plan.refusals,
        surplus=tuple(map(named, plan.surplus)),
        spared=tuple((named(address), because) for address, because in plan.spared),
        partial=plan.partial,
    )


def _plan(work: _Work) -> Plan:
    changes = tuple(read_change(written, number) for number, written in enumerate(work.changes))
    for phase in work.phases:
        if not all(0 <= place < len(changes) for place in phase.changes):
            raise ValueError(f"the phase {phase.name} names a change that is not there")
    return Plan(
        changes=changes,
        phases=tuple(Phase(phase.name, tuple(changes[place] for place in phase.changes)) for phase in work.phases),
        unchanged=work.unchanged,
        undeclared=tuple(Address(*named) for named in work.undeclared),
        unknown=tuple(Secret(Address(*address), pointer) for address, pointer in work.unknown),
        left=tuple(Left(Address(*address), pointer) for address, pointer in work.left),
        pairs=tuple((Address(*address), id_) for address, id_ in work.pairs),
        refusals=work.refusals,
        surplus=tuple(Address(*named) for named in work.surplus),
        spared=tuple((Address(*address), because) for address, because in work.spared),
        partial=work.partial,
    )


def _check(plan: Plan, catalogue: Catalogue) -> None:
    """Refuse what apply could not carry out, or could carry out in a way that the plan does not show."""
    created = {change.address for change in plan.changes if change.action == "create"}
    for change in plan.changes:
        if change.address.kind not in catalogue.kinds:
            raise ValueError(f"{change.address} is of no kind that is known here")
        later = change.action == "update" and change.address in created
        if (change.action == "create" or later) == bool(change.id):
            raise ValueError(f"{change.address} has {'an id' if change.id else 'no id'} and is to be {change.action}d")
    if sorted(change.number for phase in plan.phases for change in phase.changes) != list(range(len(plan.changes))):
        raise ValueError("a change stands in no phase, or in two")
