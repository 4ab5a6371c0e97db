"""What the command line takes: commands, their options, and the variables that stand for these.

Law: tables, and what makes options of them; nothing of the program is imported, so that `--help` is quick.
"""

from __future__ import annotations

import os
from typing import Any

import click

from reconciler.commands.completing import offering

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
    "import": ("Write live state as manifests.", False, ("server", "kind", "only", "import_out")),
    "fmt": ("Lay out manifests, comments kept.", True, ("config", "target", "check", "diff")),
    "permissions": ("Tell the least permissions needed.", True, ("config", "target", "kind", "only", "prune")),
    "doctor": ("Tell whether server, credentials and manifests fit.", True, ("server", "kind", "only", "prune")),
    "schema": ("Write the JSON Schemas, or check them.", False, ("out", "check")),
    "eval": ("Evaluate expressions, a JSON object per line.", False, ()),
    "sandbox": ("Run the embedded JMAP server.", False, ("sandbox",)),
    "demo": ("Take the tour on an embedded server.", False, ()),
}
#: Said of PATHS in the help of every command that takes them.
PATHS = "PATHS are manifests, or directories of them; without any, those of the target, or else manifests/."
#: One use of each command, after its name.
EXAMPLES = {
    "validate": " manifests/ overlays/prod",
    "plan": " --url https://mail.example.org --out plan.json",
    "apply": " --plan plan.json",
    "drift": " --target prod --quiet",
    "explain": " --rcpt b@partner.example --retry 0..3",
    "test": " --format junit",
    "rollback": " .reconciler/journal/prod.jsonl",
    "reload": " --target prod",
    "import": " --kind MtaRoute --out manifests",
    "fmt": " --check",
    "permissions": " --prune",
    "doctor": " --url https://mail.example.org",
    "schema": " --check",
    "eval": " < expressions.jsonl",
    "sandbox": " --port 8080 --database sandbox.db",
    "demo": "",
}
#: What the interface names and this version does not do yet: refused by name, never ignored.
LATER_OPTIONS = ("--write",)
#: Commands without a report that a program could want in another format.
WITHOUT_REPORT = ("import", "fmt", "schema", "sandbox", "demo")
#: Formats that one command has beside text and json.
OWN_FORMATS = {"test": ("junit",)}
LATER_FORMATS = ("markdown", "html", "github", "gitlab", "sarif", "junit")

#: What `explain` is told of a message.
MESSAGE = (
    *("rcpt", "sender", "retry", "last_error", "source", "priority", "size", "queue_name", "local_domain"),
    *("local_address", "lookup", "mx", "remote_ip", "received_from_ip", "received_via_port", "live", "graph"),
)
#: What --rotate-secrets means where it stands without a glob.
ALL = "*"
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


class _Switch(click.Option):
    """A pair such as --prune/--no-prune: each of the two has a variable of its own."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        given = super().resolve_envvar_value(ctx)
        opposite = variable(self.secondary_opts[0])
        denied = os.environ.get(opposite)
        if given and denied:
            raise click.UsageError(f"{self.envvar} and {opposite} are both set; unset one of them", ctx)
        return "false" if denied and click.BOOL.convert(denied, self, ctx) else given


class _Lines(click.Option):
    """A repeatable option whose values may hold blanks: its variable has a line for each."""

    def value_from_envvar(self, ctx: click.Context) -> Any:
        lines = (self.resolve_envvar_value(ctx) or "").splitlines()
        return [line.strip() for line in lines if line.strip()] or None


class _Worded(click.Option):
    """An option that needs no value on the command line: a yes in its variable stands for that, and a no for none."""

    def __init__(self, *names: Any, yes: str, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.yes = yes

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        given = super().resolve_envvar_value(ctx)
        if given is None:
            return None
        try:
            return self.yes if click.BOOL.convert(given, self, ctx) else None
        except click.BadParameter:
            return given


#: Options that some commands have without those that stand beside them elsewhere.
ALONE: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "kind": (("--kind",), {"multiple": True, "metavar": "KIND", "help": "Look at this kind only; repeatable."}),
    "only": (
        ("--only",),
        {
            "cls": _Lines,
            "multiple": True,
            "metavar": "GLOB",
            "help": "Look at these addresses only; repeatable, a line each in a variable.",
        },
    ),
    "prune": (("--prune/--no-prune", "prune"), {"default": None, "help": "With pruning, or without."}),
    "import_out": (("--out",), {"default": "", "metavar": "DIR", "help": "Write a file for each kind here."}),
    "show_merged": (("--show-merged",), {"is_flag": True, "help": "Print what all layers come to, and from where."}),
    "diff": (("--diff",), {"is_flag": True, "help": "Write nothing; show what would change."}),
}


def _option(*names: str, cls: type[click.Option] = click.Option, **settings: Any) -> click.Option:
    """Make an option that RECONCILER_… can give too."""
    long, _, opposite = next(name for name in names if name.startswith("--")).partition("/")
    kind = _Switch if opposite else cls
    settings.setdefault("shell_complete", offering(settings.get("metavar", "")))
    return kind(names, envvar=variable(long), show_envvar=False, **settings)


def variable(option: str) -> str:
    """Return the variable that stands for an option."""
    return "RECONCILER_" + option.removeprefix("--").replace("-", "_").upper()


def options_of(name: str) -> list[click.Parameter]:  # noqa: C901 - a table, of which only what is needed is built
    """Return the options that a name in COMMANDS stands for."""
    if name in ALONE:
        return [_option(*ALONE[name][0], **ALONE[name][1])]
    match name:
        case "config":
            return [_option("--config", default="", metavar="FILE", help="Configuration instead of reconciler.yaml.")]
        case "target":
            return [_option("--target", default="", metavar="TARGET", help="Target of the configuration.")]
        case "server":
            return [
                *options_of("config"),
                *options_of("target"),
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
                *options_of("kind"),
                *options_of("only"),
                _option("--prune/--no-prune", "prune", default=None, help="Destroy undeclared objects, or never."),
                _option("--allow-empty", multiple=True, metavar="KIND", help="Let pruning empty this kind."),
                *options_of("limits"),
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
                click.Argument(["journal"], metavar="JOURNAL", shell_complete=offering("JOURNAL")),
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
            return [_option("--rotate-secrets", cls=_Worded, yes=ALL, default="", metavar="[=GLOB]", help=text)]
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
                _option(
                    "--lookup",
                    cls=_Lines,
                    multiple=True,
                    metavar="CALL=VALUE",
                    help="Answer of a lookup; repeatable, a line each in a variable.",
                ),
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


def every(command: str) -> list[click.Parameter]:
    """Return the options that every command has."""
    formats = click.Choice(["text", "json", *LATER_FORMATS])
    built = "|".join(["text", "json", *OWN_FORMATS.get(command, ())])
    return [
        _option(
            "--format",
            default="text",
            type=formats,
            metavar=built,
            hidden=command in WITHOUT_REPORT,
            help="How to report.  [text]",
        ),
        _option("--color", default="auto", type=click.Choice(["auto", "always", "never"]), help="Colours.  [auto]"),
        _option("--log-format", default="text", type=click.Choice(["text", "json"]), help="How to log.  [text]"),
        _option(
            *("-v", "--verbose"),
            cls=_Worded,
            yes="1",
            count=True,
            help="Log every request; twice: before it is sent, too.",
        ),
        _option("--quiet", is_flag=True, help="Only results and errors."),
    ]
