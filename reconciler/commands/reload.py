"""`reload`: make the server's stored settings live.

Law: one ReloadSettings, and its answer explained.
"""

from __future__ import annotations

from reconciler.commands.gather import open_client, without_manifests
from reconciler.commands.invocation import Invocation
from reconciler.commands.presenting import StreamPresenter, session_of


def run(invocation: Invocation) -> int:
    """Send one ReloadSettings, while no other run is half way."""
    wanted = without_manifests(invocation)
    with open_client(invocation, wanted, may_write=True) as client:
        return session_of(invocation, wanted, client, StreamPresenter(invocation, wanted, work="reload")).reload_alone()
