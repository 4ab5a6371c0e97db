"""The command line: options, streams and exit codes.

Law: it decides nothing; a command's module is imported only when that command runs, and `--help` imports none.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from reconciler import __version__

#: Command -> (what it does, whether it takes PATHS, its options beside those that every command has).
COMMANDS: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "validate": ("Judge manifests without a server.", True, ("config", "target", "show_merged")),
    "plan": (
        "Show what apply would do.",
        True,
        ("server", "policy", "plan_out", "detailed_exitcode", "rotate_secrets"),
    ),
    "apply": (
        "Plan, ask, apply, reload and read back.",
        True,
        ("server", "policy", "plan", "yes", "no_reload", "rotate_secrets", "journal"),
    ),
    "drift": ("Compare, for cron: quiet when in sync.", True, ("server", "policy")),
    "explain": ("Tell which way a message would take, and why.", True, ("server", "message")),
    "test": ("Run the routing tests.", True, ("config", "target")),
    "rollback": ("Undo a recorded apply.", False, ("recorded", "server", "limits", "yes", "no_reload", "journal")),
    "reload": ("Make the server's stored settings live.", False, ("server",)),
    "import": ("Write live state as manifests.", False, ("server", "kind", "import_out")),
    "fmt": ("Lay out manifests, comments kept.", True, ("config", "target", "check", "diff")),
    "permissions": ("Tell the least permissions needed.", True, ("config", "target", "kind", "only", "prune")),
    "doctor": ("Tell whether server, credentials and manifests fit.", True, ("server", "kind", "only", "prune")),
    "schema": ("Write the JSON Schemas, or check them.", False, ("out", "check")),
    "eval": ("Evaluate expressions, a JSON object per line.", False, ()),
    "sandbox": ("Run the embedded JMAP server.", False, ("sandbox",)),
    "demo": ("Take the tour on an embedded server.", False, ()),
}
#: What the interface names and this version does not do yet: refused by name, never ignored.
LATER_COMMANDS: tuple[str, ...] = ()
LATER_OPTIONS = ("--write",)
#: Formats that one command has beside text and json.
OWN_FORMATS = {"test": ("junit",)}
LATER_FORMATS = ("markdown", "html", "github", "gitlab", "sarif", "junit")

#: What `explain` is told of a message.
MESSAGE = (
    *("rcpt", "sender", "retry", "last_error", "source", "priority", "size", "queue_name", "local_domain"),
    *("local_address", "lookup", "mx", "remote_ip", "received_from_ip", "received_via_port", "live", "graph"),
)
#: Options that only one command reads.
EXTRA = (
    "out",
    "plan",
    "plan_out",
    "journal_directory",
    "journal",
    "run",
    "check",
    "diff",
    "host",
    "port",
    "database",
    "fault",
    "show_merged",
    *MESSAGE,
)
#: Options that some commands have without those that stand beside them elsewhere.
ALONE: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "kind": (("--kind",), {"multiple": True, "metavar": "KIND", "help": "Look at this kind only; repeatable."}),
    "only": (("--only",), {"multiple": True, "metavar": "GLOB", "help": "Look at these addresses only; repeatable."}),
    "prune": (("--prune/--no-prune", "prune"), {"default": None, "help": "With pruning, or without."}),
    "import_out": (("--out",), {"default": "", "metavar": "DIR", "help": "Write a file for each kind here."}),
    "show_merged": (("--show-merged",), {"is_flag": True, "help": "Print what all layers come to, and from where."}),
    "diff": (("--diff",), {"is_flag": True, "help": "Write nothing; show what would change."}),
}
#: Commands whose name no module can have.
MODULES = {"import": "import_command"}
#: The exit code of wrong usage; stated here too, so that `--help` imports nothing.
USAGE = 64


class _Switch(click.Option):
    """A pair such as --prune/--no-prune: each of the two has a variable of its own."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        given = super().resolve_envvar_value(ctx)
        variable = _variable(self.secondary_opts[0])
        denied = os.environ.get(variable)
        if given and denied:
            raise click.UsageError(f"{self.envvar} and {variable} are both set; unset one of them", ctx)
        return "false" if denied and click.BOOL.convert(denied, self, ctx) else given


def _option(*names: str, **settings: Any) -> click.Option:
    """Make an option that RECONCILER_… can give too."""
    long, _, opposite = next(name for name in names if name.startswith("--")).partition("/")
    kind = _Switch if opposite else click.Option
    return kind(names, envvar=_variable(long), show_envvar=False, **settings)


def _variable(option: str) -> str:
    """Return the variable that stands for an option."""
    return "RECONCILER_" + option.removeprefix("--").replace("-", "_").upper()


def _group(name: str) -> list[click.Parameter]:  # noqa: C901 - a table, of which only what is needed is built
    """Return the options that a name in COMMANDS stands for."""
    if name in ALONE:
        return [_option(*ALONE[name][0], **ALONE[name][1])]
    match name:
        case "config":
            return [_option("--config", default="", metavar="FILE", help="Configuration instead of reconciler.yaml.")]
        case "target":
            return [_option("--target", default="", metavar="NAME", help="Target of the configuration.")]
        case "server":
            return [
                *_group("config"),
                *_group("target"),
                _option("--url", default="", metavar="URL", help="Server, such as https://mail.example.org."),
                _option("--user", default="", metavar="NAME", help="User; the password is STALWART_PASSWORD."),
                _option("--timeout", default="5m", show_default=True, metavar="TIME", help="Deadline of the run."),
                _option(
                    "--ca-bundle", default="", metavar="FILE", help="Certificates to trust instead of the system's."
                ),
                _option("--insecure", is_flag=True, help="Do not verify the server's certificate."),
            ]
        case "policy":
            return [
                _option("--kind", multiple=True, metavar="KIND", help="Look at this kind only; repeatable."),
                _option("--only", multiple=True, metavar="GLOB", help="Look at these addresses only; repeatable."),
                _option("--prune/--no-prune", "prune", default=None, help="Destroy undeclared objects, or never."),
                _option("--allow-empty", multiple=True, metavar="KIND", help="Let pruning empty this kind."),
                *_group("limits"),
            ]
        case "limits":
            return [
                _option("--max-destroy", default="", metavar="N|P%", help="Most objects of a kind to destroy.  [30%]"),
                _option("--max-update", default="", metavar="N|P%", help="Most objects of a kind to change."),
            ]
        case "journal":
            text = "Where applies are recorded.  [.reconciler/journal]"
            return [_option("--journal", "journal_directory", default="", metavar="DIR|off", help=text)]
        case "recorded":
            return [
                click.Argument(["journal"], metavar="JOURNAL"),
                _option("--run", default="", metavar="ID", help="The run to undo.  [the last]"),
            ]
        case "plan_out":
            return [_option("--out", "plan_out", default="", metavar="FILE", help="Save the plan.")]
        case "plan":
            return [_option("--plan", default="", metavar="FILE", help="Apply this saved plan.")]
        case "detailed_exitcode":
            return [_option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences.")]
        case "rotate_secrets":
            text = "Write secrets that cannot be compared, of all objects or of these addresses."
            return [
                _option("--rotate-secrets", default="", is_flag=False, flag_value="*", metavar="[=GLOB]", help=text)
            ]
        case "yes":
            return [_option("--yes", is_flag=True, help="Do not ask.")]
        case "no_reload":
            return [_option("--no-reload", is_flag=True, help="Leave the settings stored but not live.")]
        case "out":
            return [_option("--out", default="", metavar="DIR", help="Where to write.  [schemas]")]
        case "check":
            return [_option("--check", is_flag=True, help="Write nothing; exit 2 when something would change.")]
        case "message":
            return [
                _option("--rcpt", required=True, metavar="ADDRESS", help="Recipient."),
                _option("--sender", default=None, metavar="ADDRESS", help="Sender; '' is a bounce's."),
                _option("--retry", default="0", metavar="N|A..B", help="Attempts to explain; 0 is the first.  [0]"),
                _option("--last-error", default="", metavar="NAME", help="Why attempts failed.  [connection]"),
                _option("--source", default="", metavar="NAME", help="Where it came from.  [unauthenticated]"),
                _option("--priority", default=None, type=int, metavar="N", help="Priority.  [0]"),
                _option("--size", default="", metavar="SIZE", help="Size, in bytes or such as 5MB."),
                _option("--queue-name", default="", metavar="NAME", help="Virtual queue."),
                _option("--local-domain", multiple=True, metavar="DOMAIN", help="Domain of the server; repeatable."),
                _option("--local-address", multiple=True, metavar="ADDRESS", help="Address of the server; repeatable."),
                _option("--lookup", multiple=True, metavar="CALL=VALUE", help="Answer of a lookup; repeatable."),
                _option("--mx", default=None, metavar="HOST", help="Host that is delivered to."),
                _option("--remote-ip", default="", metavar="IP", help="Address that is delivered to."),
                _option("--received-from-ip", default="", metavar="IP", help="Address that it came from."),
                _option("--received-via-port", default=None, type=int, metavar="N", help="Port that it came in by."),
                _option("--live", is_flag=True, help="Explain what the server holds, not the manifests."),
                _option("--graph", is_flag=True, help="Print the routing as a Mermaid flowchart."),
            ]
        case "sandbox":
            return [
                _option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on."),
                _option("--port", default=0, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."),
                _option("--database", default="", metavar="FILE", help="Keep the objects in this file."),
                _option("--fault", multiple=True, metavar="SPEC", help="Misbehave as SPEC says; repeatable."),
            ]
    raise AssertionError(name)


def _every() -> list[click.Parameter]:
    """Return the options that every command has."""
    formats = click.Choice(["text", "json", *LATER_FORMATS])
    return [
        _option("--format", default="text", type=formats, metavar="text|json", help="How to report.  [text]"),
        _option("--color", default="auto", type=click.Choice(["auto", "always", "never"]), help="Colours.  [auto]"),
        _option("--log-format", default="text", type=click.Choice(["text", "json"]), help="How to log.  [text]"),
        _option("-v", "--verbose", count=True, help="Log what is sent; twice: every request."),
        _option("--quiet", is_flag=True, help="Only results and errors."),
    ]


class _Commands(click.Group):
    """A group that knows its commands from a table, and builds one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LATER_COMMANDS:
            raise click.UsageError(f"the command {cmd_name} is not built yet")
        if cmd_name not in COMMANDS:
            return None
        text, paths, names = COMMANDS[cmd_name]
        parameters: list[click.Parameter] = []
        if paths:
            parameters.append(click.Argument(["paths"], nargs=-1, metavar="[PATHS]..."))
        for name in names:
            parameters += _group(name)
        parameters += _every()
        return _Command(cmd_name, params=parameters, callback=_callback(cmd_name), help=text)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (text, _, _) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(str(args[0]), COMMANDS, n=1)
            if close and "not built" not in error.message:
                raise click.UsageError(f"{error.message} Did you mean {close[0]}?", ctx) from None
            raise


class _Command(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for arg in args:
            if arg.split("=")[0] in LATER_OPTIONS:
                raise click.UsageError(f"the option {arg.split('=')[0]} is not built yet", ctx)
        return super().parse_args(ctx, args)


def _callback(name: str) -> Callable[..., int]:
    def call(**given: Any) -> int:
        return _run(name, given, frozenset(_typed(click.get_current_context())))

    return call


def _typed(ctx: click.Context) -> Iterator[str]:
    """Yield the options that stand on the command line itself, and in no variable, by their long names."""
    for each in ctx.command.params:
        name = each.name or ""
        if isinstance(each, click.Option) and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            yield (each.secondary_opts if ctx.params[name] is False else each.opts)[-1]


def _run(name: str, given: dict[str, Any], typed: frozenset[str]) -> int:
    """Make the invocation of a command and run its module."""
    from reconciler.commands.gather import Console, Invocation
    from reconciler.report.paint import Paint
    from reconciler.settings import Options

    if given["format"] in LATER_FORMATS and given["format"] not in OWN_FORMATS.get(name, ()):
        raise click.UsageError(f"--format {given['format']} is not built yet; text and json are")
    _log(given["verbose"], given["log_format"])
    options = {key: given[key] for key in Options.__struct_fields__ if key in given}
    options["reload"] = not given.get("no_reload", False)
    console = Console(
        out=_writer(sys.stdout),
        err=_writer(sys.stderr),
        err_tty=sys.stderr.isatty(),
        in_tty=sys.stdin is not None and sys.stdin.isatty(),
        paint=Paint(_coloured(given["color"], sys.stdout.isatty())),
        paint_err=Paint(_coloured(given["color"], sys.stderr.isatty())),
    )
    invocation = Invocation(
        options=Options(**options),
        console=console,
        environment=os.environ,
        format=given["format"],
        quiet=given["quiet"],
        yes=given.get("yes", False),
        detailed_exitcode=given.get("detailed_exitcode", False),
        extra={key: given[key] for key in EXTRA if key in given},
        typed=typed,
    )
    if name not in ("sandbox", "eval"):
        # A run is over before its garbage matters, and collecting costs a large plan half of its time.
        gc.disable()
    return _told(name, invocation)


def _writer(stream: Any) -> Callable[[str], None]:
    def write(text: str) -> None:
        stream.write(text)
        stream.flush()

    return write


def _coloured(choice: str, tty: bool) -> bool:
    if choice != "auto":
        return choice == "always"
    return tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _log(verbosity: int, style: str) -> None:
    """Send this program's own log to standard error; other libraries' logs could show requests."""
    import logging

    import msgspec

    class JsonLines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            line = {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
            return msgspec.json.encode({"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), **line}).decode()

    logger = logging.getLogger("reconciler")
    logger.setLevel({0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    logger.propagate = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.handlers[:] = [handler]


GROUP = _Commands(
    name="reconciler",
    help="Configuration as code for the outbound mail of the Stalwart mail server.",
    params=[
        click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, help="Print the version.",
                     callback=lambda ctx, _, value: _version(ctx) if value else None),
    ],
    no_args_is_help=True,
)  # fmt: skip


def _version(ctx: click.Context) -> NoReturn:
    click.echo(f"reconciler {__version__}")
    ctx.exit()


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that the interface names."""
    sys.exit(invoke(args))


def invoke(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = GROUP.main(args, prog_name="reconciler", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return USAGE
    except click.UsageError as error:
        click.echo(f"error: {error.format_message()}", err=True)
        if error.ctx is not None:
            click.echo(f"    try {error.ctx.command_path} --help", err=True)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing was being written", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read us has gone; the interpreter must not try to flush to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _told(name: str, invocation: Any) -> int:
    """Run a command's module, and tell of what stopped it."""
    from reconciler.errors import ManifestError, ReconcilerError

    try:
        code: int = import_module(f"reconciler.commands.{MODULES.get(name, name)}").run(invocation)
        return code
    except ManifestError as error:
        _report_mistakes(error)
        return error.exit_code
    except ReconcilerError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"    {error.hint}", err=True)
        return error.exit_code


def _report_mistakes(error: Any) -> None:
    from reconciler.report.paint import Paint
    from reconciler.report.text import diagnostics

    paint = Paint(_coloured("auto", sys.stderr.isatty()))
    click.echo(diagnostics(error.diagnostics, paint) + f"error: {error.message}", err=True)
