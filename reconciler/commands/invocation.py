"""One run of a command: what it was asked, and where its results and its progress go.

Law: it imports no more than what every command needs, so that the short ones start at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from reconciler.report import CARRIED_ON, Page, Paint, diagnostic_lines, formats_of, printable, render
from reconciler.settings import Options
from reconciler.values import Diagnostic, ReconcilerError, UsageError, read_file

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
    #: Formats and the files that the report is written to as well.
    writes: tuple[tuple[str, str], ...] = ()
    #: Most bytes of a report that has a limit; 0 for the format's own.
    limit_bytes: int = 0
    #: When the run began, by the clock that only goes forward, and how long its phases took, in seconds.
    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
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
    #: What is large and needed to the end: whoever owns the list takes it apart, or ends the process first.
    kept: list[object] = field(default_factory=list)

    @property
    def converses(self) -> bool:
        """Whether results are read as they come, so that more may stand between them than one report."""
        return self.format in ("text", "compact")

    def say(self, text: str) -> None:
        """Print a result."""
        self.console.out(text)

    def list(self, line: str) -> None:
        """Print a line of a result that is no report, with what names hold made printable."""
        self.say(f"{printable(line)}\n")

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
        self.console.err(diagnostic_lines(diagnostics, Page(paint=self.console.paint_err, quiet=self.quiet)))

    def fail(self, error: ReconcilerError) -> int:
        """Tell what stopped the run, and return its exit code. One report a run: it is none where there was another."""
        from reconciler.report import error_report

        report = error_report(error)
        self.console.err(render(report, "text", Page(paint=self.console.paint_err, quiet=self.quiet)))
        if not self.reported:
            # What people read was told above.
            alone = replace(self, format="") if self.converses else self
            alone.report(report, error.exit_code)
        return error.exit_code

    def report(self, report: Report, code: int = 0) -> int:
        """Print a report in the format that was asked for, and write it to the files that were.

        Args:
            report: the report.
            code: what the run exits with, as far as it is known.

        Returns:
            The code; 1 in place of 0 where a file could not be written.
        """
        self.reported.append(report)
        shown = self.page(code, paint=self.console.paint, width=self.console.width)
        if self.format in formats_of(report.name):
            try:
                self.say(render(report, self.format, shown))
            except (BrokenPipeError, ReconcilerError) as error:
                if not code:
                    raise
                # What was done decides how the run ends, whether or not anybody could read of it.
                self.warn(f"the report could not be printed: {getattr(error, 'message', 'nobody reads it')}")
        for chosen, file in self.writes if code != UsageError.exit_code else ():
            if chosen in formats_of(report.name):
                try:
                    self._write(report, chosen, Path(file), code)
                except ReconcilerError as error:
                    self.warn(error.message, error.hint)
                    code = code or error.exit_code
        return code

    def check(self) -> None:
        """Check that reports can be written where they are to be, before anything is done.

        Raises:
            UsageError: something else than a plain file is there.
        """
        from reconciler.commands.files import check_plain

        for _, file in self.writes:
            check_plain(Path(file))

    def page(self, code: int, **more: Any) -> Page:
        """Return what a report of this run is printed on."""
        seconds, root = {**self.seconds, "total": time.monotonic() - self.started}, ""
        # The working directory may be gone.
        with suppress(OSError):
            root = str(Path.cwd())
        page = Page(
            quiet=self.quiet,
            exit_code=code,
            limit_bytes=self.limit_bytes,
            now=time.time(),
            seconds=seconds,
            root=root,
            target=self.options.target,
        )
        return replace(page, **more)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Note how long a part of the run takes."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def _write(self, report: Report, chosen: str, path: Path, code: int) -> None:
        from reconciler.commands.files import check_plain, write_whole

        check_plain(path)
        previous = ""
        if chosen in CARRIED_ON:
            with suppress(ReconcilerError, UnicodeDecodeError):
                previous = read_file(path).decode()
        write_whole(path, render(report, chosen, self.page(code, quiet=False, previous=previous)).encode())
