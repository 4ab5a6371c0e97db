"""Rules on kinds that are known by what a server publishes: what objects side by side, or without each other, come to.

Law: pure; the catalogue's words say which properties are meant, and no kind is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.kinds import Kind, references_in
from reconciler.mail.lint.rules import Finding
from reconciler.mail.lint.world import World


def publishing_findings(world: World) -> Iterator[Finding]:
    """Find what is odd about declared objects of such kinds."""
    for name, resources in world.declared.items():
        kind = world.catalogue.kinds[name]
        yield from _doubled(world, kind)
        yield from _unsigned(world, kind)
        if kind.loose and resources:
            exception = f" but its {kind.label}, which several may have" if kind.label else ""
            yield Finding(
                rule="unsure-key",
                address=resources[0].address,
                message=f"this version knows of nothing that tells objects of {name} apart{exception}",
                hint="metadata.id binds a document to the object that it means",
            )


def _doubled(world: World, kind: Kind) -> Iterator[Finding]:
    """Find members of a set that a declared object shares with another, where only one can have them."""
    for field, prop in kind.legible(None).items():
        if not prop.exclusive:
            continue
        holders: dict[str, list[str]] = {}
        declared = {resource.address.name: resource.wire for resource in world.declared[kind.kind]}
        # What a new server ships may be gone.
        known = world.objects(kind.kind) if world.was_read(kind.kind) else declared
        for called, wire in known.items():
            for member in _members(wire.get(field)):
                holders.setdefault(member, []).append(called)
        for resource in world.declared[kind.kind]:
            for member in _members(resource.wire.get(field)):
                others = [holder for holder in holders[member] if holder != resource.address.name]
                if others:
                    yield Finding(
                        rule="shared-member",
                        address=resource.address,
                        pointer=field,
                        message=f"{kind.kind}/{others[0]} has {member} too, and only one of them can",
                        hint="give each its own",
                    )


def _members(value: object) -> list[str]:
    return [str(element) for element in value] if isinstance(value, Mapping) else []


def _unsigned(world: World, kind: Kind) -> Iterator[Finding]:
    """Find domains whose mail nothing signs."""
    if kind.signed is None or kind.signed.by not in world.catalogue.kinds:
        return
    by = world.catalogue.kinds[kind.signed.by]
    signing = {
        target.name
        for wire in world.objects(by.kind).values()
        for _, target in references_in(world.catalogue, by, wire)
        if target.kind == kind.kind
    }
    for resource in world.declared[kind.kind]:
        chosen = resource.wire.get(kind.signed.property)
        itself = isinstance(chosen, Mapping) and chosen.get("@type") == kind.signed.itself
        if not itself and resource.address.name not in signing:
            sure = "" if world.was_read(by.kind) else ", as far as the manifests tell"
            yield Finding(
                rule="unsigned-domain",
                address=resource.address,
                pointer=kind.signed.property,
                message=f"no {by.kind} is for it{sure}, so that its mail goes out unsigned",
                hint=f"declare one, or let the server do it: {kind.signed.property}: {{type: {kind.signed.itself}}}",
            )
