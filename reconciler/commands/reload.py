"""`reload`: make the server's stored settings live.

Law: one ReloadSettings, and its answer explained.
"""

from __future__ import annotations

from reconciler.commands.gather import Wanted, open_client
from reconciler.commands.invocation import Invocation
from reconciler.commands.presenting import Presenter, session_of
from reconciler.desired import Desired
from reconciler.settings import catalogue_of, read_config, settings


def run(invocation: Invocation) -> int:
    """Send one ReloadSettings, while no other run is half way."""
    config = read_config(invocation.options)
    catalogue = catalogue_of(config, invocation.options.target)
    found = settings(catalogue, config, invocation.options, invocation.environment)
    wanted = Wanted(catalogue, found, Desired())
    with open_client(invocation, wanted, may_write=True) as client:
        return session_of(invocation, wanted, client, Presenter(invocation, wanted, work="reload")).reload_alone()
