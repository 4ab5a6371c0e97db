"""`doctor`: tells whether this server, these credentials and these manifests go together.

Law: it only reads, every line is one verdict, and the exit code is that of the worst.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from reconciler.commands.gather import Wanted, open_client, target, want, without_manifests
from reconciler.commands.invocation import Invocation
from reconciler.commands.permissions import needed_by
from reconciler.commands.standing import standing
from reconciler.kinds import Catalogue, resolves, to_resolve
from reconciler.plan import Permissions, reads
from reconciler.report import Verdict, diagnosis_report, plural
from reconciler.sandbox import Published
from reconciler.server import Client, nodes_flow, process_flow, read_flow
from reconciler.settings import DEFAULT_MANIFESTS
from reconciler.values import MANIFEST, NOT_ALLOWED, UNREACHABLE, USAGE, ReconcilerError, UsageError, strongest


class Look(Struct, frozen=True):
    """What one look found. `code` is the exit code that it means by itself; without one it is at most a warning."""

    subject: str
    fine: bool
    message: str
    hint: str = ""
    code: int = 0

    @property
    def part(self) -> Verdict:
        """Return it as the report has it."""
        word: Literal["ok", "warn", "fail"] = "ok" if self.fine else "fail" if self.code else "warn"
        return Verdict(subject=self.subject, fine=self.fine, verdict=word, message=self.message, hint=self.hint)


def run(invocation: Invocation) -> int:
    """Look at everything that plan and apply will need, and report a verdict on each."""
    wanted = _wanted(invocation)
    verdicts = list(_verdicts(invocation, wanted))
    code = strongest([look.code for look in verdicts])
    return invocation.report(diagnosis_report(target(wanted), [look.part for look in verdicts]), code)


def _wanted(invocation: Invocation) -> Wanted:
    """Read the manifests; a newcomer has none yet, and asks all the same."""
    try:
        return want(invocation, "until pulled")
    except UsageError:
        wanted = without_manifests(invocation, "until pulled")
        if wanted.settings.paths != (DEFAULT_MANIFESTS,) or Path(DEFAULT_MANIFESTS).exists():
            raise
        return wanted


def _verdicts(invocation: Invocation, wanted: Wanted) -> Iterator[Look]:
    desired = wanted.desired
    errors = sum(diagnostic.severity == "error" for diagnostic in desired.diagnostics)
    counted = f"{plural(len(desired.files), 'file')}, {plural(len(desired.resources), 'resource')}"
    if errors:
        yield Look("manifests", False, f"{counted}, {plural(errors, 'error')}", "see reconciler validate", MANIFEST)
    else:
        yield Look("manifests", True, f"{counted}, no errors")
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
        yield _transport(client, insecure=wanted.settings.insecure)
        yield Look("credentials", True, f"logged in as {session.username}")
        yield Look(
            "limits",
            True,
            f"{limits.max_calls_in_request} calls a request, {limits.max_objects_in_get} objects a get, "
            f"{limits.max_objects_in_set} a set, {limits.max_concurrent_requests} requests at once",
        )
        yield from _tried("schema", lambda: _schema(client, wanted.catalogue), vital=False)
        if errors:
            yield Look("permissions", False, "cannot tell what manifests with errors need")
        else:
            yield from _tried("permissions", lambda: _permissions(client, needed_by(wanted)), vital=False)
        yield from _tried("reload", lambda: _reload(client, wanted))
        yield from _tried("cluster", lambda: _cluster(client, wanted), vital=False)
        for diagnostic in standing(invocation, wanted, client):
            yield Look(diagnostic.code, False, diagnostic.message, diagnostic.hint)


def _transport(client: Client, *, insecure: bool) -> Look:
    parts = urlsplit(client.url)
    if parts.scheme == "https":
        message = "TLS, and the certificate is not verified" if insecure else "TLS, with a verified certificate"
        return Look("transport", not insecure, message, "leave --insecure out" if insecure else "")
    host = parts.hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if loopback:
        return Look("transport", True, "no TLS, on this machine")
    return Look("transport", False, "no TLS: the credentials cross the network unencrypted", "use the https URL")


def _schema(client: Client, catalogue: Catalogue) -> Look:
    _, redirected = client.probe("/api/schema")
    version = redirected.rpartition("/")[2]
    if version == catalogue.published:
        return Look("schema", True, f"the server is a Stalwart {catalogue.server}")
    if version == Published(catalogue).name:
        return Look("schema", True, f"the server is the embedded sandbox, which answers as {catalogue.server}")
    if not version:
        return Look("schema", False, "cannot tell: the server does not say which schema it has")
    message = f"the server publishes the schema {version}, which is not that of {catalogue.server}"
    return Look("schema", False, message, "its kinds may have other fields than this program knows")


def _permissions(client: Client, permissions: Permissions) -> Iterator[Look]:
    account, _ = client.probe("/api/account")
    listed = account.get("permissions") if isinstance(account, dict) else None
    if not isinstance(listed, list):
        yield Look("permissions", False, "cannot tell: the server does not list what the account may do")
        return
    held = {str(element) for element in listed}
    for message, names in (("plan", permissions.plan), ("apply", permissions.apply)):
        lacking = [name for name in names if name not in held]
        if lacking:
            hint = "reconciler permissions lists what these manifests need"
            yield Look("permissions", False, f"{message} lacks {', '.join(lacking)}", hint, NOT_ALLOWED)
        else:
            yield Look("permissions", True, f"{message} may do all that these manifests need")
    lacking = [name for name in permissions.optional if name not in held]
    if lacking:
        yield Look("permissions", True, f"some checks cannot tell without {', '.join(lacking)}")


def _reload(client: Client, wanted: Wanted) -> Iterator[Look]:
    """Tell what the server will have to resolve when it reloads: one thing that it cannot refuses the whole reload."""
    catalogue, scope = wanted.catalogue, wanted.settings.scope
    kinds = [name for name, kind in catalogue.kinds.items() if resolves(catalogue, kind)]
    live = client.run(read_flow(catalogue, (), client.session().limits, checks=kinds))
    stored = {
        (str(live_object.address), needed)
        for name, objects in live.objects.items()
        for live_object in objects
        for needed in to_resolve(catalogue, catalogue.kinds[name], live_object.wire)
    }
    declared = {
        (str(resource.address), needed)
        for resource in wanted.desired.resources
        if not resource.absent and scope.holds(resource.address)
        for needed in to_resolve(catalogue, catalogue.kinds[resource.address.kind], resource.wire)
    }
    for address, needed in sorted(stored | declared):
        sentence = f"{address} needs {needed}{' to resolve' if needed.sort == 'host' else ' of the server'}"
        yield Look("reload", True, sentence if (address, needed) in stored else f"{sentence}, once it is applied")
    lacking = sorted(name for kind in live.forbidden for name in reads(catalogue.kinds[kind]))
    if lacking:
        message = f"cannot tell everything that is stored without {', '.join(lacking)}"
        yield Look("reload", False, message, "plan and apply do not need these; a reload looks at everything")
    elif not stored | declared:
        yield Look("reload", True, "nothing that is stored or declared has to be resolved")


def _cluster(client: Client, wanted: Wanted) -> Iterator[Look]:
    """Tell what a cluster may do otherwise than one server does, and whether every node can be asked."""
    nodes = client.run(nodes_flow())
    addresses = tuple(wanted.settings.server.nodes) if wanted.settings.server else ()
    states: dict[str, str] = {}
    for number, address in enumerate(addresses):
        try:
            state = client.run(process_flow(number))
        except ReconcilerError as error:
            yield _failed("cluster", error)
            continue
        if state in states:
            message = f"{address} and {states[state]} lead to one process, so that another node is not asked"
            yield Look("cluster", False, message, "give each node's own address, and not that of a balancer", USAGE)
        else:
            states[state] = address
            yield Look("cluster", True, f"{address} answers, as a process of its own")
    if max(len(nodes.hosts), len(addresses)) <= 1:
        return
    if nodes.coordinator == "Disabled":
        message = "the coordinator is disabled: no node hears of what another is told"
        yield Look("cluster", False, message, "apply reloads only the nodes that the target's `nodes` names")
    if 0 < len(nodes.hosts) < len(addresses):
        message = f"{plural(len(addresses), 'node')} and {plural(len(nodes.hosts), 'active host name')}"
        hint = "nodes of one host name share ids, and overwrite each other's new objects: give each its own"
        yield Look("cluster", False, message, hint)
    message = "host names, variables and files are resolved by each node by itself"
    yield Look("cluster", True, message)


def _tried(subject: str, look: Callable[[], Look | Iterator[Look]], *, vital: bool = True) -> Iterator[Look]:
    """Take a look. What fails is a failure only where plan and apply need it as well."""
    try:
        looks = look()
        yield from ([looks] if isinstance(looks, Look) else looks)
    except ReconcilerError as error:
        if vital:
            yield _failed(subject, error)
        else:
            yield Look(
                subject, False, f"cannot tell: {error.message}", "plan and apply do without; they use /jmap only"
            )


def _failed(subject: str, error: ReconcilerError) -> Look:
    return Look(subject, False, error.message, error.hint, error.exit_code or UNREACHABLE)
