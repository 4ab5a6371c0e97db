"""The command line: options, streams and exit codes.

Law: it decides nothing; a command's module is imported only when that command runs, and `--help` imports none.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from reconciler import __version__
from reconciler.commands import (
    COMMANDS,
    CONNECTION,
    FAMILIES,
    LIMITS,
    OTHER_VARIABLES,
    PATHS,
    formats,
    group,
    lifting,
    parameters,
    spelled_out,
    streams,
    variable,
    variables,
)

#: Commands whose name no module can have.
MODULES = {"import": "import_command", "schema pull": "schema_pull", "schema diff": "schema_diff"}
#: The exit code of wrong usage; stated here too, so that `--help` imports nothing.
USAGE = 64
_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class _Commands(click.Group):
    """A group that knows its commands from a table, and builds one when it is called."""

    #: What stands before the names of this group's commands.
    family = ""

    def list_commands(self, ctx: click.Context) -> list[str]:
        own = [name.removeprefix(self.family) for name in COMMANDS if name.startswith(self.family)]
        return list(dict.fromkeys(name.partition(" ")[0] for name in own))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = f"{self.family}{cmd_name}"
        command = COMMANDS.get(name)
        if any(other.startswith(f"{name} ") for other in COMMANDS):
            return _family(name)
        if command is None:
            return None
        return _Command(
            name,
            params=list(parameters(name)),
            callback=_callback(name),
            help=f"{command.text}\n\n{PATHS}" if "paths" in command.argument.split() else command.text,
            epilog=f"Example: reconciler {name}{command.example}",
            context_settings=_HELP_NAMES,
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        texts = {**{name: command.text for name, command in COMMANDS.items()}, **FAMILIES}
        with formatter.section("Commands"):
            formatter.write_dl([(name, texts[f"{self.family}{name}"]) for name in self.list_commands(ctx)])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from reconciler.commands import command_hint

            hint = command_hint(str(args[0]), self.list_commands(ctx))
            raise click.UsageError(" ".join(filter(None, (error.message, hint))), ctx) from None


def _family(name: str) -> click.Group:
    """Return the group of the commands whose names begin with one word, such as `fleet`.

    The word may be a command by itself, such as `schema`, which runs where no other word follows.
    """
    own = COMMANDS.get(name)
    if own is None:
        group = _Commands(name, help=FAMILIES[name], no_args_is_help=True, context_settings=_HELP_NAMES)
    else:
        group = _Commands(
            name,
            params=list(parameters(name)),
            callback=_alone(name),
            help=own.text,
            epilog=f"Example: reconciler {name}{own.example}",
            invoke_without_command=True,
            context_settings=_HELP_NAMES,
        )
    group.family = f"{name} "
    return group


def _alone(name: str) -> Callable[..., int]:
    """Return what a command does that is the first word of others: nothing where one of them follows."""
    run = _callback(name)

    def call(**given: Any) -> int:
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            return run(**given)
        if typed := sorted(_typed(ctx)):
            raise click.UsageError(f"{typed[0]} stands before {ctx.invoked_subcommand}; put it behind", ctx)
        return 0

    return call


def _guess(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, sorted(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


class _Command(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = args[: args.index("--")] if "--" in args else args
        args = [*spelled_out(self.name or "", own), *args[len(own) :]]
        rest = super().parse_args(ctx, args)
        for option in lifting(self.name or ""):
            if os.environ.get(variable(option)):
                message = f"{option} lifts a guard, and is taken from the command line only"
                raise click.UsageError(f"{variable(option)} is set: {message}; unset it", ctx)
        return rest


def _callback(name: str) -> Callable[..., int]:
    def call(**given: Any) -> int:
        ctx = click.get_current_context()
        return _run(name, given, frozenset(_typed(ctx)), ctx.obj)

    return call


def _typed(ctx: click.Context) -> Iterator[str]:
    """Yield the options that stand on the command line itself, and in no variable, by their long names."""
    for param in ctx.command.params:
        name = param.name or ""
        if isinstance(param, click.Option) and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            yield (param.secondary_opts if ctx.params[name] is False else param.opts)[-1]


def _run(name: str, given: dict[str, Any], typed: frozenset[str], kept: list[object]) -> int:
    """Make the invocation of a command and run its module."""
    from reconciler.commands import Console, Invocation
    from reconciler.report import Paint
    from reconciler.settings import Options

    writes = tuple(_write(name, text) for text in given["write"])
    chosen = _format(name, given["format"], typed="--format" in typed)
    piped = [write for write, file in writes if file == "-"]
    if len(piped) > 1 or (piped and "--format" in typed):
        raise click.UsageError("two reports cannot share standard output; write one of them to a file")
    chosen = piped[0] if piped else chosen
    if sys.stdout is None:
        click.echo("error: standard output is closed, and there is nowhere else for results", err=True)
        return 1
    plain = given["log_format"] == "text"
    log = _log(given["verbose"], plain=plain)
    read = {key: given[key] for key in Options.__struct_fields__ if key in given}
    read["reload"] = not given.get("no_reload", False)
    for field, options in (("limits", group(LIMITS)), ("connection", group(CONNECTION))):
        read[field] = {key: given[key] for key in options if key in given and key not in read}
    console = Console(
        out=streams.writer(sys.stdout),
        err=streams.writer(sys.stderr) if plain else log,
        err_tty=sys.stderr.isatty(),
        in_tty=sys.stdin.isatty(),
        width=streams.width(sys.stdout),
        paint=Paint(_coloured(given["color"], sys.stdout.isatty())),
        paint_err=Paint(plain and _coloured(given["color"], sys.stderr.isatty())),
    )
    invocation = Invocation(
        command=name,
        options=Options(**read),
        console=console,
        environment=os.environ,
        format=chosen,
        typed=typed,
        kept=kept,
        writes=tuple((write, file) for write, file in writes if file != "-"),
        **{key: given[key] for key in ("quiet", "yes", "journal_directory", "reason", "limit_bytes") if key in given},
    )
    known = variables()
    for key in sorted(os.environ):
        if key.startswith("RECONCILER_") and key not in known and not key.startswith(OTHER_VARIABLES):
            invocation.warn(f"{key} is no variable of this program.{_guess(key, known)}")
    if name not in ("sandbox", "eval") and not name.startswith("fleet "):
        # A run is over before its garbage matters, and collecting costs a large plan half of its time.
        gc.disable()
    return _run_module(name, invocation, given)


def _format(name: str, chosen: str, *, typed: bool) -> str:
    """Return the format of a command's report. A variable holds for every command of a pipeline, also for others.

    Raises:
        UsageError: it is asked of a command that has not got it, or is none.
    """
    own = formats(name)
    if chosen in own or (not typed and any(chosen in formats(other) for other in COMMANDS)):
        return chosen if chosen in own else "text"
    if not COMMANDS[name].report:
        raise click.UsageError(f"{name} has no report for programs; leave --format out")
    raise click.UsageError(f"{name} has no format {chosen}; there are {', '.join(own)}")


def _write(name: str, text: str) -> tuple[str, str]:
    """Return the format and the file of a `--write`.

    Raises:
        UsageError: it names none, or a format that the command's report has not.
    """
    chosen, _, file = text.partition("=")
    if not file:
        raise click.UsageError(f"--write {text} names no file; such as --write markdown=plan.md")
    if chosen in COMMANDS[name].files:
        return chosen, file
    return _format(name, chosen, typed=True), file


def _coloured(choice: str, tty: bool) -> bool:
    if choice != "auto":
        return choice == "always"
    return tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _log(verbosity: int, *, plain: bool) -> Callable[[str], None]:
    """Send this program's own log to standard error; other libraries' logs could show requests.

    Returns:
        What writes the program's other messages there, as lines of the log.
    """
    import logging

    import msgspec

    from reconciler.values import Interrupted

    class JsonLines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            line = {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
            line |= {name: value for name, value in getattr(record, "fields", {}).items() if value not in ("", 0)}
            return msgspec.json.encode({"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), **line}).decode()

    class Lines(logging.StreamHandler):  # type: ignore[type-arg]  # it takes none when it runs
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
            # A signal that came while a line was written is no failure to write it.
            if isinstance(error := sys.exception(), Interrupted):
                raise error
            super().handleError(record)

    logger = logging.getLogger("reconciler")
    logger.setLevel({0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    logger.propagate = False
    handler = Lines(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s") if plain else JsonLines())
    logger.handlers[:] = [handler]
    levels = {"error": logging.ERROR, "warning": logging.WARNING}

    def tell(text: str) -> None:
        # What is indented belongs to the message before it. How much is told is not the log's to say.
        for paragraph in re.split(r"\n(?=\S)", text.strip("\n")):
            level = levels.get(paragraph.partition(": ")[0], logging.INFO)
            message = paragraph.split(": ", 1)[1] if level != logging.INFO else paragraph
            handler.handle(logger.makeRecord(logger.name, level, "", 0, message, (), None))

    return tell


HELP = """Configuration as code for the outbound mail of the Stalwart mail server.

\b
An option that lifts no guard can be a variable: --timeout is RECONCILER_TIMEOUT.
Credentials: STALWART_TOKEN, or STALWART_USER and STALWART_PASSWORD.
Exit codes:   0 in sync, or done      4 stale plan       69 unreachable
              1 another error         5 partly applied   75 busy
              2 differences          64 usage            77 not allowed
              3 refused by a guard   65 manifests wrong
"""
GROUP = _Commands(
    name="reconciler",
    help=HELP,
    params=[
        click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, help="Print the version.",
                     callback=lambda ctx, _, value: _version(ctx) if value else None),
    ],
    no_args_is_help=True,
    context_settings=_HELP_NAMES,
)  # fmt: skip


def _version(ctx: click.Context) -> NoReturn:
    click.echo(f"reconciler {__version__}")
    ctx.exit()


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that the interface names."""
    # These may have been closed before the start, and are open as long as the program runs.
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as above
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as above
    kept: list[object] = []
    streams.leave(invoke(args, kept))


def invoke(args: Sequence[str] | None = None, kept: list[object] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        args: in place of those of the process.
        kept: a list that what is large is put into: taking it apart takes longer than comparing it does.
    """
    streams.set_up()
    try:
        code = GROUP.main(args, prog_name="reconciler", standalone_mode=False, obj=[] if kept is None else kept)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return USAGE
    except click.NoSuchOption as error:
        from reconciler.commands import option_hint

        name = error.ctx.command.name if error.ctx is not None else None
        hint = option_hint(name, error.option_name) if name in COMMANDS else ""
        hint = hint or (f"try {error.ctx.command_path} --help" if error.ctx is not None else "")
        return _misused(f"No such option '{error.option_name}'.", hint, sys.argv[1:] if args is None else args)
    except click.UsageError as error:
        hint = f"try {error.ctx.command_path} --help" if error.ctx is not None else ""
        return _misused(error.format_message(), hint, sys.argv[1:] if args is None else args)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing was being written", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read us has gone.
        streams.give_up(sys.stdout)
        return 1


def _misused(message: str, hint: str, args: Sequence[str]) -> int:
    """Tell of wrong usage, also in the report that was asked for, as far as that can be seen in the arguments."""
    # Imported here, so that `--help` does without.
    from reconciler.report import Page, error_report, formats_of, printable, render
    from reconciler.values import UsageError

    click.echo(f"error: {printable(message)}" + (f"\n    {printable(hint)}" if hint else ""), err=True)
    formats = [after for before, after in pairwise(args) if before == "--format"]
    formats += [arg.partition("=")[2] for arg in args if arg.startswith("--format=")]
    chosen = (formats or [os.environ.get("RECONCILER_FORMAT", "")])[-1]
    if chosen != "text" and chosen in formats_of("error") and sys.stdout is not None:
        click.echo(render(error_report(UsageError(message, hint)), chosen, Page(exit_code=USAGE)), nl=False)
    return USAGE


def _stands_nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _run_module(name: str, invocation: Any, given: Mapping[str, Any]) -> int:
    """Run a command's module with the options that are its own, and tell of what stopped it."""
    from reconciler.commands import MONITORED, monitored
    from reconciler.values import ReconcilerError

    def run() -> int:
        try:
            invocation.check()
            module = import_module(f"reconciler.commands.{MODULES.get(name, name.partition(' ')[0])}")
            own = getattr(module, "Arguments", None)
            arguments = [own(**{key: given[key] for key in own.__struct_fields__ if key in given})] if own else []
            return int(module.run(invocation, *arguments))
        except ReconcilerError as error:
            return int(invocation.fail(error))
        except FileNotFoundError:
            if not _stands_nowhere():
                raise
            # A checkout that was deployed anew under a running shell, or a mount that was renewed.
            gone = ReconcilerError("the working directory is gone", "change into a directory that exists")
            return int(invocation.fail(gone))

    return monitored(name, invocation, run) if name in MONITORED else run()
