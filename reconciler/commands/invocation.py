"""One run of a command: what it was asked, and where its results and its progress go.

Law: it imports no more than what every command needs, so that the short ones start at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from reconciler.report import Page, Paint, formats_of, printable, render, told
from reconciler.settings import Options
from reconciler.values import Diagnostic, ReconcilerError

if TYPE_CHECKING:
    import httpx

    from reconciler.report import Report
    from reconciler.settings import Config


class Console(Struct, frozen=True):
    """Where results and progress go, and who is there to read them."""

    out: Callable[[str], None]
    err: Callable[[str], None]
    #: Whether each stream is a terminal; nothing prompts without one.
    err_tty: bool = False
    in_tty: bool = False
    paint: Paint = Paint()
    paint_err: Paint = Paint()
    #: Columns of the terminal that results go to; 0 where it is none.
    width: int = 0


class Invocation(Struct, frozen=True, kw_only=True):
    """One run of a command."""

    #: The command, as it is typed.
    command: str = ""
    options: Options
    console: Console
    environment: Mapping[str, str]
    format: str = "text"
    quiet: bool = False
    yes: bool = False
    #: Where applies are recorded; "" where the program chooses.
    journal_directory: str = ""
    #: Why this is run, for the journal.
    reason: str = ""
    #: Options that stand on the command line itself, and in no variable, by their long names.
    typed: frozenset[str] = frozenset()
    #: The configuration, where it has been read already.
    config: Config | None = None
    #: What carries requests in place of a socket, for programs that embed this one.
    transport: httpx.BaseTransport | None = None
    #: The reports of this run, in order; an error's is among them only where there was no other.
    reported: list[Report] = field(default_factory=list)
    #: What the run finds out on its way, for whoever runs many: `basis`, a digest of manifests and settings, and
    #: `server`, by which one server is known under two names.
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def converses(self) -> bool:
        """Whether results are read as they come, so that more may stand between them than one report."""
        return self.format in ("text", "compact")

    def say(self, text: str) -> None:
        """Print a result."""
        self.console.out(text)

    def tell(self, sentence: str, *, always: bool = False) -> None:
        """Print a line of progress, unless the user asked for quiet."""
        if always or not self.quiet:
            self.console.err(f"{printable(sentence.removesuffix(chr(10)))}\n")

    def warn(self, message: str, hint: str = "") -> None:
        """Print a warning, which quiet does not silence."""
        word = self.console.paint_err("warning", "yellow")
        self.console.err(f"{word}: {printable(message)}\n" + (f"    {printable(hint)}\n" if hint else ""))

    def complain(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Print diagnostics beside a result that is no report."""
        self.console.err(told(diagnostics, Page(paint=self.console.paint_err, quiet=self.quiet)))

    def fail(self, error: ReconcilerError) -> int:
        """Tell what stopped the run, and return its exit code. One report a run: it is none where there was another."""
        from reconciler.report import error_report

        report = error_report(error)
        self.console.err(render(report, "text", Page(paint=self.console.paint_err, quiet=self.quiet)))
        if self.reported:
            return error.exit_code
        if not self.converses and self.format in formats_of(report.name):
            self.report(report, error.exit_code)
        else:
            self.reported.append(report)
        return error.exit_code

    def report(self, report: Report, code: int = 0) -> int:
        """Print a report in the format that was asked for.

        Args:
            report: the report.
            code: what the run exits with, as far as it is known.

        Returns:
            The code.
        """
        self.reported.append(report)
        page = Page(paint=self.console.paint, width=self.console.width, quiet=self.quiet, exit_code=code)
        self.say(render(report, self.format, page))
        return code
