"""What can go wrong, and the exit code that each wrong has.

Law: a user's mistake is a value (Diagnostic) and many are told at once; an exception stops the run.

    ReconcilerError           1
    ├── Differences           2
    ├── Refused               3    a guard
    ├── Stale                 4    the server changed after the plan was made
    ├── UsageError           64
    ├── ManifestError        65    manifests, config or a routing test
    ├── Unreachable          69    no answer, or an answer that cannot be trusted
    ├── Busy                 75
    ├── NotAllowed           77    credentials or permissions
    └── Interrupted    130, 143
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from reconciler.values.model import Resource

Severity = Literal["error", "warning", "note"]

DIFFERENCES = 2
REFUSED = 3
STALE = 4
PARTLY_APPLIED = 5
#: The server refused the reload, and nothing of the run is left.
UNDONE = 6
USAGE = 64
MANIFEST = 65
UNREACHABLE = 69
BUSY = 75
NOT_ALLOWED = 77
#: A fleet's configuration is wrong for one target.
WRONG_FOR_TARGET = 78

#: Which code a run ends with when several hold, strongest first.
PRECEDENCE = (
    *(130, 143, UNREACHABLE, PARTLY_APPLIED, UNDONE, NOT_ALLOWED, USAGE, WRONG_FOR_TARGET, MANIFEST),
    *(STALE, BUSY, REFUSED, DIFFERENCES, 1, 0),
)


def strongest(codes: Iterable[int]) -> int:
    """Return the exit code that wins among several (0 where there are none)."""
    return min(codes, key=PRECEDENCE.index, default=0)


class Placed(Protocol):
    """What is wrong at a place of some text."""

    @property
    def line(self) -> int:
        """Counted from 1."""

    @property
    def column(self) -> int:
        """Counted from 1, in characters."""

    @property
    def code(self) -> str:
        """What sort of mistake it is."""

    @property
    def message(self) -> str:
        """What is wrong."""

    @property
    def hint(self) -> str:
        """What to do, or ""."""


class Diagnostic(Struct, frozen=True, kw_only=True, order=True):
    """One finding about what the user wrote, or about what the server holds.

    `file`, `line` and `column` (both from 1; 0 where unknown) say where; `address` and `pointer` say of what.
    """

    file: str = ""
    line: int = 0
    column: int = 0
    address: str = ""
    pointer: str = ""
    severity: Severity = "error"
    code: str
    message: str
    hint: str = ""

    @property
    def place(self) -> str:
        """Where it stands: `file:line:column`, as far as it is known."""
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)]) if self.file else ""

    def __str__(self) -> str:
        subject = " ".join(part for part in (self.place, self.address, self.pointer) if part)
        text = f"{subject}: {self.message}" if subject else self.message
        return f"{text} ({self.hint})" if self.hint else text


def strictly(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return diagnostics with an error in place of each warning."""
    return tuple(
        replace(diagnostic, severity="error") if diagnostic.severity == "warning" else diagnostic
        for diagnostic in diagnostics
    )


def mistake(
    resource: Resource, pointer: str, code: str, message: str, hint: str = "", *, severity: Severity = "error"
) -> Diagnostic:
    """Return what is wrong at the place where a resource, or the property of a pointer, is declared."""
    place = resource.place(pointer)
    return Diagnostic(
        file=place.file,
        line=place.line,
        column=place.column,
        address=str(resource.address),
        pointer=pointer,
        severity=severity,
        code=code,
        message=message,
        hint=hint,
    )


def in_file(file: str, problem: Placed, severity: Severity = "error") -> Diagnostic:
    """Return a problem in a text as a diagnostic of the file that holds the text."""
    return Diagnostic(
        file=file,
        line=problem.line,
        column=problem.column,
        severity=severity,
        code=problem.code,
        message=problem.message,
        hint=problem.hint,
    )


class ReconcilerError(Exception):
    """A run cannot go on. The message says where, what, and what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Refused(ReconcilerError):
    """A guard stands in the way; the message names the option that lifts it."""

    exit_code = REFUSED


class Stale(ReconcilerError):
    """The server is no longer as it was when the plan was made; nothing was written."""

    exit_code = STALE


class UsageError(ReconcilerError):
    """The command line asks for something that makes no sense."""

    exit_code = USAGE


class ManifestError(ReconcilerError):
    """The manifests, or what is named instead, are wrong; `diagnostics` holds every mistake that was found."""

    exit_code = MANIFEST

    def __init__(self, diagnostics: Sequence[Diagnostic], where: str = "the manifests") -> None:
        self.diagnostics = tuple(sorted(diagnostics))
        errors = sum(d.severity == "error" for d in self.diagnostics)
        super().__init__(f"{errors} error{'s' * (errors != 1)} in {where}")


class ConfigError(ReconcilerError):
    """`reconciler.yaml`, or what stands in for it, is wrong."""

    exit_code = MANIFEST


class Unreachable(ReconcilerError):
    """The server gave no answer, or one that cannot be trusted."""

    exit_code = UNREACHABLE


class Busy(ReconcilerError):
    """Rate limited or locked past the deadline; trying again later can succeed."""

    exit_code = BUSY


class NotAllowed(ReconcilerError):
    """The credentials are wrong, or do not permit this."""

    exit_code = NOT_ALLOWED


class Interrupted(ReconcilerError):
    """A signal ended the run; what was begun is finished and reported."""

    def __init__(self, signal: int, hint: str = "") -> None:
        super().__init__("interrupted", hint)
        self.exit_code = 128 + signal
