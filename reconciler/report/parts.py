"""What every report is made of: a struct that msgspec encodes, and whose JSON Schema it writes.

Law: a member of a report is described where it is declared; no secret is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins

from reconciler.values import Diagnostic, Severity, Source


def meaning(description: str) -> Meta:
    """Describe a member of a report, for its schema."""
    return Meta(description=description)


Text = Annotated[str, meaning("A sentence.")]
Count = Annotated[int, Meta(ge=0)]
AddressText = Annotated[str, meaning("The object, as `MtaRoute/relay-eu`.")]
Pointer = Annotated[str, meaning("Wire pointer of the property, its steps joined by slashes.")]
File = Annotated[str, meaning("The manifest, as its path was found.")]
Line = Annotated[int, Meta(ge=0, description="From 1; 0 where it is unknown.")]


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"):
    """A part of a report."""


class Report(Part, frozen=True, kw_only=True, tag_field="format"):
    """One report; the tag is its name and version."""

    @property
    def name(self) -> str:
        """Return what the report is called: `plan`, `routing-tests`."""
        return str(self.__struct_config__.tag).split("/")[1]


class Target(Part, frozen=True, kw_only=True):
    """The server, and how it was chosen."""

    name: Annotated[str, meaning("The target of the configuration, or empty.")]
    url: Annotated[str, meaning("Its URL, or empty.")]
    user: Annotated[str, meaning("As whom it is talked to; absent with a token.")] = ""
    instead: Annotated[str, meaning("What was chosen in place of the target's own server.")] = ""
    nodes: Annotated[Count, meaning("How many nodes it has, where they are named.")] = 0

    def __str__(self) -> str:
        target = f" (target {self.name})" if self.name else ""
        nodes = f", {self.nodes} {'node' if self.nodes == 1 else 'nodes'}" if self.nodes else ""
        return f"{self.url or 'no server'}{target}{nodes}{f', as {self.user}' if self.user else ''}"


class Place(Part, frozen=True, kw_only=True):
    """A place in a manifest."""

    file: File
    line: Line
    column: Line

    def __str__(self) -> str:
        return str(Source(self.file, self.line, self.column))


class ReportedDiagnostic(Part, frozen=True, kw_only=True):
    """A diagnostic: what is wrong, or worth a look."""

    severity: Annotated[Severity, meaning("Only errors stop a run.")]
    code: Annotated[str, meaning("A word for this sort of finding, which stays the same where the message does not.")]
    message: Annotated[str, meaning("What is wrong, as a sentence.")]
    hint: Annotated[str, meaning("What to do about it.")] = ""
    address: AddressText = ""
    pointer: Annotated[str, meaning("Where in the object, as the manifest is nested.")] = ""
    source: Annotated[Place | UnsetType, meaning("Where it is written.")] = UNSET


def members(report: Report) -> dict[str, Any]:
    """Return the members of a report beside its `format`, sorted at every depth."""
    every: dict[str, Any] = to_builtins(report, order="sorted")
    del every["format"]
    return every


def place(source: Source | None) -> Place | UnsetType:
    """Return a place, as far as there is one."""
    return UNSET if source is None else Place(file=source.file, line=source.line, column=source.column)


def findings(diagnostics: Iterable[Diagnostic]) -> tuple[ReportedDiagnostic, ...]:
    """Return diagnostics as reports hold them."""
    return tuple(
        ReportedDiagnostic(
            severity=diagnostic.severity,
            code=diagnostic.code,
            message=diagnostic.message,
            hint=diagnostic.hint,
            address=diagnostic.address,
            pointer=diagnostic.pointer,
            source=Place(file=diagnostic.file, line=diagnostic.line, column=diagnostic.column)
            if diagnostic.file
            else UNSET,
        )
        for diagnostic in diagnostics
    )
