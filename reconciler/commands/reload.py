"""`reload`: make the server's stored settings live.

Law: one ReloadSettings, and its answer explained.
"""

from __future__ import annotations

from reconciler.apply import outcome_code, reload_flow
from reconciler.commands.gather import Invocation, Wanted, open_client, target
from reconciler.desired import Desired
from reconciler.kinds import load
from reconciler.report import machine, text
from reconciler.server import Secrets
from reconciler.settings import read_config, settings
from reconciler.values import Outcome


def run(invocation: Invocation) -> int:
    """Send one ReloadSettings."""
    catalogue = load()
    found = settings(catalogue, read_config(invocation.options), invocation.options, invocation.environment)
    wanted = Wanted(catalogue, found, Desired())
    with open_client(invocation, wanted, may_write=True) as client:
        secrets = Secrets(invocation.environment, found.allowed)
        # Credentials that are refused, or a server that is not there, refuse no reload.
        limits = client.session().limits
        outcome = client.run(reload_flow(catalogue, Outcome(), limits, secrets, {}))
    if invocation.format == "json":
        invocation.say(machine.dump("outcome", machine.outcome(catalogue, outcome, target(wanted))))
    else:
        invocation.say(text.reloaded(outcome, invocation.console.paint))
    return outcome_code(outcome)
