"""`test`: runs the routing tests of the manifests.

Law: no network, no credentials, no secret values; a test that cannot be decided has failed.
"""

from __future__ import annotations

from reconciler.commands.gather import target, want
from reconciler.commands.invocation import Invocation
from reconciler.mail import desired_state, judge_documents, run_tests
from reconciler.report import routing_tests_report
from reconciler.values import MANIFEST


def run(invocation: Invocation) -> int:
    """Run every case, and report those that do not hold."""
    wanted = want(invocation)
    desired = wanted.desired.checked()
    cases, mistakes = judge_documents(wanted.catalogue, desired.tests)
    state = desired_state(wanted.catalogue, desired.resources, desired.locate)
    results = run_tests(wanted.catalogue, state, cases)
    held = not mistakes and all(result.passed for result in results)
    return invocation.report(routing_tests_report(results, mistakes, target(wanted)), 0 if held else MANIFEST)
