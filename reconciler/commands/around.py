"""How a plan came about and what comes after it, for those who review it.

Law: nothing is decided here, and no server is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.apply import DEFAULT_DIRECTORY, file_name, find_origin
from reconciler.commands.gather import Wanted, target
from reconciler.commands.invocation import Invocation
from reconciler.plan import Survey
from reconciler.report import Headline, PlanEnding, ending_of
from reconciler.server import is_local


def headline(invocation: Invocation, wanted: Wanted) -> Headline:
    """Return how a plan comes about."""
    origin = find_origin(invocation.environment)
    return Headline(
        commit=origin.commit,
        request=origin.request,
        version=wanted.catalogue.server,
        unprotected=tuple(_unprotected(wanted)),
        policy=wanted.settings.otherwise,
    )


def _unprotected(wanted: Wanted) -> Iterator[str]:
    if wanted.settings.insecure:
        yield "--insecure: the server's certificate is not verified"
    parts = urlsplit(target(wanted).url)
    if parts.scheme.lower() == "http" and not is_local(parts.hostname or ""):
        yield "plain http: credentials and everything else cross the network unencrypted"


def after(invocation: Invocation, wanted: Wanted, survey: Survey) -> PlanEnding:
    """Return what comes after a plan."""
    where, directory = target(wanted), invocation.journal_directory or DEFAULT_DIRECTORY
    chosen = ["--target", where.name] if where.name else []
    journal = str(Path(directory) / file_name(where.name, where.url))
    rollback = ""
    if directory != "off" and survey.plan.changes:
        import shlex

        rollback = shlex.join(["reconciler", "rollback", *chosen, journal])
    return ending_of(wanted.catalogue, survey.plan, reload=wanted.settings.reload, rollback=rollback)
