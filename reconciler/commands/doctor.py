"""`doctor`: tells whether this server, these credentials and these manifests go together.

Law: it only reads, every line is one verdict, and the exit code is that of the worst.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from reconciler.commands.gather import Invocation, Wanted, open_client, target, want
from reconciler.commands.permissions import needed_by
from reconciler.desired import Desired
from reconciler.kinds import Catalogue, load, resolves, to_resolve
from reconciler.plan import Permissions, reads
from reconciler.report import MANY, Paint, dump, plural, printable
from reconciler.sandbox import Published
from reconciler.server import Client, read_flow
from reconciler.settings import DEFAULT_MANIFESTS, read_config, settings
from reconciler.values import MANIFEST, NOT_ALLOWED, UNREACHABLE, ReconcilerError, UsageError, strongest


class Verdict(Struct, frozen=True):
    """What one look found. `code` is the exit code that it means by itself; without one it is at most a warning."""

    subject: str
    fine: bool
    message: str
    hint: str = ""
    code: int = 0

    @property
    def word(self) -> str:
        """Return the verdict in a word: ok, warn or fail."""
        return "ok" if self.fine else "fail" if self.code else "warn"


def run(invocation: Invocation) -> int:
    """Look at everything that plan and apply will need, and report a verdict on each."""
    wanted = _wanted(invocation)
    verdicts = list(_verdicts(invocation, wanted))
    if invocation.format == "json":
        members = {"target": target(wanted), "verdicts": [_members(each) for each in verdicts]}
        invocation.say(dump("diagnosis", members))
    else:
        for each in _shortened(verdicts):
            invocation.say(_line(each, invocation.console.paint))
    return strongest([each.code for each in verdicts])


def _shortened(verdicts: list[Verdict]) -> Iterator[Verdict]:
    """Name no more than some of what is fine about one subject: a large server needs thousands of things."""
    for (subject, fine), found in groupby(verdicts, key=lambda each: (each.subject, each.fine)):
        several = list(found)
        more = len(several) - MANY if fine else 0
        yield from several[:MANY] if more > 0 else several
        if more > 0:
            yield Verdict(subject, True, f"and {more} more", "--format json names all")


def _wanted(invocation: Invocation) -> Wanted:
    """Read the manifests; a newcomer has none yet, and asks all the same."""
    try:
        return want(invocation)
    except UsageError:
        catalogue = load()
        found = settings(catalogue, read_config(invocation.options), invocation.options, invocation.environment)
        if found.paths != (DEFAULT_MANIFESTS,) or Path(DEFAULT_MANIFESTS).exists():
            raise
        return Wanted(catalogue, found, Desired())


def _verdicts(invocation: Invocation, wanted: Wanted) -> Iterator[Verdict]:
    desired = wanted.desired
    errors = sum(each.severity == "error" for each in desired.diagnostics)
    counted = f"{plural(len(desired.files), 'file')}, {plural(len(desired.resources), 'resource')}"
    if errors:
        yield Verdict("manifests", False, f"{counted}, {plural(errors, 'error')}", "see reconciler validate", MANIFEST)
    else:
        yield Verdict("manifests", True, f"{counted}, no errors")
    try:
        client = open_client(invocation, wanted)
    except ReconcilerError as error:
        yield _failed("server", error)
        return
    with client:
        try:
            session = client.session()
        except ReconcilerError as error:
            yield _failed("session", error)
            return
        limits = session.limits
        yield _transport(client, insecure=wanted.settings.options.insecure)
        yield Verdict("credentials", True, f"logged in as {session.username}")
        yield Verdict(
            "limits",
            True,
            f"{limits.max_calls_in_request} calls a request, {limits.max_objects_in_get} objects a get, "
            f"{limits.max_objects_in_set} a set, {limits.max_concurrent_requests} requests at once",
        )
        yield from _tried("schema", lambda: _schema(client, wanted.catalogue), vital=False)
        if errors:
            yield Verdict("permissions", False, "cannot tell what manifests with errors need")
        else:
            yield from _tried("permissions", lambda: _permissions(client, needed_by(wanted)), vital=False)
        yield from _tried("reload", lambda: _reload(client, wanted))


def _transport(client: Client, *, insecure: bool) -> Verdict:
    parts = urlsplit(client.url)
    if parts.scheme == "https":
        message = "TLS, and the certificate is not verified" if insecure else "TLS, with a verified certificate"
        return Verdict("transport", not insecure, message, "leave --insecure out" if insecure else "")
    host = parts.hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if loopback:
        return Verdict("transport", True, "no TLS, on this machine")
    return Verdict("transport", False, "no TLS: the credentials cross the network in clear", "use the https URL")


def _schema(client: Client, catalogue: Catalogue) -> Verdict:
    _, redirected = client.probe("/api/schema")
    found = redirected.rpartition("/")[2]
    if found == catalogue.published:
        return Verdict("schema", True, f"the server is a Stalwart {catalogue.server}")
    if found == Published(catalogue).name:
        return Verdict("schema", True, f"the server is the embedded sandbox, which answers as {catalogue.server}")
    if not found:
        return Verdict("schema", False, "cannot tell: the server does not say which schema it has")
    message = f"the server publishes the schema {found}, which is not that of {catalogue.server}"
    return Verdict("schema", False, message, "its kinds may have other fields than this program knows")


def _permissions(client: Client, permissions: Permissions) -> Iterator[Verdict]:
    account, _ = client.probe("/api/account")
    listed = account.get("permissions") if isinstance(account, dict) else None
    if not isinstance(listed, list):
        yield Verdict("permissions", False, "cannot tell: the server does not list what the account may do")
        return
    held = {str(each) for each in listed}
    for what, names in (("plan", permissions.plan), ("apply", permissions.apply)):
        lacking = [name for name in names if name not in held]
        if lacking:
            hint = "reconciler permissions lists what these manifests need"
            yield Verdict("permissions", False, f"{what} lacks {', '.join(lacking)}", hint, NOT_ALLOWED)
        else:
            yield Verdict("permissions", True, f"{what} may do all that these manifests need")
    lacking = [name for name in permissions.optional if name not in held]
    if lacking:
        yield Verdict("permissions", True, f"some checks cannot tell without {', '.join(lacking)}")


def _reload(client: Client, wanted: Wanted) -> Iterator[Verdict]:
    """Tell what the server will have to resolve when it reloads: one thing that it cannot refuses the whole reload."""
    catalogue, scope = wanted.catalogue, wanted.settings.scope
    kinds = [name for name, kind in catalogue.kinds.items() if resolves(catalogue, kind)]
    live = client.run(read_flow(catalogue, (), client.session().limits, checks=kinds))
    stored = {
        (str(each.address), what)
        for name, objects in live.objects.items()
        for each in objects
        for what in to_resolve(catalogue.kinds[name], each.wire)
    }
    declared = {
        (str(each.address), what)
        for each in wanted.desired.resources
        if not each.absent and scope.holds(each.address)
        for what in to_resolve(catalogue.kinds[each.address.kind], each.wire)
    }
    for address, what in sorted(stored | declared):
        told = f"{address} needs {what}{' to resolve' if what.what == 'host' else ' of the server'}"
        yield Verdict("reload", True, told if (address, what) in stored else f"{told}, once it is applied")
    lacking = sorted(name for kind in live.forbidden for name in reads(catalogue.kinds[kind]))
    if lacking:
        message = f"cannot tell all that is stored without {', '.join(lacking)}"
        yield Verdict("reload", False, message, "plan and apply do not need these; a reload looks at everything")
    elif not stored | declared:
        yield Verdict("reload", True, "nothing that is stored or declared has to be resolved")


def _tried(subject: str, look: Callable[[], Verdict | Iterator[Verdict]], *, vital: bool = True) -> Iterator[Verdict]:
    """Take a look. What fails is a failure only where plan and apply need it as well."""
    try:
        found = look()
        yield from ([found] if isinstance(found, Verdict) else found)
    except ReconcilerError as error:
        if vital:
            yield _failed(subject, error)
        else:
            yield Verdict(
                subject, False, f"cannot tell: {error.message}", "plan and apply do without; they use /jmap only"
            )


def _failed(subject: str, error: ReconcilerError) -> Verdict:
    return Verdict(subject, False, error.message, error.hint, error.exit_code or UNREACHABLE)


def _members(verdict: Verdict) -> dict[str, Any]:
    return {
        "subject": verdict.subject,
        "fine": verdict.fine,
        "verdict": verdict.word,
        "message": verdict.message,
        "hint": verdict.hint,
    }


def _line(verdict: Verdict, paint: Paint) -> str:
    word = {"ok": paint("ok  ", "green"), "warn": paint("warn", "yellow"), "fail": paint("FAIL", "red")}[verdict.word]
    hint = f"      {printable(verdict.hint)}\n" if verdict.hint else ""
    return f"{word}  {verdict.subject}: {printable(verdict.message)}\n{hint}"
