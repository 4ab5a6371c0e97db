"""The frozen values that flow through the program, from a manifest's line to a change's outcome.

Law: everything here is a value: no behaviour beyond printing, ordering and looking up, and no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Struct

#: A wire object: property -> wire value, except that references are held as Address and secrets as Sensitive.
Wire = dict[str, Any]
Action = Literal["create", "update", "replace", "destroy"]

#: The mapping of nothing that values share: an empty dict for each of many objects costs memory and page faults.
NOTHING: Mapping[Any, Any] = MappingProxyType({})

#: What the server shows in place of every stored secret (Stalwart 0.16.19).
MASK = "****"


class Address(Struct, frozen=True, order=True):
    """What an object is called: `MtaRoute/relay-eu`, `MtaOutboundStrategy`, `MtaMilter/[::1]:11332#jpr0`."""

    kind: str
    name: str = ""
    #: The server's id, given only where the name alone does not tell.
    id: str = ""

    def __str__(self) -> str:
        text = f"{self.kind}/{self.name}" if self.name else self.kind
        return f"{text}#{self.id}" if self.id else text

    def without_id(self) -> Address:
        """Return the address that every object of this kind and name has."""
        return Address(self.kind, self.name)


class Source(Struct, frozen=True, order=True):
    """Where something is declared: a file, and a line and column from 1 (0 where unknown)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


class Sensitive(Struct, frozen=True, repr_omit_defaults=True):
    """A secret as a manifest declares it: a `${env:…}` or `${file:…}` reference, or plain text. Prints as nothing."""

    reference: str = ""
    plain: str = ""

    def __str__(self) -> str:
        return "(sensitive)"

    def __repr__(self) -> str:
        return "(sensitive)"


class EnvironmentText(str):
    """A text of the environment: where it stands alone, the field that it stands in says what it is."""

    __slots__ = ()


class Resource(Struct, frozen=True, kw_only=True):
    """One object as the manifests want it."""

    address: Address
    #: Values of the kind's match properties, in wire form.
    key: tuple[Any, ...] = ()
    #: Every property of a named object; only the declared properties of a singleton.
    wire: Wire
    source: Source
    #: Where each property of a singleton is declared, since several documents may share it.
    sources: Mapping[str, Source] = NOTHING
    #: Properties that its documents give; what else there is, is at the type's default. Empty where nobody knows.
    given: frozenset[str] = frozenset()
    #: Wire pointers of durations that are written as a number without its unit, which then is milliseconds.
    bare: tuple[str, ...] = ()
    #: Wire pointers that are left alone whatever the server holds.
    unmanaged: tuple[str, ...] = ()
    #: The server's id that the document is bound to, or "".
    id: str = ""
    #: The address carries `metadata.name`, so several resources may share one key.
    named: bool = False
    #: What the object was called before: a rename.
    was: str = ""
    #: The object shall not exist; `wire` then holds its match key only.
    absent: bool = False
    #: Lint findings that the manifest accepts: rule id -> reason.
    accept: Mapping[str, str] = {}

    def place(self, pointer: str = "") -> Source:
        """Return where the property that a wire pointer begins with is declared."""
        return self.sources.get(pointer.partition("/")[0], self.source)

    def declares(self, pointer: str) -> bool:
        """Whether a pointer is into what is declared: a singleton leaves alone what it does not name."""
        top = pointer.partition("/")[0]
        return bool(self.address.name) or not top or top in self.wire or top.startswith("metadata")


class LiveObject(Struct, frozen=True, kw_only=True):
    """One object as the server holds it."""

    address: Address
    key: tuple[Any, ...] = ()
    id: str
    wire: Wire


class Reader(Struct, frozen=True):
    """Who talks to a server, and how it is reached; what is not known is empty."""

    #: The name that the session says.
    user: str = ""
    #: The own address of the connection, as this machine has it.
    address: str = ""
    #: The port of the server's URL.
    port: int = 0


class LiveState(Struct, frozen=True):
    """What was read from a server: objects per kind in ascending order of id (the order of creation)."""

    objects: dict[str, tuple[LiveObject, ...]] = {}
    #: Kinds that the credentials may not read.
    forbidden: frozenset[str] = frozenset()
    reader: Reader = Reader()

    def of(self, kind: str) -> tuple[LiveObject, ...]:
        """Return the objects of a kind; none where the kind was not read."""
        return self.objects.get(kind, ())


class FieldChange(Struct, frozen=True):
    """One property that differs: a wire pointer, and its wire values before and after."""

    pointer: str
    before: Any
    after: Any


class Change(Struct, frozen=True, kw_only=True):
    """One thing that apply would do to one object."""

    action: Action
    address: Address
    #: Its place among the changes of its plan, by which everything knows it.
    number: int = 0
    #: The live object's id; "" for a create.
    id: str = ""
    #: What is sent: the object of a create or replace, the PatchObject of an update, nothing for a destroy.
    patch: Wire = {}
    fields: tuple[FieldChange, ...] = ()
    before: Wire | None = None
    after: Wire | None = None
    source: Source | None = None
    #: Why a replace is needed, or a destroy is meant; "" where the fields say it.
    because: str = ""
    #: A replace that destroys the old object and creates a new one, since the server cannot change it in place.
    recreate: bool = False
    #: Pointers of fields that are as wanted only because the document leaves them out.
    left_out: tuple[str, ...] = ()
    #: Properties of a create that the document gives at their default, so that they need not be sent.
    at_default: tuple[str, ...] = ()


class Secret(Struct, frozen=True, order=True):
    """A secret whose value cannot be compared, since the server masks it: an address and a wire pointer."""

    address: Address
    pointer: str


class Left(Struct, frozen=True, order=True):
    """A property of a singleton that no document declares and that is not at its default."""

    address: Address
    pointer: str


class Difference(Struct, frozen=True, kw_only=True):
    """How live state differs from desired state, before any policy is applied."""

    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    #: Live objects in scope that no document declares, in order of address.
    undeclared: tuple[LiveObject, ...] = ()
    unknown: tuple[Secret, ...] = ()
    left: tuple[Left, ...] = ()
    #: Documents that share a key, and the live object that each was paired with.
    pairs: tuple[tuple[Address, str], ...] = ()


class Phase(Struct, frozen=True):
    """Changes that may share a request, since none depends on another; begun when the phase before is confirmed."""

    name: str
    changes: tuple[Change, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """The work: apply may leave out a part of it, and never adds, alters or reorders one."""

    changes: tuple[Change, ...] = ()
    phases: tuple[Phase, ...] = ()
    unchanged: int = 0
    undeclared: tuple[Address, ...] = ()
    unknown: tuple[Secret, ...] = ()
    left: tuple[Left, ...] = ()
    pairs: tuple[tuple[Address, str], ...] = ()
    #: Refusals of guards: a sentence each, and the option that lifts it.
    refusals: tuple[str, ...] = ()
    #: Undeclared objects that count as a difference.
    surplus: tuple[Address, ...] = ()
    #: What was left out of pruning, and why.
    spared: tuple[tuple[Address, str], ...] = ()
    partial: bool = False

    @property
    def differs(self) -> bool:
        """Whether apply would change something, or something undeclared counts as a difference."""
        return bool(self.changes or self.surplus)


ResultKind = Literal["applied", "failed", "skipped", "unknown"]


class Result(Struct, frozen=True, kw_only=True):
    """What became of one planned change."""

    change: Change
    result: ResultKind
    #: The server's error, or why the change was skipped or is unknown.
    because: str = ""
    #: The id of a created object.
    id: str = ""


class NodeReload(Struct, frozen=True):
    """What became of the reload of one node of a cluster, which was asked at its own address."""

    node: str
    result: ResultKind
    because: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a plan: one result per change in the plan's order, and the reload's."""

    results: tuple[Result, ...] = ()
    reload: Literal["applied", "failed", "skipped", "unknown"] = "skipped"
    reload_because: str = ""
    #: What each node of a cluster said to the last reload.
    nodes: tuple[NodeReload, ...] = ()
    #: Whether the server refused to reload for something that it has stored.
    broken: bool = False
    #: What became of the undo after a refused reload; "" where none was tried.
    undone: Literal["", "all", "part"] = ""
    #: What else is to be told, a sentence each.
    notes: tuple[str, ...] = ()
    #: What was written and acts at the next start of the server only.
    restart: tuple[Address, ...] = ()
    #: Differences that the read-back found after everything was confirmed; None when nothing was read back.
    residue: tuple[Change, ...] | None = None
    #: The exit code of what ended the run early or left a change half done, or 0.
    code: int = 0
