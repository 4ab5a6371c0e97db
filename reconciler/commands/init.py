"""`init`: first steps: imports what the server holds, and writes configuration, a routing test and a pipeline.

Law: it only reads from the server, and no file that is there already is written over.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import get_data
from typing import Any

import msgspec
from msgspec import Struct

from reconciler import __version__
from reconciler.commands import import_command
from reconciler.commands.files import write_whole
from reconciler.commands.gather import want
from reconciler.commands.invocation import Invocation
from reconciler.kinds import Catalogue, load
from reconciler.mail import desired_state, explain_message, kinds_explained, routing_of
from reconciler.settings import DEFAULT_MANIFESTS
from reconciler.values import ReconcilerError, UsageError, read_file
from reconciler.yamlio import emit, scalar

CONFIG = "reconciler.yaml"
TEST = f"{DEFAULT_MANIFESTS}/routing-tests.yaml"
#: Where each CI system looks for its pipelines.
PIPELINES = {"github": ".github/workflows/mail.yml", "gitlab": ".gitlab-ci.yml"}
#: Messages whose way is written down as it is now.
MESSAGES = (
    ("mail for a domain of the server", "someone@example.org"),
    ("mail for anybody else", "someone@example.net"),
)
LOCAL = ["example.org"]
NEXT = (
    "Next:",
    "  reconciler plan          # in sync, since nothing has been changed",
    "  reconciler test          # the way that mail takes now",
    "  reconciler schema        # what editors complete manifests by",
)


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    #: `github`, `gitlab`, `none`, or "" to choose by what is here.
    ci: str = ""


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Ask for the server, import, and write the files of a beginning."""
    catalogue, ci = load(), arguments.ci or _ci()
    pipeline = PIPELINES.get(ci)
    there = [path for path in (CONFIG, TEST, *([pipeline] if pipeline else [])) if Path(path).exists()]
    if there:
        raise ReconcilerError(
            f"{', '.join(there)}: there already, and nothing was written", "init is for a directory without these"
        )
    url = invocation.options.url or invocation.environment.get("STALWART_URL") or _ask(invocation)
    chosen = tuple(
        sorted({*kinds_explained(catalogue), *(kind.kind for kind in catalogue.kinds.values() if kind.ordered)})
    )
    options = msgspec.structs.replace(invocation.options, url=url, kind=chosen)
    mine = msgspec.structs.replace(invocation, options=options)
    import_command.run(mine, import_command.Arguments(out=DEFAULT_MANIFESTS))
    _write(invocation, CONFIG, _configuration(url, invocation).encode())
    test = _test(catalogue, mine)
    if test:
        _write(invocation, TEST, test.encode())
    if pipeline:
        content = get_data("reconciler.commands", f"pipelines/{ci}.yml") or b""
        _write(invocation, pipeline, content.replace(b"VERSION", __version__.encode()))
    _ignore(invocation)
    for line in NEXT:
        invocation.tell(line)
    return 0


def _ask(invocation: Invocation) -> str:
    if not invocation.console.in_tty:
        raise UsageError("init asks for the server's URL, and nobody is there to answer", "give --url")
    import click

    return str(click.prompt("URL of the server, such as https://mail.example.org", err=True))


def _ci() -> str:
    """Return the CI system that this directory is of, by what is in it; GitHub's where nothing tells."""
    config = Path(".git/config")
    text = read_file(config) if config.is_file() else b""
    return "gitlab" if b"gitlab" in text and not Path(".github").is_dir() else "github"


def _configuration(url: str, invocation: Invocation) -> str:
    """Return a configuration with one target; who logs in by a password goes on doing so."""
    who = "" if invocation.options.user or not invocation.environment.get("STALWART_TOKEN") else "token"
    lines = [
        "# yaml-language-server: $schema=schemas/config.schema.json",
        "targets:",
        "  prod:",
        f"    url: {scalar(url)}",
        *(["    token: ${env:STALWART_TOKEN}"] if who else []),
        f"    manifests: [{DEFAULT_MANIFESTS}]",
    ]
    return "".join(f"{line}\n" for line in lines)


def _test(catalogue: Catalogue, invocation: Invocation) -> str:
    """Return a routing test of the way that mail takes now, as far as that is known without asking a server."""
    options = msgspec.structs.replace(invocation.options, paths=(DEFAULT_MANIFESTS,), kind=(), no_cache=True)
    wanted = want(msgspec.structs.replace(invocation, options=options), "until pulled")
    desired = wanted.desired.checked()
    routing = routing_of(catalogue, desired_state(catalogue, desired.resources, desired.locate))
    cases: list[dict[str, Any]] = []
    for name, rcpt in MESSAGES:
        (attempt,) = explain_message(routing, {"rcpt": rcpt, "localDomains": LOCAL}).attempts
        known = {choice.field: choice.name for choice in attempt.choices if choice.outcome in ("object", "builtin")}
        if known:
            cases.append({"name": name, "given": {"rcpt": rcpt}, "expect": known})
    if not cases:
        return ""
    document = {"kind": "RoutingTest", "given": {"localDomains": LOCAL}, "cases": cases}
    return f"# The way that mail took when these manifests began.\n{emit(document)}"


def _ignore(invocation: Invocation) -> None:
    """Keep journals out of git."""
    path = Path(".gitignore")
    lines = read_file(path).splitlines() if path.is_file() else []
    if b".reconciler/" not in lines:
        _write(invocation, str(path), b"".join(line + b"\n" for line in [*lines, b".reconciler/"]))


def _write(invocation: Invocation, name: str, content: bytes) -> None:
    write_whole(Path(name), content)
    invocation.tell(f"{name} is written.")
