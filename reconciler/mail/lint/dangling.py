"""Names that lead nowhere, by a plan's doing, already or perhaps; and objects that are named still, or not at all.

Law: pure; an error only where it is certain that nothing would be found. What the server does then, the catalogue says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.kinds import Catalogue, address_of, is_shipped, key_of, shipped
from reconciler.mail.lint.rules import Finding, Locate, settle
from reconciler.mail.lint.world import World, is_naming
from reconciler.mail.names import Mention, dangling, mentions, suggestions
from reconciler.values import Address, Diagnostic, Globs, LiveState, Policy, Resource, Severity, shown

#: Names that lost ones are compared with, in all.
_MOST_COMPARED = 50_000


def dangling_names(
    catalogue: Catalogue,
    resources: Sequence[Resource],
    live: LiveState | None = None,
    after: LiveState | None = None,
    *,
    policy: Policy | None = None,
    severities: Mapping[str, str] | None = None,
    locate: Locate | None = None,
) -> tuple[Diagnostic, ...]:
    """Find names that expressions can give and that no object has.

    With live state, what counts is what there will be afterwards: a name that a plan brings in is an error
    (`dangling-name`), one that was so before, or stands in a value that is the server's own default, is told as
    `dangling-already` (only a note where no manifest declares the expression). A name whose object a plan destroys is
    left to its guards.

    Without live state a name that is neither declared nor shipped may still be on a server (`undeclared-name`). It is
    an error only where none can hold it: an empty name, or one of a kind whose undeclared objects `policy` destroys.

    Args:
        catalogue: what the kinds are.
        resources: what is declared.
        live: what a server holds, including the kinds that name and are named; None where none was asked.
        after: what it would hold once a plan is carried out; what it holds, unless given.
        policy: what is pruned, and by that not there afterwards.
        severities: rule id to error, warning, note or ignore.
        locate: finds the place of a wire pointer.
    """
    if live is None:
        findings = _offline(catalogue, resources, policy or Policy())
    else:
        naming = {name for name, kind in catalogue.kinds.items() if is_naming(kind)}
        declared = {
            (resource.address, field)
            for resource in resources
            if resource.address.kind in naming
            for field in resource.wire
        }
        findings = _after(catalogue, live, after or live, declared, resources)
    return settle(findings, resources, severities, locate)


def _after(
    catalogue: Catalogue,
    live: LiveState,
    after: LiveState,
    declared: Collection[tuple[Address, str]],
    resources: Sequence[Resource],
) -> Iterator[Finding]:
    known = {name: {live_object.address.name for live_object in held} for name, held in after.objects.items()}
    changed = [name for name, held in after.objects.items() if live.of(name) is not held]
    gone = {name: {live_object.address.name for live_object in live.of(name)} - known[name] for name in changed}
    meant, wanted = _Meant(), set[Address]()
    for name, kind in catalogue.kinds.items():
        if not is_naming(kind):
            continue
        before = {live_object.id: live_object.wire for live_object in live.of(name)}
        for live_object in after.of(name):
            old = before.get(live_object.id, {})
            named = mentions(catalogue, live_object.address, live_object.wire)
            if old is not live_object.wire:
                yield from _untold(named, live)
            for lost in dangling(named, known):
                # What the plan destroys, its guards tell of.
                if lost.past_end or lost.name in gone.get(lost.kind, ()):
                    continue
                field = _top(lost)
                ours = (live_object.address, field) in declared
                if live_object.wire[field] == kind.properties[field].default:
                    yield _by_default(catalogue, lost, "warning" if ours else "note")
                elif (field, lost.name) in {
                    (_top(it), it.name) for it in mentions(catalogue, live_object.address, old)
                }:
                    message = f"no {lost.kind} is named {shown(lost.name)}, and none was before"
                    hint = meant(lost.name, known[lost.kind]) or f"declare {lost.target}"
                    yield _finding(catalogue, "dangling-already", lost, message, hint, "warning" if ours else "note")
                elif lost.target in (wanted := wanted or {r.address.without_id() for r in resources}):
                    yield _introduced(
                        catalogue, lost, "widen the scope", "--kind or --only leaves out the declared one"
                    )
                else:
                    because = "nothing has that name" if lost.name else "no name is empty"
                    yield _introduced(catalogue, lost, meant(lost.name, known[lost.kind]), because)


def _top(mention: Mention) -> str:
    return mention.pointer.partition("/")[0]


def _untold(mentions: Sequence[Mention], live: LiveState) -> Iterator[Finding]:
    """Say which names cannot be judged, since their kind could not be read."""
    for mention in mentions:
        unread = mention.kind in live.forbidden or mention.kind not in live.objects
        if unread and not mention.because and not mention.builtin:
            why = "may not be read with these credentials" if mention.kind in live.forbidden else "was not read"
            message = f"cannot tell whether {mention.target} exists, since {mention.kind} {why}"
            yield Finding(
                rule="undeclared-name",
                address=mention.origin,
                pointer=mention.pointer,
                message=message,
                column=mention.column,
            )


def _by_default(catalogue: Catalogue, mention: Mention, severity: Severity = "warning") -> Finding:
    message = f"a new server ships this expression with {shown(mention.name)} in it, and no {mention.kind} of that name"
    hint = f"it is the server's own fault: declare {mention.target}, or this expression without it"
    return _finding(catalogue, "dangling-already", mention, message, hint, severity)


def _introduced(catalogue: Catalogue, mention: Mention, near: str, because: str) -> Finding:
    message = f"no {mention.kind} would be named {shown(mention.name)}: {because}"
    declare = f"declare {mention.target}" if mention.name else "give a name in every case"
    return _finding(catalogue, "dangling-name", mention, message, near or declare)


def _finding(
    catalogue: Catalogue, rule: str, mention: Mention, message: str, hint: str, severity: Severity | None = None
) -> Finding:
    without = catalogue.kinds[mention.kind].missing
    then = f"; the server would log it and use {without.uses}" if without.log else ""
    return Finding(
        rule=rule,
        address=mention.origin,
        pointer=mention.pointer,
        message=message + then,
        hint=hint,
        column=mention.column,
        severity=severity,
    )


class _Meant:
    """Suggests names, as long as that is little work; with many lost names, nobody reads the suggestions."""

    def __init__(self) -> None:
        self._left = _MOST_COMPARED

    def __call__(self, name: str, known: Collection[str]) -> str:
        """Return a hint, or ""."""
        self._left -= len(known)
        near = suggestions(name, known) if self._left >= 0 else ()
        return f"did you mean {' or '.join(near)}?" if near else ""


def _offline(catalogue: Catalogue, resources: Sequence[Resource], policy: Policy) -> Iterator[Finding]:
    world = World(catalogue, resources)
    declared: dict[str, set[str]] = {}
    meant = _Meant()
    for resource in resources:
        kind = catalogue.kinds[resource.address.kind]
        for mention in mentions(catalogue, resource.address, resource.wire):
            if mention.because or mention.builtin or mention.past_end:
                continue
            if mention.kind not in declared:
                declared[mention.kind] = _declared(world, mention.kind, policy)
            known = declared[mention.kind]
            if mention.name in known:
                continue
            field = _top(mention)
            if resource.wire[field] == kind.properties[field].default:
                yield _by_default(catalogue, mention)
            elif not mention.name:
                yield _introduced(catalogue, mention, meant(mention.name, known), "no name is empty")
            elif _gone(catalogue, mention, policy, resources):
                near = meant(mention.name, known)
                yield _introduced(
                    catalogue,
                    mention,
                    near,
                    f"it is not declared, and what is not declared of {mention.kind} is pruned",
                )
            else:
                near = meant(mention.name, known)
                message = f"{mention.target} is not declared here, and has to be on the server already"
                yield Finding(
                    rule="undeclared-name",
                    address=mention.origin,
                    pointer=mention.pointer,
                    message=message,
                    hint=near,
                    column=mention.column,
                    severity="warning" if near else None,
                )


def _declared(world: World, name: str, policy: Policy) -> set[str]:
    """Return the names that will be there for certain: what is declared, and what a new server ships unless it goes."""
    known = set(world.objects(name))
    if policy.prune.get(name) == "all":
        known = {resource.address.name for resource in world.declared.get(name, ())}
    return known


def _gone(catalogue: Catalogue, mention: Mention, policy: Policy, resources: Sequence[Resource]) -> bool:
    """Whether an undeclared object would be destroyed, so that none is left to be named."""
    rule = policy.prune.get(mention.kind, False)
    if "*" in policy.prune:
        rule = any(resource.address.kind == mention.kind for resource in resources)
    owned = policy.owns.get(mention.kind)
    mine = owned is None or Globs(owned).match(mention.name)
    spared = rule != "all" and is_shipped(catalogue.kinds[mention.kind], (mention.name,))
    return bool(rule) and mine and not spared and not Globs(policy.keep).holds(mention.target)


def unused(world: World) -> Iterator[Finding]:
    """Find declared objects that nothing names or refers to, as far as every name can be told."""
    catalogue = world.catalogue
    named = {prop.language.names for _, _, prop in world.choices if prop.language is not None}
    by_id = {
        prop.to
        for kind in catalogue.kinds.values()
        for shape in ([kind.shape(variant) for variant in kind.variants] or [kind.properties])
        for prop in shape.values()
        if prop.to
    }
    # What else others refer to may be of use by itself, such as a certificate.
    for name in sorted(named | by_id.intersection(world.named_by.values())):
        declared = world.declared.get(name)
        if not declared:
            continue
        mentions, certain = world.naming(name)
        if not certain:
            continue
        # What a new server ships is there whether it is declared or not.
        kind = catalogue.kinds[name]
        ships = {address_of(kind, key_of(kind, wire)).name for wire in shipped(kind)}
        referred, sure = world.referred(name)
        used = {mention.name for mention in mentions} | referred | ships
        how = "no expression names it" if name in named else "no object refers to it"
        message = f"{how}, so that the server never uses it" if sure else f"{how}, as far as the manifests tell"
        for resource in declared:
            if resource.address.name not in used:
                yield Finding(
                    rule="unused-object", address=resource.address, message=message, hint="name it, or drop it"
                )
