"""The rules, all of them: which of them there is reason to ask about some manifests.

Law: pure; what only expressions need is loaded only where there are some.

    resources, live state -> World -> rules -> Finding* -> settle (policy, waivers, places) -> Diagnostic*
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.kinds import Catalogue
from reconciler.mail.lint.dangling import unused
from reconciler.mail.lint.objects import object_findings
from reconciler.mail.lint.publishing import publishing_findings
from reconciler.mail.lint.rules import Finding, Locate, settle, unknown_rules
from reconciler.mail.lint.shipped import shipped_findings
from reconciler.mail.lint.world import World, has_credentials
from reconciler.values import Diagnostic, LiveState, Resource


def lint_resources(
    catalogue: Catalogue,
    resources: Sequence[Resource],
    severities: Mapping[str, str] | None = None,
    live: LiveState | None = None,
    *,
    locate: Locate | None = None,
) -> tuple[Diagnostic, ...]:
    """Judge declared objects by every rule but those on dangling names, which `dangling_names` has.

    Args:
        catalogue: what the kinds are.
        resources: what is declared.
        severities: rule id to error, warning, note or ignore, as `policy.lint` has it.
        live: what a server holds, where that is known; it lets more be said, and needs no kind in particular.
        locate: finds the place of a wire pointer.

    Returns:
        The findings, sorted by place. What a document accepts is a note with the reason.
    """
    world = World(catalogue, resources, live)
    findings = [
        *unknown_rules(severities or {}, resources),
        *object_findings(world),
        *unused(world),
        *shipped_findings(world),
        *publishing_findings(world),
        *_expression_findings(world),
        *_credentials_findings(world),
    ]
    return settle(findings, resources, severities, locate)


def _expression_findings(world: World) -> Iterator[Finding]:
    """Find what is odd about declared expressions, if there can be any."""
    kinds = [world.catalogue.kinds[name] for name in world.declared]
    if not any(kind.expressions(variant) for kind in kinds for variant in ("", *kind.variants)):
        return
    from reconciler.mail.lint.choices import choice_findings
    from reconciler.mail.lint.fields import expression_findings
    from reconciler.mail.lint.relaying import relaying_findings

    yield from expression_findings(world)
    yield from choice_findings(world)
    yield from relaying_findings(world)


def _credentials_findings(world: World) -> Iterator[Finding]:
    """Find relays whose password crosses the network in clear, if an expression names one with a password."""
    for name, resources in world.declared.items():
        kind = world.catalogue.kinds[name]
        if not any(has_credentials(kind, resource.wire) for resource in resources):
            continue
        named = {mention.name for mention in world.naming(name)[0]}
        if any(resource.address.name in named and has_credentials(kind, resource.wire) for resource in resources):
            from reconciler.mail.lint.credentials import credentials_findings

            yield from credentials_findings(world)
            return
