"""What a bridge yields: objects as another tool wrote them, lines for reconciler.yaml, and what is to be said.

Law: values only; every mistake of a file is kept, and carries its line.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec import Struct, field

from reconciler.values import Diagnostic, Severity


class Foreign(Struct, kw_only=True):
    """One object of another tool's file. `spec` is in human or wire form, as a manifest could hold it."""

    kind: str
    spec: dict[str, Any]
    file: str = ""
    line: int = 0
    #: What tells it from others of its key, where the kind has no names.
    name: str = ""
    absent: bool = False
    #: Properties that are to be left alone.
    unmanaged: tuple[str, ...] = ()
    #: Sentences by the property that they stand above; "" is the object.
    comments: dict[str, list[str]] = field(default_factory=dict)
    #: Its place among the objects of its kind, where another order than that of the file counts.
    order: tuple[Any, ...] = ()

    def comment(self, name: str, text: str) -> None:
        """Let a sentence stand above a property, or above the object."""
        self.comments.setdefault(name, []).append(text)


class Ledger(Struct):
    """What became of everything that was read. `unit` says what is counted."""

    unit: str = "keys"
    read: int = 0
    carried: int = 0
    #: What the other tool itself made no use of, by prefix.
    ignored: Counter[str] = field(default_factory=Counter)
    #: What has no place in the kinds that this program knows, by prefix.
    unsupported: Counter[str] = field(default_factory=Counter)
    #: Where each of these is met first.
    lines: dict[str, int] = field(default_factory=dict)


class Bridged(Struct, kw_only=True):
    """A file of another tool, translated."""

    file: str
    objects: list[Foreign] = field(default_factory=list)
    #: What reconciler.yaml should say besides.
    config: dict[str, Any] = field(default_factory=dict)
    #: Variables of manifests, and where each comes from.
    variables: dict[str, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    #: Routing tests that hold what the other tool did, as documents.
    tests: list[dict[str, Any]] = field(default_factory=list)

    def tell(
        self,
        severity: Severity,
        code: str,
        message: str,
        *,
        line: int = 0,
        file: str = "",
        address: str = "",
        pointer: str = "",
        hint: str = "",
    ) -> None:
        """Keep one finding."""
        self.diagnostics.append(
            Diagnostic(
                file=file or self.file,
                line=line,
                address=address,
                pointer=pointer,
                severity=severity,
                code=code,
                message=message,
                hint=hint,
            )
        )

    @property
    def failed(self) -> bool:
        """Whether something was found that no manifest can say."""
        return any(diagnostic.severity == "error" for diagnostic in self.diagnostics)
