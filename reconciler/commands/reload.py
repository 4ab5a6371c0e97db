"""`reload`: make the server's stored settings live.

Law: one ReloadSettings, and its answer explained.
"""

from __future__ import annotations

from reconciler.apply import outcome_code, reload_flow
from reconciler.commands.gather import Wanted, open_client, target
from reconciler.commands.invocation import Invocation
from reconciler.desired import Desired
from reconciler.report import outcome_report
from reconciler.server import Secrets
from reconciler.settings import catalogue_of, read_config, settings
from reconciler.values import Outcome


def run(invocation: Invocation) -> int:
    """Send one ReloadSettings."""
    config = read_config(invocation.options)
    catalogue = catalogue_of(config, invocation.options.target)
    found = settings(catalogue, config, invocation.options, invocation.environment)
    wanted = Wanted(catalogue, found, Desired())
    with open_client(invocation, wanted, may_write=True) as client:
        secrets = Secrets(invocation.environment, found.allowed)
        # Credentials that are refused, or a server that is not there, refuse no reload.
        limits = client.session().limits
        outcome = client.run(reload_flow(catalogue, limits, secrets)).told_in(Outcome())
    report = outcome_report(catalogue, outcome, target(wanted), work="reload")
    return invocation.report(report, outcome_code(outcome))
