"""What the command line takes: commands, and one table of options with the variables that stand for them.

Law: tables, and what makes options of them; nothing of the program but the table of formats is imported, so that
`--help` is quick. What else is to be known of an option, such as the groups that it is in, is derived from its row.
Long because it is one table, which is read as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import click

from reconciler.commands.completing import offering
from reconciler.report import GRAPHS, formats_of


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


#: What --rotate-secrets means where it stands without a glob.
ALL = "*"
#: Groups that an option can be in. What a saved plan has settled, and what belongs to a connection, cannot be given
#: where there is none; what lifts a guard counts on the command line only, where whoever runs the program sees it.
SERVER, CONNECTION, SCOPE, SETTLED, LIFTS = "server", "connection", "scope", "settled", "lifts"
#: Limits hold for whoever writes, so that they are judged by again where a saved plan is applied.
LIMITS = "limits"


class OptionRow(NamedTuple):
    """One option: how it is spelled, what it does, and how click takes it."""

    names: str
    help: str
    groups: tuple[str, ...] = ()
    settings: dict[str, Any] = {}  # noqa: RUF012 - never changed
    cls: type[click.Option] = click.Option

    @property
    def long(self) -> str:
        """Return its long name, and of a pair the first."""
        return next(name for name in self.names.replace("/", " ").split() if name.startswith("--"))


def _row(names: str, text: str, *groups: str, metavar: str = "", cls: Any = None, **settings: Any) -> OptionRow:
    """Make a row: with a metavar it takes a text, and else it is a flag."""
    if metavar:
        settings = {"default": "", **settings, "metavar": metavar}
    elif "default" not in settings and not settings.get("count"):
        settings["is_flag"] = True
    if settings.get("multiple") or settings.get("required"):
        del settings["default"]
    return OptionRow(names, text, groups, settings, cls or (_Switch if "/" in names else click.Option))


#: Every option, by the name that commands ask for it, in the order in which help lists them.
OPTIONS: dict[str, OptionRow] = {
    "config": _row("--config", "Configuration instead of reconciler.yaml.", SERVER, metavar="FILE"),
    "target": _row("--target", "Target of the configuration.", SERVER, metavar="TARGET"),
    "url": _row("--url", "Server, such as https://mail.example.org.", SERVER, CONNECTION, metavar="URL"),
    "user": _row("--user", "User; the password is STALWART_PASSWORD.", SERVER, CONNECTION, metavar="NAME"),
    "timeout": _row("--timeout", "Deadline of the run.  [5m]", CONNECTION, metavar="TIME", default="5m"),
    "wait": _row("--wait", "Time that a server may take to start.", CONNECTION, metavar="TIME"),
    "ca_bundle": _row("--ca-bundle", "Certificates to trust instead of the system's.", CONNECTION, metavar="FILE"),
    "allow_plain_http": _row("--allow-plain-http", "Send credentials to another host unencrypted.", CONNECTION, LIFTS),
    "ceiling": _row("--ceiling", "Configuration that bounds what this one may allow.", SERVER, metavar="FILE"),
    "insecure": _row("--insecure", "Do not verify the server's certificate.", CONNECTION),
    "kind": _row("--kind", "Look at this kind only; repeatable.", SCOPE, SETTLED, metavar="KIND", multiple=True),
    "only": _row(
        *("--only", "Look at these addresses only; repeatable, a line each in a variable.", SCOPE, SETTLED),
        metavar="GLOB",
        multiple=True,
        cls=_Lines,
    ),
    "prune": _row("--prune/--no-prune prune", "Destroy undeclared objects, or never.", SCOPE, SETTLED, default=None),
    "allow_empty": _row("--allow-empty", "Let pruning empty this kind.", SETTLED, LIFTS, metavar="KIND", multiple=True),
    "max_destroy": _row(
        "--max-destroy", "Most objects of a kind to destroy.  [30%]", SETTLED, LIMITS, LIFTS, metavar="N|P%"
    ),
    "max_update": _row("--max-update", "Most objects of a kind to change.", SETTLED, LIMITS, LIFTS, metavar="N|P%"),
    "strict": _row("--strict", "Treat warnings as errors.", SETTLED),
    "no_cache": _row("--no-cache", "Read every manifest anew, and keep nothing for the next run."),
    "rotate_secrets": _row(
        *("--rotate-secrets", "Write secrets that cannot be compared, of all objects or of these addresses.", SETTLED),
        metavar="[=GLOB]",
        cls=_Worded,
        yes=ALL,
    ),
    "plan_out": _row("--out plan_out", "Save the plan.", metavar="FILE"),
    "no_movement": _row("--no-movement", "Do not work out which mail moves."),
    "impact": _row("--impact", "Count the mail in the queue that moves."),
    "envelopes": _row("--envelopes", "Count messages of a log: CSV, or a JSON object a line.", metavar="FILE"),
    "show_addresses": _row("--show-addresses", "Name the recipients who are counted."),
    "detailed_exitcode": _row("--detailed-exitcode", "Exit 2 when there are differences."),
    "plan": _row("--plan", "Apply this saved plan.", metavar="FILE"),
    "approved": _row("--approved", "Apply without a question if this digest is the plan's.", metavar="DIGEST"),
    "yes": _row("--yes", "Do not ask."),
    "no_reload": _row("--no-reload", "Leave the settings stored but not live."),
    "keep_refused": _row("--keep-refused", "Leave stored what the server refuses to reload.", LIFTS),
    "journal_directory": _row(
        "--journal journal_directory", "Where applies are recorded.  [.reconciler/journal]", metavar="DIR|off"
    ),
    "ci": _row(
        "--ci",
        "Pipeline to write.  [github]",
        metavar="github|gitlab|none",
        type=click.Choice(["", "github", "gitlab", "none"]),
    ),
    "reason": _row("--reason", "Why, for the journal.", metavar="TEXT"),
    "last": _row("--last", "Runs to show of each target.  [10]", metavar="N", default=10, type=click.IntRange(1)),
    "list": _row("--list", "List the recorded runs, and undo none."),
    "run": _row("--run", "The run of the journal.  [the last]", metavar="ID"),
    "import_out": _row("--out", "Write a file for each kind here.", metavar="DIR"),
    "source_files": _row(
        *("--from source_files", "Read this file of another tool, not a server; repeatable, the first counts."),
        metavar="FILE",
        multiple=True,
        cls=_Lines,
    ),
    "partial": _row(
        *(
            "--partial",
            "What a stalwart-cli plan leaves alone: its default, or unmanaged.  [default]",
        ),
        metavar="default|unmanaged",
        type=click.Choice(["", "default", "unmanaged"]),
    ),
    "schema_out": _row("--out", "Where to write.  [schemas]", metavar="DIR"),
    "pull_out": _row("--out", "File to write.  [schemas/server/<version>.json]", metavar="FILE"),
    "check": _row("--check", "Write nothing; exit 2 when something would change."),
    "diff": _row("--diff", "Write nothing; show what would change."),
    "show_merged": _row("--show-merged", "Print what the layers give together, and from where."),
    "rcpt": _row("--rcpt", "Recipient.", metavar="ADDRESS", required=True),
    "sender": _row("--sender", "Sender; '' is a bounce's.", metavar="ADDRESS", default=None),
    "retry": _row("--retry", "Attempts to explain; 0 is the first.  [0]", metavar="N|A..B", default="0"),
    "last_error": _row("--last-error", "Why attempts failed.  [connection]", metavar="NAME"),
    "source": _row("--source", "Where it came from.  [unauthenticated]", metavar="NAME"),
    "priority": _row("--priority", "Priority.  [0]", metavar="N", default=None, type=int),
    "size": _row("--size", "Size, in bytes or such as 5MB.", metavar="SIZE"),
    "recipients": _row("--recipients", "All recipients; repeatable.", metavar="ADDRESS", multiple=True),
    "notify_num": _row("--notify-num", "Notices of delay so far.  [0]", metavar="N", default=None, type=int),
    "last_status": _row("--last-status", "What the queue says of the last attempt.", metavar="TEXT"),
    "queue_age": _row("--queue-age", "Seconds since it came in.", metavar="N", default=None, type=int),
    "expires_in": _row("--expires-in", "Seconds or attempts left.", metavar="N", default=None, type=int),
    "queue_name": _row("--queue-name", "Virtual queue.", metavar="NAME"),
    "local_domain": _row("--local-domain", "Domain of the server; repeatable.", metavar="DOMAIN", multiple=True),
    "local_address": _row("--local-address", "Address of the server; repeatable.", metavar="ADDRESS", multiple=True),
    "lookup": _row(
        *("--lookup", "Answer of a lookup; repeatable, a line each in a variable."),
        metavar="CALL=VALUE",
        multiple=True,
        cls=_Lines,
    ),
    "mx": _row("--mx", "Host that is delivered to.", metavar="HOST", default=None),
    "remote_ip": _row("--remote-ip", "Address that is delivered to.", metavar="IP"),
    "local_ip": _row("--local-ip", "Address that is delivered from.", metavar="IP"),
    "received_from_ip": _row("--received-from-ip", "Address that it came from.", metavar="IP"),
    "received_via_port": _row("--received-via-port", "Port that it came in by.", metavar="N", default=None, type=int),
    "queued": _row("--queue queued", "Explain the next attempt of this message of the server's queue.", metavar="ID"),
    "compare": _row("--compare", "Explain what a plan would change for it, and what it takes today."),
    "live": _row("--live", "Explain what the server holds, not the manifests."),
    "graph": _row(
        *("--graph", "Draw the routing, as a Mermaid flowchart unless another form follows."),
        metavar="[mermaid|svg|text]",
        default=None,
        type=click.Choice(GRAPHS),
        cls=_Worded,
        yes=GRAPHS[0],
    ),
    "host": _row("--host", "Loopback address to listen on.  [127.0.0.1]", metavar="HOST", default="127.0.0.1"),
    "port": _row("--port", "Port; 0 takes a free one.", metavar="N", default=0, type=click.IntRange(0, 65535)),
    "database": _row("--database", "Keep the objects in this file.", metavar="FILE"),
    "serves": _row("--schema", "Serve the kinds of this published schema.", metavar="FILE"),
    "fault": _row("--fault", "Misbehave as SPEC says; repeatable.", metavar="SPEC", multiple=True),
    "nodes": _row(
        "--nodes",
        "Nodes of a cluster, each at its own address.  [1]",
        metavar="N",
        default=1,
        type=click.IntRange(1, 9),
    ),
    "coordinator": _row(
        "--coordinator", "How nodes hear of reloads.  [none]", type=click.Choice(("none", "redis")), default="none"
    ),
    "queue": _row("--queue", "Messages that wait: a JSON array, or an object a line.", metavar="FILE"),
}
#: Options that say of which targets a fleet's command is, and how they are worked on.
FLEET: dict[str, OptionRow] = {
    "select": _row("--select", "Targets by label: label=value, label!=value, all of them.", metavar="SELECTOR"),
    "targets": _row("--target targets", "Targets by name; repeatable.", metavar="GLOB", multiple=True),
    "changed_since": _row("--changed-since", "Only targets that a change in git touches.", metavar="REV"),
    "shard": _row("--shard", "This worker's share: I of N.", metavar="I/N"),
    "parallel": _row("--parallel", "Targets at a time.  [20]", metavar="N", default=20, type=click.IntRange(1, 200)),
    "results": _row("--results", "Write each target's result here.", metavar="DIR"),
    "waves": _row("--waves", "Change targets in this order, by label; rest is all others.", metavar="A,B,rest"),
    "max_failed": _row("--max-failed", "Begin nothing once more targets failed.", metavar="N|P%"),
    "bake": _row("--bake", "Run this command after each wave; it must end with 0.", metavar="COMMAND"),
    "resume": _row("--resume", "Leave out targets whose result in --results is done and still true."),
}
OPTIONS |= FLEET
#: Options that every command has.
EVERY: dict[str, OptionRow] = {
    "format": _row("--format", "How to report.  [text]", metavar="FORMAT", default="text"),
    "write": _row(
        "--write", "Write the report to a file too; repeatable.", metavar="FORMAT=FILE", multiple=True, cls=_Lines
    ),
    "limit_bytes": _row(
        "--limit-bytes", "Most bytes of a Markdown report.  [65536]", metavar="N", default=0, type=click.IntRange(0)
    ),
    "color": _row(
        "--color",
        "Colours.  [auto]",
        metavar="auto|always|never",
        default="auto",
        type=click.Choice(["auto", "always", "never"]),
    ),
    "log_format": _row(
        "--log-format", "How to log.  [text]", metavar="text|json", default="text", type=click.Choice(["text", "json"])
    ),
    "verbose": _row(
        "-v --verbose", "Log requests; twice: before they are sent, too.", cls=_Worded, yes="1", count=True
    ),
    "quiet": _row("--quiet", "Only results, warnings and errors."),
}


def group(name: str) -> tuple[str, ...]:
    """Return the options of a group."""
    return tuple(option for option, row in OPTIONS.items() if name in row.groups)


def typed_of(name: str, typed: frozenset[str]) -> list[str]:
    """Return the options of a group that stand on the command line, as they were written there."""
    longs = [long for row in OPTIONS.values() if name in row.groups for long in row.names.replace("/", " ").split()]
    return [long for long in longs if long in typed]


_SERVER = tuple(option for option, row in OPTIONS.items() if not {SERVER, CONNECTION}.isdisjoint(row.groups))
_PLANNING = (*_SERVER, *(option for option in group(SETTLED) if option != "rotate_secrets"), "no_cache")
#: What `explain` is told of a message.
MESSAGE = tuple(OPTIONS)[tuple(OPTIONS).index("rcpt") : tuple(OPTIONS).index("graph") + 1]


class Command(NamedTuple):
    """One command: what it does, a use of it, its options, and the report that it makes."""

    text: str
    example: str
    options: tuple[str, ...]
    report: str = ""
    #: The arguments that it takes, `paths` last.
    argument: str = "paths"
    #: Formats that are no report's, and are written to files for other programs.
    files: tuple[str, ...] = ()


_CHOSEN = ("config", "select", "targets", "changed_since")
_WORKED = (
    *(*_CHOSEN, "shard", "parallel", "results", "timeout", "ca_bundle", "allow_plain_http", "ceiling", "insecure"),
    "strict",
    "no_cache",
)
_FLEET: dict[str, Command] = {
    "plan": Command("Show what apply would do, on many targets.", " --select region=eu", (*_WORKED,), "fleet", ""),
    "apply": Command(
        "Apply on many targets, in waves.",
        " --waves canary,rest --max-failed 1 --yes",
        (*_WORKED, "waves", "max_failed", "bake", "resume", "yes", "no_reload", "journal_directory", "reason"),
        "fleet",
        "",
    ),
    "drift": Command("Compare many targets, for cron.", " --parallel 50 --results drift", _WORKED, "fleet", ""),
    "test": Command(
        "Run the routing tests of many targets.", "", (*_CHOSEN, "shard", "results", "no_cache"), "fleet", ""
    ),
    "merge": Command("Bring the results of shards together.", " results", _CHOSEN, "fleet", "directory"),
    "import": Command(
        "Write a base layer, and what deviates.",
        " --select tier=mx --out manifests",
        (*_CHOSEN, "parallel", "timeout", "ca_bundle", "insecure", "kind", "import_out"),
        "fleet-import",
        "",
    ),
}
#: What the commands whose names begin with one word do.
FAMILIES = {"fleet": "Plan, apply and compare many targets."}
COMMANDS: dict[str, Command] = {
    "validate": Command(
        "Judge manifests without a server.",
        *(" manifests/ overlays/prod", ("config", "target", "strict", "no_cache", "show_merged"), "validation"),
    ),
    "plan": Command(
        "Show what apply would do.",
        " --url https://mail.example.org --out plan.json",
        (
            *(*_PLANNING, "plan_out", "no_movement", "impact", "envelopes", "show_addresses", "detailed_exitcode"),
            *("rotate_secrets", "journal_directory"),
        ),
        "plan",
        files=("stalwart-ndjson",),
    ),
    "apply": Command(
        "Plan, ask, apply, reload and read back.",
        " --plan plan.json",
        (
            *(*_PLANNING, "plan", "approved", "no_movement", "yes", "no_reload", "keep_refused", "rotate_secrets"),
            *("journal_directory", "reason"),
        ),
        "outcome",
    ),
    "drift": Command(
        "Compare, for cron: quiet when in sync.",
        *(" --target prod --quiet", (*_PLANNING, "journal_directory"), "drift"),
    ),
    "explain": Command(
        "Tell which way a message would take, and why.",
        *(" --rcpt b@partner.example --retry 0..3", (*_SERVER, "no_cache", *MESSAGE), "explanation"),
    ),
    "test": Command("Run the routing tests.", " --format junit", ("config", "target", "no_cache"), "routing-tests"),
    "rollback": Command(
        "Undo a recorded apply.",
        " .reconciler/journal/prod.jsonl",
        (
            "run",
            "list",
            *_SERVER,
            "max_destroy",
            "max_update",
            "yes",
            "no_reload",
            "keep_refused",
            "journal_directory",
            "reason",
        ),
        "outcome",
        "journal",
    ),
    "status": Command(
        "Tell of the last applies, and what is not live.",
        *(" --target prod --last 3", ("target", "journal_directory", "last"), "status", ""),
    ),
    "show": Command(
        "Print a saved plan, or a run of a journal.",
        *(" plan.json --format markdown", ("run",), "plan outcome", "file"),
    ),
    "reload": Command("Make the server's stored settings live.", " --target prod", _SERVER, "outcome", ""),
    "import": Command(
        "Write live state, or another tool's file, as manifests.",
        *(
            " --kind MtaRoute --out manifests",
            (*_SERVER, "kind", "only", "source_files", "partial", "import_out"),
            "",
            "",
        ),
    ),
    "init": Command(
        "Import, and write configuration, a test and a pipeline.",
        *(" --url https://mail.example.org --ci gitlab", (*_SERVER, "ci"), "", ""),
    ),
    "fmt": Command("Lay out manifests, comments kept.", " --check", ("config", "target", "check", "diff")),
    "permissions": Command(
        "Tell the least permissions needed.",
        " --prune",
        ("config", "target", "no_cache", "impact", *group(SCOPE)),
        "permissions",
    ),
    "doctor": Command(
        "Tell whether server, credentials and manifests fit.",
        *(" --url https://mail.example.org", (*_SERVER, *group(SCOPE), "no_cache", "journal_directory"), "diagnosis"),
    ),
    "schema": Command("Write the JSON Schemas, or check them.", " --check", ("schema_out", "check"), "", ""),
    "schema pull": Command(
        "Store what a server publishes of its kinds.",
        *(" --url https://mail.example.org", (*_SERVER, "pull_out"), "", ""),
    ),
    "schema diff": Command(
        "Show what changed between two pulled schemas.",
        *(" old.json new.json manifests/", ("config", "target", "no_cache"), "", "old new paths"),
    ),
    "eval": Command("Evaluate expressions, a JSON object per line.", " < expressions.jsonl", (), "", ""),
    "sandbox": Command(
        "Run the embedded JMAP server.",
        *(
            " --port 8080 --database sandbox.db",
            ("host", "port", "database", "serves", "fault", "queue", "nodes", "coordinator"),
            "",
            "",
        ),
    ),
    **{f"fleet {verb}": command for verb, command in _FLEET.items()},
    "demo": Command("Take the tour on an embedded server.", "", (), "", ""),
}
#: Said of PATHS in the help of every command that takes them.
PATHS = "PATHS are manifests, or directories of them; without any, those of the target, or else manifests/."
#: Variables that are no option's.
OTHER_VARIABLES = ("RECONCILER_VAR_", "RECONCILER_PING", "RECONCILER_NOTIFY")


def formats(command: str) -> tuple[str, ...]:
    """Return the formats that a command's report has; text alone where it has none."""
    report = COMMANDS[command].report
    several = [formats_of(name) for name in report.split()]
    return tuple(dict.fromkeys(chosen for names in several for chosen in names)) or ("text",)


def variable(option: str) -> str:
    """Return the variable that stands for an option."""
    return "RECONCILER_" + option.removeprefix("--").replace("-", "_").upper()


def lifting(command: str) -> list[str]:
    """Return the options of a command that lift a guard."""
    return [OPTIONS[name].long for name in COMMANDS[command].options if LIFTS in OPTIONS[name].groups]


def spelled_out(command: str, args: Sequence[str]) -> Iterator[str]:
    """Yield arguments, each option that stands without its value with the one that it then has.

    What follows such an option is not taken for its value, unless it is one of a few words.
    """
    rows = (OPTIONS.get(name) or EVERY[name] for name in COMMANDS[command].options)
    bare = {row.long: row.settings for row in rows if row.cls is _Worded}
    for arg, following in zip_longest(args, args[1:]):
        settings = bare.get(arg, {})
        words = getattr(settings.get("type"), "choices", ())
        yield f"{arg}={settings['yes']}" if settings and following not in words else arg


def parameters(command: str) -> Iterator[click.Parameter]:
    """Yield everything that a command takes."""
    chosen = COMMANDS[command]
    for argument in chosen.argument.split():
        if argument == "paths":
            yield click.Argument(["paths"], nargs=-1, metavar="[PATHS]...", shell_complete=offering("FILE"))
        else:
            metavar = argument.upper()
            yield click.Argument([argument], metavar=metavar, shell_complete=offering(metavar))
    for name in (*chosen.options, *EVERY):
        row = OPTIONS.get(name) or EVERY[name]
        settings = {"shell_complete": offering(row.settings.get("metavar", "")), **row.settings}
        if name == "format":
            settings |= {"metavar": "|".join(formats(command)), "hidden": not chosen.report}
        if LIFTS not in row.groups:
            settings["envvar"] = variable(row.long)
        yield row.cls(row.names.split(), help=row.help, show_envvar=False, **settings)


def variables() -> frozenset[str]:
    """Return every variable that an option of some command has, those that may not be set among them."""
    rows = (*OPTIONS.values(), *EVERY.values())
    names = [long for row in rows for long in row.names.replace("/", " ").split() if long.startswith("--")]
    return frozenset(map(variable, names))
