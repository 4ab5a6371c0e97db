"""`test`: runs the routing tests of the manifests.

Law: no network, no credentials, no secret values; a test that cannot be decided has failed.
"""

from __future__ import annotations

from reconciler.commands.gather import Invocation, target, want
from reconciler.mail import desired_state, judge_documents, run_tests
from reconciler.report import junit, machine, routing_tests, routing_tests_members
from reconciler.values import MANIFEST


def run(invocation: Invocation) -> int:
    """Run every case, and report those that do not hold."""
    wanted = want(invocation)
    desired = wanted.desired.checked()
    cases, mistakes = judge_documents(wanted.catalogue, desired.tests)
    state = desired_state(wanted.catalogue, desired.resources, desired.locate)
    results = run_tests(wanted.catalogue, state, cases)
    if invocation.format == "json":
        invocation.say(machine.dump("routing-tests", routing_tests_members(results, mistakes, target(wanted))))
    elif invocation.format == "junit":
        invocation.say(junit(results, mistakes))
    else:
        invocation.say(routing_tests(results, mistakes, invocation.console.paint, quiet=invocation.quiet))
    return 0 if not mistakes and all(result.passed for result in results) else MANIFEST
