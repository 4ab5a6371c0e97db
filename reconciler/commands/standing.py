"""What a comparison cannot show: whether all that is stored is live, and on how many nodes.

Law: it tells, and changes no verdict; what cannot be read is not told.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from reconciler.apply import DEFAULT_DIRECTORY, file_name
from reconciler.commands.gather import Wanted, target
from reconciler.commands.invocation import Invocation
from reconciler.server import Client, cluster_remark, nodes_flow
from reconciler.values import Diagnostic, ReconcilerError, read_file

#: A journal of more bytes is not read for this.
MOST = 32 * 1024 * 1024


def standing(invocation: Invocation, wanted: Wanted, client: Client) -> tuple[Diagnostic, ...]:
    """Return what is to be said beside a comparison."""
    diagnostics: list[Diagnostic] = []
    with suppress(ReconcilerError):
        nodes, server = client.run(nodes_flow()), wanted.settings.server
        if remark := cluster_remark(nodes, frozenset(client.states), tuple(server.nodes) if server else ()):
            hint = "name the address of every node in the target's `nodes`"
            diagnostics.append(Diagnostic(severity="warning", code="one-node", message=remark, hint=hint))
    directory = invocation.journal_directory or DEFAULT_DIRECTORY
    where = target(wanted)
    path = Path(directory) / file_name(where.name, where.url)
    with suppress(ReconcilerError):
        if directory != "off" and path.is_file():
            from reconciler.apply import not_live, parse

            if why := not_live(parse(path, read_file(path, most=MOST))):
                hint = "apply again, or reconciler reload"
                diagnostics.append(Diagnostic(severity="warning", code="not-live", message=why, hint=hint))
    return tuple(diagnostics)
