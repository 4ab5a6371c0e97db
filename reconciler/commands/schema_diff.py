"""`schema diff`: what changed between two pulled schemas, and which manifests it touches.

Law: talks to no server; a schema of the built-in kinds alone has no file.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from reconciler.commands.gather import want
from reconciler.commands.invocation import Invocation
from reconciler.kinds import SchemaChange, compare_catalogues, touched
from reconciler.report import plural
from reconciler.settings import read_catalogue
from reconciler.values import DIFFERENCES, Resource, UsageError


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    old: str
    new: str


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Compare two schemas, and look through the manifests for what is touched."""
    changes = compare_catalogues(read_catalogue(arguments.old), read_catalogue(arguments.new))
    for schema_change in changes:
        invocation.list(str(schema_change))
    if not changes:
        invocation.tell("No kind, property or default differs.\n")
        return 0
    for line in _touched(invocation, changes):
        invocation.list(line)
    return DIFFERENCES


def _touched(invocation: Invocation, changes: tuple[SchemaChange, ...]) -> Iterator[str]:
    """Yield a line for each document that a change touches."""
    try:
        resources = want(invocation).desired.resources
    except UsageError:
        if invocation.options.paths:
            raise
        return
    documents: dict[str, set[str]] = {}
    for resource in resources:
        documents.setdefault(f"{resource.source} {resource.address}", set()).update(_places(resource))
    hit = touched(changes, documents)
    yield f"{plural(len(hit), 'document')} touched:"
    for label, own in hit.items():
        yield f"  {label}: {', '.join(dict.fromkeys(schema_change.place for schema_change in own))}"


def _places(resource: Resource) -> Iterator[str]:
    """Yield the kind of a resource, and the properties that its documents give."""
    kind = resource.address.kind
    yield kind
    yield from (f"{kind}.{name}" for name in resource.given or resource.wire)
