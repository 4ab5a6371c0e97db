"""What a server publishes of its kinds: asked for, pulled, and compared with what was pulled before.

Law: the client need not write; where no schema was pulled, nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from reconciler.kinds import Catalogue, load
from reconciler.values import NotAllowed, Unreachable

if TYPE_CHECKING:
    from reconciler.kinds import Pulled
    from reconciler.server import Client

PAGE = "/api/schema"
#: How a server names a published schema.
_NAME = r"[A-Za-z0-9_-]{1,128}\Z"
#: How many changes of a schema are named at the start of a run.
MANY = 10


def name_of_published(client: Client) -> str:
    """Return the name of the schema that a server publishes, which a request without a body tells; "" where none."""
    _, redirected = client.probe(PAGE)
    name = redirected.rpartition("/")[2]
    return name if re.match(_NAME, name) else ""


def pull(client: Client, *, date: str = "") -> Pulled:
    """Return what a server publishes.

    Raises:
        Unreachable: it publishes no schema, or one that is not understood.
    """
    from reconciler.kinds import reduced

    name = name_of_published(client)
    if not name:
        raise Unreachable("the server does not say where its schema is", f"{PAGE} has to redirect to it")
    # Only a page below the one that was asked for is followed.
    whole, _ = client.probe(f"{PAGE}/{name}")
    known = load()
    version = known.server if name == known.published else ""
    try:
        return reduced(msgspec.json.encode(whole), server=version, name=name, date=date)
    except ValueError as error:
        raise Unreachable(f"the schema of the server is not understood: {error}") from None


def tell_changes(catalogue: Catalogue, client: Client, tell: Callable[[str], None]) -> None:
    """Say once what a server publishes that the pulled schema has otherwise."""
    if catalogue is load() or not catalogue.published:
        return
    from reconciler.kinds import catalogue_of_published, compare_catalogues

    try:
        name = name_of_published(client)
        if not name or name == catalogue.published:
            return
        changes = compare_catalogues(catalogue, catalogue_of_published(pull(client)))
    except (Unreachable, NotAllowed) as error:
        tell(f"whether the server's kinds are those of the pulled schema cannot be told: {error.message}")
        return
    tell(f"the server publishes the schema {name}, and {catalogue.published} was pulled: reconciler schema pull")
    for schema_change in changes[:MANY]:
        tell(f"  {schema_change}")
    if len(changes) > MANY:
        tell(f"  and {len(changes) - MANY} more: reconciler schema diff")
