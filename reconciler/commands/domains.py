"""The server's own domains, which decide what is local.

Law: what cannot be read is told, and stays unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reconciler.commands.invocation import Invocation
from reconciler.kinds import Catalogue, Kind, Property
from reconciler.server import read_flow
from reconciler.values import Unreachable

if TYPE_CHECKING:
    from reconciler.server import Client

#: The server's domains: not of the catalogue, since nothing here writes them.
DOMAIN = "Domain"


def server_domains(invocation: Invocation, catalogue: Catalogue, client: Client) -> dict[str, list[str]]:
    """Return the server's domains as `localDomains`, or nothing where they cannot be read."""
    domain = Kind(kind=DOMAIN, match=("name",), properties={"name": Property(type="string", required=True)})
    known = msgspec.structs.replace(catalogue, kinds={**catalogue.kinds, DOMAIN: domain})
    hint = "is_local_domain is unknown; name the domains with --local-domain"
    try:
        live = client.run(read_flow(known, [], client.session().limits, checks=[DOMAIN]))
    except Unreachable as error:
        invocation.tell(f"note: the server's domains cannot be read: {error.message}; {hint}\n")
        return {}
    if DOMAIN in live.forbidden:
        invocation.tell(f"note: the credentials may not read the server's domains; {hint}\n")
        return {}
    return {"localDomains": [str(live_object.wire.get("name")) for live_object in live.of(DOMAIN)]}
