"""What was most likely meant by an option or a command that there is not.

Law: the tables decide; words of other tools are known by what they do there.
"""

from __future__ import annotations

from reconciler.commands.options import COMMANDS, EVERY, OPTIONS
from reconciler.values import get_close_matches

#: What other tools call what an option here does.
_OPTIONS = {
    "--auto-approve": "write --yes",
    **dict.fromkeys(("-y", "--force", "--approve", "--assume-yes", "--non-interactive"), "write --yes"),
    **dict.fromkeys(("--dry-run", "--dryrun", "--check", "--diff", "-n"), "plan shows what apply would do"),
    **dict.fromkeys(("-o", "--output", "--json", "--yaml"), "write --format json"),
    **dict.fromkeys(("-q", "--silent"), "write --quiet"),
    **dict.fromkeys(("-c", "--configuration"), "write --config FILE"),
    **dict.fromkeys(("-t", "--env", "--environment", "--profile"), "write --target NAME"),
    **dict.fromkeys(("--server", "--host", "--endpoint", "-u", "-s"), "write --url URL"),
    **dict.fromkeys(("--username", "--login"), "write --user NAME, and set STALWART_PASSWORD"),
    **dict.fromkeys(("--password", "--pass", "-p"), "set STALWART_PASSWORD: everybody on the machine reads options"),
    **dict.fromkeys(("--token", "--api-key", "--apikey"), "set STALWART_TOKEN: everybody on the machine reads options"),
    **dict.fromkeys(("--debug", "--verbose", "--trace", "--log-level"), "write -v, or -vv for more"),
    **dict.fromkeys(("--insecure-skip-tls-verify", "--skip-tls-verify", "-k", "--no-verify"), "write --insecure"),
    **dict.fromkeys(("--cacert", "--ca-cert", "--ca-file", "--cafile"), "write --ca-bundle FILE"),
    **dict.fromkeys(("--var", "--set", "-e"), "give the target vars in reconciler.yaml, or set RECONCILER_VAR_NAME"),
    **dict.fromkeys(
        ("--file", "--filename", "--path", "--dir", "-d", "-f"), "name files and directories without an option"
    ),
    "--no-color": "write --color never",
    "--no-colour": "write --color never",
    "--delete": "write --prune",
    "--recipient": "write --rcpt ADDRESS",
    "--to": "write --rcpt ADDRESS",
    "--from": "write --sender ADDRESS",
    "--domain": "write --local-domain DOMAIN",
}
#: What other tools call what a command here does.
_COMMANDS = {
    **dict.fromkeys(("lint", "check", "verify"), "validate"),
    **dict.fromkeys(("diff", "preview", "dry-run", "up"), "plan"),
    **dict.fromkeys(("sync", "deploy", "push", "run"), "apply"),
    **dict.fromkeys(("export", "pull", "dump", "get"), "import"),
    **dict.fromkeys(("format", "pretty"), "fmt"),
    **dict.fromkeys(("undo", "revert", "restore"), "rollback"),
    **dict.fromkeys(("history", "log", "runs"), "status"),
    **dict.fromkeys(("simulate", "trace", "route", "why"), "explain"),
    **dict.fromkeys(("server", "serve", "mock"), "sandbox"),
    "destroy": "apply --prune",
    "version": "--version",
    "help": "--help",
}


def option_hint(command: str, written: str) -> str:
    """Return what to write instead of an option that a command has not got, or ""."""
    own = [name for option in (*COMMANDS[command].options, *EVERY) for name in _names(option)]
    message = _OPTIONS.get(written, "")
    if message and all(word in own for word in _words(message) if word.startswith("-")):
        return message
    close = get_close_matches(written, own, n=1, cutoff=0.75)
    if close:
        return f"did you mean {close[0]}?"
    others = _having(written)
    if others:
        return f"{_listed(others)} {'has' if len(others) == 1 else 'have'} it, and {command} has not"
    every = {name for option in OPTIONS for name in _names(option)}
    far = get_close_matches(written, sorted(every), n=1, cutoff=0.75)
    return f"did you mean {far[0]} of {_listed(_having(far[0]))}?" if far else ""


def command_hint(written: str, known: list[str]) -> str:
    """Return the command that was most likely meant, as a question, or ""."""
    other = _COMMANDS.get(written.lower(), "")
    if other and (other.partition(" ")[0] in known or other.startswith("--")):
        return f"Did you mean {other}?"
    close = get_close_matches(written, sorted(known), n=1)
    return f"Did you mean {close[0]}?" if close else ""


def _names(option: str) -> list[str]:
    row = OPTIONS.get(option) or EVERY[option]
    return [name for name in row.names.replace("/", " ").split() if name.startswith("-")]


def _having(name: str) -> list[str]:
    """Return the commands that have an option of a name."""
    return [command for command, row in COMMANDS.items() if any(name in _names(option) for option in row.options)]


def _listed(names: list[str]) -> str:
    few = names[:3]
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} and {few[-1]}"


def _words(hint: str) -> list[str]:
    return hint.replace(",", " ").replace(":", " ").split()
